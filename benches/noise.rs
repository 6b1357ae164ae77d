//! Reads traffic without any WebSocket, much of it, and says how many were seen: there must be none.
//!
//! ```text
//! cargo bench --bench noise -- 1000MB        # in all; all connections begin before the capture does
//! ```
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Connection, Limits, Pipeline, Sink};
use wslens::ws::FrameEvent;

#[path = "../tests/support/forge.rs"]
mod forge;
#[path = "../tests/support/noise.rs"]
mod noise;

/// Counts what must not be there.
#[derive(Default)]
struct Count {
    frames: u64,
    connections: Vec<String>,
}

impl Sink for Count {
    fn opened(&mut self, connection: &Connection) {
        self.connections.push(format!("{:?}", connection.evidence));
    }
    fn frame(&mut self, _: &Connection, _: &FrameEvent<'_>) {
        self.frames += 1;
    }
}

fn main() -> ExitCode {
    const BATCH: usize = 8_000_000;
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let Some(size) = args.first().and_then(|size| size.trim_end_matches("MB").parse::<usize>().ok()) else {
        println!("usage: noise 1000MB");
        return ExitCode::SUCCESS;
    };
    let batches = (size * 1_000_000 / BATCH / noise::KINDS.len()).max(1);
    let (mut bad, mut all) = (false, 0);
    for kind in noise::KINDS {
        let (mut count, mut bytes, mut connections) = (Count::default(), 0, 0);
        let mut time = Duration::ZERO;
        for batch in 0..batches {
            let capture = noise::capture(kind, batch as u64, BATCH);
            bytes += capture.len();
            let mut capture = Capture::from_bytes(capture).expect("a capture");
            let mut pipeline = Pipeline::new(Limits::default());
            let start = Instant::now();
            connections += run(&mut capture, &mut pipeline, &mut count, |_, _| true).totals.tcp_connections;
            time += start.elapsed();
        }
        all += bytes;
        bad |= count.frames > 0 || !count.connections.is_empty();
        println!(
            "{kind:?}: {} MB in {connections} connections, {:.2} s: {} WebSockets, {} frames{}",
            bytes / 1_000_000,
            time.as_secs_f64(),
            count.connections.len(),
            count.frames,
            count.connections.first().map(|why| format!(" ({why})")).unwrap_or_default()
        );
    }
    println!("{} MB in all", all / 1_000_000);
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
