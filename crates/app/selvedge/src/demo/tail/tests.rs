use super::super::calls::tests::allowed;
use super::*;
use std::io::Write;

fn line() -> String {
    format!("{}\n", serde_json::to_string(&allowed("orders", 900)).unwrap())
}

#[test]
fn records_are_read_once_and_a_line_only_when_it_has_ended() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("node").join(FILE_NAME);
    std::fs::create_dir(root.path().join("node")).unwrap();
    let mut tail = Tail::new(root.path());
    assert_eq!(tail.read().len(), 0);
    let mut file = std::fs::File::create(&log).unwrap();
    let (first, second) = (line(), line());
    let (half, rest) = second.split_at(30);
    file.write_all(format!("{first}no record\n{half}").as_bytes()).unwrap();
    assert_eq!(tail.read().len(), 1);
    assert_eq!(tail.read().len(), 0);
    file.write_all(rest.as_bytes()).unwrap();
    assert_eq!(tail.read().len(), 1);
}

#[test]
fn a_file_that_was_rotated_is_read_from_its_beginning() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join(FILE_NAME);
    std::fs::write(&log, line()).unwrap();
    let mut tail = Tail::new(root.path());
    assert_eq!(tail.read().len(), 1);
    std::fs::rename(&log, root.path().join("records.1.jsonl")).unwrap();
    std::fs::write(&log, line() + &line()).unwrap();
    assert_eq!(tail.read().len(), 2);
}
