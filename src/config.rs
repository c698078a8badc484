//! This machine: `station.toml`, read once, checked whole, then immutable.
