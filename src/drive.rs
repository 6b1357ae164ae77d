//! The main loop: reads packets from a capture, runs them through the pipeline, and passes the events to a sink.
//!
//! [`run`] does this until the capture ends. The session of an opened capture has a loop of its own, which calls
//! `process_packet` for each packet and `finish` at the end.

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

/// Runs a capture through the pipeline until it ends, and returns its totals.
///
/// `keep_going` is called after every packet or every 1024 packets, and whenever a live capture has no packet; reading
/// stops when it returns false.
pub fn run<S: Sink>(
    capture: &mut Capture,
    pipeline: &mut Pipeline,
    sink: &mut S,
    mut keep_going: impl FnMut(&Capture, &S) -> bool,
) -> Summary {
    // Packets of a pipe or a live capture may arrive slowly, so checks do not wait for many of them.
    let check_every = if capture.progress().is_some() { 1024 } else { 1 };
    let mut packets = 0u32;
    let is_live = capture.live().is_some();
    loop {
        if is_live && !capture.wait() {
            use_new_secrets(capture, pipeline, sink);
            if !keep_going(capture, sink) {
                break;
            }
            continue;
        }
        let Some(packet) = capture.next() else { break };
        process_packet(&packet, capture, pipeline, sink);
        packets = packets.wrapping_add(1);
        if packets.is_multiple_of(check_every) {
            capture.check();
            // Only the pipeline reads earlier bytes again, so all others can be released.
            if capture.may_release() {
                capture.release_before(pipeline.oldest_needed());
            }
            if !keep_going(capture, sink) {
                break;
            }
        }
    }
    finish(capture, pipeline, sink)
}

/// Runs one packet through the pipeline, with any losses, key logs and findings that the capture has collected.
#[inline]
pub(crate) fn process_packet<S: Sink>(
    packet: &PacketRef,
    capture: &mut Capture,
    pipeline: &mut Pipeline,
    sink: &mut S,
) {
    let notes = capture.notes();
    if notes.secrets.len() + notes.sections.len() > pipeline.logs_taken() {
        add_key_logs(capture, pipeline);
    }
    if capture.has_losses() {
        report_losses(capture, pipeline, sink);
    }
    if pipeline.has_new_secrets() {
        use_new_secrets(capture, pipeline, sink);
    }
    if capture.is_cut() {
        capture.take_back(packet);
        return;
    }
    pipeline.packet(packet, &CaptureBytes(capture), &mut IntactOnly { sink, capture });
    if capture.has_findings() {
        report_findings(capture, pipeline, sink);
    }
}

/// Reads the connections whose TLS secrets have arrived since they were captured.
#[cold]
pub(crate) fn use_new_secrets<S: Sink>(capture: &Capture, pipeline: &mut Pipeline, sink: &mut S) {
    pipeline.use_new_secrets(&CaptureBytes(capture), &mut IntactOnly { sink, capture });
}

/// Passes events to a sink, except those of a packet whose bytes were lost while it was read: another program may truncate
/// the file.
struct IntactOnly<'a, S> {
    sink: &'a mut S,
    capture: &'a Capture,
}

impl<S: Sink> IntactOnly<'_, S> {
    /// The sink, or `None` if bytes were read that are not in the capture.
    #[inline]
    fn intact(&mut self) -> Option<&mut S> {
        (!self.capture.is_cut()).then_some(&mut *self.sink)
    }
}

impl<S: Sink> Sink for IntactOnly<'_, S> {
    #[inline]
    fn wants(&self) -> Wants {
        self.sink.wants()
    }

    fn held(&self) -> u64 {
        self.sink.held()
    }

    fn begins(&mut self, first: Time) {
        self.sink.begins(first);
    }

    fn opened(&mut self, connection: &Connection) {
        if let Some(sink) = self.intact() {
            sink.opened(connection);
        }
    }

    #[inline]
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if let Some(sink) = self.intact() {
            sink.frame(connection, frame);
        }
    }

    #[inline]
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if let Some(sink) = self.intact() {
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
        if let Some(sink) = self.intact() {
            sink.finding(connection, rule, spot, text);
        }
    }

    fn lost(&mut self, loss: &Loss) {
        self.sink.lost(loss);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        if let Some(sink) = self.intact() {
            sink.ended(ended);
        }
    }

    fn sealed(&mut self, sealed: &SealedTls) {
        if let Some(sink) = self.intact() {
            sink.sealed(sealed);
        }
    }

    fn withdrawn(&mut self, tcp: ConnectionId) {
        if let Some(sink) = self.intact() {
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
        if let Some(sink) = self.intact() {
            sink.chunk(connection, direction, chunk);
        }
    }

    #[inline]
    fn watermark(&mut self, packet: u64) {
        self.sink.watermark(packet);
    }
}

/// Adds the key logs that the capture itself contains, in secrets blocks and in section comments.
#[cold]
fn add_key_logs(capture: &Capture, pipeline: &mut Pipeline) {
    /// `TLSK`: a TLS key log (draft-ietf-opsawg-pcapng section 4.7).
    const KEY_LOG: u32 = 0x544c_534b;
    let notes = capture.notes();
    let of_blocks = notes.secrets.iter().filter(|secrets| secrets.kind == KEY_LOG);
    for secrets in of_blocks {
        pipeline.add_secrets(&secrets.data);
    }
    for comment in notes.sections.iter().flat_map(|section| &section.comments) {
        if is_key_log(comment) {
            pipeline.add_secrets(comment.as_bytes());
        }
    }
    pipeline.set_logs_taken(notes.secrets.len() + notes.sections.len());
}

/// Whether a comment contains lines of a key log.
pub(crate) fn is_key_log(comment: &str) -> bool {
    comment.contains("CLIENT_RANDOM ") || comment.contains("_TRAFFIC_SECRET_")
}

/// Ends all open connections after the last packet, and returns the totals of the capture.
pub(crate) fn finish<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) -> Summary {
    report_losses(capture, pipeline, sink);
    report_findings(capture, pipeline, sink);
    // Bytes that are known to be missing are no longer read, so all remaining events may pass.
    capture.check_all();
    pipeline.end(&CaptureBytes(capture), &mut IntactOnly { sink, capture });
    summarize(capture, pipeline)
}

#[cold]
fn report_losses<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) {
    for loss in capture.take_losses() {
        pipeline.lose(&loss, sink);
    }
}

fn report_findings<S: Sink>(capture: &mut Capture, pipeline: &mut Pipeline, sink: &mut S) {
    for finding in capture.take_findings() {
        let place = Place { packet: finding.packet, time: finding.time };
        pipeline.report_at(sink, finding.rule, place, format_args!("{}", finding.text));
    }
}

/// The totals of what has been read.
fn summarize(capture: &Capture, pipeline: &Pipeline) -> Summary {
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
