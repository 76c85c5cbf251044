//! Calls: a function with its arguments evaluated, their types checked, and its cost counted.

use std::rc::Rc;

use model::labels::Quoted;

use super::{Executor, Place};
use crate::date;
use crate::functions::{Body, Function, Parameter};
use crate::tree::{Operand, Term};
use crate::value::Value;

/// What a query costs, in steps.
const QUERY_STEPS: usize = 1000;
/// So many bytes of text that a function returns cost a step.
const BYTES_PER_STEP: usize = 16;

impl<'t> Executor<'t, '_> {
    /// Calls a function on its written arguments and on the value that is piped in; a method gets
    /// its receiver first.
    pub(super) fn call(
        &mut self,
        dot: &Value,
        function: &'static Function,
        place: Place<'t>,
        arguments: &'t [Operand],
        last: Option<Value>,
        receiver: Option<Value>,
    ) -> Result<Value, String> {
        self.check_count(function, arguments.len(), last.is_some())?;
        if matches!(function.body, Body::And | Body::Or) {
            let stops_at = matches!(function.body, Body::Or);
            let mut value = Value::Nil;
            for argument in arguments {
                value = self.argument(dot, Parameter::Any, argument)?;
                if value.is_true() == stops_at {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut values: Vec<Value> = receiver.into_iter().collect();
        for (i, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, function.parameter(i), argument)?);
        }
        if let Some(last) = last {
            values.push(self.fitting(function.parameter(arguments.len()), last)?);
        }
        self.spend(if matches!(function.body, Body::Query) { QUERY_STEPS } else { 1 })?;
        let callee = arguments.first().map(ToString::to_string).unwrap_or_default();
        match self.body(function, &values, &callee) {
            Ok(value) => {
                if let Value::Str(text) = &value {
                    self.spend(text.len() / BYTES_PER_STEP)?;
                }
                Ok(value)
            }
            Err(message) => {
                self.at = place;
                self.fail(format_args!("error calling {}: {message}", function.name))
            }
        }
    }

    fn check_count(&self, function: &Function, written: usize, piped: bool) -> Result<(), String> {
        let (name, fixed) = (function.name, function.parameters.len());
        let given = written + usize::from(piped);
        if function.rest.is_some() && given < fixed {
            let message = format_args!(
                "wrong number of args for {name}: want at least {fixed} got {written}"
            );
            return self.fail(message);
        }
        if function.rest.is_none() && given != fixed {
            let message =
                format_args!("wrong number of args for {name}: want {fixed} got {written}");
            return self.fail(message);
        }
        Ok(())
    }

    fn body(
        &mut self,
        function: &Function,
        values: &[Value],
        callee: &str,
    ) -> Result<Value, String> {
        let limit = self.options.limits.output_bytes;
        match (&function.body, values) {
            (Body::Pure(body), _) => body(values),
            (Body::Bounded(body), _) => body(values, limit),
            (Body::PathPrefix, _) => Ok(Value::str(self.options.path_prefix)),
            (Body::ExternalUrl, _) => self.root.field("ExternalURL").ok_or_else(String::new),
            (Body::Now, _) => Ok(date::seconds(self.options.now_ms)),
            (Body::Query, [Value::Str(expression), ..]) => {
                let elements = (self.query)(expression)?;
                Ok(Value::Vector(elements.into_iter().map(Rc::new).collect()))
            }
            (Body::Template, [Value::Str(name), dot, ..]) => {
                let Some((name, _)) = self.templates.get_key_value(&**name) else {
                    return Err(format!("template {} not defined", Quoted(name)));
                };
                let outer = std::mem::take(&mut self.out);
                self.template(name, dot)?;
                Ok(Value::str(std::mem::replace(&mut self.out, outer)))
            }
            (Body::Call, [of, ..]) => Err(match of {
                Value::Nil => "call of nil".to_owned(),
                of => format!("non-function {callee} of type {}", of.type_name()),
            }),
            _ => Err("wrong arguments".to_owned()),
        }
    }

    /// The value of an argument, if it is of the type that the function takes.
    fn argument(
        &mut self,
        dot: &Value,
        parameter: Parameter,
        operand: &'t Operand,
    ) -> Result<Value, String> {
        self.at = Place::Operand(operand);
        match (&operand.term, parameter) {
            (Term::Nil, Parameter::Str) => self.fail("cannot assign nil to string"),
            (Term::Bool(_) | Term::Number(..), Parameter::Str) => {
                self.fail(format_args!("expected string; found {operand}"))
            }
            (Term::Bool(_) | Term::Number(..) | Term::Str(..), _) => {
                let value = self.operand(dot, operand, &[], None)?;
                if !parameter.accepts(&value) {
                    let wanted = parameter.type_name();
                    return self
                        .fail(format_args!("can't handle {operand} for arg of type {wanted}"));
                }
                Ok(value)
            }
            _ => {
                let value = self.operand(dot, operand, &[], None)?;
                self.fitting(parameter, value)
            }
        }
    }

    fn fitting(&self, parameter: Parameter, value: Value) -> Result<Value, String> {
        if parameter.accepts(&value) {
            return Ok(value);
        }
        let wanted = parameter.type_name();
        match value {
            Value::Nil => self.fail(format_args!("invalid value; expected {wanted}")),
            _ => {
                let found = value.type_name();
                self.fail(format_args!("wrong type for value; expected {wanted}; got {found}"))
            }
        }
    }
}
