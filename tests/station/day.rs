//! A station's day inside this process, on a disk that keeps account of what a
//! power cut would leave: spool, database and repository together.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use outguide::app::{self, Attended, BatchWork};
use outguide::capture::CaptureEvent;
use outguide::config::Station;
use outguide::device::scanner::{PageStack, ScanOrder, WhichScanner};
use outguide::disk::Disk;
use outguide::disk::recording::Recorder;
use outguide::profile::{self, Profile};
use outguide::records::batch::{BatchState, Expected, PaperFrom};
use outguide::records::ids::PageNo;
use outguide::records::page::{Side, Sides, SpooledPage};
use outguide::repository::verify::verify;
use outguide::repository::watched_folder::WatchedFolder;
use outguide::spool::OriginalKind;
use outguide::store::{BatchRow, Moved};

use super::{page_by_page_profile, small_page};

pub const PAGES: u32 = 2;

/// A station, two sheets, and all that is remembered outside the disk.
pub struct Day {
    root: tempfile::TempDir,
    pub recorder: Recorder,
    pub disk: Disk,
    pub station: Station,
    pub profile: Arc<Profile>,
    /// Pages the clerk was shown as scanned.
    pub shown: Arc<Mutex<Vec<PageNo>>>,
}

impl Day {
    pub fn new() -> Self {
        // In memory where there is such a file system: the recorder forgets what
        // was not synced, and thousands of syncs are asked for.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    /// What `outguide capture` does, and `--resume` where a batch is unfinished.
    pub async fn work(&self) -> anyhow::Result<()> {
        let (state, repository) = self.try_open().await?;
        let earlier = state.store.unfinished_batches(&state.station).await?.into_iter().next();
        let batch = match earlier {
            Some(batch) => batch,
            None if self.is_done(&state).await? => return Ok(()),
            None => {
                let batch = self.new_batch();
                state.store.open_batch(&batch).await?;
                batch
            }
        };
        let wants_paper = batch.state.takes_paper();
        let work = self.work_on(state, repository, batch);
        work.settle().await?;
        if !wants_paper {
            work.run_closed(|_| {}).await?;
            return Ok(());
        }
        let stack = PageStack::from_paths(&[self.path("stack")])?;
        let order = ScanOrder {
            settings: self.profile.scanner.clone(),
            set: Vec::new(),
            resume: None,
            known: None,
        };
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
    pub async fn is_done(&self, state: &app::State) -> anyhow::Result<bool> {
        let Some(batch) = self.only_batch() else { return Ok(false) };
        let row = state.store.batch(&batch.parse()?).await?;
        Ok(row.is_some_and(|row| row.state == BatchState::Filed))
    }

    pub fn only_batch(&self) -> Option<String> {
        let spool = std::fs::read_dir(self.path("state/spool")).ok()?;
        let mut batches: Vec<String> =
            spool.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        batches.pop()
    }

    pub async fn check_pages_shown_are_kept(&self, shown: &[PageNo], told: &str) {
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

    pub async fn check_everything_is_filed_once(&self, told: &str) {
        let report = verify(&self.disk, &self.path("repository"), None, &|| ()).unwrap();
        assert!(report.problems.is_empty(), "{told}: {:?}", report.problems);
        assert_eq!(report.sound.len(), PAGES as usize, "{told}");
        assert_eq!(report.other_files, 0, "{told}");
        let pdfs = files_ending(&self.path("repository"), "pdf");
        assert_eq!(pdfs, PAGES as usize, "{told}");
    }
}

pub fn files_ending(folder: &Path, ending: &str) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == ending))
        .count()
}

/// A batch of its own, so that two days can be compared.
pub const BATCH: &str = "20260131-090000-1a2b";

impl Day {
    pub async fn try_open(&self) -> anyhow::Result<(app::State, WatchedFolder)> {
        let state_dir = self.path("state");
        let state = app::open_state(&state_dir, &self.station, self.disk.clone()).await?;
        let folder = self.path("repository");
        let repository =
            app::open_repository(&folder, &self.station, &state_dir, self.disk.clone())?;
        Ok((state, repository))
    }

    pub async fn open(&self) -> (app::State, WatchedFolder) {
        self.try_open().await.unwrap()
    }

    pub fn work_on(
        &self,
        state: app::State,
        repository: WatchedFolder,
        batch: BatchRow,
    ) -> BatchWork {
        BatchWork {
            state: Arc::new(state),
            batch,
            profile: self.profile.clone(),
            readers: None,
            repository,
            at_once: NonZeroUsize::MIN,
        }
    }

    pub fn new_batch(&self) -> BatchRow {
        let folder = self.path("repository");
        let (station, files) = (&self.station, PaperFrom::Files(Vec::new()));
        let text = page_by_page_profile();
        app::new_batch(&self.profile, &text, station, files, &folder, Expected::default())
    }

    /// A batch still open for paper, with all pages kept and none read.
    pub async fn fed_and_not_closed(&self) -> BatchWork {
        let (state, repository) = self.open().await;
        let batch = BatchRow { id: BATCH.parse().unwrap(), ..self.new_batch() };
        state.store.open_batch(&batch).await.unwrap();
        assert_eq!(state.store.start_scanning(&batch.id).await.unwrap(), Moved::Yes);
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
            state.store.add_page(&batch.id, &page, &[]).await.unwrap();
        }
        self.work_on(state, repository, batch)
    }

    /// `--resume`, with no more paper.
    pub async fn resume(&self) -> BatchWork {
        let (state, repository) = self.open().await;
        let batch = state.store.batch(&BATCH.parse().unwrap()).await.unwrap().unwrap();
        self.work_on(state, repository, batch)
    }

    pub fn receipts(&self) -> usize {
        files_ending(&self.path(".outguide"), "receipt")
    }

    /// The receipt of the first document is there again: the power failed before
    /// its removal reached the disk.
    pub fn bring_a_receipt_back(&self) {
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
