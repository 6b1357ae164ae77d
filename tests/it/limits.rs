//! Every bound has a flag, and the flag changes what it says: the program itself, with and without it.

use std::io::Write;
use std::process::Command;

use serde_json::Value;
use wslens::pipeline::Limits;

use crate::read::Output;
use crate::support::forge::{
    BINARY, C2S, Conversation, DeflateSpec, Packet, PcapFormat, S2C, Script, Split, TEXT, interleave,
    ipv4_fragments, pcap,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_767_225_600 * SECOND;

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

/// What the program prints of a capture, with these options.
fn run(packets: &[Packet], options: &[&str]) -> Output {
    let mut capture = tempfile::NamedTempFile::new().unwrap();
    capture.write_all(&pcap(packets, PcapFormat::default())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    command.arg("read").arg(capture.path()).args(["--level", "all", "--format", "ndjson"]).args(options);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let records = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    Output { lines, records }
}

/// How often a rule is listed: without the flag, and with it.
fn told(packets: &[Packet], code: &str, flag: &str) -> (usize, usize) {
    let flags: Vec<&str> = flag.split(' ').collect();
    (run(packets, &[]).findings(code).len(), run(packets, &flags).findings(code).len())
}

/// The value of a path in the summary, without the flag and with it.
fn summed(packets: &[Packet], path: &str, flag: &str) -> (u64, u64) {
    let flags: Vec<&str> = flag.split(' ').collect();
    let value = |output: Output| output.summary().pointer(path).and_then(Value::as_u64).unwrap();
    (value(run(packets, &[])), value(run(packets, &flags)))
}

/// This many connections at the same time, from their SYNs on, a packet a second.
fn many(count: usize) -> Vec<Packet> {
    interleave((0..count).map(|i| {
        let talk =
            Conversation::new(&format!("10.0.1.{i}:1000"), "10.0.0.2:80").text(C2S, "hello").no_close();
        script(&talk).clock(START + i as i64 * 10_000_000, 4 * SECOND).packets()
    }))
}

/// Bare SYNs.
fn syns(count: usize) -> Vec<Packet> {
    (0..count)
        .map(|i| {
            let talk = Conversation::new(&format!("10.0.{}.{}:1000", i / 200, i % 200), "10.0.0.2:80");
            script(&talk).clock(START + i as i64 * 1000, 1).packets().swap_remove(0)
        })
        .collect()
}

/// A message of 40 KB of which a segment is lost; nobody acknowledges anything.
fn holed() -> Vec<Packet> {
    let script = script(&talk().binary(S2C, &[7; 40_000]).text(S2C, "after").no_close());
    let lost = script.data(S2C)[2];
    script.lose(lost).packets()
}

/// Something of another connection, so that time passes.
fn others(count: usize, from: i64, pace: i64) -> Vec<Packet> {
    let talk =
        (0..count).fold(Conversation::new("10.9.9.9:999", "10.0.0.2:80"), |talk, _| talk.text(S2C, "tick"));
    script(&talk.no_close()).clock(from, pace).packets()
}

/// A segment that comes again only after the packets of others.
fn late(others: &[Packet]) -> Vec<Packet> {
    let talk = talk().text(S2C, "one").text(S2C, "two").text(S2C, "three").no_close();
    let whole = script(&talk);
    let lost = whole.data(S2C)[2];
    let mut packets = whole.clock(START, 1_000_000).packets();
    let mut again = packets.remove(lost);
    again.time = others.last().unwrap().time + 1_000_000;
    [packets, others.to_vec(), vec![again]].concat()
}

#[test]
fn max_connections_bounds_who_is_followed() {
    let packets = many(40);
    assert_eq!(told(&packets, "limit-connections", "--max-connections 10"), (0, 1));
    assert_eq!(told(&packets, "limit-connections", "--max-connections 60"), (0, 0));
}

#[test]
fn max_flows_bounds_who_is_known() {
    assert_eq!(told(&syns(300), "limit-connections", "--max-flows 100"), (0, 1));
    assert_eq!(told(&syns(300), "limit-connections", "--max-flows 300"), (0, 0));
}

#[test]
fn mem_stream_and_max_segments_bound_what_waits_behind_a_hole() {
    let packets = holed();
    assert_eq!(told(&packets, "limit-stream-memory", "--mem-stream 20k"), (0, 1));
    assert_eq!(told(&packets, "limit-stream-memory", "--mem-stream 64KiB"), (0, 0));
    assert_eq!(told(&packets, "limit-stream-memory", "--max-segments 10"), (0, 1));
}

#[test]
fn mem_total_bounds_what_all_connections_hold() {
    let packets = interleave((0..8).map(|i| {
        let talk = Conversation::new(&format!("10.0.1.{i}:1000"), "10.0.0.2:80");
        let script = script(&talk.binary(S2C, &[7; 20_000]).no_close());
        let lost = script.data(S2C)[1];
        script.lose(lost).packets()
    }));
    let [free, bound] =
        [&["--payload", "none"][..], &["--mem-total", "64KiB"]].map(|flags| run(&packets, flags));
    assert_eq!(free.findings("limit-total-memory").len(), 0);
    let told = bound.findings("limit-total-memory");
    assert!(!told.is_empty() && told.len() < 16, "{}", told.len());
    assert_eq!(bound.findings("tcp-gap").len(), 8, "each gap once, sooner or later");
}

#[test]
fn wait_packets_wait_time_and_hole_time_bound_waiting() {
    let busy = others(100, START + 200_000_000, 1_000_000);
    assert_eq!(told(&late(&busy), "tcp-gap", "--wait-packets 10 --hole-time 0").1, 1);
    assert_eq!(told(&late(&busy), "tcp-gap", "--wait-packets 1000 --hole-time 0"), (0, 0));
    assert_eq!(told(&late(&busy), "tcp-gap", "--wait-time 10ms --hole-time 0"), (0, 1));
    let slow = others(100, START + SECOND, SECOND / 2);
    assert_eq!(told(&late(&slow), "tcp-gap", "--hole-time 5s"), (0, 1));
}

#[test]
fn max_header_and_max_header_lines_bound_heads() {
    let talk = (0..30).fold(talk(), |talk, i| talk.header(C2S, &format!("X-{i}"), &"v".repeat(100)));
    let packets = script(&talk.text(C2S, "read")).packets();
    assert_eq!(told(&packets, "http-header-too-large", "--max-header 2KiB"), (0, 1));
    assert_eq!(told(&packets, "http-header-too-large", "--max-header 8k"), (0, 0));
    assert_eq!(told(&packets, "http-header-too-large", "--max-header-lines 20"), (0, 1));
}

#[test]
fn max_requests_bounds_who_waits_for_an_answer() {
    let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let talk = (0..4).fold(talk(), |talk, _| talk.bytes(C2S, get));
    let talk = (0..4).fold(talk.request_now(), |talk, _| talk.bytes(S2C, ok));
    let packets = script(&talk.response_now().text(C2S, "read")).packets();
    assert_eq!(run(&packets, &[]).messages().len(), 1);
    assert_eq!(run(&packets, &["--max-requests", "2"]).messages().len(), 0);
}

#[test]
fn keep_bounds_what_is_shown_of_a_message() {
    let packets = script(&talk().text(S2C, &"long ".repeat(100)).closed(1000)).packets();
    assert_eq!(run(&packets, &[]).said(1, "s2c")[0].bytes.len(), 500);
    let output = run(&packets, &["--keep", "100"]);
    assert_eq!(output.said(1, "s2c")[0].bytes.len(), 100);
    let message = output.kind("message").find(|message| message["dir"] == "s2c").unwrap();
    assert_eq!((message["len"].as_u64(), message["cut"].as_bool()), (Some(500), Some(true)));
}

#[test]
fn max_inflate_max_ratio_and_max_drain_bound_inflating() {
    let zeros = vec![0; 3 << 20];
    let bomb = talk().deflate(DeflateSpec::default()).binary(S2C, &zeros).text(S2C, "after").closed(1000);
    let packets = script(&bomb).packets();
    assert_eq!(told(&packets, "inflate-limit", "--max-ratio 200"), (0, 1));
    assert_eq!(told(&packets, "inflate-limit", "--max-inflate 1MiB"), (0, 1));
    let len = |flags: &[&str]| run(&packets, flags).kind("message").next().unwrap()["len"].as_u64();
    assert_eq!(len(&[]), Some(3 << 20));
    assert_eq!(len(&["--max-drain", "2MiB"]), None);
}

#[test]
fn max_fragments_says_from_when_on_it_is_told() {
    let pieces: Vec<&[u8]> = [&b"x"[..]; 60].into();
    let packets = script(&talk().fragmented(C2S, TEXT, &pieces).closed(1000)).packets();
    let (without, with) = told(&packets, "fragment-flood", "--max-fragments 50");
    assert_eq!((without, with > 0), (0, true));
}

/// A conversation whose long packets are cut into IP fragments.
fn fragmented(client: &str) -> Vec<Packet> {
    let talk = Conversation::new(client, "10.0.0.2:80");
    let packets = script(&talk.split(C2S, BINARY, &[9; 9000], &[]).closed(1000)).packets();
    let cut = |packet: Packet| {
        if packet.bytes.len() > 700 { ipv4_fragments(&packet, 700) } else { vec![packet] }
    };
    packets.into_iter().flat_map(cut).collect()
}

#[test]
fn ip_fragments_are_bounded_by_bytes_number_and_time() {
    let packets = fragmented("10.0.0.1:50000");
    assert_eq!(told(&packets, "ip-fragment-incomplete", "--mem-fragments 4MiB"), (0, 0));
    assert!(told(&packets, "ip-fragment-incomplete", "--mem-fragments 500").1 > 0);
    assert_eq!(told(&packets, "message-limit", "--mem-datagrams 4000"), (0, 1));
    let at = packets.iter().position(|packet| packet.bytes.len() > 700).unwrap_or(4);
    // A datagram's second fragment comes ten seconds later, and others in between.
    let firsts: Vec<usize> = (at..packets.len()).filter(|i| packets[*i].bytes[20] & 0x20 != 0).collect();
    let mut slow = packets.clone();
    slow[firsts[0] + 1..].iter_mut().for_each(|packet| packet.time += 10 * SECOND);
    assert_eq!(told(&slow, "ip-fragment-incomplete", "--fragment-time 60s"), (0, 0));
    assert!(told(&slow, "ip-fragment-incomplete", "--fragment-time 1s").1 > 0);
    // Two datagrams at the same time.
    let mixed = interleave([packets, fragmented("10.0.0.7:50000")]);
    let (without, with) = told(&mixed, "ip-fragment-incomplete", "--max-datagrams 1");
    assert_eq!((without, with > 0), (0, true));
}

#[test]
fn timers_say_after_how_much_silence_a_connection_has_ended() {
    let quiet = |talk: &Conversation, keep: usize| {
        let mut packets = script(talk).packets();
        packets.truncate(keep);
        packets
    };
    let busy = others(200, START + SECOND, SECOND / 2);
    // A WebSocket that falls silent.
    let socket = quiet(&talk().text(C2S, "good night").no_close(), 9);
    let packets = [socket, busy.clone()].concat();
    assert_eq!(told(&packets, "flow-timeout", "--websocket-time 30s"), (0, 1));
    assert_eq!(told(&packets, "flow-timeout", "--websocket-time 30s --calm 100"), (0, 0));
    assert_eq!(told(&packets, "flow-timeout", "--websocket-time 10m"), (0, 0));
    // Half a handshake, and a page: whoever comes back after being forgotten is another connection.
    let opening = script(&talk().text(C2S, "late").no_close()).packets();
    let page = script(
        &talk()
            .http_before(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n")
            .text(C2S, "late")
            .no_close(),
    )
    .packets();
    for (first, keep, flag) in [
        (&opening, 1, "--half-open-time 20s --idle-time 1d"),
        (&page, 5, "--idle-time 20s --half-open-time 1d"),
    ] {
        let (early, rest) = first.split_at(keep);
        let mut rest = rest.to_vec();
        rest.iter_mut().for_each(|packet| packet.time += 200 * SECOND);
        let packets = [early.to_vec(), busy.clone(), rest].concat();
        let (without, with) = summed(&packets, "/tcp_connections", flag);
        assert_eq!((without, with), (2, 3), "{flag}");
    }
}

#[test]
fn max_listed_and_max_findings_bound_lists_and_no_counts() {
    let talk = (0..250).fold(talk(), |talk, _| talk.pong(S2C, b"")).closed(1000);
    let packets = script(&talk).packets();
    assert_eq!(told(&packets, "unsolicited-pong", "--max-listed 7"), (100, 7));
    assert_eq!(told(&packets, "unsolicited-pong", "--max-findings 30"), (100, 30));
    assert_eq!(summed(&packets, "/findings/info", "--max-listed 7"), (250, 250));
    assert_eq!(summed(&packets, "/findings/info", "--max-findings 7"), (250, 250));
}

#[test]
fn a_size_or_time_that_is_none_is_refused() {
    for option in [["--mem-total", "much"], ["--keep", "1 parsec"], ["--idle-time", "soon"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
        let output = command.args(["read", "x.pcap"]).args(option).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{option:?}");
    }
}

/// A size as the help writes it.
fn bytes(size: u64) -> String {
    let unit = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| size.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap();
    format!("{}{name}", size / unit)
}

#[test]
fn a_packed_capture_is_unpacked_up_to_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let read = |packed: &[u8], flags: &[&str]| {
        let path = folder.path().join("c.pcap.gz");
        std::fs::write(&path, packed).unwrap();
        let arguments = [&["read", "--level", "all"], flags].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_wslens")).args(arguments).arg(&path).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let whole = pcap(&many(200), PcapFormat::default());
    let len = whole.len().to_string();
    let packed = gzip(|out| out.write_all(&whole).unwrap());
    let connections = |out: &str| out.matches("\"kind\":\"connection\"").count();
    let (out, code) = read(&packed, &[]);
    assert_eq!((connections(&out), code), (200, Some(0)));
    // A bound that is just reached is none.
    assert_eq!(read(&packed, &["--max-unpacked", &len]), (out, Some(0)));
    let (out, code) = read(&packed, &["--max-unpacked", "20k"]);
    assert!(out.contains("\"code\":\"archive-bomb\"") && out.contains("--max-unpacked allows more"), "{out}");
    assert!(connections(&out) < 200 && !out.contains("\"packets\":0,") && code == Some(5), "{code:?}");
}

/// What is written, packed.
fn gzip(write: impl Fn(&mut dyn Write)) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    write(&mut encoder);
    encoder.finish().unwrap()
}

/// A time of the capture as the help writes it.
fn time(nanoseconds: i64) -> String {
    assert_eq!(nanoseconds % SECOND, 0);
    let seconds = nanoseconds / SECOND;
    if seconds > 0 && seconds % 3600 == 0 { format!("{}h", seconds / 3600) } else { format!("{seconds}s") }
}

/// Every flag with the default that the engine has.
fn defaults() -> Vec<(&'static str, String)> {
    let limits = Limits::default();
    let Limits { head, depth, fragments, .. } = &limits;
    let inflate = &depth.inflate;
    vec![
        ("max-connections", limits.connections.to_string()),
        ("max-flows", limits.flows.to_string()),
        ("mem-total", bytes(limits.memory)),
        ("max-mem", "half of the free memory, at least 512MiB".to_owned()),
        ("mem-limit", "none".to_owned()),
        ("max-unpacked", "256MiB plus 250 times the compressed size".to_owned()),
        ("mem-stream", bytes(limits.held_bytes)),
        ("max-segments", limits.held_pieces.to_string()),
        ("wait-packets", limits.wait_packets.to_string()),
        ("wait-time", time(limits.wait_time.0)),
        ("hole-time", time(limits.hole_time.0)),
        ("max-header", bytes(head.bytes as u64)),
        ("max-header-lines", head.headers.to_string()),
        ("max-requests", limits.requests.to_string()),
        ("keep", bytes(depth.keep)),
        ("max-inflate", bytes(inflate.message)),
        ("max-ratio", inflate.ratio.to_string()),
        ("max-drain", bytes(inflate.drain)),
        ("max-fragments", depth.fragments.to_string()),
        ("mem-fragments", bytes(fragments.bytes as u64)),
        ("max-datagrams", fragments.datagrams.to_string()),
        ("fragment-time", time(fragments.age.0)),
        ("mem-datagrams", bytes(fragments.kept as u64)),
        ("half-open-time", time(limits.half_open_idle.0)),
        ("idle-time", time(limits.idle.0)),
        ("websocket-time", time(limits.idle_websocket.0)),
        ("calm", limits.calm.to_string()),
        ("max-listed", limits.listed.to_string()),
        ("max-findings", limits.findings.to_string()),
    ]
}

#[test]
fn the_help_and_the_document_say_what_the_bounds_are() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows: Vec<(&str, String)> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `--"))
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            (cells.next().unwrap().trim_end_matches('`'), cells.next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(rows, defaults());
    for command in ["read", "check", "stats", "story"] {
        let output = Command::new(env!("CARGO_BIN_EXE_wslens")).args([command, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        // Each option's text in one line.
        let section = help.split("\nLimits:\n").nth(1).unwrap_or_else(|| panic!("{command}: {help}"));
        let section = section.split("\n\n\n").next().unwrap();
        let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
        for (flag, default) in defaults() {
            let text = words.split("--").find(|text| text.split(' ').next() == Some(flag));
            let text = text.unwrap_or_else(|| panic!("{command} has no --{flag}"));
            let said = text.split("[default: ").nth(1).and_then(|rest| rest.split([']', ';']).next());
            assert_eq!(said, Some(default.as_str()), "{command} --{flag}: {text}");
        }
    }
}
