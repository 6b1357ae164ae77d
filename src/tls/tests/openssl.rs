//! Conversations of OpenSSL with itself: `openssl.txt`, made by `tests/peers/tls_vectors.py`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use super::super::{EarlyData, suite_name, version_name};
use super::{Flights, TestPiece, feed, keys, whole, without_keys};
use crate::model::{Direction, PerDirection};

/// One of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) facts: &'static str,
    pub(super) log: String,
    pub(super) flights: Flights,
    pub(super) wrote: PerDirection<Vec<u8>>,
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("openssl.txt").lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = || BASE64_STANDARD.decode(rest).unwrap();
        if mark == "==" {
            cases.push(Case { name: rest, ..Case::default() });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match mark {
            ":" => case.facts = rest,
            "k" => case.log.push_str(&format!("{rest}\n")),
            ">" => case.flights.push((Direction::ClientToServer, bytes())),
            "<" => case.flights.push((Direction::ServerToClient, bytes())),
            "c" => case.wrote.c2s = bytes(),
            "s" => case.wrote.s2c = bytes(),
            _ => unreachable!("{line}"),
        }
    }
    cases
}

#[test]
fn every_suite_and_every_turn_of_a_handshake_is_read() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in cases {
        let (stream, out) = feed(&keys(&case.log), &whole(&case.flights));
        assert_eq!(stream.locked(), None, "{} {:?}", case.name, out.findings);
        assert_eq!(
            String::from_utf8_lossy(&out.bytes.c2s),
            String::from_utf8_lossy(&case.wrote.c2s),
            "{}",
            case.name
        );
        assert!(out.bytes.s2c == case.wrote.s2c, "{}", case.name);
        let expected: &[&str] = match case.name {
            "1.3 with early data" => &["tls-early-data"],
            name if name.ends_with("renegotiated") => &["tls-renegotiated"],
            _ => &[],
        };
        assert_eq!(
            out.findings.iter().map(|f| f.0).collect::<Vec<_>>(),
            expected,
            "{} {:?}",
            case.name,
            out.findings
        );
        assert!(out.lost.is_empty(), "{}", case.name);
        for direction in Direction::BOTH {
            assert!(stream.is_closed(direction), "{} {direction:?}", case.name);
        }

        let info = stream.info();
        let mut facts = format!("{:04x} {}", info.version.unwrap(), suite_name(info.suite.unwrap()));
        for (fact, is) in [
            ("extended", info.extended_master_secret),
            ("etm", info.encrypt_then_mac),
            ("retried", info.retried),
            ("resumed", info.resumed),
            ("renegotiated", info.renegotiated),
            ("accepted", info.early_data == EarlyData::Accepted),
            ("rejected", info.early_data == EarlyData::Rejected),
        ] {
            if is {
                facts.push(' ');
                facts.push_str(fact);
            }
        }
        assert_eq!(facts, case.facts, "{}", case.name);
        assert_eq!(info.server_name.as_deref(), Some(&b"wss.example"[..]));
        // OpenSSL does not offer any again when it renegotiates.
        let offered = if info.renegotiated { vec![] } else { vec![b"http/1.1".to_vec(), b"h2".to_vec()] };
        assert_eq!(info.alpn_offered, offered, "{}", case.name);
        let early = case.name == "1.3 without handshake secrets";
        assert_eq!(
            info.alpn.as_deref(),
            Some(&b"http/1.1"[..]).filter(|_| !early && !info.renegotiated),
            "{}",
            case.name
        );
        assert!(version_name(info.version.unwrap()).starts_with("TLS 1."));
    }
}

/// RFC 7918: the client does not wait for the server's Finished.
#[test]
fn a_false_start_is_read() {
    let mut tried = 0;
    for mut case in cases().into_iter().filter(|case| case.name.starts_with("1.2 ECDHE")) {
        use Direction::{ClientToServer as C, ServerToClient as S};
        let order: Vec<Direction> = case.flights.iter().take(5).map(|(direction, _)| *direction).collect();
        if order != [C, S, C, S, C] || case.name.ends_with("renegotiated") {
            continue;
        }
        case.flights.swap(3, 4);
        let (stream, out) = feed(&keys(&case.log), &whole(&case.flights));
        assert_eq!(stream.locked(), None, "{} {:?}", case.name, out.findings);
        assert!(out.bytes.c2s == case.wrote.c2s && out.bytes.s2c == case.wrote.s2c, "{}", case.name);
        assert!(out.findings.is_empty() && out.lost.is_empty(), "{} {:?}", case.name, out.findings);
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn without_secrets_the_handshake_still_says_what_it_says() {
    for case in cases() {
        let stream = without_keys(&case.flights);
        let info = stream.info();
        assert_eq!(info.server_name.as_deref(), Some(&b"wss.example"[..]));
        assert!(case.facts.starts_with(&format!(
            "{:04x} {}",
            info.version.unwrap(),
            suite_name(info.suite.unwrap())
        )));
        // Both show in the hellos.
        let resumed = case.facts.split(' ').any(|fact| fact == "resumed");
        assert_eq!(info.resumed, resumed, "{}", case.name);
        for direction in Direction::BOTH {
            assert!(stream.shape(direction).records >= 4, "{} {:?}", case.name, stream.shape(direction));
        }
    }
}

#[test]
fn a_late_server_is_waited_for() {
    for case in cases() {
        // All of the client's bytes first: nobody could have read them so.
        let mut pieces = whole(&case.flights);
        pieces.sort_by_key(|piece| matches!(piece, TestPiece::Bytes(Direction::ServerToClient, _)));
        if case.name.contains("renegotiated") || case.name.contains("HelloRetry") {
            continue;
        }
        let (_, out) = feed(&keys(&case.log), &pieces);
        assert_eq!(
            String::from_utf8_lossy(&out.bytes.c2s),
            String::from_utf8_lossy(&case.wrote.c2s),
            "{}",
            case.name
        );
        assert!(out.bytes.s2c == case.wrote.s2c, "{}", case.name);
    }
}

/// Cuts flights anywhere.
fn cut(flights: &Flights, cuts: &[usize]) -> Vec<TestPiece> {
    let mut cuts = cuts.iter().cycle();
    let mut pieces = Vec::new();
    for (direction, bytes) in flights {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            pieces.push(TestPiece::Bytes(*direction, piece.to_vec()));
            rest = behind;
        }
    }
    pieces
}

#[test]
fn byte_by_byte_it_is_the_same() {
    for case in cases() {
        let (_, at_once) = feed(&keys(&case.log), &whole(&case.flights));
        let (_, bytewise) = feed(&keys(&case.log), &cut(&case.flights, &[1]));
        assert!(at_once.bytes == bytewise.bytes && at_once.findings == bytewise.findings, "{}", case.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_gives_the_same_plaintext(which in any::<prop::sample::Index>(), cuts in prop::collection::vec(1usize..2000, 1..30)) {
        let cases = cases();
        let case = which.get(&cases);
        let pieces = cut(&case.flights, &cuts);
        let (stream, out) = feed(&keys(&case.log), &pieces);
        prop_assert_eq!(&out.bytes.c2s, &case.wrote.c2s);
        prop_assert_eq!(&out.bytes.s2c, &case.wrote.s2c);
        prop_assert!(out.lost.is_empty() && stream.locked().is_none());
        // Each record has the packets that its bytes came in.
        let mut at = PerDirection { c2s: 0u64, s2c: 0u64 };
        let ranges: Vec<_> = pieces.iter().map(|piece| {
            let TestPiece::Bytes(direction, bytes) = piece else { unreachable!() };
            let from = *at.of(*direction);
            *at.of_mut(*direction) += bytes.len() as u64;
            (*direction, from, from + bytes.len() as u64)
        }).collect();
        for (direction, _, start, len, first, arrival) in out.records {
            let (owner, from, to) = ranges[first as usize - 1];
            prop_assert!(owner == direction && (from..to).contains(&start));
            let (owner, from, to) = ranges[arrival as usize - 1];
            let end = start + len as u64;
            // Or a later packet of the other direction, which it had to wait for.
            prop_assert!(owner != direction || (from < end && end <= to) || arrival > first);
        }
    }
}
