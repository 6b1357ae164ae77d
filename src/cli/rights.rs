//! Rights that are needed to open interfaces, and for nothing else: they are given up before a packet is looked at.

use std::fs::File;
use std::io;

/// Who the program goes on as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
}

/// Nobody, on all systems that name them by a number.
const NOBODY: u32 = 65_534;

/// Who a program that runs as root shall go on as: whoever called sudo, or nobody. `None` where it is not root.
#[must_use]
pub fn target() -> Option<User> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    is_root().then(|| choose(number("SUDO_UID"), number("SUDO_GID")))
}

fn choose(uid: Option<u32>, gid: Option<u32>) -> User {
    match (uid, gid) {
        (Some(uid @ 1..), Some(gid @ 1..)) => User { uid, gid },
        _ => User { uid: NOBODY, gid: NOBODY },
    }
}

/// Root of a user namespace is some user outside, and there may be nobody else in it: without its capabilities it is
/// that user and no more.
#[cfg(target_os = "linux")]
fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_everybody = map.is_empty() || map.split_whitespace().eq(["0", "0", "4294967295"]);
    rustix::process::geteuid().is_root() && is_everybody
}

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

/// Gives a file to a user.
///
/// # Errors
/// Where the system refuses.
pub fn give(file: &File, user: User) -> io::Result<()> {
    // A device or a pipe stays whose it is.
    if file.metadata()?.is_file() {
        std::os::unix::fs::fchown(file, Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}

/// Goes on as this user, without any capability, and for good. Before there is a second thread: the system does this
/// to each thread apart.
///
/// # Errors
/// Where the system refuses: then nothing should be read.
#[cfg(target_os = "linux")]
pub fn give_up(user: Option<User>) -> io::Result<()> {
    use rustix::process::{Gid, Uid, getegid, geteuid, getuid};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    };
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        // In this order: without the user's rights the groups cannot be changed.
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        if (getuid(), geteuid(), getegid()) != (uid, uid, gid) {
            return Err(io::Error::other("the user did not change"));
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}

/// Elsewhere nothing is given up.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn give_up(_: Option<User>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_called_sudo_goes_on_and_root_never_does() {
        assert_eq!(choose(Some(1000), Some(100)), User { uid: 1000, gid: 100 });
        let nobody = User { uid: 65_534, gid: 65_534 };
        for (uid, gid) in
            [(None, None), (Some(0), Some(0)), (Some(1000), None), (Some(1000), Some(0)), (None, Some(5))]
        {
            assert_eq!(choose(uid, gid), nobody, "{uid:?} {gid:?}");
        }
    }
}
