//! Batches.

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::audit::Told;
use super::work::{end_work, is_claimed, make_due};
use super::{
    ClaimedWork, Recorded, Store, StoreFault, column, failed, from_json, json_if_any,
    number_if_any, parsed, to_json, unreadable,
};
use crate::records::audit::Action;
use crate::records::batch::{
    BatchState, ClosedBy, Decision, Expected, PaperFrom, Pause, ScannerIdentity, TwoPasses,
};
use crate::records::ids::BatchId;
use crate::records::work::WorkOn;

/// A batch as it was opened, and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    pub id: BatchId,
    pub state: BatchState,
    pub profile_name: String,
    /// The profile's TOML as it stood when the batch was opened.
    pub profile_text: String,
    pub station: String,
    /// Of a spool that stations share; empty where its pages are in the station's own.
    pub spool: String,
    pub paper_from: PaperFrom,
    /// The scanner's own options as set by hand, name and value, in order.
    pub scanner_options: Vec<(String, String)>,
    /// The scanner that took the order, once one has.
    pub scanner_identity: Option<ScannerIdentity>,
    pub repository: String,
    /// The staging folder, where what a stop left half filed is known and nowhere
    /// else; `None` as long as nothing of it can be in the repository.
    pub filing_staging: Option<String>,
    pub expected: Expected,
    /// Of the whole batch; a sheet begun is finished.
    pub max_pages: Option<u32>,
    pub closed_by: ClosedBy,
    /// `None` where the scanner brings all sides of a sheet at once.
    pub two_passes: Option<TwoPasses>,
    /// Exactly while the batch is paused.
    pub pause: Option<Pause>,
    /// Why it is filed though its counts do not balance.
    pub counts_released: Option<Decision>,
    /// Exactly when the batch is discarded.
    pub discarded: Option<Decision>,
    /// UTC.
    pub opened_at: jiff::Timestamp,
}

/// Of which batches a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichBatches {
    All,
    /// On their way, or waiting for a clerk.
    NotEnded,
}

/// Whether a batch went where it was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    Yes,
    /// It has come to a state from which it does not.
    NotFrom(BatchState),
}

impl Store {
    pub async fn open_batch(&self, batch: &BatchRow) -> Result<(), StoreFault> {
        const ACTION: &str = "open a batch";
        let mut tx = self.begin(ACTION).await?;
        insert_batch(&mut tx, batch).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::OpenBatch, &batch.id).saying(&batch.profile_name);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
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

    /// The station's batches that were not brought to an end: stopped while
    /// paper ran, or before everything that could be filed was filed. Oldest
    /// first.
    pub async fn unfinished_batches(&self, station: &str) -> Result<Vec<BatchRow>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT * FROM batch WHERE {whose} AND state IN \
             ('open', 'scanning', 'paused', 'processing', 'filing') ORDER BY id"
        );
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for unfinished batches"))?
            .iter()
            .map(read_batch)
            .collect()
    }

    /// Of [`Self::unfinished_batches`] those that a clerk feeds: hot folders feed
    /// theirs by themselves.
    pub async fn unfinished_stacks(&self, station: &str) -> Result<Vec<BatchRow>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT * FROM batch WHERE {whose} AND state IN \
             ('open', 'scanning', 'paused', 'processing', 'filing') \
             AND NOT EXISTS (SELECT 1 FROM hot_file WHERE hot_file.batch_id = batch.id) \
             ORDER BY id"
        );
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for unfinished stacks"))?
            .iter()
            .map(read_batch)
            .collect()
    }

    /// Every batch the station ever opened and did not forget, oldest first.
    pub async fn batches_of_station(&self, station: &str) -> Result<Vec<BatchId>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!("SELECT id FROM batch WHERE {whose} ORDER BY id");
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list a station's batches"))?
            .iter()
            .map(|row| parsed(row, "id"))
            .collect()
    }

    /// The newest first, of all stations; only those on their way or waiting for
    /// a clerk, or those that came to their end too. At most `most`.
    pub async fn batches(
        &self,
        which: WhichBatches,
        most: u32,
    ) -> Result<Vec<BatchRow>, StoreFault> {
        let query = match which {
            WhichBatches::All => "SELECT * FROM batch ORDER BY id DESC LIMIT $1",
            WhichBatches::NotEnded => {
                "SELECT * FROM batch WHERE state NOT IN ('filed', 'discarded') \
                 ORDER BY id DESC LIMIT $1"
            }
        };
        sqlx::query(query)
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list batches"))?
            .iter()
            .map(read_batch)
            .collect()
    }

    /// Takes away a batch no page was ever kept for; the database refuses any other.
    pub async fn forget_empty_batch(&self, id: &BatchId) -> Result<(), StoreFault> {
        const ACTION: &str = "take away an empty batch";
        let mut tx = self.begin(ACTION).await?;
        sqlx::query("DELETE FROM batch WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        let told = Told::of(Action::ForgetBatch, id);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// What a clerk may say anew when a batch is resumed: where it is filed,
    /// what the stack should hold, and how many pages are taken.
    pub async fn record_new_orders(&self, batch: &BatchRow) -> Result<(), StoreFault> {
        const ACTION: &str = "record what was said anew of a batch";
        let mut tx = self.begin(ACTION).await?;
        sqlx::query(
            "UPDATE batch SET repository = $2, expected_sheets = $3, expected_documents = $4, \
             max_pages = $5 WHERE id = $1",
        )
        .bind(batch.id.as_str())
        .bind(&batch.repository)
        .bind(batch.expected.sheets.map(i64::from))
        .bind(batch.expected.documents.map(i64::from))
        .bind(batch.max_pages.map(i64::from))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        let told = Told::of(Action::ChangeBatch, &batch.id);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// The scanner and its options, once it has taken them: a wrong one would
    /// else be in the way of every later resume.
    pub async fn record_scanner_taken(
        &self,
        batch: &BatchRow,
        identity: Option<&ScannerIdentity>,
    ) -> Result<(), StoreFault> {
        sqlx::query(
            "UPDATE batch SET scanner = $2, scanner_options = $3, scanner_identity = $4 \
             WHERE id = $1",
        )
        .bind(batch.id.as_str())
        .bind(scanner_chosen(&batch.paper_from))
        .bind(to_json(&batch.scanner_options))
        .bind(identity.map(to_json))
        .execute(&self.pool)
        .await
        .map_err(failed("record the scanner of a batch"))?;
        Ok(())
    }

    /// Nothing was placed, after all.
    pub async fn forget_filing_staging(&self, id: &BatchId) -> Result<(), StoreFault> {
        sqlx::query("UPDATE batch SET filing_staging = NULL WHERE id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await
            .map_err(failed("record where a batch is filed"))?;
        Ok(())
    }

    /// Paper moves from now on.
    pub async fn start_scanning(&self, id: &BatchId) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record that a batch is scanned";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET state = 'scanning', pause = NULL \
             WHERE id = $1 AND state IN ('open', 'scanning', 'paused')",
        )
        .bind(id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        self.moved(tx, id, moved, Told::of(Action::ContinueBatch, id), ACTION).await
    }

    /// Paper stands still from now on.
    pub async fn pause_batch(&self, id: &BatchId, pause: &Pause) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record why a batch is paused";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET state = 'paused', pause = $2 \
             WHERE id = $1 AND state IN ('open', 'scanning', 'paused')",
        )
        .bind(id.as_str())
        .bind(to_json(pause))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        self.moved(tx, id, moved, Told::of(Action::PauseBatch, id).saying(to_json(pause)), ACTION)
            .await
    }

    /// No paper comes to it any more: it is separated once its pages are read.
    pub async fn close_batch(&self, id: &BatchId) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record that a batch is closed";
        let mut tx = self.begin(ACTION).await?;
        let moved = close(&mut tx, id).await.map_err(failed(ACTION))?;
        self.moved(tx, id, moved, Told::of(Action::CloseBatch, id), ACTION).await
    }

    /// From here on documents of the batch may stand in the repository, whose
    /// staging folder this is: it is neither discarded nor separated again. Too
    /// late where the step that files is another's by now, or nobody's.
    pub async fn begin_filing(
        &self,
        claimed: &ClaimedWork,
        staging: &str,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record where a batch is filed";
        let mut tx = self.begin(ACTION).await?;
        let id = &claimed.work.batch;
        hold_row(&mut tx, id).await.map_err(failed(ACTION))?;
        if !is_claimed(&mut tx, claimed).await.map_err(failed(ACTION))? {
            return Ok(Recorded::TooLate);
        }
        sqlx::query("UPDATE batch SET filing_staging = COALESCE(filing_staging, $2) WHERE id = $1")
            .bind(id.as_str())
            .bind(staging)
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// What a closed batch has come to, once nothing else of it is due.
    pub async fn end_batch(
        &self,
        claimed: &ClaimedWork,
        state: BatchState,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record what a batch has come to";
        let mut tx = self.begin(ACTION).await?;
        hold_row(&mut tx, &claimed.work.batch).await.map_err(failed(ACTION))?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        sqlx::query("UPDATE batch SET state = $2 WHERE id = $1")
            .bind(claimed.work.batch.as_str())
            .bind(state.name())
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        if state == BatchState::Filed {
            self.seal_batch(&mut tx, &claimed.work.batch).await?;
        } else {
            self.seal_again(&mut tx, &claimed.work.batch).await?;
        }
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// Whether people decided about pages or documents of the batch.
    pub async fn is_decided(&self, id: &BatchId) -> Result<bool, StoreFault> {
        let row = sqlx::query("SELECT id FROM batch WHERE id = $1 AND decided = 1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look whether people decided about a batch"))?;
        Ok(row.is_some())
    }

    /// The batch is separated again, as long as nothing of it is filed and nobody
    /// decided about pages or documents of it.
    pub async fn separate_again(&self, id: &BatchId) -> Result<Moved, StoreFault> {
        const ACTION: &str = "have a batch separated again";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET state = 'processing' WHERE id = $1 AND filing_staging IS NULL \
             AND state IN ('in-question', 'awaiting-review', 'filing', 'held') \
             AND decided = 0",
        )
        .bind(id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        if moved == 1 {
            sqlx::query("DELETE FROM work WHERE batch_id = $1 AND step = 'file'")
                .bind(id.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed(ACTION))?;
            for on in [WorkOn::Separate, WorkOn::End] {
                make_due(&mut tx, id, on).await.map_err(failed(ACTION))?;
            }
        }
        self.moved(tx, id, moved, Told::of(Action::ChangeBatch, id), ACTION).await
    }

    /// The batch is separated again and its counts no longer held against it.
    pub async fn release_counts(
        &self,
        id: &BatchId,
        decision: &Decision,
    ) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record why a batch is filed though its counts do not balance";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET state = 'processing', counts_released = $2 \
             WHERE id = $1 AND state = 'held'",
        )
        .bind(id.as_str())
        .bind(to_json(decision))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        if moved == 1 {
            for on in [WorkOn::Separate, WorkOn::End] {
                make_due(&mut tx, id, on).await.map_err(failed(ACTION))?;
            }
        }
        self.moved(
            tx,
            id,
            moved,
            Told::of(Action::ReleaseBatch, id).saying(&decision.reason),
            ACTION,
        )
        .await
    }

    /// Nothing of the batch is filed any more; its pages stay kept. Refused once
    /// one of its documents is in the repository, or may be.
    pub async fn discard_batch(
        &self,
        id: &BatchId,
        decision: &Decision,
    ) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record why a batch is discarded";
        let mut tx = self.begin(ACTION).await?;
        let moved = discard(&mut tx, id, decision).await.map_err(failed(ACTION))?;
        self.moved(
            tx,
            id,
            moved,
            Told::of(Action::DiscardBatch, id).saying(&decision.reason),
            ACTION,
        )
        .await
    }

    /// Commits a move, or says where the batch stands instead.
    pub(super) async fn moved(
        &self,
        mut tx: Transaction<'static, Any>,
        id: &BatchId,
        moved: u64,
        told: Told<'_>,
        action: &'static str,
    ) -> Result<Moved, StoreFault> {
        if moved == 1 {
            let is_its_end = told.action == Action::DiscardBatch;
            self.tell(&mut tx, told).await.map_err(failed(action))?;
            if is_its_end {
                self.seal_batch(&mut tx, id).await?;
            }
            tx.commit().await.map_err(failed(action))?;
            return Ok(Moved::Yes);
        }
        let state: String = sqlx::query_scalar("SELECT state FROM batch WHERE id = $1")
            .bind(id.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed(action))?;
        Ok(Moved::NotFrom(state.parse().map_err(unreadable::<String>("state"))?))
    }
}

/// Nobody else changes what the batch has come to until the transaction ends:
/// whoever does begins with this.
pub(super) async fn hold_row(
    tx: &mut Transaction<'_, Any>,
    id: &BatchId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("UPDATE batch SET station = station WHERE id = $1 RETURNING state")
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
}

pub(super) async fn insert_batch(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchRow,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO batch (id, state, profile_name, profile_text, station, spool, paper_from, \
         scanner, files, scanner_options, repository, expected_sheets, expected_documents, max_pages, \
         closed_by, two_passes, opened_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(batch.id.as_str())
    .bind(batch.state.name())
    .bind(&batch.profile_name)
    .bind(&batch.profile_text)
    .bind(&batch.station)
    .bind(&batch.spool)
    .bind(paper_from_name(&batch.paper_from))
    .bind(scanner_chosen(&batch.paper_from))
    .bind(files_given(&batch.paper_from))
    .bind(to_json(&batch.scanner_options))
    .bind(&batch.repository)
    .bind(batch.expected.sheets.map(i64::from))
    .bind(batch.expected.documents.map(i64::from))
    .bind(batch.max_pages.map(i64::from))
    .bind(batch.closed_by.name())
    .bind(batch.two_passes.map(TwoPasses::name))
    .bind(batch.opened_at.to_string())
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How many batches it closed: one, or none where it takes no paper any more.
pub(super) async fn close(tx: &mut Transaction<'_, Any>, id: &BatchId) -> Result<u64, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE batch SET state = 'processing', pause = NULL \
         WHERE id = $1 AND state IN ('open', 'scanning', 'paused')",
    )
    .bind(id.as_str())
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if moved == 1 {
        for on in [WorkOn::Separate, WorkOn::End] {
            make_due(tx, id, on).await?;
        }
    }
    Ok(moved)
}

/// How many batches it discarded: one, or none where it may not be.
pub(super) async fn discard(
    tx: &mut Transaction<'_, Any>,
    id: &BatchId,
    decision: &Decision,
) -> Result<u64, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE batch SET state = 'discarded', pause = NULL, discarded = $2 \
         WHERE id = $1 AND state NOT IN ('scanning', 'filed', 'discarded') \
         AND filing_staging IS NULL",
    )
    .bind(id.as_str())
    .bind(to_json(decision))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if moved == 1 {
        sqlx::query("DELETE FROM work WHERE batch_id = $1")
            .bind(id.as_str())
            .execute(&mut **tx)
            .await?;
    }
    Ok(moved)
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

pub(super) fn read_batch(row: &AnyRow) -> Result<BatchRow, StoreFault> {
    let two_passes: Option<String> = column(row, "two_passes")?;
    Ok(BatchRow {
        id: parsed(row, "id")?,
        state: parsed(row, "state")?,
        profile_name: column(row, "profile_name")?,
        profile_text: column(row, "profile_text")?,
        station: column(row, "station")?,
        spool: column(row, "spool")?,
        paper_from: match column::<String>(row, "paper_from")?.as_str() {
            "files" => {
                PaperFrom::Files(from_json("list of files", &column::<String>(row, "files")?)?)
            }
            "scanner" => PaperFrom::Scanner(column(row, "scanner")?),
            other => return Err(unreadable("source of paper")(other.to_owned())),
        },
        scanner_options: from_json("scanner options", &column::<String>(row, "scanner_options")?)?,
        scanner_identity: json_if_any(row, "scanner_identity")?,
        repository: column(row, "repository")?,
        filing_staging: column(row, "filing_staging")?,
        expected: Expected {
            sheets: number_if_any(row, "expected_sheets")?,
            documents: number_if_any(row, "expected_documents")?,
        },
        max_pages: number_if_any(row, "max_pages")?,
        closed_by: parsed(row, "closed_by")?,
        two_passes: two_passes.map(|name| name.parse()).transpose().map_err(unreadable("pass"))?,
        pause: json_if_any(row, "pause")?,
        counts_released: json_if_any(row, "counts_released")?,
        discarded: json_if_any(row, "discarded")?,
        opened_at: parsed(row, "opened_at")?,
    })
}
