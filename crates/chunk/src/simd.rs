//! The same code, compiled once for any processor and once for one with AVX2.
//!
//! Unpacking bits and dividing many numbers is about twice as fast with instructions that x86-64
//! processors have since 2013, but not all of them. There is no other code here than what stands in
//! [`Work::run`], which is safe; only calling what was compiled for such a processor is not.

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
    {
        // SAFETY: the processor has the instructions that `run_wide` is compiled for: it was just asked.
        return unsafe { run_wide(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn run_wide<W: Work>(work: W) -> W::Output {
    work.run()
}
