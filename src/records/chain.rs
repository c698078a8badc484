//! Rows that are only ever added, each bound to the one before by its hash: how
//! a chain of them is followed, and what can be wrong with it.
//!
//! Whoever changes a row breaks its hash; whoever takes one out leaves a gap;
//! and that the end was cut off shows against how far the chain went when that
//! was last noted outside the database.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::Sha256;

/// A row of a chain.
pub trait Link {
    /// Counted from 1 for each station, without a gap.
    fn no(&self) -> u64;
    /// The hash of the row before; of the first row all zeros.
    fn before(&self) -> Sha256;
    fn hash(&self) -> Sha256;
    /// What `hash` must be by the row's other values.
    fn expected_hash(&self) -> Sha256;
}

/// How long a station's chain is, and its last hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    pub no: u64,
    pub hash: Sha256,
}

impl ChainHead {
    /// Of a chain that has no row yet.
    pub const NONE: ChainHead = ChainHead { no: 0, hash: Sha256::from_bytes([0; 32]) };
}

/// How far a station's chain went when that was noted outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedHead {
    pub station: String,
    pub head: ChainHead,
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ChainProblem {
    /// A row's values are not those its hash was made of.
    Changed { no: u64 },
    /// A row is not bound to the one that stands before it.
    Unbound { no: u64 },
    /// Rows between these are gone.
    Gap { after: u64, next: u64 },
    /// The chain ends before the row that was last noted outside the database.
    CutOff { last: u64, noted: u64 },
    /// The row noted outside the database is another.
    OtherHead { no: u64 },
}

impl fmt::Display for ChainProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainProblem::Changed { no } => write!(f, "row {no} was changed"),
            ChainProblem::Unbound { no } => write!(f, "row {no} does not follow the one before it"),
            ChainProblem::Gap { after, next } => {
                write!(f, "rows between {after} and {next} are gone")
            }
            ChainProblem::CutOff { last, noted } => {
                write!(f, "the rows behind {last} are gone, up to {noted} at least")
            }
            ChainProblem::OtherHead { no } => {
                write!(f, "row {no} is not the one that was noted outside the database")
            }
        }
    }
}

/// Follows a chain row by row.
#[derive(Debug)]
pub struct ChainCheck {
    last: ChainHead,
    noted: Option<ChainHead>,
    problems: Vec<ChainProblem>,
}

impl ChainCheck {
    /// `noted` is what was kept outside the database.
    pub fn against(noted: Option<ChainHead>) -> Self {
        ChainCheck { last: ChainHead::NONE, noted, problems: Vec::new() }
    }

    /// The next row, in the order of their numbers.
    pub fn row(&mut self, row: &impl Link) {
        let ChainHead { no: last, hash: before } = self.last;
        let no = row.no();
        if no != last + 1 {
            self.problems.push(ChainProblem::Gap { after: last, next: no });
        } else if row.before() != before {
            self.problems.push(ChainProblem::Unbound { no });
        }
        if row.hash() != row.expected_hash() {
            self.problems.push(ChainProblem::Changed { no });
        }
        if self.noted.is_some_and(|noted| noted.no == no && noted.hash != row.hash()) {
            self.problems.push(ChainProblem::OtherHead { no });
        }
        self.last = ChainHead { no, hash: row.hash() };
    }

    /// The number of the last row, and what is wrong.
    pub fn end(mut self) -> (u64, Vec<ChainProblem>) {
        let last = self.last.no;
        if let Some(noted) = self.noted
            && noted.no > last
        {
            self.problems.push(ChainProblem::CutOff { last, noted: noted.no });
        }
        (last, self.problems)
    }
}
