//! Every `outguide` command in the README is run, in its order, on a station
//! whose scanner, folders and files are those the README supposes.

mod station;

use station::{Station, stack};

#[test]
fn every_command_in_the_readme_does_what_it_says() {
    let station = Station::new();
    station.lay_in(&stack("demo-stack"));
    station.fault_at(9, "jam");
    for (name, fixture) in [
        ("page.png", "fixtures/demo-stack/02a-patient-a.png"),
        ("page1.png", "fixtures/pages/progress-note.png"),
        ("page2.tif", "fixtures/fax/standard-g4.tif"),
        ("scans/1.png", "fixtures/pages/progress-note.png"),
    ] {
        let target = station.path(name);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(fixture, target).unwrap();
    }

    let mut stopped_batch = String::new();
    let mut served = None;
    let mut ran = Vec::new();
    for line in commands() {
        let line = line
            .replace("/srv/repository", &station.path("repository").display().to_string())
            .replace("/srv/backup", &station.path("backup").display().to_string())
            .replace("/var/lib/outguide", &station.path("state").display().to_string())
            .replace("--scanner fujitsu", "--scanner folder:adf")
            .replace("20260131-090000-1a2b", &stopped_batch);
        let mut args: Vec<&str> = line.split_whitespace().skip(1).collect();
        let state = station.path("state").display().to_string();
        const OF_THE_STATION: [&str; 7] =
            ["capture", "check", "batch", "question", "document", "backlog", "backup"];
        if OF_THE_STATION.contains(&args[0]) {
            args.extend(["--state", &state]);
        }
        // From where the README says so, the station runs.
        if args[0] == "batch" && served.is_none() {
            served = Some(station.serve(&[]));
        }
        if args.starts_with(&["convert"]) {
            std::fs::copy(station.path("header.pdf"), station.path("letter.pdf")).unwrap();
        }
        let outcome = station.run_in_its_folder(&args);
        let expected: &[i32] = match args[0] {
            // The feeder jams once, as the README supposes.
            "capture" if stopped_batch.is_empty() => &[5],
            "capture" => &[0, 3],
            _ => &[0],
        };
        assert!(expected.contains(&outcome.code), "{line}\n{}{}", outcome.stdout, outcome.stderr);
        if outcome.code == 5 {
            stopped_batch = outcome.batch();
        }
        ran.push(args[0].to_owned());
    }
    for command in [
        "coversheet",
        "scanners",
        "check",
        "capture",
        "batch",
        "question",
        "document",
        "backlog",
        "backup",
        "convert",
        "barcodes",
        "verify",
    ] {
        assert!(ran.iter().any(|name| name == command), "the README does not show {command}");
    }
    assert!(station.path("out.pdf").exists());
}

/// The lines of its shell blocks that call us.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string("README.md").unwrap();
    readme
        .split("```sh\n")
        .skip(1)
        .flat_map(|block| block.split("```").next().unwrap_or_default().lines())
        .filter(|line| line.starts_with("outguide "))
        .map(str::to_owned)
        .collect()
}
