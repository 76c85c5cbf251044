//! What a query is made of: tokens with spans, and how error messages name them.
//!
//! [`crate::lexer`] makes them of text. PromQL reserves few words: where a name is expected, most
//! keywords are names, and [`Token`] tells which.

use model::labels::Quoted;

use crate::ast::{AggregateOp, BinaryOp, Span};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The end of the query.
    End,
    /// A word without a colon.
    Identifier,
    /// A word with a colon.
    MetricIdentifier,
    /// A number.
    Number,
    /// A number with units.
    Duration,
    /// A quoted text.
    Text,
    /// An operator, as a sign or as a word.
    Operator(BinaryOp),
    /// The name of an aggregation.
    Aggregator(AggregateOp),
    /// Any other word with a meaning.
    Keyword(Keyword),
    /// `=`
    Equal,
    /// `=~`
    EqualRegex,
    /// `!~`
    NotEqualRegex,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `@`
    At,
}

/// Words with a meaning that are neither operators nor aggregations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Bool,
    Start,
    End,
    Step,
    Range,
}

const KEYWORDS: [(&str, Keyword); 12] = [
    ("offset", Keyword::Offset),
    ("by", Keyword::By),
    ("without", Keyword::Without),
    ("on", Keyword::On),
    ("ignoring", Keyword::Ignoring),
    ("group_left", Keyword::GroupLeft),
    ("group_right", Keyword::GroupRight),
    ("bool", Keyword::Bool),
    ("start", Keyword::Start),
    ("end", Keyword::End),
    ("step", Keyword::Step),
    ("range", Keyword::Range),
];

/// Signs outside of braces, longest first. `=~` and `!~` are for braces alone.
pub(crate) const SIGNS: [(&str, Kind); 22] = [
    ("==", Kind::Operator(BinaryOp::Eq)),
    ("!=", Kind::Operator(BinaryOp::Ne)),
    ("</", Kind::Operator(BinaryOp::TrimUpper)),
    (">/", Kind::Operator(BinaryOp::TrimLower)),
    ("<=", Kind::Operator(BinaryOp::Le)),
    (">=", Kind::Operator(BinaryOp::Ge)),
    ("=", Kind::Equal),
    ("<", Kind::Operator(BinaryOp::Lt)),
    (">", Kind::Operator(BinaryOp::Gt)),
    ("+", Kind::Operator(BinaryOp::Add)),
    ("-", Kind::Operator(BinaryOp::Sub)),
    ("*", Kind::Operator(BinaryOp::Mul)),
    ("/", Kind::Operator(BinaryOp::Div)),
    ("%", Kind::Operator(BinaryOp::Mod)),
    ("^", Kind::Operator(BinaryOp::Pow)),
    ("(", Kind::LeftParen),
    (")", Kind::RightParen),
    ("{", Kind::LeftBrace),
    ("[", Kind::LeftBracket),
    ("]", Kind::RightBracket),
    (",", Kind::Comma),
    ("@", Kind::At),
];

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// As it stands in the query.
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether it may stand where a label's name is expected.
    pub(crate) fn is_label(&self) -> bool {
        match self.kind {
            Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregator(_) | Kind::Keyword(_) => {
                true
            }
            Kind::Operator(_) => self.is_word(),
            _ => false,
        }
    }

    /// Whether it may stand where a metric's name is expected.
    pub(crate) fn is_metric(&self) -> bool {
        use Keyword::{By, End, Offset, Range, Start, Step, Without};
        match self.kind {
            Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregator(_) => true,
            Kind::Keyword(word) => {
                matches!(word, By | End | Offset | Range | Start | Step | Without)
            }
            Kind::Operator(op) => self.is_word() && op != BinaryOp::Atan2,
            _ => false,
        }
    }

    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphabetic())
    }

    /// As error messages name it.
    pub(crate) fn describe(&self) -> String {
        let quoted = || Quoted(self.text).to_string();
        match self.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Identifier => format!("identifier {}", quoted()),
            Kind::MetricIdentifier => format!("metric identifier {}", quoted()),
            Kind::Number => format!("number {}", shortened(self.text)),
            Kind::Duration => format!("duration {}", shortened(self.text)),
            Kind::Text => format!("string {}", shortened(self.text)),
            Kind::Operator(_) => format!("<op:{}>", self.text),
            Kind::Aggregator(_) => format!("<aggr:{}>", self.text),
            Kind::Keyword(_) => format!("<{}>", self.text),
            _ => quoted(),
        }
    }
}

/// The text in quotes, after ten characters cut short.
fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return Quoted(text).to_string();
    }
    let head: String = text.chars().take(10).collect();
    format!("{}...", Quoted(&head))
}

/// What a word is, by itself.
pub(crate) fn kind_of_word(word: &str) -> Kind {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "nan" => return Kind::Number,
        "and" => return Kind::Operator(BinaryOp::And),
        "or" => return Kind::Operator(BinaryOp::Or),
        "unless" => return Kind::Operator(BinaryOp::Unless),
        "atan2" => return Kind::Operator(BinaryOp::Atan2),
        _ => {}
    }
    if let Some(op) = AggregateOp::ALL.into_iter().find(|op| op.as_str() == lower) {
        return Kind::Aggregator(op);
    }
    if let Some((_, keyword)) = KEYWORDS.iter().find(|(name, _)| *name == lower) {
        return Kind::Keyword(*keyword);
    }
    if word.contains(':') { Kind::MetricIdentifier } else { Kind::Identifier }
}
