//! The whole of `capture`, spool, database and repository, stopped at every
//! operation on the disk: by a kill, which leaves the kernel's cache, and by a
//! power cut, which leaves only what was synced. Going on must lose no page and
//! file nothing twice. `power_cut.rs` proves the same of each room alone, and
//! that no sync can be taken out of the code unnoticed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use outguide::app::{self, Attended, BatchWork};
use outguide::capture::CaptureEvent;
use outguide::config::Station;
use outguide::device::scanner::{PageStack, ScanOrder, WhichScanner};
use outguide::disk::Disk;
use outguide::disk::recording::{AfterCut, Recorder};
use outguide::imaging::encode;
use outguide::profile::{self, Profile};
use outguide::records::batch::{BatchState, Expected, PaperFrom};
use outguide::records::ids::PageNo;
use outguide::records::raster::{Dpi, PixelFormat, Raster};
use outguide::repository::verify::verify;

const PROFILE: &str = r#"
title = "Stopped"
review = "none"
default_document_type = "DOC"
[scanner]
source = "feeder"
mode = "gray"
dpi = 100
page_size = "letter"
[barcodes]
symbologies = []
[separation]
by = "fixed-length"
pages = 1
[[document_type]]
code = "DOC"
title = "Document"
required = []
[ocr]
languages = []
[filing]
template = "{document_id}"
sidecar = "json"
"#;

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
            let page = encode::original(&page(no));
            std::fs::write(here.join(format!("stack/{no}.png")), page.bytes).unwrap();
        }
        let recorder = Recorder::over(&here).unwrap();
        let profile = profile::parse(PROFILE, "stopped").0.expect("the profile is right");
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
        let state_dir = self.path("state");
        let state = app::open_state(&state_dir, &self.station, self.disk.clone()).await?;
        let folder = self.path("repository");
        let repository =
            app::open_repository(&folder, &self.station, &state_dir, self.disk.clone())?;
        let earlier = state.store.unfinished_batches().await?.into_iter().next();
        let batch = match earlier {
            Some(batch) => batch,
            None if self.is_done(&state).await? => return Ok(()),
            None => {
                let none = Expected::default();
                let batch = app::new_batch(
                    &self.profile,
                    PROFILE,
                    &self.station,
                    PaperFrom::Files,
                    &folder,
                    none,
                );
                state.store.open_batch(&batch).await?;
                batch
            }
        };
        let wants_paper = batch.state == BatchState::Scanning;
        let work = BatchWork {
            state: Arc::new(state),
            batch,
            profile: self.profile.clone(),
            readers: None,
            repository,
            at_once: NonZeroUsize::MIN,
        };
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

/// Not blank, and each its own.
fn page(no: u32) -> Raster {
    let (width, height) = (120, 160);
    let pixel = |at: u32| {
        let (x, y) = (at % width, at / width);
        if (20..100).contains(&x) && (y / (4 + no)).is_multiple_of(2) { 0 } else { 255 }
    };
    let pixels = (0..width * height).map(pixel).collect();
    Raster::new(width, height, Dpi(100), PixelFormat::Gray8, pixels).unwrap()
}
