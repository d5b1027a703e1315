//! The stages, one file each.

pub(crate) mod canon;
pub(crate) mod decide;
pub(crate) mod headers;
pub(crate) mod identify;
pub(crate) mod inspect;
pub(crate) mod route;
