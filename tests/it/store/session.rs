//! A session while it reads, waits, stops, is asked, and when its file changes.

use std::fs;
use std::io::{self, Read};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use wslens::capture::{self, Capture, Input};
use wslens::model::{Bytes as _, Flags};
use wslens::pipeline::Limits;
use wslens::store::detail::{Detail, LoadError, Request};
use wslens::store::{Options, Reading, Session};

use super::{load_message, session, straight};
use crate::support::forge::{
    C2S, Conversation, Link, Packet, PcapFormat, S2C, Script, Split, interleave, ipv4_fragments, pcap,
};

/// A capture of one WebSocket with so many messages of 40 bytes.
fn long_talk(messages: usize) -> Vec<u8> {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    for n in 0..messages {
        let dir = if n % 3 == 0 { C2S } else { S2C };
        talk = talk.text(dir, &format!("message {n:08} of an ordinary length, 40."));
    }
    pcap(&Script::new(&talk.closed(1000), &Split::Writes(1460)).packets(), PcapFormat::default())
}

/// A pipe that gives what it is sent.
pub struct Pipe(pub Receiver<Vec<u8>>, pub Vec<u8>);

impl Read for Pipe {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            let Ok(bytes) = self.0.recv() else { return Ok(0) };
            self.1 = bytes;
        }
        let n = to.len().min(self.1.len());
        to[..n].copy_from_slice(&self.1[..n]);
        self.1.drain(..n);
        Ok(n)
    }
}

/// Waits until something is so.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_came_through_a_pipe_shows_while_the_pipe_waits_and_can_be_loaded() {
    let file = long_talk(200);
    let (send, receive) = std::sync::mpsc::channel();
    let half = file.len() / 2;
    send.send(file[..half].to_vec()).unwrap();
    let how = capture::Options { keep: true, ..capture::Options::default() };
    let capture = Capture::from_reader_with(Box::new(Pipe(receive, vec![])), &how).unwrap();
    let mut session = Session::read(capture, Options::default()).unwrap();
    // The pipe gives nothing more: all that came shows.
    let before = straight(&file[..half], &Limits::default()).messages.len();
    until(|| {
        session.version();
        session.index().messages(1).len() == before
    });
    assert_eq!(session.progress().state, Reading::Reading);
    let detail = load_message(&session, 1, before as u64);
    assert!(detail.bytes.starts_with(format!("message {:08}", before - 1).as_bytes()));
    send.send(file[half..].to_vec()).unwrap();
    drop(send);
    session.wait();
    let progress = session.progress();
    assert_eq!((progress.state, progress.total, progress.trouble), (Reading::Done, None, None));
    assert!(progress.kept >= file.len() as u64 && progress.done == file.len() as u64);
    assert_eq!(session.index().messages(1).len(), 202);
    let detail = load_message(&session, 1, 200);
    assert!(detail.whole && detail.bytes.starts_with(b"message 00000199"));
}

#[test]
fn reading_stops_and_goes_on() {
    let file = long_talk(2000);
    let (send, receive) = std::sync::mpsc::channel();
    send.send(file[..file.len() / 2].to_vec()).unwrap();
    let capture = Capture::from_reader(Box::new(Pipe(receive, vec![]))).unwrap();
    let mut session = Session::read(capture, Options::default()).unwrap();
    until(|| {
        session.version();
        session.index().messages(1).len() > 500
    });
    session.stop();
    assert_eq!(session.progress().state, Reading::Stopped);
    send.send(file[file.len() / 2..].to_vec()).unwrap();
    drop(send);
    let version = session.version();
    // What was read stays, and what it holds was not kept: this pipe runs through a ring.
    assert!(session.index().messages(1).len() > 500 && session.index().summary.is_none());
    let request = Request::Message { connection: 1, message: 3 };
    assert!(matches!(session.load(&request), Err(LoadError::Gone)));
    session.resume();
    session.wait();
    assert!(session.version() > version);
    assert_eq!(session.index().messages(1).len(), 2002);
}

#[test]
fn the_newest_request_of_a_kind_is_answered() {
    let session = session(&long_talk(300));
    for message in 1..=300 {
        session.ask(Request::Message { connection: 1, message });
    }
    session.ask(Request::Tcp { connection: 1 });
    session.ask(Request::Frame { connection: 1, frame: 7 });
    let (mut answers, mut last) = (vec![], false);
    until(|| {
        for (request, answer) in session.answers() {
            last |= request == Request::Message { connection: 1, message: 300 };
            answers.push(answer.unwrap());
        }
        last && answers.len() >= 3
    });
    assert!(answers.iter().any(|answer| matches!(answer, Detail::Frame(frame) if frame.number == 7)));
    let tcp = answers.iter().find_map(|answer| if let Detail::Tcp(tcp) = answer { Some(tcp) } else { None });
    let flags: Vec<u8> = tcp.unwrap().packets.iter().map(|packet| packet.flags.0 & 0x17).collect();
    assert_eq!(flags[..3], [Flags::SYN, Flags::SYN | Flags::ACK, Flags::ACK]);
    assert_eq!(flags[3..].iter().filter(|flags| **flags & Flags::FIN != 0).count(), 2);
}

#[test]
fn a_file_that_was_cut_short_is_told_and_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), long_talk(100)).unwrap();
    let inputs = [Input::from(file.path().to_owned())];
    let mut session = Session::open(&inputs, Options::default()).unwrap();
    session.wait();
    assert!(load_message(&session, 1, 50).whole);
    file.as_file().set_len(5000).unwrap();
    let request = Request::Message { connection: 1, message: 50 };
    let Err(LoadError::Changed(text)) = session.load(&request) else { panic!("it was cut") };
    assert!(text.ends_with("was cut short to 5000 bytes after it was opened"), "{text}");
    let scan = session.scan(None, |_, _| true);
    until(|| scan.progress().over);
    assert!(scan.progress().trouble.is_some() && scan.found().is_empty());
    // Removing its name takes nothing away.
    let mut session = {
        fs::write(file.path(), long_talk(100)).unwrap();
        Session::open(&inputs, Options::default()).unwrap()
    };
    file.close().unwrap();
    session.wait();
    assert!(load_message(&session, 1, 50).whole);
}

#[test]
fn a_file_that_is_not_mapped_is_kept_while_it_is_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = long_talk(100);
    fs::write(file.path(), &bytes).unwrap();
    let options = Options { no_mmap: true, ..Options::default() };
    let mut session = Session::open(&[Input::from(file.path().to_owned())], options).unwrap();
    session.wait();
    let progress = session.progress();
    let len = bytes.len() as u64;
    assert_eq!((progress.done, progress.total, progress.kept), (len, Some(len), len));
    file.as_file().set_len(0).unwrap();
    assert!(load_message(&session, 1, 50).whole);
}

/// Three connections at the same time; `piece` makes several packets of one.
fn three(piece: impl Fn(Packet) -> Vec<Packet>) -> Vec<u8> {
    let talks = (0..3u16).map(|n| {
        let talk = Conversation::new(&format!("10.0.1.{n}:{}", 50_000 + n), "10.0.0.2:80");
        let say = |talk: Conversation, i: usize| {
            let text = format!("{n}: {i} ").repeat(i * 10);
            talk.text(if i.is_multiple_of(2) { C2S } else { S2C }, &text)
        };
        (0..20).fold(talk, say).closed(1000)
    });
    let scripts = talks.map(|talk| {
        let packets = Script::new(&talk, &Split::Writes(1460)).packets();
        packets.into_iter().flat_map(&piece).collect::<Vec<_>>()
    });
    pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default())
}

#[test]
fn a_slice_of_one_connection_reads_as_that_connection() {
    for fragments in [false, true] {
        let file = three(|packet| {
            if fragments && packet.bytes.len() > 700 { ipv4_fragments(&packet, 400) } else { vec![packet] }
        });
        let session = session(&file);
        let view = session.bytes();
        let packets = session.packets_of(2).unwrap();
        let total = packets.total() as usize;
        let slice: Vec<Packet> = packets
            .map(|packet| {
                let bytes = view.bytes(packet.bytes).unwrap().to_vec();
                Packet {
                    time: packet.time.0,
                    wire_len: packet.wire_len as usize,
                    bytes,
                    link: Link::Ethernet,
                }
            })
            .collect();
        assert!(
            if fragments { slice.len() > total } else { slice.len() == total },
            "{} of {total}",
            slice.len()
        );
        let alone = straight(&pcap(&slice, PcapFormat::default()), &Limits::default());
        let client = "50001";
        let index = session.index();
        assert!(index.connection(2).unwrap().client.to_string().ends_with(client));
        let all = index.messages(2).len();
        drop(index);
        let own: Vec<_> = alone.messages.iter().filter(|(conn, ..)| *conn == alone.messages[0].0).collect();
        assert_eq!(own.len(), all);
        for (_, number, said) in own {
            assert_eq!(load_message(&session, 2, *number).bytes, said.bytes);
        }
    }
}
