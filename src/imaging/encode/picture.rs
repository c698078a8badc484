//! A page for a screen: small and quick to make, for a person's eye alone.

use image::imageops::thumbnail;
use image::{GrayImage, RgbImage};

use super::jpeg;
use crate::imaging::reading::in_bytes;
use crate::records::raster::{Dpi, PixelFormat, Raster};

/// Good enough to read typed text by.
const QUALITY: u8 = 75;

/// A JPEG file `width` pixels wide, or as wide as the page where that is
/// narrower.
pub fn for_screen(raster: &Raster, width: u32) -> Vec<u8> {
    let width = width.clamp(1, raster.width());
    if width == raster.width() && raster.format() != PixelFormat::Bitonal {
        return jpeg::encode(raster, QUALITY);
    }
    let scaled = |length: u32| u64::from(length) * u64::from(width) / u64::from(raster.width());
    let height = u32::try_from(scaled(raster.height())).unwrap_or(u32::MAX).max(1);
    let dpi = Dpi(u32::try_from(scaled(raster.dpi().0)).unwrap_or(u32::MAX).max(1));
    let (format, pixels) = match raster.format() {
        PixelFormat::Bitonal => (PixelFormat::Gray8, gray(&in_bytes(raster), width, height)),
        PixelFormat::Gray8 => (PixelFormat::Gray8, gray(raster, width, height)),
        PixelFormat::Rgb8 => {
            let page =
                RgbImage::from_raw(raster.width(), raster.height(), raster.pixels().to_vec());
            let page = page.expect("a raster has as many bytes as its size says");
            (PixelFormat::Rgb8, thumbnail(&page, width, height).into_raw())
        }
    };
    let small = Raster::new(width, height, dpi, format, pixels).expect("made in this size");
    jpeg::encode(&small, QUALITY)
}

fn gray(raster: &Raster, width: u32, height: u32) -> Vec<u8> {
    let page = GrayImage::from_raw(raster.width(), raster.height(), raster.pixels().to_vec());
    let page = page.expect("a raster has as many bytes as its size says");
    thumbnail(&page, width, height).into_raw()
}
