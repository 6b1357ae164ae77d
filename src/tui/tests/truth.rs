//! For every capture, the UI shows the same as the command line.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::kit::{Kit, repository};
use crate::capture::{Capture, Input};
use crate::drive::run;
use crate::filter::{Level as Of, Levels, Matcher};
use crate::pipeline::{Limits, Pipeline};
use crate::report::ndjson::Ndjson;
use crate::report::{PayloadMode, Report as _, Selection as Wanted};
use crate::store::{FindingRow, Marks, Options, Session};
use crate::tui::screens::ScreenId;
use crate::tui::shared::{Ctx, Selection};

/// Maximum size of a capture: the order is tested, not the size.
const MOST: u64 = 3 << 20;

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() && name.ends_with("hostile") {
            // These captures take long.
        } else if path.is_dir() {
            collect(&path, found);
        } else if [".pcap", ".pcapng", ".cap", ".gz"].iter().any(|end| name.ends_with(end))
            && entry.metadata().is_ok_and(|data| data.len() < MOST)
        {
            found.push(path);
        }
    }
}

/// All captures of the repository, and of the corpus if it is present.
fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["captures", "../shared/corpus", "../shared/cases"] {
        collect(&repository(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 20, "the captures were found");
    found
}

/// Writes copies of a capture into a folder, each without another one of its packets. Returns their paths.
fn copies_without_a_packet(name: &str, folder: &Path) -> Vec<PathBuf> {
    const ENHANCED_PACKET: u32 = 6;
    let file = std::fs::read(repository(&format!("captures/{name}/capture.pcapng"))).unwrap();
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut paths = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let end = at + number(at + 4) as usize;
        if number(at) == ENHANCED_PACKET {
            let path = folder.join(format!("{}.pcapng", paths.len() + 1));
            std::fs::write(&path, [&file[..at], &file[end..]].concat()).unwrap();
            paths.push(path);
        }
        at = end;
    }
    paths
}

/// The command line's records of the messages of a capture.
fn records(path: &Path) -> Option<Vec<Value>> {
    let mut capture = Capture::from_bytes(std::fs::read(path).unwrap()).ok()?;
    let selection = Wanted { levels: Levels::MESSAGES, payload: PayloadMode::Full, ..Wanted::default() };
    let mut out = Vec::new();
    let mut sink = Ndjson::new(&mut out, selection, false);
    let summary = run(&mut capture, &mut Pipeline::new(Limits::default()), &mut sink, |_, _| true);
    sink.finish(&summary).unwrap();
    let lines = String::from_utf8(out).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    Some(records.filter(|record| record["kind"] == "message").collect())
}

/// The UI with a capture that is read to its end.
fn open(path: &Path) -> Option<Kit> {
    let mut session = Session::open(&[Input::from(path.to_owned())], Options::default()).ok()?;
    session.wait();
    Some(Kit::start(session, "capture.pcapng", 120, 36).rest())
}

impl Kit {
    fn look_at(mut self, connection: u32, screen: ScreenId) -> Self {
        self.app.shared.selection = Selection { connection, message: 0, frame: 0 };
        let mut effects = Vec::new();
        self.app.screen = ScreenId::Connections;
        self.app.go(screen, &self.session.index(), &mut effects);
        self.tick(100);
        self.tick(100);
        self
    }
}

#[test]
fn messages_are_in_the_order_of_the_command_line() {
    let mut tangled = 0;
    let folder = tempfile::tempdir().unwrap();
    let copies = copies_without_a_packet("chat-deflate", folder.path());
    assert_eq!(copies.len(), 39);
    for path in captures().into_iter().chain(copies) {
        let Some(mut kit) = open(&path) else { continue };
        let Some(records) = records(&path) else { continue };
        let numbers: Vec<u32> = kit.session.index().connections.iter().map(|row| row.id.0).collect();
        for connection in numbers {
            kit = kit.look_at(connection, ScreenId::Messages);
            let index = kit.session.index();
            let rows = index.messages(connection);
            tangled += usize::from(index.is_tangled(connection, false));
            let listed = kit.messages().listed().into_iter().flatten();
            let listed =
                listed.filter(|number| !rows.get(*number as usize - 1).unwrap().marks.has(Marks::UNFINISHED));
            let of: Vec<&Value> = records.iter().filter(|record| record["conn"] == connection).collect();
            let expected: Vec<u64> = of.iter().map(|record| record["msg"].as_u64().unwrap()).collect();
            assert_eq!(listed.collect::<Vec<_>>(), expected, "{}, connection {connection}", path.display());
            for record in of {
                let number = record["msg"].as_u64().unwrap();
                let row = rows.get(number as usize - 1).unwrap();
                let place = format!("{}, connection {connection}, message {number}", path.display());
                assert_eq!(record["integrity"], row.integrity.name(), "{place}");
                assert_eq!(record["len"].as_u64(), row.len(), "{place}");
                let preview = index.preview(connection, number);
                let certain = match (record["text"].as_str(), record["hex"].as_str()) {
                    (Some(text), _) => text.as_bytes().to_vec(),
                    (None, Some(hex)) => hex::decode(hex).unwrap(),
                    (None, None) => Vec::new(),
                };
                if record["compressed"] == true && record["len"].is_null() {
                    assert!(preview.is_empty(), "{place}: compressed bytes are shown as the message");
                } else {
                    assert!(certain.starts_with(preview), "{place}");
                    let missing = record["missing_at"].as_u64().unwrap_or(u64::MAX) as usize;
                    assert_eq!(preview.len(), certain.len().min(64).min(missing), "{place}");
                }
            }
        }
    }
    assert!(tangled > 2, "some captures lack packets: {tangled}");
}

#[test]
fn later_events_are_lower_in_the_ladder() {
    let mut looked = 0;
    for path in captures() {
        let Some(mut kit) = open(&path) else { continue };
        let numbers: Vec<u32> = kit.session.index().connections.iter().map(|row| row.id.0).collect();
        for connection in numbers.into_iter().take(30) {
            kit = kit.look_at(connection, ScreenId::Ladder);
            let index = kit.session.index();
            // Frames before the 101 are drawn after it: the handshake comes first.
            let is_early = |finding: &&FindingRow| {
                finding.connection.is_some_and(|id| id.0 == connection)
                    && finding.rule.code == "data-before-handshake"
            };
            if index.findings.iter().any(|finding| is_early(&finding)) {
                continue;
            }
            let times = kit.ladder().times(&Ctx { index: &index, shared: &kit.app.shared });
            looked += times.len();
            for pair in times.windows(2) {
                assert!(pair[0] <= pair[1], "{}, connection {connection}: {pair:?}", path.display());
            }
        }
    }
    assert!(looked > 1000);
}

#[test]
fn a_gap_has_a_row_and_compressed_bytes_are_never_text() {
    let mut kit = Kit::open("gap-deflate", 120, 36).press("3").rest();
    let lines = kit.lines();
    let row = |words: &str| {
        lines.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {lines:#?}"))
    };
    let numbers: Vec<String> = lines[3..14]
        .iter()
        .map(|line| line.chars().skip(2).take(5).collect::<String>().trim().to_owned())
        .collect();
    assert_eq!(numbers, ["#", "1", "2", "3", "", "4", "7", "5", "8", "6", "9"]);
    assert_eq!(row("29 bytes of the client are missing here"), 7);
    assert!(
        lines[8].contains("cannot be decoded") || lines[8].contains("cannot be decompressed"),
        "{}",
        lines[8]
    );
    assert!(!kit.shown().contains("Q9") && !kit.shown().contains(" -"), "{}", kit.shown());
    kit.shows("Messages  9 of 9");
    // The gap can be selected, and Enter explains it.
    kit = kit.press("g j j j").rest();
    kit.shows("29 bytes of what the client sent").shows("not in the capture");
    let kit = kit.press("Enter").rest();
    assert_eq!(kit.app.screen, ScreenId::Findings);
    kit.shows("tcp-gap").shows("What we see");
    // On the ladder too.
    let kit = Kit::open("gap-deflate", 120, 36).press("5").rest();
    kit.shows("29 bytes of the client are missing here");
    assert!(!kit.shown().contains("Q9"), "{}", kit.shown());
}

#[test]
fn a_message_that_cannot_be_decompressed_is_never_shown_as_text() {
    let mut kit = Kit::open("gap-deflate", 120, 36).press("3").rest();
    kit.app.shared.selection = Selection { connection: 1, message: 4, frame: 0 };
    for size in [(80, 24), (120, 36), (200, 60)] {
        let mut shown = kit.resize(size.0, size.1).press("3").rest();
        for key in ["Enter", "Tab", "4", "8", "5", "6"] {
            shown = shown.press(key).rest();
            let screen = shown.shown();
            // Next to their digits, bytes are shown as bytes.
            let as_text = screen.lines().any(|line| line.contains("\"Q9") && !line.contains("22 51 39"));
            assert!(!as_text, "{key} at {size:?}\n{screen}");
        }
        kit = shown.press("3").rest();
        kit.app.shared.selection = Selection { connection: 1, message: 4, frame: 0 };
    }
    // A search does not find the bytes, and n moves in the order of the list.
    let kit = kit.resize(120, 36).press("Enter").rest();
    kit.shows("[hex]").shows("as sent");
    let kit = kit.press("n").rest();
    assert_eq!(kit.app.shared.selection.message, 7);
}

#[test]
fn a_message_with_a_gap_shows_its_known_bytes() {
    let kit = Kit::open("gap-plain", 120, 36).press("3").rest();
    kit.shows("gap: 1 448 bytes missing behind the first 4 340: line 0000");
}

/// The connections that `wslens read --level connections -Y` selects.
fn chosen(path: &Path, filter: &str) -> Vec<u32> {
    let mut capture = Capture::from_bytes(std::fs::read(path).unwrap()).unwrap();
    let matcher = Matcher::new(crate::filter::parse(filter).unwrap(), Levels::of(Of::Connection));
    let selection =
        Wanted { levels: Levels::CONNECTIONS, filter: Some(Box::new(matcher)), ..Wanted::default() };
    let mut limits = Limits::default();
    (limits.depth.payloads, limits.depth.frames, limits.depth.frame_payloads) = (true, true, true);
    (limits.depth.hash, limits.depth.keep) = (true, 64 << 20);
    let mut out = Vec::new();
    let mut sink = Ndjson::new(&mut out, selection, false);
    let summary = run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
    sink.finish(&summary).unwrap();
    let lines = String::from_utf8(out).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let records = records.filter(|record| record["kind"] == "connection");
    let mut chosen: Vec<u32> = records.map(|record| record["conn"].as_u64().unwrap() as u32).collect();
    chosen.sort_unstable();
    chosen
}

/// Filters on fields of each level.
const FILTERS: [&str; 24] = [
    "severity == warning",
    "severity >= error",
    "code == tcp-reset",
    "code == tcp-gap and state == closed",
    "text contains \"o\"",
    "text contains \"ok\" and not op == ping",
    "op == close",
    "not op == text",
    "op != text",
    "len > 180",
    "wire > 10000",
    "integrity != ok",
    "compressed",
    "fin == false",
    "rsv1 and dir == c2s",
    "not masked",
    "offset > 5000",
    "frames > 1",
    "rtt > 1us",
    "json.user",
    "hello",
    "market or 1006",
    "close.code == 1000",
    "sha256 == 185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969",
];

#[test]
fn a_filter_selects_the_connections_of_the_command_line() {
    let mut found = std::collections::BTreeMap::<&str, usize>::new();
    for path in captures().into_iter().filter(|path| !path.to_string_lossy().contains("shared")) {
        let mut kit = open(&path).unwrap();
        kit.app.screen = ScreenId::Connections;
        let of = kit.session.index().connections.len();
        for filter in FILTERS {
            kit = kit.press("f Ctrl-u").text(filter).rest();
            let expected = chosen(&path, filter);
            *found.entry(filter).or_default() += expected.len();
            // The count while typing equals the number of rows.
            let count = format!("{} of {of}", expected.len());
            // A long filter leaves no room for the count.
            let searched = kit.shown().contains("to be searched") || filter.len() > 60;
            assert!(searched || kit.shown().contains(&format!("ok  {count}")), "{filter}\n{}", kit.shown());
            kit = kit.press("Esc").press("f Ctrl-u").text(filter).press("Enter").rest();
            let shown = kit.app.shared.shown_connections(&kit.session.index()).unwrap();
            assert_eq!(shown, expected, "{}: {filter}", path.display());
            kit.shows(&count);
            if expected.is_empty() && of > 0 {
                assert!(!kit.shown().contains("client "), "{filter}\n{}", kit.shown());
                let mut opened = kit.press("Enter");
                assert_eq!(opened.app.screen, ScreenId::Connections, "{filter}");
                opened = opened.press("3").rest();
                assert_eq!(opened.app.screen, ScreenId::Connections, "{filter}");
                kit = opened;
            }
            kit = kit.press("Ctrl-f").rest();
        }
    }
    let never: Vec<_> = found.iter().filter(|(_, count)| **count == 0).collect();
    assert!(never.is_empty(), "filters that choose nothing anywhere: {never:?}");
}
