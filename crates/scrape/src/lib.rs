//! Fetching targets on time and appending what they say.
