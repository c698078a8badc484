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
mod jpeg_scans;
pub mod limits;
mod page_view;
mod palette;
mod png;
mod pnm;
mod resolution;
mod samples;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use jpeg::is_whole_jpeg;
pub use resolution::DpiSource;

use self::exif::Lie;
use self::resolution::Stated;
use super::fault::{ImageFault, ImageFormat};
use super::turn::{mirrored, turned};
use crate::records::page::QuarterTurn;
use crate::records::page_file::{NoPageFile, PageFile, is_pnm};
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
                if self.taken > 0 && rest.iter().all(u8::is_ascii_whitespace) {
                    return None;
                }
                if self.taken > 0 && !is_pnm(rest) {
                    let what = "something that is no picture stands behind a page";
                    return Some(Err(ImageFormat::Pnm.damaged(what)));
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

fn sniff(bytes: &[u8]) -> Result<ImageFormat, ImageFault> {
    match PageFile::recognise(bytes) {
        Ok(PageFile::Png) => Ok(ImageFormat::Png),
        Ok(PageFile::Jpeg) => Ok(ImageFormat::Jpeg),
        Ok(PageFile::Tiff) => Ok(ImageFormat::Tiff),
        Ok(PageFile::Pnm) => Ok(ImageFormat::Pnm),
        Ok(PageFile::Pdf) => Err(ImageFault::IsPdf),
        Err(NoPageFile::Empty) => Err(ImageFault::Empty),
        Err(NoPageFile::OtherPicture(name)) => Err(ImageFault::OtherFormat(name)),
        Err(NoPageFile::Unknown) => Err(ImageFault::UnknownFormat),
    }
}

#[cfg(test)]
mod tests;
