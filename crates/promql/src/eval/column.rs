//! A column: one series' value at each step, and at which steps there is one.
//!
//! Values and presence are apart because NaN is a value. Always true: `values` and the bitmap cover
//! the same steps, bits behind the last step are zero, and where no bit is set the value means
//! nothing. Native histograms stand beside it ([`super::histograms`]). One or two steps, as instant
//! queries have, take no memory beside the column itself: vectors of many series are made and given
//! back without an allocation for each.

use smallvec::{SmallVec, smallvec};

/// How many steps one word of the bitmap covers.
const WORD: usize = 64;

/// The value of each step.
pub type Values = SmallVec<[f64; 2]>;

/// A bitmap of steps, least significant bit first, behind the last step zero.
pub type Mask = SmallVec<[u64; 2]>;

/// One value per step, where there is one.
#[derive(Clone, Debug, Default)]
pub struct Column {
    values: Values,
    presence: Mask,
}

impl Column {
    /// A column without any value.
    pub fn absent(steps: usize) -> Self {
        Self { values: smallvec![0.0; steps], presence: smallvec![0; steps.div_ceil(WORD)] }
    }

    /// A column with a value at every step.
    pub fn full(values: impl Into<Values>) -> Self {
        let values = values.into();
        let steps = values.len();
        let mut presence: Mask = smallvec![u64::MAX; steps.div_ceil(WORD)];
        if let Some(last) = presence.last_mut()
            && !steps.is_multiple_of(WORD)
        {
            *last = (1 << (steps % WORD)) - 1;
        }
        Self { values, presence }
    }

    /// How many steps it covers.
    pub fn steps(&self) -> usize {
        self.values.len()
    }

    /// Sets the value at `step`.
    pub fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.presence[step / WORD] |= 1 << (step % WORD);
    }

    /// Sets values at steps. Equals [`Self::set`] for each, and looks up once where they lie.
    pub fn set_all(&mut self, new: impl Iterator<Item = (usize, f64)>) {
        let (values, presence) = (self.values.as_mut_slice(), self.presence.as_mut_slice());
        for (step, value) in new {
            values[step] = value;
            presence[step / WORD] |= 1 << (step % WORD);
        }
    }

    /// Takes the value at `step` away.
    pub fn unset(&mut self, step: usize) {
        self.presence[step / WORD] &= !(1 << (step % WORD));
    }

    /// The value at `step`, if there is one.
    pub fn get(&self, step: usize) -> Option<f64> {
        self.is_present(step).then(|| self.values[step])
    }

    /// Whether there is a value at `step`.
    pub fn is_present(&self, step: usize) -> bool {
        self.presence[step / WORD] >> (step % WORD) & 1 == 1
    }

    /// All values; those at steps that are not present mean nothing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The bitmap, least significant bit first.
    pub fn presence(&self) -> &[u64] {
        &self.presence
    }

    /// How many steps have a value.
    pub fn count(&self) -> usize {
        self.presence.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no step has a value.
    pub fn is_empty(&self) -> bool {
        self.presence.iter().all(|word| *word == 0)
    }

    /// Whether every step has a value.
    pub fn is_full(&self) -> bool {
        self.count() == self.steps()
    }

    /// The steps that have a value, with it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        steps_of(&self.presence).map(|step| (step, self.values[step]))
    }

    /// Replaces each value that is there.
    ///
    /// Calls `f` for absent steps too: it must not mind, and the loop has no branch.
    pub fn map_in_place(&mut self, f: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            *value = f(*value);
        }
    }

    /// Replaces or drops each value that is there.
    pub fn filter_map_in_place(&mut self, mut f: impl FnMut(usize, f64) -> Option<f64>) {
        for at in 0..self.presence.len() {
            let mut rest = self.presence[at];
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let step = at * WORD + bit;
                match f(step, self.values[step]) {
                    Some(value) => self.values[step] = value,
                    None => self.presence[at] &= !(1 << bit),
                }
            }
        }
    }

    /// Puts other values in place of all there are; absent steps stay absent.
    pub fn replace_values(&mut self, values: Values) {
        debug_assert_eq!(values.len(), self.values.len());
        self.values = values;
    }

    /// These values, at the steps of `presence` only.
    pub fn masked(values: Values, presence: Mask) -> Self {
        debug_assert_eq!(presence.len(), values.len().div_ceil(WORD));
        Self { values, presence }
    }

    /// Keeps the values of those steps that `mask` has too.
    pub fn keep(&mut self, mask: &[u64]) {
        for (word, mask) in self.presence.iter_mut().zip(mask) {
            *word &= mask;
        }
    }

    /// Drops the values of those steps that `mask` has.
    pub fn drop_steps(&mut self, mask: &[u64]) {
        for (word, mask) in self.presence.iter_mut().zip(mask) {
            *word &= !mask;
        }
    }

    /// Whether some step has a value both here and there.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.presence.iter().zip(&other.presence).any(|(a, b)| a & b != 0)
    }

    /// Takes over the values of `other` where it has some.
    pub fn fill_from(&mut self, other: &Self) {
        for (step, value) in other.iter() {
            self.set(step, value);
        }
    }

    /// This column of one step, repeated for `steps` steps.
    #[must_use]
    pub fn repeated(&self, steps: usize) -> Self {
        match self.get(0) {
            Some(value) => Self::full(Values::from_elem(value, steps)),
            None => Self::absent(steps),
        }
    }
}

/// Equal where there are values, by bits, and absent at the same steps.
impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.steps() == other.steps()
            && self.presence == other.presence
            && self.iter().zip(other.iter()).all(|((_, a), (_, b))| a.to_bits() == b.to_bits())
    }
}

/// Adds the steps of `more` to those of `mask`, which may still be empty.
pub fn unite(mask: &mut Mask, more: &[u64]) {
    if mask.is_empty() {
        mask.extend_from_slice(more);
        return;
    }
    mask.iter_mut().zip(more).for_each(|(m, n)| *m |= n);
}

/// The steps whose bits are set, rising.
pub fn steps_of(presence: &[u64]) -> impl Iterator<Item = usize> + '_ {
    presence.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(at * WORD + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_present_and_what_was_never_set_is_not() {
        let mut column = Column::absent(70);
        column.set(0, f64::NAN);
        column.set(69, 2.0);
        assert!(column.get(0).is_some_and(f64::is_nan));
        assert_eq!((column.get(1), column.get(69), column.count()), (None, Some(2.0), 2));
        assert_eq!(steps_of(column.presence()).collect::<Vec<_>>(), [0, 69]);
    }

    #[test]
    fn a_full_column_has_no_bits_behind_its_last_step() {
        for steps in [0, 1, 63, 64, 65, 128] {
            let column = Column::full(vec![1.0; steps]);
            assert_eq!((column.count(), column.is_full()), (steps, true), "{steps} steps");
        }
    }

    #[test]
    fn filtering_drops_and_replaces_in_place() {
        let mut column = Column::full(vec![1.0, 2.0, 3.0, 4.0]);
        column.filter_map_in_place(|step, v| (step != 1 && v < 4.0).then_some(v * 10.0));
        assert_eq!(column.iter().collect::<Vec<_>>(), [(0, 10.0), (2, 30.0)]);
    }

    #[test]
    fn filling_takes_only_what_is_there() {
        let mut a = Column::absent(3);
        a.set(0, 1.0);
        let mut b = Column::absent(3);
        b.set(2, 5.0);
        assert!(!a.overlaps(&b));
        a.fill_from(&b);
        assert_eq!(a.iter().collect::<Vec<_>>(), [(0, 1.0), (2, 5.0)]);
        assert!(a.overlaps(&b));
    }
}
