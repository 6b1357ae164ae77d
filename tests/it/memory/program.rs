//! The program itself stays within its budget, whatever is captured and however long it is: anonymous memory of the process.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::MB;
use crate::support::forge::{
    C2S, Conversation, Http2Talk, Packet, PcapFormat, Rng, S2C, Script, Split, h2_frame, pcap,
};

/// What a run took and said.
struct Run {
    peak: usize,
    out: String,
    err: String,
}

/// Runs the program on a capture, and looks at its anonymous memory meanwhile.
fn run(capture: &[u8], options: &[&str]) -> Run {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    let [out, err] = [(), ()].map(|()| tempfile::NamedTempFile::new().unwrap());
    let to = |file: &tempfile::NamedTempFile| Stdio::from(file.reopen().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    command.args(options).arg(file.path()).stdin(Stdio::null()).stdout(to(&out)).stderr(to(&err));
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let now = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok());
        peak = peak.max(now.unwrap_or(0) << 10);
        std::thread::sleep(Duration::from_millis(2));
    }
    let text = |file: &tempfile::NamedTempFile| {
        String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()
    };
    Run { peak, out: text(&out), err: text(&err) }
}

fn file(packets: &[Packet]) -> Vec<u8> {
    pcap(packets, PcapFormat::default())
}

fn client(i: usize) -> String {
    format!("10.{}.{}.{}:1024", i / 62_500, i / 250 % 250, i % 250)
}

/// Texts of no bytes: two bytes each.
fn tiny_texts(mb: usize) -> Vec<u8> {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").raw(S2C, &[0x81, 0].repeat(mb * MB / 2));
    file(&Script::new(&talk.no_close(), &Split::Writes(1460)).packets())
}

#[test]
fn a_story_of_millions_of_messages_keeps_to_its_bound_and_says_so() {
    let peaks = [1, 4].map(|mb| {
        let told = run(&tiny_texts(mb), &["story", "--lang", "en", "--max-mem", "16MiB"]);
        assert!(told.out.contains("were discarded to limit memory (--max-mem)"), "{}", told.out);
        assert!(told.out.contains("The first data message in memory"), "{}", told.out);
        told.peak
    });
    assert!(peaks.iter().all(|peak| *peak < 16 * MB + 64 * MB), "{peaks:?}");
    assert!(peaks[1] < peaks[0] + 16 * MB, "{peaks:?}");
    // A usual bound is not felt.
    let told = run(&tiny_texts(1), &["story", "--lang", "en"]);
    assert!(!told.out.contains("discarded"), "{}", told.out);
}

/// Whole heads of this many bytes, of so many connections that all stay open.
fn big_heads(count: usize) -> Vec<u8> {
    let cookie = "c".repeat(15_000);
    let packets = (0..count).flat_map(|i| {
        let talk = Conversation::new(&client(i), "10.0.0.2:80").header(C2S, "Cookie", &cookie);
        let talk = (0..3).fold(talk, |talk, i| talk.header(C2S, &format!("X-{i}"), &cookie)).opened();
        Script::new(&talk.no_close(), &Split::Writes(1460)).packets()
    });
    file(&packets.collect::<Vec<_>>())
}

#[test]
fn a_story_among_connections_with_long_heads_keeps_to_its_bound() {
    let peaks = [200, 800].map(|count| {
        let told = run(&big_heads(count), &["story", "--max-mem", "4MiB", "--mem-total", "4MiB"]);
        assert!(told.err.contains("old connections were discarded"), "{}", told.err);
        told.peak
    });
    assert!(peaks[1] < peaks[0] + 8 * MB && peaks[1] < 8 * MB + 24 * MB, "{peaks:?}");
}

/// Commands that read all there is, with a budget.
const READERS: [&[&str]; 3] = [
    &["stats", "--mem-total", "4MiB"],
    &["read", "--level", "all", "--format", "ndjson", "--mem-total", "4MiB"],
    &["check", "--mem-total", "4MiB"],
];

/// Each of the commands takes no more for four times as much, and stays within the budget.
fn stays(name: &str, told: &str, make: impl Fn(usize) -> Vec<u8>, counts: [usize; 2]) {
    let files = counts.map(make);
    for options in READERS {
        let [some, more] = [0, 1].map(|i| run(&files[i], options));
        assert!(more.peak < some.peak + 6 * MB, "{name} {options:?}: {} and {}", some.peak, more.peak);
        assert!(more.peak < 4 * MB + 24 * MB, "{name} {options:?}: {}", more.peak);
        if options[0] == "read" {
            assert!(more.out.contains(told), "{name} {options:?}: {}", more.err);
        }
    }
}

#[test]
fn heads_of_open_connections_are_within_the_budget() {
    stays("heads", "limit-total-memory", big_heads, [200, 800]);
}

#[test]
fn lists_of_parameters_are_within_the_budget() {
    let list = format!("x{}", ";a".repeat(7000));
    let make = |count: usize| {
        let name = "Sec-WebSocket-Extensions";
        let packets = (0..count).flat_map(|i| {
            let talk = Conversation::new(&client(i), "10.0.0.2:80").header(C2S, name, &list);
            Script::new(&talk.header(S2C, name, &list).opened().no_close(), &Split::Writes(1460)).packets()
        });
        file(&packets.collect::<Vec<_>>())
    };
    stays("parameters", "too-many-extensions", make, [200, 800]);
}

#[test]
fn connections_under_a_clock_that_stands_still_are_within_the_budget() {
    for is_open in [false, true] {
        let make = |count: usize| {
            let packets = (0..count).flat_map(|i| {
                let talk = Conversation::new(&client(i), "10.0.0.2:80").text(C2S, "hello").no_close();
                if is_open {
                    return Script::new(&talk, &Split::Writes(1460)).packets();
                }
                let script = Script::new(&talk, &Split::Sizes(vec![1]));
                let first = script.data(C2S)[0];
                script.with(|pieces| *pieces = vec![pieces[first].clone()]).packets()
            });
            let mut packets: Vec<Packet> = packets.collect();
            packets.iter_mut().for_each(|packet| packet.time = 1_767_225_600_000_000_000);
            file(&packets)
        };
        stays("frozen", "limit-total-memory", make, [6000, 24_000]);
    }
}

#[test]
fn streams_of_http2_that_never_end_are_within_the_budget() {
    let make = |count: usize| {
        let packets = (0..count / 100).flat_map(|i| {
            let talk = Http2Talk::new(&client(i), "10.0.0.2:80");
            let talk = (0..100).fold(talk, |talk, stream| talk.open(2 * stream + 1));
            Script::new(&talk.talk.no_close(), &Split::Writes(1460)).packets()
        });
        file(&packets.collect::<Vec<_>>())
    };
    stays("streams", "limit-total-memory", make, [3000, 12_000]);
    // All of them in one connection: those beyond a number are not followed.
    let make = |count: usize| {
        let talk = (0..count as u32)
            .fold(Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80"), |talk, stream| talk.open(2 * stream + 1));
        file(&Script::new(&talk.talk.no_close(), &Split::Writes(1460)).packets())
    };
    stays("streams of one connection", "h2-limit-streams", make, [3000, 12_000]);
}

#[test]
fn uploads_that_never_end_are_within_the_budget() {
    // Requests of HTTP/2 whose bodies go on, and no WebSocket.
    let request = [0x83, 0x84, 0x86, 0x41, 1, b'h'];
    let make = |count: usize| {
        let packets = (0..count / 100).flat_map(|i| {
            let talk = (0..100).fold(Http2Talk::new(&client(i), "10.0.0.2:80"), |talk, stream| {
                talk.bytes(C2S, &h2_frame(1, 4, 2 * stream + 1, &request))
                    .bytes(C2S, &h2_frame(0, 0, 2 * stream + 1, &[7; 20]))
            });
            Script::new(&talk.talk.no_close(), &Split::Writes(1460)).packets()
        });
        file(&packets.collect::<Vec<_>>())
    };
    stays("uploads", "", make, [10_000, 40_000]);
}

/// A file that says much about itself: comments of interfaces, or names of addresses, 60 KB each.
fn talkative(count: usize, names: bool) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let mut file = block(0x0a0d_0d0a, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat());
    let text = [b'c'; 60_000];
    for i in 0..count as u32 {
        if names {
            let record = [&[1, 0, 0x64, 0xea][..], &i.to_be_bytes(), &text[1..], &[0, 0, 0, 0, 0]].concat();
            let len = (record.len() as u16 - 4 - 1).to_le_bytes();
            let mut record = record;
            record[2..4].copy_from_slice(&len);
            record.resize(record.len().next_multiple_of(4), 0);
            file.extend(block(4, &[record, vec![0; 4]].concat()));
        } else {
            let option = [&[1, 0][..], &60_000u16.to_le_bytes(), &text].concat();
            file.extend(block(1, &[&[1, 0, 0, 0, 0, 0, 4, 0][..], &option, &[0; 4]].concat()));
        }
    }
    file
}

#[test]
fn what_a_file_says_about_itself_is_bounded() {
    for names in [false, true] {
        let files = [300, 1200].map(|count| talkative(count, names));
        for options in READERS.iter().copied().chain([&["story"][..]]) {
            let [some, more] = [0, 1].map(|i| run(&files[i], options));
            assert!(
                more.peak < some.peak + 4 * MB && more.peak < 40 * MB,
                "{names} {options:?}: {}",
                more.peak
            );
        }
    }
}

#[test]
fn what_is_unpacked_goes_into_a_temporary_file() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let noise = Rng::new(1).bytes(1 << 16);
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").binary(S2C, &noise.repeat((28 * MB) >> 16));
    packed.write_all(&file(&Script::new(&talk.no_close(), &Split::Writes(1460)).packets())).unwrap();
    let packed = packed.finish().unwrap();
    for options in READERS.iter().copied().chain([&["story"][..], &["handshake"]]) {
        let one = run(&packed, options);
        assert!(one.peak < 16 * MB, "{options:?}: {} {}", one.peak, one.err);
    }
}
