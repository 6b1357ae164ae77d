//! Drives a capture through the pipeline into a sink.

use crate::capture::Capture;
use crate::model::{Bytes, Chunk, ConnectionId, Direction, Loss, PacketRef, Place, Rule, Span, Time};
use crate::pipeline::{Connection, Ended, Pipeline, ReplayStep, SealedTls, Sink, Summary, Wants};
use crate::ws::{FrameEvent, MessageEvent, Spot};

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
        if turn.is_multiple_of(turns) {
            capture.check();
            // Nobody looks back: what the engine does not need can go.
            if capture.may_release() {
                capture.release_before(pipeline.oldest_needed());
            }
            if !check(capture, sink) {
                break;
            }
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
    if capture.is_cut() {
        capture.take_back(packet);
        return;
    }
    pipeline.packet(packet, &CaptureBytes(capture), &mut Sound { sink, capture });
    if capture.has_findings() {
        tell_findings(capture, pipeline, sink);
    }
}

/// Reads the connections whose secrets came since.
#[cold]
pub(super) fn use_new_secrets<S: Sink>(capture: &Capture, pipeline: &mut Pipeline, sink: &mut S) {
    pipeline.use_new_secrets(&CaptureBytes(capture), &mut Sound { sink, capture });
}

/// Passes events on, but for those of a packet whose bytes another program took away while they were read.
struct Sound<'a, S> {
    sink: &'a mut S,
    capture: &'a Capture,
}

impl<S: Sink> Sound<'_, S> {
    /// The sink, unless bytes were read that were not those of the capture.
    #[inline]
    fn pass(&mut self) -> Option<&mut S> {
        (!self.capture.is_cut()).then_some(&mut *self.sink)
    }
}

impl<S: Sink> Sink for Sound<'_, S> {
    #[inline]
    fn wants(&self) -> Wants {
        self.sink.wants()
    }

    fn begins(&mut self, first: Time) {
        self.sink.begins(first);
    }

    fn opened(&mut self, connection: &Connection) {
        if let Some(sink) = self.pass() {
            sink.opened(connection);
        }
    }

    #[inline]
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if let Some(sink) = self.pass() {
            sink.frame(connection, frame);
        }
    }

    #[inline]
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if let Some(sink) = self.pass() {
            sink.message(connection, message);
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: std::fmt::Arguments<'_>,
    ) {
        if let Some(sink) = self.pass() {
            sink.finding(connection, rule, spot, text);
        }
    }

    fn lost(&mut self, loss: &Loss) {
        self.sink.lost(loss);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        if let Some(sink) = self.pass() {
            sink.ended(ended);
        }
    }

    fn sealed(&mut self, sealed: &SealedTls) {
        if let Some(sink) = self.pass() {
            sink.sealed(sealed);
        }
    }

    fn withdrawn(&mut self, tcp: ConnectionId) {
        if let Some(sink) = self.pass() {
            sink.withdrawn(tcp);
        }
    }

    #[inline]
    fn replay_step(&mut self, step: &ReplayStep<'_>) {
        self.sink.replay_step(step);
    }

    fn fragment(&mut self, packet: &PacketRef) {
        self.sink.fragment(packet);
    }

    #[inline]
    fn chunk(&mut self, connection: &Connection, direction: Direction, chunk: &Chunk<'_>) {
        if let Some(sink) = self.pass() {
            sink.chunk(connection, direction, chunk);
        }
    }

    #[inline]
    fn watermark(&mut self, packet: u64) {
        self.sink.watermark(packet);
    }
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
    // What is known to be missing is no longer read: from here on everything may pass.
    capture.check_all();
    pipeline.end(&CaptureBytes(capture), &mut Sound { sink, capture });
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
        unreadable: capture.unreadable().to_vec(),
    }
}
