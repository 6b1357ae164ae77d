//! Heads of the opening handshake that the capture lacks: what is certain is read, the rest is told.

use std::collections::HashMap;

use crate::compare::{all_of, none_false};
use crate::read::{Output, read};
use crate::support::forge::{
    C2S, Conversation, DeflateSpec, PcapFormat, S2C, Script, Split, accept_of, pcap,
};

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

/// Both ports are such that the client is the lower end.
fn upside_down() -> Conversation {
    Conversation::new("10.0.0.1:3000", "10.0.0.2:9000")
}

fn chat(talk: Conversation) -> Conversation {
    talk.text(C2S, "what is new?").text(S2C, "nothing at all").text(C2S, "good").closed(1000)
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460)).acked()
}

fn output(script: &Script) -> Output {
    read(pcap(&script.packets(), PcapFormat::default()))
}

fn errors(output: &Output) -> Vec<&str> {
    output
        .kind("finding")
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

#[test]
fn frames_begin_where_the_101_says_that_the_lost_request_ended() {
    for talk in [chat(talk()), chat(upside_down())] {
        let script = script(&talk);
        let request = script.data(C2S)[0];
        let output = output(&script.lose(request));
        all_of(&output, &[&talk]).unwrap();
        assert_eq!(errors(&output), ["tcp-gap"]);
        assert_eq!(output.findings("request-missing").len(), 1);
        assert_eq!(output.summary()["gap_bytes"], talk.upgraded_at[0]);
        assert_eq!(output.connections()[0]["client"], talk.client.to_string());
    }
}

#[test]
fn frames_of_a_capture_that_begins_with_the_101_are_read() {
    for talk in [chat(talk()), chat(upside_down()), chat(talk().deflate(DeflateSpec::default()))] {
        let script = script(&talk);
        let response = script.data(S2C)[0];
        let output = output(&script.begin_at(response));
        all_of(&output, &[&talk]).unwrap();
        assert_eq!(errors(&output), Vec::<&str>::new());
        assert_eq!(output.findings("request-missing").len(), 1);
        assert_eq!(output.connections()[0]["client"], talk.client.to_string());
    }
}

#[test]
fn frames_behind_a_request_whose_answer_was_lost_but_acknowledged_are_read() {
    let long = (0..150).fold(talk(), |talk, i| talk.text(C2S, &format!("message {i}")));
    for talk in [chat(talk()), chat(upside_down()), long] {
        let script = script(&talk);
        let (server_data, url) = (script.data(S2C), format!("ws://{}/chat", talk.server));
        let output = output(&server_data.iter().rev().fold(script, |script, at| script.lose(*at)));
        let [connection] = &output.connections()[..] else { panic!("one connection") };
        assert_eq!(connection["url"], url);
        let said: Vec<_> = output.said(1, "c2s");
        let sent: Vec<_> = talk.expected_of(C2S).collect();
        assert_eq!(said.len(), sent.len());
        for (message, sent) in said.iter().zip(sent) {
            assert_eq!((&*message.bytes, &*message.integrity), (&*sent.bytes, "guessed"));
        }
        assert_eq!(output.said(1, "s2c").len(), 0);
        assert_eq!(output.findings("response-missing").len(), 1);
        assert_eq!(errors(&output), ["tcp-gap"]);
    }
}

#[test]
fn the_101_answers_the_upgrade_although_an_answer_before_it_was_lost() {
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere";
    let talk = chat(talk().http_before(ask, answer).http_before(ask, answer).http_before(ask, answer));
    let script = script(&talk);
    let lost = script.data(S2C)[0];
    let output = output(&script.lose(lost));
    all_of(&output, &[&talk]).unwrap();
    assert_eq!(errors(&output), ["tcp-gap"]);
}

#[test]
fn frames_lost_with_the_request_are_told_and_none_is_made_up() {
    let talk =
        talk().text(C2S, "lost too").text(C2S, "in the middle of something").text(S2C, "aha").closed(1000);
    let (script, heads) = (script(&talk), talk.upgraded_at[0] as u64);
    let output = output(&script.lose_bytes(C2S, 0..heads + 3));
    none_false(&output, &[&talk]).unwrap();
    assert_eq!(errors(&output), ["tcp-gap", "desynchronised"]);
    assert_eq!(output.said(1, "s2c").len(), 2);
    // What follows is found again.
    assert_eq!(output.said(1, "c2s").iter().filter(|m| m.integrity == "guessed").count(), 2);
}

#[test]
fn what_is_left_of_a_request_in_part_lost_is_no_frame() {
    let talk = chat(talk());
    let half = talk.upgraded_at[0] / 2;
    let cuts: Vec<usize> = [half]
        .into_iter()
        .chain(talk.frames.iter().filter(|f| f.dir == C2S).map(|f| f.at as usize))
        .collect();
    let script = Script::new(&talk, &Split::Cuts([cuts, vec![]])).acked();
    let first = script.data(C2S)[0];
    let output = output(&script.lose(first));
    all_of(&output, &[&talk]).unwrap();
    assert_eq!(errors(&output), ["tcp-gap"]);
    assert_eq!(output.summary()["gap_bytes"], half);
}

#[test]
fn early_frames_behind_a_lost_request_are_told_and_those_after_the_101_are_read() {
    let talk = talk().request_now().text(C2S, "too early").response_now().text(C2S, "in time").closed(1000);
    let script = script(&talk);
    let request = script.data(C2S)[0];
    let output = output(&script.lose(request));
    none_false(&output, &[&talk]).unwrap();
    assert_eq!(errors(&output), ["tcp-gap", "desynchronised"]);
    assert_eq!(output.said(1, "c2s").iter().map(|m| &m.bytes[..]).collect::<Vec<_>>()[0], b"in time");
}

#[test]
fn frames_lost_between_a_request_and_a_late_101_are_told() {
    // The 101 stands behind a body of which a part is lost, so both holes are given up at the same time.
    let talk = talk()
        .http_before(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        .bytes(S2C, b"body")
        .text(C2S, "lost")
        .text(C2S, "not lost")
        .text(S2C, "aha")
        .closed(1000);
    let script = script(&talk);
    let lost = talk.expected[0].at..talk.expected[0].at + 2;
    let body = script.data(S2C)[1];
    let output = output(&script.lose(body).lose_bytes(C2S, lost));
    none_false(&output, &[&talk]).unwrap();
    assert_eq!(errors(&output), ["tcp-gap", "tcp-gap", "desynchronised"]);
    assert_eq!(output.said(1, "s2c").len(), 2);
}

#[test]
fn a_client_that_speaks_late_is_read_although_its_request_is_long_given_up() {
    let other = Conversation::new("10.0.0.7:50000", "10.0.0.2:80");
    let other = (0..5000).fold(other, |talk, _| talk.text(S2C, "tick")).no_close();
    let talk = talk().text(C2S, "late").text(C2S, "later").closed(1000);
    let script_of = |talk: &Conversation| Script::new(talk, &Split::Writes(1460));
    let script = script_of(&talk);
    let request = script.data(C2S)[0];
    let mut packets = script.lose(request).packets();
    let after = packets.split_off(4);
    // The ticks of another connection come between the 101 and the first frame.
    let all = [packets, script_of(&other).packets(), after].concat();
    let output = read(pcap(&all, PcapFormat::default()));
    let said: Vec<Vec<u8>> =
        output.messages().into_iter().filter(|m| m.dir == "c2s" && m.op == "text").map(|m| m.bytes).collect();
    assert_eq!(said, [b"late".to_vec(), b"later".to_vec()]);
    assert_eq!(output.findings("tcp-gap").len(), 1);
    assert_eq!(output.summary()["gap_bytes"], talk.upgraded_at[0]);
}

/// A page whose body quotes an answer, and an upgrade that is refused later.
fn page(quote: &str) -> Conversation {
    let body = format!("{}{quote}", "x".repeat(1000));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let talk = talk();
    talk.bytes(C2S, b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        .request_now()
        .bytes(S2C, head.as_bytes())
        .bytes(S2C, &body.as_bytes()[..1000])
        .bytes(S2C, quote.as_bytes())
        .bytes(S2C, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn a_101_quoted_in_a_body_opens_nothing_after_a_loss() {
    let other = accept_of("dGhlIHNhbXBsZSBub25jZQ==");
    let full = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {other}\r\n\r\n"
    );
    for quote in
        ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 101\r\nUpgrade: websocket\r\n\r\n", &full]
    {
        let talk = page(quote);
        let script = script(&talk);
        let head = script.data(S2C)[0];
        let output = output(&script.lose(head));
        assert_eq!(output.connections()[0]["state"], "unanswered", "{quote}");
        assert_eq!(output.frames().len(), 0);
    }
}

#[test]
fn the_right_answer_to_the_key_opens_the_websocket_after_a_loss() {
    let talk = chat(talk().http_before(
        b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\na body!",
    ));
    let script = script(&talk);
    let page = script.data(S2C)[0];
    let output = output(&script.lose(page));
    all_of(&output, &[&talk]).unwrap();
}

#[test]
fn a_101_to_a_lost_request_behind_a_loss_of_the_server_is_a_guess_and_says_so() {
    let talk = chat(talk().http_before(
        b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\na body!",
    ));
    let script = script(&talk);
    let (page, request) = (script.data(S2C)[0], script.data(C2S)[1]);
    let output = output(&script.lose(request).lose(page));
    let said = output.said(1, "c2s");
    assert_eq!(said.iter().filter(|message| message.op == "text").count(), 2);
    assert!(said.iter().all(|message| message.integrity == "guessed"), "{said:?}");
    none_false(&output, &[&talk]).unwrap();
}

/// A long message of the client, its Close, the server's: who is said to have closed when a part of these is lost?
fn closed_by(lost: impl Fn(&Conversation) -> (wslens::model::Direction, std::ops::Range<u64>)) -> Output {
    let talk = talk().binary(C2S, &[7; 4000]).close(C2S, 4000, "client").close(S2C, 4001, "server");
    let (dir, range) = lost(&talk);
    output(&script(&talk).lose_bytes(dir, range))
}

#[test]
fn the_first_close_is_the_first_in_the_capture_not_the_first_to_be_read() {
    let output = closed_by(|talk| (C2S, talk.expected[0].end - 100..talk.expected[0].end - 99));
    let close = &output.connections()[0]["close"];
    assert_eq!(
        (&close["by"], &close["code"], &close["clean"]),
        (&"client".into(), &4000.into(), &true.into())
    );
    let [mismatch] = output.findings("close-code-mismatch")[..] else { panic!("one finding") };
    assert_eq!(mismatch["dir"], "s2c");
    assert_eq!(mismatch["text"], "Close 4000 is answered with 4001");
}

#[test]
fn who_closed_first_is_unknown_where_the_other_close_may_be_lost() {
    let output = closed_by(|talk| (C2S, talk.expected[0].at..talk.expected[0].at + 1));
    assert_eq!(output.connections()[0]["close"]["by"], "unknown");
    let output = closed_by(|talk| (C2S, 0..talk.stream(C2S).len() as u64));
    assert_eq!(output.connections()[0]["close"]["by"], "unknown");
    let output = closed_by(|talk| (S2C, talk.expected[2].at..talk.expected[2].end));
    assert_eq!(output.connections()[0]["close"]["by"], "unknown");
    let output = closed_by(|_| (C2S, 0..0));
    assert_eq!(output.connections()[0]["close"]["by"], "client");
}

#[test]
fn an_ip_length_beyond_its_packet_is_told_and_is_no_loss() {
    let talk = chat(talk());
    let script = script(&talk);
    let first = script.piece_at(C2S, talk.expected[0].at);
    let mut packets = script.packets();
    let total = u16::from_be_bytes([packets[first].bytes[16], packets[first].bytes[17]]) + 71;
    packets[first].bytes[16..18].copy_from_slice(&total.to_be_bytes());
    let output = read(pcap(&packets, PcapFormat::default()));
    all_of(&output, &[&talk]).unwrap();
    assert_eq!(output.codes(), ["packet-malformed"]);
}

#[test]
fn after_a_loss_messages_keep_their_packets_and_their_place_among_those_of_the_other_side() {
    let mut talk = talk();
    for i in 0..12 {
        talk = talk.text(S2C, &format!("question {i}")).text(C2S, &format!("answer {i}"));
    }
    let talk = talk.closed(1000);
    // Times in which nothing, or everything, is given up while the capture goes on.
    for step in [1_000, 10_000_000, 1_000_000_000] {
        let script = script(&talk).clock(1_767_225_600_000_000_000, step);
        let whole = output(&script);
        for lost in [2, 5] {
            for dir in [S2C, C2S] {
                let piece = script.data(dir)[lost];
                let output = output(&script.clone().lose(piece));
                // Messages in the order of their packets, and one packet fewer from the loss on.
                let packets = |output: &Output| {
                    output.kind("message").map(|m| m["last_packet"].as_u64().unwrap()).collect::<Vec<_>>()
                };
                let (all, found) = (packets(&whole), packets(&output));
                assert!(found.is_sorted(), "{found:?}");
                assert_eq!(found.len(), all.len() - 1);
                // What answers a message has a higher number, but for the two frames that tell where frames begin again: they
                // are read together.
                let numbers: HashMap<&str, u64> = output
                    .kind("message")
                    .filter_map(|m| Some((m["text"].as_str()?, m["msg"].as_u64()?)))
                    .collect();
                for i in (0..12).filter(|i| dir == S2C || *i != lost + 1) {
                    let number = |what: &str| numbers.get(&*format!("{what} {i}"));
                    if let (Some(question), Some(answer)) = (number("question"), number("answer")) {
                        assert!(question < answer, "{i} {dir:?} {lost} {step}: {numbers:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn frames_of_a_client_that_does_not_mask_are_found_again_after_a_loss() {
    let mut talk = talk().masks(C2S, false);
    for i in 0..8 {
        talk = talk.text(C2S, &format!("number {i} of some"));
    }
    let talk = talk.closed(1000);
    let script = script(&talk);
    let lost = script.data(C2S)[3];
    let output = output(&script.lose(lost));
    let said: Vec<Vec<u8>> = output.said(1, "c2s").into_iter().map(|message| message.bytes).collect();
    assert_eq!(said.len(), 8);
    assert_eq!(said[2], b"number 3 of some");
}
