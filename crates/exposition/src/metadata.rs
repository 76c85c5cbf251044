//! What a metric is: the types that `# TYPE` lines name.

use std::fmt;

/// The type of a metric family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Nobody said.
    #[default]
    Unknown,
    /// A count that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Counts by size, in buckets labelled `le`.
    Histogram,
    /// A histogram whose counts may fall.
    GaugeHistogram,
    /// Quantiles, a sum and a count.
    Summary,
    /// Labels that describe; the value is always 1.
    Info,
    /// One series for each state.
    StateSet,
}

/// Every type with its name in OpenMetrics and in the API.
const NAMES: [(&str, MetricType); 8] = [
    ("counter", MetricType::Counter),
    ("gauge", MetricType::Gauge),
    ("histogram", MetricType::Histogram),
    ("gaugehistogram", MetricType::GaugeHistogram),
    ("summary", MetricType::Summary),
    ("info", MetricType::Info),
    ("stateset", MetricType::StateSet),
    ("unknown", MetricType::Unknown),
];

impl MetricType {
    /// The name in OpenMetrics and in the API.
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("unknown", |(name, _)| name)
    }

    /// The name in the text format, which knows five types.
    pub fn text_name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::GaugeHistogram | Self::Info | Self::StateSet | Self::Unknown => "untyped",
        }
    }

    /// The type that the text format calls `name`.
    pub(crate) fn from_text(name: &str) -> Option<Self> {
        match name {
            "untyped" => Some(Self::Unknown),
            "counter" | "gauge" | "histogram" | "summary" => Self::from_openmetrics(name),
            _ => None,
        }
    }

    /// The type that OpenMetrics calls `name`.
    pub(crate) fn from_openmetrics(name: &str) -> Option<Self> {
        NAMES.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind)
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
