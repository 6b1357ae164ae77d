//! Memory that holds secrets leaves the process by no core file and by no debugger.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

use super::Protection;

/// No core file is written.
pub(super) fn forbid_core() -> Protection {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let set = setrlimit(Resource::Core, none);
    let holds = getrlimit(Resource::Core) == none;
    let how = match set {
        _ if holds => "no core file is written".to_owned(),
        Err(error) => format!("a core file may be written: {error}"),
        Ok(()) => "a core file may be written".to_owned(),
    };
    Protection { what: "core files", holds, how }
}

/// No other program of the same user reads the memory, and the kernel dumps it nowhere.
pub(super) fn hide_memory() -> Protection {
    let set = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let holds = dumpable_behavior().is_ok_and(|now| now == DumpableBehavior::NotDumpable);
    let how = match set {
        _ if holds => "other programs of this user cannot read it (root can)".to_owned(),
        Err(error) => format!("other programs of this user can read it: {error}"),
        Ok(()) => "other programs of this user can read it".to_owned(),
    };
    Protection { what: "memory", holds, how }
}
