use super::words::{Remark, headline, remarks, time};
use super::*;
use crate::model::{Lang, Nanos, Time};
use crate::pipeline::{ClosedWindow, Ending, Silence, Strain};
use crate::ws::{Closing, Pinging};

const SECOND: i64 = 1_000_000_000;
const C2S: Direction = Direction::ClientToServer;
const S2C: Direction = Direction::ServerToClient;

fn at(packet: u64, seconds: i64) -> Place {
    Place { packet, time: Time(seconds * SECOND) }
}

/// An open connection: opened at packet 5, both talked at packets 8 and 9, seen until packet 9.
fn facts() -> EndFacts {
    EndFacts {
        state: State::Open,
        ending: Ending {
            said: PerDirection { c2s: Some(at(8, 1)), s2c: Some(at(9, 2)) },
            heard: PerDirection { c2s: true, s2c: true },
            last: at(9, 2),
            until: at(9, 2),
            ..Ending::default()
        },
        opened: Some(at(5, 0)),
        closing: None,
        pings: PerDirection::default(),
        heartbeats: None,
        lossy: false,
        errors: 0,
        stream: false,
    }
}

fn fin(by: Direction, place: Place) -> EndFacts {
    let mut facts = facts();
    facts.state = State::Closed;
    facts.ending.how = StreamEnd::Fin;
    *facts.ending.fin.of_mut(by) = Some(place);
    *facts.ending.fin.of_mut(by.opposite()) = Some(Place { packet: place.packet + 1, ..place });
    (facts.ending.last, facts.ending.until) = (place, place);
    facts
}

fn close(by: Option<Direction>, code: Option<u16>, place: Place, answered: bool) -> Closing {
    Closing { by, code, reason: Vec::new(), frame: 1, message: 1, place, answered }
}

fn waiting(since: Place) -> Pinging {
    Pinging { sent: 1, missed: 1, waiting: Some((since, since)), last: Some(since), ..Pinging::default() }
}

/// Ends with closed windows, silences and a RST from elsewhere.
fn strained() -> Vec<EndFacts> {
    let with = |strain: Strain| {
        let mut facts = fin(C2S, at(30, 500));
        facts.ending.reset = Some((S2C, at(20, 460)));
        facts.ending.said = PerDirection { c2s: Some(at(19, 459)), s2c: Some(at(9, 2)) };
        facts.ending.strain = Some(Box::new(strain));
        facts
    };
    let window =
        |times, before, since| ClosedWindow { times, before: Nanos::seconds(before), since, probes: times };
    let windows = |c2s, s2c| with(Strain { windows: PerDirection { c2s, s2c }, ..Strain::default() });
    let silence = Some((C2S, Silence { since: at(9, 2), until: at(19, 459) }));
    let ttl = Some((251, 64));
    let mut unacknowledged =
        with(Strain { silence, resent: PerDirection { c2s: 3, s2c: 0 }, ..Strain::default() });
    unacknowledged.ending.unacknowledged.c2s = 10;
    unacknowledged.ending.reset = Some((C2S, at(20, 480)));
    let mut silent = windows(window(1, 0, Some(at(12, 20))), ClosedWindow::default());
    (silent.state, silent.ending.how) = (State::TimedOut, StreamEnd::Timeout);
    (silent.ending.reset, silent.ending.fin) = (None, PerDirection::default());
    let mut starved = fin(C2S, at(20, 12));
    starved.ending.said.s2c = Some(at(19, 11));
    starved.pings.c2s = Some(waiting(at(10, 2)));
    starved.closing =
        Some(Closing { reason: b"Ping timeout".to_vec(), ..close(Some(C2S), Some(1011), at(20, 12), false) });
    vec![
        windows(window(1, 0, Some(at(12, 20))), ClosedWindow::default()),
        windows(ClosedWindow::default(), window(3, 30, Some(at(12, 20)))),
        windows(window(1, 5, None), window(2, 7, None)),
        with(Strain { silence, reset_ttl: ttl, ..Strain::default() }),
        with(Strain { silence, ..Strain::default() }),
        with(Strain { silence, keep_alive: Some(at(15, 400)), reset_ttl: ttl, ..Strain::default() }),
        unacknowledged,
        silent,
        starved,
    ]
}

#[test]
fn what_lay_below_an_end_has_its_cause() {
    let found: Vec<Vec<&str>> = strained().iter().map(|facts| names(&examine(facts))).collect();
    let forgotten = vec!["idle-dropped"];
    let expected = [
        vec!["zero-window"],
        vec!["zero-window"],
        vec![],
        forgotten.clone(),
        forgotten.clone(),
        forgotten.clone(),
        vec!["idle-dropped", "path-lost"],
        vec!["zero-window"],
        vec!["ping-timeout"],
    ];
    assert_eq!(found, expected);
    // A loss may hide the answer, and on a path of which only one side was seen nothing is known.
    for change in
        [|facts: &mut EndFacts| facts.lossy = true, |facts: &mut EndFacts| facts.ending.heard.s2c = false]
    {
        let mut facts = strained().swap_remove(3);
        change(&mut facts);
        assert_eq!(names(&examine(&facts)), [""; 0]);
    }
}

fn names(verdict: &EndVerdict) -> Vec<&'static str> {
    verdict.causes.iter().map(Cause::name).collect()
}

#[test]
fn what_came_first_is_what_ended_it() {
    let mut facts = fin(S2C, at(20, 5));
    facts.closing = Some(close(Some(C2S), Some(1000), at(19, 5), false));
    assert_eq!((examine(&facts).kind, examine(&facts).by), (EndKind::Close, Some(C2S)));
    // A Close that came after the FIN did not end it.
    facts.closing = Some(close(Some(C2S), Some(1000), at(21, 6), false));
    assert_eq!((examine(&facts).kind, examine(&facts).by), (EndKind::Fin, Some(S2C)));
    // In one packet, the bytes come before the FIN.
    facts.closing = Some(close(Some(S2C), Some(1000), at(20, 5), false));
    assert_eq!(examine(&facts).kind, EndKind::Close);
    let mut facts = fin(S2C, at(20, 5));
    facts.ending.reset = Some((C2S, at(19, 5)));
    assert_eq!((examine(&facts).kind, examine(&facts).by), (EndKind::Reset, Some(C2S)));
}

#[test]
fn a_side_that_was_not_captured_may_have_ended_it_first() {
    let mut facts = fin(S2C, at(20, 5));
    facts.ending.heard.c2s = false;
    let verdict = examine(&facts);
    assert_eq!((verdict.by, verdict.grade), (None, Grade::Unknown));
    assert!(verdict.causes.is_empty());
}

#[test]
fn a_code_is_observed_only_where_it_was_on_the_wire() {
    let mut facts = fin(C2S, at(20, 5));
    let code = |facts: &EndFacts| (examine(facts).code, examine(facts).code_grade);
    assert_eq!(code(&facts), (Some(1006), Grade::Inferred));
    facts.lossy = true;
    assert_eq!(code(&facts), (None, Grade::Unknown));
    facts.closing = Some(close(Some(C2S), Some(4401), at(19, 5), true));
    assert_eq!(code(&facts), (Some(4401), Grade::Observed));
    facts.closing = Some(close(Some(C2S), None, at(19, 5), true));
    assert_eq!(code(&facts), (Some(1005), Grade::Inferred));
    assert_eq!(code(&self::facts()), (None, Grade::Unknown));
}

#[test]
fn what_was_said_after_the_end_leaves_the_silence_before_it_unknown() {
    let mut facts = fin(S2C, at(20, 62));
    assert_eq!(examine(&facts).idle, Some(Nanos(60 * SECOND)));
    facts.ending.said.c2s = Some(at(25, 70));
    let verdict = examine(&facts);
    assert_eq!(verdict.idle, None);
    // The server's own silence is still known.
    assert!(matches!(&verdict.causes[..], [Cause::IdleTimeout(fits)] if fits.len() == 1), "{verdict:?}");
}

#[test]
fn an_age_fits_only_where_no_silence_does() {
    let mut facts = fin(S2C, at(20, 30));
    facts.ending.said = PerDirection { c2s: Some(at(18, 29)), s2c: Some(at(19, 29)) };
    assert_eq!(names(&examine(&facts)), ["maximum-age"]);
    facts.ending.fin.s2c = Some(at(20, 33));
    assert_eq!(names(&examine(&facts)), [""; 0]);
}

#[test]
fn a_slow_peer_is_not_late() {
    let mut facts = fin(C2S, at(20, 12));
    facts.ending.said = PerDirection { c2s: Some(at(10, 2)), s2c: Some(at(9, 2)) };
    let mut pings = waiting(at(10, 2));
    facts.pings.c2s = Some(pings.clone());
    assert_eq!(names(&examine(&facts)), ["ping-timeout"]);
    // Its answers took 4 s before: 10 s are not three times as long.
    pings.rtt.add(4 * SECOND);
    facts.pings.c2s = Some(pings);
    assert_eq!(names(&examine(&facts)), [""; 0]);
}

#[test]
fn bytes_that_nobody_acknowledged_tell_of_a_broken_path_unless_the_other_side_ended_it() {
    let mut facts = facts();
    facts.state = State::Open;
    facts.ending.until = at(100, 40);
    facts.ending.unacknowledged.c2s = 30;
    assert_eq!(examine(&facts).causes, [Cause::PathLost(C2S, 30)]);
    let mut facts = fin(S2C, at(20, 10));
    facts.ending.unacknowledged.c2s = 30;
    assert_eq!(names(&examine(&facts)), [""; 0]);
    facts = fin(C2S, at(20, 10));
    facts.ending.unacknowledged.c2s = 30;
    assert_eq!(examine(&facts).causes, [Cause::PathLost(C2S, 30)]);
    facts.lossy = true;
    assert_eq!(names(&examine(&facts)), [""; 0]);
}

#[test]
fn silence_is_inferred_and_an_open_connection_unknown() {
    let mut facts = facts();
    assert_eq!((examine(&facts).kind, examine(&facts).grade), (EndKind::Capture, Grade::Unknown));
    (facts.state, facts.ending.how) = (State::TimedOut, StreamEnd::Timeout);
    let verdict = examine(&facts);
    assert_eq!((verdict.kind, verdict.grade, verdict.place), (EndKind::Silence, Grade::Inferred, None));
}

#[test]
fn both_languages_say_the_same_with_the_same_grades() {
    let mut all = vec![facts(), fin(C2S, at(20, 5)), fin(S2C, at(20, 62)), fin(S2C, at(20, 30))];
    let mut reset = fin(S2C, at(30, 9));
    reset.ending.reset = Some((C2S, at(20, 5)));
    let mut closed = fin(S2C, at(30, 9));
    closed.closing = Some(close(Some(C2S), Some(1002), at(19, 5), false));
    closed.errors = 2;
    let mut pinged = fin(C2S, at(20, 12));
    pinged.pings.c2s = Some(waiting(at(10, 2)));
    let mut lossy = pinged.clone();
    lossy.lossy = true;
    let mut lost = facts();
    lost.ending.until = at(100, 40);
    lost.ending.unacknowledged.c2s = 30;
    all.extend([reset, closed, pinged, lossy, lost]);
    all.extend(strained());
    for facts in &all {
        let verdict = examine(facts);
        let [en, zh] = Lang::ALL.map(|lang| remarks(facts, &verdict, lang));
        let shape =
            |list: &[Remark]| list.iter().map(|remark| (remark.grade, remark.at.clone())).collect::<Vec<_>>();
        assert_eq!(shape(&en), shape(&zh));
        assert!(en.iter().all(|remark| remark.text.ends_with('.')), "{en:?}");
        assert!(zh.iter().all(|remark| remark.text.ends_with('。')), "{zh:?}");
        // No cause is said to be observed.
        let causes = en
            .iter()
            .filter(|remark| remark.text.starts_with("This looks") || remark.text.contains("usually allow"));
        assert!(causes.clone().all(|remark| remark.grade == Grade::Inferred), "{en:?}");
        assert!(Lang::ALL.iter().all(|lang| !headline(facts, &verdict, *lang).is_empty()));
    }
}

#[test]
fn why_1006_gets_an_answer() {
    let facts = fin(S2C, at(20, 62));
    let text: String =
        remarks(&facts, &examine(&facts), Lang::En).into_iter().map(|remark| remark.text).collect();
    for words in
        ["The server sent FIN first, without a Close (1006)", "1006 is never sent", "60.0 s", "nginx"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn times_are_short() {
    let list = [
        (0, "0 µs"),
        (310_000_000, "310 ms"),
        (60_020_000_000, "60.0 s"),
        (412 * SECOND, "412 s"),
        (900 * SECOND, "15.0 min"),
    ];
    for (nanoseconds, expected) in list {
        assert_eq!(time(Nanos(nanoseconds)), expected);
    }
}
