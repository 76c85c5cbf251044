//! `prometheus.WriteRequest`, decoded one series at a time into reused buffers.
//!
//! ```text
//! WriteRequest { 1: TimeSeries*, 3: MetricMetadata* }
//! TimeSeries   { 1: Label*, 2: Sample*, 3: Exemplar*, 4: Histogram* }
//! Label        { 1: name, 2: value }          Sample   { 1: double value, 2: int64 timestamp }
//! Exemplar     { 1: Label*, 2: double value, 3: int64 timestamp }
//! ```
//! Fields not named here, those of later versions too, are skipped. Texts are bytes here: whether
//! they are UTF-8 is for whoever makes labels of them.

use model::Timestamp;

use crate::proto::{Field, Fields, ProtoError};

/// A label as it stands in the request.
pub(crate) type RawLabel<'a> = (&'a [u8], &'a [u8]);

/// An exemplar of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawExemplar<'a> {
    pub(crate) labels: Vec<RawLabel<'a>>,
    pub(crate) value: f64,
    pub(crate) timestamp: Timestamp,
}

/// One series with what the request says about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawSeries<'a> {
    message: &'a [u8],
    /// So many bytes at the front hold the labels, all of them; `None` if they lie elsewhere.
    labels_end: Option<usize>,
    pub(crate) samples: Vec<(Timestamp, f64)>,
    pub(crate) exemplars: Vec<RawExemplar<'a>>,
    /// Native histograms, each still a message.
    pub(crate) histograms: Vec<&'a [u8]>,
}

/// The series of a request.
pub(crate) struct Request<'a> {
    fields: Fields<'a>,
}

impl<'a> Request<'a> {
    /// The request in `body`, unpacked.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { fields: Fields::new(body, "WriteRequest") }
    }

    /// Decodes the next series into `series`, in place of what it held. `false` at the end.
    pub(crate) fn next(&mut self, series: &mut RawSeries<'a>) -> Result<bool, ProtoError> {
        while let Some(field) = self.fields.next()? {
            match field.number {
                1 => {
                    series.decode(field.bytes()?)?;
                    return Ok(true);
                }
                3 => {
                    field.bytes()?;
                }
                _ => {}
            }
        }
        Ok(false)
    }
}

impl<'a> RawSeries<'a> {
    fn decode(&mut self, message: &'a [u8]) -> Result<(), ProtoError> {
        self.message = message;
        self.labels_end = Some(0);
        self.samples.clear();
        self.exemplars.clear();
        self.histograms.clear();
        let mut fields = Fields::new(message, "TimeSeries");
        let mut before = 0;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    let follows = self.labels_end == Some(before);
                    self.labels_end = follows.then_some(fields.position());
                }
                2 => self.samples.push(sample(&field)?),
                3 => self.exemplars.push(exemplar(&field)?),
                4 => self.histograms.push(field.bytes()?),
                _ => {}
            }
            before = fields.position();
        }
        Ok(())
    }

    /// The labels as they stand in the request, if nothing else stands before or between them.
    pub(crate) fn label_bytes(&self) -> Option<&'a [u8]> {
        self.message.get(..self.labels_end?)
    }

    /// The labels, in the order of the request.
    pub(crate) fn labels(&self) -> Result<Vec<RawLabel<'a>>, ProtoError> {
        let mut labels = Vec::new();
        let mut fields = Fields::new(self.message, "TimeSeries");
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                labels.push(label(&field)?);
            }
        }
        Ok(labels)
    }
}

fn label<'a>(field: &Field<'a>) -> Result<RawLabel<'a>, ProtoError> {
    let mut label: RawLabel<'a> = (b"", b"");
    let mut fields = Fields::new(field.bytes()?, "Label");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => label.0 = field.bytes()?,
            2 => label.1 = field.bytes()?,
            _ => {}
        }
    }
    Ok(label)
}

fn sample(field: &Field<'_>) -> Result<(Timestamp, f64), ProtoError> {
    let mut sample = (0, 0.0);
    let mut fields = Fields::new(field.bytes()?, "Sample");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => sample.1 = field.double()?,
            2 => sample.0 = field.int64()?,
            _ => {}
        }
    }
    Ok(sample)
}

fn exemplar<'a>(field: &Field<'a>) -> Result<RawExemplar<'a>, ProtoError> {
    let mut exemplar = RawExemplar::default();
    let mut fields = Fields::new(field.bytes()?, "Exemplar");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => exemplar.labels.push(label(&field)?),
            2 => exemplar.value = field.double()?,
            3 => exemplar.timestamp = field.int64()?,
            _ => {}
        }
    }
    Ok(exemplar)
}
