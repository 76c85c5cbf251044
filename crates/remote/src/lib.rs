//! Remote write: the receiving end.
