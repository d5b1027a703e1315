//! The finite frame of a question about one port of one service: kinds of caller, methods, classes of paths.
//!
//! A frame is made for one policy or for two (before and after), so that both are read in the same cells. In each cell
//! every grant applies to all requests or to none, apart from its conditions, which are carried as formulas.

use super::bits::Bits;
use super::class::{Place, partition};
use super::condition::{Cube, Formula, absorb};
use super::grant::{Clause, Grant, Side};
use super::identity::{Callers, Identity};
use super::term::{Term, Text};
use super::terms::Terms;
use ahash::RandomState;
use selvedge_config::checked::From;
use selvedge_model::{Host, Name, PathPattern};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// In one of the policies, which grants and which prohibitions apply to a row, a column, a layer or a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Applying {
    pub(super) grants: Bits,
    pub(super) forbids: Bits,
}

/// What the question itself names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    pub(super) method: Option<&'a str>,
    pub(super) path: Option<&'a PathPattern>,
}

/// All cells of a question.
pub(super) struct Frame<'a> {
    pub(super) sides: &'a [Side<'a>],
    /// Kinds of caller that no policy tells apart stand together.
    pub(super) callers: Vec<(Vec<Identity>, Vec<Applying>)>,
    /// Methods by name; the last stands for every other one.
    pub(super) methods: Vec<(Option<Arc<str>>, Vec<Applying>)>,
    pub(super) places: Vec<(Place, Vec<Applying>)>,
    /// Every pattern of the rules and of the question, with the places that it covers.
    pub(super) patterns: Vec<(PathPattern, Bits)>,
}

/// A cell, by its indices in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) caller: usize,
    pub(super) method: usize,
    pub(super) place: usize,
}

impl<'a> Frame<'a> {
    /// The frame for these policies.
    pub(super) fn of(sides: &'a [Side<'a>], asked: &Asked<'_>) -> Frame<'a> {
        let (places, patterns) = places(sides, asked);
        Frame { callers: callers(sides), methods: methods(sides, asked), places, patterns, sides }
    }

    /// What applies in a cell of one policy.
    pub(super) fn applying(&self, side: usize, cell: Cell) -> Applying {
        let caller = self.callers.get(cell.caller).and_then(|(_, applying)| applying.get(side));
        let method = self.methods.get(cell.method).and_then(|(_, applying)| applying.get(side));
        let place = self.places.get(cell.place).and_then(|(_, applying)| applying.get(side));
        match (caller, method, place) {
            (Some(caller), Some(method), Some(place)) => Applying {
                grants: caller.grants.meet(&method.grants).meet(&place.grants),
                forbids: caller.forbids.meet(&method.forbids).meet(&place.forbids),
            },
            _ => Applying::default(),
        }
    }

    /// When a request of a cell is allowed by one policy; each way with the grant's index.
    pub(super) fn ways(&self, side: usize, applying: &Applying, cell: Cell, terms: &Terms) -> Ways {
        let Ways { any, none } = self.every_way(side, applying, cell, terms);
        Ways { any: absorb(any), none: absorb(none) }
    }

    /// As [`Frame::ways`], with those that another makes needless.
    pub(super) fn every_way(&self, side: usize, applying: &Applying, cell: Cell, terms: &Terms) -> Ways {
        let Some(policy) = self.sides.get(side) else { return Ways::default() };
        let identity = self.callers.get(cell.caller).and_then(|(identities, _)| identities.first());
        let method = self.methods.get(cell.method).and_then(|(method, _)| method.as_deref());
        let place = self.places.get(cell.place).map(|(place, _)| place);
        let truth = |term: &Term| {
            let by_caller = identity.and_then(|identity| term.for_caller(identity, &policy.known));
            by_caller.or_else(|| term.for_method(method)).or_else(|| place.and_then(|place| term.for_place(place)))
        };
        let open = |clause: &Clause| Some(clause.open(truth)).filter(|cube| terms.consistent(cube.literals()));
        let grants = applying.grants.iter().filter_map(|at| Some((at, open(&policy.grants.get(at)?.clause)?)));
        let forbids = applying.forbids.iter().filter_map(|at| Some((at, open(&policy.forbids.get(at)?.clause)?)));
        Ways { any: grants.collect(), none: forbids.collect() }
    }

    /// As [`Frame::ways`], in the words of the policy: what it says of paths is kept as a condition, also where the place
    /// decides it. So cells that differ in nothing else can be told of together.
    pub(super) fn ways_in_words(&self, side: usize, applying: &Applying, cell: Cell, terms: &Terms) -> Ways {
        let Some(policy) = self.sides.get(side) else { return Ways::default() };
        let (caller, method) = (self.callers.get(cell.caller), self.methods.get(cell.method));
        let (Some((identities, caller)), Some((name, method))) = (caller, method) else { return Ways::default() };
        let truth = |term: &Term| {
            let by_caller = identities.first().and_then(|identity| term.for_caller(identity, &policy.known));
            by_caller.or_else(|| term.for_method(name.as_deref()))
        };
        let open = |clause: &Clause| Some(clause.open(truth)).filter(|cube| terms.consistent(cube.literals()));
        let forbids = caller.get(side).zip(method.get(side)).map(|(a, b)| a.forbids.meet(&b.forbids));
        let grants = applying.grants.iter().filter_map(|at| Some((at, open(&policy.grants.get(at)?.clause)?)));
        let forbids = forbids.unwrap_or_default();
        let forbids = forbids.iter().filter_map(|at| Some((at, open(&policy.forbids.get(at)?.clause)?)));
        Ways { any: absorb(grants.collect()), none: forbids.collect() }
    }

    /// Whether what stays open in these clauses is not the same in every cell.
    pub(super) fn varies(&self, side: usize, applying: &Applying) -> bool {
        let Some(policy) = self.sides.get(side) else { return false };
        applying.grants.iter().any(|at| policy.grants.get(at).is_some_and(|grant| grant.clause.varies))
            || applying.forbids.iter().any(|at| policy.forbids.get(at).is_some_and(|forbid| forbid.clause.varies))
    }

    /// The cells of a caller in which something is granted by some policy; in any other it is denied by all. Every place
    /// with a path has each method; a connection has none, so that one column stands for all.
    pub(super) fn cells_of(&self, caller: usize) -> impl Iterator<Item = Cell> + '_ {
        let granted = move |applying: &[Applying]| {
            let of = self.callers.get(caller).map(|(_, applying)| applying.as_slice()).unwrap_or_default();
            of.iter().zip(applying).any(|(caller, applying)| caller.grants.meets(&applying.grants))
        };
        let places = self.places.iter().enumerate().filter(move |(_, (_, applying))| granted(applying));
        places.flat_map(move |(place, (kind, _))| {
            let cells = self.columns(kind).map(move |method| Cell { caller, method, place });
            cells.filter(|cell| (0..self.sides.len()).any(|side| !self.applying(side, *cell).grants.is_empty()))
        })
    }

    /// How many cells a caller has.
    pub(super) fn count(&self) -> usize {
        self.places.iter().map(|(kind, _)| self.columns(kind).len()).sum()
    }

    fn columns(&self, place: &Place) -> std::ops::Range<usize> {
        let last = self.methods.len().saturating_sub(1);
        match place {
            Place::Path(_) => 0..last + 1,
            Place::Connection => last..last + 1,
        }
    }
}

/// The ways in which a cell is allowed and forbidden, in the order of the rules, each with its grant or prohibition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ways {
    pub(super) any: Vec<(usize, Cube)>,
    pub(super) none: Vec<(usize, Cube)>,
}

impl Ways {
    /// Without the prohibitions that are in none of these.
    pub(super) fn only(&self, forbids: &Bits) -> Ways {
        let none = self.none.iter().filter(|(at, _)| forbids.has(*at)).cloned().collect();
        Ways { any: self.any.clone(), none: absorb(none) }
    }

    /// As a formula, without names.
    pub(super) fn formula(&self) -> Formula {
        let cubes = |ways: &[(usize, Cube)]| {
            let mut cubes: Vec<_> = ways.iter().map(|(_, cube)| cube.clone()).collect();
            cubes.sort();
            cubes
        };
        Formula { any: cubes(&self.any), none: cubes(&self.none) }
    }
}

/// What applies in each policy, by a test for grants, with their places, and one for prohibitions.
fn applying<'a>(
    sides: &[Side<'a>],
    grants: impl Fn(usize, &Side<'a>, usize, &Grant<'a>) -> bool,
    forbids: impl Fn(&Side<'a>, &Clause) -> bool,
) -> Vec<Applying> {
    let of = |(index, side): (usize, &Side<'a>)| {
        let mut applying = Applying::default();
        let granted = side.grants.iter().enumerate().filter(|(at, grant)| grants(index, side, *at, grant));
        granted.for_each(|(at, _)| applying.grants.insert(at));
        let forbidden = side.forbids.iter().enumerate().filter(|(_, forbid)| forbids(side, &forbid.clause));
        forbidden.for_each(|(at, _)| applying.forbids.insert(at));
        applying
    };
    sides.iter().enumerate().map(of).collect()
}

/// For each service, the grants whose rules name it.
fn named<'a>(side: &Side<'a>) -> HashMap<&'a Name, Bits, RandomState> {
    let mut named: HashMap<&Name, Bits, RandomState> = HashMap::default();
    for (at, grant) in side.grants.iter().enumerate() {
        if let From::Services(names) = &grant.rule.from {
            names.iter().for_each(|name| named.entry(name).or_default().insert(at));
        }
    }
    named
}

/// What callers have in common that no policy tells apart: what applies to them, and the terms that they decide.
type Alike = (Vec<Applying>, Vec<Option<bool>>);

fn callers(sides: &[Side<'_>]) -> Vec<(Vec<Identity>, Vec<Applying>)> {
    let mut callers = Callers::default();
    let rules: BTreeMap<*const _, _> =
        sides.iter().flat_map(|side| &side.grants).map(|grant| (std::ptr::from_ref(grant.rule), grant.rule)).collect();
    rules.values().for_each(|rule| callers.add(&rule.from));
    sides.iter().flat_map(|side| side.known.issuers.keys()).for_each(|issuer| callers.add_issuer(issuer.clone()));
    for term in sides.iter().flat_map(|side| side.terms()) {
        match term {
            Term::Is(Text::Host, value) => Host::parse(value).into_iter().for_each(|host| callers.add_host(host)),
            Term::Is(Text::Issuer, value) => Name::parse(value).into_iter().for_each(|name| callers.add_issuer(name)),
            _ => {}
        }
    }
    let mut groups: BTreeMap<Alike, Vec<Identity>> = BTreeMap::new();
    let named: Vec<_> = sides.iter().map(named).collect();
    let terms: Vec<BTreeSet<&Term>> = sides.iter().map(|side| side.terms().collect()).collect();
    for identity in callers.identities() {
        let mine: Vec<Option<&Bits>> = named
            .iter()
            .map(|named| match &identity {
                Identity::Service(name) => named.get(name),
                Identity::Outside { .. } | Identity::Federated(_) => None,
            })
            .collect();
        let is_named = |side: usize, at| mine.get(side).copied().flatten().is_some_and(|grants| grants.has(at));
        let of = applying(
            sides,
            |index, side, at, grant| grant.for_caller(&identity, is_named(index, at), &side.known),
            |side, clause| clause.may_hold(|term| term.for_caller(&identity, &side.known)),
        );
        // Whom no grant names is denied in every cell.
        if of.iter().any(|applying| !applying.grants.is_empty()) {
            let decided = sides
                .iter()
                .zip(&terms)
                .flat_map(|(side, terms)| terms.iter().map(|term| term.for_caller(&identity, &side.known)));
            groups.entry((of, decided.collect())).or_default().push(identity);
        }
    }
    groups.into_iter().map(|((of, _), identities)| (identities, of)).collect()
}

fn methods(sides: &[Side<'_>], asked: &Asked<'_>) -> Vec<(Option<Arc<str>>, Vec<Applying>)> {
    let mut named: BTreeSet<Arc<str>> = asked.method.iter().map(|method| Arc::from(*method)).collect();
    for side in sides {
        named.extend(side.grants.iter().flat_map(|grant| grant.rule.methods.iter().flatten().cloned()));
        named.extend(side.terms().filter_map(|term| match term {
            Term::Is(Text::Method, value) => Some(value.clone()),
            _ => None,
        }));
    }
    let of = |method: Option<&str>| {
        let may_hold = |clause: &Clause| clause.may_hold(|term| term.for_method(method));
        applying(sides, |_, _, _, grant| grant.for_method(method), |_, clause| may_hold(clause))
    };
    let columns = named.into_iter().map(Some).chain([None]);
    columns.map(|method| (method.clone(), of(method.as_deref()))).collect()
}

type Places = (Vec<(Place, Vec<Applying>)>, Vec<(PathPattern, Bits)>);

fn places(sides: &[Side<'_>], asked: &Asked<'_>) -> Places {
    let mut patterns: Vec<PathPattern> = asked.path.into_iter().cloned().collect();
    let grants = || sides.iter().flat_map(|side| &side.grants);
    patterns.extend(grants().flat_map(|grant| grant.rule.paths.iter().cloned()));
    patterns.extend(sides.iter().flat_map(|side| side.terms()).flat_map(patterns_of));
    // Patterns that differ in the names of their segments alone are one.
    let mut known: BTreeMap<Shape, usize> = BTreeMap::new();
    patterns.retain(|pattern| {
        let next = known.len();
        *known.entry(shape(pattern)).or_insert(next) == next
    });
    let connections = grants().any(|grant| grant.rule.paths.is_empty());
    let classes = if patterns.is_empty() { Vec::new() } else { partition(&patterns.iter().collect::<Vec<_>>()) };
    let mut covers: Vec<Bits> = vec![Bits::default(); patterns.len()];
    let mut places = Vec::new();
    for covered in classes {
        for pattern in covered.patterns.iter() {
            covers.get_mut(pattern).into_iter().for_each(|places_of| places_of.insert(places.len()));
        }
        let takes = |pattern: &PathPattern| known.get(&shape(pattern)).is_some_and(|at| covered.patterns.has(*at));
        let place = Place::Path(covered.class);
        let of = applying(
            sides,
            |_, _, _, grant| grant.for_place(&place, grant.rule.paths.iter().any(takes)),
            |_, clause| clause.may_hold(|term| term.for_place(&place)),
        );
        places.push((place, of));
    }
    if connections {
        let place = Place::Connection;
        let may_hold = |clause: &Clause| clause.may_hold(|term| term.for_place(&place));
        let of = applying(sides, |_, _, _, grant| grant.for_place(&place, false), |_, clause| may_hold(clause));
        places.push((place, of));
    }
    (places, patterns.into_iter().zip(covers).collect())
}

/// A pattern without the names of its segments.
pub(super) type Shape = (Vec<Option<Arc<str>>>, bool);

pub(super) fn shape(pattern: &PathPattern) -> Shape {
    use selvedge_model::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(text.clone()),
        Segment::Any(_) => None,
    };
    (pattern.segments().iter().map(segment).collect(), pattern.takes_rest())
}

/// Patterns at whose borders a condition about the path changes.
fn patterns_of(term: &Term) -> Vec<PathPattern> {
    let texts = match term {
        Term::Is(Text::Path, value) => vec![value.to_string()],
        Term::Begins(Text::Path, value) => {
            let folder = value.rsplit_once('/').map_or("", |(folder, _)| folder);
            vec![format!("{folder}/**"), value.to_string(), format!("{value}/**")]
        }
        _ => Vec::new(),
    };
    texts.iter().filter_map(|text| PathPattern::parse(text).ok()).collect()
}
