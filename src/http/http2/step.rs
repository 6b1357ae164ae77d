//! What each frame does to a connection.

use std::fmt::Arguments;

use super::connection::{Block, Half, Http2State};
use super::flow::{DEFAULT_WINDOW, Stall};
use super::frame::{DEFAULT_MAX_FRAME_SIZE, FrameHeader, FrameKind, FrameSink, FrameStart, flag};
use super::gather::{Gather, MOST};
use super::{Http2Events, Spot, error_name, rules};
use crate::model::{Chunk, Direction, Place, Rule};

/// Bytes of a refusal's body after which its stream is forgotten: more than are kept of it.
const REFUSAL_BODY: u64 = 8192;

/// One direction's turn.
pub(super) struct Http2Step<'a, E> {
    pub(super) state: &'a mut Http2State,
    pub(super) direction: Direction,
    pub(super) events: &'a mut E,
}

impl<E: Http2Events> Http2Step<'_, E> {
    pub(super) fn half(&mut self) -> &mut Half {
        self.state.halves.of_mut(self.direction)
    }

    pub(super) fn tell(
        &mut self,
        rule: &'static Rule,
        stream: Option<u32>,
        at: u64,
        place: Place,
        text: Arguments<'_>,
    ) {
        let stream = stream.filter(|stream| self.state.streams.contains_key(stream));
        self.events.finding(rule, Spot { direction: Some(self.direction), stream, at, place }, text);
    }

    pub(super) fn tell_lost(&mut self, at: u64, skipped: Option<u64>, arrival: Place) {
        let Some((from, place)) = self.half().lost.take() else { return };
        let sender = self.direction.sender();
        let place = if skipped.is_some() { arrival } else { place };
        let len = skipped.unwrap_or(at.saturating_sub(from));
        let until = if skipped.is_some() { "until a frame was found" } else { "up to the end" };
        self.tell(
            &rules::H2_DESYNCHRONISED,
            None,
            from,
            place,
            format_args!("where the {sender}'s frames begin was lost: {len} bytes were skipped {until}"),
        );
    }

    /// The compression state, and what was being put together, are not certain any more.
    pub(super) fn lose_fields(&mut self) {
        let half = self.half();
        half.hpack.lose();
        half.block = None;
    }

    /// A frame of a followed stream takes a part of the windows.
    pub(super) fn take_window(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        let direction = self.direction;
        let of_connection =
            self.state.windows.of_mut(direction).as_mut().and_then(|window| window.take(header.len, arrival));
        let Some(stream) = self.state.streams.get_mut(&header.stream) else { return };
        let of_stream =
            stream.windows.of_mut(direction).as_mut().and_then(|window| window.take(header.len, arrival));
        let (stall, whose): (Option<Stall>, _) = if of_stream.is_some() {
            (of_stream, "the stream's")
        } else {
            (of_connection, "the connection's")
        };
        if let Some(stall) = stall {
            let later = stall.time().map_or_else(String::new, |time| {
                let micros = time.0 / 1000;
                format!(", {}.{:03} ms later", micros / 1000, micros % 1000)
            });
            let sender = direction.sender();
            self.tell(
                &rules::H2_FLOW_STALL,
                Some(header.stream),
                start.at,
                start.place,
                format_args!(
                    "the {sender} had used up {whose} window in packet {} and could send again from packet {} on{later}",
                    stall.from.packet, stall.to.packet
                ),
            );
        }
    }

    /// WINDOW_UPDATE: the other side may send more.
    pub(super) fn give_window(&mut self, stream: u32, len: u32, arrival: Place) {
        let sender = self.direction.opposite();
        let window = match stream {
            0 => self.state.windows.of_mut(sender).as_mut(),
            _ => {
                self.state.streams.get_mut(&stream).and_then(|stream| stream.windows.of_mut(sender).as_mut())
            }
        };
        if let Some(window) = window {
            window.give(i64::from(len), arrival);
        }
    }

    pub(super) fn settings(&mut self, payload: &[u8], at: u64, place: Place) {
        let direction = self.direction;
        self.half().has_settings = true;
        for setting in payload.chunks_exact(6) {
            let [a, b, value @ ..] = setting else { continue };
            let &[c, d, e, f] = value else { continue };
            let (id, value) = (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([c, d, e, f]));
            let fits = match id {
                2 | 8 => value <= 1,
                4 => value <= u32::MAX >> 1,
                5 => (DEFAULT_MAX_FRAME_SIZE..1 << 24).contains(&value),
                _ => true,
            };
            if !fits {
                let name = setting_name(id);
                self.tell(
                    &rules::H2_BAD_SETTINGS,
                    None,
                    at,
                    place,
                    format_args!("the {} sets {name} to {value}", direction.sender()),
                );
                continue;
            }
            match id {
                // What a side sets concerns what the other one sends.
                1 => self.state.halves.of_mut(direction.opposite()).hpack.allow(value),
                4 => self.initial_window(value, place),
                5 => {
                    let half = self.half();
                    half.max_frame_size = half.max_frame_size.max(Some(value));
                }
                8 if direction == Direction::ServerToClient => self.state.connect |= value == 1,
                _ => {}
            }
        }
    }

    /// A new size counts for open streams too (RFC 9113 section 6.9.2).
    pub(super) fn initial_window(&mut self, value: u32, place: Place) {
        let before = self.half().initial_window.replace(value).unwrap_or(DEFAULT_WINDOW);
        let sender = self.direction.opposite();
        for stream in self.state.streams.values_mut() {
            if let Some(window) = stream.windows.of_mut(sender) {
                window.give(i64::from(value) - i64::from(before), place);
            }
        }
    }

    /// DATA without its padding.
    pub(super) fn stream_data(&mut self, header: FrameHeader, mut done: u32, mut chunk: Chunk<'_>) {
        let direction = self.direction;
        if header.has(flag::PADDED) && done == 0 {
            let Some(first) = chunk.bytes.first() else { return };
            let pad = u32::from(*first);
            self.half().pad = Some(pad);
            if pad >= header.len {
                let sender = direction.sender();
                self.tell(
                    &rules::H2_BAD_FRAME,
                    Some(header.stream),
                    chunk.at,
                    chunk.origin,
                    format_args!("{pad} bytes of padding in DATA of {} bytes from the {sender}", header.len),
                );
            }
            chunk = chunk.skip(1);
            done = 1;
        }
        let Some(pad) = self.half().pad else { return };
        let room = header.len.saturating_sub(pad).saturating_sub(done) as usize;
        let bytes = chunk.bytes.get(..chunk.bytes.len().min(room)).unwrap_or_default();
        let Some(stream) = self.state.streams.get_mut(&header.stream) else { return };
        if bytes.is_empty() || *stream.ended.of(direction) {
            return;
        }
        self.state.in_step.of_mut(direction).insert(header.stream);
        let at = stream.at.of_mut(direction);
        let chunk = Chunk { at: *at, bytes, ..chunk };
        *at = at.saturating_add(bytes.len() as u64);
        let is_enough = stream.refused && direction == Direction::ServerToClient && *at > REFUSAL_BODY;
        self.events.data(header.stream, direction, chunk);
        if is_enough {
            self.state.leave(header.stream);
        }
    }

    /// A frame that is no DATA, whole.
    pub(super) fn control(
        &mut self,
        header: FrameHeader,
        gather: &Gather,
        start: FrameStart,
        arrival: Place,
    ) {
        let bytes = &gather.bytes[..];
        let number = |from: usize| -> Option<u32> {
            Some(u32::from_be_bytes(*bytes.get(from..)?.first_chunk::<4>()?))
        };
        match header.kind {
            FrameKind::Headers | FrameKind::PushPromise => self.headers(header, gather, start, arrival),
            FrameKind::Continuation => {
                let Some(mut block) = self.half().block.take() else { return };
                block.gather.append(gather, 0..bytes.len());
                self.put_block(block, header, arrival);
            }
            _ if gather.spoilt || header.defect().is_some() => {}
            FrameKind::Settings if !header.has(flag::ACK) => self.settings(bytes, start.at, start.place),
            FrameKind::WindowUpdate => {
                let len = number(0).unwrap_or(0) & (u32::MAX >> 1);
                self.give_window(header.stream, len, arrival);
            }
            FrameKind::RstStream => {
                let code = number(0).unwrap_or(0);
                let asked =
                    self.state.streams.get(&header.stream).is_some_and(|stream| stream.asked.is_some());
                if asked && self.direction == Direction::ServerToClient {
                    self.judge_permission(header.stream, start.at, start.place);
                }
                if self.state.leave(header.stream) {
                    self.events.reset(header.stream, self.direction, code, arrival);
                }
            }
            FrameKind::GoAway => {
                self.go_away(number(0), number(4), bytes.get(8..).unwrap_or_default(), start)
            }
            _ => {}
        }
    }

    pub(super) fn headers(
        &mut self,
        header: FrameHeader,
        gather: &Gather,
        start: FrameStart,
        arrival: Place,
    ) {
        let promised = header.kind == FrameKind::PushPromise;
        let len = gather.bytes.len();
        let pad = if header.has(flag::PADDED) {
            usize::from(gather.bytes.first().copied().unwrap_or(0))
        } else {
            0
        };
        let mut from = usize::from(header.has(flag::PADDED));
        from += if header.has(flag::PRIORITY) { 5 } else { 0 };
        from += if promised { 4 } else { 0 };
        let mut block = Box::new(Block {
            stream: header.stream,
            promised,
            end_stream: header.has(flag::END_STREAM) && !promised,
            gather: Gather { spoilt: gather.spoilt, over: gather.over, ..Gather::default() },
            start,
        });
        match len.checked_sub(pad).filter(|end| *end >= from) {
            _ if gather.spoilt => {}
            Some(end) => block.gather.append(gather, from..end),
            None => {
                block.gather.spoilt = true;
                let (name, sender) = (header.kind.name(), self.direction.sender());
                self.tell(
                    &rules::H2_BAD_FRAME,
                    Some(header.stream),
                    start.at,
                    start.place,
                    format_args!(
                        "{name} of {len} bytes from the {sender} is shorter than its padding and priority"
                    ),
                );
            }
        }
        self.put_block(block, header, arrival);
    }

    pub(super) fn put_block(&mut self, block: Box<Block>, header: FrameHeader, arrival: Place) {
        if header.has(flag::END_HEADERS) {
            if block.gather.over {
                let (sender, start) = (self.direction.sender(), block.start);
                self.tell(
                    &rules::H2_LIMIT_FIELDS,
                    Some(block.stream),
                    start.at,
                    start.place,
                    format_args!("a field block of the {sender} is over {MOST} bytes"),
                );
            }
            self.block(*block, arrival);
        } else {
            self.half().block = Some(block);
        }
    }

    pub(super) fn go_away(&mut self, last: Option<u32>, code: Option<u32>, words: &[u8], start: FrameStart) {
        let (Some(last), Some(code)) = (last, code) else { return };
        let sender = self.direction.sender();
        let last = last & (u32::MAX >> 1);
        let words =
            if words.is_empty() { String::new() } else { format!(", {}", super::super::quoted(words)) };
        let rule = if code == 0 { &rules::H2_GOAWAY } else { &rules::H2_GOAWAY_ERROR };
        self.tell(
            rule,
            None,
            start.at,
            start.place,
            format_args!(
                "the {sender} sent GOAWAY with {} ({code}){words}: no stream above {last} is served",
                error_name(code)
            ),
        );
    }
}

impl<E: Http2Events> FrameSink for Http2Step<'_, E> {
    fn frame(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        let direction = self.direction;
        self.events.frame(direction, header, start);
        let (name, sender) = (header.kind.name(), direction.sender());
        let half = self.half();
        half.pad = Some(0);
        half.gather.clear();
        let awaited = half.block.as_ref().map(|block| block.stream);
        let continues = (header.kind == FrameKind::Continuation).then_some(header.stream);
        if awaited != continues {
            let whole = self.half().hpack.is_complete();
            if let Some(stream) = awaited {
                self.lose_fields();
                self.tell(
                    &rules::H2_BAD_CONTINUATION,
                    Some(stream),
                    start.at,
                    start.place,
                    format_args!("{name} of the {sender} interrupts the field block of stream {stream}"),
                );
            } else if whole {
                self.lose_fields();
                self.tell(
                    &rules::H2_BAD_CONTINUATION,
                    None,
                    start.at,
                    start.place,
                    format_args!("CONTINUATION of the {sender} continues nothing"),
                );
            }
        }
        if let Some(defect) = header.defect() {
            self.tell(
                &rules::H2_BAD_FRAME,
                Some(header.stream),
                start.at,
                start.place,
                format_args!(
                    "{name} of {} bytes on stream {} from the {sender}: {defect}",
                    header.len, header.stream
                ),
            );
        }
        let receiver = self.state.halves.of(direction.opposite());
        let longest = receiver.max_frame_size.unwrap_or(DEFAULT_MAX_FRAME_SIZE);
        if header.len > longest && self.state.whole && receiver.lost.is_none() {
            self.tell(
                &rules::H2_FRAME_TOO_LARGE,
                Some(header.stream),
                start.at,
                start.place,
                format_args!("{name} of {} bytes from the {sender}, {longest} are allowed", header.len),
            );
        }
        if header.kind == FrameKind::Data {
            self.take_window(header, start, arrival);
            if self.state.streams.get(&header.stream).is_some_and(|stream| *stream.ended.of(direction)) {
                self.tell(
                    &rules::H2_DATA_AFTER_END,
                    Some(header.stream),
                    start.at,
                    start.place,
                    format_args!("DATA of {} bytes from the {sender} behind its END_STREAM", header.len),
                );
            }
        }
    }

    fn payload(&mut self, header: FrameHeader, done: u32, chunk: Chunk<'_>) {
        if header.kind == FrameKind::Data {
            self.stream_data(header, done, chunk);
        } else if !matches!(header.kind, FrameKind::Unknown(_) | FrameKind::Ping | FrameKind::Priority) {
            self.half().gather.push(&chunk);
        }
    }

    fn missing(&mut self, header: FrameHeader, done: u32, len: u32, arrival: Place) {
        if header.kind != FrameKind::Data {
            if matches!(header.kind, FrameKind::Settings | FrameKind::WindowUpdate) {
                self.state.lose_windows();
                self.state.whole = false;
            }
            self.half().gather.spoilt = true;
            return;
        }
        let direction = self.direction;
        let pad_is_missing = header.has(flag::PADDED) && done == 0;
        let half = self.half();
        if pad_is_missing {
            half.pad = None;
        }
        let pad = half.pad;
        let Some(stream) = self.state.streams.get_mut(&header.stream) else { return };
        let at = stream.at.of_mut(direction);
        match pad {
            Some(pad) => {
                let room = header.len.saturating_sub(pad).saturating_sub(done);
                let len = u64::from(len.min(room));
                let from = *at;
                *at = at.saturating_add(len);
                if len > 0 {
                    self.events.gap(header.stream, direction, from, len, arrival);
                }
            }
            None if pad_is_missing => {
                let from = *at;
                self.events.lost(header.stream, direction, from, arrival);
            }
            None => {}
        }
    }

    fn end(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        if header.kind == FrameKind::Data {
            self.end_stream(header.stream, header.has(flag::END_STREAM), arrival);
            return;
        }
        let mut gather = std::mem::take(&mut self.half().gather);
        self.control(header, &gather, start, arrival);
        gather.clear_and_shrink();
        self.half().gather = gather;
    }

    fn no_preface(&mut self, at: u64, arrival: Place) {
        self.tell(
            &rules::H2_BAD_PREFACE,
            None,
            at,
            arrival,
            format_args!("the client's byte {at} is not that of the connection preface"),
        );
    }

    fn lost(&mut self, at: u64, arrival: Place) {
        self.lose_fields();
        let direction = self.direction;
        let half = self.half();
        half.gather.clear();
        if half.in_step {
            half.lost = Some((at, arrival));
        }
        self.state.whole = false;
        self.state.lose_windows();
        for id in std::mem::take(self.state.in_step.of_mut(direction)) {
            let Some(stream) = self.state.streams.get(&id) else { continue };
            if !*stream.ended.of(direction) {
                self.events.lost(id, direction, *stream.at.of(direction), arrival);
            }
        }
    }

    fn fits(&mut self, header: FrameHeader) -> bool {
        // Clients' streams are odd; nobody opens so many.
        header.stream < 1 << 24
    }

    fn found(&mut self, at: u64, skipped: u64, arrival: Place) {
        self.half().in_step = true;
        self.tell_lost(at, Some(skipped), arrival);
    }
}

fn setting_name(id: u16) -> &'static str {
    match id {
        1 => "SETTINGS_HEADER_TABLE_SIZE",
        2 => "SETTINGS_ENABLE_PUSH",
        3 => "SETTINGS_MAX_CONCURRENT_STREAMS",
        4 => "SETTINGS_INITIAL_WINDOW_SIZE",
        5 => "SETTINGS_MAX_FRAME_SIZE",
        6 => "SETTINGS_MAX_HEADER_LIST_SIZE",
        8 => "SETTINGS_ENABLE_CONNECT_PROTOCOL",
        _ => "an unknown setting",
    }
}
