//! Markdown as a page: headings that links can name, links that lead somewhere, and its text for the search.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::Serialize;

/// A document, rendered.
pub(super) struct Rendered {
    /// The first heading, which is not in `html`.
    pub(super) title: String,
    pub(super) html: String,
    pub(super) sections: Vec<Section>,
    pub(super) blocks: Vec<Block>,
}

/// A heading of the second level.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Section {
    pub(super) anchor: String,
    pub(super) title: String,
}

/// What is read in one piece: a paragraph, an entry of a list, a row of a table, a command.
pub(super) struct Block {
    /// The heading that it stands under, as links name it; empty before the first.
    pub(super) anchor: String,
    pub(super) text: String,
}

/// Renders a document. `resolve` says where a link leads; what leads nowhere becomes text. HTML in the text is left out.
pub(super) fn render(markdown: &str, resolve: impl Fn(&str) -> Option<String>) -> Rendered {
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let title = take_title(&mut events);
    name_headings(&mut events);
    let mut page = Page::new(resolve);
    for event in events {
        page.read(&event);
        page.write(event);
    }
    page.end_block();
    let mut written = String::new();
    html::push_html(&mut written, page.out.into_iter());
    // A column without a name has no head that could be read out.
    let html = written.replace("<th></th>", "<td></td>");
    Rendered { title, html, sections: page.sections, blocks: page.blocks }
}

/// Takes the heading that a document begins with.
fn take_title(events: &mut Vec<Event<'_>>) -> String {
    let is_title = |event: &Event<'_>| matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }));
    let end = events.iter().position(|event| matches!(event, Event::End(TagEnd::Heading(HeadingLevel::H1))));
    match end {
        Some(end) if events.first().is_some_and(is_title) => text_of(&events.drain(..=end).collect::<Vec<_>>()),
        _ => String::new(),
    }
}

fn name_headings(events: &mut [Event<'_>]) {
    let mut text = String::new();
    // From the end, so that the text of a heading is known before its beginning is met.
    for event in events.iter_mut().rev() {
        match event {
            Event::End(TagEnd::Heading(_)) => text.clear(),
            Event::Start(Tag::Heading { id, .. }) => *id = Some(CowStr::from(anchor(&text))),
            event => text.insert_str(0, &text_of(std::slice::from_ref(event))),
        }
    }
}

/// The name by which links know a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn text_of(events: &[Event<'_>]) -> String {
    let words = events.iter().filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        Event::SoftBreak | Event::HardBreak | Event::InlineHtml(_) | Event::End(TagEnd::TableCell) => Some(" "),
        _ => None,
    });
    words.collect()
}

impl Block {
    fn under(anchor: &str) -> Block {
        Block { anchor: anchor.to_owned(), text: String::new() }
    }
}

struct Page<'a, R> {
    resolve: R,
    /// For each link that is open, whether it leads somewhere.
    is_linked: Vec<bool>,
    out: Vec<Event<'a>>,
    open: Block,
    sections: Vec<Section>,
    blocks: Vec<Block>,
}

impl<'a, R: Fn(&str) -> Option<String>> Page<'a, R> {
    fn new(resolve: R) -> Self {
        let open = Block::under("");
        Page { resolve, is_linked: Vec::new(), out: Vec::new(), open, sections: Vec::new(), blocks: Vec::new() }
    }

    /// Notes the text.
    fn read(&mut self, event: &Event<'_>) {
        use TagEnd::{CodeBlock, Heading, Item, Paragraph, TableHead, TableRow};
        match event {
            Event::Start(Tag::Heading { id, .. }) => {
                self.end_block();
                self.open = Block::under(id.as_deref().unwrap_or_default());
            }
            Event::End(Heading(HeadingLevel::H2)) => {
                let Block { anchor, text } = &self.open;
                self.sections.push(Section { anchor: anchor.clone(), title: text.clone() });
                self.end_block();
            }
            Event::Start(Tag::Item | Tag::CodeBlock(_))
            | Event::End(Paragraph | Item | Heading(_) | CodeBlock | TableHead | TableRow) => self.end_block(),
            event => self.open.text.push_str(&text_of(std::slice::from_ref(event))),
        }
    }

    fn end_block(&mut self) {
        let next = Block::under(&self.open.anchor);
        let Block { anchor, text } = std::mem::replace(&mut self.open, next);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.blocks.push(Block { anchor, text });
        }
    }

    /// Passes an event on as the page has it. What is wider than a phone scrolls by itself, also with a keyboard.
    fn write(&mut self, event: Event<'a>) {
        let raw = |html: &'static str| Event::Html(html.into());
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = (self.resolve)(&dest_url);
                self.is_linked.push(target.is_some());
                if let Some(target) = target {
                    self.out.push(Event::Start(Tag::Link { link_type, dest_url: target.into(), title, id }));
                }
            }
            Event::End(TagEnd::Link) if self.is_linked.pop() == Some(false) => {}
            Event::Start(Tag::Image { .. }) => self.out.push(Event::Text("Picture: ".into())),
            Event::End(TagEnd::Image) => {}
            Event::Start(Tag::CodeBlock(kind)) if is_drawn(&kind) => self.out.push(raw("<pre tabindex=\"0\"><code>")),
            Event::Start(Tag::Table(alignments)) => {
                self.out.push(raw("<div class=\"scroll\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">"));
                self.out.push(Event::Start(Tag::Table(alignments)));
            }
            Event::End(TagEnd::Table) => self.out.extend([event, raw("</div>\n")]),
            Event::InlineHtml(html) if html.as_ref() == "<br>" => self.out.push(Event::HardBreak),
            Event::Html(_) | Event::InlineHtml(_) => {}
            other => self.out.push(other),
        }
    }
}

/// Whether lines of it must not be wrapped: a block without a language is drawn with characters.
fn is_drawn(kind: &CodeBlockKind<'_>) -> bool {
    !matches!(kind, CodeBlockKind::Fenced(language) if !language.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A title\n\nIt *begins*\nso.\n\n<!-- a mark -->\n\n## What `it` means?\n\n- one [there](There.md)\n\
        - two [gone](gone.md) ![a view](a.png)\n  ```sh\n  echo <b>\n  ```\n\n```\n--> drawn\n```\n\n| a | |\n|---|---|\n\
        | c<br>d | <i onclick=x>e</i> |\n";

    fn rendered() -> Rendered {
        render(TEXT, |target| (target == "There.md").then(|| "/there".to_owned()))
    }

    #[test]
    fn links_lead_somewhere_or_are_text() {
        let html = rendered().html;
        assert!(html.contains("<a href=\"/there\">there</a>"), "{html}");
        assert!(html.contains("two gone Picture: a view"), "{html}");
        assert_eq!((html.matches("<a ").count(), html.matches("</a>").count()), (1, 1), "{html}");
    }

    #[test]
    fn headings_have_names_and_the_first_is_the_title() {
        let Rendered { title, html, sections, .. } = rendered();
        assert_eq!(title, "A title");
        assert_eq!(sections, [Section { anchor: "what-it-means".into(), title: "What it means?".into() }]);
        assert!(!html.contains("A title"), "{html}");
        assert!(html.contains("<h2 id=\"what-it-means\">What <code>it</code> means?</h2>"), "{html}");
    }

    #[test]
    fn markup_in_the_text_is_shown_or_left_out_and_never_obeyed() {
        let html = rendered().html;
        assert!(html.contains("<pre><code class=\"language-sh\">echo &lt;b&gt;\n</code></pre>"), "{html}");
        assert!(html.contains("<pre tabindex=\"0\"><code>--&gt; drawn\n</code></pre>"), "{html}");
        assert!(html.contains("c<br />\nd</td><td>e</td>"), "{html}");
        assert!(!html.contains("onclick") && !html.contains("a mark"), "{html}");
        assert!(html.contains("<tr><th>a</th><td></td></tr>"), "{html}");
    }

    #[test]
    fn the_text_is_known_in_pieces_under_their_headings() {
        let blocks = rendered().blocks;
        let blocks: Vec<(&str, &str)> = blocks.iter().map(|block| (&*block.anchor, &*block.text)).collect();
        let under = "what-it-means";
        assert_eq!(
            blocks,
            [
                ("", "It begins so."),
                (under, "What it means?"),
                (under, "one there"),
                (under, "two gone a view"),
                (under, "echo <b>"),
                (under, "--> drawn"),
                (under, "a"),
                (under, "c d e")
            ]
        );
    }
}
