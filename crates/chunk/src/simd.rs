//! Code for processors with AVX2, beside that for all others.
//!
//! Unpacking bits and dividing many numbers is about twice as fast with instructions that x86-64
//! processors have since 2013, but not all of them. [`fastest`] compiles the same code once for any
//! processor and once for these; only sums, of which the compiler makes nothing, are written twice. All of
//! it is safe code: it is calling what was compiled for such a processor that is not.

#![expect(unsafe_code, reason = "to call functions that only some processors can run")]

/// Something whose speed depends on the processor.
pub(crate) trait Work {
    type Output;

    /// Does it. To be marked `#[inline(always)]`, and whatever in it takes the time: only what is inlined
    /// into [`run_wide`] is compiled for more than every processor has.
    fn run(self) -> Self::Output;
}

/// Does `work` as fast as this processor can. Equals `work.run()`.
#[inline]
pub(crate) fn fastest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
    {
        // SAFETY: the processor has the instructions that `run_wide` is compiled for: it was just asked.
        return unsafe { run_wide(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn run_wide<W: Work>(work: W) -> W::Output {
    work.run()
}

/// Each of `deltas` becomes the sum of it, all before it, and `first`.
pub(crate) fn sum_up(first: i64, deltas: &mut [i64]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions that `sum_up_wide` is compiled for.
        return unsafe { sum_up_wide(first, deltas) };
    }
    sum_up_one_by_one(first, deltas);
}

fn sum_up_one_by_one(first: i64, deltas: &mut [i64]) {
    let mut last = first;
    for value in deltas {
        last = last.wrapping_add(*value);
        *value = last;
    }
}

/// [`sum_up_one_by_one`], four at a time: only one addition of each four waits for the four before.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_up_wide(first: i64, deltas: &mut [i64]) {
    use std::arch::x86_64::{
        _mm256_add_epi64, _mm256_blend_epi32, _mm256_extract_epi64, _mm256_permute4x64_epi64,
        _mm256_set_epi64x, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_slli_si256,
    };
    let mut last = _mm256_set1_epi64x(first);
    let (fours, rest) = deltas.as_chunks_mut::<4>();
    for four in fours {
        let [a, b, c, d] = *four;
        let one = _mm256_set_epi64x(d, c, b, a);
        // a, a+b, c, c+d
        let two = _mm256_add_epi64(one, _mm256_slli_si256::<8>(one));
        // 0, 0, a+b, a+b
        let front = _mm256_permute4x64_epi64::<0b01_01_00_00>(two);
        let front = _mm256_blend_epi32::<0b1111_0000>(_mm256_setzero_si256(), front);
        let sums = _mm256_add_epi64(two, front);
        let out = _mm256_add_epi64(sums, last);
        last = _mm256_add_epi64(last, _mm256_permute4x64_epi64::<0xff>(sums));
        *four = [
            _mm256_extract_epi64::<0>(out),
            _mm256_extract_epi64::<1>(out),
            _mm256_extract_epi64::<2>(out),
            _mm256_extract_epi64::<3>(out),
        ];
    }
    sum_up_one_by_one(_mm256_extract_epi64::<0>(last), rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_the_same_on_all_processors(
            first: i64, deltas in prop::collection::vec(any::<i64>(), 0..40)
        ) {
            let (mut fast, mut slow) = (deltas.clone(), deltas);
            sum_up(first, &mut fast);
            sum_up_one_by_one(first, &mut slow);
            prop_assert_eq!(fast, slow);
        }
    }
}
