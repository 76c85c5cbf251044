//! `list`: a table of blocks, as promtool prints it.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tsdb::BlockMeta;
use tsdb::offline;

use super::{Bench, ToolError};

const HEAD: [&str; 8] = [
    "BLOCK ULID",
    "MIN TIME",
    "MAX TIME",
    "DURATION",
    "NUM SAMPLES",
    "NUM CHUNKS",
    "NUM SERIES",
    "SIZE",
];

/// Lists the blocks of a directory.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let dir = bench.dir()?;
    let io = |source| ToolError::Io { action: "list", path: dir.to_owned(), source };
    let (blocks, failed) = offline::stored(dir).map_err(io)?;
    let rows: Vec<_> = blocks.iter().map(|block| (block.meta(), block.size_bytes())).collect();
    table(bench.out, &rows, bench.arguments.get_flag("human-readable"))?;
    for (_, error) in &failed {
        eprintln!("ferula: {error}");
    }
    match failed.len() {
        0 => Ok(()),
        count => Err(ToolError::Found(format!("{count} blocks do not open"))),
    }
}

/// Prints a line for each block with its size.
pub(super) fn table(
    out: &mut dyn Write,
    blocks: &[(&BlockMeta, u64)],
    is_human: bool,
) -> io::Result<()> {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(blocks.iter().map(|(meta, size)| row(meta, *size, is_human)));
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        (widest + 2).max(13)
    };
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in &rows {
        let (last, cells) = row.split_last().expect("eight columns");
        for (cell, width) in cells.iter().zip(widths) {
            write!(out, "{cell:width$}")?;
        }
        writeln!(out, "{last}")?;
    }
    Ok(())
}

fn row(meta: &BlockMeta, size: u64, is_human: bool) -> [String; 8] {
    let time = |t: i64| if is_human { date(t) } else { t.to_string() };
    let stats = meta.stats;
    [
        meta.ulid.to_string(),
        time(meta.min_time),
        time(meta.max_time),
        duration(meta.max_time.saturating_sub(meta.min_time)),
        stats.num_samples.to_string(),
        stats.num_chunks.to_string(),
        stats.num_series.to_string(),
        if is_human { bytes(size) } else { size.to_string() },
    ]
}

/// As Go prints a time: `2026-11-23 17:59:41 +0000 UTC`.
fn date(ms: i64) -> String {
    match Timestamp::from_second(ms.div_euclid(1000)) {
        Ok(t) => t.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// As Go prints a duration: `1h2m3.004s`, `250ms`.
pub(super) fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let span = Duration::from_millis(ms.unsigned_abs());
    let seconds = span.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = fraction(seconds % 60, span.subsec_millis());
    match (seconds, hours, minutes) {
        (0, ..) if ms == 0 => "0s".to_owned(),
        (0, ..) => format!("{sign}{}ms", span.subsec_millis()),
        (_, 0, 0) => format!("{sign}{rest}s"),
        (_, 0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// `5.25`, without zeros at the end.
fn fraction(whole: u64, millis: u32) -> String {
    let text = format!("{whole}.{millis:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As promtool prints a size: `1MiB3KiB7B`.
fn bytes(mut size: u64) -> String {
    let mut text = String::new();
    for (unit, power) in
        [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
    {
        let count = size >> power;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            size -= count << power;
        }
    }
    if size > 0 || text.is_empty() {
        text.push_str(&format!("{size}B"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_as_promtool_writes_them() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (124, "124ms"),
            (18_415, "18.415s"),
            (60_000, "1m0s"),
            (358_972, "5m58.972s"),
            (7_200_000, "2h0m0s"),
            (-1_500, "-1.5s"),
        ] {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(date(1_795_456_781_585), "2026-11-23 17:59:41 +0000 UTC");
        for (size, text) in [(0, "0B"), (673, "673B"), (170_414, "166KiB430B"), (1 << 20, "1MiB")] {
            assert_eq!(bytes(size), text);
        }
    }
}
