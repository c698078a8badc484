//! Pages of a batch: what is kept, and how it looks.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::batch::{parse_id, row};
use super::problem::{Problem, ProblemKind};
use crate::imaging::encode;
use crate::pipeline::original;
use crate::records::ids::{BatchId, PageNo};
use crate::records::page::{Place, Side, SpooledPage};
use crate::store::Purge;
use crate::web::Web;
use crate::web::peer::Peer;

/// As wide as a page is shown beside others, in pixels.
const USUAL_WIDTH: u32 = 800;

/// Wider than any screen's, and no trouble to make.
const WIDEST: u32 = 10_000;

#[derive(Serialize)]
pub struct Pages {
    pages: Vec<PageShown>,
}

#[derive(Serialize)]
struct PageShown {
    page: PageNo,
    sheet: u32,
    side: &'static str,
    sha256: String,
    bytes: u64,
    scanned_at: jiff::Timestamp,
    /// What is wrong with its sheet.
    suspect: Option<String>,
    /// `document`, `set-aside` or `question`; none before separation.
    place: Option<&'static str>,
    /// The first page of its document.
    document: Option<PageNo>,
    set_aside: Option<&'static str>,
}

/// `GET /batches/ID/pages`: in scanning order.
pub async fn list(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
) -> Result<Json<Pages>, Problem> {
    let batch = row(&web, &parse_id(&id)?).await?;
    let mut places = web.store.placements(&batch.id).await?;
    let pages = web.store.pages(&batch.id).await?;
    let pages = pages.into_iter().map(|page| shown(places.remove(&page.no), page)).collect();
    Ok(Json(Pages { pages }))
}

fn shown(place: Option<Place>, page: SpooledPage) -> PageShown {
    let (place, document, set_aside) = match place {
        None => (None, None, None),
        Some(Place::Document { first_page }) => (Some("document"), Some(first_page), None),
        Some(Place::SetAside { reason }) => (Some("set-aside"), None, Some(reason.name())),
        Some(Place::Question) => (Some("question"), None, None),
    };
    PageShown {
        page: page.no,
        sheet: page.sheet,
        side: match page.side {
            Side::Front => "front",
            Side::Back => "back",
        },
        sha256: page.sha256.to_string(),
        bytes: page.bytes,
        scanned_at: page.scanned_at,
        suspect: page.suspect,
        place,
        document,
        set_aside,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// In pixels; never wider than the page itself.
    width: Option<u32>,
}

/// `GET /batches/ID/pages/NO/image?width=N`: a JPEG of the original.
pub async fn image(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path((id, no)): Path<(String, String)>,
    size: Result<Query<Size>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Query(size) = size.map_err(|error| Problem::new(ProblemKind::Request, error))?;
    let width = size.width.unwrap_or(USUAL_WIDTH).clamp(1, WIDEST);
    let batch = row(&web, &parse_id(&id)?).await?;
    let no: Option<PageNo> = no.parse().ok().and_then(PageNo::new);
    let page = match no {
        Some(no) => web.store.page(&batch.id, no).await?,
        None => None,
    };
    let page = page.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, format!("batch {} has no such page", batch.id))
    })?;
    if let Some(purge) = web.store.purge_of(&batch.id).await? {
        return Err(removed(&batch.id, &purge));
    }
    // Before it is shown: a look that cannot be recorded is none.
    web.store.acting_for(&peer.to_string()).record_view(&batch.id, page.no).await?;
    let spool = web.spool.clone();
    let made = spawn_blocking(move || {
        let read = original::read(&spool, &batch.id, &page)
            .map_err(|fault| Problem::of(ProblemKind::Storage, &fault))?;
        let page = read.map_err(|told| Problem::new(ProblemKind::Input, told))?;
        Ok::<_, Problem>(encode::for_screen(&page.raster, width))
    });
    let jpeg = made.await.map_err(|error| Problem::new(ProblemKind::Storage, error))??;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], jpeg))
}

fn removed(batch: &BatchId, purge: &Purge) -> Problem {
    let told = format!(
        "the pages of batch {batch} were removed on {}, {} days after its end, as its profile \
         says; what was filed of them is in the repository",
        purge.at.strftime("%Y-%m-%d"),
        purge.after_days
    );
    Problem::new(ProblemKind::Removed, told)
}
