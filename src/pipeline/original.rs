//! A page's original, read back from the spool.
//!
//! What is wrong with one page is its page's trouble; what is wrong with the
//! spool stops the batch.

use super::source::{self, SourcePage};
use crate::records::ids::BatchId;
use crate::records::page::SpooledPage;
use crate::spool::{Spool, SpoolFault};

/// The outer error stops the batch; the inner is a page nobody can read.
pub fn read(
    spool: &Spool,
    batch: &BatchId,
    page: &SpooledPage,
) -> Result<Result<SourcePage, String>, SpoolFault> {
    match spool.verified_original(batch, &page.file, page.sha256) {
        Ok(bytes) => Ok(only_page(&bytes)),
        Err(lost @ (SpoolFault::OriginalChanged { .. } | SpoolFault::OriginalLost { .. })) => {
            Ok(Err(lost.to_string()))
        }
        Err(fault) => Err(fault),
    }
}

/// An original is one page. A file of several is kept only where taking it
/// apart failed, behind the pages that came out of it.
fn only_page(bytes: &[u8]) -> Result<SourcePage, String> {
    let mut pages = source::open(bytes).map_err(|fault| fault.to_string())?;
    let page = pages.next().ok_or("the file holds no page")?.map_err(|fault| fault.to_string())?;
    match pages.next() {
        None => Ok(page),
        Some(_) => Err("the file is damaged behind its first pages".to_owned()),
    }
}
