//! The stages, one file each.

pub(crate) mod ask;
pub(crate) mod canon;
mod credential;
pub(crate) mod decide;
pub(crate) mod headers;
pub(crate) mod identify;
pub(crate) mod inspect;
pub(crate) mod quota;
pub(crate) mod route;
pub(crate) mod throttle;
