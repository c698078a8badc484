//! How large a page may be before it is refused, checked on the header before
//! any pixel is decoded.
//!
//! Pixels are counted, not bytes: a page of one bit a pixel grows to a byte a
//! pixel when it is cleaned and read, and to several for a while. At the most
//! allowed here that is about a gigabyte for as long as the page is worked on.

use crate::imaging::ImageFault;
use crate::records::raster::PixelFormat;

/// An ECG strip of two metres at 600 dpi has 47,000; nothing on paper has more.
pub const MAX_SIDE_PIXELS: u32 = 50_000;

/// A2 at 600 dpi and A0 at 300 dpi have 139.5 million, an ECG strip of two
/// metres by twelve centimetres at 600 dpi 134 million.
const MAX_MEGAPIXELS: u32 = 140;

/// A3 at 600 dpi has 69.6 million. Larger sheets are drawings, and those are
/// scanned in black and white or gray.
const MAX_COLOR_MEGAPIXELS: u32 = 80;

/// What a decoder may take for the pixels of one page.
pub const MAX_PAGE_BYTES: usize = 256 << 20;

/// A roll of 16 mm film has about 2,500 frames. Beyond this a file is a trap,
/// or belongs split.
pub const MAX_PAGES: usize = 10_000;

/// Refuses a page that is too large to be paper.
///
/// # Errors
/// [`ImageFault::TooLarge`].
pub fn check_size(width: u64, height: u64, format: PixelFormat) -> Result<(), ImageFault> {
    let max_megapixels = match format {
        PixelFormat::Bitonal | PixelFormat::Gray8 => MAX_MEGAPIXELS,
        PixelFormat::Rgb8 => MAX_COLOR_MEGAPIXELS,
    };
    let side = u64::from(MAX_SIDE_PIXELS);
    let fits =
        width <= side && height <= side && width * height <= u64::from(max_megapixels) * 1_000_000;
    if fits {
        return Ok(());
    }
    Err(ImageFault::TooLarge { width, height, max_side: MAX_SIDE_PIXELS, max_megapixels })
}
