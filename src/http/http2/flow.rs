//! Flow control (RFC 9113 section 5.2): how much a side may still send, and for how long it could not.

use crate::model::{Nanos, Place};

/// The window of a stream, and of the connection, unless a setting says otherwise.
pub const DEFAULT_WINDOW: u32 = 65_535;

/// How much may still be sent, of a stream or of the whole connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowWindow {
    /// Below 0 after a setting made it smaller.
    left: i64,
    /// The packet that used it up.
    spent: Option<Place>,
    /// The packet that opened it again.
    opened: Option<Place>,
}

/// A time without anything that might be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    pub(super) from: Place,
    pub(super) to: Place,
}

impl Stall {
    /// Nanoseconds, where the capture's clock did not go back meanwhile.
    pub(super) fn time(self) -> Option<Nanos> {
        self.to.time.elapsed_since(self.from.time)
    }
}

impl FlowWindow {
    pub(super) fn new(size: u32) -> Self {
        Self { left: i64::from(size), spent: None, opened: None }
    }

    /// So many bytes are sent. Gives the stall that ends with them.
    pub(super) fn take(&mut self, len: u32, place: Place) -> Option<Stall> {
        let stall = self.spent.take().zip(self.opened.take()).map(|(from, to)| Stall { from, to });
        if len > 0 {
            self.left = self.left.saturating_sub(i64::from(len));
            if self.left <= 0 {
                (self.spent, self.opened) = (Some(place), None);
            }
        }
        stall
    }

    /// So many more may be sent; fewer where that is below 0.
    pub(super) fn give(&mut self, len: i64, place: Place) {
        self.left = self.left.saturating_add(len);
        if self.spent.is_some() && self.opened.is_none() && self.left > 0 {
            self.opened = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn a_window_that_is_used_up_stalls_until_it_is_opened_and_used_again() {
        let at = |packet: u64| Place { packet, time: Time(packet as i64 * 10) };
        let mut window = FlowWindow::new(100);
        assert_eq!(window.take(60, at(1)), None);
        assert_eq!(window.take(40, at(2)), None);
        window.give(50, at(3));
        window.give(50, at(4));
        let stall = window.take(10, at(5)).unwrap();
        assert_eq!((stall.from.packet, stall.to.packet, stall.time()), (2, 3, Some(Nanos(10))));
        assert_eq!(window.take(10, at(6)), None);
        // A setting took more than there was.
        window.give(-200, at(7));
        assert_eq!(window.take(10, at(8)), None);
        window.give(100, at(9));
        window.give(100, at(10));
        assert_eq!(window.take(1, at(11)).map(|stall| stall.to.packet), Some(10));
    }
}
