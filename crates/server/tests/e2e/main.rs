//! The real binary against fake targets and a fake Alertmanager, all on loopback.

mod bad_input;
mod ferula;
mod full_disk;
mod lifecycle;
mod path;
mod tools;
mod written;
