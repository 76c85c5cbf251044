//! Remote write 1.0 requests (`prometheus/prompb/remote.proto`), written by hand: the sender must
//! not be what is measured.

use model::Labels;

use crate::load::Scrape;

/// Samples to a request, as Prometheus sends them by default.
const SAMPLES_PER_REQUEST: usize = 2000;
/// Field 1 of `WriteRequest` and of `TimeSeries`, both length-delimited.
const TIMESERIES: u8 = 0x0a;
const LABEL: u8 = 0x0a;
/// Field 2 of `TimeSeries`.
const SAMPLE: u8 = 0x12;

/// Turns scrapes into the bodies of requests.
pub(crate) struct Encoder {
    /// The label fields of each series, encoded once.
    labels: Vec<Vec<u8>>,
    body: Vec<u8>,
    samples: usize,
    compressor: snap::raw::Encoder,
}

impl Encoder {
    /// For series with these labels, in this order.
    pub(crate) fn new<'l>(labels: impl IntoIterator<Item = &'l Labels>) -> Self {
        let labels = labels.into_iter().map(label_fields).collect();
        Self { labels, body: Vec::new(), samples: 0, compressor: snap::raw::Encoder::new() }
    }

    /// The bodies for one step of all nodes.
    pub(crate) fn bodies(&mut self, scrapes: &[Scrape]) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        for scrape in scrapes {
            for (series, value) in (scrape.first..).zip(&scrape.values) {
                self.put(series, scrape.t, *value);
                if self.samples == SAMPLES_PER_REQUEST {
                    bodies.push(self.finish());
                }
            }
        }
        if self.samples > 0 {
            bodies.push(self.finish());
        }
        bodies
    }

    fn put(&mut self, series: usize, t: i64, value: f64) {
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(0x10);
        put_varint(&mut sample, t.cast_unsigned());
        let labels = &self.labels[series];
        self.body.push(TIMESERIES);
        // The sample's own tag and length take a byte each.
        put_varint(&mut self.body, (labels.len() + 2 + sample.len()) as u64);
        self.body.extend_from_slice(labels);
        put_field(&mut self.body, SAMPLE, &sample);
        self.samples += 1;
    }

    fn finish(&mut self) -> Vec<u8> {
        let body = self.compressor.compress_vec(&self.body).expect("a request is small");
        self.body.clear();
        self.samples = 0;
        body
    }
}

fn label_fields(labels: &Labels) -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        put_field(&mut label, 0x0a, name.as_bytes());
        put_field(&mut label, 0x12, value.as_bytes());
        put_field(&mut fields, LABEL, &label);
    }
    fields
}

fn put_field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Load;
    use model::TimeRange;
    use storage::{Columns, Queryable, SelectHints};
    use testkit::MemStorage;

    #[test]
    fn requests_are_what_a_receiver_takes() {
        let mut load = Load::new(2100, 0);
        let mut encoder = Encoder::new(load.labels());
        let scrapes = load.step();
        let (store, receiver) = (MemStorage::new(), remote::Receiver::default());
        let bodies = encoder.bodies(&scrapes);
        assert_eq!(bodies.len(), 2);
        for body in bodies {
            receiver.receive(&store, &body, 0).expect("it is taken");
        }
        let querier = store.querier(TimeRange::ALL).expect("a view");
        let mut columns = Columns::default();
        let mut found = 0;
        for series in querier.select(&[], &SelectHints::default()).expect("a set") {
            series.expect("a series").read(TimeRange::ALL, &mut columns).expect("samples");
            found += 1;
        }
        assert_eq!((found, columns.len()), (2100, 2100));
    }
}
