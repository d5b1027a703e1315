//! A function fits a screen (STYLE 2).

use super::{Finding, Source};

/// Lines of one function, from its `fn` to its last brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Checks every function of a file.
pub(super) fn check(source: &Source, found: &mut Vec<Finding>) {
    let code = &source.code;
    for (at, _) in code.match_indices("fn ") {
        let follows_word = code.get(..at).and_then(|before| before.chars().next_back()).is_some_and(is_word);
        let Some((name, rest)) = code.get(at + "fn ".len()..).and_then(named).filter(|_| !follows_word) else {
            continue;
        };
        let lines = rest.get(..body_end(rest)).unwrap_or_default().matches('\n').count() + 1;
        if lines > FUNCTION_LINES_MAX {
            let line = code.get(..at).unwrap_or_default().matches('\n').count() + 1;
            let message = format!("`{name}` has {lines} lines, over 70: split it by idea");
            found.push(Finding { file: source.file.clone(), line, message });
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The function's name and what follows it; a type `fn (…)` has none.
fn named(after: &str) -> Option<(&str, &str)> {
    let end = after.find(|c| !is_word(c))?;
    Some(after.split_at(end)).filter(|(name, _)| !name.is_empty())
}

/// Where a function ends: at the `}` of its body, or at the `;` of one that has none.
fn body_end(code: &str) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return at,
            '}' => braces -= 1,
            ';' if braces == 0 && others == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests;
