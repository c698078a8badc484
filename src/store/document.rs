//! Documents, their index fields, where each page of a batch was placed, and
//! the questions left for a clerk.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::audit::Told;
use super::page::read_page_no;
use super::work::{end_work, make_due};
use super::{
    ClaimedWork, Recorded, Store, StoreFault, column, failed, from_json, parsed, to_json,
    unreadable,
};
use crate::records::audit::Action;
use crate::records::document::{Document, FieldName, IndexField, Question};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::records::page::{Place, SetAside};
use crate::records::work::WorkOn;

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
    /// filing of its documents due. A batch with a
    /// filed document is never separated again: the caller checks
    /// [`Store::filed_documents`] first, and the database refuses it.
    pub async fn record_separation(
        &self,
        claimed: &ClaimedWork,
        documents: &[Document],
        places: &BTreeMap<PageNo, Place>,
        questions: &[Question],
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record how a batch was separated";
        let batch = &claimed.work.batch;
        let mut tx = self.begin(ACTION).await?;
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
        for document in documents {
            insert_document(&mut tx, batch, document).await.map_err(failed(ACTION))?;
            let filing = WorkOn::File(document.first_page);
            make_due(&mut tx, batch, filing).await.map_err(failed(ACTION))?;
        }
        for (page, place) in places {
            insert_placement(&mut tx, batch, *page, place).await.map_err(failed(ACTION))?;
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

    /// In the order of their first pages.
    pub async fn documents(&self, batch: &BatchId) -> Result<Vec<Document>, StoreFault> {
        let rows =
            sqlx::query("SELECT first_page FROM document WHERE batch_id = $1 ORDER BY first_page")
                .bind(batch.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(failed("list a batch's documents"))?;
        let mut documents = Vec::with_capacity(rows.len());
        for row in rows {
            documents.extend(self.document(batch, read_page_no(&row, "first_page")?).await?);
        }
        Ok(documents)
    }

    /// `None` where the batch has no document that begins with that page.
    pub async fn document(
        &self,
        batch: &BatchId,
        first_page: PageNo,
    ) -> Result<Option<Document>, StoreFault> {
        let document_type: Option<String> = sqlx::query_scalar(
            "SELECT document_type FROM document WHERE batch_id = $1 AND first_page = $2",
        )
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look up a document"))?;
        let Some(document_type) = document_type else { return Ok(None) };
        let pages = self.document_pages(batch, first_page).await?;
        let fields = self.index_fields(batch, first_page).await?;
        Ok(Some(Document { first_page, pages, document_type, fields }))
    }

    async fn document_pages(
        &self,
        batch: &BatchId,
        first_page: PageNo,
    ) -> Result<Vec<PageNo>, StoreFault> {
        sqlx::query(
            "SELECT page_no FROM placement WHERE batch_id = $1 AND first_page = $2 \
             ORDER BY page_no",
        )
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list a document's pages"))?
        .iter()
        .map(|row| read_page_no(row, "page_no"))
        .collect()
    }

    async fn index_fields(
        &self,
        batch: &BatchId,
        first_page: PageNo,
    ) -> Result<Vec<IndexField>, StoreFault> {
        let rows = sqlx::query(
            "SELECT name, value, source FROM index_field \
             WHERE batch_id = $1 AND first_page = $2 ORDER BY name",
        )
        .bind(batch.as_str())
        .bind(i64::from(first_page.get()))
        .fetch_all(&self.pool)
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

    /// Every page of the batch and its place; empty before separation.
    pub async fn placements(&self, batch: &BatchId) -> Result<BTreeMap<PageNo, Place>, StoreFault> {
        let rows = sqlx::query("SELECT * FROM placement WHERE batch_id = $1")
            .bind(batch.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list where a batch's pages stand"))?;
        rows.iter()
            .map(|row| {
                let place = read_place(row, &column::<String>(row, "place")?)?;
                Ok((read_page_no(row, "page_no")?, place))
            })
            .collect()
    }

    /// In page order, as separation raised them; then those of documents held back.
    pub async fn questions(&self, batch: &BatchId) -> Result<Vec<Question>, StoreFault> {
        let rows = sqlx::query("SELECT * FROM question WHERE batch_id = $1 ORDER BY position")
            .bind(batch.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list a batch's questions"))?;
        rows.iter()
            .map(|row| {
                Ok(Question {
                    page: read_page_no(row, "page_no")?,
                    holds: from_json("held pages", &column::<String>(row, "holds")?)?,
                    reason: from_json("question", &column::<String>(row, "reason")?)?,
                })
            })
            .collect()
    }

    /// A document that cannot be filed as it was separated: its pages wait for
    /// the answer. Whole or not at all.
    pub async fn hold_document(
        &self,
        claimed: &ClaimedWork,
        first_page: PageNo,
        question: &Question,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "hold a document back";
        let batch = &claimed.work.batch;
        let mut tx = self.begin(ACTION).await?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        for change in [
            "UPDATE placement SET place = 'question', first_page = NULL \
             WHERE batch_id = $1 AND first_page = $2",
            "DELETE FROM document WHERE batch_id = $1 AND first_page = $2",
        ] {
            sqlx::query(change)
                .bind(batch.as_str())
                .bind(i64::from(first_page.get()))
                .execute(&mut *tx)
                .await
                .map_err(failed(ACTION))?;
        }
        let position: i64 = sqlx::query_scalar(
            "SELECT COALESCE(MAX(position) + 1, 0) FROM question WHERE batch_id = $1",
        )
        .bind(batch.as_str())
        .fetch_one(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        insert_question(&mut tx, batch, position, question).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::HoldDocument, batch).page(first_page);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// That a document stands in the repository, and where.
    pub async fn record_filed(
        &self,
        claimed: &ClaimedWork,
        first_page: PageNo,
        filed: &FiledRow,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record a filed document";
        let mut tx = self.begin(ACTION).await?;
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
        let hashes = format!("pdf {} index {}", filed.pdf_sha256, filed.index_sha256);
        let told =
            Told::of(Action::FileDocument, &claimed.work.batch).page(first_page).saying(hashes);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    pub async fn filed_documents(
        &self,
        batch: &BatchId,
    ) -> Result<BTreeMap<PageNo, FiledRow>, StoreFault> {
        let rows = sqlx::query(
            "SELECT first_page, pdf_path, pdf_sha256, index_path, index_sha256, filed_at \
             FROM document WHERE batch_id = $1 AND filed_at IS NOT NULL",
        )
        .bind(batch.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list filed documents"))?;
        rows.iter().map(|row| Ok((read_page_no(row, "first_page")?, read_filed(row)?))).collect()
    }

    /// Every document filed by this station, in the order they were.
    pub async fn all_filed_documents(&self) -> Result<Vec<(DocumentId, FiledRow)>, StoreFault> {
        let rows = sqlx::query(
            "SELECT batch_id, first_page, pdf_path, pdf_sha256, index_path, index_sha256, filed_at \
             FROM document WHERE filed_at IS NOT NULL ORDER BY filed_at, batch_id, first_page",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list everything filed"))?;
        rows.iter()
            .map(|row| {
                let batch: BatchId = parsed(row, "batch_id")?;
                let document = DocumentId::new(batch, read_page_no(row, "first_page")?);
                Ok((document, read_filed(row)?))
            })
            .collect()
    }

    /// Whether the document's row says that it was filed.
    pub async fn is_filed(&self, document: &DocumentId) -> Result<bool, StoreFault> {
        let row = sqlx::query(
            "SELECT filed_at FROM document \
             WHERE batch_id = $1 AND first_page = $2 AND filed_at IS NOT NULL",
        )
        .bind(document.batch().as_str())
        .bind(i64::from(document.first_page().get()))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look whether a document is filed"))?;
        Ok(row.is_some())
    }
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

async fn insert_document(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    document: &Document,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO document (batch_id, first_page, document_type) VALUES ($1, $2, $3)")
        .bind(batch.as_str())
        .bind(i64::from(document.first_page.get()))
        .bind(&document.document_type)
        .execute(&mut **tx)
        .await?;
    for field in &document.fields {
        sqlx::query(
            "INSERT INTO index_field (batch_id, first_page, name, value, source) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(batch.as_str())
        .bind(i64::from(document.first_page.get()))
        .bind(field.name.as_str())
        .bind(&field.value)
        .bind(to_json(&field.source))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn insert_placement(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    page: PageNo,
    place: &Place,
) -> Result<(), sqlx::Error> {
    let (name, first_page, set_aside) = match place {
        Place::Document { first_page } => ("document", Some(i64::from(first_page.get())), None),
        Place::SetAside { reason } => ("set-aside", None, Some(reason.name())),
        Place::Question => ("question", None, None),
    };
    sqlx::query(
        "INSERT INTO placement (batch_id, page_no, place, first_page, set_aside) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(batch.as_str())
    .bind(i64::from(page.get()))
    .bind(name)
    .bind(first_page)
    .bind(set_aside)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_question(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    position: i64,
    question: &Question,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO question (batch_id, position, page_no, holds, reason) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(batch.as_str())
    .bind(position)
    .bind(i64::from(question.page.get()))
    .bind(to_json(&question.holds))
    .bind(to_json(&question.reason))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) fn read_place(row: &AnyRow, place: &str) -> Result<Place, StoreFault> {
    Ok(match place {
        "document" => Place::Document { first_page: read_page_no(row, "first_page")? },
        "set-aside" => {
            Place::SetAside { reason: read_set_aside(&column::<String>(row, "set_aside")?)? }
        }
        "question" => Place::Question,
        other => return Err(unreadable("place of a page")(other.to_owned())),
    })
}

fn read_set_aside(name: &str) -> Result<SetAside, StoreFault> {
    SetAside::ALL
        .into_iter()
        .find(|reason| reason.name() == name)
        .ok_or_else(|| unreadable("reason for setting aside")(name.to_owned()))
}
