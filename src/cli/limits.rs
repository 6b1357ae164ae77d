//! The bounds of the engine as options: the section "Limits" of the help.

use std::time::Duration;

use clap::Args;

use super::args::{kept, size};
use crate::pipeline::Limits;

/// Bounds. What reaches one is counted and told (`limit-…` and others), and the rest goes on.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most connections that are followed at once [default: 65536]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Most TCP connections that are known at once, half-open ones included [default: 200000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_flows: Option<usize>,
    /// Most bytes of memory for all connections together; over it, those silent for longest go [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_total: Option<u64>,
    /// Most bytes of memory for rows in the terminal UI and for a story; the oldest go first [default: half of what is free,
    /// at least 512MiB; live: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_mem: Option<u64>,
    /// Most bytes of memory of the whole program, captures that are mapped not counted; it ends where that is used up
    /// [default: none]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_limit: Option<u64>,
    /// Most bytes of a packed capture that are read, unpacked [default: 256MiB, and 250 for each packed byte]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_unpacked: Option<u64>,
    /// Most bytes of one direction that wait behind a hole [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub mem_stream: Option<u64>,
    /// Most segments of one direction that wait behind a hole [default: 8192]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_segments: Option<usize>,
    /// Packets for which something missing is waited for [default: 4096]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub wait_packets: Option<u64>,
    /// Capture time after which that ends earlier, after 64 packets [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub wait_time: Option<i64>,
    /// Capture time for which a hole that nobody acknowledged is waited for [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub hole_time: Option<i64>,
    /// Most bytes of a request's or response's head [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub max_header: Option<u64>,
    /// Most header lines of a head [default: 1000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_header_lines: Option<usize>,
    /// Most requests of a connection that wait for their answers [default: 1000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_requests: Option<usize>,
    /// Bytes that are kept and printed of a message; the rest is checked, hashed and counted [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = kept)]
    pub keep: Option<u64>,
    /// Most bytes that one message may inflate to [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_inflate: Option<u64>,
    /// Most bytes out for one byte in, once a message inflates to over 1 MiB [default: 1100]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_ratio: Option<u64>,
    /// Inflated bytes of a message after which even the window is given up [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub max_drain: Option<u64>,
    /// Fragments of a message, and small frames in a second, beyond which it is told [default: 10000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_fragments: Option<u32>,
    /// Most bytes of IP datagrams that lack fragments [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub mem_fragments: Option<u64>,
    /// Most IP datagrams that lack fragments [default: 4096]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_datagrams: Option<usize>,
    /// Capture time for which IP fragments are waited for [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub fragment_time: Option<i64>,
    /// Most bytes of datagrams put together from fragments that are kept to read from [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub mem_datagrams: Option<u64>,
    /// Silence after which a half-open connection is forgotten, in capture time [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub half_open_time: Option<i64>,
    /// Silence after which a connection without WebSocket is taken as ended [default: 24h; live: 10m]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub idle_time: Option<i64>,
    /// Silence after which an open WebSocket is taken as ended [default: 24h; live: 3h]
    #[arg(long, value_name = "TIME", value_parser = time, hide_short_help = true)]
    pub websocket_time: Option<i64>,
    /// Connections up to which nobody is ended for silence [default: 1024; live, or with one of these times: 0]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub calm: Option<usize>,
    /// Findings of one rule that are listed for a connection; all are counted [default: 100]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_listed: Option<u32>,
    /// Findings that are listed in all; all are counted [default: 100000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub max_findings: Option<u64>,
}

impl LimitArgs {
    /// Sets what was given.
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

    /// Bytes of memory for rows of files.
    pub fn rows(&self) -> usize {
        match self.max_mem {
            Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
            None => super::memory::for_rows(),
        }
    }

    /// Sets the timers that were given: again after [`Limits::live`], whose own are shorter.
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

/// A time: `10s`, `500ms`, `5m`, `2h`; a bare number is seconds.
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

/// The same in nanoseconds of capture time.
fn time(text: &str) -> Result<i64, String> {
    i64::try_from(duration(text)?.as_nanos()).map_err(|_| "too long".to_owned())
}
