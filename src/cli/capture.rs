//! `outguide capture`: one batch, from the feeder to the repository.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use super::progress::Progress;
use super::report::BatchReport;
use super::settings::{self, StateArgs};
use crate::app::{self, BatchWork, State};
use crate::capture::{CaptureFault, StackEnd};
use crate::config::Station;
use crate::device::scanner::{
    PageStack, ScanFault, ScanOrder, ScannerChoice, WhichScanner, WorkerCommand,
};
use crate::disk::Disk;
use crate::pipeline::runner::RunFault;
use crate::profile::{self, PaperSource, Profile};
use crate::records::batch::{BatchState, Expected};
use crate::records::ids::BatchId;
use crate::records::page::{Side, SpooledPage};
use crate::repository::watched_folder::WatchedFolder;
use crate::store::BatchRow;

/// Scan a stack of paper and file it: one batch, to the end
///
/// Every page is kept on disk before the next one is asked for. If anything
/// stops the batch, `--resume` goes on behind the last page kept.
#[derive(Args, Default)]
pub struct CaptureArgs {
    /// What to do with this kind of paper: the name of a profile
    #[arg(long, short, required_unless_present = "resume")]
    profile: Option<String>,
    /// Scanner to use: part of its name, or VENDOR:MODEL (see `outguide scanners`)
    #[arg(long, conflicts_with = "from")]
    scanner: Option<String>,
    /// Take page images from folders and files instead of a scanner
    #[arg(long, num_args = 1.., value_name = "FOLDER-OR-FILE")]
    from: Vec<PathBuf>,
    /// Folder the document repository watches
    #[arg(long, value_name = "DIR")]
    repository: Option<PathBuf>,
    /// Set an option of the scanner's own; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Stop after this many pages, as if there were no more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pages: Option<u32>,
    /// Documents the stack should hold; nothing is filed if it does not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    expect_documents: Option<u32>,
    /// Sheets of paper the stack should hold; nothing is filed if it does not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    expect_sheets: Option<u32>,
    /// Go on with an unfinished batch behind its last page kept
    #[arg(long, value_name = "BATCH")]
    resume: Option<BatchId>,
    /// With --resume: no more paper comes, file what there is
    #[arg(long, requires = "resume")]
    no_more_paper: bool,
    #[command(flatten)]
    state: StateArgs,
    /// Tell the outcome as one line of JSON
    #[arg(long)]
    json: bool,
}

impl CaptureArgs {
    /// One stack from one scanner, and nothing else said.
    pub fn of_stack(profile: &str, scanner: &str, repository: &Path, state: &Path) -> Self {
        CaptureArgs {
            profile: Some(profile.to_owned()),
            scanner: Some(scanner.to_owned()),
            repository: Some(repository.to_owned()),
            state: StateArgs { state: Some(state.to_owned()), ..StateArgs::default() },
            ..CaptureArgs::default()
        }
    }

    pub fn telling_json(self) -> Self {
        CaptureArgs { json: true, ..self }
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

pub async fn run(args: CaptureArgs) -> Result<Exit, Stopped> {
    let worker = app::scan_worker().ends(Exit::Failed)?;
    run_with(args, worker).await
}

/// `worker` says how to start the scan worker, and with what libsane settings.
pub async fn run_with(args: CaptureArgs, worker: WorkerCommand) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let folder = settings::state_dir(&args.state, &station);
    let state = app::open_state(&folder, &station, Disk::Real).await.ends(Exit::Storage)?;
    let work = match &args.resume {
        Some(id) => resumed(&args, id, state, &station).await?,
        None => opened(&args, state, &station).await?,
    };
    let which = which_scanner(&args, &station, worker)?;
    feed(&args, work, which).await
}

async fn opened(args: &CaptureArgs, state: State, station: &Station) -> Result<BatchWork, Stopped> {
    if let Some(earlier) = state.store.unfinished_batches().await.ends(Exit::Storage)?.first() {
        return Err(unfinished(earlier));
    }
    let name = args.profile.as_deref().unwrap_or_default();
    let found = settings::profile(name, &args.state, station)?;
    let folder = settings::repository(args.repository.as_deref(), station)?;
    let repository = watched_folder(&folder, args, station)?;
    let readers = app::readers(&found.profile, station).ends(Exit::Settings)?;
    check_given_files(&args.from)?;
    let expected = Expected { sheets: args.expect_sheets, documents: args.expect_documents };
    let paper_from = match args.from.is_empty() {
        true => args.scanner.as_deref().or(station.scanner.as_deref()).unwrap_or("any scanner"),
        false => "files",
    };
    let batch = app::new_batch(&found.profile, &found.text, station, paper_from, &folder, expected);
    state.store.open_batch(&batch).await.ends(Exit::Storage)?;
    announce(args, &batch.id, None);
    let profile = Arc::new(found.profile);
    let at_once = app::at_once(station);
    Ok(BatchWork { state: Arc::new(state), batch, profile, readers, repository, at_once })
}

fn unfinished(batch: &BatchRow) -> Stopped {
    let id = &batch.id;
    Stopped::because(
        Exit::Unfinished,
        format!(
            "batch {id} is unfinished; finish it first: `outguide capture --resume {id}` goes on \
             behind its last page kept, with --no-more-paper it files what there is"
        ),
    )
}

async fn resumed(
    args: &CaptureArgs,
    id: &BatchId,
    state: State,
    station: &Station,
) -> Result<BatchWork, Stopped> {
    let batch = state.store.batch(id).await.ends(Exit::Storage)?;
    let Some(batch) = batch else {
        return Err(Stopped::because(Exit::Failed, format!("there is no batch {id}")));
    };
    let (profile, problems) = profile::parse(&batch.profile_text, &batch.profile_name);
    let Some(profile) = profile else {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let message = format!(
            "the profile batch {id} was opened with cannot be used by this version of outguide:\n{}",
            problems.join("\n")
        );
        return Err(Stopped::because(Exit::Settings, message));
    };
    let folder = args.repository.clone().unwrap_or_else(|| PathBuf::from(&batch.repository));
    let repository = watched_folder(&folder, args, station)?;
    let readers = app::readers(&profile, station).ends(Exit::Settings)?;
    let profile = Arc::new(profile);
    let at_once = app::at_once(station);
    let work = BatchWork { state: Arc::new(state), batch, profile, readers, repository, at_once };
    let (last, moved) = work.settle().await.map_err(|fault| capture_stop(&work, fault))?;
    for stray in moved {
        let at = stray.moved_to.display();
        eprintln!("outguide: {} was not whole when the batch stopped; moved to {at}", stray.file);
    }
    announce(args, id, Some(last));
    Ok(work)
}

/// The id goes out first of all: it is what a clerk needs after a stop.
fn announce(args: &CaptureArgs, batch: &BatchId, resumed: Option<Option<SpooledPage>>) {
    let mut told = format!("batch {batch}");
    match resumed {
        None => {}
        Some(None) => told.push_str(", resumed: no page was kept yet, feed the whole stack"),
        Some(Some(last)) => told.push_str(&format!(
            ", resumed: the last page kept is {} (sheet {}); feed the sheets behind it",
            last.no, last.sheet
        )),
    }
    if args.json {
        eprintln!("{told}");
    } else {
        println!("{told}");
    }
}

fn watched_folder(
    folder: &Path,
    args: &CaptureArgs,
    station: &Station,
) -> Result<WatchedFolder, Stopped> {
    let state = settings::state_dir(&args.state, station);
    app::open_repository(folder, station, &state, Disk::Real).ends(Exit::Storage)
}

/// Better now than in the middle of a stack.
fn check_given_files(from: &[PathBuf]) -> Result<(), Stopped> {
    for path in from {
        std::fs::metadata(path)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))
            .ends(Exit::Input)?;
    }
    Ok(())
}

fn which_scanner(
    args: &CaptureArgs,
    station: &Station,
    worker: WorkerCommand,
) -> Result<WhichScanner, Stopped> {
    if !args.from.is_empty() {
        return Ok(WhichScanner::Folder(PageStack::from_paths(&args.from).ends(Exit::Input)?));
    }
    let choice = match args.scanner.as_deref().or(station.scanner.as_deref()) {
        Some(name) => ScannerChoice::parse(name),
        None => ScannerChoice::any(),
    };
    Ok(WhichScanner::Sane { worker, choice })
}

async fn feed(args: &CaptureArgs, work: BatchWork, which: WhichScanner) -> Result<Exit, Stopped> {
    let progress = Arc::new(Progress::new(args.json));
    let wants_paper = work.batch.state == BatchState::Scanning
        && !args.no_more_paper
        && !(args.resume.is_some() && args.from.is_empty() && work.batch.paper_from == "files");
    let state = if wants_paper {
        let order = ScanOrder {
            settings: work.profile.scanner.clone(),
            set: args.set.clone(),
            max_images: args.pages,
            resume: None,
        };
        let ask_next = ask_next(args, &work.profile);
        let (on_capture, on_run) = (progress.clone(), progress.clone());
        let (fed, ran) = work
            .feed_and_run(
                which,
                order,
                ask_next,
                move |event| on_capture.capture(event),
                move |event| on_run.run(event),
            )
            .await
            .ends(Exit::Failed)?;
        progress.finish();
        match fed {
            Ok(StackEnd::Closed) => {}
            Ok(StackEnd::Nothing) => {
                let forgotten = work.state.store.forget_empty_batch(&work.batch.id).await;
                forgotten.ends(Exit::Storage)?;
                return Err(nothing_scanned());
            }
            Err(fault) => return Err(stop_of_feeding(&work, fault).await),
        }
        ran.expect("a closed stack is run to its end").map_err(|fault| run_stop(&work, fault))?
    } else {
        let on_run = progress.clone();
        let ran = work.run_closed(move |event| on_run.run(event)).await;
        progress.finish();
        ran.map_err(|fault| run_stop(&work, fault))?
    };
    let report = BatchReport::read(&work.state.store, &work.batch).await.ends(Exit::Storage)?;
    report.tell(args.json).ends(Exit::Failed)?;
    Ok(if state == BatchState::Filed { Exit::Done } else { Exit::Questions })
}

/// An empty batch is no batch: the stack was not there, or not taken.
fn nothing_scanned() -> Stopped {
    Stopped::because(
        Exit::Nothing,
        "nothing was scanned: the scanner (or the folder) had no page; \
         lay the stack in and start again",
    )
}

/// A flatbed takes one page at a time; without --pages the clerk says when it
/// is enough.
fn ask_next(args: &CaptureArgs, profile: &Profile) -> Option<Box<dyn FnMut() -> bool + Send>> {
    let on_glass = profile.scanner.source == PaperSource::Flatbed;
    if !on_glass || args.pages.is_some() || !args.from.is_empty() {
        return None;
    }
    Some(Box::new(|| {
        if std::io::stdin().is_terminal() {
            eprint!("Lay the next page on the glass. [Enter] Next   [c] Close: ");
            // The prompt is for a person; a closed terminal shows at the read.
            std::io::stderr().flush().unwrap_or(());
        }
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(0) | Err(_) => false,
            Ok(_) => !answer.trim().to_lowercase().starts_with('c'),
        }
    }))
}

fn capture_stop(work: &BatchWork, fault: CaptureFault) -> Stopped {
    let exit = exit_of(&fault);
    Stopped { exit, cause: anyhow::Error::new(fault).context(go_on(&work.batch.id)) }
}

fn exit_of(fault: &CaptureFault) -> Exit {
    match fault {
        CaptureFault::Scanner(_) => Exit::Scanner,
        CaptureFault::Spool(_) | CaptureFault::Store(_) => Exit::Storage,
        CaptureFault::OtherFiles { .. } => Exit::Input,
    }
}

/// With what is kept, so that the clerk knows which sheet to feed again. A
/// batch without a page is nothing to go on with, and is forgotten.
async fn stop_of_feeding(work: &BatchWork, fault: CaptureFault) -> Stopped {
    let kept = match work.state.store.pages(&work.batch.id).await {
        Ok(kept) => kept,
        Err(error) => return Stopped { exit: Exit::Storage, cause: error.into() },
    };
    if let Some(last) = kept.last() {
        let half_a_sheet =
            last.side == Side::Front && work.profile.scanner.source == PaperSource::FeederDuplex;
        eprintln!(
            "outguide: the last page kept is {} ({} sheet {}); put {} back",
            last.no,
            if half_a_sheet { "the front of" } else { "on" },
            last.sheet,
            if half_a_sheet { "that sheet and those behind it" } else { "the sheets behind it" },
        );
        return capture_stop(work, fault);
    }
    if let Err(error) = work.state.store.forget_empty_batch(&work.batch.id).await {
        return Stopped { exit: Exit::Storage, cause: error.into() };
    }
    match fault {
        CaptureFault::Scanner(ScanFault::FeederEmpty) => nothing_scanned(),
        fault => {
            let exit = exit_of(&fault);
            Stopped { exit, cause: anyhow::Error::new(fault).context("no page was scanned") }
        }
    }
}

fn go_on(batch: &BatchId) -> String {
    format!("batch {batch} stopped; go on with `outguide capture --resume {batch}`")
}

fn run_stop(work: &BatchWork, fault: RunFault) -> Stopped {
    let exit = match &fault {
        RunFault::Store(_) | RunFault::Spool(_) | RunFault::Filing(_) | RunFault::Render { .. } => {
            Exit::Storage
        }
        RunFault::PageTask { .. } => Exit::Failed,
    };
    Stopped { exit, cause: anyhow::Error::new(fault).context(go_on(&work.batch.id)) }
}
