//! The pages of a file that came from outside: an image, several, or a PDF.

use crate::imaging::ImageFault;
use crate::imaging::decode::{self, DpiSource, PageImages};
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

/// A page as it came from outside.
pub struct SourcePage {
    pub raster: Raster,
    /// The JPEG file whose pixels these are, just as they lie in it.
    pub jpeg: Option<Vec<u8>>,
    pub dpi_source: DpiSource,
}

impl SourcePage {
    /// What a person should know of the page's size; `None` where the file is
    /// to be believed.
    pub fn doubt(&self) -> Option<String> {
        let taken = self.raster.dpi().0;
        match self.dpi_source {
            DpiSource::File | DpiSource::Squared { .. } => None,
            DpiSource::Estimated => Some(format!(
                "the file does not say its resolution; {taken} dpi is taken, as for a page of \
                 letter or A4 paper"
            )),
            DpiSource::Disbelieved { across, down } => Some(format!(
                "the file says {across}×{down} dpi, which no page is; {taken} dpi is taken, as for \
                 a page of letter or A4 paper"
            )),
        }
    }
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
            let pages = import::open(bytes.to_vec(), decode::is_whole_jpeg)?;
            Ok(SourcePages::Pdf { pages, taken: 0 })
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
    type Item = Result<SourcePage, SourceFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            SourcePages::Images(images) => {
                let page = images.next()?;
                let jpeg = images.jpeg_as_it_came().map(<[u8]>::to_vec);
                let dpi_source = images.dpi_source();
                let page = page.map(|raster| SourcePage { raster, jpeg, dpi_source });
                Some(page.map_err(SourceFault::from))
            }
            SourcePages::Pdf { pages, taken } => {
                if *taken == pages.count() {
                    return None;
                }
                let page = pages.page(*taken);
                *taken = if page.is_ok() { *taken + 1 } else { pages.count() };
                let dpi_source = DpiSource::File;
                let page = page.map(|raster| SourcePage { raster, jpeg: None, dpi_source });
                Some(page.map_err(SourceFault::from))
            }
        }
    }
}
