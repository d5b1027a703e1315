//! Byte for byte as the specification has it.

use super::header;

#[test]
fn a_header_over_ipv4_has_28_bytes_and_the_identity_after_them() {
    let bytes = header("192.0.2.1:4660".parse().unwrap(), "10.0.0.5:80".parse().unwrap(), None);
    assert_eq!(bytes, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x05\x12\x34\0\x50");
    let with = header("192.0.2.1:1".parse().unwrap(), "10.0.0.5:80".parse().unwrap(), Some("spiffe://a/b"));
    assert_eq!(&with[14..16], &[0, 12 + 3 + 12]);
    assert!(with.ends_with(b"\xe0\0\x0cspiffe://a/b"));
}

#[test]
fn addresses_of_two_families_are_both_told_in_ipv6() {
    let bytes = header("[2001:db8::1]:1".parse().unwrap(), "10.0.0.5:80".parse().unwrap(), None);
    assert_eq!((bytes[13], bytes.len()), (0x21, 16 + 36));
    assert_eq!(&bytes[32..48], b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x05");
}
