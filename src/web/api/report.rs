//! What became of a batch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::records::document::{Question, QuestionReason, ReviewStanding};
use crate::records::ids::{BatchId, DocumentId, PageNo, QuestionNo};
use crate::records::page::{PageOutcome, Place, TextOutcome};
use crate::store::{BatchRow, DocumentRow, Store, StoreFault};

/// The JSON of `outguide capture`; its keys are documented in the README.
#[derive(Debug, Serialize, Deserialize)]
pub struct BatchReport {
    pub batch: BatchId,
    /// Images scanned, those set aside included.
    pub pages: usize,
    pub set_aside: Vec<SetAsidePage>,
    pub documents: Vec<FiledDocument>,
    /// Documents that somebody is to look at before they are filed.
    pub awaiting_review: Vec<DocumentId>,
    pub questions: Vec<OpenQuestion>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SetAsidePage {
    pub page: PageNo,
    pub reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct FiledDocument {
    pub id: DocumentId,
    pub pdf: String,
    pub index_file: String,
    pub pages: Vec<PageNo>,
    /// Those that OCR could not read: they are in it as images.
    pub without_text: Vec<PageNo>,
    pub fields: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// Its number in its batch.
    pub question: QuestionNo,
    pub page: PageNo,
    pub reason: String,
    /// The pages that wait for the answer.
    pub holds: Vec<PageNo>,
}

impl BatchReport {
    pub async fn read(store: &Store, batch: &BatchRow) -> Result<Self, StoreFault> {
        let id = &batch.id;
        let places = store.placements(id).await?;
        let set_aside = places.iter().filter_map(|(page, place)| match place {
            Place::SetAside { reason } => {
                Some(SetAsidePage { page: *page, reason: reason.name().to_owned() })
            }
            Place::Document { .. } | Place::Question => None,
        });
        let (mut documents, mut awaiting_review) = (Vec::new(), Vec::new());
        for row in store.documents(id).await? {
            if row.review == ReviewStanding::Due {
                awaiting_review.push(row.id(id));
            }
            if row.withdrawn.is_none() {
                documents.extend(filed_document(store, id, row).await?);
            }
        }
        let questions = questions_of(store, id).await?;
        Ok(BatchReport {
            batch: id.clone(),
            pages: store.pages(id).await?.len(),
            set_aside: set_aside.collect(),
            documents,
            awaiting_review,
            questions,
        })
    }
}

async fn filed_document(
    store: &Store,
    batch: &BatchId,
    row: DocumentRow,
) -> Result<Option<FiledDocument>, StoreFault> {
    let id = row.id(batch);
    let Some(filed) = row.filed else { return Ok(None) };
    let document = row.document;
    let mut fields: BTreeMap<String, String> =
        document.fields.iter().map(|field| (field.name.to_string(), field.value.clone())).collect();
    fields.insert("document_type".to_owned(), document.document_type);
    Ok(Some(FiledDocument {
        id,
        pdf: filed.pdf_path,
        index_file: filed.index_path,
        without_text: without_text(store, batch, &document.pages).await?,
        pages: document.pages,
        fields,
    }))
}

/// In page order.
pub async fn questions_of(store: &Store, batch: &BatchId) -> Result<Vec<OpenQuestion>, StoreFault> {
    let mut questions = Vec::new();
    for (no, question) in store.questions(batch).await? {
        questions.push(OpenQuestion {
            question: no,
            reason: reason(store, batch, &question).await?,
            page: question.page,
            holds: question.holds,
        });
    }
    Ok(questions)
}

async fn without_text(
    store: &Store,
    batch: &BatchId,
    pages: &[PageNo],
) -> Result<Vec<PageNo>, StoreFault> {
    let mut without = Vec::new();
    for page in pages {
        let outcome = store.page_outcome(batch, *page).await?;
        if let Some(PageOutcome::Read { text: TextOutcome::Failed { .. }, .. }) = outcome {
            without.push(*page);
        }
    }
    Ok(without)
}

/// For the clerk; of an image that cannot be read, what is wrong with it too.
async fn reason(store: &Store, batch: &BatchId, question: &Question) -> Result<String, StoreFault> {
    if question.reason == QuestionReason::UnreadableImage
        && let Some(PageOutcome::Unreadable { cause }) =
            store.page_outcome(batch, question.page).await?
    {
        return Ok(format!("{}: {cause}", question.reason));
    }
    Ok(question.reason.to_string())
}
