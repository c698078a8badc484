//! Pixels in memory, and pixels coded for a file. Only their shape: what is
//! done to them lives in `imaging`.

use serde::{Deserialize, Serialize};

/// Dots per inch, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dpi(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelFormat {
    /// One bit a pixel, 1 is black, most significant bit leftmost.
    Bitonal,
    /// One byte a pixel, 0 is black.
    Gray8,
    /// Three bytes a pixel: red, green, blue.
    Rgb8,
}

impl PixelFormat {
    /// Bytes in a row of `width` pixels; rows start on a byte and have no
    /// other padding.
    pub fn row_bytes(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            PixelFormat::Bitonal => width.div_ceil(8),
            PixelFormat::Gray8 => width,
            PixelFormat::Rgb8 => width * 3,
        }
    }
}

/// A page's pixels, top row first. Holds `row_bytes × height` bytes exactly;
/// the unused low bits at the end of a bitonal row are 0.
#[derive(Clone, PartialEq, Eq)]
pub struct Raster {
    width: u32,
    height: u32,
    dpi: Dpi,
    format: PixelFormat,
    pixels: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{got} bytes of pixels where {width}×{height} {format:?} has {expected}")]
pub struct WrongPixelCount {
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    pub expected: usize,
    pub got: usize,
}

impl Raster {
    pub fn new(
        width: u32,
        height: u32,
        dpi: Dpi,
        format: PixelFormat,
        pixels: Vec<u8>,
    ) -> Result<Self, WrongPixelCount> {
        let expected = format.row_bytes(width) * height as usize;
        if pixels.len() != expected || width == 0 || height == 0 {
            return Err(WrongPixelCount { width, height, format, expected, got: pixels.len() });
        }
        Ok(Raster { width, height, dpi, format, pixels })
    }

    /// Width in pixels; never 0.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels; never 0.
    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn dpi(&self) -> Dpi {
        self.dpi
    }

    pub fn format(&self) -> PixelFormat {
        self.format
    }

    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    pub fn row(&self, y: u32) -> &[u8] {
        let bytes = self.format.row_bytes(self.width);
        &self.pixels[y as usize * bytes..][..bytes]
    }
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raster({}×{} {:?} at {} dpi)", self.width, self.height, self.format, self.dpi.0)
    }
}

/// How the bytes of an [`EncodedImage`] are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageCoding {
    /// ITU-T T.6, black is 1, no end-of-line marks, with EOFB.
    CcittG4,
    /// One JBIG2 page as an embedded stream (no file header): generic region
    /// only. Symbol substitution may turn a 6 into an 8 and is never used.
    Jbig2Generic,
    /// Rows of gray or colour as they are, in a zlib stream: every pixel kept.
    Flate,
    /// A whole JPEG file, gray or YCbCr: baseline where we coded it, else as it
    /// came.
    Jpeg,
}

/// A page's pixels, compressed as they will stand in the PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedImage {
    pub coding: ImageCoding,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub dpi: Dpi,
    pub format: PixelFormat,
    pub bytes: Vec<u8>,
}

/// A rectangle in pixels, origin at the top left, right and bottom exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelBox {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}
