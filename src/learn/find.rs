//! The objects of a lesson in a capture: where the bundled one has them, and something like them in another.

use super::expr::Value;
use super::facts::CaptureFacts;
use super::parse::{LessonObject, ObjectKind};
use crate::model::{Accept, Direction};
use crate::store::{ConnectionRow, FrameRow, Marks, MessageRow};

/// Rows that are looked at for one object.
const WALKED: usize = 200_000;

/// The object where the lesson says that it is.
#[must_use]
pub fn placed(object: &LessonObject) -> Value {
    let (connection, number) = object.place;
    match object.kind {
        ObjectKind::Connection => Value::Connection(connection),
        ObjectKind::Message => Value::Message(connection, number),
        ObjectKind::Frame => Value::Frame(connection, number),
        ObjectKind::Flow => Value::Flow(usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX)),
    }
}

/// What the learner looks at: connection, message, frame; 0 for none.
pub type Looked = (u32, u64, u64);

/// Something like an object in a capture, as near as may be to what is looked at; none where there is none.
#[must_use]
pub fn like(object: &LessonObject, facts: &CaptureFacts<'_>, looked: Looked) -> Option<Value> {
    let wanted = object.wanted.as_ref()?;
    let (connection, message, frame) = looked;
    let index = facts.index;
    let here = index.connection(connection);
    let others = index.connections.iter().filter(|row| row.id.0 != connection);
    let mut left = WALKED;
    match object.kind {
        ObjectKind::Flow => None,
        ObjectKind::Connection => {
            let found =
                here.into_iter().chain(others.take(WALKED)).find(|row| is_connection(row, facts, wanted));
            found.map(|row| Value::Connection(row.id.0))
        }
        ObjectKind::Message => {
            if let Some(row) = facts.message(connection, message)
                && is_message(row, wanted)
            {
                return Some(Value::Message(connection, message));
            }
            for row in here.into_iter().chain(others) {
                let messages = index.messages(row.id.0);
                let found = messages.iter().take(left).position(|row| is_message(row, wanted));
                if let Some(at) = found {
                    return Some(Value::Message(row.id.0, at as u64 + 1));
                }
                left = left.checked_sub(messages.len().max(1))?;
            }
            None
        }
        ObjectKind::Frame => {
            let first = facts.message(connection, message).map_or(0, |row| u64::from(row.first_frame));
            for number in [frame, first] {
                if let Some(row) = facts.frame(connection, number)
                    && is_frame(row, wanted)
                {
                    return Some(Value::Frame(connection, number));
                }
            }
            for row in here.into_iter().chain(others) {
                let frames = index.frames(row.id.0);
                let found = frames.iter().take(left).position(|row| is_frame(row, wanted));
                if let Some(at) = found {
                    return Some(Value::Frame(row.id.0, at as u64 + 1));
                }
                left = left.checked_sub(frames.len().max(1))?;
            }
            None
        }
    }
}

/// `len>=5` of a number.
fn compares(word: &str, name: &str, number: u64) -> Option<bool> {
    let rest = word.strip_prefix(name)?;
    let least = rest.strip_prefix(">=").and_then(|n| n.parse::<u64>().ok()).map(|n| number >= n);
    let most = rest.strip_prefix("<=").and_then(|n| n.parse::<u64>().ok()).map(|n| number <= n);
    least.or(most)
}

fn is_frame(row: &FrameRow, wanted: &[String]) -> bool {
    let header = row.header();
    let opcode = header.opcode();
    wanted.iter().all(|word| match word.as_str() {
        "any" => true,
        "c2s" => row.direction() == Direction::ClientToServer,
        "s2c" => row.direction() == Direction::ServerToClient,
        "masked" => header.masked(),
        "unmasked" => !header.masked(),
        "fin" => header.fin(),
        "nofin" => !header.fin(),
        "rsv1" => header.rsv1(),
        "plain" => !header.rsv1(),
        "data" => !opcode.is_control() && row.message > 0,
        "whole" => row.complete,
        name if name == opcode.name() => true,
        word => compares(word, "len", row.payload_len).unwrap_or(false),
    })
}

fn is_message(row: &MessageRow, wanted: &[String]) -> bool {
    wanted.iter().all(|word| match word.as_str() {
        "any" => true,
        "c2s" => row.direction() == Direction::ClientToServer,
        "s2c" => row.direction() == Direction::ServerToClient,
        "compressed" => row.marks.has(Marks::COMPRESSED),
        "plain" => !row.marks.has(Marks::COMPRESSED),
        "data" => !row.opcode().is_control(),
        "whole" => !row.marks.has(Marks::UNFINISHED | Marks::LEN_UNKNOWN),
        name if name == row.opcode().name() => true,
        word => compares(word, "frames", row.frames.into())
            .or_else(|| compares(word, "len", row.len().unwrap_or(0)))
            .unwrap_or(false),
    })
}

fn is_connection(row: &ConnectionRow, facts: &CaptureFacts<'_>, wanted: &[String]) -> bool {
    let handshake = &row.handshake;
    wanted.iter().all(|word| match word.as_str() {
        "any" => true,
        "upgraded" => handshake.upgraded,
        "heads" => handshake.request.is_some() && handshake.response.is_some(),
        "refused" => handshake.response.is_some() && !handshake.upgraded,
        "accepted" => handshake.accept == Accept::Ok,
        "wrong-accept" => handshake.accept == Accept::Wrong,
        "deflate" => handshake.deflate.is_some(),
        "subprotocol" => handshake.subprotocol.is_some(),
        "origin" => handshake.request.as_ref().is_some_and(|head| head.value("Origin").is_some()),
        "closed" => row.closing.as_ref().is_some_and(|closing| closing.code.is_some() && closing.answered),
        "unclosed" => row.closing.is_none() && row.state.is_some_and(|state| state.name() != "open"),
        "both-ways" => {
            let data = |counts: &crate::ws::Counts| counts.data.iter().any(|count| *count > 0);
            data(&row.counts.c2s) && data(&row.counts.s2c)
        }
        "tunnelled" => row.tunnelled,
        word => compares(word, "messages", facts.index.messages(row.id.0).len() as u64)
            .or_else(|| compares(word, "pushed", facts.pushed(row.id.0)))
            .unwrap_or(false),
    })
}
