//! Bins: ranges of numbers, in each of which a number is a place of so many bits.
//!
//! Which ranges make the fewest bits is found by dynamic programming over places where the sorted
//! numbers may be cut: at quantiles, and around numbers that are frequent.

#![deny(clippy::indexing_slicing)]

use super::pfor::bit_len;

/// The most bins; a bin's code then has eight bits at most.
pub(super) const MOST_BINS: usize = 64;
/// The widest bin: a code and a place are read from one word, whatever bit they begin at.
pub(super) const MOST_WIDTH: u32 = 48;

/// Cuts are tried at so many quantiles, before and behind a run of equal numbers.
const QUANTILES: usize = 24;
/// What a bin itself takes, about.
const BIN_BITS: f32 = 18.0;
/// Numbers farther from zero than this are left to others: distances stay within an `i64`.
const FARTHEST: u64 = 1 << 61;

/// The numbers from `low` up to but without `low` + 2^`width`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) low: i64,
    pub(super) width: u32,
    /// How many numbers are in it; known to the encoder only.
    pub(super) count: u32,
}

/// The best way to a cut: what the bits before it cost, and the cut where the last bin begins.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    at: usize,
    bits: f32,
    from: usize,
}

/// Room to work in.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    steps: Vec<Step>,
}

/// Fills `bins` with those for numbers, sorted by size, and says in how many bits all of it would be,
/// about. `None` if there are no such bins, or but one.
pub(super) fn choose(sorted: &[i64], room: &mut Room, bins: &mut Vec<Bin>) -> Option<f32> {
    bins.clear();
    let (least, greatest) = (sorted.first()?, sorted.last()?);
    if least.unsigned_abs().max(greatest.unsigned_abs()) > FARTHEST {
        return None;
    }
    cut(sorted, &mut room.steps);
    let bits = solve(sorted, &mut room.steps)?;
    let mut step = room.steps.last()?;
    while step.at > 0 {
        let from = room.steps.get(step.from)?;
        let inside = sorted.get(from.at..step.at)?;
        let (low, high) = (*inside.first()?, *inside.last()?);
        let count = u32::try_from(inside.len()).ok()?;
        bins.push(Bin { low, width: bit_len(high.abs_diff(low)), count });
        step = from;
    }
    bins.reverse();
    close_up(sorted, bins);
    (bins.len() > 1).then_some(bits)
}

/// The places where one bin may end and the next begin, and the two ends.
fn cut(sorted: &[i64], steps: &mut Vec<Step>) {
    steps.clear();
    let mut add = |at: usize| {
        if steps.last().is_none_or(|last| last.at < at) {
            steps.push(Step { at, ..Step::default() });
        }
    };
    add(0);
    for quantile in 0..QUANTILES {
        let Some(number) = sorted.get(sorted.len() * quantile / QUANTILES) else { continue };
        add(sorted.partition_point(|other| other < number));
        add(sorted.partition_point(|other| other <= number));
    }
    add(sorted.len());
}

/// Fills in the cheapest way to each cut; returns the price of the last one.
fn solve(sorted: &[i64], steps: &mut [Step]) -> Option<f32> {
    let all = log2(sorted.len());
    for end in 1..steps.len() {
        let (before, from_here) = steps.split_at_mut(end);
        let here = from_here.first_mut()?;
        let high = *sorted.get(here.at.checked_sub(1)?)?;
        here.bits = f32::INFINITY;
        for (place, start) in before.iter().enumerate() {
            let width = bit_len(high.abs_diff(*sorted.get(start.at)?));
            let count = here.at - start.at;
            let bits = start.bits + BIN_BITS + count as f32 * (width as f32 + all - log2(count));
            if width <= MOST_WIDTH && bits < here.bits {
                (here.bits, here.from) = (bits, place);
            }
        }
    }
    steps.last().map(|step| step.bits).filter(|bits| bits.is_finite())
}

/// Lets bins begin where the one before ends, where their width has room for that: such a beginning
/// takes the fewest bits.
fn close_up(sorted: &[i64], bins: &mut [Bin]) {
    let mut end = None;
    let mut from = 0;
    for bin in bins {
        from += bin.count as usize;
        let high = from.checked_sub(1).and_then(|last| sorted.get(last)).copied();
        if let (Some(end), Some(high)) = (end, high) {
            let least = high - ((1i64 << bin.width) - 1);
            bin.low = bin.low.min(least.max(end));
        }
        end = Some(bin.low + (1i64 << bin.width));
    }
}

/// The binary logarithm, to a hundredth.
fn log2(count: usize) -> f32 {
    let bits = (count as f32).to_bits();
    let exponent = (bits >> 23) as f32 - 127.0;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    exponent + (2.0 - mantissa / 3.0) * mantissa - 5.0 / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(mut numbers: Vec<i64>) -> Option<Vec<(i64, u32, u32)>> {
        numbers.sort_unstable();
        let mut bins = Vec::new();
        choose(&numbers, &mut Room::default(), &mut bins)?;
        Some(bins.iter().map(|bin| (bin.low, bin.width, bin.count)).collect())
    }

    #[test]
    fn frequent_numbers_and_ranges_get_bins_of_their_own() {
        let numbers = (0..300).map(|i| match i % 3 {
            0 => 5,
            1 => 1000 + i,
            _ => -7,
        });
        let bins = chosen(numbers.collect()).unwrap();
        assert!(bins.contains(&(5, 0, 100)) && bins.contains(&(-7, 0, 100)), "{bins:?}");
    }

    #[test]
    fn equal_numbers_and_numbers_far_away_have_no_bins() {
        assert_eq!(chosen(vec![4; 50]), None);
        assert_eq!(chosen(vec![]), None);
        assert_eq!(chosen(vec![i64::MIN, 0, 1, i64::MAX]), None);
    }

    #[test]
    fn the_quick_logarithm_is_near() {
        for count in (1usize..5000).chain([1 << 20, (1 << 24) - 1]) {
            let exact = (count as f32).log2();
            assert!((log2(count) - exact).abs() < 0.02, "{count}: {} {exact}", log2(count));
        }
    }
}
