//! Batches whose originals have been kept as long as their profiles say.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::audit::Told;
use super::batch::hold_row;
use super::manifest::is_as_sealed;
use super::{Store, StoreFault, column, failed, number, parsed, unreadable};
use crate::records::audit::Action;
use crate::records::ids::BatchId;

/// A batch that has come to its end, with its originals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedBatch {
    pub id: BatchId,
    pub profile_name: String,
    /// The profile's TOML as it stood when the batch was opened.
    pub profile_text: String,
    /// UTC; when its last manifest was written.
    pub ended_at: jiff::Timestamp,
}

/// That a batch's originals were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// UTC; recorded before the first file went.
    pub at: jiff::Timestamp,
    /// How long they were kept after the batch's end, in days.
    pub after_days: u32,
    /// UTC; `None` while some may be left.
    pub done_at: Option<jiff::Timestamp>,
}

/// Whether a purge was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PurgeRecorded {
    Yes,
    /// The batch was changed meanwhile, or somebody was quicker.
    NotDue,
    /// Its rows are not what its manifest says: somebody changed them past the
    /// station, perhaps so that its pages go.
    NotAsSealed,
}

impl Store {
    /// The station's batches behind `after`, by id, that have ended with nothing
    /// left to do and whose originals stand in this spool; at most `most`.
    pub async fn ended_batches_with_originals(
        &self,
        station: &str,
        spool: &str,
        after: Option<&BatchId>,
        most: u32,
    ) -> Result<Vec<EndedBatch>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT id, profile_name, profile_text, {ENDED_AT} FROM batch WHERE {whose} AND spool = $2 AND id > $3 AND {IS_AT_REST} \
             ORDER BY id LIMIT $4"
        );
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(spool)
            .bind(after.map_or("", BatchId::as_str))
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for batches that have ended"))?
            .iter()
            .map(read_ended)
            .collect()
    }

    /// That the batch's originals are removed, before the first of them is. Only
    /// where it still is at rest since `ended_at`.
    pub async fn record_purge(
        &self,
        id: &BatchId,
        ended_at: jiff::Timestamp,
        after_days: u32,
        now: jiff::Timestamp,
    ) -> Result<PurgeRecorded, StoreFault> {
        const ACTION: &str = "record that a batch's originals are removed";
        let mut tx = self.begin(ACTION).await?;
        // Whoever changes the batch waits until this is recorded, or is waited for.
        hold_row(&mut tx, id).await.map_err(failed(ACTION))?;
        let query = format!("SELECT {ENDED_AT} FROM batch WHERE id = $1 AND {IS_AT_REST}");
        let row = sqlx::query(AssertSqlSafe(query))
            .bind(id.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        let at_rest_since = row.map(|row| parsed(&row, "ended_at")).transpose()?;
        if at_rest_since != Some(ended_at) {
            return Ok(PurgeRecorded::NotDue);
        }
        if !is_as_sealed(&mut tx, id).await? {
            return Ok(PurgeRecorded::NotAsSealed);
        }
        sqlx::query("INSERT INTO purge (batch_id, at, after_days) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(now.to_string())
            .bind(i64::from(after_days))
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        let told = Told::of(Action::PurgeBatch, id).saying(format!("after {after_days} days"));
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        self.seal_batch(&mut tx, id).await?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(PurgeRecorded::Yes)
    }

    /// Every file of it is gone.
    pub async fn end_purge(&self, id: &BatchId, now: jiff::Timestamp) -> Result<(), StoreFault> {
        sqlx::query("UPDATE purge SET done_at = $2 WHERE batch_id = $1 AND done_at IS NULL")
            .bind(id.as_str())
            .bind(now.to_string())
            .execute(&self.pool)
            .await
            .map_err(failed("record that a batch's files are gone"))?;
        Ok(())
    }

    /// The station's batches in this spool whose originals are removed, and some
    /// may be left: a stop came in between.
    pub async fn purges_under_way(
        &self,
        station: &str,
        spool: &str,
    ) -> Result<Vec<BatchId>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT id FROM batch WHERE {whose} AND spool = $2 AND id IN \
             (SELECT batch_id FROM purge WHERE done_at IS NULL) ORDER BY id"
        );
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(spool)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for originals still to be removed"))?
            .iter()
            .map(|row| parsed(row, "id"))
            .collect()
    }

    /// `None` where the batch's originals are kept.
    pub async fn purge_of(&self, id: &BatchId) -> Result<Option<Purge>, StoreFault> {
        sqlx::query("SELECT at, after_days, done_at FROM purge WHERE batch_id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look whether a batch's originals were removed"))?
            .as_ref()
            .map(read_purge)
            .transpose()
    }

    /// The same asked of a database that may be of an earlier version, whose
    /// originals were all kept: of a copy, or before the first start of this one.
    pub async fn is_purged(&self, id: &BatchId) -> Result<bool, StoreFault> {
        Ok(self.knows_manifests().await? && self.purge_of(id).await?.is_some())
    }

    /// Whether the database is of a version that keeps manifests.
    pub async fn knows_manifests(&self) -> Result<bool, StoreFault> {
        let row = sqlx::query("SELECT version FROM _sqlx_migrations WHERE version = $1")
            .bind(SINCE_VERSION)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look of which version the database is"))?;
        Ok(row.is_some())
    }

    /// How many pages the batch has, and how long their files are together.
    pub async fn originals_of(&self, id: &BatchId) -> Result<(u64, u64), StoreFault> {
        let row = sqlx::query(
            "SELECT CAST(COUNT(*) AS BIGINT) AS pages, \
             CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM page WHERE batch_id = $1",
        )
        .bind(id.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("measure a batch's originals"))?;
        Ok((number(&row, "pages")?, number(&row, "bytes")?))
    }
}

/// Of the database.
const SINCE_VERSION: i64 = 7;

const ENDED_AT: &str =
    "(SELECT MAX(at) FROM manifest WHERE manifest.batch_id = batch.id) AS ended_at";

/// It has ended and is sealed, nothing of it is due, no file of a hot folder
/// waits for it, and its originals are kept.
const IS_AT_REST: &str = "state IN ('filed', 'discarded') \
     AND EXISTS (SELECT 1 FROM manifest WHERE manifest.batch_id = batch.id) \
     AND NOT EXISTS (SELECT 1 FROM purge WHERE purge.batch_id = batch.id) \
     AND NOT EXISTS (SELECT 1 FROM work WHERE work.batch_id = batch.id) \
     AND NOT EXISTS (SELECT 1 FROM hot_file \
                     WHERE hot_file.batch_id = batch.id AND standing <> 'done') \
     AND NOT EXISTS (SELECT 1 FROM document \
                     WHERE document.batch_id = batch.id AND refused IS NOT NULL)";

fn read_ended(row: &AnyRow) -> Result<EndedBatch, StoreFault> {
    Ok(EndedBatch {
        id: parsed(row, "id")?,
        profile_name: column(row, "profile_name")?,
        profile_text: column(row, "profile_text")?,
        ended_at: parsed(row, "ended_at")?,
    })
}

fn read_purge(row: &AnyRow) -> Result<Purge, StoreFault> {
    let done_at: Option<String> = column(row, "done_at")?;
    Ok(Purge {
        at: parsed(row, "at")?,
        after_days: number(row, "after_days")?,
        done_at: done_at.map(|text| text.parse()).transpose().map_err(unreadable("done_at"))?,
    })
}
