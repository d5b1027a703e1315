//! From Cedar's tree to our own form.

use super::conjunction::{Condition, Conjunct, Test};
use super::header::{is_context, on_the_wire};
use super::named::Named;
use super::residual::Residual;
use crate::lower::{Atom, Field, List, Order, Part, Present};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, PatternElem, UnaryOp, Var};
use selvedge_config::checked::Network;
use std::net::IpAddr;
use std::sync::Arc;

/// Lowers a checked expression. Every conjunct is in the outcome: lowered, or as it is.
pub(super) fn lower(expr: &Expr) -> Condition {
    let mut parts = Vec::new();
    flatten(expr, &mut parts);
    let conjunct = |part: &Expr| Conjunct {
        text: text(part),
        test: test(part).unwrap_or_else(|| Test::Residual(Residual::of(part))),
    };
    let conjuncts = parts.into_iter().map(conjunct).collect();
    Condition { conjuncts, captures: Named::of(expr, is_context).has("captures") }
}

/// The conjuncts, in order.
fn flatten<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } => {
            flatten(left, into);
            flatten(right, into);
        }
        _ => into.push(expr),
    }
}

/// The expression as written, in one line.
fn text(expr: &Expr) -> Arc<str> {
    let written = expr.source_loc().and_then(|loc| loc.snippet());
    let text = written.map_or_else(|| expr.to_string(), str::to_owned);
    // `unless { … }` is a negation that nobody wrote as one.
    let negated = matches!(expr.expr_kind(), ExprKind::UnaryApp { op: UnaryOp::Not, .. });
    let is_written = written.is_some_and(|text| text.starts_with('!') || text.contains("!="));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if negated && written.is_some() && !is_written { format!("!({text})").into() } else { text.into() }
}

/// The test, if it can be lowered whole.
fn test(expr: &Expr) -> Option<Test> {
    match expr.expr_kind() {
        ExprKind::And { left, right } => Some(Test::All(vec![test(left)?, test(right)?])),
        ExprKind::Or { left, right } => Some(Test::Any(vec![test(left)?, test(right)?])),
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Some(Test::Not(Box::new(test(arg)?))),
        ExprKind::UnaryApp { op: UnaryOp::IsEmpty, arg } => Some(Test::Atom(Atom::IsEmpty(list(arg)?))),
        ExprKind::Lit(Literal::Bool(always)) => Some(Test::Atom(Atom::Always(*always))),
        ExprKind::HasAttr { expr, attr } => Some(Test::Atom(has(expr, &[attr.as_str()])?)),
        ExprKind::ExtHasAttr { expr, attrs } => {
            let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
            Some(Test::Atom(has(expr, &attrs)?))
        }
        ExprKind::Like { expr, pattern } => Some(Test::Atom(like(field(expr)?, pattern.get_elems())?)),
        ExprKind::BinaryApp { op, arg1, arg2 } => binary(*op, arg1, arg2),
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let [address, range] = args.as_slice() else { return None };
            let is_client = path(address)? == ["client"] && fn_name.to_string() == "isInRange";
            is_client.then_some(())?;
            Some(Test::Atom(Atom::ClientIn(network(range)?)))
        }
        _ => None,
    }
}

fn binary(op: BinaryOp, first: &Expr, second: &Expr) -> Option<Test> {
    let atom = match op {
        BinaryOp::Eq => equal(first, second)?,
        BinaryOp::Less => time(first, Order::Less, second).or_else(|| time(second, Order::Greater, first))?,
        BinaryOp::LessEq => {
            time(first, Order::LessOrEqual, second).or_else(|| time(second, Order::GreaterOrEqual, first))?
        }
        BinaryOp::In => return within(first, second),
        BinaryOp::Contains => match (list(first), literal(second)) {
            (Some(list), Some(text)) => Atom::Contains(list, text),
            (Some(list), None) => Atom::ContainsField(list, field(second)?),
            (None, _) => Atom::OneOf(field(second)?, literals(first)?),
        },
        BinaryOp::ContainsAll => Atom::ContainsAll(list(first)?, literals(second)?),
        BinaryOp::ContainsAny => Atom::ContainsAny(list(first)?, literals(second)?),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::HasTag => return None,
    };
    Some(Test::Atom(atom))
}

fn equal(first: &Expr, second: &Expr) -> Option<Atom> {
    if let Some(atom) = entity(first, second).or_else(|| entity(second, first)) {
        return Some(atom);
    }
    if let Some(atom) = time(first, Order::Equal, second).or_else(|| time(second, Order::Equal, first)) {
        return Some(atom);
    }
    match (field(first), field(second)) {
        (Some(first), Some(second)) => Some(Atom::Same(first, second)),
        (Some(field), None) => Some(Atom::Is(field, literal(second)?)),
        (None, Some(field)) => Some(Atom::Is(field, literal(first)?)),
        (None, None) => None,
    }
}

/// `principal == Caller::"a"`, `resource == Service::"b"`.
fn entity(variable: &Expr, named: &Expr) -> Option<Atom> {
    let ExprKind::Lit(Literal::EntityUID(uid)) = named.expr_kind() else { return None };
    let name: Arc<str> = Arc::from(AsRef::<str>::as_ref(uid.eid()));
    match (variable.expr_kind(), uid.entity_type().to_string().as_str()) {
        (ExprKind::Var(Var::Principal), "Caller") => Some(Atom::Caller(name)),
        (ExprKind::Var(Var::Resource), "Service") => Some(Atom::Is(Field::Service, name)),
        _ => None,
    }
}

/// `principal in [Caller::"a", Caller::"b"]`: nothing has parents here, so it is equality with one of them.
fn within(variable: &Expr, named: &Expr) -> Option<Test> {
    match named.expr_kind() {
        ExprKind::Set(items) => {
            let atoms = items.iter().map(|item| entity(variable, item).map(Test::Atom));
            Some(Test::Any(atoms.collect::<Option<_>>()?))
        }
        _ => entity(variable, named).map(Test::Atom),
    }
}

fn like(field: Field, pattern: &[PatternElem]) -> Option<Atom> {
    let (last, start) = match pattern.split_last() {
        Some((PatternElem::Wildcard, start)) => (true, start),
        _ => (false, pattern),
    };
    let char = |elem: &PatternElem| match elem {
        PatternElem::Char(c) => Some(*c),
        PatternElem::Wildcard => None,
    };
    let start: Arc<str> = start.iter().map(char).collect::<Option<String>>()?.into();
    Some(if last { Atom::Begins(field, start) } else { Atom::Is(field, start) })
}

fn time(part: &Expr, order: Order, number: &Expr) -> Option<Atom> {
    let part = match path(part)?.as_slice() {
        ["time", "epoch"] => Part::Epoch,
        ["time", "hour"] => Part::Hour,
        ["time", "minute"] => Part::Minute,
        ["time", "weekday"] => Part::Weekday,
        _ => return None,
    };
    match number.expr_kind() {
        ExprKind::Lit(Literal::Long(number)) => Some(Atom::Time(part, order, *number)),
        _ => None,
    }
}

fn has(expr: &Expr, attrs: &[&str]) -> Option<Atom> {
    let mut path = path(expr)?;
    path.extend(attrs);
    let present = match path.as_slice() {
        ["user"] | ["user", "issuer" | "subject" | "scopes" | "groups" | "amr"] => Present::User,
        ["client"] => Present::Client,
        ["tls"] | ["tls", "version" | "cipher" | "group"] => Present::Tls,
        ["headers", name] => Present::Header(on_the_wire(name)),
        ["captures", name] => Present::Capture((*name).into()),
        _ => return None,
    };
    Some(Atom::Has(present))
}

fn field(expr: &Expr) -> Option<Field> {
    if let ExprKind::GetAttr { expr, attr } = expr.expr_kind() {
        match (expr.expr_kind(), attr.as_str()) {
            (ExprKind::Var(Var::Principal), "kind") => return Some(Field::CallerKind),
            (ExprKind::Var(Var::Principal), "id") => return Some(Field::CallerId),
            (ExprKind::Var(Var::Principal), "service") => return Some(Field::CallerService),
            (ExprKind::Var(Var::Principal), "gateway") => return Some(Field::Gateway),
            (ExprKind::Var(Var::Principal), "host") => return Some(Field::Host),
            (ExprKind::Var(Var::Resource), "name") => return Some(Field::Service),
            (ExprKind::Var(Var::Resource), "port") => return Some(Field::Port),
            _ => {}
        }
    }
    match path(expr)?.as_slice() {
        ["method"] => Some(Field::Method),
        ["path"] => Some(Field::Path),
        ["user", "issuer"] => Some(Field::Issuer),
        ["user", "subject"] => Some(Field::Subject),
        ["headers", name] => Some(Field::Header(on_the_wire(name))),
        ["captures", name] => Some(Field::Capture((*name).into())),
        ["tls", "version"] => Some(Field::TlsVersion),
        ["tls", "cipher"] => Some(Field::TlsCipher),
        ["tls", "group"] => Some(Field::TlsGroup),
        _ => None,
    }
}

fn list(expr: &Expr) -> Option<List> {
    if let ExprKind::GetAttr { expr, attr } = expr.expr_kind()
        && attr == "labels"
    {
        match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => return Some(List::CallerLabels),
            ExprKind::Var(Var::Resource) => return Some(List::ServiceLabels),
            _ => return None,
        }
    }
    match path(expr)?.as_slice() {
        ["user", "scopes"] => Some(List::Scopes),
        ["user", "groups"] => Some(List::Groups),
        ["user", "amr"] => Some(List::Amr),
        _ => None,
    }
}

/// The attributes below `context`.
fn path(expr: &Expr) -> Option<Vec<&str>> {
    match expr.expr_kind() {
        ExprKind::Var(Var::Context) => Some(Vec::new()),
        ExprKind::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.push(attr);
            Some(path)
        }
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<Arc<str>> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(Arc::from(text.as_str())),
        _ => None,
    }
}

fn literals(expr: &Expr) -> Option<Vec<Arc<str>>> {
    match expr.expr_kind() {
        ExprKind::Set(items) => items.iter().map(literal).collect(),
        _ => None,
    }
}

/// `ip("10.0.0.0/8")`. IPv4 in IPv6 form is left to Cedar, which tells it apart from IPv4.
fn network(expr: &Expr) -> Option<Network> {
    let ExprKind::ExtensionFunctionApp { fn_name, args } = expr.expr_kind() else { return None };
    let [argument] = args.as_slice() else { return None };
    let text = literal(argument).filter(|_| fn_name.to_string() == "ip")?;
    let (address, prefix) = text.split_once('/').map_or((&*text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = prefix.map_or(Ok(longest), str::parse).ok().filter(|prefix| *prefix <= longest)?;
    (address.to_canonical() == address).then_some(Network { address, prefix })
}
