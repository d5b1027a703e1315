//! The form that the token endpoint takes (`application/x-www-form-urlencoded`).

/// How long a token lives when the form does not say, in seconds.
const LIFETIME_S: i64 = 300;
/// The longest life of a token, and how long ago one may have ended, in seconds.
const LIFETIME_S_MAX: i64 = 86_400;
/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 255;

/// What a token shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The `sub` claim.
    pub(crate) subject: String,
    /// The `scope` claim: words with spaces.
    pub(crate) scope: String,
    /// The `aud` claim.
    pub(crate) audience: String,
    /// Seconds until the token ends; below zero for one that has ended, to see it refused.
    pub(crate) lifetime_s: i64,
}

/// Why a form is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormError {
    /// No UTF-8, or a `%` without two hex digits.
    Malformed,
    /// Neither a field of the form nor one that OAuth has.
    Unknown,
    /// A field is longer than 255 bytes, or has control characters.
    Value,
    /// `subject` or `audience` is missing.
    Missing,
    /// `lifetime` is no number, or over a day.
    Lifetime,
    /// `grant_type` is another.
    GrantType,
}

impl std::fmt::Display for FormError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FormError::Malformed => "the form is malformed: send it with curl's `--data-urlencode`",
            FormError::Unknown => "write `subject`, `scope`, `audience` and `lifetime`",
            FormError::Value => "a value has at most 255 bytes and no control characters",
            FormError::Missing => "write `subject` and `audience`",
            FormError::Lifetime => "write `lifetime` in seconds, from -86400 to 86400",
            FormError::GrantType => "write `grant_type=client_credentials`, or leave it out",
        })
    }
}

impl Grant {
    /// Reads the form.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse(form: &[u8]) -> Result<Grant, FormError> {
        let (mut subject, mut audience) = (None, None);
        let mut grant =
            Grant { subject: String::new(), scope: String::new(), audience: String::new(), lifetime_s: LIFETIME_S };
        for pair in form.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|b| *b == b'=').ok_or(FormError::Malformed)?;
            let (name, value) = pair.split_at(at);
            let value = decode(value.get(1..).unwrap_or_default())?;
            match name {
                b"subject" => subject = Some(value),
                b"audience" => audience = Some(value),
                b"scope" => grant.scope = value,
                b"lifetime" => grant.lifetime_s = lifetime(&value)?,
                b"grant_type" if value == "client_credentials" => {}
                b"grant_type" => return Err(FormError::GrantType),
                b"client_id" | b"client_secret" => {}
                _ => return Err(FormError::Unknown),
            }
        }
        grant.subject = subject.filter(|subject| !subject.is_empty()).ok_or(FormError::Missing)?;
        grant.audience = audience.filter(|audience| !audience.is_empty()).ok_or(FormError::Missing)?;
        Ok(grant)
    }

    /// The form that asks for this grant.
    pub(crate) fn form(&self) -> String {
        let Grant { subject, scope, audience, lifetime_s } = self;
        format!(
            "grant_type=client_credentials&subject={}&scope={}&audience={}&lifetime={lifetime_s}",
            encode(subject),
            encode(scope),
            encode(audience)
        )
    }
}

fn lifetime(text: &str) -> Result<i64, FormError> {
    let seconds = text.parse().ok().filter(|s| (-LIFETIME_S_MAX..=LIFETIME_S_MAX).contains(s));
    seconds.ok_or(FormError::Lifetime)
}

fn decode(value: &[u8]) -> Result<String, FormError> {
    if value.len() > 3 * VALUE_BYTES_MAX {
        return Err(FormError::Value);
    }
    let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16)).ok_or(FormError::Malformed);
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                u8::try_from(value).map_err(|_| FormError::Malformed)?
            }
            other => other,
        });
    }
    let text = String::from_utf8(decoded).map_err(|_| FormError::Malformed)?;
    if text.len() > VALUE_BYTES_MAX || text.chars().any(char::is_control) { Err(FormError::Value) } else { Ok(text) }
}

fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
