//! The power fails, or the process is killed, at every operation of a small
//! day's work: two pages are kept, one document is filed. Whatever was promised
//! before must stand after, and going on must lose nothing and file nothing
//! twice.
//!
//! A test that can only pass proves nothing, so the second half takes each sync
//! out of the code in turn and demands that some stop then breaks a promise.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

use outguide::disk::recording::faults::Fault;
use outguide::disk::recording::{AfterCut, Recorder, SyncSite};
use outguide::disk::{Access, Disk, EntryKind};
use outguide::profile::SidecarFormat;
use outguide::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use outguide::repository::index::{DocumentIndex, Reviewed};
use outguide::repository::owner::StagingOwner;
use outguide::repository::verify::{Problem, verify};
use outguide::repository::watched_folder::{FilingOrder, RepositorySettings, WatchedFolder};
use outguide::spool::{Kept, OriginalKind, Spool};

const PAGES: u32 = 2;

/// Ways of scattering that are tried for one stop, and for two. So many are
/// enough for every sync to be missed.
const SEEDS: u64 = 24;
const SEEDS_OF_TWO: u64 = 12;

/// Ways of scattering when all pairs of stops are tried: one takes half a
/// minute. A soak run asks for more.
fn seeds_of_all_pairs() -> u64 {
    let asked = std::env::var("OUTGUIDE_POWER_CUT_SEEDS").ok();
    asked.map_or(1, |text| text.parse().expect("OUTGUIDE_POWER_CUT_SEEDS is a number"))
}

/// How work is stopped.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// SIGKILL: the kernel's cache still stands.
    Killed {
        after: u64,
    },
    PowerCut {
        after: u64,
        left: AfterCut,
    },
}

/// What stands around the station in a run.
#[derive(Debug, Clone, Default)]
struct Surroundings {
    /// A sync the code is to be without.
    without: Option<SyncSite>,
    share: Option<Fault>,
    repository: Repository,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Repository {
    /// Documents stay where they were filed.
    #[default]
    Keeps,
    /// Takes away what has an index file, whenever the station is down. What it
    /// saw of the watched folder survives a power cut; of the station's own
    /// folders it saw nothing.
    TakesAway,
}

/// What the database would hold: committed is durable.
#[derive(Debug, Default)]
struct Rows {
    pages: BTreeMap<PageNo, Kept>,
    filed: BTreeSet<DocumentId>,
}

struct Room {
    root: tempfile::TempDir,
    recorder: Recorder,
    disk: Disk,
    rows: Rows,
    /// As whom the station has filed: the same for ever.
    owner: Option<StagingOwner>,
    /// Every page the spool said it kept, with a row or without.
    ever_kept: BTreeSet<Sha256>,
    taken_away: Vec<DocumentId>,
    /// Sheets fed: no two scans of a page are alike to the bit.
    scans: u32,
    /// How many it took to go on to the end after the last stop.
    operations_at_the_end: u64,
    around: Surroundings,
}

type Broken = String;

fn batch() -> BatchId {
    "20260131-090000-1a2b".parse().unwrap()
}

fn order() -> FilingOrder {
    let index = DocumentIndex {
        document: DocumentId::new(batch(), PageNo::FIRST),
        document_type: "note".to_owned(),
        document_type_title: "Progress Note".to_owned(),
        fields: Vec::new(),
        pages: vec![PageNo::FIRST],
        without_text: Vec::new(),
        profile: "loose-sheets".to_owned(),
        station: "records-1".to_owned(),
        scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
        reviewed: Reviewed::NotReviewed { rule: "profile review = none".to_owned() },
        replaces: None,
        withdrawn: None,
    };
    let template = "{document_type}/{document_id}".to_owned();
    FilingOrder { index, template, sidecar: SidecarFormat::Json }
}

/// In memory where there is such a file system: thousands of syncs are asked for.
fn folder_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Room {
    fn new(around: &Surroundings) -> Self {
        let root = folder_in_memory();
        for folder in ["charts", "database"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let recorder = Recorder::over(root.path()).unwrap();
        around.share.iter().for_each(|fault| recorder.inject(fault.clone()));
        around.without.iter().for_each(|site| recorder.ignore_sync(*site));
        let disk = Disk::Recording(recorder.clone());
        Room {
            root,
            recorder,
            disk,
            rows: Rows::default(),
            owner: None,
            ever_kept: BTreeSet::new(),
            taken_away: Vec::new(),
            scans: 0,
            operations_at_the_end: 0,
            around: around.clone(),
        }
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("var/state")
    }

    fn watched(&self) -> PathBuf {
        self.root.path().join("charts")
    }

    /// A commit of the database: durable when it returns, and one more moment
    /// at which the station can be stopped.
    fn commit(&self) -> Result<(), Box<dyn Error>> {
        let rows = self.rows.pages.len() + self.rows.filed.len();
        let name = format!("database/{rows}-{}", self.recorder.operations());
        self.disk.create_file(&self.root.path().join(name), Access::OwnerOnly)?;
        Ok(())
    }

    /// What the station does from its start until nothing is due.
    fn work(&mut self) -> Result<(), Box<dyn Error>> {
        let spool = Spool::open(&self.state(), self.disk.clone(), 0)?;
        let claimed = self.rows.pages.values().map(|kept| kept.file.clone()).collect();
        spool.set_unclaimed_aside(&batch(), &claimed)?;
        for page in (1..=PAGES).filter_map(PageNo::new) {
            if !self.rows.pages.contains_key(&page) {
                self.scans += 1;
                let bytes = format!("pixels of page {page}, scan {}", self.scans);
                let kept = spool.keep(&batch(), page, bytes.as_bytes(), OriginalKind::Png)?;
                self.ever_kept.insert(kept.sha256);
                self.commit()?;
                self.rows.pages.insert(page, kept);
            }
        }
        let owner = StagingOwner::of_station(&self.disk, &self.state(), "records-1")?;
        if self.owner.replace(owner.clone()).is_some_and(|before| before != owner) {
            return Err("the station came back as another".into());
        }
        let settings = RepositorySettings {
            folder: self.watched(),
            staging: None,
            path_seen_by_repository: None,
            owner,
        };
        let repository = WatchedFolder::open(self.disk.clone(), &settings)?;
        for document in repository.unacknowledged()? {
            if self.rows.filed.contains(&document) {
                repository.acknowledge(&document)?;
            }
        }
        let document = order().index.document;
        if !self.rows.filed.contains(&document) {
            repository.file(&order(), &mut &pdf()[..])?;
            self.commit()?;
            self.rows.filed.insert(document.clone());
            repository.acknowledge(&document)?;
        }
        Ok(())
    }

    /// Every promise made so far, checked against the folders as they are.
    fn check(&self) -> Result<(), Broken> {
        for (page, kept) in &self.rows.pages {
            let path = self.state().join("spool").join(batch().as_str()).join(&kept.file);
            let found = std::fs::read(&path).map(|bytes| Sha256::of(&bytes));
            if !found.as_ref().is_ok_and(|found| *found == kept.sha256) {
                return Err(format!("page {page} was shown as scanned, and now: {found:?}"));
            }
        }
        let in_spool = hashes_below(&self.state().join("spool"));
        if let Some(lost) = self.ever_kept.iter().find(|kept| !in_spool.contains(kept)) {
            return Err(format!("the spool kept {lost} and it is gone"));
        }
        self.check_watched_folder()
    }

    fn check_watched_folder(&self) -> Result<(), Broken> {
        let report =
            verify(&Disk::Real, &self.watched(), None, &|| ()).map_err(|e| e.to_string())?;
        for problem in &report.problems {
            match problem {
                Problem::WithoutIndex { pdf: path } => {
                    let whole = std::fs::read(path).is_ok_and(|found| found == pdf());
                    whole.then_some(()).ok_or(format!("a partial file shows: {problem:?}"))?;
                }
                Problem::PdfMissing { .. }
                | Problem::PdfChanged { .. }
                | Problem::PdfUnreadable { .. }
                | Problem::IndexUnreadable { .. }
                | Problem::IndexChanged { .. }
                | Problem::IndexMissing { .. }
                | Problem::NotThere { .. }
                | Problem::FiledTwice { .. }
                | Problem::Moved { .. }
                | Problem::NoneFiledHere { .. }
                | Problem::FolderUnreadable { .. }
                | Problem::Unfinished { .. } => return Err(format!("{problem:?}")),
            }
        }
        if report.other_files > 0 {
            return Err(format!("{} files that are no documents show", report.other_files));
        }
        for document in &self.rows.filed {
            let standing = report.sound.iter().filter(|sound| sound.document == *document).count();
            let taken = self.taken_away.iter().filter(|taken| *taken == document).count();
            if standing + taken != 1 {
                return Err(format!("filed: {standing} stand and {taken} were taken away"));
            }
        }
        Ok(())
    }

    /// The repository imports what has an index file.
    fn take_away(&mut self) {
        for sound in verify(&Disk::Real, &self.watched(), None, &|| ()).unwrap().sound {
            self.disk.remove_file(&sound.index_file).unwrap();
            self.disk.remove_file(&sound.pdf).unwrap();
            self.taken_away.push(sound.document);
        }
    }

    /// Works until the stop, and leaves the folders as the next start finds
    /// them. The first broken promise ends the run.
    fn work_until(&mut self, stop: Stop) -> Result<(), Broken> {
        let (Stop::Killed { after } | Stop::PowerCut { after, .. }) = stop;
        self.recorder.restart_process();
        self.recorder.cut_after(after);
        let worked = self.work();
        if let (Err(fault), false) = (&worked, self.recorder.power_failed()) {
            return Err(format!("work stopped by itself: {}", chain(&**fault)));
        }
        self.check_watched_folder()?;
        match stop {
            Stop::Killed { .. } => self.recorder.restart_process(),
            Stop::PowerCut { left, .. } => self.settle_after_cut(left),
        }
        if self.around.repository == Repository::TakesAway {
            self.take_away();
        }
        self.check()
    }

    /// Goes on until nothing is due; then the power fails once more.
    fn work_to_the_end(&mut self) -> Result<(), Broken> {
        self.recorder.restart_process();
        self.work().map_err(|fault| format!("going on: {}", chain(&*fault)))?;
        self.operations_at_the_end = self.recorder.operations();
        self.check()?;
        if self.rows.pages.len() != PAGES as usize || self.rows.filed.len() != 1 {
            return Err("work ended before its end".to_owned());
        }
        self.settle_after_cut(AfterCut::NothingUnsynced);
        self.check()
    }

    fn settle_after_cut(&self, left: AfterCut) {
        match self.around.repository {
            Repository::Keeps => {}
            Repository::TakesAway => self.recorder.names_were_seen(&self.watched()).unwrap(),
        }
        self.recorder.settle_after_cut(left).unwrap();
    }
}

fn chain(fault: &dyn Error) -> String {
    match fault.source() {
        Some(cause) => format!("{fault}: {}", chain(cause)),
        None => fault.to_string(),
    }
}

fn pdf() -> Vec<u8> {
    b"%PDF of two pages".repeat(3)
}

fn hashes_below(folder: &Path) -> BTreeSet<Sha256> {
    let mut hashes = BTreeSet::new();
    for entry in Disk::Real.list(folder).unwrap_or_default() {
        let path = folder.join(&entry.name);
        match entry.kind {
            EntryKind::Folder => hashes.extend(hashes_below(&path)),
            EntryKind::File => hashes.extend([Sha256::of(&std::fs::read(path).unwrap())]),
            EntryKind::Other => {}
        }
    }
    hashes
}

/// One run of work with these stops, to its end.
fn run(around: &Surroundings, stops: &[Stop]) -> Result<Room, Broken> {
    let told = |broken: Broken| format!("{broken}\n  after {stops:?}\n  around {around:?}");
    let mut room = Room::new(around);
    for stop in stops {
        room.work_until(*stop).map_err(told)?;
    }
    room.work_to_the_end().map_err(told)?;
    Ok(room)
}

/// Operations of a day without a stop.
fn operations(around: &Surroundings) -> u64 {
    let mut room = Room::new(around);
    room.work().unwrap();
    room.recorder.operations()
}

/// What a power cut may leave, with so many ways of scattering.
fn outcomes(seeds: u64) -> Vec<AfterCut> {
    [AfterCut::NothingUnsynced, AfterCut::NamesWithoutBytes]
        .into_iter()
        .chain((0..seeds).map(|seed| AfterCut::Scattered { seed }))
        .collect()
}

/// The power fails once, at every operation; the process is killed once, at
/// every operation.
fn single_stops(around: &Surroundings) -> impl Iterator<Item = Vec<Stop>> + use<> {
    let outcomes = outcomes(SEEDS);
    (0..=operations(around)).flat_map(move |after| {
        let cuts = outcomes.clone().into_iter().map(move |left| Stop::PowerCut { after, left });
        cuts.chain([Stop::Killed { after }]).map(|stop| vec![stop])
    })
}

/// The process is killed, at every operation, and as it goes on the power fails,
/// or it is killed again, at every operation that was left to do.
fn double_stops(around: &Surroundings, seeds: u64) -> impl Iterator<Item = Vec<Stop>> + use<> {
    let outcomes = outcomes(seeds);
    let around = around.clone();
    (0..=operations(&around)).flat_map(move |first| {
        let outcomes = outcomes.clone();
        let killed = Stop::Killed { after: first };
        let left_to_do = run(&around, &[killed]).map_or(0, |room| room.operations_at_the_end);
        (0..=left_to_do).flat_map(move |after| {
            let cuts = outcomes.clone().into_iter().map(move |left| Stop::PowerCut { after, left });
            cuts.chain([Stop::Killed { after }]).map(move |stop| vec![killed, stop])
        })
    })
}

/// The surroundings in which promises must hold.
fn all_surroundings() -> [Surroundings; 3] {
    let taking = Surroundings { repository: Repository::TakesAway, ..Surroundings::default() };
    let without_rename =
        Surroundings { share: Some(Fault::LacksRenameWithoutReplacing), ..Surroundings::default() };
    [Surroundings::default(), taking, without_rename]
}

fn check_all(around: &Surroundings, histories: impl Iterator<Item = Vec<Stop>>) {
    for stops in histories {
        if let Err(broken) = run(around, &stops) {
            panic!("{broken}");
        }
    }
}

#[test]
fn a_stop_at_any_operation_loses_no_page_and_files_nothing_twice() {
    for around in all_surroundings() {
        check_all(&around, single_stops(&around));
    }
}

#[test]
fn a_power_cut_after_a_kill_finds_no_promise_that_rests_on_the_kernels_cache() {
    let around = Surroundings::default();
    check_all(&around, double_stops(&around, seeds_of_all_pairs()));
}

#[test]
fn a_repository_that_takes_documents_away_gets_each_once_whatever_two_stops_come() {
    let around = Surroundings { repository: Repository::TakesAway, ..Surroundings::default() };
    check_all(&around, double_stops(&around, seeds_of_all_pairs()));
}

#[test]
fn a_share_without_rename_survives_a_power_cut_after_a_kill() {
    let [.., around] = all_surroundings();
    check_all(&around, double_stops(&around, seeds_of_all_pairs()));
}

/// Every place that asks for a sync, over runs that come by all of them.
fn sync_sites() -> BTreeSet<SyncSite> {
    let mut sites = BTreeSet::new();
    for around in all_surroundings() {
        for after in 0..=operations(&around) {
            let room = run(&around, &[Stop::Killed { after }]).unwrap();
            sites.extend(room.recorder.sync_sites().into_keys());
        }
    }
    sites
}

/// Whether work without the sync at `site` breaks a promise. Where two stops are
/// needed for that, they are tried in no order, as neighbours break alike.
fn is_missed(site: SyncSite) -> bool {
    let around = all_surroundings().map(|around| Surroundings { without: Some(site), ..around });
    let breaks = |around: &Surroundings, stops: Vec<Stop>| run(around, &stops).is_err();
    if around.iter().any(|around| single_stops(around).any(|stops| breaks(around, stops))) {
        return true;
    }
    let mut twice: Vec<_> = around
        .iter()
        .flat_map(|around| double_stops(around, SEEDS_OF_TWO).map(move |stops| (around, stops)))
        .collect();
    let length = twice.len();
    // Steps of a prime come by each of fewer once.
    (0..length).map(|no| no * 7919 % length).any(|at| {
        let (around, stops) = &mut twice[at];
        breaks(around, std::mem::take(stops))
    })
}

#[test]
fn no_sync_can_be_taken_out_of_the_code_without_a_promise_being_broken() {
    let sites = sync_sites();
    let files = [
        "spool.rs",
        "repository/owner.rs",
        "repository/staging.rs",
        "repository/watched_folder.rs",
    ];
    for file in files.map(|file| format!("src/{file}")) {
        assert!(sites.iter().any(|site| site.file == file), "no sync is asked for in {file}");
    }
    let needless: Vec<_> = sites.into_iter().filter(|site| !is_missed(*site)).collect();
    assert!(needless.is_empty(), "nothing shows that these syncs are needed: {needless:#?}");
}
