//! Native histograms: one sample that holds a whole distribution.
//!
//! Bucket counts are absolute floats, as PromQL sees them; integer histograms convert on the way
//! in without loss up to 2^53. Buckets lie densely in `positive` and `negative`; spans say which
//! indexes they have. Bucket `i` of an exponential schema `s` covers `(2^((i-1)·2^-s), 2^(i·2^-s)]`.

/// The schema of histograms with custom bucket bounds.
pub const CUSTOM_BUCKETS_SCHEMA: i8 = -53;

/// What is known about a reset of the counter behind a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterResetHint {
    /// Nothing: compare with the histogram before.
    #[default]
    Unknown,
    /// The counter was reset just before this sample.
    Reset,
    /// It was not.
    NotReset,
    /// Not a counter at all: values may fall.
    Gauge,
}

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Of the first span the index of its first bucket; of others the gap behind the span before.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// A float histogram, exponential or with custom bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Whether the counter was reset before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution, -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Which buckets `positive` holds.
    pub positive_spans: Vec<Span>,
    /// Which buckets `negative` holds.
    pub negative_spans: Vec<Span>,
    /// Counts of the buckets above the zero bucket.
    pub positive: Vec<f64>,
    /// Counts of the buckets below the zero bucket.
    pub negative: Vec<f64>,
    /// Upper bounds, rising, without +Inf; only with [`CUSTOM_BUCKETS_SCHEMA`].
    pub custom_values: Vec<f64>,
}
