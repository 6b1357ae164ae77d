//! The layers of a frame in one of its packets, from the application's data down to the wire.

use std::ops::Range;

use super::super::frame::found::Loaded;
use crate::model::Lang;
use crate::store::ConnectionRow;
use crate::store::detail::{FrameDetail, FramePiece, LayerDetail};
use crate::store::record::{self, RecordLayout};
use crate::tui::screens::ScreenId;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::labelled::LabelledPart;
use crate::tui::widgets::{Text, hex, units};
use crate::ws::Opcode;

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its number in the OSI model; 0 for none.
    pub osi: u8,
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub words: Text,
    /// How many bytes of the packet it takes; `None` where it takes none of its own.
    pub bytes: Option<u64>,
    /// What stands beside the bar.
    pub remark: String,
    /// Its bytes in the packet.
    pub ranges: Vec<Range<usize>>,
    /// What Enter opens.
    pub opens: Option<ScreenId>,
}

/// The tower of a frame in one of its packets.
#[derive(Clone, Debug, Default)]
pub struct Tower {
    /// From the top down.
    pub layers: Vec<Layer>,
    /// The packet's parts.
    pub parts: Vec<LabelledPart>,
    /// Bytes of the packet on the wire.
    pub wire: u64,
    /// Bytes of application data in it.
    pub data: u64,
}

/// The name of a layer in the OSI model.
#[must_use]
pub fn osi_name(layer: u8) -> &'static str {
    match layer {
        7 => "7 Application",
        6 => "6 Presentation",
        5 => "5 Session",
        4 => "4 Transport",
        3 => "3 Network",
        2 => "2 Data link",
        1 => "1 Physical",
        _ => "",
    }
}

/// The name of the layer in the TCP/IP model (RFC 1122 section 1.1.3) that holds a layer of OSI's.
#[must_use]
pub fn tcp_ip_name(layer: u8) -> &'static str {
    match layer {
        5..=7 => "Application",
        4 => "Transport",
        3 => "Internet",
        1 | 2 => "Link",
        _ => "",
    }
}

/// What two ranges share.
fn overlap(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// Where bytes of the frame are in the packet.
fn in_packet(piece: &FramePiece, of_frame: &Range<u64>) -> Range<usize> {
    let shared = overlap(&piece.of_frame, of_frame);
    if shared.is_empty() || piece.of_packet.is_empty() {
        return 0..0;
    }
    let skip = usize::try_from(shared.start - piece.of_frame.start).unwrap_or(usize::MAX);
    let start = piece.of_packet.start.saturating_add(skip);
    let len = usize::try_from(shared.end - shared.start).unwrap_or(usize::MAX);
    start..start.saturating_add(len).min(piece.of_packet.end)
}

impl Tower {
    /// The tower of one piece of a frame.
    #[must_use]
    pub fn new(ctx: &Ctx<'_>, loaded: &Loaded, frame: &FrameDetail, piece: &FramePiece) -> Self {
        let wire = u64::from(piece.packet.packet.wire_len);
        let header_len = frame.header.len() as u64;
        let header = overlap(&piece.of_frame, &(0..header_len));
        let payload = overlap(&piece.of_frame, &(header_len..u64::MAX));
        let mut tower = Self { wire, ..Self::default() };
        let Some(row) = ctx.connection() else { return tower };
        let message = loaded.message();
        let compressed =
            message.is_some_and(|message| message.compressed) && !frame.header.opcode().is_control();
        let payload_bytes = payload.end - payload.start;
        let payload_at = in_packet(piece, &payload);
        let header_at = in_packet(piece, &header);
        let data = data_layer(ctx, row, loaded, frame, compressed, payload_bytes);
        tower.data = data.1;
        tower
            .layers
            .push(Layer { ranges: if compressed { Vec::new() } else { vec![payload_at.clone()] }, ..data.0 });
        if compressed {
            tower.layers.push(Layer {
                osi: 7,
                name: "permessage-deflate".into(),
                words: Text::of(Role::Plain, hex::spaced(frame.payload.get(..32).unwrap_or(&frame.payload))),
                bytes: Some(payload_bytes),
                remark: String::new(),
                ranges: vec![payload_at.clone()],
                opens: Some(ScreenId::Detail),
            });
        }
        tower.layers.push(Layer {
            osi: 7,
            name: "WebSocket frame".into(),
            words: frame_words(frame),
            bytes: Some(header.end - header.start),
            remark: spread(frame, piece),
            ranges: vec![header_at],
            opens: Some(ScreenId::Frame),
        });
        let lang = ctx.shared.lang;
        let sealed = row.tls.as_ref().and_then(|tls| record::record(piece, tls));
        let data = row
            .stream_id
            .and_then(|stream| record::data_header(piece, sealed.as_ref(), row.tls.is_some(), stream));
        tower.rest_of_application(row, sealed.as_ref(), data.clone(), lang);
        tower.carriers(&piece.packet.layers, lang);
        tower.physical(&piece.packet.layers, lang);
        tower.label(frame, piece, sealed.as_ref(), data);
        tower
    }

    /// HTTP, TLS and the layer that TCP/IP does not have.
    fn rest_of_application(
        &mut self,
        row: &ConnectionRow,
        record: Option<&RecordLayout>,
        data: Option<Range<usize>>,
        lang: Lang,
    ) {
        let packets: Vec<String> = [row.request, row.response]
            .into_iter()
            .flatten()
            .map(|place| place.last.packet.to_string())
            .collect();
        let words = match packets.as_slice() {
            [] => lang.pick("the handshake was not captured", "没有抓到握手").to_owned(),
            [one] => {
                lang.pick(format!("only packet {one}: the doorway"), format!("只在数据包 {one}：开门的握手"))
            }
            [one, other, ..] => lang.pick(
                format!("only packets {one} and {other}: the doorway"),
                format!("只在数据包 {one} 和 {other}：开门的握手"),
            ),
        };
        let secure = row.is_wss();
        let tls = match &row.tls {
            Some(tls) => format!("{}, {}", tls.version, tls.cipher),
            None if secure => lang
                .pick("wss://: it was taken off before the capture", "wss://：抓包之前已被去掉")
                .to_owned(),
            None => lang
                .pick("not here: ws://   (wss:// adds it)", "这里没有：ws://   （wss:// 才有）")
                .to_owned(),
        };
        let plain = |osi, name: &str, words: &str, opens| Layer {
            osi,
            name: name.into(),
            words: Text::of(Role::Dim, words),
            bytes: None,
            remark: String::new(),
            ranges: Vec::new(),
            opens,
        };
        match row.stream_id {
            None => self.layers.push(plain(7, "HTTP/1.1", &words, Some(ScreenId::Handshake))),
            Some(stream) => {
                let carried = lang.pick(
                    format!("DATA of stream {stream}; its doorway: {words}"),
                    format!("流 {stream} 的 DATA；握手：{words}"),
                );
                let layer = plain(7, "HTTP/2", &carried, Some(ScreenId::Handshake));
                let bytes = data.as_ref().map(|range| range.len() as u64);
                self.layers.push(Layer { bytes, ranges: data.into_iter().collect(), ..layer });
            }
        }
        let layer = plain(6, "TLS", &tls, row.tls.as_ref().map(|_| ScreenId::Handshake));
        self.layers.push(match (record, &row.tls) {
            (Some(record), _) => {
                let (head, content, tail) = (record.head.len(), record.content.len(), record.tail.len());
                Layer {
                    bytes: Some(record.added() as u64),
                    remark: lang.pick(
                        format!("record {head}+{content}+{tail}"),
                        format!("记录 {head}+{content}+{tail}"),
                    ),
                    ranges: vec![record.head.clone(), record.tail.clone()],
                    ..layer
                }
            }
            (None, Some(_)) => Layer {
                remark: lang
                    .pick("its record is not whole in this packet", "它的记录不全在这个数据包里")
                    .into(),
                ..layer
            },
            (None, None) => layer,
        });
        self.layers.push(plain(
            5,
            "-",
            lang.pick("TCP/IP has no layer for sessions", "TCP/IP 没有会话层"),
            None,
        ));
    }

    /// TCP and all below it, as the packet has them.
    fn carriers(&mut self, layers: &[LayerDetail], lang: Lang) {
        for layer in layers.iter().rev() {
            let mut words = Text::new();
            words.captured(Role::Plain, layer.words.as_bytes(), 200);
            self.layers.push(Layer {
                osi: layer.osi,
                name: layer.name.to_owned(),
                words,
                bytes: Some(layer.range.len() as u64),
                remark: String::new(),
                ranges: vec![layer.range.clone()],
                opens: None,
            });
        }
        if layers.is_empty() {
            self.layers.push(Layer {
                osi: 4,
                name: "TCP".into(),
                words: Text::of(
                    Role::Dim,
                    lang.pick("this packet's layers are not loaded", "这个数据包的各层还没有读入"),
                ),
                bytes: None,
                remark: String::new(),
                ranges: Vec::new(),
                opens: None,
            });
        }
    }

    fn physical(&mut self, layers: &[LayerDetail], lang: Lang) {
        let ethernet = layers.first().is_some_and(|layer| layer.name == "Ethernet");
        let words = match ethernet {
            true => lang.pick("not captured: cable, radio or loopback", "抓不到：网线、无线电或回环"),
            false => lang.pick("not captured", "抓不到"),
        };
        self.layers.push(Layer {
            osi: 1,
            name: "-".into(),
            words: Text::of(Role::Dim, words),
            bytes: None,
            remark: String::new(),
            ranges: Vec::new(),
            opens: None,
        });
    }

    /// The packet's parts, each byte in one.
    fn label(
        &mut self,
        frame: &FrameDetail,
        piece: &FramePiece,
        record: Option<&RecordLayout>,
        data: Option<Range<usize>>,
    ) {
        let end = piece.packet.bytes.len();
        let header_len = frame.header.len() as u64;
        let key_len = if frame.header.masked() { 4 } else { 0 };
        let of_frame = [
            ("hdr", 0..header_len - key_len, Role::Header),
            ("key", header_len - key_len..header_len, Role::MaskingKey),
            (if key_len > 0 { "masked payload" } else { "payload" }, header_len..u64::MAX, Role::Plain),
        ];
        let mut known: Vec<(String, Range<usize>, Option<Role>)> = piece
            .packet
            .layers
            .iter()
            .map(|layer| {
                (format!("{} {}", layer.name, layer.range.len()), layer.range.clone(), Some(Role::Dim))
            })
            .collect();
        for (name, range, role) in of_frame {
            let own = (role != Role::Plain).then_some(role);
            known.push((name.to_owned(), in_packet(piece, &range), own));
        }
        if let Some(RecordLayout { head, tail, .. }) = record {
            known.push((format!("TLS record {}", head.len()), head.clone(), Some(Role::Dim)));
            known.push((format!("TLS tag {}", tail.len()), tail.clone(), Some(Role::Dim)));
        }
        known.extend(data.map(|range| (format!("HTTP/2 DATA {}", range.len()), range, Some(Role::Dim))));
        known.retain(|(_, range, _)| !range.is_empty() && range.end <= end);
        known.sort_by_key(|(_, range, _)| range.start);
        let mut at = 0;
        for (name, range, role) in known {
            if range.start < at {
                continue; // Layers do not lie in each other.
            }
            self.gap(at..range.start, piece);
            at = range.end;
            self.parts.push(LabelledPart { name, range, role, lit: false });
        }
        self.gap(at..end, piece);
    }

    /// Bytes of the packet that are none of this frame's.
    fn gap(&mut self, range: Range<usize>, piece: &FramePiece) {
        if range.is_empty() {
            return;
        }
        let behind_tcp = piece.packet.layers.last().is_some_and(|layer| range.start >= layer.range.end);
        let name = if behind_tcp { "other bytes" } else { "unknown" };
        self.parts.push(LabelledPart {
            name: format!("{name} {}", range.len()),
            range,
            role: Some(Role::Dim),
            lit: false,
        });
    }

    /// Lights the parts that a layer takes.
    pub fn light(&mut self, layer: usize) {
        let ranges = self.layers.get(layer).map(|layer| layer.ranges.clone()).unwrap_or_default();
        for part in &mut self.parts {
            part.lit = ranges.iter().any(|range| {
                !range.is_empty() && range.start <= part.range.start && part.range.end <= range.end
            });
        }
    }

    /// Bytes behind TCP's header that belong to other frames, or fill the packet up.
    #[must_use]
    pub fn others(&self) -> usize {
        self.parts
            .iter()
            .filter(|part| part.name.starts_with("other bytes"))
            .map(|part| part.range.len())
            .sum()
    }
}

/// The application's data: the layer, and how many of its bytes this packet brought.
fn data_layer(
    ctx: &Ctx<'_>,
    row: &ConnectionRow,
    loaded: &Loaded,
    frame: &FrameDetail,
    compressed: bool,
    payload: u64,
) -> (Layer, u64) {
    let (lang, message) = (ctx.shared.lang, loaded.message());
    let mut words = Text::new();
    let control = frame.header.opcode().is_control();
    let bytes = message
        .filter(|message| !control && message.frame_count == 1)
        .map_or(&frame.payload, |message| &message.bytes);
    let text = message.is_some_and(|message| message.opcode == Opcode::Text) && !control;
    let readable =
        text && (!compressed || message.is_some_and(|message| !message.integrity.is_as_sent(compressed)));
    let whole = message.is_none_or(|message| message.frame_count == 1);
    if bytes.is_empty() {
        words.add(Role::Dim, lang.pick("nothing", "空"));
    } else if compressed && !whole {
        words.add(
            Role::Dim,
            lang.pick("inflated as a whole message, not frame by frame", "按整条消息解压，不是逐帧解压"),
        );
    } else if readable {
        words.plainly("\"").captured(Role::Plain, bytes, 60).plainly("\"");
    } else {
        words.plainly(hex::spaced(bytes.get(..24).unwrap_or(bytes)));
    }
    if let Some(name) = row.handshake.subprotocol.as_ref().filter(|_| !control) {
        words.plainly("   (subprotocol ").captured(Role::Plain, name.as_bytes(), 24).plainly(")");
    }
    let inflated = message.filter(|_| compressed && whole).and_then(|message| message.len);
    let (len, remark) = match (inflated, compressed) {
        (Some(len), _) => (len, format!("inflated from {}", units::grouped(frame.header.payload_len))),
        (None, true) => (0, "inflated with its message".to_owned()),
        (None, false) => (payload, String::new()),
    };
    let layer = Layer {
        osi: 7,
        name: if control { "control data".into() } else { "your data".into() },
        words,
        bytes: Some(len),
        remark,
        ranges: Vec::new(),
        opens: Some(ScreenId::Detail),
    };
    (layer, if compressed && inflated.is_none() { payload } else { len })
}

/// `c1 87 50 dd e4 e5   FIN RSV1 TEXT MASK`
fn frame_words(frame: &FrameDetail) -> Text {
    let header = frame.header;
    let mut words = Text::of(Role::Header, hex::spaced(&frame.header_bytes));
    words.plainly("  ");
    for (set, name) in [
        (header.fin(), "FIN"),
        (header.rsv() & 4 != 0, "RSV1"),
        (header.rsv() & 2 != 0, "RSV2"),
        (header.rsv() & 1 != 0, "RSV3"),
    ] {
        if set {
            words.plainly(" ").plainly(name);
        }
    }
    words
        .plainly(" ")
        .add(if header.opcode().is_control() { Role::Control } else { Role::Plain }, header.opcode().title());
    if header.masked() {
        words.plainly(" MASK");
    }
    words
}

/// `frame bytes 1..1448 of 70 014`, where a packet does not hold all of it.
#[must_use]
pub fn spread(frame: &FrameDetail, piece: &FramePiece) -> String {
    let len = (frame.header.len() as u64).saturating_add(frame.header.payload_len);
    if piece.of_frame.start == 0 && piece.of_frame.end >= len {
        return String::new();
    }
    format!(
        "frame bytes {}..{} of {}",
        units::grouped(piece.of_frame.start + 1),
        units::grouped(piece.of_frame.end),
        units::grouped(len)
    )
}
