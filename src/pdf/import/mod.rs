//! The pages of a PDF from elsewhere, as pixels.
//!
//! A page that is one image, as scanners make them, is not drawn: its image is
//! decoded and comes in pixel for pixel, at its own resolution. Any other page
//! is drawn. Text layers, outlines and metadata of the PDF are not taken over.
//!
//! A PDF is hostile input. Sizes are checked before pixels are decoded, and a
//! panic in the PDF library ends the page, not the program. A page of which a
//! part cannot be drawn is refused: half a page must not pass for a whole one.

mod draw;
mod inflation;
mod raster;
mod single_image;
mod survey;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use self::inflation::unpacks_beyond;
use self::survey::{MOST_DECODED_BYTES, Survey};
use super::PdfFault;
use crate::records::raster::Raster;

/// A roll of film has some 2,500 frames; a file of more than four is a trap.
const MOST_PAGES: usize = 10_000;

/// A PDF whose pages can be taken one at a time.
pub struct PdfPages {
    pdf: Pdf,
    count: usize,
}

/// Reads a PDF as far as its list of pages.
///
/// # Errors
/// `UnpacksTooFar`, `Unreadable`, `Locked`, `UnknownEncryption`, `NoPages`,
/// `TooManyPages`.
pub fn open(bytes: Vec<u8>) -> Result<PdfPages, PdfFault> {
    if unpacks_beyond(&bytes, MOST_DECODED_BYTES) {
        return Err(PdfFault::UnpacksTooFar);
    }
    let opened = catch_unwind(|| {
        let pdf = Pdf::new(bytes).map_err(|fault| match fault {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfFault::Locked,
            LoadPdfError::Decryption(_) => PdfFault::UnknownEncryption,
            LoadPdfError::Invalid => PdfFault::Unreadable,
        })?;
        let count = pdf.pages().len();
        Ok((pdf, count))
    });
    match opened.unwrap_or(Err(PdfFault::Unreadable))? {
        (_, 0) => Err(PdfFault::NoPages),
        (_, pages) if pages > MOST_PAGES => {
            Err(PdfFault::TooManyPages { pages, limit: MOST_PAGES })
        }
        (pdf, count) => Ok(PdfPages { pdf, count }),
    }
}

impl PdfPages {
    /// At least 1.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The pages in order, each decoded when it is asked for.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<Raster, PdfFault>> + '_ {
        (0..self.count).map(|index| self.page(index))
    }

    /// The page at `index`, from 0. Bitonal where every pixel is black or
    /// white, gray where none has a colour.
    ///
    /// # Errors
    /// `PageTooLarge`, `PageDamaged`.
    ///
    /// # Panics
    /// If there are not so many pages.
    pub fn page(&self, index: usize) -> Result<Raster, PdfFault> {
        let page = &self.pdf.pages()[index];
        let no = index + 1;
        let taken = catch_unwind(AssertUnwindSafe(|| {
            let survey = Survey::of(page, no)?;
            match survey.single_image() {
                Some(image) => match single_image::decode(page, no, &image)? {
                    Some(raster) => Ok(raster),
                    None => draw::draw(page, no, &survey),
                },
                None => draw::draw(page, no, &survey),
            }
        }));
        taken.unwrap_or(Err(PdfFault::PageDamaged { page: no }))
    }
}
