//! Output formats: a sink of the pipeline's events, over any writer.
//!
//! | format | for |
//! | --- | --- |
//! | [`ndjson`] | programs: one JSON object a line, the contract of `docs/output.schema.json` |
//! | [`table`] | people: a block for each connection, a line for each row |
//! | [`csv`] | spreadsheets: one line for each row |
//! | [`sarif`], [`junit`] | CI: findings as results of a lint, or of tests |
//! | [`stats`] | people and programs: what the capture holds, in numbers |
//! | [`transcript`] | people: messages as Markdown, or as a diagram for Mermaid |
//! | [`pcapng`] | other analyzers: packets |
//! | [`snippet`] | people: the bytes of a message to paste elsewhere |
//!
//! Nothing captured is written unescaped.

#[cfg(test)]
mod capture_tests;
pub mod csv;
mod format;
pub mod junit;
pub mod ndjson;
mod ordered;
pub mod pcapng;
pub mod sarif;
pub mod snippet;
pub mod stats;
pub mod table;
pub mod transcript;
mod writer;

pub use crate::filter::Levels;
pub use crate::pipeline::Summary;
pub use format::Format;
pub use ordered::{Lead, Ordered};
pub use table::doubt;
pub use writer::{FindingRecord, RecordFormat, RecordWriter};

use std::io;

use std::fmt::Arguments;

use crate::filter::{Level, Matcher};
use crate::model::{Direction, Rule, Severity, Tally, Time};
use crate::pipeline::{Connection, Ended, Sink};
use crate::ws::{FrameEvent, MessageEvent, Spot};

/// What of the payload is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadMode {
    /// Nothing.
    None,
    /// The first 64 characters or bytes.
    Preview,
    /// Up to 64 KiB of each message.
    #[default]
    Full,
    /// SHA-256 of all of it.
    Hash,
}

/// Which records are printed, and what of them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What a row is.
    pub levels: Levels,
    /// What of the payload.
    pub payload: PayloadMode,
    /// Only these WebSockets; all where it is empty.
    pub connections: Vec<u32>,
    /// Only this direction.
    pub direction: Option<Direction>,
    /// Only findings with these codes; all where it is empty.
    pub only: Vec<String>,
    /// No findings with these codes.
    pub ignore: Vec<String>,
    /// Only rows that match; compiled for `levels`.
    pub filter: Option<Box<Matcher>>,
    /// Payload bytes of a record that are printed at most; all that are kept where it is `None`.
    pub longest: Option<usize>,
    /// From which severity on a finding is a failure, for reports that tell.
    pub fails: Option<Severity>,
    /// Findings that were chosen, by rule.
    pub chosen: Tally,
    /// So many findings are printed at most; all are counted. `None`: there is no bound.
    pub most: Option<u64>,
    /// Findings that were chosen.
    pub listed: u64,
    /// Rows that were printed in part.
    pub cut: Cut,
}

/// Messages and frames of which only the first bytes are printed, because no more are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Payload bytes that are kept of a message or frame.
    pub kept: u64,
    /// How many messages were printed in part.
    pub messages: u64,
    /// How many frames were.
    pub frames: u64,
    /// The length of the longest of them, in bytes.
    pub longest: u64,
}

impl Cut {
    /// Looks at a row that is printed: how many of its bytes are there, and how many it has.
    #[inline]
    fn looks(&mut self, there: usize, len: u64, most: Option<usize>) -> bool {
        let there = most.map_or(there, |most| most.min(there)) as u64;
        let most = most.map_or(self.kept, |most| self.kept.min(most as u64));
        let is_cut = there >= most && there < len && most > 0;
        if is_cut {
            self.longest = self.longest.max(len);
        }
        is_cut
    }
}

impl Selection {
    /// The capture begins. To be told, as every event, also where no such rows are printed.
    pub fn begins(&mut self, first: Time) {
        if let Some(filter) = &mut self.filter {
            filter.begins(first);
        }
    }

    /// What the filter says of a row that is printed otherwise (`shown`).
    #[inline]
    fn chooses(&mut self, shown: bool, ask: impl FnOnce(&mut Matcher) -> bool) -> bool {
        match &mut self.filter {
            None => shown,
            Some(filter) if shown || filter.sees_all() => ask(filter) && shown,
            Some(_) => false,
        }
    }

    /// Whether a message is printed.
    #[inline]
    pub fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) -> bool {
        let shown = self.shows(Level::Message)
            && self.shows_connection(connection.id.0)
            && self.shows_direction(Some(message.direction));
        let chosen = self.chooses(shown, |filter| filter.message(connection, message));
        if chosen && self.payload == PayloadMode::Full {
            let len = message.len.unwrap_or(0);
            let is_cut = self.cut.looks(message.bytes.len(), len, self.longest);
            self.cut.messages += u64::from(is_cut);
        }
        chosen
    }

    /// Payload bytes that are printed of a row at most.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.longest.map_or(self.cut.kept, |longest| self.cut.kept.min(longest as u64))
    }

    /// Whether a frame is printed.
    #[inline]
    pub fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) -> bool {
        let shown = self.shows(Level::Frame)
            && self.shows_connection(connection.id.0)
            && self.shows_direction(Some(frame.direction));
        let chosen = self.chooses(shown, |filter| filter.frame(connection, frame));
        if chosen && self.payload == PayloadMode::Full && frame.complete {
            let is_cut = self.cut.looks(frame.payload.len() as usize, frame.header.payload_len, self.longest);
            self.cut.frames += u64::from(is_cut);
        }
        chosen
    }

    /// Whether a finding is printed.
    pub fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) -> bool {
        let shown = self.shows_finding(connection, rule, spot.direction);
        let chosen = self.chooses(shown, |filter| filter.finding(connection, rule, spot, text));
        if chosen {
            self.chosen.add(rule);
            self.listed += 1;
        }
        chosen && self.most.is_none_or(|most| self.listed <= most)
    }

    /// Findings that were chosen but not printed.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.most.map_or(0, |most| self.listed.saturating_sub(most))
    }

    /// Whether a connection is printed.
    pub fn ended(&mut self, ended: &Ended<'_>) -> bool {
        let shown = self.shows(Level::Connection) && self.shows_connection(ended.connection.id.0);
        self.chooses(shown, |filter| filter.ended(ended))
    }

    /// Whether the filter asks for the handshake's heads.
    #[must_use]
    pub fn needs_heads(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.needs().heads)
    }

    /// A message with no more bytes than are printed, where it has more.
    #[must_use]
    #[inline]
    pub fn shorten<'a>(&self, message: &MessageEvent<'a>) -> Option<MessageEvent<'a>> {
        let longest = self.longest.filter(|longest| message.bytes.len() > *longest)?;
        let text = message.text.map(|text| {
            let end = (0..=longest.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
            text.get(..end.unwrap_or_default()).unwrap_or_default()
        });
        let bytes = message.bytes.get(..longest).unwrap_or_default();
        Some(MessageEvent { bytes, text, whole: false, ..*message })
    }

    /// Whether TLS connections that could not be decrypted are printed. They have no number, and a filter cannot ask
    /// about them.
    #[must_use]
    pub fn shows_sealed(&self) -> bool {
        self.shows(Level::Connection) && self.connections.is_empty() && self.filter.is_none()
    }

    /// Whether rows of this kind are printed.
    #[must_use]
    #[inline]
    pub fn shows(&self, level: Level) -> bool {
        self.levels.has(level)
    }

    /// Whether this connection's rows are printed.
    #[must_use]
    #[inline]
    pub fn shows_connection(&self, number: u32) -> bool {
        self.connections.is_empty() || self.connections.contains(&number)
    }

    /// Whether findings of this rule are printed.
    #[must_use]
    pub fn shows_rule(&self, rule: &Rule) -> bool {
        let has = |codes: &[String]| codes.iter().any(|code| code == rule.code);
        (self.only.is_empty() || has(&self.only)) && !has(&self.ignore)
    }

    /// Whether a finding is printed.
    #[must_use]
    pub fn shows_finding(
        &self,
        connection: Option<&Connection>,
        rule: &Rule,
        direction: Option<Direction>,
    ) -> bool {
        self.shows(Level::Finding)
            && connection.map_or(self.connections.is_empty(), |c| self.shows_connection(c.id.0))
            && (direction.is_none() || self.shows_direction(direction))
            && self.shows_rule(rule)
    }

    /// Whether rows of this direction are printed.
    #[must_use]
    #[inline]
    pub fn shows_direction(&self, direction: Option<Direction>) -> bool {
        self.direction.is_none() || self.direction == direction
    }
}

/// A report: a sink that writes.
pub trait Report: Sink {
    /// Whether the writer failed: nothing more needs to be made.
    fn failed(&self) -> bool;
    /// How many records were printed.
    fn matched(&self) -> u64;
    /// What was chosen by.
    fn selection(&self) -> &Selection;
    /// Writes what is left.
    ///
    /// # Errors
    /// Those of the writer.
    fn finish(self, summary: &Summary) -> io::Result<()>;
}

/// The Community ID (version 1, seed 0) of a TCP connection: a name for it that other tools compute too.
#[must_use]
pub fn community_id(one: crate::model::Endpoint, other: crate::model::Endpoint) -> String {
    use base64::Engine as _;
    use sha1::{Digest as _, Sha1};
    use std::net::IpAddr;
    let octets = |address: IpAddr| match address {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (one, other) = ((octets(one.address()), one.port), (octets(other.address()), other.port));
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&low.0);
    hash.update(&high.0);
    hash.update([6, 0]);
    hash.update(low.1.to_be_bytes());
    hash.update(high.1.to_be_bytes());
    format!("1:{}", base64::engine::general_purpose::STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;

    #[test]
    fn the_community_id_of_the_published_example() {
        // The specification's TCP example: 128.232.110.120:34855 -> 66.35.250.204:80.
        let (a, b) = (Endpoint::v4([128, 232, 110, 120], 34855), Endpoint::v4([66, 35, 250, 204], 80));
        assert_eq!(community_id(a, b), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a), community_id(a, b));
    }
}
