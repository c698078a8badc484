//! The whole of `capture`, spool, database and repository, stopped at every
//! operation on the disk: by a kill, which leaves the kernel's cache, and by a
//! power cut, which leaves only what was synced. Going on must lose no page and
//! file nothing twice. `power_cut.rs` proves the same of each room alone, and
//! that no sync can be taken out of the code unnoticed.

mod station;

use outguide::app::{self, Attended, BatchWork};
use outguide::config::{self, Station};
use outguide::device::scanner::{PageStack, ScanOrder, WhichScanner};
use outguide::disk::Disk;
use outguide::disk::recording::AfterCut;
use outguide::disk::recording::faults::Fault;
use outguide::records::batch::BatchState;
use outguide::repository::filing_fault::FilingFault;
use outguide::store::BatchRow;

use station::day::{BATCH, Day, files_ending};

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
    let order = ScanOrder {
        settings: day.profile.scanner.clone(),
        set: Vec::new(),
        resume: None,
        known: None,
    };
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
    assert_eq!(work.batch.state, BatchState::Filing);
    day.recorder.mend();
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::Filed);
    drop(work);
    day.check_everything_is_filed_once("gone on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_is_through_is_not_fed_again_because_reading_failed() {
    let day = Day::new();
    let (state, repository) = day.open().await;
    let batch = BatchRow { id: BATCH.parse().unwrap(), ..day.new_batch() };
    state.store.open_batch(&batch).await.unwrap();
    let work = day.work_on(state, repository, batch);
    let derived = day.path("state/spool").join(BATCH).join("derived");
    day.recorder.inject(Fault::ReadOnly { below: derived });
    let which = WhichScanner::Folder(PageStack::from_paths(&[day.path("stack")]).unwrap());
    let order = ScanOrder {
        settings: day.profile.scanner.clone(),
        set: Vec::new(),
        resume: None,
        known: None,
    };
    let (fed, ran) =
        work.feed_and_run(which, order, Attended::default(), |_| {}, |_| {}).await.unwrap();
    fed.unwrap();
    ran.expect("a closed stack is run").unwrap_err();
    drop(work);
    day.recorder.mend();
    let work = day.resume().await;
    assert_eq!(work.batch.state, BatchState::Processing);
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::Filed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_station_keeps_is_for_its_own_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("made-by-an-administrator");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let state = app::open_state(&folder, &Station::default(), Disk::Real).await.unwrap();
    state.store.unfinished_batches(&state.station).await.unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is {mode:o}");
        found.push(name);
    }
    found.sort();
    assert_eq!(found, ["lock", "outguide.db", "outguide.db-shm", "outguide.db-wal", "spool"]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_filing_began_is_known_for_whatever_stands_there() {
    let staging_of = async |work: &BatchWork| {
        work.state.store.batch(&work.batch.id).await.unwrap().unwrap().filing_staging
    };
    let mut stood = 0;
    for after_requests in 0..40 {
        let day = Day::new();
        let work = day.fed_and_not_closed().await;
        let below = day.path("repository");
        day.recorder.inject(Fault::Vanishes { below: below.clone(), after_requests });
        let ran = work.run_closed(|_| {}).await;
        day.recorder.mend();
        if files_ending(&below, "pdf") > 0 {
            stood += 1;
            let staging = staging_of(&work).await.expect("it is recorded first");
            assert_eq!(staging, day.path(".outguide").display().to_string());
        }
        if ran.is_ok() {
            break;
        }
    }
    assert!(stood > 3, "{stood}");

    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    day.recorder.inject(Fault::ReadOnly { below: day.path("repository") });
    work.run_closed(|_| {}).await.unwrap_err();
    assert_eq!(staging_of(&work).await, None, "nothing was placed: another repository is free");
}
