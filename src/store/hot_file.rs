//! Files that hot folders brought, and the batches opened for them.

use std::str::FromStr;

use sqlx::AssertSqlSafe;

use super::audit::Told;
use super::batch::{close, discard, insert_batch, read_batch};
use super::{BatchRow, Moved, Store, StoreFault, column, failed, number, parsed, unreadable};
use crate::records::audit::Action;
use crate::records::batch::Decision;
use crate::records::ids::{BatchId, Sha256};

/// A file as it stood in its hot folder when a batch was opened for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotFile {
    /// Its name's bytes, those that are not plain ASCII percent-encoded.
    pub name: String,
    pub bytes: u64,
    pub sha256: Sha256,
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HotStanding {
    /// Its batch is being fed, or was when the station stopped.
    Taking,
    /// All its pages are durable and the batch is closed: the original is to be
    /// removed.
    Taken,
}

impl FromStr for HotStanding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "taking" => Ok(HotStanding::Taking),
            "taken" => Ok(HotStanding::Taken),
            other => Err(format!("{other:?} is not how a hot folder's file stands")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotFileRow {
    /// In feeding order, counted from 1.
    pub position: u32,
    pub standing: HotStanding,
    pub file: HotFile,
}

/// A batch with files that something is still to be done about.
#[derive(Debug, Clone, PartialEq)]
pub struct HotBatch {
    pub batch: BatchRow,
    /// In feeding order.
    pub files: Vec<HotFileRow>,
}

impl Store {
    /// Opens a batch for these files of a hot folder, all in one step: from now
    /// on they are not taken again.
    pub async fn open_hot_batch(
        &self,
        batch: &BatchRow,
        folder: &str,
        files: &[HotFile],
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "open a batch for the files of a hot folder";
        let mut tx = self.begin(ACTION).await?;
        insert_batch(&mut tx, batch).await.map_err(failed(ACTION))?;
        for (file, position) in files.iter().zip(1_i64..) {
            sqlx::query(
                "INSERT INTO hot_file (batch_id, position, folder, name, bytes, sha256, standing) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'taking')",
            )
            .bind(batch.id.as_str())
            .bind(position)
            .bind(folder)
            .bind(&file.name)
            .bind(i64::try_from(file.bytes).map_err(unreadable("file length"))?)
            .bind(file.sha256.to_string())
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        }
        let told = Told::of(Action::OpenBatch, &batch.id).saying(folder);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// Every page of its files is durable: no more comes, and the originals are
    /// to be removed.
    pub async fn close_hot_batch(&self, id: &BatchId) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record that the files of a hot folder are taken";
        let mut tx = self.begin(ACTION).await?;
        let moved = close(&mut tx, id).await.map_err(failed(ACTION))?;
        if moved == 1 {
            sqlx::query(
                "UPDATE hot_file SET standing = 'taken' \
                 WHERE batch_id = $1 AND standing = 'taking'",
            )
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?;
        }
        self.moved(tx, id, moved, Told::of(Action::CloseBatch, id), ACTION).await
    }

    /// Nothing of the batch is filed, and its files may be taken by another.
    pub async fn give_up_hot_batch(
        &self,
        id: &BatchId,
        decision: &Decision,
    ) -> Result<Moved, StoreFault> {
        const ACTION: &str = "give up a batch of a hot folder";
        let mut tx = self.begin(ACTION).await?;
        let moved = discard(&mut tx, id, decision).await.map_err(failed(ACTION))?;
        if moved == 1 {
            sqlx::query("UPDATE hot_file SET standing = 'done' WHERE batch_id = $1")
                .bind(id.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed(ACTION))?;
        }
        self.moved(
            tx,
            id,
            moved,
            Told::of(Action::DiscardBatch, id).saying(&decision.reason),
            ACTION,
        )
        .await
    }

    /// The original is gone, or nobody's business any more.
    pub async fn settle_hot_file(&self, batch: &BatchId, position: u32) -> Result<(), StoreFault> {
        sqlx::query("UPDATE hot_file SET standing = 'done' WHERE batch_id = $1 AND position = $2")
            .bind(batch.as_str())
            .bind(i64::from(position))
            .execute(&self.pool)
            .await
            .map_err(failed("record that a file of a hot folder is gone"))?;
        Ok(())
    }

    /// The station's batches of this hot folder with files that are not settled,
    /// oldest first.
    pub async fn hot_batches_under_way(
        &self,
        station: &str,
        folder: &str,
    ) -> Result<Vec<HotBatch>, StoreFault> {
        const ACTION: &str = "look for files of a hot folder that are under way";
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT * FROM batch WHERE {whose} AND id IN (SELECT batch_id FROM hot_file \
             WHERE folder = $2 AND standing <> 'done') ORDER BY id"
        );
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(folder)
            .fetch_all(&self.pool)
            .await
            .map_err(failed(ACTION))?;
        let mut batches = Vec::new();
        for row in &rows {
            let batch = read_batch(row)?;
            let files = sqlx::query(
                "SELECT * FROM hot_file WHERE batch_id = $1 AND standing <> 'done' \
                 ORDER BY position",
            )
            .bind(batch.id.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed(ACTION))?
            .iter()
            .map(read_hot_file)
            .collect::<Result<_, _>>()?;
            batches.push(HotBatch { batch, files });
        }
        Ok(batches)
    }

    /// Whether a hot folder feeds the batch.
    pub async fn is_from_a_hot_folder(&self, id: &BatchId) -> Result<bool, StoreFault> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT batch_id FROM hot_file WHERE batch_id = $1 LIMIT 1")
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("look where a batch comes from"))?;
        Ok(found.is_some())
    }
}

fn read_hot_file(row: &sqlx::any::AnyRow) -> Result<HotFileRow, StoreFault> {
    Ok(HotFileRow {
        position: number(row, "position")?,
        standing: parsed(row, "standing")?,
        file: HotFile {
            name: column(row, "name")?,
            bytes: number(row, "bytes")?,
            sha256: parsed(row, "sha256")?,
        },
    })
}
