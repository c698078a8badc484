//! What people decide about documents: answers to questions, releases after
//! review, corrections of what was filed. Each is one transaction with its audit
//! row and with the steps it makes due.

use std::collections::BTreeMap;

use sqlx::{Any, Transaction};

use super::audit::Told;
use super::batch::hold_row;
use super::document::{document_row, put_document, undo_document};
use super::page::read_page_no;
use super::question::{add_question, open_questions, placements_of, put_placement};
use super::work::make_due;
use super::{DocumentRow, Store, StoreFault, failed, to_json};
use crate::records::audit::Action;
use crate::records::batch::{BatchState, Decision};
use crate::records::document::{Document, IndexField, Question, QuestionReason, ReviewStanding};
use crate::records::ids::{BatchId, DocumentId, PageNo, QuestionNo, Version};
use crate::records::page::{Place, SetAside};
use crate::records::work::WorkOn;

/// What a clerk says of pages in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Those the answer is about; empty for all that the question holds. Pages
    /// that were set aside may be among them.
    pub pages: Vec<PageNo>,
    pub they_are: TheyAre,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TheyAre {
    /// A document of their own.
    Document {
        document_type: String,
        fields: Vec<IndexField>,
    },
    /// More pages of the document that begins with this page.
    PagesOf(PageNo),
    NotOfTheRecord,
}

/// What a document that was filed should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectedDocument {
    pub document_type: String,
    pub fields: Vec<IndexField>,
    /// Pages that were set aside, and belong to it.
    pub more_pages: Vec<PageNo>,
}

/// Whether it was done as decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decided {
    Yes,
    No(Refusal),
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no batch {0}")]
    NoSuchBatch(BatchId),
    #[error(
        "batch {0} is held because its counts do not balance; release it, or say what it should \
         hold, before its questions are answered"
    )]
    CountsComeFirst(BatchId),
    #[error("batch {batch} is {state}: nothing of it can be decided yet")]
    NotSeparated { batch: BatchId, state: BatchState },
    #[error("batch {batch} is {state}: nothing of it is to be decided any more")]
    Ended { batch: BatchId, state: BatchState },
    #[error("batch {batch} has no open question {no}")]
    NoSuchQuestion { batch: BatchId, no: QuestionNo },
    #[error(
        "question {no} holds no page, so that nothing is filed or set aside for it; say which \
         pages are meant, or that all is as it should be"
    )]
    SayWhichPages { no: QuestionNo },
    #[error("question {no} holds pages: say what they are")]
    SayWhatTheyAre { no: QuestionNo },
    #[error("page {page} is not one that question {no} holds, nor one that is set aside")]
    OtherPage { no: QuestionNo, page: PageNo },
    #[error("page {page} is not one that is set aside, so that it cannot be put into a document")]
    NotSetAside { page: PageNo },
    #[error("no document of batch {batch} begins with page {page}")]
    NoSuchDocument { batch: BatchId, page: PageNo },
    #[error("document {document} is on its way to the repository; try again once it is filed")]
    StillFiling { document: DocumentId },
    #[error(
        "page {page} names document {document}: say that the pages are more of that one, or name \
         a page that is of none"
    )]
    NamesAnother { page: PageNo, document: DocumentId },
    #[error(
        "the document is {document} by now: look at that one, and decide about it by its own name"
    )]
    AnotherVersion { document: DocumentId },
    #[error("nobody has to look at document {document} before it is filed")]
    NoReviewDue { document: DocumentId },
    #[error("document {document} is not filed: nothing of it is to be corrected")]
    NotFiled { document: DocumentId },
    #[error(
        "the originals of document {document} were removed after {days} days, as the profile \
         says, so that no other version can be made: put it right in the repository"
    )]
    OriginalsRemoved { document: DocumentId, days: u32 },
    #[error("document {document} was withdrawn already")]
    WithdrawnBefore { document: DocumentId },
}

impl Store {
    /// Places pages in question as a clerk says. Questions of which no page is
    /// left in question are answered by it.
    pub async fn answer_question(
        &self,
        batch: &BatchId,
        no: QuestionNo,
        answer: &Answer,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record the answer to a question";
        let mut tx = self.begin(ACTION).await?;
        if let Some(refusal) = refused_before_filed(&mut tx, batch).await? {
            return Ok(Decided::No(refusal));
        }
        let open = open_questions(&mut tx, batch).await?;
        let Some(question) = open.get(&no) else {
            return Ok(Decided::No(Refusal::NoSuchQuestion { batch: batch.clone(), no }));
        };
        let places = placements_of(&mut tx, batch).await?;
        let pages = match pages_meant(no, question, answer, &places) {
            Ok(pages) => in_reading_order(&mut tx, batch, &pages).await?,
            Err(refusal) => return Ok(Decided::No(refusal)),
        };
        let placed = match &answer.they_are {
            TheyAre::NotOfTheRecord => {
                let reason = SetAside::NotOfTheRecord;
                place(&mut tx, batch, &pages, &Place::SetAside { reason }).await?;
                Ok(())
            }
            TheyAre::Document { document_type, fields } => {
                let kind = (document_type.as_str(), fields.as_slice());
                make_document(&mut tx, batch, &pages, kind, decision).await?
            }
            TheyAre::PagesOf(first_page) => {
                add_to_document(&mut tx, batch, *first_page, &pages, decision).await?
            }
        };
        if let Err(refusal) = placed {
            return Ok(Decided::No(refusal));
        }
        let left = open_questions(&mut tx, batch).await?;
        for (other, before) in &open {
            let holds_none_now = left.get(other).is_some_and(|now| now.holds.is_empty());
            if holds_none_now && (*other == no || !before.holds.is_empty()) {
                close_question(&mut tx, batch, *other, decision).await.map_err(failed(ACTION))?;
            }
        }
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::AnswerQuestion, batch).page(question.page).saying(in_words(
            no,
            &pages,
            &answer.they_are,
            &decision.reason,
        ));
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }

    /// A clerk looked, and all is as it should be: for a question that holds no
    /// page.
    pub async fn dismiss_question(
        &self,
        batch: &BatchId,
        no: QuestionNo,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record the answer to a question";
        let mut tx = self.begin(ACTION).await?;
        if let Some(refusal) = refused_before_filed(&mut tx, batch).await? {
            return Ok(Decided::No(refusal));
        }
        let open = open_questions(&mut tx, batch).await?;
        let Some(question) = open.get(&no) else {
            return Ok(Decided::No(Refusal::NoSuchQuestion { batch: batch.clone(), no }));
        };
        if !question.holds.is_empty() {
            return Ok(Decided::No(Refusal::SayWhatTheyAre { no }));
        }
        close_question(&mut tx, batch, no, decision).await.map_err(failed(ACTION))?;
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::AnswerQuestion, batch)
            .page(question.page)
            .saying(format!("question {no}: as it should be: {}", decision.reason));
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }

    /// Somebody looked at the document, in the version named: it may be filed.
    pub async fn release_document(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record that a document is released";
        let mut tx = self.begin(ACTION).await?;
        if let Err(refusal) = document_under_review(&mut tx, batch, first_page, seen).await? {
            return Ok(Decided::No(refusal));
        }
        sqlx::query(
            "UPDATE document SET review_due = 0, released = $3 \
             WHERE batch_id = $1 AND first_page = $2",
        )
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .bind(to_json(decision))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        make_due(&mut tx, batch, WorkOn::File(first_page)).await.map_err(failed(ACTION))?;
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told =
            Told::of(Action::ReleaseDocument, batch).page(first_page).saying(&decision.reason);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }

    /// Somebody looked at the document, and it is not to be filed like that: its
    /// pages are in question.
    pub async fn send_document_back(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record that a document is not released";
        let mut tx = self.begin(ACTION).await?;
        let document = match document_under_review(&mut tx, batch, first_page, seen).await? {
            Ok(document) => document,
            Err(refusal) => return Ok(Decided::No(refusal)),
        };
        undo_document(&mut tx, batch, first_page).await.map_err(failed(ACTION))?;
        let question = Question {
            page: first_page,
            holds: document.document.pages,
            reason: QuestionReason::SentBack,
        };
        add_question(&mut tx, batch, &question).await.map_err(failed(ACTION))?;
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told =
            Told::of(Action::SendDocumentBack, batch).page(first_page).saying(&decision.reason);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }

    /// A filed document is filed again with another type, other values or more
    /// pages, that were set aside; the version that stands stays.
    pub async fn correct_document(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        to: &CorrectedDocument,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record the correction of a document";
        let mut tx = self.begin(ACTION).await?;
        let filed = match document_to_correct(&mut tx, batch, first_page, seen).await? {
            Ok(filed) => filed,
            Err(refusal) => return Ok(Decided::No(refusal)),
        };
        let CorrectedDocument { document_type, fields, more_pages } = to.clone();
        let places = placements_of(&mut tx, batch).await?;
        if let Some(page) = more_pages.iter().find(|page| !is_set_aside(places.get(page))) {
            return Ok(Decided::No(Refusal::NotSetAside { page: *page }));
        }
        let corrected = Document { document_type, fields, ..filed.document.clone() };
        keep_version(&mut tx, batch, &filed, decision).await.map_err(failed(ACTION))?;
        put_next_version(&mut tx, batch, &corrected, decision).await.map_err(failed(ACTION))?;
        place(&mut tx, batch, &more_pages, &Place::Document { first_page }).await?;
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told =
            Told::of(Action::CorrectDocument, batch).page(first_page).saying(&decision.reason);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }

    /// A filed document is not to stand any more: the repository is told by a
    /// version that says so, and its pages are in question.
    pub async fn withdraw_document(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<Decided, StoreFault> {
        const ACTION: &str = "record that a document is withdrawn";
        let mut tx = self.begin(ACTION).await?;
        let filed = match document_to_correct(&mut tx, batch, first_page, seen).await? {
            Ok(filed) => filed,
            Err(refusal) => return Ok(Decided::No(refusal)),
        };
        keep_version(&mut tx, batch, &filed, decision).await.map_err(failed(ACTION))?;
        put_next_version(&mut tx, batch, &filed.document, decision)
            .await
            .map_err(failed(ACTION))?;
        sqlx::query("UPDATE document SET withdrawn = $3 WHERE batch_id = $1 AND first_page = $2")
            .bind(batch.as_str())
            .bind(i64::from(first_page.get()))
            .bind(to_json(decision))
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        place(&mut tx, batch, &filed.document.pages, &Place::Question).await?;
        let question = Question {
            page: filed.document.pages.first().copied().unwrap_or(first_page),
            holds: filed.document.pages,
            reason: QuestionReason::Withdrawn,
        };
        add_question(&mut tx, batch, &question).await.map_err(failed(ACTION))?;
        go_on(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told =
            Told::of(Action::WithdrawDocument, batch).page(first_page).saying(&decision.reason);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Decided::Yes)
    }
}

type Tx<'t> = Transaction<'t, Any>;

/// The batch's state. From here on nobody else decides about the batch until the
/// transaction ends.
async fn hold_batch(
    tx: &mut Tx<'_>,
    batch: &BatchId,
) -> Result<Result<BatchState, Refusal>, StoreFault> {
    let state = hold_row(tx, batch).await.map_err(failed("look up a batch"))?;
    match state {
        None => Ok(Err(Refusal::NoSuchBatch(batch.clone()))),
        Some(state) => Ok(Ok(state.parse().map_err(super::unreadable::<String>("state"))?)),
    }
}

/// `None` where pages of the batch are separated and not all of them filed.
async fn refused_before_filed(
    tx: &mut Tx<'_>,
    batch: &BatchId,
) -> Result<Option<Refusal>, StoreFault> {
    let state = match hold_batch(tx, batch).await? {
        Ok(state) => state,
        Err(refusal) => return Ok(Some(refusal)),
    };
    let counts_first = || Refusal::CountsComeFirst(batch.clone());
    Ok(match state {
        // Where its counts do not balance it is about to be held.
        BatchState::Filing | BatchState::InQuestion | BatchState::AwaitingReview => {
            let open = open_questions(tx, batch).await?;
            open.values().any(Question::is_of_the_batch).then(counts_first)
        }
        BatchState::Held => Some(counts_first()),
        BatchState::Open | BatchState::Scanning | BatchState::Paused | BatchState::Processing => {
            Some(Refusal::NotSeparated { batch: batch.clone(), state })
        }
        BatchState::Filed | BatchState::Discarded => {
            Some(Refusal::Ended { batch: batch.clone(), state })
        }
    })
}

/// A document somebody has still to look at.
async fn document_under_review(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    first_page: PageNo,
    seen: Option<Version>,
) -> Result<Result<DocumentRow, Refusal>, StoreFault> {
    if let Some(refusal) = refused_before_filed(tx, batch).await? {
        return Ok(Err(refusal));
    }
    let Some(document) = document_row(tx, batch, first_page).await? else {
        return Ok(Err(Refusal::NoSuchDocument { batch: batch.clone(), page: first_page }));
    };
    if seen.is_some_and(|seen| seen != document.version) {
        return Ok(Err(Refusal::AnotherVersion { document: document.id(batch) }));
    }
    Ok(match document.review {
        ReviewStanding::Due => Ok(document),
        ReviewStanding::NotAsked | ReviewStanding::Released(_) => {
            Err(Refusal::NoReviewDue { document: document.id(batch) })
        }
    })
}

/// A document that stands in the repository.
async fn document_to_correct(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    first_page: PageNo,
    seen: Option<Version>,
) -> Result<Result<DocumentRow, Refusal>, StoreFault> {
    let state = match hold_batch(tx, batch).await? {
        Ok(state) => state,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(document) = document_row(tx, batch, first_page).await? else {
        return Ok(Err(Refusal::NoSuchDocument { batch: batch.clone(), page: first_page }));
    };
    let id = document.id(batch);
    if seen.is_some_and(|seen| seen != document.version) {
        return Ok(Err(Refusal::AnotherVersion { document: id }));
    }
    if let Some(days) = originals_removed(tx, batch).await? {
        return Ok(Err(Refusal::OriginalsRemoved { document: id, days }));
    }
    let is_filed = document.filed.is_some();
    Ok(match state {
        BatchState::Open
        | BatchState::Scanning
        | BatchState::Paused
        | BatchState::Processing
        | BatchState::Held
        | BatchState::Discarded => Err(Refusal::NotFiled { document: id }),
        BatchState::InQuestion
        | BatchState::AwaitingReview
        | BatchState::Filing
        | BatchState::Filed => match (&document.withdrawn, &document.review) {
            (Some(_), _) => Err(Refusal::WithdrawnBefore { document: id }),
            (None, ReviewStanding::Due) => Err(Refusal::NotFiled { document: id }),
            (None, ReviewStanding::NotAsked | ReviewStanding::Released(_)) if !is_filed => {
                Err(Refusal::StillFiling { document: id })
            }
            (None, ReviewStanding::NotAsked | ReviewStanding::Released(_)) => Ok(document),
        },
    })
}

/// After how many days.
async fn originals_removed(tx: &mut Tx<'_>, batch: &BatchId) -> Result<Option<u32>, StoreFault> {
    let days: Option<i64> = sqlx::query_scalar("SELECT after_days FROM purge WHERE batch_id = $1")
        .bind(batch.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed("look whether originals are kept"))?;
    days.map(u32::try_from).transpose().map_err(super::unreadable("days"))
}

/// Each once.
fn pages_meant(
    no: QuestionNo,
    question: &Question,
    answer: &Answer,
    places: &BTreeMap<PageNo, Place>,
) -> Result<Vec<PageNo>, Refusal> {
    let mut pages = if answer.pages.is_empty() { &question.holds } else { &answer.pages }.clone();
    pages.sort();
    pages.dedup();
    if pages.is_empty() {
        return Err(Refusal::SayWhichPages { no });
    }
    let is_anothers =
        |page: &&PageNo| !question.holds.contains(page) && !is_set_aside(places.get(page));
    match pages.iter().find(is_anothers) {
        Some(page) => Err(Refusal::OtherPage { no, page: *page }),
        None => Ok(pages),
    }
}

fn is_set_aside(place: Option<&Place>) -> bool {
    match place {
        Some(Place::SetAside { .. }) => true,
        Some(Place::Document { .. } | Place::Question) | None => false,
    }
}

async fn in_reading_order(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    pages: &[PageNo],
) -> Result<Vec<PageNo>, StoreFault> {
    let all = sqlx::query(
        "SELECT page_no FROM page WHERE batch_id = $1 ORDER BY sheet, side DESC, page_no",
    )
    .bind(batch.as_str())
    .fetch_all(&mut **tx)
    .await
    .map_err(failed("list a batch's pages"))?;
    let all: Vec<PageNo> =
        all.iter().map(|row| read_page_no(row, "page_no")).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|page| pages.contains(page)).collect())
}

/// A document of these pages, named by the first of them that names no other.
async fn make_document(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    pages: &[PageNo],
    (document_type, fields): (&str, &[IndexField]),
    decision: &Decision,
) -> Result<Result<(), Refusal>, StoreFault> {
    const ACTION: &str = "record the answer to a question";
    let mut refusal = None;
    for page in pages {
        match document_row(tx, batch, *page).await? {
            None => {}
            Some(before) if before.withdrawn.is_some() && before.filed.is_some() => {
                keep_version(tx, batch, &before, decision).await.map_err(failed(ACTION))?;
            }
            Some(before) if before.withdrawn.is_some() => {
                refusal = Some(Refusal::StillFiling { document: before.id(batch) });
                continue;
            }
            Some(before) => {
                refusal = Some(Refusal::NamesAnother { page: *page, document: before.id(batch) });
                continue;
            }
        }
        let document = Document {
            first_page: *page,
            pages: pages.to_vec(),
            document_type: document_type.to_owned(),
            fields: fields.to_vec(),
        };
        put_next_version(tx, batch, &document, decision).await.map_err(failed(ACTION))?;
        place(tx, batch, pages, &Place::Document { first_page: *page }).await?;
        return Ok(Ok(()));
    }
    Ok(Err(refusal.expect("an answer is about one page at least, and each is named here")))
}

async fn add_to_document(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    first_page: PageNo,
    pages: &[PageNo],
    decision: &Decision,
) -> Result<Result<(), Refusal>, StoreFault> {
    const ACTION: &str = "record the answer to a question";
    let Some(document) = document_row(tx, batch, first_page).await? else {
        return Ok(Err(Refusal::NoSuchDocument { batch: batch.clone(), page: first_page }));
    };
    if document.withdrawn.is_some() {
        return Ok(Err(Refusal::WithdrawnBefore { document: document.id(batch) }));
    }
    if document.filed.is_some() {
        keep_version(tx, batch, &document, decision).await.map_err(failed(ACTION))?;
        put_next_version(tx, batch, &document.document, decision).await.map_err(failed(ACTION))?;
    } else if document.review != ReviewStanding::Due {
        return Ok(Err(Refusal::StillFiling { document: document.id(batch) }));
    }
    place(tx, batch, pages, &Place::Document { first_page }).await?;
    Ok(Ok(()))
}

/// The version that stands is kept as it is: another takes its place. It may have
/// been before, in vain.
async fn keep_version(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    stands: &DocumentRow,
    decision: &Decision,
) -> Result<(), sqlx::Error> {
    let Document { first_page, pages, fields, .. } = &stands.document;
    sqlx::query(
        "INSERT INTO replaced_document (batch_id, first_page, version, document_type, pages, \
         fields, released, withdrawn, pdf_path, pdf_sha256, index_path, index_sha256, filed_at, replaced) \
         SELECT batch_id, first_page, version, document_type, $3, $4, released, withdrawn, pdf_path, \
         pdf_sha256, index_path, index_sha256, filed_at, $5 FROM document \
         WHERE batch_id = $1 AND first_page = $2 \
         ON CONFLICT (batch_id, first_page, version) DO NOTHING",
    )
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .bind(to_json(pages))
    .bind(to_json(fields))
    .bind(to_json(decision))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A person decided what it is: it needs no other's look, and is due for filing.
async fn put_next_version(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    document: &Document,
    decision: &Decision,
) -> Result<(), sqlx::Error> {
    let review = ReviewStanding::Released(decision.clone());
    put_document(tx, batch, document, &review).await?;
    make_due(tx, batch, WorkOn::File(document.first_page)).await
}

async fn place(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    pages: &[PageNo],
    place: &Place,
) -> Result<(), StoreFault> {
    for page in pages {
        put_placement(tx, batch, *page, place).await.map_err(failed("place a page"))?;
    }
    Ok(())
}

async fn close_question(
    tx: &mut Tx<'_>,
    batch: &BatchId,
    no: QuestionNo,
    decision: &Decision,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE question SET answered = $3 WHERE batch_id = $1 AND position = $2")
        .bind(batch.as_str())
        .bind(i64::from(no.get()) - 1)
        .bind(to_json(decision))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// What the batch comes to is found out anew, also where somebody is about to
/// record what it had come to before.
async fn go_on(tx: &mut Tx<'_>, batch: &BatchId) -> Result<(), sqlx::Error> {
    for change in [
        "UPDATE batch SET state = 'filing', decided = 1 WHERE id = $1",
        "DELETE FROM work WHERE batch_id = $1 AND step = 'end'",
    ] {
        sqlx::query(change).bind(batch.as_str()).execute(&mut **tx).await?;
    }
    make_due(tx, batch, WorkOn::End).await
}

/// For the audit: no value that was keyed.
fn in_words(no: QuestionNo, pages: &[PageNo], they_are: &TheyAre, reason: &str) -> String {
    let pages: Vec<String> = pages.iter().map(PageNo::to_string).collect();
    let pages = pages.join(" ");
    let said = match they_are {
        TheyAre::Document { document_type, .. } => {
            format!("question {no}: pages {pages} are a document of type {document_type}")
        }
        TheyAre::PagesOf(first) => {
            format!(
                "question {no}: pages {pages} are of the document that begins with page {first}"
            )
        }
        TheyAre::NotOfTheRecord => format!("question {no}: pages {pages} are not of the record"),
    };
    if reason.is_empty() { said } else { format!("{said}: {reason}") }
}
