//! Blocks end with a line, whatever the reads give.

use super::*;

#[test]
fn no_line_is_cut_and_none_is_lost() {
    let text: String = (0..200_000).map(|number| format!("{{\"n\":{number}}}\n")).collect::<String>() + "torn";
    let (sender, receiver) = sync_channel(64);
    split(text.as_bytes(), &sender).unwrap();
    drop(sender);
    let blocks: Vec<Vec<u8>> = receiver.iter().collect();
    assert!(blocks.len() > 2);
    assert!(blocks[..blocks.len() - 1].iter().all(|block| block.ends_with(b"\n")));
    assert_eq!(blocks.concat(), text.as_bytes());
}

#[test]
fn a_line_without_an_end_does_not_grow_without_an_end() {
    let (sender, receiver) = sync_channel(64);
    split(vec![b'x'; 5 * LINE_BYTES_MAX].as_slice(), &sender).unwrap();
    drop(sender);
    assert!(receiver.iter().all(|block| block.len() <= LINE_BYTES_MAX + BLOCK_BYTES));
}
