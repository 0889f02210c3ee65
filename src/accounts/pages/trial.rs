//! What a page must have to be of use: it is rendered with everything that may have to be shown, and read as a browser reads it.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Serialize;

use super::account;
use super::fault::{FaultView, LINK_INVALID, PASSWORDS};
use super::field::{CODE, Field};
use super::forms::{self, CHANGE_PASSWORD, Form};
use super::markup::{Markup, Sending};
use super::news::News;
use super::place::Place;
use super::refused::{self, Refused};
use super::samples;
use super::view::FormView;
use crate::error::Error;
use crate::language::Language;
use crate::page_templates::{InvalidTemplates, PageTemplates};
use crate::templates::Length;

type Tried<T = ()> = std::result::Result<T, InvalidTemplates>;

/// What is wrong in a trial: no template has words for it, so that the English sentence is to be seen.
const SENTENCE: &str = "The trial fails.";
const SAMPLE_CODE: &str = "uT9kM2";
/// Where who was refused is led.
const WAY: &str = "./";

/// What a template has to have, as the end of a sentence that begins with its file.
const A_FORM: &str = "must have a form that is sent: <form method=\"post\">";
const THE_CODE: &str =
    "must keep the code of the link in its form: <input type=\"hidden\" name=\"code\" value=\"{{ page.code }}\">";
const THE_KEY: &str =
    "must keep in its form what makes it work once: <input type=\"hidden\" name=\"key\" value=\"{{ page.key }}\">";
const THE_STYLE: &str =
    "must have the style of page.css as it is, since browsers are told to take no other: <style>{{ style }}</style>";
const WHAT_WENT_WRONG: &str =
    "must show what went wrong: {% with fault = page.failure %}{% include \"fault.html\" %}{% endwith %}";
const WHOSE: &str = "must show whose account it is: {{ page.email }}";
const SIGN_OUT: &str = "must have a form with method=\"post\" and action=\"{{ page.beside }}sign-out\"";
const END_SESSION: &str = "must have, for each session that is not the current one, a form with method=\"post\", \
     action=\"{{ page.beside }}end-session\" and <input type=\"hidden\" name=\"id\" value=\"{{ session.id }}\">";
const ANOTHER_PASSWORD: &str =
    "must lead to where the password is changed: <a href=\"{{ page.beside }}change-password\">";
const ON: &str = "must lead on: <a href=\"{{ page.way }}\">";

/// The templates of a language are tried.
struct Trial<'a> {
    templates: &'a PageTemplates,
    language: &'a Language,
}

/// A page that was rendered.
struct Shown<'a> {
    trial: &'a Trial<'a>,
    template: &'a str,
    text: String,
    markup: Markup,
}

/// The ways in which a page is come to.
fn places() -> impl Iterator<Item = Place> {
    let by_link = Place { code: Some(SAMPLE_CODE.to_owned()), ..Place::default() };
    let after = News::ALL.into_iter().map(|news| Place { news: Some(news), ..Place::default() });
    [Place::default(), by_link].into_iter().chain(after)
}

fn failure() -> FaultView {
    FaultView::new("trial", SENTENCE)
}

/// Tries every page in every language, also where it tells of one of these faults.
///
/// # Errors
/// What a page lacks or cannot be rendered with, in which file.
pub(super) fn of_all(templates: &PageTemplates, codes: &BTreeSet<&'static str>) -> Tried {
    templates.languages().iter().try_for_each(|language| Trial { templates, language }.of_all(codes))
}

impl Trial<'_> {
    fn of_all(&self, codes: &BTreeSet<&'static str>) -> Tried {
        forms::ALL.iter().try_for_each(|form| self.of_form(form))?;
        self.of_account()?;
        self.of_refused()?;
        self.of_faults(codes)
    }

    fn show<'a>(&'a self, template: &'a str, values: &impl Serialize) -> Tried<Shown<'a>> {
        let text = self.templates.render(self.language, template, values).map_err(InvalidTemplates::new)?;
        let markup = Markup::read(&text);
        Ok(Shown { trial: self, template, text, markup })
    }

    fn of_form(&self, form: &'static Form) -> Tried {
        for place in places() {
            let view = || FormView::of(form, &place).of_user(samples::EMAIL);
            let shown = self.show(form.template, &view())?;
            let is_of_link = |field: &&Field| place.code.is_some() && field.name == CODE.name;
            shown.must_send(form.fields.iter().filter(|field| !is_of_link(field)).map(|field| field.name))?;
            if form.fields.iter().any(|field| is_of_link(&field)) {
                shown.must(shown.posts(|form| form.has_value(CODE.name, SAMPLE_CODE)), THE_CODE)?;
            }
            if form.path == forms::SIGN_UP.path {
                let mut keyed = view();
                keyed.set_key(SAMPLE_CODE);
                let shown = self.show(form.template, &keyed)?;
                shown.must(shown.posts(|form| form.has_value("key", SAMPLE_CODE)), THE_KEY)?;
            }
            shown.must_be_in_style()?;
            let mut failed = view();
            failed.fail_with(failure());
            self.show(form.template, &failed)?.must_tell(WHAT_WENT_WRONG)?;
            for error in [Error::EmailNotVerified, Error::InvalidCredentials] {
                let mut failed = view().by(samples::EMAIL);
                failed.fail(&error);
                self.show(form.template, &failed)?;
            }
            failed.fail_with(FaultView::new(LINK_INVALID, SENTENCE));
            self.show(form.template, &failed)?;
            for field in form.fields {
                let mut wrong = view();
                if wrong.place(field.name, failure()) {
                    self.show(form.template, &wrong)?.must_tell(&of_field(field.name))?;
                }
            }
            let done = Place { done: Some(String::new()), ..place };
            for email in ["", samples::EMAIL] {
                self.show(form.template, &FormView::of(form, &done).by(email))?.must_be_in_style()?;
            }
        }
        Ok(())
    }

    fn of_account(&self) -> Tried {
        for news in [None].into_iter().chain(News::ALL.map(Some)) {
            self.show(account::TEMPLATE, &samples::account(true).after(news))?;
        }
        for is_known in [true, false] {
            let shown = self.show(account::TEMPLATE, &samples::account(is_known))?;
            shown.must(shown.text.contains(samples::EMAIL), WHOSE)?;
            shown.must(shown.posts(|form| form.action() == "sign-out"), SIGN_OUT)?;
            let other = samples::OTHER_SESSION.to_string();
            let ends = |form: &Sending| form.action() == "end-session" && form.has_value("id", &other);
            shown.must(shown.posts(ends), END_SESSION)?;
            let fields = CHANGE_PASSWORD.fields;
            let changes =
                |form: &Sending| form.action() == "change-password" && fields.iter().all(|field| form.has(field.name));
            let leads_there = shown.markup.links.iter().any(|link| link == "change-password");
            shown.must(leads_there || shown.posts(changes), ANOTHER_PASSWORD)?;
            shown.must_be_in_style()?;
        }
        Ok(())
    }

    fn of_refused(&self) -> Tried {
        let shown = self.show(refused::TEMPLATE, &Refused::new(failure(), WAY))?;
        shown.must_tell(WHAT_WENT_WRONG)?;
        shown.must(shown.markup.links.iter().any(|link| link == WAY), ON)?;
        shown.must_be_in_style()
    }

    /// Each fault, with all that may be known of it and with nothing, beside a form and on a page of its own.
    fn of_faults(&self, codes: &BTreeSet<&'static str>) -> Tried {
        for code in codes {
            let fault = |bound, wait, what| FaultView { bound, wait, what, ..FaultView::new(code, SENTENCE) };
            let wait = Some(Length { count: 10, unit: "minute" });
            for fault in [fault(None, None, ""), fault(Some(1), wait, "sign-ins"), fault(Some(7), wait, PASSWORDS)] {
                for form in [&forms::SIGN_IN, &forms::SIGN_UP] {
                    let mut failed = FormView::of(form, &Place::default());
                    failed.fail_with(fault.clone());
                    self.show(form.template, &failed)?;
                }
                self.show(refused::TEMPLATE, &Refused::new(fault, WAY))?;
            }
        }
        Ok(())
    }
}

impl Shown<'_> {
    /// Says what is missing, and in which file.
    fn must(&self, is_so: bool, what: &str) -> Tried {
        if is_so { Ok(()) } else { Err(InvalidTemplates::new(format!("{} {what}", self.files()))) }
    }

    /// It may be missing in any file of the operator's that the page is made of, but for those that have words only.
    fn files(&self) -> String {
        let brought = self.trial.templates.brought(self.trial.language, self.template);
        let looks = brought.iter().filter(|(name, _)| !matches!(*name, "words.html" | "faults.html"));
        let places: Vec<_> = looks.map(|(_, place)| *place).collect();
        if places.is_empty() { self.template.to_owned() } else { places.join(" or ") }
    }

    fn posts(&self, fits: impl Fn(&Sending) -> bool) -> bool {
        self.markup.forms.iter().any(|form| form.is_post() && fits(form))
    }

    /// All that is asked for, in one form.
    fn must_send(&self, names: impl Iterator<Item = &'static str> + Clone) -> Tried {
        self.must(self.posts(|_| true), A_FORM)?;
        let forms = self.markup.forms.iter().filter(|form| form.is_post());
        let missing = forms.map(|form| names.clone().find(|name| !form.has(name))).min_by_key(Option::is_some);
        missing.flatten().map_or(Ok(()), |name| self.must(false, &a_field(name)))
    }

    /// What went wrong, in the words of `fault.html`, or in English.
    fn must_tell(&self, what: &str) -> Tried {
        let Trial { templates, language } = self.trial;
        let words = templates.words_for(language, self.template, &failure()).unwrap_or_default();
        let is_in_words = has_text(&words) && self.text.contains(words.trim());
        self.must(is_in_words || self.text.contains(SENTENCE), what)
    }

    fn must_be_in_style(&self) -> Tried {
        let style = self.trial.templates.style(self.trial.language, self.template);
        let is_so = style.trim().is_empty() || self.markup.styles.iter().any(|own| own == style);
        self.must(is_so, THE_STYLE)
    }
}

/// Whether a piece of a page has more than tags.
fn has_text(html: &str) -> bool {
    let behind_tags = html.split('<').skip(1).filter_map(|piece| piece.split_once('>')).map(|(_, text)| text);
    html.split('<').take(1).chain(behind_tags).any(|text| !text.trim().is_empty())
}

fn a_field(name: impl Display) -> String {
    format!(
        "must have the field {name} in its form: {{% for field in page.fields %}}{{% include \"field.html\" %}}{{% endfor %}}"
    )
}

fn of_field(name: impl Display) -> String {
    format!(
        "must show what is wrong with the field {name}: {{% for fault in field.faults %}}{{% include \"fault.html\" %}}{{% endfor %}}"
    )
}
