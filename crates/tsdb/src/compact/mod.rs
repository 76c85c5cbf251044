//! Making few large blocks of many small ones: what next ([`plan`]), and how ([`merge`]).

pub(crate) mod merge;
pub(crate) mod plan;
