//! Scanners: sheets in, images and named faults out.

pub mod sane;
