//! Random series, as series are: irregular, with gaps, resets, NaN, infinities and stale markers.
//!
//! Times are multiples of [`SLOT_MS`] and values small multiples of 1/8, so that sums of them have no
//! rounding that could tell one order of addition from another.

use std::fmt;

use model::Histogram;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Span};
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
        let list = |numbers: &[f64]| {
            let all: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            format!("[{}]", all.join(" "))
        };
        let offset = |spans: &[Span]| spans.first().map_or(0, |span| span.offset);
        write!(f, "{{{{schema:{} sum:{} count:{} ", h.schema, h.sum, h.count)?;
        if h.has_custom_bounds() {
            write!(f, "custom_values:{} ", list(&h.custom_values))?;
        } else {
            write!(f, "z_bucket_w:{} z_bucket:{} ", h.zero_threshold, h.zero_count)?;
        }
        if !h.negative.is_empty() {
            write!(f, "n_offset:{} ", offset(&h.negative_spans))?;
            write!(f, "n_buckets:{} ", list(&h.negative))?;
        }
        if h.counter_reset_hint == CounterResetHint::Gauge {
            write!(f, "counter_reset_hint:gauge ")?;
        }
        write!(f, "offset:{} buckets:{}}}}}", offset(&h.positive_spans), list(&h.positive))
    }
}

/// All series of a case.
pub(crate) fn data() -> impl Strategy<Value = Data> {
    let counters = [r#"c_total{i="a",j="u"}"#, r#"c_total{i="a",j="v"}"#, r#"c_total{i="b"}"#];
    let gauges = [r#"g{i="a",j="u"}"#, r#"g{i="b",j="u"}"#, r#"g{i="b"}"#, r#"g{j="v"}"#];
    let smalls = [r#"s{i="a"}"#, r#"s{i="b"}"#, r#"s{i="c"}"#];
    let natives = [
        (r#"n{i="a"}"#, Shape::Exponential(0)),
        (r#"n{i="b"}"#, Shape::Exponential(1)),
        (r#"n{i="b",j="v"}"#, Shape::Gauge),
        (r#"q{i="a"}"#, Shape::Custom(&[0.5, 1.0, 2.0])),
        (r#"q{i="b"}"#, Shape::Coarse(&[0.5, 2.0])),
    ];
    let mixed = [r#"x{i="a"}"#, r#"x{i="b",j="u"}"#];
    let classics = [CLASSIC_A, CLASSIC_B];
    (
        counters.map(|name| named(name, counter())),
        gauges.map(|name| named(name, floats(gauge()))),
        smalls.map(|name| named(name, floats((0..4i32).prop_map(f64::from)))),
        natives.map(|(name, shape)| named(name, native(shape))),
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

/// What a native histogram counts: the zero bucket or the lowest one, and three others.
type Counts = [u8; 4];

/// The shapes that native histograms have here.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Exponential buckets above zero.
    Exponential(i8),
    /// A gauge, with buckets on both sides of zero.
    Gauge,
    /// Buckets of these bounds, and one above them.
    Custom(&'static [f64; 3]),
    /// The same with a bound less.
    Coarse(&'static [f64; 2]),
}

fn histogram(shape: Shape, counts: [f64; 4]) -> Histogram {
    let [lowest, low, middle, high] = counts;
    let sum = low + middle * 1.5 + high * 3.0;
    let span = |offset, length| vec![Span { offset, length }];
    let whole = Histogram { count: counts.iter().sum(), sum, ..Histogram::default() };
    match shape {
        Shape::Exponential(schema) => Histogram {
            schema,
            zero_threshold: 0.125,
            zero_count: lowest,
            positive_spans: span(0, 3),
            positive: vec![low, middle, high],
            ..whole
        },
        Shape::Gauge => Histogram {
            counter_reset_hint: CounterResetHint::Gauge,
            zero_threshold: 0.125,
            zero_count: lowest,
            sum: high * 3.0 - middle * 1.5 - low,
            positive_spans: span(1, 1),
            positive: vec![high],
            negative_spans: span(0, 2),
            negative: vec![low, middle],
            ..whole
        },
        Shape::Custom(bounds) => Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            positive_spans: span(0, 4),
            positive: counts.to_vec(),
            custom_values: bounds.to_vec(),
            ..whole
        },
        Shape::Coarse(bounds) => Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: lowest + low + middle,
            positive_spans: span(0, 3),
            positive: vec![lowest, low, middle],
            custom_values: bounds.to_vec(),
            ..whole
        },
    }
}

fn stale_histogram() -> Histogram {
    Histogram { sum: STALE_NAN, ..Histogram::default() }
}

fn native(shape: Shape) -> impl Strategy<Value = Points> {
    let counts = prop::option::weighted(0.9, prop::array::uniform4(0..9u8));
    let sample = (gap(), counts, prop::bool::weighted(0.03));
    vec(sample, MADE).prop_map(move |samples| {
        let mut total = [0.0; 4];
        let counted = |(gap, counts, is_stale): (i64, Option<Counts>, bool)| {
            match counts {
                Some(counts) => {
                    total.iter_mut().zip(counts).for_each(|(t, c)| *t += f64::from(c));
                }
                None => total = [0.0; 4],
            }
            let h = if is_stale { stale_histogram() } else { histogram(shape, total) };
            (gap, Point::Histogram(Box::new(h)))
        };
        in_time(samples.into_iter().map(counted))
    })
}

/// Floats and histograms in one series.
fn either() -> impl Strategy<Value = Points> {
    let point = prop_oneof![
        3 => gauge().prop_map(Point::Float),
        2 => prop::array::uniform4(0..9u8).prop_map(|counts| {
            let h = histogram(Shape::Exponential(0), counts.map(f64::from));
            Point::Histogram(Box::new(h))
        }),
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
