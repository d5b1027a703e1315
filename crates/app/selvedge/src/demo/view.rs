//! What a person sees: what is running, lines to copy, and the table, redrawn in place once a second. Where standard
//! output is no terminal, a plain table now and then.

use super::calls::Calls;
use super::mesh::{AUDIENCE, EDGE_HOST};
use super::processes::program;
use super::serve::say;
use super::table::{self, Tone};
use super::tail::Tail;
use super::terminal::{self, Keys};
use super::traffic::Traffic;
use super::world::{Owned, World, get};
use anyhow::Result;
use std::fmt::Write;
use std::io::{IsTerminal, stdout};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two drawings.
const REDRAW: Duration = Duration::from_secs(1);
/// Between two plain summaries.
const SUMMARY: Duration = Duration::from_secs(5);
/// The width of plain summaries.
const SUMMARY_COLUMNS: u16 = 160;
/// Rows of the table that are shown however low the terminal is.
const ROWS_MIN: usize = 6;

/// Shows the running mesh until somebody presses `q`.
///
/// # Errors
/// When the mesh ends by itself.
pub(crate) async fn run(world: Rc<World>, owned: &mut Owned, color: bool) -> Result<()> {
    let terminal = stdout().is_terminal();
    let decision = world.client().call(&get("/products")).await.ok();
    let decision = decision.and_then(|answer| answer.decision().map(str::to_owned));
    let header = header(&world, decision.as_deref().unwrap_or("ID"))?;
    say(&header);
    // What was asked until the mesh served is no part of the traffic.
    let began = selvedge_net::now_ms();
    let traffic = Traffic::start(&world);
    let mut tail = Tail::new(&world.state);
    let mut calls = Calls::default();
    let mut screen = Screen { terminal, color, header: header.lines().count(), drawn: 0 };
    let mut keys = if terminal { Keys::listen() } else { None };
    let mut ticks = interval(if terminal { REDRAW } else { SUMMARY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = quit(&mut keys) => return Ok(()),
        }
        owned.alive()?;
        tail.read().iter().filter(|record| record.time_ms >= began).for_each(|record| calls.count(record));
        screen.draw(&calls, &traffic.tally().to_string());
    }
}

async fn quit(keys: &mut Option<Keys>) {
    match keys {
        Some(keys) => keys.quit().await,
        None => std::future::pending().await,
    }
}

/// Where the table is drawn.
struct Screen {
    terminal: bool,
    color: bool,
    /// Lines above the table.
    header: usize,
    /// Lines of the last drawing.
    drawn: usize,
}

impl Screen {
    fn draw(&mut self, calls: &Calls, tally: &str) {
        let (columns, rows) = if self.terminal {
            let size = terminal::size();
            (size.columns, usize::from(size.rows).saturating_sub(self.header + 4).max(ROWS_MIN))
        } else {
            (SUMMARY_COLUMNS, usize::MAX)
        };
        let lines = table::render(calls, columns, rows);
        let text = self.text(&lines, calls.totals(), tally, usize::from(columns));
        self.drawn = text.lines().count();
        say(text.trim_end_matches('\n'));
    }

    /// One drawing: on a terminal over the last one, each line cut where the terminal would break it.
    fn text(&self, lines: &[(Tone, String)], totals: (u64, u64, u64), tally: &str, columns: usize) -> String {
        let (allowed, denied, faulted) = totals;
        let mut text = String::new();
        if self.terminal && self.drawn > 0 {
            // Writing to a text does not fail. Up to where the last drawing began, then clear what is below.
            let _ = write!(text, "\x1b[{}A\x1b[J", self.drawn);
        }
        let sum = format!("{allowed} allowed, {denied} denied, {faulted} broken; {tally}");
        let end = if self.terminal { "   q ends" } else { "" };
        for (tone, line) in lines {
            let line: String = line.chars().take(columns).collect();
            let code = match tone {
                Tone::Head => "1",
                Tone::Allowed => "32",
                Tone::Denied => "33",
                Tone::Faulted => "31",
            };
            let colored = self.terminal && self.color;
            let _ = if colored { writeln!(text, "\x1b[{code}m{line}\x1b[0m") } else { writeln!(text, "{line}") };
        }
        let sum: String = format!("{sum}{end}").chars().take(columns).collect();
        let _ = writeln!(text, "\n{sum}");
        text
    }
}

/// What is running, and lines to copy. Each of them works as it stands.
fn header(world: &World, decision: &str) -> Result<String> {
    let (port, issuer) = (world.edge.port(), world.issuer);
    let ca = world.ca();
    let ca = ca.display();
    let curl = format!("curl -sS --cacert {ca} --resolve {EDGE_HOST}:{port}:127.0.0.1");
    let edge = format!("https://{EDGE_HOST}:{port}");
    let token = format!(
        "curl -sS http://{issuer}/token -d subject=you -d scope=orders:write --data-urlencode audience={AUDIENCE}"
    );
    let program = program()?;
    let (program, state) = (program.display(), world.state.display());
    Ok(format!(
        r#"
A shop of four services (storefront, orders, payments, inventory) behind one gateway.
edge {edge}   issuer http://{issuer}   status http://{admin}/status
mesh repository {repository} (edit it: a good change is enforced at once, a bad one is reported)
certificate to trust {ca}

# everyone may browse
{curl} {edge}/products
# with a token of the issuer: through all four services
TOKEN=$({token} | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
{curl} -X POST -H "Authorization: Bearer $TOKEN" {edge}/checkout
# without one: denied, with the id of the decision
{curl} -i -X POST {edge}/checkout
# why
{program} explain {decision} --state {state}
"#,
        admin = world.admin,
        repository = world.repository.display(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_replaces_the_last_one_only_on_a_terminal() {
        let lines = [(Tone::Denied, "x".repeat(100))];
        let screen = Screen { terminal: true, color: true, header: 0, drawn: 4 };
        let text = screen.text(&lines, (1, 2, 0), "0 of 1 good requests failed", 80);
        assert!(text.starts_with("\x1b[4A\x1b[J\x1b[33m"), "{text:?}");
        assert_eq!(text.matches('x').count(), 80);
        let plain = Screen { terminal: false, color: true, header: 0, drawn: 4 };
        let text = plain.text(&lines, (1, 2, 0), "0 of 1 good requests failed", 160);
        assert!(!text.contains('\x1b') && text.contains("1 allowed, 2 denied, 0 broken"), "{text:?}");
    }

    #[test]
    fn colors_are_left_out_where_they_are_not_wanted() {
        let screen = Screen { terminal: true, color: false, header: 0, drawn: 0 };
        assert!(!screen.text(&[(Tone::Allowed, "a".to_owned())], (1, 0, 0), "", 80).contains("\x1b[3"));
    }
}
