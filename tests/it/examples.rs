//! The examples of the library print what they say. `cargo test` builds them; a run of this test alone may lack them.

use std::path::PathBuf;
use std::process::Command;

/// What an example prints, if it was built.
fn printed(name: &str, arguments: &[&str]) -> Option<String> {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        eprintln!("\n*** SKIPPED: the example {name} is not built; `cargo test` builds it ***");
        return None;
    }
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_sink_of_its_own_prints_messages() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/chat-deflate/capture.pcapng");
    let Some(out) = printed("messages", &[capture]) else { return };
    assert!(out.contains("#1 -> packet 17   ok    frag-1 frag-2 frag-3\n"), "{out}");
    assert!(out.ends_with("#1 ended\n39 packets, 19 messages\n"), "{out}");
    assert!(!out.contains('\x1b'), "captured text is safe");
}

#[test]
fn packets_can_be_pushed() {
    let Some(out) = printed("push", &[]) else { return };
    assert_eq!(out, "connection 1 opened\nmessage 1 in packet 5: Some(\"Hello\")\n1 WebSocket\n");
}
