//! A bound for the memory of the whole process.

use std::io;

/// Most bytes of memory that the process may have of its own: heap, stacks and anonymous mappings, and none of the
/// captures that are mapped.
///
/// # Errors
/// Where the system refuses.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn limit(bytes: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Data).maximum;
    let bytes = maximum.map_or(bytes, |maximum| maximum.min(bytes));
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?)
}

/// Elsewhere the system has no such bound.
///
/// # Errors
/// Always.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn limit(_: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
