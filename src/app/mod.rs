//! Composition root: the only code that chooses real or simulated, and puts
//! the rooms of the house together.

pub mod answers;
pub mod heads;
pub mod hot_folders;
mod keeping;
pub mod serve;

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::watch;

use crate::backup::is_half_restored;
use crate::capture::desk;
use crate::capture::{
    self, AskNext, Capture, CaptureEvent, CaptureFault, FilePages, More, NextPage, StackEnd,
    StopSwitch, two_passes,
};
use crate::config::{Station, lie_one_in_the_other};
use crate::device::scanner::{ScanOrder, WhichScanner, WorkerCommand as ScanWorker};
use crate::disk::Disk;
use crate::disk::placing::Placing;
use crate::ocr::{OcrFault, OcrSettings, Readers, WorkerCommand as OcrWorker};
use crate::pipeline::runner::{
    Means, Opened, OpenedWhen, Outfit, Paper, RunEvent, RunFault, Runner, RunsFor,
};
use crate::pipeline::source;
use crate::profile::Profile;
use crate::records::batch::{BatchState, ClosedBy, Expected, PaperFrom};
use crate::records::ids::{BatchId, DocumentId};
use crate::records::page::SpooledPage;
use crate::records::raster::Raster;
use crate::repository::filing_fault::FilingFault;
use crate::repository::owner::StagingOwner;
use crate::repository::time_limit::{OPENING_TIME_LIMIT, opened_within};
use crate::repository::verify::FiledRecord;
use crate::repository::watched_folder::{RepositorySettings, WatchedFolder};
use crate::spool::{Spool, Unclaimed};
use crate::store::{BatchRow, Database, FiledRow, Moved, Store, StoreFault};
use crate::web;

/// In the state folder.
const DATABASE: &str = "outguide.db";

/// In the state folder: copies of the database from before it was changed.
const BACKUPS: &str = "backups";

/// This station's own things: the spool and the store, held by one process.
pub struct State {
    pub store: Store,
    pub spool: Spool,
    /// Whose batches these are.
    pub station: String,
    /// See [`Station::lease_seconds`].
    pub lease: Duration,
    /// Held as long as this lives; the kernel lets go of it with the process.
    _lock: File,
}

/// Opens the state folder, which no other process may have open.
pub async fn open_state(folder: &Path, station: &Station, disk: Disk) -> anyhow::Result<State> {
    let floor = station.free_space_floor_mb << 20;
    let own = Spool::open(folder, disk.clone(), floor)?;
    let spool = match &station.shared_spool {
        Some(shared) => Spool::open_shared(shared, disk.clone(), floor)?,
        None => own,
    };
    let lock_path = folder.join("lock");
    let lock = disk
        .lock_file(&lock_path)
        .with_context(|| format!("cannot lock {}", lock_path.display()))?;
    let Some(lock) = lock else {
        return Err(anyhow!(
            "another outguide is working in {}; wait until it is done",
            folder.display()
        ));
    };
    if is_half_restored(folder) {
        return Err(anyhow!(
            "a restore into {} was cut short; run `outguide restore` again, or empty that folder",
            folder.display()
        ));
    }
    let database = database(folder, station);
    if let Database::Sqlite(file) = &database {
        disk.make_own_file(file).with_context(|| format!("cannot make {}", file.display()))?;
    }
    let store = Store::open(&database, &folder.join(BACKUPS)).await?.for_station(&station.id);
    // Held by this process alone: what it claimed before has ended with it.
    store.give_claims_back(&station.id).await?;
    let lease = Duration::from_secs(station.lease_seconds.into());
    Ok(State { store, spool, station: station.id.clone(), lease, _lock: lock })
}

impl State {
    /// What is done through this is done by the user who runs the program.
    pub fn acting_for_this_user(self) -> State {
        let uid = rustix::process::geteuid().as_raw();
        let name = web::peer::name_of(uid).unwrap_or_else(|| format!("user {uid}"));
        State { store: self.store.acting_for(&name), ..self }
    }
}

/// Where the station whose state folder is `folder` keeps what it knows.
pub fn database(folder: &Path, station: &Station) -> Database {
    match &station.shared_store {
        Some(url) => Database::Postgres(url.clone()),
        None => Database::Sqlite(folder.join(DATABASE)),
    }
}

/// The watched folder at `folder`, for the station whose state folder, made by
/// then, is `state`.
pub fn open_repository(
    folder: &Path,
    station: &Station,
    state: &Path,
    disk: Disk,
) -> Result<WatchedFolder, FilingFault> {
    let (station, state) = (station.clone(), state.to_owned());
    opened(folder, move |folder| {
        check_apart(folder, &station, &state)?;
        let owner = StagingOwner::of_station(&disk, &state, &station.id)
            .map_err(|source| FilingFault::OwnerUnusable { state, source })?;
        WatchedFolder::open(disk, &repository_settings(folder, &station, owner))
    })
}

/// How documents would be placed in the watched folder at `folder`; leaves
/// nothing behind, and may be asked while batches are filed.
pub fn probe_repository(
    folder: &Path,
    station: &Station,
    state: &Path,
    disk: Disk,
) -> Result<Placing, FilingFault> {
    let (station, state) = (station.clone(), state.to_owned());
    opened(folder, move |folder| {
        check_apart(folder, &station, &state)?;
        let owner = StagingOwner::passing(&station.id)
            .map_err(|source| FilingFault::OwnerUnusable { state, source })?;
        WatchedFolder::probe(disk, &repository_settings(folder, &station, owner))
    })
}

fn opened<T: Send + 'static>(
    folder: &Path,
    open: impl FnOnce(&Path) -> Result<T, FilingFault> + Send + 'static,
) -> Result<T, FilingFault> {
    let asked = folder.to_owned();
    opened_within(OPENING_TIME_LIMIT, folder, move || open(&asked))
}

fn repository_settings(
    folder: &Path,
    station: &Station,
    owner: StagingOwner,
) -> RepositorySettings {
    RepositorySettings {
        folder: folder.to_owned(),
        staging: station.repository.staging.clone(),
        path_seen_by_repository: station.repository.path_seen_by_repository.clone(),
        owner,
    }
}

/// Refuses folders of which one lies in the other, however they are spelled.
/// Needs nothing to be there yet: to be asked before the state folder is made.
pub fn keep_apart(folder: &Path, station: &Station, state: &Path) -> Result<(), FilingFault> {
    let (station, state) = (station.clone(), state.to_owned());
    opened(folder, move |folder| check_apart(folder, &station, &state))
}

fn check_apart(folder: &Path, station: &Station, state: &Path) -> Result<(), FilingFault> {
    let state = settled_path(state);
    let watched = settled_path(folder);
    let staging = staging_folder(&watched, station).map(|staging| settled_path(&staging));
    for folder in [Some(watched), staging].into_iter().flatten() {
        if lie_one_in_the_other(&folder, &state) {
            return Err(FilingFault::StationInRepository { folder, state });
        }
    }
    Ok(())
}

/// Where files become whole before they show in `watched`.
pub fn staging_folder(watched: &Path, station: &Station) -> Option<PathBuf> {
    let beside = || watched.parent().map(|above| above.join(".outguide"));
    station.repository.staging.clone().or_else(beside)
}

/// From the root, links followed as far as the path is there.
pub fn settled_path(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in whole.ancestors() {
        if let (Ok(found), Ok(below)) = (above.canonicalize(), whole.strip_prefix(above)) {
            return if below.as_os_str().is_empty() { found } else { found.join(below) };
        }
    }
    whole
}

/// What the station whose state folder is `state` says it filed, the earliest
/// first. It may be at work meanwhile.
pub async fn filed_records(
    state: &Path,
    station: &Station,
) -> Result<Vec<FiledRecord>, StoreFault> {
    let store = Store::open_to_read(&database(state, station)).await?;
    let filed = store.all_filed_documents().await?;
    store.close().await;
    let record = |(document, row): (DocumentId, FiledRow)| FiledRecord {
        document,
        pdf: PathBuf::from(row.pdf_path),
        pdf_sha256: row.pdf_sha256,
        index_file: PathBuf::from(row.index_path),
        index_sha256: row.index_sha256,
    };
    Ok(filed.into_iter().map(record).collect())
}

/// Batches that the station whose state folder is `state` has not brought to
/// their end; none where no batch was ever opened.
pub async fn unfinished_batches(
    state: &Path,
    station: &Station,
) -> Result<Vec<BatchId>, StoreFault> {
    let database = database(state, station);
    if let Database::Sqlite(file) = &database
        && !file.exists()
    {
        return Ok(Vec::new());
    }
    let store = Store::open_to_read(&database).await?;
    let unfinished = store.unfinished_batches(&station.id).await?;
    store.close().await;
    Ok(unfinished.into_iter().map(|batch| batch.id).collect())
}

/// The scan worker with this machine's patience.
pub fn as_patient_as(station: &Station, worker: ScanWorker) -> ScanWorker {
    match station.sheet_seconds {
        Some(seconds) => worker.sheet_limit(Duration::from_secs(seconds.into())),
        None => worker,
    }
}

/// The scan worker of this same program.
pub fn scan_worker() -> anyhow::Result<ScanWorker> {
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    Ok(ScanWorker::new(program))
}

/// As many readers as may work at once; `None` where the profile wants no text.
pub fn readers(profile: &Profile, station: &Station) -> Result<Option<Arc<Readers>>, OcrFault> {
    if profile.ocr.languages.is_empty() {
        return Ok(None);
    }
    let program = std::env::current_exe()
        .map_err(|source| OcrFault::StartWorker { program: PathBuf::from("outguide"), source })?;
    let settings = OcrSettings {
        worker: OcrWorker::of(program),
        workers: at_once(station),
        languages: profile.ocr.languages.clone(),
        tessdata: station.tessdata_dir.clone(),
        page_limit: Duration::from_secs(profile.ocr.page_seconds.into()),
        memory_limit_bytes: OcrSettings::MEMORY_LIMIT_BYTES,
    };
    Ok(Some(Arc::new(Readers::start(settings)?)))
}

/// Pages worked on at once: the station's word, else one for each processor.
pub fn at_once(station: &Station) -> NonZeroUsize {
    station
        .ocr_workers
        .and_then(|workers| NonZeroUsize::new(workers as usize))
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN)
}

/// A new batch's row, to be filed into the folder of an open repository; the id
/// is the second it was opened and a random part.
pub fn new_batch(
    profile: &Profile,
    profile_text: &str,
    station: &Station,
    paper_from: PaperFrom,
    repository: &Path,
    expected: Expected,
) -> BatchRow {
    let opened_at = jiff::Timestamp::now();
    let digits = opened_at.strftime("%Y%m%d%H%M%S").to_string();
    let mut opened = [0; 14];
    for (place, digit) in opened.iter_mut().zip(digits.bytes()) {
        *place = digit - b'0';
    }
    // Two stations of one hospital differ in their process and their clock.
    let distinct = opened_at.subsec_nanosecond() as u32 ^ std::process::id().rotate_left(8);
    BatchRow {
        id: BatchId::new(opened, (distinct ^ (distinct >> 16)) as u16),
        state: BatchState::Open,
        profile_name: profile.name.clone(),
        profile_text: profile_text.to_owned(),
        station: station.id.clone(),
        spool: String::new(),
        two_passes: two_passes::of_new_batch(profile.scanner.source, &paper_from),
        paper_from,
        scanner_options: Vec::new(),
        scanner_identity: None,
        repository: settled_path(repository).display().to_string(),
        filing_staging: None,
        expected,
        max_pages: None,
        closed_by: ClosedBy::StackEnd,
        pause: None,
        counts_released: None,
        discarded: None,
        opened_at,
    }
}

/// A batch to be fed and worked on to its end.
pub struct BatchWork {
    pub state: Arc<State>,
    pub batch: BatchRow,
    pub profile: Arc<Profile>,
    pub readers: Option<Arc<Readers>>,
    pub repository: WatchedFolder,
    pub at_once: NonZeroUsize,
}

/// What a clerk has to say while paper runs; by default nothing.
#[derive(Default)]
pub struct Attended {
    /// Where paper is laid by hand: is there another page?
    pub ask_next: Option<Box<dyn FnMut() -> NextPage + Send>>,
    pub stop: StopSwitch,
}

/// How feeding ended: the runner works on whatever is durable either way.
pub type FedHow = Result<StackEnd, CaptureFault>;

impl BatchWork {
    /// Moves aside what a stop left half-done; the last durable page.
    pub async fn settle(&self) -> Result<(Option<SpooledPage>, Vec<Unclaimed>), CaptureFault> {
        capture::settle(&self.state.store, &self.state.spool, &self.batch.id).await
    }

    /// Feeds paper and works on the pages meanwhile. A fault of the feeder
    /// pauses the batch, to be resumed; its pages are read already.
    pub async fn feed_and_run(
        &self,
        which: WhichScanner,
        order: ScanOrder,
        attended: Attended,
        tell_capture: impl FnMut(CaptureEvent) + Send + 'static,
        tell_run: impl Fn(RunEvent) + Send + Sync + 'static,
    ) -> anyhow::Result<(FedHow, Option<Result<BatchState, RunFault>>)> {
        let runner = self.runner(tell_run);
        self.settle_receipts(&runner).await;
        let (paper, watching) = watch::channel(Paper::Running);
        let feeding = self.spawn_feeding(which, order, attended, tell_capture, paper);
        let running = runner.run_batch(&self.batch.id, watching);
        let (fed, ran) = tokio::join!(feeding, running);
        let fed = fed.context("the feeding thread broke off")?;
        let ran = match (&fed, ran) {
            (Ok(StackEnd::Closed | StackEnd::Enough), Ok(())) => Some(self.state_now().await),
            (Ok(StackEnd::Closed | StackEnd::Enough), Err(fault)) => Some(Err(fault)),
            (Ok(StackEnd::OfOnePass | StackEnd::Nothing) | Err(_), Ok(())) => None,
            (Ok(StackEnd::OfOnePass | StackEnd::Nothing) | Err(_), Err(fault)) => {
                // The batch goes on, and its pages are read then; but what stood
                // in the way of that is not the feeder's fault.
                tracing::error!(%fault, "pages of the batch could not be read yet");
                None
            }
        };
        Ok((fed, ran))
    }

    /// Works on a batch that takes no more paper, from here on at least.
    pub async fn run_closed(
        &self,
        tell_run: impl Fn(RunEvent) + Send + Sync + 'static,
    ) -> Result<BatchState, RunFault> {
        let (paper, watching) = watch::channel(Paper::Closed);
        let runner = self.runner(tell_run);
        self.settle_receipts(&runner).await;
        // One that was closed before stays so.
        let (Moved::Yes | Moved::NotFrom(_)) = self.state.store.close_batch(&self.batch.id).await?;
        runner.run_batch(&self.batch.id, watching).await?;
        drop(paper);
        self.state_now().await
    }

    /// Nothing waits for this: where it cannot be done now, the next batch tries.
    async fn settle_receipts(&self, runner: &Runner) {
        if let Err(fault) = runner.settle_receipts(&self.repository).await {
            tracing::warn!(%fault, "notes of documents filed earlier stay in the staging folder");
        }
    }

    async fn state_now(&self) -> Result<BatchState, RunFault> {
        let batch = self.state.store.batch(&self.batch.id).await?;
        Ok(batch.map_or(self.batch.state, |batch| batch.state))
    }

    fn runner(&self, tell: impl Fn(RunEvent) + Send + Sync + 'static) -> Arc<Runner> {
        let means = Means { profile: self.profile.clone(), readers: self.readers.clone() };
        let repository = self.repository.clone();
        Arc::new(Runner {
            store: self.state.store.clone(),
            spool: self.state.spool.clone(),
            outfit: Outfit {
                means: Box::new(move |_| Ok(means.clone())),
                repository: Box::new(move |_| {
                    Ok(Opened { repository: repository.clone(), is: OpenedWhen::Before })
                }),
                forget_repository: Box::new(|_| ()),
            },
            reach: RunsFor::Station,
            station: self.state.station.clone(),
            lease: self.state.lease,
            at_once: self.at_once,
            now: jiff::Timestamp::now,
            tell: Box::new(move |_, event| tell(event)),
            alive: Box::new(|| ()),
        })
    }

    fn spawn_feeding(
        &self,
        which: WhichScanner,
        order: ScanOrder,
        attended: Attended,
        mut tell: impl FnMut(CaptureEvent) + Send + 'static,
        paper: watch::Sender<Paper>,
    ) -> tokio::task::JoinHandle<FedHow> {
        let state = self.state.clone();
        let batch = self.batch.clone();
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut tell_and_wake = |event: CaptureEvent| {
                let woken = matches!(event, CaptureEvent::PageDurable { .. });
                tell(event);
                if woken {
                    paper.send_replace(Paper::Running);
                }
            };
            let Attended { mut ask_next, stop } = attended;
            let ask_next: Option<AskNext<'_>> =
                ask_next.as_mut().map(|ask| &mut **ask as &mut dyn FnMut() -> NextPage);
            let fed = Capture {
                store: &state.store,
                spool: &state.spool,
                batch: &batch,
                now: jiff::Timestamp::now,
                pages_of_file,
                stop: &stop,
                tell: &mut tell_and_wake,
            }
            .feed(&runtime, &which, &order, ask_next);
            stop.feeding_is_over();
            let fed = runtime.block_on(record_how_fed(&state.store, &batch, fed));
            paper.send_replace(Paper::Closed);
            fed
        })
    }
}

/// The stack is through, whatever comes of its pages: fed again, it would be in
/// the batch twice. And a page fed after something is filed would be in no
/// document.
async fn record_how_fed(store: &Store, batch: &BatchRow, fed: FedHow) -> FedHow {
    let id = &batch.id;
    match fed {
        Ok(end @ (StackEnd::Closed | StackEnd::Enough)) => {
            let (Moved::Yes | Moved::NotFrom(_)) = store.close_batch(id).await?;
            Ok(end)
        }
        Ok(StackEnd::OfOnePass) => {
            if let Some(at) = batch.two_passes {
                let pause = two_passes::pause_behind(store, id, at).await?;
                let (Moved::Yes | Moved::NotFrom(_)) = store.pause_batch(id, &pause).await?;
            }
            Ok(StackEnd::OfOnePass)
        }
        Ok(StackEnd::Nothing) => Ok(StackEnd::Nothing),
        Err(fault) => {
            if let Err(error) = store.pause_batch(id, &desk::pause_of(&fault)).await {
                // The next start finds it scanning, and knows that it stopped.
                tracing::error!(%error, "why the batch stands still could not be recorded");
            }
            Err(fault)
        }
    }
}

/// Takes a file from outside apart; one page alone stays the file it came as.
fn pages_of_file(
    bytes: &[u8],
    each: &mut dyn FnMut(Raster) -> Result<More, CaptureFault>,
) -> FilePages {
    let Ok(pages) = source::open(bytes) else { return FilePages::Unreadable };
    if pages.page_count() == Some(1) && !source::is_pdf(bytes) {
        return FilePages::One;
    }
    let mut first = true;
    for page in pages {
        let Ok(page) = page else {
            return if first { FilePages::Unreadable } else { FilePages::DamagedBehindSome };
        };
        match each(page.raster) {
            Ok(More::Wanted) => first = false,
            Ok(More::Enough) => return FilePages::Several,
            Err(fault) => return FilePages::Stopped(fault),
        }
    }
    if first { FilePages::Unreadable } else { FilePages::Several }
}
