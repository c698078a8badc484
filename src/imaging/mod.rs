//! Pixels: decoded, straightened, measured, coded.
//!
//! ```text
//! file ─▶ decode ─▶ Raster ─▶ clean ─▶ Raster + PagePicture ─▶ encode ─▶ file or PDF image
//! ```
//!
//! Knows nothing of batches, text or barcodes. Files from outside meet only
//! decoders written in Rust; leptonica (C) is given pixels whose size was
//! checked, never a file.

pub mod clean;
pub mod decode;
pub mod encode;
mod fault;
pub mod geometry;
mod leptonica;
pub mod reading;
mod runs;
pub mod turn;

pub use fault::ImageFault;
