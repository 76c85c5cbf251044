//! The executor: walks the tree over the data and writes the output.
//!
//! It keeps in [`Executor::at`] which part of the template it looked at last, because an error says
//! so in Go's words. A step, a level of nesting or a byte of output beyond the [`Limits`] is an
//! error like any other.

mod call;

use std::fmt;
use std::rc::Rc;

use crate::tree::{Branch, Call, Command, Node, Operand, Pipe, Templates, Term};
use crate::value::{Root, Value};
use crate::{Data, Limits, Options, QueryFn, date, format};
use model::labels::Quoted;

/// The part of the template that an error is about.
#[derive(Clone, Copy)]
enum Place<'t> {
    Start,
    Call(&'t Call),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
}

impl Place<'_> {
    fn pos(&self) -> usize {
        match self {
            Self::Start => 0,
            Self::Call(call) => call.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Operand(operand) => operand.pos,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => Ok(()),
            Self::Call(call) => call.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Operand(operand) => operand.fmt(f),
        }
    }
}

/// How the nodes of a list went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// One run of one template.
pub(crate) struct Executor<'t, 'q> {
    name: &'t str,
    text: &'t str,
    templates: &'t Templates,
    root: Value,
    options: &'t Options<'t>,
    query: &'t mut QueryFn<'q>,
    /// The template that runs now.
    current: &'t str,
    variables: Vec<(&'t str, Value)>,
    at: Place<'t>,
    out: String,
    steps: usize,
    depth: usize,
}

impl<'t, 'q> Executor<'t, 'q> {
    pub(crate) fn new(
        name: &'t str,
        text: &'t str,
        templates: &'t Templates,
        data: &Data<'_>,
        options: &'t Options<'t>,
        query: &'t mut QueryFn<'q>,
    ) -> Self {
        let root = Value::Root(Rc::new(Root {
            labels: data.labels.clone(),
            external_labels: data.external_labels.clone(),
            external_url: data.external_url.into(),
            value: data.value,
        }));
        Self {
            name,
            text,
            templates,
            root,
            options,
            query,
            current: name,
            variables: Vec::new(),
            at: Place::Start,
            out: String::new(),
            steps: 0,
            depth: 0,
        }
    }

    pub(crate) fn run(mut self) -> Result<String, String> {
        let root = self.root.clone();
        self.template(self.name, &root)?;
        Ok(self.out)
    }

    /// Runs the template `name` with only `$` in scope.
    fn template(&mut self, name: &'t str, dot: &Value) -> Result<(), String> {
        let Some(nodes) = self.templates.get(name) else {
            return self.fail(format_args!("template {} not defined", Quoted(name)));
        };
        self.enter()?;
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let caller = std::mem::replace(&mut self.current, name);
        self.list(dot, nodes)?;
        self.variables = outer;
        self.current = caller;
        self.depth -= 1;
        Ok(())
    }

    fn list(&mut self, dot: &Value, nodes: &'t [Node]) -> Result<Flow, String> {
        for node in nodes {
            self.spend(1)?;
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &'t Node) -> Result<Flow, String> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if pipe.declared.is_empty() {
                    let text = format::printed(&value, self.options.limits.output_bytes);
                    let text = text.or_else(|message| self.fail(message))?;
                    self.write(&text)?;
                }
            }
            Node::If(branch) => return self.condition(dot, branch, false),
            Node::With(branch) => return self.condition(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Template(call) => {
                self.at = Place::Call(call);
                if !self.templates.contains_key(&call.name) {
                    let name = Quoted(&call.name);
                    return self.fail(format_args!("template {name} not defined"));
                }
                let scope = self.variables.len();
                let dot = match &call.pipe {
                    Some(pipe) => self.pipe(dot, pipe)?,
                    None => Value::Nil,
                };
                self.template(&call.name, &dot)?;
                self.variables.truncate(scope);
            }
        }
        Ok(Flow::Next)
    }

    fn condition(&mut self, dot: &Value, branch: &'t Branch, moves: bool) -> Result<Flow, String> {
        self.enter()?;
        let scope = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = if !value.is_true() {
            self.list(dot, &branch.otherwise)?
        } else if moves {
            self.list(&value, &branch.body)?
        } else {
            self.list(dot, &branch.body)?
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(flow)
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Result<Flow, String> {
        self.enter()?;
        let scope = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let inside = self.variables.len();
        let mut any = false;
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &value {
            Value::Nil => Box::new(std::iter::empty()),
            Value::Int(count) if branch.pipe.declared.len() > 1 => {
                return self.fail(format_args!(
                    "can't use {count} to iterate over more than one variable"
                ));
            }
            Value::Int(count) => Box::new((0..*count).map(|i| (Value::Int(i), Value::Int(i)))),
            Value::Vector(elements) => {
                Box::new((0_i64..).map(Value::Int).zip(elements.iter().cloned().map(Value::Sample)))
            }
            Value::Labels(labels) => {
                Box::new(labels.iter().map(|(name, value)| (Value::str(name), Value::str(value))))
            }
            Value::Map(map) => {
                Box::new(map.entries.iter().map(|(k, v)| (Value::str(k.as_str()), v.clone())))
            }
            value => {
                let shown = format::sprint(std::slice::from_ref(value), usize::MAX)?;
                return self.fail(format_args!("range can't iterate over {shown}"));
            }
        };
        for (index, element) in items {
            any = true;
            self.spend(1)?;
            self.variables.truncate(inside);
            self.set_range_variables(&branch.pipe, index, &element)?;
            if self.list(&element, &branch.body)? == Flow::Break {
                break;
            }
        }
        let flow = if any { Flow::Next } else { self.list(dot, &branch.otherwise)? };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(flow)
    }

    /// The pipeline declared its variables already; here they get the key and the element.
    fn set_range_variables(
        &mut self,
        pipe: &'t Pipe,
        index: Value,
        element: &Value,
    ) -> Result<(), String> {
        match pipe.declared.as_slice() {
            [] => Ok(()),
            [only] => self.assign(only, element.clone()),
            [first, second, ..] => {
                self.assign(first, index)?;
                self.assign(second, element.clone())
            }
        }
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<(), String> {
        match self.variables.iter_mut().rev().find(|(n, _)| *n == name) {
            Some(variable) => variable.1 = value,
            None => return self.fail(format_args!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Result<Value, String> {
        self.enter()?;
        self.spend(1)?;
        self.at = Place::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.declared {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        self.depth -= 1;
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Result<Value, String> {
        let (first, arguments) =
            command.operands.split_first().expect("the parser makes no empty command");
        match &first.term {
            Term::Function(function) => {
                self.at = Place::Operand(first);
                let place = Place::Command(command);
                self.call(dot, function, place, arguments, last, None)
            }
            Term::Field(_) | Term::Chain(..) => self.operand(dot, first, arguments, last),
            Term::Variable(_, names) if !names.is_empty() => {
                self.operand(dot, first, arguments, last)
            }
            _ => {
                self.at = Place::Operand(first);
                if !arguments.is_empty() || last.is_some() {
                    let message = format_args!("can't give argument to non-function {first}");
                    return self.fail(message);
                }
                if matches!(first.term, Term::Nil) {
                    return self.fail("nil is not a command");
                }
                self.operand(dot, first, &[], None)
            }
        }
    }

    /// The value of one word; `arguments` and `last` go to the method that its last name may be.
    fn operand(
        &mut self,
        dot: &Value,
        operand: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, String> {
        self.at = Place::Operand(operand);
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Str(_, value) | Term::Number(_, Some(value)) => Ok(value.clone()),
            Term::Number(written, None) => self.fail(format_args!("{written} overflows int")),
            Term::Field(names) => self.fields(dot, dot.clone(), operand, names, arguments, last),
            Term::Variable(name, names) => {
                let variable = self.variables.iter().rev().find(|(n, _)| n == name);
                let Some(value) = variable.map(|(_, value)| value.clone()) else {
                    return self.fail(format_args!("undefined variable: {name}"));
                };
                self.fields(dot, value, operand, names, arguments, last)
            }
            Term::Function(function) => {
                self.call(dot, function, Place::Operand(operand), &[], None, None)
            }
            Term::Chain(of, names) => {
                if matches!(of.term, Term::Nil) {
                    let message = format_args!("indirection through explicit nil in {operand}");
                    return self.fail(message);
                }
                let receiver = self.operand(dot, of, &[], None)?;
                self.fields(dot, receiver, operand, names, arguments, last)
            }
            Term::Pipe(pipe) => self.pipe(dot, pipe),
        }
    }

    /// Follows `names` from `value` on.
    fn fields(
        &mut self,
        dot: &Value,
        mut value: Value,
        operand: &'t Operand,
        names: &'t [String],
        arguments: &'t [Operand],
        mut last: Option<Value>,
    ) -> Result<Value, String> {
        for (i, name) in names.iter().enumerate() {
            let is_last = i + 1 == names.len();
            let arguments = if is_last { arguments } else { &[] };
            let piped = if is_last { last.take() } else { None };
            if let Some(method) = date::method(&value, name) {
                let place = Place::Operand(operand);
                value = self.call(dot, method, place, arguments, piped, Some(value))?;
                continue;
            }
            let Some(field) = value.field(name) else {
                let type_name = value.type_name();
                return self.fail(format_args!("can't evaluate field {name} in type {type_name}"));
            };
            if !arguments.is_empty() || piped.is_some() {
                let why = match value {
                    Value::Root(_) | Value::Sample(_) => {
                        "has arguments but cannot be invoked as function"
                    }
                    _ => "is not a method but has arguments",
                };
                return self.fail(format_args!("{name} {why}"));
            }
            value = field;
        }
        Ok(value)
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        let limit = self.options.limits.output_bytes;
        if self.out.len() + text.len() > limit {
            return self.fail(format_args!("the output is longer than {limit} bytes"));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        let Limits { steps: limit, .. } = self.options.limits;
        self.steps = self.steps.saturating_add(steps);
        if self.steps > limit {
            return self.fail(format_args!("the template takes more than {limit} steps"));
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), String> {
        let Limits { depth: limit, .. } = self.options.limits;
        self.depth += 1;
        if self.depth > limit {
            return self.fail(format_args!("the template is nested deeper than {limit} levels"));
        }
        Ok(())
    }

    /// An error with the place that was looked at last.
    fn fail<T>(&self, message: impl fmt::Display) -> Result<T, String> {
        let before = &self.text[..self.at.pos()];
        let line = 1 + before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let (name, current, at) = (self.name, Quoted(self.current), self.at);
        Err(format!("template: {name}:{line}:{column}: executing {current} at <{at}>: {message}"))
    }
}
