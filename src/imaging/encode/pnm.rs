//! PNM, as libsane's own tools write it: our rows are its rows.

use crate::records::raster::{PixelFormat, Raster};

/// P4, P5 or P6, by the raster's format. Carries no resolution.
pub fn encode(raster: &Raster) -> Vec<u8> {
    let (width, height) = (raster.width(), raster.height());
    let mut bytes = match raster.format() {
        PixelFormat::Bitonal => format!("P4\n{width} {height}\n"),
        PixelFormat::Gray8 => format!("P5\n{width} {height}\n255\n"),
        PixelFormat::Rgb8 => format!("P6\n{width} {height}\n255\n"),
    }
    .into_bytes();
    bytes.extend_from_slice(raster.pixels());
    bytes
}
