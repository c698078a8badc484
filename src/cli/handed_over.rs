//! `outguide capture` beside a running station: the order goes to that station,
//! which owns scanner and spool; this command watches, and asks the clerk.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::block_in_place;

use super::capture::CaptureArgs;
use super::clerk::{Answers, Interruption, Signals, Whose, whose_answers};
use super::exit::{Ends, Exit, Stopped};
use super::progress::Progress;
use super::report::{self, Standing};
use super::resume;
use super::station_client::{StationClient, from_the_root};
use super::two_passes::{self, Answer};
use crate::app;
use crate::capture::NextPage;
use crate::capture::two_passes::AboutSides;
use crate::records::batch::{BatchState, ClosedBy, Pause};
use crate::records::ids::BatchId;
use crate::web::api::batch::BatchShown;
use crate::web::api::event::Happening;
use crate::web::api::order::{Order, OrderAnew, Reason};
use crate::web::api::report::BatchReport;

/// The station's outcome of the order, told as if it had been done here.
pub async fn capture(
    args: &CaptureArgs,
    station: &StationClient,
    standing: &mut Standing,
) -> Result<Exit, Stopped> {
    let signals = Signals::listen().ends(Exit::Failed)?;
    let batch = match &args.resume {
        None => station.post::<BatchShown>("/batches", &order(args)).await?,
        Some(id) => {
            standing.batch = Some(id.clone());
            go_on(args, station, id).await?
        }
    };
    standing.batch = Some(batch.id.clone());
    standing.last_page = batch.last_page;
    resume::announce(args, &batch.id, None);
    let progress = Arc::new(Progress::new(args.json));
    let glass = AtTheGlass::default();
    let watching = watch(args, station, &batch.id, &progress, &glass, standing);
    let ended = tokio::select! {
        ended = watching => ended,
        why = stop_in_order(signals, station, &batch.id, &glass) => Err(Stopped::because(
            Exit::Failed,
            format!("{why}; the station goes on with batch {}", batch.id),
        )),
    };
    progress.finish();
    let batch = ended?;
    standing.last_page = batch.last_page;
    outcome(args, station, batch).await
}

fn order(args: &CaptureArgs) -> Order {
    Order {
        profile: args.profile.clone().unwrap_or_default(),
        scanner: args.scanner.clone(),
        set: args.set.clone(),
        from: args.from.iter().map(|path| from_the_root(path)).collect(),
        repository: args.repository.as_deref().map(app::settled_path),
        pages: args.pages,
        expect_sheets: args.expect_sheets,
        expect_documents: args.expect_documents,
        closed_by: ClosedBy::StackEnd,
    }
}

async fn go_on(
    args: &CaptureArgs,
    station: &StationClient,
    id: &BatchId,
) -> Result<BatchShown, Stopped> {
    let anew = OrderAnew {
        scanner: args.scanner.clone(),
        set: args.set.clone(),
        from: args.from.iter().map(|path| from_the_root(path)).collect(),
        repository: args
            .repository
            .as_deref()
            .map(|path| app::settled_path(path).display().to_string()),
        pages: args.pages,
        expect_sheets: args.expect_sheets,
        expect_documents: args.expect_documents,
        sheet_is_right: args.sheet_is_right,
        sides: args.sides.said(),
    };
    let before: BatchShown = station.get(&format!("/batches/{id}")).await?;
    let what = match before.state {
        BatchState::Open | BatchState::Scanning | BatchState::Paused => {
            match (args.sides.collate, args.no_more_paper || args.sides.closes()) {
                (true, _) => "collate",
                (false, true) => "close",
                (false, false) => "continue",
            }
        }
        // Its paper is all in: there is nothing to say, and its end to wait for.
        BatchState::Processing
        | BatchState::InQuestion
        | BatchState::AwaitingReview
        | BatchState::Filing
        | BatchState::Filed
        | BatchState::Held
        | BatchState::Discarded => return Ok(before),
    };
    let path = format!("/batches/{id}/{what}");
    match what {
        "collate" => station.post(&path, &()).await,
        _ => station.post(&path, &anew).await,
    }
}

/// The clerk who is asked for the next page, once one was.
#[derive(Default)]
struct AtTheGlass(RefCell<Option<(Rc<Answers>, Interruption)>>);

impl AtTheGlass {
    fn answers(&self) -> Result<Rc<Answers>, Stopped> {
        let mut clerk = self.0.borrow_mut();
        if let Some((answers, _)) = &*clerk {
            return Ok(answers.clone());
        }
        let (answers, interruption) = Answers::listen().ends(Exit::Failed)?;
        let answers = Rc::new(answers);
        *clerk = Some((answers.clone(), interruption));
        Ok(answers)
    }

    fn interrupt(&self) {
        let clerk = self.0.borrow();
        if let Some((_, interruption)) = &*clerk {
            interruption.stop();
        }
    }
}

/// Until the batch stands still.
async fn watch(
    args: &CaptureArgs,
    station: &StationClient,
    id: &BatchId,
    progress: &Arc<Progress>,
    glass: &AtTheGlass,
    standing: &mut Standing,
) -> Result<BatchShown, Stopped> {
    let mut events = station.events(id).await?;
    while let Some(event) = events.next().await? {
        let now = match event.what {
            Happening::Standing { standing } => *standing,
            other => {
                progress.happening(other);
                continue;
            }
        };
        standing.last_page = now.last_page;
        progress.stands(&now);
        if !now.is_at_rest() {
            continue;
        }
        let Some(pause) = now.pause.as_ref().map(|pause| pause.why.clone()) else {
            return Ok(now);
        };
        if two_passes::is_between(&pause) && whose_answers() == Whose::Clerks {
            match two_passes::ask(&pause, progress).await? {
                Answer::Stop => return Ok(now),
                answer => order_between(station, id, &answer).await?,
            }
            continue;
        }
        if pause != Pause::LayNextPage {
            return Ok(now);
        }
        let what = match next_page(args, glass, progress).await? {
            NextPage::Scan => "continue",
            NextPage::Close => "close",
            NextPage::Stop => "pause",
        };
        let path = format!("/batches/{id}/{what}");
        station.post::<BatchShown>(&path, &OrderAnew::default()).await?;
    }
    Err(Stopped::because(
        Exit::Failed,
        format!("the station has ended; start it again, and then `{}`", resume::command(args, id)),
    ))
}

async fn order_between(
    station: &StationClient,
    id: &BatchId,
    answer: &Answer,
) -> Result<(), Stopped> {
    let path = |what| format!("/batches/{id}/{what}");
    let anew = |sides| OrderAnew { sides, ..OrderAnew::default() };
    let ordered = match answer {
        Answer::GoOn => station.post(&path("continue"), &anew(None)).await,
        Answer::Said(said @ (AboutSides::MoreFronts | AboutSides::BacksAgain)) => {
            station.post(&path("continue"), &anew(Some(*said))).await
        }
        Answer::Said(said @ AboutSides::FrontsOnly) => {
            station.post(&path("close"), &anew(Some(*said))).await
        }
        Answer::Collate => station.post(&path("collate"), &()).await,
        Answer::Stop => return Ok(()),
    };
    ordered.map(|_: BatchShown| ())
}

async fn next_page(
    args: &CaptureArgs,
    glass: &AtTheGlass,
    progress: &Arc<Progress>,
) -> Result<NextPage, Stopped> {
    if args.pages.is_some() && whose_answers() == Whose::Scripts {
        return Ok(NextPage::Scan);
    }
    let answers = glass.answers()?;
    Ok(block_in_place(|| answers.next_page(progress)))
}

/// The first signal has the station stop the scanner in order, and the watching
/// goes on until it has; the second ends this command, and so does the first
/// where no paper moves.
async fn stop_in_order(
    mut signals: Signals,
    station: &StationClient,
    id: &BatchId,
    glass: &AtTheGlass,
) -> &'static str {
    let why = signals.next().await;
    let path = format!("/batches/{id}/pause");
    let stops = async {
        let paused = station.post::<BatchShown>(&path, &()).await;
        glass.interrupt();
        match paused {
            Ok(_) => std::future::pending().await,
            Err(_) => why,
        }
    };
    tokio::select! { why = stops => why, why = signals.next() => why }
}

async fn outcome(
    args: &CaptureArgs,
    station: &StationClient,
    batch: BatchShown,
) -> Result<Exit, Stopped> {
    let id = &batch.id;
    if let Some(pause) = &batch.pause {
        return Err(paused(args, station, &batch, &pause.why, &pause.say).await);
    }
    let told: BatchReport = station.get(&format!("/batches/{id}/report")).await?;
    report::tell(&told, args.json).ends(Exit::Failed)?;
    Ok(if batch.state == BatchState::Filed { Exit::Done } else { Exit::Questions })
}

async fn paused(
    args: &CaptureArgs,
    station: &StationClient,
    batch: &BatchShown,
    why: &Pause,
    say: &str,
) -> Stopped {
    let id = &batch.id;
    let exit = exit_of(why);
    if batch.pages == 0 {
        // An empty batch is no batch: the stack was not there, or not taken.
        let reason = Reason { reason: "no page was scanned".to_owned() };
        let discarded: Result<BatchShown, Stopped> =
            station.post(&format!("/batches/{id}/discard"), &reason).await;
        if let Err(stopped) = discarded {
            return stopped;
        }
        return match why {
            Pause::StackEnd => Stopped::because(
                Exit::Nothing,
                "nothing was scanned: the scanner (or the folder) had no page; \
                 lay the stack in and start again",
            ),
            _ => Stopped::because(exit, format!("no page was scanned: {say}")),
        };
    }
    let mut command = resume::command(args, id);
    if let Pause::ConfirmPairs { .. } = why {
        command.push_str(" --collate");
    }
    let kept =
        batch.last_page.map_or(String::new(), |last| format!("the last page kept is {last}; "));
    Stopped::because(exit, format!("{kept}batch {id} stands still: {say}; go on with `{command}`"))
}

fn exit_of(why: &Pause) -> Exit {
    match why {
        Pause::Asked | Pause::StationStopped | Pause::LayNextPage => Exit::Failed,
        Pause::StackEnd => Exit::Scanner,
        Pause::TurnTheStack { .. } | Pause::BacksDoNotMatch { .. } | Pause::ConfirmPairs { .. } => {
            Exit::Unfinished
        }
        Pause::Fault { fault, .. } => match fault.as_str() {
            "disk" | "database" => Exit::Storage,
            "other-paper" => Exit::Unfinished,
            "unreadable-file" | "unreadable-folder" => Exit::Input,
            "no-such-source" | "no-such-mode" | "unknown-option" | "bad-option-value"
            | "inactive-option" | "read-only-option" => Exit::Settings,
            _ => Exit::Scanner,
        },
    }
}
