//! What a query answers: a scalar, a text, a vector or a matrix.

use model::{Histogram, Labels, Timestamp};

use crate::ast::ValueType;

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number, at the time of evaluation.
    Scalar {
        /// The time of evaluation, ms.
        t: Timestamp,
        /// The number.
        v: f64,
    },
    /// A text.
    String {
        /// The time of evaluation, ms.
        t: Timestamp,
        /// The text.
        text: String,
    },
    /// One sample per series, all at the time of evaluation. Unordered but for functions that sort.
    Vector(Vec<VectorSample>),
    /// Samples over time, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// Its type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Scalar { .. } => ValueType::Scalar,
            Self::String { .. } => ValueType::String,
            Self::Vector(_) => ValueType::Vector,
            Self::Matrix(_) => ValueType::Matrix,
        }
    }
}

/// A float or a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Box<Histogram>),
}

/// One element of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// Which series.
    pub labels: Labels,
    /// When, ms.
    pub t: Timestamp,
    /// What.
    pub value: SampleValue,
}

/// One series of a matrix. Both columns are sorted by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixSeries {
    /// Which series.
    pub labels: Labels,
    /// Float samples.
    pub floats: Vec<(Timestamp, f64)>,
    /// Native histograms.
    pub histograms: Vec<(Timestamp, Histogram)>,
}
