//! One sample: a time and a value, and the value that says a series has ended.

use crate::Timestamp;

/// The bits of the staleness marker.
///
/// A series that vanished gets one sample with these bits. They are a NaN, but not the NaN that
/// arithmetic makes, so an ordinary NaN stays a value.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The bits of the NaN that Prometheus stores for a scraped `NaN`.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// The staleness marker.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// An ordinary NaN, with the bits Prometheus gives it.
pub const NORMAL_NAN: f64 = f64::from_bits(NORMAL_NAN_BITS);

/// Whether `value` is the staleness marker. Other NaNs are not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A value at a time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub t: Timestamp,
    /// The value; compare bits where NaN matters.
    pub v: f64,
}

/// Equal times and equal bits: two staleness markers are equal, 0 and -0 are not.
impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.t == other.t && self.v.to_bits() == other.v.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marker_is_stale() {
        assert!(is_stale(STALE_NAN));
        assert!(STALE_NAN.is_nan() && NORMAL_NAN.is_nan());
        assert!(!is_stale(f64::NAN) && !is_stale(NORMAL_NAN) && !is_stale(0.0));
    }
}
