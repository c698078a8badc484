//! The steps from a durable page to a filed document, in order.
//!
//! | step | of | done by | leaves |
//! |---|---|---|---|
//! | read | a page | [`page`]: barcodes, cleaning and words ([`upright`]) | its outcome as a row, its picture as a derived file |
//! | separate | a batch | [`separate`] | documents, set-aside pages, questions as rows |
//! | render | a document | [`document`] and [`render`] | a PDF among the derived files |
//! | file | a document | [`mod@file`] | the PDF and its index file in the watched folder, then the row |
//! | end | a batch | [`end`] | what it has come to |
//!
//! Reading is one step and not three, so that a page is decoded once (0.1 s of
//! a page's 3), and so that a page of which nothing else tells which way up it
//! lies is turned the way it reads. What is read before separation is known to
//! be wanted: our own sheets and blank pages are left out on the page's own
//! evidence.
//!
//! A document that was withdrawn has a page of its own to file ([`withdrawal`]).
//!
//! [`runner`] does what is due; the others know neither database nor tokio.
//! [`convert`] is the same reading and rendering without a batch.

pub mod convert;
pub mod document;
pub mod end;
pub mod file;
pub mod original;
pub mod page;
pub mod render;
pub mod runner;
pub mod separate;
pub mod source;
mod upright;
mod withdrawal;
