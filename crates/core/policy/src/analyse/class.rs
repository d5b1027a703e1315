//! Classes of paths: a partition of all canonical paths such that each pattern covers a class whole or not at all.
//!
//! Patterns have literal segments, `{name}` for one segment and a final `/**`, so the partition is finite: after each
//! literal that some pattern names, the paths go on; all other segments are alike. What holds for one path of a class
//! holds for each, so an answer for every class is an answer for every path: exact, and not sampled.

use super::bits::Bits;
use selvedge_model::{PathPattern, Segment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Some canonical paths that no pattern of the question tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathClass {
    steps: Vec<Step>,
    tail: Tail,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// A path of this class.
    Path(PathClass),
    /// A connection, on a TCP port.
    Connection,
}

/// One segment of every path of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Step {
    /// This text.
    Literal(Arc<str>),
    /// Any segment that is not empty, and none of these.
    Other(Arc<[Arc<str>]>),
}

/// How the paths of a class go on after its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Tail {
    /// They end.
    End,
    /// They end in a slash.
    Slash,
    /// A slash follows, and anything after it.
    Below,
    /// They end, or a slash follows and anything after it.
    Rest,
}

/// A class and which patterns cover it, by their place in the list that was given.
#[derive(Debug, Clone)]
pub(super) struct Covered {
    pub(super) class: PathClass,
    pub(super) patterns: Bits,
}

/// Where the partition stands: after `steps`, these patterns go on, and those take all the rest.
struct Node {
    steps: Vec<Step>,
    live: Vec<usize>,
    rest: Vec<usize>,
}

/// Classes of paths of one port. Patterns with prefixes in common need a few each; those that have `{name}` where others
/// have literals, at several places, multiply. An analysis holds each class with callers and methods, some kilobytes.
pub(crate) const PATH_CLASSES_MAX: usize = 32_768;

/// Whether the patterns make no more classes than [`PATH_CLASSES_MAX`].
pub(crate) fn are_few(patterns: &[&PathPattern]) -> bool {
    parted(patterns, PATH_CLASSES_MAX).is_some()
}

/// Parts all canonical paths into classes. The classes are disjoint, and together they are all paths. Their number was
/// limited when each policy was compiled.
pub(super) fn partition(patterns: &[&PathPattern]) -> Vec<Covered> {
    parted(patterns, usize::MAX).unwrap_or_default()
}

/// The classes; `None` when there are more than `max`.
fn parted(patterns: &[&PathPattern], max: usize) -> Option<Vec<Covered>> {
    let mut classes = Vec::new();
    let mut nodes = vec![Node { steps: Vec::new(), live: (0..patterns.len()).collect(), rest: Vec::new() }];
    while let Some(mut node) = nodes.pop() {
        // Each node makes a class, at least.
        if classes.len() + nodes.len() >= max {
            return None;
        }
        let depth = node.steps.len();
        let segments = |index: usize| patterns.get(index).map_or(&[][..], |pattern| pattern.segments());
        let takes_rest = |index: usize| patterns.get(index).is_some_and(|pattern| pattern.takes_rest());
        let (ending, deeper): (Vec<usize>, Vec<usize>) =
            node.live.iter().copied().partition(|index| segments(*index).len() == depth);
        let (resting, ending): (Vec<usize>, Vec<usize>) = ending.into_iter().partition(|index| takes_rest(*index));
        node.rest.extend(resting);
        let rest = Bits::of(&node.rest);
        let mut add = |tail, patterns| classes.push(Covered { class: node.class(tail), patterns });
        if deeper.is_empty() && ending.is_empty() {
            add(Tail::Rest, rest);
            continue;
        }
        // A path has at least one segment, so none ends before the first.
        if depth > 0 {
            add(Tail::End, rest.with(&ending));
        }
        if deeper.is_empty() {
            add(Tail::Below, rest);
            continue;
        }
        let segment = |index: &usize| segments(*index).get(depth);
        let slash = deeper.iter().filter(|index| is_empty(segment(index)) && segments(**index).len() == depth + 1);
        add(Tail::Slash, rest.with(&slash.copied().collect::<Vec<_>>()));
        descend(&node, &deeper, segment, &mut nodes);
    }
    classes.sort_by(|a, b| a.class.cmp(&b.class));
    Some(classes)
}

fn is_empty(segment: Option<&Segment>) -> bool {
    matches!(segment, Some(Segment::Literal(text)) if text.is_empty())
}

/// Adds the nodes one segment further: one for each literal that is named, and one for every other segment.
fn descend<'a>(node: &Node, deeper: &[usize], segment: impl Fn(&usize) -> Option<&'a Segment>, nodes: &mut Vec<Node>) {
    let mut literals: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    let mut any = Vec::new();
    for index in deeper {
        match segment(index) {
            Some(Segment::Literal(text)) if !text.is_empty() => literals.entry(text.clone()).or_default().push(*index),
            Some(Segment::Any(_)) => any.push(*index),
            Some(Segment::Literal(_)) | None => {}
        }
    }
    let names: Arc<[Arc<str>]> = literals.keys().cloned().collect();
    let next = |step: Step, live: Vec<usize>| {
        let steps = node.steps.iter().cloned().chain([step]).collect();
        Node { steps, live, rest: node.rest.clone() }
    };
    for (text, mut live) in literals {
        live.extend(&any);
        nodes.push(next(Step::Literal(text), live));
    }
    nodes.push(next(Step::Other(names), any));
}

impl Node {
    fn class(&self, tail: Tail) -> PathClass {
        PathClass { steps: self.steps.clone(), tail }
    }
}

impl PathClass {
    /// Whether a canonical path is one of the class.
    pub fn has(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        let mut fits = |step: &Step| match (step, parts.next()) {
            (Step::Literal(text), Some(part)) => **text == *part,
            (Step::Other(others), Some(part)) => !part.is_empty() && !others.iter().any(|other| **other == *part),
            (_, None) => false,
        };
        let fits = self.steps.iter().all(&mut fits);
        let next = parts.next();
        fits && match self.tail {
            Tail::End => next.is_none(),
            Tail::Slash => next == Some("") && parts.next().is_none(),
            Tail::Below => next.is_some(),
            Tail::Rest => true,
        }
    }

    /// Whether every path of the class is this one (`true`), or none is (`false`).
    pub(super) fn is(&self, path: &str) -> Option<bool> {
        let one = self.tail == Tail::End || self.tail == Tail::Slash;
        match one && self.fixed().1 {
            true => Some(self.has(path)),
            false => (!self.has(path)).then_some(false),
        }
    }

    /// Whether every path of the class begins so (`true`), or none does (`false`).
    pub(super) fn begins(&self, start: &str) -> Option<bool> {
        let (fixed, whole) = self.fixed();
        if fixed.starts_with(start) {
            return Some(true);
        }
        let ends = whole && matches!(self.tail, Tail::End | Tail::Slash);
        let Some(left) = start.strip_prefix(&fixed).filter(|_| !ends) else { return Some(false) };
        // What is left must begin the segment that follows. When it is the whole of it, that segment may be excluded.
        let segment = left.split_once('/').map(|(segment, _)| segment);
        let others = self.steps.iter().find_map(|step| match step {
            Step::Other(others) => Some(others),
            Step::Literal(_) => None,
        });
        let excluded = |segment: &str| segment.is_empty() || others.is_some_and(|o| o.iter().any(|o| **o == *segment));
        (!whole && segment.is_some_and(excluded)).then_some(false)
    }

    /// What every path of the class begins with, and whether that is all of its steps.
    fn fixed(&self) -> (String, bool) {
        let mut fixed = String::new();
        for step in &self.steps {
            fixed.push('/');
            match step {
                Step::Literal(text) => fixed.push_str(text),
                Step::Other(_) => return (fixed, false),
            }
        }
        if matches!(self.tail, Tail::Slash | Tail::Below) || fixed.is_empty() {
            fixed.push('/');
        }
        (fixed, true)
    }

    /// The class as one pattern less others; `{other}` is a segment that is named in none of those.
    pub(super) fn patterns(&self) -> (String, Vec<String>) {
        let text = |step: &Step| match step {
            Step::Literal(text) => text.to_string(),
            Step::Other(_) => "{other}".to_owned(),
        };
        let tail = match self.tail {
            Tail::End => "",
            Tail::Slash => "/",
            Tail::Below | Tail::Rest => "/**",
        };
        let join = |texts: &[String]| texts.iter().map(|text| format!("/{text}")).collect::<String>();
        let texts: Vec<String> = self.steps.iter().map(text).collect();
        let mut except = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let Step::Other(others) = step else { continue };
            for other in others.iter() {
                let mut texts = texts.clone();
                texts.get_mut(at).into_iter().for_each(|text| *text = other.to_string());
                except.push(join(&texts) + tail);
            }
        }
        if self.tail == Tail::Below {
            except.push(join(&texts));
        }
        (join(&texts) + tail, except)
    }

    /// A path of the class, such as a person would try.
    pub fn example(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            path.push('/');
            match step {
                Step::Literal(text) => path.push_str(text),
                Step::Other(others) => path.push_str(&fresh(others)),
            }
        }
        match self.tail {
            Tail::End | Tail::Rest if !path.is_empty() => {}
            Tail::End | Tail::Rest | Tail::Slash => path.push('/'),
            Tail::Below => path.push_str("/x"),
        }
        path
    }
}

/// A segment that is none of `others`.
fn fresh(others: &[Arc<str>]) -> String {
    let taken: BTreeSet<&str> = others.iter().map(|other| &**other).collect();
    let mut candidates = std::iter::once("x".to_owned()).chain((1_u64..).map(|n| format!("x{n}")));
    candidates.find(|candidate| !taken.contains(candidate.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
