//! What became of a batch, told to a clerk or as JSON.

use serde::Serialize;

use super::exit::Stopped;
use super::telling::{plural, say_if_heard};
use crate::records::ids::{BatchId, PageNo};
use crate::web::api::report::BatchReport;

pub fn tell(report: &BatchReport, json: bool) -> anyhow::Result<()> {
    if json {
        say_if_heard(serde_json::to_string(report)?);
        return Ok(());
    }
    say_if_heard(format_args!("{} scanned", plural(report.pages, "page")));
    for document in &report.documents {
        let kind = document.fields.get("document_type").map_or("", String::as_str);
        say_if_heard(format_args!(
            "  filed {kind}: {} in {}",
            plural(document.pages.len(), "page"),
            document.pdf
        ));
    }
    if !report.set_aside.is_empty() {
        say_if_heard(format_args!(
            "  set aside: {} (sheets and blanks; kept in the batch)",
            plural(report.set_aside.len(), "page")
        ));
    }
    let waiting = report.awaiting_review.len();
    if waiting > 0 {
        say_if_heard(format_args!(
            "  awaiting review: {} (see outguide document review)",
            plural(waiting, "document")
        ));
    }
    match report.questions.as_slice() {
        [] if waiting > 0 => {}
        [] if report.documents.is_empty() => {
            say_if_heard("nothing was to be filed: every page is set aside")
        }
        [] => say_if_heard("everything is filed"),
        questions => {
            say_if_heard(format_args!("{} for a clerk:", plural(questions.len(), "question")));
            for question in questions {
                say_if_heard(format_args!("  page {}: {}", question.page, question.reason));
                let held: Vec<String> = question.holds.iter().map(PageNo::to_string).collect();
                say_if_heard(format_args!("    waiting: pages {}", held.join(", ")));
            }
        }
    }
    Ok(())
}

/// What a stopped `capture` leaves to go on with. Its JSON stands in the place
/// of the report; its keys are documented in the README.
#[derive(Debug, Default)]
pub struct Standing {
    /// The batch that is open, where there is one.
    pub batch: Option<BatchId>,
    /// The last of its pages that is kept.
    pub last_page: Option<PageNo>,
}

impl Standing {
    pub fn tell(&self, stopped: &Stopped) -> anyhow::Result<()> {
        let told = StoppedReport {
            batch: self.batch.as_ref(),
            error: format!("{:#}", stopped.cause),
            exit: stopped.exit as u8,
            last_page: self.last_page,
        };
        say_if_heard(serde_json::to_string(&told)?);
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct StoppedReport<'a> {
    batch: Option<&'a BatchId>,
    error: String,
    exit: u8,
    last_page: Option<PageNo>,
}
