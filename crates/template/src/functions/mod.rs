//! The functions that a template can call: one table, bodies by family.
//!
//! A body gets as many values as the table says, of the types it says; the executor has checked.

mod convert;
mod host;
mod numbers;
mod sequence;
mod text;

use crate::value::Value;

/// What a function takes as one of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Any,
    Str,
    Sample,
    Vector,
}

impl Parameter {
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Str => matches!(value, Value::Str(_)),
            Self::Sample => matches!(value, Value::Sample(_)),
            Self::Vector => matches!(value, Value::Vector(_)),
        }
    }

    /// Go's name of the type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Sample => "*template.sample",
            Self::Vector => "template.queryResult",
        }
    }
}

/// What a function does.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    Pure(fn(&[Value]) -> Result<Value, String>),
    /// Its text could be far longer than its arguments: it is given the limit in bytes.
    Bounded(fn(&[Value], usize) -> Result<Value, String>),
    And,
    Or,
    Call,
    Query,
    Template,
    PathPrefix,
    ExternalUrl,
    Now,
}

/// A function of the table.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Further arguments, any number.
    pub(crate) rest: Option<Parameter>,
    pub(crate) body: Body,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// The type of argument number `i`.
    pub(crate) fn parameter(&self, i: usize) -> Parameter {
        self.parameters.get(i).copied().or(self.rest).unwrap_or(Any)
    }

    pub(crate) const fn pure(
        name: &'static str,
        parameters: &'static [Parameter],
        body: fn(&[Value]) -> Result<Value, String>,
    ) -> Self {
        Self { name, parameters, rest: None, body: Body::Pure(body) }
    }

    const fn special(name: &'static str, parameters: &'static [Parameter], body: Body) -> Self {
        Self { name, parameters, rest: None, body }
    }

    /// The same, with any number of further arguments of any type.
    const fn more(self) -> Self {
        Self { rest: Some(Any), ..self }
    }
}

/// The function called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    TABLE.iter().find(|function| function.name == name)
}

use Parameter::{Any, Sample, Str, Vector};

static TABLE: [Function; 49] = [
    // Go's own.
    Function::special("and", &[Any], Body::And).more(),
    Function::special("or", &[Any], Body::Or).more(),
    Function::pure("not", &[Any], sequence::not),
    Function::pure("eq", &[Any], sequence::eq).more(),
    Function::pure("ne", &[Any, Any], sequence::ne),
    Function::pure("lt", &[Any, Any], sequence::lt),
    Function::pure("le", &[Any, Any], sequence::le),
    Function::pure("gt", &[Any, Any], sequence::gt),
    Function::pure("ge", &[Any, Any], sequence::ge),
    Function::pure("len", &[Any], sequence::len),
    Function::pure("index", &[Any], sequence::index).more(),
    Function::pure("slice", &[Any], sequence::slice).more(),
    Function::special("call", &[Any], Body::Call).more(),
    Function::special("print", &[], Body::Bounded(text::print)).more(),
    Function::special("printf", &[Str], Body::Bounded(text::printf)).more(),
    Function::special("println", &[], Body::Bounded(text::println)).more(),
    Function::special("html", &[], Body::Bounded(text::html)).more(),
    Function::special("js", &[], Body::Bounded(text::js)).more(),
    Function::special("urlquery", &[], Body::Bounded(text::urlquery)).more(),
    // Queries and their results.
    Function::special("query", &[Str], Body::Query),
    Function::pure("first", &[Vector], sequence::first),
    Function::pure("label", &[Str, Sample], sequence::label),
    Function::pure("value", &[Sample], sequence::value),
    Function::pure("strvalue", &[Sample], sequence::strvalue),
    Function::pure("sortByLabel", &[Str, Vector], sequence::sort_by_label),
    Function::pure("args", &[], sequence::args).more(),
    Function::special("tmpl", &[Str, Any], Body::Template),
    // Numbers and time.
    Function::pure("humanize", &[Any], numbers::humanize),
    Function::pure("humanize1024", &[Any], numbers::humanize1024),
    Function::pure("humanizeDuration", &[Any], numbers::humanize_duration),
    Function::pure("humanizePercentage", &[Any], numbers::humanize_percentage),
    Function::pure("humanizeTimestamp", &[Any], numbers::humanize_timestamp),
    Function::pure("toTime", &[Any], numbers::to_time),
    Function::pure("toDuration", &[Any], numbers::to_duration),
    Function::pure("parseDuration", &[Str], numbers::parse_duration),
    Function::special("now", &[], Body::Now),
    // Text.
    Function::pure("match", &[Str, Str], text::matches),
    Function::special("reReplaceAll", &[Str, Str, Str], Body::Bounded(text::replace_all)),
    Function::pure("title", &[Str], text::title),
    Function::pure("toUpper", &[Str], text::to_upper),
    Function::pure("toLower", &[Str], text::to_lower),
    Function::pure("safeHtml", &[Str], text::safe_html),
    Function::pure("urlQueryEscape", &[Str], text::url_query_escape),
    // Addresses.
    Function::pure("stripPort", &[Str], host::strip_port),
    Function::pure("stripDomain", &[Str], host::strip_domain),
    Function::pure("graphLink", &[Str], host::graph_link),
    Function::pure("tableLink", &[Str], host::table_link),
    Function::special("pathPrefix", &[], Body::PathPrefix),
    Function::special("externalURL", &[], Body::ExternalUrl),
];
