//! Samples from the PDF library become a [`Raster`] of the plainest kind that
//! holds them.

use crate::records::raster::{Dpi, PixelFormat, Raster};

const BLACK: u8 = 0;
const WHITE: u8 = 255;

/// Decoded samples, rows from the top.
pub enum Samples {
    /// One byte a pixel, 0 is black.
    Gray(Vec<u8>),
    /// Three bytes a pixel.
    Rgb(Vec<u8>),
}

impl Samples {
    /// Samples that are gray throughout, as such.
    fn plainest(self) -> Self {
        match self {
            Samples::Rgb(bytes) if bytes.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]) => {
                Samples::Gray(bytes.into_iter().step_by(3).collect())
            }
            Samples::Gray(_) | Samples::Rgb(_) => self,
        }
    }

    /// Moves pixels about: `from` gives the index of the pixel that comes to
    /// each place, in order.
    pub fn rearranged(self, from: impl Iterator<Item = usize>) -> Self {
        match self {
            Samples::Gray(bytes) => Samples::Gray(from.map(|index| bytes[index]).collect()),
            Samples::Rgb(bytes) => {
                Samples::Rgb(from.flat_map(|index| bytes[3 * index..][..3].to_vec()).collect())
            }
        }
    }

    /// `None` where there are fewer or more samples than the size asks for.
    pub fn into_raster(self, width: u32, height: u32, dpi: Dpi) -> Option<Raster> {
        let pixels = width as usize * height as usize;
        match self.plainest() {
            Samples::Gray(bytes) if bytes.len() != pixels => None,
            Samples::Gray(bytes) if bytes.iter().all(|b| matches!(*b, BLACK | WHITE)) => {
                let packed = packed(&bytes, width);
                Raster::new(width, height, dpi, PixelFormat::Bitonal, packed).ok()
            }
            Samples::Gray(bytes) => Raster::new(width, height, dpi, PixelFormat::Gray8, bytes).ok(),
            Samples::Rgb(bytes) => Raster::new(width, height, dpi, PixelFormat::Rgb8, bytes).ok(),
        }
    }
}

/// Eight pixels a byte, 1 is black, rows on whole bytes.
fn packed(gray: &[u8], width: u32) -> Vec<u8> {
    gray.chunks(width.max(1) as usize)
        .flat_map(|row| {
            row.chunks(8).map(|eight| {
                (0..).zip(eight).fold(
                    0,
                    |byte, (place, sample)| {
                        if *sample == BLACK { byte | 0x80 >> place } else { byte }
                    },
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(samples: Samples, width: u32) -> Option<PixelFormat> {
        samples.into_raster(width, 1, Dpi(300)).map(|raster| raster.format())
    }

    #[test]
    fn a_raster_is_no_richer_than_its_pixels() {
        assert_eq!(
            format_of(Samples::Rgb(vec![0, 0, 0, 255, 255, 255]), 2),
            Some(PixelFormat::Bitonal)
        );
        assert_eq!(format_of(Samples::Rgb(vec![9, 9, 9]), 1), Some(PixelFormat::Gray8));
        assert_eq!(format_of(Samples::Rgb(vec![9, 9, 8]), 1), Some(PixelFormat::Rgb8));
        assert_eq!(format_of(Samples::Gray(vec![0, 255, 1]), 3), Some(PixelFormat::Gray8));
        assert_eq!(format_of(Samples::Gray(vec![0, 255]), 3), None);
    }

    #[test]
    fn black_and_white_rows_begin_on_whole_bytes() {
        let mut gray = vec![WHITE; 18];
        gray[0] = BLACK;
        gray[8] = BLACK;
        gray[9] = BLACK;
        assert_eq!(packed(&gray, 9), [0x80, 0x80, 0x80, 0x00]);
    }
}
