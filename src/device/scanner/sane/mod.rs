//! Scanners behind libsane, driven in a child process.

pub mod worker;
