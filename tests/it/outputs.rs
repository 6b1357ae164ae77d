//! No output harms an input or another file, whatever they are called, and no file that another program shortens ends
//! the program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, pcap};

const WSLENS: &str = env!("CARGO_BIN_EXE_wslens");

/// A WebSocket with these messages of the server.
fn capture(messages: impl IntoIterator<Item = String>) -> Vec<u8> {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "begin");
    let talk = messages.into_iter().fold(talk, |talk, text| talk.text(S2C, &text));
    pcap(&Script::new(&talk, &Split::Writes(1460)).packets(), PcapFormat::default())
}

/// A folder with one capture, under three names.
fn folder() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(["one".to_owned(), "two".to_owned()]);
    fs::write(folder.path().join("a.pcap"), &bytes).unwrap();
    fs::hard_link(folder.path().join("a.pcap"), folder.path().join("hard.pcap")).unwrap();
    symlink("a.pcap", folder.path().join("soft.pcap")).unwrap();
    (folder, bytes)
}

fn wslens(folder: &Path, args: &str) -> Output {
    let mut command = Command::new(WSLENS);
    command.args(args.split(' ')).current_dir(folder).env_remove("SSLKEYLOGFILE");
    command.stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_capture_is_never_overwritten_by_what_is_read_of_it() {
    let (folder, bytes) = folder();
    let here = folder.path();
    fs::write(here.join("keys.log"), "# secrets\n").unwrap();
    fs::write(here.join("a.pcap.keys"), "# more secrets\n").unwrap();
    let before = fs::metadata(here.join("a.pcap")).unwrap();
    for args in [
        "read a.pcap -o a.pcap",
        "read a.pcap -o a.pcap --force",
        "read a.pcap -o ./a.pcap --no-mmap --force",
        "read a.pcap -o hard.pcap --force",
        "read a.pcap -o soft.pcap --force",
        "read soft.pcap -o a.pcap --force",
        "read hard.pcap -o soft.pcap --force",
        "a.pcap -o a.pcap --force",
        "check a.pcap --format sarif -o a.pcap --force",
        "check a.pcap --format junit -o soft.pcap --force",
        "stats a.pcap -o hard.pcap --force",
        "read keys.log a.pcap -o a.pcap --force",
        "read a.pcap --keylog keys.log -o keys.log --force",
        "read a.pcap -o a.pcap.keys --force",
    ] {
        if cfg!(not(feature = "tls")) && args.contains("keylog") {
            continue;
        }
        let output = wslens(here, args);
        assert_eq!(output.status.code(), Some(2), "{args}: {}", said(&output));
        assert!(said(&output).contains("is an input of this command"), "{args}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{args}");
    }
    let after = fs::metadata(here.join("a.pcap")).unwrap();
    assert_eq!(
        (after.ino(), after.mtime(), after.mtime_nsec()),
        (before.ino(), before.mtime(), before.mtime_nsec())
    );
    assert_eq!(fs::read(here.join("a.pcap")).unwrap(), bytes);
    assert_eq!(fs::read_to_string(here.join("keys.log")).unwrap(), "# secrets\n");
    assert_eq!(fs::read_to_string(here.join("a.pcap.keys")).unwrap(), "# more secrets\n");
    assert_eq!(names(here).len(), 5, "nothing else was made");
}

#[test]
fn standard_output_that_is_the_capture_is_refused() {
    let (folder, bytes) = folder();
    let file = fs::OpenOptions::new().append(true).open(folder.path().join("a.pcap")).unwrap();
    let mut command = Command::new(WSLENS);
    command.args(["read", "soft.pcap"]).current_dir(folder.path()).stdout(file);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(fs::read(folder.path().join("a.pcap")).unwrap(), bytes);
}

#[test]
fn existing_files_are_replaced_with_force_only_and_outputs_are_for_their_owner() {
    let (folder, _) = folder();
    let here = folder.path();
    fs::write(here.join("mine"), "mine").unwrap();
    for args in [
        "read a.pcap -o mine",
        "check a.pcap -o mine",
        "stats a.pcap -o mine",
        "build --text hi --pcapng mine",
    ] {
        let output = wslens(here, args);
        let code = if args.starts_with("build") { 3 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{args}: {}", said(&output));
        assert!(said(&output).contains("'mine' exists") && said(&output).contains("--force"), "{args}");
        assert_eq!(fs::read(here.join("mine")).unwrap(), b"mine", "{args}");
    }
    for args in ["read a.pcap --level all -o mine --force", "build --text hi --pcapng mine --force"] {
        let output = wslens(here, args);
        assert_eq!(output.status.code(), Some(0), "{args}: {}", said(&output));
        let about = fs::metadata(here.join("mine")).unwrap();
        assert!(about.len() > 300 && about.permissions().mode() & 0o777 == 0o600, "{args}");
    }
    // The same rows as on standard output.
    let printed = wslens(here, "read a.pcap --format csv");
    wslens(here, "read a.pcap --format csv -o rows.csv");
    assert_eq!(fs::read(here.join("rows.csv")).unwrap(), printed.stdout);
}

#[test]
fn devices_pipes_and_standard_output_are_written_as_they_are() {
    let (folder, _) = folder();
    let here = folder.path();
    let printed = wslens(here, "read a.pcap --format ndjson").stdout;
    assert!(!printed.is_empty());
    for name in ["-", "/dev/stdout", "/dev/fd/1"] {
        let output = wslens(here, &format!("read a.pcap --format ndjson -o {name}"));
        assert_eq!((output.status.code(), &output.stdout), (Some(0), &printed), "{name}: {}", said(&output));
    }
    // Also where standard output is a file that has something.
    let mut kept = fs::File::create(here.join("kept")).unwrap();
    kept.write_all(b"before\n").unwrap();
    let mut command = Command::new(WSLENS);
    command.args(["read", "a.pcap", "--format", "ndjson", "-o", "/dev/stdout"]).current_dir(here);
    assert!(command.stdout(kept).status().unwrap().success());
    assert_eq!(fs::read(here.join("kept")).unwrap(), [b"before\n", &printed[..]].concat());
    assert!(Command::new("mkfifo").arg(here.join("fifo")).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = here.join("fifo");
        move || fs::read(fifo).unwrap()
    });
    assert_eq!(wslens(here, "read a.pcap --format ndjson -o fifo").status.code(), Some(0));
    assert_eq!(reader.join().unwrap(), printed);
    let output = wslens(here, "read a.pcap --format ndjson -o /dev/full");
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("cannot write '/dev/full': No space left"), "{}", said(&output));
    assert!(!names(here).contains(&"-".to_owned()));
}

/// More than fits into a pipe, so that the program waits for its reader.
fn long_capture(folder: &Path) -> PathBuf {
    let path = folder.join("long.pcap");
    fs::write(&path, capture((0..4000).map(|n| format!("{n}:{}", "y".repeat(900 + n % 300))))).unwrap();
    path
}

#[test]
fn an_output_that_is_not_complete_does_not_appear() {
    let folder = tempfile::tempdir().unwrap();
    let long = long_capture(folder.path());
    let mut command = Command::new(WSLENS);
    command.arg("read").arg(&long).args(["--level", "all", "-o", "rows"]).current_dir(folder.path());
    let whole = command.output().unwrap();
    assert!(whole.status.success());
    let rows = fs::metadata(folder.path().join("rows")).unwrap().len();
    assert!(rows > 1 << 20);
    // Rows that do not fit on the disk give no file, and nothing under another name.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 500; exec \"$0\" \"$@\"", WSLENS, "read"]).arg(&long);
    command.args(["--level", "all", "-o", "short"]).current_dir(folder.path());
    let cut = command.output().unwrap();
    assert!(!cut.status.success());
    assert_eq!(names(folder.path()), ["long.pcap", "rows"]);
}

#[test]
fn a_file_that_is_shortened_while_it_is_read_ends_there() {
    let folder = tempfile::tempdir().unwrap();
    for (options, left) in
        [("", 0), ("", 2_000_003), ("", 4_100_000), ("--no-mmap", 0), ("--no-mmap", 2_000_003)]
    {
        let path = long_capture(folder.path());
        let len = fs::metadata(&path).unwrap().len();
        assert!(len > 4_200_000, "{len}");
        let mut command = Command::new(WSLENS);
        command.arg("read").arg(&path).args(["--level", "all", "--format", "ndjson"]);
        command.args(options.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        // The program has begun, and waits: nobody reads what it prints.
        let mut first = vec![0; 100];
        out.read_exact(&mut first).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(left).unwrap();
        let mut text = first;
        out.read_to_end(&mut text).unwrap();
        let output = child.wait_with_output().unwrap();
        let words = said(&output);
        assert_eq!(output.status.code(), Some(5), "{options} {left}: {words}");
        assert!(words.contains("capture-truncated"), "{options} {left}: {words}");
        let text = String::from_utf8(text).unwrap();
        let records: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let mut next = 0;
        for record in records.iter().filter(|record| record["kind"] == "message" && record["dir"] == "s2c") {
            assert_eq!(record["text"], format!("{next}:{}", "y".repeat(900 + next % 300)));
            next += 1;
        }
        let codes: Vec<_> = records.iter().filter(|record| record["kind"] == "finding").collect();
        let cut = codes.iter().filter(|finding| finding["code"] == "capture-truncated").count();
        assert_eq!(cut, 1, "{options} {left}: {codes:?}");
        // What was there was read: all before the cut, but for what the pipe made the program wait with.
        let there = u64::try_from(next).unwrap() * 1200;
        assert!(next < 4000 && there + 300_000 > left / 2, "{options} {left}: {next}");
        let summary = records.last().unwrap();
        assert_eq!((&summary["kind"], &summary["input_complete"]), (&"summary".into(), &false.into()));
    }
}

#[test]
fn long_messages_are_not_cut_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let text = "0123456789".repeat(20_000);
    fs::write(folder.path().join("a.pcap"), capture([text.clone(), "short".to_owned()])).unwrap();
    for level in ["messages", "frames"] {
        let output = wslens(folder.path(), &format!("read a.pcap --format ndjson --level {level}"));
        let noun = &level[..level.len() - 1];
        let note = format!(
            "note: 1 {noun} of up to 200000 bytes: only the first 65536 bytes are printed; --keep 200000 prints everything"
        );
        assert!(said(&output).contains(&note), "{level}: {}", said(&output));
        let output =
            wslens(folder.path(), &format!("read a.pcap --format ndjson --level {level} --keep 200000"));
        assert!(!said(&output).contains("note:"), "{level}: {}", said(&output));
    }
    let output = wslens(folder.path(), "read a.pcap --format ndjson --keep 200000");
    let said_it = String::from_utf8(output.stdout).unwrap();
    let whole =
        said_it.lines().any(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"] == *text);
    assert!(whole);
    for options in ["--payload none", "--payload hash", "-q"] {
        let output = wslens(folder.path(), &format!("read a.pcap --format ndjson {options}"));
        assert!(!said(&output).contains("--keep"), "{options}");
    }
}

#[test]
fn one_bad_file_among_many_keeps_none_from_being_read() {
    let (folder, bytes) = folder();
    let here = folder.path();
    fs::write(here.join("empty.pcap"), "").unwrap();
    fs::write(here.join("cut.pcap"), &bytes[..bytes.len() - 10]).unwrap();
    fs::write(here.join("text.pcap"), "no capture at all").unwrap();
    let rows = |output: &Output| String::from_utf8_lossy(&output.stdout).lines().count();
    let alone = rows(&wslens(here, "read a.pcap --format ndjson"));
    for (args, code, factor) in [
        ("read a.pcap", 0, 1),
        ("read empty.pcap a.pcap", 3, 1),
        ("read a.pcap text.pcap missing.pcap", 3, 1),
        ("read cut.pcap empty.pcap", 3, 1),
        ("read cut.pcap", 5, 1),
        ("read empty.pcap text.pcap", 3, 0),
    ] {
        let output = wslens(here, &format!("{args} --format ndjson"));
        assert_eq!(output.status.code(), Some(code), "{args}: {}", said(&output));
        if factor == 1 {
            assert!(rows(&output) + 2 >= alone, "{args}");
        }
        for bad in ["empty.pcap", "text.pcap", "missing.pcap"] {
            let words = said(&output);
            assert!(!args.contains(bad) || words.contains(bad) || factor == 0, "{args}: {words}");
        }
    }
    for command in ["stats", "check", "handshake"] {
        let output = wslens(here, &format!("{command} a.pcap empty.pcap"));
        assert_eq!(output.status.code(), Some(3), "{command}: {}", said(&output));
        assert!(said(&output).contains("'empty.pcap' is not a capture file (it is empty)"), "{command}");
    }
    // The finding stands beside those of the files that were read.
    let output = wslens(here, "check a.pcap empty.pcap --format ndjson --fail-on never");
    assert!(String::from_utf8_lossy(&output.stdout).contains("capture-bad-magic"));
}

#[test]
fn an_error_is_no_crash_where_nobody_reads_standard_error() {
    for (words, code) in [
        (&["stats", "/dev/null"][..], 3),
        (&["check", "captures/violations/capture.pcapng"], 1),
        (&["read", "captures/midstream/capture.pcapng", "--no-guess"], 0),
        (&["story"], 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
        command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(code), "{words:?}");
    }
}
