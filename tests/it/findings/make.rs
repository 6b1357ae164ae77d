//! How the cases are made.

use crate::support::forge::{
    C2S, CLOSE, Conversation, DeflateSpec, Frame, Handshake, Http2Talk, Packet, PcapFormat, PcapngFormat,
    Piece, S2C, Script, Split, accept_of, pcap, pcapng,
};

/// A rule's code, a capture that breaks it, the other findings that this capture has, a capture that comes near.
pub struct Case {
    pub code: &'static str,
    pub breaks: Vec<u8>,
    pub with: &'static [&'static str],
    pub near: Vec<u8>,
}

pub fn case(
    code: &'static str,
    breaks: impl Into<File>,
    with: &'static [&'static str],
    near: impl Into<File>,
) -> Case {
    Case { code, breaks: breaks.into().0, with, near: near.into().0 }
}

/// A capture file, from anything that one can be made of.
pub struct File(pub Vec<u8>);

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
impl From<Vec<Packet>> for File {
    fn from(packets: Vec<Packet>) -> Self {
        Self(pcap(&packets, PcapFormat::default()))
    }
}
impl From<Script> for File {
    fn from(script: Script) -> Self {
        script.packets().into()
    }
}
impl From<Http2Talk> for File {
    fn from(talk: Http2Talk) -> Self {
        talk.talk.into()
    }
}
impl From<Conversation> for File {
    fn from(talk: Conversation) -> Self {
        script(&talk).into()
    }
}

pub fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

/// A conversation about nothing, with its closing handshake.
pub fn chat() -> Conversation {
    talk().text(C2S, "what is new?").text(S2C, "nothing at all").text(C2S, "good")
}

pub fn deflating() -> Conversation {
    talk().deflate(DeflateSpec::default())
}

pub fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

/// The packets of a closed chat.
pub fn packets() -> Vec<Packet> {
    script(&chat().closed(1000)).packets()
}

pub const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n\r\n";
pub const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: ACCEPT\r\n\r\n";

/// A conversation that begins with these heads. `KEY` and `ACCEPT` stand for right values.
pub fn heads(request: &str, response: &str) -> Conversation {
    let talk = talk();
    let key = talk.key.clone();
    let fill = |head: &str| head.replace("KEY", &key).replace("ACCEPT", &accept_of(&key));
    let (request, response) = (fill(request), fill(response));
    let mut talk = talk.bytes(C2S, request.as_bytes()).bytes(S2C, response.as_bytes());
    talk.handshake = Handshake::Done;
    talk
}

/// A closed conversation whose request differs from a right one.
pub fn request(from: &str, to: &str) -> Conversation {
    assert!(REQUEST.contains(from), "{from}");
    heads(&REQUEST.replace(from, to), RESPONSE).closed(1000)
}

/// A closed conversation whose response differs from a right one.
pub fn response(from: &str, to: &str) -> Conversation {
    assert!(RESPONSE.contains(from), "{from}");
    heads(REQUEST, &RESPONSE.replace(from, to)).closed(1000)
}

/// An answer that refuses.
pub fn refusal(status: &str) -> Conversation {
    heads(REQUEST, &format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
}

/// A conversation with this frame of the server in it, closed.
pub fn frame(frame: Frame) -> Conversation {
    talk().text(S2C, "before, nothing odd").frame(S2C, &frame).closed(1000)
}

/// The same of the client, with a key of its own.
pub fn client_frame(frame: Frame) -> Conversation {
    talk().text(C2S, "before, nothing odd").frame(C2S, &frame).closed(1000)
}

pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A closed conversation in which the server says this.
pub fn says(text: &str) -> Conversation {
    talk().text(S2C, text).closed(1000)
}

/// Ends with TCP only, or with the Closes given.
pub fn closes(closes: &[(wslens::model::Direction, &[u8])]) -> Conversation {
    closes.iter().fold(chat(), |talk, (dir, body)| talk.control(*dir, CLOSE, body))
}

/// A script whose pieces are changed.
pub fn changed(talk: &Conversation, change: impl FnOnce(&mut Vec<Piece>)) -> Script {
    script(talk).with(change)
}

/// The piece with the first data message of a direction of [`chat`].
pub fn first(script: &Script, talk: &Conversation, dir: wslens::model::Direction) -> usize {
    script.piece_at(dir, talk.expected_of(dir).next().unwrap().at)
}

pub fn push_block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = 12 + body.len().next_multiple_of(4);
    file.extend(kind.to_le_bytes());
    file.extend((len as u32).to_le_bytes());
    file.extend(body);
    file.resize(file.len().next_multiple_of(4), 0);
    file.extend((len as u32).to_le_bytes());
}

pub fn ng(packets: &[Packet]) -> Vec<u8> {
    pcapng(packets, PcapngFormat::default())
}
