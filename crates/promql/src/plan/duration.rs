//! Durations that are expressions: `[5m + step()]`, `offset (2 * 30s)`.
//!
//! Calculated in seconds, as Prometheus does, and only then made milliseconds.

use crate::ast::{BinaryOp, DurationExpr};
use crate::eval::power::power;

use super::PlanError;

/// Durations beyond this are refused: a signed 64-bit count of nanoseconds ends here.
const MAX_SECONDS: f64 = 9_223_372_036.0;

/// What `step()` and `range()` mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurationContext {
    /// The query's step, ms; 0 for an instant query.
    pub(super) step_ms: i64,
    /// From the query's start to its end, ms.
    pub(super) range_ms: i64,
}

impl DurationContext {
    /// The value of a duration, ms.
    #[expect(clippy::cast_possible_truncation, reason = "checked against MAX_SECONDS first")]
    pub(super) fn value_ms(&self, duration: &DurationExpr) -> Result<i64, PlanError> {
        if let DurationExpr::Literal { ms, .. } = duration {
            return Ok(*ms);
        }
        let seconds = self.seconds(duration)?;
        if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
            return Err(PlanError::Duration("duration out of range".to_owned()));
        }
        Ok((seconds * 1000.0).round() as i64)
    }

    fn seconds(&self, duration: &DurationExpr) -> Result<f64, PlanError> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        Ok(match duration {
            DurationExpr::Literal { ms, .. } => seconds(*ms),
            DurationExpr::Step(_) => seconds(self.step_ms),
            DurationExpr::Range(_) => seconds(self.range_ms),
            DurationExpr::Paren(inner, _) => self.seconds(inner)?,
            DurationExpr::Unary { negative: false, operand, .. } => self.seconds(operand)?,
            DurationExpr::Unary { negative: true, operand, .. } => -self.seconds(operand)?,
            DurationExpr::Binary { op, left, right, .. } => {
                operate(*op, self.seconds(left)?, self.seconds(right)?)?
            }
            DurationExpr::Choose { max: true, left, right, .. } => {
                self.seconds(left)?.max(self.seconds(right)?)
            }
            DurationExpr::Choose { max: false, left, right, .. } => {
                self.seconds(left)?.min(self.seconds(right)?)
            }
        })
    }
}

fn operate(op: BinaryOp, left: f64, right: f64) -> Result<f64, PlanError> {
    let refuse = |text: &str| Err(PlanError::Duration(text.to_owned()));
    match op {
        BinaryOp::Add => Ok(left + right),
        BinaryOp::Sub => Ok(left - right),
        BinaryOp::Mul => Ok(left * right),
        BinaryOp::Div if right == 0.0 => refuse("division by zero"),
        BinaryOp::Div => Ok(left / right),
        BinaryOp::Mod if right == 0.0 => refuse("modulo by zero"),
        BinaryOp::Mod => Ok(left % right),
        BinaryOp::Pow => Ok(power(left, right)),
        _ => refuse("unexpected operator in a duration expression"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Span;

    fn literal(ms: i64) -> Box<DurationExpr> {
        Box::new(DurationExpr::Literal { ms, span: Span::default() })
    }

    fn binary(op: BinaryOp, left: Box<DurationExpr>, right: Box<DurationExpr>) -> DurationExpr {
        DurationExpr::Binary { op, left, right, span: Span::default() }
    }

    #[test]
    fn arithmetic_is_in_seconds() {
        let context = DurationContext { step_ms: 10_000, range_ms: 60_000 };
        let step = Box::new(DurationExpr::Step(Span::default()));
        for (duration, expected) in [
            (binary(BinaryOp::Pow, literal(2000), literal(2000)), Ok(4000)),
            (binary(BinaryOp::Add, step, literal(1)), Ok(10_001)),
            (
                binary(BinaryOp::Div, literal(1000), literal(0)),
                Err(PlanError::Duration("division by zero".to_owned())),
            ),
            (
                binary(BinaryOp::Pow, literal(1_000_000), literal(9000)),
                Err(PlanError::Duration("duration out of range".to_owned())),
            ),
        ] {
            assert_eq!(context.value_ms(&duration), expected, "{duration:?}");
        }
    }
}
