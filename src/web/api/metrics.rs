//! Figures for monitoring, in Prometheus' text format 0.0.4. Counts and states
//! only: nothing of what stands on the paper.
//!
//! Steps and batches are the database's, where stations share one of them all.
//! What was done since the start is counted as this process tells it
//! ([`super::event::Events`]), so that a step which others did is not in it.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use tokio::task::spawn_blocking;

use super::event::DoneSinceStart;
use super::problem::{Problem, ProblemKind};
use crate::records::batch::BatchState;
use crate::records::work::Step;
use crate::store::Due;
use crate::web::Web;

/// `GET /metrics`.
pub async fn metrics(State(web): State<Arc<Web>>) -> Result<impl IntoResponse, Problem> {
    let Due { read, separate, file, failed } = web.store.due().await?;
    let by_state = web.store.batches_by_state().await?;
    let figures = Figures {
        due: [(Step::Read, read), (Step::Separate, separate), (Step::File, file)],
        failed,
        batches: BatchState::ALL.map(|state| {
            let found = by_state.iter().find(|(other, _)| *other == state);
            (state, found.map_or(0, |(_, batches)| *batches))
        }),
        done: web.events.done_since_start(),
        spool_free_bytes: free_bytes(&web).await?,
        at_the_scanner: web.desk.batch_at_the_scanner().is_some(),
        started_at: web.station.started_at,
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures.to_string()))
}

/// `None` where it cannot be measured: a share may be away, and the other
/// figures are told all the more.
async fn free_bytes(web: &Web) -> Result<Option<u64>, Problem> {
    let spool = web.spool.clone();
    let measured = spawn_blocking(move || spool.free_bytes()).await;
    match measured.map_err(|error| Problem::new(ProblemKind::Storage, error))? {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) => {
            tracing::warn!(%fault, "free space cannot be told to the monitoring");
            Ok(None)
        }
    }
}

struct Figures {
    due: [(Step, u64); 3],
    failed: u64,
    batches: [(BatchState, u64); 10],
    done: DoneSinceStart,
    spool_free_bytes: Option<u64>,
    at_the_scanner: bool,
    started_at: jiff::Timestamp,
}

/// Names of steps and states are plain words: nothing in a label is escaped.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f, "outguide_steps_due", "gauge", "Steps that are due, failed ones included.")?;
        for (step, steps) in &self.due {
            writeln!(f, "outguide_steps_due{{step=\"{}\"}} {steps}", step.name())?;
        }
        let failed = "Steps due that failed at least once.";
        one(f, "outguide_steps_failed", "gauge", failed, self.failed)?;
        head(f, "outguide_batches", "gauge", "Batches by state.")?;
        for (state, batches) in &self.batches {
            writeln!(f, "outguide_batches{{state=\"{state}\"}} {batches}")?;
        }
        let DoneSinceStart { pages_kept, pages_read, documents_filed } = self.done;
        let kept = "Pages made safe since the start.";
        one(f, "outguide_pages_kept_total", "counter", kept, pages_kept)?;
        let read = "Pages read since the start.";
        one(f, "outguide_pages_read_total", "counter", read, pages_read)?;
        let filed = "Documents filed since the start.";
        one(f, "outguide_documents_filed_total", "counter", filed, documents_filed)?;
        let free = "Bytes free where scanned pages are kept.";
        let bytes = self.spool_free_bytes.map_or("NaN".to_owned(), |bytes| bytes.to_string());
        one(f, "outguide_spool_free_bytes", "gauge", free, bytes)?;
        let scanner = "1 while a batch is at the scanner.";
        let is_there = u8::from(self.at_the_scanner);
        one(f, "outguide_batch_at_the_scanner", "gauge", scanner, is_there)?;
        let started = "When the station started, in seconds since 1970.";
        let seconds = self.started_at.as_second();
        one(f, "process_start_time_seconds", "gauge", started, seconds)
    }
}

fn one(
    f: &mut impl Write,
    name: &str,
    kind: &str,
    help: &str,
    value: impl fmt::Display,
) -> fmt::Result {
    head(f, name, kind, help)?;
    writeln!(f, "{name} {value}")
}

fn head(f: &mut impl Write, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}")
}
