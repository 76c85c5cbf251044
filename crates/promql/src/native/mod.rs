//! Arithmetic on native histograms: sums and differences, resets, quantiles, rates.
//!
//! Histograms of different resolution are brought to the coarser one, zero buckets to the wider one.
//! Where two do not fit together at all ([`Mismatch`]), the caller says so and gives no result. The
//! algorithms follow the native histogram specification of Prometheus:
//! <https://prometheus.io/docs/specs/native_histograms/>.

mod add;
mod distribution;
mod extended;
pub(crate) mod hints;
mod layout;
mod over_time;
mod reset;
mod started;
mod total;
mod trim;
mod window;

pub use add::{Combined, Mismatch, add, subtract};

pub use distribution::{deviation, fraction, quantile};
pub(crate) use extended::{over_extended, smoothed_at};
pub use layout::{compact, equal};
pub use reset::is_reset;
pub(crate) use started::{looks_at_starts, over_started};
pub use total::total;
pub use trim::trimmed;
pub(crate) use window::{NativeWindow, Note, Outcome, over_window};
