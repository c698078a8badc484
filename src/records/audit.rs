//! What was done, by whom, and when: rows that are only ever added, each bound
//! to the one before by its hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::chain::Link;
use super::ids::{BatchId, Sha256};

/// What an audit row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    OpenBatch,
    ContinueBatch,
    PauseBatch,
    CloseBatch,
    /// A person saw its first and last pair of front and back.
    CollateBatch,
    DiscardBatch,
    /// No page was ever kept for it.
    ForgetBatch,
    /// Its counts no longer keep it from filing.
    ReleaseBatch,
    /// Its orders were said anew: where it is filed, what it should hold.
    ChangeBatch,
    ScanPage,
    /// A person saw it.
    ViewPage,
    /// A person compared a suspect sheet and found it right.
    AcceptSheet,
    /// Pages were put into documents, set aside or in question.
    SeparateBatch,
    /// A document was held back for a person's answer.
    HoldDocument,
    /// It stands in the repository.
    FileDocument,
    /// A clerk said what pages in question are.
    AnswerQuestion,
    /// Somebody looked at a document and let it go to the repository.
    ReleaseDocument,
    /// Somebody looked at a document and did not.
    SendDocumentBack,
    /// A document that was filed is replaced by another version.
    CorrectDocument,
    /// A document that was filed is not to stand any more.
    WithdrawDocument,
    /// The repository was seen to have taken it away.
    TakeDocument,
    /// The repository said that something is wrong with it.
    RefuseDocument,
    /// A manifest of it was written: it came to its end, or was changed after it.
    SealBatch,
    /// Its originals were removed, as its profile says.
    PurgeBatch,
}

impl Action {
    pub const ALL: [Action; 24] = [
        Action::OpenBatch,
        Action::ContinueBatch,
        Action::PauseBatch,
        Action::CloseBatch,
        Action::CollateBatch,
        Action::DiscardBatch,
        Action::ForgetBatch,
        Action::ReleaseBatch,
        Action::ChangeBatch,
        Action::ScanPage,
        Action::ViewPage,
        Action::AcceptSheet,
        Action::SeparateBatch,
        Action::HoldDocument,
        Action::FileDocument,
        Action::AnswerQuestion,
        Action::ReleaseDocument,
        Action::SendDocumentBack,
        Action::CorrectDocument,
        Action::WithdrawDocument,
        Action::TakeDocument,
        Action::RefuseDocument,
        Action::SealBatch,
        Action::PurgeBatch,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::OpenBatch => "open-batch",
            Action::ContinueBatch => "continue-batch",
            Action::PauseBatch => "pause-batch",
            Action::CloseBatch => "close-batch",
            Action::CollateBatch => "collate-batch",
            Action::DiscardBatch => "discard-batch",
            Action::ForgetBatch => "forget-batch",
            Action::ReleaseBatch => "release-batch",
            Action::ChangeBatch => "change-batch",
            Action::ScanPage => "scan-page",
            Action::ViewPage => "view-page",
            Action::AcceptSheet => "accept-sheet",
            Action::SeparateBatch => "separate-batch",
            Action::HoldDocument => "hold-document",
            Action::FileDocument => "file-document",
            Action::AnswerQuestion => "answer-question",
            Action::ReleaseDocument => "release-document",
            Action::SendDocumentBack => "send-document-back",
            Action::CorrectDocument => "correct-document",
            Action::WithdrawDocument => "withdraw-document",
            Action::TakeDocument => "take-document",
            Action::RefuseDocument => "refuse-document",
            Action::SealBatch => "seal-batch",
            Action::PurgeBatch => "purge-batch",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Action::ALL
            .into_iter()
            .find(|action| action.name() == text)
            .ok_or_else(|| format!("{text:?} is not an action"))
    }
}

/// One row, as it is stored and exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub station: String,
    /// Counted from 1 for each station, without a gap.
    pub no: u64,
    /// UTC.
    pub at: jiff::Timestamp,
    /// A user as the station knows him; `station` for what it does by itself.
    pub actor: String,
    pub action: Action,
    pub batch: BatchId,
    /// The page, or a document's first page.
    pub page: Option<u32>,
    /// What else is to be known: a reason, a rule, a file's hash. No patient's
    /// value.
    pub detail: String,
    /// The hash of the row before; of a station's first row all zeros.
    pub before: Sha256,
    pub hash: Sha256,
}

impl Link for AuditRow {
    fn no(&self) -> u64 {
        self.no
    }

    fn before(&self) -> Sha256 {
        self.before
    }

    fn hash(&self) -> Sha256 {
        self.hash
    }

    /// SHA-256 of the other values as a JSON array, in the order they are declared.
    fn expected_hash(&self) -> Sha256 {
        let values = (
            &self.station,
            self.no,
            self.at.to_string(),
            &self.actor,
            self.action.name(),
            self.batch.as_str(),
            self.page,
            &self.detail,
            self.before.to_string(),
        );
        let text = serde_json::to_string(&values).expect("plain values are JSON");
        Sha256::of(text.as_bytes())
    }
}
