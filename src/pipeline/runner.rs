//! The only place that reads what is due, does it and records the outcome.
//!
//! Work waits as rows. A channel only says "look again"; starting, going on
//! after a stop and normal running are one path. Dying between two rows repeats
//! a step and never skips one: each step gives the same outcome again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::file::filing_order;
use super::page::{PageRead, read_page};
use super::render::{self, ReadyPage};
use super::separate::{Seen, SeparablePage, separate};
use super::source::{self, SourcePage};
use crate::ocr::Readers;
use crate::pdf::PdfFault;
use crate::pdf::writer::PdfWriter;
use crate::profile::Profile;
use crate::records::batch::BatchState;
use crate::records::document::Document;
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::records::page::{PageOutcome, Place, SetAside, SpooledPage};
use crate::records::raster::EncodedImage;
use crate::repository::filing_fault::FilingFault;
use crate::repository::time_limit::{
    FILING_TIME_LIMIT, acknowledge_within, file_within, unacknowledged_within,
};
use crate::repository::watched_folder::{Filed, WatchedFolder};
use crate::spool::{Spool, SpoolFault};
use crate::store::{BatchRow, FiledRow, Store, StoreFault};

/// What a person is told while a batch is worked on.
#[derive(Debug)]
pub enum RunEvent {
    PageRead {
        page: PageNo,
    },
    /// The page stays in its document as an image.
    PageWithoutText {
        page: PageNo,
        cause: String,
    },
    /// How large the page is in the PDF is a guess.
    PageOfDoubtfulSize {
        page: PageNo,
        cause: String,
    },
    Separated {
        documents: usize,
        questions: usize,
    },
    DocumentFiled {
        document: DocumentId,
        pages: usize,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Spool(#[from] SpoolFault),
    #[error("the document {document} could not be written; its pages are kept")]
    Render { document: DocumentId, source: PdfFault },
    #[error(transparent)]
    Filing(#[from] FilingFault),
    #[error("a page could not be worked on because its task broke off; its original is kept")]
    PageTask { source: tokio::task::JoinError },
}

/// Whether more pages may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    Running,
    Closed,
}

/// All a batch is worked on with.
pub struct Runner {
    pub store: Store,
    pub spool: Spool,
    pub profile: Arc<Profile>,
    /// `None` where the profile wants no text.
    pub readers: Option<Arc<Readers>>,
    pub repository: WatchedFolder,
    /// Pages worked on at once.
    pub at_once: NonZeroUsize,
    pub now: fn() -> jiff::Timestamp,
    pub tell: Box<dyn Fn(RunEvent) + Send + Sync>,
}

impl Runner {
    /// Brings a batch whose pages are read to its end: filed, or waiting for a
    /// clerk.
    pub async fn finish(&self, batch: &BatchRow) -> Result<BatchState, RunFault> {
        self.separate_batch(batch).await?;
        self.file_documents(batch).await?;
        let state = match self.store.questions(&batch.id).await?.is_empty() {
            true => BatchState::Filed,
            false => BatchState::InQuestion,
        };
        self.store.move_batch_to(&batch.id, state).await?;
        Ok(state)
    }

    /// Forgets the receipts of documents whose rows say that they are filed: a
    /// stop may have come between the row and that. For the start, whichever
    /// batch it was and however far it came.
    pub async fn settle_receipts(&self) -> Result<(), RunFault> {
        let repository = self.repository.clone();
        let left = tokio::task::spawn_blocking(move || {
            unacknowledged_within(FILING_TIME_LIMIT, &repository)
        })
        .await
        .map_err(|source| RunFault::PageTask { source })??;
        for document in left {
            if self.store.is_filed(&document).await? {
                self.acknowledge(document).await?;
            }
        }
        Ok(())
    }

    async fn acknowledge(&self, document: DocumentId) -> Result<(), RunFault> {
        let repository = self.repository.clone();
        tokio::task::spawn_blocking(move || {
            acknowledge_within(FILING_TIME_LIMIT, &repository, document)
        })
        .await
        .map_err(|source| RunFault::PageTask { source })??;
        Ok(())
    }

    /// The page step, for every page that is due, as pages come, until `paper`
    /// says that no more do. Each change of `paper` means "look again".
    pub async fn read_pages(
        &self,
        batch: &BatchId,
        mut paper: watch::Receiver<Paper>,
    ) -> Result<(), RunFault> {
        let mut at_work = JoinSet::new();
        let mut taken = BTreeSet::new();
        loop {
            let closed = *paper.borrow_and_update() == Paper::Closed;
            for page in self.store.pages_due(batch).await? {
                if at_work.len() >= self.at_once.get() {
                    break;
                }
                if taken.insert(page.no) {
                    at_work.spawn_blocking(self.page_work(batch, page));
                }
            }
            if at_work.is_empty() {
                if closed {
                    return Ok(());
                }
                // An error says that nobody feeds any more: look one last time.
                if paper.changed().await.is_err() && self.store.pages_due(batch).await?.is_empty() {
                    return Ok(());
                }
                continue;
            }
            tokio::select! {
                Some(done) = at_work.join_next() => {
                    let (page, outcome, doubt) =
                        done.map_err(|source| RunFault::PageTask { source })??;
                    if let Some(cause) = doubt {
                        (self.tell)(RunEvent::PageOfDoubtfulSize { page, cause });
                    }
                    self.store.record_page_outcome(batch, page, &outcome).await?;
                    self.tell_of(page, &outcome);
                }
                _ = paper.changed(), if !closed => {}
            }
        }
    }

    fn tell_of(&self, page: PageNo, outcome: &PageOutcome) {
        use crate::records::page::TextOutcome;
        if let PageOutcome::Read { text: TextOutcome::Failed { cause }, .. } = outcome {
            (self.tell)(RunEvent::PageWithoutText { page, cause: cause.clone() });
        }
        (self.tell)(RunEvent::PageRead { page });
    }

    fn page_work(
        &self,
        batch: &BatchId,
        page: SpooledPage,
    ) -> impl FnOnce() -> Result<(PageNo, PageOutcome, Option<String>), RunFault> + Send + 'static
    {
        let (spool, batch) = (self.spool.clone(), batch.clone());
        let (profile, readers) = (self.profile.clone(), self.readers.clone());
        move || match read_original(&spool, &batch, &page, &profile, readers.as_deref())? {
            Ok((PageRead { outcome, image }, doubt)) => {
                spool.write_derived(&batch, &picture_file(page.no), &image.bytes)?;
                Ok((page.no, outcome, doubt))
            }
            Err(cause) => Ok((page.no, PageOutcome::Unreadable { cause }, None)),
        }
    }

    /// The batch step. Not done again once a document is filed: what is in the
    /// repository stands.
    async fn separate_batch(&self, batch: &BatchRow) -> Result<(), RunFault> {
        if !self.store.filed_documents(&batch.id).await?.is_empty() {
            return Ok(());
        }
        let fed_again = self.store.pages_fed_again(&batch.id).await?;
        let mut pages = Vec::new();
        for page in self.store.pages(&batch.id).await? {
            if fed_again.contains(&page.no) {
                continue;
            }
            let outcome = self.store.page_outcome(&batch.id, page.no).await?;
            pages.push(separable(page, outcome));
        }
        let mut separated = separate(&batch.id, pages, batch.expected, &self.profile);
        let set_aside = Place::SetAside { reason: SetAside::ScannedAgain };
        separated.places.extend(fed_again.into_iter().map(|page| (page, set_aside.clone())));
        self.store
            .record_separation(
                &batch.id,
                &separated.documents,
                &separated.places,
                &separated.questions,
            )
            .await?;
        (self.tell)(RunEvent::Separated {
            documents: separated.documents.len(),
            questions: separated.questions.len(),
        });
        Ok(())
    }

    async fn file_documents(&self, batch: &BatchRow) -> Result<(), RunFault> {
        let filed = self.store.filed_documents(&batch.id).await?;
        let pages: BTreeMap<PageNo, SpooledPage> =
            self.store.pages(&batch.id).await?.into_iter().map(|page| (page.no, page)).collect();
        for document in self.store.documents(&batch.id).await? {
            let id = DocumentId::new(batch.id.clone(), document.first_page);
            if filed.contains_key(&document.first_page) {
                continue;
            }
            let mut outcomes = BTreeMap::new();
            for page in &document.pages {
                if let Some(outcome) = self.store.page_outcome(&batch.id, *page).await? {
                    outcomes.insert(*page, outcome);
                }
            }
            let pages_filed = document.pages.len();
            let work = self.document_work(batch, id.clone(), document, &pages, outcomes);
            let (first_page, filed) = tokio::task::spawn_blocking(work)
                .await
                .map_err(|source| RunFault::PageTask { source })??;
            let row = FiledRow {
                pdf_path: filed.pdf.display().to_string(),
                pdf_sha256: filed.sha256,
                index_path: filed.index_file.display().to_string(),
                index_sha256: filed.index_sha256,
                filed_at: (self.now)(),
            };
            self.store.record_filed(&batch.id, first_page, &row).await?;
            self.acknowledge(id.clone()).await?;
            (self.tell)(RunEvent::DocumentFiled { document: id, pages: pages_filed });
        }
        Ok(())
    }

    /// Render, then file: one document at a time, its pages one by one.
    fn document_work(
        &self,
        batch: &BatchRow,
        id: DocumentId,
        document: Document,
        pages: &BTreeMap<PageNo, SpooledPage>,
        outcomes: BTreeMap<PageNo, PageOutcome>,
    ) -> impl FnOnce() -> Result<(PageNo, Filed), RunFault> + Send + 'static {
        let spooled: Vec<SpooledPage> =
            document.pages.iter().filter_map(|page| pages.get(page)).cloned().collect();
        let (spool, profile) = (self.spool.clone(), self.profile.clone());
        let readers = self.readers.clone();
        let repository = self.repository.clone();
        let station = batch.station.clone();
        move || {
            let rendered = DocumentToRender { id: &id, document: &document, pages: &spooled };
            let (pdf, without_text) =
                rendered.render(&spool, &profile, readers.as_deref(), &station, outcomes)?;
            let scanned_at = spooled[0].scanned_at;
            let order = filing_order(&id, &document, &profile, &station, scanned_at, without_text);
            let pdf = spool.open_derived(&pdf)?;
            let filed = file_within(FILING_TIME_LIMIT, &repository, order, pdf)?;
            Ok((document.first_page, filed))
        }
    }
}

/// The picture of a page as it will stand in the PDF.
fn picture_file(page: PageNo) -> String {
    format!("{page:04}.picture")
}

/// The outer error stops the batch; the inner is a page nobody can read.
fn read_original(
    spool: &Spool,
    batch: &BatchId,
    page: &SpooledPage,
    profile: &Profile,
    readers: Option<&Readers>,
) -> Result<Result<(PageRead, Option<String>), String>, RunFault> {
    let bytes = match spool.verified_original(batch, &page.file, page.sha256) {
        Ok(bytes) => bytes,
        Err(changed @ SpoolFault::OriginalChanged { .. }) => return Ok(Err(changed.to_string())),
        Err(fault) => return Err(fault.into()),
    };
    Ok(only_page(&bytes).map(|page| {
        let doubt = page.doubt();
        (read_page(&page, profile, readers), doubt)
    }))
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

fn separable(page: SpooledPage, outcome: Option<PageOutcome>) -> SeparablePage {
    let seen = match outcome {
        Some(PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, .. }) => Seen::Page {
            readings,
            width: picture.width,
            height: picture.height,
            turn: picture.turn,
            is_blank: picture.blank.is_blank,
            says_it_is_a_cover_sheet,
        },
        Some(PageOutcome::Unreadable { .. }) | None => Seen::Unreadable,
    };
    SeparablePage {
        no: page.no,
        sheet: page.sheet,
        side: page.side,
        scanner_reported_a_fault: page.suspect.is_some(),
        seen,
    }
}

struct DocumentToRender<'a> {
    id: &'a DocumentId,
    document: &'a Document,
    pages: &'a [SpooledPage],
}

impl DocumentToRender<'_> {
    /// The PDF, and those of its pages that could not be read.
    fn render(
        &self,
        spool: &Spool,
        profile: &Profile,
        readers: Option<&Readers>,
        station: &str,
        mut outcomes: BTreeMap<PageNo, PageOutcome>,
    ) -> Result<(PathBuf, Vec<PageNo>), RunFault> {
        let named = |source| RunFault::Render { document: self.id.clone(), source };
        let batch = self.id.batch();
        let name = format!("{:04}.pdf", self.document.first_page);
        let (path, file) = spool.create_derived(batch, &name)?;
        let scanned_at = self.pages[0].scanned_at;
        let description = render::describe(self.id, self.document, profile, station, scanned_at);
        let mut pdf = PdfWriter::begin(BufWriter::new(file), description).map_err(named)?;
        let mut without_text = Vec::new();
        for (nth, page) in self.pages.iter().enumerate() {
            let outcome = outcomes.remove(&page.no);
            let ready = self.ready(spool, profile, readers, page, outcome, nth + 1)?;
            if ready.lacks_text() {
                without_text.push(page.no);
            }
            render::add_page(&mut pdf, &ready, profile).map_err(named)?;
        }
        pdf.finish().map_err(named)?;
        Ok((path, without_text))
    }

    /// The page's picture from the derived files; where a stop has cost it, it is
    /// made again from the original, and what was read on the page stays.
    fn ready(
        &self,
        spool: &Spool,
        profile: &Profile,
        readers: Option<&Readers>,
        page: &SpooledPage,
        outcome: Option<PageOutcome>,
        nth: usize,
    ) -> Result<ReadyPage, RunFault> {
        let label = nth.to_string();
        let mut recorded = None;
        if let Some(outcome @ PageOutcome::Read { filed, .. }) = outcome {
            let picture =
                spool.read_derived(self.id.batch(), &picture_file(page.no), filed.sha256)?;
            if let Some(bytes) = picture {
                let image = EncodedImage {
                    coding: filed.coding,
                    width: filed.width,
                    height: filed.height,
                    dpi: filed.dpi,
                    format: filed.format,
                    bytes,
                };
                return Ok(ReadyPage { image, outcome, label });
            }
            recorded = Some((outcome, filed.sha256));
        }
        let again = read_original(spool, self.id.batch(), page, profile, readers)?;
        let (PageRead { outcome, image }, _) =
            again.map_err(|_| SpoolFault::OriginalUnreadable { page: page.no })?;
        // Words read a second time may differ, and then so would the PDF: one
        // that stands without its row would not be known again.
        let outcome = match recorded {
            Some((recorded, picture)) if picture == Sha256::of(&image.bytes) => recorded,
            Some(_) | None => outcome,
        };
        Ok(ReadyPage { image, outcome, label })
    }
}
