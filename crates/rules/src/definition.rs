//! Rules as they are defined: groups of rules, parsed and checked.
//!
//! [`crate::RuleFile`] makes them from YAML; whoever has another source may make them, too. Two
//! definitions are equal if they would do the same.

use std::sync::Arc;

use model::Labels;
use promql::ast::Expr;

/// Rules that are evaluated together, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// Its name, unique within its file.
    pub name: String,
    /// Time between evaluations, ms; `None` for the default.
    pub interval_ms: Option<i64>,
    /// How far in the past its queries look, ms; `None` for the default.
    pub query_offset_ms: Option<i64>,
    /// A rule with more series or alerts than this fails; 0 for any number.
    pub limit: u64,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The series it records, or the alert.
    pub name: String,
    /// What it evaluates.
    pub expr: RuleExpr,
    /// Labels for what comes out, those of the group included; of an alert they are templates.
    pub labels: Labels,
    /// What becomes of the result.
    pub action: RuleAction,
}

impl Rule {
    /// Whether its result is recorded.
    pub fn is_recording(&self) -> bool {
        self.action == RuleAction::Record
    }
}

/// What becomes of a rule's result.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleAction {
    /// It is recorded.
    Record,
    /// Each element is an alert.
    Alert {
        /// So long an alert is pending before it fires, ms.
        for_ms: i64,
        /// So long an alert fires on after its expression ceased to hold, ms.
        keep_firing_for_ms: i64,
        /// Templates that explain an alert.
        annotations: Labels,
    },
}

/// An expression together with its canonical text. Equal if the texts are.
#[derive(Clone, Debug)]
pub struct RuleExpr {
    expr: Arc<Expr>,
    text: Arc<str>,
}

impl RuleExpr {
    /// A rule's expression.
    pub fn new(expr: Expr) -> Self {
        let text = expr.to_string().into();
        Self { expr: Arc::new(expr), text }
    }

    /// The tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// As PromQL prints it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

impl PartialEq for RuleExpr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
