//! What the system lets this process have: file descriptors and memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::read_to_string;

/// Descriptors of a process for which the system says nothing.
const DESCRIPTORS_UNKNOWN: u64 = 1024;
/// More would cost tables of the kernel, and are never needed.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one, as far as is of use. How many there may be then.
pub fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(DESCRIPTORS_MAX).min(DESCRIPTORS_MAX);
    if current.is_some_and(|current| current < wanted) {
        // A refusal leaves what there is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS_UNKNOWN).min(DESCRIPTORS_MAX)
}

/// Bytes of memory that this process may come to: its control group's limit, or the machine's. `None`: not known.
pub fn memory_max() -> Option<u64> {
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let files = group_files(&groups);
    let limits = files.iter().filter_map(|file| read_to_string(file).ok()?.trim().parse().ok());
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| kibibytes(&text, "MemTotal:"));
    limits.chain(machine).min()
}

/// Bytes of memory that this process holds.
pub fn memory_used() -> Option<u64> {
    kibibytes(&read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Where the limits of a process's control groups stand, from the group to the root (cgroups(7), both versions).
fn group_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            files.push(format!("{root}{path}/{file}"));
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None => break,
            }
        }
    }
    files
}

/// The bytes of a line such as `VmRSS:  1234 kB`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests;
