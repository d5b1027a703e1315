//! The request fields that conditions name, as facts.

use selvedge_http::Fields;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// Fields that conditions name in most meshes.
const USUAL: usize = 4;

/// The fields of a request that some condition names.
pub(crate) struct Wanted<'a>(SmallVec<[(&'a str, Cow<'a, str>); USUAL]>);

impl<'a> Wanted<'a> {
    /// Finds them. Values of a repeated field are joined (RFC 9110 §5.2), so that none of them can hide another; bytes
    /// that are no text become U+FFFD, which no condition expects.
    pub(crate) fn of(names: &'a [Arc<str>], fields: &'a Fields) -> Wanted<'a> {
        let found = names.iter().filter_map(|name| {
            let mut values = fields.all(name).map(String::from_utf8_lossy);
            let first = values.next()?;
            let joined = values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}")));
            Some((&**name, joined))
        });
        Wanted(found.collect())
    }

    /// Names and values, as facts take them.
    pub(crate) fn facts(&self) -> SmallVec<[(&str, &str); USUAL]> {
        self.0.iter().map(|(name, value)| (*name, &**value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;
    use selvedge_http::Fields;
    use std::sync::Arc;

    #[test]
    fn a_repeated_field_is_one_text_and_an_absent_one_none() -> Result<(), Box<dyn std::error::Error>> {
        let mut fields = Fields::default();
        for (name, value) in [("X-Tenant", "a"), ("accept", "b"), ("x-tenant", "c")] {
            fields.push(name.as_bytes(), value.as_bytes())?;
        }
        fields.push(b"x-raw", b"\xff")?;
        let names: Vec<Arc<str>> = ["x-raw", "x-tenant", "x-user"].map(Arc::from).into();
        assert_eq!(Wanted::of(&names, &fields).facts().as_slice(), [("x-raw", "\u{fffd}"), ("x-tenant", "a, c")]);
        Ok(())
    }
}
