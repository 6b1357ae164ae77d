//! Connections whose opening handshake is not in the capture, in whole or in part: recognised by what they are, and
//! nothing else is taken for one.

use proptest::prelude::*;
use wslens::capture::Capture;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};
use wslens::store::detail::{Detail, Request};

use crate::compare::{heard, sent};
use crate::read::{Output, config, keep_all, read, read_as};
use crate::store::session;
use crate::support::forge::{
    BINARY, C2S, Conversation, DeflateSpec, PING, PcapFormat, Rng, S2C, Script, Split, interleave, pcap,
};
use crate::support::noise;
use crate::support::strategy::{deflate_specs, splits};

/// Something of everything.
fn chat(talk: Conversation) -> Conversation {
    talk.text(C2S, "{\"subscribe\":\"prices\"}")
        .text(S2C, "{\"ok\":true}")
        .ping(S2C, b"are you there")
        .pong(C2S, b"are you there")
        .message(S2C, BINARY, &[7; 200])
        .text(C2S, "{\"unsubscribe\":\"prices\"}")
        .text(S2C, "{\"ok\":true,\"again\":1}")
        .closed(1000)
}

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:9001")
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460)).acked()
}

fn file(script: &Script) -> Vec<u8> {
    pcap(&script.packets(), PcapFormat::default())
}

/// The codes of what is more than a note.
fn codes(output: &Output) -> Vec<&str> {
    let mut codes = output.codes();
    codes.retain(|code| *code != "tcp-out-of-order");
    codes.sort_unstable();
    codes
}

fn limited(file: Vec<u8>, limits: Limits) -> Output {
    read_as(Capture::from_bytes(file).unwrap(), limits, Levels::ALL, PayloadMode::Full)
}

/// Whether all that is read was sent, in order; gives how many messages of how many that the capture has whole.
fn true_ones(output: &Output, talk: &Conversation, script: &Script) -> (usize, usize) {
    let mut count = 0;
    for dir in [C2S, S2C] {
        let mut told = talk.expected_of(dir).map(sent);
        for message in output.said(1, dir.name()) {
            assert_ne!(message.integrity, "damaged", "{message:?}");
            assert!(message.integrity != "ok" || output.connections()[0]["status"] == 101);
            if !["ok", "guessed"].contains(&&*message.integrity) {
                assert!(!message.as_text, "{message:?}");
                continue;
            }
            let said = heard(&message);
            assert!(told.any(|one| one == said), "never sent: {said:?}");
            count += 1;
        }
    }
    (count, script.whole(talk).len())
}

#[test]
fn a_connection_is_recognised_from_any_frame_on_and_at_any_port() {
    for port in [80, 443, 9001] {
        let talk = chat(Conversation::new("10.0.0.1:50000", &format!("10.0.0.2:{port}")));
        let whole = script(&talk);
        for begin in 0..4 {
            let script =
                whole.clone().begin_at(whole.piece_at(talk.expected[begin].dir, talk.expected[begin].at));
            let output = read(file(&script));
            let (found, all) = true_ones(&output, &talk, &script);
            assert_eq!(found, all, "from message {begin} on");
            assert_eq!(output.codes(), ["tcp-midstream"]);
            let connection = output.connections()[0];
            assert_eq!((&connection["midstream"], &connection["state"]), (&true.into(), &"closed".into()));
            assert_eq!(connection["client"], talk.client.to_string());
            assert!(connection["evidence"].as_str().unwrap().contains("masked frames"), "{connection}");
            let text = output.findings("tcp-midstream")[0]["text"].as_str().unwrap();
            assert!(text.contains(connection["evidence"].as_str().unwrap()));
        }
    }
}

#[test]
fn the_roles_are_those_of_the_masks_whichever_end_is_lower() {
    let talk = chat(Conversation::new("10.0.0.9:50000", "10.0.0.2:300"));
    let script = script(&talk).no_syn();
    let begin = script.piece_at(S2C, talk.expected[1].at);
    let output = read(file(&script.begin_at(begin)));
    assert_eq!(output.connections()[0]["client"], talk.client.to_string());
    assert_eq!(output.said(1, "c2s").iter().filter(|m| m.op == "text").count(), 1);
    // The round trip is that of the packets.
    let pong = output.kind("message").find(|m| m["op"] == "pong").unwrap();
    assert!(pong["rtt"].as_f64().unwrap() > 0.0 && pong["rtt"].as_f64().unwrap() < 0.01, "{pong}");
}

#[test]
fn a_frame_whose_beginning_came_before_the_capture_is_skipped_and_counted() {
    let talk = talk().binary(S2C, &Rng::new(1).bytes(20_000));
    let talk = chat(talk);
    let whole = script(&talk);
    let pieces = whole.data(S2C);
    let script = whole.clone().begin_at(pieces[4]);
    let output = read(file(&script));
    let (found, all) = true_ones(&output, &talk, &script);
    assert_eq!(found, all);
    assert!(output.connections()[0]["skipped_bytes"].as_u64().unwrap() > 10_000);
    assert_eq!(output.codes(), ["tcp-midstream"]);
}

#[test]
fn a_connection_that_is_idle_for_long_is_recognised_when_enough_came() {
    // Another one passes time, far more than is waited for a SYN.
    let busy =
        (0..9000).fold(Conversation::new("10.0.0.7:50000", "10.0.0.2:80"), |talk, _| talk.text(S2C, "tick"));
    let mut quiet = talk();
    for i in 0..20 {
        quiet = quiet.ping(S2C, &[i]).pong(C2S, &[i]);
    }
    let quiet = quiet.no_close();
    let calm = script(&quiet);
    let calm = calm
        .clone()
        .begin_at(calm.piece_at(S2C, quiet.expected[0].at))
        .clock(1_767_225_600_000_000_000, 100_000_000);
    let packets = interleave([calm.packets(), Script::new(&busy, &Split::Writes(1460)).packets()]);
    let output = read(pcap(&packets, PcapFormat::default()));
    let conn = output.connections().into_iter().find(|c| c["midstream"] == true).expect("recognised");
    let conn = conn["conn"].as_u64().unwrap();
    let mut all: Vec<_> = output.kind("message").filter(|m| m["conn"] == conn).collect();
    all.sort_by_key(|m| m["packet"].as_u64());
    assert_eq!(all.len(), 40);
    for (i, message) in all.iter().enumerate() {
        assert_eq!(message["op"], if i % 2 == 0 { "ping" } else { "pong" });
        assert_eq!(message["packet"], message["last_packet"], "each with its own packet");
    }
}

#[test]
fn a_bulk_message_of_the_server_does_not_hide_what_comes_after_it() {
    let talk = talk().binary(S2C, &Rng::new(3).bytes(3_000_000));
    let talk = (0..10).fold(talk, |talk, i| {
        talk.text(C2S, &format!("{{\"ask\":{i}}}")).text(S2C, &format!("{{\"say\":{i}}}"))
    });
    let whole = script(&talk);
    let script = whole.clone().begin_at(whole.data(S2C)[9]);
    let output = read(file(&script));
    let (found, _) = true_ones(&output, &talk, &script);
    assert!(found >= 18, "{found}");
}

#[test]
fn a_request_behind_the_end_of_something_else_opens_a_websocket() {
    let talk = talk().http_before(
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n",
    );
    let talk = chat(talk.bytes(S2C, &Rng::new(5).bytes(4000)));
    let whole = script(&talk);
    let script = whole.clone().begin_at(whole.data(S2C)[2]);
    let output = read(file(&script));
    assert_eq!(output.connections()[0]["status"], 101);
    assert_eq!(output.connections()[0]["midstream"], false);
    assert!(output.messages().iter().all(|message| message.integrity == "ok"));
    assert_eq!(output.messages().len(), 9);
}

#[test]
fn without_a_guess_nothing_is_guessed_and_a_named_port_takes_less() {
    let talk = talk().text(C2S, "just one").no_close();
    let whole = script(&talk);
    let thin = file(&whole.clone().begin_at(whole.piece_at(C2S, talk.expected[0].at)));
    assert_eq!(read(thin.clone()).connections().len(), 0);
    let named = Limits { ws_ports: vec![9001], ..keep_all() };
    let output = limited(thin, named.clone());
    assert_eq!(output.said(1, "c2s")[0].bytes, b"just one");
    let talk = chat(self::talk());
    let whole = script(&talk);
    let sure = file(&whole.clone().begin_at(whole.piece_at(C2S, talk.expected[0].at)));
    assert_eq!(limited(sure.clone(), Limits { guess: false, ..keep_all() }).connections().len(), 0);
    assert_eq!(read(sure).connections().len(), 1);
    // A connection that begins with frames, without any handshake.
    let mut bare = self::talk();
    let frame = |text: &str, key| crate::support::forge::Frame::new(1, text).masked(key).wire();
    bare =
        bare.bytes(C2S, &frame("hello there", [1, 2, 3, 4])).bytes(C2S, &frame("hello again", [9, 8, 7, 6]));
    let bare = file(&Script::new(&bare.no_close(), &Split::Writes(1460)));
    assert_eq!(read(bare.clone()).connections().len(), 0);
    assert_eq!(limited(bare, named).said(1, "c2s").len(), 2);
}

#[test]
fn one_direction_is_enough_where_it_says_enough() {
    let talk = (0..10).fold(talk(), |talk, i| {
        talk.text(C2S, &format!("{{\"ask\":{i},\"about\":\"prices\"}}"))
            .text(S2C, &format!("{{\"say\":{i},\"about\":\"prices\"}}"))
    });
    for dir in [C2S, S2C] {
        let whole = script(&talk);
        let script = whole.clone().begin_at(whole.piece_at(C2S, talk.expected[0].at));
        let script = script.with(|pieces| pieces.retain(|piece| piece.dir == dir));
        let output = read(file(&script));
        let (found, all) = true_ones(&output, &talk, &script);
        assert_eq!(found, all, "{}", dir.name());
        assert!(all >= 10);
        assert_eq!(codes(&output), ["tcp-midstream", "tcp-one-direction"]);
        assert_eq!(output.connections()[0]["client"], talk.client.to_string());
    }
}

#[test]
fn frames_behind_a_request_are_read_although_its_answer_is_lost() {
    for spec in [None, Some(DeflateSpec::default())] {
        let mut talk = talk();
        if let Some(spec) = spec {
            talk = talk.deflate(spec);
        }
        let talk = chat(talk);
        let whole = script(&talk);
        let lost = whole.clone().lose(whole.data(S2C)[0]);
        let output = read(file(&lost));
        let (found, all) = true_ones(&output, &talk, &lost);
        assert_eq!(found, if spec.is_some() { found } else { all });
        assert!(found >= 4, "{found}");
        assert_eq!(codes(&output), ["response-missing", "tcp-gap"]);
        assert_eq!(output.connections()[0]["midstream"], false);
        // The client alone.
        let alone = whole.with(|pieces| pieces.retain(|piece| piece.dir == C2S));
        let output = read(file(&alone));
        let (found, _) = true_ones(&output, &talk, &alone);
        assert!(found >= 2, "{found}: {:?}", output.lines);
        assert_eq!(codes(&output), ["response-missing", "tcp-one-direction"]);
    }
}

#[test]
fn frames_are_read_although_both_heads_are_lost() {
    let talk = chat(talk());
    let whole = script(&talk);
    let lost = whole.clone().lose_bytes(C2S, 0..talk.upgraded_at[0] as u64);
    let lost = lost.lose_bytes(S2C, 0..talk.upgraded_at[1] as u64);
    let output = read(file(&lost));
    let (found, all) = true_ones(&output, &talk, &lost);
    assert_eq!(found, all);
    assert_eq!(codes(&output), ["tcp-gap", "tcp-gap"]);
}

#[test]
fn a_syn_that_comes_late_in_the_file_is_waited_for() {
    let talk = chat(talk());
    let whole = script(&talk);
    let count = whole.pieces.len();
    let script = whole.shift(0, count - 1);
    let output = read(file(&script));
    assert_eq!(output.connections()[0]["status"], 101);
    assert!(output.messages().iter().all(|message| message.integrity == "ok"));
}

#[test]
fn details_of_a_guessed_connection_are_what_was_read() {
    let talk =
        chat(talk().deflate(DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() }));
    let whole = script(&talk);
    let script = whole.clone().begin_at(whole.piece_at(C2S, talk.expected[0].at));
    let bytes = file(&script);
    let output = read(bytes.clone());
    let session = session(&bytes);
    let mut seen = 0;
    for record in output.kind("message") {
        let (connection, message) = (1, record["msg"].as_u64().unwrap());
        let Ok(Detail::Message(detail)) = session.load(&Request::Message { connection, message }) else {
            panic!("a message")
        };
        assert_eq!(detail.integrity.name(), record["integrity"]);
        if let Some(text) = record["text"].as_str() {
            assert_eq!(detail.bytes, text.as_bytes());
        }
        assert_eq!(detail.frames[0].pieces[0].packet.packet.number, record["packet"].as_u64().unwrap());
        seen += 1;
    }
    assert!(seen >= 9);
}

#[test]
fn traffic_without_a_websocket_gives_none() {
    for kind in noise::KINDS {
        let output = read(noise::capture(kind, 77, 600_000));
        assert_eq!(output.connections().len(), 0, "{kind:?}: {:?}", output.connections());
        assert_eq!(output.frames().len(), 0, "{kind:?}");
        assert!(output.summary()["tcp_connections"].as_u64().unwrap() >= 15);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn whatever_is_said_from_anywhere_on_nothing_false_is_read(
        spec in proptest::option::of(deflate_specs()), seed: u64, split in splits(), begin in 0usize..30, count in 4usize..60,
    ) {
        let mut rng = Rng::new(seed);
        let mut talk = talk();
        if let Some(spec) = spec {
            talk = talk.deflate(spec);
        }
        for _ in 0..count {
            let dir = if rng.chance(1, 2) { C2S } else { S2C };
            let len = [5, 20, 60, 130, 700, 5000][rng.below(6) as usize];
            talk = match rng.below(8) {
                0 => talk.control(dir, PING, &rng.bytes(4)),
                1 | 2 => talk.message(dir, BINARY, &rng.bytes(len)),
                _ => talk.text(dir, &"price 1.25 ".repeat(len / 11 + 1)),
            };
        }
        let script = Script::new(&talk, &split).acked();
        let begin = (4 + begin).min(script.pieces.len() - 1);
        let script = script.begin_at(begin);
        let output = read(file(&script));
        true_ones(&output, &talk, &script);
    }
}

/// Clients that do not mask exist, and captures of them that begin late.
#[test]
fn a_client_that_does_not_mask_is_recognised_where_both_directions_tell() {
    let mut talk = talk().masks(C2S, false);
    for i in 0..6 {
        talk = talk.text(C2S, &format!("{{\"ask\":{i},\"about\":\"prices\"}}"));
        talk = talk.text(S2C, &format!("{{\"say\":{i},\"about\":\"prices\"}}"));
    }
    let talk = talk.closed(1000);
    let whole = script(&talk);
    for begin in 0..3 {
        let script =
            whole.clone().begin_at(whole.piece_at(talk.expected[begin].dir, talk.expected[begin].at));
        let output = read(file(&script));
        let (found, all) = true_ones(&output, &talk, &script);
        assert_eq!(found, all, "from message {begin} on");
        let connection = output.connections()[0];
        assert_eq!(connection["client"], talk.client.to_string());
        assert_eq!(
            connection["evidence"].as_str().unwrap().matches("unmasked frames").count(),
            2,
            "{connection}"
        );
        assert!(!output.findings("unmasked-client-frame").is_empty());
    }
}

#[test]
fn a_port_that_the_user_names_is_the_servers_and_its_client_need_not_mask() {
    // The server's port is the higher one.
    for (client, server) in [("10.0.0.1:50000", "10.0.0.2:9001"), ("10.0.0.1:3000", "10.0.0.2:9001")] {
        for masks in [true, false] {
            let talk = Conversation::new(client, server).masks(C2S, masks);
            let talk = talk.binary(C2S, &[1, 2, 3]).binary(S2C, &[4, 5]).binary(C2S, &[6]).no_close();
            let whole = script(&talk);
            let script = whole.clone().begin_at(whole.piece_at(C2S, talk.expected[0].at));
            let limits = Limits { ws_ports: vec![9001], ..keep_all() };
            let output = limited(file(&script), limits);
            let (found, all) = true_ones(&output, &talk, &script);
            assert_eq!((found, all), (3, 3), "{server} {masks}");
            assert_eq!(output.connections()[0]["client"], talk.client.to_string());
            assert_eq!(output.connections()[0]["server"], talk.server.to_string());
        }
    }
}
