use super::*;

const POD: &str = "6f2d1c3e-8a54-4c0e-9f11-0d4a2b7c8e90";

#[test]
fn a_unit_of_the_system_is_found() {
    for (groups, expected) in [
        ("0::/system.slice/orders.service\n", Some("orders.service")),
        ("0::/system.slice/system-orders.slice/orders@7.service\n", Some("orders@7.service")),
        ("0::/shop.slice/shop-front.slice/orders.service/worker\n", Some("orders.service")),
        ("0::/system.slice/_orders.service\n", Some("orders.service")),
        ("12:cpu,cpuacct:/\n1:name=systemd:/system.slice/orders.service\n0::/\n", Some("orders.service")),
        ("1:name=systemd:/system.slice/run-r1.scope\n", Some("run-r1.scope")),
        // A user's own manager: whoever runs it chose the name.
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/orders.service\n", None),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        ("0::/\n", None),
        ("0::/../../system.slice/orders.service\n", None),
        ("0::/system.slice/docker/orders.service\n", None),
        ("1:cpu:/system.slice/orders.service\n", None),
        ("", None),
        ("nonsense\n::\n", None),
    ] {
        assert_eq!(unit(groups).as_deref(), expected, "{groups}");
    }
}

#[test]
fn a_pod_is_found_in_both_versions_and_with_both_drivers() {
    let low = POD.replace('-', "_");
    let id = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";
    for groups in [
        format!("0::/kubepods/burstable/pod{POD}/{id}\n"),
        format!(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{low}.slice/cri-containerd-{id}.scope\n"
        ),
        format!("0::/kubepods.slice/kubepods-pod{low}.slice/crio-{id}.scope/container\n"),
        format!("0::/system.slice/containerd.service/kubepods-besteffort-pod{low}.slice:cri-containerd:{id}\n"),
        format!("11:memory:/kubepods/besteffort/pod{POD}/{id}\n1:name=systemd:/kubepods/besteffort/pod{POD}/{id}\n"),
        format!("0::/kubelet.slice/kubelet-kubepods.slice/kubepods-pod{low}.slice/cri-containerd-{id}.scope\n"),
    ] {
        assert_eq!(pod(&groups).as_deref(), Some(POD), "{groups}");
    }
    let static_pod = "0123456789abcdef0123456789abcdef";
    assert_eq!(pod(&format!("0::/kubepods/pod{static_pod}/x\n")).as_deref(), Some(static_pod));
}

#[test]
fn what_is_no_pod_is_none() {
    for groups in [
        String::new(),
        "0::/system.slice/orders.service\n".to_owned(),
        format!("0::/user.slice/pod{POD}/x\n"),
        "0::/kubepods/burstable/podcast/x\n".to_owned(),
        format!("0::/kubepods/pod{}/x\n", POD.to_uppercase()),
        format!("1:cpu:/kubepods/pod{POD}/x\n2:memory:/kubepods/pod{}/x\n", POD.replace('6', "7")),
    ] {
        assert_eq!(pod(&groups), None, "{groups}");
    }
}
