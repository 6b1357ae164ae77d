//! Messages to read: Markdown, and a sequence diagram for Mermaid. In both, nothing captured can end what holds it.

use std::io::{self, Write};

use super::ordered::{Lead, Ordered};
use super::{RecordFormat, RecordWriter, Selection, Summary};
use crate::model::{Direction, Lang, Nanos, Time, preview, safe_text};
use crate::pipeline::Connection;
use crate::present::units;
use crate::ws::{Integrity, MessageEvent, Opcode};

/// The form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptForm {
    /// A heading for each message, its text or hex below.
    Markdown,
    /// A line for each message, for mermaid.js.
    Mermaid,
}

/// Messages in a diagram: renderers give up on more.
const ARROWS: u64 = 400;
/// Bytes of a message that are written as hex.
const HEX: usize = 1024;

/// Writes messages to read.
pub type Transcript<W> = RecordWriter<W, TranscriptFormat>;

/// An entry or an arrow for each message.
#[derive(Debug)]
pub struct TranscriptFormat {
    form: TranscriptForm,
    begin: Option<Time>,
    arrows: u64,
    left_out: u64,
}

/// The heading of a connection, before its messages: where those of another one came before.
#[derive(Debug, Default)]
pub struct Heading {
    /// The connection whose heading was written last.
    last: u32,
}

impl Lead for Heading {
    /// Number and URL of the connection; `None` for what has no heading.
    type Tag = Option<(u32, String)>;

    fn lead(&mut self, tag: &Self::Tag, out: &mut Vec<u8>) {
        if let Some((number, url)) = tag
            && std::mem::replace(&mut self.last, *number) != *number
        {
            let _ = writeln!(out, "## Connection {number}\n");
            fence(out, url);
        }
    }
}

impl<W: Write> Transcript<W> {
    /// Creates a report that writes to `out`.
    pub fn new(out: W, form: TranscriptForm, selection: Selection) -> Self {
        let mut out = Ordered::with_lead(out, Heading::default(), false);
        if form == TranscriptForm::Mermaid {
            out.tagged(0, None, |out| {
                out.extend_from_slice(
                    b"sequenceDiagram\n    participant C as client\n    participant S as server\n",
                );
            });
        }
        let format = TranscriptFormat { form, begin: None, arrows: 0, left_out: 0 };
        Self::with_format(out, selection, format)
    }
}

impl RecordFormat for TranscriptFormat {
    type Lead = Heading;

    fn begins(&mut self, first: Time) {
        self.begin = Some(first);
    }

    fn opened<W: Write>(
        &mut self,
        out: &mut Ordered<W, Heading>,
        selection: &Selection,
        connection: &Connection,
    ) {
        if self.form == TranscriptForm::Mermaid && selection.shows_connection(connection.id.0) {
            let url = connection.url.as_deref().map(|url| mermaid(url.as_bytes(), 60));
            let last =
                connection.response.or(connection.request).map_or(connection.first, |place| place.last);
            let answered = connection.response.is_some();
            let is_http2 = connection.stream_id.is_some();
            let status = connection.handshake.status.filter(|_| is_http2);
            out.tagged(last.packet, None, |out| {
                // What was not captured is a note, and no arrow.
                let _ = match url {
                    Some(url) if is_http2 => writeln!(out, "    C->>S: CONNECT {url} protocol websocket"),
                    Some(url) => writeln!(out, "    C->>S: GET {url} Upgrade: websocket"),
                    None => writeln!(out, "    Note over C,S: request not captured"),
                };
                let _ = match (answered, status) {
                    (true, Some(status)) => writeln!(out, "    S-->>C: status {status}"),
                    (true, None) if is_http2 => writeln!(out, "    S-->>C: status not captured"),
                    (true, None) => writeln!(out, "    S-->>C: 101 Switching Protocols"),
                    (false, _) => writeln!(out, "    Note over C,S: response not captured"),
                };
            });
        }
    }

    fn message<W: Write>(
        &mut self,
        out: &mut Ordered<W, Heading>,
        _: &Selection,
        connection: &Connection,
        message: &MessageEvent<'_>,
    ) {
        let begin = self.begin.unwrap_or(message.last.time);
        match self.form {
            TranscriptForm::Mermaid if self.arrows == ARROWS => self.left_out += 1,
            TranscriptForm::Mermaid => {
                self.arrows += 1;
                out.tagged(message.last.packet, None, |out| arrow(out, message));
            }
            TranscriptForm::Markdown => {
                let of = Some((connection.id.0, connection.name(Lang::En).into_owned()));
                out.tagged(message.last.packet, of, |out| entry(out, message, begin));
            }
        }
    }

    fn finish<W: Write>(
        self,
        mut out: Ordered<W, Heading>,
        _: &Selection,
        _: u64,
        _: &Summary,
    ) -> io::Result<()> {
        out.watermark(u64::MAX);
        let left_out = self.left_out;
        if left_out > 0 {
            out.tagged(u64::MAX - 1, None, |out| {
                let _ = writeln!(out, "    Note over C,S: {left_out} more messages are left out");
            });
        }
        out.finish().map(|_| ())
    }
}

/// `    C->>S: TEXT 5 B "Hello"`
fn arrow(out: &mut Vec<u8>, message: &MessageEvent<'_>) {
    let control = message.opcode.is_control();
    let line = match (message.direction, control) {
        (Direction::ClientToServer, false) => "C->>S",
        (Direction::ClientToServer, true) => "C--)S",
        (Direction::ServerToClient, false) => "S->>C",
        (Direction::ServerToClient, true) => "S--)C",
    };
    let name = message.opcode.name().to_uppercase();
    let _ = write!(out, "    {line}: {name}");
    match (message.close, message.len) {
        (Some(close), _) => {
            if let Some(code) = close.code {
                let _ = write!(out, " {code}");
            }
            let _ = write!(out, " {}", mermaid(close.reason, 40));
        }
        (None, Some(len)) => drop(write!(out, " {len} B")),
        (None, None) => drop(write!(out, " {}", message.integrity.name())),
    }
    if let Some(text) = message.text {
        let _ = write!(out, " {}", mermaid(text.as_bytes(), 40));
    }
    if message.frames > 1 {
        let _ = write!(out, " ({} frames)", message.frames);
    }
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// Captured text for a line of Mermaid: what means something there is written as an entity.
fn mermaid(bytes: &[u8], columns: usize) -> String {
    let (text, _) = preview(bytes, columns);
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | '/' | '=' | '?' | '_' | '-' | '…' => {
                out.push(char)
            }
            _ if char.is_alphanumeric() => out.push(char),
            _ => {
                out.push('#');
                out.push_str(itoa::Buffer::new().format(u32::from(char)));
                out.push(';');
            }
        }
    }
    out
}

/// A message in Markdown.
fn entry(out: &mut Vec<u8>, message: &MessageEvent<'_>, begin: Time) {
    let arrow = match message.direction {
        Direction::ClientToServer => "client → server",
        Direction::ServerToClient => "server → client",
    };
    let since = message.last.time.since(begin);
    let (sign, n) = (if since < Nanos::ZERO { "-" } else { "" }, since.0.unsigned_abs());
    let _ = write!(
        out,
        "### {} {arrow}  {}  {sign}{}.{:06} s  ",
        message.number,
        message.opcode.name(),
        n / 1_000_000_000,
        n / 1000 % 1_000_000
    );
    match message.len {
        Some(len) => units::counted(out, len, "byte"),
        None => out.extend_from_slice(b"length not known"),
    }
    if message.frames > 1 {
        out.extend_from_slice(b", ");
        units::counted(out, message.frames.into(), "frame");
    }
    if message.compressed {
        out.extend_from_slice(b", compressed");
    }
    if message.integrity != Integrity::Ok {
        let _ = write!(out, ", {}", message.integrity.name());
    }
    out.extend_from_slice(b"\n\n");
    if let Some(close) = message.close {
        let code = close.code.map_or("no code".to_owned(), |code| code.to_string());
        fence(out, &format!("{code} {}", safe_text(close.reason)));
    } else if let Some(text) = message.text {
        if !text.is_empty() {
            fence(out, text);
        }
    } else if !message.bytes.is_empty() && message.opcode != Opcode::Close {
        let shown = message.bytes.get(..message.bytes.len().min(HEX)).unwrap_or_default();
        let more = if shown.len() < message.bytes.len() { " …" } else { "" };
        fence(out, &format!("{}{more}", hex::encode(shown)));
    }
}

/// A block of captured text. Its fence is longer than any in the text; lines stay lines, all else is made safe.
fn fence(out: &mut Vec<u8>, text: &str) {
    let mut longest = 2;
    let mut run = 0;
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let _ = writeln!(out, "{fence}text");
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let _ = writeln!(out, "{}", safe_text(line.as_bytes()));
    }
    let _ = writeln!(out, "{fence}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_ends_its_block(text in "[`~a\\n\\r\\x1b]{0,40}") {
            let mut out = Vec::new();
            fence(&mut out, &text);
            let written = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = written.lines().collect();
            let mark = lines[0].trim_end_matches("text");
            let ends: Vec<usize> = (1..lines.len()).filter(|at| {
                let line = lines[*at].trim();
                line.len() >= mark.len() && line.bytes().all(|b| b == b'`')
            }).collect();
            prop_assert_eq!(ends, vec![text.split('\n').count() + 1]);
            prop_assert!(!written.contains('\x1b'));
        }

        #[test]
        fn no_text_leaves_its_line_of_a_diagram(text in "\\PC{0,40}") {
            let line = mermaid(text.as_bytes(), 60);
            prop_assert!(!line.contains(['\n', ':', '<', '>', '"', '%', '{']), "{}", line);
            // A `;` only ends an entity.
            for part in line.split(';').rev().skip(1) {
                let (_, digits) = part.rsplit_once('#').unwrap();
                prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
