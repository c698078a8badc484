//! The scan station's scanner while the daemon runs: one owner, who feeds one
//! batch at a time and does what clerks order of batches.
//!
//! ```text
//!            open, continue                 the stack's end, a fault, "pause"
//! clerk ──────────────────▶ feeding thread ─────────────────────────────────▶ paused
//!   ▲                            │ each page durable, then told                  │
//!   └────────────────────────────┴───────────── close, discard ◀─────────────────┘
//! ```
//!
//! After every pause the scanner is closed; it is opened anew to go on. At a
//! glass it stays open between pages for as long as a clerk may need to lay the
//! next one. What a batch has come to is in the store and nowhere else: a desk
//! that is started anew knows it from there.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;

use super::resumption::{MorePaper, NewOrders, ResumeFault, check_paper_given};
use super::resumption::{record_new_orders, with_new_orders};
use super::{
    Capture, CaptureEvent, CaptureFault, NextPage, PagesOfFile, StackEnd, StopSwitch, two_passes,
};
use crate::device::scanner::{
    PageStack, ScanFault, ScanOrder, ScannerChoice, WhichScanner, WorkerCommand,
};
use crate::profile::{self, Profile};
use crate::records::batch::{BatchState, ClosedBy, Decision, PaperFrom, Pause, TwoPasses};
use crate::records::fault::in_one_line;
use crate::records::ids::BatchId;
use crate::records::page::SpooledPage;
use crate::spool::{Spool, Unclaimed};
use crate::store::{BatchRow, Moved, Store, StoreFault};

/// How long the scanner stays open for the next page to be laid on its glass.
const LAYING_LIMIT: Duration = Duration::from_secs(600);

/// Why a batch stands still is recorded as soon as the database answers; a
/// restart meanwhile finds the batch scanning, and knows that it stopped.
const RECORDED_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long a stop waits for the page under way.
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// What those who watch the station are told.
#[derive(Debug)]
pub enum DeskEvent {
    Paper(CaptureEvent),
    /// The batch stands elsewhere than before: see its row.
    Moved,
}

#[derive(Debug, thiserror::Error)]
pub enum DeskFault {
    #[error("there is no batch {id}")]
    NoSuchBatch { id: BatchId },
    #[error("batch {id} is one of the station {station}; give the order there")]
    OtherStations { id: BatchId, station: String },
    #[error("the scanner is at work on batch {batch}; pause or close that one first")]
    ScannerAtWork { batch: BatchId },
    #[error(
        "batch {batch} is unfinished ({state}); continue, close or discard it first, so that no \
         page of its stack comes to another batch"
    )]
    Unfinished { batch: BatchId, state: BatchState },
    #[error("batch {id} is {state} and cannot be {wanted}")]
    NotFrom { id: BatchId, state: BatchState, wanted: &'static str },
    #[error(
        "documents of batch {id} are in the repository, or on their way there: it cannot be \
         discarded any more"
    )]
    FilingHasBegun { id: BatchId },
    #[error(
        "batch {id} is fed from a hot folder, and goes on by itself; where it does not, close or \
         discard it once it is paused"
    )]
    FromAHotFolder { id: BatchId },
    #[error("batch {id} has no page; discard it, or continue it")]
    NoPage { id: BatchId },
    #[error("say why: the reason stays with the batch")]
    NoReason,
    #[error("the profile batch {id} was opened with cannot be used any more:\n{problems}")]
    Profile { id: BatchId, problems: String },
    #[error(transparent)]
    Paper(#[from] CaptureFault),
    #[error(transparent)]
    Resume(#[from] ResumeFault),
    #[error(transparent)]
    Store(#[from] StoreFault),
}

pub type TellDesk = Box<dyn Fn(&BatchId, DeskEvent) + Send + Sync>;

/// What the desk works with.
pub struct DeskParts {
    pub store: Store,
    pub spool: Spool,
    /// Whose batches it feeds.
    pub station: String,
    /// The scanner taken where a batch names none.
    pub scanner: Option<String>,
    pub worker: WorkerCommand,
    pub pages_of_file: PagesOfFile,
    pub now: fn() -> jiff::Timestamp,
    /// Told when steps became due.
    pub look_again: Arc<Notify>,
    pub tell: TellDesk,
}

/// Clones are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    parts: DeskParts,
    at_the_scanner: Mutex<Option<AtTheScanner>>,
    /// Files that batches are fed from; a batch that goes on after a restart has
    /// them named again.
    stacks: Mutex<BTreeMap<BatchId, PageStack>>,
}

struct AtTheScanner {
    batch: BatchId,
    stop: StopSwitch,
    /// There while the scanner waits for a page to be laid on its glass.
    next_page: Arc<Mutex<Option<SyncSender<NextPage>>>>,
    /// True once the batch stands still and is recorded so.
    over: watch::Receiver<bool>,
    /// Why it stands still, as long as the database cannot record that.
    unrecorded: Option<Pause>,
}

/// A batch that a stop of the station left in the middle, and what was found.
#[derive(Debug)]
pub struct Settled {
    pub batch: BatchId,
    pub last: Option<SpooledPage>,
    pub moved_aside: Vec<Unclaimed>,
}

impl Desk {
    pub fn new(parts: DeskParts) -> Self {
        Desk(Arc::new(Inner { parts, at_the_scanner: Mutex::default(), stacks: Mutex::default() }))
    }

    /// For the start, before anything else: batches that were being scanned are
    /// paused, and files that no row names are moved aside.
    pub async fn settle(&self) -> Result<Vec<Settled>, CaptureFault> {
        let DeskParts { store, spool, station, .. } = &self.0.parts;
        let mut settled = Vec::new();
        for batch in store.unfinished_batches(station).await? {
            if !batch.state.takes_paper() {
                continue;
            }
            let (last, moved_aside) = super::settle(store, spool, &batch.id).await?;
            if batch.state == BatchState::Scanning {
                let (Moved::Yes | Moved::NotFrom(_)) =
                    store.pause_batch(&batch.id, &Pause::StationStopped).await?;
            }
            settled.push(Settled { batch: batch.id, last, moved_aside });
        }
        Ok(settled)
    }

    /// Opens a batch and feeds it. Refused beside an unfinished stack: its pages
    /// could come to the wrong batch.
    pub async fn open(
        &self,
        batch: BatchRow,
        stack: Option<PageStack>,
        by: &str,
    ) -> Result<(), DeskFault> {
        let store = &self.0.parts.store.acting_for(by);
        for earlier in store.unfinished_stacks(&self.0.parts.station).await? {
            if earlier.state.takes_paper() {
                return Err(DeskFault::Unfinished { batch: earlier.id, state: earlier.state });
            }
        }
        let profile = profile_of(&batch)?;
        // Nobody else may come to the scanner between the two.
        let seat = self.take_the_scanner(&batch.id, store)?;
        store.open_batch(&batch).await?;
        if let Some(stack) = stack {
            self.stacks().insert(batch.id.clone(), stack);
        }
        self.start_feeding(batch, profile, seat);
        Ok(())
    }

    /// Goes on with a paused batch behind its last page kept. At a glass this is
    /// "the next page lies there".
    pub async fn go_on(&self, id: &BatchId, orders: NewOrders, by: &str) -> Result<(), DeskFault> {
        if self.answer_at_the_glass(id, NextPage::Scan) {
            return Ok(());
        }
        let (store, spool) = (&self.0.parts.store.acting_for(by), &self.0.parts.spool);
        let before = self.batch(id).await?;
        if !before.state.takes_paper() {
            return Err(not_from(id, before.state, "continued"));
        }
        if store.is_from_a_hot_folder(id).await? {
            return Err(DeskFault::FromAHotFolder { id: id.clone() });
        }
        let orders =
            NewOrders { stack: orders.stack.or_else(|| self.stacks().get(id).cloned()), ..orders };
        let batch = with_new_orders(store, &before, &orders).await?;
        check_paper_given(store, &batch, &orders, MorePaper::MayCome).await?;
        let profile = profile_of(&batch)?;
        let seat = self.take_the_scanner(id, store)?;
        record_new_orders(store, &before, &batch, orders.last_sheet).await?;
        let batch = two_passes::go_on(store, batch, orders.sides).await?;
        super::settle(store, spool, id).await?;
        if let Some(stack) = orders.stack {
            self.stacks().insert(id.clone(), stack);
        }
        self.start_feeding(batch, profile, seat);
        Ok(())
    }

    /// Stops the scanner; the page under way is given up. Returns when the batch
    /// stands still.
    pub async fn pause(&self, id: &BatchId) -> Result<(), DeskFault> {
        if let Some(over) = self.ask_to_stop(id) {
            is_over(over).await;
            return Ok(());
        }
        match self.batch(id).await?.state {
            BatchState::Paused | BatchState::Open => Ok(()),
            other => Err(not_from(id, other, "paused")),
        }
    }

    /// The clerk's word that no more paper comes: the batch is separated and
    /// filed.
    pub async fn close(&self, id: &BatchId, orders: NewOrders, by: &str) -> Result<(), DeskFault> {
        if let Some(over) = self.over_after(id, NextPage::Close)? {
            is_over(over).await;
            return Ok(());
        }
        let (store, look_again) = (&self.0.parts.store.acting_for(by), &self.0.parts.look_again);
        let before = self.batch(id).await?;
        let is_being_fed = match before.state {
            BatchState::Open | BatchState::Scanning => true,
            BatchState::Paused
            | BatchState::Processing
            | BatchState::InQuestion
            | BatchState::AwaitingReview
            | BatchState::Filing
            | BatchState::Filed
            | BatchState::Held
            | BatchState::Discarded => false,
        };
        if is_being_fed && store.is_from_a_hot_folder(id).await? {
            return Err(DeskFault::FromAHotFolder { id: id.clone() });
        }
        let batch = with_new_orders(store, &before, &orders).await?;
        check_paper_given(store, &batch, &orders, MorePaper::ComesNot).await?;
        if store.pages(id).await?.is_empty() {
            return Err(DeskFault::NoPage { id: id.clone() });
        }
        super::settle(store, &self.0.parts.spool, id).await?;
        record_new_orders(store, &before, &batch, orders.last_sheet).await?;
        if before.state.takes_paper() {
            two_passes::close(store, &batch, orders.sides).await?;
            if batch.two_passes.is_none() {
                self.moved(id, "closed", store.close_batch(id).await?)?;
            }
        } else if before == batch {
            return Err(not_from(id, before.state, "closed"));
        }
        self.stacks().remove(id);
        look_again.notify_one();
        (self.0.parts.tell)(id, DeskEvent::Moved);
        Ok(())
    }

    /// A person's word that the pairs shown are right: each back comes to its
    /// front, and the batch is closed, whoever was to close it.
    pub async fn collate(&self, id: &BatchId, by: &str) -> Result<(), DeskFault> {
        if self.is_at_the_scanner(id) {
            return Err(DeskFault::ScannerAtWork { batch: id.clone() });
        }
        let batch = self.batch(id).await?;
        two_passes::collate(&self.0.parts.store.acting_for(by), &batch).await?;
        self.0.parts.look_again.notify_one();
        (self.0.parts.tell)(id, DeskEvent::Moved);
        Ok(())
    }

    /// Gives a batch up; its pages stay kept.
    pub async fn discard(&self, id: &BatchId, decision: &Decision) -> Result<(), DeskFault> {
        if decision.reason.trim().is_empty() {
            return Err(DeskFault::NoReason);
        }
        if self.is_at_the_scanner(id) {
            self.pause(id).await?;
        }
        let batch = self.batch(id).await?;
        let store = self.0.parts.store.acting_for(&decision.by);
        match store.discard_batch(id, decision).await? {
            Moved::NotFrom(state)
                if batch.filing_staging.is_some() && state != BatchState::Filed =>
            {
                return Err(DeskFault::FilingHasBegun { id: id.clone() });
            }
            moved => self.moved(id, "discarded", moved)?,
        }
        self.stacks().remove(id);
        (self.0.parts.tell)(id, DeskEvent::Moved);
        Ok(())
    }

    /// A named person answers for counts that do not balance.
    pub async fn release(&self, id: &BatchId, decision: &Decision) -> Result<(), DeskFault> {
        if decision.reason.trim().is_empty() {
            return Err(DeskFault::NoReason);
        }
        self.batch(id).await?;
        let store = self.0.parts.store.acting_for(&decision.by);
        self.moved(id, "released", store.release_counts(id, decision).await?)?;
        self.0.parts.look_again.notify_one();
        (self.0.parts.tell)(id, DeskEvent::Moved);
        Ok(())
    }

    /// Which batch is at the scanner.
    pub fn batch_at_the_scanner(&self) -> Option<BatchId> {
        self.at_the_scanner().as_ref().map(|at| at.batch.clone())
    }

    /// Why its paper stands still, where the database cannot record that yet: a
    /// full disk is to be told of all the same.
    pub fn unrecorded_pause(&self, id: &BatchId) -> Option<Pause> {
        let at = self.at_the_scanner();
        at.as_ref().filter(|at| at.batch == *id).and_then(|at| at.unrecorded.clone())
    }

    /// For the end: paper stands still, and the batch says why.
    pub async fn drain(&self) -> Result<(), DeskFault> {
        let Some(batch) = self.batch_at_the_scanner() else { return Ok(()) };
        self.pause(&batch).await?;
        let (Moved::Yes | Moved::NotFrom(_)) =
            self.0.parts.store.pause_batch(&batch, &Pause::StationStopped).await?;
        Ok(())
    }

    async fn batch(&self, id: &BatchId) -> Result<BatchRow, DeskFault> {
        let DeskParts { store, station, .. } = &self.0.parts;
        let found = store.batch(id).await?;
        let batch = found.ok_or_else(|| DeskFault::NoSuchBatch { id: id.clone() })?;
        if store.is_shared() && batch.station != *station {
            return Err(DeskFault::OtherStations { id: id.clone(), station: batch.station });
        }
        Ok(batch)
    }

    fn moved(&self, id: &BatchId, wanted: &'static str, moved: Moved) -> Result<(), DeskFault> {
        match moved {
            Moved::Yes => Ok(()),
            Moved::NotFrom(state) => Err(not_from(id, state, wanted)),
        }
    }

    fn take_the_scanner(&self, id: &BatchId, store: &Store) -> Result<Seat, DeskFault> {
        let mut at = self.at_the_scanner();
        if let Some(at) = &*at {
            return Err(DeskFault::ScannerAtWork { batch: at.batch.clone() });
        }
        let (tell_over, over) = watch::channel(false);
        let seat = Seat {
            stop: StopSwitch::default(),
            next_page: Arc::default(),
            tell_over,
            store: store.clone(),
            desk: self.clone(),
        };
        *at = Some(AtTheScanner {
            batch: id.clone(),
            stop: seat.stop.clone(),
            next_page: seat.next_page.clone(),
            over,
            unrecorded: None,
        });
        Ok(seat)
    }

    fn leave_the_scanner(&self) {
        *self.at_the_scanner() = None;
    }

    fn is_at_the_scanner(&self, id: &BatchId) -> bool {
        self.at_the_scanner().as_ref().is_some_and(|at| at.batch == *id)
    }

    /// Whether somebody waited for the answer.
    fn answer_at_the_glass(&self, id: &BatchId, said: NextPage) -> bool {
        let at = self.at_the_scanner();
        at.as_ref().filter(|at| at.batch == *id).is_some_and(|at| answer(at, said))
    }

    /// What to wait for after an answer at the glass; refused while paper moves.
    fn over_after(
        &self,
        id: &BatchId,
        said: NextPage,
    ) -> Result<Option<watch::Receiver<bool>>, DeskFault> {
        let at = self.at_the_scanner();
        let Some(at) = at.as_ref().filter(|at| at.batch == *id) else { return Ok(None) };
        if answer(at, said) {
            return Ok(Some(at.over.clone()));
        }
        Err(DeskFault::ScannerAtWork { batch: id.clone() })
    }

    /// What to wait for; `None` where the batch is not at the scanner.
    fn ask_to_stop(&self, id: &BatchId) -> Option<watch::Receiver<bool>> {
        let at = self.at_the_scanner();
        let at = at.as_ref().filter(|at| at.batch == *id)?;
        at.stop.ask();
        answer(at, NextPage::Stop);
        Some(at.over.clone())
    }

    fn at_the_scanner(&self) -> MutexGuard<'_, Option<AtTheScanner>> {
        self.0.at_the_scanner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stacks(&self) -> MutexGuard<'_, BTreeMap<BatchId, PageStack>> {
        self.0.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn which_scanner(&self, batch: &BatchRow) -> WhichScanner {
        if let Some(stack) = self.stacks().get(&batch.id) {
            return WhichScanner::Folder(stack.clone());
        }
        let chosen = match &batch.paper_from {
            PaperFrom::Scanner(Some(name)) => Some(name),
            PaperFrom::Scanner(None) | PaperFrom::Files(_) => self.0.parts.scanner.as_ref(),
        };
        let choice = chosen.map_or_else(ScannerChoice::any, |name| ScannerChoice::parse(name));
        WhichScanner::Sane { worker: self.0.parts.worker.clone(), choice }
    }

    /// On a thread of its own, which ends with the batch at rest.
    fn start_feeding(&self, batch: BatchRow, profile: Profile, seat: Seat) {
        let desk = self.clone();
        let runtime = Handle::current();
        let which = self.which_scanner(&batch);
        spawn_blocking(move || {
            let _span = tracing::info_span!("feeding", batch.id = %batch.id).entered();
            let closes = desk.feed(&runtime, &batch, &which, &profile, &seat);
            desk.come_to_rest(&runtime, &batch, &closes);
            drop(seat);
            (desk.0.parts.tell)(&batch.id, DeskEvent::Moved);
            desk.0.parts.look_again.notify_one();
        });
    }

    fn feed(
        &self,
        runtime: &Handle,
        batch: &BatchRow,
        which: &WhichScanner,
        profile: &Profile,
        seat: &Seat,
    ) -> Rest {
        let DeskParts { spool, now, pages_of_file, tell, look_again, .. } = &self.0.parts;
        let order = ScanOrder {
            settings: profile.scanner.clone(),
            set: batch.scanner_options.clone(),
            resume: None,
            known: None,
        };
        let mut closed_at_the_glass = false;
        let mut ask_next = || {
            let said = self.ask_for_the_next_page(runtime, &batch.id, seat);
            closed_at_the_glass = said == NextPage::Close;
            said
        };
        let fed = Capture {
            store: &seat.store,
            spool,
            batch,
            now: *now,
            pages_of_file: *pages_of_file,
            stop: &seat.stop,
            tell: &mut |event| {
                let is_a_page = matches!(event, CaptureEvent::PageDurable { .. });
                tell(&batch.id, DeskEvent::Paper(event));
                if is_a_page {
                    look_again.notify_one();
                }
            },
        }
        .feed(runtime, which, &order, Some(&mut ask_next));
        seat.stop.feeding_is_over();
        rest_after(fed, batch, closed_at_the_glass)
    }

    /// The scanner waits, open, and the batch is paused meanwhile.
    fn ask_for_the_next_page(&self, runtime: &Handle, id: &BatchId, seat: &Seat) -> NextPage {
        let DeskParts { store, tell, .. } = &self.0.parts;
        let (say, said) = mpsc::sync_channel(1);
        *seat.next_page.lock().unwrap_or_else(PoisonError::into_inner) = Some(say);
        if let Err(fault) = runtime.block_on(store.pause_batch(id, &Pause::LayNextPage)) {
            tracing::error!(%fault, "that the next page is waited for cannot be recorded");
            return NextPage::Stop;
        }
        tell(id, DeskEvent::Moved);
        let said = said.recv_timeout(LAYING_LIMIT).unwrap_or(NextPage::Stop);
        *seat.next_page.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if said == NextPage::Scan {
            match runtime.block_on(store.start_scanning(id)) {
                Ok(Moved::Yes) => tell(id, DeskEvent::Moved),
                Ok(Moved::NotFrom(_)) | Err(_) => return NextPage::Stop,
            }
        }
        said
    }

    /// Records what the batch has come to, for as long as it takes.
    fn come_to_rest(&self, runtime: &Handle, batch: &BatchRow, rest: &Rest) {
        let store = &self.0.parts.store;
        loop {
            let recorded = runtime.block_on(async {
                match rest {
                    Rest::Closed => store.close_batch(&batch.id).await,
                    Rest::Paused(pause) => store.pause_batch(&batch.id, pause).await,
                    Rest::BehindOnePass(at) => {
                        let pause = two_passes::pause_behind(store, &batch.id, *at).await?;
                        store.pause_batch(&batch.id, &pause).await
                    }
                }
            });
            match recorded {
                Ok(Moved::Yes) => break,
                Ok(Moved::NotFrom(state)) => {
                    tracing::warn!(%state, "the batch was moved by others while it was fed");
                    break;
                }
                Err(fault) => {
                    tracing::error!(%fault, "why the batch stands still cannot be recorded yet");
                    self.tell_unrecorded(&batch.id, rest, &fault);
                    std::thread::sleep(RECORDED_AGAIN_AFTER);
                }
            }
        }
        if matches!(rest, Rest::Closed) {
            self.stacks().remove(&batch.id);
        }
    }

    fn tell_unrecorded(&self, id: &BatchId, rest: &Rest, fault: &StoreFault) {
        let pause = match rest {
            Rest::Paused(pause) => pause.clone(),
            Rest::Closed | Rest::BehindOnePass(_) => Pause::Fault {
                fault: "database".to_owned(),
                told: format!("the stack is through and all its pages are kept, but {fault}"),
            },
        };
        if let Some(at) = &mut *self.at_the_scanner() {
            at.unrecorded = Some(pause);
        }
        (self.0.parts.tell)(id, DeskEvent::Moved);
    }
}

/// A place at the scanner, taken until this is dropped.
struct Seat {
    desk: Desk,
    /// For what the clerk who gave the order does.
    store: Store,
    stop: StopSwitch,
    next_page: Arc<Mutex<Option<SyncSender<NextPage>>>>,
    tell_over: watch::Sender<bool>,
}

/// However it ends: an order whose giver went away, a thread that broke off.
impl Drop for Seat {
    fn drop(&mut self) {
        self.desk.leave_the_scanner();
        self.tell_over.send_replace(true);
    }
}

enum Rest {
    Closed,
    Paused(Pause),
    /// What it waits for is in the rows of its pages.
    BehindOnePass(TwoPasses),
}

fn answer(at: &AtTheScanner, said: NextPage) -> bool {
    let waiting = at.next_page.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.as_ref().is_some_and(|waiting| waiting.try_send(said).is_ok())
}

async fn is_over(mut over: watch::Receiver<bool>) {
    let waited = tokio::time::timeout(PAUSE_LIMIT, over.wait_for(|over| *over)).await;
    if waited.is_err() {
        tracing::warn!("the scanner does not stop yet");
    }
}

fn not_from(id: &BatchId, state: BatchState, wanted: &'static str) -> DeskFault {
    DeskFault::NotFrom { id: id.clone(), state, wanted }
}

fn profile_of(batch: &BatchRow) -> Result<Profile, DeskFault> {
    let (profile, problems) = profile::parse(&batch.profile_text, &batch.profile_name);
    profile.ok_or_else(|| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        DeskFault::Profile { id: batch.id.clone(), problems: problems.join("\n") }
    })
}

/// Only a clerk closes a batch: beforehand, at the glass, or by the number of
/// its pages.
fn rest_after(
    fed: Result<StackEnd, CaptureFault>,
    batch: &BatchRow,
    closed_at_the_glass: bool,
) -> Rest {
    match fed {
        Ok(StackEnd::Enough) => Rest::Closed,
        Ok(StackEnd::OfOnePass) => match batch.two_passes {
            Some(at) => Rest::BehindOnePass(at),
            None => Rest::Paused(Pause::StackEnd),
        },
        Ok(StackEnd::Closed) => match batch.closed_by {
            ClosedBy::StackEnd => Rest::Closed,
            ClosedBy::Clerk if closed_at_the_glass => Rest::Closed,
            ClosedBy::Clerk => Rest::Paused(Pause::StackEnd),
        },
        Ok(StackEnd::Nothing) => Rest::Paused(Pause::StackEnd),
        Err(fault) => Rest::Paused(pause_of(&fault)),
    }
}

/// What a clerk is told while a fault keeps paper from moving.
pub fn pause_of(fault: &CaptureFault) -> Pause {
    let named = |name: &str| Pause::Fault { fault: name.to_owned(), told: in_one_line(fault) };
    match fault {
        CaptureFault::Scanner(ScanFault::Cancelled) => Pause::Asked,
        CaptureFault::Scanner(ScanFault::FeederEmpty) => Pause::StackEnd,
        CaptureFault::Scanner(scan) => named(scan.name()),
        CaptureFault::Spool(_) => named("disk"),
        CaptureFault::Store(_) | CaptureFault::RecordPage { .. } => named("database"),
        CaptureFault::SuspectSheet { .. } => named("suspect-sheet"),
        CaptureFault::OtherFiles { .. }
        | CaptureFault::TakesNoPaper { .. }
        | CaptureFault::NotLikeThat { .. } => named("other-paper"),
    }
}
