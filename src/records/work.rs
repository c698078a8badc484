//! Steps that are due, in the order a batch goes through them.

use std::fmt;
use std::str::FromStr;

use super::ids::{BatchId, PageNo};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A page: barcodes, cleaning, words.
    Read,
    /// A batch, once all its pages are read.
    Separate,
    /// A document: rendered, and filed into the repository.
    File,
    /// A batch, once nothing else of it is due: filed, or waiting for a clerk.
    End,
}

impl Step {
    pub const ALL: [Step; 4] = [Step::Read, Step::Separate, Step::File, Step::End];

    pub fn name(self) -> &'static str {
        match self {
            Step::Read => "read",
            Step::Separate => "separate",
            Step::File => "file",
            Step::End => "end",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Step::ALL
            .into_iter()
            .find(|step| step.name() == text)
            .ok_or_else(|| format!("{text:?} is not a step"))
    }
}

/// One step of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub batch: BatchId,
    pub on: WorkOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkOn {
    Read(PageNo),
    Separate,
    /// The document by its first page.
    File(PageNo),
    End,
}

impl WorkOn {
    pub fn step(self) -> Step {
        match self {
            WorkOn::Read(_) => Step::Read,
            WorkOn::Separate => Step::Separate,
            WorkOn::File(_) => Step::File,
            WorkOn::End => Step::End,
        }
    }
}
