//! The station's face: what people and programs see of it and order of it, over
//! HTTP. Today that is the JSON API ([`api`]), on the station's own socket and,
//! where `station.toml` says so, over HTTP ([`http`], [`tls`]).
//!
//! Nothing here decides: an order goes to the desk, what people decide about
//! documents to [`crate::decisions`], a question to the store.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::capture::desk::Desk;
use crate::decisions::Decisions;
use crate::device::scanner::PageStack;
use crate::spool::Spool;
use crate::store::{BatchRow, Store};

pub mod api;
pub mod http;
pub mod peer;
pub mod tls;
pub mod token;

use api::event::Events;
use api::order::Order;
use api::problem::Problem;

/// Members of the service's group may order, others may not.
const SOCKET_MODE: u32 = 0o660;

/// An order with the names of ten thousand files.
const MOST_BODY_BYTES: usize = 1024 * 1024;

/// What the pages and the API are made from.
pub struct Web {
    pub desk: Desk,
    pub decisions: Decisions,
    pub store: Store,
    pub spool: Spool,
    pub station: StationFacts,
    /// Whether the repository shows what it took.
    pub repository_answers: bool,
    pub events: Events,
    /// Makes a batch's row of an order, which it may refuse. May block.
    pub take_order: TakeOrder,
}

pub type TakeOrder =
    Box<dyn Fn(Order) -> Result<(BatchRow, Option<PageStack>), Problem> + Send + Sync>;

/// What a station says of itself.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StationFacts {
    pub id: String,
    pub name: String,
    pub version: &'static str,
    pub started_at: jiff::Timestamp,
}

/// The URL table.
pub fn routes(web: Arc<Web>) -> Router {
    Router::new()
        .route("/health", get(api::status::health))
        .route("/metrics", get(api::metrics::metrics))
        .route("/openapi.json", get(api::openapi::document))
        .route("/status", get(api::status::status))
        .route("/backlog", get(api::status::backlog))
        .route("/events", get(api::event::all))
        .route("/questions", get(api::question::list))
        .route("/reviews", get(api::document::reviews))
        .route("/batches", get(api::batch::list).post(api::batch::open))
        .route("/batches/{batch}", get(api::batch::show))
        .route("/batches/{batch}/report", get(api::batch::report))
        .route("/batches/{batch}/events", get(api::event::of_batch))
        .route("/batches/{batch}/pages", get(api::page::list))
        .route("/batches/{batch}/pages/{page}/image", get(api::page::image))
        .route("/batches/{batch}/continue", post(api::batch::go_on))
        .route("/batches/{batch}/pause", post(api::batch::pause))
        .route("/batches/{batch}/close", post(api::batch::close))
        .route("/batches/{batch}/collate", post(api::batch::collate))
        .route("/batches/{batch}/discard", post(api::batch::discard))
        .route("/batches/{batch}/release", post(api::batch::release))
        .route("/batches/{batch}/questions/{question}/answer", post(api::question::answer))
        .route("/batches/{batch}/documents", get(api::document::list))
        .route("/batches/{batch}/documents/{document}/release", post(api::document::release))
        .route("/batches/{batch}/documents/{document}/send-back", post(api::document::send_back))
        .route("/batches/{batch}/documents/{document}/correct", post(api::document::correct))
        .route("/batches/{batch}/documents/{document}/withdraw", post(api::document::withdraw))
        .fallback(api::problem::no_such_thing)
        .method_not_allowed_fallback(api::problem::no_such_method)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(web)
}

/// The socket at `path`. One that an earlier process left is replaced: the state
/// folder's lock says that it is no more.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

/// Serves until the station drains; streams of events end then.
pub async fn serve(listener: UnixListener, web: Arc<Web>, draining: watch::Receiver<bool>) {
    let service = routes(web).into_make_service_with_connect_info::<peer::Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(drains(draining));
    if let Err(error) = served.await {
        tracing::error!(%error, "the station's socket failed");
    }
}

async fn drains(mut draining: watch::Receiver<bool>) {
    // An error says that nobody is there to say it: as good as draining.
    drop(draining.wait_for(|drains| *drains).await);
}
