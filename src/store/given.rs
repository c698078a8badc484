//! Documents that were given to a repository, and what it said of them.

use sqlx::any::AnyRow;

use super::audit::Told;
use super::document::read_version;
use super::page::read_page_no;
use super::{Store, StoreFault, column, failed, number, parsed};
use crate::records::audit::Action;
use crate::records::ids::DocumentId;

/// A document that stands in the repository, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenDocument {
    pub document: DocumentId,
    /// The watched folder.
    pub repository: String,
    pub pdf_path: String,
    pub index_path: String,
    /// What the repository said was wrong with it, when it was last looked at.
    pub refused: Option<String>,
}

/// What waits for the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Filed, and not taken away yet.
    pub waiting: u64,
    /// The one of them that was filed first.
    pub oldest_filed_at: Option<jiff::Timestamp>,
    /// With the repository's words; at most a hundred.
    pub refused: Vec<(DocumentId, String)>,
}

const GIVEN: &str = "document.filed_at IS NOT NULL AND document.taken_at IS NULL";

impl Store {
    /// Those of a station's documents that the repository has not taken away,
    /// behind `after`, in the order of their ids.
    pub async fn documents_given(
        &self,
        station: &str,
        after: Option<DocumentId>,
        at_most: u32,
    ) -> Result<Vec<GivenDocument>, StoreFault> {
        let (batch, page) = after.map_or((String::new(), 0), |after| {
            (after.batch().to_string(), i64::from(after.first_page().get()))
        });
        let whose = self.dialect.of_the_station();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT document.batch_id, first_page, version, repository, pdf_path, index_path, \
             refused FROM document JOIN batch ON batch.id = document.batch_id \
             WHERE {GIVEN} AND {whose} \
             AND (document.batch_id > $2 OR document.batch_id = $2 AND first_page > $3) \
             ORDER BY document.batch_id, first_page LIMIT $4"
        )))
        .bind(station)
        .bind(batch)
        .bind(page)
        .bind(i64::from(at_most))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list documents the repository has not taken"))?
        .iter()
        .map(read_given)
        .collect()
    }

    /// The repository took this version of the document away.
    pub async fn record_taken(&self, document: &DocumentId) -> Result<(), StoreFault> {
        let at = jiff::Timestamp::now().to_string();
        let set = "taken_at = $4, refused = NULL";
        self.record_said(document, set, &at, Action::TakeDocument).await
    }

    /// The repository says that something is wrong with it.
    pub async fn record_refused(
        &self,
        document: &DocumentId,
        said: &str,
    ) -> Result<(), StoreFault> {
        // Its words may name a patient: they stay with the document.
        self.record_said(document, "refused = $4", said, Action::RefuseDocument).await
    }

    async fn record_said(
        &self,
        document: &DocumentId,
        set: &str,
        value: &str,
        action: Action,
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "record what the repository did with a document";
        let mut tx = self.begin(ACTION).await?;
        let changed = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE document SET {set} WHERE batch_id = $1 AND first_page = $2 AND version = $3 \
             AND {GIVEN}"
        )))
        .bind(document.batch().as_str())
        .bind(i64::from(document.first_page().get()))
        .bind(i64::from(document.version().get()))
        .bind(value)
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        // Another version took its place meanwhile, which is looked for itself.
        if changed == 1 {
            let told = Told::of(action, document.batch()).page(document.first_page());
            self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        }
        tx.commit().await.map_err(failed(ACTION))
    }

    /// Of all stations.
    pub async fn given(&self) -> Result<Given, StoreFault> {
        const ACTION: &str = "count documents the repository has not taken";
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) AS waiting, MIN(filed_at) AS oldest FROM document WHERE {GIVEN}"
        )))
        .fetch_one(&self.pool)
        .await
        .map_err(failed(ACTION))?;
        let oldest = column::<Option<String>>(&row, "oldest")?;
        let refused = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT batch_id, first_page, version, refused FROM document \
             WHERE {GIVEN} AND refused IS NOT NULL ORDER BY batch_id, first_page LIMIT 100"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed(ACTION))?;
        let refused = refused
            .iter()
            .map(|row| Ok((read_id(row)?, column(row, "refused")?)))
            .collect::<Result<_, StoreFault>>()?;
        Ok(Given {
            waiting: number(&row, "waiting")?,
            oldest_filed_at: oldest
                .map(|text| text.parse())
                .transpose()
                .map_err(super::unreadable::<jiff::Error>("time of filing"))?,
            refused,
        })
    }
}

fn read_given(row: &AnyRow) -> Result<GivenDocument, StoreFault> {
    Ok(GivenDocument {
        document: read_id(row)?,
        repository: column(row, "repository")?,
        pdf_path: column(row, "pdf_path")?,
        index_path: column(row, "index_path")?,
        refused: column(row, "refused")?,
    })
}

fn read_id(row: &AnyRow) -> Result<DocumentId, StoreFault> {
    let document = DocumentId::new(parsed(row, "batch_id")?, read_page_no(row, "first_page")?);
    Ok(document.of_version(read_version(row)?))
}
