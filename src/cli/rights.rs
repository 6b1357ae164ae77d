//! The rights to open interfaces are dropped before a packet is read, in every thread.

use std::io;

use super::problem::Problem;

/// A user and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// Whose rights the program has from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Become {
    /// The same user's, without capabilities.
    Same,
    /// Another user's: the one that called sudo, or was named.
    User(User),
    /// Nobody's: root started it, and did not say for whom.
    Nobody,
}

/// Nobody, on all systems that name them by a number.
const NOBODY: User = User { uid: 65_534, gid: 65_534 };

impl Become {
    /// The user that it becomes; `None` where that is the same.
    #[must_use]
    pub fn user(self) -> Option<User> {
        match self {
            Self::Same => None,
            Self::User(user) => Some(user),
            Self::Nobody => Some(NOBODY),
        }
    }
}

/// Whose rights to continue with. `named`: that of `--user`.
///
/// # Errors
/// Where there is no such user, or the program may not become it.
pub fn choose(named: Option<&str>) -> Result<Become, Problem> {
    let own = rustix::process::geteuid().as_raw();
    if let Some(name) = named {
        let user = find(name)?;
        return match () {
            () if user.uid == own => Ok(Become::Same),
            () if may_change_user() => Ok(Become::User(user)),
            () => Err(Problem::new(4, format!("cannot become user '{name}'"))
                .hint(
                    "why",
                    "changing the user needs CAP_SETUID and CAP_SETGID, which root has unless they were dropped",
                )
                .hint("try", "omit --user: wslens drops its capabilities in any case")),
        };
    }
    if own != 0 || !may_change_user() {
        return Ok(Become::Same);
    }
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    Ok(caller(number("SUDO_UID"), number("SUDO_GID")))
}

fn caller(uid: Option<u32>, gid: Option<u32>) -> Become {
    match (uid, gid) {
        (Some(uid @ 1..), Some(gid @ 1..)) => Become::User(User { uid, gid }),
        _ => Become::Nobody,
    }
}

/// A user by name, or by number: `1000`, `1000:100`.
fn find(name: &str) -> Result<User, Problem> {
    use nix::unistd;
    if let Ok(Some(user)) = unistd::User::from_name(name) {
        return Ok(User { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
    }
    let (uid, gid) = match name.split_once(':') {
        Some((uid, gid)) => (uid.parse().ok(), gid.parse().ok()),
        None => {
            let uid: Option<u32> = name.parse().ok();
            let known = uid.and_then(|uid| unistd::User::from_uid(unistd::Uid::from_raw(uid)).ok()?);
            (uid, known.map(|user| user.gid.as_raw()).or(uid))
        }
    };
    match (uid, gid) {
        (Some(uid), Some(gid)) => Ok(User { uid, gid }),
        _ => Err(Problem::new(2, format!("unknown user '{name}'"))
            .hint("know", "--user takes a name, a number, or user:group as numbers")),
    }
}

/// Whether this process may become another user, in this user namespace and outside of it: root of a user namespace is
/// some user outside, and there may be no other user in it.
#[cfg(target_os = "linux")]
fn may_change_user() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_everybody = map.is_empty() || map.split_whitespace().eq(["0", "0", "4294967295"]);
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    is_everybody && capabilities(None).is_ok_and(|own| own.effective.contains(needed))
}

/// Elsewhere no right is dropped.
#[cfg(not(target_os = "linux"))]
fn may_change_user() -> bool {
    false
}

/// Drops all capabilities for good, and becomes a user. The system does both for one thread only, so this is refused
/// where there is a second one.
///
/// # Errors
/// Where there are other threads, or the system refuses: then no packet may be read.
#[cfg(target_os = "linux")]
pub fn drop_all(become_: Become) -> io::Result<()> {
    use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getuid};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    };
    let tasks = std::fs::read_dir("/proc/self/task")?.count();
    if tasks != 1 {
        return Err(io::Error::other(format!(
            "{tasks} threads are already running, and only a single thread can change its user"
        )));
    }
    if let Some(user) = become_.user() {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        // In this order: without the rights of root the groups cannot be changed.
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        if (getuid(), geteuid(), getgid(), getegid()) != (uid, uid, gid, gid) {
            return Err(io::Error::other("the user did not change"));
        }
    }
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, none)?;
    set_no_new_privs(true)?;
    if capabilities(None)? != none {
        return Err(io::Error::other("the capabilities did not change"));
    }
    Ok(())
}

/// Elsewhere no right is dropped.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn drop_all(_: Become) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_of_sudo_is_chosen_and_root_never_is() {
        assert_eq!(caller(Some(1000), Some(100)), Become::User(User { uid: 1000, gid: 100 }));
        for (uid, gid) in
            [(None, None), (Some(0), Some(0)), (Some(1000), None), (Some(1000), Some(0)), (None, Some(5))]
        {
            assert_eq!(caller(uid, gid), Become::Nobody, "{uid:?} {gid:?}");
        }
    }

    #[test]
    fn a_user_has_a_name_or_numbers() {
        assert_eq!(find("root").unwrap(), User { uid: 0, gid: 0 });
        assert_eq!(find("4000000:17").unwrap(), User { uid: 4_000_000, gid: 17 });
        assert_eq!(find("4000000").unwrap(), User { uid: 4_000_000, gid: 4_000_000 });
        for wrong in ["", "no such user", "1:x", "-1"] {
            assert!(find(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn with_a_second_thread_rights_are_not_dropped() {
        // The test runner has several.
        let error = std::thread::spawn(|| drop_all(Become::Same)).join().unwrap().unwrap_err();
        assert!(error.to_string().contains("threads are already running"), "{error}");
    }
}
