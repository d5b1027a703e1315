//! The terminal: how wide it is, and single keys without Enter. By `stty`, which every Unix has: the standard library
//! knows neither, and this program has no unsafe code. Without it, the view is 80 columns wide and `q` wants an Enter.

use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};
use tokio::sync::mpsc;

/// Keys that wait.
const KEYS_MAX: usize = 16;

/// The size of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Characters in a line.
    pub(crate) columns: u16,
    /// Lines.
    pub(crate) rows: u16,
}

impl Default for Size {
    fn default() -> Size {
        Size { columns: 80, rows: 24 }
    }
}

/// The size now; the usual one when it is not known.
pub(crate) fn size() -> Size {
    stty(&["size"]).and_then(|text| parse(&text)).unwrap_or_default()
}

fn parse(text: &str) -> Option<Size> {
    let (rows, columns) = text.trim().split_once(' ')?;
    let size = Size { columns: columns.parse().ok()?, rows: rows.parse().ok()? };
    // A terminal that does not know its size says 0.
    (size.columns > 0 && size.rows > 0).then_some(size)
}

/// A terminal that gives keys one by one, until this is dropped.
pub(crate) struct Keys {
    /// How it was before, in the words of `stty -g`.
    before: Option<String>,
    keys: mpsc::Receiver<u8>,
}

impl Keys {
    /// Begins, when standard input is a terminal. The thread that reads ends with the process.
    pub(crate) fn listen() -> Option<Keys> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let before = stty(&["-g"]).map(|text| text.trim().to_owned());
        if before.is_some() {
            drop(stty(&["-icanon", "-echo", "min", "1"]));
        }
        let (pressed, keys) = mpsc::channel(KEYS_MAX);
        drop(std::thread::spawn(move || {
            for key in std::io::stdin().lock().bytes().map_while(Result::ok) {
                if pressed.blocking_send(key).is_err() {
                    break;
                }
            }
        }));
        Some(Keys { before, keys })
    }

    /// Waits until somebody presses `q`; for ever, when standard input ends.
    pub(crate) async fn quit(&mut self) {
        while let Some(key) = self.keys.recv().await {
            if matches!(key, b'q' | b'Q') {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            drop(stty(&[before]));
        }
    }
}

/// Runs `stty` on our own terminal. It answers at once.
fn stty(arguments: &[&str]) -> Option<String> {
    let output = Command::new("stty").args(arguments).stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_rows_then_columns() {
        assert_eq!(parse("50 160\n"), Some(Size { columns: 160, rows: 50 }));
        for text in ["", "0 0\n", "24\n", "a b\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
