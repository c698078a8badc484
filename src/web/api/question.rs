//! What waits for a clerk's answer, and the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, State};
use serde::{Deserialize, Serialize};

use super::batch::{Answer, BatchShown, decision, parse_id, shown, understood};
use super::order::Reason;
use super::problem::{Problem, ProblemKind};
use super::report::OpenQuestion;
use crate::decisions::{Keyed, Said};
use crate::records::ids::{BatchId, PageNo, QuestionNo};
use crate::web::Web;
use crate::web::api::report::questions_of;
use crate::web::peer::Peer;

/// Batches at most: what is answered leaves the list, and older ones come.
const LISTED: u32 = 500;

#[derive(Serialize, Deserialize)]
pub struct Questions {
    pub questions: Vec<QuestionShown>,
}

#[derive(Serialize, Deserialize)]
pub struct QuestionShown {
    pub batch: BatchId,
    #[serde(flatten)]
    pub question: OpenQuestion,
}

/// `GET /questions`: of all batches, the newest first.
pub async fn list(State(web): State<Arc<Web>>) -> Result<Json<Questions>, Problem> {
    let mut questions = Vec::new();
    for batch in web.store.batches_in_question(LISTED).await? {
        let asked = questions_of(&web.store, &batch).await?;
        questions.extend(
            asked.into_iter().map(|question| QuestionShown { batch: batch.clone(), question }),
        );
    }
    Ok(Json(Questions { questions }))
}

/// What the pages in question are. `pages` left out or empty means all that the
/// question holds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AnswerOrder {
    /// A document of their own.
    Document {
        #[serde(default)]
        pages: Vec<PageNo>,
        document_type: String,
        #[serde(default)]
        fields: BTreeMap<String, String>,
    },
    /// More pages of the document that begins with this page.
    PagesOf {
        #[serde(default)]
        pages: Vec<PageNo>,
        first_page: PageNo,
    },
    /// They are set aside.
    NotOfTheRecord {
        #[serde(default)]
        pages: Vec<PageNo>,
        reason: String,
    },
    /// A clerk looked, and nothing is to be done; where no page is held.
    AsItShouldBe { reason: String },
}

/// `POST /batches/ID/questions/NO/answer`.
pub async fn answer(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path((batch, no)): Path<(String, String)>,
    order: Result<Json<AnswerOrder>, JsonRejection>,
) -> Answer<BatchShown> {
    let batch = parse_id(&batch)?;
    let no = no.parse().ok().and_then(QuestionNo::new);
    let no = no.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "a question is named by its number, counted from 1")
    })?;
    let (pages, said, reason) = match understood(order)? {
        AnswerOrder::Document { pages, document_type, fields } => {
            (pages, Said::Document(Keyed { document_type, fields }), String::new())
        }
        AnswerOrder::PagesOf { pages, first_page } => {
            (pages, Said::PagesOf(first_page), String::new())
        }
        AnswerOrder::NotOfTheRecord { pages, reason } => (pages, Said::NotOfTheRecord, reason),
        AnswerOrder::AsItShouldBe { reason } => (Vec::new(), Said::AsItShouldBe, reason),
    };
    let decision = decision(peer, Reason { reason });
    web.decisions.answer(&batch, no, pages, said, &decision).await?;
    tracing::info!(batch.id = %batch, question.no = no.get(), by = %peer, "a question is answered");
    Ok(Json(shown(&web, &batch).await?))
}
