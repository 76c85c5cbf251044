//! What the servers are fed: nodes as node_exporter shows them, the same for the same seed.

use std::collections::BTreeSet;

use model::Labels;

/// Between two scrapes.
pub(crate) const INTERVAL_MS: i64 = 15_000;
/// Series of one node.
const PER_NODE: usize = 500;
const PAGE_BYTES: f64 = 4096.0;
const MODES: [&str; 8] = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
const FLOWS: [&str; 8] = [
    "receive_bytes",
    "transmit_bytes",
    "receive_packets",
    "transmit_packets",
    "receive_errs",
    "transmit_errs",
    "receive_drop",
    "transmit_drop",
];
const BOUNDS: [&str; 10] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "5", "+Inf"];

/// How the values of a series come about.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Seconds spent, in hundredths.
    Seconds,
    /// Bytes counted in bursts.
    Bytes,
    /// Events, now and then.
    Events,
    /// A gauge of whole pages.
    Pages,
    /// Degrees with one digit.
    Degrees,
    /// Cumulative: as many observations as the bucket below, and a few more.
    Bucket,
    /// Seconds observed, with all digits.
    Sum,
    /// The same for ever.
    Constant,
}

/// A series and its newest value.
struct Series {
    labels: Labels,
    kind: Kind,
    value: f64,
}

/// All nodes, scraped step by step.
pub(crate) struct Load {
    series: Vec<Series>,
    random: Random,
    start_ms: i64,
    steps: i64,
}

/// What one scrape of one node brings: a time, and values for series from `first` on.
pub(crate) struct Scrape {
    pub(crate) t: i64,
    pub(crate) first: usize,
    pub(crate) values: Vec<f64>,
}

impl Load {
    /// So many series, whose first scrape is at `start_ms`.
    pub(crate) fn new(series: usize, start_ms: i64) -> Self {
        let series = (0..series).map(|i| series_of(i / PER_NODE, i % PER_NODE)).collect();
        Self { series, random: Random::seeded(0x5eed), start_ms, steps: 0 }
    }

    /// The labels of every series.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.iter().map(|series| &series.labels)
    }

    /// The names of all metrics.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.labels().map(|labels| labels.get("__name__")).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Scrapes every node once more. One scrape in thirty is a few ms late, as in life.
    pub(crate) fn step(&mut self) -> Vec<Scrape> {
        let Self { series, random, start_ms, steps } = self;
        let due = *start_ms + *steps * INTERVAL_MS;
        *steps += 1;
        let nodes = series.chunks_mut(PER_NODE).enumerate();
        let scrapes = nodes.map(|(node, series)| {
            let late = if random.below(30) == 0 { 1 + random.below(9) } else { 0 };
            let offset = (node as i64 * 37) % (INTERVAL_MS - 10);
            let mut below = 0.0;
            let values = series.iter_mut().map(|series| series.next(random, &mut below)).collect();
            Scrape { t: due + offset + late, first: node * PER_NODE, values }
        });
        scrapes.collect()
    }
}

impl Series {
    /// The next value. `below` is the growth of the bucket below.
    fn next(&mut self, random: &mut Random, below: &mut f64) -> f64 {
        let below_before = std::mem::take(below);
        self.value = match self.kind {
            Kind::Seconds => ((self.value + random.unit()) * 100.0).round() / 100.0,
            Kind::Bytes => self.value + (random.unit() * random.unit() * 1e6).floor(),
            Kind::Events => self.value + f64::from(u8::from(random.below(50) == 0)),
            Kind::Pages => {
                (self.value + (random.unit() * 64.0 - 32.0).round() * PAGE_BYTES).max(0.0)
            }
            Kind::Degrees => ((self.value + random.unit() - 0.5) * 10.0).round() / 10.0,
            Kind::Bucket => {
                *below = below_before + f64::from(u8::from(random.below(4) == 0));
                self.value + *below
            }
            Kind::Sum => self.value + random.unit() * 0.01,
            Kind::Constant => self.value,
        };
        self.value
    }
}

/// The `i`th series of a node.
fn series_of(node: usize, i: usize) -> Series {
    let instance = format!("node-{node}.example.com:9100");
    let base = |name: String, more: &[(&str, String)]| {
        let mut pairs = vec![
            ("__name__", name),
            ("instance", instance.clone()),
            ("job", "node".to_owned()),
            ("region", format!("region-{}", node % 3)),
        ];
        pairs.extend(more.iter().cloned());
        Labels::from_pairs(pairs)
    };
    let (labels, kind, value) = match i {
        0..128 => {
            let more = [("cpu", (i / 8).to_string()), ("mode", MODES[i % 8].to_owned())];
            (base("node_cpu_seconds_total".to_owned(), &more), Kind::Seconds, 1000.0)
        }
        128..208 => {
            let (device, flow) = ((i - 128) / 8, (i - 128) % 8);
            let name = format!("node_network_{}_total", FLOWS[flow]);
            let kind = if flow < 4 { Kind::Bytes } else { Kind::Events };
            (base(name, &[("device", format!("eth{device}"))]), kind, 0.0)
        }
        208..258 => {
            let name = format!("node_memory_{}_bytes", i - 208);
            (base(name, &[]), Kind::Pages, 1e9 / PAGE_BYTES * PAGE_BYTES)
        }
        258..268 => {
            let more = [("chip", "platform_coretemp_0".to_owned()), ("sensor", format!("temp{i}"))];
            (base("node_hwmon_temp_celsius".to_owned(), &more), Kind::Degrees, 45.0)
        }
        268..318 => {
            let more = [
                ("handler", format!("/h{}", (i - 268) / 10)),
                ("le", BOUNDS[(i - 268) % 10].to_owned()),
            ];
            (base("http_request_duration_seconds_bucket".to_owned(), &more), Kind::Bucket, 0.0)
        }
        318..323 => {
            let more = [("handler", format!("/h{}", i - 318))];
            (base("http_request_duration_seconds_sum".to_owned(), &more), Kind::Sum, 0.0)
        }
        323..423 => {
            let name = format!("node_vmstat_{}", i - 323);
            (base(name, &[]), Kind::Events, 0.0)
        }
        _ => {
            let more = [("mountpoint", format!("/mnt/{}", i - 423)), ("fstype", "ext4".to_owned())];
            (base("node_filesystem_size_bytes".to_owned(), &more), Kind::Constant, 1e11)
        }
    };
    Series { labels, kind, value }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1, without 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to `end`, without `end`.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        (self.next() >> 1).cast_signed() % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_another_and_every_load_the_same() {
        let mut load = Load::new(1200, 0);
        assert_eq!(load.labels().collect::<BTreeSet<_>>().len(), 1200);
        let mut again = Load::new(1200, 0);
        for _ in 0..3 {
            let (one, other) = (load.step(), again.step());
            assert_eq!(one.len(), 3);
            for (one, other) in one.iter().zip(&other) {
                assert_eq!((one.t, &one.values), (other.t, &other.values));
            }
        }
    }

    #[test]
    fn buckets_are_cumulative() {
        let mut load = Load::new(PER_NODE, 0);
        let mut last = Vec::new();
        for _ in 0..100 {
            last = load.step().pop().expect("one node").values;
        }
        for buckets in last[268..318].chunks(10) {
            assert!(buckets.is_sorted(), "{buckets:?}");
        }
    }
}
