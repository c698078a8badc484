//! `outguide check`: is this station ready? One line for each thing it needs.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Stopped};
use super::scanners::without_a_batch;
use super::settings::{self, StateArgs};
use super::telling::{say, say_json};
use crate::app;
use crate::config::Station;
use crate::device::scanner::{self, ListedScanner, ScanFault, ScannerChoice};
use crate::disk::Disk;
use crate::ocr;
use crate::profile::{self, Profile};
use crate::records::ids::BatchId;
use crate::spool;

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
    pub(super) json: bool,
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
            Err(wrong) => Finding { what, good: false, told: format!("{wrong:#}") },
        }
    }
}

pub async fn run(args: &CheckArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let (profiles, profile_findings) = profiles(&args.state, &station);
    let state = settings::state_dir(&args.state, &station);
    let mut findings = vec![
        Finding { what: "station", good: true, told: format!("{} ({})", station.name, station.id) },
        Finding::of("scanner", scanners(&station)),
        Finding::of("languages", languages(&profiles, &station)),
        Finding::of("state folder", state_folder(&state, &station)),
        Finding::of("batches", batches(&state, &station).await),
        Finding::of("repository", repository(args, &station)),
        Finding::of("hot folders", hot_folders(args, &station, &state)),
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

/// The station's own scanner is opened; without one, any that libsane sees will do.
fn scanners(station: &Station) -> anyhow::Result<String> {
    let worker = app::scan_worker()?;
    if let Some(name) = &station.scanner {
        let (scanner, _) =
            scanner::options(&worker, &ScannerChoice::parse(name)).map_err(without_a_batch)?;
        return Ok(scanner.to_string());
    }
    let found = scanner::list(&worker).map_err(without_a_batch)?;
    if found.is_empty() {
        return Err(ScanFault::NoScanner.into());
    }
    let names: Vec<String> = found.iter().map(ListedScanner::name_shown).collect();
    let one = match names.as_slice() {
        [_] => "",
        _ => "; a batch wants one of them named, with --scanner or in station.toml",
    };
    Ok(format!("{}{one}", names.join(", ")))
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
                let told = format!("{name}, {} ({origin}){warnings}", found.profile.title);
                good.push(found.profile);
                told
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

/// Makes nothing: what an administrator's look made would be his, and closed to
/// the station.
fn state_folder(folder: &Path, station: &Station) -> anyhow::Result<String> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        anyhow::bail!("{} is a file; name a folder as the state folder", there.display());
    }
    Disk::Real.may_make_files_in(there).with_context(|| {
        format!("{} is not this user's to write in; give it the station's user", there.display())
    })?;
    spool::room_for_a_sheet(&Disk::Real, there, station.free_space_floor_mb << 20)?;
    let free = Disk::Real.space(there)?.free >> 30;
    let yet = if there == folder { "" } else { ", made by the first batch" };
    Ok(format!("{}{yet}, {free} GB free", folder.display()))
}

async fn batches(state: &Path, station: &Station) -> anyhow::Result<String> {
    let unfinished = app::unfinished_batches(state, station).await?;
    Ok(match unfinished.as_slice() {
        [] => "none is unfinished".to_owned(),
        batches => {
            let ids: Vec<String> = batches.iter().map(BatchId::to_string).collect();
            format!("unfinished: {}", ids.join(", "))
        }
    })
}

fn repository(args: &CheckArgs, station: &Station) -> anyhow::Result<String> {
    let given = args.repository.as_deref();
    let Some(folder) = given.or(station.repository.dir.as_deref()) else {
        anyhow::bail!("none is set; give --repository DIR or set repository.dir in station.toml");
    };
    let state = settings::state_dir(&args.state, station);
    let placing = app::probe_repository(folder, station, &state, Disk::Real)?;
    let free = Disk::Real.space(folder)?.free >> 30;
    Ok(format!("{}, {free} GB free; {placing}", folder.display()))
}

/// A file that is taken is removed: that needs the right to write there.
fn hot_folders(args: &CheckArgs, station: &Station, state: &Path) -> anyhow::Result<String> {
    let profiles = args.state.profiles.as_deref().or(station.profiles_dir.as_deref());
    app::hot_folders::check(station, state, profiles)?;
    let mut names = Vec::new();
    for hot in &station.hot_folders {
        let dir = hot.dir.display();
        Disk::Real.may_make_files_in(&hot.dir).with_context(|| {
            format!("{dir} cannot be taken from; mount it, and let this user write there")
        })?;
        names.push(format!("{dir} ({})", hot.profile));
    }
    Ok(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
}

fn clock() -> anyhow::Result<String> {
    let now = jiff::Timestamp::now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if year < EARLIEST_CREDIBLE_YEAR {
        anyhow::bail!("the clock says {year}; set it, or every document gets a wrong date");
    }
    Ok(format!("{now:.0}"))
}
