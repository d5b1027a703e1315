use super::*;

fn peer(path: &str) -> LocalPeer {
    LocalPeer { uid: 7, path: Some(path.into()), ..LocalPeer::default() }
}

#[test]
fn a_line_of_the_log_is_one_line_whatever_the_program_is_called() {
    let line = Refusals::default().note(&peer("/tmp/x\nselvedge: all is well"), "why").unwrap();
    assert!(!line.contains('\n'), "{line}");
}

#[test]
fn many_programs_fill_neither_memory_nor_the_log() {
    let refusals = Refusals::default();
    let lines = (0..10_000).filter(|n| refusals.note(&peer(&format!("/bin/{n}")), "why").is_some()).count();
    // The minute may end meanwhile.
    assert!(lines <= 2 * LINES_PER_MINUTE_MAX as usize, "{lines}");
    assert_eq!(refusals.list().len(), KEPT_MAX);
    assert_eq!(refusals.list().last().unwrap().path, Some("/bin/9999".into()));
}
