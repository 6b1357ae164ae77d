//! What the documents say is what the code does.
//!
//! `WSLENS_BLESS=1 cargo test docs` writes `docs/RULES.md` and `docs/KEYS.md` again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use wslens::model::{Rule, Severity};
#[cfg(feature = "tls")]
use wslens::tls;
use wslens::{capture, http, net, pipeline, tcp, ws};

/// The rules of each room, in the order in which a reader wants them.
const CHAPTERS: &[(&str, &[&Rule])] = &[
    ("Opening handshake", http::rules::ALL),
    ("HTTP/2", http::http2::rules::ALL),
    ("Frames and messages", ws::rules::ALL),
    #[cfg(feature = "tls")]
    ("TLS and key logs", tls::rules::ALL),
    ("TCP", tcp::rules::ALL),
    ("Packets", net::rules::ALL),
    ("Capture files", capture::rules::ALL),
    ("Limits of the analysis", pipeline::rules::ALL),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `docs/RULES.md` as the rules are.
fn rules_document() -> String {
    let mut out = String::from(
        "# Rules\n\n\
        <!-- Written by `WSLENS_BLESS=1 cargo test docs` from src/*/rules.rs. -->\n\n\
        What wslens reports. Codes never change their meaning.\n\n\
        - **error**: the protocol was broken, or data is lost.\n\
        - **warning**: suspicious, or less can be seen than there was.\n\
        - **info**: worth knowing.\n",
    );
    for (title, rules) in CHAPTERS {
        write!(out, "\n## {title}\n").unwrap();
        for Rule { code, severity, reference, summary, causes, remedy, peer, .. } in *rules {
            let standard = if *reference == "-" { String::new() } else { format!(" · {reference}") };
            write!(
                out,
                "\n### `{code}`\n\n**{}**{standard}\n\n{}\n\n- Usual causes: {}\n- What to do: {}\n- How a peer reacts: {}\n",
                severity.name(),
                plain(summary.en),
                plain(causes.en),
                plain(remedy.en),
                plain(peer.en)
            )
            .unwrap();
        }
    }
    out
}

/// Text that Markdown shows as it is, but for what stands between backticks.
fn plain(text: &str) -> String {
    let escape =
        |part: &str| part.replace('\\', "\\\\").replace('<', "\\<").replace('*', "\\*").replace('_', "\\_");
    let parts = text.split('`').enumerate();
    parts
        .map(|(n, part)| if n % 2 == 0 { escape(part) } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("`")
}

#[test]
fn the_rules_document_says_what_the_rules_say() {
    let (path, expected) = (root().join("docs/RULES.md"), rules_document());
    if std::env::var_os("WSLENS_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(expected.lines()).position(|(a, b)| a != b);
    assert!(
        written == expected,
        "docs/RULES.md, line {:?}: WSLENS_BLESS=1 cargo test docs",
        differs.map(|n| n + 1)
    );
}

/// A newcomer needs two commands: one that shows something, and one that runs all tests.
#[test]
fn the_readme_has_the_two_commands() {
    let readme = read(&root().join("README.md"));
    assert!(readme.contains(
        "\n$ cargo run --release --no-default-features -- read captures/chat-deflate/capture.pcapng\n"
    ));
    assert!(readme.contains("\n    .ci/install && cargo test\n"));
}

/// What the README shows of the UI is a picture of it, and its keys are keys.
#[test]
fn the_readme_shows_the_screens_as_they_are() {
    let pictures: Vec<String> = ["messages", "frame"]
        .iter()
        .map(|name| read(&root().join(format!("docs/screens/{name}.txt"))).trim_end().to_owned())
        .collect();
    let shown = blocks("screen");
    assert!(!shown.is_empty());
    for block in shown {
        assert!(pictures.contains(&block.join("\n")), "docs/screens.sh draws: {block:#?}");
    }
}

#[test]
fn the_filters_document_has_the_table_of_fields() {
    const MARKS: [&str; 2] = [
        "<!-- Written by `WSLENS_BLESS=1 cargo test docs` from src/filter/field.rs. -->\n\n",
        "\n<!-- The table ends. -->",
    ];
    let path = root().join("docs/FILTERS.md");
    let text = read(&path);
    let (before, rest) = text.split_once(MARKS[0]).expect("where the table begins");
    let (table, after) = rest.split_once(MARKS[1]).expect("where the table ends");
    let expected = wslens::filter::field::markdown();
    if std::env::var_os("WSLENS_BLESS").is_some() {
        fs::write(&path, format!("{before}{}{expected}{}{after}", MARKS[0], MARKS[1])).unwrap();
    } else {
        assert!(table == expected, "docs/FILTERS.md: WSLENS_BLESS=1 cargo test docs");
    }
}

#[test]
fn the_filters_of_the_documents_are_filters() {
    let mut count = 0;
    for block in read(&root().join("docs/FILTERS.md")).split("```text\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            let filter = line.split("   ").next().unwrap();
            wslens::filter::parse(filter).unwrap_or_else(|error| panic!("{error}"));
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    for text in ["README.md", "src/cli/args.rs"].map(|file| read(&root().join(file))) {
        for example in text.split("-Y '").skip(1) {
            let (filter, _) = example.split_once('\'').unwrap();
            wslens::filter::parse(filter).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn the_keys_document_says_what_the_keys_do() {
    let (path, expected) = (root().join("docs/KEYS.md"), wslens::tui::commands::markdown());
    if std::env::var_os("WSLENS_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "docs/KEYS.md: WSLENS_BLESS=1 cargo test docs");
}

#[test]
fn the_rules_document_lists_every_rule_once() {
    let listed: Vec<&str> = CHAPTERS.iter().flat_map(|(_, rules)| *rules).map(|rule| rule.code).collect();
    let unique: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), unique.len(), "two rules have one code");
    let rooms = pipeline::RULES.iter().chain([&capture::rules::ALL]);
    let all: BTreeSet<&str> = rooms.flat_map(|rules| *rules).map(|rule| rule.code).collect();
    assert_eq!(unique, all);
}

#[test]
fn a_rule_is_written_for_people() {
    for rule in CHAPTERS.iter().flat_map(|(_, rules)| *rules) {
        let Rule { code, severity, reference, summary, causes, remedy, peer, .. } = rule;
        assert!(code.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')), "{code}");
        assert!(!code.starts_with('-') && !code.ends_with('-') && !code.contains("--"), "{code}");
        for sentence in [summary.en, causes.en, remedy.en, peer.en] {
            assert!(
                sentence.ends_with(['.', ')', ':']) && !sentence.contains(['\n', '\t']),
                "{code}: {sentence:?}"
            );
        }
        // An error names the standard that is broken.
        assert!(
            *severity < Severity::Error
                || *reference != "-"
                || matches!(*code, "desynchronised" | "tls-lost"),
            "{code}"
        );
    }
}

/// All Markdown of the project.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// The name that a heading has in links.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut checked = 0;
    for document in documents() {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link}", document.display());
            if !place.is_empty() {
                let there = read(&target)
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == place);
                assert!(there, "{}: {link}", document.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} links were found");
}

/// The lines of the README's fenced blocks of one kind, a block a row.
fn blocks(kind: &str) -> Vec<Vec<String>> {
    let text = read(&root().join("README.md"));
    let fence = format!("```{kind}\n");
    let found = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    found.map(|block| block.lines().map(str::to_owned).collect()).collect()
}

/// The bytes at the start of a line: pairs of hexadecimal digits, until two blanks.
fn hex_of(line: &str) -> Vec<u8> {
    let digits = line.split("  ").next().unwrap_or_default();
    digits
        .split(' ')
        .filter(|pair| !pair.is_empty())
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_readme_shows_bytes_of_its_capture() {
    let capture = fs::read(root().join("captures/chat-deflate/capture.pcapng")).unwrap();
    let frames = blocks("hex");
    assert!(!frames.is_empty());
    for lines in &frames {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| hex_of(line)).collect();
        assert!(bytes.len() > 1 && holds(&capture, &bytes), "{lines:#?}");
    }
    let heads = blocks("http");
    assert_eq!(heads.len(), 2, "a request and a response");
    for line in heads.iter().flatten() {
        assert!(holds(&capture, format!("{line}\r\n").as_bytes()), "{line}");
    }
}

#[test]
fn the_readme_computes_the_accept_value_right() {
    let heads = blocks("http").concat();
    let value = |name: &str| heads.iter().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let mut hash = Sha1::new();
    hash.update(value("Sec-WebSocket-Key:"));
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = hash.finalize();
    assert_eq!(base64::engine::general_purpose::STANDARD.encode(digest), value("Sec-WebSocket-Accept:"));
    assert!(read(&root().join("README.md")).contains(&hex::encode(digest)), "the digest on the way");
}

#[test]
fn the_readme_unmasks_and_inflates_right() {
    let rows: Vec<Vec<u8>> = blocks("xor").concat().iter().map(|line| hex_of(line)).collect();
    let [sent, key, payload] = &rows[..] else { panic!("three rows: {rows:?}") };
    assert!(key.iter().zip(key.iter().skip(4)).all(|(a, b)| a == b), "the key repeats");
    let unmasked: Vec<u8> = sent.iter().zip(key).map(|(byte, key)| byte ^ key).collect();
    assert_eq!(unmasked, *payload);
    let frame = blocks("hex").remove(0).iter().flat_map(|line| hex_of(line)).collect::<Vec<u8>>();
    assert!(frame.ends_with(&[&key[..4], sent].concat()), "they are those of the frame");
    let whole = [&payload[..], &[0x00, 0x00, 0xff, 0xff]].concat();
    let mut text = Vec::with_capacity(100);
    flate2::Decompress::new(false).decompress_vec(&whole, &mut text, flate2::FlushDecompress::Sync).unwrap();
    assert_eq!(text, b"Hello");
}
