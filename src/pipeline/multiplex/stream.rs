//! One stream of an HTTP/2 connection that is a WebSocket, or is to be one.

use super::{REMEMBERED, Stream};
use crate::model::{Chunk, Direction, Place};
use crate::pipeline::live::Socket;
use crate::pipeline::sink::{Emit, Pending, Sink};
use crate::pipeline::work::Work;
use crate::ws::Spot;

impl Stream {
    pub(super) fn size(&self) -> usize {
        let socket = self.socket.as_ref().map_or(0, |socket| {
            size_of::<Socket>()
                + size_of_val(&*socket.connection)
                + socket.size()
                + socket.connection.url.len()
        });
        let asked = self.asked.as_ref().map_or(0, |asked| asked.head.bytes.len());
        size_of::<Self>() + socket + asked
    }

    /// Tells a finding of it, now or when it is opened.
    pub(super) fn report<S: Sink>(&mut self, pending: Pending, sink: &mut S) {
        if let Some(socket) = &mut self.socket {
            let Socket { connection, ws, heartbeats } = &mut **socket;
            let spot = Spot { direction: pending.direction, place: pending.place, ..Spot::default() };
            let mut emit = Emit { sink, connection, heartbeats };
            ws.report(pending.rule, spot, format_args!("{}", pending.text), &mut emit);
        } else if self.pending.len() < REMEMBERED {
            self.pending.push(pending);
        }
    }

    pub(super) fn data<S: Sink>(&mut self, direction: Direction, chunk: Chunk<'_>, work: &mut Work<'_, S>) {
        let Some(socket) = &mut self.socket else { return };
        *self.said.of_mut(direction) = Some(chunk.arrival);
        let Socket { connection, ws, heartbeats } = &mut **socket;
        if work.sink.wants().chunks {
            work.sink.chunk(connection, direction, &chunk);
        }
        let (mut context, sink) = work.context();
        ws.data(direction, chunk, &mut context, &mut Emit { sink, connection, heartbeats });
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) {
        match &mut self.socket {
            Some(socket) => {
                let Socket { connection, ws, heartbeats } = &mut **socket;
                let (mut context, sink) = work.context();
                ws.gap(direction, at, len, arrival, &mut context, &mut Emit { sink, connection, heartbeats });
            }
            None => *self.lost.of_mut(direction) = true,
        }
    }
}
