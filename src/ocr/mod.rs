//! Words on a page, read by warm Tesseract workers.

pub mod worker;
