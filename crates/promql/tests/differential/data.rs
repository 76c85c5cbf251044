//! Random series, as series are: irregular, with gaps, resets, NaN, infinities and stale markers.
//!
//! Times are multiples of [`SLOT_MS`] and values small multiples of 1/8, so that sums of them have no
//! rounding that could tell one order of addition from another.

use std::fmt;

use model::Histogram;
use model::histogram::Span;
use model::sample::{STALE_NAN, is_stale};
use proptest::collection::vec;
use proptest::prelude::*;
use storage::Appendable;
use testkit::MemStorage;

/// The distance of two places for samples.
const SLOT_MS: i64 = 5_000;
/// No series has more samples.
const SAMPLES: usize = 40;
/// So many are made; few series end before they have all they may have.
const MADE: std::ops::Range<usize> = 0..90;

/// A sample.
#[derive(Clone, Debug)]
enum Point {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// The samples of a series with their slots.
type Points = Vec<(i64, Point)>;

/// Series by name and labels. Shown, they are what a test script loads.
#[derive(Clone)]
pub(crate) struct Data(Vec<(&'static str, Points)>);

impl Data {
    /// A store that holds the data.
    pub(crate) fn store(&self) -> MemStorage {
        let store = MemStorage::new();
        let mut appender = store.appender();
        for (name, points) in &self.0 {
            let (labels, _) = testkit::notation::parse_series(name).expect("it is a series");
            for (slot, point) in points {
                let t = slot * SLOT_MS;
                let appended = match point {
                    Point::Float(v) => appender.append(None, &labels, t, *v),
                    Point::Histogram(h) => appender.append_histogram(None, &labels, t, h),
                };
                appended.expect("slots rise");
            }
        }
        appender.commit().expect("memory takes every commit");
        store
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nload {}s", SLOT_MS / 1000)?;
        for (name, points) in &self.0 {
            write!(f, "  {name}")?;
            let mut next = 0;
            for (slot, point) in points {
                if *slot > next {
                    write!(f, " _x{}", slot - next)?;
                }
                next = slot + 1;
                match point {
                    Point::Float(v) if is_stale(*v) => write!(f, " stale")?,
                    Point::Float(v) => write!(f, " {}", model::float::Plain(*v))?,
                    Point::Histogram(h) if is_stale(h.sum) => write!(f, " stale")?,
                    Point::Histogram(h) => write!(f, " {}", Notation(h))?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A histogram as scripts have it.
struct Notation<'h>(&'h Histogram);

impl fmt::Display for Notation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(h) = self;
        let buckets: Vec<String> = h.positive.iter().map(ToString::to_string).collect();
        write!(f, "{{{{schema:{} sum:{} count:{} ", h.schema, h.sum, h.count)?;
        write!(f, "z_bucket_w:{} z_bucket:{} ", h.zero_threshold, h.zero_count)?;
        write!(f, "buckets:[{}]}}}}", buckets.join(" "))
    }
}

/// All series of a case.
pub(crate) fn data() -> impl Strategy<Value = Data> {
    let counters = [r#"c_total{i="a",j="u"}"#, r#"c_total{i="a",j="v"}"#, r#"c_total{i="b"}"#];
    let gauges = [r#"g{i="a",j="u"}"#, r#"g{i="b",j="u"}"#, r#"g{i="b"}"#, r#"g{j="v"}"#];
    let smalls = [r#"s{i="a"}"#, r#"s{i="b"}"#, r#"s{i="c"}"#];
    let natives = [r#"n{i="a"}"#, r#"n{i="b"}"#];
    let mixed = [r#"x{i="a"}"#, r#"x{i="b",j="u"}"#];
    let classics = [CLASSIC_A, CLASSIC_B];
    (
        counters.map(|name| named(name, counter())),
        gauges.map(|name| named(name, floats(gauge()))),
        smalls.map(|name| named(name, floats((0..4i32).prop_map(f64::from)))),
        natives.map(|name| named(name, native())),
        mixed.map(|name| named(name, either())),
        classics.map(classic),
    )
        .prop_map(|(counters, gauges, smalls, natives, mixed, classics)| {
            let all = counters.into_iter().chain(gauges).chain(smalls).chain(natives).chain(mixed);
            Data(all.chain(classics.into_iter().flatten()).filter(|(_, p)| !p.is_empty()).collect())
        })
}

fn named(
    name: &'static str,
    points: impl Strategy<Value = Points> + 'static,
) -> BoxedStrategy<(&'static str, Points)> {
    points.prop_map(move |points| (name, points)).boxed()
}

/// From one sample to the next, in slots: regular for the most part.
fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![12 => Just(3i64), 6 => 1..8i64, 1 => 8..80i64]
}

/// Samples one after another, each a gap behind the one before.
fn in_time(points: impl IntoIterator<Item = (i64, Point)>) -> Points {
    let mut slot = -3;
    let later = |(gap, point)| {
        slot += gap;
        (slot, point)
    };
    points.into_iter().map(later).filter(|(slot, _)| *slot >= 0).take(SAMPLES).collect()
}

fn floats(value: impl Strategy<Value = f64> + 'static) -> impl Strategy<Value = Points> {
    let value = prop_oneof![30 => value, 1 => Just(STALE_NAN)].prop_map(Point::Float);
    vec((gap(), value), MADE).prop_map(in_time)
}

fn gauge() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => (-800..800i32).prop_map(|v| f64::from(v) / 8.0),
        6 => (-2..3i32).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

/// What happens to a counter between two samples.
fn growth() -> impl Strategy<Value = Option<f64>> {
    prop::option::weighted(0.9, prop_oneof![3 => 0..40i32, 1 => Just(0)].prop_map(f64::from))
}

fn counter() -> impl Strategy<Value = Points> {
    let sample = (gap(), growth(), prop::bool::weighted(0.03));
    vec(sample, MADE).prop_map(|samples| {
        let mut total = 0.0;
        let counted = |(gap, growth, is_stale): (i64, Option<f64>, bool)| {
            total = growth.map_or(0.0, |growth| total + growth);
            (gap, Point::Float(if is_stale { STALE_NAN } else { total }))
        };
        in_time(samples.into_iter().map(counted))
    })
}

/// What a native histogram counts: the zero bucket and three others.
type Counts = [u8; 4];

fn histogram(schema: i8, counts: [f64; 4]) -> Point {
    let [zero_count, buckets @ ..] = counts;
    Point::Histogram(Box::new(Histogram {
        schema,
        zero_threshold: 0.125,
        zero_count,
        count: counts.iter().sum(),
        sum: buckets.iter().zip([1.0, 1.5, 3.0]).map(|(count, v)| count * v).sum(),
        positive_spans: vec![Span { offset: 0, length: 3 }],
        positive: buckets.to_vec(),
        ..Histogram::default()
    }))
}

fn stale_histogram() -> Point {
    Point::Histogram(Box::new(Histogram { sum: STALE_NAN, ..Histogram::default() }))
}

fn native() -> impl Strategy<Value = Points> {
    let counts = prop::option::weighted(0.9, prop::array::uniform4(0..9u8));
    let sample = (gap(), counts, prop::bool::weighted(0.03));
    (0..2i8, vec(sample, MADE)).prop_map(|(schema, samples)| {
        let mut total = [0.0; 4];
        let counted = |(gap, counts, is_stale): (i64, Option<Counts>, bool)| {
            match counts {
                Some(counts) => {
                    total.iter_mut().zip(counts).for_each(|(t, c)| *t += f64::from(c));
                }
                None => total = [0.0; 4],
            }
            (gap, if is_stale { stale_histogram() } else { histogram(schema, total) })
        };
        in_time(samples.into_iter().map(counted))
    })
}

/// Floats and histograms in one series.
fn either() -> impl Strategy<Value = Points> {
    let point = prop_oneof![
        3 => gauge().prop_map(Point::Float),
        2 => prop::array::uniform4(0..9u8).prop_map(|c| histogram(0, c.map(f64::from))),
    ];
    vec((gap(), point), MADE).prop_map(in_time)
}

const CLASSIC_A: [&str; 4] = [
    r#"h_bucket{i="a",le="0.5"}"#,
    r#"h_bucket{i="a",le="1"}"#,
    r#"h_bucket{i="a",le="4"}"#,
    r#"h_bucket{i="a",le="+Inf"}"#,
];
const CLASSIC_B: [&str; 4] = [
    r#"h_bucket{i="b",le="-1"}"#,
    r#"h_bucket{i="b",le="1.0"}"#,
    r#"h_bucket{i="b",le="2"}"#,
    r#"h_bucket{i="b",le="+Inf"}"#,
];

/// A classic histogram; now and then a bucket lacks a sample.
fn classic(names: [&'static str; 4]) -> impl Strategy<Value = [(&'static str, Points); 4]> + Clone {
    let lacks = prop::array::uniform4(prop::bool::weighted(0.02));
    let sample = (gap(), prop::option::weighted(0.95, prop::array::uniform4(0..5u8)), lacks);
    let samples = vec(sample, MADE).prop_map(|samples| {
        let mut total = [0.0; 4];
        let mut all: [Vec<(i64, Option<Point>)>; 4] = Default::default();
        for (gap, counts, lacks) in samples {
            match counts {
                Some(counts) => {
                    let mut below = 0.0;
                    for (total, count) in total.iter_mut().zip(counts) {
                        below += f64::from(count);
                        *total += below;
                    }
                }
                None => total = [0.0; 4],
            }
            for ((series, total), lacks) in all.iter_mut().zip(total).zip(lacks) {
                series.push((gap, (!lacks).then_some(Point::Float(total))));
            }
        }
        all.map(|series| {
            let mut slot = -3;
            let later = series.into_iter().filter_map(|(gap, point)| {
                slot += gap;
                point.map(|point| (slot, point))
            });
            later.filter(|(slot, _)| *slot >= 0).take(SAMPLES).collect::<Points>()
        })
    });
    let shared = std::sync::Arc::new(names);
    samples
        .prop_map(move |series| {
            let mut series = series.into_iter();
            shared.map(|name| (name, series.next().unwrap_or_default()))
        })
        .boxed()
}
