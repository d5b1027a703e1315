//! Gauges that are set by name: ages of certificates, the plan in force.

use super::text;
use std::collections::BTreeMap;

/// Gauges in all, labels apart: far more than certificates, plans and nodes of one process.
pub(super) const GAUGES_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct Gauges {
    /// By metric name, then by the labels as they are printed.
    families: BTreeMap<&'static str, BTreeMap<String, f64>>,
    refused: u64,
}

impl Gauges {
    pub(super) fn set(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let valid = is_name(name) && labels.iter().all(|(label, _)| is_name(label) && !label.contains(':'));
        let printed = text::labels(labels);
        let known = self.families.get(name).is_some_and(|family| family.contains_key(&printed));
        let count: usize = self.families.values().map(BTreeMap::len).sum();
        if !valid || (!known && count >= GAUGES_MAX) {
            self.refused += 1;
            return;
        }
        self.families.entry(name).or_default().insert(printed, value);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.families.remove(name);
    }

    pub(super) fn render(&self, out: &mut String) {
        for (name, family) in &self.families {
            text::kind(out, name, "gauge");
            for (labels, value) in family {
                text::sample(out, name, labels, text::number(*value));
            }
        }
        if self.refused > 0 {
            text::kind(out, "selvedge_gauges_refused_total", "counter");
            text::sample(out, "selvedge_gauges_refused_total", "", self.refused);
        }
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`, as the format demands of names.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}
