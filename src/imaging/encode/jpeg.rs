//! Baseline JPEG for the PDF, by libjpeg-turbo.
//!
//! Letter page in gray, 300 dpi, quality 80: `image`
//! 226 ms and 703 KB; jpeg-encoder 0.7.1 106 ms and 704 KB; libjpeg-turbo
//! through leptonica 34 to 62 ms and 704 KB. jpeg-encoder can make Huffman tables for
//! the page (113 ms, 532 KB), but writes an unreadable table where a component
//! has a single value, as on every gray page scanned in colour. Leptonica has
//! libjpeg make such tables only with progressive scans: a typed page then takes
//! 475 KB instead of 659, 64 ms instead of 17, and twice the time to show.

use crate::imaging::leptonica::Pix;
use crate::records::raster::Raster;

/// `quality` 1 to 100. Colour is subsampled 2×2.
pub(super) fn encode(raster: &Raster, quality: u8) -> Vec<u8> {
    Pix::from_raster(raster).to_jpeg(quality.clamp(1, 100))
}
