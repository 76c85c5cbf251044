//! What is measured: more than a day of few series, then many series, a kill, and coming back, then the dashboard.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use model::Clock;
use serde_json::Value;
use testkit::http::encoded;
use tokio::runtime::Runtime;

use crate::answers::{self, Answers};
use crate::load::{INTERVAL_MS, Load};
use crate::progress::Progress;
use crate::server::{Candidate, Kind, Result, Server, pause};
use crate::wire::Encoder;

pub(crate) const DAY_MS: i64 = 86_400_000;
/// How often a figure is looked at that should come to rest.
const LOOK: Duration = Duration::from_millis(500);

/// A part of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// More than a day of few series
    History,
    /// Many series, and a kill
    Wide,
    /// Questions about long windows
    Dashboard,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::History, Self::Wide, Self::Dashboard];
}

/// How much is sent.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Sizes {
    /// Series of the history, and how many scrapes of them.
    pub(crate) history: (usize, usize),
    /// Series at once, and how many scrapes of them.
    pub(crate) wide: (usize, usize),
    /// How far the windows of the dashboard reach back, and how long it is; one day more is sent.
    pub(crate) window_days: i64,
    /// A figure has come to rest when it did not change for so many seconds.
    pub(crate) rest_seconds: u64,
}

/// The figures of one server in one round. Bytes, seconds, counts.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Figures {
    pub(crate) ready_seconds: f64,
    pub(crate) idle_bytes: f64,
    pub(crate) ingest_wall_seconds_per_million: f64,
    pub(crate) ingest_cpu_seconds_per_million: f64,
    pub(crate) disk_bytes_per_sample: f64,
    pub(crate) directory_bytes_per_sample: f64,
    pub(crate) memory_bytes_per_series: f64,
    pub(crate) recovery_seconds: f64,
    pub(crate) recovery_peak_bytes: f64,
    pub(crate) lost_samples: f64,
    pub(crate) dashboard_range_seconds: f64,
    pub(crate) dashboard_instant_seconds: f64,
}

/// Where the parts of one round run.
pub(crate) struct Round<'a> {
    pub(crate) candidate: &'a Candidate,
    pub(crate) sizes: Sizes,
    pub(crate) parts: &'a [Part],
    pub(crate) runtime: &'a Runtime,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a Progress,
}

impl Round<'_> {
    /// All of it, in fresh directories below `dir`.
    pub(crate) fn run(&self, dir: &Path) -> Result<(Figures, Answers)> {
        let mut figures = Figures::default();
        let mut answers = Answers::new();
        for part in self.parts {
            let name = part.to_possible_value().map_or_else(String::new, |it| it.get_name().into());
            let dir = dir.join(name);
            fs::create_dir_all(&dir)?;
            match part {
                Part::History => answers.append(&mut self.history(&dir, &mut figures)?),
                Part::Wide => self.wide(&dir, &mut figures)?,
                Part::Dashboard => answers.append(&mut self.dashboard(&dir, &mut figures)?),
            }
        }
        Ok((figures, answers))
    }

    pub(crate) fn say(&self, what: &str) {
        self.progress.say(&format!("{}: {what}", self.candidate.kind.name()));
    }

    pub(crate) fn start(&self, dir: &Path) -> Result<Server<'_>> {
        Server::start(self.candidate, dir, self.runtime, self.clock)
    }

    /// A history of few series: how dear it is to take in, how small on disk.
    fn history(&self, dir: &Path, figures: &mut Figures) -> Result<Answers> {
        let (series, scrapes) = self.sizes.history;
        let samples = series as f64 * scrapes as f64;
        // A whole day of the calendar that lies in the past.
        let start = (self.clock.now_ms() - 2 * DAY_MS) / DAY_MS * DAY_MS;
        let mut server = self.start(dir)?;
        figures.ready_seconds = server.ready_after.as_secs_f64();
        let begun = self.clock.monotonic();
        self.send(&server, &mut Load::new(series, start), scrapes)?;
        let wall = self.clock.monotonic() - begun;
        figures.ingest_wall_seconds_per_million = wall.as_secs_f64() * 1e6 / samples;
        let data = self.settled(&mut server)?;
        let all = size_of(&data)? as f64;
        figures.directory_bytes_per_sample = all / samples;
        figures.disk_bytes_per_sample = match server.kind {
            Kind::VictoriaMetrics => all / samples,
            Kind::Ferula | Kind::Prometheus => compacted(&data)?,
        };
        self.say("questions");
        let end = start + (scrapes as i64 - 1) * INTERVAL_MS;
        let answers = answers::ask(&server, start, end)?;
        let usage = server.stop()?;
        figures.ingest_cpu_seconds_per_million = usage.cpu_seconds * 1e6 / samples;
        Ok(answers)
    }

    /// Many series at once: memory, and what is left after a kill.
    fn wide(&self, dir: &Path, figures: &mut Figures) -> Result<()> {
        let (series, scrapes) = self.sizes.wide;
        let length = scrapes as i64 * INTERVAL_MS;
        let start = (self.clock.now_ms() - length - DAY_MS / 24) / INTERVAL_MS * INTERVAL_MS;
        let mut server = self.start(dir)?;
        self.rest(&mut server, "it idles", |server| Ok(server.usage()?.resident_bytes))?;
        let idle = server.usage()?.resident_bytes as f64;
        figures.idle_bytes = idle;
        let mut load = Load::new(series, start);
        self.send(&server, &mut load, scrapes - 1)?;
        self.rest(&mut server, "its memory rests", |server| {
            // Garbage is collected for some time; so much less is no change.
            Ok(server.usage()?.resident_bytes >> 21)
        })?;
        let resident = server.usage()?.resident_bytes as f64;
        figures.memory_bytes_per_series = (resident - idle) / series as f64;
        self.send(&server, &mut load, 1)?;
        server.kill()?;
        self.say("coming back");
        let begun = self.clock.monotonic();
        let mut server = self.start(dir)?;
        let ends = [start + INTERVAL_MS, start + (scrapes as i64 - 1) * INTERVAL_MS];
        let back = self.comes_back(&mut server, ends[0], series as f64)?;
        figures.recovery_seconds = (back - begun).as_secs_f64();
        figures.recovery_peak_bytes = server.usage()?.peak_bytes as f64;
        let sent = series as f64 * scrapes as f64;
        self.say("counting what is left");
        figures.lost_samples = sent - kept(&server, &load, ends[1], length)?;
        server.stop()?;
        Ok(())
    }

    /// Waits until all series of a scrape answer; returns when they did, on the clock's monotonic time.
    ///
    /// A server may have lost even that scrape. It is back when no more of it has come for as long as a
    /// figure is given to rest; how much is gone is counted afterwards.
    fn comes_back(&self, server: &mut Server<'_>, t: i64, series: f64) -> Result<Duration> {
        let needed = Duration::from_secs(self.sizes.rest_seconds);
        let mut last = (0.0, self.clock.monotonic());
        server.until("its first scrape answers", |server| {
            let (found, at) = (count_at(server, t)?, self.clock.monotonic());
            if found != last.0 {
                last = (found, at);
            }
            Ok(found == series || at - last.1 >= needed)
        })?;
        Ok(last.1)
    }

    fn send(&self, server: &Server<'_>, load: &mut Load, scrapes: usize) -> Result<()> {
        let mut encoder = Encoder::new(load.labels());
        for scrape in 0..scrapes {
            if scrape.is_multiple_of(16) {
                let done = scrape * 100 / scrapes;
                self.say(&format!("{done:3} % of {} series x {scrapes} samples", load.len()));
            }
            for body in encoder.bodies(&load.step()) {
                server.write(body)?;
            }
        }
        Ok(())
    }

    /// Waits until a server has merged what it was sent; returns the directory of its data.
    pub(crate) fn settled(&self, server: &mut Server<'_>) -> Result<PathBuf> {
        self.say("compaction");
        if server.kind == Kind::VictoriaMetrics {
            server.get("/internal/force_flush")?;
            server.get("/internal/force_merge")?;
        }
        let data = server.data();
        self.rest(server, "its files rest", |_| Ok(size_of(&data)?))?;
        Ok(data)
    }

    /// Waits until a figure has not changed for as long as the sizes say, but no more than six times as
    /// long: a kernel that takes pages back bit by bit would keep it moving.
    fn rest(
        &self,
        server: &mut Server<'_>,
        what: &str,
        mut figure: impl FnMut(&Server<'_>) -> Result<u64>,
    ) -> Result<()> {
        let needed = Duration::from_secs(self.sizes.rest_seconds);
        let begun = self.clock.monotonic();
        let mut last = (figure(server)?, begun);
        server.until(what, |server| {
            pause(LOOK);
            let (now, at) = (figure(server)?, self.clock.monotonic());
            if now != last.0 {
                last = (now, at);
            }
            Ok(at - last.1 >= needed || at - begun >= needed * 6)
        })
    }
}

/// How many samples a server still has, up to one scrape after `end`. Asked name by name: without
/// their names, series of several metrics are one.
fn kept(server: &Server<'_>, load: &Load, end: i64, length: i64) -> Result<f64> {
    let at = (end + INTERVAL_MS) as f64 / 1000.0;
    let window = (length + 2 * INTERVAL_MS) / 1000;
    let mut sum = 0.0;
    for name in load.names() {
        let query = format!("sum(count_over_time({name}[{window}s]))");
        let result = server.query(&format!("query?time={at}&query={}", encoded(&query)))?;
        sum += number(&result);
    }
    Ok(sum)
}

/// How many series have a sample at a time.
fn count_at(server: &Server<'_>, t: i64) -> Result<f64> {
    let query = "count({__name__=~\"(node|http)_.+\"})";
    let at = t as f64 / 1000.0;
    // A server that comes back may refuse questions for a while.
    let result = server.query(&format!("query?time={at}&query={}", encoded(query)));
    Ok(result.map_or(0.0, |result| number(&result)))
}

/// The value of the only element of an instant query; 0 without one.
fn number(result: &Value) -> f64 {
    result[0]["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// Bytes of all files below a directory, of a process that may be moving them about.
fn size_of(dir: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let size = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => Ok(metadata.len()),
            Err(e) => Err(e),
        };
        match size {
            Ok(size) => sum += size,
            // It was there when the directory was read.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(sum)
}

/// Bytes per sample of the blocks in a directory, by what their `meta.json` says they hold.
fn compacted(data: &Path) -> Result<f64> {
    let (mut bytes, mut samples) = (0, 0);
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        let Ok(meta) = fs::read(path.join("meta.json")) else { continue };
        let meta: Value = serde_json::from_slice(&meta)?;
        samples += meta["stats"]["numSamples"].as_u64().unwrap_or(0);
        bytes += size_of(&path)?;
    }
    match samples {
        0 => Err(format!("{}: no block was written", data.display()).into()),
        samples => Ok(bytes as f64 / samples as f64),
    }
}
