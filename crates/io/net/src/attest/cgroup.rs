//! What a process's control groups say (cgroups(7), `/proc/<pid>/cgroup`): the systemd unit or the Kubernetes pod that it
//! was put into. Only root, or whom root gave a part of the tree, moves a process between them.

/// The path of the hierarchy that systemd manages: that of version 2, or else the one named `systemd` of version 1.
fn managed(groups: &str) -> Option<&str> {
    let of = |prefix: &str| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.strip_prefix(prefix)
        })
    };
    of(":").filter(|path| *path != "/").or_else(|| of("name=systemd:"))
}

/// The unit of the system that the process runs in, such as `orders.service`. A unit of a user's own manager is none:
/// every user may name one as he likes.
pub(super) fn unit(groups: &str) -> Option<String> {
    let mut parts = managed(groups)?.strip_prefix('/')?.split('/');
    // Slices may stand within slices; the first that is none is the unit.
    let unit = parts.find(|part| !part.ends_with(".slice") || *part == "user.slice")?;
    let is_unit = unit.ends_with(".service") || unit.ends_with(".scope");
    (is_unit && !unit.starts_with("user@")).then(|| unescaped(unit))
}

/// systemd puts `_` before names that the kernel might want for itself (CONTROL_GROUP_INTERFACE of systemd).
fn unescaped(unit: &str) -> String {
    unit.strip_prefix('_').unwrap_or(unit).to_owned()
}

/// The uid of the Kubernetes pod that the process runs in, in lower case with `-`: of any hierarchy, since a container
/// is in the same pod in all of them.
pub(super) fn pod(groups: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in groups.lines() {
        let path = line.splitn(3, ':').nth(2).unwrap_or_default();
        if !path.contains("kubepods") {
            continue;
        }
        // The last one: a cluster may run within a pod of another.
        let Some(pod) = path.split(['/', ':']).filter_map(pod_part).next_back() else { continue };
        match &found {
            // Two pods at once are nobody's.
            Some(other) if *other != pod => return None,
            Some(_) => {}
            None => found = Some(pod),
        }
    }
    found
}

/// `pod<uid>` of the driver `cgroupfs`, `kubepods-burstable-pod<uid with _>.slice` of the driver `systemd`.
fn pod_part(part: &str) -> Option<String> {
    let part = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match part.strip_prefix("pod") {
        Some(uid) => uid,
        None if part.starts_with("kubepods") => part.rsplit_once("-pod").map(|(_, uid)| uid)?,
        None => return None,
    };
    let uid = uid.replace('_', "-");
    is_pod_uid(&uid).then_some(uid)
}

/// A UUID, or the 32 hex digits of a static pod.
fn is_pod_uid(uid: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
    uid.split('-').all(hex) && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

#[cfg(test)]
mod tests;
