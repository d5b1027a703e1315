//! The whole product at once: the demo's scenario, with real processes, sockets and certificates.

use std::process::Command;

/// What issue and README promise of `demo --once`; the demo checks more.
const PROMISED: &[&str] = &[
    "allowed-through-edge-and-mesh",
    "anonymous-denied",
    "wrong-scope-denied",
    "unexposed-path-not-found",
    "plaintext-to-mesh-port-refused",
    "service-without-a-rule-denied",
    "wrong-audience-denied",
    "tcp-allowed",
    "tcp-denied",
    "certificates-rotated-under-traffic",
    "bad-config-kept-out",
];

#[test]
fn every_check_of_the_demo_holds() -> Result<(), Box<dyn std::error::Error>> {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    let done = demo.args(["demo", "--once", "--output", "json"]).output()?;
    let (shown, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let checks: Vec<serde_json::Value> =
        serde_json::from_str(&shown).map_err(|error| format!("{error}: {shown}\n{errors}"))?;
    let failed: Vec<_> = checks.iter().filter(|check| check["ok"] != true).collect();
    assert!(failed.is_empty() && done.status.success(), "{failed:#?}\n{errors}");
    for name in PROMISED {
        assert!(checks.iter().any(|check| check["name"] == *name), "no check is called `{name}`");
    }
    Ok(())
}
