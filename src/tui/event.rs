//! What comes into the UI and what it wants done.

use std::path::PathBuf;
use std::time::Duration;

use super::details::DetailsAnswer;
use super::keys::Press;
use crate::store::detail::Request;
use crate::store::{Detail, LoadError};

/// Something happened. Time and size come in here: the UI looks at neither clock nor terminal.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Press),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has this size: columns, rows.
    Resize(u16, u16),
    /// Time went on: since the start.
    Tick(Duration),
    /// The index grew, or reading went on or ended.
    Data(Box<crate::store::Progress>),
    /// What was asked for is there, or why it is not.
    Answer(Request, Result<DetailsAnswer, String>),
    /// A search in payloads found these messages, and how far it came in per cent; `over`: it ended.
    Found {
        /// Which search.
        id: u64,
        /// Message numbers.
        found: Vec<u64>,
        /// How far it came.
        percent: u8,
        /// Whether it ended.
        over: bool,
    },
    /// What a search for connections told, and how far it came in per cent; `over`: it ended.
    Chosen {
        /// Which search.
        id: u64,
        /// What tests came to.
        told: Vec<crate::filter::Told>,
        /// How far it came.
        percent: u8,
        /// Whether it ended.
        over: bool,
    },
    /// What became of an effect, in words for the status line.
    Done(Result<String, String>),
    /// How far an export came, in words; none when it is over.
    Exporting(Option<String>),
    /// A file of this name is there already: whether it is to be replaced has to be asked.
    Exists(crate::export::Job),
}

/// What the mouse did, and in which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// Column from 0.
    pub x: u16,
    /// Row from 0.
    pub y: u16,
}

/// What the mouse did.
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

/// What the UI wants from the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read this; an [`Event::Answer`] follows.
    Load(Request),
    /// Search payloads; [`Event::Found`]s follow. One before it ends.
    Scan(ScanFor),
    /// Ask all bytes of connections what a filter says; [`Event::Chosen`]s follow. One before it ends.
    Choose(ChooseFor),
    /// Put this on the clipboard.
    Copy(String),
    /// Write this file; an [`Event::Done`] follows.
    Save(PathBuf, Save),
    /// Keep the progress in lessons: add it to this file. Nothing follows but what went wrong.
    Keep(PathBuf, crate::learn::progress::LessonProgress),
    /// Write a file of messages or packets; an [`Event::Done`] or [`Event::Exists`] follows.
    Export(crate::export::Job),
    /// Stop the export that goes on.
    StopExport,
    /// Stop reading the capture and keep what is there.
    StopReading,
    /// Go on with reading that was stopped.
    GoOnReading,
    /// Draw everything again.
    Redraw,
    /// Catch the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Give the terminal back until the program is told to go on.
    Suspend,
    /// End.
    Quit,
}

/// What to search for in payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFor {
    /// Comes back with what is found.
    pub id: u64,
    /// In which connection.
    pub connection: u32,
    /// A filter, in its language.
    pub filter: String,
}

/// Which connections to ask what a filter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChooseFor {
    /// Comes back with what is told.
    pub id: u64,
    /// The connections.
    pub connections: Vec<u32>,
    /// A filter, in its language.
    pub filter: String,
}

/// What is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// These bytes.
    Bytes(Vec<u8>),
}

/// An answer of the store, as an event.
#[must_use]
pub fn answer(request: Request, answer: Result<Detail, LoadError>) -> Event {
    let answer = answer.map(|detail| match detail {
        Detail::Message(detail) => DetailsAnswer::Message(detail.into()),
        Detail::Frame(detail) => DetailsAnswer::Frame(detail.into()),
        Detail::Tcp(detail) => DetailsAnswer::Tcp(detail.into()),
    });
    Event::Answer(request, answer.map_err(|error| error.to_string()))
}
