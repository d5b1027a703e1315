//! Lines for people and programs on the standard streams.

use std::io::Write;

/// Prints a line. A reader that went away, such as `head`, is not an error of ours.
pub(crate) fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{}", line.trim_end());
}
