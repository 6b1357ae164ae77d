//! The floor: what it costs to count every WebSocket frame of a capture, and nothing else.
//!
//! A mapped classic capture (little-endian, Ethernet, IPv4, TCP) is walked once: own header reading, one hash
//! look-up for each segment, sequence numbers, the 101, every frame header. Nothing is checked and nothing is
//! kept. The analyzer's index pass is measured against it.
//!
//! ```text
//! cargo bench --bench floor -- chat.pcap
//! ```
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::fs::File;
use std::process::ExitCode;

use hashbrown::HashMap;
use memchr::memmem;

/// One direction of a connection.
#[derive(Clone, Copy, Default)]
struct Stream {
    /// The next sequence number.
    next: u32,
    seen: bool,
    /// Bytes of a header that has begun, and how many.
    have: u8,
    header: [u8; 14],
    /// Payload bytes that are still to come.
    skip: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the response.
    Start,
    WebSocket,
    Other,
}

struct Flow {
    state: State,
    streams: [Stream; 2],
}

#[derive(Default)]
struct Counts {
    packets: u64,
    websockets: u64,
    frames: u64,
    control: u64,
    gaps: u64,
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) else {
        println!("usage: floor FILE.pcap");
        return ExitCode::SUCCESS;
    };
    let before = cpu();
    let Ok(bytes) = map(&path) else {
        eprintln!("cannot open {path}");
        return ExitCode::from(2);
    };
    if bytes.get(..4) != Some(&[0xd4, 0xc3, 0xb2, 0xa1]) {
        eprintln!("{path} is no classic little-endian capture");
        return ExitCode::from(2);
    }
    let mut flows = HashMap::with_hasher(foldhash::fast::RandomState::default());
    let counts = walk(&bytes, &mut flows);
    let cpu = cpu() - before;
    println!(
        "{{\"bytes\":{},\"packets\":{},\"connections\":{},\"websockets\":{},\"frames\":{},\"messages\":{},\
         \"control\":{},\"gaps\":{},\"cpu\":{cpu:.4}}}",
        bytes.len(),
        counts.packets,
        flows.len(),
        counts.websockets,
        counts.frames,
        counts.frames - counts.control,
        counts.control,
        counts.gaps
    );
    ExitCode::SUCCESS
}

#[allow(unsafe_code)]
fn map(path: &str) -> std::io::Result<memmap2::Mmap> {
    let file = File::open(path)?;
    // SAFETY: the file is the benchmark's own, and nobody changes it while this runs.
    let bytes = unsafe { memmap2::Mmap::map(&file) }?;
    #[cfg(unix)]
    bytes.advise(memmap2::Advice::Sequential)?;
    Ok(bytes)
}

/// CPU seconds of this thread so far. The kernel brings the figure up to date when it takes the thread off.
fn cpu() -> f64 {
    std::thread::sleep(std::time::Duration::from_millis(1));
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

type Flows = HashMap<(u64, u32), Flow, foldhash::fast::RandomState>;

fn walk(bytes: &[u8], flows: &mut Flows) -> Counts {
    let mut counts = Counts::default();
    let mut rest = bytes.get(24..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((packet, next)) = tail.split_at_checked(len) else { break };
        rest = next;
        counts.packets += 1;
        segment(packet, flows, &mut counts);
    }
    counts
}

#[inline]
fn segment(packet: &[u8], flows: &mut Flows, counts: &mut Counts) {
    if packet.len() < 54 || packet[12..14] != [8, 0] || packet[23] != 6 {
        return;
    }
    let ip_len = usize::from(packet[14] & 15) * 4;
    let end = 14 + usize::from(u16::from_be_bytes([packet[16], packet[17]]));
    let Some(tcp) = packet.get(14 + ip_len..end.min(packet.len())) else { return };
    let Some(head) = tcp.first_chunk::<20>() else { return };
    let Some(payload) = tcp.get(usize::from(head[12] >> 4) * 4..) else { return };
    let word = |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
    let (source, destination) = (word(26), word(30));
    let ports = [u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]])];
    let swapped = (source, ports[0]) > (destination, ports[1]);
    let key = if swapped {
        (u64::from(destination) << 32 | u64::from(source), u32::from(ports[1]) << 16 | u32::from(ports[0]))
    } else {
        (u64::from(source) << 32 | u64::from(destination), u32::from(ports[0]) << 16 | u32::from(ports[1]))
    };
    let flow =
        flows.entry(key).or_insert_with(|| Flow { state: State::Start, streams: [Stream::default(); 2] });
    let seq = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let stream = &mut flow.streams[usize::from(swapped)];
    if head[13] & 2 != 0 {
        *stream = Stream { next: seq.wrapping_add(1), seen: true, ..Stream::default() };
        return;
    }
    if payload.is_empty() || flow.state == State::Other {
        return;
    }
    if !stream.seen {
        (stream.next, stream.seen) = (seq, true);
    }
    let ahead = seq.wrapping_sub(stream.next) as i32;
    let payload = if ahead <= 0 {
        match payload.get(ahead.unsigned_abs() as usize..) {
            Some(new) if !new.is_empty() => new,
            _ => return,
        }
    } else {
        // Something is missing or late: as if a frame began here.
        counts.gaps += 1;
        (stream.skip, stream.have) = (0, 0);
        payload
    };
    stream.next = seq.wrapping_add((tcp.len() - usize::from(head[12] >> 4) * 4) as u32);
    match flow.state {
        State::WebSocket => frames(stream, payload, counts),
        State::Start if payload.starts_with(b"HTTP/1.1 101") => {
            flow.state = State::WebSocket;
            counts.websockets += 1;
            if let Some(at) = memmem::find(payload, b"\r\n\r\n") {
                frames(stream, &payload[at + 4..], counts);
            }
        }
        State::Start if payload.starts_with(b"GET ") => {}
        State::Start | State::Other => flow.state = State::Other,
    }
}

/// Counts the headers in the next bytes of a stream.
#[inline]
fn frames(stream: &mut Stream, mut bytes: &[u8], counts: &mut Counts) {
    loop {
        if stream.skip > 0 {
            let step = stream.skip.min(bytes.len() as u64);
            stream.skip -= step;
            bytes = &bytes[step as usize..];
        }
        if bytes.is_empty() {
            return;
        }
        if stream.have == 0
            && let Some((len, payload)) = header(bytes)
        {
            counts.frames += 1;
            counts.control += u64::from(bytes[0] >> 3 & 1);
            stream.skip = payload;
            bytes = &bytes[len..];
            continue;
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            stream.header[usize::from(stream.have)] = byte;
            stream.have += 1;
            bytes = rest;
            if let Some((_, payload)) = header(&stream.header[..usize::from(stream.have)]) {
                counts.frames += 1;
                counts.control += u64::from(stream.header[0] >> 3 & 1);
                (stream.skip, stream.have) = (payload, 0);
                break;
            }
        }
    }
}

/// Bytes of the header at the start of `bytes`, and of its payload.
#[inline]
fn header(bytes: &[u8]) -> Option<(usize, u64)> {
    let second = *bytes.get(1)?;
    let key = if second & 0x80 != 0 { 4 } else { 0 };
    let (len, payload) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..10)?.first_chunk()?)),
        len => (2, u64::from(len)),
    };
    (bytes.len() >= len + key).then_some((len + key, payload))
}
