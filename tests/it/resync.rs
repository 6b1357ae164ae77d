//! Holes cut into streams: every frame that is read is one that was sent, where it was sent; most of them are read.

use std::collections::HashMap;

use wslens::capture::Capture;
use wslens::drive;
use wslens::model::{Direction, Rule};
use wslens::pipeline::{Connection, Limits, Pipeline, Sink};
use wslens::ws::{FrameEvent, Spot};

use crate::support::forge::{
    BINARY, C2S, Conversation, DeflateSpec, PING, PONG, PcapFormat, Rng, S2C, Script, Split, TEXT, pcap,
};

/// What messages are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    SmallText,
    SmallBinary,
    MediumText,
    MediumBinary,
    Large,
    Mixed,
}

const STYLES: [Style; 6] = [
    Style::SmallText,
    Style::SmallBinary,
    Style::MediumText,
    Style::MediumBinary,
    Style::Large,
    Style::Mixed,
];

fn text(rng: &mut Rng, len: usize) -> String {
    const WORDS: [&str; 9] =
        ["{\"id\":", "\"цена\"", ",", "grün", "\"用户\"", "🙂", " and so on ", "[1,2.5]", "с т р ф"];
    let mut text = String::new();
    while text.len() < len {
        text += WORDS[rng.below(9) as usize];
    }
    text
}

fn say(talk: Conversation, style: Style, dir: Direction, rng: &mut Rng) -> Conversation {
    let style = match style {
        Style::Mixed => STYLES[rng.below(5) as usize],
        style => style,
    };
    if rng.chance(1, 12) {
        let op = if rng.chance(1, 2) { PING } else { PONG };
        let len = rng.below(20) as usize;
        return talk.control(dir, op, &rng.bytes(len));
    }
    let (op, len) = match style {
        Style::SmallText => (TEXT, rng.between(2, 120)),
        Style::SmallBinary => (BINARY, rng.between(0, 120)),
        Style::MediumText => (TEXT, rng.between(130, 2000)),
        Style::MediumBinary => (BINARY, rng.between(130, 2000)),
        Style::Large | Style::Mixed => {
            (if rng.chance(1, 2) { TEXT } else { BINARY }, rng.between(3000, 80_000))
        }
    };
    let bytes = if op == TEXT { text(rng, len as usize).into_bytes() } else { rng.bytes(len as usize) };
    if rng.chance(1, 6) {
        let mut cuts = vec![bytes.len() / 3, bytes.len() / 2];
        cuts.dedup();
        return talk.split(dir, op, &bytes, &cuts);
    }
    talk.message(dir, op, &bytes)
}

/// Where frames were read.
#[derive(Default)]
struct Found {
    frames: Vec<(Direction, u64, [u8; 2], u64, bool)>,
    lost: usize,
}

impl Sink for Found {
    fn frame(&mut self, _: &Connection, frame: &FrameEvent<'_>) {
        let header = frame.header;
        self.frames.push((frame.direction, frame.start.at, header.head, header.payload_len, frame.complete));
    }
    fn finding(&mut self, _: Option<&Connection>, rule: &'static Rule, _: Spot, _: std::fmt::Arguments<'_>) {
        self.lost += usize::from(rule.code == "desynchronised");
    }
}

/// How many frames that were sent behind a place of a direction are read, and how many there are. Each that is read
/// was sent, where it was sent.
fn recovered(found: &Found, talk: &Conversation, dir: Direction, behind: u64) -> (usize, usize) {
    let sent: HashMap<u64, _> =
        talk.frames.iter().filter(|frame| frame.dir == dir).map(|frame| (frame.at, frame)).collect();
    let mut read = 0;
    for (direction, at, head, len, complete) in &found.frames {
        if *direction != dir {
            continue;
        }
        let Some(one) = sent.get(at) else { panic!("no frame was sent at {at}: {head:02x?} of {len} bytes") };
        let first = talk.stream(dir)[*at as usize..][..2].to_vec();
        assert_eq!((head.to_vec(), *len), (first, one.payload_len), "at {at}");
        read += usize::from(*at >= behind && *complete);
    }
    (read, sent.keys().filter(|at| **at >= behind).count())
}

/// Cuts a hole into each of many streams; gives the frames that could be read behind it, and those that were.
fn measure(styles: &[Style], splits: &[Split], spec: Option<DeflateSpec>, runs: u64) -> (usize, usize) {
    let (mut found, mut all) = (0, 0);
    for &style in styles {
        for (n, split) in splits.iter().enumerate() {
            for run in 0..runs {
                let seed = run * 1000 + n as u64 * 10 + style as u64 + u64::from(spec.is_some()) * 1_000_000;
                let mut rng = Rng::new(seed);
                let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
                if let Some(spec) = spec {
                    talk = talk.deflate(spec);
                }
                let dir = if rng.chance(1, 2) { C2S } else { S2C };
                for _ in 0..rng.between(12, 40) {
                    let other = if dir == C2S { S2C } else { C2S };
                    let turn = if rng.chance(1, 4) { other } else { dir };
                    talk = say(talk, style, turn, &mut rng);
                }
                let talk = talk.closed(1000);
                let script = Script::new(&talk, split).acked();
                // One to three segments are lost, somewhere in the first half of the frames.
                let opened = talk.upgraded_at[usize::from(dir == S2C)] as i64;
                let pieces: Vec<usize> =
                    script.data(dir).into_iter().filter(|i| script.pieces[*i].at >= opened).collect();
                if pieces.len() < 4 {
                    continue;
                }
                let first = rng.below(pieces.len() as u64 / 2) as usize;
                let lost: Vec<usize> =
                    pieces[first..(first + 1 + rng.below(3) as usize).min(pieces.len() - 1)].to_vec();
                let end = lost.iter().map(|i| script.pieces[*i].range().end).max().unwrap();
                let mut index = 0;
                let script = script.with(|pieces| {
                    pieces.retain(|_| {
                        index += 1;
                        !lost.contains(&(index - 1))
                    });
                });
                let mut output = Found::default();
                let mut capture =
                    Capture::from_bytes(pcap(&script.packets(), PcapFormat::default())).unwrap();
                drive::run(&mut capture, &mut Pipeline::new(Limits::default()), &mut output, |_, _| true);
                let (read, behind) = recovered(&output, &talk, dir, end as u64);
                assert!(output.lost <= 1, "one cause, one finding");
                if behind >= 3 {
                    found += read;
                    all += behind;
                }
            }
        }
    }
    (found, all)
}

fn splits() -> Vec<Split> {
    vec![Split::Writes(1460), Split::Merged(1460), Split::Sizes(vec![700, 90, 1460, 33])]
}

#[test]
fn frames_behind_a_hole_are_true_and_most_are_found() {
    let specs = [None, Some(DeflateSpec::default())];
    for spec in specs {
        let (found, all) = measure(&STYLES, &splits(), spec, 4);
        eprintln!("compressed {}: {found} of {all} frames behind holes", spec.is_some());
        assert!(found * 100 >= all * 93, "{found} of {all}");
    }
}
