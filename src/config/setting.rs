//! What is known of one setting, and the macro that makes everything of the table of settings.

/// One setting: what help, documentation and the sources need to know of it.
pub struct Setting {
    /// Its name, as in the TOML file.
    pub key: &'static str,
    /// The heading under which help and documentation show it.
    pub group: &'static str,
    /// The value when no source gives one; empty for none.
    pub default: &'static str,
    /// How its value is called in the help.
    pub placeholder: &'static str,
    /// Whether its text may hold a secret.
    pub secret: bool,
    /// Whether its value is a list.
    pub list: bool,
    pub(super) doc: &'static str,
    pub(super) accepted: fn() -> String,
}

impl Setting {
    /// Its flag without the dashes in front.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("NEODYME_{}", self.key.to_uppercase())
    }

    /// Whether its flag exists only to say that a secret does not belong there.
    pub fn has_no_flag(&self) -> bool {
        self.secret && self.default.is_empty()
    }

    /// The environment variable that names a file with the value: only secrets have one.
    pub fn file_variable(&self) -> Option<String> {
        self.secret.then(|| self.variable() + "_FILE")
    }

    /// What it means, all of it.
    pub fn meaning(&self) -> &'static str {
        self.doc.trim()
    }

    /// What it means, in one sentence without the full stop.
    pub fn summary(&self) -> &'static str {
        let end = self.meaning().find(". ").unwrap_or(self.meaning().len());
        self.meaning()[..end].trim_end_matches('.')
    }

    /// What is accepted, in words.
    pub fn accepted(&self) -> String {
        (self.accepted)()
    }
}

/// Makes of the table: the structs of the configuration, `SETTINGS`, and the reading of each value.
///
/// The first block is `Config`'s own settings. A line is `field: type = "key", "default", limits of the type;`, and its
/// comment is the setting's documentation.
macro_rules! settings {
    (@limits) => { () };
    (@limits $limits:expr) => { $limits };
    (@setting $group:literal $type:ty, $key:literal, $default:literal, [$($doc:literal)*] $($limits:expr)?) => {
        Setting {
            key: $key,
            group: $group,
            default: $default,
            placeholder: <$type as Value>::PLACEHOLDER,
            secret: <$type as Value>::SECRET,
            list: <$type as Value>::LIST,
            doc: concat!($($doc),*),
            accepted: || <$type as Value>::accepted(&settings!(@limits $($limits)?)),
        }
    };
    (
        $own_group:literal {
            $($(#[doc = $own_doc:literal])* $own:ident: $own_type:ty = $own_key:literal, $own_default:literal $(, $own_limits:expr)?;)*
        }
        $(
            $(#[doc = $part_doc:literal])*
            $part:ident: $Part:ident $group:literal {
                $($(#[doc = $doc:literal])* $field:ident: $type:ty = $key:literal, $default:literal $(, $limits:expr)?;)*
            }
        )*
    ) => {
        /// The whole configuration, checked.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $own_doc])* #[doc = concat!("\n\nSetting: `", $own_key, " = \"", $own_default, "\"`")]
            pub $own: $own_type,)*
            $($(#[doc = $part_doc])* pub $part: $Part,)*
            pub(super) effective: Vec<Effective>,
            pub(super) secrets: Vec<Secret>,
        }

        $(
            $(#[doc = $part_doc])*
            #[derive(Clone, Debug)]
            pub struct $Part {
                $($(#[doc = $doc])* #[doc = concat!("\n\nSetting: `", $key, " = \"", $default, "\"`")] pub $field: $type,)*
            }
        )*

        /// Every setting there is, in the order of the documentation.
        pub static SETTINGS: &[Setting] = &[
            $(settings!(@setting $own_group $own_type, $own_key, $own_default, [$($own_doc)*] $($own_limits)?),)*
            $($(settings!(@setting $group $type, $key, $default, [$($doc)*] $($limits)?),)*)*
        ];

        impl Config {
            /// Takes every value, even after one was refused, so that all problems are found.
            pub(super) fn take(values: &mut Values<'_>) -> Option<Config> {
                $(let $own: Option<$own_type> = values.take($own_key, $own_default, &settings!(@limits $($own_limits)?));)*
                $(let $part = {
                    $(let $field: Option<$type> = values.take($key, $default, &settings!(@limits $($limits)?));)*
                    move || Some($Part { $($field: $field?),* })
                };)*
                let (effective, secrets) = values.take_what_was_found();
                Some(Config { $($own: $own?,)* $($part: $part()?,)* effective, secrets })
            }
        }
    };
}
pub(super) use settings;
