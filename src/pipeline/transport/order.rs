//! Whose bytes are read next, where one direction explains the other.
//!
//! The acknowledgment number of a segment says what its sender had received. A request is read before its response, and
//! a setting before what it allows, in whatever order the packets were captured.

use super::Transport;
use crate::model::to_usize;
use crate::pipeline::sides::Side;
use crate::tcp::{Held, Stream};

/// Which order of the two directions the layer above needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryOrder {
    /// Any.
    Any,
    /// Requests may be missing: a response to one of them comes before the client's later bytes. `server_waits`: the
    /// server's bytes would wait for a request.
    LostRequests { server_waits: bool },
    /// What a sender had received comes before what it sent. `forced`: what is missing is not waited for.
    Causal { forced: bool },
}

/// Whose bytes are to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SideTurn {
    /// These.
    Own,
    /// Those of the other side first.
    Other,
    /// So many of these, then those of the other side.
    UpTo(usize),
    /// These: they respond to a request that was not captured.
    Unasked,
}

impl Transport {
    /// Both sides, first the one whose next bytes were sent earlier: what a segment acknowledges came before it, and
    /// otherwise the order of the packets decides.
    pub(crate) fn earlier_first(&self) -> [Side; 2] {
        let sides = self.client_first();
        let [Some(first), Some(second)] = sides.map(|side| self.ready(side)) else { return sides };
        let [one, two] = sides.map(|side| self.streams.of(side));
        let is_swapped = if two.offset(first.ack) > second.at {
            true
        } else {
            one.offset(second.ack) <= first.at && second.origin.packet < first.origin.packet
        };
        if is_swapped { [sides[1], sides[0]] } else { sides }
    }

    /// Whether the sender of these bytes had received bytes of the other stream that are missing, and still may come.
    pub(crate) fn is_ahead(&self, side: Side, held: &Held) -> bool {
        let other = self.streams.of(side.other());
        let is_past = |first: Held| other.offset(held.ack) >= first.at;
        other.hole().is_some() && other.hole_is_acknowledged() && other.first_waiting().is_some_and(is_past)
    }

    /// Whose turn it is, when `held` is the next of a side's stream.
    pub(crate) fn turn(&self, side: Side, held: &Held, order: DeliveryOrder) -> SideTurn {
        match order {
            DeliveryOrder::Any => SideTurn::Own,
            DeliveryOrder::LostRequests { server_waits } => {
                self.turn_after_lost_request(side, held, server_waits)
            }
            DeliveryOrder::Causal { forced } if self.is_causal(side, held, forced) => SideTurn::Own,
            DeliveryOrder::Causal { .. } => SideTurn::Other,
        }
    }

    /// A response that was sent before the client's next bytes had arrived answers a request that is missing, and it
    /// may be what those bytes follow.
    fn turn_after_lost_request(&self, side: Side, held: &Held, server_waits: bool) -> SideTurn {
        let Some(client) = self.client else { return SideTurn::Own };
        let stream = self.streams.of(client);
        if !stream.is_known() {
            return SideTurn::Own;
        }
        // Also where it waits behind a gap: that will be filled or given up.
        let Some(response) = self.streams.of(client.other()).first_waiting() else { return SideTurn::Own };
        let received = stream.offset(response.ack);
        if side != client {
            let unasked = server_waits && received <= stream.next();
            return if unasked { SideTurn::Unasked } else { SideTurn::Own };
        }
        match received.saturating_sub(held.at) {
            0 => SideTurn::Other,
            len if len < u64::from(held.len) => SideTurn::UpTo(to_usize(len)),
            _ => SideTurn::Own,
        }
    }

    /// Whether everything was read that the sender of these bytes had received.
    fn is_causal(&self, side: Side, held: &Held, forced: bool) -> bool {
        let (own, other) = (self.streams.of(side), self.streams.of(side.other()));
        let waits = |held: &Held, other: &Stream| {
            let end = other.fin().unwrap_or(u64::MAX);
            !forced && other.is_known() && other.offset(held.ack).min(end) > other.next()
        };
        if waits(held, other) || (other.hole().is_some() && !forced) {
            return false;
        }
        !other.ready().is_some_and(|ready| ready.origin.packet < held.origin.packet && !waits(&ready, own))
    }
}
