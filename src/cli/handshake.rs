//! `wslens handshake`: the accept value of a key.

use std::io::Write;

use super::style::Style;
use crate::explain::handshake::{write_check, write_steps};

const EXAMPLES: &str = "\
Examples:
  wslens handshake --key dGhlIHNhbXBsZSBub25jZQ==
  wslens handshake --key c3SkgVxVCDhVCp69PJFf3A== --accept yA9O5xGLp8SbwCV//OepMPw7pEI=

Exit codes: 0 done or the values match, 1 they do not.";

/// Computes or checks Sec-WebSocket-Accept.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct HandshakeArgs {
    /// The request's Sec-WebSocket-Key, as sent
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// The response's Sec-WebSocket-Accept, to be checked
    #[arg(long, value_name = "ACCEPT")]
    pub accept: Option<String>,
    // The handshakes of a capture: `file: Option<PathBuf>` goes here, `key` becomes optional, and `run`
    // chooses between the two.
}

/// Prints the steps, or the verdict on an accept value; answers the exit code.
///
/// # Errors
/// Where `out` cannot be written.
pub fn run(args: &HandshakeArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    let key = args.key.as_bytes();
    match &args.accept {
        Some(accept) => Ok(u8::from(!write_check(out, key, accept.as_bytes(), style)?)),
        None => {
            write_steps(out, key, style)?;
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_is_exit_code_1() {
        let run_on = |accept: Option<&str>| {
            let key = "dGhlIHNhbXBsZSBub25jZQ==".to_owned();
            let args = HandshakeArgs { key, accept: accept.map(str::to_owned) };
            run(&args, &mut Vec::new(), &Style::PLAIN).unwrap()
        };
        assert_eq!(run_on(None), 0);
        assert_eq!(run_on(Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), 0);
        assert_eq!(run_on(Some("wrong")), 1);
    }
}
