//! A piece of page, repaired for reading: smoothed, or blur taken back.

use super::gray::Gray;

/// A Gaussian of `sigma` pixels.
pub(super) fn smoothed(piece: &Gray, sigma: f32) -> Gray<'static> {
    let plane: Vec<f32> = piece.pixels.iter().map(|p| f32::from(*p)).collect();
    let smooth = blurred(&plane, piece.width, &gaussian(sigma));
    Gray::new(piece.width, piece.height, smooth.iter().map(|v| (v + 0.5) as u8).collect())
}

/// A Gaussian of `sigma` pixels down the columns only.
pub(super) fn smoothed_down(piece: &Gray, sigma: f32) -> Gray<'static> {
    let plane: Vec<f32> = piece.pixels.iter().map(|p| f32::from(*p)).collect();
    let smooth = blurred_down(&plane, piece.width, &gaussian(sigma));
    Gray::new(piece.width, piece.height, smooth.iter().map(|v| (v + 0.5) as u8).collect())
}

/// Takes back a Gaussian blur of `sigma` pixels: the picture between its
/// paper's and its ink's gray that, blurred again, comes nearest (projected
/// gradient with Nesterov's momentum).
pub(super) fn sharpened(piece: &Gray, sigma: f32) -> Gray<'static> {
    let plane: Vec<f32> = piece.pixels.iter().map(|p| f32::from(*p)).collect();
    let (ink, paper) = (level(piece, 0.02), level(piece, 0.9));
    let kernel = gaussian(sigma);
    let mut estimate = plane.clone();
    let mut ahead = plane.clone();
    let mut momentum = 1.0f32;
    for _ in 0..SHARPENING_ROUNDS {
        let mut wrong = blurred(&ahead, piece.width, &kernel);
        wrong.iter_mut().zip(&plane).for_each(|(w, p)| *w = p - *w);
        let correction = blurred(&wrong, piece.width, &kernel);
        let next_momentum = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let carry = (momentum - 1.0) / next_momentum;
        momentum = next_momentum;
        for ((ahead, estimate), correction) in ahead.iter_mut().zip(&mut estimate).zip(&correction)
        {
            let next = (*ahead + correction).clamp(ink, paper);
            *ahead = next + carry * (next - *estimate);
            *estimate = next;
        }
    }
    let pixels = estimate.iter().map(|v| (v + 0.5) as u8).collect();
    Gray::new(piece.width, piece.height, pixels)
}

/// More rounds sharpen further, and the noise too.
const SHARPENING_ROUNDS: usize = 20;

/// The gray that `part` of the pixels are darker than.
fn level(piece: &Gray, part: f32) -> f32 {
    let mut histogram = [0usize; 256];
    piece.pixels.iter().for_each(|p| histogram[usize::from(*p)] += 1);
    let wanted = (piece.pixels.len() as f32 * part) as usize;
    let mut below = 0;
    for (gray, count) in histogram.iter().enumerate() {
        below += count;
        if below > wanted {
            return gray as f32;
        }
    }
    255.0
}

/// Twice as wide and high, bilinear: for modules of two pixels.
pub(super) fn doubled(piece: &Gray) -> Gray<'static> {
    let (width, height) = (piece.width * 2, piece.height * 2);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let value = piece.at(x as f32 / 2.0 - 0.25, y as f32 / 2.0 - 0.25);
            pixels.push((value + 0.5) as u8);
        }
    }
    Gray::new(width, height, pixels)
}

/// Half of a symmetric kernel, its centre first.
fn gaussian(sigma: f32) -> Vec<f32> {
    let reach = (2.5 * sigma).ceil() as i32;
    let mut kernel: Vec<f32> =
        (0..=reach).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    kernel.iter_mut().for_each(|k| *k /= sum);
    kernel
}

/// Along the rows, then along the columns; the edge pixels go on for ever.
fn blurred(plane: &[f32], width: usize, half_kernel: &[f32]) -> Vec<f32> {
    let reach = half_kernel.len() - 1;
    let mut across = Vec::with_capacity(plane.len());
    let mut padded = Vec::with_capacity(width + 2 * reach);
    for row in plane.chunks_exact(width) {
        padded.clear();
        padded.extend(std::iter::repeat_n(row[0], reach));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(row[width - 1], reach));
        let start = across.len();
        across.extend(row.iter().map(|v| v * half_kernel[0]));
        for (distance, weight) in half_kernel.iter().enumerate().skip(1) {
            let pairs = padded[reach - distance..].iter().zip(&padded[reach + distance..]);
            across[start..].iter_mut().zip(pairs).for_each(|(s, (b, a))| *s += weight * (b + a));
        }
    }
    blurred_down(&across, width, half_kernel)
}

fn blurred_down(plane: &[f32], width: usize, half_kernel: &[f32]) -> Vec<f32> {
    let rows: Vec<&[f32]> = plane.chunks_exact(width).collect();
    let mut result = Vec::with_capacity(plane.len());
    for y in 0..rows.len() {
        let start = result.len();
        result.extend(rows[y].iter().map(|v| v * half_kernel[0]));
        for (distance, weight) in half_kernel.iter().enumerate().skip(1) {
            let above = rows[y.saturating_sub(distance)];
            let below = rows[(y + distance).min(rows.len() - 1)];
            let pairs = above.iter().zip(below);
            result[start..].iter_mut().zip(pairs).for_each(|(s, (b, a))| *s += weight * (b + a));
        }
    }
    result
}
