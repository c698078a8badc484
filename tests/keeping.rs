//! What is kept of batches that ended: everything, in a chain that shows what was
//! changed, until a profile lets originals go.

mod station;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use outguide::app;
use outguide::backup::making::{BackupOrder, back_up};
use outguide::config::Station as Settings;
use outguide::disk::Disk;
use outguide::keeping::purging::{DueBatch, look, purge};
use outguide::records::chain::Link;
use outguide::records::ids::{BatchId, Sha256};
use outguide::records::manifest::ManifestRow;
use outguide::store::{Database, PurgeRecorded};
use serde_json::{Value, json};
use sqlx::Row;
use station::served::Served;
use station::{Ran, Station, page_by_page_profile, with};
use tokio::runtime::Handle;

const SCANNER: [&str; 2] = ["--scanner", "folder:adf"];

/// What has not happened by then does not happen.
const LIMIT: Duration = Duration::from_secs(60);

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn verify(station: &Station) -> Ran {
    let (repository, state) = (text(&station.path("repository")), text(&station.path("state")));
    station.run(&["verify", &repository, "--state", &state, "--json"])
}

fn sound(station: &Station) -> Value {
    let verified = verify(station);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let archive = verified.json()["archive"].clone();
    assert_eq!(archive["problems"], json!([]));
    archive
}

fn problems(station: &Station) -> Vec<Value> {
    let verified = verify(station);
    assert_eq!(verified.code, 10, "{}{}", verified.stdout, verified.stderr);
    verified.json()["archive"]["problems"].as_array().unwrap().clone()
}

fn original(station: &Station, batch: &str, page: u32) -> PathBuf {
    station.path(&format!("state/spool/{batch}/{page:04}.png"))
}

/// A batch of two pages, filed as documents of a page each.
fn filed_batch(station: &Station) -> String {
    filed_under(station, "")
}

fn filed_under(station: &Station, more_of_the_profile: &str) -> String {
    let profile = station.quick_profile("feeder");
    let text = page_by_page_profile() + more_of_the_profile;
    std::fs::write(station.path("profiles/quick.toml"), text).unwrap();
    station.lay_in_small(2);
    if station.path("cursor").exists() {
        std::fs::remove_file(station.path("cursor")).unwrap();
    }
    let filed = station.capture(&with(&profile, &SCANNER));
    assert_eq!(filed.code, 0, "{}", filed.stderr);
    filed.batch()
}

const A_MONTH: &str = "[keep]\noriginal_days = 30\n";

fn in_days(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)
}

/// The station's database as one file.
fn copied_database(station: &Station) -> Vec<u8> {
    station.database("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::read(station.path("state/outguide.db")).unwrap()
}

fn put_back_database(station: &Station, copy: &[u8]) {
    for beside in ["outguide.db-wal", "outguide.db-shm"] {
        let path = station.path("state").join(beside);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::write(station.path("state/outguide.db"), copy).unwrap();
}

/// Whoever writes to the database past the station is not kept from it.
const UNGUARDED: &str = "PRAGMA foreign_keys = OFF; \
     DROP TRIGGER manifest_is_not_changed; DROP TRIGGER manifest_is_not_deleted; \
     DROP TRIGGER filed_document_stands; DROP TRIGGER ended_batch_stays; \
     DROP TRIGGER filed_version_is_kept;";

#[test]
fn a_changed_byte_a_missing_page_and_every_change_of_a_record_is_found_and_named() {
    let station = Station::new();
    let batches = [filed_batch(&station), filed_batch(&station), filed_batch(&station)];
    let archive = sound(&station);
    assert_eq!(archive["batches"], 3);
    assert_eq!(archive["sound_pages"], 6);
    assert_eq!(archive["manifests"], 3);

    let first = &batches[0];
    let second_page = original(&station, first, 2);
    let bytes = std::fs::read(&second_page).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    std::fs::write(&second_page, &changed).unwrap();
    let page = |problem: &str, page: u32| json!({"problem": problem, "batch": first, "page": page});
    found(&problems(&station), &[page("original-changed", 2)]);
    std::fs::remove_file(&second_page).unwrap();
    found(&problems(&station), &[page("original-missing", 2)]);
    std::fs::write(&second_page, &bytes).unwrap();
    sound(&station);

    let chain = |kind: &str, more: Value| {
        let mut problem = json!({"problem": "manifests", "station": "station", "kind": kind});
        problem.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problem
    };
    let other = Sha256::of(b"another page");
    let harms: Vec<(String, Vec<Value>)> = vec![
        (
            format!(
                "UPDATE page SET sha256 = '{other}' WHERE batch_id = '{first}' AND page_no = 1"
            ),
            vec![page("page-row-changed", 1)],
        ),
        (
            format!("DELETE FROM page WHERE batch_id = '{first}' AND page_no = 2"),
            vec![
                page("page-row-changed", 2),
                json!({"problem": "document-row-changed", "document": format!("{first}-0002")}),
            ],
        ),
        (
            format!(
                "UPDATE placement SET place = 'question', first_page = NULL \
                     WHERE batch_id = '{first}' AND page_no = 2"
            ),
            vec![
                page("page-row-changed", 2),
                json!({"problem": "document-row-changed", "document": format!("{first}-0002")}),
            ],
        ),
        (
            format!(
                "UPDATE document SET document_type = 'X' WHERE batch_id = '{first}' \
                     AND first_page = 1"
            ),
            vec![json!({"problem": "document-row-changed", "document": format!("{first}-0001")})],
        ),
        (
            format!("UPDATE batch SET profile_name = 'x' WHERE id = '{first}'"),
            vec![json!({"problem": "batch-row-changed", "batch": first})],
        ),
        (
            format!("INSERT INTO purge (batch_id, at, after_days) VALUES ('{first}', 'now', 90)"),
            vec![json!({"problem": "purge-row-changed", "batch": first})],
        ),
        (
            format!("DELETE FROM batch WHERE id = '{first}'"),
            vec![json!({"problem": "batch-row-gone", "batch": first})],
        ),
        (
            format!(
                "UPDATE manifest SET text = replace(text, '{first}-0001', '{first}-0009') \
                     WHERE no = 1"
            ),
            vec![
                chain("changed", json!({"no": 1})),
                json!({"problem": "document-row-changed", "document": format!("{first}-0001")}),
                json!({"problem": "document-row-changed", "document": format!("{first}-0009")}),
            ],
        ),
        (
            "UPDATE manifest SET text = 'no manifest' WHERE no = 1".to_owned(),
            vec![
                chain("changed", json!({"no": 1})),
                json!({"problem": "manifest-unreadable", "batch": first, "no": 1}),
            ],
        ),
        (
            "DELETE FROM manifest WHERE no = 2".to_owned(),
            vec![chain("gap", json!({"after": 1, "next": 3}))],
        ),
        (
            "DELETE FROM manifest WHERE no > 1; UPDATE manifest_head SET no = 1, \
             hash = (SELECT hash FROM manifest WHERE no = 1)"
                .to_owned(),
            vec![chain("cut-off", json!({"last": 1, "noted": 3}))],
        ),
        (
            "DELETE FROM manifest; DELETE FROM manifest_head".to_owned(),
            vec![chain("cut-off", json!({"last": 0, "noted": 3}))],
        ),
    ];
    let database = copied_database(&station);
    for (harm, expected) in harms {
        station.database(&format!("{UNGUARDED} {harm}"));
        found_after(&harm, &problems(&station), &expected);
        put_back_database(&station, &database);
    }
    sound(&station);
}

fn found(problems: &[Value], expected: &[Value]) {
    found_after("", problems, expected);
}

/// These and no others; each has what is expected of it, and may say more.
fn found_after(harm: &str, problems: &[Value], expected: &[Value]) {
    let says = |problem: &Value, wanted: &Value| {
        wanted.as_object().unwrap().iter().all(|(name, value)| problem[name] == *value)
    };
    let all = expected.iter().all(|wanted| problems.iter().any(|problem| says(problem, wanted)));
    assert!(all && problems.len() == expected.len(), "{harm}: {problems:#?} {expected:#?}");
}

#[test]
fn a_manifest_forged_as_the_program_makes_it_does_not_fit_the_chain_or_its_note() {
    let station = Station::new();
    let batch = filed_batch(&station);
    filed_batch(&station);
    for no in [1, 2] {
        let database = copied_database(&station);
        rewrite_manifests(&station, |row| {
            if row.no == no {
                row.text = row.text.replace("\"sheet\":1", "\"sheet\":3");
            }
        });
        // Its own hash is right, and of the first one the next row's too.
        let kinds: Vec<Value> =
            problems(&station).iter().map(|problem| problem["kind"].clone()).collect();
        assert!(kinds.contains(&json!("other-head")), "{kinds:?}");
        put_back_database(&station, &database);
    }
    // In words too, for a person without a repository at hand.
    std::fs::remove_file(original(&station, &batch, 1)).unwrap();
    let told = station.run(&["verify", "--state", &text(&station.path("state"))]);
    assert_eq!(told.code, 10, "{}", told.stderr);
    let expected = format!("page 1 of batch {batch}; put it back from a backup");
    assert!(told.stdout.contains(&expected), "{}", told.stdout);
}

#[test]
fn a_note_is_not_moved_on_over_rows_that_are_gone() {
    let station = Station::new();
    filed_batch(&station);
    filed_batch(&station);
    let note = std::fs::read(station.path("state/manifest-head.json")).unwrap();
    station.database(&format!(
        "{UNGUARDED} DELETE FROM manifest WHERE no = 2; UPDATE manifest_head SET no = 1, \
         hash = (SELECT hash FROM manifest WHERE no = 1)"
    ));
    // The next batch's manifest gets the number of the one that is gone.
    filed_batch(&station);
    assert_eq!(std::fs::read(station.path("state/manifest-head.json")).unwrap(), note);
    let other = json!({"problem": "manifests", "kind": "other-head", "no": 2});
    found(&problems(&station), &[other]);
}

/// Changes every manifest and binds them anew, as the station would have.
fn rewrite_manifests(station: &Station, change: impl Fn(&mut ManifestRow)) {
    let url = format!("sqlite://{}", text(&station.path("state/outguide.db")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::raw_sql("DROP TRIGGER IF EXISTS manifest_is_not_changed")
            .execute(&pool)
            .await
            .unwrap();
        let rows =
            sqlx::query("SELECT * FROM manifest ORDER BY no").fetch_all(&pool).await.unwrap();
        let mut before = Sha256::from_bytes([0; 32]);
        for row in rows {
            let mut row = ManifestRow {
                station: row.get("station"),
                no: row.get::<i64, _>("no") as u64,
                at: row.get::<String, _>("at").parse().unwrap(),
                batch: row.get::<String, _>("batch_id").parse().unwrap(),
                edition: row.get::<i64, _>("edition") as u32,
                text: row.get("text"),
                before,
                hash: before,
            };
            change(&mut row);
            row.hash = row.expected_hash();
            before = row.hash;
            sqlx::query(
                "UPDATE manifest SET at = $2, text = $3, before = $4, hash = $5 WHERE no = $1",
            )
            .bind(row.no as i64)
            .bind(row.at.to_string())
            .bind(&row.text)
            .bind(row.before.to_string())
            .bind(row.hash.to_string())
            .execute(&pool)
            .await
            .unwrap();
        }
        sqlx::query("UPDATE manifest_head SET hash = $1")
            .bind(before.to_string())
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
    });
}

/// As if everything had ended so long ago.
fn age(station: &Station, days: i64) {
    rewrite_manifests(station, |row| {
        row.at = row.at.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
    });
    std::fs::remove_file(station.path("state/manifest-head.json")).unwrap();
}

/// A batch of two pages from the feeder.
fn order(
    served: &Served<'_>,
    station: &Station,
    profile: &str,
    more: Value,
    state: &str,
) -> String {
    let mut order = json!({
        "profile": profile, "scanner": "folder:adf", "repository": station.path("repository"),
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    station.lay_in_small(2);
    if station.path("cursor").exists() {
        std::fs::remove_file(station.path("cursor")).unwrap();
    }
    let (status, batch) = served.post("/batches", &order);
    assert_eq!(status, 201, "{batch}");
    let id = batch["id"].as_str().unwrap().to_owned();
    served.comes_to(&id, &[state]);
    id
}

fn purge_told(station: &Station, more: &[&str]) -> Ran {
    let state = text(&station.path("state"));
    station.run(&[&["purge", "--state", &state, "--json"], more].concat())
}

fn ids(told: &Value) -> Vec<&str> {
    told["batches"].as_array().unwrap().iter().map(|told| told["batch"].as_str().unwrap()).collect()
}

#[test]
fn originals_go_when_their_profile_says_so_and_no_others_do() {
    let station = Station::new();
    let profiles = station.quick_profile("feeder")[1].clone();
    let quick = std::fs::read_to_string(station.path("profiles/quick.toml")).unwrap();
    std::fs::write(station.path("profiles/month.toml"), quick + A_MONTH).unwrap();
    let serve = || station.serve(&["--profiles", &profiles]);
    let served = serve();
    let stack = || json!({"closed_by": "stack-end"});
    let filed = order(&served, &station, "month", stack(), "filed");
    let for_ever = order(&served, &station, "quick", stack(), "filed");
    let expects = json!({"closed_by": "stack-end", "expect_sheets": 3});
    let held = order(&served, &station, "month", expects, "held");
    let of_tomorrow = order(&served, &station, "month", stack(), "filed");
    let discarded = order(&served, &station, "month", json!({}), "paused");
    let reason = json!({"reason": "the wrong stack"});
    let (status, told) = served.post(&format!("/batches/{discarded}/discard"), &reason);
    assert_eq!(status, 200, "{told}");
    assert!(served.terminate().success());
    assert_eq!(purge_told(&station, &[]).json()["batches"], json!([]), "not yet");
    station.database(&format!(
        "UPDATE batch SET profile_text = 'keys = of tomorrow' WHERE id = '{of_tomorrow}'"
    ));
    let month = std::fs::read(station.path("profiles/month.toml")).unwrap();
    let (old, new) =
        (Sha256::of(&month).to_string(), Sha256::of(b"keys = of tomorrow").to_string());
    rewrite_manifests(&station, |row| {
        if row.batch.as_str() == of_tomorrow {
            row.text = row.text.replace(&old, &new);
        }
    });

    age(&station, 31);
    let due = purge_told(&station, &[]);
    assert_eq!(due.code, 0, "{}", due.stderr);
    let due = due.json();
    // In the order of their ids, which are drawn.
    let mut both = vec![&*filed, &*discarded];
    both.sort();
    assert_eq!((ids(&due), &due["removed"]), (both, &json!(false)));
    assert_eq!((&due["pages"], &due["kept"][0]["batches"]), (&json!(4), &json!(1)));
    assert_eq!(sound(&station)["sound_pages"], 10, "a look changes nothing");

    let served = serve();
    comes_true(|| sound(&station)["purged_pages"] == 4);
    let gone = |batch: &str| !station.path(&format!("state/spool/{batch}")).exists();
    comes_true(|| gone(&filed) && gone(&discarded));
    for kept in [&for_ever, &held, &of_tomorrow] {
        assert!(original(&station, kept, 1).exists() && original(&station, kept, 2).exists());
    }
    let image = |batch: &str| served.ask("GET", &format!("/batches/{batch}/pages/1/image"), None);
    let (status, told) = image(&filed);
    assert_eq!((status, &told["kind"]), (410, &json!("removed")));
    assert!(told["detail"].as_str().unwrap().contains("30 days after its end"), "{told}");
    assert_eq!(image(&for_ever).0, 200);
    let pages = served.get(&format!("/batches/{filed}/pages"));
    assert_eq!(pages["pages"].as_array().unwrap().len(), 2, "what is known of them stays");
    assert!(served.terminate().success());

    assert_eq!(sound(&station)["sound_pages"], 6);
    assert_eq!(ids(&purge_told(&station, &["--yes"]).json()), [] as [&str; 0]);
    let state = text(&station.path("state"));
    let audit = station.run(&["audit", "export", "--state", &state]);
    let purges: Vec<Value> = audit
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["action"] == "purge-batch")
        .collect();
    assert_eq!(purges.len(), 2);
    assert!(purges.iter().all(|row| row["actor"] == "station"), "{purges:?}");
    assert_eq!(station.run(&["audit", "verify", "--state", &state]).code, 0);
}

fn comes_true(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it does not come true");
        std::thread::yield_now();
    }
}

#[test]
fn whoever_writes_a_limit_into_a_batch_has_no_page_of_it_removed() {
    let station = Station::new();
    let batch = filed_batch(&station);
    station.database(&format!("UPDATE batch SET profile_text = profile_text || '{A_MONTH}'"));
    age(&station, 31);
    let refused = purge_told(&station, &["--yes"]);
    assert_eq!(refused.code, 10, "{}", refused.stderr);
    assert_eq!(refused.json()["changed"], json!([batch]));
    assert!(original(&station, &batch, 1).exists());
    found(&problems(&station), &[json!({"problem": "batch-row-changed", "batch": batch})]);
}

#[tokio::test]
async fn a_purge_cut_short_is_finished_later_and_its_pages_are_never_called_lost() {
    let station = Station::new();
    let batch: BatchId = filed_under(&station, A_MONTH).parse().unwrap();

    // Recorded, and killed behind the first file.
    let state = open(&station).await;
    let in_a_month = in_days(30);
    let almost = in_a_month - jiff::SignedDuration::from_hours(1);
    let look_at = async |now| look(&state.store, &state.station, "", now).await.unwrap().due;
    assert_eq!(look_at(almost).await, []);
    let due: Vec<DueBatch> = look_at(in_a_month).await;
    assert_eq!((due.len(), &due[0].id, due[0].after_days), (1, &batch, 30));
    let recorded = state.store.record_purge(&batch, due[0].ended_at, 30, in_a_month).await.unwrap();
    assert_eq!(recorded, PurgeRecorded::Yes);
    drop(state);
    std::fs::remove_file(original(&station, batch.as_str(), 2)).unwrap();
    assert_eq!(sound(&station)["purged_pages"], 2);

    let finished = purge_told(&station, &["--yes"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(!station.path(&format!("state/spool/{batch}")).exists());
    assert_eq!(sound(&station)["purged_pages"], 2);
    let state = open(&station).await;
    let purged = state.store.purge_of(&batch).await.unwrap().unwrap();
    assert!(purged.done_at.is_some());
    let again = purge(&state.store, &state.spool, &due[0], in_a_month).await.unwrap();
    assert_eq!(again, PurgeRecorded::NotDue);
}

async fn open(station: &Station) -> app::State {
    let settings = Settings { free_space_floor_mb: 0, ..Settings::default() };
    app::open_state(&station.path("state"), &settings, Disk::Real).await.unwrap()
}

#[tokio::test]
async fn a_backup_has_the_notes_and_lets_go_of_what_was_purged() {
    let station = Station::new();
    let kept = filed_batch(&station);
    let purged = filed_under(&station, A_MONTH);
    let (state, backup) = (text(&station.path("state")), text(&station.path("backup")));
    let back_up = || station.run(&["backup", "--to", &backup, "--state", &state, "--json"]);
    assert_eq!(back_up().json()["originals"], 4);

    let opened = open(&station).await;
    let due = look(&opened.store, &opened.station, "", in_days(30)).await.unwrap().due;
    assert_eq!(due.len(), 1);
    let done = purge(&opened.store, &opened.spool, &due[0], in_days(30)).await.unwrap();
    assert_eq!(done, PurgeRecorded::Yes);
    drop(opened);
    assert_eq!(purge_told(&station, &["--yes"]).json()["batches"], json!([]), "notes the heads");
    let before = sound(&station);
    assert_eq!((&before["sound_pages"], &before["purged_pages"]), (&json!(2), &json!(2)));
    let made = back_up();
    assert_eq!((made.code, &made.json()["originals"]), (0, &json!(2)), "{}", made.stderr);
    assert!(!station.path(&format!("backup/spool/{purged}")).exists());
    assert!(station.path(&format!("backup/spool/{kept}/0001.png")).exists());

    let notes = ["audit-head.json", "manifest-head.json"];
    let noted = notes.map(|note| std::fs::read(station.path("state").join(note)).unwrap());
    std::fs::remove_dir_all(station.path("state")).unwrap();
    let restored = station.run(&["restore", "--from", &backup, "--state", &state, "--json"]);
    assert_eq!(restored.code, 0, "{}{}", restored.stdout, restored.stderr);
    let found = notes.map(|note| std::fs::read(station.path("state").join(note)).unwrap());
    assert_eq!(found, noted);
    assert_eq!(sound(&station), before);
    assert_eq!(station.run(&["audit", "verify", "--state", &state]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_in_the_middle_of_a_backup_is_no_damage() {
    let station = Station::new();
    filed_batch(&station);
    filed_under(&station, A_MONTH);
    let opened = open(&station).await;
    let due = look(&opened.store, &opened.station, "", in_days(30)).await.unwrap().due;
    let order = BackupOrder {
        state: &station.path("state"),
        database: &Database::Sqlite(station.path("state/outguide.db")),
        station: "station",
        settings: &[],
        to: &station.path("backup"),
        now: jiff::Timestamp::now(),
    };
    // Behind the copy of the database, before the pages of the second batch.
    let purged = AtomicBool::new(false);
    let purge_the_second = || {
        if !purged.swap(true, Ordering::Relaxed) {
            let done = purge(&opened.store, &opened.spool, &due[0], in_days(30));
            let done = tokio::task::block_in_place(|| Handle::current().block_on(done));
            assert_eq!(done.unwrap(), PurgeRecorded::Yes);
        }
    };
    let made = back_up(&Disk::Real, &order, &purge_the_second).await.unwrap();
    assert_eq!((made.manifest.originals(), made.manifest.damaged), (2, vec![]));
}

#[test]
fn the_database_itself_refuses_to_change_or_delete_a_manifest_and_to_purge_too_early() {
    let station = Station::new();
    let filed = filed_batch(&station);
    let profile = station.quick_profile("feeder");
    std::fs::remove_file(station.path("cursor")).unwrap();
    let held =
        station.capture(&with(&profile, &[&SCANNER[..], &["--expect-sheets", "9"]].concat()));
    assert_eq!(held.code, 3, "{}", held.stderr);
    let purge = |batch: &str| {
        format!("INSERT INTO purge (batch_id, at, after_days) VALUES ('{batch}', 'now', 1)")
    };
    for statement in [
        "UPDATE manifest SET at = '2026-01-31T09:00:00Z'".to_owned(),
        "DELETE FROM manifest".to_owned(),
        purge(&held.batch()),
    ] {
        let refused = std::panic::catch_unwind(|| station.database(&statement));
        assert!(refused.is_err(), "{statement}");
    }
    station.database(&purge(&filed));
    let back = std::panic::catch_unwind(|| station.database("DELETE FROM purge"));
    assert!(back.is_err(), "what was removed does not come back");
}
