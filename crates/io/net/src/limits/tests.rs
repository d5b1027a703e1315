//! Reading what the system says; and that it says something here.

use super::{group_files, kibibytes, memory_max, memory_used, raise_descriptors};

#[test]
fn a_line_of_kibibytes_is_read_and_nothing_else() {
    let text = "Name:\tx\nVmRSS:\t    2048 kB\nVmHWM:\t4096 kB\n";
    assert_eq!(kibibytes(text, "VmRSS:"), Some(2048 * 1024));
    assert_eq!((kibibytes(text, "VmSwap:"), kibibytes("VmRSS: 12 MB", "VmRSS:")), (None, None));
    assert_eq!(kibibytes("VmRSS: 99999999999999999999 kB", "VmRSS:"), None);
}

#[test]
fn the_limits_of_every_group_above_count_in_both_versions() {
    assert_eq!(
        group_files("0::/a/b\n"),
        ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]
    );
    assert_eq!(
        group_files("5:cpu:/x\n4:memory,hugetlb:/y\nnonsense\n"),
        ["/sys/fs/cgroup/memory/y/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    );
}

#[test]
fn this_process_has_memory_and_descriptors() {
    let (used, max) = (memory_used().unwrap(), memory_max().unwrap());
    assert!(0 < used && used < max, "{used} of {max}");
    assert!(raise_descriptors() >= 64);
}
