//! What a batch takes when it goes on, and what may be said anew of it.

use std::collections::BTreeSet;
use std::path::Path;

use super::CaptureFault;
use super::two_passes::{AboutSides, NO_LIMIT};
use crate::device::scanner::{PageStack, ScanFault};
use crate::disk::page_file::read_page_file;
use crate::records::batch::{Expected, GivenFile, PaperFrom};
use crate::records::ids::Sha256;
use crate::records::page::SpooledPage;
use crate::store::{BatchRow, Moved, Store, StoreFault};

/// What a batch takes when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperWanted {
    FromFeeder,
    FromFiles,
    NoMore,
}

/// Whether the clerk says that the stack is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MorePaper {
    MayCome,
    ComesNot,
}

impl PaperWanted {
    pub fn of(batch: &BatchRow, more: MorePaper) -> Self {
        match (batch.state.takes_paper(), more, &batch.paper_from) {
            (true, MorePaper::MayCome, PaperFrom::Scanner(_)) => PaperWanted::FromFeeder,
            (true, MorePaper::MayCome, PaperFrom::Files(_)) => PaperWanted::FromFiles,
            (true, MorePaper::ComesNot, _) | (false, _, _) => PaperWanted::NoMore,
        }
    }
}

/// What a clerk says anew of a batch that goes on; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct NewOrders {
    pub scanner: Option<String>,
    /// Each goes before the one of its name.
    pub set: Vec<(String, String)>,
    /// From the root of the file system.
    pub repository: Option<String>,
    pub expected: Expected,
    pub max_pages: Option<u32>,
    /// The files, where it is fed from files.
    pub stack: Option<PageStack>,
    pub last_sheet: LastSheet,
    /// Of a batch that is fed in two passes.
    pub sides: Option<AboutSides>,
}

/// What a clerk says of the last sheet kept, where it may be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastSheet {
    /// It was put back on the stack: what was kept of it is set aside once it
    /// comes again.
    #[default]
    ComesAgain,
    /// It was compared with its pages.
    IsRight,
}

#[derive(Debug, thiserror::Error)]
pub enum ResumeFault {
    /// The batch is not to go on like that; the sentence says how it is.
    #[error("{0}")]
    NotLikeThat(String),
    #[error(transparent)]
    Files(#[from] ScanFault),
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl From<ResumeFault> for CaptureFault {
    fn from(fault: ResumeFault) -> Self {
        match fault {
            ResumeFault::NotLikeThat(told) => CaptureFault::NotLikeThat { told },
            ResumeFault::Files(fault) => CaptureFault::Scanner(fault),
            ResumeFault::Store(fault) => CaptureFault::Store(fault),
        }
    }
}

/// The batch with what is said anew; nothing is recorded yet.
pub async fn with_new_orders(
    store: &Store,
    before: &BatchRow,
    orders: &NewOrders,
) -> Result<BatchRow, ResumeFault> {
    let now = told_anew(before, orders);
    refuse_orders_too_late(store, before, &now).await?;
    Ok(now)
}

/// Records what was said anew. A batch held to another count is separated again.
pub async fn record_new_orders(
    store: &Store,
    before: &BatchRow,
    now: &BatchRow,
    last_sheet: LastSheet,
) -> Result<(), StoreFault> {
    if let (LastSheet::IsRight, Some(last)) = (last_sheet, store.pages(&now.id).await?.last()) {
        store.clear_suspicion(&now.id, last).await?;
    }
    if before == now {
        return Ok(());
    }
    store.record_new_orders(now).await?;
    if before.expected != now.expected {
        // One that is not separated yet will be.
        let (Moved::Yes | Moved::NotFrom(_)) = store.separate_again(&now.id).await?;
    }
    Ok(())
}

/// Whether the paper given is the batch's.
pub async fn check_paper_given(
    store: &Store,
    batch: &BatchRow,
    orders: &NewOrders,
    more: MorePaper,
) -> Result<(), ResumeFault> {
    let wanted = PaperWanted::of(batch, more);
    if let (Some(_), Some(_)) = (batch.two_passes, orders.max_pages) {
        return Err(ResumeFault::NotLikeThat(NO_LIMIT.to_owned()));
    }
    refuse_other_paper(batch, orders, wanted)?;
    let Some(stack) = &orders.stack else { return Ok(()) };
    let pages = store.pages(&batch.id).await?;
    check_given_files(batch, stack, &pages, wanted)
}

/// A batch goes on from where it was begun: its pages are told apart by that.
fn refuse_other_paper(
    batch: &BatchRow,
    orders: &NewOrders,
    wanted: PaperWanted,
) -> Result<(), ResumeFault> {
    let id = &batch.id;
    let still_fed = |what| {
        format!("batch {id} is still being fed from {what}, or --no-more-paper to file what it has")
    };
    let about_the_scanner = [
        ("--scanner", orders.scanner.is_some()),
        ("--set", !orders.set.is_empty()),
        ("--pages", orders.max_pages.is_some()),
    ];
    let given = about_the_scanner.into_iter().find(|(_, is_given)| *is_given);
    let message = match (wanted, given) {
        (PaperWanted::FromFiles, _) if orders.stack.is_none() => {
            still_fed("files; give --from again with the same")
        }
        (PaperWanted::FromFeeder, _) if orders.stack.is_some() => {
            still_fed("a scanner; leave --from out")
        }
        (PaperWanted::NoMore, Some((name, _))) => {
            format!("batch {id} takes no more paper; leave {name} out")
        }
        (PaperWanted::FromFiles | PaperWanted::FromFeeder, _) | (PaperWanted::NoMore, None) => {
            return Ok(());
        }
    };
    Err(ResumeFault::NotLikeThat(message))
}

/// The files of a batch that is still fed are those it was begun with: with one
/// the less it would be filed as whole. To one that takes no more its own may be
/// named again; others would be left out without a word.
fn check_given_files(
    batch: &BatchRow,
    stack: &PageStack,
    pages: &[SpooledPage],
    wanted: PaperWanted,
) -> Result<(), ResumeFault> {
    let PaperFrom::Files(begun_with) = &batch.paper_from else { return Ok(()) };
    let id = &batch.id;
    let given = stack.given_files()?;
    let message = match wanted {
        PaperWanted::NoMore => {
            let other = first_not_taken(batch, stack, &given, pages)?;
            other.map(|file| {
                format!(
                    "batch {id} takes no more pages, and {} is none of its own; leave it out, and \
                     give it to a batch of its own",
                    file.name
                )
            })
        }
        PaperWanted::FromFiles | PaperWanted::FromFeeder => {
            difference(begun_with, &given).map(|difference| {
                format!(
                    "the files given are not those batch {id} was begun with: {difference}; give \
                     the same in the same order, or --no-more-paper in place of --from to file \
                     what it has"
                )
            })
        }
    };
    match message {
        None => Ok(()),
        Some(message) => Err(ResumeFault::NotLikeThat(message)),
    }
}

/// Those behind the batch's limit were left out at its own word.
fn first_not_taken<'a>(
    batch: &BatchRow,
    stack: &PageStack,
    given: &'a [GivenFile],
    pages: &[SpooledPage],
) -> Result<Option<&'a GivenFile>, ResumeFault> {
    let PaperFrom::Files(begun_with) = &batch.paper_from else { return Ok(None) };
    for (path, file) in stack.paths().iter().zip(given) {
        let source =
            Some(Sha256::of(&read_page_file(path).map_err(|fault| unreadable(path, &fault))?));
        let is_taken = pages.iter().any(|page| page.source_sha256 == source);
        let is_behind_the_limit = batch.max_pages.is_some() && begun_with.contains(file);
        if !is_taken && !is_behind_the_limit {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, fault: &dyn std::error::Error) -> ScanFault {
    ScanFault::UnreadableFile { path: path.to_owned(), detail: fault.to_string() }
}

/// The first that a person would look for.
fn difference(begun_with: &[GivenFile], given: &[GivenFile]) -> Option<String> {
    if begun_with == given {
        return None;
    }
    let is_named = |name: &str, files: &[GivenFile]| files.iter().any(|file| file.name == name);
    let missing = begun_with.iter().find(|file| !is_named(&file.name, given));
    let new = given.iter().find(|file| !is_named(&file.name, begun_with));
    let changed = begun_with.iter().find(|file| !given.contains(file));
    Some(match (missing, new, changed) {
        (Some(file), _, _) => format!("{} is missing", file.name),
        (None, Some(file), _) => format!("{} is new", file.name),
        (None, None, Some(file)) => format!("{} is no longer {} bytes long", file.name, file.bytes),
        (None, None, None) => "they come in another order".to_owned(),
    })
}

fn told_anew(before: &BatchRow, orders: &NewOrders) -> BatchRow {
    let mut batch = before.clone();
    if let (PaperFrom::Scanner(choice), Some(scanner)) = (&mut batch.paper_from, &orders.scanner) {
        if choice.as_ref() != Some(scanner) {
            // Another scanner is meant now.
            batch.scanner_identity = None;
        }
        *choice = Some(scanner.clone());
    }
    let own = &mut batch.scanner_options;
    own.retain(|(name, _)| orders.set.iter().all(|(set, _)| set != name));
    own.extend(orders.set.iter().cloned());
    if let Some(repository) = &orders.repository {
        batch.repository.clone_from(repository);
    }
    batch.expected = Expected {
        sheets: orders.expected.sheets.or(before.expected.sheets),
        documents: orders.expected.documents.or(before.expected.documents),
    };
    batch.max_pages = orders.max_pages.or(before.max_pages);
    batch
}

/// Once filing has begun its batch is neither counted nor separated again, and
/// its documents belong where the first may stand already.
async fn refuse_orders_too_late(
    store: &Store,
    before: &BatchRow,
    now: &BatchRow,
) -> Result<(), ResumeFault> {
    let is_elsewhere = before.repository != now.repository;
    if before.expected != now.expected && store.is_decided(&before.id).await? {
        return Err(ResumeFault::NotLikeThat(format!(
            "somebody answered questions of batch {} or looked at its documents, so that another \
             count comes too late; leave --expect-sheets and --expect-documents out",
            before.id
        )));
    }
    if before.filing_staging.is_none() {
        return Ok(());
    }
    if !is_elsewhere && before.expected == now.expected {
        return Ok(());
    }
    let id = &before.id;
    let message = if is_elsewhere {
        format!(
            "documents of batch {id} stand in {} already or were on their way there, and the \
             others belong there; leave --repository out. Where that folder is gone for good, \
             mount what takes its place there",
            before.repository
        )
    } else {
        let again = store.pages_fed_again(id).await?;
        let pages = store.pages(id).await?;
        let fed = pages.iter().filter(|page| !again.contains(&page.no));
        let sheets = fed.map(|page| page.sheet).collect::<BTreeSet<_>>().len();
        let documents = store.documents(id).await?.len();
        format!(
            "filing of batch {id} has begun already, so that another count comes too late: it \
             has {sheets} sheets, and {documents} documents beside those in question; leave \
             --expect-sheets and --expect-documents out"
        )
    };
    Err(ResumeFault::NotLikeThat(message))
}
