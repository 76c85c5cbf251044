//! Values: what a template computes with, and what Go calls their types.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::Labels;

use crate::Element;

/// A value. Cloning one copies no text.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing: `nil`, a key that `args` did not get, or the dot of a template called without one.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    /// A label set; a label that is not there is empty.
    Labels(Labels),
    /// What `args` returns.
    Map(Rc<Arguments>),
    /// What `query` returns.
    Vector(Rc<[Rc<Element>]>),
    /// One element of that.
    Sample(Rc<Element>),
    /// The dot of the whole template: labels, external labels, external URL, value.
    Root(Rc<Root>),
    /// A moment, in ms since 1970, always in UTC.
    Time(i64),
    /// A length of time, in ns.
    Duration(i64),
}

/// Values by name, `arg0` and on.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// How many of these are nested in each other here, with this one.
    pub(crate) depth: usize,
    pub(crate) entries: BTreeMap<String, Value>,
}

/// The dot of the whole template.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) labels: Labels,
    pub(crate) external_labels: Labels,
    pub(crate) external_url: Rc<str>,
    pub(crate) value: f64,
}

impl Value {
    pub(crate) fn str(text: impl Into<Rc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// Go's name of the type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Vector(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Root(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; \
                 ExternalURL string; Value interface {} }"
            }
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "*time.Duration",
        }
    }

    /// What `if` makes of it: not nothing, not zero, not empty.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Vector(elements) => !elements.is_empty(),
            Self::Sample(_) | Self::Root(_) | Self::Time(_) | Self::Duration(_) => true,
        }
    }

    /// What `.name` is, for a value with fields or keys; `None` if it has no such thing.
    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Nil, _) => Some(Self::Nil),
            (Self::Labels(labels), _) => Some(Self::str(labels.get(name))),
            (Self::Map(map), _) => Some(map.entries.get(name).cloned().unwrap_or(Self::Nil)),
            (Self::Sample(element), "Labels") => Some(Self::Labels(element.labels.clone())),
            (Self::Sample(element), "Value") => Some(Self::Float(element.value)),
            (Self::Root(root), "Labels") => Some(Self::Labels(root.labels.clone())),
            (Self::Root(root), "ExternalLabels") => {
                Some(Self::Labels(root.external_labels.clone()))
            }
            (Self::Root(root), "ExternalURL") => Some(Self::Str(root.external_url.clone())),
            (Self::Root(root), "Value") => Some(Self::Float(root.value)),
            _ => None,
        }
    }
}
