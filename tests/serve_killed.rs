//! The station killed by the kernel (SIGKILL) at seeded moments while it scans,
//! reads and files, and started again. A clerk puts the sheets behind the last
//! page kept back and continues. Then every page is in its place, once, and
//! nobody who watched the repository ever saw part of a file.
//!
//! `make test` kills at 20 moments; `OUTGUIDE_KILLS` says otherwise.

mod station;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use station::Station;
use station::accounted::{Seen, check_originals, check_repository};
use station::served::Served;

const PAGES: usize = 6;

#[test]
fn killed_at_any_moment_it_loses_no_page_shown_and_files_each_once() {
    let kills: u64 =
        std::env::var("OUTGUIDE_KILLS").map_or(20, |kills| kills.parse().expect("a number"));
    let mut killed = 0;
    for seed in 0.. {
        if killed >= kills {
            break;
        }
        killed += a_day_with_kills(seed);
    }
}

/// Some numbers that look drawn: the same for the same seed.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's multiplier; the upper bits are the better ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// How often the station was killed.
fn a_day_with_kills(seed: u64) -> u64 {
    let mut drawn = Drawn(seed);
    drawn.below(1);
    let station = Station::new();
    station.lay_in_small(PAGES);
    let profiles = station.page_by_page_profiles();
    let serve = || station.serve(&["--profiles", &profiles]);
    let seen = Seen::watching(&station.path("repository"));
    let mut shown = BTreeSet::new();
    let mut served = serve();
    let batch = served.order("page-by-page", "stack-end");
    let kills = 1 + drawn.below(3);
    for _ in 0..kills {
        // Three events a page, and those of the batch itself.
        let after = drawn.below(3 * PAGES as u64 + 6);
        let told = watch_then_kill(served, &batch, after, drawn.below(400_000));
        shown.extend(told.iter().filter(|event| event["event"] == "page-kept").map(page_of));
        served = serve();
        go_on(&station, &served, &batch);
    }
    let told = format!("seed {seed}");
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!(filed["pages"], PAGES, "{told}: {filed}");
    assert_eq!(filed["documents_filed"], PAGES, "{told}: {filed}");
    assert!(shown.iter().all(|page| (1..=PAGES as u64).contains(page)), "{told}: {shown:?}");
    assert_eq!(served.get("/backlog")["pages_to_read"], 0, "{told}");
    assert!(served.terminate().success(), "{told}: {}", station.serve_log());
    check_originals(&station, &batch, PAGES, &told);
    check_repository(&station, PAGES, &told);
    seen.check_whole_files_only(2 * PAGES, &told);
    kills
}

fn page_of(event: &Value) -> u64 {
    event["page"].as_u64().unwrap()
}

/// All that was told of the batch before the station died: after so many events,
/// or at its end, and a little while.
fn watch_then_kill(served: Served<'_>, batch: &str, after: u64, spins: u64) -> Vec<Value> {
    let mut watching = served.watch(batch);
    let mut events = 0;
    watching.until(|event| {
        events += 1;
        events > after || event["standing"]["state"] == "filed"
    });
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    served.kill();
    watching.told()
}

/// What a clerk does: the sheets behind the last page kept go back into the
/// feeder. What was shown as kept is.
fn go_on(station: &Station, served: &Served<'_>, batch: &str) {
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
}
