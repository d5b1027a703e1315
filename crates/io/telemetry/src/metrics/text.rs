//! The Prometheus text format 0.0.4, written by hand: it is small, and every label value passes one escape.

use super::ROLES;
use super::series::{BUCKETS, CLASSES, OUTCOMES, Sums};
use super::shard::{Cells, RoleCells};
use crate::log::Counts;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const HOPS: &str = "selvedge_hops_total";
const DURATION: &str = "selvedge_hop_duration_seconds";

/// Counters and histograms of hops. A hop without a service has the empty label, which the format takes for none.
pub(super) fn hops(out: &mut String, shards: &[Arc<Cells>]) {
    let sums = sums(shards);
    kind(out, HOPS, "counter");
    for ((role, service), sum) in &sums {
        for (outcome, classes) in OUTCOMES.iter().zip(&sum.hops) {
            for (class, count) in CLASSES.iter().zip(classes).filter(|(_, count)| **count > 0) {
                let pairs = [("role", *role), ("service", service), ("outcome", outcome), ("status_class", class)];
                sample(out, HOPS, &labels(&pairs), count);
            }
        }
    }
    kind(out, DURATION, "histogram");
    for ((role, service), sum) in &sums {
        histogram(out, role, service, sum);
    }
    bytes(out, "selvedge_bytes_in_total", &sums, |sum| sum.bytes_in);
    bytes(out, "selvedge_bytes_out_total", &sums, |sum| sum.bytes_out);
}

/// Connections now and ever, and handshakes that failed, for each role.
pub(super) fn connections(out: &mut String, shards: &[Arc<Cells>]) {
    let total = |role, cell: fn(&RoleCells) -> &AtomicU64| -> u64 {
        shards.iter().map(|shard| cell(shard.role(role)).load(Ordering::Relaxed)).sum()
    };
    let mut family = |name: &str, of: &str, value: &dyn Fn(selvedge_model::Role) -> u64| {
        kind(out, name, of);
        ROLES.iter().for_each(|role| sample(out, name, &labels(&[("role", role.as_str())]), value(*role)));
    };
    family("selvedge_connections", "gauge", &|role| {
        // Closed first: a connection that ends between the two reads must not make the difference negative.
        let closed = total(role, |cells| &cells.closed);
        total(role, |cells| &cells.opened).saturating_sub(closed)
    });
    family("selvedge_connections_total", "counter", &|role| total(role, |cells| &cells.opened));
    family("selvedge_tls_handshake_failures_total", "counter", &|role| total(role, |cells| &cells.handshakes_failed));
}

/// Records written and lost.
pub(super) fn records(out: &mut String, log: &Counts) {
    kind(out, "selvedge_records_total", "counter");
    sample(out, "selvedge_records_total", "", log.written());
    kind(out, "selvedge_records_lost_total", "counter");
    sample(out, "selvedge_records_lost_total", "", log.lost());
}

/// The line that says what kind of metric follows.
pub(super) fn kind(out: &mut String, name: &str, kind: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
}

/// One line with a value; `labels` as [`labels`] prints them.
pub(super) fn sample(out: &mut String, name: &str, labels: &str, value: impl Display) {
    let _ = writeln!(out, "{name}{labels} {value}");
}

/// `{name="value",…}` with the values escaped, or nothing.
pub(super) fn labels(pairs: &[(&'static str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        out.push(if out.is_empty() { '{' } else { ',' });
        let _ = write!(out, "{name}=\"");
        for character in value.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                other => out.push(other),
            }
        }
        out.push('"');
    }
    if !out.is_empty() {
        out.push('}');
    }
    out
}

/// A number as the format spells it.
pub(super) fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        finite => finite.to_string(),
    }
}

/// What all workers counted, by role and service.
fn sums(shards: &[Arc<Cells>]) -> BTreeMap<(&'static str, String), Sums> {
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    for cells in shards {
        for role in ROLES {
            let (cells, word) = (cells.role(role), role.as_str());
            sums.entry((word, String::new())).or_default().add(&cells.unnamed);
            sums.entry((word, "other".into())).or_default().add(&cells.other);
            for (service, series) in cells.named() {
                sums.entry((word, service.to_string())).or_default().add(&series);
            }
        }
    }
    sums.retain(|_, sum| sum.count() > 0);
    sums
}

fn histogram(out: &mut String, role: &str, service: &str, sum: &Sums) {
    let bounds = BUCKETS.iter().map(|(_, seconds)| *seconds).chain(["+Inf"]);
    let mut below = 0;
    for (bound, count) in bounds.zip(sum.buckets) {
        below += count;
        let pairs = [("role", role), ("service", service), ("le", bound)];
        sample(out, "selvedge_hop_duration_seconds_bucket", &labels(&pairs), below);
    }
    let pairs = labels(&[("role", role), ("service", service)]);
    let seconds = format_args!("{}.{:06}", sum.duration_us / 1_000_000, sum.duration_us % 1_000_000);
    sample(out, "selvedge_hop_duration_seconds_sum", &pairs, seconds);
    sample(out, "selvedge_hop_duration_seconds_count", &pairs, below);
}

fn bytes(out: &mut String, name: &str, sums: &BTreeMap<(&'static str, String), Sums>, of: fn(&Sums) -> u64) {
    kind(out, name, "counter");
    for ((role, service), sum) in sums {
        sample(out, name, &labels(&[("role", role), ("service", service)]), of(sum));
    }
}
