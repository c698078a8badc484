//! The pages of a file that came from outside: an image, several, or a PDF.

use crate::imaging::ImageFault;
use crate::imaging::decode::{self, PageImages};
use crate::pdf::PdfFault;
use crate::pdf::import::{self, PdfPages};
use crate::records::raster::Raster;

#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    #[error(transparent)]
    Image(#[from] ImageFault),
    #[error(transparent)]
    Pdf(#[from] PdfFault),
}

/// Delivers one page at a time; after the first fault there are no more.
pub enum SourcePages<'a> {
    Images(PageImages<'a>),
    Pdf { pages: PdfPages, taken: usize },
}

/// Tells by the content what the file is.
pub fn open(bytes: &[u8]) -> Result<SourcePages<'_>, SourceFault> {
    match decode::open(bytes) {
        Ok(images) => Ok(SourcePages::Images(images)),
        Err(ImageFault::IsPdf) => {
            Ok(SourcePages::Pdf { pages: import::open(bytes.to_vec())?, taken: 0 })
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Whether the file is a PDF by its content.
pub fn is_pdf(bytes: &[u8]) -> bool {
    matches!(decode::open(bytes), Err(ImageFault::IsPdf))
}

impl SourcePages<'_> {
    /// Where that is known without reading them all.
    pub fn page_count(&self) -> Option<usize> {
        match self {
            SourcePages::Images(images) => images.page_count(),
            SourcePages::Pdf { pages, .. } => Some(pages.count()),
        }
    }
}

impl Iterator for SourcePages<'_> {
    type Item = Result<Raster, SourceFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            SourcePages::Images(images) => {
                images.next().map(|page| page.map_err(SourceFault::from))
            }
            SourcePages::Pdf { pages, taken } => {
                if *taken == pages.count() {
                    return None;
                }
                let page = pages.page(*taken).map_err(SourceFault::from);
                *taken = if page.is_ok() { *taken + 1 } else { pages.count() };
                Some(page)
            }
        }
    }
}
