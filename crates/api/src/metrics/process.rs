//! What the system says about this process. Only Linux is asked; elsewhere nothing is said.

use std::fs;

/// Times in `/proc/self/stat` are in hundredths of a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Numbers about the process; `None` for what the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) virtual_bytes: Option<f64>,
    pub(super) open_fds: Option<f64>,
    pub(super) max_fds: Option<f64>,
}

impl Process {
    pub(super) fn read() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let status = text("status");
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Self {
            cpu_seconds: cpu_seconds(&text("stat")),
            resident_bytes: kib(&status, "VmRSS:"),
            virtual_bytes: kib(&status, "VmSize:"),
            // The reading itself has one open.
            open_fds: open_fds.and_then(|n| u32::try_from(n.saturating_sub(1)).ok()).map(f64::from),
            max_fds: max_fds(&text("limits")),
        }
    }
}

/// User and system time: the 14th and 15th field. The second, the program's name, may hold spaces;
/// it ends at the last parenthesis.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn kib(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_texts_are_read() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(kib("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n", "VmRSS:"), Some(12_288.0));
        let limits = "Max cpu time  unlimited unlimited seconds\nMax open files  1024  4096 files";
        assert_eq!(max_fds(limits), Some(1024.0));
        for text in ["", "x", "1 (a) S", "VmRSS: x kB"] {
            assert_eq!((cpu_seconds(text), kib(text, "VmRSS:")), (None, None));
        }
    }
}
