//! What the station keeps things on fails in the middle of a batch: the disk is
//! full, the repository full, read-only or away, the database held by another
//! program. Nothing is lost, nothing is filed twice, nobody sees part of a file,
//! and whoever looks is told what to do. The disks are real ones, mounted small.

mod station;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;
use station::accounted::{Seen, check_originals, check_repository};
use station::served::Served;
use station::share::{Share, where_it_may_mount};
use station::{Station, WaitsAtPage, page_by_page_profile, stack};

const PAGES: usize = 6;

/// The smallest `free_space_floor_mb`.
const FLOOR: u64 = 1 << 20;

/// A station whose feeder waits at its third page.
fn station() -> (Station, WaitsAtPage) {
    let station = Station::new();
    station.lay_in_small(PAGES);
    let third_page = station.wait_at_page(3);
    (station, third_page)
}

fn serve(station: &Station) -> Served<'_> {
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[station]\nfree_space_floor_mb = 1\n").unwrap();
    let profiles = station.page_by_page_profiles();
    station.serve(&["--profiles", &profiles, "--station", &settings.display().to_string()])
}

/// The batch, of which two pages are kept and the third is under way.
fn order_up_to(third_page: &mut WaitsAtPage, served: &Served<'_>) -> String {
    let batch = served.order("page-by-page", "stack-end");
    third_page.reached();
    batch
}

/// Puts the sheets behind the last page kept back, and goes on.
fn put_back_and_go_on(station: &Station, served: &Served<'_>, batch: &str) {
    let last = served.get(&format!("/batches/{batch}"))["last_page"].as_u64();
    station.stack_taken_to(&last.map_or(String::new(), |last| format!("{last:04}.pgm")));
    let (status, told) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!(status, 200, "{told}");
}

fn say(standing: &Value) -> &str {
    standing["pause"]["say"].as_str().unwrap_or_default()
}

/// The batch's pause, recorded or not, waited for.
fn told_while_it_stands_still(served: &Served<'_>, batch: &str) -> Value {
    let mut shown = Value::Null;
    served.watch(batch).until(|event| {
        shown = event["standing"].clone();
        !shown["pause"].is_null()
    });
    shown
}

fn check_all_is_filed_once(station: &Station, served: Served<'_>, batch: &str, seen: &Seen) {
    let filed = served.comes_to(batch, &["filed"]);
    assert_eq!((&filed["pages"], &filed["documents_filed"]), (&json!(PAGES), &json!(PAGES)));
    let backlog = served.get("/backlog");
    assert_eq!(backlog["troubles"], json!([]), "{backlog}");
    assert!(served.terminate().success(), "{}", station.serve_log());
    check_originals(station, batch, PAGES, batch);
    check_repository(station, PAGES, batch);
    seen.check_whole_files_only(2 * PAGES, batch);
}

#[test]
fn low_on_room_the_feeder_stops_and_the_clerk_is_told_where_to_make_some() {
    where_it_may_mount(
        "low_on_room_the_feeder_stops_and_the_clerk_is_told_where_to_make_some",
        || {
            let (station, mut third_page) = station();
            let disk = Share::mounted(&station.path("state"), 24);
            let seen = Seen::watching(&station.path("repository"));
            let served = serve(&station);
            let batch = order_up_to(&mut third_page, &served);
            disk.fill_but(FLOOR / 2);
            third_page.go_on();
            for is_tried_again in [false, true] {
                if is_tried_again {
                    put_back_and_go_on(&station, &served, &batch);
                    served
                        .watch(&batch)
                        .until(|event| event["standing"]["at_the_scanner"] == false);
                }
                let paused = served.comes_to(&batch, &["paused"]);
                assert_eq!(paused["pause"]["fault"], "disk", "{paused}");
                let state = station.path("state").display().to_string();
                assert!(say(&paused).contains("free some room"), "{paused}");
                assert!(say(&paused).contains(&state), "{paused}");
                assert_eq!(paused["last_page"], 3, "{paused}");
            }
            served.get("/status");
            disk.make_room();
            put_back_and_go_on(&station, &served, &batch);
            check_all_is_filed_once(&station, served, &batch, &seen);
        },
    );
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_loses_no_page() {
    where_it_may_mount("a_disk_that_is_full_to_the_last_byte_loses_no_page", || {
        let (station, mut third_page) = station();
        let disk = Share::mounted(&station.path("state"), 24);
        let seen = Seen::watching(&station.path("repository"));
        let served = serve(&station);
        let batch = order_up_to(&mut third_page, &served);
        disk.fill_but(0);
        third_page.go_on();
        let told = told_while_it_stands_still(&served, &batch);
        assert!(
            say(&told).contains("free some room") || say(&told).contains("make room"),
            "{told}"
        );
        served.get("/backlog");
        disk.make_room();
        served.comes_to(&batch, &["paused"]);
        put_back_and_go_on(&station, &served, &batch);
        check_all_is_filed_once(&station, served, &batch, &seen);
    });
}

#[test]
fn a_full_disk_under_the_database_alone_loses_no_page() {
    where_it_may_mount("a_full_disk_under_the_database_alone_loses_no_page", || {
        let (station, mut third_page) = station();
        let disk = Share::mounted(&station.path("state"), 24);
        let _spool = Share::mounted(&station.path("state/spool"), 24);
        let seen = Seen::watching(&station.path("repository"));
        let served = serve(&station);
        let batch = order_up_to(&mut third_page, &served);
        disk.fill_but(0);
        third_page.go_on();
        let told = told_while_it_stands_still(&served, &batch);
        assert_eq!(told["pause"]["fault"], "database", "{told}");
        assert!(say(&told).contains("its disk is full; make room there"), "{told}");
        assert!(say(&told).contains("back on the stack"), "{told}");
        served.get("/backlog");
        disk.make_room();
        served.comes_to(&batch, &["paused"]);
        put_back_and_go_on(&station, &served, &batch);
        check_all_is_filed_once(&station, served, &batch, &seen);
    });
}

fn while_another_program_holds_the_database(station: &Station, work: impl FnOnce()) {
    let url = format!("sqlite://{}", station.path("state/outguide.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut other = runtime.block_on(sqlx::SqliteConnection::connect(&url)).unwrap();
    runtime.block_on(sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other)).unwrap();
    work();
    runtime.block_on(sqlx::raw_sql("ROLLBACK").execute(&mut other)).unwrap();
    runtime.block_on(other.close()).unwrap();
}

#[test]
fn a_database_that_another_program_holds_loses_no_page() {
    // Longer than a writer waits for another.
    const HELD_FOR: Duration = Duration::from_secs(17);
    let (station, mut third_page) = station();
    let seen = Seen::watching(&station.path("repository"));
    let served = serve(&station);
    let batch = order_up_to(&mut third_page, &served);
    while_another_program_holds_the_database(&station, || {
        third_page.go_on();
        std::thread::sleep(HELD_FOR);
    });
    let paused = served.comes_to(&batch, &["paused"]);
    assert_eq!(paused["pause"]["fault"], "database", "{paused}");
    assert!(say(&paused).contains("held by another program"), "{paused}");
    assert!(say(&paused).contains("back on the stack"), "{paused}");
    put_back_and_go_on(&station, &served, &batch);
    check_all_is_filed_once(&station, served, &batch, &seen);
}

/// Its claim would hold for two minutes.
#[test]
fn a_step_that_ends_while_the_disk_is_full_is_done_again_as_soon_as_there_is_room() {
    where_it_may_mount(
        "a_step_that_ends_while_the_disk_is_full_is_done_again_as_soon_as_there_is_room",
        || {
            let station = Station::new();
            station.lay_in(&stack("pages")[..1]);
            let disk = Share::mounted(&station.path("state"), 48);
            let _spool = Share::mounted(&station.path("state/spool"), 48);
            let served = serve(&station);
            let profile = page_by_page_profile()
                .replace("languages = []", "languages = [\"eng\"]")
                .replace("dpi = 100", "dpi = 300");
            std::fs::write(station.path("profiles/read.toml"), profile).unwrap();
            let batch = served.order("read", "stack-end");
            // Who reads along keeps the database's log from giving room back.
            let reads_along = wait_until_a_page_is_being_read(&station);
            disk.fill_but(0);
            let begun = Instant::now();
            while !station.serve_log().contains("a step cannot be given back yet") {
                assert!(begun.elapsed() < Duration::from_secs(60), "{}", station.serve_log());
                std::thread::yield_now();
            }
            disk.make_room();
            drop(reads_along);
            let filed = served.comes_to(&batch, &["filed"]);
            assert_eq!(filed["documents_filed"], 1, "{filed}");
            assert!(served.terminate().success());
            check_repository(&station, 1, "one page");
        },
    );
}

/// A connection that still reads.
fn wait_until_a_page_is_being_read(
    station: &Station,
) -> (tokio::runtime::Runtime, sqlx::SqliteConnection) {
    let url = format!("sqlite://{}", station.path("state/outguide.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(async {
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let claimed = "SELECT COUNT(claim) FROM work WHERE step = 'read'";
        loop {
            sqlx::raw_sql("BEGIN").execute(&mut database).await.unwrap();
            if sqlx::query_scalar::<_, i64>(claimed).fetch_one(&mut database).await.unwrap() > 0 {
                return database;
            }
            sqlx::raw_sql("ROLLBACK").execute(&mut database).await.unwrap();
        }
    });
    (runtime, database)
}

/// A station whose repository is a folder of a share.
struct Filing {
    station: Station,
    share: Share,
    seen: Seen,
}

impl Filing {
    fn new() -> Self {
        let station = Station::new();
        station.lay_in_small(PAGES);
        let share = Share::mounted(&station.path("share"), 4);
        std::fs::create_dir(station.path("share/charts")).unwrap();
        let seen = Seen::watching(&share.on_the_server("charts"));
        Filing { station, share, seen }
    }

    fn charts(&self) -> PathBuf {
        self.station.path("share/charts")
    }

    /// The next stack is laid in, and nobody has seen the repository fail yet.
    fn order(&self, served: &Served<'_>) -> String {
        self.station.stack_taken_to("");
        served.order_into(&self.charts(), "page-by-page", "stack-end")
    }

    /// Scanning goes on beside a repository that fails, and the backlog says why.
    fn fails_while_scanning_goes_on(&self, served: &Served<'_>, cause: &str) -> [String; 2] {
        let first = self.order(served);
        let mut waits = Value::Null;
        served.watch(&first).until(|event| {
            waits = event.clone();
            event["event"] == "step-failed"
        });
        assert!(waits["cause"].as_str().unwrap().contains(cause), "{waits}");
        let second = self.order(served);
        served
            .watch(&second)
            .until(|event| event["event"] == "separated" || event["standing"]["state"] == "filing");
        for batch in [&first, &second] {
            let shown = served.get(&format!("/batches/{batch}"));
            assert_eq!(shown["pages_read"], PAGES, "{shown}");
        }
        let backlog = served.get("/backlog");
        assert!(backlog["documents_to_file"].as_u64() > Some(PAGES as u64), "{backlog}");
        let trouble = &backlog["troubles"][0];
        assert_eq!(trouble["batch"], first.as_str(), "{backlog}");
        assert!(trouble["cause"].as_str().unwrap().contains(cause), "{backlog}");
        let state = self.station.path("state").display().to_string();
        let told = self.station.run(&["backlog", "--state", &state]);
        assert!(told.code == 0 && told.stdout.contains(cause), "{}{}", told.stdout, told.stderr);
        [first, second]
    }

    fn check_all_is_filed_once(&self, served: Served<'_>, batches: &[String]) {
        for batch in batches {
            let filed = served.comes_to(batch, &["filed"]);
            assert_eq!(filed["documents_filed"], PAGES, "{filed}");
        }
        assert_eq!(served.get("/backlog")["troubles"], json!([]));
        assert!(served.terminate().success(), "{}", self.station.serve_log());
        for batch in batches {
            check_originals(&self.station, batch, PAGES, batch);
        }
        let documents = PAGES * batches.len();
        std::fs::remove_dir(self.station.path("repository")).unwrap();
        std::os::unix::fs::symlink(self.charts(), self.station.path("repository")).unwrap();
        check_repository(&self.station, documents, "at the end");
        self.seen.check_whole_files_only(2 * documents, "at the end");
    }
}

#[test]
fn a_full_repository_holds_up_nothing_but_itself() {
    where_it_may_mount("a_full_repository_holds_up_nothing_but_itself", || {
        let filing = Filing::new();
        let served = serve(&filing.station);
        filing.share.fill_but(0);
        let batches =
            filing.fails_while_scanning_goes_on(&served, "the repository is full; make room there");
        filing.share.make_room();
        filing.check_all_is_filed_once(served, &batches);
    });
}

#[test]
fn a_repository_that_fills_up_in_the_middle_is_gone_on_with() {
    where_it_may_mount("a_repository_that_fills_up_in_the_middle_is_gone_on_with", || {
        let filing = Filing::new();
        let served = serve(&filing.station);
        filing.share.fill_but(40 << 10);
        let batch = filing.order(&served);
        let mut waits = Value::Null;
        served.watch(&batch).until(|event| {
            waits = event.clone();
            event["event"] == "step-failed"
        });
        let cause = waits["cause"].as_str().unwrap();
        assert!(cause.contains("the repository is full; make room there"), "{waits}");
        let filed = served.get(&format!("/batches/{batch}"))["documents_filed"].as_u64().unwrap();
        assert!((1..PAGES as u64).contains(&filed), "it fills up in the middle: {filed}");
        filing.share.make_room();
        filing.check_all_is_filed_once(served, &[batch]);
    });
}

#[test]
fn a_read_only_repository_holds_up_nothing_but_itself() {
    where_it_may_mount("a_read_only_repository_holds_up_nothing_but_itself", || {
        let filing = Filing::new();
        let served = serve(&filing.station);
        let before = filing.order(&served);
        served.comes_to(&before, &["filed"]);
        filing.share.goes_away();
        filing.share.comes_back_read_only();
        let [first, second] =
            filing.fails_while_scanning_goes_on(&served, "this station may not write");
        filing.share.goes_away();
        filing.share.comes_back();
        filing.check_all_is_filed_once(served, &[before, first, second]);
    });
}

#[test]
fn a_repository_that_goes_away_and_comes_back_holds_up_nothing_but_itself() {
    where_it_may_mount(
        "a_repository_that_goes_away_and_comes_back_holds_up_nothing_but_itself",
        || {
            let filing = Filing::new();
            let served = serve(&filing.station);
            let mut batches = vec![filing.order(&served)];
            served.comes_to(&batches[0], &["filed"]);

            filing.share.goes_away();
            let cause = "mount the share or make the folder";
            batches.extend(filing.fails_while_scanning_goes_on(&served, cause));
            filing.share.comes_back();
            for batch in &batches {
                served.comes_to(batch, &["filed"]);
            }

            let aside = filing.station.path("share/renamed");
            std::fs::rename(filing.charts(), &aside).unwrap();
            batches.extend(filing.fails_while_scanning_goes_on(&served, cause));
            std::fs::rename(&aside, filing.charts()).unwrap();
            filing.check_all_is_filed_once(served, &batches);
        },
    );
}
