//! Outgoing HTTP with the options that configuration gives.
