//! Samples to text: what `/metrics` and `/federate` answer.

use std::fmt::Write;

use model::Timestamp;
use model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};

use crate::MetricType;

/// The `Content-Type` of what an [`Encoder`] writes.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What becomes of names that the old format has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// Every foreign character becomes an underscore: for readers that did not say more.
    #[default]
    Underscores,
    /// Names stand in quotes: for readers that asked for it.
    AllowUtf8,
}

impl Escaping {
    /// What a request's `Accept` header asks for.
    pub fn from_accept(accept: &str) -> Self {
        let spaceless: String = accept.chars().filter(|c| !c.is_whitespace()).collect();
        match spaceless.contains("escaping=allow-utf-8") {
            true => Self::AllowUtf8,
            false => Self::Underscores,
        }
    }
}

/// Writes metric families in the text format, in the order they are given.
#[derive(Debug, Default)]
pub struct Encoder {
    out: String,
    escaping: Escaping,
}

impl Encoder {
    /// An empty body.
    pub fn new(escaping: Escaping) -> Self {
        Self { out: String::new(), escaping }
    }

    /// `# HELP name text`
    pub fn help(&mut self, name: &str, text: &str) -> &mut Self {
        self.out.push_str("# HELP ");
        self.family(name);
        self.out.push(' ');
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                c => self.out.push(c),
            }
        }
        self.out.push('\n');
        self
    }

    /// `# TYPE name type`
    pub fn kind(&mut self, name: &str, kind: MetricType) -> &mut Self {
        self.out.push_str("# TYPE ");
        self.family(name);
        self.out.push(' ');
        self.out.push_str(kind.text_name());
        self.out.push('\n');
        self
    }

    /// One sample. A label called `__name__` is left out: `name` stands for it.
    pub fn sample<'l>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        value: f64,
        timestamp: Option<Timestamp>,
    ) -> &mut Self {
        let bare = self.escaping == Escaping::Underscores || is_legacy_metric_name(name);
        let mut separator = '{';
        if bare {
            self.name(name, true);
        } else {
            self.out.push('{');
            self.quoted(name);
            separator = ',';
        }
        let mut open = !bare;
        for (label, value) in labels.into_iter().filter(|(label, _)| *label != METRIC_NAME) {
            self.out.push(separator);
            separator = ',';
            open = true;
            if self.escaping == Escaping::Underscores || is_legacy_label_name(label) {
                self.name(label, false);
            } else {
                self.quoted(label);
            }
            self.out.push('=');
            self.quoted(value);
        }
        if open {
            self.out.push('}');
        }
        let number = model::float::General(value);
        write!(self.out, " {number}").expect("a string takes everything");
        if let Some(timestamp) = timestamp {
            write!(self.out, " {timestamp}").expect("a string takes everything");
        }
        self.out.push('\n');
        self
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The body.
    pub fn finish(self) -> String {
        self.out
    }

    /// A family's name in a comment.
    fn family(&mut self, name: &str) {
        if self.escaping == Escaping::Underscores || is_legacy_metric_name(name) {
            self.name(name, true);
        } else {
            self.quoted(name);
        }
    }

    /// A bare name; what has no place in one becomes an underscore.
    fn name(&mut self, name: &str, colons: bool) {
        for (i, c) in name.chars().enumerate() {
            let fits = c.is_ascii_alphabetic()
                || c == '_'
                || (c == ':' && colons)
                || (c.is_ascii_digit() && i > 0);
            self.out.push(if fits { c } else { '_' });
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '"' => self.out.push_str("\\\""),
                '\n' => self.out.push_str("\\n"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_the_format_says() {
        let mut encoder = Encoder::new(Escaping::AllowUtf8);
        encoder
            .help("a_total", "one\ntwo \\ \"three\"")
            .kind("a_total", MetricType::Counter)
            .sample("a_total", [("__name__", "a_total"), ("x", "1\"\\\n")], 1e6, Some(-5))
            .sample("a_total", [], f64::INFINITY, None)
            .kind("b.c", MetricType::Info)
            .sample("b.c", [("l.d", "é")], 0.5, None);
        assert_eq!(
            encoder.finish(),
            "# HELP a_total one\\ntwo \\\\ \"three\"\n\
             # TYPE a_total counter\n\
             a_total{x=\"1\\\"\\\\\\n\"} 1e+06 -5\n\
             a_total +Inf\n\
             # TYPE \"b.c\" untyped\n\
             {\"b.c\",\"l.d\"=\"é\"} 0.5\n"
        );
    }

    #[test]
    fn foreign_names_are_escaped_for_readers_that_do_not_know_them() {
        for (accept, text) in [
            ("*/*", "_b_c{l_d=\"é\"} 1\n"),
            ("text/plain; version=1.0.0; escaping=allow-utf-8", "{\"1b.c\",\"l.d\"=\"é\"} 1\n"),
        ] {
            let mut encoder = Encoder::new(Escaping::from_accept(accept));
            encoder.sample("1b.c", [("l.d", "é")], 1.0, None);
            assert_eq!(encoder.finish(), text);
        }
    }
}
