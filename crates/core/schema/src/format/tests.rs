//! What each format takes, and what it does not.

use super::Format;

#[test]
fn formats_take_what_is_right_and_refuse_what_is_near() {
    for (name, right, wrong) in [
        (
            "date",
            &["2024-02-29", "2026-10-05"][..],
            &["2023-02-29", "2026-13-01", "2026-00-10", "2026-1-5", "2026-10-05T", "２026-10-05"][..],
        ),
        (
            "date-time",
            &["2026-10-05T09:30:00Z", "2026-10-05t09:30:60.123+02:00"],
            &[
                "2026-10-05 09:30:00Z",
                "2026-10-05T09:30:00",
                "2026-10-05T24:00:00Z",
                "2026-10-05T09:30:00.Z",
                "2026-10-05T09:30:00+2:00",
                "ééééé",
            ],
        ),
        (
            "email",
            &["a@b.example", "a.b+c@b-c.example"],
            &["a", "@b", "a@", "a..b@c", "a@b@c", "a b@c.d", "a@-b.example"],
        ),
        ("hostname", &["a", "a.b-c"], &["", ".", "a..b", "-a", "a_b", "a."]),
        ("ipv4", &["127.0.0.1"], &["127.0.0.01", "1.2.3", "256.0.0.1", "0x7f.1.1.1"]),
        ("ipv6", &["::1", "2001:db8::1"], &["1::2::3", "::g", "[::1]"]),
        (
            "uri",
            &["https://a.example/b?c#d", "urn:a:b"],
            &["a/b", "//a", "1a:b", "a:b#c#d", "a:%zz", "a: b", "http://a\u{e9}"],
        ),
        (
            "uuid",
            &["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
            &["f81d4fae7dec11d0a76500a0c91e6bf6", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""],
        ),
        ("byte", &["", "YQ==", "YWI=", "YWJj"], &["YQ", "Y Q=", "YQ=", "====", "YW=j"]),
    ] {
        let format = Format::named(name).unwrap();
        right.iter().for_each(|text| assert!(format.takes(text), "{name} {text}"));
        wrong.iter().for_each(|text| assert!(!format.takes(text), "{name} {text}"));
    }
    assert_eq!(Format::named("phone"), None);
}
