//! PNG, through the `png` crate rather than `image`, which widens black and
//! white to a byte a pixel.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations, Unit};

use super::Decoded;
use super::exif;
use super::limits::{MAX_PAGE_BYTES, check_size};
use super::palette::Palette;
use super::resolution::Stated;
use super::samples::{drop_alpha, inverted_bits};
use crate::imaging::fault::{ImageFault, ImageFormat};
use crate::records::raster::PixelFormat;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageFault> {
    let limits = Limits { bytes: MAX_PAGE_BYTES };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Compressed text and colour profiles are not looked at, so they cannot be
    // bombs.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(fault)?;
    let (width, height) = (header.width, header.height);
    let (color, depth) = (header.color_type, header.bit_depth);
    let indexed_bit = color == ColorType::Indexed && depth == BitDepth::One;
    let plain_bit = color == ColorType::Grayscale && depth == BitDepth::One;
    let format = match color {
        ColorType::Grayscale if plain_bit => PixelFormat::Bitonal,
        ColorType::Indexed if indexed_bit => PixelFormat::Bitonal,
        ColorType::Grayscale | ColorType::GrayscaleAlpha => PixelFormat::Gray8,
        ColorType::Indexed | ColorType::Rgb | ColorType::Rgba => PixelFormat::Rgb8,
    };
    check_size(width.into(), height.into(), format)?;
    decoder.set_transformations(match format {
        PixelFormat::Bitonal => Transformations::IDENTITY,
        PixelFormat::Gray8 | PixelFormat::Rgb8 => {
            Transformations::EXPAND | Transformations::STRIP_16
        }
    });

    let mut reader = decoder.read_info().map_err(fault)?;
    let bits = painted_bits(reader.info(), format);
    if let Some(palette) = &bits {
        check_size(width.into(), height.into(), palette.format_of_bits())?;
    }
    let size = reader.output_buffer_size().ok_or_else(|| ImageFormat::Png.damaged("its size"))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(fault)?;
    reader.finish().map_err(fault)?;
    let stated = reader.info().pixel_dims.and_then(|dims| match dims.unit {
        Unit::Meter => Some(Stated::per_metre(dims.xppu.into(), dims.yppu.into())),
        Unit::Unspecified => None,
    });

    let (output, _) = reader.output_color_type();
    let (format, pixels) = match (bits, output) {
        (Some(palette), _) => palette.paint_bits(width, height, &pixels),
        (None, _) if format == PixelFormat::Bitonal => (format, inverted_bits(pixels, width)),
        (None, ColorType::GrayscaleAlpha) => (format, drop_alpha::<1>(pixels)),
        (None, ColorType::Rgba) => (format, drop_alpha::<3>(pixels)),
        (None, ColorType::Grayscale | ColorType::Rgb | ColorType::Indexed) => (format, pixels),
    };
    let (lie, exif_stated) =
        reader.info().exif_metadata.as_deref().map_or_else(Default::default, exif::read);
    Ok(Decoded { width, height, format, pixels, stated: stated.or(exif_stated), lie })
}

/// What the bits of a picture are painted with; `None` where they are black and
/// white as they are, or no bits.
fn painted_bits(info: &Info<'_>, format: PixelFormat) -> Option<Palette> {
    if format != PixelFormat::Bitonal {
        return None;
    }
    let transparency = info.trns.as_deref();
    if info.color_type == ColorType::Indexed {
        let palette = Palette::from_rgb(info.palette.as_deref().unwrap_or_default());
        return Some(palette.on_paper(transparency.unwrap_or_default()));
    }
    // Of grays one level is transparent.
    let level = transparency?.last()?;
    let opacity = [0, 1].map(|gray| if gray == *level { 0 } else { 255 });
    Some(Palette::from_rgb(&[0, 0, 0, 255, 255, 255]).on_paper(&opacity))
}

fn fault(error: DecodingError) -> ImageFault {
    match &error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageFormat::Png.truncated("no more data")
        }
        DecodingError::LimitsExceeded => ImageFormat::Png.damaged("it asks for too much memory"),
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => {
            tracing::debug!(%error, "a PNG that cannot be decoded");
            ImageFormat::Png.damaged("its coding")
        }
    }
}
