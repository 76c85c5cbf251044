//! How fast samples become chunks and columns and come back, by kind of value, and in how many bytes.
//!
//! `FERULA_SAMPLES` may name a file of real samples (`benches::samples`); their values are
//! then another kind, cut into columns of 480.

use std::hint::black_box;

use benches::samples::Samples;
use chunk::column::{Effort, decode_floats, decode_ints, encode_floats, encode_ints};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// As many as a chunk in the head has.
const SAMPLES: u64 = 120;
/// As many as a column in a block has, about: two hours each 15 s.
const COLUMN: usize = 480;
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// The next of some numbers without an order.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Values that a series of this kind has, one each 15 s.
fn values(kind: &str, count: u64) -> Vec<f64> {
    let mut state = SEED;
    let mut below = |limit| (random(&mut state) % limit) as f64;
    let mut total = 0.0;
    let mut add = |more: f64| {
        total += more;
        total
    };
    let value = |i: u64| match kind {
        "constant" => 42.0,
        "rare change" => add(if below(100) == 0.0 { 1.0 } else { 0.0 }),
        "counter" => add(below(1000)),
        "gauge in percent" => below(10_000) / 100.0,
        "ratio" => below(5000) / 285.0,
        "sum of seconds" => add(below(1_000_000) / 1e6),
        _ => below(1 << 52).sqrt() + i as f64,
    };
    (0..count).map(value).collect()
}

const KINDS: [&str; 7] = [
    "constant",
    "rare change",
    "counter",
    "gauge in percent",
    "ratio",
    "sum of seconds",
    "random bits",
];

fn chunk(c: &mut Criterion) {
    let timestamps: Vec<i64> =
        (0..i64::try_from(SAMPLES).expect("small")).map(|i| i * 15_000).collect();
    for kind in KINDS {
        let values = values(kind, SAMPLES);
        let mut group = c.benchmark_group(format!("chunk, {kind}"));
        group.throughput(Throughput::Elements(SAMPLES));
        let mut bytes = Vec::new();
        group.bench_function("encode", |b| {
            b.iter(|| {
                bytes.clear();
                chunk::encode(&timestamps, &values, &mut bytes);
                bytes.len()
            });
        });
        let (mut times, mut back) = (Vec::new(), Vec::new());
        group.bench_function("decode", |b| {
            b.iter(|| {
                times.clear();
                back.clear();
                chunk::decode(&bytes, &mut times, &mut back).expect("just encoded");
                back.len()
            });
        });
        group.finish();
    }
}

/// Encodes and decodes all columns, after telling how many bytes a number takes.
fn columns<T: Copy>(
    c: &mut Criterion,
    kind: &str,
    columns: &[Vec<T>],
    encode: fn(&[T], Effort, &mut Vec<u8>),
    decode: fn(&mut &[u8], usize, &mut Vec<T>),
) {
    let count: u64 = columns.iter().map(|column| column.len() as u64).sum();
    let mut group = c.benchmark_group(format!("column, {kind}"));
    group.sample_size(10).throughput(Throughput::Elements(count));
    let mut bytes = Vec::new();
    for effort in [Effort::Fast, Effort::Best] {
        let mut encode_all = || {
            bytes.clear();
            columns.iter().for_each(|column| encode(column, effort, &mut bytes));
            bytes.len()
        };
        let per_number = encode_all() as f64 / count as f64;
        eprintln!("column, {kind}: {per_number:.4} bytes per number, {effort:?}");
        group.bench_function(format!("encode {effort:?}"), |b| b.iter(&mut encode_all));
        let mut back = Vec::with_capacity(COLUMN);
        group.bench_function(format!("decode {effort:?}"), |b| {
            b.iter(|| {
                let mut rest = &bytes[..];
                for column in columns {
                    back.clear();
                    decode(&mut rest, column.len(), &mut back);
                    black_box(&back);
                }
            });
        });
    }
    group.finish();
}

fn floats(c: &mut Criterion, kind: &str, values: &[Vec<f64>]) {
    columns(c, kind, values, encode_floats, |bytes, count, out| {
        decode_floats(bytes, count, out).expect("just encoded");
    });
}

fn column(c: &mut Criterion) {
    for kind in KINDS {
        floats(c, kind, &[values(kind, COLUMN as u64)]);
    }
    let mut state = SEED;
    let mut late = || (random(&mut state) % 21).cast_signed();
    let jitter = (0i64..).take(COLUMN).map(|i| i * 15_000 + late()).collect();
    let even = (0i64..).take(COLUMN).map(|i| i * 15_000).collect();
    for (kind, times) in [("times on the grid", even), ("times up to 20 ms late", jitter)] {
        columns::<i64>(c, kind, &[times], encode_ints, |bytes, count, out| {
            decode_ints(bytes, count, out).expect("just encoded");
        });
    }
    if std::env::var_os("FERULA_SAMPLES").is_some() {
        floats(c, "real samples", &real());
    } else {
        eprintln!("column, real samples: skipped, FERULA_SAMPLES names no file");
    }
}

/// The values of each series, in columns.
fn real() -> Vec<Vec<f64>> {
    let samples = Samples::of_environment();
    let mut series = vec![Vec::new(); samples.labels.len()];
    for (number, v) in samples.commits.into_values().flatten() {
        series[number].push(v);
    }
    series.iter().flat_map(|values| values.chunks(COLUMN)).map(<[f64]>::to_vec).collect()
}

criterion_group!(benches, chunk, column);
criterion_main!(benches);
