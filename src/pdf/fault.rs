//! What can go wrong between pixels and PDF, in either direction.

use std::io;

/// Names pages by their place in the document, never by what is on them.
#[derive(Debug, thiserror::Error)]
pub enum PdfFault {
    #[error("the PDF cannot be written; check the disk it is written to, then file again")]
    Write { source: io::Error },
    #[error("a PDF needs at least one page; none was given")]
    NothingToWrite,
    #[error("the image of page {page} cannot stand in a PDF: {reason}")]
    UnusableImage { page: usize, reason: &'static str },
    #[error("{language:?} is not a language tag such as \"en\" or \"de-AT\"")]
    NotALanguage { language: String },

    #[error(
        "this is not a PDF, or too damaged to be read as one; open it in a viewer and print it to a new PDF"
    )]
    Unreadable,
    #[error(
        "this PDF holds packed data that would fill the memory, as files made to do harm do; \
         ask where it came from"
    )]
    UnpacksTooFar,
    #[error("this PDF is locked with a password; save a copy without one and bring that in")]
    Locked,
    #[error(
        "this PDF uses an encryption Outguide does not know; save a copy without it and bring that in"
    )]
    UnknownEncryption,
    #[error("this PDF has no pages")]
    NoPages,
    #[error("this PDF has {pages} pages, more than {limit}; split it and bring in the parts")]
    TooManyPages { pages: usize, limit: usize },
    #[error(
        "page {page} is {width}×{height} pixels at {dpi} dpi, more than Outguide takes; \
         print it smaller or at a lower resolution"
    )]
    PageTooLarge { page: usize, width: u64, height: u64, dpi: u32 },
    #[error(
        "page {page} of this PDF cannot be drawn; open it in a viewer and print it to a new PDF"
    )]
    PageDamaged { page: usize },
    #[error(
        "page {page} of this PDF takes too long to draw; open it in a viewer and print or export \
         it again, or scan the paper"
    )]
    TakesTooLong { page: usize },
    #[error("this PDF takes too long to open; open it in a viewer and print it to a new PDF")]
    TakesTooLongToOpen,
    #[error(
        "this PDF's list of pages is wrong (it names a page twice, or pages that are not among \
         the {found} found); open it in a viewer, see that all pages are there, and print it to a \
         new PDF"
    )]
    PagesMissing { found: usize },
}
