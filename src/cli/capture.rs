//! `outguide capture`: one batch, from the feeder to the repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::clerk::{Answers, Interruption, Signals, Whose, whose_answers};
use super::exit::{Ends, Exit, Stopped};
use super::handed_over;
use super::progress::Progress;
use super::report::{self, Standing};
use super::resume::{self, refuse_beside_unfinished, resumed};
use super::settings::{self, StateArgs};
use super::station_client::StationClient;
use super::telling::note;
use super::two_passes::{self, TwoPassArgs};
use crate::app::{self, Attended, BatchWork, State};
use crate::capture::resumption::PaperWanted;
use crate::capture::{self, CaptureFault, StackEnd, StopSwitch};
use crate::config::Station;
use crate::device::scanner::{
    PageStack, ScanFault, ScanOrder, ScannerChoice, WhichScanner, WorkerCommand,
};
use crate::disk::Disk;
use crate::pipeline::runner::RunFault;
use crate::records::batch::{BatchState, Expected, PaperFrom};
use crate::records::ids::BatchId;
use crate::repository::watched_folder::WatchedFolder;
use crate::store::{BatchRow, StoreFault};
use crate::web::api::report::BatchReport;

/// Scan a stack of paper and file it: one batch, to the end
///
/// Every page is kept on disk before the next one is asked for. If anything
/// stops the batch, `--resume` goes on behind the last page kept.
#[derive(Args, Default)]
pub struct CaptureArgs {
    /// What to do with this kind of paper: the name of a profile
    #[arg(long, short, required_unless_present = "resume", conflicts_with = "resume")]
    pub(super) profile: Option<String>,
    /// Scanner to use: part of its name, or VENDOR:MODEL (see `outguide scanners`)
    #[arg(long, conflicts_with = "from")]
    pub(super) scanner: Option<String>,
    /// Take page images from folders and files instead of a scanner
    ///
    /// Of a folder every file that is a page, in order of name, by its content
    /// and not its name. What could have been meant as a page and is none, and
    /// a folder in it, is refused by name before anything is taken.
    #[arg(long, num_args = 1.., value_name = "FOLDER-OR-FILE")]
    pub(super) from: Vec<PathBuf>,
    /// Folder the document repository watches
    ///
    /// A resumed batch keeps its own; another is taken until filing has begun.
    #[arg(long, value_name = "DIR")]
    pub(super) repository: Option<PathBuf>,
    /// Set an option of the scanner's own; may be given several times
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        value_parser = name_and_value,
        conflicts_with = "from"
    )]
    pub(super) set: Vec<(String, String)>,
    /// Stop at this many pages of the batch, as if there were no more (a sheet begun is finished)
    ///
    /// At a glass the clerk is asked before each but the first. Where standard
    /// input is no terminal nobody is asked, and they are scanned one after the
    /// other.
    ///
    /// A resumed batch keeps the limit it was begun with, unless told another.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pages: Option<u32>,
    /// Documents the stack should hold; nothing is filed if it does not
    ///
    /// With --resume too, until filing has begun.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) expect_documents: Option<u32>,
    /// Sheets of paper the stack should hold; nothing is filed if it does not
    ///
    /// With --resume too, until filing has begun.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) expect_sheets: Option<u32>,
    /// Go on with an unfinished batch behind its last page kept
    #[arg(long, value_name = "BATCH")]
    pub(super) resume: Option<BatchId>,
    /// With --resume: no more paper comes, file what there is
    #[arg(long, requires = "resume", conflicts_with = "from")]
    pub(super) no_more_paper: bool,
    /// With --resume, after a sheet that may be wrong: it was compared and is right
    #[arg(long, requires = "resume", conflicts_with = "from")]
    pub(super) sheet_is_right: bool,
    #[command(flatten)]
    pub(super) sides: TwoPassArgs,
    #[command(flatten)]
    pub(super) state: StateArgs,
    /// Tell the outcome as one line of JSON
    #[arg(long)]
    pub(super) json: bool,
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
    let mut standing = Standing::default();
    let ended = match StationClient::running(&args.state).await? {
        Some(station) => handed_over::capture(&args, &station, &mut standing).await,
        None => capture(&args, worker, &mut standing).await,
    };
    if let (true, Err(stopped)) = (args.json, &ended) {
        standing.tell(stopped).ends(Exit::Failed)?;
    }
    ended
}

async fn capture(
    args: &CaptureArgs,
    worker: WorkerCommand,
    standing: &mut Standing,
) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let folder = settings::state_dir(&args.state, &station);
    if let Some(repository) = args.repository.as_deref().or(station.repository.dir.as_deref()) {
        app::keep_apart(repository, &station, &folder).ends(Exit::Storage)?;
    }
    let state = app::open_state(&folder, &station, Disk::Real).await.ends(Exit::Storage)?;
    let state = state.acting_for_this_user();
    let stack = given_stack(args)?;
    let mut work = match &args.resume {
        Some(id) => resumed(args, id, stack.as_ref(), state, &station, standing).await?,
        None => opened(args, stack.as_ref(), state, &station, standing).await?,
    };
    let which = match stack {
        Some(stack) => WhichScanner::Folder(stack),
        None => WhichScanner::Sane {
            worker: app::as_patient_as(&station, worker),
            choice: scanner_choice(&work.batch, &station),
        },
    };
    let ended = to_the_end(args, &mut work, &which).await;
    let store = &work.state.store;
    let noted = app::heads::note_heads(&folder, store, &station.id, &Disk::Real).await;
    if let Err(error) = noted {
        tracing::error!(error = format!("{error:#}"), "how far a chain goes is not noted");
    }
    if ended.is_err() {
        match standing_of(&work).await {
            Ok(left) => *standing = left,
            // What stopped the batch is the thing to tell; this only says less.
            Err(error) => tracing::error!(%error, "cannot see how far the batch came"),
        }
    }
    ended
}

/// Where a stop left the batch; none where it was forgotten.
async fn standing_of(work: &BatchWork) -> Result<Standing, StoreFault> {
    let store = &work.state.store;
    let batch = store.batch(&work.batch.id).await?.map(|batch| batch.id);
    let last_page = store.pages(&work.batch.id).await?.last().map(|last| last.no);
    Ok(Standing { batch, last_page })
}

async fn opened(
    args: &CaptureArgs,
    stack: Option<&PageStack>,
    state: State,
    station: &Station,
    standing: &mut Standing,
) -> Result<BatchWork, Stopped> {
    refuse_beside_unfinished(args, &state, standing).await?;
    let name = args.profile.as_deref().unwrap_or_default();
    let found = settings::profile(name, &args.state, station)?;
    let folder = settings::repository(args.repository.as_deref(), station)?;
    let repository = watched_folder(&folder, args, station)?;
    let readers = app::readers(&found.profile, station).ends(Exit::Settings)?;
    let expected = Expected { sheets: args.expect_sheets, documents: args.expect_documents };
    let paper_from = match stack {
        None => PaperFrom::Scanner(args.scanner.clone().or_else(|| station.scanner.clone())),
        Some(stack) => PaperFrom::Files(stack.given_files().ends(Exit::Input)?),
    };
    let mut batch =
        app::new_batch(&found.profile, &found.text, station, paper_from, &folder, expected);
    state.spool.id().clone_into(&mut batch.spool);
    batch.scanner_options.clone_from(&args.set);
    batch.max_pages = args.pages;
    capture::two_passes::refuse_order(found.profile.scanner.source, &batch).ends(Exit::Settings)?;
    state.store.open_batch(&batch).await.ends(Exit::Storage)?;
    standing.batch = Some(batch.id.clone());
    resume::announce(args, &batch.id, None);
    let profile = Arc::new(found.profile);
    let at_once = app::at_once(station);
    Ok(BatchWork { state: Arc::new(state), batch, profile, readers, repository, at_once })
}

pub(super) fn watched_folder(
    folder: &Path,
    args: &CaptureArgs,
    station: &Station,
) -> Result<WatchedFolder, Stopped> {
    let state = settings::state_dir(&args.state, station);
    app::open_repository(folder, station, &state, Disk::Real).ends(Exit::Storage)
}

/// Better now than in the middle of a stack, and before a batch is opened.
fn given_stack(args: &CaptureArgs) -> Result<Option<PageStack>, Stopped> {
    if args.from.is_empty() {
        return Ok(None);
    }
    PageStack::from_paths(&args.from).map(Some).ends(Exit::Input)
}

fn scanner_choice(batch: &BatchRow, station: &Station) -> ScannerChoice {
    let chosen = match &batch.paper_from {
        PaperFrom::Scanner(Some(name)) => Some(name),
        PaperFrom::Scanner(None) | PaperFrom::Files(_) => station.scanner.as_ref(),
    };
    chosen.map_or_else(ScannerChoice::any, |name| ScannerChoice::parse(name))
}

/// A stack whose sides are fed one after the other comes here twice.
async fn to_the_end(
    args: &CaptureArgs,
    work: &mut BatchWork,
    which: &WhichScanner,
) -> Result<Exit, Stopped> {
    loop {
        let progress = Arc::new(Progress::new(args.json));
        if let Some(exit) = feed(args, work, which.clone(), &progress).await? {
            return Ok(exit);
        }
        two_passes::between(args, work, &progress).await?;
    }
}

/// `None` where the other side of the stack is still to come.
async fn feed(
    args: &CaptureArgs,
    work: &BatchWork,
    which: WhichScanner,
    progress: &Arc<Progress>,
) -> Result<Option<Exit>, Stopped> {
    let signals = Signals::listen().ends(Exit::Failed)?;
    let stop = StopSwitch::default();
    let worked = match resume::paper_wanted(args, &work.batch) {
        PaperWanted::FromFeeder | PaperWanted::FromFiles => {
            let (attended, interruption) = attended(args, &work.batch, progress, &stop)?;
            tokio::select! {
                fed = feed_and_run(args, work, which, attended, progress) => fed,
                why = signals.told_to_end(stop, interruption) => {
                    Err(ended_at_once(args, work, why).await)
                }
            }
        }
        PaperWanted::NoMore => {
            stop.feeding_is_over();
            tokio::select! {
                ran = run_closed(args, work, progress) => ran.map(Some),
                why = signals.told_to_end(stop, None) => {
                    Err(ended_at_once(args, work, why).await)
                }
            }
        }
    };
    progress.finish();
    let Some(state) = worked? else { return Ok(None) };
    let report = BatchReport::read(&work.state.store, &work.batch).await.ends(Exit::Storage)?;
    report::tell(&report, args.json).ends(Exit::Failed)?;
    Ok(Some(if state == BatchState::Filed { Exit::Done } else { Exit::Questions }))
}

async fn feed_and_run(
    args: &CaptureArgs,
    work: &BatchWork,
    which: WhichScanner,
    attended: Attended,
    progress: &Arc<Progress>,
) -> Result<Option<BatchState>, Stopped> {
    let order = ScanOrder {
        settings: work.profile.scanner.clone(),
        set: work.batch.scanner_options.clone(),
        resume: None,
        known: None,
    };
    let (on_capture, on_run) = (progress.clone(), progress.clone());
    let (fed, ran) = work
        .feed_and_run(
            which,
            order,
            attended,
            move |event| on_capture.happening(event),
            move |event| on_run.happening(event),
        )
        .await
        .ends(Exit::Failed)?;
    progress.finish();
    match fed {
        Ok(StackEnd::Closed | StackEnd::Enough) => {}
        Ok(StackEnd::OfOnePass) => return Ok(None),
        Ok(StackEnd::Nothing) => return Err(forget_and_say_so(work).await),
        Err(fault) => return Err(stop_of_feeding(args, work, fault).await),
    }
    let ran = ran.expect("a closed stack is run to its end");
    run_to_the_end(args, work, ran).await.map(Some)
}

async fn run_closed(
    args: &CaptureArgs,
    work: &BatchWork,
    progress: &Arc<Progress>,
) -> Result<BatchState, Stopped> {
    if work.state.store.pages(&work.batch.id).await.ends(Exit::Storage)?.is_empty() {
        return Err(forget_and_say_so(work).await);
    }
    let on_run = progress.clone();
    let ran = work.run_closed(move |event| on_run.happening(event)).await;
    run_to_the_end(args, work, ran).await
}

/// An empty batch is no batch: the stack was not there, or not taken.
async fn forget_and_say_so(work: &BatchWork) -> Stopped {
    match work.state.store.forget_empty_batch(&work.batch.id).await {
        Ok(()) => Stopped::because(
            Exit::Nothing,
            "nothing was scanned: the scanner (or the folder) had no page; \
             lay the stack in and start again",
        ),
        Err(error) => Stopped { exit: Exit::Storage, cause: error.into() },
    }
}

/// A scanner may turn out to have paper laid on it by hand; the clerk then says
/// when the next page lies there, and without --pages when it is enough.
fn attended(
    args: &CaptureArgs,
    batch: &BatchRow,
    progress: &Arc<Progress>,
    stop: &StopSwitch,
) -> Result<(Attended, Option<Interruption>), Stopped> {
    let unasked = Attended { ask_next: None, stop: stop.clone() };
    let unattended = batch.max_pages.is_some() && whose_answers() == Whose::Scripts;
    if unattended || !args.from.is_empty() {
        return Ok((unasked, None));
    }
    let (answers, interruption) = Answers::listen().ends(Exit::Failed)?;
    let progress = progress.clone();
    let ask_next = Box::new(move || answers.next_page(&progress));
    Ok((Attended { ask_next: Some(ask_next), ..unasked }, Some(interruption)))
}

/// The error as what stopped the batch, with the command that goes on.
pub(super) async fn stop(
    args: &CaptureArgs,
    work: &BatchWork,
    exit: Exit,
    cause: anyhow::Error,
) -> Stopped {
    Stopped { exit, cause: cause.context(resume::go_on(args, work).await) }
}

pub(super) async fn capture_stop(
    args: &CaptureArgs,
    work: &BatchWork,
    fault: CaptureFault,
) -> Stopped {
    stop(args, work, exit_of(&fault), fault.into()).await
}

pub(super) fn fault_stop(fault: CaptureFault) -> Stopped {
    Stopped { exit: exit_of(&fault), cause: fault.into() }
}

fn exit_of(fault: &CaptureFault) -> Exit {
    match fault {
        CaptureFault::Scanner(
            ScanFault::UnreadableFile { .. } | ScanFault::UnreadableFolder { .. },
        ) => Exit::Input,
        CaptureFault::OtherFiles { .. }
        | CaptureFault::TakesNoPaper { .. }
        | CaptureFault::NotLikeThat { .. } => Exit::Unfinished,
        CaptureFault::Scanner(fault) if fault.is_about_the_settings() => Exit::Settings,
        CaptureFault::Scanner(_) | CaptureFault::SuspectSheet { .. } => Exit::Scanner,
        CaptureFault::Spool(_) | CaptureFault::Store(_) | CaptureFault::RecordPage { .. } => {
            Exit::Storage
        }
    }
}

/// The rest may be still to lay in, or the stack was through before the stop.
async fn feeder_empty_behind(args: &CaptureArgs, work: &BatchWork) -> Stopped {
    let command = resume::command(args, &work.batch.id);
    let cause = anyhow::anyhow!(
        "the feeder is empty; if the whole stack was through before, file it with \
         `{command} --no-more-paper`; if not, lay in the sheets that are still to come"
    );
    stop(args, work, Exit::Scanner, cause).await
}

/// With what is kept, so that the clerk knows which sheet to feed again. A
/// batch without a page is nothing to go on with, and is forgotten.
async fn stop_of_feeding(args: &CaptureArgs, work: &BatchWork, fault: CaptureFault) -> Stopped {
    let kept = match work.state.store.pages(&work.batch.id).await {
        Ok(kept) => kept,
        Err(error) => return Stopped { exit: Exit::Storage, cause: error.into() },
    };
    if let Some(last) = kept.last() {
        let wanted = resume::paper_wanted(args, &work.batch);
        note(format_args!("outguide: {}", resume::kept_so_far(&work.batch, wanted, Some(last))));
        return match fault {
            CaptureFault::Scanner(ScanFault::FeederEmpty) => feeder_empty_behind(args, work).await,
            fault => capture_stop(args, work, fault).await,
        };
    }
    if let Err(error) = work.state.store.forget_empty_batch(&work.batch.id).await {
        return Stopped { exit: Exit::Storage, cause: error.into() };
    }
    let exit = exit_of(&fault);
    let cause = match fault {
        CaptureFault::Scanner(ScanFault::FeederEmpty) => return forget_and_say_so(work).await,
        CaptureFault::Scanner(fault) => anyhow::anyhow!("{}", fault.before_any_page()),
        fault => fault.into(),
    };
    Stopped { exit, cause: cause.context("no page was scanned") }
}

async fn ended_at_once(args: &CaptureArgs, work: &BatchWork, why: &str) -> Stopped {
    Stopped::because(Exit::Failed, format!("{why}; {}", resume::go_on(args, work).await))
}

async fn run_to_the_end(
    args: &CaptureArgs,
    work: &BatchWork,
    ran: Result<BatchState, RunFault>,
) -> Result<BatchState, Stopped> {
    let fault = match ran {
        Ok(state) => return Ok(state),
        Err(fault) => fault,
    };
    let exit = match &fault {
        RunFault::Store(_)
        | RunFault::Spool(_)
        | RunFault::Filing(_)
        | RunFault::Render { .. }
        | RunFault::Withdrawal { .. } => Exit::Storage,
        RunFault::Profile { .. } | RunFault::Readers(_) => Exit::Settings,
        RunFault::PageTask { .. } | RunFault::GoesOn { .. } => Exit::Failed,
    };
    Err(stop(args, work, exit, fault.into()).await)
}
