//! The figures of all rounds as one table, and as JSON.

use serde_json::json;

use crate::answers::{Agreement, Answers, compare};
use crate::phases::{Figures, Sizes};
use crate::server::Kind;

/// A row of the table: what it shows, in which unit, and where it stands in the figures. Less is
/// better in every one.
struct Row {
    name: &'static str,
    unit: &'static str,
    scale: f64,
    of: fn(&Figures) -> f64,
}

const MIB: f64 = 1024.0 * 1024.0;

const ROWS: [Row; 12] = [
    Row { name: "time to ready, empty", unit: "ms", scale: 1e-3, of: |f| f.ready_seconds },
    Row { name: "idle memory", unit: "MiB", scale: MIB, of: |f| f.idle_bytes },
    Row {
        name: "remote write, wall time per million samples",
        unit: "s",
        scale: 1.0,
        of: |f| f.ingest_wall_seconds_per_million,
    },
    Row {
        name: "the same, CPU time until the process has ended",
        unit: "s",
        scale: 1.0,
        of: |f| f.ingest_cpu_seconds_per_million,
    },
    Row {
        name: "disk per sample, compacted",
        unit: "B",
        scale: 1.0,
        of: |f| f.disk_bytes_per_sample,
    },
    Row {
        name: "disk per sample, whole directory",
        unit: "B",
        scale: 1.0,
        of: |f| f.directory_bytes_per_sample,
    },
    Row { name: "memory per series", unit: "B", scale: 1.0, of: |f| f.memory_bytes_per_series },
    Row {
        name: "until data answers after kill -9",
        unit: "s",
        scale: 1.0,
        of: |f| f.recovery_seconds,
    },
    Row { name: "peak memory of that", unit: "MiB", scale: MIB, of: |f| f.recovery_peak_bytes },
    Row { name: "acknowledged samples lost by it", unit: "", scale: 1.0, of: |f| f.lost_samples },
    Row {
        name: "dashboard of long windows, the whole range",
        unit: "ms",
        scale: 1e-3,
        of: |f| f.dashboard_range_seconds,
    },
    Row {
        name: "the same, one moment",
        unit: "ms",
        scale: 1e-3,
        of: |f| f.dashboard_instant_seconds,
    },
];

/// All rounds of one server.
pub(crate) struct Rounds {
    pub(crate) kind: Kind,
    pub(crate) version: String,
    pub(crate) figures: Vec<Figures>,
    pub(crate) answers: Answers,
}

/// The lowest, the middle and the highest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(rounds: &[Figures], figure: fn(&Figures) -> f64) -> Option<Self> {
        let mut all: Vec<f64> = rounds.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        let (low, high) = (*all.first()?, *all.last()?);
        Some(Self { low, median: all[all.len() / 2], high })
    }

    /// The median, with the ends where they differ from it.
    fn text(self, row: &Row) -> String {
        let [low, median, high] = [self.low, self.median, self.high].map(|v| short(v / row.scale));
        if low == high { median } else { format!("{median} ({low}–{high})") }
    }
}

/// A number with three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The table, in Markdown. The ratios are to the first server, whose figures are therefore 1.
pub(crate) fn table(sizes: Sizes, all: &[Rounds]) -> String {
    let ((series, scrapes), (wide, wide_scrapes)) = (sizes.history, sizes.wide);
    let window = sizes.window_days;
    let mut out = format!(
        "History: {series} series x {scrapes} samples. Memory and recovery: {wide} series x \
         {wide_scrapes} samples. Dashboard: 60 counters, windows of {window} days.\nMedian (lowest–highest) of {} rounds.\n\n",
        all.first().map_or(0, |rounds| rounds.figures.len())
    );
    let mut head = vec!["what".to_owned()];
    head.extend(
        all.iter()
            .map(|rounds| format!("{} {}", rounds.kind.name(), rounds.version).trim().to_owned()),
    );
    head.extend(all.iter().skip(1).map(|rounds| format!("× {}", rounds.kind.name())));
    let mut lines = vec![head];
    for row in &ROWS {
        let spreads: Vec<Spread> =
            all.iter().filter_map(|rounds| Spread::of(&rounds.figures, row.of)).collect();
        let name = if row.unit.is_empty() {
            row.name.to_owned()
        } else {
            format!("{}, {}", row.name, row.unit)
        };
        let mut line = vec![name];
        line.extend(spreads.iter().map(|spread| spread.text(row)));
        let first = spreads.first().map_or(0.0, |spread| spread.median);
        line.extend(spreads.iter().skip(1).map(|spread| match first {
            0.0 => "–".to_owned(),
            first => short(spread.median / first),
        }));
        lines.push(line);
    }
    out.push_str(&aligned(&lines));
    for (kind, agreement) in agreements(all) {
        out.push_str(&sentence(kind, &agreement));
    }
    out
}

/// How far the others answer as the first does.
fn agreements(all: &[Rounds]) -> Vec<(Kind, Agreement)> {
    let Some((first, others)) = all.split_first() else { return Vec::new() };
    others.iter().map(|other| (other.kind, compare(&first.answers, &other.answers))).collect()
}

fn sentence(kind: Kind, agreement: &Agreement) -> String {
    let Agreement { equal, rounded, different, missing, queries } = agreement;
    let mut text = format!(
        "\nAnswers of {}: {equal} values equal, {rounded} equal but for rounding, {different} \
         different, {missing} in one only",
        kind.name()
    );
    if !queries.is_empty() {
        text.push_str(&format!(" (in {})", queries.join("; ")));
    }
    text.push_str(".\n");
    text
}

/// Lines of cells as a Markdown table whose columns stand under one another.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |i: usize| {
        lines.iter().filter_map(|line| line.get(i)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|i| width(i).unwrap_or(0)).collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| match i {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        out.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if number == 0 {
            let rules = widths.iter().enumerate().map(|(i, &width)| match i {
                0 => "-".repeat(width + 2),
                _ => format!("{}:", "-".repeat(width + 1)),
            });
            out.push_str(&format!("|{}|\n", rules.collect::<Vec<_>>().join("|")));
        }
    }
    out
}

/// Everything, for programs.
pub(crate) fn as_json(sizes: Sizes, all: &[Rounds]) -> serde_json::Value {
    let servers: Vec<_> = all
        .iter()
        .map(|rounds| {
            json!({
                "name": rounds.kind.name(), "version": rounds.version, "rounds": rounds.figures,
            })
        })
        .collect();
    let answers: Vec<_> = agreements(all)
        .into_iter()
        .map(|(kind, agreement)| json!({"name": kind.name(), "answers": agreement}))
        .collect();
    json!({"sizes": sizes, "servers": servers, "agreement": answers})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(kind: Kind, memory: &[f64]) -> Rounds {
        let figure =
            |bytes: &f64| Figures { memory_bytes_per_series: *bytes, ..Figures::default() };
        let figures = memory.iter().map(figure).collect();
        Rounds { kind, version: "1".to_owned(), figures, answers: Answers::new() }
    }

    #[test]
    fn a_row_has_medians_spreads_and_ratios() {
        let all = [
            rounds(Kind::Ferula, &[400.0, 500.0, 450.0]),
            rounds(Kind::Prometheus, &[2000.0, 1800.0, 1900.0]),
        ];
        let sizes = Sizes { history: (1, 2), wide: (3, 4), window_days: 1, rest_seconds: 1 };
        let table = table(sizes, &all);
        let row = table.lines().find(|line| line.contains("memory per series")).expect("a row");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let expected =
            ["", "memory per series, B", "450 (400–500)", "1900 (1800–2000)", "4.22", ""];
        assert_eq!(cells, expected);
    }

    #[test]
    fn three_digits_count() {
        for (value, text) in
            [(0.0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234")]
        {
            assert_eq!(short(value), text);
        }
    }
}
