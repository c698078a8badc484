//! The real program on a real disk, killed by the kernel (SIGKILL) as it is
//! about to do each thing that a disk remembers: every sync, every rename,
//! every removal, and SQLite's writes. Then it goes on as a clerk would have it
//! go on. `stopped.rs` and `power_cut.rs` show the same for power cuts, which a
//! kill, leaving the kernel's cache, cannot.
//!
//! strace does the killing: it stops the process at the chosen call, before the
//! call is done.

mod station;

use std::process::{Command, Output};

use station::{Station, page_by_page_profile, small_page};

const PAGES: usize = 2;

/// The calls at which it dies, and how many of a thread's own calls lie between
/// two deaths. SQLite makes some 30 writes for each page, most of them alike.
const CALLS: [(&str, usize); 5] =
    [("fsync", 1), ("rename", 1), ("renameat2", 1), ("unlink", 1), ("pwrite64", 7)];

#[test]
fn killed_at_any_durable_step_it_loses_no_page_and_files_nothing_twice() {
    if !can_trace() {
        println!("skipped: strace not found, or not allowed to trace");
        return;
    }
    for (call, every) in CALLS {
        let mut deaths = 0;
        for nth in (1..).step_by(every) {
            let told = format!("killed at {call} number {nth}");
            let station = laid_out();
            if ends_well(&capture_killed_at(&station, call, nth), &told) {
                // No thread makes that many of these calls: all were tried.
                check_filed_once(&station, &told);
                break;
            }
            deaths += 1;
            go_on(&station, &told);
            check_filed_once(&station, &told);
        }
        assert!(
            deaths > 0,
            "nothing was ever stopped at {call}: is it still the call that is made?"
        );
    }
}

fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-e", "trace=none", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

fn laid_out() -> Station {
    let station = Station::new();
    std::fs::create_dir(station.path("stack")).unwrap();
    std::fs::create_dir(station.path("profiles")).unwrap();
    std::fs::write(station.path("profiles/killed.toml"), page_by_page_profile()).unwrap();
    for no in 1..=PAGES {
        std::fs::write(station.path(&format!("stack/{no}.pgm")), small_page(no)).unwrap();
    }
    station
}

fn capture_killed_at(station: &Station, call: &str, nth: usize) -> Output {
    let profiles = station.path("profiles").display().to_string();
    let stack = station.path("stack").display().to_string();
    let args = ["--profiles", &profiles, "--profile", "killed", "--from", &stack];
    killed_at(station, &args, call, nth)
}

/// strace counts each thread's calls by themselves.
fn killed_at(station: &Station, args: &[&str], call: &str, nth: usize) -> Output {
    Command::new("strace")
        .args(["-f", "-o"])
        .arg(station.path("trace"))
        .args(["-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
        .arg(env!("CARGO_BIN_EXE_outguide"))
        .args(station.capture_arguments(args))
        .output()
        .unwrap()
}

/// False where it was killed; anything else but a good end is a defect.
fn ends_well(output: &Output, told: &str) -> bool {
    use std::os::unix::process::ExitStatusExt;
    // strace ends as the program it follows does.
    if output.status.signal() == Some(9) {
        return false;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}: {said}");
    true
}

/// What a clerk does next: begin again, and if that names an unfinished batch,
/// resume it. That too is killed once, at its first rename, so that every
/// document's filing is stopped in one run or the other.
fn go_on(station: &Station, told: &str) {
    let profiles = station.path("profiles").display().to_string();
    let stack = station.path("stack").display().to_string();
    let nothing = station.path("nothing").display().to_string();
    std::fs::create_dir(&nothing).unwrap();
    let killed = ["--profiles", profiles.as_str(), "--profile", "killed"];

    let asked = station.capture(&[&killed[..], &["--from", &nothing]].concat());
    let gone_on = match asked.code {
        4 => {
            let resume = ["--resume", &asked.batch(), "--from", &stack];
            let again = killed_at(station, &resume, "renameat2", 1);
            if ends_well(&again, &format!("{told}, then resumed")) {
                return;
            }
            station.capture(&resume)
        }
        // Killed behind its end: there is nothing to do.
        9 if station.filed("json").len() == PAGES => return,
        // Killed before its beginning.
        9 => station.capture(&[&killed[..], &["--from", &stack]].concat()),
        other => panic!("{told}: then exit {other}: {}", asked.stderr),
    };
    assert_eq!(gone_on.code, 0, "{told}: {}", gone_on.stderr);
    let outcome = gone_on.json();
    assert_eq!(outcome["pages"], PAGES, "{told}: {outcome}");
    assert_eq!(outcome["documents"].as_array().unwrap().len(), PAGES, "{told}: {outcome}");
}

fn check_filed_once(station: &Station, told: &str) {
    let repository = station.path("repository").display().to_string();
    let verified = station.run(&["verify", "--json", &repository]);
    assert_eq!(verified.code, 0, "{told}: {}{}", verified.stdout, verified.stderr);
    for ending in ["pdf", "json"] {
        assert_eq!(station.filed(ending).len(), PAGES, "{told}: {ending}");
    }
    let all = std::fs::read_dir(&repository).unwrap().count();
    assert_eq!(all, 2 * PAGES, "{told}: the watched folder holds something else");
}
