//! The live table as text, within a width: one line for each kind of call.

use super::calls::{Calls, Kind, OUTSIDE, Row};

/// Columns of the table.
const COLUMNS: usize = 8;
/// Columns before those of numbers: caller, callee, what, why.
const TEXT_COLUMNS: usize = 4;
/// The head of the table; the first [`TEXT_COLUMNS`] are text.
const HEAD: [&str; COLUMNS] = ["caller", "callee", "call", "rule, or why not", "allowed", "denied", "p50 ms", "p99 ms"];
/// The least characters that a table is drawn in; a narrower terminal cuts it.
const WIDTH_MIN: u16 = 76;
/// From this width on, more of a path is shown.
const WIDE: u16 = 120;
/// Characters of a caller or callee: `storefront` is the longest here.
const NAME_WIDTH: u16 = 10;

/// How a line is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The head.
    Head,
    /// Carried out.
    Allowed,
    /// Denied.
    Denied,
    /// Broken.
    Faulted,
}

/// The table in lines of at most `width` characters, the head first, at most `rows` rows: the busiest.
pub(crate) fn render(calls: &Calls, width: u16, rows: usize) -> Vec<(Tone, String)> {
    let width = width.max(WIDTH_MIN);
    let mut shown: Vec<(&Kind, &Row)> = calls.rows().collect();
    if shown.len() > rows {
        shown.sort_by_key(|(_, row)| std::cmp::Reverse(row.allowed + row.denied + row.faulted));
        shown.truncate(rows);
    }
    // What comes from outside is read first.
    shown.sort_by_key(|(kind, _)| (kind.caller != OUTSIDE, *kind));
    let widths = widths(width);
    let mut lines = vec![(Tone::Head, line(&HEAD.map(str::to_owned), widths))];
    lines.extend(shown.iter().map(|(kind, row)| (tone(row), line(&texts(kind, row), widths))));
    lines
}

/// Names are short, and keep their width; what is left is for the reason.
fn widths(width: u16) -> [u16; COLUMNS] {
    let call = if width < WIDE { 14 } else { 18 };
    let numbers = [7, 6, 6, 6];
    let taken = 2 * NAME_WIDTH + call + numbers.iter().sum::<u16>() + COLUMNS as u16;
    let [allowed, denied, p50, p99] = numbers;
    [NAME_WIDTH, NAME_WIDTH, call, width.saturating_sub(taken), allowed, denied, p50, p99]
}

fn tone(row: &Row) -> Tone {
    match (row.faulted, row.denied) {
        (0, 0) => Tone::Allowed,
        (0, _) => Tone::Denied,
        (_, _) => Tone::Faulted,
    }
}

fn texts(kind: &Kind, row: &Row) -> [String; COLUMNS] {
    let ms = |us: Option<u64>| us.map_or_else(String::new, |us| format!("{}.{:02}", us / 1_000, us % 1_000 / 10));
    [
        kind.caller.clone(),
        kind.callee.clone(),
        kind.what.clone(),
        kind.why.clone(),
        row.allowed.to_string(),
        row.denied.saturating_add(row.faulted).to_string(),
        ms(row.percentile(50)),
        ms(row.percentile(99)),
    ]
}

/// One line: what is too long is cut, so that nothing wraps; a blank after each column.
fn line(texts: &[String; COLUMNS], widths: [u16; COLUMNS]) -> String {
    let mut line = String::new();
    for (column, (text, width)) in texts.iter().zip(widths).enumerate() {
        let (text, width) = (cut(text, width), usize::from(width));
        line.push_str(&if column < TEXT_COLUMNS { format!("{text:<width$} ") } else { format!("{text:>width$} ") });
    }
    line.trim_end().to_owned()
}

fn cut(text: &str, width: u16) -> String {
    // A peer chose the path: nothing in it may steer the terminal.
    let mut shown: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if let Some((at, _)) = shown.char_indices().nth(usize::from(width)) {
        shown.truncate(at);
        let _ = shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::calls::tests::{allowed, denied};
    use super::*;
    use selvedge_model::Role;

    fn calls() -> Calls {
        let mut calls = Calls::default();
        (0..1_234_567 / 1_000).for_each(|n| calls.count(&allowed("storefront", 700 + n)));
        (0..30).for_each(|n| calls.count(&denied(Role::MeshInbound, n)));
        calls
    }

    #[test]
    fn the_table_fits_into_80_and_160_columns() {
        for width in [80_u16, 160] {
            let lines = render(&calls(), width, 20);
            assert_eq!(lines.len(), 3, "a head and two rows of one line each: {lines:#?}");
            for (_, line) in &lines {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
            let tones: Vec<Tone> = lines.iter().map(|(tone, _)| *tone).collect();
            assert_eq!(tones, [Tone::Head, Tone::Allowed, Tone::Denied]);
            assert!(lines[1].1.contains("1234") && lines[1].1.contains("outside"), "{}", lines[1].1);
            assert!(lines[2].1.contains("30"), "{}", lines[2].1);
        }
        let wide = render(&calls(), 160, 20);
        assert!(wide[2].1.contains("403 orders-ledger: the caller is not"), "{}", wide[2].1);
        assert!(wide[1].1.contains("everyone-browses"), "{}", wide[1].1);
    }

    #[test]
    fn the_busiest_rows_are_kept_when_there_is_no_room() {
        let lines = render(&calls(), 80, 1);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].1.contains("outside"), "{}", lines[1].1);
    }
}
