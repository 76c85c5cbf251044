//! Fetching targets on time and appending what they say.
//!
//! [`ScrapeManager`] owns a pool for each job; a pool owns a loop for each target; a loop owns the
//! target's connection, its cache of series and its schedule. At each tick the loop fetches,
//! parses, relabels and appends, and reports on itself (`up` and its siblings): one scrape is one
//! commit. What a target said last time and does not say now is marked stale, all of it if the
//! scrape failed or the target is gone.
//!
//! Nothing here knows YAML, or the database behind [`storage::Appendable`]. Only the time of day
//! that [`model::Clock`] tells becomes a timestamp; tokio's clock is for waiting.

mod cache;
mod config;
mod error;
mod fetch;
mod ingest;
mod limits;
mod manager;
mod metadata;
mod mutate;
mod pool;
mod report;
mod scrape_loop;
mod stats;
mod status;
mod target;
mod texts;

pub use config::{ScrapeConfig, ScrapeOptions};
pub use error::{ScrapeError, TargetError};
pub use exposition::MetricType;
pub use exposition::negotiate::ScrapeProtocol;
pub use manager::ScrapeManager;
pub use metadata::MetricMetadata;
pub use stats::{PoolStats, ScrapeStats};
pub use status::{Health, PoolStatus, TargetMetadata, TargetStatus};
