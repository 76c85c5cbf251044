//! What an aggregation keeps per group and step: one small cell that takes values in.
//!
//! Sums are compensated (Kahan, in Neumaier's form), variances are Welford's; both as Prometheus
//! has them, so that equal input in equal order gives equal bits.

use super::column::{Column, Mask};

/// How many steps one word of a bitmap covers.
const WORD: usize = 64;

/// What is kept of the values of one group at one step.
pub(super) trait Cell: Copy + Default {
    /// Takes the first value in.
    fn first(value: f64) -> Self;
    /// Takes a further value in.
    fn add(&mut self, value: f64);
    /// What came out.
    fn value(self) -> f64;
}

/// The cells of one group, over all steps.
pub(super) struct Fold<C> {
    cells: Vec<C>,
    presence: Mask,
}

impl<C: Cell> Fold<C> {
    /// A group that has seen nothing.
    pub(super) fn new(steps: usize) -> Self {
        Self {
            cells: vec![C::default(); steps],
            presence: Mask::from_elem(0, steps.div_ceil(WORD)),
        }
    }

    /// Takes a series in.
    pub(super) fn add(&mut self, column: &Column) {
        let values = column.values();
        for (at, here) in column.presence().iter().enumerate() {
            let from = at * WORD;
            let seen = self.presence[at];
            self.presence[at] |= here;
            if *here == u64::MAX && seen == u64::MAX {
                let cells = &mut self.cells[from..from + WORD];
                for (cell, value) in cells.iter_mut().zip(&values[from..from + WORD]) {
                    cell.add(*value);
                }
                continue;
            }
            let mut rest = *here;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let (cell, value) = (&mut self.cells[from + bit], values[from + bit]);
                if seen >> bit & 1 == 1 {
                    cell.add(value);
                } else {
                    *cell = C::first(value);
                }
            }
        }
    }

    /// What came out, at each step that has seen a value.
    pub(super) fn finish(self) -> Column {
        Column::masked(self.cells.into_iter().map(C::value).collect(), self.presence)
    }
}

/// One step of a compensated sum: the new sum and compensation.
pub(crate) fn add_compensated(value: f64, sum: f64, compensation: f64) -> (f64, f64) {
    let total = sum + value;
    let compensation = if total.is_infinite() {
        0.0
    } else if sum.abs() >= value.abs() {
        compensation + ((sum - total) + value)
    } else {
        compensation + ((value - total) + sum)
    };
    (total, compensation)
}

/// `sum`
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    compensation: f64,
}

impl Cell for Sum {
    fn first(value: f64) -> Self {
        Self { sum: value, compensation: 0.0 }
    }
    fn add(&mut self, value: f64) {
        (self.sum, self.compensation) = add_compensated(value, self.sum, self.compensation);
    }
    fn value(self) -> f64 {
        self.sum + self.compensation
    }
}

/// `avg`: a sum divided at the end, or, once the sum overflows, a mean that moves.
#[derive(Clone, Copy, Default)]
pub(super) struct Avg {
    /// The sum so far; the mean once `moving`.
    sum: f64,
    compensation: f64,
    count: f64,
    moving: bool,
}

impl Cell for Avg {
    fn first(value: f64) -> Self {
        Self { sum: value, compensation: 0.0, count: 1.0, moving: false }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.moving {
            let (sum, compensation) = add_compensated(value, self.sum, self.compensation);
            if !sum.is_infinite() {
                (self.sum, self.compensation) = (sum, compensation);
                return;
            }
            self.moving = true;
            self.sum /= self.count - 1.0;
            self.compensation /= self.count - 1.0;
        }
        if self.sum.is_infinite() {
            // An infinite mean stays what it is unless NaN or the opposite infinity comes in.
            let same_infinity = value.is_infinite() && (self.sum > 0.0) == (value > 0.0);
            if same_infinity || value.is_finite() {
                return;
            }
        }
        let mean = self.sum + self.compensation;
        // Divided on each side of the difference: the difference itself may overflow.
        let change = value / self.count - mean / self.count;
        (self.sum, self.compensation) = add_compensated(change, self.sum, self.compensation);
    }

    fn value(self) -> f64 {
        if self.moving {
            return self.sum + self.compensation;
        }
        self.sum / self.count + self.compensation / self.count
    }
}

/// `count`
#[derive(Clone, Copy, Default)]
pub(super) struct Count(f64);

impl Cell for Count {
    fn first(_: f64) -> Self {
        Self(1.0)
    }
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }
    fn value(self) -> f64 {
        self.0
    }
}

/// `group`
#[derive(Clone, Copy, Default)]
pub(super) struct Group;

impl Cell for Group {
    fn first(_: f64) -> Self {
        Self
    }
    fn add(&mut self, _: f64) {}
    fn value(self) -> f64 {
        1.0
    }
}

/// `min`: any number rather than NaN.
#[derive(Clone, Copy, Default)]
pub(super) struct Min(f64);

impl Cell for Min {
    fn first(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        if value < self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn value(self) -> f64 {
        self.0
    }
}

/// `max`: any number rather than NaN.
#[derive(Clone, Copy, Default)]
pub(super) struct Max(f64);

impl Cell for Max {
    fn first(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        if value > self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn value(self) -> f64 {
        self.0
    }
}

/// The variance of the whole population; `stddev` if `ROOT`, else `stdvar`.
#[derive(Clone, Copy, Default)]
pub(super) struct Variance<const ROOT: bool> {
    count: f64,
    mean: f64,
    squares: f64,
}

impl<const ROOT: bool> Cell for Variance<ROOT> {
    fn first(value: f64) -> Self {
        let squares = if value.is_finite() { 0.0 } else { f64::NAN };
        Self { count: 1.0, mean: value, squares }
    }
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
    fn value(self) -> f64 {
        let variance = self.squares / self.count;
        if ROOT { variance.sqrt() } else { variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<C: Cell>(values: &[f64], expected: f64) {
        let mut fold = Fold::<C>::new(1);
        for value in values {
            fold.add(&Column::full(vec![*value]));
        }
        let found = fold.finish().get(0).expect("a value went in");
        let equal = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        assert!(equal, "{values:?} gave {found}, not {expected}");
    }

    #[test]
    fn small_terms_survive_large_ones() {
        check::<Sum>(&[1.0, 1e100, 1.0, -1e100], 2.0);
        check::<Avg>(&[2.0, 8.0, 1e100, -1e100], 2.5);
    }

    #[test]
    fn a_mean_does_not_overflow_where_its_sum_would() {
        check::<Avg>(&[f64::MAX, f64::MAX], f64::MAX);
        check::<Avg>(&[f64::INFINITY, 1.0], f64::INFINITY);
        check::<Avg>(&[f64::INFINITY, f64::NEG_INFINITY], f64::NAN);
    }

    #[test]
    fn any_number_goes_before_nan() {
        check::<Max>(&[f64::NAN, 2.0, f64::NAN], 2.0);
        check::<Min>(&[f64::NAN, 2.0, 3.0], 2.0);
    }

    #[test]
    fn the_variance_is_that_of_the_population() {
        check::<Variance<false>>(&[1.0, 2.0], 0.25);
        check::<Variance<true>>(&[1.0, 2.0], 0.5);
        check::<Variance<true>>(&[f64::INFINITY], f64::NAN);
    }

    #[test]
    fn full_words_and_single_bits_fold_alike() {
        let mut dense = Fold::<Sum>::new(130);
        let mut sparse = Fold::<Sum>::new(130);
        for round in 0..3 {
            let values: Vec<f64> = (0..130).map(|i| f64::from(i * round)).collect();
            dense.add(&Column::full(values.clone()));
            for (step, value) in values.into_iter().enumerate() {
                let mut one = Column::absent(130);
                one.set(step, value);
                sparse.add(&one);
            }
        }
        assert_eq!(dense.finish(), sparse.finish());
    }
}
