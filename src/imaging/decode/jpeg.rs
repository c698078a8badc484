//! JPEG, through zune-jpeg's strict mode: `image` asks for the lenient one,
//! which fills what is missing with gray and says nothing. The strict one says
//! nothing either where an end mark was put behind a part of the picture, so
//! [`jpeg_scans`] first sees that all of it is there.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::Decoded;
use super::exif;
use super::jpeg_scans::{self, ScanFault};
use super::limits::{MAX_SIDE_PIXELS, check_size};
use super::resolution::Stated;
use crate::imaging::fault::{ImageFault, ImageFormat};
use crate::records::raster::PixelFormat;

fn strict() -> DecoderOptions {
    DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE_PIXELS as usize)
        .set_max_height(MAX_SIDE_PIXELS as usize)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageFault> {
    let options = strict();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| fault(ImageFormat::Jpeg, error, bytes))?;
    let (width, height) =
        decoder.dimensions().ok_or_else(|| ImageFormat::Jpeg.damaged("no size"))?;
    let (format, wanted) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (PixelFormat::Gray8, ColorSpace::Luma),
        // Both come out as CMYK, inverted as Adobe writes it, or not.
        Some(ColorSpace::CMYK | ColorSpace::YCCK) | Some(ColorSpace::YCbCr | ColorSpace::RGB) => {
            (PixelFormat::Rgb8, ColorSpace::RGB)
        }
        _ => return Err(ImageFormat::Jpeg.unsupported("an unusual colour space")),
    };
    check_size(width as u64, height as u64, format)?;
    jpeg_scans::check(bytes).map_err(|fault| scan_fault(ImageFormat::Jpeg, fault))?;
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(|error| fault(ImageFormat::Jpeg, error, bytes))?;

    let (lie, exif_stated) = decoder.exif().map_or_else(Default::default, |b| exif::read(b));
    let stated = jfif_resolution(bytes).or(exif_stated);
    let (width, height) = (width as u32, height as u32);
    if pixels.len() != format.row_bytes(width) * height as usize {
        return Err(ImageFormat::Jpeg.damaged("the wrong number of pixels"));
    }
    Ok(Decoded { width, height, format, pixels, stated, lie })
}

/// Whether every reader of the file shows the same colours: gray, or YCbCr. What
/// Adobe's marker says of other samples is understood differently.
pub(super) fn has_plain_colors(bytes: &[u8]) -> bool {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), strict());
    decoder.decode_headers().is_ok()
        && matches!(decoder.input_colorspace(), Some(ColorSpace::Luma | ColorSpace::YCbCr))
}

/// What TIFF says a JPEG strip's samples are. The strip itself mostly does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StripColors {
    Gray,
    Rgb,
    YCbCr,
}

/// Rows of a coding unit with chroma subsampled; some writers round a strip up
/// to it.
const MCU_ROWS: usize = 16;

/// One strip or tile of a TIFF (TechNote 2), its tables in front: rows of
/// `width` pixels, of which at least `rows` and at most `most_rows` (the last
/// strip may be as tall as the others).
pub(super) fn decode_strip(
    tables: Option<&[u8]>,
    strip: &[u8],
    colors: StripColors,
    width: u32,
    rows: u32,
    most_rows: u32,
) -> Result<Vec<u8>, ImageFault> {
    let mut bytes = Vec::new();
    match tables {
        // Without the tables' end mark and the strip's start mark.
        Some([tables @ .., 0xff, 0xd9]) => {
            bytes.extend_from_slice(tables);
            bytes.extend_from_slice(strip.get(2..).unwrap_or_default());
        }
        Some(_) => return Err(ImageFormat::Tiff.damaged("JPEG tables without an end")),
        None => bytes.extend_from_slice(strip),
    }
    let options = strict();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes.as_slice()), options);
    let not_decoded = |error: DecodeErrors| fault(ImageFormat::Tiff, error, &bytes);
    decoder.decode_headers().map_err(not_decoded)?;
    let input = decoder.input_colorspace();
    let wanted = match (colors, input) {
        (StripColors::Gray, Some(ColorSpace::Luma)) => ColorSpace::Luma,
        (StripColors::YCbCr, Some(ColorSpace::YCbCr)) => ColorSpace::RGB,
        // Handed out as they are: without Adobe's marker they pass for YCbCr.
        (StripColors::Rgb, Some(input @ (ColorSpace::YCbCr | ColorSpace::RGB))) => input,
        _ => return Err(ImageFormat::Tiff.unsupported("a JPEG strip of other colours")),
    };
    let (strip_width, strip_rows) = decoder.dimensions().unwrap_or_default();
    let allowed = rows as usize..=(most_rows as usize).next_multiple_of(MCU_ROWS);
    if strip_width != width as usize || !allowed.contains(&strip_rows) {
        return Err(ImageFormat::Tiff.damaged("a JPEG strip of another size than its page's"));
    }
    jpeg_scans::check(&bytes).map_err(|fault| scan_fault(ImageFormat::Tiff, fault))?;
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    decoder.decode().map_err(not_decoded)
}

/// Whether a JPEG, in whatever it lies, holds all of its picture in a coding that
/// is read here: of another, decoders make a wrong picture without a word.
pub fn is_whole_jpeg(bytes: &[u8]) -> bool {
    jpeg_scans::check(bytes).is_ok()
}

fn scan_fault(format: ImageFormat, fault: ScanFault) -> ImageFault {
    match fault {
        ScanFault::EndsEarly => format.truncated("a part of the picture is missing"),
        ScanFault::Damaged => format.damaged("its coding"),
        ScanFault::Unsupported(what) => format.unsupported(what),
        ScanFault::TooLarge => format.damaged("its size"),
    }
}

/// The density of a JFIF header, which if present is the first segment. Unit 0
/// gives proportions only.
fn jfif_resolution(bytes: &[u8]) -> Option<Stated> {
    let segment = bytes.get(2..18)?;
    if !segment.starts_with(&[0xff, 0xe0]) || &segment[4..9] != b"JFIF\0" {
        return None;
    }
    let across = f64::from(u16::from_be_bytes([segment[12], segment[13]]));
    let down = f64::from(u16::from_be_bytes([segment[14], segment[15]]));
    match segment[11] {
        1 => Some(Stated::per_inch(across, down)),
        2 => Some(Stated::per_centimetre(across, down)),
        _ => None,
    }
}

fn fault(format: ImageFormat, error: DecodeErrors, bytes: &[u8]) -> ImageFault {
    match error {
        DecodeErrors::LargeDimensions(side) => {
            let side = side as u64;
            check_size(side, side, PixelFormat::Rgb8)
                .expect_err("the decoder was given the longest side")
        }
        // Seen with our own eyes, what is wrong can be named.
        other => match jpeg_scans::check(bytes) {
            Err(fault @ (ScanFault::Unsupported(_) | ScanFault::EndsEarly)) => {
                scan_fault(format, fault)
            }
            // It is whole, and the decoder cannot do with it.
            Ok(()) => format.unsupported("an unusual sampling or marker"),
            Err(ScanFault::Damaged | ScanFault::TooLarge) => {
                tracing::debug!(error = ?other, "a JPEG that cannot be decoded");
                format.damaged("its coding")
            }
        },
    }
}
