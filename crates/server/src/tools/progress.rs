//! One line on the terminal that says how far a tool is.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use model::Clock;
use model::clock::SystemClock;

/// The line is written anew no sooner than this.
const INTERVAL: Duration = Duration::from_millis(100);

/// The line; nothing if standard error is no terminal.
pub(super) struct Progress {
    clock: SystemClock,
    is_on: bool,
    shown_at: Option<Duration>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_on = io::stderr().is_terminal();
        Self { clock: SystemClock::new(), is_on, shown_at: None }
    }

    /// Says how far it is, if there is somebody to see and the last time is a while ago.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        if !self.is_on {
            return;
        }
        let now = self.clock.monotonic();
        if self.shown_at.is_none_or(|at| now.saturating_sub(at) >= INTERVAL) {
            self.shown_at = Some(now);
            // To the beginning of the line, and what stood there goes.
            eprint!("\r\x1b[K{}", text());
        }
    }

    /// Takes the line away, so that other output may follow.
    pub(super) fn clear(&mut self) {
        if self.shown_at.take().is_some() {
            eprint!("\r\x1b[K");
            // A terminal that takes nothing shows nothing.
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
