//! Numbers of JSON, exactly where that is possible.

use std::cmp::Ordering;

/// A number: whole ones are exact.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// Without fraction and exponent, or with a fraction of zeros; within 128 bits.
    Whole(i128),
    /// Any other.
    Float(f64),
}

/// The largest power of ten for exact arithmetic with fractions.
const SCALE_MAX: u32 = 18;
/// Beyond it, not every whole number has a float of its own (IEEE 754).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether the usual types hold the number: an infinite value would mean something else to each service.
pub(crate) fn is_held(text: &str) -> bool {
    // Up to so many characters without an exponent, it is.
    if text.len() <= 18 && !text.bytes().any(|b| matches!(b, b'e' | b'E')) {
        return true;
    }
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

impl Number {
    /// Reads a number in JSON's grammar.
    pub(crate) fn read(text: &str) -> Number {
        if let Ok(whole) = text.parse::<i128>() {
            return Number::Whole(whole);
        }
        let float = text.parse::<f64>().unwrap_or(f64::NAN);
        if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
            Number::Whole(float as i128)
        } else {
            Number::Float(float)
        }
    }

    /// Whether it is an integer that services can hold: 64 bits, signed or not.
    pub(crate) fn is_integer(self) -> bool {
        match self {
            Number::Whole(whole) => (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole),
            Number::Float(_) => false,
        }
    }

    pub(crate) fn float(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Float(float) => float,
        }
    }

    pub(crate) fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            _ => self.float().partial_cmp(&other.float()),
        }
    }
}

/// Whether `text` is a multiple of `of`, exactly: both are brought to whole numbers first. What cannot be, is none.
pub(crate) fn is_multiple(text: &str, of: &str) -> bool {
    let (Some((number, digits)), Some((of, of_digits))) = (decimal(text), decimal(of)) else { return false };
    let scaled = |value: i128, by: u32| value.checked_mul(10_i128.checked_pow(by)?);
    let digits_max = digits.max(of_digits);
    match (scaled(number, digits_max - digits), scaled(of, digits_max - of_digits)) {
        (Some(number), Some(of)) => of != 0 && number % of == 0,
        _ => false,
    }
}

/// A number as a whole one and how many digits of it are a fraction.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    match u32::try_from(scale) {
        Ok(scale) if scale <= SCALE_MAX * 2 => Some((value, scale)),
        Ok(_) => None,
        Err(_) => Some((value.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, 0)),
    }
}
