//! Requests made by another encoder (prost), good, bad and broken, against a store that remembers.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Histogram, Labels, Timestamp};
use proptest::prelude::*;
use prost::Message;
use remote::{MAX_DECODED_BYTES, Receiver, WriteError, Written};
use storage::{AppendError, Appendable, Appender, CommitError, Exemplar, SeriesRef};

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
    /// Something of a later version.
    #[prost(string, tag = "15")]
    news: String,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<RemoteExemplar>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct RemoteExemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
}

/// What was committed: samples by series, and the exemplars.
#[derive(Debug, Default, PartialEq)]
struct Stored {
    samples: BTreeMap<Labels, Vec<(Timestamp, u64)>>,
    exemplars: Vec<Exemplar>,
}

#[derive(Default)]
struct Store {
    stored: Mutex<Stored>,
    /// The series by reference; `None` of those it has dropped.
    series: Mutex<Vec<Option<Labels>>>,
    /// How often it was given labels.
    labelled: AtomicUsize,
    broken: bool,
}

struct Batch<'s> {
    store: &'s Store,
    staged: Stored,
}

impl Appendable for Store {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch { store: self, staged: Stored::default() })
    }
}

impl Appender for Batch<'_> {
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        let mut series = self.store.series.lock().unwrap_or_else(PoisonError::into_inner);
        let index = |known: SeriesRef| usize::try_from(known.0.get()).expect("few series") - 1;
        let there = known.map(index).filter(|at| series[*at].is_some());
        let at = match there {
            Some(at) => at,
            None if labels.is_empty() => {
                return Err(AppendError::InvalidLabels("none".to_owned()));
            }
            None => {
                self.store.labelled.fetch_add(1, Ordering::Relaxed);
                series.push(Some(labels.clone()));
                series.len() - 1
            }
        };
        let labels = series[at].clone().expect("just looked up");
        let staged = self.staged.samples.entry(labels.clone()).or_default();
        let stored = self.store.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = stored.samples.get(&labels).and_then(|s| s.last()).copied();
        if newest.is_some_and(|(newest, _)| t < newest) {
            return Err(AppendError::OutOfOrder);
        }
        if newest.is_some_and(|(newest, bits)| t == newest && bits != v.to_bits()) {
            return Err(AppendError::DuplicateTimestamp);
        }
        staged.push((t, v.to_bits()));
        Ok(SeriesRef(NonZeroU64::new(at as u64 + 1).expect("one is added")))
    }

    fn append_histogram(
        &mut self,
        _: Option<SeriesRef>,
        _: &Labels,
        _: Timestamp,
        _: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        Err(AppendError::HistogramsUnsupported)
    }

    fn append_exemplar(&mut self, _: SeriesRef, exemplar: &Exemplar) -> Result<(), AppendError> {
        self.staged.exemplars.push(exemplar.clone());
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<usize, CommitError> {
        if self.store.broken {
            return Err(CommitError::Closed);
        }
        let mut stored = self.store.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        for (labels, samples) in self.staged.samples {
            count += samples.len();
            stored.samples.entry(labels).or_default().extend(samples);
        }
        stored.exemplars.extend(self.staged.exemplars);
        Ok(count)
    }
}

const NOW: Timestamp = 1_700_000_000_000;

/// A series from `name=value name=value @ value timestamp …`, times relative to [`NOW`].
fn series(text: &str) -> TimeSeries {
    let (labels, samples) = text.split_once('@').unwrap_or((text, ""));
    let label = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("name=value");
        Label { name: name.into(), value: value.into() }
    };
    let numbers: Vec<&str> = samples.split_whitespace().collect();
    let sample = |pair: &[&str]| Sample {
        value: pair[0].parse().expect("a number"),
        timestamp: NOW + pair[1].parse::<i64>().expect("a time"),
    };
    TimeSeries {
        labels: labels.split_whitespace().map(label).collect(),
        samples: numbers.chunks(2).map(sample).collect(),
        ..TimeSeries::default()
    }
}

fn request(series: Vec<TimeSeries>) -> WriteRequest {
    WriteRequest { timeseries: series, ..WriteRequest::default() }
}

fn pack(request: &WriteRequest) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("small enough")
}

fn receive(store: &Store, body: &[u8], now_ms: Timestamp) -> Result<Written, WriteError> {
    Receiver::default().receive(store, body, now_ms)
}

fn send(store: &Store, texts: &[&str]) -> Result<Written, WriteError> {
    receive(store, &pack(&request(texts.iter().map(|t| series(t)).collect())), NOW)
}

/// What is stored, as text: one line per series.
fn stored(store: &Store) -> Vec<String> {
    let stored = store.stored.lock().unwrap_or_else(PoisonError::into_inner);
    let line = |(labels, samples): (&Labels, &Vec<(Timestamp, u64)>)| {
        let samples: Vec<String> = samples
            .iter()
            .map(|(t, bits)| format!("{}@{}", f64::from_bits(*bits), t - NOW))
            .collect();
        format!("{labels} {}", samples.join(" "))
    };
    stored.samples.iter().map(line).collect()
}

#[test]
fn a_request_is_stored_whole_whatever_the_order_of_its_labels() {
    let store = Store::default();
    let written =
        send(&store, &["z=1 __name__=a b=x @ 1 0 2 5", "__name__=b @ NaN 0", "__name__=c"]);
    assert_eq!(written.expect("all is well").samples, 3);
    assert_eq!(
        stored(&store),
        [r#"{__name__="a", b="x", z="1"} 1@0 2@5"#, r#"{__name__="b"} NaN@0"#]
    );
}

#[test]
fn series_with_labels_that_make_no_sense_are_left_out_and_counted() {
    for (labels, reason) in [
        ("a=x", "no metric name in {a=\"x\"}"),
        ("", "no metric name in {}"),
        ("__name__= a=x", "no metric name in {a=\"x\"}"),
        ("__name__=a b=1 b=1", "duplicate label \"b\""),
        ("__name__=a =x", "a label without a name"),
    ] {
        let store = Store::default();
        let written = send(&store, &[&format!("{labels} @ 1 0"), "__name__=good @ 1 0"]);
        let written = written.expect("the other series is good");
        assert_eq!((written.samples, written.invalid_series), (1, 1), "{labels}");
        assert_eq!(written.first_invalid.as_deref(), Some(reason));
        assert_eq!(stored(&store), [r#"{__name__="good"} 1@0"#]);
    }
}

#[test]
fn labels_that_are_not_utf_8_make_no_series() {
    let mut bad = series("__name__=a x=? @ 1 0");
    bad.labels[1].value = vec![0xff];
    let store = Store::default();
    let written = receive(&store, &pack(&request(vec![bad])), NOW).expect("no series, no error");
    assert_eq!((written.samples, written.invalid_series), (0, 1));
}

#[test]
fn an_empty_label_value_is_no_label() {
    let store = Store::default();
    send(&store, &["__name__=a x= @ 1 0"]).expect("all is well");
    assert_eq!(stored(&store), [r#"{__name__="a"} 1@0"#]);
}

#[test]
fn one_refused_sample_and_nothing_of_the_request_is_stored() {
    for (bad, complaint) in [
        ("__name__=a @ 5 -1", "out of order sample"),
        ("__name__=a @ 5 0", "duplicate sample for timestamp"),
        ("__name__=b @ 5 600001", "out of bounds: timestamp is too far in the future"),
    ] {
        let store = Store::default();
        send(&store, &["__name__=a @ 1 0"]).expect("the first sample");
        let error = send(&store, &["__name__=new @ 1 0", bad]).expect_err("refused");
        assert_eq!(error.to_string(), complaint);
        assert!(!error.may_retry());
        assert_eq!(stored(&store), [r#"{__name__="a"} 1@0"#], "{bad}");
    }
}

#[test]
fn ten_minutes_ahead_is_not_too_far() {
    assert!(send(&Store::default(), &["__name__=a @ 1 600000"]).is_ok());
}

#[test]
fn a_store_that_cannot_write_is_not_the_sender_s_fault() {
    let store = Store { broken: true, ..Store::default() };
    let error = send(&store, &["__name__=a @ 1 0"]).expect_err("the store is broken");
    assert!(error.may_retry());
}

#[test]
fn exemplars_follow_their_sample_and_metadata_and_news_are_skipped() {
    let label = |name: &str, value: &str| Label { name: name.into(), value: value.into() };
    let mut with = series("__name__=a @ 1 0");
    let labels = vec![label("trace", "x")];
    with.exemplars = vec![RemoteExemplar { labels, value: 2.0, timestamp: NOW }];
    let metadata = vec![Metadata { kind: 1, family: "a".into() }];
    let request = WriteRequest { timeseries: vec![with], metadata, news: "2.0".into() };
    let store = Store::default();
    let written = receive(&store, &pack(&request), NOW).expect("all is well");
    assert_eq!((written.samples, written.exemplars), (1, 1));
    let exemplar = &store.stored.lock().expect("nobody panicked").exemplars[0];
    assert_eq!((exemplar.labels.get("trace"), exemplar.value), ("x", 2.0));
}

#[test]
fn native_histograms_are_refused_in_the_store_s_words() {
    let mut with = series("__name__=a");
    with.histograms = vec![vec![]];
    let error = receive(&Store::default(), &pack(&request(vec![with])), NOW).expect_err("refused");
    assert_eq!(error.to_string(), "native histograms are not supported by this store");
}

#[test]
fn what_is_no_request_is_refused_before_memory_is_taken() {
    let claim = |length: usize| {
        let mut body = Vec::new();
        let mut rest = length;
        while rest >= 128 {
            body.push(u8::try_from(rest % 128).expect("below 128") | 128);
            rest /= 128;
        }
        body.push(u8::try_from(rest).expect("below 128"));
        body
    };
    for (body, complaint) in [
        (vec![], "snappy: corrupt input"),
        (vec![0xff; 5], "snappy: corrupt input"),
        (claim(MAX_DECODED_BYTES), "snappy: corrupt input"),
        (claim(MAX_DECODED_BYTES + 1), "snappy: decoded length 33554433 exceeds limit 33554432"),
        (claim(1 << 31), "snappy: decoded length 2147483648 exceeds limit 33554432"),
        (vec![3, 8, 0x0a, 0x7f, 0x01], "unexpected EOF at byte 0 of WriteRequest"),
        (vec![2, 4, 0x08, 0x01], "proto: wrong wireType = 0 for field 1 at byte 0 of WriteRequest"),
    ] {
        let error = receive(&Store::default(), &body, NOW).expect_err("no request");
        assert_eq!(error.to_string(), complaint, "{body:?}");
    }
}

fn any_series() -> impl Strategy<Value = TimeSeries> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..4);
    let labels = proptest::collection::vec((bytes(), bytes()), 0..4);
    let samples = proptest::collection::vec((any::<f64>(), -10_i64..=10), 0..4);
    (labels, samples).prop_map(|(labels, samples)| TimeSeries {
        labels: labels.into_iter().map(|(name, value)| Label { name, value }).collect(),
        samples: samples
            .into_iter()
            .map(|(value, t)| Sample { value, timestamp: NOW + t })
            .collect(),
        ..TimeSeries::default()
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = receive(&Store::default(), &body, NOW);
        let packed = snap::raw::Encoder::new().compress_vec(&body).expect("small enough");
        let _ = receive(&Store::default(), &packed, NOW);
    }

    #[test]
    fn a_damaged_request_never_panics(
        all in proptest::collection::vec(any_series(), 0..4),
        cut in any::<usize>(),
        flip in any::<(usize, u8)>(),
    ) {
        let mut bytes = request(all).encode_to_vec();
        if !bytes.is_empty() {
            bytes.truncate(cut % (bytes.len() + 1));
        }
        if !bytes.is_empty() {
            let at = flip.0 % bytes.len();
            bytes[at] ^= flip.1;
        }
        let packed = snap::raw::Encoder::new().compress_vec(&bytes).expect("small enough");
        let _ = receive(&Store::default(), &packed, NOW);
    }

    #[test]
    fn what_prost_encodes_is_read_back(all in proptest::collection::vec(any_series(), 0..4)) {
        let mut expected: BTreeMap<Labels, Vec<(Timestamp, u64)>> = BTreeMap::new();
        let mut named = all;
        for (i, one) in named.iter_mut().enumerate() {
            let name = format!("m{i}");
            one.labels = vec![Label { name: "__name__".into(), value: name.clone().into() }];
            // prost leaves out what equals 0, and so makes 0 of -0.
            let bits = |v: f64| if v == 0.0 { 0 } else { v.to_bits() };
            let samples: Vec<_> =
                one.samples.iter().map(|s| (s.timestamp, bits(s.value))).collect();
            if !samples.is_empty() {
                expected.insert(Labels::from_pairs([("__name__", name)]), samples);
            }
        }
        let store = Store::default();
        receive(&store, &pack(&request(named)), NOW).expect("a good request");
        prop_assert_eq!(&store.stored.lock().expect("nobody panicked").samples, &expected);
    }
}

#[test]
fn series_that_came_before_are_known_until_the_store_drops_them() {
    let (store, receiver) = (Store::default(), Receiver::default());
    let labelled = || store.labelled.load(Ordering::Relaxed);
    let send = |texts: &[&str]| {
        let request = request(texts.iter().map(|text| series(text)).collect());
        receiver.receive(&store, &pack(&request), NOW)
    };
    send(&["__name__=a x=1 @ 1 0", "__name__=b @ 2 0"]).expect("taken");
    assert_eq!(labelled(), 2);
    send(&["__name__=a x=1 @ 3 10 4 20", "__name__=b @ 5 10"]).expect("taken");
    assert_eq!(labelled(), 2);
    // Other bytes, the same series: it is asked for by its labels, as one never seen.
    send(&["x=1 __name__=a @ 6 30"]).expect("taken");
    assert_eq!(labelled(), 3);
    store.series.lock().expect("not poisoned")[1] = None;
    send(&["__name__=b @ 7 20"]).expect("taken");
    assert_eq!(labelled(), 4);
    let bits = |v: f64, t: i64| (NOW + t, v.to_bits());
    let samples = &store.stored.lock().expect("not poisoned").samples;
    let found: Vec<_> = samples.values().cloned().collect();
    let a = vec![bits(1.0, 0), bits(3.0, 10), bits(4.0, 20), bits(6.0, 30)];
    assert_eq!(found, [a, vec![bits(2.0, 0), bits(5.0, 10), bits(7.0, 20)]]);
}

#[test]
fn a_refused_sample_of_a_known_series_names_it() {
    let (store, receiver) = (Store::default(), Receiver::default());
    let send = |text: &str| receiver.receive(&store, &pack(&request(vec![series(text)])), NOW);
    send("__name__=a x=1 @ 1 10").expect("taken");
    let error = send("__name__=a x=1 @ 1 5").expect_err("out of order");
    let WriteError::Append { source, series, timestamp } = error else { panic!("{error}") };
    assert_eq!(source, AppendError::OutOfOrder);
    assert_eq!((series.to_string(), timestamp), ("{__name__=\"a\", x=\"1\"}".to_owned(), NOW + 5));
}

#[test]
fn what_a_failed_commit_made_is_not_known() {
    let (store, receiver) = (Store { broken: true, ..Store::default() }, Receiver::default());
    let body = pack(&request(vec![series("__name__=a @ 1 10")]));
    for times in 1..3 {
        receiver.receive(&store, &body, NOW).expect_err("it is broken");
        assert_eq!(store.labelled.load(Ordering::Relaxed), times);
    }
}
