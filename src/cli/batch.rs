//! `outguide batch` and `backlog`: what the running station has in hand, and what
//! a clerk decides about it.

use std::fmt::Write;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Exit, Stopped};
use super::report;
use super::station_client::{StationClient, To};
use super::telling::{plural, say, say_json};
use crate::capture::two_passes::AboutSides;
use crate::records::batch::BatchState;
use crate::records::ids::BatchId;
use crate::web::api::batch::{BatchShown, Batches};
use crate::web::api::order::{OrderAnew, Reason};
use crate::web::api::report::BatchReport;
use crate::web::api::status::Backlog;

/// Batches of the running station: list, show, continue, close, collate, discard, release
#[derive(Args)]
pub struct BatchCommand {
    #[command(subcommand)]
    command: BatchAction,
}

#[derive(Subcommand)]
enum BatchAction {
    /// Those on their way and those that wait for a clerk, the newest first
    List {
        /// Those that came to their end too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        to: To,
    },
    /// One batch: where it stands, its documents and questions
    Show {
        batch: BatchId,
        #[command(flatten)]
        to: To,
    },
    /// Go on scanning behind the last page kept; at a glass, the next page lies there
    Continue {
        batch: BatchId,
        /// After a sheet that may be wrong: it was compared and is right
        #[arg(long)]
        sheet_is_right: bool,
        /// The stack is not turned yet: the feeder holds more fronts
        #[arg(long)]
        more_fronts: bool,
        /// The turned stack is fed again from its first sheet; its backs so far are set aside
        #[arg(long, conflicts_with = "more_fronts")]
        backs_again: bool,
        #[command(flatten)]
        to: To,
    },
    /// Stop the scanner; the batch can be continued
    Pause {
        batch: BatchId,
        #[command(flatten)]
        to: To,
    },
    /// No more paper comes: the batch is separated and filed
    Close {
        batch: BatchId,
        /// Of a stack that was to be turned: its sheets have no backs
        #[arg(long)]
        fronts_only: bool,
        #[command(flatten)]
        to: To,
    },
    /// The first and the last pair of front and back were looked at and are right: close it
    Collate {
        batch: BatchId,
        #[command(flatten)]
        to: To,
    },
    /// Give a batch up; its pages stay kept, and nothing of it is filed
    Discard {
        batch: BatchId,
        /// Why; it stays with the batch
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        to: To,
    },
    /// File a batch whose counts do not balance
    Release {
        batch: BatchId,
        /// Why; it stays with the batch, and with your name
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        to: To,
    },
}

impl BatchCommand {
    pub fn json(&self) -> bool {
        match &self.command {
            BatchAction::List { to, .. }
            | BatchAction::Show { to, .. }
            | BatchAction::Continue { to, .. }
            | BatchAction::Pause { to, .. }
            | BatchAction::Close { to, .. }
            | BatchAction::Collate { to, .. }
            | BatchAction::Discard { to, .. }
            | BatchAction::Release { to, .. } => to.json,
        }
    }
}

pub async fn run(command: BatchCommand) -> Result<Exit, Stopped> {
    match command.command {
        BatchAction::List { all, to } => list(all, &to).await,
        BatchAction::Show { batch, to } => show(&batch, &to).await,
        BatchAction::Continue { batch, sheet_is_right, more_fronts, backs_again, to } => {
            let sides = match (more_fronts, backs_again) {
                (true, _) => Some(AboutSides::MoreFronts),
                (false, true) => Some(AboutSides::BacksAgain),
                (false, false) => None,
            };
            let anew = OrderAnew { sheet_is_right, sides, ..OrderAnew::default() };
            order(&batch, "continue", &anew, &to).await
        }
        BatchAction::Pause { batch, to } => order(&batch, "pause", &(), &to).await,
        BatchAction::Close { batch, fronts_only, to } => {
            let sides = fronts_only.then_some(AboutSides::FrontsOnly);
            order(&batch, "close", &OrderAnew { sides, ..OrderAnew::default() }, &to).await
        }
        BatchAction::Collate { batch, to } => order(&batch, "collate", &(), &to).await,
        BatchAction::Discard { batch, reason, to } => {
            order(&batch, "discard", &Reason { reason }, &to).await
        }
        BatchAction::Release { batch, reason, to } => {
            order(&batch, "release", &Reason { reason }, &to).await
        }
    }
}

async fn list(all: bool, to: &To) -> Result<Exit, Stopped> {
    let station = StationClient::of(&to.state).await?;
    let found: Batches = station.get(if all { "/batches?all=true" } else { "/batches" }).await?;
    if to.json {
        say_json(&found)?;
        return Ok(Exit::Done);
    }
    if found.batches.is_empty() {
        say("no batch is on its way, and none waits for a clerk")?;
    }
    for batch in &found.batches {
        say(in_a_line(batch))?;
    }
    Ok(Exit::Done)
}

async fn show(id: &BatchId, to: &To) -> Result<Exit, Stopped> {
    #[derive(Serialize)]
    struct Whole {
        #[serde(flatten)]
        batch: BatchShown,
        report: BatchReport,
    }
    let station = StationClient::of(&to.state).await?;
    let batch: BatchShown = station.get(&format!("/batches/{id}")).await?;
    let report: BatchReport = station.get(&format!("/batches/{id}/report")).await?;
    if to.json {
        say_json(&Whole { batch, report })?;
        return Ok(Exit::Done);
    }
    say(in_a_line(&batch))?;
    if is_separated(batch.state) {
        return match report::tell(&report, false) {
            Ok(()) => Ok(Exit::Done),
            Err(cause) => Err(Stopped { exit: Exit::Failed, cause }),
        };
    }
    Ok(Exit::Done)
}

async fn order(id: &BatchId, what: &str, body: &impl Serialize, to: &To) -> Result<Exit, Stopped> {
    tell_batch(&format!("/batches/{id}/{what}"), body, to).await
}

/// Gives an order, and tells how its batch stands then.
pub async fn tell_batch(path: &str, body: &impl Serialize, to: &To) -> Result<Exit, Stopped> {
    let station = StationClient::of(&to.state).await?;
    let batch: BatchShown = station.post(path, body).await?;
    match to.json {
        true => say_json(&batch)?,
        false => say(in_a_line(&batch))?,
    }
    Ok(Exit::Done)
}

fn is_separated(state: BatchState) -> bool {
    match state {
        BatchState::Open | BatchState::Scanning | BatchState::Paused | BatchState::Processing => {
            false
        }
        BatchState::InQuestion
        | BatchState::AwaitingReview
        | BatchState::Filing
        | BatchState::Filed
        | BatchState::Held
        | BatchState::Discarded => true,
    }
}

/// `20260131-090000-1a2b  paused  inpatient-chart  8 pages  a sheet is jammed…`
fn in_a_line(batch: &BatchShown) -> String {
    let count = |count: u64, what| plural(usize::try_from(count).unwrap_or(usize::MAX), what);
    let mut line = format!(
        "{}  {}  {}  {}, {}",
        batch.id,
        batch.state,
        batch.profile,
        count(batch.sheets, "sheet"),
        count(batch.pages, "page")
    );
    let mut add = |text: String| write!(line, "  {text}").expect("a String takes all");
    if batch.documents > 0 {
        add(format!("{} of {} filed", batch.documents_filed, count(batch.documents, "document")));
    }
    if batch.reviews_due > 0 {
        add(format!("{} to review", count(batch.reviews_due, "document")));
    }
    if batch.questions > 0 {
        add(count(batch.questions, "question"));
    }
    if let Some(pause) = &batch.pause {
        add(format!("[{}]", pause.say));
    }
    if let Some(discarded) = &batch.discarded {
        add(format!("[by {}: {}]", discarded.by, discarded.reason));
    }
    line
}

/// What the running station has still to do, and what keeps it from it
#[derive(Args)]
pub struct BacklogArgs {
    #[command(flatten)]
    to: To,
}

impl BacklogArgs {
    pub fn json(&self) -> bool {
        self.to.json
    }
}

pub async fn backlog(args: BacklogArgs) -> Result<Exit, Stopped> {
    let station = StationClient::of(&args.to.state).await?;
    let backlog: Backlog = station.get("/backlog").await?;
    if args.to.json {
        say_json(&backlog)?;
        return Ok(Exit::Done);
    }
    say(format_args!(
        "to read: {}   to separate: {}   to file: {}   failed, tried again: {}",
        backlog.pages_to_read,
        backlog.batches_to_separate,
        backlog.documents_to_file,
        backlog.failed
    ))?;
    for trouble in &backlog.troubles {
        let tries = plural(trouble.attempts as usize, "try").replace("trys", "tries");
        say(format_args!("{}  {} ({tries}): {}", trouble.batch, trouble.step, trouble.cause))?;
    }
    let Some(given) = &backlog.given else { return Ok(Exit::Done) };
    let waiting = plural(usize::try_from(given.waiting).unwrap_or(usize::MAX), "document");
    match &given.oldest_filed_at {
        None => say("the repository has taken everything")?,
        Some(at) => {
            say(format_args!("not taken by the repository: {waiting}, the first filed at {at}"))?;
        }
    }
    for refused in &given.refused {
        say(format_args!("{}  refused by the repository: {}", refused.document, refused.said))?;
    }
    Ok(Exit::Done)
}
