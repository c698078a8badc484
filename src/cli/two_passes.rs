//! Manual duplex at the command line: what is said of the two passes, and the
//! clerk who is asked between them. A script is told, and says it with `--resume`.

use std::sync::Arc;

use clap::Args;
use tokio::task::spawn_blocking;

use super::capture::CaptureArgs;
use super::clerk::{Answers, Signals, Whose, whose_answers};
use super::exit::{Ends, Exit, Stopped};
use super::progress::Progress;
use super::resume;
use super::telling::note;
use crate::app::BatchWork;
use crate::capture::resumption::ResumeFault;
use crate::capture::two_passes::{self, AboutSides};
use crate::records::batch::{Pair, Pause};
use crate::store::{BatchRow, Store};

/// Of a stack whose fronts and backs are fed in two passes.
#[derive(Args, Default)]
#[group(multiple = false)]
pub struct TwoPassArgs {
    /// With --resume: the stack is not turned yet, the feeder holds more fronts
    #[arg(long, requires = "resume", conflicts_with = "from")]
    more_fronts: bool,
    /// With --resume: the turned stack is fed again from its first sheet
    ///
    /// Its backs scanned so far are kept, and set aside.
    #[arg(long, requires = "resume", conflicts_with = "from")]
    backs_again: bool,
    /// With --resume: the sheets have no backs, file their fronts
    #[arg(long, requires = "resume", conflicts_with = "from")]
    fronts_only: bool,
    /// With --resume: the first and the last pair of front and back were looked at and are right
    #[arg(long, requires = "resume", conflicts_with = "from")]
    pub(super) collate: bool,
}

impl TwoPassArgs {
    pub fn said(&self) -> Option<AboutSides> {
        [
            (self.more_fronts, AboutSides::MoreFronts),
            (self.backs_again, AboutSides::BacksAgain),
            (self.fronts_only, AboutSides::FrontsOnly),
        ]
        .into_iter()
        .find_map(|(is_given, said)| is_given.then_some(said))
    }

    pub fn closes(&self) -> bool {
        self.fronts_only
    }
}

/// What a clerk answers between the passes.
pub enum Answer {
    /// What was asked for lies in the feeder.
    GoOn,
    Said(AboutSides),
    /// The pairs shown are right.
    Collate,
    Stop,
}

/// Whether a person has something to do with the stack before it goes on.
pub fn is_between(pause: &Pause) -> bool {
    question(pause).is_some()
}

/// Only a word collates: Enter is what a hand does by itself.
fn question(pause: &Pause) -> Option<&'static str> {
    match pause {
        Pause::TurnTheStack { .. } => Some(
            "[Enter] The turned stack is laid in   [f] More fronts   [o] Only fronts, close   \
             [s] Stop: ",
        ),
        Pause::BacksDoNotMatch { fronts, backs } if backs < fronts => Some(
            "[Enter] The missing sheets are laid in   [a] All backs again, they are laid in   \
             [s] Stop: ",
        ),
        Pause::BacksDoNotMatch { .. } => Some("[a] All backs again, they are laid in   [s] Stop: "),
        Pause::ConfirmPairs { .. } => Some(
            "[y] Yes, both pairs are right   [a] All backs again, they are laid in   [s] Stop: ",
        ),
        Pause::StackEnd
        | Pause::Asked
        | Pause::LayNextPage
        | Pause::StationStopped
        | Pause::Fault { .. } => None,
    }
}

fn understood(pause: &Pause, line: &[u8]) -> Option<Answer> {
    let typed = line.trim_ascii().to_ascii_lowercase();
    let may_be_turned = matches!(pause, Pause::TurnTheStack { .. });
    let lacks_backs = matches!(pause, Pause::BacksDoNotMatch { fronts, backs } if backs < fronts);
    match typed.as_slice() {
        b"" if may_be_turned || lacks_backs => Some(Answer::GoOn),
        b"f" if may_be_turned => Some(Answer::Said(AboutSides::MoreFronts)),
        b"o" if may_be_turned => Some(Answer::Said(AboutSides::FrontsOnly)),
        b"a" if !may_be_turned => Some(Answer::Said(AboutSides::BacksAgain)),
        b"y" | b"yes" if matches!(pause, Pause::ConfirmPairs { .. }) => Some(Answer::Collate),
        b"s" | b"stop" => Some(Answer::Stop),
        _ => None,
    }
}

/// Asks the clerk at the terminal until it is clear what is meant. A signal, and
/// a terminal that goes, leave the batch as it is.
pub async fn ask(pause: &Pause, progress: &Arc<Progress>) -> Result<Answer, Stopped> {
    let Some(question) = question(pause) else { return Ok(Answer::Stop) };
    let mut signals = Signals::listen().ends(Exit::Failed)?;
    let (answers, interruption) = Answers::listen().ends(Exit::Failed)?;
    let (pause, progress) = (pause.clone(), progress.clone());
    let question = format!("{pause}\n{question}");
    let mut asking = spawn_blocking(move || {
        answers.until_clear(&question, &progress, |line| understood(&pause, line))
    });
    let answer = tokio::select! {
        answer = &mut asking => answer,
        _ = signals.next() => {
            interruption.stop();
            asking.await
        }
    };
    Ok(answer.ends(Exit::Failed)?.unwrap_or(Answer::Stop))
}

/// What the resuming command line says of the two passes.
pub async fn said_anew(
    args: &CaptureArgs,
    store: &Store,
    batch: BatchRow,
) -> Result<BatchRow, ResumeFault> {
    if !batch.state.takes_paper() {
        return Ok(batch);
    }
    if args.sides.collate {
        two_passes::collate(store, &batch).await?;
    } else if args.sides.closes() || args.no_more_paper {
        two_passes::close(store, &batch, args.sides.said()).await?;
    } else {
        return two_passes::go_on(store, batch, args.sides.said()).await;
    }
    Ok(store.batch(&batch.id).await?.unwrap_or(batch))
}

/// One pass is through: what the clerk says then is done, and the batch goes on.
/// A script is told what there is to say.
pub async fn between(
    args: &CaptureArgs,
    work: &mut BatchWork,
    progress: &Arc<Progress>,
) -> Result<(), Stopped> {
    let store = work.state.store.clone();
    let id = work.batch.id.clone();
    let Some(batch) = store.batch(&id).await.ends(Exit::Storage)? else {
        return Err(Stopped::because(Exit::Failed, format!("there is no batch {id}")));
    };
    let Some(pause) = batch.pause.clone() else {
        work.batch = batch;
        return Ok(());
    };
    if let Pause::ConfirmPairs { first, last } = &pause {
        tell_where_they_are(work, &[*first, *last]).await?;
    }
    let answer = match whose_answers() {
        Whose::Clerks => ask(&pause, progress).await?,
        Whose::Scripts => Answer::Stop,
    };
    let done = match answer {
        Answer::GoOn => two_passes::go_on(&store, batch, None).await.map(drop),
        Answer::Said(said @ (AboutSides::MoreFronts | AboutSides::BacksAgain)) => {
            two_passes::go_on(&store, batch, Some(said)).await.map(drop)
        }
        Answer::Said(said @ AboutSides::FrontsOnly) => {
            two_passes::close(&store, &batch, Some(said)).await
        }
        Answer::Collate => two_passes::collate(&store, &batch).await,
        Answer::Stop => return Err(stands_still(args, work, &pause)),
    };
    done.map_err(resume::not_resumed)?;
    if let Some(batch) = store.batch(&id).await.ends(Exit::Storage)? {
        work.batch = batch;
    }
    Ok(())
}

fn stands_still(args: &CaptureArgs, work: &BatchWork, pause: &Pause) -> Stopped {
    let id = &work.batch.id;
    let command = resume::command(args, id);
    let told = if let Pause::ConfirmPairs { .. } = pause {
        format!(
            "batch {id} waits for a look: {pause}. `{command} --collate` says that they are right"
        )
    } else {
        format!("batch {id} is half scanned: {pause}. `{command}` goes on")
    };
    Stopped::because(Exit::Unfinished, told)
}

async fn tell_where_they_are(work: &BatchWork, pairs: &[Pair]) -> Result<(), Stopped> {
    for pair in pairs {
        for page in [pair.front, pair.back] {
            let store = &work.state.store;
            let Some(page) = store.page(&work.batch.id, page).await.ends(Exit::Storage)? else {
                continue;
            };
            let file = work.state.spool.original_path(&work.batch.id, &page.file);
            let path = file.ends(Exit::Storage)?;
            note(format_args!("page {}, for sheet {}: {}", page.no, pair.sheet, path.display()));
        }
    }
    Ok(())
}
