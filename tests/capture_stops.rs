//! What stops a batch, and how it goes on: sides and options remembered, files
//! told apart, signals, questions at the glass, and what is said of it.

mod station;

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use station::{Ran, Station, small_page, with};

#[test]
fn half_a_sheet_is_known_by_the_sides_scanned_and_the_options_are_remembered() {
    let station = Station::new();
    station.lay_in_small(6);
    station.fault_at(4, "jam");
    let profile = station.quick_profile("feeder");
    let duplex = ["--scanner", "folder:adf", "--set", "source=ADF Duplex"];
    let jammed = station.capture(&with(&profile, &duplex));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    assert!(jammed.stderr.contains("3 (the front of sheet 2)"), "{}", jammed.stderr);
    let stopped = jammed.json();
    assert_eq!((&stopped["exit"], &stopped["last_page"]), (&json!(5), &json!(3)));
    // The clerk puts the sheet back.
    std::fs::remove_file(station.path("feeder/0004.jam")).unwrap();
    station.stack_taken_to("0002.pgm");

    // Neither scanner nor option is said again.
    let batch = jammed.batch();
    let resumed = station.capture(&["--resume", &batch]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let outcome = resumed.json();
    assert_eq!(outcome["pages"], 7);
    assert_eq!(outcome["set_aside"], json!([{"page": 3, "reason": "scanned-again"}]));
    assert_eq!(outcome["documents"][0]["pages"], json!([1, 2, 4, 5, 6, 7]));
}

#[test]
fn the_resuming_command_line_goes_before_what_is_remembered() {
    let station = Station::new();
    station.lay_in_small(4);
    station.fault_at(3, "jam");
    let profile = station.quick_profile("feeder");
    let duplex = ["--set", "source=ADF Duplex", "--scanner", "folder:adf"];
    let jammed =
        station.capture(&with(&profile, &[&duplex[..], &["--expect-sheets", "9"]].concat()));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let anew = ["--set", "source=ADF", "--expect-sheets", "3"];
    let resumed = station.capture(&[&["--resume", &jammed.batch()][..], &anew].concat());
    // Sheet 1 on both sides, then two fronts.
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 4);
}

#[test]
fn a_sheet_begun_is_finished_before_the_pages_are_enough() {
    let station = Station::new();
    station.lay_in_small(6);
    let profile = station.quick_profile("feeder-duplex");
    let ran = station.capture(&with(&profile, &["--scanner", "folder:adf", "--pages", "3"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["pages"], 4);
}

/// A folder of small pages by these names; equal numbers are equal files.
fn files(station: &Station, pages: &[(&str, usize)], faults: &str) -> String {
    let folder = station.path("given files");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, no) in pages {
        std::fs::write(folder.join(name), small_page(*no)).unwrap();
    }
    std::fs::write(folder.join("faults.toml"), faults).unwrap();
    folder.display().to_string()
}

const JAM_AT_3: &str = "[[fault]]\nimage = 3\nkind = \"jam\"";

#[test]
fn a_batch_of_files_is_not_closed_by_a_resume_that_names_none() {
    let station = Station::new();
    let folder = files(&station, &[("1.pgm", 1), ("2.pgm", 2), ("3.pgm", 3)], JAM_AT_3);
    let profile = station.quick_profile("feeder");
    let stopped = station.capture(&with(&profile, &["--from", &folder]));
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    let state = station.path("state").display().to_string();
    let hint =
        format!("outguide capture --resume {} --state {state} --from '{folder}'", stopped.batch());
    assert!(stopped.stderr.contains(&hint), "{hint}\n{}", stopped.stderr);

    let without = station.capture(&["--resume", &stopped.batch()]);
    assert_eq!(without.code, 4, "{}", without.stderr);
    assert!(without.stderr.contains("give --from again"), "{}", without.stderr);
    let resumed = station.capture(&["--resume", &stopped.batch(), "--from", &folder]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 3);
}

#[test]
fn a_batch_of_files_goes_on_only_with_the_same_files_in_the_same_places() {
    // 1 and 2 are equal: only looking at all of them shows that one was added.
    let begun = [("1.pgm", 1), ("2.pgm", 1), ("3.pgm", 3)];
    let changes: [(&[(&str, usize)], &str); 3] = [
        (&[("0.pgm", 7)], "0.pgm is new"),
        (&[("1.pgm", 9)], "that page 1 came from"),
        (&[("1a.pgm", 1), ("1.pgm", 5)], "1a.pgm is new"),
    ];
    for (change, told) in changes {
        let station = Station::new();
        let folder = files(&station, &begun, JAM_AT_3);
        let profile = station.quick_profile("feeder");
        let stopped = station.capture(&with(&profile, &["--from", &folder]));
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        files(&station, change, JAM_AT_3);
        let resumed = station.capture(&["--resume", &stopped.batch(), "--from", &folder]);
        assert_eq!(resumed.code, 4, "{change:?}: {}", resumed.stderr);
        assert!(resumed.stderr.contains(told), "{}", resumed.stderr);
    }
}

#[test]
fn pages_are_counted_over_files_of_several_and_over_a_resume() {
    let station = Station::new();
    let profile = station.quick_profile("feeder");
    let three = "fixtures/fax/three-pages-g4.tif";
    let ran = station.capture(&with(&profile, &["--pages", "2", "--from", three]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["pages"], 2);

    let numbered = [("1.pgm", 1), ("2.pgm", 2), ("3.pgm", 3), ("4.pgm", 4), ("5.pgm", 5)];
    let folder = files(&station, &numbered, JAM_AT_3);
    let four = ["--pages", "4", "--from", folder.as_str()];
    let stopped = station.capture(&with(&profile, &four));
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    let resumed = station.capture(&[&["--resume", &stopped.batch()][..], &four].concat());
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 4);
}

#[test]
fn a_page_file_that_cannot_be_read_is_named() {
    let station = Station::new();
    let folder = files(&station, &[("1.pgm", 1)], "");
    std::os::unix::fs::symlink("nowhere", Path::new(&folder).join("2.pgm")).unwrap();
    let profile = station.quick_profile("feeder");
    let stopped = station.capture(&with(&profile, &["--from", &folder]));
    assert_eq!(stopped.code, 8, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("/2.pgm (it cannot be opened"), "{}", stopped.stderr);
}

#[test]
fn a_glass_the_profile_does_not_know_of_is_scanned_a_page_at_a_time() {
    let hidden = "hidden = source, page-loaded\nunlisted = adf";
    let cases: [(&str, &[&str]); 2] = [("", &["--set", "source=Flatbed"]), (hidden, &[])];
    for (configuration, options) in cases {
        let station = Station::new();
        station.lay_in_small(3);
        std::fs::write(station.path("sane/folder.conf"), configuration).unwrap();
        let profile = station.quick_profile("feeder");
        let args = with(&profile, &[&["--scanner", "folder:adf"][..], options].concat());
        let ran = station.capture_typing("\n", &args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.json()["pages"], 2, "the second was asked for, the third was not");
        assert_eq!(ran.stderr.contains("--pages"), options.is_empty(), "{}", ran.stderr);
    }
}

#[test]
fn a_resumed_batch_at_the_glass_asks_before_its_first_page() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "busy");
    let profile = station.quick_profile("flatbed");
    let args = with(&profile, &["--scanner", "folder:flatbed"]);
    let stopped = station.capture_typing("\n", &args);
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    let resumed = station.capture_typing("c\n", &["--resume", &stopped.batch()]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 1);
}

#[test]
fn a_signal_stops_the_scanner_in_order_and_the_batch_goes_on() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let station = Station::new();
        station.lay_in_small(3);
        station.fault_at(2, "wait");
        let profile = station.quick_profile("feeder");
        let args = with(&profile, &["--scanner", "folder:adf"]);
        let stopped = station.signalled(&args, "0002.wait", &[signal]);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        let report = stopped.json();
        assert_eq!((&report["last_page"], &report["exit"]), (&json!(1), &json!(5)));
        let resumed = station.capture(&["--resume", report["batch"].as_str().unwrap()]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        assert_eq!(resumed.json()["pages"], 3);
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let station = Station::new();
    station.lay_in_small(2);
    // Ignores being cancelled.
    station.fault_at(2, "hang-reading");
    let profile = station.quick_profile("feeder");
    let args = with(&profile, &["--scanner", "folder:adf"]);
    let both = [Signal::INT, Signal::TERM];
    let ended = station.signalled(&args, "0002.hang-reading", &both);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
    assert_eq!(ended.json()["last_page"], 1);
}

#[test]
fn a_signal_is_heard_while_nobody_answers_at_the_glass() {
    let station = Station::new();
    station.lay_in_small(2);
    let profile = station.quick_profile("flatbed");
    let args = station.capture_arguments(&with(&profile, &["--scanner", "folder:flatbed"]));
    let mut command = station.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let silent_clerk = running.stdin.take().unwrap();
    station.taken_to("0001.pgm", &mut running);
    let pid = Pid::from_raw(running.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let stopped = Ran::of(running.wait_with_output().unwrap());
    drop(silent_clerk);
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
}

#[test]
fn a_process_that_a_driver_leaves_behind_does_not_hold_up_the_station() {
    let station = Station::new();
    station.lay_in_small(2);
    station.fault_at(1, "daemon");
    let profile = station.quick_profile("feeder");
    let ran = station.capture(&with(&profile, &["--scanner", "folder:adf"]));
    assert_eq!((ran.code, &ran.json()["pages"]), (0, &json!(2)), "{}", ran.stderr);
    assert!(!ran.stderr.contains("killed"), "{}", ran.stderr);
}

#[test]
fn a_batch_stopped_before_its_first_page_stands_in_nobodys_way() {
    let station = Station::new();
    station.lay_in_small(2);
    station.fault_at(1, "wait");
    let profile = station.quick_profile("feeder");
    let args = with(&profile, &["--scanner", "folder:adf"]);
    let killed = station.signalled(&args, "0001.wait", &[Signal::KILL]);
    let empty = killed.batch();
    let closed = station.capture(&["--resume", &empty, "--no-more-paper"]);
    assert_eq!(closed.code, 9, "{}", closed.stderr);
    assert_eq!(closed.json()["batch"], json!(null));

    station.stack_taken_to("");
    let killed = station.signalled(&args, "0001.wait", &[Signal::KILL]);
    let next = station.capture(&args);
    assert_eq!(next.code, 0, "{}", next.stderr);
    assert_ne!(next.batch(), killed.batch());
}

#[test]
fn nothing_kept_is_not_told_as_something_to_go_on_after() {
    let station = Station::new();
    station.lay_in_small(1);
    station.fault_at(1, "jam");
    let profile = station.quick_profile("feeder");
    let stopped = station.capture(&with(&profile, &["--scanner", "folder:adf"]));
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    assert!(!stopped.stderr.contains("go on after"), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains('\u{1b}'), "no colours in a file: {}", stopped.stderr);
    let report = stopped.json();
    assert_eq!((&report["batch"], &report["last_page"]), (&json!(null), &json!(null)));
    assert!(report["error"].as_str().unwrap().contains("jammed"), "{report}");
}

#[test]
fn a_wrong_option_is_a_wrong_setting_and_no_scanner_fault() {
    let station = Station::new();
    station.lay_in_small(1);
    let profile = station.quick_profile("feeder");
    for set in ["brightnes=1", "mode=sepia", "serial-number=7"] {
        let args = with(&profile, &["--scanner", "folder:adf", "--set", set]);
        let refused = station.capture(&args);
        assert_eq!(refused.code, 6, "{set}: {}", refused.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_costs_no_batch() {
    let station = Station::new();
    station.lay_in_small(2);
    let profile = station.quick_profile("feeder");
    let args = station.capture_arguments(&with(&profile, &["--scanner", "folder:adf"]));
    for plain in [true, false] {
        station.stack_taken_to("");
        let words = args.iter().map(String::as_str).filter(|word| !plain || *word != "--json");
        let mut command = station.command(&words.collect::<Vec<_>>());
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((running.stdout.take(), running.stderr.take()));
        assert_eq!(running.wait().unwrap().code(), Some(0), "plain: {plain}");
    }
    assert_eq!(station.filed("pdf").len(), 2);
}

#[test]
fn the_options_of_a_scanner_are_told() {
    let station = Station::new();
    let ran = station.run(&["scanners", "--options", "--scanner", "folder:adf", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told = ran.json();
    assert_eq!(told["scanner"], "folder:adf");
    let named = |name: &str| {
        let options = told["options"].as_array().unwrap();
        options.iter().find(|option| option["name"] == name).unwrap().clone()
    };
    assert_eq!(
        named("resolution"),
        json!({
            "name": "resolution", "title": "resolution", "type": "whole number",
            "allowed": "75, 100, 150, 200, 300, 600", "unit": "dpi", "value": "300",
            "active": true, "settable": true,
        })
    );
    assert_eq!(named("page-loaded")["settable"], false);
    let lines = station.run(&["scanners", "--options", "--scanner", "folder:adf"]);
    assert!(lines.stdout.contains("source = ADF"), "{}", lines.stdout);
    let several = station.run(&["scanners", "--options"]);
    assert_eq!(several.code, 5);
    assert!(several.stderr.contains("there is more than one scanner"), "{}", several.stderr);
}
