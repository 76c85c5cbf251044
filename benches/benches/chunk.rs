//! How fast samples become chunks and come back, by kind of value.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SAMPLES: u64 = 120;

/// Values that a series of this kind has, one each 15 s.
fn values(kind: &str) -> Vec<f64> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut counter = 0.0;
    let value = |i: u64| match kind {
        "constant" => 42.0,
        "counter" => {
            counter += f64::from(u32::try_from(random() % 1000).expect("small"));
            counter
        }
        "gauge in percent" => (f64::from(u32::try_from(random() % 10_000).expect("small"))) / 100.0,
        _ => f64::from_bits(0x3ff0_0000_0000_0000 | (random() >> 12)) + i as f64,
    };
    (0..SAMPLES).map(value).collect()
}

fn chunk(c: &mut Criterion) {
    let timestamps: Vec<i64> =
        (0..i64::try_from(SAMPLES).expect("small")).map(|i| i * 15_000).collect();
    for kind in ["constant", "counter", "gauge in percent", "random bits"] {
        let values = values(kind);
        let mut group = c.benchmark_group(kind);
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

criterion_group!(benches, chunk);
criterion_main!(benches);
