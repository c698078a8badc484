//! The pages of a PDF from elsewhere, as pixels.
//!
//! A page that is one image, as scanners make them, is not drawn: its image is
//! decoded and comes in pixel for pixel, at its own resolution. Any other page
//! is drawn. Text layers, outlines and metadata of the PDF are not taken over.
//!
//! A PDF is hostile input. Sizes and the amount of work are checked before
//! pixels are decoded, all work on a page has a time limit, and a panic in the
//! PDF library ends the page, not the program. A page of which a part cannot be
//! drawn is refused: half a page must not pass for a whole one.

mod color_space;
mod content;
mod draw;
mod filters;
mod inflation;
mod ink;
mod lzw;
mod page_tree;
mod raster;
mod shown;
mod single_image;
mod survey;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use self::inflation::unpacks_beyond;
use self::shown::ShownBy;
use self::survey::{MOST_DECODED_BYTES, Survey};
use super::PdfFault;
use crate::records::raster::Raster;

/// A roll of film has some 2,500 frames; a file of more than four is a trap.
const MOST_PAGES: usize = 10_000;

/// A page of 20 MB of lines takes 1.3 s of a processor, one of 60 MB 4.2 s; this
/// leaves room for a busy and slow station.
const LONGEST_FOR_A_PAGE: Duration = Duration::from_secs(60);

/// Opening reads the tables of objects and pages: far under a second for a
/// thousand pages.
const LONGEST_TO_OPEN: Duration = Duration::from_secs(60);

/// Forms may stand 50 deep in each other, and each takes a frame of its own.
const STACK_BYTES: usize = 64 << 20;

/// A PDF whose pages can be taken one at a time.
pub struct PdfPages {
    pdf: Arc<Pdf>,
    count: usize,
    is_whole_jpeg: IsWholeJpeg,
}

/// Whether the bytes of a JPEG hold all of its picture: the decoder in here
/// fills what is missing with gray and says nothing.
pub type IsWholeJpeg = fn(&[u8]) -> bool;

/// Reads a PDF as far as its list of pages.
///
/// # Errors
/// `UnpacksTooFar`, `Unreadable`, `Locked`, `UnknownEncryption`, `NoPages`,
/// `TooManyPages`, `PagesMissing`, `TakesTooLongToOpen`.
pub fn open(bytes: Vec<u8>, is_whole_jpeg: IsWholeJpeg) -> Result<PdfPages, PdfFault> {
    if unpacks_beyond(&bytes, MOST_DECODED_BYTES) {
        return Err(PdfFault::UnpacksTooFar);
    }
    let opened = within(LONGEST_TO_OPEN, move || {
        let pdf = Pdf::new(bytes).map_err(|fault| match fault {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfFault::Locked,
            LoadPdfError::Decryption(_) => PdfFault::UnknownEncryption,
            LoadPdfError::Invalid => PdfFault::Unreadable,
        })?;
        match pdf.pages().len() {
            0 => Err(PdfFault::NoPages),
            pages if pages > MOST_PAGES => Err(PdfFault::TooManyPages { pages, limit: MOST_PAGES }),
            count => {
                page_tree::check(&pdf, count)?;
                Ok(PdfPages { pdf: Arc::new(pdf), count, is_whole_jpeg })
            }
        }
    });
    match opened {
        Ok(opened) => opened,
        Err(GivenUp::BrokeOff) => Err(PdfFault::Unreadable),
        Err(GivenUp::TookTooLong) => Err(PdfFault::TakesTooLongToOpen),
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
    /// `PageTooLarge`, `PageDamaged`, `TakesTooLong`.
    pub fn page(&self, index: usize) -> Result<Raster, PdfFault> {
        let (pdf, is_whole_jpeg) = (Arc::clone(&self.pdf), self.is_whole_jpeg);
        let no = index + 1;
        match within(LONGEST_FOR_A_PAGE, move || taken(&pdf, index, is_whole_jpeg)) {
            Ok(page) => page,
            Err(GivenUp::BrokeOff) => Err(PdfFault::PageDamaged { page: no }),
            Err(GivenUp::TookTooLong) => Err(PdfFault::TakesTooLong { page: no }),
        }
    }
}

fn taken(pdf: &Pdf, index: usize, is_whole_jpeg: IsWholeJpeg) -> Result<Raster, PdfFault> {
    let no = index + 1;
    let page = pdf.pages().get(index).ok_or(PdfFault::PageDamaged { page: no })?;
    // The library would make an empty page of A4.
    let shown_by = ShownBy::of(page);
    if shown_by == ShownBy::Nothing {
        return Err(PdfFault::PageDamaged { page: no });
    }
    content::check(page, no)?;
    let survey = Survey::of(page, no, is_whole_jpeg)?;
    if let Some(image) = survey.single_image()
        && let Some(raster) = single_image::decode(page, no, &image)?
    {
        return Ok(raster);
    }
    match shown_by {
        ShownBy::Crop => draw::draw(page, no, &survey),
        // The library draws nothing outside the crop box.
        ShownBy::Media | ShownBy::Nothing => Err(PdfFault::PageDamaged { page: no }),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum GivenUp {
    /// The PDF library panicked.
    BrokeOff,
    TookTooLong,
}

/// Does work on a thread of its own, because the PDF library cannot be told to
/// stop. Work given up goes on until it ends by itself or with the program;
/// nothing waits for it, and the file it belongs to is refused.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GivenUp> {
    let (done, doing) = mpsc::sync_channel(1);
    let worker = thread::Builder::new().name("pdf-page".to_owned()).stack_size(STACK_BYTES).spawn(
        move || {
            // Nobody listens to work that was given up.
            done.send(work()).unwrap_or(())
        },
    );
    if worker.is_err() {
        return Err(GivenUp::BrokeOff);
    }
    doing.recv_timeout(limit).map_err(|end| match end {
        mpsc::RecvTimeoutError::Timeout => GivenUp::TookTooLong,
        mpsc::RecvTimeoutError::Disconnected => GivenUp::BrokeOff,
    })
}

#[cfg(test)]
mod tests;
