//! A change as data: steps, what they cost, and how they read.

use selvedge_model::{Host, Name, PathPattern, RuleId, Source};
use std::fmt;
use std::sync::Arc;

/// Steps that together allow the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule that would then hold; `None` for a new one.
    pub rule: Option<Arc<RuleId>>,
    /// What has to change; never empty.
    pub steps: Vec<Step>,
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The caller shows a token of this issuer.
    Token(Name),
    /// The caller shows a valid credential, or none.
    ValidCredential,
    /// The issuer grants this scope.
    Scope(Arc<str>),
    /// The issuer puts the user in one of these groups, separated by `, `.
    Group(Arc<str>),
    /// This condition of the rule comes true.
    When(Arc<str>),
    /// The rule takes another method.
    AddMethod(Arc<str>),
    /// The rule takes another path.
    AddPath(PathPattern),
    /// The rule takes another port.
    AddPort(Name),
    /// The rule takes another host.
    AddHost(Host),
    /// The rule takes another service as caller.
    AddCaller(Name),
    /// The service gets another rule.
    AddRule(NewRule),
    /// The guardrail makes an exception.
    Except {
        /// The guardrail's `@id`.
        guardrail: Arc<str>,
        /// Where it is written.
        source: Source,
    },
}

/// A rule for exactly one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// The service that it is for.
    pub service: Name,
    /// The rule as it is written in an `Access` document, one item of `rules`, without indentation.
    pub yaml: String,
    /// Whether anybody outside could then call.
    pub anonymous: bool,
}

impl Change {
    /// What the change costs, to compare: a caller that shows more is cheaper than an edit, an edit than a new rule, and
    /// nothing is dearer than letting anybody in.
    pub fn cost(&self) -> u32 {
        let brings = self.steps.iter().any(|step| step.cost() == 0);
        u32::from(brings) + self.steps.iter().map(Step::cost).sum::<u32>()
    }
}

impl Step {
    /// What is written costs; what the caller brings is counted once, together.
    fn cost(&self) -> u32 {
        match self {
            Step::Token(_) | Step::ValidCredential | Step::Scope(_) | Step::Group(_) | Step::When(_) => 0,
            Step::AddMethod(_) | Step::AddPath(_) | Step::AddPort(_) | Step::AddHost(_) | Step::AddCaller(_) => 2,
            Step::AddRule(NewRule { anonymous: false, .. }) | Step::Except { .. } => 3,
            Step::AddRule(NewRule { anonymous: true, .. }) => 7,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Token(issuer) => write!(f, "show a token of issuer `{issuer}`"),
            Step::ValidCredential => f.write_str("show a valid credential, or none"),
            Step::Scope(scope) => write!(f, "have the scope `{scope}` granted"),
            Step::Group(groups) => write!(f, "be a member of `{groups}`, one of them"),
            Step::When(text) => write!(f, "meet the condition `{text}`"),
            Step::AddMethod(method) => write!(f, "add `{method}` to its `methods`"),
            Step::AddPath(path) => write!(f, "add `{path}` to its `paths`"),
            Step::AddPort(port) => write!(f, "add `{port}` to its `ports`"),
            Step::AddHost(host) => write!(f, "add `{host}` to the `hosts` of its `from`"),
            Step::AddCaller(service) => write!(f, "add `{service}` to the services of its `from`"),
            Step::AddRule(rule) => write!(f, "add a rule to the Access of `{}`:\n{}", rule.service, rule.yaml),
            Step::Except { guardrail, source } => {
                write!(f, "except it from the guardrail `{guardrail}`, {source}")
            }
        }
    }
}
