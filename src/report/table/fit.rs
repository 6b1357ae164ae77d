//! Text that has to fit: cut at the end of a row, or wrapped between the parts of a line.

use crate::model::{Safe, is_plain, preview_runs, safe, safe_str, width};
use crate::present::{Role, Style};

/// The rest of a row, as far as it goes. All of it is safe to show.
pub(super) struct Fit<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) style: Style,
    /// Columns left; `None` where nothing is cut.
    pub(super) room: Option<usize>,
    pub(super) ascii: bool,
}

impl Fit<'_> {
    /// What stands for a part that is left out: one column.
    fn ellipsis(&self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }

    /// Captured bytes as text. `more`: they go on, beyond what is here.
    #[inline]
    pub(super) fn wire(&mut self, bytes: &[u8], more: bool) {
        self.text(Role::Plain, bytes, more);
    }

    /// Our own text.
    pub(super) fn own(&mut self, role: Role, text: &str) {
        self.text(role, text.as_bytes(), false);
    }

    /// Spaces, as far as there is room.
    pub(super) fn space(&mut self, count: usize) {
        let count = self.room.map_or(count, |room| room.min(count));
        self.out.resize(self.out.len() + count, b' ');
        self.took(count);
    }

    /// Sets columns aside for what comes last; answers how many.
    pub(super) fn keep(&mut self, columns: usize) -> usize {
        let Some(room) = &mut self.room else { return 0 };
        let kept = if columns <= *room { columns } else { 0 };
        *room -= kept;
        kept
    }

    /// Writes what `kept` columns were set aside for.
    pub(super) fn give(&mut self, kept: usize, role: Role, text: &[u8]) {
        if let Some(room) = &mut self.room {
            *room += kept;
        }
        self.text(role, text, false);
    }

    fn took(&mut self, columns: usize) {
        if let Some(room) = &mut self.room {
            *room = room.saturating_sub(columns);
        }
    }

    pub(super) fn text(&mut self, role: Role, bytes: &[u8], more: bool) {
        let Some(room) = self.room else {
            return self.all(role, bytes, more);
        };
        if room == 0 || (bytes.is_empty() && !more) {
            return;
        }
        let style = self.style;
        // One column is kept for the sign that more follows.
        let columns = room - usize::from(more);
        let ascii = bytes.get(..=columns).unwrap_or(bytes);
        if is_plain(ascii) {
            let cut = ascii.len() > columns;
            let kept = if cut { room - 1 } else { ascii.len() };
            style.put(self.out, role, |out| out.extend_from_slice(bytes.get(..kept).unwrap_or_default()));
            self.took(kept);
            if cut || more {
                self.end(0);
            }
            return;
        }
        let shown = preview_runs(bytes, columns);
        for run in &shown.runs {
            self.run(role, run);
            self.took(width(run.as_str()));
        }
        match shown.cut {
            // The column that was kept for `…` is not needed twice.
            Some(spaces) => self.end(spaces),
            None if more => self.end(0),
            None => {}
        }
    }

    /// Ends a text that was cut; nothing follows it.
    fn end(&mut self, spaces: usize) {
        self.space(spaces);
        let ellipsis = self.ellipsis();
        self.style.put(self.out, Role::Dim, |out| out.extend_from_slice(ellipsis.as_bytes()));
        self.took(1);
    }

    fn all(&mut self, role: Role, bytes: &[u8], more: bool) {
        if is_plain(bytes) {
            self.style.put(self.out, role, |out| out.extend_from_slice(bytes));
        } else {
            for run in safe(bytes) {
                self.run(role, &run);
            }
        }
        if more {
            self.end(0);
        }
    }

    fn run(&mut self, role: Role, run: &Safe<'_>) {
        let role = if let Safe::Escaped(_) = run { Role::Escape } else { role };
        self.style.put(self.out, role, |out| out.extend_from_slice(run.as_str().as_bytes()));
    }

    /// Bytes in hexadecimal, with the characters they are where there is room. `more` as in [`wire`](Self::wire).
    pub(super) fn hex(&mut self, bytes: &[u8], more: bool) {
        /// Bytes of which the characters are shown too.
        const BOTH: usize = 16;
        /// With less room, the characters are left out.
        const NARROW: usize = 32;
        if bytes.is_empty() {
            return;
        }
        let room = match self.room {
            Some(0) => return,
            Some(room) if room >= NARROW => room,
            room => {
                let whole = !more && room.is_none_or(|room| 3 * bytes.len() <= room + 1);
                // Two columns for the sign that more follows.
                let fits = match room {
                    Some(room) if !whole => (room - 1) / 3,
                    _ => bytes.len(),
                };
                let shown = bytes.get(..fits.min(bytes.len())).unwrap_or_default();
                self.digits(shown);
                if !whole {
                    self.end(usize::from(!shown.is_empty()));
                }
                return;
            }
        };
        // Four columns a byte, and four around them.
        let fits = ((room - 4) / 4).min(BOTH);
        let shown = bytes.get(..bytes.len().min(fits)).unwrap_or_default();
        let bar = if self.ascii { b"|" as &[u8] } else { "│".as_bytes() };
        self.digits(shown);
        self.space(2);
        self.out.extend_from_slice(bar);
        for byte in shown {
            self.out.push(if (0x20..=0x7e).contains(byte) { *byte } else { b'.' });
        }
        self.took(shown.len() + 1);
        if more || shown.len() < bytes.len() {
            self.end(0);
        } else {
            self.out.extend_from_slice(bar);
            self.took(1);
        }
    }

    /// Bytes in hexadecimal with spaces between them, as many as fit.
    pub(super) fn digits(&mut self, bytes: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
        let fits = self.room.map_or(bytes.len(), |room| (room + 1) / 3);
        let shown = bytes.get(..bytes.len().min(fits)).unwrap_or_default();
        for (i, byte) in shown.iter().enumerate() {
            if i > 0 {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(&[digit(byte >> 4), digit(*byte)]);
        }
        self.took((3 * shown.len()).saturating_sub(1));
    }
}

/// A line made of parts, which goes on in the next line where a part has no room.
pub(super) struct Wrapped<'a> {
    pub(super) out: &'a mut Vec<u8>,
    style: Style,
    ascii: bool,
    indent: usize,
    column: usize,
    /// Spaces that belong before the next part.
    pending: usize,
    fresh: bool,
}

impl<'a> Wrapped<'a> {
    /// A line; those that go on begin `indent` columns in.
    pub(super) fn new(out: &'a mut Vec<u8>, style: Style, ascii: bool, indent: usize) -> Self {
        Self { out, style, ascii, indent, column: 0, pending: 0, fresh: true }
    }

    /// A part, `space` columns behind the one before; cut where it alone is wider than a line.
    pub(super) fn part(&mut self, role: Role, space: usize, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let wide = if is_plain(text) { text.len() } else { safe(text).map(|run| width(run.as_str())).sum() };
        let space = std::mem::take(&mut self.pending) + if self.fresh { 0 } else { space };
        let columns = self.style.columns;
        if let Some(columns) = columns
            && self.column > self.indent
            && self.column + space + wide > columns
        {
            self.line();
        } else {
            self.out.resize(self.out.len() + space, b' ');
            self.column += space;
        }
        let room = columns.map(|columns| columns.saturating_sub(self.column).max(1));
        self.column += room.map_or(wide, |room| room.min(wide));
        self.fresh = false;
        Fit { out: self.out, style: self.style, room, ascii: self.ascii }.text(role, text, false);
    }

    /// A part that takes at least `width` columns of its line.
    pub(super) fn padded(&mut self, role: Role, space: usize, text: &str, width: usize) {
        self.part(role, space, text.as_bytes());
        self.pending = width.saturating_sub(crate::model::width(text));
    }

    /// Notes columns that were written before.
    pub(super) fn skip(&mut self, columns: usize) {
        self.column += columns;
    }

    /// A sentence, wrapped between its words.
    pub(super) fn sentence(&mut self, role: Role, space: usize, text: &str) {
        let text = safe_str(text);
        let fits = |columns: usize| self.column + self.pending + space + width(&text) <= columns;
        if self.style.columns.is_none_or(fits) {
            return self.part(role, space, text.as_bytes());
        }
        for (i, word) in text.split(' ').enumerate() {
            self.part(role, if i == 0 { space } else { 1 }, word.as_bytes());
        }
    }

    fn line(&mut self) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + self.indent, b' ');
        self.column = self.indent;
        self.fresh = true;
    }

    /// Ends the line.
    pub(super) fn end(self) {
        self.out.push(b'\n');
    }
}
