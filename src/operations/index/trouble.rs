//! Something that is wrong, as the page shows it; and all that is, each cause once.

use std::time::Duration;

use serde::Serialize;

use super::failure::{self, Failure};
use crate::config::Config;
use crate::error::ErrorCode;

/// What has not happened for so long may be over.
const OVER: Duration = Duration::from_secs(60);

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Trouble {
    /// `bad` where people are paged for it, else `warn`.
    pub(super) class: &'static str,
    text: String,
    /// What else comes of the same cause.
    also: Vec<String>,
    failure: Option<Failure>,
    runbook: &'static str,
    /// The type of the errors that it causes.
    #[serde(skip)]
    cause: Option<ErrorCode>,
    /// The step whose errors of this type it causes alone; without one, it causes all of them.
    #[serde(skip)]
    step: Option<&'static str>,
}

impl Trouble {
    pub(super) fn new(class: &'static str, runbook: &'static str, text: String) -> Self {
        Trouble { class, text, also: Vec::new(), failure: None, runbook, cause: None, step: None }
    }

    pub(super) fn because_of(self, failure: Option<Failure>) -> Self {
        let cause = failure.as_ref().map(Failure::code);
        Trouble { failure, cause, ..self }
    }

    /// It tells of what happened within minutes: urgent only while it happens still.
    pub(super) fn while_it_happens(self) -> Self {
        match &self.failure {
            Some(failure) if failure.age() > OVER => Trouble { class: "warn", ..self },
            _ => self,
        }
    }

    /// Errors of this type come of it, also before the first.
    pub(super) fn telling(self, code: ErrorCode, config: &Config) -> Self {
        Trouble { cause: Some(code), failure: failure::last(code, config), ..self }
    }

    /// Errors of this type at this step come of it, those at others do not.
    pub(super) fn telling_at(self, code: ErrorCode, step: &'static str, config: &Config) -> Self {
        Trouble { cause: Some(code), step: Some(step), failure: failure::last_at(code, step, config), ..self }
    }

    fn causes(&self, code: ErrorCode, place: &str) -> bool {
        self.cause == Some(code) && self.step.is_none_or(|step| step == place)
    }
}

/// All that is wrong: what comes of the same cause stands together, under the runbook of what came first.
#[derive(Debug, Default)]
pub(super) struct Troubles(Vec<Trouble>);

impl Troubles {
    /// Adds some, each to what has the same cause already.
    pub(super) fn add(&mut self, troubles: impl IntoIterator<Item = Trouble>) {
        for trouble in troubles {
            let same = self.0.iter_mut().find(|other| trouble.cause.is_some() && other.cause == trouble.cause);
            match same {
                Some(same) => {
                    same.class = if trouble.class == "bad" { "bad" } else { same.class };
                    same.also.push(trouble.text);
                }
                None => self.0.push(trouble),
            }
        }
    }

    /// Adds some that have a cause each, though their errors are of one type.
    pub(super) fn add_each(&mut self, troubles: impl IntoIterator<Item = Trouble>) {
        self.0.extend(troubles);
    }

    /// Whether something causes errors of this type.
    pub(super) fn explain(&self, code: ErrorCode) -> bool {
        self.0.iter().any(|trouble| trouble.cause == Some(code))
    }

    /// The runbook of what causes errors of this type at this place.
    pub(super) fn runbook_of(&self, code: ErrorCode, place: &str) -> Option<&'static str> {
        self.0.iter().find(|trouble| trouble.causes(code, place)).map(|trouble| trouble.runbook)
    }

    /// The worst first.
    pub(super) fn sorted(mut self) -> Vec<Trouble> {
        self.0.sort_by_key(|trouble| trouble.class != "bad");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cause: Option<ErrorCode>, class: &'static str, runbook: &'static str) -> Trouble {
        Trouble { cause, ..Trouble::new(class, runbook, format!("{runbook}.")) }
    }

    #[test]
    fn one_cause_has_one_runbook_and_is_as_urgent_as_the_worst_of_what_comes_of_it() {
        use ErrorCode::{DatabaseError, EmailServiceError, WebhookServiceError};
        let mut all = Troubles::default();
        all.add([of(Some(EmailServiceError), "warn", "A"), of(Some(DatabaseError), "warn", "B")]);
        all.add([of(Some(DatabaseError), "bad", "C"), of(None, "warn", "D"), of(None, "warn", "E")]);
        let endpoint = |step, runbook| Trouble { step: Some(step), ..of(Some(WebhookServiceError), "warn", runbook) };
        all.add_each([endpoint("webhook_1", "F"), endpoint("webhook_2", "G")]);
        assert_eq!(all.runbook_of(DatabaseError, "anywhere"), Some("B"));
        let at = ["webhook_1", "webhook_2", "webhook_3"].map(|step| all.runbook_of(WebhookServiceError, step));
        assert_eq!(at, [Some("F"), Some("G"), None]);
        assert_eq!(all.runbook_of(ErrorCode::InternalError, "anywhere"), None);
        assert!(all.explain(WebhookServiceError) && !all.explain(ErrorCode::InternalError));
        let all: Vec<_> =
            all.sorted().into_iter().map(|trouble| (trouble.class, trouble.runbook, trouble.also)).collect();
        let alone = |runbook| ("warn", runbook, Vec::new());
        let expected =
            [("bad", "B", vec!["C.".to_owned()]), alone("A"), alone("D"), alone("E"), alone("F"), alone("G")];
        assert_eq!(all, expected);
    }
}
