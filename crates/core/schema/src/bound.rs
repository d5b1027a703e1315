//! Descriptions bound to the rules that name them.

use crate::api::Api;
use crate::compile;
use crate::media::MediaType;
use selvedge_config::Diagnostic;
use selvedge_config::checked::{Checked, Rule, RuleSchema};
use selvedge_config::data::SchemaFile;
use selvedge_model::{Name, PathPattern, RuleId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The descriptions of a plan.
#[derive(Debug, Default)]
pub struct Schemas {
    rules: HashMap<Name, HashMap<Name, Arc<Bound>>>,
}

/// What the requests of one rule are held against.
#[derive(Debug)]
pub struct Bound {
    pub(crate) api: Arc<Api>,
    /// The one operation that the rule is for.
    pub(crate) operation: Option<usize>,
    pub(crate) body_bytes_max: u64,
}

/// A body that is held until it was checked.
#[derive(Debug)]
pub struct Held {
    pub(crate) api: Arc<Api>,
    pub(crate) operation: usize,
    pub(crate) content: usize,
    pub(crate) media: MediaType,
    pub(crate) bytes_max: u64,
}

/// An operation that a description has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its path as a rule writes it.
    pub path: String,
    /// Its method, in capitals.
    pub method: String,
}

/// The operations of a description that stands alone.
///
/// # Errors
/// Everything in it that is wrong or could not be enforced.
pub fn operations(file: &SchemaFile) -> Result<Vec<Described>, Vec<Diagnostic>> {
    let api = compile::compile(file, std::slice::from_ref(file))?;
    let paths = api.paths.values().flatten();
    let described = paths.flat_map(|path| {
        path.methods.iter().map(|(method, _)| Described { path: path.pattern.to_string(), method: method.to_string() })
    });
    Ok(described.collect())
}

impl Schemas {
    /// Compiles the descriptions that rules name.
    ///
    /// # Errors
    /// Everything in them that is wrong or could not be enforced, and rules that open what no operation describes.
    pub fn compile(checked: &Checked) -> Result<Schemas, Vec<Diagnostic>> {
        let (mut schemas, mut found) = (Schemas::default(), Vec::new());
        let mut apis: BTreeMap<&str, Option<Arc<Api>>> = BTreeMap::new();
        for access in &checked.access {
            for rule in &access.rules {
                let Some(schema) = &rule.schema else { continue };
                let api = apis.entry(&*schema.file).or_insert_with(|| {
                    let file = checked.schemas.iter().find(|file| file.name == schema.file)?;
                    match compile::compile(file, &checked.schemas) {
                        Ok(api) => Some(Arc::new(api)),
                        Err(more) => {
                            found.extend(more);
                            None
                        }
                    }
                });
                if let Some(api) = api.clone()
                    && let Some(bound) = bind(rule, schema, api, &mut found)
                {
                    let of_access = schemas.rules.entry(access.name.clone()).or_default();
                    of_access.insert(rule.id.rule.clone(), Arc::new(bound));
                }
            }
        }
        if found.is_empty() { Ok(schemas) } else { Err(found) }
    }

    /// What the requests of a rule are held against.
    pub fn of(&self, rule: &RuleId) -> Option<&Arc<Bound>> {
        self.rules.get(&rule.access)?.get(&rule.rule)
    }
}

fn bind(rule: &Rule, schema: &RuleSchema, api: Arc<Api>, found: &mut Vec<Diagnostic>) -> Option<Bound> {
    let mut operation = None;
    if let Some(written) = &schema.operation {
        let position = api.operations.iter().position(|op| op.name.as_deref() == Some(written.as_str()));
        if position.is_none() {
            let names: Vec<&str> = api.operations.iter().filter_map(|op| op.name.as_deref()).collect();
            let message = format!("`{}` has no operation `{}`", schema.file, written.as_str());
            let help = format!("its operations are: {}", names.join(", "));
            found.push(written.error("unknown-name", 0..written.as_str().len(), message, help));
        }
        operation = Some(position?);
    }
    for path in &rule.paths {
        let methods: Vec<Option<&str>> = match &rule.methods {
            Some(methods) => methods.iter().map(|method| Some(&**method)).collect(),
            None => vec![None],
        };
        for method in methods {
            if !describes(&api, operation, path, method) {
                let whole = 0..schema.written.as_str().len();
                let message = format!(
                    "`{}` describes no operation for `{}{path}`, which `{}` opens",
                    schema.file,
                    method.map(|method| format!("{method} ")).unwrap_or_default(),
                    rule.id
                );
                let help =
                    "describe it there, or leave that path or method out of the rule: every request would be refused";
                found.push(schema.written.error("not-described", whole, message, help));
            }
        }
    }
    Some(Bound { api, operation, body_bytes_max: schema.body_bytes_max })
}

/// Whether some request that a rule opens is of some operation.
fn describes(api: &Api, only: Option<usize>, path: &PathPattern, method: Option<&str>) -> bool {
    let mut paths = api.paths.values().flatten().filter(|known| known.pattern.overlaps(path));
    paths.any(|known| {
        let takes = |known: &str| method.is_none_or(|method| known == method || (method == "HEAD" && known == "GET"));
        known.methods.iter().any(|(name, at)| takes(name) && only.is_none_or(|only| only == *at))
    })
}

#[cfg(test)]
mod tests;
