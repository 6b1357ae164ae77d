//! The room against a folder of real captures, where there is one.

use std::io::Read;
use std::path::{Path, PathBuf};

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use super::*;
use crate::model::Time;

/// The corpus folder, or `None` with a word about it.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("WSLENS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    if folder.join("MANIFEST.md").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no corpus (set WSLENS_CORPUS)");
    None
}

/// Hands every packet of a capture file to `each`, with addresses as if all lay in one buffer.
fn read(path: &Path, mut each: impl FnMut(&PacketRef, &[u8])) -> Option<()> {
    let mut raw = std::fs::read(path).ok()?;
    if raw.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut plain).ok()?;
        raw = plain;
    }
    let len = raw.len();
    let mut reader = create_reader(len.max(65_536) * 2, raw.as_slice()).ok()?;
    let (mut links, mut link, mut number, mut at) = (Vec::new(), 0, 0, 0);
    let mut refilled = false;
    loop {
        let (used, packet) = match reader.next() {
            Ok((used, block)) => {
                let found = match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        link = header.network.0 as u16;
                        None
                    }
                    PcapBlockOwned::Legacy(block) => {
                        let time = i64::from(block.ts_sec) * 1_000_000_000 + i64::from(block.ts_usec) * 1000;
                        Some((link, time, block.origlen, block.data.to_vec()))
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                        links.clear();
                        None
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
                        links.push((block.linktype.0 as u16, block.if_tsresol));
                        None
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
                        links.get(block.if_id as usize).map(|(link, resolution)| {
                            let ticks = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
                            let unit = if *resolution == 9 { 1 } else { 1000 };
                            let data = block.data[..block.caplen as usize].to_vec();
                            (*link, (ticks as i64).wrapping_mul(unit), block.origlen, data)
                        })
                    }
                    PcapBlockOwned::NG(Block::SimplePacket(block)) => {
                        links.first().map(|(link, _)| (*link, 0, block.origlen, block.data.to_vec()))
                    }
                    PcapBlockOwned::NG(_) => None,
                };
                (used, found)
            }
            // The buffer holds the file, so what is incomplete now stays so after one more turn.
            Err(PcapError::Incomplete(_)) if !refilled => (0, None),
            Err(_) => return Some(()),
        };
        refilled = used == 0;
        if refilled {
            reader.refill().ok()?;
        }
        reader.consume(used);
        if let Some((link, time, wire_len, data)) = packet {
            number += 1;
            let bytes = Span { start: at, len: data.len() as u32 };
            let wire_len = wire_len.max(bytes.len);
            each(&PacketRef { number, time: Time(time), bytes, wire_len, link: LinkType(link) }, &data);
            at += u64::from(bytes.len);
        }
    }
}

/// What a capture file holds: segments with the number of their packet, skipped packets, findings.
#[derive(Default)]
struct Contents {
    segments: Vec<(u64, Segment)>,
    skipped: Vec<(u64, Skip)>,
    findings: Vec<Finding>,
}

fn contents(path: &Path) -> Contents {
    let mut contents = Contents::default();
    let mut decoder = Decoder::new(&FragmentLimits::default());
    let _ = read(path, |packet, bytes| {
        match decoder.decode(packet, bytes) {
            Ok(segment) => contents.segments.push((packet.number, segment)),
            Err(skip) => contents.skipped.push((packet.number, skip)),
        }
        contents.findings.extend(decoder.take_findings());
    });
    decoder.end();
    contents.findings.extend(decoder.take_findings());
    contents
}

/// The rows of the manifest: a file, and how many TCP packets tshark finds in it.
fn manifest(folder: &Path) -> Vec<(PathBuf, usize)> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.split('`').next()?.to_owned();
        let tcp = cells.nth(3)?.split(" / ").next()?.parse().ok()?;
        Some((folder.join(name), tcp))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn every_tcp_packet_of_the_corpus_becomes_a_segment() {
    let Some(folder) = corpus() else { return };
    let rows = manifest(&folder);
    assert!(rows.len() > 100, "the manifest has {} rows", rows.len());
    for (path, expected) in rows {
        let found = contents(&path).segments.len();
        assert_eq!(found, expected, "{}", path.display());
    }
}

#[test]
fn the_corpus_holds_no_malformed_packet_but_those_made_for_that() {
    let Some(folder) = corpus() else { return };
    for (path, _) in manifest(&folder) {
        // Its one packet ends where IPv6 says that an extension header follows, and was captured whole.
        let made = path.ends_with("zeek+zeek/ip6-ext-trunc.pcap");
        let findings: Vec<_> = contents(&path).findings.into_iter().map(|finding| finding.text).collect();
        assert_eq!(findings.len(), usize::from(made), "{}: {findings:?}", path.display());
    }
}

/// One line for each TCP packet, as tshark prints them; `None`, with a word about it, where there is no tshark.
fn tshark(path: &Path) -> Option<String> {
    let fields = ["frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.len"];
    let run = std::process::Command::new("tshark")
        .args(["-n", "-o", "tcp.desegment_tcp_streams:FALSE", "-Y", "tcp"])
        .args(["-T", "fields", "-E", "occurrence=l"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(path)
        .output();
    if run.is_err() {
        eprintln!("skipped: no tshark");
    }
    String::from_utf8(run.ok()?.stdout).ok()
}

/// The same lines from this room.
fn ours(path: &Path) -> String {
    let line = |(number, s): &(u64, Segment)| {
        let (from, to) = (s.source.port, s.destination.port);
        format!("{number}\t{from}\t{to}\t{}\t{}\t{}\n", s.seq, s.ack, s.claimed_len)
    };
    contents(path).segments.iter().map(line).collect()
}

#[test]
fn segments_are_those_that_tshark_sees() {
    let Some(folder) = corpus() else { return };
    // One for each kind of encapsulation, fragments, offload and cut packets.
    let names = [
        "arkime+arkime/gre-erspan-vxlan.pcap",
        "arkime+arkime/tcpdump-geneve.pcap",
        "arkime+arkime/80211http.pcap",
        "arkime+arkime/nflog.pcap",
        "zeek+zeek/Teredo.pcap",
        "zeek+zeek/mixed-vlan-mpls.pcap",
        "zeek+zeek/pppoe-over-qinq.pcap",
        "zeek+zeek/ipv6-http-atomic-frag.pcap",
        "zeek+zeek/truncated-header.pcap",
        "seladb+PcapPlusPlus/frag_http_req.pcap",
        "seladb+PcapPlusPlus/pcapng-example.pcapng",
        "seladb+PcapPlusPlus/raw_ip.pcap",
        "the-tcpdump-group+tcpdump/bigtcp-ipv6-hbh.pcap",
        "the-tcpdump-group+tcpdump/ipv4_tcp_http_xml_tso.pcap",
        "the-tcpdump-group+tcpdump/mptcp-v1.pcap",
    ];
    for name in names {
        let path = folder.join(name);
        let Some(theirs) = tshark(&path) else { return };
        assert_eq!(ours(&path), theirs, "{name}");
    }
}

/// A pcapng file (draft-ietf-opsawg-pcapng) with one interface and one packet for each of `packets`.
fn pcapng(packets: &[(&'static str, u16, Vec<u8>)]) -> Vec<u8> {
    let block = |kind: u32, mut body: Vec<u8>| {
        body.resize(body.len().next_multiple_of(4), 0);
        let len = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes(), &len[..], &body, &len].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut file = block(0x0a0d_0d0a, words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    for (_, link, _) in packets {
        file.extend(block(1, words(&[u32::from(*link), 0])));
    }
    for (interface, (_, _, bytes)) in packets.iter().enumerate() {
        let len = bytes.len() as u32;
        file.extend(block(6, [words(&[interface as u32, 0, 0, len, len]), bytes.clone()].concat()));
    }
    file
}

#[test]
fn tshark_finds_the_same_segment_in_every_encapsulation() {
    for ip in [packets::ip4_tcp(packets::PAYLOAD), packets::ip6_tcp(packets::PAYLOAD)] {
        let all = packets::encapsulations(&ip);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pcapng(&all)).unwrap();
        let Some(theirs) = tshark(file.path()) else { return };
        let names: Vec<_> = (1..).zip(&all).map(|(number, (name, ..))| (number, *name)).collect();
        let missing: Vec<_> =
            names.iter().filter(|(n, _)| !theirs.lines().any(|l| l.starts_with(&format!("{n}\t")))).collect();
        assert!(missing.is_empty(), "tshark sees no TCP in {missing:?}");
        assert_eq!(ours(file.path()), theirs);
    }
}
