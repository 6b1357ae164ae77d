//! Prints the messages of a capture file with a sink of its own.
//!
//! ```text
//! cargo run --example messages -- captures/chat-deflate/capture.pcapng
//! ```

use wslens::capture::{Capture, CaptureError, Input, Options};
use wslens::drive;
use wslens::model::{Direction, safe_text};
use wslens::pipeline::{Connection, Ended, Limits, Pipeline, Sink};
use wslens::ws::MessageEvent;

/// Prints a line for each message, and one for each connection that ends.
struct Printer;

impl Sink for Printer {
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let arrow = match message.direction {
            Direction::ClientToServer => "->",
            Direction::ServerToClient => "<-",
        };
        // Captured bytes may hold control characters: `safe_text` makes them harmless on a terminal.
        let text = match message.text {
            Some(text) => safe_text(text.chars().take(60).collect::<String>().as_bytes()),
            None => format!("{} bytes", message.bytes.len()),
        };
        let (packet, integrity) = (message.last.packet, message.integrity.name());
        println!("#{} {arrow} packet {packet:<4} {integrity:<5} {text}", connection.id);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        println!("#{} ended", ended.connection.id);
    }
}

fn main() -> Result<(), CaptureError> {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: messages FILE");
        return Ok(());
    };
    let mut capture = Capture::open(&[Input::from(std::path::PathBuf::from(path))], &Options::default())?;
    let mut pipeline = Pipeline::new(Limits::default());
    let summary = drive::run(&mut capture, &mut pipeline, &mut Printer, |_, _| true);
    println!("{} packets, {} messages", summary.packets, summary.totals.messages);
    Ok(())
}
