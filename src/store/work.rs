//! What is due: one row a step, claimed by whoever does it.
//!
//! A claim is a random token with a lease. The outcome of a step and the end of
//! its row are one transaction, and only for the claim that still holds: a
//! station that died, or was away longer than its lease, cannot overwrite what
//! another has done meanwhile.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::{Store, StoreFault, column, failed, number, parsed};
use crate::records::ids::{BatchId, PageNo};
use crate::records::work::{Step, Work, WorkOn};

/// A step this process is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedWork {
    pub work: Work,
    /// How often it was tried before.
    pub attempts: u32,
    claim: String,
}

/// What a process looks for.
#[derive(Debug, Clone, Copy)]
pub enum Reach<'a> {
    /// One batch's steps, when they are due.
    Batch(&'a BatchId),
    /// Those of all batches this station opened, and pages to be read in the
    /// spool it shares with others (empty where it shares none).
    Station { station: &'a str, spool: &'a str },
    /// Pages to be read in a spool that stations share, and nothing else.
    Pages { spool: &'a str },
}

/// Whether an outcome was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    Yes,
    /// The claim had ended: somebody else does the step, or has done it.
    TooLate,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub work: Work,
    pub attempts: u32,
    pub fault: String,
}

/// Steps that are due, and those that wait to be tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    pub read: u64,
    pub separate: u64,
    pub file: u64,
    /// Of all these, those that failed at least once.
    pub failed: u64,
}

impl Store {
    /// Claims the next step that is due; reading goes before filing within a
    /// batch, and older batches before newer ones. Of a batch one document is
    /// filed at a time.
    pub async fn claim_work(
        &self,
        claimer: &str,
        reach: Reach<'_>,
        lease: Duration,
    ) -> Result<Option<ClaimedWork>, StoreFault> {
        const ACTION: &str = "claim a step that is due";
        const IN_THE_SPOOL: &str = "work.step = 'read' AND batch.spool = $2 AND $2 <> ''";
        let (whose, id, spool) = match reach {
            Reach::Batch(batch) => ("batch.id = $1 AND $2 = ''".to_owned(), batch.as_str(), ""),
            Reach::Station { station, spool } => {
                let own = self.dialect.of_the_station();
                (format!("({own} OR {IN_THE_SPOOL})"), station, spool)
            }
            Reach::Pages { spool } => (format!("$1 = '' AND {IN_THE_SPOOL}"), "", spool),
        };
        let now = self.dialect.now_ms();
        let passing_over_locked = self.dialect.passing_over_locked();
        let pick = format!(
            "SELECT work.batch_id, work.step, work.page_no, work.attempts \
             FROM work JOIN batch ON batch.id = work.batch_id \
             WHERE {whose} AND work.due_at <= {now} \
             AND (work.lease_end IS NULL OR work.lease_end < {now}) \
             AND (work.step = 'read' \
                  OR work.step = 'separate' AND NOT EXISTS (\
                      SELECT 1 FROM work AS before WHERE before.batch_id = work.batch_id \
                      AND before.step = 'read') \
                  OR work.step = 'file' AND NOT EXISTS (\
                      SELECT 1 FROM work AS other WHERE other.batch_id = work.batch_id \
                      AND other.step = 'file' AND other.lease_end >= {now}) \
                  OR work.step = 'end' AND NOT EXISTS (\
                      SELECT 1 FROM work AS before WHERE before.batch_id = work.batch_id \
                      AND before.step <> 'end')) \
             ORDER BY work.batch_id, \
                 CASE work.step WHEN 'read' THEN 1 WHEN 'separate' THEN 2 \
                                WHEN 'file' THEN 3 ELSE 4 END, \
                 work.page_no \
             LIMIT 1 {passing_over_locked}"
        );
        let mut tx = self.begin(ACTION).await?;
        let Some(row) = sqlx::query(AssertSqlSafe(pick))
            .bind(id)
            .bind(spool)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(ACTION))?
        else {
            return Ok(None);
        };
        let work = read_work(&row)?;
        let token = self.dialect.random_token();
        let claim: String = sqlx::query_scalar(AssertSqlSafe(format!(
            "UPDATE work SET claimer = $4, claim = {token}, lease_end = {now} + $5 \
             WHERE batch_id = $1 AND step = $2 AND page_no = $3 RETURNING claim"
        )))
        .bind(work.batch.as_str())
        .bind(work.on.step().name())
        .bind(page_of(work.on))
        .bind(claimer)
        .bind(lease.as_millis() as i64)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Some(ClaimedWork { work, attempts: number(&row, "attempts")?, claim }))
    }

    /// The claim holds for another `lease` from now on, where it still does.
    pub async fn renew_claim(
        &self,
        claimed: &ClaimedWork,
        lease: Duration,
    ) -> Result<(), StoreFault> {
        let now = self.dialect.now_ms();
        sqlx::query(AssertSqlSafe(format!(
            "UPDATE work SET lease_end = {now} + $2 WHERE claim = $1 AND lease_end >= {now}"
        )))
        .bind(&claimed.claim)
        .bind(lease.as_millis() as i64)
        .execute(&self.pool)
        .await
        .map_err(failed("renew the claim on a step"))?;
        Ok(())
    }

    /// Gives back what a claimer that is no more had claimed: the process of
    /// that name has ended.
    pub async fn give_claims_back(&self, claimer: &str) -> Result<(), StoreFault> {
        sqlx::query(
            "UPDATE work SET claimer = NULL, claim = NULL, lease_end = NULL WHERE claimer = $1",
        )
        .bind(claimer)
        .execute(&self.pool)
        .await
        .map_err(failed("give back the claims on steps"))?;
        Ok(())
    }

    /// Gives a step back that failed, to be tried again after `wait`.
    pub async fn put_back(
        &self,
        claimed: &ClaimedWork,
        fault: &str,
        wait: Duration,
    ) -> Result<Recorded, StoreFault> {
        let now = self.dialect.now_ms();
        let done = sqlx::query(AssertSqlSafe(format!(
            "UPDATE work SET claimer = NULL, claim = NULL, lease_end = NULL, fault = $5, \
             attempts = attempts + 1, due_at = {now} + $6 \
             WHERE batch_id = $1 AND step = $2 AND page_no = $3 AND claim = $4"
        )))
        .bind(claimed.work.batch.as_str())
        .bind(claimed.work.on.step().name())
        .bind(page_of(claimed.work.on))
        .bind(&claimed.claim)
        .bind(fault)
        .bind(wait.as_millis() as i64)
        .execute(&self.pool)
        .await
        .map_err(failed("put a step back"))?;
        Ok(if done.rows_affected() == 1 { Recorded::Yes } else { Recorded::TooLate })
    }

    /// What failed is tried at once: somebody looks.
    pub async fn make_due_now(&self, batch: &BatchId) -> Result<(), StoreFault> {
        sqlx::query("UPDATE work SET due_at = 0 WHERE batch_id = $1 AND due_at > 0")
            .bind(batch.as_str())
            .execute(&self.pool)
            .await
            .map_err(failed("make steps due"))?;
        Ok(())
    }

    /// Of all batches.
    pub async fn due(&self) -> Result<Due, StoreFault> {
        const ACTION: &str = "count the steps that are due";
        let rows = sqlx::query(
            "SELECT step, CAST(COUNT(*) AS BIGINT) AS steps, \
             CAST(SUM(CASE WHEN attempts > 0 THEN 1 ELSE 0 END) AS BIGINT) AS failed \
             FROM work GROUP BY step",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed(ACTION))?;
        let mut due = Due::default();
        for row in &rows {
            let steps = number(row, "steps")?;
            match parsed::<Step>(row, "step")? {
                Step::Read => due.read = steps,
                Step::Separate => due.separate = steps,
                Step::File => due.file = steps,
                Step::End => {}
            }
            due.failed += number::<u64>(row, "failed")?;
        }
        Ok(due)
    }

    /// Steps that failed and are to be tried again, those first that failed most.
    pub async fn troubles(&self) -> Result<Vec<Trouble>, StoreFault> {
        sqlx::query(
            "SELECT batch_id, step, page_no, attempts, fault FROM work WHERE fault IS NOT NULL \
             ORDER BY attempts DESC, batch_id, step, page_no LIMIT 100",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list steps that failed"))?
        .iter()
        .map(|row| {
            Ok(Trouble {
                work: read_work(row)?,
                attempts: number(row, "attempts")?,
                fault: column(row, "fault")?,
            })
        })
        .collect()
    }
}

/// Ends a step in the transaction that records its outcome; `TooLate` leaves it
/// to be rolled back.
pub(super) async fn end_work(
    tx: &mut Transaction<'_, Any>,
    claimed: &ClaimedWork,
) -> Result<Recorded, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM work WHERE batch_id = $1 AND step = $2 AND page_no = $3 AND claim = $4",
    )
    .bind(claimed.work.batch.as_str())
    .bind(claimed.work.on.step().name())
    .bind(page_of(claimed.work.on))
    .bind(&claimed.claim)
    .execute(&mut **tx)
    .await?;
    Ok(if done.rows_affected() == 1 { Recorded::Yes } else { Recorded::TooLate })
}

/// Whether the claim still holds.
pub(super) async fn is_claimed(
    tx: &mut Transaction<'_, Any>,
    claimed: &ClaimedWork,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT step FROM work WHERE batch_id = $1 AND step = $2 AND page_no = $3 AND claim = $4",
    )
    .bind(claimed.work.batch.as_str())
    .bind(claimed.work.on.step().name())
    .bind(page_of(claimed.work.on))
    .bind(&claimed.claim)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.is_some())
}

/// Makes a step due, in the transaction of what makes it so.
pub(super) async fn make_due(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    on: WorkOn,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO work (batch_id, step, page_no) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(batch.as_str())
    .bind(on.step().name())
    .bind(page_of(on))
    .execute(&mut **tx)
    .await
    .map(drop)
}

fn page_of(on: WorkOn) -> i64 {
    match on {
        WorkOn::Read(page) | WorkOn::File(page) => page.get().into(),
        WorkOn::Separate | WorkOn::End => 0,
    }
}

fn read_work(row: &AnyRow) -> Result<Work, StoreFault> {
    let page = PageNo::new(number(row, "page_no")?);
    let on = match (parsed::<Step>(row, "step")?, page) {
        (Step::Read, Some(page)) => WorkOn::Read(page),
        (Step::File, Some(page)) => WorkOn::File(page),
        (Step::Separate, None) => WorkOn::Separate,
        (Step::End, None) => WorkOn::End,
        (Step::Read | Step::File | Step::Separate | Step::End, _) => {
            return Err(super::unreadable("step")("its page does not fit it".to_owned()));
        }
    };
    Ok(Work { batch: parsed(row, "batch_id")?, on })
}
