//! Pixels that say less than their format could: a gray page that is black and
//! white, a colour page that is gray. Nothing is rounded; a page with one pixel
//! of more is left as it is.

use std::borrow::Cow;

use crate::records::raster::{PixelFormat, Raster};

/// The same pixels in the least format that holds them all.
pub(super) fn plainest(raster: &Raster) -> Cow<'_, Raster> {
    match raster.format() {
        PixelFormat::Bitonal => Cow::Borrowed(raster),
        PixelFormat::Gray8 => black_and_white(raster).map_or(Cow::Borrowed(raster), Cow::Owned),
        PixelFormat::Rgb8 => match gray(raster) {
            Some(gray) => Cow::Owned(black_and_white(&gray).unwrap_or(gray)),
            None => Cow::Borrowed(raster),
        },
    }
}

fn gray(colour: &Raster) -> Option<Raster> {
    let (pixels, _) = colour.pixels().as_chunks::<3>();
    // Most pages show their colour, or a scanner's noise, in the first rows.
    if pixels.iter().any(|[red, green, blue]| red != green || green != blue) {
        return None;
    }
    let levels = pixels.iter().map(|[level, ..]| *level).collect();
    Some(in_format(colour, PixelFormat::Gray8, levels))
}

fn black_and_white(gray: &Raster) -> Option<Raster> {
    if gray.pixels().iter().any(|level| !matches!(level, 0 | 255)) {
        return None;
    }
    let mut bits = Vec::with_capacity(PixelFormat::Bitonal.row_bytes(gray.width()));
    for y in 0..gray.height() {
        // 1 is black.
        let bit = |(n, level): (usize, &u8)| u8::from(*level == 0) << (7 - n);
        bits.extend(
            gray.row(y).chunks(8).map(|pixels| -> u8 { pixels.iter().enumerate().map(bit).sum() }),
        );
    }
    Some(in_format(gray, PixelFormat::Bitonal, bits))
}

fn in_format(raster: &Raster, format: PixelFormat, pixels: Vec<u8>) -> Raster {
    Raster::new(raster.width(), raster.height(), raster.dpi(), format, pixels)
        .expect("one pixel for each")
}
