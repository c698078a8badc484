//! Pixels become files for the spool and images for the PDF.
//!
//! Both are the same bytes for the same pixels; JPEG's only on the same kind of
//! processor, since its cosine transform uses what the processor offers.

mod flate;
mod g4;
mod jbig2;
mod jpeg;
mod picture;
mod plain;
mod png;
mod pnm;
mod tiff;

pub use picture::for_screen;
pub use pnm::encode as pnm;

use crate::profile::{BitonalCoding, PdfSettings};
use crate::records::raster::{EncodedImage, ImageCoding, PixelFormat, Raster};

/// A whole image file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    /// Without a dot.
    pub extension: &'static str,
}

/// The file in which a scanned page is kept, without loss: TIFF G4 for black
/// and white, PNG for gray and colour, with the resolution in it.
pub fn original(raster: &Raster) -> Encoded {
    match raster.format() {
        PixelFormat::Bitonal if g4::can_code(raster) => {
            Encoded { bytes: tiff::g4_file(raster), extension: "tif" }
        }
        PixelFormat::Bitonal | PixelFormat::Gray8 | PixelFormat::Rgb8 => {
            Encoded { bytes: png::file(raster), extension: "png" }
        }
    }
}

/// The page as it stands in the PDF. Black and white never loses a pixel, in
/// whatever format it came; gray and colour do where JPEG is the smaller.
pub fn for_pdf(raster: &Raster, settings: &PdfSettings) -> EncodedImage {
    let raster = &*plain::plainest(raster);
    let (coding, bytes) = match (raster.format(), settings.bitonal) {
        (PixelFormat::Bitonal, BitonalCoding::CcittG4) if g4::can_code(raster) => {
            (ImageCoding::CcittG4, g4::encode(raster))
        }
        (PixelFormat::Bitonal, BitonalCoding::CcittG4 | BitonalCoding::Jbig2) => {
            (ImageCoding::Jbig2Generic, jbig2::encode(raster))
        }
        (PixelFormat::Gray8 | PixelFormat::Rgb8, _) => {
            let jpeg = jpeg::encode(raster, settings.jpeg_quality);
            let flate = flate::may_pay(raster).then(|| flate::encode(raster));
            match flate.filter(|flate| flate.len() <= jpeg.len()) {
                Some(flate) => (ImageCoding::Flate, flate),
                None => (ImageCoding::Jpeg, jpeg),
            }
        }
    };
    EncodedImage {
        coding,
        width: raster.width(),
        height: raster.height(),
        dpi: raster.dpi(),
        format: raster.format(),
        bytes,
    }
}

/// A JPEG file as it came, for the pixels it was decoded to.
pub fn jpeg_as_it_came(raster: &Raster, file: &[u8]) -> EncodedImage {
    EncodedImage {
        coding: ImageCoding::Jpeg,
        width: raster.width(),
        height: raster.height(),
        dpi: raster.dpi(),
        format: raster.format(),
        bytes: file.to_vec(),
    }
}

#[cfg(test)]
mod tests;
