//! The limits of the analysis as options: the section "Limits" of the help.

use crate::model::Nanos;
use std::time::Duration;

use clap::Args;

use super::args::{kept, size};
use crate::pipeline::Limits;

/// Limits of memory, time and output. wslens reports a limit that is reached (`limit-…` and others) and continues.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum number of connections to follow at once [default: 65536]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Maximum number of TCP connections to track at once, including half-open ones [default: 200000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_flows: Option<usize>,
    /// Memory limit for the buffered data of all connections; beyond it, the longest idle ones are evicted [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_total: Option<u64>,
    /// Memory limit for rows in the terminal UI and for a story; the oldest rows are discarded first [default: half of
    /// the free memory, at least 512MiB; live: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_mem: Option<u64>,
    /// Memory limit for the program, not counting mapped captures; wslens exits when it is reached [default: none]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_limit: Option<u64>,
    /// Maximum decompressed size of a compressed capture [default: 256MiB plus 250 times the compressed size]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_unpacked: Option<u64>,
    /// Memory limit for data buffered behind a gap, per direction [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_stream: Option<u64>,
    /// Maximum number of segments buffered behind a gap, per direction [default: 8192]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_segments: Option<usize>,
    /// Stop waiting for missing data after this many packets [default: 4096]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub wait_packets: Option<u64>,
    /// Stop waiting for missing data after this much capture time, and at least 64 packets [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub wait_time: Option<Nanos>,
    /// Stop waiting for missing data that the receiver has not acknowledged after this much capture time [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub hole_time: Option<Nanos>,
    /// Maximum size of the headers of an HTTP request or response [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub max_header: Option<u64>,
    /// Maximum number of headers in an HTTP request or response [default: 1000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_header_lines: Option<usize>,
    /// Maximum number of unanswered HTTP requests per connection [default: 1000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_requests: Option<usize>,
    /// Payload bytes to keep and print per message; the rest is still validated, hashed and counted [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = kept)]
    pub keep: Option<u64>,
    /// Maximum decompressed size of a message [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_inflate: Option<u64>,
    /// Maximum compression ratio of a message that decompresses to more than 1 MiB [default: 1100]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_ratio: Option<u64>,
    /// Stop decompressing a direction once a message reaches this decompressed size [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub max_drain: Option<u64>,
    /// Report messages with more fragments, and more small frames per second, than this [default: 10000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_fragments: Option<u32>,
    /// Memory limit for incomplete IP datagrams [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub mem_fragments: Option<u64>,
    /// Maximum number of incomplete IP datagrams [default: 4096]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_datagrams: Option<usize>,
    /// Stop waiting for missing IP fragments after this much capture time [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub fragment_time: Option<Nanos>,
    /// Memory limit for reassembled IP datagrams [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub mem_datagrams: Option<u64>,
    /// Forget a half-open connection after this much idle capture time [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub half_open_time: Option<Nanos>,
    /// Expire a connection without a WebSocket after this much idle capture time [default: 24h; live: 10m]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub idle_time: Option<Nanos>,
    /// Expire an open WebSocket after this much idle capture time [default: 24h; live: 3h]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub websocket_time: Option<Nanos>,
    /// Do not expire idle connections while at most N are open [default: 1024; live or with an idle time given: 0]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub calm: Option<usize>,
    /// Maximum number of findings to list per rule and connection; all are counted [default: 100]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_listed: Option<u32>,
    /// Maximum number of findings to list; all are counted [default: 100000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_findings: Option<u64>,
}

impl LimitArgs {
    /// Copies the options that were given into `limits`.
    pub fn apply(&self, limits: &mut Limits) {
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        set(&mut limits.connections, self.max_connections);
        set(&mut limits.flows, self.max_flows);
        set(&mut limits.memory, self.mem_total);
        set(&mut limits.held_bytes, self.mem_stream);
        set(&mut limits.held_pieces, self.max_segments);
        set(&mut limits.wait_packets, self.wait_packets);
        set(&mut limits.wait_time, self.wait_time);
        set(&mut limits.hole_time, self.hole_time);
        set(&mut limits.head.bytes, self.max_header.map(bytes));
        set(&mut limits.head.headers, self.max_header_lines);
        set(&mut limits.requests, self.max_requests);
        set(&mut limits.depth.keep, self.keep);
        set(&mut limits.depth.inflate.message, self.max_inflate);
        set(&mut limits.depth.inflate.ratio, self.max_ratio);
        set(&mut limits.depth.inflate.drain, self.max_drain);
        set(&mut limits.depth.fragments, self.max_fragments);
        set(&mut limits.fragments.bytes, self.mem_fragments.map(bytes));
        set(&mut limits.fragments.datagrams, self.max_datagrams);
        set(&mut limits.fragments.age, self.fragment_time);
        set(&mut limits.fragments.kept, self.mem_datagrams.map(bytes));
        set(&mut limits.listed, self.max_listed);
        set(&mut limits.findings, self.max_findings);
        self.apply_times(limits);
    }

    /// Returns the memory limit for rows, in bytes.
    pub fn rows(&self) -> usize {
        match self.max_mem {
            Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
            None => super::memory::for_rows(),
        }
    }

    /// Copies the timeouts that were given. Call it again after [`Limits::live`], which sets shorter ones.
    pub fn apply_times(&self, limits: &mut Limits) {
        set(&mut limits.half_open_idle, self.half_open_time);
        set(&mut limits.idle, self.idle_time);
        set(&mut limits.idle_websocket, self.websocket_time);
        let asked = self.half_open_time.or(self.idle_time).or(self.websocket_time).map(|_| 0);
        set(&mut limits.calm, self.calm.or(asked));
    }
}

fn set<T>(limit: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *limit = given;
    }
}

/// Parses a duration such as `10s`, `500ms`, `5m` or `2h`; a bare number is in seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 10s, 5m or 2h".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())
}

/// Parses a duration into nanoseconds of capture time.
fn time(text: &str) -> Result<Nanos, String> {
    i64::try_from(duration(text)?.as_nanos()).map(Nanos).map_err(|_| "too long".to_owned())
}
