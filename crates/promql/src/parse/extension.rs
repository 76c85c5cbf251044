//! `anchored` and `smoothed` behind a selector.

use super::Parser;
use super::expr::shift_of;
use crate::ast::{Expr, Extension};

impl Parser<'_> {
    /// Which of the two the next word is.
    pub(super) fn extension(&self) -> Option<Extension> {
        let word = self.token().text;
        let all = [Extension::Anchored, Extension::Smoothed];
        all.into_iter().find(|extension| extension.as_str().eq_ignore_ascii_case(word))
    }

    /// The selector with that word, which is next, behind it.
    pub(super) fn extended(&mut self, mut operand: Expr, extension: Extension) -> Expr {
        let word = self.advance();
        let (span, name) = (operand.span(), extension.as_str());
        if !self.options.extended_range_selectors {
            self.note(span, format!("{name} modifier is experimental and not enabled"));
            return operand;
        }
        let selector = match &mut operand {
            Expr::Selector(_) if extension == Extension::Anchored => {
                let text = "anchored modifier is not supported for instant vector selectors";
                self.note(span, text);
                return operand;
            }
            Expr::Selector(selector) => selector,
            Expr::Range(range) => &mut range.selector,
            Expr::Subquery(_) => {
                self.note(span, format!("{name} modifier is not supported for subqueries"));
                return operand;
            }
            _ => {
                self.note(span, format!("{name} modifier not implemented"));
                return operand;
            }
        };
        if selector.extension.is_some_and(|other| other != extension) {
            self.note(span, "anchored and smoothed modifiers cannot be used together");
            return operand;
        }
        selector.extension = Some(extension);
        if let Some((_, end)) = shift_of(&mut operand) {
            *end = word.span.end;
        }
        operand
    }
}
