//! One line of a file of users.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{NoContext, Timestamp, Uuid};

use crate::accounts::users::{Role, User};
use crate::error::Result;
use crate::language::Language;
use crate::password::StoredHash;
use crate::store::types::to_micros;
use crate::values::{Email, Fault, FaultCode, Fields, FromText, FullName};

const FIELDS: &[&str; 7] = &["email", "full_name", "password_hash", "verified", "created_at", "is_active", "locale"];

/// Reads a line, which is a JSON object.
///
/// # Errors
/// [`Error::MalformedJson`](crate::error::Error::MalformedJson) or
/// [`Error::Validation`](crate::error::Error::Validation), both without any value.
pub(super) fn parse(line: &[u8], now: OffsetDateTime) -> Result<User> {
    let mut fields = Fields::read(line, FIELDS)?;
    let email = fields.text("email", Email::parse);
    let full_name = fields.text("full_name", FullName::parse);
    let password_hash = fields.text("password_hash", StoredHash::parse);
    let is_verified = fields.flag_if_any("verified").unwrap_or(false);
    let created_at = fields.text_if_any("created_at", |text| time_until(now, text)).unwrap_or(now);
    let is_active = fields.flag_if_any("is_active").unwrap_or(true);
    let locale = fields.text_if_any("locale", Language::from_text);
    let all = email.zip(full_name).zip(password_hash);
    fields.finish(all.map(|((email, full_name), password_hash)| User {
        id: id_of(created_at),
        email: email.expose().into(),
        email_key: email.key().into(),
        full_name: full_name.expose().into(),
        password_hash: password_hash.expose().into(),
        is_active,
        created_at: to_micros(created_at),
        updated_at: to_micros(now),
        email_verified_at: is_verified.then(|| to_micros(now)),
        role: Role::User,
        locale,
    }))
}

fn time_until(now: OffsetDateTime, text: &str) -> std::result::Result<OffsetDateTime, Fault> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    let time =
        time.map_err(|_| Fault::new(FaultCode::Format, "must be a time such as 2024-05-31T08:00:00Z (RFC 3339)"))?;
    match (OffsetDateTime::UNIX_EPOCH..=now).contains(&time) {
        true => Ok(time),
        false => Err(Fault::new(FaultCode::Range, "must be a time from 1970 until now")),
    }
}

/// An id among those of its time, as if the user had registered here.
fn id_of(created_at: OffsetDateTime) -> Uuid {
    let seconds = created_at.unix_timestamp().max(0).unsigned_abs();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, created_at.nanosecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::error::Error;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const HASH: &str =
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$COKcH5BS1zk3BJ3jIkovf9X25q08D0A92iG0R1iL27Y";

    fn line(rest: &str) -> Result<User> {
        parse(
            format!(r#"{{"email":"Ada@Example.com","full_name":" Ada ","password_hash":"{HASH}"{rest}}}"#).as_bytes(),
            NOW,
        )
    }

    fn faults(line: &[u8]) -> Vec<(String, &'static str)> {
        match parse(line, NOW) {
            Err(Error::Validation(faults)) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_user_is_as_if_registered_here() {
        let user = line("").unwrap();
        assert_eq!((user.email.expose(), user.email_key.expose()), ("Ada@example.com", "ada@example.com"));
        assert_eq!((user.full_name.expose(), user.password_hash.expose(), user.is_active), ("Ada", HASH, true));
        assert_eq!((user.created_at, user.updated_at, user.email_verified_at), (NOW, NOW, None));
    }

    #[test]
    fn what_is_known_of_the_user_is_kept() {
        let user =
            line(r#","verified":true,"is_active":false,"created_at":"2024-05-31T10:00:00.123456789+02:00""#).unwrap();
        assert_eq!(user.created_at, datetime!(2024-05-31 08:00:00.123456 UTC));
        assert_eq!((user.email_verified_at, user.is_active, user.locale), (Some(NOW), false, None));
        assert_eq!(line(r#","locale":"de-at""#).unwrap().locale, Language::parse("de-AT").ok());
        assert!(user.id < line(r#","created_at":"2024-05-31T08:00:01Z""#).unwrap().id);
        assert!(line(r#","created_at":"1970-01-01T00:00:00Z""#).is_ok());
    }

    #[test]
    fn all_faults_of_a_line_are_told_without_its_values() {
        let all =
            br#"{"email":"x","name":"A","password_hash":"secret","verified":1,"is_active":"yes","created_at":"today","locale":"German"}"#;
        let expected = [
            ("name", "unknown"),
            ("email", "format"),
            ("full_name", "missing"),
            ("password_hash", "format"),
            ("verified", "type"),
            ("created_at", "format"),
            ("is_active", "type"),
            ("locale", "format"),
        ];
        assert_eq!(faults(all), expected.map(|(field, code)| (field.to_owned(), code)));
        let Err(Error::Validation(told)) = parse(all, NOW) else { panic!() };
        assert!(!format!("{told:?}").contains("secret"));
        for time in ["1969-12-31T23:59:59Z", "2026-11-26T12:00:01Z"] {
            let Err(Error::Validation(told)) = line(&format!(r#","created_at":"{time}""#)) else { panic!() };
            assert_eq!(told[0].code, "range", "{time}");
        }
        assert!(matches!(parse(b"email,name", NOW), Err(Error::MalformedJson { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
            let _ = parse(&bytes, NOW);
            let _ = line(&format!(r#","created_at":{}"#, serde_json::json!(text)));
        }
    }
}
