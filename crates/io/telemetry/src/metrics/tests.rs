//! What the text says, and what it may not be made to say.

use super::gauges::GAUGES_MAX;
use super::services::SERVICES_MAX;
use super::*;
use crate::fixture::{allowed, faulted, id, record};
use selvedge_model::Record;

fn hop(service: Option<&str>, duration_us: u64) -> Record {
    Record { duration_us, status: 200, outcome: allowed(), ..record(id(1), service) }
}

/// The value of the line that begins with this.
fn value(text: &str, start: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.strip_prefix(start).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn hops_of_all_workers_add_up_by_outcome_and_status_class() {
    let metrics = Metrics::new(2);
    let (one, two, shared) = (metrics.worker(0), metrics.worker(1), metrics.worker(2));
    one.hop(&hop(Some("orders"), 1));
    two.hop(&hop(Some("orders"), 1));
    shared.hop(&hop(Some("orders"), 1));
    one.hop(&record(id(1), None));
    one.hop(&Record { outcome: faulted(), status: 0, role: Role::MeshInbound, ..record(id(1), Some("orders")) });
    let text = metrics.render();
    let count = |labels: &str| value(&text, &format!("selvedge_hops_total{{{labels}}}"));
    assert_eq!(count(r#"role="gateway",service="orders",outcome="allowed",status_class="2xx""#), Some(3.0), "{text}");
    assert_eq!(count(r#"role="gateway",service="",outcome="denied",status_class="4xx""#), Some(1.0));
    assert_eq!(count(r#"role="mesh-inbound",service="orders",outcome="faulted",status_class="none""#), Some(1.0));
    assert_eq!(value(&text, r#"selvedge_bytes_out_total{role="gateway",service="orders"}"#), Some(30.0));
}

#[test]
fn services_beyond_the_limit_are_counted_as_other_by_every_worker() {
    let metrics = Metrics::new(2);
    for shard in [metrics.worker(0), metrics.worker(1)] {
        for number in 0..SERVICES_MAX + 6 {
            shard.hop(&hop(Some(&format!("s-{number}")), 1));
        }
    }
    let text = metrics.render();
    let hops: Vec<_> = text.lines().filter(|line| line.starts_with("selvedge_hops_total{")).collect();
    assert_eq!(hops.len(), SERVICES_MAX + 1);
    assert!(hops.iter().filter(|line| !line.contains("\"other\"")).all(|line| line.ends_with(" 2")));
    let other = r#"selvedge_hops_total{role="gateway",service="other",outcome="allowed",status_class="2xx"}"#;
    assert_eq!(value(&text, other), Some(12.0));
}

#[test]
fn buckets_are_cumulative_and_agree_with_count_and_sum() {
    let metrics = Metrics::new(1);
    let shard = metrics.worker(0);
    let durations = [0, 250, 251, 999, 1_000, 70_000_000, 5_000];
    durations.iter().for_each(|duration| shard.hop(&hop(Some("orders"), *duration)));
    let text = metrics.render();
    let buckets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix(r#"selvedge_hop_duration_seconds_bucket{role="gateway",service="orders",le=""#)
        })
        .filter_map(|line| line.split_once("\"} "))
        .filter_map(|(bound, count)| Some((bound.parse().ok()?, count.parse().ok()?)))
        .collect();
    assert_eq!(buckets.len(), series::BUCKETS.len() + 1);
    for (bound, count) in &buckets {
        let expected = durations.iter().filter(|us| **us as f64 / 1e6 <= *bound).count();
        assert_eq!(*count, expected as f64, "le {bound}");
    }
    let labels = r#"{role="gateway",service="orders"}"#;
    assert_eq!(value(&text, &format!("selvedge_hop_duration_seconds_count{labels}")), Some(7.0));
    assert_eq!(value(&text, &format!("selvedge_hop_duration_seconds_sum{labels}")), Some(70.0075));
}

#[test]
fn the_bounds_of_the_buckets_say_the_same_twice_and_rise() {
    for (us, seconds) in series::BUCKETS {
        assert_eq!(seconds.parse(), Ok(us as f64 / 1e6));
    }
    assert!(series::BUCKETS.is_sorted_by(|one, two| one.0 < two.0));
}

#[test]
fn connections_go_up_and_down() {
    let metrics = Metrics::new(1);
    let shard = metrics.worker(0);
    (0..3).for_each(|_| shard.connection_opened(Role::MeshOutbound));
    shard.connection_closed(Role::MeshOutbound);
    shard.handshake_failed(Role::Gateway);
    let text = metrics.render();
    assert_eq!(value(&text, r#"selvedge_connections{role="mesh-outbound"}"#), Some(2.0));
    assert_eq!(value(&text, r#"selvedge_connections_total{role="mesh-outbound"}"#), Some(3.0));
    assert_eq!(value(&text, r#"selvedge_tls_handshake_failures_total{role="gateway"}"#), Some(1.0));
}

#[test]
fn label_values_cannot_leave_their_quotes_or_their_line() {
    let metrics = Metrics::new(1);
    metrics.set_gauge("selvedge_plan_info", &[("hash", "a\"} 1\nevil{b=\"\\")], 1.0);
    let text = metrics.render();
    assert!(text.contains("selvedge_plan_info{hash=\"a\\\"} 1\\nevil{b=\\\"\\\\\"} 1\n"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("evil")));
}

#[test]
fn replaced_gauges_no_longer_show_what_is_gone() {
    let metrics = Metrics::new(1);
    metrics.set_gauge("selvedge_plan_info", &[("hash", "old")], 1.0);
    metrics.set_gauge("selvedge_other", &[], f64::INFINITY);
    metrics.replace_gauges("selvedge_plan_info", &[(&[("hash", "new")], 1.0)]);
    let text = metrics.render();
    assert!(text.contains("selvedge_plan_info{hash=\"new\"} 1\n") && !text.contains("old"), "{text}");
    assert!(text.contains("# TYPE selvedge_other gauge\nselvedge_other +Inf\n"));
}

#[test]
fn gauges_are_bounded_and_bad_names_are_refused() {
    let metrics = Metrics::new(1);
    metrics.set_gauge("no name", &[], 1.0);
    metrics.set_gauge("selvedge_ok", &[("0", "")], 1.0);
    for number in 0..GAUGES_MAX + 5 {
        metrics.set_gauge("selvedge_ok", &[("n", &number.to_string())], 1.0);
    }
    metrics.set_gauge("selvedge_ok", &[("n", "0")], 2.0);
    let text = metrics.render();
    assert_eq!(text.lines().filter(|line| line.starts_with("selvedge_ok{")).count(), GAUGES_MAX);
    assert_eq!(value(&text, r#"selvedge_ok{n="0"}"#), Some(2.0));
    assert_eq!(value(&text, "selvedge_gauges_refused_total"), Some(7.0));
}

#[test]
fn the_counts_of_a_log_are_shown() -> std::io::Result<()> {
    let dir = tempfile::tempdir()?;
    let metrics = Metrics::new(1);
    let log = DecisionLog::open(dir.path())?;
    metrics.watch(&log);
    let recorder = log.recorder();
    recorder.record(&record(id(1), None));
    drop(recorder);
    log.close();
    let text = metrics.render();
    assert_eq!(value(&text, "selvedge_records_total"), Some(1.0));
    assert_eq!(value(&text, "selvedge_records_lost_total"), Some(0.0));
    Ok(())
}
