//! Events that the UI receives, and effects that it requests.

use std::path::PathBuf;
use std::time::Duration;

use super::details::DetailsAnswer;
use super::keys::Press;
use crate::store::detail::Request;
use crate::store::{Detail, LoadError};

/// An event. Time and size are events too: the UI reads neither clock nor terminal.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Press),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used.
    Mouse(Mouse),
    /// The size of the terminal: columns, rows.
    Resize(u16, u16),
    /// The time since the start.
    Tick(Duration),
    /// The index grew, or the state of reading changed.
    Data(Box<crate::store::Progress>),
    /// The answer to a request, or its error.
    Answer(Request, Result<DetailsAnswer, String>),
    /// Progress of a search in payloads.
    Found {
        /// Which search.
        id: u64,
        /// Numbers of the messages found since the last event.
        found: Vec<u64>,
        /// Progress in percent.
        percent: u8,
        /// Whether it has ended.
        over: bool,
    },
    /// Progress of a search for connections.
    Chosen {
        /// Which search.
        id: u64,
        /// The results since the last event.
        results: Vec<crate::filter::Told>,
        /// Progress in percent.
        percent: u8,
        /// Whether it has ended.
        over: bool,
    },
    /// The result of an effect, as text for the status line.
    Done(Result<String, String>),
    /// Progress of an export, as text; `None` when it has ended.
    Exporting(Option<String>),
    /// A file with this name exists: the user decides whether to replace it.
    Exists(crate::export::Job),
}

/// A mouse event and its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// The kind of event.
    pub kind: MouseKind,
    /// Column from 0.
    pub x: u16,
    /// Row from 0.
    pub y: u16,
}

/// The kind of a mouse event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button was pressed.
    Click,
    /// The left button was pressed twice in the same cell.
    DoubleClick,
    /// The mouse moved with its left button down.
    Drag,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}

/// A request of the UI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Load details; an [`Event::Answer`] follows.
    Load(Request),
    /// Search payloads; [`Event::Found`]s follow. It replaces a search that is still running.
    Scan(ScanFor),
    /// Apply a filter to complete connections; [`Event::Chosen`]s follow. It replaces one that is still running.
    Choose(ChooseFor),
    /// Copy a text to the clipboard.
    Copy(String),
    /// Write a file; an [`Event::Done`] follows.
    Save(PathBuf, Save),
    /// Add progress in lessons to a file; an [`Event::Done`] follows only on an error.
    Keep(PathBuf, crate::learn::progress::LessonProgress),
    /// Export messages or packets; an [`Event::Done`] or [`Event::Exists`] follows.
    Export(crate::export::Job),
    /// Stop the running export.
    StopExport,
    /// Stop reading the capture and keep what was read.
    StopReading,
    /// Continue to read the capture.
    GoOnReading,
    /// Draw everything again.
    Redraw,
    /// Enable or disable mouse events.
    Mouse(bool),
    /// Suspend the program.
    Suspend,
    /// End the program.
    Quit,
}

/// A search in payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFor {
    /// Number of the search, repeated in its events.
    pub id: u64,
    /// The connection to search.
    pub connection: u32,
    /// The filter.
    pub filter: String,
}

/// A search for connections that a filter selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChooseFor {
    /// Number of the search, repeated in its events.
    pub id: u64,
    /// The connections to test.
    pub connections: Vec<u32>,
    /// The filter.
    pub filter: String,
}

/// Contents of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Makes an event of an answer of the store.
#[must_use]
pub fn answer(request: Request, answer: Result<Detail, LoadError>) -> Event {
    let answer = answer.map(|detail| match detail {
        Detail::Message(detail) => DetailsAnswer::Message(detail.into()),
        Detail::Frame(detail) => DetailsAnswer::Frame(detail.into()),
        Detail::Tcp(detail) => DetailsAnswer::Tcp(detail.into()),
    });
    Event::Answer(request, answer.map_err(|error| error.to_string()))
}
