//! Gray and colour to black and white, where the profile asks, and specks off.

use super::blobs::Blobs;
use super::survey::{luma, otsu};
use crate::profile::Threshold;
use crate::records::raster::{PixelFormat, Raster};

/// The page in black and white; `None` where it stays as it is.
pub(super) fn bitonal(raster: &Raster, threshold: Threshold) -> Option<Raster> {
    let gray = match raster.format() {
        PixelFormat::Bitonal => return None,
        PixelFormat::Gray8 => None,
        PixelFormat::Rgb8 => Some(gray(raster)),
    };
    let levels = gray.as_deref().unwrap_or(raster.pixels());
    let width = raster.width() as usize;
    let bits = match threshold {
        Threshold::Keep => return None,
        Threshold::Global => {
            let level = global_level(levels);
            packed(levels, width, |_, _| level)
        }
        Threshold::Local => {
            let surface = Sauvola::of(levels, width, raster.dpi().0);
            packed(levels, width, |x, y| surface.level(x, y))
        }
    };
    let bitonal =
        Raster::new(raster.width(), raster.height(), raster.dpi(), PixelFormat::Bitonal, bits);
    Some(bitonal.expect("every row was filled"))
}

pub(in crate::imaging) fn gray(raster: &Raster) -> Vec<u8> {
    raster.pixels().as_chunks::<3>().0.iter().map(|&[r, g, b]| luma(r, g, b) as u8).collect()
}

fn global_level(levels: &[u8]) -> u8 {
    let mut histogram = [0u64; 256];
    for &level in levels {
        histogram[usize::from(level)] += 1;
    }
    otsu(&histogram)
}

/// Black where a level is below its threshold.
fn packed(levels: &[u8], width: usize, threshold: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let stride = width.div_ceil(8);
    let mut bits = vec![0u8; stride * (levels.len() / width)];
    for (y, (row, target)) in levels.chunks(width).zip(bits.chunks_mut(stride)).enumerate() {
        for (index, (pixels, byte)) in row.chunks(8).zip(target).enumerate() {
            for (bit, &pixel) in pixels.iter().enumerate() {
                *byte |= u8::from(pixel < threshold(index * 8 + bit, y)) << (7 - bit);
            }
        }
    }
    bits
}

/// Sauvola and Pietikäinen 2000: a neighbourhood's mean, lowered where it has
/// little contrast, so that empty paper stays white.
struct Sauvola {
    levels: Vec<u8>,
    /// Original pixels a side of one cell.
    cell: usize,
    across: usize,
}

/// Wider than a stroke, narrower than a shadow. Inches a side.
const WINDOW_INCHES: f32 = 0.12;
/// Their k and R, for 8-bit levels.
const SENSITIVITY: f64 = 0.34;
const DEVIATION_RANGE: f64 = 128.0;

impl Sauvola {
    /// Means and deviations are gathered over cells of 1/60 inch, and windows
    /// of cells: a threshold does not change faster than that, and it is ten
    /// times the work for each pixel.
    fn of(levels: &[u8], width: usize, dpi: u32) -> Sauvola {
        let cell = (dpi as usize / 60).max(2);
        let across = width.div_ceil(cell);
        let height = levels.len() / width;
        let down = height.div_ceil(cell);
        let mut sums = vec![[0u64; 3]; across * down];
        for (y, row) in levels.chunks(width).enumerate() {
            let cells = &mut sums[y / cell * across..][..across];
            for (pixels, sum) in row.chunks(cell).zip(cells) {
                for &pixel in pixels {
                    let level = u64::from(pixel);
                    sum[0] += 1;
                    sum[1] += level;
                    sum[2] += level * level;
                }
            }
        }
        let reach = ((WINDOW_INCHES / 2.0 * dpi as f32) as usize / cell).max(1);
        let levels = (0..across * down)
            .map(|index| window_level(&sums, across, down, index % across, index / across, reach))
            .collect();
        Sauvola { levels, cell, across }
    }

    fn level(&self, x: usize, y: usize) -> u8 {
        self.levels[y / self.cell * self.across + x / self.cell]
    }
}

fn window_level(
    sums: &[[u64; 3]],
    across: usize,
    down: usize,
    x: usize,
    y: usize,
    reach: usize,
) -> u8 {
    let [mut count, mut sum, mut squares] = [0u64; 3];
    for near_y in y.saturating_sub(reach)..(y + reach + 1).min(down) {
        let row = &sums[near_y * across..][x.saturating_sub(reach)..(x + reach + 1).min(across)];
        for cell in row {
            count += cell[0];
            sum += cell[1];
            squares += cell[2];
        }
    }
    let mean = sum as f64 / count as f64;
    let deviation = (squares as f64 / count as f64 - mean * mean).max(0.0).sqrt();
    (mean * (1.0 - SENSITIVITY * (1.0 - deviation / DEVIATION_RANGE))) as u8
}

/// A dot this small, at 300 dpi 2 pixels, is dust. Inches. The full stop of
/// 6-point type is 0.01.
const SPECK_INCHES: f32 = 0.007;

/// Without specks: lone dots smaller than any printed one. Only black and white
/// has specks; in gray they are texture.
pub(super) fn despeckled(raster: &Raster) -> Option<Raster> {
    if raster.format() != PixelFormat::Bitonal {
        return None;
    }
    let most = (SPECK_INCHES * raster.dpi().0 as f32).round().max(1.0) as u32;
    let blobs = Blobs::of(raster);
    Some(blobs.painted(raster, |blob| blob.longer_side() > most))
}
