//! The field that carries a token.

use super::*;

#[test]
fn the_field_carries_one_bearer_token() {
    assert_eq!(bearer(b"bearer abc.def"), Ok("abc.def"));
    for (value, error) in [
        ("Basic dTpw", BearerError::Scheme),
        ("Bearer", BearerError::Scheme),
        ("Bearer ", BearerError::Malformed),
        ("Bearer a b", BearerError::Malformed),
        ("Bearer a,b", BearerError::Malformed),
    ] {
        assert_eq!(bearer(value.as_bytes()), Err(error), "{value}");
    }
    assert_eq!(bearer(format!("Bearer {}", "a".repeat(17_000)).as_bytes()), Err(BearerError::TooLong));
}
