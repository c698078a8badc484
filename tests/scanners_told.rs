//! What `outguide scanners` and `outguide check` say when something is wrong.

mod station;

use std::fs::File;

use station::{Ran, Station};

fn with_driver(configuration: &str) -> Station {
    let station = Station::new();
    std::fs::write(station.path("sane/folder.conf"), configuration).unwrap();
    station
}

#[test]
fn a_failure_is_json_where_json_is_asked_for() {
    let station = with_driver("crash = listing");
    for args in
        [&["scanners", "--json"][..], &["scanners", "--json", "--options", "--scanner", "nowhere"]]
    {
        let failed = station.run(args);
        assert_eq!(failed.code, 5, "{}", failed.stderr);
        let told = failed.json();
        assert_eq!(told["exit"], 5);
        assert!(told["error"].as_str().unwrap().contains("dll.conf"), "{told}");
    }
}

#[test]
fn no_scanner_is_a_failure_like_any_other() {
    let station = Station::new();
    std::fs::write(station.path("sane/dll.conf"), "").unwrap();
    let told = station.run(&["scanners", "--json"]);
    assert_eq!((told.code, &told.json()["exit"]), (5, &5.into()), "{}", told.stderr);
    let plain = station.run(&["scanners"]);
    assert_eq!((plain.code, plain.stdout.as_str()), (5, ""));
    assert!(plain.stderr.contains("outguide: no scanner was found"), "{}", plain.stderr);
}

#[test]
fn a_list_that_cannot_be_written_is_no_success() {
    let station = with_driver("");
    let options = ["scanners", "--options", "--scanner", "folder:adf"];
    for args in [&["scanners"][..], &["scanners", "--json"], &options] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(station.command(args).stdout(full).output().unwrap());
        assert_eq!(ran.code, 1, "{args:?}");
        assert!(ran.stderr.contains("cannot be written"), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_batch_whose_report_cannot_be_written_says_so() {
    let station = Station::new();
    station.lay_in_small(1);
    let profile = station.quick_profile("feeder");
    let mut args: Vec<&str> = profile.iter().map(String::as_str).collect();
    args.extend(["--scanner", "folder:adf"]);
    let args = station.capture_arguments(&args);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(station.command(&args).stdout(full).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
}

#[test]
fn where_there_is_no_batch_nobody_is_sent_behind_its_last_page() {
    let station = with_driver("option-count = -5");
    let failed = station.run(&["scanners", "--options", "--scanner", "folder:adf"]);
    assert_eq!(failed.code, 5);
    assert!(failed.stderr.contains("-5 options"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("page"), "{}", failed.stderr);
}
