//! What was sent against what is read.

use crate::read::{Message, Output};
use crate::support::forge::{
    BINARY, C2S, CLOSE, CONTINUATION, Conversation, Expected, PING, PONG, S2C, TEXT,
};

/// The word of the output for an opcode.
pub fn op_name(op: u8) -> String {
    match op {
        CONTINUATION => "continuation".to_owned(),
        TEXT => "text".to_owned(),
        BINARY => "binary".to_owned(),
        CLOSE => "close".to_owned(),
        PING => "ping".to_owned(),
        PONG => "pong".to_owned(),
        op => format!("reserved-{op}"),
    }
}

/// A message in a form that both sides have, short enough to be printed where it differs.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    op: String,
    bytes: Vec<u8>,
    frames: u64,
    compressed: bool,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(30)]).into_owned();
        let Self { op, bytes, frames, compressed } = self;
        write!(f, "{op} of {} bytes {start:?} frames {frames} compressed {compressed}", bytes.len())
    }
}

/// What was sent.
pub fn sent(expected: &Expected) -> Said {
    Said {
        op: op_name(expected.op),
        bytes: expected.bytes.clone(),
        frames: expected.frames as u64,
        compressed: expected.compressed,
    }
}

/// What was read. A Close has its code and its reason as bytes.
pub fn heard(message: &Message) -> Said {
    let bytes = match &message.close {
        (Some(code), Some(reason)) => [&(*code as u16).to_be_bytes()[..], reason.as_bytes()].concat(),
        _ => message.bytes.clone(),
    };
    Said { op: message.op.clone(), bytes, frames: message.frames, compressed: message.compressed }
}

/// The number of the connection of a conversation.
pub fn conn_of(output: &Output, talk: &Conversation) -> Option<u64> {
    let client = talk.client.to_string();
    let mut found = output.connections().into_iter().filter(|connection| connection["client"] == *client);
    let conn = found.next().map(|connection| connection["conn"].as_u64().unwrap());
    assert!(found.next().is_none(), "{client} has more than one connection");
    conn
}

/// Whether everything that was said is read, each direction in its order, and nothing else.
pub fn all_of(output: &Output, talks: &[&Conversation]) -> Result<(), String> {
    for talk in talks {
        let Some(conn) = conn_of(output, talk) else {
            return Err(format!("{} has no connection", talk.client));
        };
        for dir in [C2S, S2C] {
            let found = output.said(conn, dir.name());
            if let Some(unsure) = found.iter().find(|message| message.integrity != "ok") {
                return Err(format!("{}: {unsure:?}", dir.name()));
            }
            let (found, told): (Vec<Said>, Vec<Said>) =
                (found.iter().map(heard).collect(), talk.expected_of(dir).map(sent).collect());
            if found != told {
                return Err(format!("{}: sent {told:#?}, read {found:#?}", dir.name()));
            }
        }
    }
    let conns: Vec<_> = talks.iter().map(|talk| conn_of(output, talk)).collect();
    match output.kind("message").find(|message| !conns.contains(&message["conn"].as_u64())) {
        Some(message) => Err(format!("nobody said {message}")),
        None => Ok(()),
    }
}

/// Whether nothing is read that was not sent, in the order sent: each message that is sure, and each
/// that is shown as text. Gives how many there are.
pub fn none_false(output: &Output, talks: &[&Conversation]) -> Result<usize, String> {
    let mut count = 0;
    for talk in talks {
        let Some(conn) = conn_of(output, talk) else { continue };
        for dir in [C2S, S2C] {
            let mut told = talk.expected_of(dir).map(sent);
            for message in output.said(conn, dir.name()) {
                if message.integrity != "ok" && !message.as_text {
                    continue;
                }
                let said = heard(&message);
                if !told.any(|one| one == said) {
                    return Err(format!("{}: never sent: {said:?}, {}", dir.name(), message.integrity));
                }
                count += 1;
            }
        }
    }
    Ok(count)
}
