//! Samples to measure with: real ones of a file, or made ones.
//!
//! `FERULA_SAMPLES` may name a file of real samples to take instead of the generated ones:
//! little-endian, the number of series (4 bytes); of each the number of labels (4), their names and
//! values with a length (4) each, the number of samples (4), all times (8 each), all values (8 each).

use std::collections::BTreeMap;
use std::path::Path;

use model::Labels;
use storage::Appendable;
use tsdb::Db;

/// Samples of some series, commit by commit.
#[derive(Debug)]
pub struct Samples {
    /// Of each series.
    pub labels: Vec<Labels>,
    /// By time: series and value.
    pub commits: BTreeMap<i64, Vec<(usize, f64)>>,
}

impl Samples {
    /// Those of the file that `FERULA_SAMPLES` names, or made ones.
    pub fn of_environment() -> Self {
        match std::env::var_os("FERULA_SAMPLES") {
            Some(path) => load(Path::new(&path)),
            None => generated(),
        }
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.commits.values().map(|commit| commit.len() as u64).sum()
    }

    /// Commits all of them, so much later.
    pub fn append_to(&self, db: &Db, later_ms: i64) {
        let mut refs = vec![None; self.labels.len()];
        for (t, commit) in &self.commits {
            let mut appender = db.appender();
            for &(series, v) in commit {
                let known = appender.append(refs[series], &self.labels[series], t + later_ms, v);
                refs[series] = Some(known.expect("in order"));
            }
            appender.commit().expect("the disk has room");
        }
    }

    /// The time of the last commit.
    pub fn last(&self) -> i64 {
        self.commits.last_key_value().map_or(0, |(t, _)| *t)
    }
}

/// Reads so many bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(len);
    *bytes = rest;
    taken
}

fn number(bytes: &mut &[u8]) -> usize {
    u32::from_le_bytes(take(bytes, 4).try_into().expect("four bytes")) as usize
}

fn text(bytes: &mut &[u8]) -> String {
    let len = number(bytes);
    String::from_utf8(take(bytes, len).to_vec()).expect("labels are UTF-8")
}

/// Reads the file.
fn load(path: &Path) -> Samples {
    let file = std::fs::read(path).expect("FERULA_SAMPLES names a readable file");
    let mut bytes = &file[..];
    let mut samples = Samples { labels: Vec::new(), commits: BTreeMap::new() };
    for series in 0..number(&mut bytes) {
        let pairs: Vec<(String, String)> =
            (0..number(&mut bytes)).map(|_| (text(&mut bytes), text(&mut bytes))).collect();
        samples.labels.push(Labels::from_pairs(pairs));
        let count = number(&mut bytes);
        let mut eights = |count: usize| -> Vec<u64> {
            let eights = take(&mut bytes, count * 8).chunks_exact(8);
            eights.map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
        };
        let (times, values) = (eights(count), eights(count));
        for (t, bits) in times.into_iter().zip(values) {
            let commit = samples.commits.entry(t.cast_signed()).or_default();
            commit.push((series, f64::from_bits(bits)));
        }
    }
    samples
}

/// Two hours of 2000 series at 15 s: counters, gauges with digits, sums of durations, constants.
fn generated() -> Samples {
    let mut samples = Samples { labels: Vec::new(), commits: BTreeMap::new() };
    let mut state = 7u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut values = vec![0.0; 2000];
    for i in 0..values.len() {
        let name = format!("metric_{}", i % 40);
        let instance = format!("host-{}:9100", i / 40);
        samples.labels.push(Labels::from_pairs([("__name__", name), ("instance", instance)]));
    }
    for t in (0..480).map(|i| i * 15_000) {
        for (i, value) in values.iter_mut().enumerate() {
            *value = match i % 5 {
                0 => *value + (random() * 20.0).floor(),
                1 => (random() * 1000.0).round() / 10.0,
                2 => *value + random() * 0.01,
                3 => *value + f64::from(u8::from(random() > 0.98)),
                _ => 42.0,
            };
        }
        let commit = values.iter().copied().enumerate().collect();
        samples.commits.insert(t, commit);
    }
    samples
}
