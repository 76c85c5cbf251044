//! Go's text/template as alerts use it.
