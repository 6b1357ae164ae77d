//! Drives a capture through the pipeline into a sink.

use crate::capture::Capture;
use crate::model::{Bytes, PacketRef, Place, Span};
use crate::pipeline::{Pipeline, Sink, Summary};

/// The capture's bytes by address.
struct CaptureBytes<'a>(&'a Capture);

impl Bytes for CaptureBytes<'_> {
    #[inline]
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// Runs a whole capture. `check` is asked now and then whether to go on, with the capture's state.
pub fn run<S: Sink>(
    capture: &mut Capture,
    pipeline: &mut Pipeline,
    sink: &mut S,
    mut check: impl FnMut(&Capture, &S) -> bool,
) -> Summary {
    // Where packets have to be waited for, nobody waits for many of them.
    let turns = if capture.progress().is_some() { 1024 } else { 1 };
    let mut turn = 0u32;
    let is_live = capture.live().is_some();
    loop {
        if is_live && !capture.wait() {
            use_new_secrets(capture, pipeline, sink);
            if !check(capture, sink) {
                break;
            }
            continue;
        }
        let Some(packet) = capture.next() else { break };
        take(&packet, capture, pipeline, sink);
        turn = turn.wrapping_add(1);
        if turn.is_multiple_of(turns) && !check(capture, sink) {
            break;
        }
    }
    finish(capture, pipeline, sink)
}

/// Hands a packet of the capture on, and what the capture has to say about it.
#[inline]
pub(super) fn take<S: Sink>(
    packet: &PacketRef,
    capture: &mut Capture,
    pipeline: &mut Pipeline,
    sink: &mut S,
) {
    let notes = capture.notes();
    if notes.secrets.len() + notes.sections.len() > pipeline.logs_taken() {
        take_logs(capture, pipeline);
    }
    if capture.has_losses() {
        tell_losses(capture, pipeline, sink);
    }
    if pipeline.has_new_secrets() {
        use_new_secrets(capture, pipeline, sink);
    }
    pipeline.packet(packet, &CaptureBytes(capture), sink);
    if capture.has_findings() {
        tell_findings(capture, pipeline, sink);
    }
}

/// Reads the connections whose secrets came since.
#[cold]
pub(super) fn use_new_secrets<S: Sink>(capture: &Capture, pipeline: &mut Pipeline, sink: &mut S) {
    pipeline.use_new_secrets(&CaptureBytes(capture), sink);
}

/// Hands on the key logs that stand in the capture itself: in secrets blocks, and in comments of sections.
#[cold]
fn take_logs(capture: &Capture, pipeline: &mut Pipeline) {
    /// `TLSK`: a TLS key log (draft-ietf-opsawg-pcapng section 4.7).
    const KEY_LOG: u32 = 0x544c_534b;
    let notes = capture.notes();
    let of_blocks = notes.secrets.iter().filter(|secrets| secrets.kind == KEY_LOG);
    for secrets in of_blocks {
        pipeline.add_secrets(&secrets.data);
    }
    for comment in notes.sections.iter().flat_map(|section| &section.comments) {
        if comment.contains("CLIENT_RANDOM ") || comment.contains("_TRAFFIC_SECRET_") {
            pipeline.add_secrets(comment.as_bytes());
        }
    }
    pipeline.set_logs_taken(notes.secrets.len() + notes.sections.len());
}

/// Tells everything that is open once no packet comes any more.
pub(super) fn finish<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) -> Summary {
    tell_losses(capture, pipeline, sink);
    tell_findings(capture, pipeline, sink);
    pipeline.end(&CaptureBytes(capture), sink);
    summarize(capture, pipeline)
}

#[cold]
fn tell_losses<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) {
    for loss in capture.take_losses() {
        pipeline.lose(&loss, sink);
    }
}

fn tell_findings<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) {
    for finding in capture.take_findings() {
        let place = Place { packet: finding.packet, time: finding.time };
        pipeline.report_at(sink, finding.rule, place, format_args!("{}", finding.text));
    }
}

/// What was read so far, in numbers.
pub(super) fn summarize(capture: &Capture, pipeline: &Pipeline) -> Summary {
    let totals = capture.totals();
    let mut skipped = pipeline.seen().skipped.clone();
    for (reason, count) in &totals.skipped {
        match skipped.iter_mut().find(|(known, _)| known == reason) {
            Some((_, sum)) => *sum += count,
            None => skipped.push((reason, *count)),
        }
    }
    Summary {
        packets: totals.packets,
        capture_bytes: totals.capture_bytes,
        totals: pipeline.totals(),
        skipped,
        losses: totals.losses,
        input_complete: totals.complete,
    }
}
