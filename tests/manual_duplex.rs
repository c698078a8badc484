//! A stack that goes through a one-sided feeder twice, fronts and then backs in
//! reversed order: through the running station and libsane, with our own driver.

mod station;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use station::served::Served;
use station::{Station, page_by_page_profile, small_page, stack, with};

const SHEETS: usize = 3;

fn front(sheet: usize) -> Vec<u8> {
    small_page(sheet)
}

fn back(sheet: usize) -> Vec<u8> {
    small_page(20 + sheet)
}

fn blank() -> Vec<u8> {
    let mut page = small_page(1);
    let header = page.len() - 120 * 160;
    page[header..].fill(255);
    page
}

fn fronts() -> Vec<Vec<u8>> {
    (1..=SHEETS).map(front).collect()
}

/// As the turned stack brings them.
fn backs() -> Vec<Vec<u8>> {
    (1..=SHEETS).rev().map(back).collect()
}

/// The stack as a person leafs through it.
fn whole() -> Vec<Vec<u8>> {
    (1..=SHEETS).flat_map(|sheet| [front(sheet), back(sheet)]).collect()
}

/// The feeder holds these and nothing else.
fn lay_in(station: &Station, pages: &[Vec<u8>]) {
    empty_the_feeder(station);
    for (nth, page) in pages.iter().enumerate() {
        std::fs::write(station.path(&format!("feeder/{:04}.pgm", nth + 1)), page).unwrap();
    }
}

fn empty_the_feeder(station: &Station) {
    for entry in std::fs::read_dir(station.path("feeder")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    station.stack_taken_to("");
}

fn serve(station: &Station) -> Served<'_> {
    let profile = station.quick_profile("feeder-manual-duplex");
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[scanner]\nsheet_seconds = 5\n").unwrap();
    station.serve(&["--profiles", &profile[1], "--station", &settings.display().to_string()])
}

/// A profile that parts the stack in another way, and drops blank sides: the
/// folder it is in, and its name.
fn parting_profile(station: &Station, by: &str) -> (PathBuf, String) {
    let profile = page_by_page_profile();
    let profile = profile
        .replace("\"feeder\"", "\"feeder-manual-duplex\"")
        .replace("by = \"fixed-length\"\npages = 1", by)
        .replace("drop_blank = false", "drop_blank = true");
    let folder = station.path("profiles");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("parted.toml"), profile).unwrap();
    (folder, "parted".to_owned())
}

fn said(served: &Served<'_>, batch: &str, what: &str, body: &Value) -> Value {
    let (status, told) = ordered(served, batch, what, body);
    assert_eq!(status, 200, "{what}: {told}");
    told
}

/// `null` for an order that takes no body.
fn ordered(served: &Served<'_>, batch: &str, what: &str, body: &Value) -> (u16, Value) {
    let body = Some(body).filter(|body| !body.is_null());
    served.ask("POST", &format!("/batches/{batch}/{what}"), body)
}

/// The order is not taken, and the batch stands where it stood.
fn refused(served: &Served<'_>, batch: &str, what: &str, body: &Value) {
    let stands = || {
        let shown = served.get(&format!("/batches/{batch}"));
        ["state", "pause", "two_passes", "pages"].map(|key| shown[key].clone())
    };
    let before = stands();
    let (status, told) = ordered(served, batch, what, body);
    assert_eq!((status, &told["kind"]), (409, &json!("unfinished")), "{what}: {told}");
    assert_eq!(stands(), before, "{what}");
}

fn stands_at(served: &Served<'_>, batch: &str, kind: &str) -> Value {
    let paused = served.comes_to(batch, &["paused"]);
    assert_eq!(paused["pause"]["kind"], kind, "{paused}");
    paused
}

/// Continues a batch and waits until its scanner is at rest again.
fn go_on(served: &Served<'_>, batch: &str, body: &Value, comes_to: &str) -> Value {
    said(served, batch, "continue", body);
    stands_at(served, batch, comes_to)
}

fn turned(station: &Station, served: &Served<'_>) -> String {
    lay_in(station, &fronts());
    let batch = served.order("quick", "stack-end");
    let paused = stands_at(served, &batch, "turn-the-stack");
    assert_eq!((&paused["pause"]["fronts"], &paused["two_passes"]), (&json!(3), &json!("fronts")));
    batch
}

fn collated(served: &Served<'_>, batch: &str) -> Value {
    let collated = said(served, batch, "collate", &Value::Null);
    assert_eq!(collated["two_passes"], "collated");
    served.comes_to(batch, &["filed"])
}

/// The pages of each filed document, as its index file tells them, are these.
fn check_filed(station: &Station, batch: &str, documents: &[Vec<Vec<u8>>]) {
    let mut found = BTreeMap::new();
    for index in station.filed("json") {
        let index: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
        let pages: Vec<u64> =
            index["pages"].as_array().unwrap().iter().map(|page| page.as_u64().unwrap()).collect();
        found.insert(index["document_id"].to_string(), pages);
    }
    assert_eq!(found.len(), documents.len(), "{found:?}");
    for (pages, wanted) in found.values().zip(documents) {
        assert_eq!(pages.len(), wanted.len(), "{found:?}");
        for (page, wanted) in pages.iter().zip(wanted) {
            assert!(wanted.ends_with(&original(station, batch, *page)), "{page} of {found:?}");
        }
    }
}

fn original(station: &Station, batch: &str, page: u64) -> Vec<u8> {
    let original = station.path(&format!("state/spool/{batch}/{page:04}.png"));
    image::open(original).unwrap().to_luma8().into_raw()
}

fn set_aside(served: &Served<'_>, batch: &str) -> Vec<(u64, String)> {
    let report = served.get(&format!("/batches/{batch}/report"));
    let aside = report["set_aside"].as_array().unwrap().iter();
    aside
        .map(|page| (page["page"].as_u64().unwrap(), page["reason"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn fronts_and_reversed_backs_become_one_document_in_order_once_the_pairs_are_confirmed() {
    let station = Station::new();
    let served = serve(&station);
    let batch = turned(&station, &served);
    refused(&served, &batch, "close", &json!({}));
    refused(&served, &batch, "collate", &Value::Null);
    lay_in(&station, &backs());
    let paused = go_on(&served, &batch, &json!({}), "confirm-pairs");
    let pair = |sheet, front, back| json!({"sheet": sheet, "front": front, "back": back});
    assert_eq!(paused["pause"]["first"], pair(1, 1, 6), "{paused}");
    assert_eq!(paused["pause"]["last"], pair(3, 3, 4), "{paused}");
    for page in [1, 6, 3, 4] {
        let image = format!("/batches/{batch}/pages/{page}/image?width=60");
        assert_eq!(served.ask("GET", &image, None).0, 200, "a screen shows it");
    }
    assert_eq!((&paused["documents"], &paused["two_passes"]), (&json!(0), &json!("backs")));
    assert_eq!(served.get("/backlog")["batches_to_separate"], 0);
    refused(&served, &batch, "continue", &json!({}));
    refused(&served, &batch, "close", &json!({}));
    refused(&served, &batch, "close", &json!({"sides": "fronts-only"}));
    let filed = collated(&served, &batch);
    assert_eq!((&filed["sheets"], &filed["pages"]), (&json!(3), &json!(6)));
    check_filed(&station, &batch, &[whole()]);
    let pages = served.get(&format!("/batches/{batch}/pages"));
    assert_eq!(
        (&pages["pages"][3]["sheet"], &pages["pages"][3]["side"]),
        (&json!(3), &json!("back"))
    );
    check_who_collated(&station, &batch);
}

fn check_who_collated(station: &Station, batch: &str) {
    let state = station.path("state").display().to_string();
    let told = station.run(&["audit", "export", "--state", &state]);
    let row = told.stdout.lines().find(|row| row.contains("collate-batch")).expect("a row");
    let row: Value = serde_json::from_str(row).unwrap();
    assert_eq!(row["batch"], batch);
    assert_ne!(row["actor"], "station", "a person did it: {row}");
    assert_eq!(station.run(&["audit", "verify", "--state", &state]).code, 0);
}

/// The charts of the demo, whose sheets a duplex scanner brings as 1 front, 1
/// back, 2 front, …: covers, blank backs, and a torn sheet.
#[test]
fn a_days_charts_come_apart_as_from_a_duplex_scanner() {
    let station = Station::new();
    let sides = stack("demo-stack");
    let sheets = sides.len() / 2;
    let fronts: Vec<PathBuf> = sides.iter().step_by(2).cloned().collect();
    let backs: Vec<PathBuf> = sides.iter().skip(1).step_by(2).rev().cloned().collect();
    let folder = station.path("profiles");
    std::fs::create_dir(&folder).unwrap();
    let profile = std::fs::read_to_string("profiles/inpatient-chart.toml").unwrap();
    let profile =
        profile.replace("source = \"feeder-duplex\"", "source = \"feeder-manual-duplex\"");
    std::fs::write(folder.join("inpatient-chart.toml"), profile).unwrap();
    let served = station.serve(&["--profiles", &folder.display().to_string()]);
    station.lay_in(&fronts);
    let batch = served.order("inpatient-chart", "stack-end");
    stands_at(&served, &batch, "turn-the-stack");
    empty_the_feeder(&station);
    station.lay_in(&backs);
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    said(&served, &batch, "collate", &Value::Null);
    served.watch(&batch).until(|event| {
        let standing = &event["standing"];
        standing["state"] == "in-question" && standing["at_the_scanner"] == false
    });

    let page_of = |image: u64| match image % 2 {
        1 => image.div_ceil(2),
        _ => 2 * sheets as u64 + 1 - image / 2,
    };
    let expected = std::fs::read_to_string("fixtures/demo-stack/expected/result.toml").unwrap();
    let expected: toml::Table = toml::from_str(&expected).unwrap();
    let pages = |images: &toml::Value| -> Vec<u64> {
        let images = images.as_array().unwrap().iter();
        images.map(|image| page_of(image.as_integer().unwrap().unsigned_abs())).collect()
    };
    let report = served.get(&format!("/batches/{batch}/report"));
    let documents = report["documents"].as_array().unwrap();
    let wanted = expected["document"].as_array().unwrap();
    assert_eq!(documents.len(), wanted.len(), "{report:#}");
    for (got, want) in documents.iter().zip(wanted) {
        assert_eq!(got["pages"], json!(pages(&want["images"])), "{report:#}");
        assert_eq!(got["fields"]["document_type"], want["type"].as_str().unwrap());
    }
    for (reason, images) in expected["set_aside"].as_table().unwrap() {
        let mut wanted = pages(images);
        wanted.sort_unstable();
        let aside = set_aside(&served, &batch).into_iter();
        let got: Vec<u64> = aside.filter(|(_, why)| why == reason).map(|(page, _)| page).collect();
        assert_eq!(got, wanted, "{reason}");
    }
    assert_eq!(report["questions"].as_array().unwrap().len(), 1, "{report:#}");
}

/// Dropped before the sides are paired, a blank one would move all behind it.
#[test]
fn blank_sides_are_looked_for_once_each_back_is_with_its_front() {
    let station = Station::new();
    let (folder, profile) = parting_profile(&station, "by = \"blank-sheet\"");
    let served = station.serve(&["--profiles", &folder.display().to_string()]);
    // Two written sides; blank behind; blank on both; blank before; two written.
    let sheets = [
        [front(1), back(1)],
        [front(2), blank()],
        [blank(), blank()],
        [blank(), back(4)],
        [front(5), back(5)],
    ];
    let fronts: Vec<Vec<u8>> = sheets.iter().map(|[front, _]| front.clone()).collect();
    let backs: Vec<Vec<u8>> = sheets.iter().rev().map(|[_, back]| back.clone()).collect();
    lay_in(&station, &fronts);
    let batch = served.order(&profile, "stack-end");
    stands_at(&served, &batch, "turn-the-stack");
    lay_in(&station, &backs);
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    let filed = collated(&served, &batch);
    assert_eq!(filed["sheets"], 5);
    check_filed(
        &station,
        &batch,
        &[vec![front(1), back(1), front(2)], vec![back(4), front(5), back(5)]],
    );
    let blanks = set_aside(&served, &batch);
    let aside = |page: u64, reason: &str| (page, reason.to_owned());
    assert_eq!(
        blanks,
        [
            aside(3, "separator-sheet"),
            aside(4, "blank"),
            aside(8, "separator-sheet"),
            aside(9, "blank")
        ]
    );
}

/// Each side a document of its own: named by pages of both passes.
#[test]
fn documents_that_begin_on_a_back_have_names_of_their_own() {
    let station = Station::new();
    let (folder, profile) = parting_profile(&station, "by = \"fixed-length\"\npages = 1");
    let served = station.serve(&["--profiles", &folder.display().to_string()]);
    lay_in(&station, &fronts());
    let batch = served.order(&profile, "stack-end");
    stands_at(&served, &batch, "turn-the-stack");
    lay_in(&station, &backs());
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    collated(&served, &batch);
    let report = served.get(&format!("/batches/{batch}/report"));
    let documents = report["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 6);
    for (document, wanted) in documents.iter().zip(whole()) {
        let pages = document["pages"].as_array().unwrap();
        assert_eq!(pages.len(), 1, "{report:#}");
        let page = pages[0].as_u64().unwrap();
        assert_eq!(document["id"], format!("{batch}-{page:04}"));
        assert!(wanted.ends_with(&original(&station, &batch, page)), "{report:#}");
    }
}

#[test]
fn backs_that_are_missing_at_the_end_are_laid_in_behind_the_others() {
    let station = Station::new();
    let served = serve(&station);
    let batch = turned(&station, &served);
    lay_in(&station, &backs()[..2]);
    let paused = go_on(&served, &batch, &json!({}), "backs-do-not-match");
    assert_eq!((&paused["pause"]["fronts"], &paused["pause"]["backs"]), (&json!(3), &json!(2)));
    let say = paused["pause"]["say"].as_str().unwrap();
    assert!(say.contains("only 2 backs") && say.contains("--backs-again"), "{say}");
    refused(&served, &batch, "collate", &Value::Null);
    refused(&served, &batch, "close", &json!({}));
    lay_in(&station, &backs()[2..]);
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    collated(&served, &batch);
    check_filed(&station, &batch, &[whole()]);
}

/// Too few because two stuck together, too many, and as many in the wrong order.
#[test]
fn a_wrong_pass_is_kept_and_set_aside_and_the_backs_are_scanned_again() {
    let wrong_passes = [
        ("backs-do-not-match", vec![back(3), back(1)]),
        ("backs-do-not-match", vec![back(3), back(2), back(1), back(9)]),
        ("confirm-pairs", vec![back(1), back(2), back(3)]),
    ];
    for (told, wrong) in wrong_passes {
        let station = Station::new();
        let served = serve(&station);
        let batch = turned(&station, &served);
        lay_in(&station, &wrong);
        go_on(&served, &batch, &json!({}), told);
        if wrong.len() > SHEETS {
            refused(&served, &batch, "continue", &json!({}));
        }
        lay_in(&station, &backs());
        go_on(&served, &batch, &json!({"sides": "backs-again"}), "confirm-pairs");
        let filed = collated(&served, &batch);
        assert_eq!((&filed["sheets"], &filed["pages"]), (&json!(3), &json!(6 + wrong.len())));
        check_filed(&station, &batch, &[whole()]);
        let wrong_pages = (4..).zip(&wrong);
        let aside: Vec<(u64, String)> =
            wrong_pages.clone().map(|(page, _)| (page, "scanned-again".to_owned())).collect();
        assert_eq!(set_aside(&served, &batch), aside);
        for (page, wrong) in wrong_pages {
            assert!(wrong.ends_with(&original(&station, &batch, page)), "page {page} is kept");
        }
    }
}

#[test]
fn a_fault_in_either_pass_pauses_it_and_it_goes_on_behind_its_last_page() {
    for (fault, named) in [("jam", "jam"), ("double-feed", "suspect-sheet")] {
        let station = Station::new();
        let served = serve(&station);
        lay_in(&station, &fronts());
        station.fault_at(2, fault);
        let batch = served.order("quick", "stack-end");
        for (kept, pass, then) in [(0, "fronts", "turn-the-stack"), (3, "backs", "confirm-pairs")] {
            let paused = stands_at(&served, &batch, "fault");
            assert_eq!(paused["pause"]["fault"], named, "{paused}");
            assert_eq!(paused["two_passes"], pass);
            assert!(paused["pause"]["say"].as_str().unwrap().contains(pass), "{paused}");
            if named == "suspect-sheet" {
                // The sheet is put back.
                station.stack_taken_to("0002.double-feed");
            } else {
                assert_eq!(paused["last_page"], kept + 1);
            }
            go_on(&served, &batch, &json!({}), then);
            if pass == "fronts" {
                lay_in(&station, &backs());
                station.fault_at(2, fault);
                said(&served, &batch, "continue", &json!({}));
            }
        }
        collated(&served, &batch);
        check_filed(&station, &batch, &[whole()]);
    }
}

/// A suspect back of the same number as a front says nothing of that front.
#[test]
fn a_suspect_back_that_is_right_leaves_the_front_of_its_number_suspect() {
    let station = Station::new();
    let served = serve(&station);
    lay_in(&station, &fronts());
    station.fault_at(2, "double-feed");
    let batch = served.order("quick", "stack-end");
    stands_at(&served, &batch, "fault");
    // Nobody compares it, and the scanner is told to go on with what lies in it.
    empty_the_feeder(&station);
    let paused = go_on(&served, &batch, &json!({}), "turn-the-stack");
    assert_eq!(paused["pause"]["fronts"], 2);
    lay_in(&station, &backs()[1..]);
    station.fault_at(2, "double-feed");
    go_on(&served, &batch, &json!({}), "fault");
    empty_the_feeder(&station);
    go_on(&served, &batch, &json!({"sheet_is_right": true}), "confirm-pairs");
    let suspects: Vec<bool> = served.get(&format!("/batches/{batch}/pages"))["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| !page["suspect"].is_null())
        .collect();
    assert_eq!(suspects, [false, true, false, false]);
    said(&served, &batch, "collate", &Value::Null);
    served.comes_to(&batch, &["in-question"]);
}

/// Killed at each place where the next sheet could be taken for one of the other
/// pass.
#[test]
fn a_station_that_is_killed_goes_on_in_the_pass_it_was_in() {
    let moments: [fn(&Station, Served<'_>) -> String; 5] = [
        killed_in_the_fronts,
        killed_between_the_passes,
        killed_before_the_first_back,
        killed_in_the_backs,
        killed_before_the_pairs_are_confirmed,
    ];
    for killed in moments {
        let station = Station::new();
        let served = serve(&station);
        let batch = killed(&station, served);
        let served = serve(&station);
        let paused = served.get(&format!("/batches/{batch}"));
        assert_eq!(paused["state"], "paused", "{paused}");
        finish(&station, &served, &batch, &paused);
        collated(&served, &batch);
        check_filed(&station, &batch, &[whole()]);
        let filed = served.get(&format!("/batches/{batch}"));
        assert_eq!((&filed["pages"], &filed["sheets"]), (&json!(6), &json!(3)));
    }
}

/// What a clerk does who reads what the station says, and puts the sheets behind
/// the last page kept back.
fn finish(station: &Station, served: &Served<'_>, batch: &str, paused: &Value) {
    let last = paused["last_page"].as_u64().unwrap() as usize;
    let kind = paused["pause"]["kind"].as_str().unwrap();
    match (kind, paused["two_passes"].as_str().unwrap()) {
        ("confirm-pairs", _) => return,
        ("station-stopped", "fronts") => {
            lay_in(station, &fronts()[last..]);
            go_on(served, batch, &json!({}), "turn-the-stack");
            lay_in(station, &backs());
        }
        ("turn-the-stack", "fronts") => lay_in(station, &backs()),
        ("station-stopped", "backs") => lay_in(station, &backs()[last - SHEETS..]),
        other => panic!("{other:?}: {paused}"),
    }
    go_on(served, batch, &json!({}), "confirm-pairs");
}

fn killed_in_the_fronts(station: &Station, served: Served<'_>) -> String {
    lay_in(station, &fronts());
    station.fault_at(3, "hang");
    let batch = served.order("quick", "stack-end");
    served.watch(&batch).until(|event| event["page"] == 2 && event["event"] == "page-kept");
    served.kill();
    batch
}

fn killed_between_the_passes(station: &Station, served: Served<'_>) -> String {
    let batch = turned(station, &served);
    served.kill();
    batch
}

fn killed_before_the_first_back(station: &Station, served: Served<'_>) -> String {
    let batch = turned(station, &served);
    lay_in(station, &backs());
    station.fault_at(1, "hang");
    let mut watching = served.watch(&batch);
    said(&served, &batch, "continue", &json!({}));
    watching.until(|event| event["event"] == "scanner-ready");
    served.kill();
    batch
}

fn killed_in_the_backs(station: &Station, served: Served<'_>) -> String {
    let batch = turned(station, &served);
    lay_in(station, &backs());
    station.fault_at(2, "hang");
    let mut watching = served.watch(&batch);
    said(&served, &batch, "continue", &json!({}));
    watching.until(|event| event["page"] == 4 && event["event"] == "page-kept");
    served.kill();
    batch
}

fn killed_before_the_pairs_are_confirmed(station: &Station, served: Served<'_>) -> String {
    let batch = turned(station, &served);
    lay_in(station, &backs());
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    served.kill();
    batch
}

/// The last back was kept, and the station died before it could say so.
#[test]
fn a_stack_that_was_through_before_a_stop_is_found_so() {
    let station = Station::new();
    let served = serve(&station);
    let batch = turned(&station, &served);
    lay_in(&station, &backs());
    station.fault_at(4, "hang");
    std::fs::write(station.path("feeder/0005.pgm"), back(9)).unwrap();
    let mut watching = served.watch(&batch);
    said(&served, &batch, "continue", &json!({}));
    watching.until(|event| event["page"] == 6 && event["event"] == "page-kept");
    served.kill();
    let served = serve(&station);
    empty_the_feeder(&station);
    refused(&served, &batch, "collate", &Value::Null);
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    collated(&served, &batch);
    check_filed(&station, &batch, &[whole()]);
}

#[test]
fn more_fronts_come_and_a_stack_without_backs_is_closed_only_with_that_word() {
    let station = Station::new();
    let served = serve(&station);
    lay_in(&station, &fronts()[..2]);
    let batch = served.order("quick", "clerk");
    stands_at(&served, &batch, "turn-the-stack");
    lay_in(&station, &fronts()[2..]);
    let paused = go_on(&served, &batch, &json!({"sides": "more-fronts"}), "turn-the-stack");
    assert_eq!(paused["pause"]["fronts"], 3);
    // The stack was said to be turned, but more fronts are found.
    empty_the_feeder(&station);
    let paused = go_on(&served, &batch, &json!({}), "turn-the-stack");
    assert_eq!(paused["two_passes"], "backs");
    lay_in(&station, &[front(4)]);
    let paused = go_on(&served, &batch, &json!({"sides": "more-fronts"}), "turn-the-stack");
    assert_eq!((&paused["pause"]["fronts"], &paused["two_passes"]), (&json!(4), &json!("fronts")));
    refused(&served, &batch, "close", &json!({}));
    refused(&served, &batch, "continue", &json!({"sides": "fronts-only"}));
    let closed = said(&served, &batch, "close", &json!({"sides": "fronts-only"}));
    assert_eq!(closed["two_passes"], "fronts-only");
    served.comes_to(&batch, &["filed"]);
    check_filed(&station, &batch, &[(1..=4).map(front).collect()]);
}

#[test]
fn expected_sheets_are_counted_not_their_sides() {
    let station = Station::new();
    let served = serve(&station);
    lay_in(&station, &fronts());
    let order = json!({
        "profile": "quick", "scanner": "folder:adf", "repository": station.path("repository"),
        "expect_sheets": 3,
    });
    let (status, opened) = served.post("/batches", &order);
    assert_eq!(status, 201, "{opened}");
    let batch = opened["id"].as_str().unwrap().to_owned();
    stands_at(&served, &batch, "turn-the-stack");
    lay_in(&station, &backs());
    go_on(&served, &batch, &json!({}), "confirm-pairs");
    collated(&served, &batch);
}

#[test]
fn what_cannot_be_fed_in_two_passes_is_refused() {
    let station = Station::new();
    let served = serve(&station);
    lay_in(&station, &fronts());
    let order = |more: Value| {
        let mut order = json!({
            "profile": "quick", "scanner": "folder:adf",
            "repository": station.path("repository"),
        });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        served.post("/batches", &order)
    };
    for more in [json!({"pages": 4}), json!({"scanner": null, "from": [station.path("feeder")]})] {
        let (status, told) = order(more);
        assert_eq!((status, &told["kind"]), (422, &json!("settings")), "{told}");
    }
    // A scanner that brings both sides all the same.
    let (status, opened) = order(json!({"set": [["source", "ADF Duplex"]]}));
    assert_eq!(status, 201, "{opened}");
    let batch = opened["id"].as_str().unwrap();
    let paused = stands_at(&served, batch, "fault");
    assert_eq!((&paused["pause"]["fault"], &paused["pages"]), (&json!("other-paper"), &json!(0)));
    said(&served, batch, "discard", &json!({"reason": "it scans both sides"}));
    // What is said of two passes says nothing of another batch.
    let folder = station.path("profiles/plain.toml");
    let quick = std::fs::read_to_string(station.path("profiles/quick.toml")).unwrap();
    std::fs::write(folder, quick.replace("feeder-manual-duplex", "feeder")).unwrap();
    let batch = served.order("plain", "clerk");
    stands_at(&served, &batch, "stack-end");
    refused(&served, &batch, "close", &json!({"sides": "fronts-only"}));
    refused(&served, &batch, "continue", &json!({"sides": "backs-again"}));
    refused(&served, &batch, "collate", &Value::Null);
}

/// With a station that runs, and without one.
#[test]
fn a_script_is_told_what_to_do_between_the_passes_and_says_it_with_resume() {
    for runs in [true, false] {
        let station = Station::new();
        let profile = station.quick_profile("feeder-manual-duplex");
        let running = runs.then(|| serve(&station));
        lay_in(&station, &fronts());
        let scanned = station.capture(&with(&profile, &["--scanner", "folder:adf"]));
        check_told(&scanned, &["Turn the whole stack over", "--resume"]);
        let batch = scanned.batch();
        let resume = |more: &[&str]| station.capture(&[&["--resume", &batch], more].concat());
        check_told(&resume(&["--no-more-paper"]), &["--fronts-only"]);
        lay_in(&station, &backs()[..2]);
        check_told(&resume(&[]), &["only 2 backs"]);
        lay_in(&station, &backs());
        check_told(&resume(&["--backs-again"]), &["page 1 must have page 8 on its back"]);
        check_told(&resume(&[]), &["page 3 page 6 (sheet 3)"]);
        let filed = resume(&["--collate"]);
        assert_eq!(filed.code, 0, "{}{}", filed.stderr, filed.stdout);
        assert_eq!(filed.json()["documents"][0]["pages"], json!([1, 8, 2, 7, 3, 6]));
        check_filed(&station, &batch, &[whole()]);
        drop(running);
    }
}

fn check_told(ran: &station::Ran, words: &[&str]) {
    assert_eq!(ran.code, 4, "{}{}", ran.stderr, ran.stdout);
    for word in words {
        let told = ran.json()["error"].as_str().unwrap().to_owned();
        assert!(told.contains(word), "{word:?}: {told}");
    }
}

/// Killed without a station that runs, `capture` knows which pass it was.
#[test]
fn a_capture_that_is_killed_in_the_backs_goes_on_with_backs() {
    let station = Station::new();
    let profile = station.quick_profile("feeder-manual-duplex");
    lay_in(&station, &fronts());
    let scanned = station.capture(&with(&profile, &["--scanner", "folder:adf"]));
    let batch = scanned.batch();
    lay_in(&station, &backs());
    station.fault_at(2, "hang");
    let killed =
        station.signalled(&["--resume", &batch], "0002.hang", &[rustix::process::Signal::KILL]);
    assert_eq!(killed.code, -1);
    let other = station.capture(&with(&profile, &["--scanner", "folder:adf"]));
    assert_eq!(other.code, 4, "{}", other.stderr);
    let told = other.json()["error"].as_str().unwrap().to_owned();
    assert!(told.contains("(sheet 1 of the turned stack)"), "{told}");
    lay_in(&station, &backs()[1..]);
    check_told(&station.capture(&["--resume", &batch]), &["page 1 must have page 6"]);
    let filed = station.capture(&["--resume", &batch, "--collate"]);
    assert_eq!(filed.code, 0, "{}", filed.stderr);
    check_filed(&station, &batch, &[whole()]);
    assert!(Path::new(filed.json()["documents"][0]["pdf"].as_str().unwrap()).exists());
}
