//! The table of functions: name, signature, one line of doc, implementation.
//!
//! Parser, checker, evaluator and documentation read this one table.

use crate::ast::ValueType;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name in queries.
    pub name: &'static str,
    /// The types of its arguments.
    pub arguments: &'static [ValueType],
    /// How many of the last arguments may be left out; `VARIADIC` if the last may be repeated.
    pub optional: usize,
    /// Whether the last argument may come any number of times, also none.
    pub variadic: bool,
    /// What it evaluates to.
    pub returns: ValueType,
    /// Whether it is only there with `--enable-feature=promql-experimental-functions`.
    pub experimental: bool,
    /// What it does, in one line.
    pub doc: &'static str,
}

/// Functions are equal if they are the same.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
