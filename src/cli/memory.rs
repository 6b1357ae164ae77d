//! The memory that is available to this program.

use std::path::Path;

/// The minimum limit for rows, and the free memory to assume if it is unknown.
const LEAST: u64 = 512 << 20;
const UNKNOWN: u64 = 1 << 30;

/// Returns the memory limit for rows in bytes: half of the free memory, within the limit of the control group.
pub fn for_rows() -> usize {
    let free = [available("/proc/meminfo"), of_group("/proc/self/cgroup", "/sys/fs/cgroup")];
    let half = free.into_iter().flatten().min().map_or(UNKNOWN, |free| free / 2);
    usize::try_from(half.max(LEAST)).unwrap_or(usize::MAX)
}

/// Returns the bytes available without swapping (proc_meminfo(5)).
fn available(meminfo: &str) -> Option<u64> {
    let text = std::fs::read_to_string(meminfo).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the bytes left in the control group of this process and its ancestors (cgroups(7)), if they are limited.
fn of_group(groups: &str, root: &str) -> Option<u64> {
    let text = std::fs::read_to_string(groups).ok()?;
    let number = |path: &Path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = |folder: &Path, limit: &str, used: &str| {
        Some(number(&folder.join(limit))?.saturating_sub(number(&folder.join(used)).unwrap_or(0)))
    };
    let all = text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (kinds, path) = rest.split_once(':')?;
        let (root, limit, used) = match kinds {
            "" => (Path::new(root).to_owned(), "memory.max", "memory.current"),
            "memory" => (Path::new(root).join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => return None,
        };
        let own = root.join(path.trim_start_matches('/'));
        own.ancestors()
            .take_while(|folder| folder.starts_with(&root))
            .filter_map(|at| left(at, limit, used))
            .min()
    });
    all.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_group_counts_and_there_is_always_some() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("fs/a/b")).unwrap();
        std::fs::write(at("groups"), "12:cpu:/x\n0::/a/b\n").unwrap();
        let left = || of_group(at("groups").to_str().unwrap(), at("fs").to_str().unwrap());
        assert_eq!(left(), None);
        std::fs::write(at("fs/a/b/memory.max"), "max\n").unwrap();
        assert_eq!(left(), None, "there is no limit");
        std::fs::write(at("fs/a/memory.max"), "5000\n").unwrap();
        std::fs::write(at("fs/a/memory.current"), "2000\n").unwrap();
        assert_eq!(left(), Some(3000), "that of the group around it");
        std::fs::write(at("fs/a/b/memory.max"), "700\n").unwrap();
        assert_eq!(left(), Some(700));
        std::fs::write(at("info"), "MemTotal: 9 kB\nMemAvailable:    12 kB\n").unwrap();
        assert_eq!(available(at("info").to_str().unwrap()), Some(12 << 10));
        assert!(for_rows() as u64 >= LEAST);
    }
}
