//! Hot folders become batches: pages and PDFs that copiers, fax servers and other
//! programs leave in a folder.
//!
//! ```text
//! something came ─▶ settled? ─▶ pages? ─▶ batch + rows (committed) ─▶ fed (durable) ─▶ closed ─▶ original removed
//!                                  │                                                    files "taken"
//!                                  └─ no ─▶ quarantine/, with the reason
//! ```
//!
//! **After a stop.** Before the rows nothing was begun, and the file is taken as
//! if it were new. From there on the rows name the file by its name, length and
//! hash: its batch is fed again from the first file (capture skips what it
//! holds), closed, and the original removed. A file is removed only when its row
//! says that it is taken, and only if it still is the file that was: it gets a
//! hidden name first, so that nothing put in its place goes with it.
//!
//! The same bytes come again as a batch of their own, once the first original is
//! gone or under another name: that somebody sends a page twice is not for us
//! to judge. Only who sends it again under the same name between the removal
//! and its row, the station dying in that moment, is taken for the one removed.
//!
//! One task owns a folder, and everything that waits for a disk is done on
//! threads: a share that hangs holds up its own folder alone. How files become
//! pages is capture's; it is handed in, as is what makes a new batch.

mod quarantine;
mod seen;
mod taking;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use crate::config::{Closes, HotFolder};
use crate::disk::Disk;
use crate::records::batch::GivenFile;
use crate::records::fault::in_one_line;
use crate::records::ids::BatchId;
use crate::store::{BatchRow, HotBatch, Store, StoreFault};
use seen::{Found, Memory, SETTLED_AFTER, UNREADABLE_AFTER};

/// Events are lost: their queue runs over, a share tells nothing, a folder is
/// mounted over. So everything is looked at this often in any case.
const LOOKED_AT_ANYWAY: Duration = Duration::from_secs(180);

/// Events come in showers, one for each piece a slow writer writes; what they
/// announce has to settle anyway.
const SHOWER: Duration = Duration::from_secs(1);

/// After a fault of the surroundings (a full disk, a database away), before the
/// folder is tried again.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Why a batch could not be fed to its end.
#[derive(Debug)]
pub enum NotFed {
    /// The files are not those the batch was begun with, or cannot be read.
    OtherFiles { told: String },
    /// The station is to end.
    Stopping,
    /// The disk, the database: tried again by itself.
    Surroundings { told: String },
}

/// `Err` in words: why a file holds no pages that can be taken.
pub type Examine = Box<dyn Fn(&[u8]) -> Result<(), String> + Send + Sync>;

/// A new batch's row; `Err` in words: why none can be opened now.
pub type NewBatch = Box<dyn Fn(Vec<GivenFile>) -> Result<BatchRow, String> + Send + Sync>;

/// Makes the pages of these files durable behind those the batch has; they are
/// fed again from the first. Blocks.
pub type FeedFiles = Box<dyn Fn(&BatchRow, &[PathBuf]) -> Result<(), NotFed> + Send + Sync>;

/// The batch stands elsewhere than before, and steps may be due.
pub type TellMoved = Box<dyn Fn(&BatchId) + Send + Sync>;

/// What a hot folder's task works with.
pub struct IntakeParts {
    pub folder: HotFolder,
    /// The folder as rows name it: as `station.toml` spells it, because where a
    /// link leads cannot be asked while a share is away.
    pub named_dir: String,
    /// Whose batches these are.
    pub station: String,
    pub store: Store,
    pub disk: Disk,
    pub now: fn() -> jiff::Timestamp,
    pub examine: Examine,
    pub new_batch: NewBatch,
    pub feed: FeedFiles,
    pub tell_moved: TellMoved,
}

#[derive(Debug, thiserror::Error)]
enum IntakeFault {
    #[error("the hot folder cannot be read; check that it is there, mounted, and this user's")]
    ListFolder { source: io::Error },
    #[error("a file in the hot folder cannot be read")]
    ReadFile { source: io::Error },
    #[error("a file that was taken cannot be removed; give this user the right to")]
    RemoveOriginal { source: io::Error },
    #[error("a file that cannot be taken cannot be moved to the folder's quarantine either")]
    Quarantine { source: io::Error },
    #[error("no batch can be opened for files of the hot folder: {told}")]
    NoBatch { told: String },
    #[error("files of the hot folder cannot be kept yet: {told}")]
    Feed { told: String },
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl IntakeFault {
    /// Others may well be taken meanwhile.
    fn is_about_one_file(&self) -> bool {
        match self {
            IntakeFault::ReadFile { .. }
            | IntakeFault::RemoveOriginal { .. }
            | IntakeFault::Quarantine { .. } => true,
            IntakeFault::ListFolder { .. }
            | IntakeFault::NoBatch { .. }
            | IntakeFault::Feed { .. }
            | IntakeFault::Store(_) => false,
        }
    }
}

/// One hot folder, and what is known of it from look to look.
struct Intake {
    parts: Arc<IntakeParts>,
    runtime: Handle,
    draining: watch::Receiver<bool>,
    memory: Memory,
    /// Batches that wait for a person, and when they are looked at again.
    waiting: BTreeMap<BatchId, Instant>,
    /// What is in the way of single files and batches, as it was told.
    complaints: BTreeSet<String>,
    /// What was in the way last, as it was told.
    told: Option<String>,
    ears: Option<Ears>,
}

struct Ears {
    /// Listens as long as it lives.
    _watcher: RecommendedWatcher,
    since: Instant,
}

/// Takes what comes until the station ends. Returns before only by a fault of
/// the program.
pub async fn keep_watch(parts: Arc<IntakeParts>, mut draining: watch::Receiver<bool>) {
    let again = Arc::new(Notify::new());
    let mut intake = Intake {
        parts,
        runtime: Handle::current(),
        draining: draining.clone(),
        memory: Memory::default(),
        waiting: BTreeMap::new(),
        complaints: BTreeSet::new(),
        told: None,
        ears: None,
    };
    while !*draining.borrow() {
        let heard = again.clone();
        let looked = on_a_thread(move || {
            intake.listen(&heard);
            let next_look_in = intake.look_and_take();
            (intake, next_look_in)
        });
        let Some((back, next_look_in)) = looked.await else { return };
        intake = back;
        let come = async {
            tokio::select! {
                () = tokio::time::sleep(next_look_in) => {}
                () = again.notified() => tokio::time::sleep(SHOWER.min(next_look_in)).await,
            }
        };
        tokio::select! {
            () = come => {}
            drains = draining.wait_for(|drains| *drains) => {
                if drains.is_err() {
                    return;
                }
            }
        }
    }
}

/// Not one of the runtime's own threads: the end of the station waits for those,
/// and a share that hangs would keep it from ending. `None` where it broke off.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("hot folder".to_owned());
    let started = thread.spawn(move || {
        // Nobody listens any more where the station ends.
        drop(tell.send(work()));
    });
    if let Err(error) = started {
        tracing::error!(%error, "no thread can be started to look at a hot folder");
        return None;
    }
    told.await.ok()
}

impl Intake {
    /// Listens anew each time everything is looked at: what was listened to may
    /// have been mounted over.
    fn listen(&mut self, again: &Arc<Notify>) {
        if self.ears.as_ref().is_some_and(|ears| ears.since.elapsed() < LOOKED_AT_ANYWAY) {
            return;
        }
        self.complaints.clear();
        self.ears = None;
        let again = again.clone();
        let tell = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| is_worth_a_look(&event.kind)) {
                again.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(&self.parts.folder.dir, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match watcher {
            Ok(_watcher) => self.ears = Some(Ears { _watcher, since: Instant::now() }),
            // It is looked at by the clock.
            Err(error) => tracing::debug!(
                folder = %self.parts.folder.dir.display(), %error, "nothing is heard of a hot folder"
            ),
        }
    }

    /// How long until the next look.
    fn look_and_take(&mut self) -> Duration {
        let looked = self.look_once();
        let folder = self.parts.folder.dir.display();
        match looked {
            Ok(next_look_in) => {
                if self.told.take().is_some() {
                    tracing::info!(%folder, "the hot folder is taken from again");
                }
                next_look_in.min(self.by_the_clock())
            }
            Err(fault) => {
                let told = in_one_line(&fault);
                if self.told.as_ref() != Some(&told) {
                    tracing::error!(%folder, fault = told, "the hot folder waits");
                }
                self.told = Some(told);
                TRIED_AGAIN_AFTER
            }
        }
    }

    fn by_the_clock(&self) -> Duration {
        let poll = self.parts.folder.poll_seconds.map(|poll| Duration::from_secs(poll.into()));
        let unheard = self.ears.is_none().then_some(TRIED_AGAIN_AFTER);
        [poll, unheard].into_iter().flatten().fold(LOOKED_AT_ANYWAY, Duration::min)
    }

    fn look_once(&mut self) -> Result<Duration, IntakeFault> {
        let under_way = self.settle_under_way()?;
        let IntakeParts { disk, folder, .. } = &*self.parts;
        let now = Instant::now();
        let found = self
            .memory
            .look(disk, &folder.dir, &under_way, now)
            .map_err(|source| IntakeFault::ListFolder { source })?;
        if found.newly_unheeded > 0 {
            tracing::warn!(
                folder = %folder.dir.display(), count = found.newly_unheeded,
                "links, pipes or devices in a hot folder are not taken"
            );
        }
        let is_unsettled = found.is_unsettled;
        let taken = match folder.closes {
            Closes::File => self.take_each(found)?,
            Closes::Quiet { seconds } => {
                self.take_when_quiet(found, Duration::from_secs(seconds.into()), now)?
            }
        };
        let settles = is_unsettled.then_some(SETTLED_AFTER);
        Ok([settles, taken].into_iter().flatten().fold(LOOKED_AT_ANYWAY, Duration::min))
    }

    /// One file that cannot be read or moved does not keep the others waiting.
    fn bring_to_its_end_or_wait(&mut self, batch: HotBatch) -> Result<(), IntakeFault> {
        let id = batch.batch.id.clone();
        match self.bring_to_its_end(batch) {
            Err(fault) if fault.is_about_one_file() => {
                self.complain(&fault, Some(&id));
                self.waiting.insert(id, Instant::now() + TRIED_AGAIN_AFTER);
                Ok(())
            }
            answer => answer,
        }
    }

    /// Once for each time the folder is looked at anyway.
    fn complain(&mut self, fault: &IntakeFault, batch: Option<&BatchId>) {
        let folder = self.parts.folder.dir.display();
        let batch = batch.map(ToString::to_string);
        let told = in_one_line(fault);
        if self.complaints.insert(format!("{batch:?} {told}")) {
            tracing::error!(%folder, batch.id = batch, fault = told, "a file waits");
        }
    }

    fn is_to_end(&self) -> bool {
        *self.draining.borrow()
    }

    /// How soon to look again, where something is not decided yet.
    fn take_each(&mut self, found: Found) -> Result<Option<Duration>, IntakeFault> {
        let mut undecided = None;
        for settled in found.settled {
            if self.is_to_end() {
                break;
            }
            match self.examined(settled) {
                Examined::Pages(ready) => self.take(vec![ready])?,
                Examined::Unusable => {}
                Examined::NotYet => undecided = Some(UNREADABLE_AFTER - SETTLED_AFTER),
            }
        }
        Ok(undecided)
    }

    /// As [`Self::take_each`], all into one batch once nothing came for `quiet`.
    fn take_when_quiet(
        &mut self,
        found: Found,
        quiet: Duration,
        now: Instant,
    ) -> Result<Option<Duration>, IntakeFault> {
        let Some(newest) = found.newest else { return Ok(None) };
        let quiet_for = now.duration_since(newest);
        if found.is_unsettled || quiet_for < quiet {
            return Ok(Some(quiet.saturating_sub(quiet_for).max(SETTLED_AFTER)));
        }
        let mut ready = Vec::new();
        for settled in found.settled {
            if self.is_to_end() {
                return Ok(None);
            }
            match self.examined(settled) {
                Examined::Pages(file) => ready.push(file),
                Examined::Unusable => {}
                // Its pages may belong between the others.
                Examined::NotYet => return Ok(Some(UNREADABLE_AFTER - SETTLED_AFTER)),
            }
        }
        if !ready.is_empty() {
            self.take(ready)?;
        }
        Ok(None)
    }

    /// Brings what earlier looks, or an earlier run, began to its end. Returns the
    /// names that still belong to a batch.
    fn settle_under_way(&mut self) -> Result<BTreeSet<OsString>, IntakeFault> {
        let IntakeParts { store, station, named_dir, .. } = &*self.parts;
        let under_way = || self.runtime.block_on(store.hot_batches_under_way(station, named_dir));
        let before = under_way()?;
        if before.is_empty() {
            return Ok(BTreeSet::new());
        }
        let now = Instant::now();
        self.waiting.retain(|_, again_at| *again_at > now);
        for batch in before {
            if self.is_to_end() {
                break;
            }
            if !self.waiting.contains_key(&batch.batch.id) {
                self.bring_to_its_end_or_wait(batch)?;
            }
        }
        let IntakeParts { store, station, named_dir, .. } = &*self.parts;
        let still = self.runtime.block_on(store.hot_batches_under_way(station, named_dir))?;
        let files = still.iter().flat_map(|batch| &batch.files);
        Ok(files.map(|row| taking::name_of(&row.file)).collect())
    }
}

/// What a look at a settled file found.
enum Examined {
    Pages(taking::Ready),
    /// It is in quarantine, or comes there as soon as it can be moved.
    Unusable,
    /// It changed while it was read, or is perhaps not all there.
    NotYet,
}

/// Our own reading is no news.
fn is_worth_a_look(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}
