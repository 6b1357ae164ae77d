//! The table in the docs of `src/lib.rs` says who may import whom and who may touch what. It holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a room may need of the world outside: the word of the table, and how it looks in code.
const WORLD: [(&str, &[&str]); 7] = [
    ("terminal", &["crossterm", "signal_hook"]),
    ("files", &["std::fs", "File::", "tempfile", "memmap2"]),
    ("threads", &["std::thread", "thread::spawn", "thread::scope"]),
    ("environment", &["std::env", "env::var", "env::args"]),
    ("clock", &["Instant", "SystemTime", "Timestamp::now", "Zoned::now"]),
    ("streams", &["print!(", "println!(", "dbg!(", "stdin()", "stdout()", "stderr()"]),
    ("nothing at all", &["static mut", "thread_local!", "std::process::exit"]),
];

/// A row of the table.
#[derive(Debug)]
struct Room {
    name: String,
    uses: Vec<String>,
    touches: Vec<String>,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn lib() -> String {
    fs::read_to_string(source().join("lib.rs")).unwrap()
}

/// The rows of the table, in order.
fn table() -> Vec<Room> {
    let words = |cell: &str| -> Vec<String> {
        cell.replace('`', "").split_whitespace().filter(|word| *word != "–").map(str::to_owned).collect()
    };
    let rows = lib();
    let rows = rows.lines().filter_map(|line| line.strip_prefix("//! | "));
    let rooms: Vec<Room> = rows
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').collect();
            let [name, uses, touches] = cells[..] else { panic!("three cells: {row}") };
            Room { name: words(name).remove(0), uses: words(uses), touches: words(touches) }
        })
        .collect();
    assert!(rooms.len() > 9, "the table was found");
    rooms
}

/// A line of code with the place where it stands.
struct Line {
    file: String,
    number: usize,
    text: String,
}

/// The lines of all files but comments and tests, by file.
fn code() -> Vec<Line> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs") {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut files = vec![];
    walk(&source(), &mut files);
    files.sort();
    let mut lines = vec![];
    for path in files {
        let file = path.strip_prefix(source()).unwrap().to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let mut rows = text.lines().enumerate().peekable();
        while let Some((i, row)) = rows.next() {
            // Tests stand at the foot of their file.
            if row == "#[cfg(test)]" && rows.peek().is_some_and(|(_, next)| next.ends_with('{')) {
                break;
            }
            let bare = row.trim_start();
            if bare.starts_with("//") {
                continue;
            }
            let text = bare.split(" // ").next().unwrap_or(bare).to_owned();
            lines.push(Line { file: file.clone(), number: i + 1, text });
        }
    }
    assert!(lines.len() > 5000, "the sources were found");
    lines
}

/// The row that a file belongs to: `cli/style.rs`, and what is below `cli/style/`, to `cli::style` if there is one,
/// else to `cli`.
fn room_of<'a>(file: &str, rooms: &'a [Room]) -> Option<&'a Room> {
    let path = file.trim_end_matches(".rs").replace('/', "::");
    let is_in = |room: &Room| {
        path.strip_prefix(&room.name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    rooms.iter().filter(|room| is_in(room)).max_by_key(|room| room.name.len())
}

/// The paths below `crate::` that a line names, lists in braces taken apart once.
fn imports(text: &str) -> Vec<String> {
    let mut found = vec![];
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let of = |rest: &str| -> String {
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()
        };
        match rest.strip_prefix('{') {
            Some(list) => found.extend(list.split(',').map(|item| of(item.trim()))),
            None => found.push(of(rest)),
        }
    }
    found.retain(|path| !path.is_empty() && !path.starts_with("rules!") && path != "rules");
    found
}

#[test]
fn every_folder_and_file_has_a_row_and_every_row_a_folder_or_file() {
    let rooms = table();
    for line in code() {
        let outside = ["lib.rs", "main.rs"].contains(&line.file.as_str());
        assert!(outside || room_of(&line.file, &rooms).is_some(), "{} has no row", line.file);
    }
    for room in &rooms {
        let path = source().join(room.name.replace("::", "/"));
        assert!(path.is_dir() || path.with_extension("rs").is_file(), "{} is no room", room.name);
    }
}

#[test]
fn a_row_names_only_rooms_above_it() {
    let rooms = table();
    for (i, room) in rooms.iter().enumerate() {
        for used in room.uses.iter().filter(|used| *used != "all") {
            assert!(rooms[..i].iter().any(|above| above.name == *used), "{} names {used}", room.name);
        }
    }
}

#[test]
fn rooms_import_what_the_table_allows() {
    let rooms = table();
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in code() {
        let Some(room) = room_of(&line.file, &rooms) else { continue };
        for path in imports(&line.text) {
            let first = path.split("::").next().unwrap_or_default();
            let target = room_of(&path.replace("::", "/"), &rooms);
            let Some(target) = target else { panic!("{}:{}: {first} is no room", line.file, line.number) };
            if target.name == room.name {
                continue;
            }
            let allowed = room.uses.iter().any(|name| *name == target.name || name == "all");
            assert!(allowed, "{}:{}: {} uses {}", line.file, line.number, room.name, target.name);
            used.entry(room.name.clone()).or_default().push(target.name.clone());
        }
    }
    // What the table allows is needed: it says what is, not what might be.
    for room in rooms.iter().filter(|room| room.uses != ["all"]) {
        for allowed in &room.uses {
            let needed = used.get(&room.name).is_some_and(|used| used.contains(allowed));
            assert!(needed, "{} does not use {allowed}: take it out of the table", room.name);
        }
    }
}

#[test]
fn rooms_touch_what_the_table_allows() {
    let rooms = table();
    for room in &rooms {
        for word in &room.touches {
            let known = word == "nothing" || WORLD.iter().any(|(name, _)| name == word);
            assert!(known, "{} touches {word}: no word of this test", room.name);
        }
    }
    for line in code() {
        let Some(room) = room_of(&line.file, &rooms) else { continue };
        for (word, signs) in WORLD {
            if room.touches.iter().any(|touched| touched == word) {
                continue;
            }
            for sign in signs {
                let touched = line.text.contains(sign);
                assert!(!touched, "{}:{}: {} touches {word}: {sign}", line.file, line.number, room.name);
            }
        }
    }
}

#[test]
fn nom_stays_in_the_files_that_parse_with_it() {
    let text = lib();
    let (_, rest) = text.split_once("nom is used in").expect("the list of files that use nom");
    let sentence = rest.split_once("\n//!\n").map_or(rest, |(sentence, _)| sentence);
    let named: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
    assert!(named.len() > 3, "{named:?}");
    let mut seen = vec![];
    for line in code() {
        let parses = line.text.contains("nom::") || line.text.contains("IResult");
        if !parses {
            continue;
        }
        assert!(named.contains(&line.file.as_str()), "{}:{} uses nom", line.file, line.number);
        let public = line.text.starts_with("pub ") || line.text.starts_with("pub(");
        assert!(!public, "{}:{}: a type of nom leaves its file", line.file, line.number);
        seen.push(line.file);
    }
    for file in named {
        assert!(seen.iter().any(|seen| seen == file), "{file} does not use nom: take it out of the list");
    }
}

/// The paths that the `use` items of a file name, in full, from the crate's root: `pipeline::events::Sink`.
fn used_paths(file: &str, text: &str) -> Vec<String> {
    /// Takes lists in braces apart.
    fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
        let Some((head, list)) = tree.split_once('{') else {
            return found.push(format!("{prefix}{tree}"));
        };
        let list = list.strip_suffix('}').unwrap_or(list);
        let (mut depth, mut from) = (0, 0);
        for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let item = &list[from..at];
                    if !item.is_empty() {
                        expand(&format!("{prefix}{head}"), item, found);
                    }
                    from = at + 1;
                }
                _ => {}
            }
        }
    }
    let module: Vec<&str> = file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let mut found = vec![];
    for item in text.split("use ").skip(1) {
        let Some((tree, _)) = item.split_once(';') else { continue };
        let tree: String = tree.chars().filter(|c| !c.is_whitespace()).collect();
        if let Some(rest) = tree.strip_prefix("crate::") {
            expand("", rest, &mut found);
            continue;
        }
        let mut rest = tree.as_str();
        let mut up = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, up) = (after, up + 1);
        }
        let base = &module[..module.len() - up];
        expand(&format!("{}::", base.join("::")), rest, &mut found);
    }
    found
}

/// The arrows between the files of a room: each file with those that it imports names from.
fn arrows(room: &str) -> BTreeMap<String, Vec<String>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for line in code().into_iter().filter(|line| line.file.starts_with(&format!("{room}/"))) {
        let text = files.entry(line.file).or_default();
        text.push_str(&line.text);
        text.push('\n');
    }
    let module = |file: &str| file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    let targets = |file: &str, text: &str| {
        let mut targets: Vec<String> = vec![];
        for path in used_paths(file, text) {
            let owner = files
                .keys()
                .filter(|other| path.strip_prefix(&module(other)).is_some_and(|rest| rest.starts_with("::")))
                .max_by_key(|other| module(other).len());
            targets.extend(owner.filter(|owner| *owner != file).cloned());
        }
        targets
    };
    files.iter().map(|(file, text)| (file.clone(), targets(file, text))).collect()
}

#[test]
fn no_file_of_the_pipeline_imports_a_file_that_imports_it() {
    let mut arrows = arrows("pipeline");
    assert!(arrows.values().map(Vec::len).sum::<usize>() > 50, "the imports were found: {arrows:?}");
    // Files without imports from those that are left are taken away, until none is: what stays is a circle.
    while let Some(file) = arrows
        .iter()
        .find(|(_, to)| !to.iter().any(|file| arrows.contains_key(file)))
        .map(|(file, _)| file.clone())
    {
        arrows.remove(&file);
    }
    assert!(arrows.is_empty(), "circles: {arrows:#?}");
}
