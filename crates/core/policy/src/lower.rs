//! What conditions ask, in our own form: what Cedar's common expressions come down to, tested without allocating.

mod eval;
mod ir;
mod view;

pub(crate) use ir::{Atom, Field, List, Order, Part, Present};
pub(crate) use view::View;
