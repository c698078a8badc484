//! Fax codings of TIFF: Group 4, Group 3 of one and two dimensions, and the
//! modified Huffman coding without line ends.
//!
//! Through hayro-ccitt in its strict mode. The `fax` crate, and `tiff` which
//! uses it, know no Group 3 and quietly add white lines where Group 4 data
//! ends early; leptonica would hand hostile files to libtiff.

use hayro_ccitt::{DecodeError, DecodeSettings, Decoder, DecoderContext, EncodingMode};

use crate::imaging::fault::{ImageFault, ImageFormat};
use crate::imaging::runs::blacken;
use crate::records::raster::PixelFormat;

/// Values of TIFF tag 259 and, for Group 3, of bit 0 of tag 292.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaxCoding {
    ModifiedHuffman,
    Group3OneDimension,
    Group3TwoDimensions,
    Group4,
}

/// Decodes one strip and appends its rows, 1 for what the coding calls black.
///
/// # Errors
/// Truncated or damaged where not every row of the strip is in the data.
pub(super) fn append_strip(
    data: &[u8],
    width: u32,
    rows: u32,
    coding: FaxCoding,
    pixels: &mut Vec<u8>,
) -> Result<(), ImageFault> {
    let encoding = match coding {
        FaxCoding::Group4 => EncodingMode::Group4,
        FaxCoding::Group3TwoDimensions => EncodingMode::Group3_2D,
        FaxCoding::Group3OneDimension | FaxCoding::ModifiedHuffman => EncodingMode::Group3_1D,
    };
    let settings = DecodeSettings {
        columns: width,
        rows,
        end_of_block: coding != FaxCoding::ModifiedHuffman,
        // Found out from the data.
        end_of_line: false,
        rows_are_byte_aligned: coding == FaxCoding::ModifiedHuffman,
        encoding,
        strict: true,
    };
    let mut sink = Rows { width, done: 0, pixels };
    let outcome = hayro_ccitt::decode(data, &mut sink, &mut DecoderContext::new(settings));
    let done = sink.done;
    match outcome {
        _ if done == rows => Ok(()),
        Ok(_) | Err(DecodeError::UnexpectedEof) => {
            Err(ImageFormat::Tiff.truncated(format!("{done} of {rows} fax lines")))
        }
        Err(DecodeError::InvalidCode | DecodeError::Overflow) => {
            Err(ImageFormat::Tiff.damaged(format!("fax line {} of {rows}", done + 1)))
        }
    }
}

struct Rows<'a> {
    width: u32,
    done: u32,
    pixels: &'a mut Vec<u8>,
}

impl Decoder for Rows<'_> {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.pixels.len();
        self.pixels.resize(start + PixelFormat::Bitonal.row_bytes(self.width), 0);
        let row = &mut self.pixels[start..];
        for run in changes.chunks(2) {
            blacken(row, run[0], run.get(1).copied().unwrap_or(self.width));
        }
        self.done += 1;
    }
}
