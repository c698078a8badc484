//! Image files from anywhere become pages of pixels, or a fault that names the
//! cause. What a file is, its content says; its name is never asked.
//!
//! Pages come one at a time: a film roll in one TIFF never stands in memory
//! whole. Every size is checked on the header before pixels are decoded, and a
//! file that ends early is a fault, never a shorter page.
//!
//! PDF pages are the `pdf` module's.

mod exif;
mod fax;
mod jpeg;
pub mod limits;
mod palette;
mod png;
mod pnm;
mod resolution;
mod samples;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use resolution::DpiSource;

use self::exif::Lie;
use self::resolution::Stated;
use super::fault::{ImageFault, ImageFormat};
use super::turn::{mirrored, turned};
use crate::records::page::QuarterTurn;
use crate::records::raster::{PixelFormat, Raster};

/// What a decoder delivers: pixels as they lie in the file.
struct Decoded {
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Vec<u8>,
    stated: Option<Stated>,
    lie: Lie,
}

/// The pages of one image file, decoded as they are asked for. After the first
/// fault there are no more.
pub struct PageImages<'a> {
    pages: Pages<'a>,
    taken: usize,
    dpi_source: DpiSource,
    jpeg: Option<&'a [u8]>,
}

enum Pages<'a> {
    Single { bytes: &'a [u8], format: ImageFormat },
    Pnm { rest: &'a [u8] },
    Tiff(Box<tiff::TiffPages<'a>>),
    Done,
}

/// Recognises the format and reads as much as tells the number of pages.
///
/// # Errors
/// Nothing that can be read as an image; [`ImageFault::IsPdf`] for PDF.
pub fn open(bytes: &[u8]) -> Result<PageImages<'_>, ImageFault> {
    let pages = match sniff(bytes)? {
        ImageFormat::Tiff => {
            Pages::Tiff(Box::new(guarded(ImageFormat::Tiff, || tiff::TiffPages::open(bytes))?))
        }
        ImageFormat::Pnm => Pages::Pnm { rest: bytes },
        format @ (ImageFormat::Png | ImageFormat::Jpeg) => Pages::Single { bytes, format },
    };
    Ok(PageImages { pages, taken: 0, dpi_source: DpiSource::File, jpeg: None })
}

impl<'a> PageImages<'a> {
    /// How many pages the file has, where that is known without decoding them.
    pub fn page_count(&self) -> Option<usize> {
        match &self.pages {
            Pages::Single { .. } => Some(1),
            Pages::Tiff(tiff) => Some(tiff.page_count()),
            Pages::Pnm { .. } | Pages::Done => None,
        }
    }

    /// Where the resolution of the page last delivered comes from.
    pub fn dpi_source(&self) -> DpiSource {
        self.dpi_source
    }

    /// The file itself, where the page last delivered is a JPEG whose pixels
    /// are the page's as they lie in it: it may stand in a PDF as it came.
    pub fn jpeg_as_it_came(&self) -> Option<&'a [u8]> {
        self.jpeg
    }

    fn decode_next(&mut self) -> Option<Result<Decoded, ImageFault>> {
        match &mut self.pages {
            Pages::Done => None,
            Pages::Single { bytes, format } => {
                let (bytes, format) = (*bytes, *format);
                self.pages = Pages::Done;
                self.jpeg = (format == ImageFormat::Jpeg).then_some(bytes);
                Some(guarded(format, || match format {
                    ImageFormat::Png => png::decode(bytes),
                    ImageFormat::Jpeg => jpeg::decode(bytes),
                    ImageFormat::Tiff | ImageFormat::Pnm => unreachable!("have pages"),
                }))
            }
            Pages::Pnm { rest } => {
                if self.taken > 0 && !pnm::is_pnm(rest) {
                    return None;
                }
                Some(pnm::decode(rest))
            }
            Pages::Tiff(tiff) => {
                tiff.more().then(|| guarded(ImageFormat::Tiff, || tiff.decode_next()))
            }
        }
    }
}

impl Iterator for PageImages<'_> {
    type Item = Result<Raster, ImageFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.decode_next()?.and_then(|decoded| {
            self.taken += 1;
            if self.taken > limits::MAX_PAGES {
                return Err(ImageFault::TooManyPages { most: limits::MAX_PAGES });
            }
            let Decoded { width, height, format, pixels, stated, lie } = decoded;
            let (raster, source) = resolution::settle(width, height, format, pixels, stated)?;
            self.dpi_source = source;
            let as_they_lie =
                lie == Lie::default() && (raster.width(), raster.height()) == (width, height);
            self.jpeg = self.jpeg.filter(|jpeg| as_they_lie && jpeg::has_plain_colors(jpeg));
            Ok(laid_upright(raster, lie))
        });
        if page.is_err() {
            self.pages = Pages::Done;
        }
        Some(page)
    }
}

/// Turns pixels the way the file says they are to be seen.
fn laid_upright(raster: Raster, lie: Lie) -> Raster {
    let raster = if lie.mirrored { mirrored(&raster) } else { raster };
    match lie.turn {
        QuarterTurn::None => raster,
        turn @ (QuarterTurn::Right | QuarterTurn::Half | QuarterTurn::Left) => {
            turned(&raster, turn)
        }
    }
}

/// A decoder that panics on a hostile file has found it damaged. The decoders
/// are pure functions of bytes: nothing is left half done.
fn guarded<T>(
    format: ImageFormat,
    decode: impl FnOnce() -> Result<T, ImageFault>,
) -> Result<T, ImageFault> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(format.damaged("the decoder could make no sense of it")))
}

/// Images people may well drop in, named so that the message can name them.
const OTHER_FORMATS: [(&[u8], usize, &str); 9] = [
    (b"GIF8", 0, "a GIF"),
    (b"BM", 0, "a Windows bitmap"),
    (b"WEBP", 8, "a WebP"),
    (b"ftyphei", 4, "a HEIC photograph"),
    (b"ftypmif1", 4, "a HEIC photograph"),
    (b"ftypavif", 4, "an AVIF"),
    (b"\0\0\0\x0cjP  ", 0, "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000"),
    (b"AT&TFORM", 0, "a DjVu"),
];

/// PDF readers look for the mark in the first kilobyte, since mail gateways
/// put lines before it.
const PDF_MARK_WITHIN: usize = 1024;

fn sniff(bytes: &[u8]) -> Result<ImageFormat, ImageFault> {
    if bytes.is_empty() {
        return Err(ImageFault::Empty);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(ImageFormat::Png);
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Ok(ImageFormat::Jpeg);
    }
    let tiff_marks: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    if tiff_marks.iter().any(|mark| bytes.starts_with(mark)) {
        return Ok(ImageFormat::Tiff);
    }
    if pnm::is_pnm(bytes) {
        return Ok(ImageFormat::Pnm);
    }
    let head = &bytes[..bytes.len().min(PDF_MARK_WITHIN)];
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Err(ImageFault::IsPdf);
    }
    let other = OTHER_FORMATS
        .iter()
        .find(|(mark, at, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
    match other {
        Some((_, _, name)) => Err(ImageFault::OtherFormat(name)),
        None => Err(ImageFault::UnknownFormat),
    }
}

#[cfg(test)]
mod tests;
