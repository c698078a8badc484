//! The running station killed by the kernel (SIGKILL) as it is about to do each
//! thing that a disk remembers: every sync, rename and removal, from its first
//! start to its end in order. It is started again, a clerk puts the sheets behind
//! the last page kept back and goes on. `serve_killed.rs` kills it at moments
//! between these; `killed.rs` does the same to `outguide capture`.
//!
//! strace does the killing: it stops the process at the chosen call, before the
//! call is done. It counts each thread's calls by themselves, so that the thread
//! with most of them, the database's, would hide the others: the files of spool
//! and repository are therefore chosen by their names.

mod station;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use station::Station;
use station::accounted::{Seen, check_originals, check_repository};
use station::served::Served;

const PAGES: usize = 2;

/// What a disk remembers for us. SQLite's writes lie between its syncs.
const CALLS: [&str; 4] = ["fsync", "rename", "renameat2", "unlink"];

/// More than any thread makes in so small a day.
const MOST_CALLS: usize = 200;

#[test]
fn killed_at_any_step_since_its_first_start_it_loses_no_page_and_files_nothing_twice() {
    let deaths = killed_at_each(CALLS.to_vec(), a_first_day_killed_at);
    assert!(deaths > 20, "the database alone is synced more often: {deaths}");
}

#[test]
fn killed_at_any_step_of_keeping_a_page_it_loses_no_page_and_files_nothing_twice() {
    let killed = |call: &str, nth| a_second_stack_killed_at(call, nth, files_of_the_spool);
    let deaths = killed_at_each(vec!["fsync", "renameat2"], killed);
    assert!(
        deaths >= 3 * PAGES,
        "a page's bytes and folder are synced, and its file named: {deaths}"
    );
}

#[test]
fn killed_at_any_step_of_filing_it_loses_no_page_and_files_nothing_twice() {
    let killed =
        |call: &str, nth| a_second_stack_killed_at(call, nth, files_of_the_second_document);
    let deaths = killed_at_each(vec!["fsync", "renameat2", "unlink"], killed);
    assert!(deaths >= 9, "five syncs of files and folders, two names, a receipt: {deaths}");
}

/// How often it died.
fn killed_at_each(calls: Vec<&str>, killed: impl Fn(&str, usize) -> bool) -> usize {
    let traced = Command::new("strace").args(["-e", "trace=none", "true"]).output();
    if !traced.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace not found, or not allowed to trace");
        return MOST_CALLS;
    }
    let deaths_at = |call| {
        let deaths = (1..MOST_CALLS).take_while(|nth| killed(call, *nth)).count();
        println!("{call}: {deaths} deaths");
        deaths
    };
    calls.into_iter().map(deaths_at).sum()
}

/// False where the day came to its end without.
fn a_first_day_killed_at(call: &str, nth: usize) -> bool {
    let told = format!("killed at {call} number {nth} since its start");
    let station = Station::new();
    station.lay_in_small(PAGES);
    let seen = Seen::watching(&station.path("repository"));
    let profiles = station.page_by_page_profiles();
    let arguments = ["--profiles", profiles.as_str()];
    let was_killed = station.serve_killed_at(call, nth, &arguments).is_none_or(|served| {
        served.a_stack_or_its_end();
        ends_killed(&station, served, &told)
    });
    go_on_to_the_end(&station, None, was_killed, PAGES, &told);
    seen.check_whole_files_only(2 * PAGES, &told);
    was_killed
}

/// The same, on files that are known by their names once there was a stack before
/// and the feeder waits with the first page of this one.
fn a_second_stack_killed_at(
    call: &str,
    nth: usize,
    files: fn(&Station, batch: &str) -> Vec<PathBuf>,
) -> bool {
    let told = format!("killed at {call} number {nth} on those files");
    let station = Station::new();
    station.lay_in_small(1);
    let seen = Seen::watching(&station.path("repository"));
    let profiles = station.page_by_page_profiles();
    let served = station.serve(&["--profiles", &profiles]);
    let first = served.order("page-by-page", "stack-end");
    served.comes_to(&first, &["filed"]);
    station.lay_in_small(PAGES);
    station.stack_taken_to("");
    let mut first_page = station.wait_at_page(1);
    let batch = served.order("page-by-page", "stack-end");
    first_page.reached();
    let strace = served.kill_at(call, nth, &files(&station, &batch));
    first_page.go_on();
    served.filed_or_its_end(&batch);
    let was_killed = ends_killed(&station, served, &told);
    drop(strace);
    go_on_to_the_end(&station, Some(batch), was_killed, 1 + PAGES, &told);
    seen.check_whole_files_only(2 * (1 + PAGES), &told);
    was_killed
}

/// Whatever number the station gives to a file it is writing.
const TEMPS: std::ops::Range<usize> = 0..12;

fn files_of_the_spool(station: &Station, batch: &str) -> Vec<PathBuf> {
    let folder = station.path(&format!("state/spool/{batch}"));
    let parts = |page| TEMPS.map(move |temp| format!(".{page:04}.png.{temp}.part"));
    let parts = (1..=PAGES).flat_map(parts).map(|part| folder.join(part));
    parts.chain([folder.clone(), station.path("state/spool")]).collect()
}

/// The first would hide it: each is filed by a thread of its own.
fn files_of_the_second_document(station: &Station, batch: &str) -> Vec<PathBuf> {
    let owner = std::fs::read_to_string(station.path("state/staging-owner")).unwrap();
    let staging = station.path(".outguide");
    let begins = format!("{}~{batch}-0002", owner.trim_end());
    let parts = TEMPS.map(|temp| staging.join(format!("{begins}~{temp}.part")));
    let receipt = staging.join(format!("{begins}.receipt"));
    parts.chain([receipt, staging.clone(), station.path("repository")]).collect()
}

/// Its end in order has steps too.
fn ends_killed(station: &Station, served: Served<'_>, told: &str) -> bool {
    let ended = served.terminate();
    let was_killed = ended.signal() == Some(9);
    assert!(was_killed || ended.success(), "{told}: {ended:?}\n{}", station.serve_log());
    was_killed
}

/// `batch` where it is known that there is one.
fn go_on_to_the_end(
    station: &Station,
    batch: Option<String>,
    was_killed: bool,
    documents: usize,
    told: &str,
) {
    let profiles = station.page_by_page_profiles();
    let served = station.serve(&["--profiles", &profiles]);
    let only = || served.get("/batches?all=true")["batches"][0]["id"].as_str().map(str::to_owned);
    let batch = batch.or_else(only);
    if !was_killed {
        let filed = served.get(&format!("/batches/{}", batch.as_deref().unwrap()));
        assert_eq!(filed["state"], "filed", "{told}: not it, but a worker of it died: {filed}");
    }
    let batch = go_on(station, &served, batch);
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!(filed["pages"], PAGES, "{told}: {filed}");
    assert_eq!(filed["documents_filed"], PAGES, "{told}: {filed}");
    assert_eq!(served.get("/backlog")["pages_to_read"], 0, "{told}");
    assert!(served.terminate().success(), "{told}: {}", station.serve_log());
    check_originals(station, &batch, PAGES, told);
    check_repository(station, documents, told);
}

/// What a clerk does: lays the sheets behind the last page kept into the feeder,
/// all of them where the order was not kept.
fn go_on(station: &Station, served: &Served<'_>, batch: Option<String>) -> String {
    let Some(batch) = batch else {
        station.stack_taken_to("");
        return served.order("page-by-page", "stack-end");
    };
    let shown = served.get(&format!("/batches/{batch}"));
    match shown["state"].as_str().unwrap() {
        "open" | "paused" => {
            let last = shown["last_page"].as_u64();
            station.stack_taken_to(&last.map_or(String::new(), |last| format!("{last:04}.pgm")));
            // Nothing lies in the feeder any more: the clerk knows that this was all.
            let what = if last == Some(PAGES as u64) { "close" } else { "continue" };
            let (status, told) = served.post(&format!("/batches/{batch}/{what}"), &json!({}));
            assert_eq!(status, 200, "{told}");
        }
        "processing" | "filing" | "filed" => {}
        other => panic!("{other}: {shown}"),
    }
    batch
}
