//! Where documents are filed.
//!
//! [`watched_folder`] files a PDF and, last, its index file; [`verify`] hashes
//! what stands there against the index files, and against what the station
//! says it filed; [`sidecar`] writes and reads index files, one format a file;
//! [`answer`] is what the repository did with it; [`naming`] makes file names of index fields; [`owner`] is who a station is
//! among those that share a staging folder; [`filing_fault`] is what can go
//! wrong, [`time_limit`] what a share that hangs may cost.
//!
//! What is in a document and when it is due are not decided here.

pub mod answer;
pub mod filing_fault;
pub mod index;
pub mod naming;
pub mod owner;
pub mod sidecar;
mod staging;
pub mod time_limit;
pub mod verify;
pub mod watched_folder;
