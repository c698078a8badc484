//! Documents: shown, released after review, sent back, corrected, withdrawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use serde::{Deserialize, Serialize};

use super::batch::{Answer, BatchShown, decision, parse_id, row, shown, understood};
use super::order::Reason;
use super::problem::{Problem, ProblemKind};
use crate::decisions::Correction;
use crate::records::batch::Decision;
use crate::records::document::{FieldSource, ReviewStanding};
use crate::records::ids::{BatchId, DocumentId, PageNo, Version};
use crate::store::DocumentRow;
use crate::web::Web;
use crate::web::peer::Peer;

/// At most so many in one list: what is released leaves it, and others come.
const LISTED: u32 = 500;

#[derive(Serialize, Deserialize)]
pub struct Documents {
    pub documents: Vec<DocumentShown>,
}

/// A document as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentShown {
    pub id: DocumentId,
    pub batch: BatchId,
    /// Names it in addresses.
    pub first_page: PageNo,
    /// In reading order; none where it is withdrawn.
    pub pages: Vec<PageNo>,
    pub document_type: String,
    pub fields: BTreeMap<String, FieldShown>,
    /// `not-asked`, `due` or `released`.
    pub review: String,
    /// Who let it go.
    pub released: Option<Decision>,
    /// The version before is not to stand any more, and why.
    pub withdrawn: Option<Decision>,
    /// Where this version stands; none before it is filed.
    pub pdf: Option<String>,
    pub filed_at: Option<jiff::Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct FieldShown {
    pub value: String,
    pub source: FieldSource,
}

/// A patient's value stays out of logs and errors.
impl std::fmt::Debug for FieldShown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FieldShown(from {:?})", self.source)
    }
}

/// `GET /batches/ID/documents`: filed or not, in the order of their first pages.
pub async fn list(State(web): State<Arc<Web>>, Path(id): Path<String>) -> Answer<Documents> {
    let batch = row(&web, &parse_id(&id)?).await?.id;
    let documents = web.store.documents(&batch).await?;
    let documents = documents.into_iter().map(|row| as_shown(&batch, row)).collect();
    Ok(Json(Documents { documents }))
}

/// `GET /reviews`: documents of all batches that somebody is to look at before
/// they are filed, the oldest first.
pub async fn reviews(State(web): State<Arc<Web>>) -> Answer<Documents> {
    let due = web.store.documents_due_for_review(LISTED).await?;
    let documents = due.into_iter().map(|(batch, row)| as_shown(&batch, row)).collect();
    Ok(Json(Documents { documents }))
}

/// `POST /batches/ID/documents/PAGE/release`: somebody looked; it may be filed.
pub async fn release(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(document): Path<(String, String)>,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Answer<BatchShown> {
    let (batch, first_page) = parsed(document)?;
    let seen = version(seen)?;
    let looked = Reason { reason: "looked at".to_owned() };
    web.decisions.release(&batch, first_page, seen, &decision(peer, looked)).await?;
    tracing::info!(batch.id = %batch, page.no = first_page.get(), by = %peer, "a document is released");
    Ok(Json(shown(&web, &batch).await?))
}

/// `POST /batches/ID/documents/PAGE/send-back`: somebody looked, and its pages
/// are in question.
pub async fn send_back(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(document): Path<(String, String)>,
    seen: Result<Query<Seen>, QueryRejection>,
    reason: Result<Json<Reason>, JsonRejection>,
) -> Answer<BatchShown> {
    let (batch, first_page) = parsed(document)?;
    let seen = version(seen)?;
    let decision = decision(peer, understood(reason)?);
    web.decisions.send_back(&batch, first_page, seen, &decision).await?;
    tracing::info!(batch.id = %batch, page.no = first_page.get(), by = %peer, "a document is sent back");
    Ok(Json(shown(&web, &batch).await?))
}

/// What is to be other than it was filed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectionOrder {
    #[serde(default)]
    pub document_type: Option<String>,
    /// An empty value takes the field away.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Pages that were set aside, and belong to it.
    #[serde(default)]
    pub more_pages: Vec<PageNo>,
    pub reason: String,
}

/// `POST /batches/ID/documents/PAGE/correct`: a filed document is filed again as
/// its next version.
pub async fn correct(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(document): Path<(String, String)>,
    seen: Result<Query<Seen>, QueryRejection>,
    order: Result<Json<CorrectionOrder>, JsonRejection>,
) -> Answer<BatchShown> {
    let (batch, first_page) = parsed(document)?;
    let seen = version(seen)?;
    let CorrectionOrder { document_type, fields, more_pages, reason } = understood(order)?;
    let correction = Correction { document_type, fields, more_pages };
    let decision = decision(peer, Reason { reason });
    web.decisions.correct(&batch, first_page, seen, &correction, &decision).await?;
    tracing::info!(batch.id = %batch, page.no = first_page.get(), by = %peer, "a document is corrected");
    Ok(Json(shown(&web, &batch).await?))
}

/// `POST /batches/ID/documents/PAGE/withdraw`: a filed document is not to stand.
pub async fn withdraw(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(document): Path<(String, String)>,
    seen: Result<Query<Seen>, QueryRejection>,
    reason: Result<Json<Reason>, JsonRejection>,
) -> Answer<BatchShown> {
    let (batch, first_page) = parsed(document)?;
    let seen = version(seen)?;
    let decision = decision(peer, understood(reason)?);
    web.decisions.withdraw(&batch, first_page, seen, &decision).await?;
    tracing::info!(batch.id = %batch, page.no = first_page.get(), by = %peer, "a document is withdrawn");
    Ok(Json(shown(&web, &batch).await?))
}

/// Which version was looked at; where another stands by now, nothing is done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    #[serde(default)]
    version: Option<u32>,
}

fn version(seen: Result<Query<Seen>, QueryRejection>) -> Result<Option<Version>, Problem> {
    let Query(seen) = seen.map_err(|error| Problem::new(ProblemKind::Request, error))?;
    let none = || Problem::new(ProblemKind::Request, "versions are counted from 1");
    seen.version.map(|version| Version::new(version).ok_or_else(none)).transpose()
}

fn parsed((batch, page): (String, String)) -> Result<(BatchId, PageNo), Problem> {
    let batch = parse_id(&batch)?;
    let page = page.parse().ok().and_then(PageNo::new);
    let none = "a document is named by the number of its first page, counted from 1";
    Ok((batch, page.ok_or_else(|| Problem::new(ProblemKind::NotFound, none))?))
}

fn as_shown(batch: &BatchId, row: DocumentRow) -> DocumentShown {
    let id = row.id(batch);
    let DocumentRow { document, review, withdrawn, filed, version: _ } = row;
    let (review, released) = match review {
        ReviewStanding::NotAsked => ("not-asked", None),
        ReviewStanding::Due => ("due", None),
        ReviewStanding::Released(by) => ("released", Some(by)),
    };
    let field = |field: crate::records::document::IndexField| {
        (field.name.to_string(), FieldShown { value: field.value, source: field.source })
    };
    DocumentShown {
        id,
        batch: batch.clone(),
        first_page: document.first_page,
        pages: document.pages,
        document_type: document.document_type,
        fields: document.fields.into_iter().map(field).collect(),
        review: review.to_owned(),
        released,
        withdrawn,
        pdf: filed.as_ref().map(|filed| filed.pdf_path.clone()),
        filed_at: filed.map(|filed| filed.filed_at),
    }
}
