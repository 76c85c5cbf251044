//! Values that do not fit a float column's codec: where they are, and their bits.

#![deny(clippy::indexing_slicing)]

use model::sample::{NORMAL_NAN_BITS, STALE_NAN_BITS};

use super::varint;

/// Bits that have a number of their own, and so take no bytes.
const KNOWN: [u64; 5] =
    [STALE_NAN_BITS, NORMAL_NAN_BITS, 1 << 63, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000];
/// The number of all others.
const OTHER: u64 = 7;
/// The length of a run stands above the number of its bits.
const LEN_SHIFT: u32 = 3;

/// A run of equal values.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: usize,
    len: usize,
    bits: u64,
}

/// The exceptions of one column, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Exceptions {
    runs: Vec<Run>,
}

impl Exceptions {
    /// So many runs a column may have: with more, another codec is better.
    pub(super) fn limit(values: usize) -> usize {
        values / 16 + 1
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds one behind the last; `None` if they are too many for a column of so many values.
    pub(super) fn push(&mut self, place: usize, bits: u64, values: usize) -> Option<()> {
        match self.runs.last_mut() {
            Some(run) if run.from + run.len == place && run.bits == bits => run.len += 1,
            _ => self.runs.push(Run { from: place, len: 1, bits }),
        }
        (self.runs.len() <= Self::limit(values)).then_some(())
    }

    /// Appends them.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        varint::put_size(out, self.runs.len());
        let mut end = 0;
        for run in &self.runs {
            varint::put_size(out, run.from - end);
            let known = (0u64..).zip(KNOWN).find(|(_, bits)| *bits == run.bits);
            let number = known.map_or(OTHER, |(number, _)| number);
            varint::put(out, ((run.len - 1) as u64) << LEN_SHIFT | number);
            if number == OTHER {
                out.extend_from_slice(&run.bits.to_le_bytes());
            }
            end = run.from + run.len;
        }
    }
}

/// Puts what [`Exceptions::put`] has written in its places.
pub(super) fn take(bytes: &mut &[u8], values: &mut [f64]) -> Option<()> {
    let runs = varint::take_size(bytes, values.len())?;
    let mut left = values;
    for _ in 0..runs {
        let gap = varint::take_size(bytes, left.len())?;
        let run = varint::take(bytes)?;
        let number = run & ((1 << LEN_SHIFT) - 1);
        let bits = match number {
            OTHER => varint::take_word(bytes)?,
            number => *KNOWN.get(usize::try_from(number).ok()?)?,
        };
        let len = usize::try_from(run >> LEN_SHIFT).ok()?.checked_add(1)?;
        let (run, rest) = left.get_mut(gap..)?.split_at_mut_checked(len)?;
        run.fill(f64::from_bits(bits));
        left = rest;
    }
    Some(())
}
