//! How many dots an inch a page has, when the file says so, says nothing, or
//! says something no scanner would.

use super::limits::check_size;
use crate::imaging::ImageFault;
use crate::records::raster::{Dpi, PixelFormat, Raster};

/// Where a page's resolution comes from. Whatever is not [`DpiSource::File`]
/// or [`DpiSource::Squared`] deserves a warning: sizes on it are a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DpiSource {
    /// The file says so and it is credible.
    File,
    /// The file says different resolutions across and down, as fax does
    /// (204×98, 204×196): rescaled to the larger.
    Squared { across: u32, down: u32 },
    /// The file says nothing: estimated from the width, as letter or A4.
    Estimated,
    /// The file says something not credible: estimated likewise.
    Disbelieved { across: u32, down: u32 },
}

/// Dots per inch across and down as a file states them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stated {
    pub across: f64,
    pub down: f64,
}

impl Stated {
    pub(super) fn per_metre(across: f64, down: f64) -> Self {
        Stated { across: across * 0.0254, down: down * 0.0254 }
    }

    pub(super) fn per_centimetre(across: f64, down: f64) -> Self {
        Stated { across: across * 2.54, down: down * 2.54 }
    }

    pub(super) fn per_inch(across: f64, down: f64) -> Self {
        Stated { across, down }
    }
}

/// No scanner for paper delivers less (fax is 98 down) …
const LEAST_DPI: f64 = 50.0;
/// … or more.
const MOST_DPI: f64 = 2400.0;
/// Programs write 72 or 96 when they know nothing. Up to here a resolution is
/// believed only if the page would fit a large desk scanner.
const SCREEN_DPI: f64 = 100.0;
/// The short side of ledger and A3 is 11 and 11.7 inches.
const LONGEST_SHORT_SIDE_INCHES: f64 = 12.0;
/// Standard fax is 204×98; pixels longer than this are a mistake.
const MOST_OBLONG: f64 = 3.0;
/// 204×196 is fax "fine" and must be squared; 300×299 is rounding.
const SQUARE_TOLERANCE: f64 = 0.01;
/// What scanners are set to; an estimate near one of these means it.
const USUAL_DPI: [u32; 10] = [75, 100, 150, 200, 240, 300, 400, 600, 1200, 2400];
/// Below this a page without a resolution is more likely a cutting than a
/// letter page; Tesseract too takes 70 as the least.
const LEAST_ESTIMATE: f64 = 70.0;

fn credible(stated: Stated, width: u32, height: u32) -> bool {
    let range = LEAST_DPI..=MOST_DPI;
    if !range.contains(&stated.across) || !range.contains(&stated.down) {
        return false;
    }
    let oblong = (stated.across / stated.down).max(stated.down / stated.across);
    if oblong > MOST_OBLONG {
        return false;
    }
    let short_inches = (f64::from(width) / stated.across).min(f64::from(height) / stated.down);
    stated.across > SCREEN_DPI || short_inches <= LONGEST_SHORT_SIDE_INCHES
}

/// The resolution of a page of this size if it is letter or A4, whichever its
/// proportions are nearer to.
fn estimate(width: u32, height: u32) -> Dpi {
    let short = f64::from(width.min(height));
    let long = f64::from(width.max(height));
    let short_inches = if long / short > 1.35 { 8.27 } else { 8.5 };
    let raw = (short / short_inches).clamp(LEAST_ESTIMATE, MOST_DPI);
    let usual = USUAL_DPI.into_iter().find(|&usual| (raw / f64::from(usual) - 1.0).abs() < 0.08);
    Dpi(usual.unwrap_or(raw.round() as u32))
}

/// Settles the resolution of pixels just decoded, rescaling those that are not
/// square.
///
/// # Errors
/// [`ImageFault::TooLarge`] when squaring would make them so.
pub(super) fn settle(
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Vec<u8>,
    stated: Option<Stated>,
) -> Result<(Raster, DpiSource), ImageFault> {
    let exact = |dpi, pixels| {
        Raster::new(width, height, dpi, format, pixels).expect("the decoder filled every row")
    };
    let Some(stated) = stated else {
        return Ok((exact(estimate(width, height), pixels), DpiSource::Estimated));
    };
    let across = stated.across.round().clamp(0.0, 1e6) as u32;
    let down = stated.down.round().clamp(0.0, 1e6) as u32;
    if !credible(stated, width, height) {
        let source = DpiSource::Disbelieved { across, down };
        return Ok((exact(estimate(width, height), pixels), source));
    }
    let dpi = Dpi(across.max(down));
    if (stated.across / stated.down - 1.0).abs() <= SQUARE_TOLERANCE {
        return Ok((exact(Dpi(across), pixels), DpiSource::File));
    }
    let larger = stated.across.max(stated.down);
    let new_width = (f64::from(width) * larger / stated.across).round() as u32;
    let new_height = (f64::from(height) * larger / stated.down).round() as u32;
    check_size(new_width.into(), new_height.into(), format)?;
    let squared = stretched(&exact(dpi, pixels), new_width, new_height);
    Ok((squared, DpiSource::Squared { across, down }))
}

/// Repeats rows and columns to fill the new size. Never smaller than before,
/// so nothing is lost, and bars keep hard edges.
fn stretched(raster: &Raster, width: u32, height: u32) -> Raster {
    let format = raster.format();
    let source_x: Vec<usize> = (0..u64::from(width))
        .map(|x| (x * u64::from(raster.width()) / u64::from(width)) as usize)
        .collect();
    let mut pixels = Vec::with_capacity(format.row_bytes(width) * height as usize);
    let mut row = vec![0u8; format.row_bytes(width)];
    for y in 0..u64::from(height) {
        let source = raster.row((y * u64::from(raster.height()) / u64::from(height)) as u32);
        if width == raster.width() {
            pixels.extend_from_slice(source);
            continue;
        }
        match format {
            PixelFormat::Bitonal => {
                row.fill(0);
                for (x, &from) in source_x.iter().enumerate() {
                    row[x / 8] |= (source[from / 8] >> (7 - from % 8) & 1) << (7 - x % 8);
                }
            }
            PixelFormat::Gray8 => {
                for (x, &from) in source_x.iter().enumerate() {
                    row[x] = source[from];
                }
            }
            PixelFormat::Rgb8 => {
                for (x, &from) in source_x.iter().enumerate() {
                    row[x * 3..][..3].copy_from_slice(&source[from * 3..][..3]);
                }
            }
        }
        pixels.extend_from_slice(&row);
    }
    Raster::new(width, height, raster.dpi(), format, pixels).expect("every row was filled")
}
