//! The tree: a template as it was written, ready to run.
//!
//! What can be part of an error message knows where it stands in the text and how Go would write
//! it.

use std::collections::HashMap;
use std::fmt;

use crate::functions::Function;
use crate::value::Value;
use model::labels::Quoted;

/// All templates of one text by name; the text itself is one of them.
pub(crate) type Templates = HashMap<String, Vec<Node>>;

/// A piece of text or an action.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    Template(Call),
}

/// A condition or collection, and what runs on it.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// `{{template "name" pipe}}`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) pos: usize,
    pub(crate) name: String,
    pub(crate) pipe: Option<Pipe>,
}

/// Commands that each get the value of the one before, and the variables that take the last value.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: usize,
    pub(crate) declared: Vec<String>,
    /// Whether the variables exist already.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A value, or a function with its arguments. Never empty.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) operands: Vec<Operand>,
}

/// One word of a command.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) pos: usize,
    pub(crate) term: Term,
}

/// What a word stands for.
#[derive(Debug)]
pub(crate) enum Term {
    Dot,
    Nil,
    Bool(bool),
    /// A number as written, and its value unless it is too large for an integer.
    Number(String, Option<Value>),
    /// A text as written and as meant.
    Str(String, Value),
    /// `.a.b`.
    Field(Vec<String>),
    /// `$a.b`; the name includes the dollar.
    Variable(String, Vec<String>),
    Function(&'static Function),
    /// `(pipe).a.b` or `function.a.b`.
    Chain(Box<Operand>, Vec<String>),
    Pipe(Pipe),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", Quoted(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.declared.is_empty() {
            let operator = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {operator} ", self.declared.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, operand) in self.operands.iter().enumerate() {
            write!(f, "{}{operand}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(value) => write!(f, "{value}"),
            Term::Number(written, _) | Term::Str(written, _) => f.write_str(written),
            Term::Field(names) => write_names(names, f),
            Term::Variable(name, names) => {
                f.write_str(name)?;
                write_names(names, f)
            }
            Term::Function(function) => f.write_str(function.name),
            Term::Chain(of, names) => {
                write!(f, "{of}")?;
                write_names(names, f)
            }
            Term::Pipe(pipe) => write!(f, "({pipe})"),
        }
    }
}

fn write_names(names: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}
