//! Asking the facts: nothing here fails or allocates.

use super::{Atom, Order, View};
use std::cmp::Ordering;

impl Atom {
    /// Whether it is so.
    pub(crate) fn is(&self, view: &View<'_>) -> bool {
        let has = |list, text: &str| view.list(list).is_some_and(|texts| texts.iter().any(|found| **found == *text));
        match self {
            Atom::Always(always) => *always,
            Atom::Has(present) => view.has(present),
            Atom::Is(field, text) => view.text(field) == Some(text),
            Atom::Same(first, second) => view.text(first).is_some_and(|text| view.text(second) == Some(text)),
            Atom::OneOf(field, texts) => view.text(field).is_some_and(|found| texts.iter().any(|t| **t == *found)),
            Atom::Begins(field, start) => view.text(field).is_some_and(|text| text.starts_with(&**start)),
            Atom::Contains(list, text) => has(*list, text),
            Atom::ContainsField(list, field) => view.text(field).is_some_and(|text| has(*list, text)),
            Atom::ContainsAll(list, texts) => view.list(*list).is_some() && texts.iter().all(|text| has(*list, text)),
            Atom::ContainsAny(list, texts) => texts.iter().any(|text| has(*list, text)),
            Atom::IsEmpty(list) => view.list(*list).is_some_and(<[_]>::is_empty),
            Atom::ClientIn(network) => view.client().is_some_and(|client| network.has(client)),
            Atom::Time(part, order, number) => order.is(view.time(*part).cmp(number)),
            Atom::Caller(name) => view.is_caller(name),
        }
    }
}

impl Order {
    fn is(self, found: Ordering) -> bool {
        match self {
            Order::Less => found.is_lt(),
            Order::LessOrEqual => found.is_le(),
            Order::Equal => found.is_eq(),
            Order::GreaterOrEqual => found.is_ge(),
            Order::Greater => found.is_gt(),
        }
    }
}
