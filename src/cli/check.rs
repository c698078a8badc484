//! `outguide check`: is this station ready? One line for each thing it needs.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Stopped};
use super::scanners::without_a_batch;
use super::settings::{self, StateArgs};
use super::telling::{failing_in_json, say, say_json};
use crate::app;
use crate::config::Station;
use crate::device::scanner::{self, ListedScanner};
use crate::disk::Disk;
use crate::ocr;
use crate::profile::{self, Profile};
use crate::repository::filing_fault::FilingFault;
use crate::spool::Spool;

/// The year this was written: a clock before it was never set.
const EARLIEST_CREDIBLE_YEAR: i16 = 2026;

/// Look whether this station is ready: scanner, languages, folders, disk, clock
#[derive(Args)]
pub struct CheckArgs {
    /// The folder the document repository watches
    #[arg(long, value_name = "DIR")]
    repository: Option<std::path::PathBuf>,
    #[command(flatten)]
    state: StateArgs,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    good: bool,
    told: String,
}

impl Finding {
    fn of<E: std::fmt::Display>(what: &'static str, looked: Result<String, E>) -> Self {
        match looked {
            Ok(told) => Finding { what, good: true, told },
            Err(wrong) => Finding { what, good: false, told: wrong.to_string() },
        }
    }
}

pub fn run(args: &CheckArgs) -> Result<Exit, Stopped> {
    failing_in_json(args.json, look(args))
}

fn look(args: &CheckArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let (profiles, profile_findings) = profiles(&args.state, &station);
    let mut findings = vec![
        Finding::of("scanner", scanners()),
        Finding::of("languages", languages(&profiles, &station)),
        Finding::of(
            "state folder",
            state_folder(&settings::state_dir(&args.state, &station), &station),
        ),
        Finding::of("repository", repository(args, &station)),
        Finding::of("clock", clock()),
    ];
    findings.extend(profile_findings);
    let all_good = findings.iter().all(|finding| finding.good);
    if args.json {
        say_json(&findings)?;
    } else {
        for Finding { what, good, told } in &findings {
            say(format_args!("{} {what}: {told}", if *good { "good " } else { "WRONG" }))?;
        }
    }
    Ok(if all_good { Exit::Done } else { Exit::FoundWrong })
}

fn scanners() -> anyhow::Result<String> {
    let found = scanner::list(&app::scan_worker()?).map_err(without_a_batch)?;
    if found.is_empty() {
        anyhow::bail!("libsane works but sees no scanner; switch it on and check its cable");
    }
    let names: Vec<String> = found.iter().map(ListedScanner::name_shown).collect();
    Ok(names.join(", "))
}

fn profiles(args: &StateArgs, station: &Station) -> (Vec<Profile>, Vec<Finding>) {
    let given = args.profiles.as_deref().or(station.profiles_dir.as_deref());
    let listed = profile::search_dirs(given)
        .and_then(|dirs| profile::list(&dirs).map(|listed| (dirs, listed)));
    let (dirs, listed) = match listed {
        Ok(listed) => listed,
        Err(error) => return (Vec::new(), vec![Finding::of("profiles", Err::<String, _>(error))]),
    };
    let mut good = Vec::new();
    let mut findings = Vec::new();
    for (name, origin) in listed {
        let found = profile::find(&name, &dirs);
        findings.push(Finding::of(
            "profile",
            found.map(|found| {
                let warnings: String =
                    found.warnings.iter().map(|warning| format!("\n      {warning}")).collect();
                good.push(found.profile);
                format!("{name} ({origin}){warnings}")
            }),
        ));
    }
    (good, findings)
}

fn languages(profiles: &[Profile], station: &Station) -> anyhow::Result<String> {
    let installed = ocr::languages_installed(station.tessdata_dir.as_deref())?;
    let wanted: BTreeSet<&String> = profiles.iter().flat_map(|p| &p.ocr.languages).collect();
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|language| !installed.contains(language))
        .map(|language| format!("{language} (install {})", ocr::language_package(language)))
        .collect();
    if !missing.is_empty() {
        anyhow::bail!("profiles ask for languages that are not installed: {}", missing.join(", "));
    }
    Ok(installed.join(", "))
}

fn state_folder(folder: &Path, station: &Station) -> anyhow::Result<String> {
    let floor = station.free_space_floor_mb << 20;
    let spool = Spool::open(folder, Disk::Real, floor)?;
    spool.room_for_a_sheet()?;
    let free = Disk::Real.space(folder)?.free >> 30;
    Ok(format!("{}, {free} GB free", folder.display()))
}

fn repository(args: &CheckArgs, station: &Station) -> anyhow::Result<String> {
    let given = args.repository.as_deref();
    let Some(folder) = given.or(station.repository.dir.as_deref()) else {
        anyhow::bail!("none is set; give --repository DIR or set repository.dir in station.toml");
    };
    let state = settings::state_dir(&args.state, station);
    let repository = match app::open_repository(folder, station, &state, Disk::Real) {
        Err(FilingFault::StagingInUse { .. }) => {
            return Ok(format!("{}, a batch is being filed into it now", folder.display()));
        }
        opened => opened?,
    };
    let free = Disk::Real.space(folder)?.free >> 30;
    Ok(format!("{}, {free} GB free; {}", folder.display(), repository.probe_placing()?))
}

fn clock() -> anyhow::Result<String> {
    let now = jiff::Timestamp::now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if year < EARLIEST_CREDIBLE_YEAR {
        anyhow::bail!("the clock says {year}; set it, or every document gets a wrong date");
    }
    Ok(format!("{now:.0}"))
}
