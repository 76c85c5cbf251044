//! The process: flags, configuration file, wiring, signals.
//!
//! [`run()`] is the whole server, from parsed [`flags::Flags`] to exit; the `ferula` binary is a few
//! lines around it and the [`tools`]. Whoever embeds single parts takes their crates instead.

pub mod config;
pub mod flags;
pub mod logging;
pub mod reload;
pub mod run;
pub mod shutdown;
pub mod tools;
pub mod wiring;

pub use run::{RunError, run};
