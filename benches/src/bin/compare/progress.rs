//! Where the comparison is: one line that changes, on a terminal; lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

/// Says where the comparison is, on standard error.
pub(crate) struct Progress {
    is_terminal: bool,
    last: Mutex<String>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), last: Mutex::default() }
    }

    /// Says it. Where lines cannot change, percentages are left out.
    pub(crate) fn say(&self, what: &str) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut err = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        if self.is_terminal {
            let _ = write!(err, "\r\x1b[2K{what}");
            let _ = err.flush();
        } else {
            let phase: String = what.chars().filter(|c| !c.is_ascii_digit()).collect();
            if *last != phase {
                let _ = writeln!(err, "{what}");
                *last = phase;
            }
        }
    }

    /// Leaves the line free for what follows.
    pub(crate) fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
