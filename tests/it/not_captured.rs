//! What the capture lacks of an opening handshake is shown as not captured, in every view.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, pcap};

fn wslens(arguments: &[&str], file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wslens"))
        .args(arguments)
        .arg(file)
        .env_remove("SSLKEYLOGFILE")
        .output()
        .unwrap();
    assert!(output.stderr.is_empty() || output.status.code() == Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Connections whose handshakes are before the capture's beginning.
fn midstream() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/midstream/capture.pcapng")
}

const SERVER: &str = "127.0.0.1:18102";

#[test]
fn a_path_that_was_not_captured_is_not_made_up() {
    let file = midstream();
    let table = wslens(&["read", "--format", "table"], &file);
    let head = table.lines().next().unwrap();
    assert!(head.contains(&format!("{SERVER} (path not captured)")), "{head}");
    assert!(head.contains("handshake not captured") && !head.contains("no answer"), "{head}");
    let list = wslens(&["read", "--format", "table", "--level", "connections"], &file);
    assert!(list.contains("path not captured") && !list.contains("ws://"), "{list}");

    let records = wslens(&["read", "--level", "connections"], &file);
    assert_eq!(records.matches("\"url\":null,\"http_version\":null").count(), 12, "{records}");
    let csv = wslens(&["read", "--level", "connections", "--format", "csv"], &file);
    assert!(!csv.contains("ws://") && !csv.contains(",1.1,"), "{csv}");
    let stats = wslens(&["stats"], &file) + &wslens(&["stats", "--format", "ndjson"], &file);
    assert!(!stats.contains("ws://") && stats.contains("\"url\":null"), "{stats}");

    for filter in ["path == \"/\"", "url contains ws", "host contains 127", "http_version == \"1.1\""] {
        assert_eq!(wslens(&["read", "--level", "connections", "-Y", filter], &file), "", "{filter}");
    }
    assert!(!wslens(&["read", "--level", "connections", "-Y", "server.port == 18102"], &file).is_empty());

    let story = wslens(&["story"], &file);
    assert!(story.contains("the path was not captured") && !story.contains("ws://"), "{story}");
    assert!(story.contains("The opening handshake was not captured"), "{story}");
    assert!(!story.contains("No answer"), "{story}");
    let handshake = wslens(&["handshake"], &file);
    assert!(handshake.contains(&format!("{SERVER} (path not captured)")), "{handshake}");
    for format in ["sarif", "junit", "ndjson", "table"] {
        let check = wslens(&["check", "--fail-on", "never", "--format", format], &file);
        assert!(!check.contains("ws://"), "{format}: {check}");
    }
}

/// The near case: a request that was captured and not answered has its path.
#[test]
fn a_request_without_a_response_has_its_path() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:9001").text(C2S, "a").text(S2C, "b");
    let script = Script::new(&talk, &Split::Writes(1460)).acked();
    let response = script.data(S2C)[0];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let packets = script.lose(response).packets();
    std::io::Write::write_all(&mut file, &pcap(&packets, PcapFormat::default())).unwrap();
    let table = wslens(&["read", "--format", "table"], file.path());
    let head = table.lines().next().unwrap();
    assert!(head.contains("ws://") && head.contains("no answer captured"), "{table}");
    let mermaid = wslens(&["read", "--level", "connections"], file.path());
    assert!(mermaid.contains("\"http_version\":\"1.1\""), "{mermaid}");
}
