//! Criterion benches of the hot paths, one file per path under `benches/`, and what they share.

pub mod cluster;
pub mod samples;

/// CPU seconds of this process so far, to the nanosecond.
pub fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
