//! Behind one service at one gateway it is clear which issuer is asked about a token: a token that were shown to another
//! issuer than its own would be given away.

use crate::Diagnostic;
use crate::checked::{Access, CredentialRule, From, Issuer, Mesh, Rule};
use selvedge_model::Name;
use std::collections::BTreeMap;

/// Notes an error for each rule whose tokens could be of an earlier rule's issuer.
pub(super) fn check(access: &[Access], mesh: &Mesh, found: &mut Vec<Diagnostic>) {
    for document in access {
        let mut seen: BTreeMap<&Name, Vec<&Issuer>> = BTreeMap::new();
        for rule in &document.rules {
            let From::Gateway { gateway, credential: CredentialRule::Token { issuer, .. }, .. } = &rule.from else {
                continue;
            };
            let Some(issuer) = mesh.issuers.get(issuer) else { continue };
            let others = seen.entry(gateway).or_default();
            if others.iter().any(|other| other.name == issuer.name) {
                continue;
            }
            if let Some(other) = others.iter().find(|other| is_ambiguous(issuer, other)) {
                found.push(ambiguous(rule, issuer, other));
            }
            others.push(issuer);
        }
    }
}

fn is_ambiguous(one: &Issuer, other: &Issuer) -> bool {
    match (&one.introspection, &other.introspection) {
        (None, None) => false,
        (Some(_), Some(_)) => true,
        // A token in the form of a JWT goes by the `iss` that it names.
        (Some(_), None) | (None, Some(_)) => one.url == other.url,
    }
}

fn ambiguous(rule: &Rule, issuer: &Issuer, other: &Issuer) -> Diagnostic {
    Diagnostic {
        code: "ambiguous-token",
        file: rule.id.source.file.clone(),
        line: rule.id.source.line,
        column: 1,
        width: 1,
        message: format!("a token here could be of `{}` and of `{}`", issuer.name, other.name),
        help: "accept one issuer with `introspection` for a service, and none with keys that has the same URL"
            .to_owned(),
    }
}
