//! Cells with one answer, put together and named as people name them: methods, and patterns of paths.

use super::bits::Bits;
use super::class::Place;
use super::frame::{Cell, Frame};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Some requests to a port. On a TCP port there are no requests: then it is the connection, and both are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Requests {
    /// The methods.
    pub methods: Methods,
    /// The paths: covered by one of these.
    pub paths: Vec<Paths>,
    /// One of them: a method and a path; `None` for a connection.
    pub example: Option<(Arc<str>, String)>,
}

/// Some methods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Methods {
    /// These.
    These(Vec<Arc<str>>),
    /// Every method but these.
    AllBut(Vec<Arc<str>>),
}

/// The paths of a pattern, less those of others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Paths {
    /// The pattern.
    pub pattern: String,
    /// Patterns whose paths are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// Cells of one caller with one answer: every pair of a method and a place of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Region {
    pub(super) methods: Vec<usize>,
    pub(super) places: Bits,
}

/// Puts the cells of a caller together by their answer; a cell without one is left out.
pub(super) fn regions<K: Ord + Clone>(
    frame: &Frame<'_>,
    caller: usize,
    mut answer: impl FnMut(Cell) -> Option<K>,
) -> Vec<(K, Region)> {
    let mut columns: BTreeMap<(K, usize), Bits> = BTreeMap::new();
    for cell in frame.cells_of(caller) {
        if let Some(answer) = answer(cell) {
            columns.entry((answer, cell.method)).or_default().insert(cell.place);
        }
    }
    let mut rectangles: BTreeMap<(K, Bits), Vec<usize>> = BTreeMap::new();
    for ((answer, method), places) in columns {
        rectangles.entry((answer, places)).or_default().push(method);
    }
    rectangles.into_iter().map(|((answer, places), methods)| (answer, Region { methods, places })).collect()
}

impl Region {
    /// In words.
    pub(super) fn requests(&self, frame: &Frame<'_>) -> Requests {
        let place = self.places.iter().next().and_then(|place| frame.places.get(place)).map(|(place, _)| place);
        let example = match place {
            Some(Place::Path(class)) => Some((self.method(frame), class.example())),
            Some(Place::Connection) | None => None,
        };
        Requests { methods: self.methods(frame), paths: paths(&self.places, frame), example }
    }

    fn methods(&self, frame: &Frame<'_>) -> Methods {
        let name = |index: &usize| frame.methods.get(*index).and_then(|(name, _)| name.clone());
        if self.methods.iter().all(|index| name(index).is_some()) {
            return Methods::These(self.methods.iter().filter_map(name).collect());
        }
        let others = (0..frame.methods.len()).filter(|index| !self.methods.contains(index));
        Methods::AllBut(others.filter_map(|index| name(&index)).collect())
    }

    /// One of the methods: a usual one, where every method will do.
    fn method(&self, frame: &Frame<'_>) -> Arc<str> {
        let names: Vec<Option<Arc<str>>> =
            self.methods.iter().filter_map(|index| frame.methods.get(*index)).map(|(name, _)| name.clone()).collect();
        if let Some(named) = names.iter().flatten().next() {
            return named.clone();
        }
        let taken = |method: &str| frame.methods.iter().any(|(name, _)| name.as_deref() == Some(method));
        let usual = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PURGE"];
        usual.into_iter().find(|method| !taken(method)).unwrap_or("OTHER").into()
    }
}

/// Names a set of places: by patterns of the rules that lie in it whole, the widest first; then by patterns less others;
/// what is left by the classes themselves.
fn paths(places: &Bits, frame: &Frame<'_>) -> Vec<Paths> {
    let mut left = places.clone();
    let mut named = Vec::new();
    let mut patterns: Vec<_> = frame.patterns.iter().collect();
    patterns.sort_by_key(|(pattern, covers)| (std::cmp::Reverse(covers.len()), pattern.as_str().len()));
    for (pattern, covers) in patterns.iter().filter(|(_, covers)| covers.within(places)) {
        if !covers.meet(&left).is_empty() {
            left = left.less(covers);
            named.push(Paths { pattern: pattern.to_string(), except: Vec::new() });
        }
    }
    patterns.reverse();
    // One pattern less others, where that says no more than a list would.
    let around = patterns.iter().find_map(|(pattern, covers)| {
        let except = if places.within(covers) { exactly(&covers.less(places), &patterns) } else { None };
        except.map(|except| Paths { pattern: pattern.to_string(), except })
    });
    if let Some(around) = around.filter(|around| !left.is_empty() || around.except.len() < named.len()) {
        return vec![around];
    }
    for (pattern, covers) in patterns.iter().filter(|(_, covers)| !covers.within(places)) {
        if covers.meet(&left).is_empty() {
            continue;
        }
        if let Some(except) = exactly(&covers.less(places), &patterns) {
            left = left.less(covers);
            named.push(Paths { pattern: pattern.to_string(), except });
        }
    }
    for place in left.iter() {
        if let Some((Place::Path(class), _)) = frame.places.get(place) {
            let (pattern, except) = class.patterns();
            named.push(Paths { pattern, except });
        }
    }
    named
}

/// Patterns that together cover exactly these places, the widest first; `None` when there are none.
fn exactly(places: &Bits, narrowest_first: &[&(selvedge_model::PathPattern, Bits)]) -> Option<Vec<String>> {
    let mut left = places.clone();
    let mut named = Vec::new();
    for (pattern, covers) in narrowest_first.iter().rev().filter(|(_, covers)| covers.within(places)) {
        if !covers.meet(&left).is_empty() {
            left = left.less(covers);
            named.push(pattern.to_string());
        }
    }
    left.is_empty().then_some(named)
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Methods::These(methods) => f.write_str(&methods.join(",")),
            Methods::AllBut(methods) if methods.is_empty() => f.write_str("any method"),
            Methods::AllBut(methods) => write!(f, "any method but {}", methods.join(",")),
        }
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)?;
        if self.except.is_empty() { Ok(()) } else { write!(f, " except {}", self.except.join(", ")) }
    }
}

/// `GET,POST /orders /orders/{id}`, or `connection`.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.example.is_none() {
            return f.write_str("connection");
        }
        write!(f, "{} ", self.methods)?;
        let paths: Vec<String> = self.paths.iter().map(Paths::to_string).collect();
        f.write_str(&paths.join(if self.paths.iter().any(|paths| !paths.except.is_empty()) { "; " } else { " " }))
    }
}
