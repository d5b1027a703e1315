//! What `git blame` prints is read, and printed safely.

use super::*;

const PORCELAIN: &str = "4f1c0ffee0000000000000000000000000000000 12 12 1\nauthor Ada \u{1b}[31mLovelace\nauthor-mail <a@b>\nauthor-time 1790000000\nauthor-tz +0000\nsummary Expose orders\nfilename access.yaml\n\t    - name: read\n";

#[test]
fn the_commit_of_a_line_is_read_without_control_characters() {
    let commit = porcelain(PORCELAIN).unwrap();
    assert_eq!(commit.to_string(), "4f1c0ffee0 by Ada [31mLovelace, 2026-09-21: Expose orders");
}

#[test]
fn a_line_that_is_not_committed_says_so() {
    let commit = porcelain(&PORCELAIN.replace("4f1c0ffee", "000000000")).unwrap();
    assert_eq!(commit.to_string(), "not committed yet");
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!([0, 951_782_400, 1_709_164_800].map(day), ["1970-01-01", "2000-02-29", "2024-02-29"]);
}

#[test]
fn outside_a_checkout_there_is_no_commit() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("a.yaml"), "a\n").unwrap();
    assert_eq!(line(place.path(), "a.yaml", 1), None);
}
