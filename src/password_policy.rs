//! Which passwords may be chosen: those that are long enough and that nobody guesses first (NIST SP 800-63B-4, 3.1.1.2). Nothing
//! else is asked of them: which kinds of characters they have is their owner's affair. No I/O.
//!
//! What is compared here is no secret to whoever chose it, and nothing that is stored: no time gives anything away.

mod words;

use secrecy::zeroize::Zeroizing;

use self::words::Words;
use crate::config::Config;
use crate::values::{Fault, FaultCode, NewPassword};

/// Below this a repeated piece is too short to be a password, however often it comes.
const MIN_PIECE: usize = common_passwords::MIN_CHARACTERS;
/// So many letters and digits have to be left of a password when the words that anybody knows are taken out.
const MIN_OWN: usize = 8;

/// What is asked of a password that somebody chooses.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    min_characters: usize,
    /// By what this service is known.
    service: Words,
}

impl PasswordPolicy {
    /// The policy of these settings. The service is known as neodyme, and by `product_name` and the name and the domain of `mail_from`.
    pub fn new(config: &Config) -> Self {
        let sender = &config.mail.from;
        let mut service = Words::default();
        service.add("neodyme");
        service.add(sender.name.as_deref().unwrap_or_default());
        service.add(sender.email.domain());
        service.add(config.mail.product_name.as_deref().unwrap_or_default());
        PasswordPolicy { min_characters: config.new_password.min_characters, service }
    }

    /// Whether this password may be taken by somebody of whom these texts are known: address and name.
    ///
    /// # Errors
    /// A [`Fault`] with what to do, without the password:
    ///
    /// | code | when |
    /// |---|---|
    /// | `too_short` | it has fewer than `password_min_characters` characters |
    /// | `repetitive` | it is one piece of fewer than 8 characters, again and again |
    /// | `common` | it is in the list of common and leaked passwords, or repeats one of them |
    /// | `personal` | without the words of the address, the name and the service, fewer than 8 letters and digits are left |
    pub fn check(&self, password: &NewPassword, about: &[&str]) -> Result<(), Fault> {
        let text = password.as_password().text();
        if text.chars().count() < self.min_characters {
            return Err(too_short(self.min_characters));
        }
        let piece = repeated_piece(text);
        if piece.is_some_and(|piece| piece.chars().count() < MIN_PIECE) {
            return Err(repetitive());
        }
        if [Some(text), piece].into_iter().flatten().any(is_common) {
            return Err(common());
        }
        let mut words = self.service.clone();
        about.iter().for_each(|text| words.add(text));
        match words.left_of(text) {
            Some(left) if left < MIN_OWN => Err(personal()),
            _ => Ok(()),
        }
    }
}

/// Whether the password is in the list, be it with spaces or punctuation around it.
fn is_common(text: &str) -> bool {
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    common_passwords::contains(text) || (bare != text && common_passwords::contains(bare))
}

/// What the text repeats at least twice, the last time perhaps in part: `abc` of `ABCabcab`.
fn repeated_piece(text: &str) -> Option<&str> {
    let folded: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().map(lower).collect());
    let length = (1..=folded.len() / 2).find(|length| folded[*length..] == folded[..folded.len() - length])?;
    Some(text.char_indices().nth(length).map_or(text, |(end, _)| &text[..end]))
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn too_short(min: usize) -> Fault {
    Fault::new(
        FaultCode::TooShort,
        format!("must have at least {min} characters, such as a few words that have nothing to do with each other"),
    )
    .against(min)
}

fn repetitive() -> Fault {
    Fault::new(
        FaultCode::Repetitive,
        "must not repeat one short piece; choose something that cannot be said as shortly",
    )
}

fn common() -> Fault {
    Fault::new(FaultCode::Common, "is among the common or leaked passwords that are tried first; choose another")
}

fn personal() -> Fault {
    let message = format!(
        "has little beside your address, your name or the name of this service; add at least {MIN_OWN} letters or digits \
         of your own, or choose another"
    );
    Fault::new(FaultCode::Personal, message).against(MIN_OWN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Setting, Sources};

    const ADDRESS: &str = "ada.lovelace1815@engines.example";
    const NAME: &str = "Ada Lovelace";

    fn policy(settings: &[(&str, &str)]) -> PasswordPolicy {
        let variable = |(key, value): &(&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
        let environment = settings.iter().map(variable).collect();
        PasswordPolicy::new(&Config::load(&Sources { environment, ..Sources::default() }).unwrap())
    }

    fn code_by(policy: &PasswordPolicy, text: &str) -> &'static str {
        let checked = policy.check(&NewPassword::parse(text).unwrap(), &[ADDRESS, NAME]);
        checked.map_or_else(|fault| fault.code, |()| "ok")
    }

    fn code(text: &str) -> &'static str {
        code_by(&policy(&[]), text)
    }

    #[test]
    fn fifteen_characters_are_asked_for_and_as_few_as_eight_where_that_is_set() {
        assert_eq!(code("three otters o"), "too_short");
        assert_eq!(code("three otters on"), "ok");
        let eight = policy(&[("password_min_characters", "8")]);
        assert_eq!(code_by(&eight, "otters7"), "too_short");
        assert_eq!(code_by(&eight, "otters 7"), "ok");
        let text = eight.check(&NewPassword::parse("x").unwrap(), &[]).unwrap_err().message;
        assert!(text.contains("at least 8 characters"), "{text}");
    }

    #[test]
    fn the_default_is_what_the_schema_says() {
        let schema = serde_json::to_value(schemars::schema_for!(NewPassword)).unwrap();
        assert_eq!(Setting::find("password_min_characters").unwrap().default, schema["minLength"].to_string());
    }

    #[test]
    fn characters_are_counted_as_they_are_seen() {
        let composed = "três épées bleu";
        let decomposed = "tre\u{302}s e\u{301}pe\u{301}es bleu";
        assert_eq!((composed.chars().count(), decomposed.chars().count()), (15, 18));
        assert_eq!((code(composed), code(decomposed)), ("ok", "ok"));
        assert_eq!(code(&decomposed[..decomposed.len() - 1]), "too_short");
    }

    #[test]
    fn no_kind_of_character_is_asked_for() {
        for text in [
            "threeottersonatandem",
            "7315 9824 6602 57",
            "水獺騎雙人自行車去看海邊日出啊",
            "🦦🚲🌊🌅🐚🦀⛵🏝🐬🦑🐙🪸🐟🦈🐋",
        ] {
            assert_eq!(code(text), "ok", "{text}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_and_also_twice() {
        for text in ["1qaz2wsx3edc4rfv", "1QAZ2WSX3edc4rfv", "passwordpassword", "Whatisthematrix", "winningisachore!!"]
        {
            assert_eq!(code(text), "common", "{text}");
        }
        for text in ["Football1Football1", "sunshine sunshine sunshine", "trustno1trustno1trust"] {
            assert_eq!(code(text), "common", "{text}");
        }
        assert_eq!(code("sunshine on three otters"), "ok");
    }

    #[test]
    fn one_piece_again_and_again_is_refused() {
        for text in [
            "aaaaaaaaaaaaaaa",
            "               ",
            "abcabcabcabcabc",
            "ABCabcAbCabcabc",
            "no way no way no w",
            "éé éé éé éé éé é",
        ] {
            assert_eq!(code(text), "repetitive", "{text}");
        }
        assert_eq!(code("otters! otters! x"), "ok");
        assert_eq!(code_by(&policy(&[("password_min_characters", "8")]), "xylophox"), "ok");
    }

    #[test]
    fn what_is_made_of_address_name_and_service_is_refused() {
        for text in [
            ADDRESS,
            "Ada Lovelace 1815",
            "ADALOVELACE123!",
            "a.d.a.l.o.v.e.l.a.c.e",
            "Adá Lovelácé!!!!",
            "lovelace-lovelace-x",
            "NeodymeNeodyme2026",
            "neodyme, my pass",
            "my engines example",
        ] {
            assert_eq!(code(text), "personal", "{text}");
        }
        for text in ["ada rides a tandem", "lovelace 82461935", "an example of otters"] {
            assert_eq!(code(text), "ok", "{text}");
        }
    }

    #[test]
    fn a_name_is_known_in_each_way_that_it_is_written() {
        let policy = policy(&[]);
        let code = |name: &str, text: &str| {
            let checked = policy.check(&NewPassword::parse(text).unwrap(), &["x@y.example", name]);
            checked.map_or_else(|fault| fault.code, |()| "ok")
        };
        for (name, text) in [
            ("Greta Müller", "gretamueller 20"),
            ("Greta Müller", "Greta-Muller-2026"),
            ("Greta Müller", "Müller Mueller 7"),
            ("Greta Mueller", "gretamüller 2026"),
            ("Jürgen Groß-Gößweiner", "juergengrossgoessweiner"),
            ("Jürgen Groß-Gößweiner", "Jurgen Groß Goessweiner"),
            ("Jürgen Groß-Gößweiner", "GROẞ JUERGEN gosswéiner"),
            ("Søren Kjærgård", "soerenkjaergard"),
            ("Søren Kjærgård", "Soren Kjærgaard"),
            ("Łukasz Đurić", "lukaszduric1234"),
        ] {
            assert_eq!(code(name, text), "personal", "{name}: {text}");
        }
        for (name, text) in [("Greta Müller", "die mühle am rand"), ("Jo Mü", "muemmelmann 2026")] {
            assert_eq!(code(name, text), "ok", "{name}: {text}");
        }
    }

    #[test]
    fn the_service_is_known_by_the_sender_of_its_mail_and_by_its_product() {
        for settings in
            [&[("mail_from", "Blue Heron <hello@heron-books.example>")][..], &[("product_name", "Blue Heron Books")]]
        {
            assert_eq!(code_by(&policy(settings), "blue heron books 7"), "personal");
        }
        assert_eq!(code("blue heron books 7"), "ok");
    }

    proptest! {
        #[test]
        fn a_password_of_random_words_is_taken_unless_the_filter_errs(words in prop::collection::vec("[b-df-hj-np-tv-z]{4,9}", 4..9)) {
            prop_assert!(["ok", "common"].contains(&code(&words.join(" "))));
        }

        #[test]
        fn whatever_is_repeated_is_refused(piece in "[ -~À-ÿ]{1,7}", times in 15..18_usize) {
            prop_assert_ne!(code(&piece.repeat(times)), "ok");
        }

        #[test]
        fn whatever_name_there_is_it_is_no_password(first in "[A-Za-zÀ-ÖØ-öø-ÿ]{3,12}", last in "[A-Za-zÀ-ÖØ-öø-ÿ]{3,12}", more in "[0-9!. ]{0,7}") {
            let name = format!("{first} {last}");
            let text = format!("{last}{first}{more}{last}{first}");
            let checked = policy(&[]).check(&NewPassword::parse(&text).unwrap(), &["x@y.example", &name]);
            prop_assert!(checked.is_err());
        }

        #[test]
        fn any_text_is_judged_and_never_repeated(text in "\\PC{0,60}", about in "\\PC{0,60}") {
            let password = NewPassword::parse(&text).unwrap();
            for min in ["8", "64"] {
                if let Err(fault) = policy(&[("password_min_characters", min)]).check(&password, &[&about]) {
                    prop_assert!(text.chars().count() < 8 || !fault.message.contains(&text));
                }
            }
        }
    }
}
