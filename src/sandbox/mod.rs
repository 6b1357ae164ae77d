//! What the process gives up for good before it looks at captured bytes.
//!
//! Comes in: a [`Plan`], which says what of the file system is still needed. Goes out: a [`Report`] of what holds.
//!
//! - **Landlock**: no file is opened beneath other directories than those of the plan, no program is started, no TCP
//!   port is bound or connected to, no signal is sent to other programs.
//! - **seccomp**: the system calls that start programs, open sockets, look into other processes or change the system
//!   are refused.
//! - **Capabilities**: of the rights of root those over files are left.
//! - **Memory dumps**: no core file, and no other program of the same user may read the memory.
//!
//! Each is applied as far as the kernel has it; what is missing is an entry of the report and never an error. Threads
//! inherit all of it, and Landlock holds for threads that are started later only: so [`enter`] comes before them.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod dumps;
#[cfg(target_os = "linux")]
mod files;
pub mod memory;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod tried;

use std::path::PathBuf;

#[cfg(target_os = "linux")]
pub use calls::deny as deny_calls;

/// What a command still needs of the file system. What does not exist is left out.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files that are read, and directories beneath which everything is.
    pub read: Vec<PathBuf>,
    /// Directories in which open files get their names.
    pub name: Vec<PathBuf>,
    /// Directories beneath which files are created, read, written and removed.
    pub write: Vec<PathBuf>,
    /// Devices that are read and written as they are.
    pub devices: Vec<PathBuf>,
}

/// One protection, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// What is protected.
    pub what: &'static str,
    /// Whether it holds in this process.
    pub holds: bool,
    /// How, or why not.
    pub how: String,
}

/// What holds in this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One entry for each protection.
    pub protections: Vec<Protection>,
}

/// Gives up everything that the plan does not name, for this thread and all that it starts.
#[cfg(target_os = "linux")]
pub fn enter(plan: &Plan) -> Report {
    Report {
        protections: vec![
            files::restrict(plan),
            calls::deny(),
            rights::drop_most(),
            dumps::forbid_core(),
            dumps::hide_memory(),
        ],
    }
}

/// Elsewhere there is no sandbox.
#[cfg(not(target_os = "linux"))]
pub fn enter(_: &Plan) -> Report {
    let how = "not available on this system".to_owned();
    Report { protections: vec![Protection { what: "sandbox", holds: false, how }] }
}

/// Tries what the sandbox forbids, in this process: what was tried, and whether it was refused.
#[cfg(target_os = "linux")]
#[must_use]
pub fn tried() -> Vec<(&'static str, bool)> {
    tried::all()
}

/// Elsewhere nothing is refused.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn tried() -> Vec<(&'static str, bool)> {
    Vec::new()
}
