//! A tree over path segments: finds the patterns that cover a path without a scan.

use ahash::RandomState;
use selvedge_model::{PathPattern, Segment};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Values by path pattern. A look-up visits at most one node per pattern prefix, so its cost does not grow with the
/// number of patterns that do not share a prefix with the path.
#[derive(Debug)]
pub struct PathTree<T> {
    /// The root is the first node; children are indices.
    nodes: Vec<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, usize, RandomState>,
    any: Option<usize>,
    /// Values of patterns that end here.
    end: Vec<T>,
    /// Values of patterns that take the rest from here.
    rest: Vec<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { literals: HashMap::default(), any: None, end: Vec::new(), rest: Vec::new() }
    }
}

impl<T> Default for PathTree<T> {
    fn default() -> PathTree<T> {
        PathTree { nodes: vec![Node::default()] }
    }
}

impl<T> PathTree<T> {
    /// Adds a value under a pattern; several values under one pattern keep their order.
    pub fn insert(&mut self, pattern: &PathPattern, value: T) {
        let mut at = 0;
        for segment in pattern.segments() {
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            let values = if pattern.takes_rest() { &mut node.rest } else { &mut node.end };
            values.push(value);
        }
    }

    /// Visits the values of every pattern that covers `path`, the more specific pattern first: a literal segment
    /// before `{name}`, and either before `/**`. Stops when `visit` breaks.
    pub fn visit<'a, B>(&'a self, path: &str, visit: &mut impl FnMut(&'a T) -> ControlFlow<B>) -> ControlFlow<B> {
        let segments = path.strip_prefix('/').unwrap_or(path);
        self.descend(0, Some(segments), visit)
    }

    /// Visits the node at `at`, where `left` is what is still to match: `None` when the path has ended.
    fn descend<'a, B>(
        &'a self,
        at: usize,
        left: Option<&str>,
        visit: &mut impl FnMut(&'a T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(node) = self.nodes.get(at) else { return ControlFlow::Continue(()) };
        match left {
            None => node.end.iter().try_for_each(&mut *visit)?,
            Some(left) => {
                let (segment, left) = left.split_once('/').map_or((left, None), |(s, rest)| (s, Some(rest)));
                if let Some(child) = node.literals.get(segment) {
                    self.descend(*child, left, visit)?;
                }
                if let (Some(child), false) = (node.any, segment.is_empty()) {
                    self.descend(child, left, visit)?;
                }
            }
        }
        node.rest.iter().try_for_each(visit)
    }

    /// The child of a node for a segment, made when absent.
    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(Box::from(&**text)).or_insert(next),
            Segment::Any(_) => *node.any.get_or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }
}
