//! The command line.

pub mod explain;
pub mod handshake;
pub mod style;

/// Runs the program; returns its exit code.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
