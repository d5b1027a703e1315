//! Searching what the log wrote, and what it did not.

use super::*;
use crate::DecisionLog;
use crate::fixture::{id, record};
use std::error::Error;
use std::fs;
use std::io::Write;

type Tested = Result<(), Box<dyn Error>>;

fn line(record: &Record) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(record)? + "\n")
}

fn hop(number: u64, time_ms: u64, duration_us: u64) -> Record {
    Record { time_ms, duration_us, ..record(id(number), Some("orders")) }
}

#[test]
fn hops_are_found_across_rotated_files_and_directories_in_their_order() -> Tested {
    let (gateway, node) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fs::write(gateway.path().join(FILE_NAME), line(&hop(7, 30, 5))? + &line(&hop(8, 1, 1))?)?;
    fs::write(rotated(gateway.path(), ROTATED_KEPT), line(&hop(7, 10, 900))?)?;
    fs::write(node.path().join(FILE_NAME), line(&hop(7, 20, 1))?)?;
    fs::write(rotated(node.path(), 1), line(&hop(9, 10, 800))? + &line(&hop(7, 10, 800))?)?;
    let dirs = [node.path().into(), gateway.path().into(), node.path().into(), gateway.path().join("none")];
    let found = find(&dirs, id(7))?;
    let order: Vec<_> = found.iter().map(|record| (record.time_ms, record.duration_us)).collect();
    assert_eq!(order, [(10, 900), (10, 800), (20, 1), (30, 5)]);
    Ok(())
}

#[test]
fn what_a_log_wrote_after_a_crash_is_found_and_the_torn_line_is_skipped() -> Tested {
    let dir = tempfile::tempdir()?;
    let whole = line(&hop(1, 10, 1))?;
    let torn: String = line(&hop(1, 11, 1))?.chars().take(60).collect();
    fs::write(dir.path().join(FILE_NAME), whole + &torn)?;
    let log = DecisionLog::open(dir.path())?;
    let recorder = log.recorder();
    recorder.record(&hop(1, 12, 1));
    drop(recorder);
    log.close();
    let times: Vec<_> = find(&[dir.path().into()], id(1))?.iter().map(|record| record.time_ms).collect();
    assert_eq!(times, [10, 12]);
    Ok(())
}

#[test]
fn an_id_in_another_field_is_not_found() -> Tested {
    let dir = tempfile::tempdir()?;
    let planted = Record { path: Some(format!("/{}", id(1)).into()), ..record(id(2), None) };
    fs::write(dir.path().join(FILE_NAME), line(&planted)?)?;
    assert!(find(&[dir.path().into()], id(1))?.is_empty());
    Ok(())
}

#[test]
fn lines_over_the_limit_are_skipped_and_lines_across_chunks_are_not() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut file = File::create(dir.path().join(FILE_NAME))?;
    for number in 0..4_000 {
        file.write_all(line(&hop(number % 2, number, 1))?.as_bytes())?;
    }
    assert!(file.metadata()?.len() > CHUNK_BYTES as u64);
    file.write_all(&vec![b'x'; 3 * LINE_BYTES_MAX])?;
    file.write_all(line(&hop(5, 1, 1))?.as_bytes())?;
    file.write_all(line(&hop(5, 2, 1))?.as_bytes())?;
    let times: Vec<_> = find(&[dir.path().into()], id(5))?.iter().map(|record| record.time_ms).collect();
    assert_eq!(times, [2]);
    assert_eq!(find(&[dir.path().into()], id(1))?.len(), FOUND_MAX);
    Ok(())
}

#[test]
fn every_line_of_a_long_file_is_searched() -> Tested {
    let mut text = String::new();
    for number in 0..20_000 {
        text += &line(&hop(number / 500, number, 1))?;
    }
    for wanted in 0..40 {
        let mut search = Search::new(id(wanted));
        search.file(text.as_bytes())?;
        assert_eq!(search.found.len(), 500, "{wanted}");
    }
    Ok(())
}
