//! The memory that a connection holds, and how it releases some.

use super::{Disposition, TcpConnection};
use std::fmt::Arguments;

use crate::model::{Place, Rule};
use crate::pipeline::context::Context;
use crate::pipeline::events::{NotWebSocket, Pending, Shed};
use crate::pipeline::rules::LIMIT_TOTAL_MEMORY;
use crate::pipeline::sides::Side;
use crate::pipeline::transport::above::Above;
use crate::tcp::GiveUp;
use crate::ws::Spot;

/// Bytes that a connection holds, by what releases them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    waiting: u64,
    payloads: u64,
    windows: u64,
    /// Everything else, the connection itself included: its end releases it.
    rest: u64,
}

impl Load {
    pub(crate) fn of(&self, shed: Shed) -> u64 {
        match shed {
            Shed::Holes => self.waiting,
            Shed::Payloads => self.payloads,
            Shed::Windows => self.windows,
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        self.spare() + self.rest
    }

    /// Bytes that can be released without giving up the connection.
    pub(crate) fn spare(&self) -> u64 {
        self.waiting + self.payloads + self.windows
    }
}

impl TcpConnection {
    /// The lowest capture address whose bytes may be read again; `u64::MAX` where there is none.
    pub(crate) fn oldest_address(&self) -> u64 {
        self.transport.oldest_address().min(self.application.oldest_address())
    }

    pub(crate) fn load(&self) -> Load {
        let (windows, payloads) = self.application.held();
        let (waiting, places) = self.transport.waiting();
        let rest = (self.size() as u64).saturating_sub(windows + payloads + places);
        Load { waiting: waiting + places, payloads, windows, rest }
    }

    /// Bytes of memory, approximately.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.application.size() + self.transport.size()
    }

    /// The findings about IP datagrams that no WebSocket took over.
    pub(crate) fn take_findings_of_datagrams(&mut self) -> Vec<Pending> {
        self.application.take_findings_of_datagrams()
    }

    /// Reports a finding about it.
    pub(crate) fn say(
        &mut self,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
        context: &mut Context<'_>,
    ) {
        self.application.finding(rule, spot, text, context);
    }

    /// Releases memory.
    pub(crate) fn shed(&mut self, shed: Shed, place: Place, context: &mut Context<'_>) -> Disposition {
        let (limit, load) = (context.limits.memory, self.load());
        let what = match shed {
            Shed::Holes => "bytes wait behind a hole, which is given up",
            Shed::Payloads => "bytes of messages that are not whole are given up: length and findings stay",
            Shed::Windows => {
                "bytes of compression windows are given up: messages that refer to them are not certain"
            }
        };
        let text =
            format_args!("all connections together hold over {limit} bytes; here {} {what}", load.of(shed));
        self.application.finding(&LIMIT_TOTAL_MEMORY, Spot::at(place), text, context);
        match shed {
            Shed::Holes => {
                self.give_up(GiveUp::Limit, place, context);
                if self.disposition == Disposition::Keep {
                    self.update_waiting(place, context);
                }
            }
            Shed::Payloads => {
                let Self { application, transport, .. } = self;
                let view = transport.view(context.identity, Side::A);
                if application.shed_payloads(place, &view, context) {
                    self.disposition = Disposition::Drop(NotWebSocket::Http);
                }
            }
            Shed::Windows => self.application.shed_windows(),
        }
        self.disposition
    }
}
