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

/// The key of a label within a series: field 1, a message.
const LABELS: u8 = 0x0a;
/// Those of the value and of the time of a sample: field 1, eight bytes, and field 2, a varint.
const VALUE: u8 = 0x09;
const TIME: u8 = 0x10;

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
        self.samples.clear();
        self.exemplars.clear();
        self.histograms.clear();
        let mut before = labels_in_front(message);
        let mut fields = Fields::from(message, before, "TimeSeries");
        self.labels_end = Some(before);
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

/// So many bytes at the front are labels, each of less than 128 bytes: nearly always all of them.
///
/// Equals going on with [`Fields::next`] as long as it gives labels that are so short.
fn labels_in_front(message: &[u8]) -> usize {
    let mut end = 0;
    while let Some([LABELS, length @ ..0x80]) = message.get(end..).and_then(<[u8]>::first_chunk) {
        let next = end + 2 + usize::from(*length);
        if next > message.len() {
            break;
        }
        end = next;
    }
    end
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
    let message = field.bytes()?;
    if let Some(sample) = plain_sample(message) {
        return Ok(sample);
    }
    let mut sample = (0, 0.0);
    let mut fields = Fields::new(message, "Sample");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => sample.1 = field.double()?,
            2 => sample.0 = field.int64()?,
            _ => {}
        }
    }
    Ok(sample)
}

/// A sample of a value and then a time, as nearly all senders write it; `None` of another one, or of a
/// time of more than 56 bits.
fn plain_sample(message: &[u8]) -> Option<(Timestamp, f64)> {
    let ([VALUE, bits @ .., TIME], varint) = message.split_first_chunk::<10>()? else {
        return None;
    };
    let (last, more) =
        varint.split_last().filter(|(last, more)| **last < 0x80 && more.len() < 8)?;
    let mut t = u64::from(*last);
    for byte in more.iter().rev() {
        t = t << 7 | u64::from(byte & 0x7f);
    }
    let is_one = more.iter().all(|byte| *byte >= 0x80);
    is_one.then_some((t.cast_signed(), f64::from_le_bytes(*bits)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of this key; it is shorter than 16,384 bytes.
    fn field(key: u8, message: &[u8]) -> Vec<u8> {
        let [low, high] = u16::try_from(message.len()).unwrap().to_le_bytes();
        let length = match message.len() {
            ..0x80 => vec![low],
            _ => vec![low | 0x80, high << 1 | low >> 7],
        };
        [&[key][..], &length, message].concat()
    }

    fn label(value: &str) -> Vec<u8> {
        field(LABELS, &[field(0x0a, b"a"), field(0x12, value.as_bytes())].concat())
    }

    fn labels_end(parts: &[Vec<u8>]) -> Option<usize> {
        let message = parts.concat();
        let mut series = RawSeries::default();
        series.decode(&message).expect("a series");
        assert_eq!(series.samples, [(7, 0.0)]);
        series.labels_end
    }

    #[test]
    fn labels_in_front_are_found_whatever_their_length() {
        let (short, long, sample) = (label("x"), label(&"y".repeat(200)), field(0x12, &[0x10, 7]));
        let known = |labels: &[&Vec<u8>]| {
            let parts: Vec<Vec<u8>> = labels.iter().map(|label| (*label).clone()).collect();
            let end = parts.concat().len();
            assert_eq!(labels_end(&[parts, vec![sample.clone()]].concat()), Some(end));
        };
        known(&[]);
        known(&[&short, &short]);
        known(&[&long, &short]);
        known(&[&short, &long, &short]);
        assert_eq!(labels_end(&[short.clone(), sample.clone(), short.clone()]), None);
        assert_eq!(labels_end(&[sample, short]), None);
    }

    #[test]
    fn a_sample_is_the_same_in_whatever_order_it_comes() {
        let value = [&[VALUE][..], &1.5f64.to_le_bytes()].concat();
        let longest = [&[0xff; 9][..], &[1]].concat();
        for (t, varint) in [
            (0, &[0][..]),
            (300, &[0xac, 2]),
            (1_700_000_000_000, &[0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31]),
            (-1, &longest),
        ] {
            let time = [&[TIME][..], varint].concat();
            for parts in [[&value, &time], [&time, &value]] {
                let message = field(0x12, &parts.map(|part| &part[..]).concat());
                let mut series = RawSeries::default();
                series.decode(&message).expect("a series");
                assert_eq!(series.samples, [(t, 1.5)]);
            }
        }
    }

    #[test]
    fn a_label_that_is_cut_off_is_told_with_its_place() {
        let message = [label("x"), vec![LABELS, 5, 1]].concat();
        let error = RawSeries::default().decode(&message).expect_err("it ends early");
        assert_eq!(error.to_string(), "unexpected EOF at byte 8 of TimeSeries");
    }
}
