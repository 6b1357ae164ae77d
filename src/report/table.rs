//! Tables.

use std::io::{self, Write};
use super::{Report, Selection, Summary};
use crate::pipeline::Sink;

/// T.
pub enum TimeFormat {
    /// a
    Rel,
    /// a
    Abs,
    /// a
    Utc,
    /// a
    Epoch,
    /// a
    Delta }
/// Look
pub struct Look {
    /// a
    pub color: bool,
    /// a
    pub columns: Option<usize>,
    /// a
    pub time: TimeFormat,
    /// a
    pub ascii: bool }
/// T.
pub struct Table<W>(W);
impl<W: Write> Table<W> {
    /// New.
    pub fn new(out: W, _: Selection, _: Look, _: bool) -> Self { Self(out) }
}
impl<W: Write> Sink for Table<W> {}
impl<W: Write> Report for Table<W> {
    fn failed(&self) -> bool { false }
    fn matched(&self) -> u64 { 0 }
    fn finish(self, _: &Summary) -> io::Result<()> { Ok(()) }
}
