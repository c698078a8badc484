//! Where documents are filed.
//!
//! [`watched_folder`] files a PDF and, last, its index file; [`verify`] hashes
//! what stands there against the index files; [`sidecar`] writes and reads
//! those, one format a file; [`naming`] makes file names of index fields;
//! [`filing_fault`] is what can go wrong, [`time_limit`] what a share that
//! hangs may cost.
//!
//! What is in a document and when it is due are not decided here.

pub mod filing_fault;
pub mod index;
pub mod naming;
pub mod sidecar;
mod staging;
pub mod time_limit;
pub mod verify;
pub mod watched_folder;
