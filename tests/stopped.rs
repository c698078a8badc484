//! The whole of `capture`, spool, database and repository, stopped at every
//! operation on the disk: by a kill, which leaves the kernel's cache, and by a
//! power cut, which leaves only what was synced. Going on must lose no page and
//! file nothing twice. `power_cut.rs` proves the same of each room alone, and
//! that no sync can be taken out of the code unnoticed.

mod station;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use outguide::app::{self, Attended, BatchWork};
use outguide::capture::CaptureEvent;
use outguide::config::{self, Station};
use outguide::device::scanner::{PageStack, ScanOrder, WhichScanner};
use outguide::disk::Disk;
use outguide::disk::recording::faults::Fault;
use outguide::disk::recording::{AfterCut, Recorder};
use outguide::profile::{self, Profile};
use outguide::records::batch::{BatchState, Expected, PaperFrom};
use outguide::records::ids::PageNo;
use outguide::records::page::{PageOutcome, Side, Sides, SpooledPage, TextOutcome};
use outguide::records::raster::PixelBox;
use outguide::records::text::{Baseline, PageText, TextLine, Word};
use outguide::repository::filing_fault::FilingFault;
use outguide::repository::verify::verify;
use outguide::repository::watched_folder::WatchedFolder;
use outguide::spool::OriginalKind;
use outguide::store::BatchRow;

use station::{page_by_page_profile, small_page};

const PAGES: u32 = 2;

#[derive(Debug, Clone, Copy)]
enum Stop {
    Kill,
    PowerCut(AfterCut),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_anywhere_it_loses_no_page_and_files_nothing_twice() {
    let operations = {
        let day = Day::new();
        day.work().await.expect("nothing stops it");
        day.check_everything_is_filed_once("never stopped").await;
        day.recorder.operations()
    };
    assert!(operations > 20, "only {operations} operations");
    for after in 0..operations {
        for stop in [
            Stop::Kill,
            Stop::PowerCut(AfterCut::NothingUnsynced),
            Stop::PowerCut(AfterCut::NamesWithoutBytes),
        ] {
            let told = format!("{stop:?} after operation {after} of {operations}");
            let day = Day::new();
            day.recorder.cut_after(after);
            let stopped = day.work().await;
            assert!(stopped.is_err() || day.recorder.operations() < after, "{told}: went on");
            match stop {
                Stop::Kill => day.recorder.restart_process(),
                Stop::PowerCut(left) => day.recorder.settle_after_cut(left).unwrap(),
            }
            let shown = day.shown.lock().unwrap().clone();
            if let Err(error) = day.work().await {
                panic!("{told}: cannot go on: {error:#}");
            }
            day.check_pages_shown_are_kept(&shown, &told).await;
            day.check_everything_is_filed_once(&told).await;
        }
    }
}

/// A station, two sheets, and all that is remembered outside the disk.
struct Day {
    root: tempfile::TempDir,
    recorder: Recorder,
    disk: Disk,
    station: Station,
    profile: Arc<Profile>,
    /// Pages the clerk was shown as scanned.
    shown: Arc<Mutex<Vec<PageNo>>>,
}

impl Day {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let here = root.path().canonicalize().unwrap();
        for folder in ["stack", "repository"] {
            std::fs::create_dir(here.join(folder)).unwrap();
        }
        for no in 1..=PAGES {
            let page = small_page(no as usize);
            std::fs::write(here.join(format!("stack/{no}.pgm")), page).unwrap();
        }
        let recorder = Recorder::over(&here).unwrap();
        let profile =
            profile::parse(&page_by_page_profile(), "stopped").0.expect("the profile is right");
        Day {
            root,
            disk: Disk::Recording(recorder.clone()),
            recorder,
            station: Station { free_space_floor_mb: 0, ..Station::default() },
            profile: Arc::new(profile),
            shown: Arc::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    /// What `outguide capture` does, and `--resume` where a batch is unfinished.
    async fn work(&self) -> anyhow::Result<()> {
        let (state, repository) = self.try_open().await?;
        let earlier = state.store.unfinished_batches().await?.into_iter().next();
        let batch = match earlier {
            Some(batch) => batch,
            None if self.is_done(&state).await? => return Ok(()),
            None => {
                let batch = self.new_batch();
                state.store.open_batch(&batch).await?;
                batch
            }
        };
        let wants_paper = batch.state == BatchState::Scanning;
        let work = self.work_on(state, repository, batch);
        work.settle().await?;
        if !wants_paper {
            work.run_closed(|_| {}).await?;
            return Ok(());
        }
        let stack = PageStack::from_paths(&[self.path("stack")])?;
        let order =
            ScanOrder { settings: self.profile.scanner.clone(), set: Vec::new(), resume: None };
        let shown = self.shown.clone();
        let on_capture = move |event| {
            if let CaptureEvent::PageDurable { page, .. } = event {
                shown.lock().unwrap().push(page);
            }
        };
        let which = WhichScanner::Folder(stack);
        let (fed, ran) =
            work.feed_and_run(which, order, Attended::default(), on_capture, |_| {}).await?;
        fed?;
        ran.expect("a closed stack is run")?;
        Ok(())
    }

    /// The batch was brought to its end before the stop.
    async fn is_done(&self, state: &app::State) -> anyhow::Result<bool> {
        let Some(batch) = self.only_batch() else { return Ok(false) };
        let row = state.store.batch(&batch.parse()?).await?;
        Ok(row.is_some_and(|row| row.state == BatchState::Filed))
    }

    fn only_batch(&self) -> Option<String> {
        let spool = std::fs::read_dir(self.path("state/spool")).ok()?;
        let mut batches: Vec<String> =
            spool.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        batches.pop()
    }

    async fn check_pages_shown_are_kept(&self, shown: &[PageNo], told: &str) {
        let state_dir = self.path("state");
        let state = app::open_state(&state_dir, &self.station, self.disk.clone()).await.unwrap();
        let batch = self.only_batch().expect("a batch").parse().unwrap();
        let pages = state.store.pages(&batch).await.unwrap();
        for page in shown {
            let row = pages.iter().find(|row| row.no == *page);
            let row = row.unwrap_or_else(|| panic!("{told}: page {page} has no row"));
            state
                .spool
                .verified_original(&batch, &row.file, row.sha256)
                .unwrap_or_else(|error| panic!("{told}: page {page}: {error}"));
        }
        assert_eq!(pages.len(), PAGES as usize, "{told}");
    }

    async fn check_everything_is_filed_once(&self, told: &str) {
        let report = verify(&self.disk, &self.path("repository"), None).unwrap();
        assert!(report.problems.is_empty(), "{told}: {:?}", report.problems);
        assert_eq!(report.sound.len(), PAGES as usize, "{told}");
        assert_eq!(report.other_files, 0, "{told}");
        let pdfs = files_ending(&self.path("repository"), "pdf");
        assert_eq!(pdfs, PAGES as usize, "{told}");
    }
}

fn files_ending(folder: &Path, ending: &str) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == ending))
        .count()
}

/// A batch of its own, so that two days can be compared.
const BATCH: &str = "20260131-090000-1a2b";

impl Day {
    async fn try_open(&self) -> anyhow::Result<(app::State, WatchedFolder)> {
        let state_dir = self.path("state");
        let state = app::open_state(&state_dir, &self.station, self.disk.clone()).await?;
        let folder = self.path("repository");
        let repository =
            app::open_repository(&folder, &self.station, &state_dir, self.disk.clone())?;
        Ok((state, repository))
    }

    async fn open(&self) -> (app::State, WatchedFolder) {
        self.try_open().await.unwrap()
    }

    fn work_on(&self, state: app::State, repository: WatchedFolder, batch: BatchRow) -> BatchWork {
        BatchWork {
            state: Arc::new(state),
            batch,
            profile: self.profile.clone(),
            readers: None,
            repository,
            at_once: NonZeroUsize::MIN,
        }
    }

    fn new_batch(&self) -> BatchRow {
        let folder = self.path("repository");
        let (station, files) = (&self.station, PaperFrom::Files);
        let text = page_by_page_profile();
        app::new_batch(&self.profile, &text, station, files, &folder, Expected::default())
    }

    /// A batch still open for paper, with all pages kept and none read.
    async fn fed_and_not_closed(&self) -> BatchWork {
        let (state, repository) = self.open().await;
        let batch = BatchRow { id: BATCH.parse().unwrap(), ..self.new_batch() };
        state.store.open_batch(&batch).await.unwrap();
        for no in 1..=PAGES {
            let bytes = small_page(no as usize);
            let no = PageNo::new(no).unwrap();
            let kept = state.spool.keep(&batch.id, no, &bytes, OriginalKind::of(&bytes)).unwrap();
            let page = SpooledPage {
                no,
                sheet: no.get(),
                side: Side::Front,
                sides: Sides::Front,
                file: kept.file,
                sha256: kept.sha256,
                bytes: kept.bytes,
                scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
                suspect: None,
                image: no.get(),
                source_sha256: Some(kept.sha256),
            };
            state.store.add_page(&batch.id, &page).await.unwrap();
        }
        self.work_on(state, repository, batch)
    }

    /// `--resume`, with no more paper.
    async fn resume(&self) -> BatchWork {
        let (state, repository) = self.open().await;
        let batch = state.store.batch(&BATCH.parse().unwrap()).await.unwrap().unwrap();
        self.work_on(state, repository, batch)
    }

    fn receipts(&self) -> usize {
        files_ending(&self.path(".outguide"), "receipt")
    }

    /// The receipt of the first document is there again: the power failed before
    /// its removal reached the disk.
    fn bring_a_receipt_back(&self) {
        let batch = self.only_batch().unwrap();
        let owner = std::fs::read_to_string(self.path("state/staging-owner")).unwrap();
        let document = format!("{batch}-0001");
        let receipt = serde_json::json!({
            "document": document,
            "root": self.path("repository").canonicalize().unwrap(),
            "sha256": "0".repeat(64),
            "bytes": 1,
            "index_sha256": "0".repeat(64),
            "pdf": format!("{document}.pdf"),
            "index": format!("{document}.json"),
            "staged_index": format!("{}~{document}~9.part", owner.trim_end()),
        });
        let path = self.path(&format!(".outguide/{}~{document}.receipt", owner.trim_end()));
        std::fs::write(path, receipt.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_outlived_its_batch_is_gone_when_the_next_one_begins() {
    let day = Day::new();
    day.work().await.unwrap();
    assert_eq!(day.receipts(), 0);
    day.bring_a_receipt_back();
    std::fs::create_dir(day.path("nothing")).unwrap();
    let (state, repository) = day.open().await;
    let batch = day.new_batch();
    state.store.open_batch(&batch).await.unwrap();
    let work = day.work_on(state, repository, batch);
    let which = WhichScanner::Folder(PageStack::from_paths(&[day.path("nothing")]).unwrap());
    let order = ScanOrder { settings: day.profile.scanner.clone(), set: Vec::new(), resume: None };
    let (fed, _) =
        work.feed_and_run(which, order, Attended::default(), |_| {}, |_| {}).await.unwrap();
    assert!(fed.is_err(), "there was no paper");
    assert_eq!(day.receipts(), 0);
    day.check_everything_is_filed_once("the next batch began").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_which_something_is_filed_takes_no_more_paper() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    let second = day.path("repository").join(format!("{BATCH}-0002.pdf"));
    day.recorder.inject(Fault::ReadOnly { below: second });
    work.run_closed(|_| {}).await.unwrap_err();
    drop(work);
    assert_eq!(files_ending(&day.path("repository"), "json"), 1);
    let work = day.resume().await;
    assert_eq!(work.batch.state, BatchState::Scanned);
    day.recorder.mend();
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::Filed);
    drop(work);
    day.check_everything_is_filed_once("gone on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_with_a_page_in_no_place_does_not_count_as_filed() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    let (store, batch) = (&work.state.store, &work.batch.id);
    for ended in [BatchState::InQuestion, BatchState::Filed] {
        store.move_batch_to(batch, ended).await.unwrap_err();
    }
    work.run_closed(|_| {}).await.unwrap();
    let filed = store.documents(batch).await.unwrap();
    let places = store.placements(batch).await.unwrap();
    store.record_separation(batch, &filed, &places, &[]).await.unwrap_err();
    assert_eq!(store.filed_documents(batch).await.unwrap().len(), PAGES as usize);
}

/// What was read on a page before the stop, other than it would be read now.
fn read_otherwise(outcome: PageOutcome) -> PageOutcome {
    let PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, filed, .. } = outcome
    else {
        panic!("{outcome:?}")
    };
    let bounds = PixelBox { left: 20, top: 20, right: 80, bottom: 32 };
    let word = Word { text: "earlier".to_owned(), bounds, confidence: 90.0 };
    let line =
        TextLine { bounds, baseline: Baseline::default(), starts_block: true, words: vec![word] };
    let page = PageText { width: 120, height: 160, lines: vec![line] };
    let text = TextOutcome::Recognized { page };
    PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, text, filed }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pdf_is_the_same_when_a_stop_has_cost_the_derived_picture() {
    let mut pdfs = Vec::new();
    for picture_is_lost in [false, true] {
        let day = Day::new();
        let work = day.fed_and_not_closed().await;
        day.recorder.inject(Fault::ReadOnly { below: day.path("repository") });
        work.run_closed(|_| {}).await.unwrap_err();
        day.recorder.mend();
        let (store, batch) = (&work.state.store, &work.batch.id);
        let outcome = store.page_outcome(batch, PageNo::FIRST).await.unwrap().unwrap();
        let otherwise = read_otherwise(outcome);
        store.record_page_outcome(batch, PageNo::FIRST, &otherwise).await.unwrap();
        if picture_is_lost {
            let derived = work.state.spool.derived(batch).unwrap();
            std::fs::remove_file(derived.join("0001.picture")).unwrap();
        }
        drop(work);
        day.resume().await.run_closed(|_| {}).await.unwrap();
        let pdf = day.path("repository").join(format!("{BATCH}-0001.pdf"));
        pdfs.push(std::fs::read(pdf).unwrap());
    }
    assert!(pdfs[0] == pdfs[1], "{} and {} bytes", pdfs[0].len(), pdfs[1].len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_folder_spelled_differently_is_the_same_station() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    work.run_closed(|_| {}).await.unwrap();
    drop(work);
    day.bring_a_receipt_back();
    std::os::unix::fs::symlink(day.path("state"), day.path("link")).unwrap();
    for spelled in ["state", "state/", "./state", "stack/../state", "link"] {
        let state = day.path("").join(spelled);
        let folder = day.path("repository");
        let repository = app::open_repository(&folder, &day.station, &state, Disk::Real).unwrap();
        assert_eq!(repository.unacknowledged().unwrap().len(), 1, "{spelled}");
    }
}

#[test]
fn folders_that_lie_one_in_the_other_are_refused_however_they_are_spelled() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    std::fs::create_dir_all(at("charts/deep")).unwrap();
    std::os::unix::fs::symlink(at("charts"), at("link")).unwrap();
    let station = Station::default();
    let staged_within = Station {
        repository: config::Repository { staging: Some(at("state/x")), ..Default::default() },
        ..Station::default()
    };
    let apart = [("charts", "state", &station), ("charts", "chartsandmore", &station)];
    for (repository, state, station) in apart {
        app::keep_apart(&at(repository), station, &at(state)).unwrap();
    }
    let within = [
        ("charts", "charts", &station),
        ("charts", "charts/deep/not/yet/made", &station),
        ("charts", "link/state", &station),
        ("charts/deep", "charts", &station),
        ("charts/../charts/deep", "link", &station),
        ("charts", ".outguide", &station),
        ("charts", ".outguide/state", &station),
        ("charts", "state", &staged_within),
    ];
    for (repository, state, station) in within {
        let told = app::keep_apart(&at(repository), station, &at(state));
        assert!(
            matches!(told, Err(FilingFault::StationInRepository { .. })),
            "{repository} and {state}: {told:?}"
        );
    }
}
