//! The bytes of messages as the application had them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Done, ExportError};
use crate::model::Time;
use crate::output::{create_directory, create_new, remove_directory};
use crate::pipeline::{Connection, Ended, Sink, Summary, Wants};
use crate::report::{Report, Selection};
use crate::ws::MessageEvent;

/// Files in a folder at most.
const FILES: u64 = 100_000;

/// A message in a file.
pub(super) struct One<W> {
    out: W,
    selection: Selection,
    matched: u64,
    error: Option<io::Error>,
}

impl<W> One<W> {
    pub fn new(out: W, selection: Selection) -> Self {
        Self { out, selection, matched: 0, error: None }
    }
}

impl<W: Write> Sink for One<W> {
    fn wants(&self) -> Wants {
        Wants { heads: self.selection.needs_heads(), ..Wants::default() }
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if self.selection.message(connection, message) {
            self.matched += 1;
            let wrote = self.out.write_all(message.bytes);
            self.error = self.error.take().or(wrote.err());
        }
    }
}

impl<W: Write> Report for One<W> {
    fn failed(&self) -> bool {
        self.error.is_some()
    }

    fn matched(&self) -> u64 {
        self.matched
    }

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn finish(self, _: &Summary) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

/// Each message in a file of its own, named by numbers, direction and opcode.
pub(super) struct Files {
    folder: PathBuf,
    selection: Selection,
    matched: u64,
    error: Option<io::Error>,
}

impl Files {
    pub fn new(folder: PathBuf, selection: Selection) -> Self {
        Self { folder, selection, matched: 0, error: None }
    }

    fn write(&self, connection: &Connection, message: &MessageEvent<'_>) -> io::Result<()> {
        let ending = match message.text {
            Some(_) => "txt",
            // As it was sent: what it says is not known.
            None if message.integrity.is_as_sent(message.compressed) => "deflate",
            None => "bin",
        };
        let name = format!(
            "c{:04}-m{:06}-{}-{}.{ending}",
            connection.id.0,
            message.number,
            message.direction.name(),
            message.opcode.name()
        );
        create_new(&self.folder.join(name))?.write_all(message.bytes)
    }
}

impl Sink for Files {
    fn wants(&self) -> Wants {
        Wants { heads: self.selection.needs_heads(), ..Wants::default() }
    }

    fn begins(&mut self, first: Time) {
        self.selection.begins(first);
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if self.error.is_some() || !self.selection.message(connection, message) {
            return;
        }
        self.matched += 1;
        let wrote = if self.matched > FILES {
            Err(io::Error::other(format!("more than {FILES} messages: choose fewer, or another format")))
        } else {
            self.write(connection, message)
        };
        self.error = wrote.err();
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        self.selection.ended(ended);
    }
}

impl Report for Files {
    fn failed(&self) -> bool {
        self.error.is_some()
    }

    fn matched(&self) -> u64 {
        self.matched
    }

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn finish(self, _: &Summary) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

/// Fills a folder that was not there before; takes it away again where that fails.
pub(super) fn folder(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<Done, ExportError>,
) -> Result<Done, ExportError> {
    create_directory(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists,
        _ => ExportError::Io(error),
    })?;
    // Made by us just now, so nothing else is in it.
    fill(path).map(|done| Done { name: "file", ..done }).inspect_err(|_| drop(remove_directory(path)))
}
