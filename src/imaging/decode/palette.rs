//! Pictures painted from a palette: black and white stay bits, grays stay gray.

use super::samples::{clear_padding, on_paper, unpacked};
use crate::records::raster::PixelFormat;

pub(super) struct Palette {
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// Three bytes a colour.
    pub(super) fn from_rgb(bytes: &[u8]) -> Palette {
        Palette { colors: bytes.as_chunks::<3>().0.to_vec() }
    }

    /// All reds, then all greens, then all blues, 16 bits each (TIFF 6.0 tag 320);
    /// some writers give them 8 bits, as none of them being larger shows.
    pub(super) fn from_planes(planes: &[u16]) -> Palette {
        let count = planes.len() / 3;
        let unused_bits = if planes.iter().all(|&level| level < 256) { 0 } else { 8 };
        let level = |index: usize| (planes[index] >> unused_bits) as u8;
        let colors =
            (0..count).map(|i| [level(i), level(count + i), level(2 * count + i)]).collect();
        Palette { colors }
    }

    /// Paper is white where the first colours are transparent, as far as told.
    pub(super) fn on_paper(mut self, opacity: &[u8]) -> Palette {
        for (color, &alpha) in self.colors.iter_mut().zip(opacity) {
            *color = color.map(|level| on_paper(level, alpha));
        }
        self
    }

    /// An index beyond the palette is black, as PNG viewers show it.
    fn color(&self, index: u8) -> [u8; 3] {
        self.colors.get(usize::from(index)).copied().unwrap_or_default()
    }

    fn is_gray(&self) -> bool {
        self.colors.iter().all(|[r, g, b]| r == g && g == b)
    }

    /// What packed 1-bit indices become when painted.
    pub(super) fn format_of_bits(&self) -> PixelFormat {
        match self.flip_of_bits() {
            Some(_) => PixelFormat::Bitonal,
            None if self.is_gray() => PixelFormat::Gray8,
            None => PixelFormat::Rgb8,
        }
    }

    /// What turns indices into bits where the two colours are black and white.
    fn flip_of_bits(&self) -> Option<u8> {
        const BLACK: [u8; 3] = [0; 3];
        const WHITE: [u8; 3] = [255; 3];
        match (self.color(0), self.color(1)) {
            (WHITE, BLACK) => Some(0x00),
            (BLACK, WHITE) => Some(0xff),
            _ => None,
        }
    }

    /// Paints packed 1-bit indices. Stays bitonal if the two colours are black
    /// and white.
    pub(super) fn paint_bits(
        &self,
        width: u32,
        height: u32,
        packed: &[u8],
    ) -> (PixelFormat, Vec<u8>) {
        let Some(flip) = self.flip_of_bits() else {
            return self.paint(&unpacked(packed, width as usize, 1));
        };
        let mut bits: Vec<u8> = packed.iter().map(|byte| byte ^ flip).collect();
        debug_assert_eq!(bits.len(), PixelFormat::Bitonal.row_bytes(width) * height as usize);
        clear_padding(&mut bits, width);
        (PixelFormat::Bitonal, bits)
    }

    /// Paints one index a byte.
    pub(super) fn paint(&self, indices: &[u8]) -> (PixelFormat, Vec<u8>) {
        if self.is_gray() {
            return (PixelFormat::Gray8, indices.iter().map(|&i| self.color(i)[0]).collect());
        }
        let mut pixels = Vec::with_capacity(indices.len() * 3);
        for &index in indices {
            pixels.extend_from_slice(&self.color(index));
        }
        (PixelFormat::Rgb8, pixels)
    }
}
