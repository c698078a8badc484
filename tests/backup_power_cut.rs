//! The power fails at any operation of a backup, and of a restore: the backup
//! before it stays whole, and no half-restored folder is taken for a station.

use std::path::{Path, PathBuf};

use outguide::backup::making::{BackupOrder, back_up};
use outguide::backup::restoring::{RestoreOrder, SharedDatabase, restore};
use outguide::backup::{BackupFault, is_half_restored};
use outguide::disk::Disk;
use outguide::disk::recording::{AfterCut, Recorder};
use outguide::records::batch::{BatchState, ClosedBy, Expected, PaperFrom};
use outguide::records::ids::{BatchId, PageNo};
use outguide::records::page::{Side, Sides, SpooledPage};
use outguide::spool::{OriginalKind, Spool};
use outguide::store::{BatchRow, Database, Moved, Store};

const DESK: &str = "desk-1";

/// More operations than a backup or a restore of this station has.
const OPERATIONS: u64 = 200;

fn batch() -> BatchId {
    "20260131-090000-1a2b".parse().unwrap()
}

/// A station with its folders in a temporary one.
struct Lost {
    root: tempfile::TempDir,
}

impl Lost {
    async fn with_pages(pages: u32) -> Self {
        let lost = Lost { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(lost.path("state")).unwrap();
        std::fs::write(lost.path("state/staging-owner"), "desk-1-0011\n").unwrap();
        let store = lost.store().await;
        let row = BatchRow {
            id: batch(),
            state: BatchState::Open,
            profile_name: "quick".to_owned(),
            profile_text: String::new(),
            station: DESK.to_owned(),
            spool: String::new(),
            paper_from: PaperFrom::Scanner(None),
            scanner_options: Vec::new(),
            scanner_identity: None,
            repository: "/srv/repository".to_owned(),
            filing_staging: None,
            expected: Expected { sheets: None, documents: None },
            max_pages: None,
            closed_by: ClosedBy::Clerk,
            two_passes: None,
            pause: None,
            counts_released: None,
            discarded: None,
            opened_at: "2026-01-31T09:00:00Z".parse().unwrap(),
        };
        store.open_batch(&row).await.unwrap();
        assert_eq!(store.start_scanning(&batch()).await.unwrap(), Moved::Yes);
        store.close().await;
        for no in 1..=pages {
            lost.scan(no).await;
        }
        lost
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn store(&self) -> Store {
        let database = Database::Sqlite(self.path("state/outguide.db"));
        Store::open(&database, &self.path("state/backups")).await.unwrap()
    }

    async fn scan(&self, no: u32) {
        let spool = Spool::open(&self.path("state"), Disk::Real, 0).unwrap();
        let page = PageNo::new(no).unwrap();
        let bytes = format!("page {no}").into_bytes();
        let kept = spool.keep(&batch(), page, &bytes, OriginalKind::Png).unwrap();
        let row = SpooledPage {
            no: page,
            sheet: no,
            side: Side::Front,
            sides: Sides::Front,
            file: kept.file,
            sha256: kept.sha256,
            bytes: kept.bytes,
            scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
            suspect: None,
            image: no,
            source_sha256: None,
        };
        let store = self.store().await;
        store.add_page(&batch(), &row, &[]).await.unwrap();
        store.close().await;
    }

    async fn back_up(&self, disk: &Disk) -> Result<usize, BackupFault> {
        let order = BackupOrder {
            state: &self.path("state"),
            database: &Database::Sqlite(self.path("state/outguide.db")),
            station: DESK,
            settings: &[],
            to: &self.path("disk/backup"),
            now: "2026-01-31T10:00:00Z".parse().unwrap(),
        };
        back_up(disk, &order, &|| ()).await.map(|made| made.manifest.originals())
    }

    async fn restore(&self, disk: &Disk, to: &Path) -> Result<usize, BackupFault> {
        let order = RestoreOrder {
            from: &self.path("disk/backup"),
            state: to,
            database: &Database::Sqlite(to.join("outguide.db")),
            station: DESK,
            shared_database: SharedDatabase::PutBack,
        };
        restore(disk, &order, &|| ()).await.map(|restored| restored.manifest.originals())
    }
}

/// As the station at its next start would find it.
async fn pages_there(state: &Path) -> usize {
    let database = Database::Sqlite(state.join("outguide.db"));
    let store = Store::open_to_read(&database).await.unwrap();
    let pages = store.pages(&batch()).await.unwrap();
    store.close().await;
    let spool = Spool::open(state, Disk::Real, 0).unwrap();
    for page in &pages {
        spool.verified_original(&batch(), &page.file, page.sha256).unwrap();
    }
    assert!(state.join("staging-owner").exists());
    pages.len()
}

const LEFTS: [AfterCut; 4] = [
    AfterCut::NothingUnsynced,
    AfterCut::NamesWithoutBytes,
    AfterCut::Scattered { seed: 1 },
    AfterCut::Scattered { seed: 2 },
];

#[tokio::test]
async fn a_backup_cut_at_any_operation_leaves_it_or_the_one_before_whole() {
    for left in LEFTS {
        for after in 0..OPERATIONS {
            let lost = Lost::with_pages(1).await;
            std::fs::create_dir(lost.path("disk")).unwrap();
            assert_eq!(lost.back_up(&Disk::Real).await.unwrap(), 1);
            lost.scan(2).await;
            let recorder = Recorder::over(lost.root.path()).unwrap();
            recorder.cut_after(after);
            let again = lost.back_up(&Disk::Recording(recorder.clone())).await;
            let came_through = !recorder.power_failed();
            recorder.settle_after_cut(left).unwrap();
            let restored = lost.restore(&Disk::Real, &lost.path("again")).await;
            let restored =
                restored.unwrap_or_else(|fault| panic!("{left:?} after {after}: {fault}"));
            assert_eq!(pages_there(&lost.path("again")).await, restored);
            match again {
                Ok(kept) => assert_eq!((kept, restored), (2, 2), "{left:?} after {after}"),
                Err(_) => assert!(restored >= 1),
            }
            // What the cut left is in nobody's way.
            assert_eq!(lost.back_up(&Disk::Real).await.unwrap(), 2, "{left:?} after {after}");
            if came_through {
                assert!(after > 20, "it went through the disk");
                break;
            }
            assert!(after + 1 < OPERATIONS, "it has more operations than are tried");
        }
    }
}

#[tokio::test]
async fn a_first_backup_that_was_cut_is_whole_or_none() {
    for (left, after) in LEFTS.iter().flat_map(|left| (0..40).map(move |after| (*left, after))) {
        let lost = Lost::with_pages(1).await;
        std::fs::create_dir(lost.path("disk")).unwrap();
        let recorder = Recorder::over(lost.root.path()).unwrap();
        recorder.cut_after(after);
        let made = lost.back_up(&Disk::Recording(recorder.clone())).await;
        recorder.settle_after_cut(left).unwrap();
        match lost.restore(&Disk::Real, &lost.path("again")).await {
            Ok(restored) => assert_eq!(restored, 1),
            Err(BackupFault::NoManifest { .. }) => {
                assert!(made.is_err(), "{left:?} after {after}");
                assert!(!lost.path("again").exists(), "{left:?} after {after}");
            }
            Err(other) => panic!("{left:?} after {after}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_restore_cut_at_any_operation_is_a_whole_station_or_none_and_goes_on() {
    let lost = Lost::with_pages(3).await;
    std::fs::create_dir(lost.path("disk")).unwrap();
    assert_eq!(lost.back_up(&Disk::Real).await.unwrap(), 3);
    for left in LEFTS {
        for after in 0..OPERATIONS {
            let root = lost.path("machine");
            std::fs::create_dir(&root).unwrap();
            let state = root.join("state");
            let recorder = Recorder::over(lost.root.path()).unwrap();
            recorder.cut_after(after);
            let restored = lost.restore(&Disk::Recording(recorder.clone()), &state).await;
            let came_through = !recorder.power_failed();
            recorder.settle_after_cut(left).unwrap();
            let is_a_station = state.join("outguide.db").exists() && !is_half_restored(&state);
            if is_a_station {
                assert_eq!(pages_there(&state).await, 3, "{left:?} after {after}");
            } else {
                assert!(restored.is_err(), "{left:?} after {after}");
                let again = lost.restore(&Disk::Real, &state).await;
                let again = again.unwrap_or_else(|fault| panic!("{left:?} after {after}: {fault}"));
                assert_eq!(again, 3);
                assert!(!is_half_restored(&state));
                assert_eq!(pages_there(&state).await, 3);
            }
            std::fs::remove_dir_all(&root).unwrap();
            if came_through {
                assert!(after > 20, "it went through the disk");
                break;
            }
            assert!(after + 1 < OPERATIONS, "it has more operations than are tried");
        }
    }
}
