//! Pages for people who follow the link of an email. A GET shows a form and changes nothing, however often a scanner opens it; its
//! POST uses the code up. They need no script and set no cookie.

mod look;

use std::sync::Arc;

use http::Method;
use serde::Serialize;

use self::look::shown;
use super::codes::Code;
use super::email_change;
use super::{password_reset, verification};
use crate::error::{Error, ErrorCode, FieldError, Result};
use crate::http::{
    Access, Call, Endpoint, Form, FromJson, FromQuery, Json, Page, Parameter, Query, SameOrigin, Unread, Values,
    with_error,
};
use crate::mail;
use crate::state::App;

/// How what a form asks for can fail.
const FAILS: &[ErrorCode] =
    &[ErrorCode::EmailAlreadyExists, ErrorCode::Forbidden, ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError];
/// All pages are one route in metrics and the log.
const ROUTE: &str = "/account/{page}";

/// What a page says, and what its form has.
struct Text {
    path: &'static str,
    title: &'static str,
    about: &'static str,
    fields: &'static [Field],
    button: &'static str,
    /// What it says once it is done.
    done: &'static str,
    /// Where there is another code, if this one is good for nothing.
    again: Option<&'static str>,
}

/// A field of a form.
#[derive(Serialize)]
struct Field {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
}

const CODE: Field = Field { name: "code", label: "Code from the email", kind: "text", autocomplete: "one-time-code" };
const EMAIL: Field = Field { name: "email", label: "Email address", kind: "email", autocomplete: "email" };

const VERIFY: Text = Text {
    path: "/account/verify-email",
    title: "Verify your address",
    about: "Show that the address is yours.",
    fields: &[CODE],
    button: "Verify",
    done: "Your address is verified. You can close this page.",
    again: Some("/account/send-verification"),
};
const VERIFY_AGAIN: Text = Text {
    path: "/account/send-verification",
    title: "Another email",
    about: "We send the email that verifies your address once more.",
    fields: &[EMAIL],
    button: "Send",
    done: "If there is an account with this address that is not verified, an email is on its way.",
    again: None,
};
const FORGOTTEN: Text = Text {
    path: "/account/forgot-password",
    title: "Forgotten your password?",
    about: "We send you an email with which you can choose another one.",
    fields: &[EMAIL],
    button: "Send",
    done: "If there is an account with this address, an email is on its way.",
    again: None,
};
const RESET: Text = Text {
    path: "/account/reset-password",
    title: "Choose another password",
    about: "You will be signed out everywhere.",
    fields: &[
        CODE,
        Field { name: "new_password", label: "New password", kind: "password", autocomplete: "new-password" },
    ],
    button: "Change the password",
    done: "Your password is changed. You can sign in with it now.",
    again: Some("/account/forgot-password"),
};
const CHANGE: Text = Text {
    path: "/account/change-email",
    title: "Use this address",
    about: "The address that the email went to becomes that of your account.",
    fields: &[CODE],
    button: "Use this address",
    done: "Your account has this address from now on.",
    again: None,
};
const UNDO: Text = Text {
    path: "/account/undo-email-change",
    title: "Take the change back",
    about: "The address that the email went to becomes that of your account again, and you are signed out everywhere.",
    fields: &[CODE],
    button: "Take it back",
    done: "Your account has its address again. Choose another password with the email that we have just sent you.",
    again: None,
};

/// The pages.
pub fn endpoints() -> Vec<Endpoint<App>> {
    let mut pages = Vec::new();
    for text in [&VERIFY, &VERIFY_AGAIN, &FORGOTTEN, &RESET, &CHANGE, &UNDO] {
        let show = move |call: Call<App>, Query(Link { code })| async move {
            View::of(&call, text, code.as_deref().unwrap_or_default()).page()
        };
        pages.push(Endpoint::new(Access::Anyone, Method::GET, text.path, text.about, show));
    }
    pages.extend([
        posted(&VERIFY, verification::answer),
        posted(&RESET, password_reset::answer),
        posted(&CHANGE, email_change::answer),
        posted(&UNDO, email_change::take_back),
        posted(&VERIFY_AGAIN, verification::send).limited_by(|app| app.code_emails.as_ref()),
        posted(&FORGOTTEN, password_reset::send).limited_by(|app| app.code_emails.as_ref()),
    ]);
    let pages = pages.into_iter().map(|page| page.counted_as(ROUTE));
    pages.collect()
}

/// The page of a form that was sent, which `run` answers as it answers the API.
fn posted<T, O, F, Fut>(text: &'static Text, run: F) -> Endpoint<App>
where
    T: FromJson + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send,
    O: Send,
{
    let send = move |call: Call<App>, (Query(link), form): (Query<Link>, Unread<(SameOrigin, Form<T>)>)| {
        submit(text, call, link, form, run)
    };
    Endpoint::new(Access::Anyone, Method::POST, text.path, text.about, send).fails_with(FAILS)
}

async fn submit<T, O, F, Fut>(
    text: &'static Text,
    call: Call<App>,
    Link { code }: Link,
    form: Unread<(SameOrigin, Form<T>)>,
    run: F,
) -> Result<Page>
where
    T: FromJson + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut,
    Fut: Future<Output = Result<O>>,
{
    let view = View::of(&call, text, code.as_deref().unwrap_or_default());
    let context = Arc::clone(&call.context);
    let ended = match form.read(&context).await {
        Ok((SameOrigin, Form(form))) => run(call, Json(form)).await.map(drop),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => View { done: Some(text.done), ..view }.page(),
        Err(error) => view.with(&error).page().map(|Page(page)| Page(with_error(page, error))),
    }
}

/// What a link brings: the code, so that nobody has to type it.
struct Link {
    code: Option<String>,
}

impl FromQuery for Link {
    // Mail services add parameters of their own to links.
    const IS_STRICT: bool = false;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("code", "The code of the email.", schemars::json_schema!({ "type": "string" }))]
    }

    fn from_query(values: &Values) -> Result<Self> {
        Ok(Link { code: values.get("code").filter(|code| Code::parse(code).is_ok()).map(str::to_owned) })
    }
}

/// A page, as it is shown.
#[derive(Serialize)]
struct View {
    product: String,
    title: &'static str,
    about: &'static str,
    fields: &'static [Field],
    button: &'static str,
    /// The code that a link brought, which is not asked for.
    code: String,
    /// What is wrong with which field.
    faults: Vec<FieldError>,
    /// What is wrong besides.
    failure: Option<String>,
    done: Option<&'static str>,
    again: Option<&'static str>,
}

impl View {
    fn of(call: &Call<App>, text: &'static Text, code: &str) -> Self {
        let Text { title, about, fields, button, again, .. } = text;
        View {
            product: mail::sender_of(&call.state.config.mail.from),
            title,
            about,
            fields,
            button,
            code: code.to_owned(),
            faults: Vec::new(),
            failure: None,
            done: None,
            // Beside this page, also below a prefix.
            again: again.and_then(|path| path.rsplit('/').next()),
        }
    }

    fn with(self, error: &Error) -> Self {
        match error {
            Error::Validation(faults) if faults.iter().any(|fault| self.has(&fault.field)) => {
                View { faults: faults.clone(), ..self }
            }
            Error::Validation(_) | Error::UnsupportedMediaType => {
                View { failure: Some("This is not what the form below sends.".to_owned()), ..self }
            }
            other => View { failure: Some(other.detail()), ..self },
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    fn page(self) -> Result<Page> {
        shown(&self)
    }
}
