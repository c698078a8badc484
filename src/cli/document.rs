//! `outguide document`: documents of a batch, released after review, sent back,
//! corrected and withdrawn.

use clap::{Args, Subcommand};
use serde_json::json;

use super::batch::tell_batch;
use super::exit::{Exit, Stopped};
use super::question::{Pages, field, pages};
use super::station_client::{StationClient, To};
use super::telling::{plural, say, say_json};
use crate::records::ids::{BatchId, DocumentId};
use crate::web::api::document::{CorrectionOrder, DocumentShown, Documents};
use crate::web::api::order::Reason;

/// Documents of the running station: list, review, release, send-back, correct, withdraw
#[derive(Args)]
pub struct DocumentCommand {
    #[command(subcommand)]
    command: DocumentAction,
}

#[derive(Subcommand)]
enum DocumentAction {
    /// Those of a batch, filed or not
    List {
        batch: BatchId,
        #[command(flatten)]
        to: To,
    },
    /// Those of all batches that somebody is to look at before they are filed
    Review {
        #[command(flatten)]
        to: To,
    },
    /// You looked at the document: it is filed
    Release {
        document: DocumentId,
        #[command(flatten)]
        to: To,
    },
    /// You looked at the document, and it is not to be filed like that
    SendBack {
        document: DocumentId,
        /// Why; it stays in the audit, with your name
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        to: To,
    },
    /// Put right a document that was filed: it is filed again with another type, other values or
    /// more pages
    Correct {
        document: DocumentId,
        /// The type it is
        #[arg(long, value_name = "TYPE")]
        document_type: Option<String>,
        /// An index value, as NAME=VALUE; NAME= takes it away. Where another patient is meant,
        /// every other value but the document's date must be said anew or taken away
        #[arg(long, value_name = "NAME=VALUE", value_parser = field)]
        field: Vec<(String, String)>,
        /// Pages that were set aside and belong to it, such as 3,5-7
        #[arg(long, value_name = "PAGES", value_parser = pages)]
        more_pages: Option<Pages>,
        /// Why; it stays with the document, and with your name
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        to: To,
    },
    /// A filed document is not to stand any more; its pages are in question again
    Withdraw {
        document: DocumentId,
        /// Why; the repository is told, with your name
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        to: To,
    },
}

impl DocumentCommand {
    pub fn json(&self) -> bool {
        match &self.command {
            DocumentAction::List { to, .. }
            | DocumentAction::Review { to }
            | DocumentAction::Release { to, .. }
            | DocumentAction::SendBack { to, .. }
            | DocumentAction::Correct { to, .. }
            | DocumentAction::Withdraw { to, .. } => to.json,
        }
    }
}

pub async fn run(command: DocumentCommand) -> Result<Exit, Stopped> {
    match command.command {
        DocumentAction::List { batch, to } => {
            list(&format!("/batches/{batch}/documents"), &to).await
        }
        DocumentAction::Review { to } => list("/reviews", &to).await,
        DocumentAction::Release { document, to } => {
            tell_batch(&path(&document, "release"), &json!({}), &to).await
        }
        DocumentAction::SendBack { document, reason, to } => {
            tell_batch(&path(&document, "send-back"), &Reason { reason }, &to).await
        }
        DocumentAction::Correct { document, document_type, field, more_pages, reason, to } => {
            let fields = field.into_iter().collect();
            let more_pages = more_pages.map_or_else(Vec::new, |pages| pages.0);
            let order = CorrectionOrder { document_type, fields, more_pages, reason };
            tell_batch(&path(&document, "correct"), &order, &to).await
        }
        DocumentAction::Withdraw { document, reason, to } => {
            tell_batch(&path(&document, "withdraw"), &Reason { reason }, &to).await
        }
    }
}

/// The version that is named is the one that was looked at.
fn path(document: &DocumentId, what: &str) -> String {
    format!(
        "/batches/{}/documents/{}/{what}?version={}",
        document.batch(),
        document.first_page(),
        document.version().get()
    )
}

async fn list(path: &str, to: &To) -> Result<Exit, Stopped> {
    let station = StationClient::of(&to.state).await?;
    let found: Documents = station.get(path).await?;
    if to.json {
        say_json(&found)?;
        return Ok(Exit::Done);
    }
    if found.documents.is_empty() {
        say("no document")?;
    }
    for document in &found.documents {
        say(in_a_line(document))?;
    }
    Ok(Exit::Done)
}

/// `20260131-090000-1a2b-0003  progress-note  4 pages  mrn 0012345  to review`
fn in_a_line(document: &DocumentShown) -> String {
    let mut parts = vec![
        document.id.to_string(),
        document.document_type.clone(),
        plural(document.pages.len(), "page"),
    ];
    parts.extend(document.fields.iter().map(|(name, field)| format!("{name} {}", field.value)));
    if document.review == "due" {
        parts.push("to review".to_owned());
    }
    match &document.withdrawn {
        Some(by) => parts.push(format!("[withdrawn by {}: {}]", by.by, by.reason)),
        None => parts.extend(document.pdf.clone()),
    }
    parts.join("  ")
}
