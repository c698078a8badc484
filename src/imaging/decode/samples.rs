//! Samples as files have them made into ours: one byte or one bit, opaque,
//! black as 0 in bytes and 1 in bits.

use crate::records::raster::PixelFormat;

/// Paper is white where a picture is transparent.
pub(super) fn on_paper(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// What the sample behind the colours of a pixel is (TIFF 6.0 tag 338).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtraSample {
    /// No opacity: the colours are as they are.
    Unspecified,
    /// The colours are multiplied by it already.
    AssociatedAlpha,
    Alpha,
}

/// `N` colour samples and one of alpha a pixel become `N`, in place.
pub(super) fn drop_alpha<const N: usize>(pixels: Vec<u8>) -> Vec<u8> {
    drop_extra::<N>(pixels, ExtraSample::Alpha)
}

/// `N` colour samples and one more a pixel become `N`, in place.
pub(super) fn drop_extra<const N: usize>(mut pixels: Vec<u8>, extra: ExtraSample) -> Vec<u8> {
    let count = pixels.len() / (N + 1);
    for index in 0..count {
        let from = index * (N + 1);
        let alpha = pixels[from + N];
        for sample in 0..N {
            let level = pixels[from + sample];
            pixels[index * N + sample] = match extra {
                ExtraSample::Unspecified => level,
                ExtraSample::AssociatedAlpha => level.saturating_add(255 - alpha),
                ExtraSample::Alpha => on_paper(level, alpha),
            };
        }
    }
    pixels.truncate(count * N);
    pixels
}

/// White as 1 becomes black as 1.
pub(super) fn inverted_bits(mut pixels: Vec<u8>, width: u32) -> Vec<u8> {
    for byte in &mut pixels {
        *byte = !*byte;
    }
    clear_padding(&mut pixels, width);
    pixels
}

/// The unused bits at the end of each row are 0.
pub(super) fn clear_padding(pixels: &mut [u8], width: u32) {
    let unused = (8 - width % 8) % 8;
    if unused == 0 {
        return;
    }
    for row in pixels.chunks_mut(PixelFormat::Bitonal.row_bytes(width)) {
        if let Some(last) = row.last_mut() {
            *last &= 0xff << unused;
        }
    }
}

/// Rows of `depth`-bit samples, each row starting on a byte, one byte a sample.
/// The values are not scaled.
pub(super) fn unpacked(packed: &[u8], samples_per_row: usize, depth: u8) -> Vec<u8> {
    let depth = usize::from(depth);
    let row_bytes = (samples_per_row * depth).div_ceil(8);
    let per_byte = 8 / depth;
    let mask = ((1u16 << depth) - 1) as u8;
    let mut samples = Vec::with_capacity(packed.len() * per_byte);
    for row in packed.chunks_exact(row_bytes) {
        for index in 0..samples_per_row {
            let shift = 8 - depth - index % per_byte * depth;
            samples.push(row[index / per_byte] >> shift & mask);
        }
    }
    samples
}

/// Ink on white paper, the plain way: what a viewer without colour profiles shows.
pub(super) fn rgb_from_cmyk(pixels: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(pixels.len() / 4 * 3);
    for &[c, m, y, k] in pixels.as_chunks::<4>().0 {
        let light = u16::from(255 - k);
        rgb.extend([c, m, y].map(|ink| (u16::from(255 - ink) * light / 255) as u8));
    }
    rgb
}

/// ITU-R BT.601 at full range, as JFIF and TIFF 6.0 have it.
pub(super) fn rgb_from_ycbcr(mut pixels: Vec<u8>) -> Vec<u8> {
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        *pixel = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
            .map(|value| value.round().clamp(0.0, 255.0) as u8);
    }
    pixels
}
