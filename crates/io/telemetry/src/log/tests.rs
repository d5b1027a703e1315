//! What the decision log promises: whole lines, bounded files, and a loss that is counted and never waited for.

use super::file::RecordsFile;
use super::recorder::BATCH_RECORDS;
use super::*;
use crate::fixture::{id, record};
use selvedge_model::Record;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::Receiver;

type Tested = Result<(), Box<dyn Error>>;

fn unread(batches: usize) -> (Recorder, Receiver<Message>, Arc<Counts>) {
    let (sender, receiver) = sync_channel(batches);
    let counts = Arc::new(Counts::default());
    (Recorder::new(sender, Arc::clone(&counts)), receiver, counts)
}

fn lines(dir: &Path) -> io::Result<Vec<String>> {
    Ok(fs::read_to_string(dir.join(FILE_NAME))?.lines().map(String::from).collect())
}

#[test]
fn every_record_becomes_one_line_whatever_is_in_it() -> Tested {
    let dir = tempfile::tempdir()?;
    let log = DecisionLog::open(&dir.path().join("records"))?;
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let recorder = log.recorder();
            scope.spawn(move || (0..1_000).for_each(|n| recorder.record(&record(id(worker * 1_000 + n), None))));
        }
    });
    let counts = log.counts();
    log.close();
    assert_eq!((counts.written(), counts.lost()), (2_000, 0));
    let lines = lines(&dir.path().join("records"))?;
    assert_eq!(lines.len(), 2_000);
    for line in lines {
        let read: Record = serde_json::from_str(&line)?;
        assert_eq!(read.path.as_deref(), Some("/orders\n"));
    }
    Ok(())
}

#[test]
fn the_file_and_its_directory_are_for_us_alone() -> Tested {
    let dir = tempfile::tempdir()?;
    let inner = dir.path().join("records");
    drop(RecordsFile::open(&inner, 100)?);
    fs::set_permissions(inner.join(FILE_NAME), fs::Permissions::from_mode(0o644))?;
    drop(RecordsFile::open(&inner, 100)?);
    assert_eq!(fs::metadata(&inner)?.permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(inner.join(FILE_NAME))?.permissions().mode() & 0o777, 0o600);
    Ok(())
}

#[test]
fn a_torn_last_line_is_ended_and_a_whole_one_is_continued_after() -> Tested {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join(FILE_NAME), "{\"id\":\"01")?;
    RecordsFile::open(dir.path(), 1_000)?.append(b"whole\n")?;
    RecordsFile::open(dir.path(), 1_000)?.append(b"next\n")?;
    assert_eq!(lines(dir.path())?, ["{\"id\":\"01", "whole", "next"]);
    Ok(())
}

#[test]
fn files_rotate_before_they_pass_their_size_and_four_are_kept() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut file = RecordsFile::open(dir.path(), 10)?;
    for number in 0..16 {
        file.append(format!("{number:04}\n").as_bytes())?;
    }
    let texts = [dir.path().join(FILE_NAME)].into_iter().chain((1..=6).map(|n| rotated(dir.path(), n)));
    let texts: Vec<_> = texts.map_while(|path| fs::read_to_string(path).ok()).collect();
    let expected = ["0014\n0015\n", "0012\n0013\n", "0010\n0011\n", "0008\n0009\n", "0006\n0007\n"];
    assert_eq!(texts, expected);
    assert_eq!(fs::metadata(rotated(dir.path(), 1))?.permissions().mode() & 0o777, 0o600);
    Ok(())
}

#[test]
fn a_batch_over_the_size_of_a_file_is_still_written() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut file = RecordsFile::open(dir.path(), 4)?;
    file.append(b"longer than four\n")?;
    file.append(b"again\n")?;
    assert_eq!(lines(dir.path())?, ["again"]);
    assert_eq!(fs::read_to_string(rotated(dir.path(), 1))?, "longer than four\n");
    Ok(())
}

#[test]
fn a_file_that_was_removed_is_made_again() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut file = RecordsFile::open(dir.path(), 1_000)?;
    fs::remove_file(dir.path().join(FILE_NAME))?;
    file.append(b"here\n")?;
    assert_eq!(lines(dir.path())?, ["here"]);
    Ok(())
}

#[test]
fn what_is_no_regular_file_is_refused_with_its_path() -> Tested {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(FILE_NAME);
    std::os::unix::fs::symlink("/dev/null", &path)?;
    let before = fs::metadata("/dev/null")?.permissions().mode();
    let error = DecisionLog::open(dir.path()).err().ok_or("it was opened")?.to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert_eq!(fs::metadata("/dev/null")?.permissions().mode(), before);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_loses_records_and_says_why() -> Tested {
    let dir = tempfile::tempdir()?;
    let inner = dir.path().join("records");
    let log = DecisionLog::open(&inner)?;
    fs::remove_dir_all(&inner)?;
    let recorder = log.recorder();
    (0..3).for_each(|n| recorder.record(&record(id(n), None)));
    drop(recorder);
    let counts = log.counts();
    log.close();
    assert_eq!((counts.written(), counts.lost()), (0, 3));
    assert!(counts.last_error.lock().map_err(|e| e.to_string())?.as_ref().is_some_and(|e| e.contains(FILE_NAME)));
    Ok(())
}

#[test]
fn a_full_queue_drops_the_batch_counts_it_and_does_not_block() {
    let (recorder, receiver, counts) = unread(1);
    for n in 0..BATCH_RECORDS as u64 * 3 {
        recorder.record(&record(id(n), None));
    }
    assert_eq!(counts.lost(), 2 * BATCH_RECORDS as u64);
    let queued = receiver.try_iter().map(|m| if let Message::Batch(b, _) = m { b.records } else { 0 }).sum::<usize>();
    assert_eq!(queued, BATCH_RECORDS);
}

#[test]
fn a_writer_that_is_gone_is_a_counted_loss() {
    let (recorder, receiver, counts) = unread(1);
    drop(receiver);
    recorder.record(&record(id(1), None));
    recorder.flush();
    assert_eq!(counts.lost(), 1);
}

#[test]
fn nothing_is_handed_over_before_a_batch_is_full_or_flushed() {
    let (recorder, receiver, _) = unread(8);
    (1..BATCH_RECORDS as u64).for_each(|n| recorder.record(&record(id(n), None)));
    assert!(receiver.try_recv().is_err());
    recorder.flush();
    recorder.flush();
    assert_eq!(receiver.try_iter().count(), 1);
}

#[test]
fn a_recorder_that_ends_hands_over_its_last_records() {
    let (recorder, receiver, _) = unread(8);
    recorder.record(&record(id(1), None));
    drop(recorder);
    assert_eq!(receiver.try_iter().count(), 1);
}
