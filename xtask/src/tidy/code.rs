//! Rust text with everything blanked out that is no product code, so that the rules can look for words and braces.
//!
//! Lines stay where they are. This is a lexer, not a parser: it knows comments, literals and `#[cfg(test)]`.

/// Blanks out comments, literals and the items behind `#[cfg(test)]`.
pub(super) fn product(text: &str) -> String {
    without_tests(&bare(text))
}

/// Blanks out comments, and texts and characters with their quotes.
fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(first) = chars.get(at) {
        let rest = chars.get(at..).unwrap_or_default();
        let inside_word = at > 0 && chars.get(at - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        let taken = comment(rest).or_else(|| quoted(rest, inside_word)).or_else(|| character(rest)).unwrap_or(0);
        if taken == 0 {
            out.push(*first);
            at += 1;
            continue;
        }
        out.extend(rest.iter().take(taken).map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at += taken;
    }
    out
}

/// How long the comment is that begins here.
fn comment(rest: &[char]) -> Option<usize> {
    match rest {
        ['/', '/', ..] => Some(rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => {
            let (mut depth, mut at) = (0_usize, 0);
            while at < rest.len() {
                match rest.get(at..) {
                    Some(['/', '*', ..]) => (depth, at) = (depth + 1, at + 2),
                    Some(['*', '/', ..]) => (depth, at) = (depth.saturating_sub(1), at + 2),
                    _ => at += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            Some(at)
        }
        _ => None,
    }
}

/// How long the text literal is that begins here: plain, raw, of bytes or for C.
fn quoted(rest: &[char], inside_word: bool) -> Option<usize> {
    let prefix = if inside_word { 0 } else { rest.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count() };
    let raw = prefix > 0 && rest.get(prefix - 1) == Some(&'r');
    let hashes = if raw { rest.iter().skip(prefix).take_while(|c| **c == '#').count() } else { 0 };
    let open = prefix + hashes;
    if prefix > 2 || rest.get(open) != Some(&'"') {
        return None;
    }
    let mut at = open + 1;
    while let Some(c) = rest.get(at) {
        at += 1;
        if *c == '\\' && !raw {
            at += 1;
        } else if *c == '"' && rest.iter().skip(at).take(hashes).filter(|c| **c == '#').count() == hashes {
            return Some(at + hashes);
        }
    }
    Some(rest.len())
}

/// How long the character literal is that begins here; a lifetime is none.
fn character(rest: &[char]) -> Option<usize> {
    match rest {
        ['\'', '\\', _, tail @ ..] => Some(3 + tail.iter().position(|c| *c == '\'')? + 1),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// Blanks out each item that is compiled for tests alone.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        out.push_str(before);
        let (item, after) = item.split_at(MARK.len() + item_end(item.get(MARK.len()..).unwrap_or_default()));
        out.extend(item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the item ends that begins here: at a `;` outside of brackets, or at the `}` of its first `{`.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests;
