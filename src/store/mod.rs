//! The database: one file a record kind.
