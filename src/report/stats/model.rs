//! What the same messages would have cost over HTTP, in bytes of heads.
//!
//! A model, not a measurement: it says what it takes for granted, and the report prints that beside it.
//!
//! - Every request and response has heads as long as those of the captured handshakes, on the average.
//! - Connections are kept alive; bodies are the same in every method, so they are left out.
//! - Who polls asks once an interval as long as a connection is open, and once at least.
//! - A message that a client sends takes a request of its own in every method.

/// Bytes that an event of a server-sent stream has around its data: `data: ` and an empty line.
const EVENT: u64 = 8;

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// Bytes of a request's head.
    pub request_bytes: u64,
    /// Bytes of a response's head.
    pub response_bytes: u64,
    /// WebSockets that opened.
    pub connections: u64,
    /// Bytes of all handshakes.
    pub handshake_bytes: u64,
    /// Bytes of all frame headers.
    pub frame_header_bytes: u64,
    /// Data messages of clients.
    pub sent: u64,
    /// Data messages of servers.
    pub received: u64,
    /// Nanoseconds that connections were open, all together.
    pub open_time: u64,
    /// Nanoseconds between two polls.
    pub poll: u64,
}

/// One way to carry the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The name in the machine output.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// HTTP requests.
    pub requests: u64,
    /// Bytes that are neither message nor TCP.
    pub header_bytes: u64,
}

/// All ways, that of the capture first.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// What it rests on.
    pub given: Given,
    /// The ways.
    pub methods: [Method; 5],
}

impl Estimate {
    /// The estimate for what was measured.
    #[must_use]
    pub fn of(given: &Given) -> Self {
        let one = given.request_bytes.saturating_add(given.response_bytes);
        let heads = |requests: u64| requests.saturating_mul(one);
        let polls =
            given.open_time.div_ceil(given.poll.max(1)).max(given.connections).saturating_add(given.sent);
        let each = given.sent.saturating_add(given.received);
        let stream = given.connections.saturating_add(given.sent);
        let method = |name, title, requests, header_bytes| Method { name, title, requests, header_bytes };
        Self {
            given: *given,
            methods: [
                method(
                    "websocket",
                    "WebSocket (measured)",
                    given.connections,
                    given.handshake_bytes.saturating_add(given.frame_header_bytes),
                ),
                method("request", "a request for each message *", each, heads(each)),
                method("poll", "polling", polls, heads(polls)),
                method("long-poll", "long polling", each, heads(each)),
                method(
                    "sse",
                    "server-sent events and POST",
                    stream,
                    heads(stream).saturating_add(given.received.saturating_mul(EVENT)),
                ),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_of_a_chat_worked_out_by_hand() {
        // 6 messages out, 5 in, 1.03 s, heads of 338 and 336 bytes, 22 frames with 100 bytes of headers.
        let given = Given {
            request_bytes: 338,
            response_bytes: 336,
            connections: 1,
            handshake_bytes: 674,
            frame_header_bytes: 100,
            sent: 6,
            received: 5,
            open_time: 1_030_000_000,
            poll: 100_000_000,
        };
        let of = |name: &str| {
            let estimate = Estimate::of(&given);
            let method = estimate.methods.iter().find(|method| method.name == name).unwrap();
            (method.requests, method.header_bytes)
        };
        assert_eq!(of("websocket"), (1, 774));
        assert_eq!(of("request"), (11, 7414));
        assert_eq!(of("poll"), (17, 11_458));
        assert_eq!(of("long-poll"), (11, 7414));
        assert_eq!(of("sse"), (7, 4718 + 40));
    }

    #[test]
    fn numbers_out_of_bounds_stay_at_the_bound() {
        let most = u64::MAX;
        let given = Given {
            request_bytes: most,
            sent: most,
            received: most,
            open_time: most,
            poll: 0,
            ..Given::default()
        };
        assert!(Estimate::of(&given).methods.iter().skip(1).all(|method| method.header_bytes == most));
    }
}
