//! Where the client's frames begin, when its request is missing in whole or in part.
//!
//! The server's acknowledgment numbers say how much of the client's stream it had received when it responded. What
//! came before was the request; behind it frames begin.

use super::TcpConnection;
use crate::model::{Direction, Place};
use crate::pipeline::application::FramesBegin;
use crate::pipeline::context::Context;
use crate::pipeline::transport::above::{Above, Gap};

const CLIENT: Direction = Direction::ClientToServer;

impl TcpConnection {
    /// A WebSocket opened: goes to the client's first frame. `ack`: the acknowledgment number of the response.
    pub(super) fn begin_frames(
        &mut self,
        begin: FramesBegin,
        ack: u32,
        place: Place,
        context: &mut Context<'_>,
    ) {
        let Some(client) = self.transport.client else { return };
        let stream = self.transport.streams.of_mut(client);
        let (at, next) = (stream.position(), stream.next());
        let first_frame = match begin.request_end {
            Some(end) => next.wrapping_sub(at).wrapping_add(end),
            None => {
                stream.begin_at(ack);
                stream.offset(ack)
            }
        };
        let (at, next) = (stream.position(), stream.next());
        if let len @ 1.. = first_frame.saturating_sub(next) {
            // The rest of the request, whose last bytes are lost.
            stream.skip(len);
            self.transport.lose_request(len);
            self.report_lost_request(place, context);
        } else if let len @ 1.. = next.saturating_sub(first_frame) {
            if stream.relative(first_frame) > at {
                let why = "they came before the capture's first";
                self.report_gap(&Gap { direction: CLIENT, at: 0, len, arrival: place, why }, context);
            }
            let gap = Gap { direction: CLIENT, at: at.saturating_sub(len), len, arrival: place, why: "" };
            self.application.gap(&gap, context);
        }
        self.application.report_unread(begin.unread, place, context);
    }

    /// Reports the request that is missing, once a packet of the client was captured.
    pub(super) fn report_lost_request(&mut self, place: Place, context: &mut Context<'_>) {
        if let Some(len) = self.transport.take_lost_request() {
            let why = "the server acknowledged them";
            self.report_gap(&Gap { direction: CLIENT, at: 0, len, arrival: place, why }, context);
        }
    }
}
