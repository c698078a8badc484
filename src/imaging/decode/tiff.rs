//! TIFF, one page at a time. Directories and the ordinary codings through the
//! `tiff` crate, fax codings through [`super::fax`], JPEG strips through
//! [`super::jpeg`]: the crate would take a strip's own word for its size, and
//! fill what is missing.

use std::collections::HashSet;
use std::io::{self, Cursor};

use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{IfdPointer, Tag};
use tiff::{ColorType, TiffError, TiffFormatError};

use super::exif::{self, Lie};
use super::fax::{self, FaxCoding};
use super::limits::{MAX_PAGE_BYTES, MAX_PAGES, check_size};
use super::page_view::PageView;
use super::palette::Palette;
use super::resolution::Stated;
use super::samples::{
    ExtraSample, clear_padding, drop_extra, inverted_bits, rgb_from_cmyk, rgb_from_ycbcr, unpacked,
};
use super::{Decoded, jpeg};
use crate::imaging::fault::{ImageFault, ImageFormat};
use crate::records::raster::PixelFormat;

/// Where each page's directory stands; those of thumbnails are left out.
pub(super) struct TiffPages<'a> {
    bytes: &'a [u8],
    directories: Vec<IfdPointer>,
    next: usize,
}

impl<'a> TiffPages<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ImageFault> {
        Ok(TiffPages { bytes, directories: page_directories(bytes)?, next: 0 })
    }

    pub(super) fn page_count(&self) -> usize {
        self.directories.len()
    }

    pub(super) fn more(&self) -> bool {
        self.next < self.directories.len()
    }

    pub(super) fn decode_next(&mut self) -> Result<Decoded, ImageFault> {
        let directory = self.directories[self.next];
        self.next += 1;
        Page::open(self.bytes, directory)?.decode()
    }
}

/// Walks the chain of directories without reading pages. Only a file that has
/// all of them is read at all.
fn page_directories(bytes: &[u8]) -> Result<Vec<IfdPointer>, ImageFault> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(fault)?;
    let mut seen = HashSet::new();
    let mut pages = Vec::new();
    let mut next = decoder.ifd_pointer();
    while let Some(pointer) = next {
        if !seen.insert(pointer.0) {
            return Err(ImageFormat::Tiff.damaged("its pages go round in a circle"));
        }
        if pages.len() == MAX_PAGES {
            return Err(ImageFault::TooManyPages { most: MAX_PAGES });
        }
        let directory = decoder.read_directory(pointer).map_err(fault)?;
        let kind: Option<u32> = decoder
            .read_directory_tags(&directory)
            .find_tag_unsigned(Tag::NewSubfileType)
            .map_err(fault)?;
        let is_thumbnail = kind.unwrap_or(0) & 1 == 1;
        if !is_thumbnail {
            pages.push(pointer);
        }
        next = directory.next();
    }
    if pages.is_empty() {
        return Err(ImageFormat::Tiff.damaged("it has no page"));
    }
    Ok(pages)
}

/// TIFF 6.0 and TechNote 2, tag 259.
const COMPRESSION_NONE: u16 = 1;
const COMPRESSION_LZW: u16 = 5;
const COMPRESSION_JPEG: u16 = 7;
const COMPRESSION_DEFLATE: u16 = 8;
const COMPRESSION_OLD_DEFLATE: u16 = 32_946;
const COMPRESSION_PACKBITS: u16 = 32_773;
/// Tag 262.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const YCBCR: u16 = 6;

struct Page<'a> {
    bytes: &'a [u8],
    decoder: Decoder<PageView<'a>>,
    width: u32,
    height: u32,
    compression: u16,
    photometric: u16,
    /// Tag 266: the least significant bit of a byte is the leftmost pixel.
    low_bit_first: bool,
}

impl<'a> Page<'a> {
    fn open(bytes: &'a [u8], directory: IfdPointer) -> Result<Self, ImageFault> {
        let limits = {
            let mut limits = Limits::default();
            // Samples of 16 bits take twice the room of ours.
            limits.decoding_buffer_size = 2 * MAX_PAGE_BYTES;
            limits
        };
        let view = PageView::new(bytes, directory);
        let mut decoder = Decoder::new(view).map_err(fault)?.with_limits(limits.clone());
        let (width, height) = decoder.dimensions().map_err(fault)?;
        check_size(width.into(), height.into(), PixelFormat::Bitonal)?;
        let tag = |decoder: &mut Decoder<PageView<'a>>, tag, default| {
            decoder.find_tag_unsigned(tag).map_err(fault).map(|value| value.unwrap_or(default))
        };
        let compression = tag(&mut decoder, Tag::Compression, COMPRESSION_NONE)?;
        let photometric = tag(&mut decoder, Tag::PhotometricInterpretation, WHITE_IS_ZERO)?;
        let low_bit_first = tag(&mut decoder, Tag::FillOrder, 1)? == 2;
        if photometric == PALETTE {
            // The crate reads no palettes, but reads the indices as grays.
            let view = PageView::new(bytes, directory).with_photometric(BLACK_IS_ZERO)?;
            decoder = Decoder::new(view).map_err(fault)?.with_limits(limits);
        }
        Ok(Page { bytes, decoder, width, height, compression, photometric, low_bit_first })
    }

    fn decode(mut self) -> Result<Decoded, ImageFault> {
        let (lie, stated) = self.lie_and_resolution()?;
        if let Some(coding) = unread_coding(self.compression) {
            return Err(ImageFormat::Tiff.unsupported(coding));
        }
        let (format, pixels) = match self.fax_coding()? {
            Some(coding) => (PixelFormat::Bitonal, self.fax_pixels(coding)?),
            None => self.ordinary_pixels()?,
        };
        Ok(Decoded { width: self.width, height: self.height, format, pixels, stated, lie })
    }

    fn number(&mut self, tag: Tag) -> Result<Option<u32>, ImageFault> {
        self.decoder.find_tag_unsigned(tag).map_err(fault)
    }

    fn lie_and_resolution(&mut self) -> Result<(Lie, Option<Stated>), ImageFault> {
        let lie = Lie::from_tag(self.number(Tag::Orientation)?.unwrap_or(1));
        let unit = self.number(Tag::ResolutionUnit)?.unwrap_or(2);
        let across = self.decoder.find_tag(Tag::XResolution).map_err(fault)?.and_then(ratio);
        let down = self.decoder.find_tag(Tag::YResolution).map_err(fault)?.and_then(ratio);
        let stated = across.zip(down).and_then(|(x, y)| exif::resolution(x, y, unit));
        Ok((lie, stated))
    }

    fn fax_coding(&mut self) -> Result<Option<FaxCoding>, ImageFault> {
        let two_dimensions = self.number(Tag::Unknown(292))?.unwrap_or(0) & 1 == 1;
        let coding = match self.compression {
            2 => FaxCoding::ModifiedHuffman,
            3 if two_dimensions => FaxCoding::Group3TwoDimensions,
            3 => FaxCoding::Group3OneDimension,
            4 => FaxCoding::Group4,
            _ => return Ok(None),
        };
        let samples = self.number(Tag::SamplesPerPixel)?.unwrap_or(1);
        let bits = self.number(Tag::BitsPerSample)?.unwrap_or(1);
        if samples != 1 || bits != 1 {
            return Err(ImageFormat::Tiff.damaged("fax coding of more than one bit a pixel"));
        }
        Ok(Some(coding))
    }

    fn fax_pixels(&mut self, coding: FaxCoding) -> Result<Vec<u8>, ImageFault> {
        if self.number(Tag::TileWidth)?.is_some() {
            return Err(ImageFormat::Tiff.unsupported("tiles in fax coding"));
        }
        let rows_per_strip = self.number(Tag::RowsPerStrip)?.unwrap_or(self.height).max(1);
        let stride = PixelFormat::Bitonal.row_bytes(self.width);
        let mut pixels = Vec::with_capacity(stride * self.height as usize);
        let mut rows_left = self.height;
        for strip in self.strips()? {
            let rows = rows_left.min(rows_per_strip);
            let reversed: Vec<u8>;
            let data = if self.low_bit_first {
                reversed = strip.iter().map(|byte| byte.reverse_bits()).collect();
                &reversed
            } else {
                strip
            };
            fax::append_strip(data, self.width, rows, coding, &mut pixels)?;
            rows_left -= rows;
        }
        if rows_left > 0 {
            return Err(ImageFormat::Tiff.truncated("a strip is missing"));
        }
        // Fax calls black what the page may call white.
        if self.photometric == BLACK_IS_ZERO {
            pixels = inverted_bits(pixels, self.width);
        }
        Ok(pixels)
    }

    /// The coded bytes of each strip or tile.
    fn strips(&mut self) -> Result<Vec<&'a [u8]>, ImageFault> {
        let mut list = |strips, tiles| {
            let strips = self.decoder.find_tag_unsigned_vec::<u64>(strips).map_err(fault)?;
            match strips {
                Some(strips) => Ok(strips),
                None => self
                    .decoder
                    .find_tag_unsigned_vec::<u64>(tiles)
                    .map(Option::unwrap_or_default)
                    .map_err(fault),
            }
        };
        let offsets = list(Tag::StripOffsets, Tag::TileOffsets)?;
        let lengths = list(Tag::StripByteCounts, Tag::TileByteCounts)?;
        let bytes = self.bytes;
        let strip = |(&offset, &length): (&u64, &u64)| {
            let end = offset.checked_add(length)?;
            bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
        };
        offsets
            .iter()
            .zip(&lengths)
            .map(|pair| strip(pair).ok_or_else(|| ImageFormat::Tiff.truncated("within a strip")))
            .collect()
    }

    /// Any coding but fax: strips or tiles brought to our format one by one and
    /// laid into the page.
    fn ordinary_pixels(&mut self) -> Result<(PixelFormat, Vec<u8>), ImageFault> {
        let color = self.decoder.colortype().map_err(fault)?;
        let format = format_of(color, self.photometric)?;
        check_size(self.width.into(), self.height.into(), format)?;
        let is_uncoded = self.compression == COMPRESSION_NONE;
        // JPEG has an order of its own.
        let is_reversed = self.low_bit_first && self.compression != COMPRESSION_JPEG;
        if is_reversed && !(is_uncoded && color.bit_depth() <= 8) {
            return Err(ImageFormat::Tiff.unsupported("reversed bit order"));
        }
        let is_predicted =
            self.compression != COMPRESSION_JPEG && self.number(Tag::Predictor)?.unwrap_or(1) != 1;
        // The crate undoes a predictor whatever the coding, other readers only in these.
        let has_predictors = matches!(
            self.compression,
            COMPRESSION_LZW | COMPRESSION_DEFLATE | COMPRESSION_OLD_DEFLATE
        );
        if is_predicted && !has_predictors {
            return Err(ImageFormat::Tiff.unsupported("a predictor that its coding does not have"));
        }
        // The crate drops what stands behind the colours, and only then predicts from
        // that many samples back.
        let samples = self.number(Tag::SamplesPerPixel)?.unwrap_or(1);
        if is_predicted && samples != u32::from(color_samples(color)) {
            return Err(ImageFormat::Tiff.unsupported("a predictor and samples besides colours"));
        }
        let is_tiled = self.number(Tag::TileWidth)?.is_some();
        let extra = self.extra_sample()?;
        if self.number(Tag::PlanarConfiguration)? == Some(2) && color_samples(color) > 1 {
            return Err(ImageFormat::Tiff.unsupported("separate colour planes"));
        }
        let stride = format.row_bytes(self.width);
        let mut page = vec![0; stride * self.height as usize];
        let (chunk_width, chunk_height) = self.decoder.chunk_dimensions();
        let chunk_height = chunk_height.min(self.height);
        let across = self.width.div_ceil(chunk_width.max(1));
        // Truncation shows here for every coding.
        let strips = self.strips()?;
        for index in 0..across * self.height.div_ceil(chunk_height.max(1)) {
            let (width, height) = self.decoder.chunk_data_dimensions(index);
            let (rows, rows_width) = match self.compression {
                COMPRESSION_JPEG => {
                    let strip = strips.get(index as usize).copied().unwrap_or_default();
                    (self.jpeg_chunk(strip, (chunk_width, height, chunk_height))?, chunk_width)
                }
                _ => {
                    let mut chunk = self.decoder.read_chunk(index).map_err(|error| {
                        // Tiles that reach beyond the page are read too short.
                        match is_tiled && self.compression == COMPRESSION_LZW {
                            true => ImageFormat::Tiff.unsupported("tiles in LZW coding"),
                            false => fault(error),
                        }
                    })?;
                    if let (true, DecodingResult::U8(samples)) = (is_reversed, &mut chunk) {
                        samples.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
                    }
                    (converted(chunk, color, self.photometric, width, extra)?, width)
                }
            };
            let left = format.row_bytes(index % across * chunk_width);
            let top = (index / across * chunk_height) as usize;
            let row_bytes = format.row_bytes(width);
            let rows_stride = format.row_bytes(rows_width);
            for (y, row) in rows.chunks_exact(rows_stride).take(height as usize).enumerate() {
                page[(top + y) * stride + left..][..row_bytes].copy_from_slice(&row[..row_bytes]);
            }
        }
        if self.photometric == PALETTE { self.painted(color, page) } else { Ok((format, page)) }
    }

    fn extra_sample(&mut self) -> Result<ExtraSample, ImageFault> {
        let extra = self.decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(fault)?;
        Ok(match extra.as_deref().unwrap_or_default() {
            [1, ..] => ExtraSample::AssociatedAlpha,
            [2, ..] => ExtraSample::Alpha,
            _ => ExtraSample::Unspecified,
        })
    }

    fn jpeg_chunk(
        &mut self,
        strip: &[u8],
        (width, rows, most_rows): (u32, u32, u32),
    ) -> Result<Vec<u8>, ImageFault> {
        let tables = self.decoder.find_tag(Tag::JPEGTables).map_err(fault)?;
        let tables = tables.map(Value::into_u8_vec).transpose().map_err(fault)?;
        let colors = match self.photometric {
            WHITE_IS_ZERO | BLACK_IS_ZERO => jpeg::StripColors::Gray,
            RGB => jpeg::StripColors::Rgb,
            YCBCR => jpeg::StripColors::YCbCr,
            _ => return Err(ImageFormat::Tiff.unsupported("JPEG in unusual colours")),
        };
        let mut rows =
            jpeg::decode_strip(tables.as_deref(), strip, colors, width, rows, most_rows)?;
        if self.photometric == WHITE_IS_ZERO {
            rows.iter_mut().for_each(|sample| *sample = !*sample);
        }
        Ok(rows)
    }

    fn painted(
        &mut self,
        color: ColorType,
        indices: Vec<u8>,
    ) -> Result<(PixelFormat, Vec<u8>), ImageFault> {
        let planes = self.decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).map_err(fault)?;
        let planes = planes.unwrap_or_default();
        if planes.len() < 3 << color.bit_depth() {
            return Err(ImageFormat::Tiff.damaged("its colours are not told"));
        }
        let palette = Palette::from_planes(&planes);
        let format = match color {
            ColorType::Gray(1) => palette.format_of_bits(),
            _ => PixelFormat::Rgb8,
        };
        check_size(self.width.into(), self.height.into(), format)?;
        Ok(match color {
            ColorType::Gray(1) => palette.paint_bits(self.width, self.height, &indices),
            _ => palette.paint(&indices),
        })
    }
}

/// The coding where no decoder here reads it, by the name it is chosen by.
fn unread_coding(compression: u16) -> Option<String> {
    let name = match compression {
        COMPRESSION_NONE | 2..=4 | COMPRESSION_LZW | COMPRESSION_JPEG => return None,
        COMPRESSION_DEFLATE | COMPRESSION_OLD_DEFLATE | COMPRESSION_PACKBITS => return None,
        6 => "JPEG coding of the kind given up in 1995",
        34_661 => "JBIG coding",
        34_712 => "JPEG 2000 coding",
        34_887 => "LERC coding",
        34_925 => "LZMA coding",
        50_000 => "Zstandard coding",
        50_001 => "WebP coding",
        50_002 | 52_546 => "JPEG XL coding",
        other => return Some(format!("the coding of number {other}")),
    };
    Some(name.to_owned())
}

fn color_samples(color: ColorType) -> u16 {
    match color {
        ColorType::Gray(_) | ColorType::Palette(_) => 1,
        ColorType::GrayA(_) => 2,
        ColorType::RGB(_) | ColorType::YCbCr(_) | ColorType::Lab(_) => 3,
        ColorType::RGBA(_) | ColorType::CMYK(_) => 4,
        ColorType::CMYKA(_) => 5,
        ColorType::Multiband { num_samples, .. } => num_samples,
        _ => u16::MAX,
    }
}

/// What the samples become; for palettes, what the indices stand in.
fn format_of(color: ColorType, photometric: u16) -> Result<PixelFormat, ImageFault> {
    match color {
        ColorType::Gray(1) => Ok(PixelFormat::Bitonal),
        ColorType::Gray(2 | 4 | 8) => Ok(PixelFormat::Gray8),
        ColorType::Gray(16) if photometric != PALETTE => Ok(PixelFormat::Gray8),
        ColorType::GrayA(8 | 16) | ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 } => {
            Ok(PixelFormat::Gray8)
        }
        ColorType::RGB(8 | 16) | ColorType::RGBA(8 | 16) => Ok(PixelFormat::Rgb8),
        ColorType::CMYK(8 | 16) | ColorType::YCbCr(8) => Ok(PixelFormat::Rgb8),
        other => Err(ImageFormat::Tiff.unsupported(kind_of_pixels(other))),
    }
}

/// Pixels that are not read, in words.
fn kind_of_pixels(color: ColorType) -> String {
    match color {
        ColorType::Lab(_) => "Lab colours".to_owned(),
        ColorType::CMYKA(_) => "printing colours with opacity".to_owned(),
        ColorType::Multiband { num_samples, .. } => format!("{num_samples} samples a pixel"),
        other => format!("samples of {} bits", other.bit_depth()),
    }
}

/// One strip or tile of the crate's in our format. The crate has already made
/// white-is-zero into black-is-zero.
fn converted(
    chunk: DecodingResult,
    color: ColorType,
    photometric: u16,
    width: u32,
    extra: ExtraSample,
) -> Result<Vec<u8>, ImageFault> {
    let samples = match chunk {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|&s| (s >> 8) as u8).collect(),
        _ => return Err(ImageFormat::Tiff.unsupported("samples with a sign or a fraction")),
    };
    Ok(match color {
        ColorType::Gray(1) if photometric == PALETTE => {
            let mut bits = samples;
            clear_padding(&mut bits, width);
            bits
        }
        ColorType::Gray(1) => inverted_bits(samples, width),
        ColorType::Gray(depth @ (2 | 4)) => {
            let scale = if photometric == PALETTE { 1 } else { 255 / ((1 << depth) - 1) };
            let mut bytes = unpacked(&samples, width as usize, depth);
            bytes.iter_mut().for_each(|sample| *sample *= scale);
            bytes
        }
        ColorType::GrayA(_) | ColorType::Multiband { .. } => drop_extra::<1>(samples, extra),
        ColorType::RGBA(_) => drop_extra::<3>(samples, extra),
        ColorType::CMYK(_) => rgb_from_cmyk(&samples),
        ColorType::YCbCr(_) => rgb_from_ycbcr(samples),
        _ => samples,
    })
}

fn ratio(value: Value) -> Option<f64> {
    match value {
        Value::Rational(_, 0) => None,
        Value::Rational(above, below) => Some(f64::from(above) / f64::from(below)),
        Value::List(values) => values.into_iter().next().and_then(ratio),
        // Written so by mistake, but plainly meant.
        Value::Short(value) => Some(value.into()),
        Value::Unsigned(value) => Some(value.into()),
        Value::Float(value) => Some(value.into()),
        Value::Double(value) => Some(value),
        _ => None,
    }
}

fn fault(error: TiffError) -> ImageFault {
    match &error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ImageFormat::Tiff.truncated("no more data")
        }
        TiffError::UnsupportedError(what) => {
            tracing::debug!(%what, "a TIFF that is not read");
            ImageFormat::Tiff.unsupported("an unusual coding or kind of pixels")
        }
        TiffError::LimitsExceeded => ImageFormat::Tiff.damaged("it asks for too much memory"),
        TiffError::FormatError(TiffFormatError::InvalidDimensions(..)) => {
            ImageFormat::Tiff.damaged("a side of 0 pixels")
        }
        TiffError::IoError(_)
        | TiffError::FormatError(TiffFormatError::CompressedDataCorrupt(_)) => {
            tracing::debug!(%error, "a TIFF whose coding is damaged");
            ImageFormat::Tiff.damaged("a strip's coding")
        }
        TiffError::FormatError(_) | TiffError::IntSizeError | TiffError::UsageError(_) => {
            tracing::debug!(%error, "a TIFF whose tags make no sense");
            ImageFormat::Tiff.damaged("what it says of its pages")
        }
    }
}
