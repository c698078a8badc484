//! What stays of batches that came to their end: their originals for as long as
//! their profiles say, their rows and manifests for ever.
//!
//! [`purging`] lets originals go; [`verifying`] looks whether everything else is
//! what was scanned, and what the manifests say. Which manifest a batch has is
//! the store's doing, and so is that a purge is recorded before the first file
//! goes.

pub mod purging;
pub mod verifying;
