//! Pages and words become searchable PDF/A; PDF pages become pixels.
//!
//! [`writer`] makes the document that is filed: images as they were coded, an
//! invisible text layer over them, and the metadata PDF/A-2b asks for.
//! [`import`] turns the pages of a PDF from elsewhere into rasters.
//! `CONFORMANCE.md` beside this file walks PDF/A-2b clause by clause.
//!
//! It does not code or clean images, does not read words, and does not decide
//! where a file goes. It is the only module that names a PDF crate.

mod fault;
pub mod import;
pub mod paper;
pub mod writer;

pub use fault::PdfFault;
