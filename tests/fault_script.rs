//! Whatever goes wrong at the feeder of a running station: what the clerk is
//! told, which page is the last kept, and how the batch goes on at the right
//! place. Each through libsane, with our own driver.

mod station;

use serde_json::{Value, json};
use station::served::Served;
use station::{Station, small_page};

const PAGES: u64 = 5;

/// Before or in the third page.
struct Struck {
    fault: &'static str,
    /// What it is told as, and a word of the advice.
    named: &'static str,
    advice: &'static str,
    last_page: u64,
    /// Where the clerk sets the stack to, if he has to put a sheet back.
    put_back_behind: Option<&'static str>,
}

fn each_fault() -> Vec<Struck> {
    let before_the_third =
        |fault, named, advice| Struck { fault, named, advice, last_page: 2, put_back_behind: None };
    vec![
        before_the_third("jam", "jam", "take the sheet out"),
        before_the_third("double-feed-jam", "double-feed", "separate them"),
        before_the_third("cover-open", "cover-open", "close it"),
        before_the_third("busy", "busy", "close that program"),
        before_the_third("io-error", "input-output", "power and cable"),
        before_the_third("no-docs", "false-out-of-documents", "push the stack in"),
        before_the_third("crash", "driver-crashed", "switch the scanner off and on"),
        before_the_third("hang", "driver-hung", "switch it off and on"),
        Struck {
            put_back_behind: Some("0003.truncated"),
            ..before_the_third("truncated", "truncated-frame", "put its sheet back")
        },
        Struck {
            last_page: 3,
            put_back_behind: Some("0003.double-feed"),
            ..before_the_third("double-feed", "suspect-sheet", "Compare it with the paper")
        },
    ]
}

#[test]
fn after_each_fault_the_clerk_is_told_what_to_do_and_no_page_is_missing_or_twice() {
    for struck in each_fault() {
        let told = struck.fault;
        let station = station_with_five_pages();
        station.fault_at(3, struck.fault);
        let served = serve(&station);
        let batch = served.order("quick", "clerk");
        let paused = served.comes_to(&batch, &["paused"]);
        assert_eq!(paused["pause"]["fault"], struck.named, "{told}: {paused}");
        let say = paused["pause"]["say"].as_str().unwrap();
        assert!(say.contains(struck.advice), "{told}: {say}");
        assert_eq!(paused["last_page"], struck.last_page, "{told}: {paused}");
        if let Some(entry) = struck.put_back_behind {
            station.stack_taken_to(entry);
        }
        go_on_to_the_end(&served, &batch, &json!({}));
        check_document(&station, &served, &batch, told);
    }
}

/// Only the clerk knows whether an empty feeder was all.
#[test]
fn an_empty_feeder_in_the_middle_of_a_stack_pauses_it() {
    let station = station_with_five_pages();
    station.fault_at(3, "out-of-documents");
    let served = serve(&station);
    let batch = served.order("quick", "clerk");
    let paused = served.comes_to(&batch, &["paused"]);
    assert_eq!((&paused["pause"]["kind"], &paused["pages"]), (&json!("stack-end"), &json!(2)));
    go_on_to_the_end(&served, &batch, &json!({}));
    check_document(&station, &served, &batch, "out-of-documents");
}

#[test]
fn a_sheet_delivered_twice_is_noticed_and_in_the_document_once() {
    let station = Station::new();
    let names = [1, 2, 2, 3, 4, 5];
    for (nth, page) in names.iter().enumerate() {
        std::fs::write(station.path(&format!("feeder/{:04}.pgm", nth + 1)), small_page(*page))
            .unwrap();
    }
    let served = serve(&station);
    let batch = served.order("quick", "clerk");
    let paused = served.comes_to(&batch, &["paused"]);
    let say = paused["pause"]["say"].as_str().unwrap();
    assert!(say.contains("the same as page 2"), "{say}");
    assert_eq!(paused["last_page"], 3);
    go_on_to_the_end(&served, &batch, &json!({}));
    check_document(&station, &served, &batch, "delivered twice");
}

#[test]
fn a_suspect_sheet_that_a_clerk_finds_right_stays_in_its_document() {
    let station = station_with_five_pages();
    station.fault_at(3, "double-feed");
    let served = serve(&station);
    let batch = served.order("quick", "clerk");
    served.comes_to(&batch, &["paused"]);
    go_on_to_the_end(&served, &batch, &json!({"sheet_is_right": true}));
    check_document(&station, &served, &batch, "right");
    assert_eq!(served.get(&format!("/batches/{batch}"))["pages"], PAGES);
}

#[test]
fn a_suspect_sheet_that_nobody_compared_is_a_question() {
    let station = station_with_five_pages();
    station.fault_at(3, "double-feed");
    let served = serve(&station);
    let batch = served.order("quick", "clerk");
    served.comes_to(&batch, &["paused"]);
    order(&served, &batch, "close", &json!({}));
    let asked = served.comes_to(&batch, &["in-question"]);
    assert_eq!(asked["documents"], 0, "{asked}");
}

#[test]
fn a_scanner_that_was_unplugged_is_found_again_under_its_new_name_and_no_other_is() {
    let station = station_with_five_pages();
    station.fault_at(3, "io-error");
    let served = serve(&station);
    let batch = served.order("quick", "clerk");
    served.comes_to(&batch, &["paused"]);
    std::fs::write(station.path("sane/folder.conf"), "renamed = adf\n").unwrap();
    go_on_to_the_end(&served, &batch, &json!({}));
    check_document(&station, &served, &batch, "renamed");
}

fn station_with_five_pages() -> Station {
    let station = Station::new();
    station.lay_in_small(PAGES as usize);
    station
}

fn serve(station: &Station) -> Served<'_> {
    let profile = station.quick_profile("feeder");
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[scanner]\nsheet_seconds = 2\n").unwrap();
    station.serve(&["--profiles", &profile[1], "--station", &settings.display().to_string()])
}

fn order(served: &Served<'_>, batch: &str, what: &str, body: &Value) {
    let (status, told) = served.post(&format!("/batches/{batch}/{what}"), body);
    assert_eq!(status, 200, "{told}");
}

fn go_on_to_the_end(served: &Served<'_>, batch: &str, body: &Value) {
    order(served, batch, "continue", body);
    let mut at_the_scanner = true;
    served.watch(batch).until(|event| {
        let standing = &event["standing"];
        at_the_scanner &= standing["pause"]["kind"] != "stack-end";
        !at_the_scanner && standing["at_the_scanner"] == false
    });
    order(served, batch, "close", &json!({}));
    served.comes_to(batch, &["filed"]);
}

/// One document, whose pages are the five of the stack, each once, in order.
fn check_document(station: &Station, served: &Served<'_>, batch: &str, told: &str) {
    let report = served.get(&format!("/batches/{batch}/report"));
    assert_eq!(report["documents"].as_array().unwrap().len(), 1, "{told}: {report}");
    let pages = report["documents"][0]["pages"].as_array().unwrap();
    assert_eq!(pages.len() as u64, PAGES, "{told}: {report}");
    for (nth, page) in pages.iter().enumerate() {
        let original = format!("state/spool/{batch}/{:04}.png", page.as_u64().unwrap());
        let kept = image::open(station.path(&original)).unwrap().to_luma8().into_raw();
        assert!(small_page(nth + 1).ends_with(&kept), "{told}: page {page} is another");
    }
    for aside in report["set_aside"].as_array().unwrap() {
        assert_eq!(aside["reason"], "scanned-again", "{told}: {report}");
    }
}
