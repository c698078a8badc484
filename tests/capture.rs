//! A day's work, through the real program and the real libsane: what goes into
//! the feeder, what stands in the repository, and what every stop leaves.

mod station;

use std::collections::BTreeMap;

use serde::Deserialize;
use station::{Station, stack};

/// `fixtures/demo-stack/expected/result.toml`.
#[derive(Deserialize)]
struct Expected {
    profile: String,
    images: usize,
    document: Vec<ExpectedDocument>,
    set_aside: BTreeMap<String, Vec<u64>>,
    question: Vec<ExpectedQuestion>,
}

#[derive(Deserialize)]
struct ExpectedDocument {
    r#type: String,
    images: Vec<u64>,
    fields: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ExpectedQuestion {
    image: u64,
    holds: Vec<u64>,
}

fn expected() -> Expected {
    let path = "fixtures/demo-stack/expected/result.toml";
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_stack_of_charts_becomes_documents_and_one_question() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack"));
    let expected = expected();
    let ran = station.capture(&["--profile", &expected.profile, "--scanner", "folder:adf"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    check_outcome(&station, &ran.json(), &expected);
    for pdf in station.filed("pdf") {
        station::keep_for_conformance(&pdf);
    }
    let verified = station.run(&["verify", &station.path("repository").display().to_string()]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

fn check_outcome(station: &Station, outcome: &serde_json::Value, expected: &Expected) {
    assert_eq!(outcome["pages"], expected.images);
    let documents = outcome["documents"].as_array().unwrap();
    assert_eq!(documents.len(), expected.document.len(), "{outcome:#}");
    for (got, want) in documents.iter().zip(&expected.document) {
        assert_eq!(got["pages"], serde_json::json!(want.images));
        assert_eq!(got["fields"]["document_type"], want.r#type);
        for (name, value) in &want.fields {
            assert_eq!(got["fields"][name], *value, "{name}");
        }
        assert!(std::path::Path::new(got["pdf"].as_str().unwrap()).exists());
        assert!(std::path::Path::new(got["index_file"].as_str().unwrap()).exists());
    }
    let mut set_aside: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for page in outcome["set_aside"].as_array().unwrap() {
        let reason = page["reason"].as_str().unwrap().to_owned();
        set_aside.entry(reason).or_default().push(page["page"].as_u64().unwrap());
    }
    assert_eq!(set_aside, expected.set_aside);
    let questions = outcome["questions"].as_array().unwrap();
    assert_eq!(questions.len(), expected.question.len(), "{outcome:#}");
    for (got, want) in questions.iter().zip(&expected.question) {
        assert_eq!(got["page"], want.image);
        assert_eq!(got["holds"], serde_json::json!(want.holds));
    }
    assert_eq!(station.filed("pdf").len(), expected.document.len());
    assert_eq!(station.filed("json").len(), expected.document.len());
}

#[test]
fn after_a_jam_the_batch_goes_on_behind_the_last_page_kept() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack"));
    station.fault_at(9, "jam");
    let expected = expected();
    let profile = ["--profile", &expected.profile, "--scanner", "folder:adf"];

    let jammed = station.capture(&profile);
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    assert!(jammed.stderr.contains("jam"), "{}", jammed.stderr);
    let batch = jammed.batch();
    assert!(jammed.stderr.contains(&format!("--resume {batch}")), "{}", jammed.stderr);
    assert!(station.filed("pdf").is_empty());

    let refused = station.capture(&profile);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains(&batch));

    let resumed = station.capture(&["--resume", &batch, "--scanner", "folder:adf"]);
    assert_eq!(resumed.code, 3, "{}", resumed.stderr);
    check_outcome(&station, &resumed.json(), &expected);
    let next = station.capture(&profile);
    assert_eq!(next.code, 9, "an empty feeder makes no batch: {}", next.stderr);
}

#[test]
fn a_driver_that_crashes_costs_the_station_nothing() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack"));
    station.fault_at(7, "crash-reading");
    let crashed = station.capture(&["--profile", "inpatient-chart", "--scanner", "folder:adf"]);
    assert_eq!(crashed.code, 5, "{}", crashed.stderr);
    assert_eq!(crashed.stderr.matches("crashed (").count(), 1, "{}", crashed.stderr);
    let spooled = std::fs::read_dir(station.path("state/spool").join(crashed.batch())).unwrap();
    let originals =
        spooled.filter(|entry| entry.as_ref().unwrap().path().extension().is_some()).count();
    assert_eq!(originals, 6, "the pages before the crash are kept");
}

#[test]
fn a_flatbed_takes_as_many_pages_as_it_is_told() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack")[6..9]);
    let ran = station.capture(&[
        "--profile",
        "plain-pages",
        "--profiles",
        &station.flatbed_profiles(),
        "--scanner",
        "folder:flatbed",
        "--pages",
        "3",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["documents"][0]["pages"], serde_json::json!([1, 2, 3]));
}

#[test]
fn files_are_taken_as_they_came_and_a_batch_of_them_resumes() {
    let station = Station::new();
    let pages = ["fixtures/pages/progress-note.png", "fixtures/fax/three-pages-g4.tif"];
    let ran = station.capture(&["--profile", "plain-pages", "--from", pages[0], pages[1]]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let outcome = ran.json();
    assert_eq!(outcome["pages"], 4);
    let spool = station.path("state/spool").join(outcome["batch"].as_str().unwrap());
    assert_eq!(
        std::fs::read(spool.join("0001.png")).unwrap(),
        std::fs::read(pages[0]).unwrap(),
        "a file of one page is the original"
    );
    assert!(spool.join("0004.tif").exists(), "{outcome:#}");
}

#[test]
fn a_file_that_is_no_image_is_kept_and_becomes_a_question() {
    let station = Station::new();
    let damaged = station.path("damaged.png");
    std::fs::write(&damaged, &std::fs::read("fixtures/pages/progress-note.png").unwrap()[..900])
        .unwrap();
    let damaged = damaged.display().to_string();
    let good = "fixtures/pages/progress-note.png";
    let ran = station.capture(&["--profile", "plain-pages", "--from", good, &damaged]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let outcome = ran.json();
    assert_eq!(outcome["pages"], 2);
    assert_eq!(outcome["questions"][0]["page"], 2);
    assert_eq!(outcome["questions"][0]["holds"], serde_json::json!([1, 2]));
    let reason = outcome["questions"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("the PNG file ends before its picture does"), "{reason}");
}

#[test]
fn a_batch_that_does_not_hold_what_the_clerk_counted_is_not_filed() {
    let station = Station::new();
    let page = "fixtures/pages/progress-note.png";
    let ran =
        station.capture(&["--profile", "plain-pages", "--expect-sheets", "2", "--from", page]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(station.filed("pdf").is_empty());
    assert!(ran.json()["questions"][0]["reason"].as_str().unwrap().contains("2 sheets expected"));
}

#[test]
fn what_cannot_work_is_said_before_a_sheet_moves() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack")[..2]);
    let missing = station.run(&[
        "capture",
        "--profile",
        "inpatient-chart",
        "--state",
        &station.path("state").display().to_string(),
        "--repository",
        "/nowhere/at/all",
    ]);
    assert_eq!(missing.code, 7, "{}", missing.stderr);
    let unknown = station.capture(&["--profile", "no-such-paper"]);
    assert_eq!(unknown.code, 6, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("inpatient-chart"), "it names those there are");
    let nobody = station.capture(&["--profile", "inpatient-chart", "--scanner", "nobody's"]);
    assert_eq!(nobody.code, 5, "{}", nobody.stderr);
    assert!(nobody.stderr.contains("folder:adf"), "it names those there are: {}", nobody.stderr);
    assert!(!station.path("cursor").exists(), "no sheet moved");
}

const NOTE: &str = "fixtures/pages/progress-note.png";

#[test]
fn a_file_of_no_bytes_is_kept_and_becomes_a_question() {
    let station = Station::new();
    let empty = station.path("empty.png");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.display().to_string();
    let ran = station.capture(&["--profile", "plain-pages", "--from", NOTE, &empty]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!((&ran.json()["pages"], &ran.json()["questions"][0]["page"]), (&2.into(), &2.into()));
    let next = station.capture(&["--profile", "plain-pages", "--from", NOTE]);
    assert_eq!(next.code, 0, "no batch is in the way: {}", next.stderr);
}

#[test]
fn a_batch_resumed_from_another_folder_is_filed_where_it_was_opened_for() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack")[6..9]);
    station.fault_at(2, "jam");
    let relative = ["--repository", "repository", "--state", "state"];
    let scanner = ["--profile", "plain-pages", "--scanner", "folder:adf"];
    let jammed = station.run_in_its_folder(&[&["capture"], &scanner[..], &relative[..]].concat());
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let state = station.path("state").display().to_string();
    let (batch, elsewhere) = (jammed.batch(), station.path("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    let output = station
        .command(&["capture", "--json", "--resume", &batch, "--scanner", "folder:adf"])
        .args(["--state", &state])
        .current_dir(&elsewhere)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(station.filed("pdf").len(), 1, "{said}");
}

#[test]
fn a_station_that_lives_in_the_watched_folder_is_refused() {
    for (repository, state) in [("both", "both"), ("both", "both/state"), ("both/charts", "both")] {
        let station = Station::new();
        std::fs::create_dir_all(station.path("both/charts")).unwrap();
        let [repository, state] =
            [repository, state].map(|n| station.path(n).display().to_string());
        let args = ["capture", "--profile", "plain-pages", "--from", NOTE];
        let ran =
            station.run(&[&args[..], &["--repository", &repository, "--state", &state]].concat());
        assert_eq!(ran.code, 7, "{}", ran.stderr);
        assert!(ran.stderr.contains("keep them apart"), "{}", ran.stderr);
    }
}

#[test]
fn a_commit_that_fails_as_the_batch_is_closed_says_how_to_go_on() {
    let station = Station::new();
    let page = ["--profile", "plain-pages", "--from", NOTE];
    assert_eq!(station.capture(&page).code, 0);
    station.database(
        "CREATE TRIGGER broken BEFORE UPDATE OF state ON batch WHEN NEW.state = 'processing' \
         BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END",
    );
    let broken = station.capture(&page);
    assert_eq!(broken.code, 7, "{}", broken.stderr);
    let batch = broken.batch();
    assert!(broken.stderr.contains(&format!("--resume {batch}")), "{}", broken.stderr);
    station.database("DROP TRIGGER broken");
    let resumed = station.capture(&["--resume", &batch, "--no-more-paper"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
}

#[test]
fn verify_compares_index_files_with_what_the_station_says_it_filed() {
    let station = Station::new();
    assert_eq!(station.capture(&["--profile", "plain-pages", "--from", NOTE]).code, 0);
    let (repository, state) = (station.path("repository"), station.path("state"));
    let repository = repository.display().to_string();
    let state = state.display().to_string();
    let with_records = ["verify", &repository, "--state", &state];
    let verified = station.run(&with_records);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);

    let index_file = &station.filed("json")[0];
    let whole = std::fs::read_to_string(index_file).unwrap();
    std::fs::write(index_file, whole.replace("\"fields\"", "\"felds\"")).unwrap();
    let alone = station.run(&["verify", &repository]);
    assert_eq!(alone.code, 0);
    assert!(alone.stdout.contains("index files themselves were not checked"), "{}", alone.stdout);
    let changed = station.run(&with_records);
    assert_eq!(changed.code, 10, "{}{}", changed.stdout, changed.stderr);
    assert!(changed.stdout.contains("no longer the index file"), "{}", changed.stdout);
    // Nobody listens, as behind `head`: the exit code still tells.
    let (listener, pipe) = std::io::pipe().unwrap();
    drop(listener);
    let unheard = station.command(&with_records).stdout(pipe).output().unwrap();
    let said = String::from_utf8_lossy(&unheard.stderr);
    assert_eq!(unheard.status.code(), Some(10), "{said}");

    std::fs::remove_file(index_file).unwrap();
    std::fs::remove_file(&station.filed("pdf")[0]).unwrap();
    let taken = station.run(&[&with_records[..], &["--json"]].concat());
    assert_eq!(taken.code, 0, "{}{}", taken.stdout, taken.stderr);
    assert_eq!(taken.json()["records"]["taken_away"].as_array().unwrap().len(), 1);
    let missed = station.run(&[&with_records[..], &["--all-must-be-there"]].concat());
    assert_eq!(missed.code, 10, "{}{}", missed.stdout, missed.stderr);
}

#[test]
fn verify_names_a_document_that_was_moved_and_a_folder_that_is_not_the_one_filed_into() {
    let station = Station::new();
    assert_eq!(station.capture(&["--profile", "plain-pages", "--from", NOTE]).code, 0);
    let state = station.path("state").display().to_string();
    let verify = |folder: &str| {
        let folder = station.path(folder).display().to_string();
        station.run(&["verify", &folder, "--state", &state, "--all-must-be-there"])
    };
    std::fs::create_dir(station.path("empty")).unwrap();
    let empty = verify("empty");
    assert_eq!(empty.code, 10, "{}{}", empty.stdout, empty.stderr);
    let filed_into = station.path("repository").canonicalize().unwrap().display().to_string();
    assert!(empty.stdout.contains(&filed_into), "{}", empty.stdout);

    let filed = [station.filed("pdf"), station.filed("json")].concat();
    std::fs::rename(station.path("repository"), station.path("mounted-anew")).unwrap();
    std::fs::create_dir(station.path("repository")).unwrap();
    let anew = verify("mounted-anew");
    assert_eq!(anew.code, 0, "{}{}", anew.stdout, anew.stderr);
    assert!(anew.stdout.contains(&filed_into), "{}", anew.stdout);

    let other = station.path("mounted-anew/other-patient");
    std::fs::create_dir(&other).unwrap();
    for file in filed {
        let below = file.strip_prefix(station.path("repository")).unwrap();
        let now = station.path("mounted-anew").join(below);
        std::fs::rename(now, other.join(file.file_name().unwrap())).unwrap();
    }
    let moved = verify("mounted-anew");
    assert_eq!(moved.code, 10, "{}{}", moved.stdout, moved.stderr);
    assert!(moved.stdout.contains("MOVED"), "{}", moved.stdout);
}

#[test]
fn verify_says_in_json_what_has_a_name_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let station = Station::new();
    let name = std::ffi::OsStr::from_bytes(b"sc\xff.pdf");
    std::fs::write(station.path("repository").join(name), "theirs").unwrap();
    let ran = station.run(&["verify", "--json", &station.path("repository").display().to_string()]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(ran.json()["problems"][0]["problem"], "without-index");
}

#[test]
fn a_staging_folder_named_for_the_machine_is_the_one_used() {
    let station = Station::new();
    std::fs::create_dir(station.path("share")).unwrap();
    let staging = station.path("share/staging");
    let settings = station.path("station.toml");
    let text = format!("[repository]\nstaging = \"{}\"\n", staging.display());
    std::fs::write(&settings, text).unwrap();
    let settings = settings.display().to_string();
    let page = ["--profile", "plain-pages", "--station", &settings, "--from", NOTE];
    let ran = station.capture(&page);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(staging.is_dir() && !station.path(".outguide").exists());
    let left = "station-0123~20260131-090000-1a2b-0001~0.part";
    std::fs::write(staging.join(left), "half").unwrap();
    let repository = station.path("repository").display().to_string();
    let verified = station.run(&["verify", &repository, "--station", &settings]);
    assert_eq!(verified.code, 10, "{}", verified.stderr);
    assert!(verified.stdout.contains("--resume 20260131-090000-1a2b"), "{}", verified.stdout);
}
