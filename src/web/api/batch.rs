//! Batches: shown, opened, continued, paused, closed, collated, discarded, released.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::order::{Order, OrderAnew, Reason};
use super::problem::{Problem, ProblemKind};
use super::report::BatchReport;
use crate::records::batch::{BatchState, ClosedBy, Decision, PaperFrom, Pause, TwoPasses};
use crate::records::ids::{BatchId, PageNo};
use crate::store::{BatchRow, Standing, WhichBatches};
use crate::web::Web;
use crate::web::peer::Peer;

/// At most so many in one list; older ones are looked up by their ids.
const LISTED: u32 = 500;

/// A batch as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchShown {
    pub id: BatchId,
    pub state: BatchState,
    /// While it is paused, or stands still and the database cannot record that yet.
    pub pause: Option<PauseShown>,
    /// Its paper moves, or is about to: what `state` says may be about to change.
    pub at_the_scanner: bool,
    pub profile: String,
    pub station: String,
    pub repository: String,
    pub opened_at: jiff::Timestamp,
    pub from: From,
    pub closed_by: ClosedBy,
    /// Which side of its sheets is fed; `None` where the scanner brings all at once.
    pub two_passes: Option<TwoPasses>,
    pub expected_sheets: Option<u32>,
    pub expected_documents: Option<u32>,
    /// Images kept, and the sheets of paper these are on.
    pub pages: u64,
    pub sheets: u64,
    pub pages_read: u64,
    pub documents: u64,
    pub documents_filed: u64,
    /// Documents somebody has still to look at.
    pub reviews_due: u64,
    pub questions: u64,
    /// The last page that is safe.
    pub last_page: Option<PageNo>,
    pub counts_released: Option<Decision>,
    pub discarded: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    Files,
    Scanner,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PauseShown {
    #[serde(flatten)]
    pub why: Pause,
    /// For the clerk: what happened and what to do.
    pub say: String,
}

impl BatchShown {
    /// Nothing happens to it by itself until somebody does something.
    pub fn is_at_rest(&self) -> bool {
        let waits_for_a_page =
            self.pause.as_ref().is_some_and(|pause| pause.why == Pause::LayNextPage);
        match self.state {
            BatchState::Open | BatchState::Scanning => false,
            BatchState::Paused => waits_for_a_page || !self.at_the_scanner,
            BatchState::Processing | BatchState::Filing => false,
            BatchState::InQuestion
            | BatchState::AwaitingReview
            | BatchState::Filed
            | BatchState::Held
            | BatchState::Discarded => !self.at_the_scanner,
        }
    }
}

pub type Answer<T> = Result<Json<T>, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Those that came to their end too.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Batches {
    pub batches: Vec<BatchShown>,
}

/// `GET /batches`: the newest first.
pub async fn list(
    State(web): State<Arc<Web>>,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Answer<Batches> {
    let Query(which) = which.map_err(|error| Problem::new(ProblemKind::Request, error))?;
    let which = if which.all { WhichBatches::All } else { WhichBatches::NotEnded };
    let mut batches = Vec::new();
    for batch in web.store.batches(which, LISTED).await? {
        let standing = web.store.standing(&batch.id).await?;
        batches.push(as_shown(&web, batch, standing));
    }
    Ok(Json(Batches { batches }))
}

/// `GET /batches/ID`.
pub async fn show(State(web): State<Arc<Web>>, Path(id): Path<String>) -> Answer<BatchShown> {
    Ok(Json(shown(&web, &parse_id(&id)?).await?))
}

/// `GET /batches/ID/report`: documents, pages set aside, questions.
pub async fn report(State(web): State<Arc<Web>>, Path(id): Path<String>) -> Answer<BatchReport> {
    let batch = row(&web, &parse_id(&id)?).await?;
    Ok(Json(BatchReport::read(&web.store, &batch).await?))
}

/// `POST /batches`: scan a stack.
pub async fn open(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<(StatusCode, Json<BatchShown>), Problem> {
    let order = understood(order)?;
    may_name_files(peer, &order.from)?;
    let taking = web.clone();
    let (batch, stack) = blocking(move || (taking.take_order)(order)).await?;
    let id = batch.id.clone();
    web.desk.open(batch, stack, &peer.to_string()).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is opened");
    Ok((StatusCode::CREATED, Json(shown(&web, &id).await?)))
}

/// `POST /batches/ID/continue`: paper lies in the feeder, or on the glass.
pub async fn go_on(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
    order: Result<Json<OrderAnew>, JsonRejection>,
) -> Answer<BatchShown> {
    let (id, order) = (parse_id(&id)?, understood(order)?);
    may_name_files(peer, &order.from)?;
    let orders = blocking(move || order.understood()).await?;
    web.desk.go_on(&id, orders, &peer.to_string()).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is continued");
    Ok(Json(shown(&web, &id).await?))
}

/// `POST /batches/ID/pause`: the scanner stops in order.
pub async fn pause(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
) -> Answer<BatchShown> {
    let id = parse_id(&id)?;
    web.desk.pause(&id).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is paused");
    Ok(Json(shown(&web, &id).await?))
}

/// `POST /batches/ID/close`: no more paper comes.
pub async fn close(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
    order: Result<Json<OrderAnew>, JsonRejection>,
) -> Answer<BatchShown> {
    let (id, order) = (parse_id(&id)?, understood(order)?);
    may_name_files(peer, &order.from)?;
    let orders = blocking(move || order.understood()).await?;
    web.desk.close(&id, orders, &peer.to_string()).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is closed");
    Ok(Json(shown(&web, &id).await?))
}

/// `POST /batches/ID/collate`: the pairs of front and back that were shown are
/// right.
pub async fn collate(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
) -> Answer<BatchShown> {
    let id = parse_id(&id)?;
    web.desk.collate(&id, &peer.to_string()).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is collated");
    Ok(Json(shown(&web, &id).await?))
}

/// `POST /batches/ID/discard`: given up, with a reason; its pages stay kept.
pub async fn discard(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
    reason: Result<Json<Reason>, JsonRejection>,
) -> Answer<BatchShown> {
    let id = parse_id(&id)?;
    web.desk.discard(&id, &decision(peer, understood(reason)?)).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is discarded");
    Ok(Json(shown(&web, &id).await?))
}

/// `POST /batches/ID/release`: filed though its counts do not balance.
pub async fn release(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
    reason: Result<Json<Reason>, JsonRejection>,
) -> Answer<BatchShown> {
    let id = parse_id(&id)?;
    web.desk.release(&id, &decision(peer, understood(reason)?)).await?;
    tracing::info!(batch.id = %id, by = %peer, "a batch is released");
    Ok(Json(shown(&web, &id).await?))
}

pub fn parse_id(text: &str) -> Result<BatchId, Problem> {
    text.parse().map_err(|_| {
        Problem::new(ProblemKind::NotFound, "a batch's id looks like 20260131-090000-1a2b")
    })
}

pub async fn shown(web: &Web, id: &BatchId) -> Result<BatchShown, Problem> {
    let batch = row(web, id).await?;
    let standing = web.store.standing(id).await?;
    Ok(as_shown(web, batch, standing))
}

pub async fn row(web: &Web, id: &BatchId) -> Result<BatchRow, Problem> {
    let batch = web.store.batch(id).await?;
    batch.ok_or_else(|| Problem::new(ProblemKind::NotFound, format!("there is no batch {id}")))
}

/// Between the passes the pause itself says what comes; in one it is easily mistaken.
pub fn say(why: &Pause, two_passes: Option<TwoPasses>) -> String {
    let is_between = match why {
        Pause::TurnTheStack { .. } | Pause::BacksDoNotMatch { .. } | Pause::ConfirmPairs { .. } => {
            true
        }
        Pause::StackEnd
        | Pause::Asked
        | Pause::LayNextPage
        | Pause::StationStopped
        | Pause::Fault { .. } => false,
    };
    match two_passes {
        Some(TwoPasses::Fronts) if !is_between => {
            format!("{why} (the fronts are being scanned; the stack is not turned yet)")
        }
        Some(TwoPasses::Backs) if !is_between => {
            format!("{why} (the stack is turned, and its backs are being scanned)")
        }
        Some(
            TwoPasses::Fronts | TwoPasses::Backs | TwoPasses::Collated | TwoPasses::FrontsOnly,
        )
        | None => why.to_string(),
    }
}

fn as_shown(web: &Web, batch: BatchRow, standing: Standing) -> BatchShown {
    let pause = web.desk.unrecorded_pause(&batch.id).or(batch.pause);
    BatchShown {
        at_the_scanner: web.desk.batch_at_the_scanner().as_ref() == Some(&batch.id),
        id: batch.id,
        state: batch.state,
        pause: pause.map(|why| PauseShown { say: say(&why, batch.two_passes), why }),
        profile: batch.profile_name,
        station: batch.station,
        repository: batch.repository,
        opened_at: batch.opened_at,
        from: match batch.paper_from {
            PaperFrom::Files(_) => From::Files,
            PaperFrom::Scanner(_) => From::Scanner,
        },
        closed_by: batch.closed_by,
        two_passes: batch.two_passes,
        expected_sheets: batch.expected.sheets,
        expected_documents: batch.expected.documents,
        pages: standing.pages,
        sheets: standing.sheets,
        pages_read: standing.pages_read,
        documents: standing.documents,
        documents_filed: standing.documents_filed,
        reviews_due: standing.reviews_due,
        questions: standing.questions,
        last_page: standing.last_page,
        counts_released: batch.counts_released,
        discarded: batch.discarded,
    }
}

pub fn understood<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    match body {
        Ok(Json(body)) => Ok(body),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::too_large()),
        Err(error) => Err(Problem::new(ProblemKind::Request, error.body_text())),
    }
}

pub fn decision(peer: Peer, reason: Reason) -> Decision {
    Decision { by: peer.to_string(), reason: reason.reason, at: jiff::Timestamp::now() }
}

fn may_name_files(peer: Peer, files: &[std::path::PathBuf]) -> Result<(), Problem> {
    if files.is_empty() || peer.may_name_files() {
        return Ok(());
    }
    let told = "the station reads files with its own rights, so that only its own user may name \
                them; run this as that user, by the station's socket";
    Err(Problem::new(ProblemKind::NotAllowed, told))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let broke_off = |error| Problem::new(ProblemKind::Storage, error);
    spawn_blocking(work).await.map_err(broke_off)?
}
