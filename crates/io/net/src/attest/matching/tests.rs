use super::*;
use selvedge_config::checked::SystemdSelector;

fn names() -> Names {
    Names {
        passwd: "root:x:0:0:root:/root:/bin/sh\norders:x:1001:1001::/home/orders:/bin/sh\nbroken\n".to_owned(),
        group: "root:x:0:\nshop:x:2001:orders\n".to_owned(),
    }
}

fn peer() -> LocalPeer {
    LocalPeer {
        uid: 1001,
        gid: Some(2001),
        pid: Some(7),
        path: Some("/usr/bin/orders".into()),
        sha256: Some([7; 32]),
        unit: Some("orders.service".to_owned()),
        ..LocalPeer::default()
    }
}

fn unix(change: impl FnOnce(&mut UnixSelector)) -> Workload {
    let mut unix = UnixSelector::default();
    change(&mut unix);
    Workload { unix: Some(unix), systemd: None }
}

fn held(workload: &Workload, peer: &LocalPeer) -> bool {
    matches_by(workload, peer, &names()).is_ok()
}

#[test]
fn all_that_a_selector_gives_must_hold() {
    let all = unix(|unix| {
        *unix = UnixSelector {
            uid: Some(1001),
            user: Some("orders".into()),
            gid: Some(2001),
            group: Some("shop".into()),
            path: Some("/usr/bin/orders".into()),
            sha256: Some([7; 32]),
        }
    });
    let all = Workload { systemd: Some(SystemdSelector { unit: "orders.service".into() }), ..all };
    assert!(held(&all, &peer()));
    for change in [
        |p: &mut LocalPeer| p.uid = 1002,
        |p: &mut LocalPeer| p.gid = Some(1001),
        |p: &mut LocalPeer| p.path = Some("/usr/bin/other".into()),
        |p: &mut LocalPeer| p.sha256 = Some([8; 32]),
        |p: &mut LocalPeer| p.unit = Some("other.service".to_owned()),
        |p: &mut LocalPeer| p.gid = None,
        |p: &mut LocalPeer| p.path = None,
        |p: &mut LocalPeer| p.sha256 = None,
        |p: &mut LocalPeer| p.unit = None,
    ] {
        let mut other = peer();
        change(&mut other);
        assert!(!held(&all, &other), "{other:?}");
    }
}

#[test]
fn a_selector_that_gives_nothing_is_for_nobody() {
    assert!(!held(&Workload { unix: None, systemd: None }, &peer()));
    assert!(!held(&unix(|_| ()), &peer()));
}

#[test]
fn a_name_that_the_system_does_not_know_is_for_nobody() {
    for user in ["nobody-here", "broken", ""] {
        assert!(!held(&unix(|unix| unix.user = Some(user.into())), &peer()), "{user}");
        assert!(!held(&unix(|unix| unix.group = Some(user.into())), &peer()), "{user}");
    }
}

#[test]
fn what_came_closest_is_what_held_most() {
    let far = unix(|unix| (unix.uid, unix.path) = (Some(0), Some("/usr/bin/other".into())));
    let near = unix(|unix| (unix.uid, unix.path) = (Some(1001), Some("/usr/bin/other".into())));
    let of = |workload| matches_by(workload, &peer(), &names()).unwrap_err();
    assert!(of(&near).held > of(&far).held);
    assert_eq!(of(&far).reason, "the caller's uid is 1001, not 0");
}
