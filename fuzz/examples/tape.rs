//! Writes the packets that an input of the target `pipeline` stands for to standard output, as a capture file.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let file = std::env::args_os().nth(1).expect("usage: tape INPUT > FILE");
    let input = std::fs::read(file)?;
    std::io::stdout().write_all(&wslens_fuzz::pipeline::capture(&input))
}
