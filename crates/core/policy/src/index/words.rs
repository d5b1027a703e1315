//! Words and texts under construction.

use super::Text;
use std::collections::HashMap;
use std::sync::Arc;

/// What an index will read.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<u32>,
    texts: Vec<u8>,
    known: HashMap<Arc<str>, Text>,
}

impl Words {
    /// Nothing yet. The first word is no address.
    pub(super) fn new() -> Words {
        Words { words: vec![0], texts: Vec::new(), known: HashMap::new() }
    }

    /// All words, and all texts.
    pub(super) fn done(self) -> (Box<[u32]>, Box<[u8]>) {
        (self.words.into(), self.texts.into())
    }

    /// Where the next word will stand.
    pub(super) fn here(&self) -> u32 {
        len(self.words.len())
    }

    pub(super) fn push(&mut self, word: u32) {
        self.words.push(word);
    }

    pub(super) fn extend(&mut self, words: &[u32]) {
        self.words.extend_from_slice(words);
    }

    pub(super) fn push_len(&mut self, count: usize) {
        self.push(len(count));
    }

    pub(super) fn push_text(&mut self, text: &str) {
        let text = self.text(text);
        self.words.extend([text.at, text.len]);
    }

    pub(super) fn set(&mut self, at: u32, word: u32) {
        if let Some(found) = self.words.get_mut(at as usize) {
            *found = word;
        }
    }

    pub(super) fn push_list(&mut self, items: &[u32]) -> u32 {
        let at = self.here();
        self.push_len(items.len());
        self.words.extend_from_slice(items);
        at
    }

    /// The place of a text, which stands once.
    pub(super) fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let place = Text { at: len(self.texts.len()), len: len(text.len()) };
        self.texts.extend(text.as_bytes());
        self.known.insert(text.into(), place);
        place
    }

    pub(super) fn bytes(&self, text: Text) -> &[u8] {
        self.texts.get(text.at as usize..).and_then(|texts| texts.get(..text.len as usize)).unwrap_or_default()
    }
}

/// A count as a word. What does not fit is nowhere, and matches nothing; documents are limited far below that.
pub(super) fn len(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
