//! A batch: one stack of paper, fed under one profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// ```text
/// scanning ──▶ scanned ──▶ filed
///     │           │
///     └─(resume)──┴──▶ in question ──▶ filed
/// ```
/// Scanning ends only when a person (or `--pages`, or an agreed end of stack)
/// closes the batch; a fault leaves it scanning, to be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchState {
    /// Pages may still be added.
    Scanning,
    /// Closed for paper; steps are due.
    Scanned,
    /// All that could be filed is filed; a clerk has questions to answer.
    InQuestion,
    /// Every page is placed or set aside and every document filed.
    Filed,
}

impl BatchState {
    pub const ALL: [BatchState; 4] =
        [BatchState::Scanning, BatchState::Scanned, BatchState::InQuestion, BatchState::Filed];

    pub fn name(self) -> &'static str {
        match self {
            BatchState::Scanning => "scanning",
            BatchState::Scanned => "scanned",
            BatchState::InQuestion => "in-question",
            BatchState::Filed => "filed",
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

/// Where a batch's documents began to be filed: what a stop left half done is
/// known there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilingPlace {
    /// The watched folder, from the root of the file system.
    pub folder: String,
    /// Where its receipts are.
    pub staging: String,
}

/// What a batch should hold, from its header sheet or typed by the clerk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub sheets: Option<u32>,
    pub documents: Option<u32>,
}
