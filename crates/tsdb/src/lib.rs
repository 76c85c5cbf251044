//! The database: head, WAL, blocks, compaction, retention.
