//! Who wrote a line, by `git blame`, when the repository is a Git checkout.

use std::path::Path;
use std::process::{Command, Stdio};

/// The commit that a line came with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Commit {
    /// Its hash; zeros for what is not committed yet.
    pub(super) id: String,
    pub(super) author: String,
    /// Seconds since 1970.
    pub(super) time: u64,
    pub(super) summary: String,
}

/// Hexadecimal digits of a commit that are shown.
const ID_SHOWN: usize = 10;

/// The commit of a line of a file in `directory`. `None`: no checkout, no such line, or no `git`.
pub(super) fn line(directory: &Path, file: &str, line: u32) -> Option<Commit> {
    let range = format!("{line},{line}");
    let mut git = Command::new("git");
    git.arg("-C").arg(directory).args(["--no-pager", "blame", "--porcelain", "-L", range.as_str(), "--", file]);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    porcelain(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `git blame --porcelain`: the hash first, then one fact a line.
fn porcelain(text: &str) -> Option<Commit> {
    let id = text.split(' ').next()?.to_owned();
    let fact = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        // A message is not ours: nothing in it may steer a terminal.
        lines.next().map(|value| value.chars().filter(|c| !c.is_control()).collect::<String>())
    };
    let time = fact("author-time")?.parse().ok()?;
    Some(Commit { id, author: fact("author")?, time, summary: fact("summary").unwrap_or_default() })
}

impl std::fmt::Display for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.id.bytes().all(|byte| byte == b'0') {
            return f.write_str("not committed yet");
        }
        let id = self.id.get(..ID_SHOWN).unwrap_or(&self.id);
        write!(f, "{id} by {}, {}: {}", self.author, day(self.time), self.summary)
    }
}

/// The day of a time in seconds since 1970, in UTC: the civil calendar from a count of days (Hinnant's algorithm).
fn day(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests;
