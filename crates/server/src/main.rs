//! The `ferula` binary.

fn main() {}
