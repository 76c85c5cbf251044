//! Evaluating rules on time: recording, alerting, notifying.
