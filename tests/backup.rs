//! A station is lost and put back: what a backup holds, beside a running station
//! and without one, and what a restore refuses.

mod postgres;
mod station;

use std::path::{Path, PathBuf};

use postgres::PostgresServer;
use serde_json::{Value, json};
use station::{Ran, Station, page_by_page_profile, stack, with};

const SCANNER: [&str; 2] = ["--scanner", "folder:adf"];

fn backup(station: &Station, more: &[&str]) -> Ran {
    let (state, backup) = (text(&station.path("state")), text(&station.path("backup")));
    station.run(&[&["backup", "--to", &backup, "--state", &state, "--json"], more].concat())
}

fn restore(station: &Station, more: &[&str]) -> Ran {
    let (state, backup) = (text(&station.path("state")), text(&station.path("backup")));
    station.run(&[&["restore", "--from", &backup, "--state", &state, "--json"], more].concat())
}

fn lose_state(station: &Station) {
    std::fs::remove_dir_all(station.path("state")).unwrap();
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Every file below a folder, with what is in it.
fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

fn originals(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let spool = folder.join("spool");
    all_files(&spool)
        .into_iter()
        .filter(|(path, _)| !path.components().any(|part| part.as_os_str() == "derived"))
        .map(|(path, bytes)| (path.strip_prefix(&spool).unwrap().to_owned(), bytes))
        .collect()
}

/// One batch is filed, as documents of a page each.
fn filed_batch(station: &Station, pages: usize) -> String {
    station.lay_in_small(pages);
    let profile = station.quick_profile("feeder");
    std::fs::write(station.path("profiles/quick.toml"), page_by_page_profile()).unwrap();
    let filed = station.capture(&with(&profile, &SCANNER));
    assert_eq!(filed.code, 0, "{}", filed.stderr);
    clear_feeder(station);
    filed.batch()
}

fn clear_feeder(station: &Station) {
    for entry in std::fs::read_dir(station.path("feeder")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    if station.path("cursor").exists() {
        std::fs::remove_file(station.path("cursor")).unwrap();
    }
}

fn verified(station: &Station) -> Value {
    let (repository, state) = (text(&station.path("repository")), text(&station.path("state")));
    let verified = station.run(&["verify", &repository, "--state", &state, "--json"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    verified.json()
}

#[test]
fn a_station_put_back_goes_on_where_its_backup_was_made() {
    let station = Station::new();
    // One with a question, one filed, one stopped by a jam behind its second page.
    station.lay_in(&stack("demo-stack"));
    let asked = station.capture(&[&["--profile", "inpatient-chart"][..], &SCANNER].concat());
    assert_eq!(asked.code, 3, "{}", asked.stderr);
    clear_feeder(&station);
    filed_batch(&station, 2);
    let profile = station.quick_profile("feeder");
    station.lay_in_small(4);
    station.fault_at(3, "jam");
    let jammed = station.capture(&with(&profile, &SCANNER));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let before = verified(&station);

    let made = backup(&station, &["--profiles", &text(&station.path("profiles"))]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let pages = originals(&station.path("state"));
    assert_eq!(made.json()["originals"], json!(pages.len()));
    assert_eq!(made.json()["originals_added"], json!(pages.len()));
    assert_eq!(originals(&station.path("backup")), pages);
    let owner = std::fs::read(station.path("state/staging-owner")).unwrap();

    lose_state(&station);
    let restored = restore(&station, &[]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(originals(&station.path("state")), pages);
    assert_eq!(std::fs::read(station.path("state/staging-owner")).unwrap(), owner);
    assert!(!station.path("state/restoring").exists());
    let settings = restored.json()["settings"].as_str().unwrap().to_owned();
    assert!(Path::new(&settings).join("profiles/quick.toml").exists());
    assert_eq!(verified(&station), before);

    let resumed = station.capture(&["--resume", &jammed.batch()]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 4);
    let served = station.serve(&[]);
    let shown = served.get(&format!("/batches/{}", asked.batch()));
    assert_eq!(shown["state"], "in-question", "{shown}");
    verified(&station);
}

#[test]
fn a_second_backup_adds_what_is_new_and_takes_the_place_of_the_first() {
    let station = Station::new();
    filed_batch(&station, 3);
    assert_eq!(backup(&station, &[]).json()["originals_added"], 3);
    filed_batch(&station, 2);
    let second = backup(&station, &[]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert_eq!(second.json()["originals"], 5);
    assert_eq!(second.json()["originals_added"], 2);
    let runs = std::fs::read_dir(station.path("backup"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("run-"));
    assert_eq!(runs.count(), 1);
    lose_state(&station);
    assert_eq!(restore(&station, &[]).json()["originals"], 5);
    assert_eq!(verified(&station)["records"]["documents"], 5);
}

#[test]
fn a_backup_that_is_not_whole_is_refused_and_nothing_changed() {
    type Harm = fn(&Path, &Path);
    let harms: [(&str, i32, &str, Harm); 6] = [
        ("a changed byte of a page", 10, "changed: ", |_, page| {
            let mut bytes = std::fs::read(page).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(page, bytes).unwrap();
        }),
        ("a missing page", 10, "cannot be read: ", |_, page| {
            std::fs::remove_file(page).unwrap();
        }),
        ("a changed byte of the database", 10, "changed: ", |backup, _| {
            let found = all_files(backup);
            let (path, bytes) =
                found.iter().find(|(path, _)| path.ends_with("outguide.db")).unwrap();
            let mut bytes = bytes.clone();
            bytes[5000] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("no manifest", 10, "cut short", |backup, _| {
            std::fs::remove_file(backup.join("manifest.json")).unwrap();
        }),
        ("a page left out of the manifest", 10, "not kept: page", |backup, _| {
            change_manifest(backup, |manifest| {
                manifest["originals"].as_array_mut().unwrap().pop().unwrap();
            });
        }),
        ("a newer manifest", 1, "install that version", |backup, _| {
            change_manifest(backup, |manifest| manifest["format"] = json!(3));
        }),
    ];
    let station = Station::new();
    filed_batch(&station, 2);
    assert_eq!(backup(&station, &[]).code, 0);
    lose_state(&station);
    let kept = station.path("kept");
    std::fs::rename(station.path("backup"), &kept).unwrap();
    for (what, exit, told, harm) in harms {
        copy_folder(&kept, &station.path("backup"));
        let page = station.path("backup/spool").join(&originals(&kept)[0].0);
        harm(&station.path("backup"), &page);
        let refused = restore(&station, &[]);
        assert_eq!(refused.code, exit, "{what}: {}", refused.stderr);
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(told), "{what}: {error}");
        assert!(error.to_lowercase().contains("nothing was changed"), "{what}: {error}");
        assert!(!station.path("state").exists(), "{what}");
        std::fs::remove_dir_all(station.path("backup")).unwrap();
    }
    std::fs::rename(&kept, station.path("backup")).unwrap();
    assert_eq!(restore(&station, &[]).code, 0);
}

fn change_manifest(backup: &Path, change: impl FnOnce(&mut Value)) {
    let path = backup.join("manifest.json");
    let mut manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(&path, manifest.to_string()).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, bytes) in all_files(from) {
        let to = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
}

#[test]
fn a_restore_does_not_mix_two_stations() {
    let station = Station::new();
    filed_batch(&station, 1);
    assert_eq!(backup(&station, &[]).code, 0);
    let before = all_files(&station.path("state"));
    let refused = restore(&station, &[]);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(refused.stdout.contains("is not empty"), "{}", refused.stdout);
    assert_eq!(all_files(&station.path("state")), before);

    lose_state(&station);
    let other = station.path("other.toml");
    std::fs::write(&other, "[station]\nid = \"desk-2\"\n").unwrap();
    let refused = restore(&station, &["--station", &text(&other)]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.stdout.contains("put back the station.toml"), "{}", refused.stdout);
    assert!(!station.path("state").exists());

    // Nor does a backup: another station's is not overwritten.
    filed_batch(&station, 1);
    let refused = backup(&station, &[]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.stdout.contains("another station"), "{}", refused.stdout);
    lose_state(&station);
    assert_eq!(restore(&station, &[]).code, 0, "the backup is what it was");
}

#[test]
fn a_restore_that_was_cut_short_is_no_station_until_it_goes_on() {
    let station = Station::new();
    filed_batch(&station, 3);
    assert_eq!(backup(&station, &[]).code, 0);
    lose_state(&station);
    assert_eq!(restore(&station, &[]).code, 0);
    // As a stop before the last page and the database leaves it.
    let (last, _) = originals(&station.path("state")).pop().unwrap();
    let last = station.path("state/spool").join(last);
    std::fs::rename(&last, last.with_extension("png.part")).unwrap();
    std::fs::remove_file(station.path("state/outguide.db")).unwrap();
    let manifest = std::fs::read(station.path("backup/manifest.json")).unwrap();
    let mark = format!("{}\n", outguide::records::ids::Sha256::of(&manifest));
    std::fs::write(station.path("state/restoring"), mark).unwrap();

    let profile = station.quick_profile("feeder");
    let refused = station.capture(&with(&profile, &SCANNER));
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(refused.stdout.contains("was cut short"), "{}", refused.stdout);
    assert_eq!(restore(&station, &[]).code, 0);
    assert!(!station.path("state/restoring").exists());
    assert_eq!(verified(&station)["records"]["documents"], 3);
}

#[test]
fn a_backup_beside_a_scanning_station_holds_the_file_of_every_row() {
    let station = Station::new();
    let pages = 60;
    station.lay_in_small(pages);
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let batch = served.order("quick", "clerk");
    let mut backups = 0;
    served.watch(&batch).until(|event| {
        if event["page"].as_u64().is_some_and(|page| page % 20 == 5) && backups < 3 {
            let made = backup(&station, &[]);
            assert_eq!(made.code, 0, "{}", made.stderr);
            assert_eq!(made.json()["damaged"], json!([]));
            backups += 1;
        }
        event["standing"]["state"] == "paused"
    });
    assert!(backups > 0);
    let kept = backup(&station, &[]).json()["originals"].clone();
    assert_eq!(kept, json!(pages));
    served.kill();
    lose_state(&station);
    assert_eq!(restore(&station, &[]).code, 0);
    let served = station.serve(&with(&profile[..2], &[]));
    let (status, _) = served.post(&format!("/batches/{batch}/close"), &json!({}));
    assert_eq!(status, 200);
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!(filed["pages"], json!(pages));
}

#[test]
fn a_page_that_is_damaged_already_is_told_and_the_rest_is_kept() {
    let station = Station::new();
    filed_batch(&station, 3);
    let spool = station.path("state/spool");
    let found = originals(&station.path("state"));
    std::fs::write(spool.join(&found[0].0), "another page").unwrap();
    std::fs::remove_file(spool.join(&found[1].0)).unwrap();
    let made = backup(&station, &[]);
    assert_eq!(made.code, 10, "{}", made.stderr);
    assert_eq!(made.json()["originals"], 1);
    let damages: Vec<_> = made.json()["damaged"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["damage"].clone())
        .collect();
    assert_eq!(damages, ["changed", "lost"]);
    lose_state(&station);
    let restored = restore(&station, &[]);
    assert_eq!(restored.code, 10, "{}", restored.stderr);
    assert_eq!(restored.json()["originals"], 1);
}

#[test]
fn a_backup_lies_apart_from_the_station_and_its_repository() {
    let station = Station::new();
    filed_batch(&station, 1);
    let state = text(&station.path("state"));
    let toml = station.path("station.toml");
    let repository = text(&station.path("repository"));
    std::fs::write(&toml, format!("[repository]\ndir = {repository:?}\n")).unwrap();
    for within in ["state/backup", "repository/backup", ".outguide"] {
        let to = text(&station.path(within));
        let args = ["backup", "--to", &to, "--state", &state, "--station", &text(&toml)];
        let refused = station.run(&args);
        assert_eq!(refused.code, 6, "{within}: {}", refused.stderr);
        assert!(refused.stderr.contains("keep them apart"), "{within}: {}", refused.stderr);
    }
}

#[test]
fn a_station_of_a_shared_database_is_put_back_with_it_or_without_it() {
    let Some(server) = PostgresServer::start() else { return };
    let station = Station::new();
    let toml = station.path("station.toml");
    let names = |database: &str| {
        server.new_database(database);
        let url = server.url_text(database, &server.path("socket"));
        std::fs::write(&toml, format!("[store]\nurl = {url:?}\n")).unwrap();
    };
    names("first");
    let toml_text = text(&toml);
    let on = ["--station", toml_text.as_str()];
    station.lay_in_small(2);
    let profile = station.quick_profile("feeder");
    let filed = station.capture(&[&with(&profile, &SCANNER)[..], &on].concat());
    assert_eq!(filed.code, 0, "{}", filed.stderr);
    let made = backup(&station, &on);
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    assert_eq!(made.json()["originals"], 2);

    lose_state(&station);
    let refused = restore(&station, &on);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(refused.stdout.contains("--without-database"), "{}", refused.stdout);
    assert!(!station.path("state").exists());
    let restored = restore(&station, &[&on[..], &["--without-database"]].concat());
    assert_eq!(restored.code, 0, "{}{}", restored.stdout, restored.stderr);

    lose_state(&station);
    names("second");
    let restored = restore(&station, &on);
    assert_eq!(restored.code, 0, "{}{}", restored.stdout, restored.stderr);
    let batches = server.run_sql("second", "SELECT id FROM batch");
    assert_eq!(batches.trim(), filed.batch());
    assert_eq!(originals(&station.path("state")).len(), 2);
}
