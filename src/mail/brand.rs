//! By what users know whose emails and pages they see.

use lettre::message::Mailbox;

use crate::config::{Contact, MailConfig};

/// What emails and pages show of the operator, as their templates name it.
pub fn brand(config: &MailConfig) -> [(&'static str, String); 5] {
    let support = config.support_address.as_ref();
    [
        // By what name users know the service: the one that is set, or that of the sender.
        ("product_name", config.product_name.clone().unwrap_or_else(|| sender_of(&config.from))),
        ("product_url", config.product_url.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("support_address", support.map(Contact::to_string).unwrap_or_default()),
        ("support_link", support.map(Contact::link).unwrap_or_default()),
        ("logo_url", config.logo_url.as_ref().map(ToString::to_string).unwrap_or_default()),
    ]
}

/// Who sends: the name of the sender, or its domain where it has none.
pub(super) fn sender_of(from: &Mailbox) -> String {
    from.name.clone().unwrap_or_else(|| from.email.domain().to_owned())
}
