//! The program as a user runs it: what it prints, and how it exits.

use std::path::Path;
use std::process::{Command, Output};

#[expect(clippy::unwrap_used, reason = "a test that cannot start the program has failed")]
fn selvedge(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).current_dir(directory).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_new_repository_checks_clean() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(selvedge(&["init"], place.path()).status.code(), Some(0));
    let check = selvedge(&["check"], place.path());
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    assert!(text(&check.stdout).starts_with("clean: 1 gateway, 2 services, 2 rules\nplan "));
}

#[test]
fn init_overwrites_nothing() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("orders.yaml"), "mine").unwrap();
    assert_eq!(selvedge(&["init"], place.path()).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(place.path().join("orders.yaml")).unwrap(), "mine");
    assert!(!place.path().join("mesh.yaml").exists());
}

#[test]
fn errors_are_shown_with_their_place_and_exit_with_one() {
    let place = tempfile::tempdir().unwrap();
    selvedge(&["init"], place.path());
    let path = place.path().join("mesh.yaml");
    let broken = std::fs::read_to_string(&path).unwrap().replace("audiences", "audience");
    std::fs::write(&path, broken).unwrap();
    let check = selvedge(&["check"], place.path());
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stderr).contains("mesh.yaml:10:7"), "{}", text(&check.stderr));
    assert!(text(&check.stderr).contains("did you mean `audiences`?"), "{}", text(&check.stderr));
    let json = selvedge(&["check", "--output", "json"], place.path());
    assert_eq!(json.status.code(), Some(1));
    assert!(text(&json.stdout).contains("\"code\":\"unknown-key\""), "{}", text(&json.stdout));
}

#[test]
fn a_directory_without_documents_cannot_be_checked() {
    let place = tempfile::tempdir().unwrap();
    let check = selvedge(&["check"], place.path());
    assert_eq!(check.status.code(), Some(2));
    assert!(text(&check.stderr).contains("selvedge init"));
    assert_eq!(selvedge(&["check", "nowhere"], place.path()).status.code(), Some(2));
}

#[test]
fn a_link_out_of_the_repository_is_not_followed() {
    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    selvedge(&["init"], place.path());
    std::fs::write(outside.path().join("x.yaml"), "not: ours").unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.yaml"), place.path().join("x.yaml")).unwrap();
    assert_eq!(selvedge(&["check"], place.path()).status.code(), Some(0));
}
