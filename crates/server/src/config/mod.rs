//! The configuration file: read, interpreted, checked as a whole.
//!
//! [`load`] reads a file and every rule file it names, and gives either all of it or the first thing
//! that is wrong, with file, line and field. Nothing is applied here: see [`crate::reload`].

mod emit;
mod interpret;
mod raw;
mod units;

use std::fmt;
use std::path::{Path, PathBuf};

use model::Labels;
use model::relabel::RelabelRule;
use promql::ParserOptions;
use rules::{AlertmanagerConfig, RuleFile};
use scrape::ScrapeConfig;
use tsdb::Retention;

pub use units::{BytesError, bytes_text, parse_bytes};

/// What is scraped when there is no configuration file: the server itself.
pub const DEFAULT_CONFIG: &str = "\
global:
  scrape_interval: 15s
  evaluation_interval: 15s
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['localhost:9090']
";

/// The longest configuration or rule file that is read, in bytes.
pub const FILE_LIMIT_BYTES: u64 = 16 << 20;

/// A configuration that can be applied.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often rules are evaluated, ms.
    pub evaluation_interval_ms: i64,
    /// How far back rules look, ms.
    pub rule_query_offset_ms: i64,
    /// Labels for everyone outside.
    pub external_labels: Labels,
    /// What is scraped.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// What becomes of alerts before they are sent.
    pub alert_relabel_configs: Vec<RelabelRule>,
    /// Where alerts are sent.
    pub alertmanagers: Vec<AlertmanagerConfig>,
    /// The rule files, in order.
    pub rule_files: Vec<RuleFile>,
    /// How samples are stored.
    pub storage: StorageConfig,
    /// All of it as YAML with the defaults filled in, as the API shows it.
    pub yaml: String,
    /// What it says that has no effect.
    pub warnings: Vec<String>,
}

/// `storage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageConfig {
    /// How many exemplars are kept, where the feature is on; `None` if the section is left out.
    pub max_exemplars: Option<usize>,
    /// What of `storage.tsdb.retention` is given; it goes before the flags.
    pub retention: Retention,
    /// `storage.tsdb.out_of_order_time_window`; 0 if it is left out.
    pub out_of_order_window_ms: i64,
}

/// Why a configuration cannot be applied: file, line if known, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: Option<u64>,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Reads a configuration file and the rule files it names, whose expressions are of the language that
/// `parser` says.
pub fn load(path: &Path, parser: ParserOptions) -> Result<Config, ConfigError> {
    let text = read(path)?;
    parse(path, &text, parser)
}

/// The configuration for a server without a file: it scrapes itself at `address`.
pub fn embedded(address: &str) -> Result<Config, ConfigError> {
    let text = DEFAULT_CONFIG.replace("localhost:9090", address);
    parse(Path::new("(embedded configuration)"), &text, ParserOptions::default())
}

/// Interprets the text of a configuration file and reads the rule files it names.
pub fn parse(path: &Path, text: &str, parser: ParserOptions) -> Result<Config, ConfigError> {
    interpret::interpret(path, text, parser)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |message: String| ConfigError { path: path.to_owned(), line: None, message };
    let len = std::fs::metadata(path).map_err(|e| error(format!("cannot read: {e}")))?.len();
    if len > FILE_LIMIT_BYTES {
        return Err(error(format!("longer than {FILE_LIMIT_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|e| error(format!("cannot read: {e}")))
}

#[cfg(test)]
mod tests;
