//! Numbers as text, without the machinery of formatting: some are written for every request.

/// Digits of the greatest number.
const DIGITS_MAX: usize = 20;

/// Appends a number in decimal digits.
pub fn push_number(mut number: u64, out: &mut Vec<u8>) {
    let (mut digits, mut first) = ([0; DIGITS_MAX], DIGITS_MAX);
    loop {
        first -= 1;
        if let Some(digit) = digits.get_mut(first) {
            *digit = b'0' + (number % 10) as u8;
        }
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_it_is_read() {
        for number in [0, 7, 10, 1024, 999_999, u64::MAX] {
            let mut out = b"x".to_vec();
            push_number(number, &mut out);
            assert_eq!(out, format!("x{number}").into_bytes());
        }
    }
}
