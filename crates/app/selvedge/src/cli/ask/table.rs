//! Aligned lines, and colours where a person looks.

use std::io::{IsTerminal, stdout};

/// A colour by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Tone {
    Plain,
    /// Allowed, or more is.
    Good,
    /// Denied, or wrong.
    Bad,
    /// Under conditions.
    Careful,
    /// Where it is written.
    Quiet,
    /// A title.
    Strong,
}

/// Whether results are coloured: only on a terminal, and not when `NO_COLOR` is set (no-color.org).
pub(in crate::cli) fn colored() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text in a tone.
pub(in crate::cli) fn paint(text: &str, tone: Tone, color: bool) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Careful => "33",
        Tone::Quiet => "2",
        Tone::Strong => "1",
        Tone::Plain => return text.to_owned(),
    };
    if color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Lines of cells, each column as wide as its widest cell.
#[derive(Debug, Default)]
pub(in crate::cli) struct Table {
    rows: Vec<Vec<(String, Tone)>>,
}

/// A column wider than this is not aligned: what follows it stands where it ends.
const WIDTH_MAX: usize = 60;

impl Table {
    pub(in crate::cli) fn add<const N: usize>(&mut self, row: [(String, Tone); N]) {
        self.rows.push(row.into());
    }

    /// The lines, each after two spaces.
    pub(in crate::cli) fn lines(&self, color: bool) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, (text, _)) in row.iter().enumerate() {
                let width = text.chars().count();
                match widths.get_mut(column) {
                    Some(widest) if width <= WIDTH_MAX => *widest = width.max(*widest),
                    Some(_) => {}
                    None => widths.push(if width <= WIDTH_MAX { width } else { 0 }),
                }
            }
        }
        let line = |row: &Vec<(String, Tone)>| {
            let mut line = String::from("  ");
            for ((text, tone), width) in row.iter().zip(&widths) {
                if *width == 0 && text.is_empty() {
                    continue;
                }
                line.push_str(&paint(text, *tone, color));
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(text.chars().count()) + 2));
            }
            line.truncate(line.trim_end().len());
            line + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}
