//! How the station is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::records::ids::{BatchId, DocumentId};
use crate::store::{Due, Given};
use crate::web::{StationFacts, Web};

#[derive(Serialize)]
pub struct Status {
    #[serde(flatten)]
    station: StationFacts,
    /// The batch whose paper moves, or waits for its next page.
    at_the_scanner: Option<BatchId>,
    backlog: Backlog,
}

/// Steps that are due, and those that failed and are tried again by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    pub pages_to_read: u64,
    pub batches_to_separate: u64,
    pub documents_to_file: u64,
    /// Of all these, those that failed at least once.
    pub failed: u64,
    pub troubles: Vec<TroubleShown>,
    /// What waits for the repository; none where it does not show what it took.
    pub given: Option<GivenShown>,
}

/// Documents that were filed, and not taken away yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenShown {
    pub waiting: u64,
    /// The one of them that was filed first.
    pub oldest_filed_at: Option<jiff::Timestamp>,
    pub refused: Vec<RefusedShown>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedShown {
    pub document: DocumentId,
    /// In the repository's words.
    pub said: String,
}

/// Why something is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleShown {
    pub batch: BatchId,
    pub step: String,
    pub attempts: u32,
    pub cause: String,
}

/// `GET /status`.
pub async fn status(State(web): State<Arc<Web>>) -> Result<Json<Status>, Problem> {
    Ok(Json(Status {
        station: web.station.clone(),
        at_the_scanner: web.desk.batch_at_the_scanner(),
        backlog: read_backlog(&web).await?,
    }))
}

/// `GET /backlog`.
pub async fn backlog(State(web): State<Arc<Web>>) -> Result<Json<Backlog>, Problem> {
    Ok(Json(read_backlog(&web).await?))
}

#[derive(Serialize)]
pub struct Health {
    healthy: bool,
}

/// `GET /health`: the database answers.
pub async fn health(State(web): State<Arc<Web>>) -> Result<Json<Health>, Problem> {
    web.store.due().await?;
    Ok(Json(Health { healthy: true }))
}

async fn read_backlog(web: &Web) -> Result<Backlog, Problem> {
    let Due { read, separate, file, failed } = web.store.due().await?;
    let troubles = web.store.troubles().await?;
    let given = match web.repository_answers {
        true => Some(as_shown(web.store.given().await?)),
        false => None,
    };
    Ok(Backlog {
        given,
        pages_to_read: read,
        batches_to_separate: separate,
        documents_to_file: file,
        failed,
        troubles: troubles
            .into_iter()
            .map(|trouble| TroubleShown {
                batch: trouble.work.batch,
                step: trouble.work.on.step().name().to_owned(),
                attempts: trouble.attempts,
                cause: trouble.fault,
            })
            .collect(),
    })
}

fn as_shown(given: Given) -> GivenShown {
    let refused = given.refused.into_iter();
    GivenShown {
        waiting: given.waiting,
        oldest_filed_at: given.oldest_filed_at,
        refused: refused.map(|(document, said)| RefusedShown { document, said }).collect(),
    }
}
