//! A page as a browser reads it, as far as it is looked at in a trial: what it sends, where it leads, its styles.

/// What a browser makes of a page.
#[derive(Default)]
pub(super) struct Markup {
    /// What can be sent.
    pub(super) forms: Vec<Sending>,
    /// Where its links lead.
    pub(super) links: Vec<String>,
    /// Its styles.
    pub(super) styles: Vec<String>,
}

/// A form as one of its buttons sends it.
#[derive(Clone, Default)]
pub(super) struct Sending {
    id: String,
    method: String,
    action: String,
    /// Names and values.
    fields: Vec<(String, String)>,
}

impl Sending {
    /// Whether it is sent to be done.
    pub(super) fn is_post(&self) -> bool {
        self.method.eq_ignore_ascii_case("post")
    }

    /// Where it is sent.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// Whether it has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own == name)
    }

    /// Whether it has a field with this value.
    pub(super) fn has_value(&self, name: &str, value: &str) -> bool {
        self.fields.iter().any(|(own, held)| own == name && held == value)
    }
}

impl Markup {
    /// Reads a page.
    pub(super) fn read(page: &str) -> Self {
        let (mut markup, mut controls) = (Markup::default(), Vec::new());
        let (mut rest, mut is_within) = (page, false);
        while let Some((_, behind)) = rest.split_once('<') {
            if let Some(comment) = behind.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            let Some((tag, behind)) = Tag::read(behind) else {
                rest = behind;
                continue;
            };
            rest = behind;
            match tag.name.as_str() {
                "form" => {
                    markup.forms.push(tag.sending());
                    is_within = true;
                }
                "/form" => is_within = false,
                "input" | "button" | "select" | "textarea" => {
                    let around = is_within.then(|| markup.forms.len() - 1);
                    controls.push((around, tag));
                }
                "a" => markup.links.extend(tag.value("href")),
                "style" => {
                    let (style, behind) = behind.split_once("</").unwrap_or((behind, ""));
                    markup.styles.push(style.to_owned());
                    rest = behind;
                }
                _ => {}
            }
        }
        markup.give(&controls);
        markup
    }

    /// Gives each form its fields, and what its buttons send otherwise.
    fn give(&mut self, controls: &[(Option<usize>, Tag)]) {
        let mut buttons = Vec::new();
        for (around, tag) in controls {
            let named = tag.value("form").map(|id| self.forms.iter().position(|form| form.id == id));
            let Some(form) = named.unwrap_or(*around) else { continue };
            self.forms[form]
                .fields
                .extend(tag.value("name").map(|name| (name, tag.value("value").unwrap_or_default())));
            if tag.value("formaction").or(tag.value("formmethod")).is_some() {
                buttons.push((form, tag));
            }
        }
        for (form, tag) in buttons {
            let form = self.forms[form].clone();
            let method = tag.value("formmethod").unwrap_or_else(|| form.method.clone());
            let action = tag.value("formaction").unwrap_or_else(|| form.action.clone());
            self.forms.push(Sending { method, action, ..form });
        }
    }
}

/// What stands between `<` and `>`.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// Reads what follows a `<`; gives what follows the `>` as well. None where it is no tag.
    fn read(text: &str) -> Option<(Self, &str)> {
        let slash = usize::from(text.starts_with('/'));
        text[slash..].starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
        let (name, mut rest) = text.split_at(slash + end_of_name(&text[slash..]));
        let mut attributes = Vec::new();
        while let Some((name, value, behind)) = attribute(rest) {
            attributes.push((name, value));
            rest = behind;
        }
        let rest = rest.split_once('>').map_or("", |(_, rest)| rest);
        Some((Tag { name: name.to_ascii_lowercase(), attributes }, rest))
    }

    fn value(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    }

    fn sending(&self) -> Sending {
        let value = |name| self.value(name).unwrap_or_default();
        Sending { id: value("id"), method: value("method"), action: value("action"), fields: Vec::new() }
    }
}

/// The first attribute of these, its value, and what is behind it.
fn attribute(text: &str) -> Option<(String, String, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    if text.is_empty() || text.starts_with('>') {
        return None;
    }
    let (name, rest) = text.split_at(end_of_name(text));
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_start().strip_prefix('=') else { return Some((name, String::new(), rest)) };
    let value = value.trim_start();
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split_once(quote));
    let (value, rest) = quoted.unwrap_or_else(|| {
        value.split_at(value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len()))
    });
    Some((name, unescaped(value), rest))
}

/// Where the name ends that a text begins with. It has one character at least, or nothing would ever be read.
fn end_of_name(text: &str) -> usize {
    let ends = |c: char| c.is_ascii_whitespace() || "=/>".contains(c);
    let mut behind_first = text.char_indices().skip(1);
    behind_first.find(|(_, c)| ends(*c)).map_or(text.len(), |(at, _)| at)
}

/// The text that a template escaped.
fn unescaped(text: &str) -> String {
    const ESCAPED: [(&str, &str); 8] = [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#47;", "/"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    ESCAPED.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only_form(page: &str) -> Sending {
        let forms = Markup::read(page).forms;
        assert_eq!(forms.len(), 1, "{page}");
        forms[0].clone()
    }

    #[test]
    fn a_form_is_read_however_it_is_written() {
        for page in [
            r#"<form method="post" action="end&#x2f;it"><input type="hidden" name="id" value="7&amp;8"></form>"#,
            "<p>1 < 2</p><FORM\n METHOD=Post\n ACTION = 'end/it'><p><INPUT NAME=id VALUE='7&amp;8' required/></p></FORM>",
            r#"<input form="f" name="id" value="7&amp;8"><form id=f method=post action=end/it></form>"#,
            r#"<!-- <form> --><form method=post action=end/it><select name="id" value="7&amp;8"></select>"#,
        ] {
            let form = only_form(page);
            assert!(form.is_post() && form.action() == "end/it", "{page}");
            assert!(form.has("id") && form.has_value("id", "7&8") && !form.has_value("id", "7"), "{page}");
        }
        let form = only_form("<form><input name=a></form><input name=b><input form=none name=c>");
        assert!(!form.is_post() && form.has("a") && !form.has("b") && !form.has("c"));
    }

    #[test]
    fn a_button_may_send_a_form_elsewhere() {
        let page = "<form><button formmethod=post formaction=here>A</button><input name=id value=7></form>";
        let forms = Markup::read(page).forms;
        let [own, button] = forms.as_slice() else { panic!("{}", forms.len()) };
        assert!(!own.is_post() && button.is_post() && button.action() == "here" && button.has_value("id", "7"));
    }

    #[test]
    fn links_and_styles_are_read() {
        let markup = Markup::read("<style>a > b { margin: 0 }\n</style><a title=\"<x>\" href='./'>On</a><a>Off</a>");
        assert_eq!(markup.links, ["./"]);
        assert_eq!(markup.styles, ["a > b { margin: 0 }\n"]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(page in any::<String>(), tags in "(<[a-z/!=\"'> é-]{0,9}){0,9}") {
            Markup::read(&page);
            Markup::read(&tags);
        }
    }
}
