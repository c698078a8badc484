//! What waits for a clerk's answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::report::OpenQuestion;
use crate::records::batch::BatchState;
use crate::records::ids::BatchId;
use crate::store::WhichBatches;
use crate::web::Web;
use crate::web::api::report::questions_of;

const BATCHES_LOOKED_AT: u32 = 500;

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
    for batch in web.store.batches(WhichBatches::NotEnded, BATCHES_LOOKED_AT).await? {
        let asks = match batch.state {
            BatchState::InQuestion
            | BatchState::AwaitingReview
            | BatchState::Filing
            | BatchState::Held => true,
            BatchState::Open
            | BatchState::Scanning
            | BatchState::Paused
            | BatchState::Processing
            | BatchState::Filed
            | BatchState::Discarded => false,
        };
        if asks {
            let asked = questions_of(&web.store, &batch.id).await?;
            questions.extend(
                asked
                    .into_iter()
                    .map(|question| QuestionShown { batch: batch.id.clone(), question }),
            );
        }
    }
    Ok(Json(Questions { questions }))
}
