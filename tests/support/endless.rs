//! A capture without end: made while it is read, for what goes on for hours.

/// Addresses and numbers of a connection.
#[derive(Clone, Debug)]
struct Ends {
    port: u16,
    /// Next sequence numbers: client, server.
    seq: [u32; 2],
}

/// Writes a classic capture of WebSockets on Ethernet, packet by packet, with right checksums.
#[derive(Clone, Debug)]
pub struct Talker {
    /// Packets so far.
    pub packets: u64,
    /// Messages so far.
    pub messages: u64,
    time: u64,
    pace: u64,
    open: Vec<Ends>,
    opened: u32,
}

const SYN: u8 = 2;
const ACK: u8 = 0x10;
const FIN: u8 = 1;

impl Talker {
    /// A capture with so many nanoseconds from packet to packet.
    pub fn new(pace: u64) -> Self {
        Self { packets: 0, messages: 0, time: 1_767_225_600_000_000_000, pace, open: vec![], opened: 0 }
    }

    /// The file's header.
    pub fn header() -> Vec<u8> {
        let words = [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, 1];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Opens a WebSocket.
    pub fn open(&mut self, out: &mut Vec<u8>) {
        let port = 10_000 + (self.opened % 50_000) as u16;
        let start = self.opened.wrapping_mul(77_777);
        self.opened += 1;
        self.open.push(Ends { port, seq: [start, start.wrapping_mul(3)] });
        let last = self.open.len() - 1;
        self.say(out, last, 0, SYN, &[]);
        self.say(out, last, 1, SYN | ACK, &[]);
        self.say(out, last, 0, ACK, &[]);
        let request = "GET /ticker HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        self.say(out, last, 0, ACK, request.as_bytes());
        self.say(out, last, 1, ACK, response.as_bytes());
    }

    /// Ends the oldest one.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.say(out, 0, 1, ACK, &[0x88, 2, 3, 232]);
        self.say(out, 0, 0, ACK, &[0x88, 0x82, 0, 0, 0, 0, 3, 232]);
        self.say(out, 0, 0, ACK | FIN, &[]);
        self.say(out, 0, 1, ACK | FIN, &[]);
        self.say(out, 0, 0, ACK, &[]);
        self.open.remove(0);
        self.messages += 2;
    }

    /// A text of the server's in one of the open WebSockets, in turn. Every hundredth is a masked pong of the client's.
    pub fn message(&mut self, out: &mut Vec<u8>, len: usize) {
        let to = (self.messages % self.open.len() as u64) as usize;
        self.message_in(out, to, len);
    }

    /// The same in this one.
    pub fn message_in(&mut self, out: &mut Vec<u8>, to: usize, len: usize) {
        self.messages += 1;
        if self.messages.is_multiple_of(100) {
            return self.say(out, to, 0, ACK, &[0x8a, 0x84, 0, 0, 0, 0, b'p', b'o', b'n', b'g']);
        }
        let mut text =
            format!(r#"{{"n":{:010},"s":"BTCUSDT","p":"67123.{:02}"#, self.messages, self.messages % 100);
        while text.len() + 2 < len {
            text.push((b'0' + (text.len() % 10) as u8) as char);
        }
        text.push_str("\"}");
        let mut frame = vec![0x81];
        if text.len() < 126 {
            frame.push(text.len() as u8);
        } else {
            frame.push(126);
            frame.extend((text.len() as u16).to_be_bytes());
        }
        frame.extend(text.as_bytes());
        self.say(out, to, 1, ACK, &frame);
    }

    fn say(&mut self, out: &mut Vec<u8>, of: usize, from: usize, flags: u8, payload: &[u8]) {
        let ends = &mut self.open[of];
        let (seq, ack) = (ends.seq[from], ends.seq[1 - from]);
        let turns = u32::from(flags & (SYN | FIN) != 0);
        ends.seq[from] = seq.wrapping_add(payload.len() as u32 + turns);
        let ports = if from == 0 { [ends.port, 8080] } else { [8080, ends.port] };
        let mut tcp = Vec::with_capacity(20 + payload.len());
        ports.iter().for_each(|port| tcp.extend(port.to_be_bytes()));
        tcp.extend(seq.to_be_bytes());
        tcp.extend(if flags & ACK == 0 { 0 } else { ack }.to_be_bytes());
        tcp.extend([0x50, flags, 0xfa, 0, 0, 0, 0, 0]);
        tcp.extend(payload);
        let ends = if from == 0 { [127, 0, 0, 2, 127, 0, 0, 1] } else { [127, 0, 0, 1, 127, 0, 0, 2] };
        let mut pseudo = ends.to_vec();
        pseudo.extend([0, 6]);
        pseudo.extend((tcp.len() as u16).to_be_bytes());
        let check = !sum(sum(0, &pseudo), &tcp);
        tcp[16..18].copy_from_slice(&check.to_be_bytes());
        let mut ip = vec![0x45, 0];
        ip.extend((tcp.len() as u16 + 20).to_be_bytes());
        ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        ip.extend(ends);
        let check = !sum(0, &ip);
        ip[10..12].copy_from_slice(&check.to_be_bytes());
        let len = (14 + ip.len() + tcp.len()) as u32;
        self.time += self.pace;
        self.packets += 1;
        for word in [(self.time / 1_000_000_000) as u32, (self.time % 1_000_000_000) as u32, len, len] {
            out.extend(word.to_le_bytes());
        }
        out.extend([0; 12]);
        out.extend([8, 0]);
        out.extend(ip);
        out.extend(tcp);
    }
}

/// The sum of 16-bit words of the internet checksum, on top of another one.
fn sum(start: u16, bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum = words.fold(u32::from(start), |sum, word| sum + word);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Reads what a function writes, until it writes nothing.
pub struct Made<F> {
    ready: Vec<u8>,
    at: usize,
    next: F,
}

impl<F: FnMut(&mut Vec<u8>)> Made<F> {
    /// A reader that begins with `start`.
    pub fn new(start: Vec<u8>, next: F) -> Self {
        Self { ready: start, at: 0, next }
    }
}

impl<F: FnMut(&mut Vec<u8>)> std::io::Read for Made<F> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
            (self.next)(&mut self.ready);
        }
        let n = to.len().min(self.ready.len() - self.at);
        to[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
