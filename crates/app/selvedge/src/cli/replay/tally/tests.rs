//! Requests of one kind are one group.

use super::*;

#[test]
fn identifiers_are_told_by_their_digits() {
    assert_eq!(by_shape("/orders/7f3a/items/"), "/orders/{id}/items/");
    assert_eq!(by_shape("/"), "/");
}

#[test]
fn the_narrowest_pattern_names_a_request() {
    let pattern = |text| PathPattern::parse(text).unwrap();
    let name = Name::parse("orders").unwrap();
    let mut patterns = vec![pattern("/orders/{id}"), pattern("/**")];
    patterns.sort_by_key(|pattern| pattern.takes_rest());
    let shapes = Shapes(HashMap::from([(name.clone(), patterns)]));
    assert_eq!(shapes.template(Some(&name), "/orders/abc"), "/orders/{id}");
    assert_eq!(shapes.template(Some(&name), "/other/9"), "/other/{id}");
    assert_eq!(shapes.template(None, "/orders/abc"), "/orders/abc");
}

#[test]
fn what_is_beyond_the_groups_is_counted_all_the_same() {
    let group = |number: usize| Group {
        allowed: false,
        hop: "gateway",
        caller: number.to_string(),
        service: String::new(),
        request: String::new(),
        rule: String::new(),
        source: String::new(),
        why: String::new(),
    };
    let seen = Seen { count: 2, example: DecisionId::new(1, 1) };
    let full = |from: usize| Tally {
        groups: (from..from + GROUPS_MAX).map(|number| (group(number), seen)).collect(),
        ..Tally::default()
    };
    let mut tally = full(0);
    tally.merge(full(GROUPS_MAX - 1));
    assert_eq!(tally.groups.len(), GROUPS_MAX);
    assert_eq!(tally.ungrouped, 2 * (GROUPS_MAX as u64 - 1));
    let both = tally.groups.get(&group(GROUPS_MAX - 1)).map(|seen| seen.count);
    assert_eq!(both, Some(4));
}
