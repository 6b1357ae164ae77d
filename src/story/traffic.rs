//! What the two ends said: counts, the first message, who asks, fragments, pings, compression.

use super::Grade;
use super::facts::{ChapterWriter, begin, counted, grouped, percent, ratio, took};
use super::keep_alive;
use super::rhythm::Rhythm;
use crate::model::{Direction, Lang, Nanos, Place, Time};
use crate::store::{ConnectionRow, Index, MessageRow};

/// What one walk over the messages finds.
#[derive(Default)]
struct TrafficWalk {
    first: Option<(u64, MessageRow)>,
    rhythm: Rhythm,
    /// Messages in several frames, and the most frames of one.
    fragmented: (u64, u32),
    /// The longest silence, and the time before the first message.
    silence: Nanos,
}

fn walk(index: &Index, row: &ConnectionRow) -> TrafficWalk {
    let mut found = TrafficWalk::default();
    let mut before: Option<Time> = None;
    let messages = index.messages(row.id.0);
    for (number, message) in (messages.released() as u64 + 1..).zip(messages.iter()) {
        if message.frames == 0 {
            continue; // Nothing is known of it.
        }
        if let Some(before) = before {
            found.silence = found.silence.max(message.time.since(before));
        }
        before = Some(before.map_or(message.time, |before| before.max(message.time)));
        if message.frames > 1 {
            found.fragmented = (found.fragmented.0 + 1, found.fragmented.1.max(message.frames));
        }
        if message.opcode().is_control() {
            continue;
        }
        found.first.get_or_insert((number, *message));
        found.rhythm.add(message.direction(), message.time);
    }
    found
}

/// Whether messages of a side may be missing: then the delays show nothing.
fn may_lack_messages(row: &ConnectionRow) -> bool {
    let one_sided = row.end.as_ref().is_none_or(|end| !(end.ending.heard.c2s && end.ending.heard.s2c));
    let skipped = row.skipped.c2s.is_some() || row.skipped.s2c.is_some();
    one_sided || skipped || row.gaps.0 > 0 || row.is_midstream()
}

pub(super) fn traffic(mut page: ChapterWriter, index: &Index, row: &ConnectionRow) -> ChapterWriter {
    let found = walk(index, row);
    let released = index.messages(row.id.0).released() as u64;
    if released > 0 {
        let last = grouped(released);
        page.miss(
            format!(
                "Messages 1 to {last} were discarded to limit memory (--max-mem): they are only counted here."
            ),
            format!("为限制内存（--max-mem），第 1 到 {last} 条消息已被丢弃：这里只计数。"),
        );
    }
    first(&mut page, index, row, &found);
    for direction in Direction::BOTH {
        sent(&mut page, row, direction);
    }
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let sum = |of: fn(&crate::ws::Counts) -> u64| of(c2s).saturating_add(of(s2c));
    if released == 0 {
        found.rhythm.tell(&mut page, may_lack_messages(row));
    }
    let (fragmented, most) = found.fragmented;
    if fragmented > 0 {
        page.see(
            String::new(),
            format!(
                "{} arrived in fragments; the most fragmented one has {most} frames.",
                begin(&counted(fragmented, "message"))
            ),
            format!("{} 条消息被分片，最多的一条分成 {most} 个帧。", grouped(fragmented)),
        );
    } else if sum(|counts| counts.messages) > 0 {
        let (en, zh) = match released {
            0 => ("No message was fragmented.".into(), "没有消息分片。".into()),
            _ => ("No message in memory was fragmented.".into(), "内存中的消息都没有分片。".into()),
        };
        page.see(String::new(), en, zh);
    }
    keep_alive::tell(&mut page, row);
    compression(&mut page, row);
    if found.silence > Nanos::ZERO {
        let silence = took(found.silence);
        let (en, zh) = if released > 0 { (" in memory", "内存中的") } else { ("", "") };
        page.see(
            String::new(),
            format!("The longest silence between two messages{en} was {silence}."),
            format!("{zh}消息之间最长的间隔是 {silence}。"),
        );
    }
    page
}

fn first(page: &mut ChapterWriter, index: &Index, row: &ConnectionRow, found: &TrafficWalk) {
    let Some((number, message)) = found.first else {
        return page.see(String::new(), "No data message was captured.".into(), "没有抓到数据消息。".into());
    };
    let who = page.who(message.direction());
    let kind = message.opcode().title();
    let place = |packet: u32| Place { packet: packet.into(), time: message.time };
    let at = page.packets(place(message.first_packet), place(message.last_packet));
    let opened = row.response.map(|response| response.last);
    let after = opened.and_then(|opened| place(message.last_packet).elapsed_since(opened)).map(took);
    let (en_after, zh_after) = match (after, row.stream_id) {
        (None, _) => (String::new(), String::new()),
        (Some(after), None) => (format!(", {after} after the 101"), format!("，在 101 之后 {after}")),
        (Some(after), Some(_)) => (format!(", {after} after the response"), format!("，在响应之后 {after}")),
    };
    let (en_len, zh_len) = match message.len() {
        Some(len) => (format!(" of {}", counted(len, "byte")), format!(" {} 字节的", grouped(len))),
        None => (String::new(), String::new()),
    };
    let preview = index.preview(row.id.0, number);
    let text = message.opcode() == crate::ws::Opcode::Text && message.len().is_some() && !preview.is_empty();
    let more = text && message.len().is_some_and(|len| len > preview.len() as u64);
    let (en_quote, zh_quote) = match (text, more) {
        (false, _) => ("", ""),
        (true, false) => (": \"{}\"", "：“{}”"),
        (true, true) => (", which begins \"{}\"", "，开头是“{}”"),
    };
    let (en_kept, zh_kept) =
        if index.messages(row.id.0).released() > 0 { (" in memory", "内存中的") } else { ("", "") };
    page.quote(
        at,
        &format!(
            "The first data message{en_kept} is a {kind} message{en_len} from {who}{en_after}{en_quote}."
        ),
        &format!("{zh_kept}第一条数据消息是{who}的{zh_len} {kind}{zh_after}{zh_quote}。"),
        &[preview],
    );
}

fn sent(page: &mut ChapterWriter, row: &ConnectionRow, direction: Direction) {
    let counts = row.counts.of(direction);
    let who = page.who(direction);
    if counts.frames == 0 {
        return page.see(
            String::new(),
            format!("{} sent no frame.", begin(who)),
            format!("{who}没有发送帧。"),
        );
    }
    let [text, binary, other] = counts.data;
    let [close, ping, pong, odd] = counts.control;
    let kinds = [("TEXT", text), ("BINARY", binary), ("CLOSE", close), ("PING", ping), ("PONG", pong)];
    let kinds = kinds.into_iter().chain([(page.lang.pick("reserved", "保留"), other.saturating_add(odd))]);
    let list: Vec<String> = kinds
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{} {name}", grouped(count)))
        .collect();
    let list = list.join(", ");
    let (messages, frames, payload) = (counts.messages, counts.frames, counts.payload_bytes);
    let headers = counts.wire_bytes.saturating_sub(payload);
    let share = percent(headers, counts.wire_bytes);
    let (list_en, list_zh) = if list.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(" ({list})"), format!("（{list}）"))
    };
    page.see(
        String::new(),
        format!(
            "{} sent {}{list_en} in {}: {} of payload and {} of frame headers ({share}).",
            begin(who),
            counted(messages, "message"),
            counted(frames, "frame"),
            counted(payload, "byte"),
            counted(headers, "byte"),
        ),
        format!(
            "{who}发了 {} 条消息{list_zh}，共 {} 帧：载荷 {} 字节，帧头 {} 字节（{share}）。",
            grouped(messages),
            grouped(frames),
            grouped(payload),
            grouped(headers),
        ),
    );
}

fn compression(page: &mut ChapterWriter, row: &ConnectionRow) {
    if row.handshake.deflate.is_none() {
        return;
    }
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let deflated = c2s.deflated_bytes.saturating_add(s2c.deflated_bytes);
    let inflated = c2s.inflated_bytes.saturating_add(s2c.inflated_bytes);
    if deflated == 0 {
        page.see(
            String::new(),
            "Compression was negotiated, but no message was compressed.".into(),
            "协商了压缩，但没有压缩任何消息。".into(),
        );
        return;
    }
    if inflated == 0 {
        let lang: Lang = page.lang;
        let text = lang.pick("The compressed messages could not be decompressed.", "压缩的消息无法解压。");
        return page.say(Grade::Unknown, String::new(), text, &[]);
    }
    let gain = match inflated >= deflated {
        true => (
            format!("{} times smaller", ratio(inflated, deflated)),
            format!("缩小到 1/{}", ratio(inflated, deflated)),
        ),
        false => ("larger than the original".to_owned(), "反而更大".to_owned()),
    };
    page.see(
        String::new(),
        format!(
            "Compressed messages took {} on the wire and hold {}: {}.",
            counted(deflated, "byte"),
            counted(inflated, "byte"),
            gain.0
        ),
        format!(
            "压缩的消息在线路上占 {} 字节，内容 {} 字节：{}。",
            grouped(deflated),
            grouped(inflated),
            gain.1
        ),
    );
}
