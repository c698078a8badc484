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
