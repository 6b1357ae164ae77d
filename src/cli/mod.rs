//! The command line.

pub mod explain;
pub mod handshake;
pub mod run;
pub mod style;

/// Runs the program; returns its exit code.
pub fn main() -> std::process::ExitCode {
    use crate::capture::{Capture, Input, Options};
    let file = std::env::args().nth(1).unwrap_or_default();
    let level = std::env::args().nth(2).unwrap_or_default();
    let mut capture = match Capture::open(&[Input::from(std::path::PathBuf::from(file))], &Options::default())
    {
        Ok(capture) => capture,
        Err(error) => {
            eprintln!("{error}");
            return 3.into();
        }
    };
    let level = match level.as_str() {
        "messages" => crate::report::Level::Messages,
        "frames" => crate::report::Level::Frames,
        _ => crate::report::Level::All,
    };
    let selection = crate::report::Selection { level, ..Default::default() };
    let mut pipeline = crate::pipeline::Pipeline::new(crate::pipeline::Limits::default());
    let mut sink = crate::report::ndjson::Ndjson::new(std::io::stdout().lock(), selection, false);
    let summary = run::run(&mut capture, &mut pipeline, &mut sink, |_, _| true);
    let _ = sink.finish(&summary);
    0.into()
}
