//! The paths that a file names: `use` trees spread out, and `a::b::c` wherever it stands.

use std::iter::Peekable;
use std::vec::IntoIter;

/// A path in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The line, from 1.
    pub(super) line: usize,
    /// Its segments; the last is `*` for all that is there.
    pub(super) segments: Vec<String>,
    /// The name under which a `use` makes it known; none outside of `use`.
    pub(super) alias: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Into,
    Sign(char),
}

type Tokens = Peekable<IntoIter<(usize, Token)>>;

/// All paths of `code`, which has no comments and literals, in the order in which they stand.
pub(super) fn paths(code: &str) -> Vec<Named> {
    let mut tokens = tokens(code).into_iter().peekable();
    let mut found = Vec::new();
    let mut former = None;
    while let Some((line, token)) = tokens.next() {
        match &token {
            Token::Word(word) if word == "use" => tree(&mut tokens, &[], &mut found),
            // `<T as Trait>::name` and `value.method::<T>()` continue something else.
            Token::Word(word) if !matches!(former, Some(Token::Sign('.'))) => {
                let mut segments = vec![word.clone()];
                rest_of_path(&mut tokens, &mut segments);
                if segments.len() > 1 {
                    found.push(Named { line, segments, alias: None });
                }
            }
            Token::Word(_) | Token::Into | Token::Sign(_) => {}
        }
        former = Some(token);
    }
    found
}

fn rest_of_path(tokens: &mut Tokens, segments: &mut Vec<String>) {
    while tokens.next_if(|(_, token)| *token == Token::Into).is_some() {
        let Some((_, Token::Word(word))) = tokens.next_if(|(_, token)| matches!(token, Token::Word(_))) else { return };
        segments.push(word);
    }
}

/// One tree of a `use`, below `above`.
fn tree(tokens: &mut Tokens, above: &[String], found: &mut Vec<Named>) {
    let mut segments = above.to_vec();
    let mut last = None;
    while let Some((line, token)) = tokens.peek().cloned() {
        match token {
            Token::Word(word) if word == "as" => {
                tokens.next();
                let alias =
                    tokens.next().and_then(|(_, token)| if let Token::Word(word) = token { Some(word) } else { None });
                return push(line, segments, alias, found);
            }
            Token::Word(word) => {
                segments.push(word);
                last = Some(line);
            }
            Token::Sign('*') => {
                segments.push("*".to_owned());
                last = Some(line);
            }
            Token::Sign('{') => {
                tokens.next();
                return group(tokens, &segments, found);
            }
            Token::Into => {}
            Token::Sign(_) => break,
        }
        tokens.next();
    }
    if let Some(line) = last {
        push(line, segments, None, found);
    }
}

fn group(tokens: &mut Tokens, above: &[String], found: &mut Vec<Named>) {
    while let Some((_, token)) = tokens.peek() {
        match token {
            Token::Sign('}') => {
                tokens.next();
                return;
            }
            Token::Sign(',') => drop(tokens.next()),
            Token::Sign(';') => return,
            Token::Word(_) | Token::Into | Token::Sign('{' | '*') => tree(tokens, above, found),
            Token::Sign(_) => drop(tokens.next()),
        }
    }
}

/// `a::{self}` names `a`.
fn push(line: usize, mut segments: Vec<String>, alias: Option<String>, found: &mut Vec<Named>) {
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    let alias = alias.or_else(|| segments.last().cloned());
    found.push(Named { line, segments, alias });
}

fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        } else if c.is_alphabetic() || c == '_' {
            let mut word = String::from(c);
            while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(c);
            }
            tokens.push((line, Token::Word(word)));
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            tokens.push((line, Token::Into));
        } else if !c.is_whitespace() {
            tokens.push((line, Token::Sign(c)));
        }
    }
    tokens
}

#[cfg(test)]
mod tests;
