//! Control groups: what a container may use, and uses. Version 2, and version 1 where a controller is still bound to it.
//!
//! Files: <https://docs.kernel.org/admin-guide/cgroup-v2.html> and `cgroup-v1/` beside it.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::FromRead;
use procfs::process::{MountInfo, Process};
use procfs::{CpuPressure, ProcessCGroups};

/// A version 1 group without a limit says a number near 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// How much of something is used, and how much may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub used: f64,
    pub limit: f64,
}

/// The groups that limit this process.
pub(crate) struct Cgroups {
    memory: Hierarchy,
    cpu: Hierarchy,
    /// Version 1: where the CPU time is counted that `cpu` limits.
    accounts: Hierarchy,
}

/// The group of this process and those above it, in that order, of one controller.
#[derive(Debug, Default, PartialEq)]
struct Hierarchy {
    is_version_1: bool,
    groups: Vec<PathBuf>,
}

impl Cgroups {
    /// Finds them. Without `/proc` there are none.
    pub fn of_this_process() -> Self {
        let process = Process::myself().ok();
        let groups = process.as_ref().and_then(|process| process.cgroups().ok());
        let mounts = process.and_then(|process| process.mountinfo().ok());
        let (groups, mounts) =
            (groups.unwrap_or(ProcessCGroups(Vec::new())), mounts.map_or_else(Vec::new, |all| all.0));
        let [memory, cpu, accounts] =
            ["memory", "cpu", "cpuacct"].map(|controller| Hierarchy::find(controller, &groups, &mounts));
        Cgroups { memory, cpu, accounts }
    }

    /// Memory in bytes, of the group whose limit is the lowest. None without a limit.
    pub fn memory(&self) -> Option<Share> {
        let version_1 = self.memory.is_version_1;
        let shares = self.memory.groups.iter().filter_map(|group| memory(group, version_1));
        shares.min_by(|one, other| one.limit.total_cmp(&other.limit))
    }

    /// CPU time used in seconds, and the cores of the group that may use the fewest. None without a limit.
    pub fn cpu(&self) -> Option<Share> {
        let version_1 = self.cpu.is_version_1;
        let shares = self.cpu.groups.iter().enumerate().filter_map(|(above, group)| {
            let account = if version_1 { self.accounts.groups.get(above)? } else { group };
            Some(Share { limit: cores(group, version_1)?, used: cpu_seconds(account, version_1)? })
        });
        shares.min_by(|one, other| one.limit.total_cmp(&other.limit))
    }

    /// Seconds for which a limit on CPU time held the processes of this group back, its own limit or one above.
    pub fn throttled_seconds(&self) -> f64 {
        let version_1 = self.cpu.is_version_1;
        self.cpu.groups.iter().filter_map(|group| throttled_seconds(group, version_1)).sum()
    }

    /// Seconds in which some process of this group waited for a processor. Version 2 knows, unless the group is the root.
    pub fn pressure_seconds(&self) -> Option<f64> {
        let own = self.cpu.groups.first().filter(|_| !self.cpu.is_version_1)?;
        Some(seconds_of_pressure(&CpuPressure::from_file(own.join("cpu.pressure")).ok()?))
    }
}

/// Seconds in which some task waited for a processor.
pub(super) fn seconds_of_pressure(pressure: &CpuPressure) -> f64 {
    pressure.some.total as f64 / 1e6
}

impl Hierarchy {
    fn find(controller: &str, groups: &ProcessCGroups, mounts: &[MountInfo]) -> Self {
        let bound = groups.0.iter().find(|group| group.controllers.iter().any(|name| name == controller));
        let is_version_1 = bound.is_some();
        let group = bound.or_else(|| groups.0.iter().find(|group| group.hierarchy == 0));
        let mount = mounts.iter().find(|mount| match is_version_1 {
            true => mount.fs_type == "cgroup" && mount.super_options.contains_key(controller),
            false => mount.fs_type == "cgroup2",
        });
        let (Some(group), Some(mount)) = (group, mount) else { return Hierarchy::default() };
        Hierarchy { is_version_1, groups: chain(&mount.mount_point, &mount.root, &group.pathname) }
    }
}

/// The directories of a group and of those above it. A container may see its own group as the root of the mount, and still
/// be told its path from outside.
fn chain(mount_point: &Path, root: &str, path: &str) -> Vec<PathBuf> {
    let inside = path.strip_prefix(root.trim_end_matches('/')).unwrap_or_default();
    let own = mount_point.join(inside.trim_start_matches('/'));
    own.ancestors().take_while(|group| group.starts_with(mount_point)).map(Path::to_owned).collect()
}

fn memory(group: &Path, version_1: bool) -> Option<Share> {
    let [limit, used, inactive] = match version_1 {
        true => ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"],
        false => ["memory.max", "memory.current", "inactive_file"],
    };
    let limit = number(&group.join(limit)).filter(|limit| *limit < NO_LIMIT)?;
    // What the kernel frees as soon as somebody needs it is not used up.
    let inactive = field(&group.join("memory.stat"), inactive).unwrap_or(0);
    let used = number(&group.join(used))?.saturating_sub(inactive);
    Some(Share { used: used as f64, limit: limit as f64 })
}

fn cores(group: &Path, version_1: bool) -> Option<f64> {
    let [quota, period] = match version_1 {
        true => ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map(|file| number(&group.join(file))),
        false => {
            let text = fs::read_to_string(group.join("cpu.max")).ok()?;
            let mut words = text.split_whitespace().map(|word| word.parse().ok());
            [words.next()?, words.next()?]
        }
    };
    Some(quota? as f64 / period.filter(|period| *period > 0)? as f64)
}

fn cpu_seconds(group: &Path, version_1: bool) -> Option<f64> {
    match version_1 {
        true => number(&group.join("cpuacct.usage")).map(|nanos| nanos as f64 / 1e9),
        false => field(&group.join("cpu.stat"), "usage_usec").map(|micros| micros as f64 / 1e6),
    }
}

fn throttled_seconds(group: &Path, version_1: bool) -> Option<f64> {
    let file = group.join("cpu.stat");
    match version_1 {
        true => field(&file, "throttled_time").map(|nanos| nanos as f64 / 1e9),
        false => field(&file, "throttled_usec").map(|micros| micros as f64 / 1e6),
    }
}

/// A file with one number; none for `max` and for -1, which say that there is no limit.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A line `name number` of a file.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        folder.to_owned()
    }

    fn of(is_version_1: bool, groups: Vec<PathBuf>) -> Cgroups {
        let hierarchy = || Hierarchy { is_version_1, groups: groups.clone() };
        Cgroups { memory: hierarchy(), cpu: hierarchy(), accounts: hierarchy() }
    }

    #[test]
    fn a_container_of_version_2_is_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("memory.max", "1000\n"),
            ("memory.current", "700\n"),
            ("memory.stat", "anon 500\ninactive_file 200\nactive_file 0\n"),
            ("cpu.max", "150000 100000\n"),
            ("cpu.stat", "usage_usec 2500000\nuser_usec 1\nnr_throttled 3\nthrottled_usec 1500000\n"),
            (
                "cpu.pressure",
                "some avg10=1.50 avg60=0.10 avg300=0.00 total=250000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
            ),
        ];
        let cgroups = of(false, vec![group(folder.path(), &files)]);
        assert_eq!(cgroups.memory(), Some(Share { used: 500.0, limit: 1000.0 }));
        assert_eq!(cgroups.cpu(), Some(Share { used: 2.5, limit: 1.5 }));
        assert_eq!((cgroups.throttled_seconds(), cgroups.pressure_seconds()), (1.5, Some(0.25)));
    }

    #[test]
    fn a_container_of_version_1_is_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("memory.limit_in_bytes", "1000"),
            ("memory.usage_in_bytes", "700"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 200\n"),
            ("cpu.cfs_quota_us", "50000"),
            ("cpu.cfs_period_us", "100000"),
            ("cpuacct.usage", "2500000000"),
            ("cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 1500000000\n"),
        ];
        let cgroups = of(true, vec![group(folder.path(), &files)]);
        assert_eq!(cgroups.memory(), Some(Share { used: 500.0, limit: 1000.0 }));
        assert_eq!(cgroups.cpu(), Some(Share { used: 2.5, limit: 0.5 }));
        assert_eq!((cgroups.throttled_seconds(), cgroups.pressure_seconds()), (1.5, None));
    }

    #[test]
    fn no_limit_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let version_2 = group(
            &folder.path().join("2"),
            &[
                ("memory.max", "max\n"),
                ("memory.current", "7"),
                ("cpu.max", "max 100000\n"),
                ("cpu.stat", "usage_usec 1"),
            ],
        );
        let version_1 = group(
            &folder.path().join("1"),
            &[("memory.limit_in_bytes", "9223372036854771712"), ("cpu.cfs_quota_us", "-1"), ("cpu.cfs_period_us", "1")],
        );
        for cgroups in [of(false, vec![version_2]), of(true, vec![version_1]), of(false, vec!["/not/there".into()])] {
            assert_eq!((cgroups.memory(), cgroups.cpu()), (None, None));
        }
    }

    #[test]
    fn the_lowest_limit_of_all_groups_above_counts() {
        let folder = tempfile::tempdir().unwrap();
        let above = group(&folder.path().join("slice"), &[("memory.max", "500"), ("memory.current", "400")]);
        let own = group(&above.join("service"), &[("memory.max", "1000"), ("memory.current", "100")]);
        assert_eq!(of(false, vec![own, above]).memory(), Some(Share { used: 400.0, limit: 500.0 }));
    }

    #[test]
    fn a_group_is_found_below_its_mount() {
        let paths = |root, path| chain(Path::new("/sys/fs/cgroup"), root, path);
        assert_eq!(paths("/", "/"), [Path::new("/sys/fs/cgroup")]);
        assert_eq!(paths("/", "/a/b"), ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"].map(PathBuf::from));
        assert_eq!(paths("/docker/1", "/docker/1"), [Path::new("/sys/fs/cgroup")]);
        assert_eq!(paths("/docker/1", "/docker/1/x").len(), 2);
    }
}
