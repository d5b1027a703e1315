//! Media types (RFC 9110 §8.3) and ranges of them, read strictly: what two readers could take for different types is none.

/// A media type as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct MediaType {
    /// `type/subtype` in lower case.
    pub(crate) essence: Box<str>,
    pub(crate) charset: Option<Box<str>>,
    pub(crate) boundary: Option<Box<str>>,
}

/// A key of `content`: a media type, `type/*` or `*/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaRange(pub(crate) Box<str>);

impl MediaRange {
    /// How exactly the range has a type; `None`: it does not.
    pub(crate) fn fits(&self, essence: &str) -> Option<u8> {
        match self.0.split_once('/') {
            _ if *self.0 == *essence => Some(2),
            Some(("*", "*")) => Some(0),
            Some((main, "*")) => (essence.split('/').next() == Some(main)).then_some(1),
            _ => None,
        }
    }
}

/// Reads a field's value. A parameter twice, or one without a value, makes it unreadable.
pub(crate) fn media_type(value: &[u8]) -> Option<MediaType> {
    let text = std::str::from_utf8(value).ok()?;
    let (essence, mut rest) = text.split_once(';').map_or((text, ""), |(essence, rest)| (essence, rest));
    let (main, sub) = essence.trim_end_matches([' ', '\t']).split_once('/')?;
    if !is_token(main) || !is_token(sub) {
        return None;
    }
    let mut media =
        MediaType { essence: format!("{main}/{sub}").to_ascii_lowercase().into(), charset: None, boundary: None };
    let mut seen: Vec<String> = Vec::new();
    while !rest.is_empty() {
        let (name, value, after) = parameter(rest)?;
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            return None;
        }
        match name.as_str() {
            "charset" => media.charset = Some(value.into()),
            "boundary" => media.boundary = Some(value.into()),
            _ => {}
        }
        seen.push(name);
        rest = after;
    }
    Some(media)
}

/// `name=value` at the beginning, and what follows its `;`. A quoted value has no escapes here.
pub(crate) fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.trim_start_matches([' ', '\t']).split_once('=')?;
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').filter(|(value, _)| !value.contains('\\'))?,
        None => {
            let end = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
            rest.split_at_checked(end).filter(|(value, _)| is_token(value))?
        }
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let after = if rest.is_empty() { rest } else { rest.strip_prefix(';').filter(|rest| !rest.trim().is_empty())? };
    is_token(name).then_some((name, value, after))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
