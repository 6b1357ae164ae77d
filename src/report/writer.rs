//! What all formats of records share: the selection of rows, their order, and their count.
//!
//! A new format is one file with a [`RecordFormat`], which writes a row of each level, and a row in the table of formats.

use std::fmt::Arguments;
use std::io::{self, Write};

use super::{Lead, Levels, Ordered, Report, Selection, Summary};
use crate::model::{Loss, Rule, Time};
use crate::pipeline::{Connection, Ended, SealedTls, Sink, Wants};
use crate::ws::{FrameEvent, MessageEvent, Spot};

/// A finding that is printed.
pub struct FindingRecord<'a> {
    /// Its connection; `None` if it concerns the capture.
    pub connection: Option<&'a Connection>,
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The frame, message, packet and direction.
    pub spot: Spot,
    /// The sentence with the values.
    pub text: Arguments<'a>,
}

/// A format of records: how a row of each level is written. A level that a format does not have is not written.
pub trait RecordFormat {
    /// What is written before a record and depends on the records before it.
    type Lead: Lead;

    /// Whether rows of several levels can be in one output.
    const MIXES_LEVELS: bool = true;

    /// The events that the format needs beyond rows.
    fn wants(&self, selection: &Selection) -> Wants {
        Wants { heads: selection.needs_heads(), ..Wants::default() }
    }

    /// The capture begins at `first`.
    fn begins(&mut self, first: Time) {
        let _ = first;
    }

    /// A connection opened.
    fn opened<W: Write>(
        &mut self,
        out: &mut Ordered<W, Self::Lead>,
        selection: &Selection,
        connection: &Connection,
    ) {
        let _ = (out, selection, connection);
    }

    /// Writes a message, with no more bytes than are printed.
    fn message<W: Write>(
        &mut self,
        out: &mut Ordered<W, Self::Lead>,
        selection: &Selection,
        connection: &Connection,
        message: &MessageEvent<'_>,
    ) {
        let _ = (out, selection, connection, message);
    }

    /// Writes a frame.
    fn frame<W: Write>(
        &mut self,
        out: &mut Ordered<W, Self::Lead>,
        selection: &Selection,
        connection: &Connection,
        frame: &FrameEvent<'_>,
    ) {
        let _ = (out, selection, connection, frame);
    }

    /// Writes a finding.
    fn finding<W: Write>(
        &mut self,
        out: &mut Ordered<W, Self::Lead>,
        selection: &Selection,
        finding: &FindingRecord<'_>,
    ) {
        let _ = (out, selection, finding);
    }

    /// Writes a connection that ended.
    fn ended<W: Write>(&mut self, out: &mut Ordered<W, Self::Lead>, ended: &Ended<'_>) {
        let _ = (out, ended);
    }

    /// Writes a TLS connection that could not be decrypted.
    fn sealed<W: Write>(
        &mut self,
        out: &mut Ordered<W, Self::Lead>,
        selection: &Selection,
        sealed: &SealedTls,
    ) {
        let _ = (out, selection, sealed);
    }

    /// Writes packets that the capture lost.
    fn lost<W: Write>(&mut self, out: &mut Ordered<W, Self::Lead>, selection: &Selection, loss: &Loss) {
        let _ = (out, selection, loss);
    }

    /// Writes what follows the last row. `matched` is the number of rows.
    ///
    /// # Errors
    /// Those of the writer.
    fn finish<W: Write>(
        self,
        out: Ordered<W, Self::Lead>,
        selection: &Selection,
        matched: u64,
        summary: &Summary,
    ) -> io::Result<()>;
}

/// Writes the selected rows in a format.
pub struct RecordWriter<W, F: RecordFormat> {
    out: Ordered<W, F::Lead>,
    selection: Selection,
    matched: u64,
    format: F,
}

impl<W: Write, F: RecordFormat> RecordWriter<W, F> {
    /// Creates a report that writes to `out`.
    pub(super) fn with_format(out: Ordered<W, F::Lead>, selection: Selection, format: F) -> Self {
        Self { out, selection, matched: 0, format }
    }

    fn writes(&self) -> bool {
        F::MIXES_LEVELS || self.selection.levels != Levels::ALL
    }
}

impl<W: Write, F: RecordFormat> Report for RecordWriter<W, F> {
    fn failed(&self) -> bool {
        self.out.failed()
    }

    fn matched(&self) -> u64 {
        self.matched
    }

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn finish(self, summary: &Summary) -> io::Result<()> {
        self.format.finish(self.out, &self.selection, self.matched, summary)
    }
}

impl<W: Write, F: RecordFormat> Sink for RecordWriter<W, F> {
    fn wants(&self) -> Wants {
        self.format.wants(&self.selection)
    }

    fn begins(&mut self, first: Time) {
        self.selection.begins(first);
        self.format.begins(first);
    }

    fn opened(&mut self, connection: &Connection) {
        self.format.opened(&mut self.out, &self.selection, connection);
    }

    #[inline]
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if self.writes() && self.selection.message(connection, message) {
            self.matched += 1;
            let short = self.selection.shorten(message);
            let message = short.as_ref().unwrap_or(message);
            self.format.message(&mut self.out, &self.selection, connection, message);
        }
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if self.writes() && self.selection.frame(connection, frame) {
            self.matched += 1;
            self.format.frame(&mut self.out, &self.selection, connection, frame);
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        if self.writes() && self.selection.finding(connection, rule, spot, text) {
            self.matched += 1;
            let finding = FindingRecord { connection, rule, spot, text };
            self.format.finding(&mut self.out, &self.selection, &finding);
        }
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        if self.writes() && self.selection.ended(ended) {
            self.matched += 1;
            self.format.ended(&mut self.out, ended);
        }
    }

    fn sealed(&mut self, sealed: &SealedTls) {
        self.format.sealed(&mut self.out, &self.selection, sealed);
    }

    fn lost(&mut self, loss: &Loss) {
        self.format.lost(&mut self.out, &self.selection, loss);
    }

    fn watermark(&mut self, packet: u64) {
        self.out.watermark(packet);
    }
}
