//! The secrets of the configuration, wherever a text repeats one: as it is, in base64 (of either alphabet, at any place in
//! what is encoded), in hexadecimal, percent-encoded, or escaped as in JSON. Case does not matter.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use super::spelling::spelled;
use super::view::View;
use crate::config::Secret;

/// What stands for a secret.
pub(super) const MASK: &str = "***";
/// A shorter one is masked only where it stands alone: the letters of most texts would be masked otherwise.
const LONG_ENOUGH_TO_RECOGNISE: usize = 4;

static KNOWN: RwLock<Vec<Secret>> = RwLock::new(Vec::new());

/// From now on [`mask_secrets`] masks these and no others.
pub(crate) fn learn(secrets: &[Secret]) {
    *KNOWN.write().unwrap_or_else(PoisonError::into_inner) = secrets.to_vec();
}

/// The text with `***` for each secret that is known. It takes microseconds, and a millisecond for a long text: for what has
/// failed.
pub(crate) fn mask_secrets(text: &str) -> Cow<'_, str> {
    mask(text, &KNOWN.read().unwrap_or_else(PoisonError::into_inner))
}

fn mask<'a>(text: &'a str, secrets: &[Secret]) -> Cow<'a, str> {
    if secrets.is_empty() {
        return text.into();
    }
    let spelled = secrets.iter().flat_map(|secret| spelled_alone(text, secret.expose()));
    let masked =
        cover(text, View::all_of(text).iter().flat_map(|view| encoded(view, secrets)).chain(spelled).collect());
    let unfolded = View::unfolded(&masked);
    let plain = secrets.iter().flat_map(|secret| occurrences(&unfolded.bytes, secret.expose().as_bytes()));
    let plain = plain.filter_map(|place| unfolded.in_source(place));
    let folded: Vec<_> = plain.chain(encoded(&unfolded, secrets)).collect();
    if folded.is_empty() { masked } else { cover(&masked, folded).into_owned().into() }
}

/// The text with `***` at these places.
fn cover(text: &str, mut places: Vec<Range<usize>>) -> Cow<'_, str> {
    if places.is_empty() {
        return text.into();
    }
    places.sort_by_key(|place| place.start);
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for place in places {
        let start = text.floor_char_boundary(place.start);
        if start > end || masked.is_empty() {
            masked.push_str(&text[end..start]);
            masked.push_str(MASK);
        }
        end = end.max(text.ceil_char_boundary(place.end));
    }
    masked.push_str(&text[end..]);
    masked.into()
}

/// Where the text holds a secret in base64 or in hexadecimal.
fn encoded(view: &View, secrets: &[Secret]) -> Vec<Range<usize>> {
    let shortest = secrets.iter().map(|secret| secret.expose().len()).min().unwrap_or_default();
    let runs = view.decoded_runs(shortest).into_iter();
    let holding =
        runs.filter(|(_, decoded)| secrets.iter().any(|secret| is_repeated(decoded, secret.expose().as_bytes())));
    holding.filter_map(|(run, _)| view.in_source(run)).collect()
}

/// Whether what was decoded holds `secret`; a short one must be all of it, or all behind the last NUL as in AUTH PLAIN.
fn is_repeated(decoded: &[u8], secret: &[u8]) -> bool {
    match secret.len() {
        LONG_ENOUGH_TO_RECOGNISE.. => occurrences(decoded, secret).next().is_some(),
        _ => decoded.rsplit(|byte| *byte == 0).next() == Some(secret),
    }
}

/// Where a secret is spelled out; a short one only where it is a word of its own.
fn spelled_alone<'a>(text: &'a str, secret: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let places = spelled(text, secret).into_iter();
    places.filter(|place| secret.len() >= LONG_ENOUGH_TO_RECOGNISE || stands_alone(text.as_bytes(), place))
}

/// Where `secret` stands as it is, likewise.
fn occurrences<'a>(bytes: &'a [u8], secret: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
    let places =
        bytes.windows(secret.len().max(1)).enumerate().filter(|(_, window)| window.eq_ignore_ascii_case(secret));
    let places = places.map(|(start, window)| start..start + window.len());
    places.filter(|place| secret.len() >= LONG_ENOUGH_TO_RECOGNISE || stands_alone(bytes, place))
}

fn stands_alone(bytes: &[u8], place: &Range<usize>) -> bool {
    let is_of_a_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    !is_of_a_word(place.start.checked_sub(1).and_then(|before| bytes.get(before)))
        && !is_of_a_word(bytes.get(place.end))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn hide(text: &str, secrets: &[&str]) -> String {
        mask(text, &secrets.iter().map(|secret| Secret::new(secret)).collect::<Vec<_>>()).into_owned()
    }

    /// Every form in which somebody may write it.
    fn forms(secret: &str) -> Vec<String> {
        let hexadecimal = |before: &str| secret.bytes().map(|byte| format!("{before}{byte:02x}")).collect::<String>();
        let escaped = |unit: u16| format!("\\u{unit:04x}");
        let mut forms = vec![
            secret.to_owned(),
            secret.to_ascii_uppercase(),
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
            serde_json::to_string(secret).unwrap(),
            secret.encode_utf16().map(escaped).collect(),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            hexadecimal("%"),
            hexadecimal("%").to_uppercase(),
            hexadecimal("\\x"),
            hexadecimal(""),
            format!("0x{}", hexadecimal("").to_uppercase()),
        ];
        let mut in_base64 = Vec::new();
        for before in ["", "\0user\0", "x", "xy", "user:"] {
            let text = format!("{before}{secret}");
            in_base64.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|engine| engine.encode(&text)));
            in_base64.push(STANDARD.encode(text + " and more"));
        }
        forms.extend(in_base64.iter().map(|form| form.replace('+', "%2B").replace('=', "%3d")));
        forms.extend(in_base64);
        forms
    }

    #[test]
    fn every_form_of_a_secret_is_masked() {
        for secret in [
            "hunter2!",
            "correct horse battery",
            "pä\"ss\\wörd/",
            "???>>>~~~",
            "Tr0ub4dor&3-\"z<'X",
            "a-much_longer+one/with=signs 4711",
        ] {
            for form in forms(secret) {
                for (before, after) in
                    [("", ""), ("535 5.7.8 no: ", " (really)"), ("pass=", "&x=1"), ("\u{e9}", "\u{e9}"), ("\\", "")]
                {
                    let hidden = hide(&format!("{before}{form}{after}"), &["other-secret", secret]);
                    assert!(hidden.contains(MASK), "{form} in {hidden}");
                    assert!(!hidden.to_ascii_lowercase().contains(&form.to_ascii_lowercase()), "{form} in {hidden}");
                    assert!(hidden.starts_with(before.trim_end_matches('=')) && hidden.ends_with(after), "{hidden}");
                }
            }
        }
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let text = "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6 %41 \\u0041 +41 =41 é";
        assert_eq!(hide(text, &["hunter2!", "x"]), text);
        assert_eq!(hide(text, &[]), text);
    }

    #[test]
    fn a_short_secret_is_masked_where_it_stands_alone() {
        assert_eq!(hide("no, not now: no", &["no"]), "***, not now: ***");
        assert_eq!(hide(&STANDARD.encode("no"), &["no"]), MASK);
        assert_eq!(hide(&STANDARD.encode("\0user\0no"), &["no"]), MASK);
    }

    #[test]
    fn what_is_folded_is_masked_too() {
        let (user, key) = ("apikey", "SG.0123456789abcdefghijkl.0123456789-abcdefghijklmnopqrstuvwxyz");
        let mut said = STANDARD.encode(format!("\0{user}\0{key}"));
        said.insert_str(76, "\r\n");
        assert_eq!(hide(&format!("not: {said} (really)"), &[key]), "not: *** (really)");
        assert_eq!(hide("hunt er2! x", &["hunter2!"]), "*** x");
        assert_eq!(hide("RCPT TO: 550 Tr0u b4dor&3-\"zX no", &["Tr0ub4dor&3-\"zX"]), "RCPT TO: 550 *** no");
    }

    #[test]
    fn places_side_by_side_and_one_in_another_are_one() {
        assert_eq!(hide("secretsecret secret-in", &["secret", "secret-in"]), "*** ***");
    }

    proptest! {
        #[test]
        fn no_secret_comes_through_and_no_text_is_too_odd(
            secret in "\\PC{4,20}", before in any::<String>(), after in any::<String>(), form in 0..40_usize,
        ) {
            let forms = forms(&secret);
            let form = &forms[form % forms.len()];
            let hidden = hide(&format!("{before}{form}{after}"), &[&secret]);
            prop_assert!(hidden.contains(MASK) && !hidden.contains(&secret));
        }
    }
}
