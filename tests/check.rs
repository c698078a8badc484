//! `outguide check` tells what a batch would run into, and changes nothing.

mod station;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use station::{Ran, Station};

/// What each finding says, and whether it is good; profiles left out.
fn findings(ran: &Ran) -> BTreeMap<String, (bool, String)> {
    let listed = ran.json();
    let finding = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        (text("what"), (finding["good"].as_bool().unwrap(), text("told")))
    };
    listed.as_array().unwrap().iter().map(finding).collect()
}

fn check(station: &Station, settings: &str) -> (i32, BTreeMap<String, (bool, String)>) {
    fs::write(station.path("station.toml"), settings).unwrap();
    let [file, state, repository] =
        ["station.toml", "state", "repository"].map(|name| station.path(name));
    let ran = station.run(&[
        "check",
        "--json",
        "--station",
        file.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
        "--repository",
        repository.to_str().unwrap(),
    ]);
    (ran.code, findings(&ran))
}

#[test]
fn a_station_that_is_ready_is_told_what_it_has() {
    let station = Station::new();
    let (code, found) =
        check(&station, "[station]\nid = \"records-1\"\nname = \"By the window\"\n");
    assert_eq!(code, 0, "{found:?}");
    assert_eq!(found["station"].1, "By the window (records-1)");
    assert!(found["scanner"].1.contains("folder:adf"), "{found:?}");
    assert_eq!(found["batches"], (true, "none is unfinished".to_owned()));
}

#[test]
fn the_scanner_of_station_toml_must_be_there() {
    let station = Station::new();
    let (code, found) = check(&station, "[scanner]\ndevice = \"fujitsu\"\n");
    assert_eq!((code, found["scanner"].0), (10, false), "{found:?}");
    assert!(found["scanner"].1.contains("fujitsu"), "{found:?}");
    let (code, found) = check(&station, "[scanner]\ndevice = \"folder:adf\"\n");
    assert_eq!((code, found["scanner"].0), (0, true), "{found:?}");
}

#[test]
fn a_database_that_cannot_be_read_is_told_before_a_batch_meets_it() {
    let station = Station::new();
    fs::create_dir(station.path("state")).unwrap();
    fs::write(station.path("state/outguide.db"), "no database at all\n".repeat(300)).unwrap();
    let (code, found) = check(&station, "");
    assert_eq!((code, found["batches"].0), (10, false), "{found:?}");
}

#[test]
fn an_unfinished_batch_is_named() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let mut args: Vec<&str> = profile.iter().map(String::as_str).collect();
    args.extend(["--scanner", "folder:adf"]);
    let stopped = station.capture(&args);
    assert_eq!(stopped.code, 5);
    let (_, found) = check(&station, "");
    assert_eq!(found["batches"], (true, format!("unfinished: {}", stopped.batch())));
}

#[test]
fn looking_makes_nothing() {
    let station = Station::new();
    let before = names_below(&station);
    let (code, found) = check(&station, "");
    assert_eq!(code, 0, "{found:?}");
    let mut after = names_below(&station);
    after.retain(|name| name != "station.toml");
    assert_eq!(after, before);
}

fn names_below(station: &Station) -> Vec<String> {
    let entries = fs::read_dir(station.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_hot_folder_must_be_there_with_a_profile_and_somewhere_to_file() {
    let station = Station::new();
    let hot = station.path("hot");
    let section = |profile: &str, more: &str| {
        format!("{more}\n[[hot_folder]]\ndir = {hot:?}\nprofile = {profile:?}\ncloses = \"file\"\n")
    };
    let repository = format!("[repository]\ndir = {:?}", station.path("repository"));
    let told = |settings: &str| check(&station, settings).1["hot folders"].clone();
    assert_eq!(told(""), (true, "none".to_owned()));
    let wrong = [
        (section("plain-pages", &repository), "mount it"),
        (section("plain-pages", ""), "where should its documents be filed"),
        (section("none-such", &repository), "none-such"),
    ];
    for (settings, expected) in wrong {
        let (good, told) = told(&settings);
        assert!(!good && told.contains(expected), "{told}");
    }
    fs::create_dir(&hot).unwrap();
    let ready = (true, format!("{} (plain-pages)", hot.display()));
    assert_eq!(told(&section("plain-pages", &repository)), ready);
}

#[test]
fn a_file_is_no_state_folder() {
    let station = Station::new();
    fs::write(station.path("state"), "").unwrap();
    let (code, found) = check(&station, "");
    assert_eq!((code, found["state folder"].0), (10, false), "{found:?}");
    assert!(found["state folder"].1.contains("is a file"), "{found:?}");
}
