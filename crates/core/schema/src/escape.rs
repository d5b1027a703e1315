//! Percent-encoding (RFC 3986 §2.1), and `+` for a space where forms write it so.

/// The bytes that are meant. `None`: an escape is not whole.
pub(crate) fn decode(text: &[u8], plus_is_space: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(*b).to_digit(16));
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus_is_space => b' ',
            byte => *byte,
        });
    }
    Some(out)
}

/// As [`decode`], as text. `None`: it is none.
pub(crate) fn decode_text(text: &str, plus_is_space: bool) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let text = String::from_utf8(decode(text.as_bytes(), plus_is_space)?).ok()?;
    // What ends a text for some and not for others.
    (!text.contains('\0')).then_some(text)
}
