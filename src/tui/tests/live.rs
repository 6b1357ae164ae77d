//! A live capture in the UI.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::kit::Kit;
use crate::capture::live::{Live, Losses};
use crate::capture::{self, Capture};
use crate::export::What;
use crate::store::{Options, Progress, Reading, Session};
use crate::tui::commands::Scope;
use crate::tui::event::{Effect, Event};
use crate::tui::screens::ScreenId;

use crate::endless::Talker;

/// A pipe to which the test writes.
struct Pipe(Receiver<Vec<u8>>, Vec<u8>);

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

/// A UI on a capture that the test feeds.
struct Fed {
    kit: Kit,
    send: Option<Sender<Vec<u8>>>,
    talker: Talker,
    live: Option<Live>,
}

impl Fed {
    fn open(live: Option<Live>, size: (u16, u16), memory: Option<usize>) -> Self {
        let (send, receive) = channel();
        send.send(Talker::header()).unwrap();
        let how = capture::Options { keep: true, ..capture::Options::default() };
        let capture = Capture::from_reader_with(Box::new(Pipe(receive, vec![])), &how).unwrap();
        let options = Options { memory, ..Options::default() };
        let session = Session::read_live(capture, live.clone(), options).unwrap();
        let name = if live.is_some() { "live lo" } else { "standard input" };
        let kit = Kit::start(session, name, size.0, size.1);
        Self { kit, send: Some(send), talker: Talker::new(98_000), live }
    }

    /// A capture on an interface after some time.
    fn live(size: (u16, u16)) -> Self {
        let live = Live::default();
        live.update(|status| {
            status.interfaces = vec!["lo".to_owned()];
            status.filter = "tcp port 8080".to_owned();
            status.snaplen = 262_144;
            status.received = 201_344;
            (status.waiting, status.room) = (3 << 20, 100 << 20);
            status.saved = Some(("/tmp/cap.pcapng".to_owned(), 27_367_834));
        });
        Self::open(Some(live), size, None)
    }

    fn press(mut self, keys: &str) -> Self {
        self.kit = self.kit.press(keys);
        self
    }

    /// Writes bytes that the session reads.
    fn feed(&mut self, bytes: Vec<u8>) {
        if let Some(send) = &self.send {
            send.send(bytes).unwrap();
        }
        self.wait();
    }

    fn wait(&self) {
        let (messages, opened) = (self.talker.messages, self.talker.packets);
        loop {
            self.kit.session.version();
            let there = self.kit.session.index().messages >= messages;
            if there && self.kit.session.progress().packets >= opened {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn connect(&mut self) {
        let mut bytes = vec![];
        self.talker.open(&mut bytes);
        self.feed(bytes);
        self.data();
    }

    /// Sends messages, and reports them to the UI.
    fn say(&mut self, count: usize) {
        let mut bytes = vec![];
        (0..count).for_each(|_| self.talker.message(&mut bytes, 142));
        self.feed(bytes);
        self.data();
    }

    fn data(&mut self) {
        let mut progress = self.kit.session.progress();
        // The memory in use is measured now and then.
        progress.memory = progress.memory.map(|(_, of)| (of * 2 / 5, of));
        self.kit.event(Event::Data(Box::new(progress)));
    }

    /// Sends messages over some time.
    fn run(&mut self, looks: usize, each: usize) {
        for _ in 0..looks {
            self.say(each);
            self.kit.app.shared.live.draws += 4;
            self.kit.tick(250);
        }
    }

    /// Reports progress to the UI as if the pipe were a file of which 40 % is read.
    fn file(&mut self, state: Reading) {
        let part =
            Progress { state, stream: false, done: 400, total: Some(1000), ..self.kit.session.progress() };
        self.kit.event(Event::Data(Box::new(part)));
    }

    /// The capture ends.
    fn end(&mut self) {
        self.send = None;
        self.kit.session.wait();
        self.data();
    }

    fn message(&self) -> u64 {
        self.kit.app.shared.selection.message
    }

    /// The state that must not change by itself: mode, focus, cursor, scroll, selection, input. The rows are compared
    /// without the figures around them and the scroll bar, which gets shorter.
    fn state(&self) -> String {
        let app = &self.kit.app;
        let lines = self.kit.lines();
        let below = if app.screen == ScreenId::Detail { lines.len() - 2 } else { 20 };
        let input = app.input.as_ref().map(|line| (line.text().to_owned(), line.cursor(), line.pick));
        format!(
            "{:?} {:?} {:?} {input:?}\n{}",
            app.scope(),
            app.screen,
            app.shared.selection,
            lines.get(2..below).unwrap().join("\n").replace(['▐', '│', '┃'], "|")
        )
    }
}

#[test]
fn the_list_follows_new_rows_until_the_cursor_moves_up() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    assert_eq!(fed.kit.app.screen, ScreenId::Connections);
    let mut fed = fed.press("Enter");
    fed.run(4, 100);
    assert_eq!((fed.kit.app.screen, fed.message()), (ScreenId::Messages, 400));
    fed.kit.shows("follow ON").shows("FOLLOW").shows("● REC 00:01").shows("newest #400").shows("drops 0");
    // Moving up stops following; new rows are counted and move nothing.
    let mut fed = fed.press("k");
    fed.run(2, 100);
    assert_eq!(fed.message(), 399);
    fed.kit.shows("follow OFF").shows("+200 new   F = follow again").shows("+200 new messages below");
    for (keys, on) in [("F", true), ("F", false), ("G", true), ("PgUp", false), ("F", true), ("Enter", false)]
    {
        fed = fed.press(keys);
        assert_eq!(fed.kit.app.shared.live.follow, on, "{keys}");
        fed.say(10);
        let newest = fed.message() == fed.talker.messages;
        assert_eq!(newest, on, "{keys}");
    }
    assert_eq!(fed.kit.app.screen, ScreenId::Detail);
    let fed = fed.press("Esc F").press("k G");
    assert_eq!(fed.message(), fed.talker.messages);
}

#[test]
fn a_pause_freezes_the_view_but_not_the_capture() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    let mut fed = fed.press("Enter");
    fed.run(3, 50);
    let mut fed = fed.press("p");
    let before = fed.state();
    fed.run(4, 1000);
    assert_eq!(fed.state(), before);
    fed.kit.shows("PAUSED at #150 (view only, capture continues)").shows("+4 000 new").shows("newest #4 150");
    let mut fed = fed.press("G");
    assert_eq!(fed.message(), 150, "the last row of the list as it is");
    // Another list is paused when it is opened.
    fed = fed.press("m");
    fed.run(1, 10);
    assert_eq!(fed.kit.app.shared.selection.frame, 150);
    fed = fed.press("m p");
    fed.run(1, 10);
    assert!(!fed.kit.app.shared.live.paused);
    let fed = fed.press("F");
    assert_eq!(fed.message(), 4170);
}

#[test]
fn new_data_moves_nothing_in_any_mode() {
    let modes = [
        "k", "5 Up", "k f o p", "k / 4 2", "k ?", "k ? x y", "k :", "k : s", "k Y", "k Enter", "p",
        "k k Tab", "k m k", "k q", "k #", "k 4", "k d d j", "k Space",
    ];
    for keys in modes {
        let mut fed = Fed::live((120, 36));
        fed.connect();
        let mut fed = fed.press("Enter");
        fed.run(2, 150);
        fed = fed.press(keys);
        fed.kit = fed.kit.rest();
        let before = fed.state();
        for round in 0..40 {
            fed.say(25);
            if round % 8 == 0 {
                fed.kit.tick(100);
            }
        }
        for _ in 0..10_000 / 40 {
            fed.data();
        }
        assert_eq!(fed.state(), before, "{keys}");
    }
}

#[test]
fn ten_thousand_events_of_data_move_nothing() {
    // Rows of a filter, sorted.
    let mut fed = Fed::live((120, 36));
    (0..3).for_each(|_| fed.connect());
    fed = fed.press("s s");
    fed.run(1, 300);
    let mut fed = fed.press("g j Enter");
    fed.run(1, 300);
    fed = fed.press("f");
    fed.kit = fed.kit.text("len > 100").press("Enter").rest();
    fed = fed.press("g j j j");
    fed.kit = fed.kit.rest();
    let before = fed.state();
    for _ in 0..10_000 {
        fed.say(1);
    }
    fed.kit = fed.kit.rest();
    assert_eq!(fed.state(), before);
    // In the sorted list, the connection stays under the cursor.
    fed = fed.press("Esc");
    let selected = fed.kit.app.shared.selection.connection;
    let line =
        |fed: &Fed| fed.kit.lines().iter().find(|line| line.contains('▸') && line.contains("ws://")).cloned();
    let before = line(&fed).unwrap();
    for _ in 0..50 {
        let mut bytes = vec![];
        (0..20).for_each(|_| fed.talker.message_in(&mut bytes, 2, 100));
        fed.feed(bytes);
        fed.data();
    }
    assert_eq!(fed.kit.app.shared.selection.connection, selected);
    let words = |line: &str| line.split_whitespace().take(5).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&line(&fed).unwrap()), words(&before));
}

#[test]
fn quitting_asks_while_a_capture_is_running() {
    let mut fed = Fed::live((80, 24));
    fed.connect();
    let fed = fed.press("q");
    assert!(fed.kit.effects.is_empty());
    fed.kit.shows("The capture is running").shows("Enter, or q again");
    let fed = fed.press("Esc q j Enter");
    assert!(fed.kit.effects.is_empty() && fed.kit.app.popup.is_none(), "it is stayed");
    for keys in ["q q", "q Enter", "Ctrl-c Ctrl-c"] {
        let mut fed = Fed::live((80, 24)).press(keys);
        assert_eq!(fed.kit.effects, [Effect::Quit], "{keys}");
        fed.end();
        assert_eq!(fed.press("Esc q").kit.effects.last(), Some(&Effect::Quit), "nothing came");
    }
}

#[test]
fn an_unsaved_capture_can_be_saved_before_quitting() {
    for live in [true, false] {
        let mut fed = Fed::open(live.then(Live::default), (80, 24), None);
        fed.connect();
        fed.say(3);
        fed.end();
        let fed = fed.press("q");
        fed.kit.shows("The capture is not saved");
        assert!(fed.kit.effects.is_empty());
        let mut fed = fed.press("j Enter");
        // The test's packets are classic pcap in both cases.
        let name = "wslens-capture.pcap";
        fed.kit.shows(name);
        fed = fed.press("Enter");
        let Some(Effect::Export(job)) = fed.kit.effects.last().cloned() else {
            panic!("{:?}", fed.kit.effects)
        };
        assert_eq!((&job.what, job.path.to_str()), (&What::Capture, Some(name)));
        // The program continues if the file cannot be written, so that another name can be tried.
        fed.kit.event(Event::Exists(job));
        fed = fed.press("Enter Enter");
        fed.kit.event(Event::Done(Ok("wrote it".to_owned())));
        assert_eq!(fed.kit.effects.last(), Some(&Effect::Quit));
        // Everything is saved now.
        assert_eq!(fed.press("q").kit.effects.last(), Some(&Effect::Quit));
    }
    // If that fails, the program continues.
    let mut fed = Fed::open(Some(Live::default()), (80, 24), None);
    fed.connect();
    fed.say(3);
    fed.kit = fed.kit.press("q");
    fed.kit.shows("The capture is running, and not saved").shows("save, then quit");
    let mut fed = fed.press("Esc : s a v e Space o u t Enter");
    let Some(Effect::Export(job)) = fed.kit.effects.last() else { panic!("{:?}", fed.kit.effects) };
    assert_eq!((&job.what, job.path.to_str()), (&What::Capture, Some("out")));
    let count = fed.kit.effects.len();
    fed.kit.event(Event::Done(Err("the disk is full".to_owned())));
    assert_eq!(fed.kit.effects.len(), count);
}

#[test]
fn a_capture_is_stopped_by_its_key_and_not_by_esc() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    let mut fed = fed.press("Esc");
    fed.kit.shows("press S to stop the capture");
    fed.say(10);
    let mut fed = fed.press("Enter S");
    assert_eq!(fed.kit.effects, [Effect::StopReading]);
    fed.kit.session.stop();
    assert!(fed.live.as_ref().unwrap().is_to_stop());
    fed.end();
    assert_eq!(fed.kit.app.shared.progress.state, Reading::Done);
    fed.kit.shows("■ STOPPED 00:00").shows("Messages  10 of 10").shows("Frames of message 10");
    fed.press("F").kit.shows("the capture has ended");
}

#[test]
fn a_pipe_is_live_too() {
    let mut fed = Fed::open(None, (120, 36), None);
    fed.connect();
    let mut fed = fed.press("Enter");
    fed.run(4, 25);
    fed.kit.shows("● PIPE 00:01  FOLLOW").shows("newest #100").shows("kept in a temporary file");
    fed.kit.shows("packets lost before the pipe");
    fed.end();
    fed.kit.shows("■ ENDED 00:01").shows("Messages  100 of 100");
    let fed = fed.press("q");
    fed.kit.shows("The capture is not saved");
    assert_eq!(fed.press("q").kit.effects, [Effect::Quit]);
}

#[test]
fn losses_are_three_numbers() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    let mut fed = fed.press("Enter");
    fed.live.as_ref().unwrap().update(|status| {
        status.losses = Losses { kernel: 1200, interface: 0, queue: 7 };
        (status.evicted, status.evicted_packets) = (5 << 20, 4000);
    });
    fed.run(2, 10);
    fed.kit
        .shows("drops 1200/0/7 !")
        .shows("dropped 1 200   interface dropped 0")
        .shows("queue 3%   dropped 7");
    fed.kit.shows("payloads of 4 000 packets (5.00 MiB)");
}

#[test]
fn released_rows_move_no_other_rows() {
    let mut fed = Fed::open(None, (120, 36), Some(1 << 20));
    fed.connect();
    let mut fed = fed.press("Enter");
    fed.run(1, 6000);
    // The cursor is in the middle: the visible rows stay when rows above them are released.
    fed.kit = fed.kit.press("#").text("5900").press("Enter");
    let before = fed.state().lines().skip(3).take(16).collect::<Vec<_>>().join("\n");
    assert!(before.contains("▸") && before.contains("▸ 5900 "));
    while fed.kit.session.index().messages(1).released() < 2000 {
        fed.say(500);
    }
    fed.kit.tick(250);
    let released = fed.kit.session.index().messages(1).released();
    assert!(released < 5000);
    assert_eq!(fed.state().lines().skip(3).take(16).collect::<Vec<_>>().join("\n"), before);
    let grouped = crate::tui::widgets::units::grouped(released as u64);
    fed.kit.shows(&format!("rows 1-{grouped} released"));
    assert_eq!(fed.message(), 5900);
    // The row under the cursor is released: the next one is selected, and a notice reports it.
    fed.kit.app.shared.notice = None;
    while fed.kit.session.index().messages(1).released() < 5900 {
        fed.say(500);
    }
    let first = fed.kit.session.index().messages(1).released() as u64 + 1;
    assert_eq!(fed.message(), first);
    fed.kit.shows("row 5900 was released: the next one is selected");
    // Rows of a filter are released with them.
    fed.kit = fed.kit.press("f").text("op == pong").press("Enter").rest();
    let shown = |fed: &Fed| fed.kit.lines().iter().filter(|line| line.contains("PONG")).count();
    assert!(shown(&fed) > 5);
    (0..20).for_each(|_| fed.say(500));
    fed.kit = fed.kit.press("g").rest();
    assert!(shown(&fed) > 5 && fed.message() > first);
    fed.kit = fed.kit.press("Ctrl-f #").text("3").press("Enter");
    fed.kit.shows("row 3 was released");
    // The ladder and the figures cover the remaining rows.
    let fed = fed.press("5");
    let mut kit = fed.kit.rest();
    kit.shows("[5 Ladder]");
    kit = kit.press("g G k 6").rest();
    kit.shows("[6 Stats]");
}

#[test]
fn a_released_connection_is_replaced_by_the_next_one() {
    let mut fed = Fed::open(None, (120, 36), Some(1 << 20));
    (0..2).for_each(|_| fed.connect());
    fed.say(20);
    let mut fed = fed.press("Enter k");
    assert_eq!(fed.kit.app.shared.selection.connection, 1);
    while fed.kit.session.index().released.connections == 0 {
        let mut bytes = vec![];
        fed.talker.open(&mut bytes);
        (0..200).for_each(|_| fed.talker.message(&mut bytes, 100));
        fed.talker.close(&mut bytes);
        fed.feed(bytes);
        fed.data();
    }
    fed.kit.shows("connection #1 was released to limit memory: the next one is selected");
    let selected = fed.kit.app.shared.selection.connection;
    assert!(selected > 1 && fed.kit.session.index().place(selected).is_some());
    fed.press("1").kit.rest().shows("old ones released");
}

#[test]
fn a_ladder_opened_before_any_data_begins_with_the_first_frame() {
    let mut fed = Fed::open(None, (120, 36), None);
    fed.connect();
    let mut fed = fed.press("5");
    fed.kit = fed.kit.rest();
    fed.say(5);
    fed.kit = fed.kit.rest();
    let lines = fed.kit.lines();
    let cursor = lines.iter().find(|line| line.contains('▸') && line.contains('│')).unwrap();
    assert!(cursor.contains("TEXT"), "{cursor}");
    // The end appears once the connection has ended.
    let mut bytes = vec![];
    fed.talker.close(&mut bytes);
    fed.feed(bytes);
    fed.end();
    fed.kit = fed.kit.rest();
    fed.kit.shows("FIN");
}

#[test]
fn live_looks_like_this() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    let mut fed = fed.press("Enter");
    fed.run(72, 40);
    fed.kit.picture("live-120x36");
    fed = fed.press("p k k k");
    fed.kit.app.shared.notice = None;
    fed.run(6, 30);
    fed.kit.picture("live-paused-120x36");
    fed.kit = fed.kit.resize(80, 24);
    fed.kit.picture("live-paused-80x24");
    fed = fed.press("p F");
    fed.live.as_ref().unwrap().update(|status| status.losses.kernel = 12);
    fed.run(4, 30);
    fed.kit.picture("live-80x24");
    fed.kit = fed.kit.press("1").rest();
    fed.kit.picture("live-connections-80x24");
    assert_eq!(fed.kit.app.scope(), Scope::CONNECTIONS);
    fed.kit = fed.kit.press("q");
    fed.kit.picture("live-quit-80x24");
}

/// A file that is still being read: it has one open connection so far.
fn reading(size: (u16, u16)) -> Fed {
    let mut fed = Fed::open(None, size, None);
    fed.connect();
    fed.say(5);
    fed.file(Reading::Reading);
    fed
}

#[test]
fn esc_never_stops_the_reading_of_a_file() {
    for keys in ["Esc", "Esc Esc", "Backspace", "h", "3 Esc Esc Esc", "3 Enter Esc Esc Esc"] {
        let mut fed = reading((120, 36)).press(keys);
        assert_eq!(fed.kit.effects, [], "{keys}");
        assert_eq!(fed.kit.app.screen, ScreenId::Connections);
        fed.kit.shows("still reading: Ctrl-x stops, q quits").shows("READING 40%");
        fed.file(Reading::Done);
        assert!(!fed.kit.shown().contains("still reading"), "{keys}");
    }
    // After half a second, the progress of reading replaces the summary.
    let mut slow = reading((80, 24));
    slow.kit.tick(2000);
    slow.kit.shows("Ctrl-x stops and keeps this");
}

#[test]
fn stopped_reading_shows_how_to_continue_and_claims_no_end() {
    for size in [(80, 24), (120, 36), (200, 60)] {
        let mut fed = reading(size).press("Ctrl-x");
        assert_eq!(fed.kit.effects, [Effect::StopReading]);
        fed.kit.shows("reading stopped: Ctrl-x continues");
        fed.file(Reading::Stopped);
        // The screen shows it until reading continues, not only until the next key.
        let mut fed = fed.press("Down");
        assert_eq!(fed.kit.app.screen, ScreenId::Connections);
        fed.kit.shows("PARTIAL 40%").shows("reading stopped: Ctrl-x continues");
        fed.kit.shows("open where reading stopped");
        assert!(!fed.kit.shown().contains("end of the capture"), "{}", fed.kit.shown());
        fed = fed.press("7");
        fed.kit.shows("Ctrl-x continues");
        fed = fed.press("1 Ctrl-x");
        assert_eq!(fed.kit.effects, [Effect::StopReading, Effect::GoOnReading]);
        fed.file(Reading::Reading);
        assert!(!fed.kit.shown().contains("stopped"), "{}", fed.kit.shown());
        fed.end();
        fed.file(Reading::Done);
        fed = fed.press("1");
        fed.kit.shows("still open at the end of the capture");
    }
}

#[test]
fn a_connection_has_no_end_while_a_file_is_read() {
    let fed = reading((200, 60)).press("|");
    fed.kit.shows("open so far");
    assert!(!fed.kit.shown().contains("end of the capture"), "{}", fed.kit.shown());
}

#[test]
fn a_filter_on_messages_selects_connections_while_they_grow() {
    let mut fed = Fed::live((120, 36));
    fed.connect();
    fed.connect();
    let mut fed = fed.press("1 f");
    fed.kit = fed.kit.text("len > 100").press("Enter").rest();
    fed.kit.shows("no connection matches");
    let opened = fed.press("Enter");
    assert_eq!(opened.kit.app.screen, ScreenId::Connections, "a hidden connection is not opened");
    let mut fed = opened;
    fed.say(1);
    fed.kit = fed.kit.rest();
    let shown = |fed: &Fed| fed.kit.app.shared.shown_connections(&fed.kit.session.index()).unwrap().len();
    assert_eq!(shown(&fed), 1);
    fed.say(3);
    fed.kit = fed.kit.rest();
    assert_eq!(shown(&fed), 2);
    // Complete messages are searched too, while data arrives.
    let mut fed = fed.press("f Ctrl-u");
    fed.kit = fed.kit.text("text contains \"8901234567\"").press("Enter").rest();
    assert_eq!(shown(&fed), 2, "{}", fed.kit.shown());
    let mut fed = fed.press("f Ctrl-u");
    fed.kit = fed.kit.text("text contains \"nothing like it\"").press("Enter").rest();
    assert_eq!(shown(&fed), 0);
}
