//! Manual duplex: a stack goes through a one-sided feeder twice.
//!
//! ```text
//! fronts 1…n ─▶ turn the stack ─▶ backs n…1 ─▶ as many? ─▶ confirm first and last pair ─▶ collated, closed
//!     ▲               │               ▲            │                  │
//!     └─ more fronts ─┤               └── no, or not the right pairs ─┘
//!                     └─ fronts only: closed
//! ```
//!
//! Which pass is fed is in the batch's row before its first sheet is, so that a
//! stop takes no back for a front. Until a person has confirmed the pairs a back
//! belongs to no sheet, and the database lets no such batch be separated. A pass
//! that was wrong is kept, and in no document.

use serde::{Deserialize, Serialize};

use super::CaptureFault;
use super::resumption::ResumeFault;
use crate::profile::PaperSource;
use crate::records::batch::{Pair, PaperFrom, Pause, TwoPasses};
use crate::records::ids::BatchId;
use crate::records::page::{Side, Sides, SpooledPage};
use crate::store::{BatchRow, Moved, Store, StoreFault};

/// What a clerk says of the two sides of a stack, beside "go on".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AboutSides {
    /// The feeder holds more fronts: the stack is not turned yet.
    MoreFronts,
    /// The stack was turned again, and is fed from its first sheet.
    BacksAgain,
    /// The sheets have no backs that are wanted.
    FrontsOnly,
}

/// The pages of each pass, in the order they were fed, without those that came
/// again.
struct Passes {
    fronts: Vec<SpooledPage>,
    backs: Vec<SpooledPage>,
}

impl Passes {
    async fn of(store: &Store, batch: &BatchId) -> Result<Passes, StoreFault> {
        let again = store.pages_fed_again(batch).await?;
        let mut pages = store.pages(batch).await?;
        pages.retain(|page| !again.contains(&page.no));
        let (fronts, backs) = pages.into_iter().partition(|page| page.side == Side::Front);
        Ok(Passes { fronts, backs })
    }

    fn turn(&self) -> Pause {
        Pause::TurnTheStack { fronts: count(&self.fronts) }
    }

    /// What a batch waits for whose feeder is empty.
    fn pause(&self, at: TwoPasses) -> Pause {
        match at {
            TwoPasses::Fronts | TwoPasses::Collated | TwoPasses::FrontsOnly => self.turn(),
            TwoPasses::Backs if self.backs.is_empty() => self.turn(),
            TwoPasses::Backs => self.pairs().unwrap_or(Pause::BacksDoNotMatch {
                fronts: count(&self.fronts),
                backs: count(&self.backs),
            }),
        }
    }

    /// `None` where some side has no other.
    fn pairs(&self) -> Option<Pause> {
        if self.fronts.len() != self.backs.len() {
            return None;
        }
        let pair = |sheet, front: &SpooledPage, back: &SpooledPage| Pair {
            sheet,
            front: front.no,
            back: back.no,
        };
        Some(Pause::ConfirmPairs {
            first: pair(1, self.fronts.first()?, self.backs.last()?),
            last: pair(count(&self.fronts), self.fronts.last()?, self.backs.first()?),
        })
    }
}

fn count(pages: &[SpooledPage]) -> u32 {
    u32::try_from(pages.len()).unwrap_or(u32::MAX)
}

/// How a batch begins; `None` where the scanner brings all sides at once. A file
/// is a page already, whichever side of the paper it was.
pub fn of_new_batch(source: PaperSource, from: &PaperFrom) -> Option<TwoPasses> {
    match (source, from) {
        (PaperSource::FeederManualDuplex, PaperFrom::Scanner(_)) => Some(TwoPasses::Fronts),
        (PaperSource::FeederManualDuplex, PaperFrom::Files(_))
        | (PaperSource::Flatbed | PaperSource::Feeder | PaperSource::FeederDuplex, _) => None,
    }
}

/// Files given in place of a stack that is to be turned would be filed as they
/// lie, and a limit of pages would part fronts from their backs.
pub fn refuse_order(source: PaperSource, batch: &BatchRow) -> Result<(), ResumeFault> {
    let told = match (source, &batch.paper_from, batch.max_pages) {
        (PaperSource::FeederManualDuplex, PaperFrom::Files(_), _) => {
            "this profile scans fronts and backs in two passes of a feeder; give files under a \
             profile with source = \"feeder\""
        }
        (PaperSource::FeederManualDuplex, PaperFrom::Scanner(_), Some(_)) => NO_LIMIT,
        (PaperSource::FeederManualDuplex, PaperFrom::Scanner(_), None)
        | (PaperSource::Flatbed | PaperSource::Feeder | PaperSource::FeederDuplex, _, _) => {
            return Ok(());
        }
    };
    Err(ResumeFault::NotLikeThat(told.to_owned()))
}

pub const NO_LIMIT: &str =
    "a stack that is fed in two passes takes no limit of pages; leave --pages out";

/// Of all pages of a batch those of the pass that is fed: it goes on behind them.
pub(super) async fn of_this_pass(
    store: &Store,
    batch: &BatchRow,
    at: TwoPasses,
) -> Result<Vec<SpooledPage>, StoreFault> {
    let Passes { fronts, backs } = Passes::of(store, &batch.id).await?;
    Ok(match at {
        TwoPasses::Backs => backs,
        TwoPasses::Fronts | TwoPasses::Collated | TwoPasses::FrontsOnly => fronts,
    })
}

/// What the scanner's one side is of the sheets. Refused where it scans another:
/// pages would come to wrong sheets.
pub(super) fn sides_of_pass(at: TwoPasses, scanned: Sides) -> Result<Sides, CaptureFault> {
    match (scanned, at) {
        (Sides::Front, TwoPasses::Backs) => Ok(Sides::Back),
        (Sides::Front, TwoPasses::Fronts | TwoPasses::Collated | TwoPasses::FrontsOnly) => {
            Ok(Sides::Front)
        }
        (Sides::Back | Sides::FrontThenBack, _) => Err(CaptureFault::NotLikeThat {
            told: "the scanner does not stand at one side, the front; set it to that, or use a \
                   profile with source = \"feeder-duplex\" where it can scan both"
                .to_owned(),
        }),
    }
}

/// Why the batch stands still once its feeder is empty.
pub async fn pause_behind(
    store: &Store,
    batch: &BatchId,
    at: TwoPasses,
) -> Result<Pause, StoreFault> {
    Ok(Passes::of(store, batch).await?.pause(at))
}

/// Paper lies in the feeder again: the batch with the pass that it belongs to. For
/// whoever has the scanner: meanwhile nobody else moves the batch on.
pub async fn go_on(
    store: &Store,
    batch: BatchRow,
    said: Option<AboutSides>,
) -> Result<BatchRow, ResumeFault> {
    let id = &batch.id;
    if batch.two_passes.is_none() {
        return not_of_two_passes(batch, said);
    }
    // It may have come further while the scanner was another's.
    let now = store.batch(id).await?.unwrap_or_else(|| batch.clone());
    let Some(at) = now.two_passes else { return not_of_two_passes(batch, said) };
    let passes = Passes::of(store, id).await?;
    let is_to_be_turned = matches!(now.pause, Some(Pause::TurnTheStack { .. }));
    let next = match (at, said) {
        (TwoPasses::Fronts, None) if is_to_be_turned => TwoPasses::Backs,
        (TwoPasses::Fronts, None | Some(AboutSides::MoreFronts)) => TwoPasses::Fronts,
        (TwoPasses::Fronts, Some(AboutSides::BacksAgain)) => {
            return not_like_that(format!("no back of batch {id} was scanned yet; continue it"));
        }
        (TwoPasses::Backs, None) => {
            refuse_more_backs(&now, &passes)?;
            TwoPasses::Backs
        }
        (TwoPasses::Backs, Some(AboutSides::MoreFronts)) if passes.backs.is_empty() => {
            TwoPasses::Fronts
        }
        (TwoPasses::Backs, Some(AboutSides::MoreFronts)) => {
            return not_like_that(format!(
                "batch {id} has {} backs already, and takes no more fronts; finish it, and scan \
                 the others as a batch of their own",
                passes.backs.len()
            ));
        }
        (TwoPasses::Backs, Some(AboutSides::BacksAgain)) => {
            moved(&batch, store.set_backs_aside(id, &passes.turn()).await?)?;
            TwoPasses::Backs
        }
        (TwoPasses::Fronts | TwoPasses::Backs, Some(AboutSides::FrontsOnly)) => {
            return not_like_that(format!("without backs batch {id} is closed, not continued"));
        }
        (TwoPasses::Collated | TwoPasses::FrontsOnly, _) => {
            return not_like_that(format!("batch {id} takes no more paper"));
        }
    };
    if next != at {
        moved(&batch, store.begin_pass(id, next).await?)?;
    }
    Ok(BatchRow { two_passes: Some(next), ..batch })
}

/// Fed without a word, they would come behind a stack that is complete.
fn refuse_more_backs(batch: &BatchRow, passes: &Passes) -> Result<(), ResumeFault> {
    let is_complete = match &batch.pause {
        Some(Pause::ConfirmPairs { .. }) => true,
        Some(Pause::BacksDoNotMatch { .. }) => passes.backs.len() > passes.fronts.len(),
        Some(
            Pause::StackEnd
            | Pause::Asked
            | Pause::LayNextPage
            | Pause::StationStopped
            | Pause::TurnTheStack { .. }
            | Pause::Fault { .. },
        )
        | None => false,
    };
    match &batch.pause {
        Some(pause) if is_complete => not_like_that(pause.to_string()),
        Some(_) | None => Ok(()),
    }
}

/// Closes a batch of which a person says that only its fronts are wanted. A batch
/// of another kind is left to be closed as any.
pub async fn close(
    store: &Store,
    batch: &BatchRow,
    said: Option<AboutSides>,
) -> Result<(), ResumeFault> {
    let id = &batch.id;
    if batch.two_passes.is_none() {
        return not_of_two_passes((), said);
    }
    match said {
        Some(AboutSides::FrontsOnly) => {}
        None | Some(AboutSides::MoreFronts | AboutSides::BacksAgain) => {
            return not_like_that(format!(
                "the backs of batch {id} are not with their fronts yet; continue it, or close it \
                 with --fronts-only if its sheets have none"
            ));
        }
    }
    let backs = Passes::of(store, id).await?.backs.len();
    if backs > 0 {
        return not_like_that(format!(
            "{backs} backs of batch {id} are kept; collate it, or scan them again"
        ));
    }
    moved(batch, store.close_without_backs(id).await?)
}

/// A person looked at the first and the last pair, and they are right.
pub async fn collate(store: &Store, batch: &BatchRow) -> Result<(), ResumeFault> {
    let id = &batch.id;
    match (batch.two_passes, &batch.pause) {
        (Some(TwoPasses::Backs), Some(shown @ Pause::ConfirmPairs { last, .. })) => {
            moved(batch, store.collate(id, shown, last).await?)
        }
        (_, Some(pause)) => {
            not_like_that(format!("batch {id} has no pairs to be confirmed: {pause}"))
        }
        (_, None) => {
            not_like_that(format!("batch {id} has no pairs to be confirmed: it is {}", batch.state))
        }
    }
}

fn not_of_two_passes<T>(done: T, said: Option<AboutSides>) -> Result<T, ResumeFault> {
    match said {
        None => Ok(done),
        Some(AboutSides::MoreFronts | AboutSides::BacksAgain | AboutSides::FrontsOnly) => {
            not_like_that(
                "this batch is not fed in two passes; leave what is said of fronts and backs out"
                    .to_owned(),
            )
        }
    }
}

fn moved(batch: &BatchRow, moved: Moved) -> Result<(), ResumeFault> {
    match moved {
        Moved::Yes => Ok(()),
        Moved::NotFrom(state) => not_like_that(format!(
            "batch {} has come further meanwhile, and is {state}; look at it again",
            batch.id
        )),
    }
}

fn not_like_that<T>(told: String) -> Result<T, ResumeFault> {
    Err(ResumeFault::NotLikeThat(told))
}
