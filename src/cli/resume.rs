//! A batch that was stopped: what is safe of it, what is to be fed, and how it
//! goes on. Every command that speaks of an earlier batch says it from here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::capture::{CaptureArgs, capture_stop, fault_stop, watched_folder};
use super::exit::{Ends, Exit, Stopped};
use super::report::Standing;
use super::telling::{note, say_if_heard};
use super::two_passes;
use crate::app::{self, BatchWork, State};
use crate::capture;
use crate::capture::resumption::{
    LastSheet, MorePaper, NewOrders, PaperWanted, ResumeFault, check_paper_given,
    record_new_orders, with_new_orders,
};
use crate::config::Station;
use crate::device::scanner::PageStack;
use crate::profile;
use crate::records::batch::{Expected, PaperFrom, TwoPasses};
use crate::records::ids::BatchId;
use crate::records::page::{Side, SpooledPage};
use crate::repository::watched_folder::WatchedFolder;
use crate::spool::{Unclaimed, UnclaimedKind};
use crate::store::BatchRow;

/// What the resuming command line says anew.
pub fn new_orders(args: &CaptureArgs, stack: Option<&PageStack>) -> NewOrders {
    let settled = |folder: &PathBuf| app::settled_path(folder).display().to_string();
    NewOrders {
        scanner: args.scanner.clone(),
        set: args.set.clone(),
        repository: args.repository.as_ref().map(settled),
        expected: Expected { sheets: args.expect_sheets, documents: args.expect_documents },
        max_pages: args.pages,
        stack: stack.cloned(),
        last_sheet: match args.sheet_is_right {
            true => LastSheet::IsRight,
            false => LastSheet::ComesAgain,
        },
        sides: args.sides.said(),
    }
}

pub fn paper_wanted(args: &CaptureArgs, batch: &BatchRow) -> PaperWanted {
    PaperWanted::of(batch, more_paper(args))
}

fn more_paper(args: &CaptureArgs) -> MorePaper {
    if args.no_more_paper || args.sides.closes() { MorePaper::ComesNot } else { MorePaper::MayCome }
}

/// What is safe of a batch and what is to be fed: after any stop, a clerk is
/// told this and nothing else.
pub fn kept_so_far(batch: &BatchRow, wanted: PaperWanted, last: Option<&SpooledPage>) -> String {
    let Some(last) = last else {
        return match wanted {
            PaperWanted::FromFeeder => "no page was kept yet; feed the whole stack",
            PaperWanted::FromFiles => "no page was kept yet; give all the files",
            PaperWanted::NoMore => "no page was kept",
        }
        .to_owned();
    };
    let (part, behind) = match (last.is_half_a_sheet(), last.sheet_comes_again()) {
        (true, _) => ("the front of ", "that sheet again and those behind it"),
        (false, true) => ("", "that sheet again and those behind it"),
        (false, false) => ("", "the sheets behind it"),
    };
    let kept = match (batch.two_passes, last.side) {
        (Some(TwoPasses::Backs), Side::Front) if wanted == PaperWanted::FromFeeder => {
            return "the fronts are kept; feed the turned stack from its first sheet".to_owned();
        }
        (Some(TwoPasses::Backs), Side::Back) => {
            format!("the last page kept is {} (sheet {} of the turned stack)", last.no, last.sheet)
        }
        (Some(TwoPasses::Fronts), _) => {
            format!("the last page kept is {} (the front of sheet {})", last.no, last.sheet)
        }
        (Some(_) | None, _) => {
            format!("the last page kept is {} ({part}sheet {})", last.no, last.sheet)
        }
    };
    match wanted {
        PaperWanted::FromFeeder => format!("{kept}; feed {behind}"),
        PaperWanted::FromFiles => format!("{kept}; give the same files again"),
        PaperWanted::NoMore => kept,
    }
}

/// The id goes out first of all: it is what a clerk needs after a stop.
pub fn announce(args: &CaptureArgs, batch: &BatchId, resumed: Option<String>) {
    let told = match resumed {
        None => format!("batch {batch}"),
        Some(kept) => format!("batch {batch}, resumed: {kept}"),
    };
    if args.json { note(told) } else { say_if_heard(told) }
}

fn tell_what_was_moved(batch: &BatchRow, moved: &[Unclaimed]) {
    for stray in moved {
        let (file, id, at) = (&stray.file, &batch.id, stray.moved_to.display());
        match (stray.was, &batch.paper_from) {
            (UnclaimedKind::Unfinished, _) => note(format_args!(
                "outguide: {file} of batch {id} was not whole when it stopped; moved to {at}"
            )),
            (UnclaimedKind::Original, PaperFrom::Scanner(_)) => note(format_args!(
                "outguide: {file} of batch {id} was whole but not yet counted when it stopped; \
                 moved to {at}: feed its sheet again"
            )),
            (UnclaimedKind::Original, PaperFrom::Files(_)) => note(format_args!(
                "outguide: {file} of batch {id} was whole but not yet counted when it stopped; \
                 moved to {at}: it is taken again from its file"
            )),
        }
    }
}

/// A batch that was stopped before its first page is none, and is forgotten.
pub async fn refuse_beside_unfinished(
    args: &CaptureArgs,
    state: &State,
    standing: &mut Standing,
) -> Result<(), Stopped> {
    for earlier in state.store.unfinished_stacks(&state.station).await.ends(Exit::Storage)? {
        let settled = capture::settle(&state.store, &state.spool, &earlier.id).await;
        let (last, moved) = settled.map_err(fault_stop)?;
        tell_what_was_moved(&earlier, &moved);
        let Some(last) = last else {
            forget_empty(state, &earlier, &moved).await?;
            continue;
        };
        *standing = Standing { batch: Some(earlier.id.clone()), last_page: Some(last.no) };
        return Err(unfinished(args, &earlier, &last));
    }
    Ok(())
}

/// Once no row is left nobody is reminded of the sheets that have gone through:
/// where one certainly has, no paper moves until a clerk was told.
async fn forget_empty(state: &State, batch: &BatchRow, moved: &[Unclaimed]) -> Result<(), Stopped> {
    let id = &batch.id;
    state.store.forget_empty_batch(id).await.ends(Exit::Storage)?;
    match &batch.paper_from {
        PaperFrom::Files(_) => Ok(()),
        PaperFrom::Scanner(_) if moved.is_empty() => {
            note(format_args!(
                "outguide: {id}, begun earlier, was stopped before a page of it was kept; \
                 its stack is to be fed from the first sheet"
            ));
            Ok(())
        }
        PaperFrom::Scanner(_) => Err(Stopped::because(
            Exit::Unfinished,
            format!(
                "batch {id} was stopped before a page of it was kept, but its first sheet has \
                 gone through the scanner; put that sheet back on top of its stack and start again"
            ),
        )),
    }
}

fn unfinished(args: &CaptureArgs, batch: &BatchRow, last: &SpooledPage) -> Stopped {
    let wanted = PaperWanted::of(batch, MorePaper::MayCome);
    let kept = kept_so_far(batch, wanted, Some(last));
    let command = command(args, &batch.id);
    if let (Some(_), Some(pause)) = (batch.two_passes, &batch.pause) {
        let id = &batch.id;
        let told =
            format!("batch {id} is unfinished; finish it first: {pause}; `{command}` goes on");
        return Stopped::because(Exit::Unfinished, told);
    }
    let how = match wanted {
        PaperWanted::FromFeeder => {
            format!("`{command}` goes on, with --no-more-paper it files what there is")
        }
        PaperWanted::FromFiles => format!(
            "`{command} --from THE-SAME-FILES` goes on, with --no-more-paper in place of --from \
             it files what there is"
        ),
        PaperWanted::NoMore => format!("its paper is all in: `{command}` files it"),
    };
    let told = format!("batch {} is unfinished; finish it first: {kept}; {how}", batch.id);
    Stopped::because(Exit::Unfinished, told)
}

pub async fn resumed(
    args: &CaptureArgs,
    id: &BatchId,
    stack: Option<&PageStack>,
    state: State,
    station: &Station,
    standing: &mut Standing,
) -> Result<BatchWork, Stopped> {
    let batch = state.store.batch(id).await.ends(Exit::Storage)?;
    let Some(before) = batch else {
        return Err(Stopped::because(Exit::Failed, format!("there is no batch {id}")));
    };
    standing.batch = Some(id.clone());
    let (profile, problems) = profile::parse(&before.profile_text, &before.profile_name);
    let Some(profile) = profile else {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let message = format!(
            "the profile batch {id} was opened with cannot be used by this version of outguide:\n{}",
            problems.join("\n")
        );
        return Err(Stopped::because(Exit::Settings, message));
    };
    let orders = new_orders(args, stack);
    let batch = with_new_orders(&state.store, &before, &orders).await.map_err(not_resumed)?;
    let repository = watched_folder(&PathBuf::from(&batch.repository), args, station)?;
    refuse_other_staging(&batch, &repository)?;
    let readers = app::readers(&profile, station).ends(Exit::Settings)?;
    check_paper_given(&state.store, &batch, &orders, more_paper(args))
        .await
        .map_err(not_resumed)?;
    record_new_orders(&state.store, &before, &batch, orders.last_sheet)
        .await
        .ends(Exit::Storage)?;
    let batch = two_passes::said_anew(args, &state.store, batch).await.map_err(not_resumed)?;
    let profile = Arc::new(profile);
    let at_once = app::at_once(station);
    let work = BatchWork { state: Arc::new(state), batch, profile, readers, repository, at_once };
    let (last, moved) = match work.settle().await {
        Ok(settled) => settled,
        Err(fault) => return Err(capture_stop(args, &work, fault).await),
    };
    standing.last_page = last.as_ref().map(|last| last.no);
    tell_what_was_moved(&work.batch, &moved);
    let wanted = paper_wanted(args, &work.batch);
    announce(args, id, Some(kept_so_far(&work.batch, wanted, last.as_ref())));
    Ok(work)
}

pub(super) fn not_resumed(fault: ResumeFault) -> Stopped {
    let exit = match &fault {
        ResumeFault::NotLikeThat(_) => Exit::Unfinished,
        ResumeFault::Files(_) => Exit::Input,
        ResumeFault::Store(_) => Exit::Storage,
    };
    Stopped { exit, cause: fault.into() }
}

/// Half-done filing is known by the notes in the staging folder it went through.
fn refuse_other_staging(batch: &BatchRow, repository: &WatchedFolder) -> Result<(), Stopped> {
    let Some(staging) = &batch.filing_staging else { return Ok(()) };
    if Path::new(staging) == repository.staging_folder() {
        return Ok(());
    }
    let message = format!(
        "documents of batch {} were being filed through {staging}, where it is noted which are; \
         have repository.staging in station.toml name that folder until the batch is finished",
        batch.id
    );
    Err(Stopped::because(Exit::Unfinished, message))
}

/// Files are named again only to a batch that still takes them.
pub async fn go_on(args: &CaptureArgs, work: &BatchWork) -> String {
    let stored = work.state.store.batch(&work.batch.id).await;
    let batch = stored.ok().flatten().unwrap_or_else(|| work.batch.clone());
    let mut command = command(args, &batch.id);
    if PaperWanted::of(&batch, MorePaper::MayCome) == PaperWanted::FromFiles
        && !args.from.is_empty()
    {
        command.push_str(" --from");
        for path in &args.from {
            command.push_str(&format!(" {}", quoted(path)));
        }
    }
    format!("batch {} stopped; go on with `{command}`", batch.id)
}

/// With the folders this command line was given, to be typed as it stands.
pub fn command(args: &CaptureArgs, batch: &BatchId) -> String {
    let mut command = format!("outguide capture --resume {batch}");
    for (name, path) in [("--state", &args.state.state), ("--station", &args.state.station)] {
        if let Some(path) = path {
            command.push_str(&format!(" {name} {}", quoted(path)));
        }
    }
    command
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:=@%".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
