//! Bytes as people can read them: escapes, line ends by default, and words that stand for the place of the run.

/// What the words in braces stand for where a case is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// `{host}`: a host that is served there; `{HOST}` is the same in upper case.
    pub host: String,
    /// `{peer}`: the client's address as the target sees it.
    pub peer: String,
    /// `{scheme}`: `http` or `https`.
    pub scheme: String,
}

/// Text with escapes; see `cases/README.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<String>);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `\` before something that is no escape.
    #[error("no escape begins so: `{0}`; write `\\r`, `\\n`, `\\t`, `\\\\` or `\\xHH`")]
    Escape(String),
    /// `{repeat` without a number, a text and a `}`.
    #[error("malformed: `{0}`; write `{{repeat COUNT TEXT}}`")]
    Repeat(String),
}

impl Template {
    /// Takes lines, and checks their escapes.
    ///
    /// # Errors
    /// The first escape that is none.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Template, TemplateError> {
        let template = Template(lines.map(str::to_owned).collect());
        let nowhere = Scene { host: String::new(), peer: String::new(), scheme: String::new() };
        template.0.iter().try_for_each(|line| render_line(line, &nowhere, &mut Vec::new()).map(drop))?;
        Ok(template)
    }

    /// The bytes. Each line ends in CR LF, unless it ends in a `\`.
    pub fn render(&self, scene: &Scene) -> Vec<u8> {
        let mut out = Vec::new();
        for line in &self.0 {
            // INVARIANT: `parse` has rendered every line once, so that none fails.
            if let Ok(true) = render_line(line, scene, &mut out) {
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }
}

/// Renders one line, and says whether a line end follows.
fn render_line(line: &str, scene: &Scene, out: &mut Vec<u8>) -> Result<bool, TemplateError> {
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if rest == "\\" {
            return Ok(false);
        }
        let taken = match first {
            '\\' => escape(rest, out)?,
            '{' => word(rest, scene, out)?,
            _ => push(rest, first.len_utf8(), out),
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(true)
}

/// Copies `count` bytes of `text` as they are.
fn push(text: &str, count: usize, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(text.as_bytes().get(..count).unwrap_or_default());
    count
}

fn escape(text: &str, out: &mut Vec<u8>) -> Result<usize, TemplateError> {
    let simple = match text.as_bytes().get(1) {
        Some(b'r') => Some(b'\r'),
        Some(b'n') => Some(b'\n'),
        Some(b't') => Some(b'\t'),
        Some(b'\\') => Some(b'\\'),
        _ => None,
    };
    if let Some(byte) = simple {
        out.push(byte);
        return Ok(2);
    }
    let hex = text.strip_prefix("\\x").and_then(|hex| hex.get(..2));
    let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
    out.push(byte.ok_or_else(|| TemplateError::Escape(text.chars().take(4).collect()))?);
    Ok(4)
}

/// A word in braces. Another brace than ours stands for itself.
fn word(text: &str, scene: &Scene, out: &mut Vec<u8>) -> Result<usize, TemplateError> {
    let host = scene.host.to_ascii_uppercase();
    let words = [("{host}", &scene.host), ("{HOST}", &host), ("{peer}", &scene.peer), ("{scheme}", &scene.scheme)];
    if let Some((name, value)) = words.iter().find(|(name, _)| text.starts_with(name)) {
        out.extend_from_slice(value.as_bytes());
        return Ok(name.len());
    }
    let Some(repeat) = text.strip_prefix("{repeat ") else { return Ok(push(text, 1, out)) };
    let malformed = || TemplateError::Repeat(text.chars().take(24).collect());
    let (inside, _) = repeat.split_once('}').ok_or_else(malformed)?;
    let (count, what) = inside.split_once(' ').ok_or_else(malformed)?;
    let count: usize = count.parse().map_err(|_| malformed())?;
    let mut once = Vec::new();
    render_line(what, scene, &mut once)?;
    out.extend(once.repeat(count));
    Ok("{repeat ".len() + inside.len() + 1)
}
