//! How a stopped batch goes on: what is to be fed, what is remembered of it, and
//! what comes too late.

mod station;

use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use station::{Station, page_by_page_profile, small_page, with};

const SCANNER: [&str; 2] = ["--scanner", "folder:adf"];

/// Duplex, stopped with the front of sheet 2 kept.
fn stopped_within_a_sheet(station: &Station) -> String {
    station.lay_in_small(6);
    station.fault_at(4, "jam");
    let profile = station.quick_profile("feeder-duplex");
    let jammed = station.capture(&with(&profile, &SCANNER));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    std::fs::remove_file(station.path("feeder/0004.jam")).unwrap();
    jammed.batch()
}

#[test]
fn half_a_sheet_that_was_never_fed_again_is_a_question() {
    let station = Station::new();
    let batch = stopped_within_a_sheet(&station);
    // No scanner is attached: the sheet does not come again.
    std::fs::remove_file(station.path("drivers/libsane-folder.so.1")).unwrap();
    let no_scanner = station.capture(&["--resume", &batch]);
    assert_eq!(no_scanner.code, 5, "{}", no_scanner.stderr);
    let closed = station.capture(&["--resume", &batch, "--no-more-paper"]);
    assert_eq!(closed.code, 3, "{}", closed.stderr);
    let outcome = closed.json();
    assert_eq!((&outcome["set_aside"], &outcome["documents"]), (&json!([]), &json!([])));
    let question = &outcome["questions"][0];
    assert_eq!((&question["page"], &question["holds"]), (&json!(3), &json!([1, 2, 3])));
    let reason = question["reason"].as_str().unwrap();
    assert!(reason.contains("the other side of this sheet was never scanned"), "{reason}");
}

#[test]
fn after_a_kill_between_its_sides_that_sheet_is_the_one_to_feed() {
    let station = Station::new();
    station.lay_in_small(6);
    station.fault_at(4, "wait");
    let profile = station.quick_profile("feeder-duplex");
    let args = with(&profile, &SCANNER);
    let killed = station.signalled(&args, "0004.wait", &[Signal::KILL]);
    let what = "the last page kept is 3 (the front of sheet 2); feed that sheet again";
    let refused = station.capture(&args);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains(what), "{}", refused.stderr);

    std::fs::remove_file(station.path("feeder/0004.wait")).unwrap();
    station.stack_taken_to("0002.pgm");
    let resumed = station.capture(&["--resume", &killed.batch()]);
    assert!(resumed.stderr.contains(what), "{}", resumed.stderr);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["documents"][0]["pages"], json!([1, 2, 4, 5, 6, 7]));
}

#[test]
fn a_sheet_that_went_through_without_a_page_kept_is_asked_for_before_paper_moves() {
    let station = Station::new();
    station.lay_in_small(2);
    station.fault_at(1, "wait");
    let profile = station.quick_profile("feeder");
    let args = with(&profile, &SCANNER);
    let killed = station.signalled(&args, "0001.wait", &[Signal::KILL]);
    std::fs::remove_file(station.path("feeder/0001.wait")).unwrap();
    // As a kill between the rename and the row leaves it.
    let spool = station.path("state/spool").join(killed.batch());
    std::fs::create_dir(&spool).unwrap();
    std::fs::write(spool.join("0001.png"), "whole").unwrap();

    let asked = station.capture(&args);
    assert_eq!(asked.code, 4, "{}", asked.stderr);
    assert!(asked.stderr.contains("put that sheet back"), "{}", asked.stderr);
    let at = spool.join("unclaimed/0001.png").display().to_string();
    assert!(asked.stderr.contains(&at), "{}", asked.stderr);
    station.stack_taken_to("");
    let next = station.capture(&args);
    assert_eq!(next.code, 0, "{}", next.stderr);
    assert_eq!(next.json()["pages"], 2);
}

#[test]
fn a_whole_page_that_was_not_counted_is_told_from_a_torn_one() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let jammed = station.capture(&with(&profile, &SCANNER));
    let spool = station.path("state/spool").join(jammed.batch());
    std::fs::write(spool.join("0002.png"), "whole").unwrap();
    std::fs::write(spool.join(".0003.png.0.part"), "torn").unwrap();
    // Whoever comes first tells it, and the sheet is fed again.
    let refused = station.capture(&with(&profile, &SCANNER));
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    let of = format!("of batch {} was", jammed.batch());
    let whole = format!("0002.png {of} whole but not yet counted");
    assert!(refused.stderr.contains(&whole), "{}", refused.stderr);
    assert!(refused.stderr.contains("feed its sheet again"), "{}", refused.stderr);
    let torn = format!(".0003.png.0.part {of} not whole");
    assert!(refused.stderr.contains(&torn), "{}", refused.stderr);
}

#[test]
fn a_wrong_option_or_scanner_on_a_resume_is_not_remembered() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let batch = station.capture(&with(&profile, &SCANNER)).batch();
    for (wrong, code) in [(["--set", "foo=1"], 6), (["--scanner", "nobody's"], 5)] {
        let refused = station.capture(&[&["--resume", &batch][..], &wrong].concat());
        assert_eq!(refused.code, code, "{}", refused.stderr);
    }
    let resumed = station.capture(&["--resume", &batch]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 3);
}

#[test]
fn the_printed_command_takes_no_more_pages_than_the_batch_was_to_have() {
    let station = Station::new();
    station.lay_in_small(6);
    station.fault_at(3, "jam");
    let profile = station.quick_profile("feeder");
    let jammed = station.capture(&with(&profile, &[&SCANNER[..], &["--pages", "4"]].concat()));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let resumed = station.capture(&["--resume", &jammed.batch()]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 4);
}

#[test]
fn an_empty_feeder_behind_kept_pages_may_be_the_end_of_the_stack() {
    let station = Station::new();
    station.lay_in_small(2);
    station.fault_at(3, "jam");
    let profile = station.quick_profile("feeder");
    let jammed = station.capture(&with(&profile, &SCANNER));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let empty = station.capture(&["--resume", &jammed.batch()]);
    assert_eq!(empty.code, 5, "{}", empty.stderr);
    assert!(empty.stderr.contains("--no-more-paper"), "{}", empty.stderr);
}

/// `outguide capture --resume` into a repository of this name.
fn resume_into(station: &Station, batch: &str, repository: &str) -> station::Ran {
    let folder = station.path(repository);
    std::fs::create_dir_all(&folder).unwrap();
    let (folder, state) = (folder.display().to_string(), station.path("state"));
    let state = state.display().to_string();
    let resume = ["capture", "--json", "--resume", batch, "--no-more-paper"];
    station.run(&[&resume[..], &["--state", &state, "--repository", &folder]].concat())
}

/// The station with page files in a folder, whose path comes with it, and a
/// database.
fn station_of_files(files: usize, profile: &[String], station: Station) -> (Station, String) {
    let stack = station.path("stack");
    std::fs::create_dir(&stack).unwrap();
    // Makes the database, and no batch.
    let stack = stack.display().to_string();
    station.capture(&with(profile, &["--from", &stack]));
    for no in 1..=files {
        std::fs::write(format!("{stack}/{no}.pgm"), small_page(no)).unwrap();
    }
    (station, stack)
}

fn break_at(station: &Station, update: &str) {
    station.database(&format!(
        "CREATE TRIGGER broken BEFORE UPDATE OF {update} \
         BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
    ));
}

/// A station whose batch of two documents stops as the row of `stops_at` is
/// written, its files standing already.
fn stopped_while_filing(stops_at: &str) -> (Station, String) {
    let station = Station::new();
    std::fs::create_dir_all(station.path("profiles")).unwrap();
    std::fs::write(station.path("profiles/paged.toml"), page_by_page_profile()).unwrap();
    let profiles = station.path("profiles").display().to_string();
    let profile = ["--profiles", &profiles, "--profile", "paged"].map(str::to_owned);
    let (station, stack) = station_of_files(2, &profile, station);
    break_at(&station, &format!("filed_at ON document WHEN NEW.first_page = {stops_at}"));
    let stopped = station.capture(&with(&profile, &["--from", &stack]));
    assert_eq!(stopped.code, 7, "{}", stopped.stderr);
    let batch = stopped.batch();
    station.database("DROP TRIGGER broken");
    (station, batch)
}

#[test]
fn a_batch_with_a_document_filed_is_neither_moved_nor_counted_anew() {
    for stops_at in ["1", "2"] {
        let (station, batch) = stopped_while_filing(stops_at);
        let elsewhere = resume_into(&station, &batch, "elsewhere");
        assert_eq!(elsewhere.code, 4, "{}", elsewhere.stderr);
        let at = station.path("repository").display().to_string();
        assert!(elsewhere.stderr.contains(&at), "{}", elsewhere.stderr);
        for count in ["--expect-documents", "--expect-sheets"] {
            let counted = station.capture(&["--resume", &batch, count, "9"]);
            assert_eq!(counted.code, 4, "{}", counted.stderr);
            assert!(counted.stderr.contains("2 sheets, and 2 documents"), "{}", counted.stderr);
        }
        let resumed = station.capture(&["--resume", &batch]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        assert_eq!(station.filed("json").len(), 2);
    }
}

#[test]
fn a_repository_said_anew_is_remembered() {
    let station = Station::new();
    station.lay_in_small(1);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let batch = station.capture(&with(&profile, &SCANNER)).batch();
    // It stops once more before anything is filed there.
    station.database(
        "CREATE TRIGGER broken BEFORE UPDATE OF state ON batch WHEN NEW.state = 'processing' \
         BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END",
    );
    assert_eq!(resume_into(&station, &batch, "elsewhere").code, 7);
    station.database("DROP TRIGGER broken");
    let state = station.path("state").display().to_string();
    let resume = ["capture", "--json", "--resume", &batch, "--no-more-paper", "--state", &state];
    let resumed = station.run(&resume);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let pdf = resumed.json()["documents"][0]["pdf"].as_str().unwrap().to_owned();
    assert!(Path::new(&pdf).starts_with(station.path("elsewhere")), "{pdf}");
}

#[test]
fn what_a_batch_cannot_take_any_more_is_refused_and_not_left_out() {
    let (station, batch) = stopped_while_filing("1");
    let further = station.path("further.pgm");
    std::fs::write(&further, small_page(9)).unwrap();
    let resume = |more: &[&str]| station.capture(&[&["--resume", &batch], more].concat());
    for (more, told) in [
        (["--from", further.to_str().unwrap()], "is none of its own"),
        (["--set", "a=b"], "leave --set out"),
        (["--scanner", "folder:adf"], "leave --scanner out"),
        (["--pages", "3"], "leave --pages out"),
    ] {
        let refused = resume(&more);
        assert_eq!(refused.code, 4, "{more:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{more:?}: {}", refused.stderr);
    }
    assert_eq!(resume(&["--profile", "quick"]).code, 2);
    let its_own = station.path("stack").display().to_string();
    let resumed = resume(&["--from", &its_own]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
}

/// As a shell would take the command that `ran` says goes on.
fn printed_command(ran: &station::Ran) -> Vec<String> {
    let (_, behind) = ran.stderr.split_once("go on with `outguide ").expect(&ran.stderr);
    let (command, _) = behind.split_once('`').unwrap();
    command.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_repository_that_is_away_may_have_a_document_already() {
    let (station, batch) = stopped_while_filing("1");
    let away = station.path("away");
    std::fs::rename(station.path("repository"), &away).unwrap();
    let elsewhere = resume_into(&station, &batch, "elsewhere");
    assert_eq!(elsewhere.code, 4, "{}", elsewhere.stderr);
    assert!(elsewhere.stderr.contains("on their way there"), "{}", elsewhere.stderr);
    assert_eq!(std::fs::read_dir(station.path("elsewhere")).unwrap().count(), 0);
    std::fs::rename(&away, station.path("repository")).unwrap();
    let resumed = station.capture(&["--resume", &batch]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(station.filed("json").len(), 2);
}

#[test]
fn a_batch_of_files_goes_on_with_all_of_them_or_says_which_are_others() {
    let station = Station::new();
    let profile = station.quick_profile("feeder");
    let (station, from) = station_of_files(4, &profile, station);
    let stack = Path::new(&from);
    std::fs::write(stack.join("faults.toml"), "[[fault]]\nimage = 3\nkind = \"jam\"\n").unwrap();
    let jammed = station.capture(&with(&profile, &["--from", &from]));
    assert_eq!(jammed.code, 5, "{}", jammed.stderr);
    let batch = jammed.batch();
    let refused = |from: &[&str], told: &str| {
        let refused = station.capture(&[&["--resume", &batch, "--from"], from].concat());
        assert_eq!(refused.code, 4, "{}", refused.stderr);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    };
    let last = stack.join("4.pgm");
    let whole = std::fs::read(&last).unwrap();
    std::fs::remove_file(&last).unwrap();
    refused(&[&from], "4.pgm is missing");
    std::fs::write(&last, [&whole[..], b" "].concat()).unwrap();
    refused(&[&from], "4.pgm is no longer");
    std::fs::write(&last, whole).unwrap();
    std::fs::write(stack.join("5.pgm"), small_page(5)).unwrap();
    refused(&[&from], "5.pgm is new");
    std::fs::remove_file(stack.join("5.pgm")).unwrap();
    let shuffled = [1, 2, 4, 3].map(|no| format!("{from}/{no}.pgm"));
    refused(&shuffled.each_ref().map(String::as_str), "they come in another order");

    let elsewhere = station.path("mounted-elsewhere");
    std::fs::rename(stack, &elsewhere).unwrap();
    let resumed = station.capture(&["--resume", &batch, "--from", elsewhere.to_str().unwrap()]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["pages"], 4);
}

#[test]
fn the_printed_command_is_taken_whether_the_batch_still_wants_its_files_or_not() {
    for breaks_on_the_way_to in ["processing", "filed"] {
        let station = Station::new();
        let profile = station.quick_profile("feeder");
        let (station, from) = station_of_files(4, &profile, station);
        break_at(&station, &format!("state ON batch WHEN NEW.state = '{breaks_on_the_way_to}'"));
        let stopped = station.capture(&with(&profile, &["--pages", "2", "--from", &from]));
        assert_eq!(stopped.code, 7, "{}", stopped.stderr);
        station.database("DROP TRIGGER broken");
        let command = printed_command(&stopped);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        assert_eq!(
            command.contains(&"--from"),
            breaks_on_the_way_to == "processing",
            "{command:?}"
        );
        let resumed = station.run(&[&command[..], &["--json"]].concat());
        assert_eq!(resumed.code, 0, "{command:?}: {}", resumed.stderr);
        assert_eq!(resumed.json()["pages"], 2, "{command:?}");
        let again = ["--resume", &stopped.batch(), "--from", &from];
        assert_eq!(station.capture(&again).code, 0);
    }
}

#[test]
fn a_pdf_that_was_placed_and_not_noted_keeps_its_batch_where_it_is() {
    let (station, batch) = stopped_while_filing("1");
    // As a kill between the PDF's name and the receipt leaves it.
    for index_file in station.filed("json") {
        std::fs::remove_file(index_file).unwrap();
    }
    for entry in std::fs::read_dir(station.path(".outguide")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "receipt") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let elsewhere = resume_into(&station, &batch, "elsewhere");
    assert_eq!(elsewhere.code, 4, "{}", elsewhere.stderr);
    assert_eq!(station.capture(&["--resume", &batch]).code, 0);
    assert_eq!((station.filed("json").len(), station.filed("pdf").len()), (2, 2));
}

#[test]
fn a_staging_folder_that_holds_the_notes_of_a_batch_is_asked_for() {
    let (station, batch) = stopped_while_filing("1");
    let settings = station.path("station.toml");
    let other = station.path("other-staging");
    std::fs::write(&settings, format!("[repository]\nstaging = {:?}\n", other)).unwrap();
    let resume = ["--resume", &batch, "--station", settings.to_str().unwrap()];
    let refused = station.capture(&resume);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("repository.staging"), "{}", refused.stderr);
    assert_eq!(station.capture(&["--resume", &batch]).code, 0);
}

#[test]
fn other_files_of_the_same_names_and_lengths_are_none_of_the_batchs_own() {
    let (station, batch) = stopped_while_filing("1");
    let others = station.path("others");
    std::fs::create_dir(&others).unwrap();
    for no in 1..=2 {
        std::fs::write(others.join(format!("{no}.pgm")), small_page(no + 5)).unwrap();
    }
    let refused = station.capture(&["--resume", &batch, "--from", others.to_str().unwrap()]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("none of its own"), "{}", refused.stderr);
    let both = ["--resume", &batch, "--no-more-paper", "--from", others.to_str().unwrap()];
    assert_eq!(station.capture(&both).code, 2, "one says that no more comes, the other brings it");
}
