//! What the sandbox forbids, really tried. Nothing of it does any harm where it is not refused.

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

/// What was tried, and whether it was refused.
pub(super) fn all() -> Vec<(&'static str, bool)> {
    let exe = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let run = || {
        let mut command = Command::new(&exe);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    vec![
        ("to open a file that is not needed", is_refused(File::open("/etc/passwd").map(drop))),
        ("to create a file", is_refused(create())),
        ("to connect to a port", is_refused(TcpStream::connect(("127.0.0.1", 9)).map(drop))),
        ("to listen on a port", is_refused(TcpListener::bind(("127.0.0.1", 0)).map(drop))),
        ("to start a program", is_refused(run().map(drop))),
    ]
}

/// A file in the current directory, removed at once.
fn create() -> io::Result<()> {
    tempfile::tempfile_in(".").map(drop)
}

/// Whether the sandbox forbids it: what fails for another reason was possible.
fn is_refused(result: io::Result<()>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
