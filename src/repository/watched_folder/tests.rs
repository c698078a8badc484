mod earlier_try;

use std::fs;
use std::time::Duration;

use super::super::index::Reviewed;
use super::super::time_limit::{
    acknowledge_within, file_within, opened_within, unacknowledged_within,
};
use super::*;
use crate::disk::recording::Recorder;
use crate::disk::recording::faults::Fault;
use crate::records::document::{FieldName, FieldSource, IndexField};
use crate::records::ids::PageNo;
use crate::repository::filing_fault::Trouble;

struct Room {
    root: tempfile::TempDir,
    recorder: Recorder,
    repository: WatchedFolder,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("charts")).unwrap();
        let recorder = Recorder::over(root.path()).unwrap();
        let repository =
            WatchedFolder::open(Disk::Recording(recorder.clone()), &settings(root.path())).unwrap();
        Room { root, recorder, repository }
    }

    fn watched(&self) -> PathBuf {
        self.root.path().join("charts")
    }

    fn file(&self, order: &FilingOrder, pdf: &str) -> Result<Filed, FilingFault> {
        self.repository.file(order, &mut pdf.as_bytes())
    }

    /// Every file in the watched folder, relative to it.
    fn names(&self) -> Vec<String> {
        all_files(&self.watched())
    }

    /// Every file in the staging folder but the lock, which always stays.
    fn staged(&self) -> Vec<String> {
        let mut staged = all_files(&self.root.path().join(".outguide"));
        staged.retain(|name| !name.ends_with("~station.lock"));
        staged
    }

    /// The station starts again.
    fn reopen(self) -> Room {
        let Room { root, recorder, repository } = self;
        drop(repository);
        let disk = Disk::Recording(recorder.clone());
        let repository = WatchedFolder::open(disk, &settings(root.path())).unwrap();
        Room { root, recorder, repository }
    }
}

fn all_files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut due = vec![folder.to_path_buf()];
    while let Some(at) = due.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                due.push(path);
            } else {
                names.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names
}

fn settings(root: &Path) -> RepositorySettings {
    RepositorySettings {
        folder: root.join("charts"),
        staging: None,
        path_seen_by_repository: Some(r"\\srv\charts\".to_owned()),
        owner: owner(root),
    }
}

fn owner(root: &Path) -> StagingOwner {
    let state = root.join("state");
    fs::create_dir_all(&state).unwrap();
    StagingOwner::of_station(&Disk::Real, &state, "records-1").unwrap()
}

fn order(first_page: u32, mrn: &str) -> FilingOrder {
    let page = PageNo::new(first_page).unwrap();
    let batch = "20260131-090000-1a2b".parse().unwrap();
    let mrn = IndexField {
        name: FieldName::new("mrn").unwrap(),
        value: mrn.to_owned(),
        source: FieldSource::CoverSheet { page },
    };
    let index = DocumentIndex {
        document: DocumentId::new(batch, page),
        document_type: "note".to_owned(),
        document_type_title: "Progress Note".to_owned(),
        fields: vec![mrn],
        pages: vec![page.next()],
        without_text: Vec::new(),
        profile: "inpatient-chart".to_owned(),
        station: "records-1".to_owned(),
        scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
        reviewed: Reviewed::NotReviewed { rule: "profile review = none".to_owned() },
        replaces: None,
        withdrawn: None,
    };
    FilingOrder {
        index,
        template: "{document_type}/{mrn}".to_owned(),
        sidecar: SidecarFormat::Json,
    }
}

fn trouble(fault: FilingFault) -> Trouble {
    match fault {
        FilingFault::Stopped { trouble, .. } => trouble,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_filed_document_stands_under_its_name_with_its_index_and_nothing_else_is_left() {
    let room = Room::new();
    let filed = room.file(&order(1, "0012345"), "%PDF chart").unwrap();
    assert_eq!(room.names(), ["note/0012345.json", "note/0012345.pdf"]);
    assert_eq!(fs::read(&filed.pdf).unwrap(), b"%PDF chart");
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(&filed.index_file).unwrap()).unwrap();
    assert_eq!(index["file"]["path"], r"\\srv\charts\note\0012345.pdf");
    assert_eq!(index["fields"]["mrn"]["value"], "0012345");
    room.repository.acknowledge(&order(1, "").index.document).unwrap();
    assert_eq!(room.staged(), [""; 0]);
}

#[test]
fn filing_twice_is_filing_once() {
    let room = Room::new();
    let first = room.file(&order(1, "7"), "chart").unwrap();
    for acknowledged_before in [false, true] {
        if acknowledged_before {
            room.repository.acknowledge(&order(1, "7").index.document).unwrap();
        }
        let again = room.file(&order(1, "7"), "chart").unwrap();
        assert_eq!(again, Filed { standing: Standing::FiledBefore, ..first.clone() });
        assert_eq!(room.names().len(), 2);
    }
}

#[test]
fn a_document_the_repository_took_away_is_not_filed_a_second_time() {
    let room = Room::new();
    let filed = room.file(&order(1, "7"), "chart").unwrap();
    fs::remove_file(&filed.pdf).unwrap();
    fs::remove_file(&filed.index_file).unwrap();
    let room = room.reopen();
    assert_eq!(room.repository.unacknowledged().unwrap(), [order(1, "7").index.document]);
    let again = room.file(&order(1, "7"), "chart").unwrap();
    assert_eq!(again.standing, Standing::FiledBefore);
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn a_document_filed_before_with_other_content_is_a_fault_and_changes_nothing() {
    for acknowledged in [false, true] {
        let room = Room::new();
        let filed = room.file(&order(1, "7"), "chart").unwrap();
        if acknowledged {
            room.repository.acknowledge(&order(1, "7").index.document).unwrap();
        }
        let again = room.file(&order(1, "7"), "another chart");
        assert!(matches!(again, Err(FilingFault::FiledWithOtherContent { .. })), "{again:?}");
        assert_eq!(fs::read(&filed.pdf).unwrap(), b"chart");
        assert_eq!(room.names().len(), 2);
    }
}

#[test]
fn a_name_that_something_else_has_is_never_written_over() {
    let room = Room::new();
    fs::create_dir(room.watched().join("note")).unwrap();
    fs::write(room.watched().join("note/7.pdf"), "theirs").unwrap();
    fs::write(room.watched().join("note/7~2.json"), "theirs too").unwrap();
    fs::create_dir(room.watched().join("note/7~3.pdf")).unwrap();
    room.file(&order(1, "7"), "chart").unwrap();
    room.file(&order(2, "7"), "chart of another document").unwrap();
    let expected = [
        "note/7.pdf",
        "note/7~2.json",
        "note/7~4.json",
        "note/7~4.pdf",
        "note/7~5.json",
        "note/7~5.pdf",
    ];
    assert_eq!(room.names(), expected);
    assert_eq!(fs::read(room.watched().join("note/7.pdf")).unwrap(), b"theirs");
}

#[test]
fn names_that_differ_only_in_case_do_not_hide_each_other_on_a_windows_share() {
    let room = Room::new();
    fs::create_dir(room.watched().join("Note")).unwrap();
    room.file(&order(1, "abc"), "one").unwrap();
    room.file(&order(2, "ABC"), "two").unwrap();
    let expected = ["Note/ABC~2.json", "Note/ABC~2.pdf", "Note/abc.json", "Note/abc.pdf"];
    assert_eq!(room.names(), expected);
}

#[test]
fn a_pdf_left_without_its_index_is_taken_over_by_its_content() {
    let room = Room::new();
    fs::create_dir(room.watched().join("note")).unwrap();
    fs::write(room.watched().join("note/7.pdf"), "chart").unwrap();
    let filed = room.file(&order(1, "7"), "chart").unwrap();
    assert_eq!(filed.standing, Standing::FiledNow);
    assert_eq!(room.names(), ["note/7.json", "note/7.pdf"]);
}

#[test]
fn what_paper_says_stays_in_the_watched_folder() {
    let room = Room::new();
    for (page, mrn) in
        ["../../out", "/etc/passwd", "a\0b", "CON", "..", "x\u{2215}y"].iter().enumerate()
    {
        room.file(&order(page as u32 + 1, mrn), &format!("chart {page}")).unwrap();
    }
    assert_eq!(room.names().len(), 12);
    assert!(
        room.names().iter().all(|name| name.starts_with("note/") && name.split('/').count() == 2)
    );
    std::os::unix::fs::symlink("/tmp", room.watched().join("link")).unwrap();
    let through_link = FilingOrder { template: "link/{mrn}".to_owned(), ..order(90, "7") };
    room.file(&through_link, "chart").unwrap_err();
}

#[test]
fn every_fault_names_its_trouble_leaves_no_index_file_and_can_be_mended() {
    let below = |room: &Room, name: &str| room.root.path().join(name);
    type FaultIn = fn(&Room) -> Fault;
    let cases: [(FaultIn, Trouble); 6] = [
        (|_| Fault::Full { room_bytes: 20 }, Trouble::Full),
        (|_| Fault::Full { room_bytes: 300 }, Trouble::Full),
        (|room| Fault::ReadOnly { below: room.watched() }, Trouble::NotWritable),
        (
            |room| Fault::ReadOnly { below: room.root.path().join(".outguide") },
            Trouble::NotWritable,
        ),
        (
            |room| Fault::OtherFileSystem { folder: room.watched().join("note") },
            Trouble::OtherFileSystem,
        ),
        (|room| Fault::Vanishes { below: room.watched(), after_requests: 6 }, Trouble::Gone),
    ];
    for (fault, expected) in cases {
        let room = Room::new();
        let fault = fault(&room);
        room.recorder.inject(fault.clone());
        let pdf = "%PDF a chart of more than twenty bytes";
        assert_eq!(trouble(room.file(&order(1, "7"), pdf).unwrap_err()), expected, "{fault:?}");
        assert!(!below(&room, "charts/note/7.json").exists(), "{fault:?}");
        room.recorder.mend();
        room.file(&order(1, "7"), pdf).unwrap();
        assert_eq!(room.names(), ["note/7.json", "note/7.pdf"], "{fault:?}");
    }
}

#[test]
fn a_share_that_vanishes_at_any_moment_files_the_document_once_when_it_is_back() {
    for after_requests in 0..60 {
        let room = Room::new();
        let below = room.root.path().to_path_buf();
        room.recorder.inject(Fault::Vanishes { below, after_requests });
        let vanished = room.file(&order(1, "7"), "chart");
        room.recorder.mend();
        let again = room.file(&order(1, "7"), "chart").unwrap();
        assert_eq!(room.names(), ["note/7.json", "note/7.pdf"], "after {after_requests}");
        room.repository.acknowledge(&order(1, "7").index.document).unwrap();
        room.repository.staging.sweep().unwrap();
        assert_eq!(room.staged(), [""; 0], "after {after_requests}");
        if vanished.is_ok() {
            assert_eq!(again.standing, Standing::FiledBefore);
            return;
        }
    }
    panic!("filing takes more requests than were tried");
}

#[test]
fn a_missing_repository_is_named_and_never_made() {
    let room = Room::new();
    room.recorder.inject(Fault::Missing { below: room.watched() });
    let missing = room.file(&order(1, "7"), "chart");
    assert!(matches!(missing, Err(FilingFault::RepositoryMissing { .. })), "{missing:?}");
    let folder = room.root.path().join("not/mounted");
    let missing = RepositorySettings { folder: folder.clone(), ..settings(room.root.path()) };
    let opened = WatchedFolder::open(Disk::Real, &missing);
    assert!(matches!(opened, Err(FilingFault::RepositoryMissing { .. })));
    assert!(!folder.exists());
    let file = room.root.path().join("file");
    fs::write(&file, "").unwrap();
    let opened = WatchedFolder::open(
        Disk::Real,
        &RepositorySettings { folder: file, ..settings(room.root.path()) },
    );
    assert!(matches!(opened, Err(FilingFault::NotAFolder { .. })));
}

#[test]
fn staging_inside_the_watched_folder_or_on_another_file_system_is_refused() {
    let room = Room::new();
    let with = |staging: PathBuf| RepositorySettings {
        staging: Some(staging),
        ..settings(room.root.path())
    };
    for inside in ["charts", "charts/.outguide", "charts/../charts/x"] {
        let opened = WatchedFolder::open(Disk::Real, &with(room.root.path().join(inside)));
        assert!(matches!(opened, Err(FilingFault::StagingInRepository { .. })), "{inside}");
    }
    room.recorder.inject(Fault::OtherFileSystem { folder: room.watched() });
    let staging = room.root.path().join("staging");
    let opened =
        WatchedFolder::open(Disk::Recording(room.recorder.clone()), &with(staging.clone()));
    assert!(matches!(opened, Err(FilingFault::OtherFileSystem { .. })), "{opened:?}");
    let left = all_files(&staging);
    assert!(room.names().is_empty() && left.len() == 1, "the probe leaves nothing: {left:?}");
}

#[test]
fn a_look_leaves_nothing_behind_whatever_it_finds() {
    let room = Room::new();
    let staging = room.root.path().join("staging");
    let settings =
        RepositorySettings { staging: Some(staging.clone()), ..settings(room.root.path()) };
    let disk = || Disk::Recording(room.recorder.clone());
    for fault in [
        Fault::OtherFileSystem { folder: room.watched() },
        Fault::ReadOnly { below: room.watched() },
        Fault::Vanishes { below: room.watched(), after_requests: 1 },
    ] {
        room.recorder.inject(fault.clone());
        let looked = WatchedFolder::probe(disk(), &settings);
        assert!(looked.is_err(), "{fault:?}");
        assert!(!staging.exists(), "{fault:?}: {looked:?}");
        room.recorder.mend();
    }
    WatchedFolder::probe(disk(), &settings).unwrap();
    assert!(!staging.exists());
}

#[test]
fn looks_at_the_same_time_do_not_stand_in_each_others_way() {
    let room = Room::new();
    let look = |station: &str| {
        let owner = StagingOwner::passing(station).unwrap();
        let staging = Some(room.root.path().join("staging"));
        let settings = RepositorySettings { staging, owner, ..settings(room.root.path()) };
        for _ in 0..100 {
            WatchedFolder::probe(Disk::Real, &settings).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| look("records-1"));
        scope.spawn(|| look("records-2"));
    });
}

#[test]
fn a_repository_that_is_not_to_be_written_in_is_named_before_the_first_document() {
    let room = Room::new();
    room.recorder.inject(Fault::ReadOnly { below: room.watched() });
    let disk = Disk::Recording(room.recorder.clone());
    let staging = Some(room.root.path().join("staging"));
    let settings = RepositorySettings { staging, ..settings(room.root.path()) };
    let opened = WatchedFolder::open(disk, &settings);
    assert!(matches!(opened, Err(FilingFault::NotWritable { .. })), "{opened:?}");
}

#[test]
fn the_kernel_tells_another_file_system_without_anything_showing_in_the_watched_folder() {
    use std::os::unix::fs::MetadataExt;
    let room = Room::new();
    let shm = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    if device(shm).is_none() || device(shm) == device(room.root.path()) {
        println!("skipped: no second file system found at /dev/shm");
        return;
    }
    let other = tempfile::tempdir_in(shm).unwrap();
    let staging = Some(other.path().join("staging"));
    let opened = WatchedFolder::open(
        Disk::Real,
        &RepositorySettings { staging, ..settings(room.root.path()) },
    );
    assert!(matches!(opened, Err(FilingFault::OtherFileSystem { .. })), "{opened:?}");
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn a_pdf_that_does_not_read_back_as_written_is_not_committed() {
    let room = Room::new();
    room.recorder.inject(Fault::TurnsABit { name_ends_with: ".part".to_owned() });
    let filed = room.file(&order(1, "7"), "chart");
    assert!(matches!(filed, Err(FilingFault::ReadBackDiffers { .. })), "{filed:?}");
    assert_eq!(room.names(), ["note/7.pdf"]);
}

#[test]
fn a_share_without_rename_or_links_files_all_the_same() {
    for fault in [Fault::LacksRenameWithoutReplacing, Fault::LacksRenameWithoutReplacingAndLinks] {
        let room = Room::new();
        room.recorder.inject(fault.clone());
        fs::create_dir(room.watched().join("note")).unwrap();
        fs::write(room.watched().join("note/7.pdf"), "theirs").unwrap();
        room.file(&order(1, "7"), "chart").unwrap();
        room.repository.acknowledge(&order(1, "7").index.document).unwrap();
        assert_eq!(room.names(), ["note/7.pdf", "note/7~2.json", "note/7~2.pdf"], "{fault:?}");
        assert_eq!(room.staged(), [""; 0], "{fault:?}");
    }
}

#[test]
fn a_share_that_hangs_is_reported_after_the_limit_and_filing_again_files_once() {
    let room = Room::new();
    room.recorder.inject(Fault::Stalls { below: room.watched(), held: 0 });
    let hung = file_within(Duration::ZERO, &room.repository, order(1, "7"), &b"chart"[..]);
    assert!(matches!(hung, Err(FilingFault::NoAnswer { .. })), "{hung:?}");
    room.recorder.wait_until_stalled();
    room.recorder.mend();
    let long = Duration::from_secs(60);
    let again = file_within(long, &room.repository, order(1, "7"), &b"chart"[..]).unwrap();
    assert_eq!(again.pdf, room.watched().canonicalize().unwrap().join("note/7.pdf"));
    assert_eq!(room.names(), ["note/7.json", "note/7.pdf"]);
}

#[test]
fn a_share_that_hangs_before_anything_is_filed_is_named_after_the_limit() {
    let room = Room::new();
    room.recorder.inject(Fault::Stalls { below: room.watched(), held: 0 });
    let (disk, settings) = (Disk::Recording(room.recorder.clone()), settings(room.root.path()));
    let hung = opened_within(Duration::ZERO, &room.watched(), move || {
        WatchedFolder::open(disk, &settings)
    });
    let Err(FilingFault::NotOpened { folder, .. }) = hung else { panic!("{hung:?}") };
    assert_eq!(folder, room.watched());
    room.recorder.mend();
}

#[test]
fn a_staging_folder_that_hangs_is_given_up_after_the_limit() {
    let room = Room::new();
    room.file(&order(1, "7"), "chart").unwrap();
    let document = order(1, "7").index.document;
    let staging = room.repository.staging_folder().to_path_buf();
    room.recorder.inject(Fault::Stalls { below: staging, held: 0 });
    let listed = unacknowledged_within(Duration::ZERO, &room.repository);
    assert!(matches!(listed, Err(FilingFault::StagingUnusable { .. })), "{listed:?}");
    let hung = acknowledge_within(Duration::ZERO, &room.repository, document.clone());
    assert!(matches!(hung, Err(FilingFault::ReceiptStays { .. })), "{hung:?}");
    room.recorder.wait_until_stalled();
    room.recorder.mend();
    let long = Duration::from_secs(60);
    acknowledge_within(long, &room.repository, document).unwrap();
    assert_eq!(unacknowledged_within(long, &room.repository).unwrap(), []);
}

#[test]
fn staging_is_swept_of_what_this_station_left_and_of_nothing_else() {
    let room = Room::new();
    let staging = room.root.path().join(".outguide");
    let ours = owner(room.root.path());
    let left = [
        (format!("{ours}~20260131-090000-1a2b-0001~1-0.part"), "half".to_owned()),
        (".claim-0123".to_owned(), format!("{ours}~x.part")),
        ("records-1-77~20260131-090000-1a2b-0001~1-0.part".to_owned(), "theirs".to_owned()),
        (".claim-4567".to_owned(), "records-1-77~x.part".to_owned()),
        ("notes.txt".to_owned(), "theirs".to_owned()),
    ];
    for (name, bytes) in left {
        fs::write(staging.join(name), bytes).unwrap();
    }
    let room = room.reopen();
    let expected = [".claim-4567", "notes.txt", "records-1-77~20260131-090000-1a2b-0001~1-0.part"];
    assert_eq!(room.staged(), expected);
}

#[test]
fn no_fault_says_a_patients_value() {
    let room = Room::new();
    let mut twice = order(1, "0099999");
    twice.index.fields.extend(twice.index.fields.clone());
    let by_index = room.file(&twice, "chart").unwrap_err();
    let bad_template = FilingOrder { template: "{nrm".to_owned(), ..order(2, "0099999") };
    let by_template = room.file(&bad_template, "chart").unwrap_err();
    room.recorder.inject(Fault::ReadOnly { below: room.watched() });
    let by_disk = room.file(&order(3, "0099999"), "chart").unwrap_err();
    for fault in [by_index, by_template, by_disk] {
        let chain = format!("{fault} {fault:?}");
        assert!(!chain.contains("0099999"), "{chain}");
    }
}

#[test]
fn two_stations_with_default_settings_leave_each_others_staging_alone() {
    let room = Room::new();
    let document = order(1, "7").index.document;
    let (live, _) = room.repository.staging.stage(&document, &mut &b"half"[..]).unwrap();
    let other = tempfile::tempdir().unwrap();
    let second = RepositorySettings { owner: owner(other.path()), ..settings(room.root.path()) };
    WatchedFolder::open(Disk::Real, &second).unwrap();
    assert_eq!(fs::read(live).unwrap(), b"half");
}

#[test]
fn a_second_process_of_the_same_owner_is_refused_before_it_sweeps() {
    let room = Room::new();
    let document = order(1, "7").index.document;
    let (live, _) = room.repository.staging.stage(&document, &mut &b"half"[..]).unwrap();
    let second = WatchedFolder::open(Disk::Real, &settings(room.root.path()));
    assert!(matches!(second, Err(FilingFault::StagingInUse { .. })), "{second:?}");
    assert_eq!(fs::read(live).unwrap(), b"half");
}

#[test]
fn a_receipt_that_cannot_be_taken_away_does_not_say_that_its_document_is_not_filed() {
    let room = Room::new();
    room.file(&order(1, "7"), "chart").unwrap();
    let document = order(1, "7").index.document;
    let receipt = room.repository.staging.receipt_path(&document);
    room.recorder.inject(Fault::ReadOnly { below: receipt });
    let fault = room.repository.acknowledge(&document).unwrap_err();
    assert!(fault.to_string().contains(&format!("document {document} is filed")), "{fault}");
    room.recorder.mend();
    assert_eq!(room.repository.unacknowledged().unwrap(), [document]);
}

#[test]
fn a_repository_whose_path_no_index_file_can_hold_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let room = Room::new();
    let folder = room.root.path().join(std::ffi::OsStr::from_bytes(b"ch\xE4rts"));
    fs::create_dir(&folder).unwrap();
    let settings = RepositorySettings { folder, ..settings(room.root.path()) };
    let opened = WatchedFolder::open(Disk::Real, &settings);
    assert!(matches!(opened, Err(FilingFault::NotUtf8 { .. })), "{opened:?}");
}

#[test]
fn what_stands_where_a_folder_is_wanted_is_named() {
    let room = Room::new();
    let in_the_way = room.watched().join("note");
    for is_link in [true, false] {
        if is_link {
            std::os::unix::fs::symlink(room.root.path(), &in_the_way).unwrap();
        } else {
            fs::write(&in_the_way, "theirs").unwrap();
        }
        let fault = room.file(&order(1, "7"), "chart").unwrap_err();
        let FilingFault::FolderInTheWay { path, .. } = &fault else { panic!("{fault:?}") };
        assert_eq!(*path, room.repository.root().join("note"));
        fs::remove_file(&in_the_way).unwrap();
    }
    room.file(&order(1, "7"), "chart").unwrap();
}

#[test]
fn an_index_file_that_cannot_be_made_leaves_no_pdf_in_the_watched_folder() {
    let room = Room::new();
    let mut twice = order(1, "7");
    twice.index.fields.extend(twice.index.fields.clone());
    let fault = room.file(&twice, "chart").unwrap_err();
    assert!(matches!(fault, FilingFault::Index { .. }), "{fault:?}");
    assert_eq!((room.names(), room.staged()), (Vec::new(), Vec::new()));
}
