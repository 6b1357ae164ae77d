//! What of the file system each command needs once its outputs are open, and the moment at which it gives up the rest:
//! before the first byte of a capture or a key log is read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::InputArgs;
use crate::capture::is_read_in_place;
use crate::sandbox::{self, Plan};

/// `--no-sandbox`.
static IS_OFF: AtomicBool = AtomicBool::new(false);

/// Keeps all rights from here on.
pub fn turn_off() {
    IS_OFF.store(true, Ordering::Relaxed);
}

/// Returns whether the sandbox is enabled.
#[must_use]
pub fn is_on() -> bool {
    !IS_OFF.load(Ordering::Relaxed)
}

/// Drops all rights that the plan does not list. Call it before starting other threads.
pub fn enter(plan: &Plan) {
    if is_on() {
        sandbox::enter(plan);
    }
}

/// Returns the plan of a command that reads no files: only the time zone database.
#[must_use]
pub fn nothing() -> Plan {
    let zones =
        ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
    let mut read: Vec<PathBuf> = zones.iter().map(PathBuf::from).collect();
    for name in ["TZDIR", "TZ"] {
        let named = std::env::var_os(name).map(PathBuf::from);
        read.extend(named.filter(|path| path.is_absolute()));
    }
    Plan { read, ..Plan::default() }
}

/// Returns the plan for reading captures and printing. `output`: the file that is renamed into place at the end.
#[must_use]
pub fn printing(input: &InputArgs, output: Option<&Path>) -> Plan {
    let mut plan = reading(input);
    if input.no_mmap || !input.all().all(|path| is_read_in_place(path)) {
        plan.write.push(std::env::temp_dir());
    }
    plan.name.extend(output.map(directory));
    plan
}

/// Returns the plan for reading captures and key logs, without the temporary files of compressed captures and pipes.
#[must_use]
pub fn reading(input: &InputArgs) -> Plan {
    let mut plan = nothing();
    for path in input.all().filter(|path| path.as_os_str() != "-") {
        plan.read.extend([path.clone(), super::outputs::with_keys(path)]);
    }
    plan.read.extend(super::keys::named(input));
    plan
}

/// Adds the temporary files that buffer packets until they are analyzed.
#[cfg(all(feature = "live", unix))]
#[must_use]
pub fn spooling(mut plan: Plan) -> Plan {
    plan.write.push(std::env::temp_dir());
    plan
}

/// Adds the terminal UI. The helper process creates all files; without a helper, only the current directory and the
/// temporary directory are writable.
#[must_use]
pub fn showing(mut plan: Plan, progress: Option<&Path>, has_helper: bool) -> Plan {
    if !has_helper {
        plan.write.extend([PathBuf::from("."), std::env::temp_dir()]);
    }
    plan.devices.push(PathBuf::from("/dev/tty"));
    if let Some(folder) = progress.filter(|_| is_on()).and_then(Path::parent) {
        // A rule needs an existing directory, and its parents have no rule.
        let _ = std::fs::create_dir_all(folder);
        plan.write.push(folder.to_owned());
    }
    plan
}

/// Returns the plan for capturing, with ring files and key logs that are opened later. `has_helper`: the helper opens
/// key logs whose directories do not exist yet.
#[cfg(all(feature = "live", unix))]
#[must_use]
pub fn capturing(ring: Option<&Path>, key_logs: &[PathBuf], has_helper: bool) -> Plan {
    let mut plan = nothing();
    // libpcap reads the interface's drop counters here.
    plan.read.extend(["/sys/class/net", "/sys/devices", "/proc/net/dev"].map(PathBuf::from));
    for path in key_logs {
        let folder = directory(path);
        let folder =
            if has_helper { Some(folder.as_path()) } else { folder.ancestors().find(|path| path.exists()) };
        plan.read.push(folder.map_or_else(|| PathBuf::from("."), Path::to_owned));
        plan.read.extend(path.canonicalize().ok().map(|path| directory(&path)));
    }
    plan.write.extend(ring.map(directory));
    plan
}

/// Starts the helper process that saves files for the terminal UI and opens these key logs. Call it before entering the
/// sandbox. Returns whether it runs: it needs `/proc`.
#[cfg(target_os = "linux")]
pub fn start_helper(saves: bool, key_logs: &[PathBuf]) -> bool {
    use crate::output::helper::{Allowed, start};
    let allowed = Allowed { anywhere: saves, key_logs: key_logs.to_vec(), ..Allowed::default() };
    is_on() && start(&allowed, false).is_ok()
}

/// Returns `false`: only Linux has a sandbox.
#[cfg(not(target_os = "linux"))]
pub fn start_helper(_: bool, _: &[PathBuf]) -> bool {
    false
}

/// Returns the directory of a file.
#[must_use]
pub fn directory(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests;
