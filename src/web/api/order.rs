//! What a clerk orders, as it comes in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::capture::resumption::{LastSheet, NewOrders};
use crate::capture::two_passes::AboutSides;
use crate::device::scanner::PageStack;
use crate::records::batch::{ClosedBy, Expected};

use super::problem::{Problem, ProblemKind};

/// `POST /batches`: scan a stack under a profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The name of a profile.
    pub profile: String,
    /// As `outguide capture --scanner`.
    #[serde(default)]
    pub scanner: Option<String>,
    /// The scanner's own options, name and value.
    #[serde(default)]
    pub set: Vec<(String, String)>,
    /// Files and folders instead of a scanner, from the root of the file system.
    #[serde(default)]
    pub from: Vec<PathBuf>,
    /// The watched folder; where left out, the station's.
    #[serde(default)]
    pub repository: Option<PathBuf>,
    #[serde(default)]
    pub pages: Option<u32>,
    #[serde(default)]
    pub expect_sheets: Option<u32>,
    #[serde(default)]
    pub expect_documents: Option<u32>,
    /// `stack-end`: the stack is the batch. Else a clerk closes it.
    #[serde(default = "by_the_clerk")]
    pub closed_by: ClosedBy,
}

fn by_the_clerk() -> ClosedBy {
    ClosedBy::Clerk
}

/// `POST /batches/ID/continue` and `…/close`: what is said anew of a batch; what
/// is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAnew {
    #[serde(default)]
    pub scanner: Option<String>,
    #[serde(default)]
    pub set: Vec<(String, String)>,
    #[serde(default)]
    pub from: Vec<PathBuf>,
    #[serde(default)]
    pub repository: Option<String>,
    #[serde(default)]
    pub pages: Option<u32>,
    #[serde(default)]
    pub expect_sheets: Option<u32>,
    #[serde(default)]
    pub expect_documents: Option<u32>,
    /// Of a last sheet that may be wrong: it was compared with the paper and is
    /// right. Else it was put back on the stack.
    #[serde(default)]
    pub sheet_is_right: bool,
    /// Of a batch that is fed in two passes.
    #[serde(default)]
    pub sides: Option<AboutSides>,
}

impl OrderAnew {
    /// Looks at the files. Blocks.
    pub fn understood(self) -> Result<NewOrders, Problem> {
        let stack = match self.from.is_empty() {
            true => None,
            false => Some(stack(&self.from)?),
        };
        Ok(NewOrders {
            scanner: self.scanner,
            set: self.set,
            repository: self.repository,
            expected: Expected { sheets: self.expect_sheets, documents: self.expect_documents },
            max_pages: self.pages,
            stack,
            last_sheet: match self.sheet_is_right {
                true => LastSheet::IsRight,
                false => LastSheet::ComesAgain,
            },
            sides: self.sides,
        })
    }
}

/// The pages that stand for a stack of paper. Blocks.
pub fn stack(from: &[PathBuf]) -> Result<PageStack, Problem> {
    PageStack::from_paths(from).map_err(|fault| Problem::of(ProblemKind::Input, &fault))
}

/// `POST /batches/ID/discard` and `…/release`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: String,
}
