//! Our captures, damaged at random: each is read to its end, and what is printed keeps the contract.
//! `cargo bench --bench mutate` does the same many thousand times.

use std::path::Path;

use serde_json::Value;

use crate::support::forge::Rng;
use crate::support::mutate::{mutate, output, packets_of};

#[test]
fn a_damaged_capture_is_read_to_its_end_and_counted_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut rng = Rng::new(6455);
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).expect("captures") {
        let Ok(file) = std::fs::read(entry.expect("an entry").path().join("capture.pcapng")) else {
            continue;
        };
        let packets = packets_of(&file);
        for _ in 0..12 {
            let damaged = mutate(&file, &packets, &mut rng);
            let printed = output(damaged);
            let text = String::from_utf8(printed).expect("UTF-8");
            let records: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let Some(summary) = records.last() else { continue };
            assert_eq!(summary["kind"], "summary");
            let connections = records.iter().filter(|record| record["kind"] == "connection").count() as u64;
            assert_eq!(summary["websockets"].as_u64(), Some(connections), "{summary}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}
