//! The words of the records room and the rules that hold between them.
//!
//! Pure types: no files, no clock, no database, no network, no async. Every
//! other module may use these; these use nothing of the project.

pub mod audit;
pub mod barcode;
pub mod batch;
pub mod chain;
pub mod cover_sheet;
pub mod document;
pub mod fault;
pub mod ids;
pub mod manifest;
pub mod page;
pub mod page_file;
pub mod raster;
pub mod separator;
pub mod text;
pub mod work;
