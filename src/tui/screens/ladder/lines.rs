//! A row of the diagram as a line: time, arrow with words, note.

use super::plan::LadderRow;
use crate::model::{Direction, Flags, Time, safe_text, width};
use crate::report::doubt;
use crate::store::detail::{TcpDetail, TcpPacket};
use crate::store::{ConnectionRow, FrameRow, Index, Marks, MessageRow};
use crate::tui::order::{MessageOrder, OrderEntry};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, units};

/// Frames that are looked through to number a fragment.
const FRAGMENTS: u64 = 4096;

/// Columns of the parts of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Of the time, with the space behind it.
    pub time: usize,
    /// Between the two life lines.
    pub lane: usize,
    /// Of the note.
    pub note: usize,
    /// There is room for units and long words.
    pub wide: bool,
}

impl Columns {
    /// For a pane with so many columns.
    pub fn of(columns: usize) -> Self {
        let wide = columns >= 98;
        let (time, note) = if wide { (13, 36) } else { (11, 20) };
        let lane = columns.saturating_sub(time + note + 4).max(16);
        Self { time, lane, note, wide }
    }
}

/// An event that is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LadderEvent {
    /// A packet of TCP's own.
    Tcp(TcpPacket),
    /// The opening request.
    Request,
    /// Its response.
    Response,
    /// From here on both may speak.
    Opened,
    /// Rows of frames.
    Frame(LadderRow),
}

/// What stands on a line.
pub(super) struct Line {
    time: Option<Time>,
    /// Who sent it; `None` for what lies across.
    direction: Option<Direction>,
    words: Text,
    role: Role,
    note: Text,
}

/// Draws lines for one connection.
pub(super) struct Scribe<'a> {
    pub ctx: Ctx<'a>,
    pub connection: &'a ConnectionRow,
    pub columns: Columns,
    /// In which the frames stand.
    pub order: &'a MessageOrder,
}

impl Scribe<'_> {
    fn index(&self) -> &Index {
        self.ctx.index
    }

    /// A line, as wide as the pane.
    pub fn line(&self, event: LadderEvent, cursor: bool) -> Text {
        let line = match event {
            LadderEvent::Tcp(packet) => self.tcp(&packet),
            LadderEvent::Request => self.request(),
            LadderEvent::Response => self.response(),
            LadderEvent::Opened => across("· · ·  WebSocket open: both sides may speak at any time  · · ·"),
            LadderEvent::Frame(LadderRow::Frame(frame)) => self.frame(frame),
            LadderEvent::Frame(LadderRow::Folded(first, count)) => Line {
                time: self.index().frames(self.connection.id.0).get(first as usize).map(|frame| frame.time),
                ..across(&format!(
                    "{} frames folded (pings and pongs){}",
                    units::grouped(count),
                    if self.columns.wide { "   Enter to unfold" } else { "" }
                ))
            },
            LadderEvent::Frame(LadderRow::Hole(at)) => self.hole(at),
            LadderEvent::Frame(LadderRow::Gap(gap)) => {
                across(&format!("~~ {} ~~", units::duration(gap.unsigned_abs())))
            }
            LadderEvent::Frame(LadderRow::Blank | LadderRow::Extra(_)) => across(""),
        };
        self.compose(line, cursor)
    }

    fn compose(&self, line: Line, cursor: bool) -> Text {
        let Columns { time, lane, note, .. } = self.columns;
        let mut out = Text::of(Role::Title, if cursor { "▸" } else { " " });
        let begin = self.index().begin.unwrap_or(self.connection.first.time);
        let moment = line.time.map(|time| units::relative(time, begin)).unwrap_or_default();
        out.right(Role::Plain, &moment, time - 2).plainly(" ").add(Role::Dim, "│");
        let role = line.role;
        match line.direction {
            Some(Direction::ClientToServer) => {
                let words = line.words.cut(lane.saturating_sub(6));
                let rest = lane.saturating_sub(words.width() + 5);
                out.add(role, "── ").append(&words).plainly(" ");
                out.add(role, "─".repeat(rest)).add(role, "▶");
            }
            Some(Direction::ServerToClient) => {
                let words = line.words.cut(lane.saturating_sub(6));
                let rest = lane.saturating_sub(words.width() + 5);
                out.add(role, "◀").add(role, "─".repeat(rest)).plainly(" ");
                out.append(&words).add(role, " ──");
            }
            None => {
                let words = line.words.cut(lane);
                let left = (lane - words.width()) / 2;
                let end = out.width() + lane;
                out.plainly(" ".repeat(left)).append(&words).pad_to(end);
            }
        }
        out.add(Role::Dim, "│").plainly(if self.columns.wide { "  " } else { " " });
        out.append(&line.note.cut(note)).clone()
    }

    fn tcp(&self, packet: &TcpPacket) -> Line {
        let flags = packet.flags;
        let mut words = String::new();
        let names = [(Flags::SYN, "SYN"), (Flags::FIN, "FIN"), (Flags::RST, "RST"), (Flags::ACK, "ACK")];
        let alone = !flags.has(Flags::SYN | Flags::FIN | Flags::RST);
        for (bit, name) in names {
            // Nearly every packet acknowledges something: that is not told of those that do more.
            let told = bit != Flags::ACK || alone || flags.has(Flags::SYN);
            if flags.has(bit) && told {
                words.push_str(if words.is_empty() { "TCP " } else { " " });
                words.push_str(name);
            }
        }
        let who = packet.direction.sender();
        let note = match () {
            () if flags.has(Flags::RST) => format!("{who} resets TCP: nothing more is sent"),
            () if flags.has(Flags::FIN) => format!("{who} closes TCP, §7.1.1"),
            () if flags.has(Flags::SYN) && !flags.has(Flags::ACK) => "opens TCP: 1 round trip".to_owned(),
            () => String::new(),
        };
        let role = if flags.has(Flags::RST) { Role::Warning } else { Role::Dim };
        Line {
            time: Some(packet.place.time),
            direction: Some(packet.direction),
            words: Text::of(if role == Role::Warning { role } else { Role::Plain }, words),
            role,
            note: Text::of(Role::Plain, note),
        }
    }

    fn request(&self) -> Line {
        let head = self.connection.handshake.request.as_ref();
        let mut words = Text::new();
        if let Some(head) = head {
            words.captured(Role::ClientToServer, head.method(), 12).plainly(" ");
            words.captured(Role::ClientToServer, head.target(), self.columns.lane / 2);
            // What makes it a request for a WebSocket, as HTTP/1.1 and RFC 8441 write it.
            let wish = if self.connection.stream_id.is_some() {
                ":protocol websocket"
            } else {
                "Upgrade: websocket"
            };
            words.plainly("  ").plainly(wish);
            if self.columns.wide {
                words.plainly(format!("  {} B", head.bytes.len()));
            }
        } else {
            words.plainly("opening request (not captured)");
        }
        Line {
            time: self.connection.request.map(|place| place.last.time),
            direction: Some(Direction::ClientToServer),
            words,
            role: Role::ClientToServer,
            note: Text::of(Role::Plain, "HTTP, once"),
        }
    }

    fn response(&self) -> Line {
        let connection = self.connection;
        let mut words = Text::new();
        if let Some(head) = &connection.handshake.response {
            let line = head.bytes.get(head.line.start as usize..head.line.end as usize).unwrap_or_default();
            // Without the version: `101 Switching Protocols`.
            let from = line.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
            words.captured(Role::ServerToClient, line.get(from..).unwrap_or_default(), self.columns.lane / 2);
            if self.columns.wide {
                words.plainly(format!("  {} B", head.bytes.len()));
            }
        } else {
            words.plainly("response (not captured)");
        }
        let took = connection.response_time().map(units::delta);
        let mut note = Text::of(Role::Plain, took.unwrap_or_default());
        let refused = if connection.stream_id.is_some() { "refused" } else { "not upgraded" };
        if connection.handshake.response.is_some() && !connection.handshake.upgraded {
            note.plainly(if note.is_empty() { "" } else { "  " }).add(Role::Error, refused);
        }
        Line {
            time: connection.response.map(|place| place.last.time),
            direction: Some(Direction::ServerToClient),
            words,
            role: Role::ServerToClient,
            note,
        }
    }

    fn frame(&self, at: u64) -> Line {
        let id = self.connection.id.0;
        let frames = self.index().frames(id);
        let Some(frame) = frames.get(at as usize) else { return across("") };
        let message = frame
            .message
            .checked_sub(1)
            .and_then(|at| self.index().messages(id).get(at as usize))
            .map(|row| (u64::from(frame.message), *row));
        let header = frame.header();
        let control = header.opcode().is_control();
        let role = if control { Role::Control } else { Role::of_direction(frame.direction()) };
        let mut words = Text::of(role, frame.header().opcode().short_name());
        let preview = |number: u64| self.index().preview(id, number);
        let room = self.columns.lane.saturating_sub(20);
        match message {
            Some((number, row)) if control => self.control(&mut words, number, &row, room),
            Some((number, row)) if row.frames > 1 || !header.fin() => {
                let nth = self.nth(at, &row, frame.message);
                let nth = nth.map_or("?".to_owned(), |nth| nth.to_string());
                let of =
                    if row.marks.has(Marks::UNFINISHED) { "…".to_owned() } else { row.frames.to_string() };
                words.plainly(format!(" [{nth}/{of}] {}", self.size(header.payload_len)));
                words.plainly(if header.fin() { "  FIN=1" } else { "  FIN=0" });
                let _ = number;
            }
            Some((number, row)) => {
                let len = row.len().unwrap_or(header.payload_len);
                words.plainly(format!(" {}", self.size(len)));
                if is_much_smaller(&row, header.payload_len) {
                    words.plainly(format!(" ({} on the wire)", self.size(header.payload_len)));
                }
                let compressed = row.marks.has(Marks::COMPRESSED);
                let (doubt, shown) = doubt(row.integrity, compressed, self.index().missing(id, number));
                if !doubt.is_empty() {
                    words.plainly(" ").add(Role::Warning, &doubt);
                }
                if row.opcode == 1 && shown {
                    words.plainly(" ");
                    let room = room.saturating_sub(words.width());
                    quote(&mut words, preview(number), row.len().unwrap_or(0), room);
                }
            }
            None => {
                words.plainly(format!(" {}", self.size(header.payload_len)));
            }
        }
        if !frame.complete {
            words.add(Role::Warning, " incomplete");
        }
        Line {
            time: Some(frame.time),
            direction: Some(frame.direction()),
            words,
            role,
            note: self.note(at, frame, message),
        }
    }

    fn hole(&self, at: usize) -> Line {
        let Some(hole) = self.order.hole(at) else { return across("") };
        Line {
            time: Some(hole.place.time),
            words: Text::of(Role::Warning, format!("~~ {} ~~", hole.words(self.ctx.shared.lang))),
            note: Text::of(Role::Error, "! tcp-gap"),
            ..across("")
        }
    }

    fn size(&self, bytes: u64) -> String {
        if self.columns.wide { format!("{} B", units::grouped(bytes)) } else { units::grouped(bytes) }
    }

    fn control(&self, words: &mut Text, number: u64, row: &MessageRow, room: usize) {
        let bytes = self.index().preview(self.connection.id.0, number);
        if row.opcode == 8 {
            match self.index().control_note(self.connection.id.0, number).and_then(|note| note.code) {
                Some(code) => words.plainly(format!(" {code}")),
                None => words.plainly(" without a code"),
            };
            if let Some(reason) = bytes.get(2..).filter(|reason| !reason.is_empty()) {
                words.plainly(" ");
                let len = row.len().unwrap_or(0).saturating_sub(2);
                let room = room.saturating_sub(words.width());
                quote(words, reason, len, room);
            }
        } else if !bytes.is_empty() {
            words.plainly(" ");
            if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
                let room = room.saturating_sub(words.width());
                quote(words, bytes, row.len().unwrap_or(0), room);
            } else {
                const SHOWN: usize = 8;
                words.plainly(hex::encode(bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default()));
                words.add(Role::Dim, if bytes.len() > SHOWN { "…" } else { "" });
            }
        }
    }

    /// The place of a frame among those of its message, from 1.
    fn nth(&self, at: u64, row: &MessageRow, message: u32) -> Option<u64> {
        let first = u64::from(row.first_frame).checked_sub(1)?;
        if at < first || at - first > FRAGMENTS {
            return None;
        }
        let frames = self.index().frames(self.connection.id.0);
        Some(frames.range(first as usize..at as usize + 1).filter(|frame| frame.message == message).count()
            as u64)
    }

    fn note(&self, at: u64, frame: &FrameRow, message: Option<(u64, MessageRow)>) -> Text {
        let id = self.connection.id.0;
        let header = frame.header();
        let mut note = Text::new();
        let mut say = |role: Role, words: &str| {
            if !words.is_empty() {
                note.plainly(if note.is_empty() { "" } else { "  " }).add(role, words);
            }
        };
        if let Some((number, row)) = message {
            if row.marks.has(Marks::FINDING) {
                let found = self.index().findings.iter().take(2000).filter(|finding| {
                    finding.connection == Some(self.connection.id) && finding.message == Some(number)
                });
                let worst = found.max_by_key(|finding| finding.rule.severity);
                match worst {
                    Some(worst) => {
                        say(Role::of_severity(worst.rule.severity), &format!("! {}", worst.rule.code));
                    }
                    None => say(Role::Warning, "!"),
                }
            }
            let about = self.index().control_note(id, number);
            match row.opcode {
                8 => match &self.connection.closing {
                    Some(closing) if closing.message == number => {
                        say(Role::Plain, &format!("{} starts closing", frame.direction().sender()));
                    }
                    Some(_) => {
                        say(Role::Plain, if self.columns.wide { "the answer, §5.5.1" } else { "the answer" })
                    }
                    None => {}
                },
                10 => match about.and_then(|note| note.rtt) {
                    Some(rtt) => say(Role::Ok, &format!("RTT {}", units::milliseconds(rtt))),
                    None => say(Role::Plain, "unsolicited (no ping asked for it)"),
                },
                _ => {}
            }
            if row.frames > 1 && !header.opcode().is_control() {
                if row.first_frame as u64 == at + 1 {
                    say(Role::Plain, if self.columns.wide { "a message in fragments" } else { "fragments" });
                } else if header.fin() {
                    let mut words = Text::of(Role::Plain, "= ");
                    let room = self.columns.note.saturating_sub(2);
                    quote(&mut words, self.index().preview(id, number), row.len().unwrap_or(0), room);
                    say(Role::Plain, &words.plain());
                }
            }
            let last_frame = header.fin() && !header.opcode().is_control();
            if last_frame && is_much_smaller(&row, header.payload_len) && row.frames == 1 {
                let ratio = units::ratio(row.len().unwrap_or(0), header.payload_len);
                say(Role::Plain, &format!("{}×{ratio}", if self.columns.wide { "deflate " } else { "" }));
            }
        }
        self.beside(at, frame, message, &mut say);
        note
    }

    /// How it stands to the frame before: an answer, or sent while that was still on its way.
    fn beside(
        &self,
        at: u64,
        frame: &FrameRow,
        message: Option<(u64, MessageRow)>,
        say: &mut impl FnMut(Role, &str),
    ) {
        let id = self.connection.id.0;
        // The frame above; one that waited for missing bytes is told later than those that came after it.
        let position = usize::try_from(at).ok().and_then(|at| self.order.position(at)).unwrap_or(0);
        let Some(OrderEntry::Row(before)) = position.checked_sub(1).and_then(|above| self.order.entry(above))
        else {
            return;
        };
        let Some(before) = self.index().frames(id).get(before) else { return };
        if before.direction() == frame.direction() {
            return;
        }
        let row_of = |frame: &FrameRow| {
            let at = frame.message.checked_sub(1)?;
            self.index().messages(id).get(at as usize)
        };
        let overlaps = match (message, row_of(before)) {
            // Its first byte came before the last byte of the other.
            (Some((_, row)), Some(other)) => row.first_packet != 0 && row.first_packet < other.last_packet,
            _ => false,
        };
        let data = |frame: &FrameRow| !frame.header().opcode().is_control();
        if overlaps {
            say(Role::Ok, if self.columns.wide { "⇄ both at the same time" } else { "⇄" });
        } else if data(frame)
            && data(before)
            && before.header().fin()
            && frame.direction() == Direction::ServerToClient
            && let Some(after) = frame.time.elapsed_since(before.time)
        {
            say(Role::Plain, &units::delta(after));
        }
    }
}

/// Whether compression made half of it or less.
fn is_much_smaller(row: &MessageRow, payload_len: u64) -> bool {
    row.marks.has(Marks::COMPRESSED) && row.len().is_some_and(|len| len >= payload_len.saturating_mul(2))
}

/// What lies across the lane.
fn across(words: &str) -> Line {
    Line {
        time: None,
        direction: None,
        words: Text::of(Role::Dim, words),
        role: Role::Dim,
        note: Text::new(),
    }
}

/// Text as it was sent, in quotes unless it brings its own brackets; `…` where it goes on.
fn quote(out: &mut Text, bytes: &[u8], len: u64, columns: usize) {
    let brackets = matches!(bytes.first(), Some(b'{' | b'['));
    let quote = if brackets { "" } else { "\"" };
    let more = len > bytes.len() as u64;
    let room = columns.saturating_sub(2 * quote.len() + usize::from(more));
    if room < 4 {
        return;
    }
    out.add(Role::Plain, quote);
    let fits = width(&safe_text(bytes)) <= room;
    out.captured(Role::Plain, bytes, room).add(Role::Plain, quote);
    out.add(Role::Dim, if more && fits { "…" } else { "" });
}

/// TCP's own packets before the request and those that end the connection.
pub(super) fn tcp_events(
    detail: &TcpDetail,
    connection: &ConnectionRow,
) -> (Vec<LadderEvent>, Vec<LadderEvent>) {
    /// More than that says nothing new.
    const MOST: usize = 64;
    let opens = connection.request.or(connection.response).map_or(connection.first, |place| place.first);
    let before = detail.packets.iter().filter(|packet| {
        packet.place.packet < opens.packet
            && packet.len == 0
            && packet.flags.has(Flags::SYN | Flags::ACK | Flags::RST)
    });
    let behind = detail
        .packets
        .iter()
        .filter(|packet| packet.place.packet >= opens.packet && packet.flags.has(Flags::FIN | Flags::RST));
    let event = |packet: &TcpPacket| LadderEvent::Tcp(*packet);
    (before.take(MOST).map(event).collect(), behind.take(MOST).map(event).collect())
}
