//! How large a page may be before it is refused, checked on the header before
//! any pixel is decoded.

use crate::imaging::ImageFault;
use crate::records::raster::PixelFormat;

/// An ECG strip of two metres at 600 dpi has 47,000; nothing on paper has more.
pub const MAX_SIDE_PIXELS: u32 = 50_000;

/// A3 in colour at 600 dpi is 209 MB, ledger in black and white at 1200 dpi
/// 34 MB. More would put the station's memory at a stranger's disposal.
pub const MAX_PAGE_BYTES: usize = 256 << 20;

/// A roll of 16 mm film has about 2,500 frames. Beyond this a file is a trap,
/// or belongs split.
pub const MAX_PAGES: usize = 10_000;

/// Refuses a page that is too large to be paper.
///
/// # Errors
/// [`ImageFault::TooLarge`].
pub fn check_size(width: u64, height: u64, format: PixelFormat) -> Result<(), ImageFault> {
    let too_large = ImageFault::TooLarge {
        width,
        height,
        max_side: MAX_SIDE_PIXELS,
        max_megabytes: (MAX_PAGE_BYTES >> 20) as u32,
    };
    let side = u64::from(MAX_SIDE_PIXELS);
    if width > side || height > side {
        return Err(too_large);
    }
    let bytes = format.row_bytes(width as u32) as u64 * height;
    if bytes > MAX_PAGE_BYTES as u64 { Err(too_large) } else { Ok(()) }
}
