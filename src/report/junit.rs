//! JUnit XML: findings as the results of tests, for CI systems that show those.
//!
//! Each finding is a test case of the connection that it belongs to; it has failed where its severity makes the
//! program's exit code 1, and is a passed one with its text as output where it does not. A capture without findings
//! is one case that passed.

use std::io::{self, Write};

use super::{FindingRecord, Ordered, RecordFormat, RecordWriter, Selection, Summary};
use crate::model::safe_str;

/// Writes JUnit XML.
pub type Junit<W> = RecordWriter<W, JunitFormat>;

/// A test case for each finding.
#[derive(Debug)]
pub struct JunitFormat;

impl<W: Write> Junit<W> {
    /// Creates a report that writes to `out`. `name` is the name of the suite.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, selection: Selection, name: &str) -> io::Result<Self> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites>\n<testsuite name=\"{}\">", xml(name))?;
        Ok(Self::with_format(Ordered::new(out, false), selection, JunitFormat))
    }
}

impl RecordFormat for JunitFormat {
    type Lead = ();

    fn finding<W: Write>(
        &mut self,
        out: &mut Ordered<W>,
        selection: &Selection,
        finding: &FindingRecord<'_>,
    ) {
        let fails = selection.fails.is_some_and(|least| finding.rule.severity >= least);
        out.record(finding.spot.place.packet, |out| {
            let _ = case(out, fails, finding);
        });
    }

    fn finish<W: Write>(
        self,
        out: Ordered<W>,
        _: &Selection,
        matched: u64,
        summary: &Summary,
    ) -> io::Result<()> {
        let mut out = out.finish()?;
        if matched == 0 {
            writeln!(out, "<testcase classname=\"wslens\" name=\"no findings\"/>")?;
        }
        if !summary.input_complete {
            writeln!(out, "<system-err>the capture could not be read to its end</system-err>")?;
        }
        writeln!(out, "</testsuite>\n</testsuites>")?;
        out.flush()
    }
}

fn case(out: &mut Vec<u8>, fails: bool, finding: &FindingRecord<'_>) -> io::Result<()> {
    let FindingRecord { connection, rule, spot, text } = *finding;
    let class =
        connection.map_or("capture".to_owned(), |connection| format!("connection {}", connection.id.0));
    let text = xml(&text.to_string());
    write!(out, "<testcase classname=\"{class}\" name=\"{}, packet {}\">", rule.code, spot.place.packet)?;
    let reference = xml(rule.reference);
    if fails {
        let (kind, advice) = (rule.severity.name(), xml(&rule.advice()));
        write!(out, "<failure type=\"{kind}\" message=\"{text}\">{reference}: {advice}</failure>")?;
    } else {
        write!(out, "<system-out>{}: {text} ({reference})</system-out>", rule.severity.name())?;
    }
    writeln!(out, "</testcase>")
}

/// Text for XML 1.0: what could hide or end something is shown, what has a meaning there is escaped.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in safe_str(text).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // No characters of XML.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_taken_for_xml() {
        assert_eq!(xml("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;");
        assert!(!xml("\u{1b}[31m\0\u{202e}").chars().any(|c| c.is_control() || c == '\u{202e}'));
    }
}
