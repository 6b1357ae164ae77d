//! Every input at hand through its target, without a fuzzer: the seeds, what a fuzzer added to them, what broke.

use std::path::Path;

#[test]
fn no_input_at_hand_breaks_a_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for (name, target) in wslens_fuzz::TARGETS {
        target(b"");
        for folder in ["corpus", "artifacts"] {
            for entry in std::fs::read_dir(root.join(folder).join(name)).into_iter().flatten().flatten() {
                eprintln!("{}", entry.path().display());
                target(&std::fs::read(entry.path()).expect("a file"));
                count += 1;
            }
        }
    }
    if count == 0 {
        eprintln!("no inputs: cargo run --example seeds writes some");
    }
}

#[test]
fn every_target_has_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the manifest");
    for (name, _) in wslens_fuzz::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(root.join(format!("fuzz_targets/{name}.rs")).exists(), "{name}");
    }
}
