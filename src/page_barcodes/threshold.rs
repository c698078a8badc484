//! Which pixels of a piece of page are dark.

use super::gray::Gray;
use super::readers::Bits;

/// Darker than the level that parts the piece's pixels best (Otsu).
pub(super) fn global(piece: &Gray) -> Bits {
    let level = otsu(&piece.pixels);
    bits(piece, |_, pixel| pixel <= level)
}

/// Darker than the mean of the pixels around, by a little so that plain paper
/// stays light.
pub(super) fn local(piece: &Gray, reach: usize) -> Bits {
    let (width, height) = (piece.width, piece.height);
    let sums = summed_area(piece);
    let mut dark = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(height));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(width));
            let at = |x: usize, y: usize| sums[y * (width + 1) + x];
            let sum = at(right, bottom)
                .wrapping_add(at(left, top))
                .wrapping_sub(at(left, bottom))
                .wrapping_sub(at(right, top));
            let area = ((right - left) * (bottom - top)) as u32;
            let pixel = u32::from(piece.pixels[y * width + x]);
            dark.push((pixel + LEAST_DARKER) * area < sum);
        }
    }
    Bits { width, height, dark }
}

/// Gray levels below the mean around: faded print stands 30 below its paper.
const LEAST_DARKER: u32 = 6;

fn bits(piece: &Gray, is_dark: impl Fn(usize, u8) -> bool) -> Bits {
    let dark = piece.pixels.iter().enumerate().map(|(i, pixel)| is_dark(i, *pixel)).collect();
    Bits { width: piece.width, height: piece.height, dark }
}

/// One row and one column of zeros first. The sums of a large page wrap round;
/// those of a window, taken from them, do not.
fn summed_area(piece: &Gray) -> Vec<u32> {
    let across = piece.width + 1;
    let mut sums = vec![0u32; across * (piece.height + 1)];
    for y in 0..piece.height {
        let mut row = 0;
        for (x, pixel) in piece.row(y).iter().enumerate() {
            row += u32::from(*pixel);
            sums[(y + 1) * across + x + 1] = sums[y * across + x + 1].wrapping_add(row);
        }
    }
    sums
}

fn otsu(pixels: &[u8]) -> u8 {
    let mut histogram = [0u32; 256];
    for pixel in pixels {
        histogram[usize::from(*pixel)] += 1;
    }
    let total = pixels.len() as f64;
    let sum: f64 = histogram.iter().enumerate().map(|(v, n)| v as f64 * f64::from(*n)).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut best, mut level) = (0.0, 127);
    for (value, count) in histogram.iter().enumerate() {
        below += f64::from(*count);
        sum_below += value as f64 * f64::from(*count);
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if between > best {
            (best, level) = (between, value as u8);
        }
    }
    level
}
