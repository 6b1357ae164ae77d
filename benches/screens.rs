//! Measures the screens on messages that are a single line of 1 MB. Prints the CPU time of the most costly event of
//! each task in milliseconds, one row for each kind of payload.
//!
//! ```text
//! cargo bench --bench screens                       # all kinds
//! cargo bench --bench screens -- chinese            # kinds with this prefix
//! cargo bench --bench screens -- make FILE          # writes a capture with a message of each kind
//! ```
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "../tests/support/effort.rs"]
mod effort;
#[path = "../tests/support/forge.rs"]
mod forge;
#[path = "../tests/support/long.rs"]
mod long;

use forge::{Conversation, S2C, TEXT, capture_of};
use long::{KINDS, Screens, TASKS};

/// Bytes of a payload: the most that is loaded of a message.
const LEN: usize = 1 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let [make, file] = args.as_slice()
        && make == "make"
    {
        let talk = KINDS.iter().fold(Conversation::new("10.0.0.1:50000", "10.0.0.2:80"), |talk, kind| {
            talk.message(S2C, TEXT, &kind.payload(LEN))
        });
        std::fs::write(file, capture_of(&[&talk.closed(1000)])).expect("the file can be written");
        return;
    }
    print!("{:<14}", "kind");
    TASKS.iter().for_each(|(task, _)| print!("{task:>9}"));
    println!();
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| name.starts_with(arg.as_str()));
    for kind in KINDS.iter().filter(|kind| wanted(kind.0)) {
        let bytes = kind.payload(LEN);
        let mut screens = Screens::open(&[bytes.clone(), bytes], true, (80, 24));
        print!("{:<14}", kind.0);
        for (_, task) in &TASKS {
            print!("{:>9.1}", task(&mut screens).as_secs_f64() * 1e3);
            let _ = std::io::Write::flush(&mut std::io::stdout());
        }
        println!();
    }
}
