//! A batch: one stack of paper, fed under one profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::PageNo;

/// ```text
/// open ──▶ scanning ◀──▶ paused ──▶ processing ──▶ filing ──▶ filed
///                                        │            │        ▲
///                                        ▼            ▼        │
///                                      held ──▶  in question · awaiting review
/// ```
/// Only a clerk closes a batch: the feeder's end and every fault pause it, unless
/// it was opened with the order to close at the stack's end. From each state but
/// filed a clerk can discard it, with a reason; its pages stay kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchState {
    /// No paper has moved yet.
    Open,
    /// Paper moves, and pages are added.
    Scanning,
    /// Paper stands still, for the reason that [`Pause`] says.
    Paused,
    /// Closed for paper; its pages are read and separated.
    Processing,
    /// All that could be filed is filed; a clerk has questions to answer.
    InQuestion,
    /// Documents wait for a person's look.
    AwaitingReview,
    /// Documents are on their way to the repository.
    Filing,
    /// Every page is placed or set aside and every document filed.
    Filed,
    /// Its counts do not balance: filed only with a named person's reason.
    Held,
    /// Given up by a clerk, with a reason; nothing of it is filed.
    Discarded,
}

impl BatchState {
    pub const ALL: [BatchState; 10] = [
        BatchState::Open,
        BatchState::Scanning,
        BatchState::Paused,
        BatchState::Processing,
        BatchState::InQuestion,
        BatchState::AwaitingReview,
        BatchState::Filing,
        BatchState::Filed,
        BatchState::Held,
        BatchState::Discarded,
    ];

    pub fn name(self) -> &'static str {
        match self {
            BatchState::Open => "open",
            BatchState::Scanning => "scanning",
            BatchState::Paused => "paused",
            BatchState::Processing => "processing",
            BatchState::InQuestion => "in-question",
            BatchState::AwaitingReview => "awaiting-review",
            BatchState::Filing => "filing",
            BatchState::Filed => "filed",
            BatchState::Held => "held",
            BatchState::Discarded => "discarded",
        }
    }

    /// Whether more paper may come to it.
    pub fn takes_paper(self) -> bool {
        match self {
            BatchState::Open | BatchState::Scanning | BatchState::Paused => true,
            BatchState::Processing
            | BatchState::InQuestion
            | BatchState::AwaitingReview
            | BatchState::Filing
            | BatchState::Filed
            | BatchState::Held
            | BatchState::Discarded => false,
        }
    }

    /// Whether nothing of it is left to do.
    pub fn is_ended(self) -> bool {
        match self {
            BatchState::Filed | BatchState::Discarded => true,
            BatchState::Open
            | BatchState::Scanning
            | BatchState::Paused
            | BatchState::Processing
            | BatchState::InQuestion
            | BatchState::AwaitingReview
            | BatchState::Filing
            | BatchState::Held => false,
        }
    }
}

impl fmt::Display for BatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BatchState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        BatchState::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("{text:?} is not a batch state"))
    }
}

/// Where a batch's paper comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaperFrom {
    /// In feeding order, as they were when the batch was opened.
    Files(Vec<GivenFile>),
    /// As it was chosen: a name or a part of one; `None` for the only one there
    /// is.
    Scanner(Option<String>),
}

/// A page file from outside, known by its folder's list alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenFile {
    /// Without its folder, which may have been mounted elsewhere meanwhile.
    pub name: String,
    pub bytes: u64,
}

/// What a scanner is known again by when its name has changed, as it does on
/// USB with every plugging in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerIdentity {
    /// Both as the driver lists them; `None` where it does not.
    pub make: Option<(String, String)>,
    /// `None` where the driver does not tell it.
    pub serial: Option<String>,
}

/// How far a batch has come whose sheets go through a one-sided feeder twice:
/// first all fronts, then, with the stack turned over, all backs, the last
/// sheet's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoPasses {
    /// The fronts are fed.
    Fronts,
    /// The backs are fed, or wait to be paired. Which sheet each is on is not
    /// known yet.
    Backs,
    /// Each back is on its front's sheet; a person saw the first and last pair.
    Collated,
    /// Closed without backs, at a person's word.
    FrontsOnly,
}

impl TwoPasses {
    pub const ALL: [TwoPasses; 4] =
        [TwoPasses::Fronts, TwoPasses::Backs, TwoPasses::Collated, TwoPasses::FrontsOnly];

    pub fn name(self) -> &'static str {
        match self {
            TwoPasses::Fronts => "fronts",
            TwoPasses::Backs => "backs",
            TwoPasses::Collated => "collated",
            TwoPasses::FrontsOnly => "fronts-only",
        }
    }
}

impl FromStr for TwoPasses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        TwoPasses::ALL
            .into_iter()
            .find(|passes| passes.name() == text)
            .ok_or_else(|| format!("{text:?} is no pass of a stack"))
    }
}

/// The two sides of one sheet, each from its own pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub sheet: u32,
    pub front: PageNo,
    pub back: PageNo,
}

/// Why paper stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Pause {
    /// The feeder is empty; only a clerk knows whether that was all.
    StackEnd,
    /// A clerk stopped it.
    Asked,
    /// The next page is to be laid on the glass.
    LayNextPage,
    /// The station stopped while paper moved: the power failed, or it was told
    /// to end.
    StationStopped,
    /// The fronts are through: the stack is to be turned over, and its backs fed.
    TurnTheStack { fronts: u32 },
    /// The turned stack is through, and has not as many backs as there are fronts.
    BacksDoNotMatch { fronts: u32, backs: u32 },
    /// As many backs as fronts: a person is to look at the pairs of the first and
    /// of the last sheet, which are wrong wherever the order was.
    ConfirmPairs { first: Pair, last: Pair },
    /// The scanner, the disk or the database; `told` is for the clerk and says
    /// what to do.
    Fault { fault: String, told: String },
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pause::StackEnd => f.write_str("the feeder is empty; lay in more, or close the batch"),
            Pause::Asked => f.write_str("stopped by a clerk"),
            Pause::LayNextPage => {
                f.write_str("lay the next page on the glass and continue, or close the batch")
            }
            Pause::StationStopped => f.write_str(
                "the station stopped while paper moved; look which sheet went through last",
            ),
            Pause::TurnTheStack { fronts } => write!(
                f,
                "{fronts} fronts are kept. Turn the whole stack over, so that the back of the \
                 last sheet comes first, lay it in and continue; or say that more fronts come \
                 (--more-fronts), or close the batch without backs (--fronts-only)"
            ),
            Pause::BacksDoNotMatch { fronts, backs } if backs < fronts => write!(
                f,
                "{fronts} fronts are kept, and only {backs} backs: sheets are left, or went \
                 through together. If they are the last of the turned stack, lay them in and \
                 continue; if not, scan all backs again (--backs-again)"
            ),
            Pause::BacksDoNotMatch { fronts, backs } => write!(
                f,
                "{fronts} fronts are kept, but {backs} backs: turn the stack over and scan all \
                 backs again (--backs-again); if fronts went through together, discard the \
                 batch and scan its stack anew"
            ),
            Pause::ConfirmPairs { first, last } => write!(
                f,
                "look at two sheets: page {} must have page {} on its back (sheet 1), and page \
                 {} page {} (sheet {}). If they do, collate the batch; if not, turn the stack \
                 over and scan all backs again (--backs-again)",
                first.front, first.back, last.front, last.back, last.sheet
            ),
            Pause::Fault { told, .. } => f.write_str(told),
        }
    }
}

/// Whose word closes a batch for paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    Clerk,
    /// The clerk's word was given beforehand: the stack is the batch.
    StackEnd,
}

impl ClosedBy {
    pub fn name(self) -> &'static str {
        match self {
            ClosedBy::Clerk => "clerk",
            ClosedBy::StackEnd => "stack-end",
        }
    }
}

impl FromStr for ClosedBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [ClosedBy::Clerk, ClosedBy::StackEnd]
            .into_iter()
            .find(|by| by.name() == text)
            .ok_or_else(|| format!("{text:?} closes no batch"))
    }
}

/// What a person decided about a batch, and answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// As the station knows the person.
    pub by: String,
    pub reason: String,
    /// UTC.
    pub at: jiff::Timestamp,
}

/// What a batch should hold, from its header sheet or typed by the clerk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub sheets: Option<u32>,
    pub documents: Option<u32>,
}
