//! Landlock: the file system, TCP and signals.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope, make_bitflags,
};

use super::{Plan, Protection};

/// The newest interface whose rights are asked for. Older kernels are given what they know of it.
const NEWEST: ABI = ABI::V9;

/// To read files, and to list directories.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// To name open files, and to replace others by them.
const NAME: BitFlags<AccessFs> = make_bitflags!(AccessFs::{MakeReg | RemoveFile | Refer});
/// To create, write and remove files and directories.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
});
/// To use a device.
const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});

/// Restricts this thread, and those that it starts from now on.
pub(super) fn restrict(plan: &Plan) -> Protection {
    let (holds, how) = match apply(plan) {
        Ok(status) => words(&status),
        Err(error) => (false, format!("Landlock fails: {error}")),
    };
    Protection { what: "files and TCP", holds, how }
}

fn apply(plan: &Plan) -> Result<RestrictionStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let groups = [(&plan.read, READ), (&plan.name, NAME), (&plan.write, WRITE), (&plan.devices, DEVICE)];
    for (paths, access) in groups {
        for path in paths {
            let Ok(file) = PathFd::new(path) else { continue };
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
            // What has no place in the file system, such as a pipe of the shell, can have no rule, and needs none.
            let before = rules.try_clone();
            rules = match rules.add_rule(PathBeneath::new(file, access)) {
                Ok(rules) => rules,
                Err(error) => before.map_err(|_| error)?,
            };
        }
    }
    rules.restrict_self()
}

/// Whether anything holds, and what of it, in words.
fn words(status: &RestrictionStatus) -> (bool, String) {
    let LandlockStatus::Available { effective_abi, kernel_abi } = status.landlock else {
        let why = match status.landlock {
            LandlockStatus::NotEnabled => "Landlock is not enabled in this kernel",
            _ => "this kernel has no Landlock (Linux 5.13 has it)",
        };
        return (false, why.to_owned());
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return (false, "Landlock restricts nothing here".to_owned());
    }
    let version = kernel_abi.unwrap_or(effective_abi as i32);
    let mut covered = vec!["no other file is opened, no program is started"];
    let mut missing = Vec::new();
    let parts = [
        (ABI::V3, "files are not truncated"),
        (ABI::V4, "no TCP"),
        (ABI::V5, "no other device is controlled"),
        (ABI::V6, "no signal to other programs"),
    ];
    for (since, what) in parts {
        if effective_abi >= since { covered.push(what) } else { missing.push(what) }
    }
    let mut words = format!("Landlock ABI {version}: {}", covered.join(", "));
    if !missing.is_empty() {
        words.push_str("; this kernel cannot hold: ");
        words.push_str(&missing.join(", "));
    }
    (true, words)
}
