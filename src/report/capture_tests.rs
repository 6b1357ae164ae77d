//! For tests: a capture of the repository, through the whole pipeline, into a sink.

use std::path::Path;

use super::Summary;
use crate::capture::{Capture, Input, Options};
use crate::model::{Bytes, Span, Time};
use crate::pipeline::{Limits, Pipeline, Sink};

struct CaptureBytes<'a>(&'a Capture);

impl Bytes for CaptureBytes<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// Runs `captures/<name>/capture.pcapng`. `times` is told the times of the first packet and of each.
pub(super) fn run<S: Sink>(
    name: &str,
    limits: Limits,
    sink: &mut S,
    times: impl Fn(&mut S, Time, Time),
) -> Summary {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).join("capture.pcapng");
    let mut capture = Capture::open(&[Input::from(path)], &Options::default()).unwrap();
    let mut pipeline = Pipeline::new(limits);
    let mut first = None;
    while let Some(packet) = capture.next() {
        times(sink, *first.get_or_insert(packet.time), packet.time);
        pipeline.packet(&packet, &CaptureBytes(&capture), sink);
    }
    pipeline.end(&CaptureBytes(&capture), sink);
    let totals = capture.totals();
    Summary {
        unreadable: Vec::new(),
        packets: totals.packets,
        capture_bytes: totals.capture_bytes,
        totals: pipeline.totals(),
        skipped: pipeline.seen().skipped.clone(),
        losses: Default::default(),
        input_complete: totals.complete,
    }
}
