//! From a job to the bytes of its email. The same job always gives the same bytes.

use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, From, HeaderName, HeaderValue, To};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use time::OffsetDateTime;
use url::Url;

use super::brand::sender_of;
use super::greeting::{presentable, presentable_address};
use super::invalid_setting::InvalidSetting;
use super::kind::MailKind;
use super::templates::{Templates, Texts, Variables};
use super::{mailbox, trial};
use crate::config::MailConfig;
use crate::language::Language;
use crate::redaction::Person;
use crate::values::job::{Effect, Failure, HandedOver, Job, Reason};
use crate::values::{Email, FullName};

const X_REQUEST_ID: HeaderName = HeaderName::new_from_ascii_str("X-Request-ID");
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// What an email is made of.
pub struct Mail<'a> {
    /// The job that it is sent for: what caused it is what the email tells.
    pub job: &'a Job,
    /// What it tells.
    pub kind: MailKind,
    /// Whom it goes to.
    pub email: &'a str,
    /// Their name.
    pub full_name: &'a str,
    /// What they speak, where that is known.
    pub language: Option<&'a Language>,
    /// The code that it carries.
    pub code: Option<MailCode<'a>>,
}

/// A code that an email carries, for who gets it alone.
#[derive(Clone, Copy)]
pub struct MailCode<'a> {
    /// The code.
    pub text: &'a str,
    /// How long it can be used.
    pub lifetime: Duration,
}

/// An email that is ready to go.
pub struct Letter {
    /// The bytes of the email.
    pub message: String,
    /// Its `Message-ID`, the same for each attempt of its job.
    pub message_id: String,
    /// Its subject.
    pub subject: String,
    /// Its text part.
    pub text: String,
    /// Its HTML part.
    pub html: String,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) person: Person,
    pub(super) handed_over: HandedOver,
}

impl Letter {
    /// Whether only a server with SMTPUTF8 (RFC 6531) can take it.
    pub(super) fn is_international(&self) -> bool {
        !self.message.is_ascii()
    }
}

/// Writes emails.
pub struct Composer {
    from: Mailbox,
    /// Where the pages are that emails lead to.
    links_url: Option<Url>,
    templates: Templates,
}

impl Composer {
    /// Takes the sender and the templates.
    ///
    /// # Errors
    /// When a template does not work.
    pub fn new(config: &MailConfig) -> Result<Self, InvalidSetting> {
        let from = with_ascii_domain(&config.from)
            .ok_or_else(|| InvalidSetting::new("mail_from", "its domain is not a valid name"))?;
        let sender = sender_of(&from);
        let templates = Templates::load(config, &sender)?;
        trial::check(&templates)?;
        Ok(Self { from, links_url: config.links_url.clone(), templates })
    }

    /// The languages that there are emails in.
    pub fn languages(&self) -> &[Language] {
        self.templates.languages()
    }

    /// Writes an email.
    ///
    /// # Errors
    /// When the address or the name is not valid (for good), or a template does not work with them.
    pub fn compose(&self, mail: &Mail<'_>) -> Result<Letter, Failure> {
        let job = mail.job;
        let email = Email::parse(mail.email)
            .map_err(|fault| Failure::unreadable(&format!("its address is not valid ({})", fault.code)))?;
        let name = FullName::parse(mail.full_name)
            .map_err(|fault| Failure::unreadable(&format!("its name is not valid ({})", fault.code)))?;
        // lettre reads fewer addresses than there are; this one was read by us.
        let to = Address::new_dangerous(email.local_part(), email.domain());
        let shown_name = presentable(&name);
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()]);
        let envelope = envelope.map_err(|_| Failure::unreadable("it has no envelope"))?;

        let Texts { subject, text, html } = self.render(mail, &email, shown_name.unwrap_or_default())?;
        let subject = single_line(&subject);
        let message_id = format!("<{}@{}>", job.id, self.from.email.domain());
        let builder = Message::builder()
            .envelope(envelope)
            .raw_header(mailbox::header::<From>(self.from.clone()))
            .raw_header(mailbox::header::<To>(Mailbox::new(shown_name.map(str::to_owned), to.clone())))
            .subject(subject.clone())
            .date(job.created_at.max(OffsetDateTime::UNIX_EPOCH).into())
            .message_id(Some(message_id.clone()))
            // RFC 3834: an absence notice must not answer this.
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".into()))
            .raw_header(HeaderValue::new(X_REQUEST_ID, single_line(&job.request_id)));
        let parts = MultiPart::alternative()
            .boundary(job.id.simple().to_string())
            .singlepart(part(ContentType::TEXT_PLAIN, &text))
            .singlepart(part(ContentType::TEXT_HTML, &html));
        let message = builder.multipart(parts).map_err(|_| Failure::unreadable("no message can be made of it"))?;
        let message = String::from_utf8(message.formatted()).map_err(|_| Failure::unreadable("it is not UTF-8"))?;
        let secret = mail.code.map(|code| code.text).unwrap_or_default();
        let person = Person::new(email.local_part(), name.expose()).with_secret(secret);
        Ok(Letter {
            message,
            message_id,
            subject,
            text,
            html,
            from: self.from.email.clone(),
            to,
            person,
            handed_over: job.handed_over.clone(),
        })
    }

    /// Where such an email leads: with its code, where it is of a kind that carries one.
    fn link(&self, kind: MailKind, code: &str) -> Option<String> {
        let page = format!("{}/{}", self.links_url.as_ref()?.as_str().trim_end_matches('/'), kind.page());
        match kind.purpose() {
            Some(_) => (!code.is_empty()).then(|| format!("{page}?code={code}")),
            None => Some(page),
        }
    }

    fn render(&self, mail: &Mail<'_>, email: &Email, full_name: &str) -> Result<Texts, Failure> {
        let code = mail.code.map(|code| code.text).unwrap_or_default();
        let email = presentable_address(email);
        let variables = Variables {
            full_name,
            email: &email,
            at: mail.job.created_at,
            code,
            link: self.link(mail.kind, code).unwrap_or_default(),
            lifetime: mail.code.map(|code| code.lifetime),
        };
        // Templates are checked at start, so this is a branch that only some users meet: the operator's to repair.
        let rendered = self.templates.render(mail.language, mail.kind, &variables);
        rendered.map_err(|error| Failure::new(Reason::Payload, Effect::ServiceDown, error))
    }
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content_type).body(text.to_owned())
}

/// The domain as it can stand in a `Message-ID`, and as every server understands it.
fn with_ascii_domain(from: &Mailbox) -> Option<Mailbox> {
    if from.email.domain().is_ascii() {
        return Some(from.clone());
    }
    let domain = idna::domain_to_ascii(from.email.domain()).ok()?;
    Some(Mailbox::new(from.name.clone(), Address::new(from.email.user(), domain).ok()?))
}

/// Only what a header cannot carry is replaced: a sign that turns the direction of letters is the template's own.
fn single_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
