//! One budget for all that captured bytes make grow in the engine: the account is right, and what is over it goes.

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::model::{Bytes, Span};
use wslens::pipeline::{Limits, Pipeline, Sink, Summary, Wants};

use super::MB;
use crate::support::effort::{peak, taken};
use crate::support::forge::{
    C2S, Conversation, DeflateSpec, Handshake, Http2Talk, Packet, PcapFormat, S2C, Script, Split, TEXT, pcap,
};

/// Takes all that there is, and keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn wants(&self) -> Wants {
        Wants { heads: true, sealed: true, ..Wants::default() }
    }
}

struct Of<'a>(&'a Capture);

impl Bytes for Of<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// What a capture makes the engine hold before it ends: as the engine counts it, and as the allocator does.
fn account(file: Vec<u8>, limits: Limits) -> (f64, f64) {
    let mut capture = Capture::from_bytes(file).unwrap();
    let mut pipeline = Pipeline::new(limits);
    let empty = pipeline.memory(&Nothing);
    let before = taken();
    while let Some(packet) = capture.next() {
        pipeline.packet(&packet, &Of(&capture), &mut Nothing);
    }
    let truth = taken() - before;
    ((pipeline.memory(&Nothing) - empty) as f64, truth as f64)
}

fn script(talk: Conversation) -> Script {
    Script::new(&talk.no_close(), &Split::Writes(1460))
}

/// This many connections, one after the other, each as it is made of a client's address.
fn each(count: usize, make: impl Fn(&str) -> Vec<Packet>) -> Vec<u8> {
    let packets: Vec<Packet> = (0..count)
        .flat_map(|i| make(&format!("10.{}.{}.{}:1024", i / 62_500, i / 250 % 250, i % 250)))
        .collect();
    pcap(&packets, PcapFormat::default())
}

fn talk(client: &str) -> Conversation {
    Conversation::new(client, "10.0.0.2:80")
}

/// A byte of each, from the middle on.
fn bare(client: &str) -> Vec<Packet> {
    let script = Script::new(&talk(client).text(C2S, "hello").no_close(), &Split::Sizes(vec![1]));
    let first = script.data(C2S)[0];
    script.with(|pieces| *pieces = vec![pieces[first].clone()]).packets()
}

fn big_heads(client: &str) -> Vec<Packet> {
    let cookie = "c".repeat(20_000);
    script(talk(client).header(C2S, "Cookie", &cookie).header(S2C, "Set-Cookie", &cookie).opened()).packets()
}

fn many_lines(client: &str) -> Vec<Packet> {
    let talk = (0..900).fold(talk(client), |talk, i| talk.header(C2S, &format!("a{i}"), "b"));
    script(talk.opened()).packets()
}

fn many_parameters(client: &str) -> Vec<Packet> {
    let list = format!("x{}", ";a=1".repeat(250));
    let name = "Sec-WebSocket-Extensions";
    script(talk(client).header(C2S, name, &list).header(S2C, name, &list).opened()).packets()
}

/// A hundred bytes of each direction, of which every second one is missing.
fn pieces(client: &str) -> Vec<Packet> {
    let talk = talk(client).raw(C2S, &[7; 200]).raw(S2C, &[7; 200]).no_close();
    let script = Script::new(&talk, &Split::Sizes(vec![1]));
    let lost: Vec<usize> = [C2S, S2C]
        .iter()
        .flat_map(|dir| script.data(*dir).into_iter().rev().take(200).step_by(2).collect::<Vec<_>>())
        .collect();
    script
        .with(|all| {
            let mut at = 0;
            all.retain(|_| {
                at += 1;
                !lost.contains(&(at - 1))
            });
        })
        .packets()
}

fn half_a_message(client: &str) -> Vec<Packet> {
    script((0..60).fold(talk(client), |talk, _| talk.part(C2S, TEXT, false, &[b'a'; 200]))).packets()
}

fn half_a_head(client: &str) -> Vec<Packet> {
    script(talk(client).bytes(C2S, format!("GET / HTTP/1.1\r\nCookie: {}", "a".repeat(30_000)).as_bytes()))
        .packets()
}

fn refused(client: &str) -> Vec<Packet> {
    let response = "HTTP/1.1 403 No\r\nContent-Length: 5000\r\n\r\nno";
    script(
        talk(client).header(C2S, "Cookie", &"c".repeat(3000)).request_now().bytes(S2C, response.as_bytes()),
    )
    .packets()
}

fn compressed(client: &str) -> Vec<Packet> {
    let text: String = (0..9000).map(|i| char::from(b'a' + (i * i % 26) as u8)).collect();
    script((0..6).fold(talk(client).deflate(DeflateSpec::default()), |talk, _| talk.text(S2C, &text)))
        .packets()
}

fn pings(client: &str) -> Vec<Packet> {
    script((0..64).fold(talk(client).opened(), |talk, _| talk.ping(C2S, &[7; 100]).ping(S2C, b""))).packets()
}

/// WebSockets in streams of HTTP/2, some of which have no answer.
fn streams(client: &str) -> Vec<Packet> {
    let talk = Http2Talk::new(client, "10.0.0.2:80");
    let asked = (0..50).fold(talk, |talk, i| talk.open(2 * i + 1));
    let open = (50..100).fold(asked, |talk, i| talk.ask(2 * i + 1, &Http2Talk::request("/unanswered")));
    script(open.talk).packets()
}

/// A TLS handshake that does not go on, in the middle of the server's certificates.
fn half_a_tls_handshake(client: &str) -> Vec<Packet> {
    let message =
        |kind: u8, len: usize, body: &[u8]| [&[kind], &(len as u32).to_be_bytes()[1..], body].concat();
    let record = |body: &[u8]| [&[22, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat();
    let random = [5; 32];
    let client_hello = [&[3, 3][..], &random, &[0, 0, 2, 0xc0, 0x2f, 1, 0, 0, 0]].concat();
    let server_hello = [&[3, 3][..], &random, &[0, 0xc0, 0x2f, 0, 0, 0]].concat();
    let hello = |kind, body: &[u8]| record(&message(kind, body.len(), body));
    let certificates = record(&message(11, 120_000, &[9; 16_000]));
    let mut talk = talk(client);
    talk.handshake = Handshake::Done;
    let talk = talk.bytes(C2S, &hello(1, &client_hello)).bytes(S2C, &hello(2, &server_hello));
    // The last record is not whole.
    let part = [&[22, 3, 3, 0x3e, 0x80][..], &[9; 15_000]].concat();
    script(talk.bytes(S2C, &certificates).bytes(S2C, &part)).packets()
}

/// A name, how many connections, and how one is made of its client's address.
type Kind = (&'static str, usize, fn(&str) -> Vec<Packet>);

/// The kinds of what connections hold.
const KINDS: [Kind; 14] = [
    ("a TLS handshake that is not whole", 100, half_a_tls_handshake),
    ("nothing", 2000, bare),
    ("large heads", 60, big_heads),
    ("heads of many lines", 60, many_lines),
    ("many parameters", 100, many_parameters),
    ("pieces out of order", 100, pieces),
    ("a message that is not whole", 100, half_a_message),
    ("a head that is not whole", 100, half_a_head),
    ("a refusal", 300, refused),
    ("windows", 50, compressed),
    ("pings", 100, pings),
    ("streams of HTTP/2", 20, streams),
    ("a WebSocket", 500, |client| script(talk(client).text(C2S, "hello")).packets()),
    ("a SYN", 4000, |client| vec![script(talk(client)).packets().swap_remove(0)]),
];

#[test]
fn the_account_is_right_for_each_kind_of_state() {
    let mut wrong = vec![];
    for (kind, count, make) in KINDS {
        let (counted, truth) = account(each(count, make), Limits::default());
        let ratio = counted / truth;
        if !(0.75..1.25).contains(&ratio) {
            wrong.push((kind, counted, truth));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The most that was held while a capture was read, and how often a rule was found to be broken.
fn most_held(file: Vec<u8>, limits: &Limits) -> (usize, Summary) {
    let mut capture = Capture::from_bytes(file).unwrap();
    let mut pipeline = Pipeline::new(limits.clone());
    let (summary, most) = peak(|| run(&mut capture, &mut pipeline, &mut Nothing, |_, _| true));
    (most, summary)
}

#[cfg(feature = "tls")]
#[test]
fn secrets_count_and_take_half_of_the_budget_at_most() {
    let log = |count: u32| {
        (0..count)
            .fold(String::new(), |log, i| log + &format!("CLIENT_RANDOM {i:064x} {}\n", "ab".repeat(48)))
    };
    let limits = Limits { memory: 8 * MB as u64, ..Limits::default() };
    let mut pipeline = Pipeline::new(limits.clone());
    let (empty, before) = (pipeline.memory(&Nothing), taken());
    pipeline.add_secrets(log(10_000).as_bytes());
    let counted = (pipeline.memory(&Nothing) - empty) as f64;
    let ratio = counted / (taken() - before) as f64;
    assert!((0.75..1.25).contains(&ratio), "{counted}: {ratio}");
    pipeline.add_secrets(log(60_000).as_bytes());
    let held = (taken() - before) as usize;
    assert!(held < 6 * MB, "{held}");
    assert!(limits.secrets.with(|keys| keys.counts().dropped) > 30_000);
}

fn told(summary: &Summary, code: &str) -> u64 {
    summary.totals.findings.iter().filter(|(rule, _)| rule.code == code).map(|(_, count)| count).sum()
}

#[test]
fn whatever_connections_hold_memory_stays_within_the_budget() {
    let budget = 2 * MB as u64;
    let mut wrong = vec![];
    for (kind, count, make) in KINDS {
        let limits = Limits { memory: budget, ..Limits::default() };
        let [some, more] = [2, 8].map(|times| most_held(each(times * count, make), &limits));
        assert!(more.0 < some.0 + 2 * MB, "{kind}: {} and {} bytes", some.0, more.0);
        let is_told = told(&more.1, "limit-total-memory") + told(&more.1, "limit-connections") > 0;
        // Buffers, and what is needed for a moment to end a connection, are beside it.
        if more.0 > 4 * MB || !is_told {
            wrong.push((kind, more.0, is_told));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
