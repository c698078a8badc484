//! A batch that was stopped: what is safe of it, what is to be fed, and how it
//! goes on. Every command that speaks of an earlier batch says it from here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::capture::{CaptureArgs, capture_stop, fault_stop, watched_folder};
use super::exit::{Ends, Exit, Stopped};
use super::report::Standing;
use super::telling::{note, say_if_heard};
use crate::app::{self, BatchWork, State};
use crate::capture;
use crate::config::Station;
use crate::device::scanner::PageStack;
use crate::disk::page_file::read_page_file;
use crate::profile;
use crate::records::batch::{BatchState, Expected, FilingPlace, GivenFile, PaperFrom};
use crate::records::ids::{BatchId, Sha256};
use crate::records::page::SpooledPage;
use crate::repository::watched_folder::WatchedFolder;
use crate::spool::{Unclaimed, UnclaimedKind};
use crate::store::BatchRow;

/// What a batch takes when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperWanted {
    FromFeeder,
    FromFiles,
    NoMore,
}

impl PaperWanted {
    pub fn of(args: &CaptureArgs, batch: &BatchRow) -> Self {
        match args.no_more_paper {
            true => PaperWanted::NoMore,
            false => PaperWanted::by(batch),
        }
    }

    fn by(batch: &BatchRow) -> Self {
        match (batch.state, &batch.paper_from) {
            (BatchState::Scanning, PaperFrom::Scanner(_)) => PaperWanted::FromFeeder,
            (BatchState::Scanning, PaperFrom::Files(_)) => PaperWanted::FromFiles,
            (BatchState::Scanned | BatchState::InQuestion | BatchState::Filed, _) => {
                PaperWanted::NoMore
            }
        }
    }
}

/// What is safe of a batch and what is to be fed: after any stop, a clerk is
/// told this and nothing else.
pub fn kept_so_far(wanted: PaperWanted, last: Option<&SpooledPage>) -> String {
    let Some(last) = last else {
        return match wanted {
            PaperWanted::FromFeeder => "no page was kept yet; feed the whole stack",
            PaperWanted::FromFiles => "no page was kept yet; give all the files",
            PaperWanted::NoMore => "no page was kept",
        }
        .to_owned();
    };
    let (part, behind) = match last.is_half_a_sheet() {
        true => ("the front of ", "that sheet again and those behind it"),
        false => ("", "the sheets behind it"),
    };
    let kept = format!("the last page kept is {} ({part}sheet {})", last.no, last.sheet);
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
    for earlier in state.store.unfinished_batches().await.ends(Exit::Storage)? {
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
    let wanted = PaperWanted::by(batch);
    let kept = kept_so_far(wanted, Some(last));
    let command = command(args, &batch.id);
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
    let batch = with_new_orders(args, &before);
    refuse_orders_too_late(&state, &before, &batch).await?;
    let repository = watched_folder(&PathBuf::from(&batch.repository), args, station)?;
    refuse_other_staging(&batch, &repository)?;
    let readers = app::readers(&profile, station).ends(Exit::Settings)?;
    check_paper_given(args, &batch)?;
    if let Some(stack) = stack {
        let pages = state.store.pages(id).await.ends(Exit::Storage)?;
        check_given_files(args, &batch, stack, &pages)?;
    }
    if batch != before {
        state.store.record_new_orders(&batch).await.ends(Exit::Storage)?;
    }
    let profile = Arc::new(profile);
    let at_once = app::at_once(station);
    let work = BatchWork { state: Arc::new(state), batch, profile, readers, repository, at_once };
    let (last, moved) = match work.settle().await {
        Ok(settled) => settled,
        Err(fault) => return Err(capture_stop(args, &work, fault).await),
    };
    standing.last_page = last.as_ref().map(|last| last.no);
    tell_what_was_moved(&work.batch, &moved);
    let wanted = PaperWanted::of(args, &work.batch);
    announce(args, id, Some(kept_so_far(wanted, last.as_ref())));
    Ok(work)
}

/// A batch goes on from where it was begun: its pages are told apart by that.
fn check_paper_given(args: &CaptureArgs, batch: &BatchRow) -> Result<(), Stopped> {
    let id = &batch.id;
    let still_fed = |what| {
        format!("batch {id} is still being fed from {what}, or --no-more-paper to file what it has")
    };
    let about_the_scanner = [
        ("--scanner", args.scanner.is_some()),
        ("--set", !args.set.is_empty()),
        ("--pages", args.pages.is_some()),
    ];
    let given = about_the_scanner.into_iter().find(|(_, is_given)| *is_given);
    let message = match (PaperWanted::of(args, batch), given) {
        (PaperWanted::FromFiles, _) if args.from.is_empty() => {
            still_fed("files; give --from again with the same")
        }
        (PaperWanted::FromFeeder, _) if !args.from.is_empty() => {
            still_fed("a scanner; leave --from out")
        }
        (PaperWanted::NoMore, Some((name, _))) => {
            format!("batch {id} takes no more paper; leave {name} out")
        }
        (PaperWanted::FromFiles | PaperWanted::FromFeeder, _) | (PaperWanted::NoMore, None) => {
            return Ok(());
        }
    };
    Err(Stopped::because(Exit::Unfinished, message))
}

/// The files of a batch that is still fed are those it was begun with: with one
/// the less it would be filed as whole. To one that takes no more its own may be
/// named again; others would be left out without a word.
fn check_given_files(
    args: &CaptureArgs,
    batch: &BatchRow,
    stack: &PageStack,
    pages: &[SpooledPage],
) -> Result<(), Stopped> {
    let PaperFrom::Files(begun_with) = &batch.paper_from else { return Ok(()) };
    let id = &batch.id;
    let given = stack.given_files().ends(Exit::Input)?;
    let message = match PaperWanted::of(args, batch) {
        PaperWanted::NoMore => {
            let other = first_not_taken(batch, stack, &given, pages)?;
            other.map(|file| {
                format!(
                    "batch {id} takes no more pages, and {} is none of its own; leave it out, and \
                     give it to a batch of its own",
                    file.name
                )
            })
        }
        PaperWanted::FromFiles | PaperWanted::FromFeeder => {
            difference(begun_with, &given).map(|difference| {
                format!(
                    "the files given are not those batch {id} was begun with: {difference}; give \
                     the same in the same order, or --no-more-paper in place of --from to file \
                     what it has"
                )
            })
        }
    };
    match message {
        None => Ok(()),
        Some(message) => Err(Stopped::because(Exit::Unfinished, message)),
    }
}

/// Those behind the batch's limit were left out at its own word.
fn first_not_taken<'a>(
    batch: &BatchRow,
    stack: &PageStack,
    given: &'a [GivenFile],
    pages: &[SpooledPage],
) -> Result<Option<&'a GivenFile>, Stopped> {
    let PaperFrom::Files(begun_with) = &batch.paper_from else { return Ok(None) };
    for (path, file) in stack.paths().iter().zip(given) {
        let source = Some(Sha256::of(&read_page_file(path).ends(Exit::Input)?));
        let is_taken = pages.iter().any(|page| page.source_sha256 == source);
        let is_behind_the_limit = batch.max_pages.is_some() && begun_with.contains(file);
        if !is_taken && !is_behind_the_limit {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The first that a person would look for.
fn difference(begun_with: &[GivenFile], given: &[GivenFile]) -> Option<String> {
    if begun_with == given {
        return None;
    }
    let is_named = |name: &str, files: &[GivenFile]| files.iter().any(|file| file.name == name);
    let missing = begun_with.iter().find(|file| !is_named(&file.name, given));
    let new = given.iter().find(|file| !is_named(&file.name, begun_with));
    let changed = begun_with.iter().find(|file| !given.contains(file));
    Some(match (missing, new, changed) {
        (Some(file), _, _) => format!("{} is missing", file.name),
        (None, Some(file), _) => format!("{} is new", file.name),
        (None, None, Some(file)) => format!("{} is no longer {} bytes long", file.name, file.bytes),
        (None, None, None) => "they come in another order".to_owned(),
    })
}

/// The batch, with what the resuming command line says anew.
fn with_new_orders(args: &CaptureArgs, before: &BatchRow) -> BatchRow {
    let mut batch = before.clone();
    if let (PaperFrom::Scanner(choice), Some(scanner)) = (&mut batch.paper_from, &args.scanner) {
        *choice = Some(scanner.clone());
    }
    let own = &mut batch.scanner_options;
    own.retain(|(name, _)| args.set.iter().all(|(set, _)| set != name));
    own.extend(args.set.iter().cloned());
    if let Some(repository) = &args.repository {
        batch.repository = app::settled_path(repository).display().to_string();
    }
    let Expected { sheets, documents } = before.expected;
    batch.expected = Expected {
        sheets: args.expect_sheets.or(sheets),
        documents: args.expect_documents.or(documents),
    };
    batch.max_pages = args.pages.or(before.max_pages);
    batch
}

/// Once filing has begun its batch is neither counted nor separated again, and
/// its documents belong where the first may stand already.
async fn refuse_orders_too_late(
    state: &State,
    before: &BatchRow,
    now: &BatchRow,
) -> Result<(), Stopped> {
    let Some(place) = &before.filing_place else { return Ok(()) };
    let is_elsewhere = before.repository != now.repository;
    if !is_elsewhere && before.expected == now.expected {
        return Ok(());
    }
    let id = &before.id;
    let message = if is_elsewhere {
        format!(
            "documents of batch {id} stand in {} already or were on their way there, and the \
             others belong there; leave --repository out. Where that folder is gone for good, \
             mount what takes its place there",
            place.folder
        )
    } else {
        let store = &state.store;
        let again = store.pages_fed_again(id).await.ends(Exit::Storage)?;
        let pages = store.pages(id).await.ends(Exit::Storage)?;
        let fed = pages.iter().filter(|page| !again.contains(&page.no));
        let sheets = fed.map(|page| page.sheet).collect::<BTreeSet<_>>().len();
        let documents = store.documents(id).await.ends(Exit::Storage)?.len();
        format!(
            "filing of batch {id} has begun already, so that another count comes too late: it \
             has {sheets} sheets, and {documents} documents beside those in question; leave \
             --expect-sheets and --expect-documents out"
        )
    };
    Err(Stopped::because(Exit::Unfinished, message))
}

/// Half-done filing is known by the notes in the staging folder it went through.
fn refuse_other_staging(batch: &BatchRow, repository: &WatchedFolder) -> Result<(), Stopped> {
    let Some(FilingPlace { staging, .. }) = &batch.filing_place else { return Ok(()) };
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
    if PaperWanted::by(&batch) == PaperWanted::FromFiles && !args.from.is_empty() {
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
