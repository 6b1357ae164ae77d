//! A refusal whose body is still being read: of an upgrade, or of a CONNECT by a proxy.

use super::http::PendingUpgrade;
use super::opened::{Carrier, Unopened, unopened};
use crate::http::rules;
use crate::model::{Body, Direction, Head, safe_text};
use crate::pipeline::context::Context;
use crate::pipeline::events::{Ending, HeadPlace, Pending, State};
use crate::ws::Spot;

/// What was refused.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Upgrade(PendingUpgrade),
    /// A CONNECT to this target.
    Tunnel(Box<[u8]>),
}

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) wish: Wish,
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    /// How the connection stood when the response's head was complete.
    pub(super) ending: Ending,
    pub(super) gaps: (u64, u64),
    /// The beginning of its body, once that came.
    pub(super) body: Option<Body>,
}

impl Refused {
    /// Bytes of memory beside itself, about.
    pub(super) fn size(&self) -> usize {
        let wish = match &self.wish {
            Wish::Upgrade(asked) => asked.head.size(),
            Wish::Tunnel(target) => target.len(),
        };
        wish + self.head.size() + self.body.as_ref().map_or(0, Body::size)
    }

    /// Whether a proxy asks for credentials: the client may try again, so nothing failed yet.
    pub(super) fn is_challenge(&self) -> bool {
        matches!(self.wish, Wish::Tunnel(_)) && self.head.status() == Some(407)
    }

    /// Reports it.
    pub(super) fn report(self, carrier: Carrier, pending: Vec<Pending>, context: &mut Context<'_>) {
        let Self { wish, head, place, ending, gaps, body } = self;
        match wish {
            Wish::Upgrade(asked) => {
                let (request, asked) = asked.apart();
                let (mut handshake, mut judgements) = crate::http::conclude(Some(request), Some(head));
                handshake.body = body.map(Box::new);
                crate::http::complete(&handshake, &mut judgements);
                let connection = carrier.connection(Some(asked), Some(place), handshake, context);
                let place = place.last;
                let attempt = Unopened { connection, state: State::Refused, judgements, place, ending, gaps };
                unopened(attempt, pending, context);
            }
            Wish::Tunnel(target) => {
                let line = body.map(|body| body.first_line()).filter(|line| !line.is_empty());
                let line = line.map(|line| format!("; its body begins {line:?}")).unwrap_or_default();
                let rule = &rules::PROXY_REFUSED;
                if context.totals.findings.add(rule) <= u64::from(context.limits.listed) {
                    let (client, proxy) = (carrier.client, carrier.server);
                    let status = safe_text(head.token(&head.line));
                    let status = status.split_once(' ').map_or(status.as_str(), |(_, status)| status);
                    let text = format_args!(
                        "the proxy {proxy} refused CONNECT {} of {client}: {status}{line}",
                        safe_text(&target)
                    );
                    context.sink.finding(None, rule, Spot::of(Direction::ServerToClient, place.last), text);
                }
            }
        }
    }
}
