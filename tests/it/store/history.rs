//! What goes on for hours is kept to its bound: the oldest goes, and what is left is as it was.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use wslens::capture::live::Live;
use wslens::capture::{self, Capture};
use wslens::store::detail::{LoadError, Release, Request};
use wslens::store::{Options, Reading, Session};

use super::session::{Pipe, until};
use super::{load_message, straight};
use crate::support::endless::{Made, Talker};
use crate::support::forge::{C2S, Conversation, DeflateSpec, PcapFormat, S2C, Script, Split, pcap};

const MB: usize = 1 << 20;

/// Kept as `wslens -` keeps it, and bounded.
fn open(reader: impl std::io::Read + Send + 'static, memory: usize) -> Session {
    let how = capture::Options { keep: true, ..capture::Options::default() };
    let capture = Capture::from_reader_with(Box::new(reader), &how).unwrap();
    Session::read(capture, Options { memory: Some(memory), ..Options::default() }).unwrap()
}

/// Messages of a long test: debug builds are slow.
fn many() -> u64 {
    if cfg!(debug_assertions) { 400_000 } else { 4_000_000 }
}

#[test]
fn millions_of_messages_stay_within_the_bound_and_keep_their_numbers() {
    let memory = 8 * MB;
    let most = Arc::new(AtomicU64::new(0));
    let mut talker = Talker::new(100_000);
    let mut start = Talker::header();
    (0..3).for_each(|_| talker.open(&mut start));
    let count = many();
    let mut session = open(
        Made::new(start, move |out: &mut Vec<u8>| {
            while talker.messages < count && out.len() < 60_000 {
                // Most of it is in one of them; one says next to nothing.
                let n = talker.messages;
                talker.message_in(
                    out,
                    if n.is_multiple_of(10_000) { 2 } else { usize::from(n.is_multiple_of(10)) },
                    60,
                );
            }
        }),
        memory,
    );
    while session.progress().state == Reading::Reading {
        let progress = session.progress();
        most.fetch_max(progress.memory.map_or(0, |(used, _)| used), Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    session.wait();
    let index = session.index();
    assert_eq!(index.messages, count);
    // A batch comes between two looks at it.
    assert!(most.load(Ordering::Relaxed) < (memory + 3 * MB) as u64, "{most:?}");
    assert!(session.trail_size() + index.size() < memory + 3 * MB, "{}", session.trail_size() + index.size());
    assert!(index.released.messages > count / 2 && index.released.turns > 3, "{:?}", index.released);
    let messages = index.messages(1);
    let (first, last) = (messages.released(), messages.len());
    assert!(first > 0 && first < last && last > (count / 10 * 8) as usize);
    assert!(messages.get(first - 1).is_none() && messages.get(first).is_some());
    // Previews and details are those of that message.
    let number = |at: usize| {
        let text = String::from_utf8(index.preview(1, at as u64 + 1).to_vec()).unwrap();
        text.get(5..15).and_then(|number| number.parse::<u64>().ok())
    };
    let samples: Vec<(usize, u64)> = (first..last)
        .step_by(((last - first) / 20).max(1))
        .filter_map(|at| Some((at, number(at)?)))
        .collect();
    assert!(samples.len() > 10 && samples.is_sorted_by_key(|(_, n)| *n));
    // All of them end at about the same time.
    let oldest = |connection| index.messages(connection).iter().next().map(|row| row.time);
    let apart = oldest(1).unwrap().since(oldest(2).unwrap()).0.abs();
    let reach = messages.last().unwrap().time.since(oldest(1).unwrap()).0;
    assert!(apart < reach / 4, "{apart} of {reach}");
    drop(index);
    let mut loaded = 0;
    for (at, n) in samples.iter().skip(2) {
        let detail = load_message(&session, 1, *at as u64 + 1);
        let text = String::from_utf8(detail.bytes.clone()).unwrap();
        assert!(text.contains(&format!("{n:010}")) && detail.whole && detail.frames[0].pieces.len() == 1);
        loaded += 1;
    }
    assert!(loaded > 8);
    let gone = session.load(&Request::Message { connection: 1, message: 7 });
    assert!(matches!(gone, Err(LoadError::Released(Release::Row))), "{gone:?}");
    let gone = session.load(&Request::Frame { connection: 1, frame: 7 });
    assert!(matches!(gone, Err(LoadError::Released(Release::Row))), "{gone:?}");
    let unknown = session.load(&Request::Message { connection: 1, message: last as u64 + 1 });
    assert!(matches!(unknown, Err(LoadError::Unknown(_))));
}

#[test]
fn connections_long_past_go_and_those_that_are_open_stay() {
    let memory = 4 * MB;
    let mut talker = Talker::new(1_000_000);
    let mut start = Talker::header();
    (0..3).for_each(|_| talker.open(&mut start));
    let rounds = if cfg!(debug_assertions) { 6000 } else { 30_000 };
    let mut round = 0;
    let mut session = open(
        Made::new(start, move |out: &mut Vec<u8>| {
            // The oldest of three ends, another begins.
            while round < rounds && out.len() < 60_000 {
                round += 1;
                (0..6).for_each(|_| talker.message(out, 100));
                talker.open(out);
                talker.close(out);
            }
        }),
        memory,
    );
    session.wait();
    let index = session.index();
    assert!(session.trail_size() + index.size() < memory + 2 * MB);
    assert!(index.released.connections > rounds / 2, "{:?}", index.released);
    assert_eq!(index.connections.len() as u64 + index.released.connections, rounds + 3);
    assert!(index.connection(1).is_none() && index.messages(1).is_empty());
    // What is listed is found by its number, and is the latest.
    for row in &index.connections {
        assert_eq!(index.connection(row.id.0).unwrap().id, row.id);
    }
    assert!(index.connections.iter().map(|row| u64::from(row.id.0)).min().unwrap() > rounds / 2);
    let last = index.connections.last().unwrap().id.0;
    assert!(
        index
            .connections
            .iter()
            .filter(|row| row.state.is_none_or(|s| s == wslens::pipeline::State::Open))
            .count()
            >= 3
    );
    drop(index);
    let gone = session.load(&Request::Tcp { connection: 1 });
    assert!(matches!(gone, Err(LoadError::Unknown(_))));
    assert!(session.load(&Request::Tcp { connection: last }).is_ok());
}

#[test]
fn a_file_keeps_all_unless_it_is_bounded() {
    let mut file = Talker::header();
    let mut talker = Talker::new(1000);
    talker.open(&mut file);
    (0..60_000).for_each(|_| talker.message(&mut file, 30));
    let read = |memory| {
        let capture = Capture::from_bytes(file.clone()).unwrap();
        let mut session = Session::read(capture, Options { memory, ..Options::default() }).unwrap();
        session.wait();
        session
    };
    let session = read(None);
    assert_eq!((session.index().messages(1).released(), session.memory()), (0, None));
    let session = read(Some(MB));
    assert!(session.index().messages(1).released() > 10_000);
}

/// A long conversation whose messages are compressed with what came before.
fn compressed(messages: usize) -> Vec<u8> {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(DeflateSpec::default());
    let talk = (0..messages).fold(talk, |talk, n| {
        let dir = if n % 3 == 0 { C2S } else { S2C };
        talk.text(dir, &format!("message {n:08} that is like the ones before it"))
    });
    pcap(&Script::new(&talk.no_close(), &Split::Writes(1460)).packets(), PcapFormat::default())
}

#[test]
fn compressed_messages_are_read_from_a_later_checkpoint_or_not_at_all() {
    let file = compressed(40_000);
    let wanted = straight(&file, &wslens::pipeline::Limits::default()).messages;
    let options = Options { memory: Some(2 * MB), interval: 1000, ..Options::default() };
    let how = capture::Options { keep: true, ..capture::Options::default() };
    let capture = Capture::from_reader_with(Box::new(std::io::Cursor::new(file)), &how).unwrap();
    let mut session = Session::read(capture, options).unwrap();
    session.wait();
    let (first, last) = {
        let index = session.index();
        (index.messages(1).released() as u64 + 1, index.messages(1).len() as u64)
    };
    assert!(first > 5000 && session.trail_size() < 2 * MB);
    let (mut there, mut gone) = (0, 0);
    for number in (first..=last).step_by(97).chain([last]) {
        match session.load(&Request::Message { connection: 1, message: number }) {
            Ok(wslens::store::Detail::Message(detail)) => {
                assert_eq!(detail.bytes, wanted[number as usize - 1].2.bytes);
                there += 1;
            }
            Err(LoadError::Released(Release::Before)) => gone += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(there > gone * 4, "{there} can be read, {gone} not");
    load_message(&session, 1, last);
}

#[test]
fn a_message_whose_packets_are_gone_says_so_and_nothing_false() {
    // Two files of 64 MiB are kept.
    let count = 3600;
    let mut talker = Talker::new(1000);
    let mut start = Talker::header();
    talker.open(&mut start);
    let made = Made::new(start, move |out: &mut Vec<u8>| {
        while talker.messages < count && out.len() < 60_000 {
            talker.message(out, 60_000);
        }
    });
    let how = capture::Options { keep: true, room: 128 << 20, ..capture::Options::default() };
    let capture = Capture::from_reader_with(Box::new(made), &how).unwrap();
    let mut session = Session::read(capture, Options::default()).unwrap();
    session.wait();
    let evicted = |message: u64| {
        let index = session.index();
        index.is_evicted(index.messages(1).get(message as usize - 1).unwrap())
    };
    assert!(evicted(1) && !evicted(count - 1));
    // Each of them reads a part of the capture again: debug builds are slow.
    const STEP: usize = 199;
    let (mut there, mut gone) = (0, 0);
    for message in (1..count).step_by(STEP).filter(|message| message % 100 != 0) {
        match session.load(&Request::Message { connection: 1, message }) {
            Ok(wslens::store::Detail::Message(detail)) => {
                let text = String::from_utf8(detail.bytes.clone()).unwrap();
                assert!(text.contains(&format!("{message:010}")) && text.len() >= 60_000);
                assert!(detail.whole && !detail.frames[0].pieces.is_empty());
                assert!(detail.frames[0].pieces.iter().all(|piece| !piece.packet.bytes.is_empty()));
                there += 1;
            }
            Err(LoadError::Released(Release::Packets | Release::Before)) => {
                assert!(there == 0, "the oldest go first");
                gone += 1;
            }
            other => panic!("{message}: {other:?}"),
        }
    }
    assert!(there > 4 && gone > 4, "{there} are there, {gone} gone");
    // A search says that it did not see all.
    let scan = session.scan(None, |_, _| true);
    until(|| scan.progress().over);
    let found = scan.found().len() as u64;
    assert!(found < count && found > (there - 1) * STEP as u64, "{found}");
}

#[test]
fn a_live_capture_is_stopped_and_what_waits_is_read() {
    let mut file = Talker::header();
    let mut talker = Talker::new(1000);
    talker.open(&mut file);
    (0..1000).for_each(|_| talker.message(&mut file, 50));
    let (send, receive) = mpsc::channel();
    let half = file.len() / 2;
    send.send(file[..half].to_vec()).unwrap();
    let live = Live::default();
    live.update(|status| {
        status.interfaces = vec!["lo".to_owned()];
        status.losses.kernel = 3;
    });
    let capture = Capture::from_reader(Box::new(Pipe(receive, vec![]))).unwrap();
    let mut session = Session::read_live(capture, Some(live.clone()), Options::default()).unwrap();
    until(|| {
        session.version();
        session.index().messages(1).len() > 400
    });
    assert_eq!(session.progress().live.unwrap().losses.kernel, 3);
    assert!(session.progress().packets > 400, "a quiet link does not hold back how many there were");
    session.stop();
    assert!(live.is_to_stop() && session.progress().state == Reading::Reading);
    send.send(file[half..].to_vec()).unwrap();
    drop(send);
    session.wait();
    assert_eq!((session.progress().state, session.index().messages(1).len()), (Reading::Done, 1000));
}

#[test]
fn a_quiet_link_is_not_waited_for() {
    let (send, receive) = mpsc::channel();
    let mut file = Talker::header();
    Talker::new(1000).open(&mut file);
    send.send(file).unwrap();
    let live = Live::default();
    let capture = Capture::from_reader(Box::new(Pipe(receive, vec![]))).unwrap();
    let session = Session::read_live(capture, Some(live.clone()), Options::default()).unwrap();
    drop(session);
    assert!(live.is_to_stop());
    drop(send);
}
