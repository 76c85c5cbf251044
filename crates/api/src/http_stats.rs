//! What is counted about requests, by handler.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::stat::{Counter, Histogram};

/// Upper bounds of durations, in seconds. As in Prometheus.
const DURATIONS: [f64; 10] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0, 300.0];
/// Upper bounds of sizes, in bytes. As in Prometheus.
const SIZES: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Numbers of all handlers.
#[derive(Default)]
pub(crate) struct HttpStats {
    handlers: Mutex<BTreeMap<String, Arc<HandlerStats>>>,
}

/// Numbers of one handler.
pub(crate) struct HandlerStats {
    /// Answers by status. Few statuses occur.
    codes: Mutex<BTreeMap<u16, Arc<Counter>>>,
    /// How long it took until the answer began, in seconds.
    pub(crate) durations: Histogram,
    /// How large answers were before they were packed, in bytes.
    pub(crate) sizes: Histogram,
}

impl HttpStats {
    /// The numbers of a handler.
    pub(crate) fn handler(&self, name: &str) -> Arc<HandlerStats> {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = handlers.get(name) {
            return Arc::clone(stats);
        }
        let stats = Arc::new(HandlerStats {
            codes: Mutex::default(),
            durations: Histogram::new(&DURATIONS),
            sizes: Histogram::new(&SIZES),
        });
        handlers.insert(name.to_owned(), Arc::clone(&stats));
        stats
    }

    /// All handlers that were asked so far, by name.
    pub(crate) fn all(&self) -> Vec<(String, Arc<HandlerStats>)> {
        let handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        handlers.iter().map(|(name, stats)| (name.clone(), Arc::clone(stats))).collect()
    }
}

impl HandlerStats {
    /// Counts an answer.
    pub(crate) fn answered(&self, code: u16) {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.entry(code).or_default().inc();
    }

    /// Answers by status.
    pub(crate) fn codes(&self) -> Vec<(u16, u64)> {
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.iter().map(|(code, count)| (*code, count.get())).collect()
    }
}
