//! Patterns by path segment: built as a tree of maps, then laid out as numbers, a node's first child right after it.

use super::layout::{EDGE_WORDS, NODE_ANY, NODE_ENDS, NODE_RESTS, NODE_WORDS};
use super::words::Words;
use super::{Index, table};
use selvedge_model::{PathPattern, Segment};
use std::collections::BTreeMap;

/// Up to this many literals are scanned; their hashes are two lines of the cache.
const SCANNED_MAX: usize = 32;

/// A tree under construction.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    literals: BTreeMap<&'a str, Tree<'a>>,
    any: Option<Box<Tree<'a>>>,
    /// Rules of patterns that end here.
    end: Vec<u32>,
    /// Rules of patterns that take the rest from here.
    rest: Vec<u32>,
}

impl<'a> Tree<'a> {
    /// Adds a rule under a pattern.
    pub(super) fn insert(&mut self, pattern: &'a PathPattern, rule: u32) {
        let mut node = self;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text).or_default(),
                Segment::Any(_) => node.any.get_or_insert_default(),
            };
        }
        let rules = if pattern.takes_rest() { &mut node.rest } else { &mut node.end };
        rules.push(rule);
    }

    /// Lays the tree out; its address.
    pub(super) fn lay(&self, words: &mut Words) -> u32 {
        let at = words.here();
        let counts = [self.literals.len(), self.end.len(), self.rest.len()];
        counts.iter().for_each(|count| words.push_len(*count));
        words.push(0);
        self.end.iter().chain(&self.rest).for_each(|rule| words.push(*rule));
        let mut literals: Vec<(u32, &str, &Tree<'_>)> =
            self.literals.iter().map(|(text, tree)| (table::hash(text.as_bytes()), *text, tree)).collect();
        literals.sort_by_key(|(hash, ..)| *hash);
        literals.iter().for_each(|(hash, ..)| words.push(*hash));
        let edges = words.here();
        for (_, text, _) in &literals {
            words.push_text(text);
            words.push(0);
        }
        for (edge, (.., child)) in literals.iter().enumerate() {
            let child = child.lay(words);
            words.set(edges.saturating_add(edge as u32 * EDGE_WORDS + 2), child);
        }
        if let Some(any) = &self.any {
            let any = any.lay(words);
            words.set(at + NODE_ANY, any);
        }
        at
    }
}

impl Index {
    /// Visits the rules of every pattern that covers what is left below a node: `None` when the path has ended.
    pub(super) fn descend(&self, node: u32, left: Option<&[u8]>, visit: &mut impl FnMut(u32)) {
        if node == 0 {
            return;
        }
        let [literals, ends, rests] = [0, NODE_ENDS, NODE_RESTS].map(|at| self.word(node + at));
        let first = node + NODE_WORDS;
        match left {
            None => self.slice(first, ends).iter().for_each(|rule| visit(*rule)),
            Some(left) => {
                let (segment, left) = split(left);
                if literals > 0 {
                    let child = self.child(first + ends + rests, literals, segment);
                    self.descend(child, left, visit);
                }
                if !segment.is_empty() {
                    self.descend(self.word(node + NODE_ANY), left, visit);
                }
            }
        }
        self.slice(first + ends, rests).iter().for_each(|rule| visit(*rule));
    }

    /// The child of a literal segment; 0 for none. Segments with one hash stand side by side.
    fn child(&self, hashes: u32, count: u32, segment: &[u8]) -> u32 {
        let hash = table::hash(segment);
        let found = self.slice(hashes, count);
        let from = if found.len() > SCANNED_MAX {
            found.partition_point(|known| *known < hash)
        } else {
            found.iter().position(|known| *known == hash).unwrap_or(found.len())
        };
        let equal = found.iter().skip(from).take_while(|known| **known == hash).enumerate();
        for (step, _) in equal {
            let edge = hashes + count + (from + step) as u32 * EDGE_WORDS;
            if self.is_text(self.text_at(edge), segment) {
                return self.word(edge + 2);
            }
        }
        0
    }
}

/// The first segment, and what follows its slash.
fn split(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|byte| *byte == b'/').and_then(|slash| path.split_at_checked(slash)) {
        Some((segment, rest)) => (segment, rest.get(1..)),
        None => (path, None),
    }
}
