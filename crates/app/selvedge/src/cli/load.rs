//! A mesh repository compiled, for commands that ask its policy.

use crate::repository;
use anyhow::{Result, anyhow};
use selvedge_config::render;
use selvedge_plan::Plan;
use std::collections::BTreeMap;
use std::path::Path;

/// The plan of a directory, as far as documents alone make it.
///
/// # Errors
/// When the directory cannot be read or its documents have errors; they are in the message.
pub(super) fn plan(directory: &Path) -> Result<Plan> {
    let files = repository::read(directory)?;
    let checked = selvedge_config::check(&files);
    let plan = checked.and_then(|checked| Plan::compile(checked, &BTreeMap::new()));
    plan.map_err(|found| {
        anyhow!("`{}` does not check:\n{}", directory.display(), render(&found, &files, false).trim_end())
    })
}
