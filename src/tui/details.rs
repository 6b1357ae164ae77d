//! Details that were loaded on demand. The latest ones are kept.

use std::sync::Arc;

use crate::store::detail::{FrameDetail, MessageDetail, Request, TcpDetail};

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum DetailsAnswer {
    /// A message with its frames.
    Message(Arc<MessageDetail>),
    /// A frame that belongs to no message.
    Frame(Arc<FrameDetail>),
    /// The TCP segments of a connection.
    Tcp(Arc<TcpDetail>),
}

/// The state of a detail.
#[derive(Clone, Debug)]
pub enum Detail<T> {
    /// It was not requested: the cursor may still be moving.
    Absent,
    /// It was requested.
    Loading,
    /// It is loaded.
    Ready(Arc<T>),
    /// It cannot be loaded: the error.
    Failed(String),
}

/// Number of details that are kept. A message may take several megabytes.
const KEPT: usize = 8;

/// The details that are loaded or requested, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Details {
    kept: Vec<(Request, Option<Result<DetailsAnswer, String>>)>,
}

impl Details {
    /// Registers a request; returns `false` if the detail is already loaded or requested.
    pub fn ask(&mut self, request: &Request) -> bool {
        if let Some(at) = self.kept.iter().position(|(known, _)| known == request) {
            let entry = self.kept.remove(at);
            self.kept.push(entry);
            return false;
        }
        // The store answers only the newest request of a kind.
        self.kept.retain(|(known, answer)| {
            answer.is_some() || std::mem::discriminant(known) != std::mem::discriminant(request)
        });
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push((request.clone(), None));
        true
    }

    /// Stores an answer; one that was not expected is dropped.
    pub fn answer(&mut self, request: &Request, answer: Result<DetailsAnswer, String>) {
        if let Some((_, slot)) = self.kept.iter_mut().find(|(known, _)| known == request) {
            *slot = Some(answer);
        }
    }

    /// Forgets the TCP segments of connections: more have arrived.
    pub fn forget_tcp(&mut self) {
        self.kept.retain(|(request, answer)| answer.is_none() || !matches!(request, Request::Tcp { .. }));
    }

    /// Returns whether an answer is expected.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.kept.iter().any(|(_, answer)| answer.is_none())
    }

    /// Forgets everything, because the index has changed.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    fn find<T>(&self, request: &Request, pick: impl Fn(&DetailsAnswer) -> Option<Arc<T>>) -> Detail<T> {
        match self.kept.iter().find(|(known, _)| known == request) {
            None => Detail::Absent,
            Some((_, None)) => Detail::Loading,
            Some((_, Some(Err(why)))) => Detail::Failed(why.clone()),
            Some((_, Some(Ok(answer)))) => pick(answer).map_or(Detail::Absent, Detail::Ready),
        }
    }

    /// A message.
    #[must_use]
    pub fn message(&self, connection: u32, message: u64) -> Detail<MessageDetail> {
        self.find(&Request::Message { connection, message }, |answer| match answer {
            DetailsAnswer::Message(detail) => Some(Arc::clone(detail)),
            _ => None,
        })
    }

    /// A frame that belongs to no message.
    #[must_use]
    pub fn frame(&self, connection: u32, frame: u64) -> Detail<FrameDetail> {
        self.find(&Request::Frame { connection, frame }, |answer| match answer {
            DetailsAnswer::Frame(detail) => Some(Arc::clone(detail)),
            _ => None,
        })
    }

    /// The TCP segments of a connection.
    #[must_use]
    pub fn tcp(&self, connection: u32) -> Detail<TcpDetail> {
        self.find(&Request::Tcp { connection }, |answer| match answer {
            DetailsAnswer::Tcp(detail) => Some(Arc::clone(detail)),
            _ => None,
        })
    }
}
