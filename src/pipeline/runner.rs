//! The only place that reads what is due, does it and records the outcome.
//!
//! Work waits as rows. A channel only says "look again"; starting, going on
//! after a stop and normal running are one path. A step is claimed, done, and
//! recorded in one transaction with the end of its row: dying in between repeats
//! it and never skips it, and each step gives the same outcome again. A step
//! that fails is put back, to be tried again after a growing while.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::document::{DocumentToRender, NotRendered, Rendered, picture_file};
use super::end::come_to;
use super::file::{Decided, filing_order};
use super::page::{PageRead, read_page};
use super::separate::{Counts, SeparablePage, separate};
use super::{original, withdrawal};
use crate::ocr::{OcrFault, Readers};
use crate::pdf::PdfFault;
use crate::pdf::paper::PaperFault;
use crate::profile::Profile;
use crate::records::batch::{BatchState, Decision};
use crate::records::document::{Document, Question, QuestionReason, ReviewStanding};
use crate::records::fault::in_one_line;
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::records::page::{
    PageOutcome, Place, SetAside, SpooledPage, TextOutcome, in_reading_order,
};
use crate::records::work::{Step, WorkOn};
use crate::repository::filing_fault::FilingFault;
use crate::repository::time_limit::{
    FILING_TIME_LIMIT, acknowledge_within, file_within, unacknowledged_within,
};
use crate::repository::watched_folder::{Filed, FilingOrder, WatchedFolder};
use crate::spool::{Spool, SpoolFault};
use crate::store::{
    BatchRow, ClaimedWork, DocumentRow, FiledRow, Reach, Recorded, Store, StoreFault,
};

/// Three renewals of a lease may be missed.
const RENEWALS_IN_A_LEASE: u32 = 4;

/// Doubled with each further failure, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// A share that is back is noticed after this at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// After so many tries a step that fails by itself becomes a question: whatever
/// passes by itself has passed.
const TRIES: u32 = 5;

/// Other stations' steps are looked for this often; one's own say so.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a person is told while batches are worked on.
#[derive(Debug, Clone)]
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
    /// It is tried again by itself.
    StepFailed {
        step: Step,
        cause: String,
        again_in: Duration,
    },
    /// Nothing of the batch is due any more.
    CameTo {
        state: BatchState,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Spool(#[from] SpoolFault),
    #[error(
        "the profile batch {batch} was opened with cannot be used by this version of outguide:\n\
         {problems}"
    )]
    Profile { batch: BatchId, problems: String },
    /// It fails by itself, and no clerk can decide anything about it.
    #[error("a step fails again and again, and is tried on: {cause}")]
    GoesOn { cause: String },
    #[error(transparent)]
    Readers(#[from] OcrFault),
    #[error("the document {document} could not be written; its pages are kept")]
    Render { document: DocumentId, source: PdfFault },
    #[error("the notice that {document} is withdrawn could not be written")]
    Withdrawal { document: DocumentId, source: PaperFault },
    #[error(transparent)]
    Filing(#[from] FilingFault),
    #[error("a page could not be worked on because its task broke off; its original is kept")]
    PageTask { source: JoinError },
}

impl RunFault {
    /// Whether the step itself fails, and would anywhere: a disk, a database or
    /// a share comes back.
    fn is_of_the_step(&self) -> bool {
        match self {
            RunFault::Render { .. } | RunFault::PageTask { .. } => true,
            RunFault::Store(_)
            | RunFault::Spool(_)
            | RunFault::Profile { .. }
            | RunFault::GoesOn { .. }
            | RunFault::Readers(_)
            | RunFault::Withdrawal { .. }
            | RunFault::Filing(_) => false,
        }
    }
}

/// Whether more pages may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    Running,
    Closed,
}

/// What a batch's pages are read with.
#[derive(Clone)]
pub struct Means {
    pub profile: Arc<Profile>,
    /// `None` where the profile wants no text.
    pub readers: Option<Arc<Readers>>,
}

pub type FindMeans = Box<dyn Fn(&BatchRow) -> Result<Means, RunFault> + Send + Sync>;
pub type OpenRepository = Box<dyn Fn(&BatchRow) -> Result<Opened, FilingFault> + Send + Sync>;
pub type TellRun = Box<dyn Fn(&BatchId, RunEvent) + Send + Sync>;

/// Finds what a batch is worked on with. Each may block.
pub struct Outfit {
    pub means: FindMeans,
    pub repository: OpenRepository,
    /// Told after a fault: the share may have been away, and is opened anew.
    pub forget_repository: Box<dyn Fn(&BatchRow) + Send + Sync>,
}

/// A batch's repository.
pub struct Opened {
    pub repository: WatchedFolder,
    pub is: OpenedWhen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedWhen {
    Before,
    /// What an earlier stop left there is settled first.
    JustNow,
}

/// Whose steps are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsFor {
    /// The station's own batches, and pages of others in the spool it shares.
    Station,
    /// Pages in the shared spool, and nothing else.
    Reading,
}

/// All that batches are worked on with.
pub struct Runner {
    pub store: Store,
    pub spool: Spool,
    pub outfit: Outfit,
    pub reach: RunsFor,
    /// Whose batches are worked on, and who claims their steps.
    pub station: String,
    /// How long a claim holds without being renewed: whoever is silent for longer
    /// has died, and others do its steps.
    pub lease: Duration,
    /// Steps done at once.
    pub at_once: NonZeroUsize,
    pub now: fn() -> jiff::Timestamp,
    pub tell: TellRun,
    /// Called while all is well, every few seconds at least.
    pub alive: Box<dyn Fn() + Send + Sync>,
}

impl Runner {
    /// Does what is due of one batch, as pages come, until nothing is and
    /// `paper` says that no more do. Each change of `paper` means "look again".
    /// The first fault ends it; what is under way is finished before.
    pub async fn run_batch(
        self: &Arc<Self>,
        batch: &BatchId,
        mut paper: watch::Receiver<Paper>,
    ) -> Result<(), RunFault> {
        self.store.make_due_now(batch).await?;
        let mut at_work = UnderWay::default();
        let mut renewal = renewals(self.lease);
        let mut stopped = None;
        loop {
            let closed = *paper.borrow_and_update() == Paper::Closed;
            while stopped.is_none() && at_work.claims.len() < self.at_once.get() {
                let reach = Reach::Batch(batch);
                match self.store.claim_work(&self.station, reach, self.lease).await {
                    Ok(Some(claimed)) => self.start(&mut at_work, claimed),
                    Ok(None) => break,
                    Err(fault) => stopped = Some(fault.into()),
                }
            }
            if at_work.claims.is_empty() {
                match stopped {
                    Some(fault) => return Err(fault),
                    None if closed => return Ok(()),
                    // An error says that nobody feeds any more: as good as closed.
                    None if paper.changed().await.is_err() => {
                        paper = watch::channel(Paper::Closed).1
                    }
                    None => {}
                }
                continue;
            }
            tokio::select! {
                Some(done) = at_work.next() => {
                    if let (claimed, Err(fault)) = done {
                        let cause = in_one_line(&fault);
                        let failed = Failed { claimed, cause, again_in: Duration::ZERO };
                        // What cannot be given back now is given back at the next start.
                        drop(self.give_back(failed).await);
                        stopped = stopped.or(Some(fault));
                    }
                }
                _ = renewal.tick() => self.renew_claims(at_work.claims.values()).await,
                _ = paper.changed(), if !closed => {}
            }
        }
    }

    /// Does what is due of all the station's batches, until `draining` says so;
    /// steps under way are finished then. `look_again` is told when something
    /// became due.
    pub async fn run_station(
        self: &Arc<Self>,
        look_again: Arc<Notify>,
        mut draining: watch::Receiver<bool>,
    ) {
        let mut at_work = UnderWay::default();
        let mut renewal = renewals(self.lease);
        loop {
            (self.alive)();
            let drains = *draining.borrow_and_update();
            let mut wait = LOOK_EVERY;
            self.give_back_at_last(&mut at_work.to_give_back).await;
            while !drains && at_work.claims.len() < self.at_once.get() {
                let reach = self.station_reach();
                match self.store.claim_work(&self.station, reach, self.lease).await {
                    Ok(Some(claimed)) => self.start(&mut at_work, claimed),
                    Ok(None) => break,
                    Err(fault) => {
                        tracing::error!(error = in_one_line(&fault), "no step can be claimed");
                        wait = FIRST_WAIT;
                        break;
                    }
                }
            }
            if drains && at_work.claims.is_empty() {
                return;
            }
            tokio::select! {
                Some(done) = at_work.next() => match done {
                    (_, Ok(())) => {}
                    (claimed, Err(fault)) => {
                        at_work.to_give_back.extend(self.try_again_later(claimed, fault).await);
                    }
                },
                _ = renewal.tick() => self.renew_claims(at_work.claims.values()).await,
                () = look_again.notified() => {}
                () = sleep(wait), if !drains => {}
                _ = draining.changed(), if !drains => {}
            }
        }
    }

    /// Forgets the receipts of documents whose rows say that they are filed: a
    /// stop may have come between the row and that. For the start, whichever
    /// batch it was and however far it came.
    pub async fn settle_receipts(&self, repository: &WatchedFolder) -> Result<(), RunFault> {
        let asked = repository.clone();
        let left = blocking(move || Ok(unacknowledged_within(FILING_TIME_LIMIT, &asked)?)).await?;
        for document in left {
            if self.store.is_filed(&document).await? {
                acknowledge(repository, document).await?;
            }
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, at_work: &mut UnderWay, claimed: ClaimedWork) {
        let (runner, work) = (self.clone(), claimed.clone());
        let task = at_work.tasks.spawn(async move { runner.do_step(&work).await });
        at_work.claims.insert(task.id(), claimed);
    }

    /// The steps, in the order a batch goes through them.
    async fn do_step(&self, claimed: &ClaimedWork) -> Result<(), RunFault> {
        let id = &claimed.work.batch;
        let Some(batch) = self.store.batch(id).await? else { return Ok(()) };
        let recorded = match claimed.work.on {
            WorkOn::Read(page) => self.read(claimed, &batch, page).await?,
            WorkOn::Separate => self.separate(claimed, &batch).await?,
            WorkOn::File(first_page) => self.file(claimed, &batch, first_page).await?,
            WorkOn::End => self.end(claimed).await?,
        };
        if recorded == Recorded::TooLate {
            let step = claimed.work.on.step();
            tracing::warn!(batch.id = %id, %step, "done too late: others did the step meanwhile");
        }
        Ok(())
    }

    /// The page step.
    async fn read(
        &self,
        claimed: &ClaimedWork,
        batch: &BatchRow,
        no: PageNo,
    ) -> Result<Recorded, RunFault> {
        let id = &claimed.work.batch;
        let Some(page) = self.store.page(id, no).await? else { return Ok(Recorded::TooLate) };
        let means = self.means(batch)?;
        let (outcome, doubt) = blocking(self.page_work(id, page, means)).await?;
        if let Some(cause) = doubt {
            (self.tell)(id, RunEvent::PageOfDoubtfulSize { page: no, cause });
        }
        let recorded = self.store.record_page_read(claimed, no, &outcome).await?;
        self.tell_of_text(id, no, &outcome);
        (self.tell)(id, RunEvent::PageRead { page: no });
        Ok(recorded)
    }

    fn tell_of_text(&self, batch: &BatchId, page: PageNo, outcome: &PageOutcome) {
        if let PageOutcome::Read { text: TextOutcome::Failed { cause }, .. } = outcome {
            (self.tell)(batch, RunEvent::PageWithoutText { page, cause: cause.clone() });
        }
    }

    fn page_work(
        &self,
        batch: &BatchId,
        page: SpooledPage,
        means: Means,
    ) -> impl FnOnce() -> Result<(PageOutcome, Option<String>), RunFault> + Send + 'static {
        let (spool, batch) = (self.spool.clone(), batch.clone());
        move || match original::read(&spool, &batch, &page)? {
            Ok(original) => {
                let PageRead { outcome, image } =
                    read_page(&original, &means.profile, means.readers.as_deref());
                spool.write_derived(&batch, &picture_file(page.no), &image.bytes)?;
                Ok((outcome, original.doubt()))
            }
            Err(cause) => Ok((PageOutcome::Unreadable { cause }, None)),
        }
    }

    /// The batch step. Never due once a document is filed: what is in the
    /// repository stands.
    async fn separate(
        &self,
        claimed: &ClaimedWork,
        batch: &BatchRow,
    ) -> Result<Recorded, RunFault> {
        let fed_again = self.store.pages_fed_again(&batch.id).await?;
        let mut kept = self.store.pages(&batch.id).await?;
        kept.retain(|page| !fed_again.contains(&page.no));
        in_reading_order(&mut kept);
        let mut pages = Vec::with_capacity(kept.len());
        for (nth, page) in kept.iter().enumerate() {
            let outcome = self.store.page_outcome(&batch.id, page.no).await?;
            pages.push(SeparablePage::of(page, kept.get(nth + 1), outcome));
        }
        let means = self.means(batch)?;
        let counts = counts(batch);
        let id = batch.id.clone();
        let mut separated =
            blocking(move || Ok(separate(&id, pages, counts, &means.profile))).await?;
        let set_aside = Place::SetAside { reason: SetAside::ScannedAgain };
        separated.places.extend(fed_again.into_iter().map(|page| (page, set_aside.clone())));
        let (questions, places) = (separated.questions, separated.places);
        let review_due = separated.review_due;
        let documents: Vec<_> = separated
            .documents
            .into_iter()
            .map(|document| match review_due.contains(&document.first_page) {
                true => (document, ReviewStanding::Due),
                false => (document, ReviewStanding::NotAsked),
            })
            .collect();
        let recorded =
            self.store.record_separation(claimed, &documents, &places, &questions).await?;
        let (documents, questions) = (documents.len(), questions.len());
        (self.tell)(&batch.id, RunEvent::Separated { documents, questions });
        Ok(recorded)
    }

    /// The document step: rendered, then filed.
    async fn file(
        &self,
        claimed: &ClaimedWork,
        batch: &BatchRow,
        first_page: PageNo,
    ) -> Result<Recorded, RunFault> {
        let Some(row) = self.store.document(&batch.id, first_page).await? else {
            return Ok(Recorded::TooLate);
        };
        let id = row.id(&batch.id);
        let (means, pages) = (self.means(batch)?, row.document.pages.len());
        let profile = means.profile.clone();
        let rendered = match &row.withdrawn {
            Some(withdrawn) => self.render_withdrawal(&id, withdrawn).await?,
            None => match self.render(batch, &row, means).await? {
                Ok(rendered) => rendered,
                Err((page, cause)) => {
                    return self.hold_document(claimed, row.document, page, cause).await;
                }
            },
        };
        let ReadyToFile { pdf, scanned_at, without_text } = rendered;
        let decided = Decided {
            document: &row.document,
            review: &row.review,
            withdrawn: row.withdrawn.as_ref(),
        };
        let order = filing_order(&id, decided, &profile, &batch.station, scanned_at, without_text);
        let rule = order.index.reviewed.to_string();
        let repository = self.repository(batch).await?;
        let filed = match self.place(claimed, batch, &repository, order, pdf).await {
            Ok(Some(filed)) => filed,
            Ok(None) => return Ok(Recorded::TooLate),
            Err(fault) => {
                drop(repository);
                (self.outfit.forget_repository)(batch);
                return Err(fault);
            }
        };
        let row = FiledRow {
            pdf_path: filed.pdf.display().to_string(),
            pdf_sha256: filed.sha256,
            index_path: filed.index_file.display().to_string(),
            index_sha256: filed.index_sha256,
            filed_at: (self.now)(),
        };
        let recorded = self.store.record_filed(claimed, first_page, &row, &rule).await?;
        (self.tell)(&batch.id, RunEvent::DocumentFiled { document: id.clone(), pages });
        // Where the row is another's to write, the receipt is all that tells of it.
        if recorded == Recorded::Yes {
            acknowledge(&repository, id).await?;
        }
        Ok(recorded)
    }

    /// The page that cannot be rendered and why, where there is one.
    async fn render(
        &self,
        batch: &BatchRow,
        row: &DocumentRow,
        means: Means,
    ) -> Result<Result<ReadyToFile, (PageNo, String)>, RunFault> {
        let (id, document) = (row.id(&batch.id), &row.document);
        let mut outcomes = BTreeMap::new();
        let mut spooled = Vec::with_capacity(document.pages.len());
        for page in &document.pages {
            spooled.extend(self.store.page(&batch.id, *page).await?);
            if let Some(outcome) = self.store.page_outcome(&batch.id, *page).await? {
                outcomes.insert(*page, outcome);
            }
        }
        let scanned_at = spooled[0].scanned_at;
        let work = self.render_work(batch, &id, document, spooled, outcomes, means);
        let rendered = spawn_blocking(work).await;
        let Rendered { pdf, without_text, read_again } =
            match rendered.map_err(|source| RunFault::PageTask { source })? {
                Ok(rendered) => rendered,
                Err(NotRendered::PageLost { page, cause }) => return Ok(Err((page, cause))),
                Err(NotRendered::Stopped(fault)) => return Err(fault),
            };
        for (page, outcome) in &read_again {
            self.store.record_page_outcome(&batch.id, *page, outcome).await?;
            self.tell_of_text(&batch.id, *page, outcome);
        }
        Ok(Ok(ReadyToFile { pdf, scanned_at, without_text }))
    }

    async fn render_withdrawal(
        &self,
        id: &DocumentId,
        withdrawn: &Decision,
    ) -> Result<ReadyToFile, RunFault> {
        let first = self.store.page(id.batch(), id.first_page()).await?;
        let scanned_at = first.map_or(withdrawn.at, |page| page.scanned_at);
        let (id, withdrawn, spool) = (id.clone(), withdrawn.clone(), self.spool.clone());
        let pdf = blocking(move || withdrawal::render(&id, &withdrawn, &spool)).await?;
        Ok(ReadyToFile { pdf, scanned_at, without_text: Vec::new() })
    }

    /// Where filing begins is recorded before the first document: what a stop
    /// leaves half done is known there and nowhere else.
    /// `None` where it is not this step's to place any more.
    async fn place(
        &self,
        claimed: &ClaimedWork,
        batch: &BatchRow,
        repository: &WatchedFolder,
        order: FilingOrder,
        pdf: PathBuf,
    ) -> Result<Option<Filed>, RunFault> {
        let is_first = batch.filing_staging.is_none();
        let staging = repository.staging_folder().display().to_string();
        if self.store.begin_filing(claimed, &staging).await? == Recorded::TooLate {
            return Ok(None);
        }
        let filed = blocking(self.file_work(repository.clone(), order, pdf)).await;
        if let (true, Err(RunFault::Filing(fault))) = (is_first, &filed)
            && fault.placed_nothing()
        {
            self.store.forget_filing_staging(&batch.id).await?;
        }
        filed.map(Some)
    }

    /// What the batch has come to, once nothing else of it is due.
    async fn end(&self, claimed: &ClaimedWork) -> Result<Recorded, RunFault> {
        let batch = &claimed.work.batch;
        let questions = self.store.questions(batch).await?;
        let state = come_to(questions.values(), self.store.reviews_due(batch).await?);
        let recorded = self.store.end_batch(claimed, state).await?;
        (self.tell)(batch, RunEvent::CameTo { state });
        Ok(recorded)
    }

    /// The others of its batch need not wait for it.
    async fn hold_document(
        &self,
        claimed: &ClaimedWork,
        document: Document,
        page: PageNo,
        cause: String,
    ) -> Result<Recorded, RunFault> {
        let reason = QuestionReason::StepFailed { cause };
        let question = Question { page, holds: document.pages, reason };
        Ok(self.store.hold_document(claimed, document.first_page, &question).await?)
    }

    /// One document at a time, its pages one by one.
    fn render_work(
        &self,
        batch: &BatchRow,
        id: &DocumentId,
        document: &Document,
        pages: Vec<SpooledPage>,
        outcomes: BTreeMap<PageNo, PageOutcome>,
        means: Means,
    ) -> impl FnOnce() -> Result<Rendered, NotRendered> + Send + 'static {
        let spool = self.spool.clone();
        let (id, document) = (id.clone(), document.clone());
        let station = batch.station.clone();
        move || {
            let rendering = DocumentToRender {
                id: &id,
                document: &document,
                pages: &pages,
                spool: &spool,
                profile: &means.profile,
                readers: means.readers.as_deref(),
                station: &station,
            };
            rendering.render(outcomes)
        }
    }

    fn file_work(
        &self,
        repository: WatchedFolder,
        order: FilingOrder,
        pdf: PathBuf,
    ) -> impl FnOnce() -> Result<Filed, RunFault> + Send + 'static {
        let spool = self.spool.clone();
        move || {
            let pdf = spool.open_derived(&pdf)?;
            Ok(file_within(FILING_TIME_LIMIT, &repository, order, pdf)?)
        }
    }

    /// Starting readers and opening a share take their time, on a thread that
    /// may block.
    fn means(&self, batch: &BatchRow) -> Result<Means, RunFault> {
        tokio::task::block_in_place(|| (self.outfit.means)(batch))
    }

    async fn repository(&self, batch: &BatchRow) -> Result<WatchedFolder, RunFault> {
        let opened = tokio::task::block_in_place(|| (self.outfit.repository)(batch))?;
        if opened.is == OpenedWhen::JustNow
            && let Err(fault) = self.settle_receipts(&opened.repository).await
        {
            // Nothing waits for this: the next time it is opened, it is tried again.
            tracing::warn!(
                error = in_one_line(&fault),
                "notes of documents filed earlier stay in the staging folder"
            );
        }
        Ok(opened.repository)
    }

    /// The step, where the database does not take it back yet.
    async fn try_again_later(&self, claimed: ClaimedWork, fault: RunFault) -> Option<Failed> {
        let (batch, step) = (claimed.work.batch.clone(), claimed.work.on.step());
        let cause = in_one_line(&fault);
        if fault.is_of_the_step() && claimed.attempts + 1 >= TRIES {
            match self.ask_about(&claimed, &cause).await {
                Ok(()) => return None,
                Err(error) => {
                    tracing::error!(error = in_one_line(&error), "no question can be asked")
                }
            }
        }
        let again_in = wait_after(claimed.attempts);
        tracing::warn!(batch.id = %batch, %step, error = cause, ?again_in, "a step failed");
        let left = self.give_back(Failed { claimed, cause: cause.clone(), again_in }).await;
        (self.tell)(&batch, RunEvent::StepFailed { step, cause, again_in });
        left
    }

    /// A step that keeps failing by itself is a clerk's to decide about.
    async fn ask_about(&self, claimed: &ClaimedWork, cause: &str) -> Result<(), RunFault> {
        let batch = &claimed.work.batch;
        let cause = cause.to_owned();
        let recorded = match claimed.work.on {
            WorkOn::Read(page) => {
                let unreadable = PageOutcome::Unreadable { cause };
                self.store.record_page_read(claimed, page, &unreadable).await?
            }
            WorkOn::File(first_page) => match self.store.document(batch, first_page).await? {
                // What a repository is told of a withdrawal is nobody's to decide.
                Some(row) if row.withdrawn.is_some() => return Err(RunFault::GoesOn { cause }),
                Some(row) => self.hold_document(claimed, row.document, first_page, cause).await?,
                None => Recorded::TooLate,
            },
            WorkOn::Separate | WorkOn::End => {
                return Err(RunFault::GoesOn { cause });
            }
        };
        if recorded == Recorded::TooLate {
            tracing::warn!(batch.id = %batch, "others did the step meanwhile");
        }
        Ok(())
    }

    /// The step again, where the database does not answer.
    async fn give_back(&self, failed: Failed) -> Option<Failed> {
        match self.store.put_back(&failed.claimed, &failed.cause, failed.again_in).await {
            Ok(Recorded::Yes | Recorded::TooLate) => None,
            Err(error) => {
                tracing::error!(error = in_one_line(&error), "a step cannot be given back yet");
                Some(failed)
            }
        }
    }

    /// Waiting for their leases to end would keep batches standing for minutes
    /// after a full disk has room again.
    async fn give_back_at_last(&self, to_give_back: &mut Vec<Failed>) {
        while let Some(failed) = to_give_back.pop() {
            if let Some(still) = self.give_back(failed).await {
                to_give_back.push(still);
                return;
            }
        }
    }

    fn station_reach(&self) -> Reach<'_> {
        match self.reach {
            RunsFor::Station => Reach::Station { station: &self.station, spool: self.spool.id() },
            RunsFor::Reading => Reach::Pages { spool: self.spool.id() },
        }
    }

    /// Those under way and no others: one that could not be given back is to end.
    async fn renew_claims(&self, claims: impl Iterator<Item = &ClaimedWork>) {
        for claimed in claims {
            if let Err(error) = self.store.renew_claim(claimed, self.lease).await {
                tracing::error!(
                    error = in_one_line(&error),
                    "the claim on a step cannot be renewed"
                );
            }
        }
    }
}

fn renewals(lease: Duration) -> tokio::time::Interval {
    let mut renewals = interval(lease / RENEWALS_IN_A_LEASE);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewals
}

/// A document as it goes to the repository, in the spool.
struct ReadyToFile {
    pdf: PathBuf,
    /// Its first page.
    scanned_at: jiff::Timestamp,
    /// Those of its pages that could not be read.
    without_text: Vec<PageNo>,
}

/// Steps that are being done, each a task of its own.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Result<(), RunFault>>,
    claims: HashMap<tokio::task::Id, ClaimedWork>,
    /// Failed while the database did not answer either.
    to_give_back: Vec<Failed>,
}

/// A step to be tried again.
struct Failed {
    claimed: ClaimedWork,
    cause: String,
    again_in: Duration,
}

impl UnderWay {
    /// How the next of them ended; never where none is under way.
    async fn next(&mut self) -> Option<(ClaimedWork, Result<(), RunFault>)> {
        let (task, done) = match self.tasks.join_next_with_id().await? {
            Ok((task, done)) => (task, done),
            Err(source) => (source.id(), Err(RunFault::PageTask { source })),
        };
        let claimed = self.claims.remove(&task).expect("each task has its claim");
        Some((claimed, done))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunFault> + Send + 'static,
) -> Result<T, RunFault> {
    spawn_blocking(work).await.map_err(|source| RunFault::PageTask { source })?
}

async fn acknowledge(repository: &WatchedFolder, document: DocumentId) -> Result<(), RunFault> {
    let repository = repository.clone();
    blocking(move || Ok(acknowledge_within(FILING_TIME_LIMIT, &repository, document)?)).await
}

fn wait_after(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2u32.saturating_pow(attempts)).min(LONGEST_WAIT)
}

/// What the batch is held to: nothing, once a person has answered for it.
fn counts(batch: &BatchRow) -> Counts {
    match batch.counts_released {
        Some(_) => Counts::Released,
        None => Counts::HeldTo(batch.expected),
    }
}
