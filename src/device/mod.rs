//! Hardware, one folder a kind: its drivers and the simulated one.

pub mod scanner;
