//! `If-Match` (RFC 9110, 13.1.1): a user is changed, or erased, only as it was read.

use http::HeaderMap;
use http::header::IF_MATCH;
use schemars::json_schema;

use super::users::Version;
use crate::error::{Error, Result};
use crate::http::{FromHead, Parameter, Request, Takes};

/// The states of which one is expected; none where any will do.
pub(super) struct IfMatch(pub(super) Option<Vec<Version>>);

impl FromHead for IfMatch {
    fn takes() -> Takes {
        let about = "The `ETag` of the user as it was read: 412 where it has changed since.";
        let tag = json_schema!({ "type": "string", "pattern": r#"^"-?[0-9]+"$"# });
        let any = json_schema!({ "type": "string", "const": "*" });
        let header = Parameter::new("If-Match", about, json_schema!({ "anyOf": [any, tag] }));
        Takes { headers: vec![header], ..Takes::default() }
    }

    fn from_head(request: &Request) -> Result<Self> {
        read(&request.head.headers).map(IfMatch)
    }
}

fn read(headers: &HeaderMap) -> Result<Option<Vec<Version>>> {
    const FORM: Error = Error::MalformedRequest("If-Match must have the ETag of the user, in its quotes, or be *");
    let mut versions = None;
    for value in headers.get_all(IF_MATCH) {
        let value = value.to_str().map_err(|_| FORM)?.trim();
        if value == "*" {
            return Ok(None);
        }
        let tags = tags(value).filter(|tags| !tags.is_empty()).ok_or(FORM)?;
        // One that is weak, or none of ours, is of no state that there ever was.
        let ours = tags.into_iter().filter_map(|tag| tag.and_then(Version::parse));
        versions.get_or_insert_with(Vec::new).extend(ours);
    }
    Ok(versions)
}

/// The tags of a list, without their quotes, and nothing in place of weak ones; `None` where it is no such list.
fn tags(mut list: &str) -> Option<Vec<Option<&str>>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            return Some(tags);
        }
        let (is_weak, quoted) = list.strip_prefix("W/").map_or((false, list), |rest| (true, rest));
        let (tag, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        list = rest.trim_start_matches([' ', '\t']);
        if !list.is_empty() && !list.starts_with(',') {
            return None;
        }
        tags.push((!is_weak).then_some(tag));
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn versions(tags: &'static [&'static str]) -> Result<Option<Vec<Version>>> {
        let values = tags.iter().map(|tag| (IF_MATCH, HeaderValue::from_static(tag)));
        read(&values.collect())
    }

    fn of(numbers: &[&str]) -> Option<Vec<Version>> {
        Some(numbers.iter().map(|number| Version::parse(number).unwrap()).collect())
    }

    #[test]
    fn tags_are_in_quotes_or_a_star() {
        for tags in [&[][..], &["*"], &[" * "]] {
            assert_eq!(versions(tags).unwrap(), None, "{tags:?}");
        }
        for tags in
            [&["\"1\", \"2\""][..], &[", \"1\",,\"2\" ,"], &["\"1\"", "\"2\""], &["\"1\",W/\"3\",\"2\",\"x,y\""]]
        {
            assert_eq!(versions(tags).unwrap(), of(&["1", "2"]), "{tags:?}");
        }
        for tags in [&["\"\""][..], &["\"x\""], &["W/\"7\""]] {
            assert_eq!(versions(tags).unwrap(), of(&[]), "{tags:?}");
        }
        for tags in [&[""][..], &["7"], &["\""], &["\"7"], &["'7'"], &["\"1\" \"2\""], &[","]] {
            assert!(matches!(versions(tags), Err(Error::MalformedRequest(_))), "{tags:?}");
        }
    }

    proptest! {
        #[test]
        fn any_tags_are_read_or_refused(tag in prop::collection::vec(any::<u8>(), 0..60), is_quoted: bool) {
            let tag = if is_quoted { [b"\"", tag.as_slice(), b"\""].concat() } else { tag };
            if let Ok(value) = HeaderValue::from_bytes(&tag) {
                let _ = read(&HeaderMap::from_iter([(IF_MATCH, value)]));
            }
        }
    }
}
