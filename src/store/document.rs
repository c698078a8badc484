//! Documents and their index fields: as a batch was separated into them, and as
//! they were filed.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

use super::audit::Told;
use super::batch::hold_row;
use super::page::read_page_no;
use super::question::{add_question, insert_question, put_placement};
use super::work::{end_work, make_due};
use super::{
    ClaimedWork, Recorded, Store, StoreFault, column, failed, from_json, json_if_any, number,
    parsed, to_json, unreadable,
};
use crate::records::audit::Action;
use crate::records::batch::Decision;
use crate::records::document::{Document, FieldName, IndexField, Question, ReviewStanding};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256, Version};
use crate::records::page::Place;
use crate::records::work::WorkOn;

/// A document as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    pub document: Document,
    pub version: Version,
    pub review: ReviewStanding,
    /// This version says that the one before it is not to stand any more; no
    /// page is in it.
    pub withdrawn: Option<Decision>,
    /// `None` until this version stands in the repository.
    pub filed: Option<FiledRow>,
}

impl DocumentRow {
    pub fn id(&self, batch: &BatchId) -> DocumentId {
        DocumentId::new(batch.clone(), self.document.first_page).of_version(self.version)
    }
}

/// Where a document stands in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledRow {
    pub pdf_path: String,
    pub pdf_sha256: Sha256,
    pub index_path: String,
    pub index_sha256: Sha256,
    /// UTC.
    pub filed_at: jiff::Timestamp,
}

impl Store {
    /// Replaces the separation of a batch, whole or not at all, and makes the
    /// filing of its documents due, but for those somebody is to look at first. A
    /// batch with a filed document, or one whose questions were answered, is never
    /// separated again: the database refuses it.
    pub async fn record_separation(
        &self,
        claimed: &ClaimedWork,
        documents: &[(Document, ReviewStanding)],
        places: &BTreeMap<PageNo, Place>,
        questions: &[Question],
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record how a batch was separated";
        let batch = &claimed.work.batch;
        let mut tx = self.begin(ACTION).await?;
        hold_row(&mut tx, batch).await.map_err(failed(ACTION))?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        for table in [
            "DELETE FROM question WHERE batch_id = $1",
            "DELETE FROM placement WHERE batch_id = $1",
            "DELETE FROM document WHERE batch_id = $1",
        ] {
            sqlx::query(table)
                .bind(batch.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed(ACTION))?;
        }
        for (document, review) in documents {
            put_document(&mut tx, batch, document, review).await.map_err(failed(ACTION))?;
            match review {
                ReviewStanding::Due => {}
                ReviewStanding::NotAsked | ReviewStanding::Released(_) => {
                    let filing = WorkOn::File(document.first_page);
                    make_due(&mut tx, batch, filing).await.map_err(failed(ACTION))?;
                }
            }
        }
        for (page, place) in places {
            put_placement(&mut tx, batch, *page, place).await.map_err(failed(ACTION))?;
        }
        for (position, question) in questions.iter().enumerate() {
            insert_question(&mut tx, batch, position as i64, question)
                .await
                .map_err(failed(ACTION))?;
        }
        let counted = format!("{} documents, {} questions", documents.len(), questions.len());
        let told = Told::of(Action::SeparateBatch, batch).saying(counted);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        sqlx::query("UPDATE batch SET state = 'filing' WHERE id = $1")
            .bind(batch.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// In the reading order of their first pages.
    pub async fn documents(&self, batch: &BatchId) -> Result<Vec<DocumentRow>, StoreFault> {
        const ACTION: &str = "list a batch's documents";
        let mut connection = self.pool.acquire().await.map_err(failed(ACTION))?;
        let rows = sqlx::query(
            "SELECT document.* FROM document JOIN page \
             ON page.batch_id = document.batch_id AND page.page_no = document.first_page \
             WHERE document.batch_id = $1 ORDER BY page.sheet, page.side DESC, page.page_no",
        )
        .bind(batch.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(failed(ACTION))?;
        let mut documents = Vec::with_capacity(rows.len());
        for row in &rows {
            documents.push(read_document(&mut connection, row).await?);
        }
        Ok(documents)
    }

    /// `None` where the batch has no document that begins with that page.
    pub async fn document(
        &self,
        batch: &BatchId,
        first_page: PageNo,
    ) -> Result<Option<DocumentRow>, StoreFault> {
        let mut connection = self.pool.acquire().await.map_err(failed("look up a document"))?;
        document_row(&mut connection, batch, first_page).await
    }

    /// Documents of all batches that somebody is to look at before they are
    /// filed, the oldest first.
    pub async fn documents_due_for_review(
        &self,
        at_most: u32,
    ) -> Result<Vec<(BatchId, DocumentRow)>, StoreFault> {
        const ACTION: &str = "list documents that are due for review";
        let mut connection = self.pool.acquire().await.map_err(failed(ACTION))?;
        let rows = sqlx::query(
            "SELECT * FROM document WHERE review_due = 1 ORDER BY batch_id, first_page LIMIT $1",
        )
        .bind(i64::from(at_most))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed(ACTION))?;
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            let document = read_document(&mut connection, row).await?;
            due.push((parsed(row, "batch_id")?, document));
        }
        Ok(due)
    }

    /// How many documents of the batch somebody has still to look at.
    pub async fn reviews_due(&self, batch: &BatchId) -> Result<u64, StoreFault> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS due FROM document WHERE batch_id = $1 AND review_due = 1",
        )
        .bind(batch.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("count documents that are due for review"))?;
        number(&row, "due")
    }

    /// A document that cannot be filed as it was separated, or decided: its pages
    /// wait for the answer. Where it was to take the place of a version that is
    /// filed, that version stands again, with its pages. Whole or not at all.
    pub async fn hold_document(
        &self,
        claimed: &ClaimedWork,
        first_page: PageNo,
        question: &Question,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "hold a document back";
        let batch = &claimed.work.batch;
        let mut tx = self.begin(ACTION).await?;
        hold_row(&mut tx, batch).await.map_err(failed(ACTION))?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        let Some(row) = document_row(&mut tx, batch, first_page).await? else {
            return Ok(Recorded::TooLate);
        };
        let question = match Version::new(row.version.get() - 1) {
            None => {
                undo_document(&mut tx, batch, first_page).await.map_err(failed(ACTION))?;
                question.clone()
            }
            Some(before) => {
                let stand_again = fall_back(&mut tx, batch, first_page, before).await?;
                let mut holds = question.holds.clone();
                holds.retain(|page| !stand_again.contains(page));
                Question { holds, ..question.clone() }
            }
        };
        add_question(&mut tx, batch, &question).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::HoldDocument, batch).page(first_page);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// That a document stands in the repository, and where; `rule` is the one it
    /// was filed under, and who let it go.
    pub async fn record_filed(
        &self,
        claimed: &ClaimedWork,
        first_page: PageNo,
        filed: &FiledRow,
        rule: &str,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record a filed document";
        let mut tx = self.begin(ACTION).await?;
        hold_row(&mut tx, &claimed.work.batch).await.map_err(failed(ACTION))?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        let recorded = sqlx::query(
            "UPDATE document SET pdf_path = $3, pdf_sha256 = $4, index_path = $5, \
             index_sha256 = $6, filed_at = $7 WHERE batch_id = $1 AND first_page = $2",
        )
        .bind(claimed.work.batch.as_str())
        .bind(i64::from(first_page.get()))
        .bind(&filed.pdf_path)
        .bind(filed.pdf_sha256.to_string())
        .bind(&filed.index_path)
        .bind(filed.index_sha256.to_string())
        .bind(filed.filed_at.to_string())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        if recorded.rows_affected() == 0 {
            return Err(failed(ACTION)(sqlx::Error::RowNotFound));
        }
        let said = format!("pdf {} index {}; {rule}", filed.pdf_sha256, filed.index_sha256);
        let told =
            Told::of(Action::FileDocument, &claimed.work.batch).page(first_page).saying(said);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_again(&mut tx, &claimed.work.batch).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// Every document filed, in the order they were, versions that others have
    /// taken the place of included.
    pub async fn all_filed_documents(&self) -> Result<Vec<(DocumentId, FiledRow)>, StoreFault> {
        const FILED: &str = "batch_id, first_page, version, pdf_path, pdf_sha256, index_path, \
                             index_sha256, filed_at";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {FILED} FROM document WHERE filed_at IS NOT NULL \
             UNION ALL SELECT {FILED} FROM replaced_document AS kept WHERE NOT EXISTS (\
                 SELECT 1 FROM document AS stands WHERE stands.batch_id = kept.batch_id \
                 AND stands.first_page = kept.first_page AND stands.version = kept.version) \
             ORDER BY filed_at, batch_id, first_page"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list everything filed"))?;
        rows.iter()
            .map(|row| {
                let document =
                    DocumentId::new(parsed(row, "batch_id")?, read_page_no(row, "first_page")?);
                Ok((document.of_version(read_version(row)?), read_filed(row)?))
            })
            .collect()
    }

    /// Whether a row says that this version of the document was filed.
    pub async fn is_filed(&self, document: &DocumentId) -> Result<bool, StoreFault> {
        let row = sqlx::query(
            "SELECT version FROM document \
             WHERE batch_id = $1 AND first_page = $2 AND version = $3 AND filed_at IS NOT NULL \
             UNION ALL SELECT version FROM replaced_document \
             WHERE batch_id = $1 AND first_page = $2 AND version = $3",
        )
        .bind(document.batch().as_str())
        .bind(i64::from(document.first_page().get()))
        .bind(i64::from(document.version().get()))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look whether a document is filed"))?;
        Ok(row.is_some())
    }
}

/// The version before the one that could not be filed is the document's again; the
/// pages of it. Those that were to come to it are in question.
async fn fall_back(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    first_page: PageNo,
    version: Version,
) -> Result<Vec<PageNo>, StoreFault> {
    const ACTION: &str = "let the version of a document that is filed stand again";
    let kept = sqlx::query(
        "SELECT pages, fields FROM replaced_document \
         WHERE batch_id = $1 AND first_page = $2 AND version = $3",
    )
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .bind(i64::from(version.get()))
    .fetch_one(&mut **tx)
    .await
    .map_err(failed(ACTION))?;
    let pages: Vec<PageNo> = from_json("pages", &column::<String>(&kept, "pages")?)?;
    let fields: Vec<IndexField> = from_json("fields", &column::<String>(&kept, "fields")?)?;
    sqlx::query(
        "UPDATE placement SET place = 'question', first_page = NULL \
         WHERE batch_id = $1 AND first_page = $2",
    )
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .execute(&mut **tx)
    .await
    .map_err(failed(ACTION))?;
    for page in &pages {
        let place = Place::Document { first_page };
        put_placement(tx, batch, *page, &place).await.map_err(failed(ACTION))?;
    }
    let stands = "SELECT document_type, released, withdrawn, pdf_path, pdf_sha256, index_path, \
                  index_sha256, filed_at FROM replaced_document \
                  WHERE batch_id = $1 AND first_page = $2 AND version = $3";
    sqlx::query(AssertSqlSafe(format!(
        "UPDATE document SET version = $3, (document_type, released, withdrawn, pdf_path, \
         pdf_sha256, index_path, index_sha256, filed_at) = ({stands}) \
         WHERE batch_id = $1 AND first_page = $2"
    )))
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .bind(i64::from(version.get()))
    .execute(&mut **tx)
    .await
    .map_err(failed(ACTION))?;
    put_fields(tx, batch, first_page, &fields).await.map_err(failed(ACTION))?;
    Ok(pages)
}

pub(super) async fn document_row(
    connection: &mut AnyConnection,
    batch: &BatchId,
    first_page: PageNo,
) -> Result<Option<DocumentRow>, StoreFault> {
    let row = sqlx::query("SELECT * FROM document WHERE batch_id = $1 AND first_page = $2")
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed("look up a document"))?;
    match row {
        Some(row) => Ok(Some(read_document(connection, &row).await?)),
        None => Ok(None),
    }
}

async fn read_document(
    connection: &mut AnyConnection,
    row: &AnyRow,
) -> Result<DocumentRow, StoreFault> {
    let batch: BatchId = parsed(row, "batch_id")?;
    let first_page = read_page_no(row, "first_page")?;
    let released = json_if_any(row, "released")?;
    Ok(DocumentRow {
        document: Document {
            first_page,
            pages: document_pages(connection, &batch, first_page).await?,
            document_type: column(row, "document_type")?,
            fields: index_fields(connection, &batch, first_page).await?,
        },
        version: read_version(row)?,
        review: match (number::<u8>(row, "review_due")?, released) {
            (0, None) => ReviewStanding::NotAsked,
            (0, Some(by)) => ReviewStanding::Released(by),
            (_, _) => ReviewStanding::Due,
        },
        withdrawn: json_if_any(row, "withdrawn")?,
        filed: match column::<Option<String>>(row, "filed_at")? {
            Some(_) => Some(read_filed(row)?),
            None => None,
        },
    })
}

/// In reading order: front before back, as the words fall.
async fn document_pages(
    connection: &mut AnyConnection,
    batch: &BatchId,
    first_page: PageNo,
) -> Result<Vec<PageNo>, StoreFault> {
    sqlx::query(
        "SELECT placement.page_no FROM placement JOIN page \
         ON page.batch_id = placement.batch_id AND page.page_no = placement.page_no \
         WHERE placement.batch_id = $1 AND placement.first_page = $2 \
         ORDER BY page.sheet, page.side DESC, page.page_no",
    )
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .fetch_all(connection)
    .await
    .map_err(failed("list a document's pages"))?
    .iter()
    .map(|row| read_page_no(row, "page_no"))
    .collect()
}

async fn index_fields(
    connection: &mut AnyConnection,
    batch: &BatchId,
    first_page: PageNo,
) -> Result<Vec<IndexField>, StoreFault> {
    let rows = sqlx::query(
        "SELECT name, value, source FROM index_field \
         WHERE batch_id = $1 AND first_page = $2 ORDER BY name",
    )
    .bind(batch.as_str())
    .bind(i64::from(first_page.get()))
    .fetch_all(connection)
    .await
    .map_err(failed("list a document's index fields"))?;
    rows.iter()
        .map(|row| {
            Ok(IndexField {
                name: FieldName::new(&column::<String>(row, "name")?)
                    .map_err(unreadable("field name"))?,
                value: column(row, "value")?,
                source: from_json("field source", &column::<String>(row, "source")?)?,
            })
        })
        .collect()
}

pub(super) fn read_version(row: &AnyRow) -> Result<Version, StoreFault> {
    let version = number(row, "version")?;
    Version::new(version).ok_or_else(|| unreadable("version")("version 0".to_owned()))
}

fn read_filed(row: &AnyRow) -> Result<FiledRow, StoreFault> {
    Ok(FiledRow {
        pdf_path: column(row, "pdf_path")?,
        pdf_sha256: parsed(row, "pdf_sha256")?,
        index_path: column(row, "index_path")?,
        index_sha256: parsed(row, "index_sha256")?,
        filed_at: parsed(row, "filed_at")?,
    })
}

/// The next version of the document: the first, or the one behind those that
/// were kept as replaced.
pub(super) async fn put_document(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    document: &Document,
    review: &ReviewStanding,
) -> Result<(), sqlx::Error> {
    let (review_due, released) = match review {
        ReviewStanding::NotAsked => (0, None),
        ReviewStanding::Due => (1, None),
        ReviewStanding::Released(by) => (0, Some(to_json(by))),
    };
    sqlx::query(
        "INSERT INTO document (batch_id, first_page, document_type, version, review_due, released) \
         VALUES ($1, $2, $3, (SELECT COALESCE(MAX(version) + 1, 1) FROM replaced_document \
             WHERE batch_id = $1 AND first_page = $2), $4, $5) \
         ON CONFLICT (batch_id, first_page) DO UPDATE SET \
             document_type = excluded.document_type, version = excluded.version, \
             review_due = excluded.review_due, released = excluded.released, withdrawn = NULL, \
             pdf_path = NULL, pdf_sha256 = NULL, index_path = NULL, index_sha256 = NULL, \
             filed_at = NULL, taken_at = NULL, refused = NULL",
    )
    .bind(batch.as_str())
    .bind(i64::from(document.first_page.get()))
    .bind(&document.document_type)
    .bind(review_due)
    .bind(released)
    .execute(&mut **tx)
    .await?;
    put_fields(tx, batch, document.first_page, &document.fields).await
}

async fn put_fields(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    first_page: PageNo,
    fields: &[IndexField],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM index_field WHERE batch_id = $1 AND first_page = $2")
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .execute(&mut **tx)
        .await?;
    for field in fields {
        sqlx::query(
            "INSERT INTO index_field (batch_id, first_page, name, value, source) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .bind(field.name.as_str())
        .bind(&field.value)
        .bind(to_json(&field.source))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// A document that is not filed is none any more: its pages are in question.
pub(super) async fn undo_document(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    first_page: PageNo,
) -> Result<(), sqlx::Error> {
    for change in [
        "UPDATE placement SET place = 'question', first_page = NULL \
         WHERE batch_id = $1 AND first_page = $2",
        "DELETE FROM document WHERE batch_id = $1 AND first_page = $2",
    ] {
        sqlx::query(change)
            .bind(batch.as_str())
            .bind(i64::from(first_page.get()))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
