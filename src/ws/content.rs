//! A data message's content: joined, inflated, checked (RFC 6455 section 8.1, RFC 7692 section 7.2.2).

use sha2::{Digest, Sha256};

use super::deflate::{InflateLimit, Inflater, Inflation};
use super::event::{Depth, Events, Integrity, MessageContext, MessageEvent, Scratch, ShortMessage, Spot};
use super::lenient::{self, Fault, Reading};
use super::mask::unmask;
use super::message::MessageStep;
use super::reader::FrameStart;
use super::shared::ConnectionState;
use super::utf8::Utf8Check;
use super::{FrameHeader, Opcode, Payload, rules, text};
use crate::model::{Bytes, Chunk, Place, to_usize};

/// A message that has begun.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) opcode: Opcode,
    pub(super) compressed: bool,
    /// The frame at hand is compressed; where frames are not compressed one by one, as the message is.
    pub(super) inflating: bool,
    /// An RSV bit is set whose meaning is not known: nothing is known of the payload's coding.
    pub(super) opaque: bool,
    /// RSV bits of its frames, RSV1 = 4.
    pub(super) rsv: u8,
    /// Its frames were found against a rule.
    pub(super) lenient: bool,
    pub(super) number: Option<u64>,
    first: Place,
    pub(super) frames: u32,
    pub(super) wire: u64,
    pub(super) payload_len: u64,
    pub(super) kept: Payload,
    pub(super) missing: Option<(u64, u64)>,
    gone: bool,
    pub(super) eager: Option<Box<Eager>>,
    /// Of a compressed message: where each of its first fragments ends in its payload.
    ends: Vec<u64>,
    /// Where frames are compressed one by one: the worst that became of those before.
    outcome: Option<Inflation>,
    /// The first fault of those before.
    fault: Option<Fault>,
}

/// A message read as it comes: because it is too long to keep its pieces, or because it is inflated.
#[derive(Clone, Debug)]
pub(super) struct Eager {
    /// Fed once the message is longer than what is kept.
    utf8: Utf8Check,
    hash: Option<Sha256>,
    kept: Vec<u8>,
    len: u64,
    /// Nothing more is kept of it.
    dropped: bool,
}

impl Eager {
    /// `kept`: an allocation to use.
    pub(super) fn new(depth: &Depth, mut kept: Vec<u8>) -> Self {
        kept.clear();
        Self { utf8: Utf8Check::new(), hash: depth.hash.then(Sha256::new), kept, len: 0, dropped: false }
    }

    /// Gives back what is kept. What comes is still checked, hashed and counted.
    fn shed(&mut self, keep: u64, check: bool) {
        if check && !self.dropped && self.len <= keep {
            self.utf8.feed(&self.kept);
        }
        (self.kept, self.dropped) = (Vec::new(), true);
    }

    /// `within`: within the limits of inflating; what is not is counted and hashed.
    pub(super) fn take(&mut self, bytes: &[u8], within: bool, keep: u64, check: bool) {
        if !within {
            self.len += bytes.len() as u64;
            if let Some(hash) = &mut self.hash {
                hash.update(bytes);
            }
            return;
        }
        let keep = if self.dropped { 0 } else { keep };
        let before = self.len;
        self.len += bytes.len() as u64;
        if check && self.len > keep {
            if before <= keep {
                self.utf8.feed(&self.kept);
            }
            self.utf8.feed(bytes);
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        let room = to_usize(keep.saturating_sub(self.kept.len() as u64).min(bytes.len() as u64));
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    fn is_whole(&self) -> bool {
        self.kept.len() as u64 == self.len
    }

    /// The text, or where it is none; of what is kept where that is not all.
    pub(super) fn text(&self, check: bool) -> (Option<&str>, Option<u64>) {
        match (check, self.is_whole()) {
            (true, true) => text_of(&self.kept),
            (true, false) => match self.utf8.finish() {
                Ok(()) => (begin_of_text(&self.kept), None),
                Err(at) => (None, Some(at)),
            },
            (false, _) => (None, None),
        }
    }
}

/// Bytes as text, or the offset of the first that is none.
#[inline]
fn text_of(bytes: &[u8]) -> (Option<&str>, Option<u64>) {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, std::str::from_utf8(bytes).err().map(|error| error.valid_up_to() as u64)),
    }
}

/// The whole characters of a text that was cut anywhere.
fn begin_of_text(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok())
        }
        Err(_) => None,
    }
}

/// What is known of a message beside its bytes.
struct Outline {
    number: u64,
    frame: u64,
    opcode: Opcode,
    first: Place,
    last: Place,
    wire: u64,
    frames: u32,
    compressed: bool,
    opaque: bool,
    /// RSV bits of its frames.
    rsv: u8,
    /// Its frames were found against a rule.
    lenient: bool,
    missing: Option<(u64, u64)>,
    at: u64,
}

impl<E: Events> MessageStep<'_, '_, E> {
    /// A message in one frame, all of which is in the chunk.
    pub(super) fn plain_content(
        &mut self,
        header: FrameHeader,
        start: FrameStart,
        payload: Chunk<'_>,
        wire: u64,
        frame: u64,
        number: u64,
    ) {
        let outline = Outline {
            number,
            frame,
            opcode: header.opcode(),
            first: start.place,
            last: payload.arrival,
            wire,
            frames: 1,
            compressed: header.rsv1(),
            opaque: false,
            rsv: 0,
            lenient: false,
            missing: None,
            at: start.at,
        };
        let MessageContext { depth, scratch, .. } = &mut *self.context;
        let depth: &Depth = depth;
        let mut unmasked = std::mem::take(&mut scratch.unmasked);
        if !outline.compressed {
            let bytes = if header.masked() {
                unmasked.clear();
                unmasked.extend_from_slice(payload.bytes);
                unmask(&mut unmasked, header.masking_key, 0);
                unmasked.as_slice()
            } else {
                payload.bytes
            };
            let (text, bad) = if outline.opcode == Opcode::Text { text_of(bytes) } else { (None, None) };
            let done = Done {
                integrity: Integrity::Ok,
                len: Some(bytes.len() as u64),
                whole: true,
                sha256: depth.hash.then(|| Sha256::digest(bytes).into()),
                faults: None,
            };
            self.keep_plain(bytes, number, payload.arrival.packet);
            self.tell(&outline, &done, bytes, text, bad);
        } else {
            unmasked.clear();
            unmasked.extend_from_slice(payload.bytes);
            unmask(&mut unmasked, header.masking_key, 0);
            let mut eager = Eager::new(depth, std::mem::take(&mut scratch.kept));
            let inflater = take_inflater(&mut self.side.inflater, self.side.window_lost, scratch);
            let check = outline.opcode == Opcode::Text;
            let (outcome, len) =
                inflater.inflate(&mut unmasked, &depth.inflate, &mut scratch.inflated, &mut |out, within| {
                    eager.take(out, within, depth.keep, check);
                });
            self.side.counts.deflated_bytes += header.payload_len;
            self.tell_inflated(&outline, &mut eager, (outcome, len), &unmasked, &[], None);
            self.context.scratch.kept = eager.kept;
        }
        self.context.scratch.unmasked = unmasked;
        self.give_back_inflater();
    }

    /// A data message's last frame is there.
    #[inline]
    pub(super) fn finish(&mut self, frame: u64, number: u64, arrival: Place) {
        let Some(mut open) = self.side.open.take() else { return };
        self.finish_open(&mut open, frame, number, arrival);
        if open.eager.is_none() {
            self.context.scratch.open = Some(open);
        }
    }

    fn finish_open(&mut self, open: &mut Open, frame: u64, number: u64, arrival: Place) {
        self.side.counts.messages += 1;
        self.side.counts.count_message(open.opcode, open.payload_len);
        let MessageContext { bytes, depth, scratch } = &mut *self.context;
        let (bytes, depth): (&dyn Bytes, &Depth) = (*bytes, depth);
        if !depth.payloads {
            if !open.compressed && open.missing.is_none() && self.shared.wants_short(number, open.payload_len)
            {
                let mut unmasked = std::mem::take(&mut scratch.unmasked);
                // Empty for a message of several frames.
                if let Some(all) = open.kept.read(bytes, &mut unmasked)
                    && all.len() as u64 == open.payload_len
                {
                    let (direction, opcode) = (self.side.direction, open.opcode);
                    let message = ShortMessage { number, direction, opcode, bytes: all, last: arrival };
                    self.shared.short_message(self.events, &message);
                }
                self.context.scratch.unmasked = unmasked;
            }
            return;
        }
        let outline = Outline {
            number,
            frame,
            opcode: open.opcode,
            first: open.first,
            last: arrival,
            wire: open.wire,
            frames: open.frames,
            compressed: open.compressed,
            opaque: open.opaque,
            rsv: open.rsv,
            lenient: open.lenient,
            missing: open.missing,
            at: self.frame.start.at,
        };
        let mut unmasked = std::mem::take(&mut scratch.unmasked);
        let check = open.opcode == Opcode::Text && !open.opaque;
        let plain_len = (!open.compressed).then_some(open.payload_len);
        if open.missing.is_some() || open.gone {
            let integrity = if open.missing.is_some() { Integrity::Gap } else { Integrity::Cut };
            let done = Done { integrity, len: plain_len, whole: false, sha256: None, faults: None };
            let content = open.kept.read(bytes, &mut unmasked).unwrap_or_default();
            self.lose_plain();
            self.tell(&outline, &done, content, None, None);
        } else if open.compressed {
            self.side.counts.deflated_bytes += open.payload_len;
            let (mut eager, outcome, len) = self.inflate(open, check);
            let wire = if open.gone { None } else { open.kept.read(bytes, &mut unmasked) };
            let (wire, fault) = (wire.unwrap_or_default(), open.fault.take());
            self.tell_inflated(&outline, &mut eager, (outcome, len), wire, &open.ends, fault);
            self.context.scratch.kept = eager.kept;
        } else if let Some(eager) = &mut open.eager {
            let sha256 = eager.hash.take().map(|hash| hash.finalize().into());
            let (text, bad) = eager.text(check);
            // Its end is not kept.
            self.lose_plain();
            let done = Done {
                integrity: Integrity::Ok,
                len: Some(eager.len),
                whole: eager.is_whole(),
                sha256,
                faults: None,
            };
            self.tell(&outline, &done, &eager.kept, text, bad);
        } else if let Some(all) = open.kept.read(bytes, &mut unmasked) {
            let (text, bad) = if check { text_of(all) } else { (None, None) };
            let sha256 = depth.hash.then(|| Sha256::digest(all).into());
            let done = Done {
                integrity: Integrity::Ok,
                len: Some(all.len() as u64),
                whole: true,
                sha256,
                faults: None,
            };
            if !open.opaque {
                self.keep_plain(all, number, arrival.packet);
            }
            self.tell(&outline, &done, all, text, bad);
        } else {
            let done =
                Done { integrity: Integrity::Cut, len: plain_len, whole: false, sha256: None, faults: None };
            self.tell(&outline, &done, &[], None, None);
        }
        self.context.scratch.unmasked = unmasked;
        open.kept.clear();
        open.kept.shrink();
        // The allocations serve the next message.
        if self.frame.payload.is_empty() {
            self.frame.payload = std::mem::take(&mut open.kept);
        }
        self.give_back_inflater();
    }

    /// A message came of which not all is known: what its sender may have in its window beside compressed ones is not, either.
    fn lose_plain(&mut self) {
        if let Some(inflater) = &mut self.side.inflater {
            inflater.lose_plain();
        }
    }

    /// A direction that starts each message with an empty window needs no inflater in between.
    fn give_back_inflater(&mut self) {
        /// After so many messages that need no window of another, it is not kept any longer in case one does.
        const WATCHED: u8 = 2;
        let Self { side, context, .. } = self;
        if side.terms.takeover != Some(false) {
            return;
        }
        let Some(mut used) = side.inflater.take_if(|inflater| !inflater.is_resting()) else { return };
        let previous = used.take_previous();
        let unused = if side.watched < WATCHED {
            side.watched += 1;
            used.rest();
            side.inflater = Some(used);
            [previous, None]
        } else {
            [Some(used), previous]
        };
        let spare = &mut context.scratch.spare;
        let room = 4usize.saturating_sub(spare.len());
        spare.extend(unused.into_iter().flatten().take(room));
    }

    /// Inflates a message of several frames, or of one in several pieces.
    fn inflate(&mut self, open: &mut Open, check: bool) -> (Eager, Inflation, u64) {
        let MessageContext { bytes, depth, scratch } = &mut *self.context;
        let depth: &Depth = depth;
        let begun = open.eager.take();
        if let (Some(_), Some(outcome)) = (&begun, open.outcome) {
            let eager = begun.map_or_else(|| Eager::new(depth, Vec::new()), |eager| *eager);
            let len = eager.len;
            return (eager, outcome, len);
        }
        let kept = std::mem::take(&mut scratch.kept);
        let inflater = take_inflater(&mut self.side.inflater, self.side.window_lost, scratch);
        let Scratch { unmasked, inflated, .. } = &mut **scratch;
        let mut eager = match begun {
            Some(eager) => *eager,
            None => {
                let mut eager = Eager::new(depth, kept);
                inflater.begin();
                open.gone |= !open.kept.each(*bytes, unmasked, &mut |wire| {
                    inflater.feed(wire, &depth.inflate, inflated, &mut |out, within| {
                        eager.take(out, within, depth.keep, check);
                    });
                });
                eager
            }
        };
        let (outcome, len) = inflater.finish(&depth.inflate, inflated, &mut |out, within| {
            eager.take(out, within, depth.keep, check);
        });
        (eager, if open.gone { Inflation::Cut } else { outcome }, len)
    }

    /// `wire`: the message before inflating, `ends`: where its fragments end in it; both empty where they were not kept.
    /// `earlier`: the fault of one of its frames, where frames are compressed one by one.
    fn tell_inflated(
        &mut self,
        outline: &Outline,
        eager: &mut Eager,
        (outcome, len): (Inflation, u64),
        wire: &[u8],
        ends: &[u64],
        earlier: Option<Fault>,
    ) {
        let check = outline.opcode == Opcode::Text && !outline.opaque;
        if outcome == Inflation::Damaged
            && !self.side.terms.guessed
            && !outline.opaque
            && !wire.is_empty()
            && let Some(reading) = self.read_leniently(wire, ends, outline.opcode)
        {
            return self.tell_lenient(outline, reading, check);
        }
        let sha256 = eager.hash.take().map(|hash| hash.finalize().into());
        let mut done =
            Done { integrity: Integrity::Ok, len: Some(len), whole: eager.is_whole(), sha256, faults: None };
        match outcome {
            Inflation::Whole => {
                self.side.counts.inflated_bytes += len;
                self.find_faults(&mut done, len, earlier);
            }
            Inflation::Cut => {
                if let Some(inflater) = &mut self.side.inflater {
                    inflater.doubt_plain();
                }
                let known = len <= self.context.depth.inflate.drain;
                let sha256 = done.sha256.filter(|_| known);
                let len = known.then_some(len);
                done = Done { integrity: Integrity::Cut, len, whole: false, sha256, faults: None };
            }
            Inflation::UnknownDictionary | Inflation::Damaged => {
                // Of a guess, the fault is more likely than that of its sender.
                let integrity = if outcome == Inflation::Damaged && !self.side.terms.guessed {
                    Integrity::Damaged
                } else {
                    Integrity::UnknownDictionary
                };
                let done = Done { integrity, len: None, whole: false, sha256: None, faults: None };
                self.tell(outline, &done, wire, None, None);
                return;
            }
        }
        let (text, bad) = match outcome {
            Inflation::Whole => eager.text(check),
            // What was handed on before the cut is right.
            _ if check => (begin_of_text(&eager.kept), None),
            _ => (None, None),
        };
        self.tell(outline, &done, &eager.kept, text, bad);
    }

    /// Rules that a message breaks which could be inflated.
    #[inline]
    fn find_faults(&mut self, done: &mut Done, len: u64, earlier: Option<Fault>) {
        let side = &mut *self.side;
        let Some(inflater) = &mut side.inflater else { return };
        let is_odd = earlier.is_some()
            || inflater.bad_end().is_some()
            || side.compression.window_bits < 15
            || side.keeps_window
            || inflater.plain.is_some()
            || side.assumed > 0;
        if !is_odd || side.terms.guessed {
            return;
        }
        let mut faults: Vec<Fault> = earlier.into_iter().collect();
        if faults.is_empty() {
            faults.extend(inflater.bad_end().and_then(lenient::end_fault));
            faults.extend(lenient::exceeded(inflater, side.compression.window_bits));
        }
        let distance = inflater.largest_distance() as u64;
        // A match is at least three bytes long: this one begins before the message.
        if side.keeps_window && distance > 0 && distance + 3 > len {
            faults.push(lenient::kept_window());
        }
        match &inflater.plain {
            Some(plain) if plain.in_window && distance > 0 && distance + 3 > len => {
                faults.push(lenient::fed_window(plain));
            }
            // Read without those messages: they are not in the window, or what was read is not what was sent.
            Some(plain) if !plain.in_window && distance > 0 => inflater.plain = None,
            _ => {}
        }
        let is_doubtful = side.assumed > 0 && distance > 0;
        side.assumed = side.assumed.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
        if is_doubtful || !faults.is_empty() {
            done.integrity = Integrity::Lenient;
        }
        done.faults = (!faults.is_empty()).then(|| Box::new(faults));
    }

    /// A message that could be read past its fault.
    #[cold]
    fn tell_lenient(&mut self, outline: &Outline, reading: Reading, check: bool) {
        let Reading { fault, content: mut eager } = reading;
        self.side.counts.inflated_bytes += eager.len;
        let sha256 = eager.hash.take().map(|hash| hash.finalize().into());
        let done = Done {
            integrity: Integrity::Lenient,
            len: Some(eager.len),
            whole: eager.is_whole(),
            sha256,
            faults: Some(Box::new(vec![fault])),
        };
        let (text, bad) = eager.text(check);
        self.tell(outline, &done, &eager.kept, text, bad);
    }

    #[inline]
    fn tell(
        &mut self,
        outline: &Outline,
        done: &Done,
        bytes: &[u8],
        text: Option<&str>,
        invalid_utf8_at: Option<u64>,
    ) {
        let terms = self.side.terms;
        let sure = matches!(done.integrity, Integrity::Ok | Integrity::Lenient);
        let integrity = if outline.opaque
            && terms.rsv_defined & !4 != 0
            && (sure || done.integrity == Integrity::Damaged)
        {
            Integrity::UnknownExtension
        } else if terms.guessed && sure {
            Integrity::Guessed
        } else if (outline.opaque || outline.lenient) && sure {
            Integrity::Lenient
        } else {
            done.integrity
        };
        // An undefined RSV bit may stand for any coding: such text is shown only where it reads as text.
        let text = if outline.opaque && outline.opcode == Opcode::Text && done.whole {
            std::str::from_utf8(bytes).ok()
        } else {
            text
        };
        let event = MessageEvent {
            number: outline.number,
            direction: self.side.direction,
            opcode: outline.opcode,
            first: outline.first,
            last: outline.last,
            len: done.len,
            wire: outline.wire,
            frames: outline.frames,
            compressed: outline.compressed,
            integrity,
            bytes,
            whole: done.whole,
            text,
            invalid_utf8_at,
            missing: outline.missing,
            sha256: done.sha256,
            close: None,
            rtt: None,
            answers: None,
        };
        let spot = Spot {
            direction: Some(event.direction),
            frame: Some(outline.frame),
            message: Some(outline.number),
            offset: Some(outline.at),
            place: outline.last,
            what: None,
        };
        let inflater = self.side.inflater.as_deref();
        judge_message(self.shared, self.events, &event, spot, (self.context.depth, inflater));
        for (rule, text) in done.faults.iter().flat_map(|faults| faults.iter()) {
            self.shared.report(self.events, rule, spot, format_args!("{text}"));
        }
        if event.integrity == Integrity::UnknownExtension {
            report_unknown(self.shared, self.events, outline.rsv, spot);
        }
        if self.shared.wants_short(event.number, bytes.len() as u64) && done.whole && sure {
            let MessageEvent { number, direction, opcode, last, .. } = event;
            let message = ShortMessage { number, direction, opcode, bytes, last };
            self.shared.short_message(self.events, &message);
        }
        self.events.message(&event);
    }
}

/// How reading a message ended.
struct Done {
    integrity: Integrity,
    len: Option<u64>,
    whole: bool,
    sha256: Option<[u8; 32]>,
    /// Rules that it breaks and that left it readable.
    #[allow(clippy::box_collection)] // Nearly always there is none, and then it is one word.
    faults: Option<Box<Vec<Fault>>>,
}

/// Reports once that RSV bits were used that an extension defines which is not known.
pub(super) fn report_unknown(shared: &mut ConnectionState, events: &mut impl Events, rsv: u8, spot: Spot) {
    let Some(names) = shared.take_unknown_extensions() else { return };
    let text = format_args!(
        "RSV bits {rsv:03b} are set under {names}, which wslens does not know: such payloads are shown as sent"
    );
    shared.report(events, &rules::UNKNOWN_EXTENSION, spot, text);
}

fn judge_message(
    shared: &mut ConnectionState,
    events: &mut impl Events,
    event: &MessageEvent<'_>,
    spot: Spot,
    (depth, inflater): (&Depth, Option<&Inflater>),
) {
    if let Some(at) = event.invalid_utf8_at {
        shared.report(
            events,
            &rules::INVALID_UTF8,
            spot,
            format_args!("text message is not UTF-8 at byte {at}"),
        );
    }
    match event.integrity {
        Integrity::Damaged => shared.report(
            events,
            &rules::INFLATE_ERROR,
            spot,
            format_args!(
                "compressed message of {} wire bytes cannot be inflated{}",
                event.wire,
                inflater.map_or("", lenient::cause)
            ),
        ),
        Integrity::Cut if event.compressed => shared.report(
            events,
            &rules::INFLATE_LIMIT,
            spot,
            format_args!(
                "{} wire bytes inflate to {}: cut at {} bytes ({})",
                event.wire,
                event.len.map_or_else(
                    || format!("over {} bytes", depth.inflate.drain),
                    |len| format!("{len} bytes")
                ),
                event.bytes.len(),
                match inflater.and_then(Inflater::cut_by) {
                    Some(InflateLimit::Ratio) => format!("--max-ratio {}", depth.inflate.ratio),
                    Some(InflateLimit::Message) => format!("--max-inflate {}", depth.inflate.message),
                    None => format!("--max-drain {}", depth.inflate.drain),
                }
            ),
        ),
        Integrity::Cut => shared.report(
            events,
            &rules::MESSAGE_LIMIT,
            spot,
            format_args!("the message's packets are no longer kept: its bytes cannot be shown"),
        ),
        _ => {}
    }
    if let Some(found) = event.text.and_then(text::hazards) {
        if found.control {
            shared.report(
                events,
                &rules::CONTROL_CHARACTERS,
                spot,
                format_args!("text holds control characters, the first at byte {}", found.at),
            );
        }
        if found.bidi {
            shared.report(
                events,
                &rules::BIDI_CONTROL,
                spot,
                format_args!("text holds bidirectional controls, the first at byte {}", found.bidi_at),
            );
        }
    }
}

impl Open {
    /// A message whose first frame begins, in the space of one that ended, where there is any.
    #[inline]
    pub(super) fn begin(
        spare: Option<Box<Self>>,
        opcode: Opcode,
        compressed: bool,
        opaque: bool,
        first: Place,
    ) -> Box<Self> {
        let open = Self::new(opcode, compressed, opaque, first);
        match spare {
            Some(mut spare) => {
                *spare = open;
                spare
            }
            None => Box::new(open),
        }
    }

    pub(super) fn new(opcode: Opcode, compressed: bool, opaque: bool, first: Place) -> Self {
        Self {
            opcode,
            compressed,
            inflating: compressed,
            opaque,
            rsv: 0,
            lenient: false,
            number: None,
            first,
            frames: 0,
            wire: 0,
            payload_len: 0,
            kept: Payload::default(),
            missing: None,
            gone: false,
            eager: None,
            ends: Vec::new(),
            outcome: None,
            fault: None,
        }
    }

    /// A fragment ended.
    pub(super) fn end_fragment(&mut self) {
        /// More fragments than these are not read one by one.
        const FRAGMENTS: usize = 1024;
        if self.compressed && self.ends.len() < FRAGMENTS {
            self.ends.push(self.payload_len);
        }
    }

    /// A frame ended that is compressed by itself.
    pub(super) fn end_frame(
        &mut self,
        inflater: &mut Inflater,
        window_bits: u8,
        context: &mut MessageContext<'_>,
    ) {
        let check = self.opcode == Opcode::Text && !self.opaque;
        let Some(eager) = &mut self.eager else { return };
        let depth = context.depth;
        let (outcome, _) =
            inflater.finish(&depth.inflate, &mut context.scratch.inflated, &mut |out, within| {
                eager.take(out, within, depth.keep, check);
            });
        if self.fault.is_none() {
            let end = inflater.bad_end().and_then(lenient::end_fault);
            self.fault = end.or_else(|| lenient::exceeded(inflater, window_bits));
        }
        let worst = |outcome: &Inflation| match outcome {
            Inflation::Whole => 0,
            Inflation::Cut => 1,
            Inflation::UnknownDictionary => 2,
            Inflation::Damaged => 3,
        };
        self.outcome = self.outcome.into_iter().chain([outcome]).max_by_key(worst);
    }

    /// Bytes that are kept of its payload.
    pub(super) fn payload(&self) -> usize {
        self.kept.size() + self.eager.as_ref().map_or(0, |eager| eager.kept.capacity())
    }

    /// Bytes of memory that it holds beside itself, about.
    pub(super) fn size(&self) -> usize {
        let eager = self.eager.as_ref();
        self.kept.size()
            + self.ends.capacity() * size_of::<u64>()
            + eager.map_or(0, |eager| size_of_val(&**eager) + eager.kept.capacity())
    }

    /// Starts to read the message as it comes; `frame` is what is kept of the frame at hand.
    pub(super) fn go_eager(
        &mut self,
        frame: &Payload,
        inflater: &mut Option<Box<Inflater>>,
        window_lost: bool,
        context: &mut MessageContext<'_>,
    ) {
        let mut eager = Box::new(Eager::new(context.depth, Vec::new()));
        if self.compressed {
            take_inflater(inflater, window_lost, context.scratch).begin();
        }
        let check = self.opcode == Opcode::Text && !self.opaque;
        let depth = context.depth;
        let Scratch { unmasked, inflated, .. } = &mut *context.scratch;
        let compressed = self.compressed;
        let mut give = |bytes: &[u8]| {
            if !compressed {
                eager.take(bytes, true, depth.keep, check);
            } else if let Some(inflater) = inflater {
                inflater.feed(bytes, &depth.inflate, inflated, &mut |out, within| {
                    eager.take(out, within, depth.keep, check);
                });
            }
        };
        self.gone |= !(self.kept.each(context.bytes, unmasked, &mut give)
            && frame.each(context.bytes, unmasked, &mut give));
        context.scratch.grow(eager.kept.len() as u64);
        self.eager = Some(eager);
    }

    /// Keeps no payload from here on, and gives back what is kept; `frame` is what is kept of the frame at hand. The
    /// message is still checked, hashed and counted.
    pub(super) fn shed(
        &mut self,
        frame: &Payload,
        inflater: &mut Option<Box<Inflater>>,
        window_lost: bool,
        context: &mut MessageContext<'_>,
    ) {
        if self.missing.is_some() {
            self.eager = Some(Box::new(Eager::new(context.depth, Vec::new())));
        } else if self.eager.is_none() {
            self.go_eager(frame, inflater, window_lost, context);
        }
        self.kept = Payload::default();
        let check = self.opcode == Opcode::Text && !self.opaque;
        if let Some(eager) = &mut self.eager {
            eager.shed(context.depth.keep, check);
        }
    }

    /// A piece of wire bytes, for a message that is read as it comes.
    pub(super) fn take_wire(
        &mut self,
        chunk: &Chunk<'_>,
        key: [u8; 4],
        offset: u64,
        inflater: &mut Option<Box<Inflater>>,
        context: &mut MessageContext<'_>,
    ) {
        /// Unmasked in steps that stay in the cache.
        const STEP: usize = 32 << 10;
        let check = self.opcode == Opcode::Text && !self.opaque;
        let Some(eager) = &mut self.eager else { return };
        let before = eager.kept.len();
        let depth = context.depth;
        let Scratch { unmasked, inflated, .. } = &mut *context.scratch;
        let mut offset = offset;
        for piece in chunk.bytes.chunks(STEP) {
            unmasked.clear();
            unmasked.extend_from_slice(piece);
            unmask(unmasked, key, offset);
            offset = offset.wrapping_add(piece.len() as u64);
            if !self.inflating {
                eager.take(unmasked, true, depth.keep, check);
            } else if let Some(inflater) = inflater {
                inflater.feed(unmasked, &depth.inflate, inflated, &mut |out, within| {
                    eager.take(out, within, depth.keep, check);
                });
            }
        }
        let more = eager.kept.len().saturating_sub(before);
        context.scratch.grow(more as u64);
    }
}

/// The direction's inflater, made if there is none; `window_lost`: of its window some is missing.
pub(super) fn take_inflater<'a>(
    inflater: &'a mut Option<Box<Inflater>>,
    window_lost: bool,
    scratch: &mut Scratch,
) -> &'a mut Inflater {
    let previous = inflater.take_if(|inflater| inflater.is_resting());
    let inflater = inflater.get_or_insert_with(|| {
        /// A window and tables, about.
        const INFLATER: u64 = 64 << 10;
        scratch.grow(INFLATER);
        let mut inflater = scratch.spare.pop().unwrap_or_default();
        inflater.forget();
        if window_lost {
            inflater.lose();
        }
        inflater
    });
    if let Some(previous) = previous {
        inflater.follow(previous);
    }
    inflater
}
