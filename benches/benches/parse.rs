//! Reading a scrape's body: samples per second, with and without the labels of each series.
//!
//! The body is shaped like a host exporter's: 525 series, most with two labels, whole numbers and
//! fractions. With a warm cache a loop reads texts and values alone; labels come at the first
//! scrape.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exposition::{Entry, Format, Parser};

const FAMILIES: usize = 75;
const SERIES_EACH: usize = 7;

fn body(end: &str) -> String {
    let mut out = String::new();
    for family in 0..FAMILIES {
        let name = format!("node_subsystem{family}_operations_total");
        writeln!(out, "# HELP {name} How many operations the subsystem did.").expect("a string");
        writeln!(out, "# TYPE {name} counter").expect("a string");
        for series in 0..SERIES_EACH {
            let value =
                (family * 7919 + series * 104_729) as f64 / if series < 4 { 1.0 } else { 97.0 };
            writeln!(out, "{name}{{cpu=\"{series}\",mode=\"system\"}} {value}").expect("a string");
        }
    }
    out + end
}

/// Reads everything; the sum keeps the work from being optimised away.
fn read(body: &str, format: Format, with_labels: bool) -> f64 {
    let mut parser = Parser::new(body, format);
    let mut pairs = Vec::new();
    let mut sum = 0.0;
    while let Some(entry) = parser.next() {
        if let Entry::Series(series) = entry.expect("the body is well formed") {
            sum += series.value;
            if with_labels {
                parser.labels(&series, &mut pairs).expect("the body is well formed");
                sum += pairs.len() as f64;
            }
        }
    }
    sum
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements((FAMILIES * SERIES_EACH) as u64));
    for (language, format, end) in
        [("text", Format::Text, ""), ("openmetrics", Format::OpenMetrics, "# EOF\n")]
    {
        let body = body(end);
        group.bench_function(format!("{language}/samples"), |b| {
            b.iter(|| read(black_box(&body), format, false));
        });
        group.bench_function(format!("{language}/labels"), |b| {
            b.iter(|| read(black_box(&body), format, true));
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
