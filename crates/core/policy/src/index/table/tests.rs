//! The table finds what was put in, and trusts no hash.

use super::*;

#[test]
fn every_text_is_found_and_no_other() {
    let texts: Vec<String> = (0..3_000).map(|number| format!("spiffe://acme.example/s{number}")).collect();
    let entries: Vec<(&[u8], u32)> = texts.iter().map(|text| text.as_bytes()).zip(0..).collect();
    let table = Table::of(&entries);
    let find = |text: &str| {
        table.find(text.as_bytes(), |number| texts.get(number as usize).is_some_and(|known| known == text))
    };
    for (text, number) in texts.iter().zip(0..) {
        assert_eq!(find(text), Some(number));
    }
    assert_eq!(find("spiffe://acme.example/s3000"), None);
    assert_eq!(Table::default().find(b"s", |_| true), None);
}

#[test]
fn an_equal_hash_is_not_an_equal_text() {
    let table = Table::of(&[(b"orders", 7)]);
    assert_eq!(table.find(b"orders", |_| false), None);
}
