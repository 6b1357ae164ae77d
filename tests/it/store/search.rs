//! A search looks at every message once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use wslens::store::{Options, Scan};

use super::{captures, crowd, dense, session_with, straight};
use crate::read::config;
use crate::support::forge::{PcapFormat, pcap};
use crate::support::strategy::{plans, splits};

/// Waits for a search, and gives what it found.
fn finish(scan: &Scan) -> Vec<(u32, u64)> {
    while !scan.progress().over {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(scan.progress().trouble, None);
    scan.found()
}

/// A search looks at every message once, with the bytes that it has.
fn a_search_is_right(bytes: &[u8], options: &Options) {
    let session = session_with(bytes, options.clone());
    let straight = straight(bytes, &options.limits);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let scan = session.scan(None, move |connection, message| {
        assert!(connection.handshake.request.is_some() || connection.request.is_none());
        let mut seen = told.lock().unwrap();
        seen.push((connection.id.0, message.number, message.bytes.to_vec(), connection.url.clone()));
        message.number % 2 == 0
    });
    let mut found = finish(&scan);
    let url = |conn| session.index().connection(conn).unwrap().url.clone();
    let said = straight.messages.iter().filter(|(.., said)| said.whole);
    let mut said: Vec<_> =
        said.map(|(conn, number, said)| (*conn, *number, said.bytes.clone(), url(*conn))).collect();
    let mut seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), straight.messages.len());
    // What is over the straight run's bound is more here.
    seen.retain(|(conn, number, ..)| said.iter().any(|(c, n, ..)| (c, n) == (conn, number)));
    seen.sort();
    said.sort();
    assert!(seen == said);
    let even = straight.messages.iter().map(|(conn, number, _)| (*conn, *number)).filter(|(_, n)| n % 2 == 0);
    let mut even: Vec<_> = even.collect();
    found.sort();
    even.sort();
    assert_eq!(found, even);
    let first = session.index().connections.first().map(|row| row.id.0);
    if let Some(first) = first {
        let mut found = finish(&session.scan(Some(vec![first]), |_, _| true));
        found.sort();
        let mut own: Vec<_> = straight
            .messages
            .iter()
            .map(|(conn, n, _)| (*conn, *n))
            .filter(|(conn, _)| *conn == first)
            .collect();
        own.sort();
        assert_eq!(found, own);
    }
}

#[test]
fn a_search_of_any_capture_sees_every_message() {
    for (_, bytes) in captures() {
        a_search_is_right(&bytes, &Options::default());
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn a_search_of_a_crowd_sees_every_message(
        plans in proptest::collection::vec((plans(), splits()), 2..6), seed: u64, patience in 1..200u64,
    ) {
        let file = pcap(&crowd(&plans, seed), PcapFormat::default());
        let mut options = dense();
        (options.limits.wait_packets, options.limits.wait_time) = (patience, wslens::model::Nanos::milliseconds(1));
        a_search_is_right(&file, &options);
    }
}
