//! The terminal UI in a real terminal: `tests/tui.sh` drives it through tmux.
//!
//! Skipped where there is no tmux; with `WSLENS_TUI=require` that fails.

use std::path::Path;
use std::process::{Command, Stdio};

/// What the script ends with where there is no tmux.
const NO_TMUX: i32 = 77;

#[test]
fn a_person_at_a_terminal_gets_along() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("bash")
        .arg(root.join("tests/tui.sh"))
        .arg(env!("CARGO_BIN_EXE_wslens"))
        .stdin(Stdio::null())
        .output();
    let required = std::env::var_os("WSLENS_TUI").is_some_and(|value| value == "require");
    let output = match output {
        Ok(output) if output.status.code() != Some(NO_TMUX) => output,
        _ => {
            assert!(!required, "the terminal UI needs bash and tmux to be tested");
            eprintln!("skipped: there is no tmux");
            return;
        }
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
}
