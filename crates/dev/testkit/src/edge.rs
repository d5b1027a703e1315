//! Cases of `cases/edge`: a request with a credential that is made when the case is run.

use crate::case::{CaseFact, load_with};
use crate::{Case, CaseError};
use std::collections::BTreeMap;
use std::path::Path;

/// One file of `cases/edge`.
#[derive(Debug, Clone)]
pub struct EdgeCase {
    /// The request, and what must come of it.
    pub case: Case,
    /// What the credential is made of, by key, as the part `--- given` has it.
    pub given: BTreeMap<String, String>,
}

/// Loads all cases of `cases/edge`, sorted by name.
///
/// # Errors
/// The first file that is no case.
pub fn edge() -> Result<Vec<EdgeCase>, CaseError> {
    load_with(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../cases/edge"), EdgeCase::parse)
}

impl EdgeCase {
    /// Reads a case from the text of `file`.
    ///
    /// # Errors
    /// The first line that the format does not have.
    pub fn parse(file: &Path, text: &str) -> Result<EdgeCase, CaseError> {
        let (mut given, mut rest, mut inside) = (BTreeMap::new(), String::new(), false);
        for (index, line) in text.lines().enumerate() {
            if line.starts_with("--- ") {
                inside = line == "--- given";
            } else if inside && !line.is_empty() {
                let unknown = || CaseFact::Unknown(line.to_owned());
                let taken = line.split_once(": ").filter(|(key, _)| !given.contains_key(*key));
                let (key, value) =
                    taken.ok_or_else(|| CaseError { file: file.into(), line: index + 1, fact: unknown() })?;
                given.insert(key.to_owned(), value.to_owned());
            }
            // Lines keep their numbers.
            rest.push_str(if inside { "" } else { line });
            rest.push('\n');
        }
        Ok(EdgeCase { case: Case::parse(file, &rest)?, given })
    }
}
