//! How far a batch has come, in figures.

use sqlx::any::AnyRow;

use super::{Store, StoreFault, failed, number, number_if_any, parsed, unreadable};
use crate::records::batch::BatchState;
use crate::records::ids::{BatchId, PageNo};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Images kept.
    pub pages: u64,
    /// Sheets of paper these are on.
    pub sheets: u64,
    pub pages_read: u64,
    pub documents: u64,
    pub documents_filed: u64,
    /// Documents somebody has still to look at.
    pub reviews_due: u64,
    /// Those nobody answered yet.
    pub questions: u64,
    /// The last page that is safe.
    pub last_page: Option<PageNo>,
}

impl Store {
    pub async fn standing(&self, batch: &BatchId) -> Result<Standing, StoreFault> {
        let row = sqlx::query(
            "SELECT \
             (SELECT COUNT(*) FROM page WHERE batch_id = $1) AS pages, \
             (SELECT COUNT(DISTINCT sheet) FROM page WHERE batch_id = $1 AND fed_again = 0) AS sheets, \
             (SELECT MAX(page_no) FROM page WHERE batch_id = $1) AS last_page, \
             (SELECT COUNT(*) FROM page_outcome WHERE batch_id = $1) AS pages_read, \
             (SELECT COUNT(*) FROM document WHERE batch_id = $1) AS documents, \
             (SELECT COUNT(filed_at) FROM document WHERE batch_id = $1) AS documents_filed, \
             (SELECT COUNT(*) FROM document WHERE batch_id = $1 AND review_due = 1) \
                 AS reviews_due, \
             (SELECT COUNT(*) FROM question WHERE batch_id = $1 AND answered IS NULL) \
                 AS questions",
        )
        .bind(batch.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("see how far a batch has come"))?;
        read_standing(&row)
    }
}

impl Store {
    /// How many batches there are in each state that any stands in, of all stations.
    pub async fn batches_by_state(&self) -> Result<Vec<(BatchState, u64)>, StoreFault> {
        sqlx::query(
            "SELECT state, CAST(COUNT(*) AS BIGINT) AS batches FROM batch GROUP BY state \
             ORDER BY state",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("count batches by state"))?
        .iter()
        .map(|row| Ok((parsed(row, "state")?, number(row, "batches")?)))
        .collect()
    }
}

fn read_standing(row: &AnyRow) -> Result<Standing, StoreFault> {
    let last_page = number_if_any::<u32>(row, "last_page")?
        .map(|no| PageNo::new(no).ok_or_else(|| unreadable("page number")("page 0".to_owned())))
        .transpose()?;
    Ok(Standing {
        pages: number(row, "pages")?,
        sheets: number(row, "sheets")?,
        pages_read: number(row, "pages_read")?,
        documents: number(row, "documents")?,
        documents_filed: number(row, "documents_filed")?,
        reviews_due: number(row, "reviews_due")?,
        questions: number(row, "questions")?,
        last_page,
    })
}
