use super::*;
use std::collections::HashSet;

#[test]
fn no_word_comes_twice_also_when_the_buffer_is_filled_again() {
    let words: HashSet<u128> = (0..1000).map(|_| random_u128()).collect();
    assert_eq!(words.len(), 1000);
}

#[test]
fn two_threads_do_not_share_words() {
    let here = random_u128();
    let there = std::thread::spawn(random_u128).join().unwrap();
    assert_ne!(here, there);
    assert_ne!(random_bytes::<32>(), random_bytes::<32>());
}
