//! The templates are tried at start, so that no reader of a page finds what is wrong with them.

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::account::{self, AccountView};
use super::forms::{self, Form};
use super::place::Place;
use super::refused::{self, Refused};
use super::view::FormView;
use crate::accounts::sessions::Session;
use crate::accounts::users::{Role, User};
use crate::config::{Config, WebAddress};
use crate::error::{Error, FieldError};
use crate::mail;
use crate::page_templates::{InvalidTemplates, PageTemplates};

type Tried = std::result::Result<(), InvalidTemplates>;

/// The templates of the pages, all of which work.
///
/// # Errors
/// What is wrong with one, with its line.
pub fn templates(config: &Config) -> std::result::Result<PageTemplates, InvalidTemplates> {
    let logo_from = config.mail.logo_url.as_ref().map(WebAddress::origin);
    let templates = PageTemplates::load(config.pages_templates.as_deref(), mail::brand(&config.mail), logo_from)?;
    for form in forms::ALL {
        try_form(&templates, form)?;
    }
    try_account(&templates)?;
    let refused = Refused::new(&Error::NotFound, "./");
    try_one(&templates, refused::TEMPLATE, &refused, &["there is nothing at this path", "\"./\""])?;
    Ok(templates)
}

/// Finds what would go wrong with these values, or not be shown.
fn try_one(templates: &PageTemplates, name: &str, values: &impl Serialize, shown: &[&str]) -> Tried {
    let text = templates.render(name, values).map_err(InvalidTemplates::new)?;
    // What is escaped in a value is a slash, above all.
    let text = text.replace("&#x2f;", "/").to_lowercase();
    match shown.iter().find(|wanted| !text.contains(&wanted.to_lowercase())) {
        Some(missing) => Err(InvalidTemplates::new(format!("{name} does not show {missing}"))),
        None => Ok(()),
    }
}

fn try_form(templates: &PageTemplates, form: &Form) -> Tried {
    let names: Vec<String> = form.fields.iter().map(|field| format!("name=\"{}\"", field.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for code in [None, Some("uT9kM2".to_owned())] {
        let place = Place { beside: "", code };
        let has_code = place.code.is_some();
        try_one(templates, form.template, &FormView::of(form, &place), if has_code { &[] } else { &names })?;
        let mut failed = FormView::of(form, &place);
        failed.fail(&Error::EmailNotVerified);
        try_one(templates, form.template, &failed, &["not verified"])?;
        let mut wrong = FormView::of(form, &place);
        let fault = |name: &str| FieldError { field: name.into(), code: "format", message: "is tried".into(), bound: None };
        wrong.fail(&Error::Validation(form.fields.iter().map(|field| fault(field.name)).collect()));
        try_one(templates, form.template, &wrong, &["is tried"])?;
        try_one(templates, form.template, &FormView::of(form, &place).done(), &[])?;
    }
    Ok(())
}

fn try_account(templates: &PageTemplates) -> Tried {
    let now = OffsetDateTime::UNIX_EPOCH;
    for is_known in [true, false] {
        let user = User {
            id: Uuid::nil(),
            email: "ada@example.com".into(),
            email_key: "ada@example.com".into(),
            full_name: "Ada Lovelace".into(),
            password_hash: String::new().into(),
            is_active: true,
            created_at: now,
            updated_at: now,
            email_verified_at: is_known.then_some(now),
            role: Role::User,
            locale: None,
        };
        let session = |id: u128| Session {
            id: Uuid::from_u128(id),
            user_id: user.id,
            created_at: now,
            last_used_at: now,
            expires_at: now,
            client_ip: is_known.then(|| "192.0.2.7".into()),
            user_agent: is_known.then(|| "Firefox".into()),
            cookie_hash: None,
        };
        let sessions = vec![session(1), session(2)];
        let view = AccountView::new("", user.clone(), sessions, Uuid::from_u128(1));
        let shown = ["ada@example.com", "action=\"sign-out\"", "action=\"end-session\"", "action=\"change-password\""];
        try_one(templates, account::TEMPLATE, &view, &shown)?;
    }
    Ok(())
}
