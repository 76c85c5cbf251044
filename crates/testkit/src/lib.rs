//! What tests use: the oracle store, the script runner, fakes, the tidy test.
