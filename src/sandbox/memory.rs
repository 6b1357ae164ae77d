//! A bound for the memory of the whole process.

use std::io;

/// Most bytes of memory that the process may have of its own: heap, stacks and other private memory, and none of the
/// captures that are mapped. Where more is asked for, the program says so and ends with this exit code.
/// `has_terminal`: whether the terminal UI has the terminal then, and has to give it back.
///
/// # Errors
/// Where the system refuses.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn limit(bytes: u64, code: i32, has_terminal: fn() -> bool) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    at_end::explain(code, has_terminal)?;
    let maximum = getrlimit(Resource::Data).maximum;
    let bytes = maximum.map_or(bytes, |maximum| maximum.min(bytes));
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?)
}

/// Elsewhere the system has no such bound.
///
/// # Errors
/// Always.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn limit(_: u64, _: i32, _: fn() -> bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Notes that the program panics: if it aborts now, memory is not the reason.
pub fn note_panic() {
    #[cfg(all(unix, not(target_os = "macos")))]
    at_end::HAS_PANICKED.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// What happens at the bound. The standard library says which allocation failed, and aborts.
#[cfg(all(unix, not(target_os = "macos")))]
mod at_end {
    use std::io;
    use std::os::fd::BorrowedFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::io::write;
    use rustix::stdio::{stderr, stdin, stdout};
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::SIGABRT;
    use signal_hook::low_level;

    pub(super) static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

    const WORDS: &[u8] =
        b"error: the memory that --mem-limit allows is used up; the output is not complete\n";
    /// Bracketed paste off, mouse off, the other screen off, cursor on.
    const GIVE_BACK: &[u8] =
        b"\x1b[?2004l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1049l\x1b[?25h";

    /// Turns an abort for want of memory into a sentence and an exit code.
    #[allow(unsafe_code)]
    pub(super) fn explain(code: i32, has_terminal: fn() -> bool) -> io::Result<()> {
        let terminal = tcgetattr(stdin()).ok();
        let action = move || {
            if HAS_PANICKED.load(Ordering::Relaxed) {
                return;
            }
            if has_terminal() {
                give_back(terminal.as_ref());
            }
            let _ = write(stderr(), WORDS);
            low_level::exit(code);
        };
        // SAFETY: the action makes system calls and reads flags. It allocates nothing, takes no lock and does not panic.
        unsafe { low_level::register(SIGABRT, action) }?;
        Ok(())
    }

    fn give_back(terminal: Option<&Termios>) {
        let _ = write(stdout(), GIVE_BACK);
        if let Some(terminal) = terminal {
            let input: BorrowedFd<'_> = stdin();
            let _ = tcsetattr(input, OptionalActions::Now, terminal);
        }
    }
}
