//! A story as text for a terminal, or as Markdown.

use std::fmt::Write as _;

use super::{Grade, Sentence, SentencePart, Story};
use crate::model::wrap;
use crate::model::{Lang, preview};

/// How a story is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryForm {
    /// Lines of at most so many columns.
    Text(usize),
    /// CommonMark; captured text cannot become markup.
    Markdown,
}

/// Columns of captured text in a sentence.
const QUOTED: usize = 120;

/// Writes a story.
#[must_use]
pub fn write(story: &Story, form: StoryForm, lang: Lang) -> String {
    let mut out = String::new();
    let title = match lang {
        Lang::En => format!("The story of connection {}", story.number),
        Lang::Zh => format!("连接 {} 的经过", story.number),
    };
    let _ = match form {
        StoryForm::Text(_) => writeln!(out, "{title}"),
        StoryForm::Markdown => writeln!(out, "# {title}"),
    };
    for chapter in &story.chapters {
        let _ = match form {
            StoryForm::Text(_) => writeln!(out, "\n{}", chapter.title.of(lang)),
            StoryForm::Markdown => writeln!(out, "\n## {}\n", chapter.title.of(lang)),
        };
        for sentence in &chapter.sentences {
            let _ = match form {
                StoryForm::Text(columns) => {
                    let lines = wrap(&text(sentence, form, lang), columns.saturating_sub(4).max(20));
                    lines.iter().enumerate().try_for_each(|(i, line)| {
                        writeln!(out, "  {} {line}", if i == 0 { "-" } else { " " })
                    })
                }
                StoryForm::Markdown => writeln!(out, "- {}", text(sentence, form, lang)),
            };
        }
    }
    let legend = match lang {
        Lang::En => {
            "Unmarked sentences are shown by the packets. [inferred] marks conclusions from them or from a stated model. [unknown] marks facts that the capture does not show."
        }
        Lang::Zh => {
            "没有标记的句子由数据包直接证明。[推断]：由数据包或所说明的模型推出。[未知]：抓包中无法判断。"
        }
    };
    let _ = match form {
        StoryForm::Text(columns) => {
            out.push('\n');
            wrap(legend, columns.max(20)).iter().try_for_each(|line| writeln!(out, "{line}"))
        }
        StoryForm::Markdown => writeln!(out, "\n{}", own(legend)),
    };
    out
}

fn text(sentence: &Sentence, form: StoryForm, lang: Lang) -> String {
    let mut out = String::new();
    for piece in &sentence.pieces {
        match (piece, form) {
            (SentencePart::Own(text), StoryForm::Text(_)) => out.push_str(text),
            (SentencePart::Own(text), StoryForm::Markdown) => out.push_str(&own(text)),
            (SentencePart::Captured(bytes), form) => {
                let (shown, cut) = preview(bytes, QUOTED);
                match form {
                    StoryForm::Text(_) => out.push_str(&shown),
                    StoryForm::Markdown => out.push_str(&escape(&shown)),
                }
                if cut && !shown.ends_with('…') {
                    out.push('…');
                }
            }
        }
    }
    let mark = match sentence.grade {
        Grade::Observed => "",
        Grade::Inferred => lang.pick("[inferred]", "[推断]"),
        Grade::Unknown => lang.pick("[unknown]", "[未知]"),
    };
    for note in
        [if sentence.at.is_empty() { String::new() } else { format!("({})", sentence.at) }, mark.to_owned()]
    {
        if !note.is_empty() {
            out.push(' ');
            out.push_str(&if form == StoryForm::Markdown { own(&note) } else { note });
        }
    }
    out
}

/// Our own words in Markdown: what would begin a link is no link.
fn own(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]")
}

/// Captured text in Markdown: every ASCII mark is taken as itself.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, sign| {
        if sign.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(sign);
        out
    })
}
