//! Bytes that are missing or damaged.

use proptest::prelude::*;

use super::super::Locked;
use super::openssl::{Case, cases};
use super::{Out, TestPiece, feed, keys, whole};
use crate::model::Direction;
use Direction::{ClientToServer, ServerToClient};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

/// The records of the server, in order: each with its type.
fn records(case: &Case, direction: Direction) -> Vec<Vec<u8>> {
    let all: Vec<u8> = case.flights.iter().filter(|f| f.0 == direction).flat_map(|f| f.1.clone()).collect();
    let (mut records, mut rest) = (Vec::new(), &all[..]);
    while !rest.is_empty() {
        let len = 5 + usize::from(rest[3]) * 256 + usize::from(rest[4]);
        records.push(rest[..len].to_vec());
        rest = &rest[len..];
    }
    records
}

/// The conversation with the server's records as `change` leaves them, after all that the client sent.
fn with_server(case: &Case, change: impl Fn(usize, Vec<u8>) -> TestPiece) -> Out {
    let mut pieces: Vec<TestPiece> = records(case, ClientToServer)
        .into_iter()
        .map(|record| TestPiece::Bytes(ClientToServer, record))
        .collect();
    let server = records(case, ServerToClient).into_iter().enumerate();
    pieces.extend(server.map(|(number, record)| change(number, record)));
    feed(&keys(&case.log), &pieces).1
}

fn codes(out: &Out) -> Vec<&str> {
    out.findings.iter().map(|f| f.0).collect()
}

const NAMES: [&str; 4] = [
    "1.3 with records of 512 bytes",
    "1.3 TLS_AES_128_CCM_8_SHA256",
    "1.2 ECDHE-ECDSA-CHACHA20-POLY1305",
    "1.2 ECDHE-ECDSA-AES128-SHA256",
];

/// What comes behind the first record of application data that the server sent, and its number.
fn first_data(case: &Case) -> usize {
    let (_, out) = feed(&keys(&case.log), &whole(&case.flights));
    let number = out.records.iter().find(|r| r.0 == ServerToClient).unwrap().1;
    number as usize - 1
}

#[test]
fn a_damaged_record_is_lost_and_the_next_one_is_read() {
    for name in NAMES {
        let case = case(name);
        let at = first_data(&case);
        let out = with_server(&case, |number, mut record| {
            if number == at {
                record[9] ^= 1;
            }
            TestPiece::Bytes(ServerToClient, record)
        });
        assert_eq!(codes(&out), ["tls-record-damaged"], "{name}");
        let lost = out.lost[0];
        assert_eq!((out.lost.len(), lost.records, lost.at), (1, Some(1), 0), "{name}");
        let rest = &out.bytes.s2c[..];
        assert!(case.wrote.s2c.ends_with(rest) && !rest.is_empty(), "{name}");
        if !name.contains("SHA256") || name.contains("1.3") {
            assert_eq!(lost.len as usize + rest.len(), case.wrote.s2c.len(), "{name}");
        }
        // It is the server's first: it might be a ticket.
        assert!(!lost.exact, "{name}");
    }
}

#[test]
fn missing_records_are_counted_by_the_number_that_the_next_one_proves() {
    for name in NAMES {
        let case = case(name);
        let at = first_data(&case);
        let out = with_server(&case, |number, record| {
            if (at..at + 2).contains(&number) {
                TestPiece::Gap(ServerToClient, record.len() as u64)
            } else {
                TestPiece::Bytes(ServerToClient, record)
            }
        });
        assert_eq!(codes(&out), ["tls-records-lost"], "{name}");
        assert_eq!(out.lost[0].records, Some(2), "{name}");
        let rest = &out.bytes.s2c[..];
        assert!(case.wrote.s2c.ends_with(rest) && !rest.is_empty(), "{name}");
        if !name.contains("SHA256") || name.contains("1.3") || name.contains("CHACHA") {
            assert_eq!(out.lost[0].len as usize + rest.len(), case.wrote.s2c.len(), "{name}");
        }
    }
}

#[test]
fn a_hole_inside_a_record_costs_that_record() {
    let case = case(NAMES[0]);
    let at = first_data(&case);
    let mut pieces: Vec<TestPiece> = records(&case, ClientToServer)
        .into_iter()
        .map(|record| TestPiece::Bytes(ClientToServer, record))
        .collect();
    for (number, record) in records(&case, ServerToClient).into_iter().enumerate() {
        if number == at {
            let end = record.len();
            pieces.push(TestPiece::Bytes(ServerToClient, record[..20].to_vec()));
            pieces.push(TestPiece::Gap(ServerToClient, 7));
            pieces.push(TestPiece::Bytes(ServerToClient, record[27..end].to_vec()));
        } else {
            pieces.push(TestPiece::Bytes(ServerToClient, record));
        }
    }
    let (_, out) = feed(&keys(&case.log), &pieces);
    assert_eq!((codes(&out), out.lost[0].records), (vec!["tls-record-damaged"], Some(1)));
    assert_eq!(out.lost[0].len as usize + out.bytes.s2c.len(), case.wrote.s2c.len());
}

#[test]
fn a_change_of_keys_in_a_hole_is_found() {
    let case = case("1.3 with KeyUpdates");
    let (_, all) = feed(&keys(&case.log), &whole(&case.flights));
    // The client's first words under new keys, and the KeyUpdate before them.
    let text = b"after a key update";
    let before = case.wrote.c2s.windows(text.len()).position(|w| w == text).unwrap() as u64;
    let mut offset = 0;
    let record = all.records.iter().filter(|r| r.0 == ClientToServer).find(|_| {
        offset += 1;
        let wrote: usize = all.records.iter().filter(|r| r.0 == ClientToServer).take(offset - 1).count();
        wrote == 4
    });
    let (number, at) = (record.unwrap().1 as usize - 1, before);
    assert!(at > 0);
    let mut pieces = Vec::new();
    let mut seen = 0;
    for (direction, bytes) in &case.flights {
        if *direction == ServerToClient {
            pieces.push(TestPiece::Bytes(*direction, bytes.clone()));
            continue;
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let len = 5 + usize::from(rest[3]) * 256 + usize::from(rest[4]);
            let (record, behind) = rest.split_at(len);
            // The KeyUpdate is the record before.
            if (number - 1..=number).contains(&seen) {
                pieces.push(TestPiece::Gap(ClientToServer, len as u64));
            } else {
                pieces.push(TestPiece::Bytes(ClientToServer, record.to_vec()));
            }
            (seen, rest) = (seen + 1, behind);
        }
    }
    let (_, out) = feed(&keys(&case.log), &pieces);
    assert_eq!(codes(&out), ["tls-records-lost"]);
    assert_eq!((out.lost.len(), out.lost[0].records), (1, None));
    assert_eq!(out.bytes.c2s.len() + text.len(), case.wrote.c2s.len());
    assert!(out.bytes.s2c == case.wrote.s2c);
}

#[test]
fn a_lost_hello_is_told() {
    let case = case("1.3 TLS_AES_128_GCM_SHA256");
    let mut pieces = whole(&case.flights);
    let TestPiece::Bytes(_, hello) = &pieces[0] else { unreachable!() };
    pieces[0] = TestPiece::Gap(ClientToServer, hello.len() as u64);
    let (_, out) = feed(&keys(&case.log), &pieces);
    assert_eq!((codes(&out), out.bytes.s2c.len()), (vec!["tls-lost"], 0));
}

#[test]
fn a_lost_certificate_of_tls_1_2_does_not_hide_what_follows() {
    for name in ["1.2 ECDHE-ECDSA-AES128-GCM-SHA256", "1.3 TLS_CHACHA20_POLY1305_SHA256"] {
        let case = case(name);
        let mut first = true;
        let pieces: Vec<TestPiece> = case
            .flights
            .iter()
            .flat_map(|(direction, bytes)| {
                let whole = TestPiece::Bytes(*direction, bytes.clone());
                if *direction == ServerToClient && std::mem::take(&mut first) {
                    // From the middle of its flight on.
                    let (head, tail) = bytes.split_at(200);
                    vec![
                        TestPiece::Bytes(*direction, head.to_vec()),
                        TestPiece::Gap(*direction, tail.len() as u64),
                    ]
                } else {
                    vec![whole]
                }
            })
            .collect();
        let (_, out) = feed(&keys(&case.log), &pieces);
        assert!(out.bytes.s2c == case.wrote.s2c, "{name} {:?}", out.findings);
        assert!(out.bytes.c2s == case.wrote.c2s, "{name} {:?}", out.findings);
    }
}

#[test]
fn a_wrong_secret_gives_nothing_out() {
    let case = case("1.3 TLS_AES_128_GCM_SHA256");
    let log = case.log.replace('a', "b");
    let random = &case.log.split(' ').nth(1).unwrap();
    let wrong: String = log
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let (label, _, secret) = (words.next().unwrap(), words.next(), words.next().unwrap());
            format!("{label} {random} {secret}\n")
        })
        .collect();
    let (_, out) = feed(&keys(&wrong), &whole(&case.flights));
    assert_eq!((out.bytes.c2s.len(), out.bytes.s2c.len()), (0, 0));
    assert!(codes(&out).contains(&"tls-record-damaged"), "{:?}", out.findings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_is_lost_or_damaged_nothing_is_invented(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<prop::sample::Index>()), 1..6),
        cut in 50usize..1500,
    ) {
        let cases = cases();
        let case = which.get(&cases);
        let mut pieces: Vec<TestPiece> = case.flights.iter().flat_map(|(direction, bytes)| {
            bytes.chunks(cut).map(|part| TestPiece::Bytes(*direction, part.to_vec())).collect::<Vec<_>>()
        }).collect();
        for (at, how, place) in &damage {
            let at = at.index(pieces.len());
            if let TestPiece::Bytes(direction, bytes) = &mut pieces[at]
                && !bytes.is_empty()
            {
                match how {
                    0 => { let place = place.index(bytes.len()); bytes[place] ^= 0x55; }
                    1 => pieces[at] = TestPiece::Gap(*direction, bytes.len() as u64),
                    _ => {
                        let place = place.index(bytes.len());
                        let (direction, head, len) = (*direction, bytes[..place].to_vec(), bytes.len() - place);
                        pieces[at] = TestPiece::Bytes(direction, head);
                        pieces.insert(at + 1, TestPiece::Gap(direction, len as u64));
                    }
                }
            }
        }
        let (stream, out) = feed(&keys(&case.log), &pieces);
        for direction in Direction::BOTH {
            // Only the server's flight says that early data was rejected: without it, that is read, and reported.
            if case.name.contains("rejected") && codes(&out).contains(&"tls-early-data") {
                continue;
            }
            // Each record's content stands in what was written, in order.
            let (got, wrote) = (out.bytes.of(direction), case.wrote.of(direction));
            let mut rest = &wrote[..];
            for byte in got {
                let Some(at) = rest.iter().position(|b| b == byte) else {
                    return Err(TestCaseError::fail(format!("{} {direction:?}: invented", case.name)));
                };
                rest = &rest[at + 1..];
            }
            if got.len() < wrote.len() {
                let told = !out.findings.is_empty() || stream.locked() == Some(Locked::NotTls);
                prop_assert!(told, "{}: lost silently", case.name);
            }
        }
    }

    #[test]
    fn any_bytes_are_taken(
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200), 0u64..50), 0..20),
        begin in any::<bool>(),
    ) {
        let case = case("1.3 TLS_AES_128_GCM_SHA256");
        let mut all: Vec<TestPiece> = if begin { whole(&case.flights)[..3].to_vec() } else { vec![] };
        for (client, bytes, gap) in pieces {
            let direction = if client { ClientToServer } else { ServerToClient };
            let mut framed = vec![23, 3, 3, 0, bytes.len() as u8];
            framed.extend(&bytes);
            all.push(TestPiece::Bytes(direction, if gap % 2 == 0 { bytes } else { framed }));
            if gap > 25 {
                all.push(TestPiece::Gap(direction, gap));
            }
        }
        let _ = feed(&keys(&case.log), &all);
    }
}
