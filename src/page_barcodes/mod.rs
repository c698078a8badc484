//! Barcodes and patch codes: read on a page, drawn on paper.
//!
//! The only module that names rxing. It knows pixels and bars; what a text
//! means is for `records::cover_sheet` and the pipeline.

pub mod draw;
pub mod patch;
