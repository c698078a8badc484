//! What became of a batch: for a clerk, and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::exit::Stopped;
use super::telling::{plural, say_if_heard};
use crate::records::document::{Question, QuestionReason};
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::records::page::{PageOutcome, Place, TextOutcome};
use crate::store::{BatchRow, Store, StoreFault};

/// The JSON of `outguide capture`; its keys are documented in the README.
#[derive(Debug, Serialize)]
pub struct BatchReport {
    batch: BatchId,
    /// Images scanned, those set aside included.
    pages: usize,
    set_aside: Vec<SetAsidePage>,
    documents: Vec<FiledDocument>,
    questions: Vec<OpenQuestion>,
}

#[derive(Debug, Serialize)]
struct SetAsidePage {
    page: PageNo,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct FiledDocument {
    id: DocumentId,
    pdf: String,
    index_file: String,
    pages: Vec<PageNo>,
    /// Those that OCR could not read: they are in it as images.
    without_text: Vec<PageNo>,
    fields: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct OpenQuestion {
    page: PageNo,
    reason: String,
    /// The pages that wait for the answer.
    holds: Vec<PageNo>,
}

impl BatchReport {
    pub async fn read(store: &Store, batch: &BatchRow) -> Result<Self, StoreFault> {
        let id = &batch.id;
        let places = store.placements(id).await?;
        let set_aside = places.iter().filter_map(|(page, place)| match place {
            Place::SetAside { reason } => Some(SetAsidePage { page: *page, reason: reason.name() }),
            Place::Document { .. } | Place::Question => None,
        });
        let mut filed = store.filed_documents(id).await?;
        let mut documents = Vec::new();
        for document in store.documents(id).await? {
            let Some(filed) = filed.remove(&document.first_page) else { continue };
            let mut fields: BTreeMap<String, String> = document
                .fields
                .iter()
                .map(|field| (field.name.to_string(), field.value.clone()))
                .collect();
            fields.insert("document_type".to_owned(), document.document_type.clone());
            documents.push(FiledDocument {
                id: DocumentId::new(id.clone(), document.first_page),
                pdf: filed.pdf_path,
                index_file: filed.index_path,
                without_text: without_text(store, id, &document.pages).await?,
                pages: document.pages,
                fields,
            });
        }
        let mut questions = Vec::new();
        for question in store.questions(id).await? {
            questions.push(OpenQuestion {
                reason: reason(store, id, &question).await?,
                page: question.page,
                holds: question.holds,
            });
        }
        Ok(BatchReport {
            batch: id.clone(),
            pages: store.pages(id).await?.len(),
            set_aside: set_aside.collect(),
            documents,
            questions,
        })
    }

    pub fn tell(&self, json: bool) -> anyhow::Result<()> {
        if json {
            say_if_heard(serde_json::to_string(self)?);
            return Ok(());
        }
        say_if_heard(format_args!("{} scanned", plural(self.pages, "page")));
        for document in &self.documents {
            let kind = document.fields.get("document_type").map_or("", String::as_str);
            say_if_heard(format_args!(
                "  filed {kind}: {} in {}",
                plural(document.pages.len(), "page"),
                document.pdf
            ));
        }
        if !self.set_aside.is_empty() {
            say_if_heard(format_args!(
                "  set aside: {} (sheets and blanks; kept in the batch)",
                plural(self.set_aside.len(), "page")
            ));
        }
        match self.questions.as_slice() {
            [] if self.documents.is_empty() => {
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
