//! The only place that reads what is due, does it and records the outcome.
//!
//! Work waits as rows. A channel only says "look again"; starting, going on
//! after a stop and normal running are one path. Dying between two rows repeats
//! a step and never skips one: each step gives the same outcome again.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::document::{DocumentToRender, NotRendered, Rendered, picture_file};
use super::file::filing_order;
use super::original;
use super::page::{PageRead, read_page};
use super::separate::{Seen, SeparablePage, separate};
use crate::ocr::Readers;
use crate::pdf::PdfFault;
use crate::profile::Profile;
use crate::records::batch::{BatchState, FilingPlace};
use crate::records::document::{Document, Question, QuestionReason};
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::records::page::{PageOutcome, Place, SetAside, SpooledPage, TextOutcome};
use crate::repository::filing_fault::FilingFault;
use crate::repository::time_limit::{
    FILING_TIME_LIMIT, acknowledge_within, file_within, unacknowledged_within,
};
use crate::repository::watched_folder::{Filed, FilingOrder, WatchedFolder};
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
        self.tell_of_text(page, outcome);
        (self.tell)(RunEvent::PageRead { page });
    }

    fn tell_of_text(&self, page: PageNo, outcome: &PageOutcome) {
        if let PageOutcome::Read { text: TextOutcome::Failed { cause }, .. } = outcome {
            (self.tell)(RunEvent::PageWithoutText { page, cause: cause.clone() });
        }
    }

    fn page_work(
        &self,
        batch: &BatchId,
        page: SpooledPage,
    ) -> impl FnOnce() -> Result<(PageNo, PageOutcome, Option<String>), RunFault> + Send + 'static
    {
        let (spool, batch) = (self.spool.clone(), batch.clone());
        let (profile, readers) = (self.profile.clone(), self.readers.clone());
        move || match original::read(&spool, &batch, &page)? {
            Ok(original) => {
                let PageRead { outcome, image } =
                    read_page(&original, &profile, readers.as_deref());
                spool.write_derived(&batch, &picture_file(page.no), &image.bytes)?;
                Ok((page.no, outcome, original.doubt()))
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
        let mut kept = self.store.pages(&batch.id).await?;
        kept.retain(|page| !fed_again.contains(&page.no));
        let mut pages = Vec::with_capacity(kept.len());
        for (nth, page) in kept.iter().enumerate() {
            let outcome = self.store.page_outcome(&batch.id, page.no).await?;
            pages.push(separable(page, kept.get(nth + 1), outcome));
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
        let mut is_first = batch.filing_place.is_none();
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
            let spooled: Vec<SpooledPage> =
                document.pages.iter().filter_map(|page| pages.get(page)).cloned().collect();
            let scanned_at = spooled[0].scanned_at;
            let work = self.render_work(batch, &id, &document, spooled, outcomes);
            let rendered = tokio::task::spawn_blocking(work)
                .await
                .map_err(|source| RunFault::PageTask { source })?;
            let Rendered { pdf, without_text, read_again } = match rendered {
                Ok(rendered) => rendered,
                Err(NotRendered::PageLost { page, cause }) => {
                    self.hold_document(&batch.id, document, page, cause).await?;
                    continue;
                }
                Err(NotRendered::Stopped(fault)) => return Err(fault),
            };
            for (page, outcome) in &read_again {
                self.store.record_page_outcome(&batch.id, *page, outcome).await?;
                self.tell_of_text(*page, outcome);
            }
            let (profile, station) = (&self.profile, &batch.station);
            let order = filing_order(&id, &document, profile, station, scanned_at, without_text);
            if is_first {
                self.store.record_filing_place(&batch.id, Some(&self.filing_place())).await?;
            }
            let filed = tokio::task::spawn_blocking(self.file_work(order, pdf))
                .await
                .map_err(|source| RunFault::PageTask { source })?;
            if let (true, Err(RunFault::Filing(fault))) = (is_first, &filed)
                && fault.placed_nothing()
            {
                self.store.record_filing_place(&batch.id, None).await?;
            }
            let filed = filed?;
            is_first = false;
            let row = FiledRow {
                pdf_path: filed.pdf.display().to_string(),
                pdf_sha256: filed.sha256,
                index_path: filed.index_file.display().to_string(),
                index_sha256: filed.index_sha256,
                filed_at: (self.now)(),
            };
            self.store.record_filed(&batch.id, document.first_page, &row).await?;
            self.acknowledge(id.clone()).await?;
            (self.tell)(RunEvent::DocumentFiled { document: id, pages: pages_filed });
        }
        Ok(())
    }

    fn filing_place(&self) -> FilingPlace {
        FilingPlace {
            folder: self.repository.root().display().to_string(),
            staging: self.repository.staging_folder().display().to_string(),
        }
    }

    /// The others of its batch need not wait for it.
    async fn hold_document(
        &self,
        batch: &BatchId,
        document: Document,
        page: PageNo,
        cause: String,
    ) -> Result<(), RunFault> {
        let reason = QuestionReason::StepFailed { cause };
        let question = Question { page, holds: document.pages, reason };
        Ok(self.store.hold_document(batch, document.first_page, &question).await?)
    }

    /// One document at a time, its pages one by one.
    fn render_work(
        &self,
        batch: &BatchRow,
        id: &DocumentId,
        document: &Document,
        pages: Vec<SpooledPage>,
        outcomes: BTreeMap<PageNo, PageOutcome>,
    ) -> impl FnOnce() -> Result<Rendered, NotRendered> + Send + 'static {
        let (spool, profile) = (self.spool.clone(), self.profile.clone());
        let (id, document) = (id.clone(), document.clone());
        let (readers, station) = (self.readers.clone(), batch.station.clone());
        move || {
            let rendering = DocumentToRender {
                id: &id,
                document: &document,
                pages: &pages,
                spool: &spool,
                profile: &profile,
                readers: readers.as_deref(),
                station: &station,
            };
            rendering.render(outcomes)
        }
    }

    fn file_work(
        &self,
        order: FilingOrder,
        pdf: PathBuf,
    ) -> impl FnOnce() -> Result<Filed, RunFault> + Send + 'static {
        let (spool, repository) = (self.spool.clone(), self.repository.clone());
        move || {
            let pdf = spool.open_derived(&pdf)?;
            Ok(file_within(FILING_TIME_LIMIT, &repository, order, pdf)?)
        }
    }
}

fn separable(
    page: &SpooledPage,
    next: Option<&SpooledPage>,
    outcome: Option<PageOutcome>,
) -> SeparablePage {
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
        other_side_is_missing: page.is_half_a_sheet()
            && next.is_none_or(|next| next.sheet != page.sheet),
        seen,
    }
}
