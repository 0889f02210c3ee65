//! A mailbox as it stands in a header.

use lettre::message::header::{Header, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};

/// The header that names this mailbox.
///
/// lettre quotes a name wherever it must, but for one: a dot in a single word (`Ada.`), which is no atom (RFC 5322, 3.2.3).
pub(super) fn header<H: Header + From<Mailboxes>>(mailbox: Mailbox) -> HeaderValue {
    let text = mailbox.to_string();
    let is_word_with_dot = |name: &&str| name.contains('.') && name.bytes().all(is_plain);
    match mailbox.name.as_deref().map(str::trim).filter(is_word_with_dot) {
        Some(name) => {
            let quoted = format!("\"{name}\" <{}>", mailbox.email);
            HeaderValue::dangerous_new_pre_encoded(H::name(), text, quoted)
        }
        None => H::from(mailbox.into()).display(),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use lettre::message::header::{Headers, To};

    use super::*;

    #[test]
    fn a_name_is_quoted_where_it_must_be() {
        for (name, shown) in [
            ("Ada", "Ada"),
            ("Ada-Bea_C", "Ada-Bea_C"),
            ("Ada.", "\"Ada.\""),
            ("J.R.", "\"J.R.\""),
            ("Dr. Ada", "\"Dr. Ada\""),
            ("Ada Lovelace", "\"Ada Lovelace\""),
            ("Ada \"Ace\" L", "\"Ada \\\"Ace\\\" L\""),
        ] {
            let mut headers = Headers::new();
            headers.insert_raw(header::<To>(Mailbox::new(Some(name.into()), "a@example.com".parse().unwrap())));
            assert_eq!(headers.to_string(), format!("To: {shown} <a@example.com>\r\n"));
        }
    }
}
