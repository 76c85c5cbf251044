//! What a process has used, by the accounts of the system.

use procfs::process::{ProcState, Process};

use crate::server::Result;

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// CPU seconds, user and system.
    pub(crate) cpu_seconds: f64,
    /// Bytes resident now; 0 after its end.
    pub(crate) resident_bytes: u64,
    /// The most bytes that ever were resident; 0 after its end.
    pub(crate) peak_bytes: u64,
    /// Whether it has ended, and only its accounts are left.
    pub(crate) has_ended: bool,
}

impl Usage {
    /// Of a child process that was not waited for.
    pub(crate) fn of(id: u32) -> Result<Self> {
        let process = Process::new(i32::try_from(id)?)?;
        let stat = process.stat()?;
        let status = process.status()?;
        let ticks = stat.utime + stat.stime;
        let bytes = |kib: Option<u64>| kib.unwrap_or(0) * 1024;
        Ok(Self {
            cpu_seconds: ticks as f64 / procfs::ticks_per_second() as f64,
            resident_bytes: bytes(status.vmrss),
            peak_bytes: bytes(status.vmhwm),
            has_ended: stat.state()? == ProcState::Zombie,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory() {
        let usage = Usage::of(std::process::id()).expect("accounts of this process");
        assert!(usage.resident_bytes > 1 << 20 && usage.peak_bytes >= usage.resident_bytes);
        assert!(!usage.has_ended);
    }
}
