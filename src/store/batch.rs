//! Batches.

use sqlx::sqlite::SqliteRow;

use super::{Store, StoreFault, column, failed, from_json, to_json, unreadable};
use crate::records::batch::{BatchState, Expected, FilingPlace, PaperFrom};
use crate::records::ids::BatchId;

/// A batch as it was opened, and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    pub id: BatchId,
    pub state: BatchState,
    pub profile_name: String,
    /// The profile's TOML as it stood when the batch was opened.
    pub profile_text: String,
    pub station: String,
    pub paper_from: PaperFrom,
    /// The scanner's own options as set by hand, name and value, in order.
    pub scanner_options: Vec<(String, String)>,
    pub repository: String,
    /// `None` as long as nothing of it can be in a repository.
    pub filing_place: Option<FilingPlace>,
    pub expected: Expected,
    /// Of the whole batch; a sheet begun is finished.
    pub max_pages: Option<u32>,
    /// UTC.
    pub opened_at: jiff::Timestamp,
}

impl Store {
    pub async fn open_batch(&self, batch: &BatchRow) -> Result<(), StoreFault> {
        sqlx::query(
            "INSERT INTO batch (id, state, profile_name, profile_text, station, paper_from, \
             scanner, files, scanner_options, repository, expected_sheets, expected_documents, \
             max_pages, opened_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(batch.id.as_str())
        .bind(batch.state.name())
        .bind(&batch.profile_name)
        .bind(&batch.profile_text)
        .bind(&batch.station)
        .bind(paper_from_name(&batch.paper_from))
        .bind(scanner_chosen(&batch.paper_from))
        .bind(files_given(&batch.paper_from))
        .bind(to_json(&batch.scanner_options))
        .bind(&batch.repository)
        .bind(batch.expected.sheets)
        .bind(batch.expected.documents)
        .bind(batch.max_pages)
        .bind(batch.opened_at.to_string())
        .execute(&self.pool)
        .await
        .map_err(failed("open a batch"))?;
        Ok(())
    }

    pub async fn batch(&self, id: &BatchId) -> Result<Option<BatchRow>, StoreFault> {
        sqlx::query("SELECT * FROM batch WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up a batch"))?
            .map(|row| read_batch(&row))
            .transpose()
    }

    /// Batches that were not brought to an end: stopped while scanning, or
    /// before everything that could be filed was filed. Oldest first.
    pub async fn unfinished_batches(&self) -> Result<Vec<BatchRow>, StoreFault> {
        sqlx::query("SELECT * FROM batch WHERE state IN ('scanning', 'scanned') ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for unfinished batches"))?
            .iter()
            .map(read_batch)
            .collect()
    }

    /// Takes away a batch no page was ever kept for; the database refuses any other.
    pub async fn forget_empty_batch(&self, id: &BatchId) -> Result<(), StoreFault> {
        sqlx::query("DELETE FROM batch WHERE id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await
            .map_err(failed("take away an empty batch"))?;
        Ok(())
    }

    /// What a clerk may say anew when a batch is resumed: where it is filed,
    /// what the stack should hold, and how many pages are taken.
    pub async fn record_new_orders(&self, batch: &BatchRow) -> Result<(), StoreFault> {
        sqlx::query(
            "UPDATE batch SET repository = $2, expected_sheets = $3, expected_documents = $4, \
             max_pages = $5 WHERE id = $1",
        )
        .bind(batch.id.as_str())
        .bind(&batch.repository)
        .bind(batch.expected.sheets)
        .bind(batch.expected.documents)
        .bind(batch.max_pages)
        .execute(&self.pool)
        .await
        .map_err(failed("record what was said anew of a batch"))?;
        Ok(())
    }

    /// The scanner and its options, once it has taken them: a wrong one would
    /// else be in the way of every later resume.
    pub async fn record_scanner_taken(&self, batch: &BatchRow) -> Result<(), StoreFault> {
        sqlx::query("UPDATE batch SET scanner = $2, scanner_options = $3 WHERE id = $1")
            .bind(batch.id.as_str())
            .bind(scanner_chosen(&batch.paper_from))
            .bind(to_json(&batch.scanner_options))
            .execute(&self.pool)
            .await
            .map_err(failed("record the scanner of a batch"))?;
        Ok(())
    }

    /// Where documents are filed from now on, before the first is; `None` where
    /// it turned out that nothing was.
    pub async fn record_filing_place(
        &self,
        id: &BatchId,
        place: Option<&FilingPlace>,
    ) -> Result<(), StoreFault> {
        sqlx::query("UPDATE batch SET filing_place = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(place.map(to_json))
            .execute(&self.pool)
            .await
            .map_err(failed("record where a batch is filed"))?;
        Ok(())
    }

    pub async fn move_batch_to(&self, id: &BatchId, state: BatchState) -> Result<(), StoreFault> {
        sqlx::query("UPDATE batch SET state = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(state.name())
            .execute(&self.pool)
            .await
            .map_err(failed("record how far a batch has come"))?;
        Ok(())
    }
}

fn paper_from_name(from: &PaperFrom) -> &'static str {
    match from {
        PaperFrom::Files(_) => "files",
        PaperFrom::Scanner(_) => "scanner",
    }
}

fn scanner_chosen(from: &PaperFrom) -> Option<&str> {
    match from {
        PaperFrom::Files(_) => None,
        PaperFrom::Scanner(choice) => choice.as_deref(),
    }
}

fn files_given(from: &PaperFrom) -> Option<String> {
    match from {
        PaperFrom::Files(files) => Some(to_json(files)),
        PaperFrom::Scanner(_) => None,
    }
}

fn read_batch(row: &SqliteRow) -> Result<BatchRow, StoreFault> {
    Ok(BatchRow {
        id: column::<String>(row, "id")?.parse().map_err(unreadable("batch id"))?,
        state: column::<String>(row, "state")?.parse().map_err(unreadable::<String>("state"))?,
        profile_name: column(row, "profile_name")?,
        profile_text: column(row, "profile_text")?,
        station: column(row, "station")?,
        paper_from: match column::<String>(row, "paper_from")?.as_str() {
            "files" => {
                PaperFrom::Files(from_json("list of files", &column::<String>(row, "files")?)?)
            }
            "scanner" => PaperFrom::Scanner(column(row, "scanner")?),
            other => return Err(unreadable("source of paper")(other.to_owned())),
        },
        scanner_options: from_json("scanner options", &column::<String>(row, "scanner_options")?)?,
        repository: column(row, "repository")?,
        filing_place: column::<Option<String>>(row, "filing_place")?
            .map(|place| from_json("place of filing", &place))
            .transpose()?,
        expected: Expected {
            sheets: column(row, "expected_sheets")?,
            documents: column(row, "expected_documents")?,
        },
        max_pages: column(row, "max_pages")?,
        opened_at: column::<String>(row, "opened_at")?.parse().map_err(unreadable("time"))?,
    })
}
