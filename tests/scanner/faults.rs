//! What goes wrong, struck where the paper is: one file `NAME.<fault>` beside
//! the page (see `examples/sane_folder.rs`).

use std::process::{Command, Stdio};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use outguide::device::scanner::{Phase, ScanFault, TimeLimits, list};
use outguide::profile::PaperSource;
use rustix::process::Signal;

use crate::rig::{Rig, gray_page, next, order, pixels};

/// Three pages; the fault strikes before, or in, the second.
fn rig_with(fault: &str) -> Option<Rig> {
    let rig = Rig::with_folder_backend()?;
    rig.lay_in(3);
    rig.write(&format!("pages/0002.{fault}"), "");
    Some(rig)
}

fn lied(what: &str) -> ScanFault {
    ScanFault::DriverLied { what: what.to_owned() }
}

#[test]
fn each_fault_stops_after_the_last_page_and_the_rest_follows_when_it_is_cleared() {
    let page_bytes = 61 * 83;
    let start = || "to start a page with these settings".to_owned();
    let faults = [
        ("jam", ScanFault::Jam),
        ("jam-reading", ScanFault::Jam),
        ("double-feed-jam", ScanFault::DoubleFeed),
        ("cover-open", ScanFault::CoverOpen),
        ("busy", ScanFault::Busy),
        ("io-error", ScanFault::InputOutput),
        ("no-mem", ScanFault::OutOfMemory),
        ("access-denied", ScanFault::AccessDenied),
        ("invalid", ScanFault::SettingsRefused { doing: start() }),
        ("unsupported", ScanFault::Unsupported { doing: start() }),
        ("no-docs", ScanFault::FalseOutOfDocuments),
        ("end-of-file", lied("the end of a file where a page was to begin")),
        ("no-docs-begun", lied("no more documents where it had begun a page")),
        ("end-of-file-begun", lied("status 5 when asked for the size of a page it had begun")),
        ("no-docs-reading", lied("no more documents where it had begun a page")),
        ("truncated", ScanFault::TruncatedFrame { expected: page_bytes, got: page_bytes / 2 }),
        ("overlong", lied("more bytes than the 5063 of the page it announced")),
        ("bad-header", lied("30 bytes a line, where 61 are needed")),
        ("overrun", lied("262145 bytes read where there was room for 262144")),
        ("crash", ScanFault::DriverCrashed { how: "signal 6".into() }),
        ("crash-reading", ScanFault::DriverCrashed { how: "signal 6".into() }),
        ("crash-with-child", ScanFault::DriverCrashed { how: "signal 6".into() }),
    ];
    for (name, fault) in faults {
        let Some(rig) = rig_with(name) else { return };
        let order = order(PaperSource::Feeder);
        let (images, stopped) = rig.all("folder:adf", &order);
        assert_eq!((images.len(), stopped), (1, Some(fault)), "{name}");
        assert_eq!(rig.workers_running(), 0, "{name}");
        let (images, stopped) = rig.all("folder:adf", &order);
        let rest: Vec<_> = images.into_iter().map(pixels).collect();
        assert!((rest, stopped) == (vec![gray_page(2), gray_page(3)], None), "{name}");
    }
}

#[test]
fn a_double_feed_the_scanner_delivers_is_marked_suspect() {
    let Some(rig) = rig_with("double-feed") else { return };
    let (images, fault) = rig.all("folder:adf", &order(PaperSource::Feeder));
    let suspects: Vec<bool> = images.iter().map(|image| image.suspect.is_some()).collect();
    assert_eq!((suspects, fault), (vec![false, true, false], None));
}

#[test]
fn an_empty_feeder_is_named_at_the_first_sheet_and_the_end_after_it() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    let order = order(PaperSource::Feeder);
    assert_eq!(rig.all("folder:adf", &order).1, Some(ScanFault::FeederEmpty));
    rig.lay_in(2);
    rig.write("pages/0002.out-of-documents", "");
    let (images, fault) = rig.all("folder:adf", &order);
    assert_eq!((images.len(), fault), (1, None));
}

#[test]
fn a_front_without_its_back_is_no_end_of_the_stack() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(6);
    rig.write("pages/0004.out-of-documents", "");
    let (images, fault) = rig.all("folder:adf", &order(PaperSource::FeederDuplex));
    assert_eq!((images.len(), fault), (3, Some(ScanFault::HalfASheet)));
}

#[test]
fn a_page_of_unknown_height_is_whole() {
    let Some(rig) = rig_with("unknown-height") else { return };
    let (images, fault) = rig.all("folder:adf", &order(PaperSource::Feeder));
    let pages: Vec<_> = images.into_iter().map(pixels).collect();
    assert!((pages, fault) == ((1..=3).map(gray_page).collect(), None));
}

#[test]
fn a_driver_that_hangs_is_killed_when_its_time_is_up() {
    let short = Duration::from_secs(2);
    let usual = TimeLimits { cancel: short, close: short, ..TimeLimits::default() };
    let cases = [
        ("hang", TimeLimits { sheet: short, ..usual }, Phase::WaitingForASheet),
        ("hang-reading", TimeLimits { stalled: short, ..usual }, Phase::Reading),
    ];
    for (name, limits, hung_while) in cases {
        let Some(rig) = rig_with(name) else { return };
        let rig = rig.limits(limits);
        let (images, fault) = rig.all("folder:adf", &order(PaperSource::Feeder));
        let Some(ScanFault::DriverHung { phase, .. }) = fault else {
            panic!("{name} became {fault:?}");
        };
        assert_eq!((images.len(), phase), (1, hung_while), "{name}");
        assert_eq!(rig.workers_running(), 0, "{name}");
    }
}

#[test]
fn cancelling_reaches_a_driver_in_the_middle_of_a_page() {
    for (name, limit) in [("wait", Duration::from_secs(60)), ("hang-reading", Duration::ZERO)] {
        let Some(rig) = rig_with(name) else { return };
        let rig = rig.limits(TimeLimits { cancel: limit, ..TimeLimits::default() });
        let mut scanner = rig.scanner("folder:adf", &order(PaperSource::Feeder));
        next(&mut scanner).unwrap();
        let canceller = scanner.canceller();
        let cursor = rig.folder.path().join("cursor");
        let fault_name = format!("0002.{name}");
        let (scan, scan_ended) = std::sync::mpsc::channel::<()>();
        let clerk = std::thread::spawn(move || {
            // The backend notes the fault when it begins the page.
            while std::fs::read_to_string(&cursor).unwrap_or_default() != fault_name
                && scan_ended.try_recv() == Err(TryRecvError::Empty)
            {
                std::thread::yield_now();
            }
            canceller.cancel();
        });
        let ended = next(&mut scanner).unwrap_err();
        drop(scan);
        clerk.join().unwrap();
        assert_eq!(ended, ScanFault::Cancelled, "{name}");
        assert_eq!(rig.workers_running(), 0, "{name}");
    }
}

#[test]
fn an_orderly_end_may_take_longer_than_a_cancel() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(2);
    rig.write("folder.conf", "slow-cancel = 200");
    let limits = TimeLimits { cancel: Duration::from_millis(1), ..TimeLimits::default() };
    let (images, fault) = rig.limits(limits).all("folder:adf", &order(PaperSource::Feeder));
    assert_eq!((images.len(), fault), (2, None));
}

#[test]
fn a_session_stays_over_after_its_fault() {
    let Some(rig) = rig_with("jam") else { return };
    let mut scanner = rig.scanner("folder:adf", &order(PaperSource::Feeder));
    next(&mut scanner).unwrap();
    for _ in 0..2 {
        assert_eq!(next(&mut scanner).unwrap_err(), ScanFault::Jam);
    }
}

#[test]
fn closing_a_scanner_ends_its_worker() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(2);
    let mut scanner = rig.scanner("folder:adf", &order(PaperSource::Feeder));
    next(&mut scanner).unwrap();
    assert_eq!(rig.workers_running(), 1);
    scanner.close();
    assert_eq!(rig.workers_running(), 0);
}

/// A request as the station writes it.
fn request(json: &str) -> Vec<u8> {
    let length = u32::try_from(json.len()).unwrap();
    [&b"J"[..], &length.to_le_bytes(), json.as_bytes()].concat()
}

#[test]
fn a_worker_ends_with_its_station_even_when_its_driver_hangs() {
    use std::io::{Read, Write};
    use std::os::unix::process::ExitStatusExt;
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(1);
    rig.write("pages/0001.hang", "");
    for (hangs, requests) in [
        (false, &[r#""List""#][..]),
        (true, &[r#"{"Open":{"name":"folder:adf"}}"#, r#""ReadFrame""#][..]),
    ] {
        let home = rig.folder.path();
        let mut worker = Command::new(env!("CARGO_BIN_EXE_outguide"))
            .arg("scan-worker")
            .env("SANE_CONFIG_DIR", home)
            .env("LD_LIBRARY_PATH", home)
            .env("OUTGUIDE_SANE_FOLDER", home.join("pages"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut station = worker.stdin.take().unwrap();
        for json in requests {
            station.write_all(&request(json)).unwrap();
        }
        drop(station);
        let mut said = Vec::new();
        worker.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        let ended = worker.wait().unwrap();
        let expected = if hangs { Some(Signal::KILL.as_raw()) } else { None };
        assert_eq!(ended.signal(), expected);
    }
}

#[test]
fn without_any_driver_there_is_no_scanner_and_it_is_said() {
    let rig = Rig::configured("");
    assert_eq!(list(&rig.worker), Ok(vec![]));
    let opened = rig.open("", &order(PaperSource::Feeder)).map(|_| ());
    assert_eq!(opened, Err(ScanFault::NoScanner));
}

#[test]
fn without_libsane_the_administrator_is_told_what_to_install() {
    let rig = Rig::configured("test");
    rig.write("libsane.so.1", "no library");
    let worker = rig.worker.clone().env("LD_LIBRARY_PATH", rig.folder.path());
    let Err(fault @ ScanFault::LibraryMissing { .. }) = list(&worker) else {
        panic!("libsane cannot be loaded here");
    };
    assert!(fault.to_string().contains("libsane1"), "{fault}");
}

#[test]
fn a_program_that_is_no_scan_worker_is_named_for_what_it_is() {
    use outguide::device::scanner::WorkerCommand;
    let absent = list(&WorkerCommand::new("/nonexistent/outguide"));
    assert!(matches!(absent, Err(ScanFault::WorkerNotStarted { .. })), "{absent:?}");
    // Answers each call with its own arguments.
    let talkative = list(&WorkerCommand::new("/bin/echo"));
    assert!(matches!(talkative, Err(ScanFault::DriverLied { .. })), "{talkative:?}");
}
