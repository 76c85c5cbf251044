//! The database as its users see it: one directory, opened, appended to, queried, maintained, killed.

mod concurrent;
mod crash;
mod damage;
mod deletion;
mod exemplars;
mod faults;
mod formats;
mod histograms;
mod late;
mod maintain;
mod model;
mod prometheus;
mod room;
mod samples;
mod snapshot;
