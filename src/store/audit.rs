//! The audit chain of each station: rows added in the transaction of what they
//! tell of.

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::{Store, StoreFault, column, failed, number, number_if_any, parsed};
use crate::records::audit::{Action, AuditHead, AuditRow};
use crate::records::ids::{BatchId, PageNo, Sha256};

/// What is told of, beside who and when.
#[derive(Debug, Clone)]
pub(super) struct Told<'a> {
    pub action: Action,
    pub batch: &'a BatchId,
    pub page: Option<PageNo>,
    pub detail: String,
}

impl<'a> Told<'a> {
    pub fn of(action: Action, batch: &'a BatchId) -> Self {
        Told { action, batch, page: None, detail: String::new() }
    }

    pub fn page(self, page: PageNo) -> Self {
        Told { page: Some(page), ..self }
    }

    pub fn saying(self, detail: impl Into<String>) -> Self {
        Told { detail: detail.into(), ..self }
    }
}

impl Store {
    /// Adds a row to the station's chain, in the transaction of what it tells of.
    pub(super) async fn tell(
        &self,
        tx: &mut Transaction<'_, Any>,
        told: Told<'_>,
    ) -> Result<(), sqlx::Error> {
        let station: &str = &self.station;
        let hold = self.dialect.holding_the_row();
        let nothing = Sha256::from_bytes([0; 32]).to_string();
        sqlx::query(
            "INSERT INTO audit_head (station, no, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        )
        .bind(station)
        .bind(&nothing)
        .execute(&mut **tx)
        .await?;
        let head = sqlx::query(AssertSqlSafe(format!(
            "SELECT no, hash FROM audit_head WHERE station = $1 {hold}"
        )))
        .bind(station)
        .fetch_one(&mut **tx)
        .await?;
        let head = read_head(&head).map_err(|fault| sqlx::Error::Decode(fault.into()))?;
        let mut row = AuditRow {
            station: station.to_owned(),
            no: head.no + 1,
            at: jiff::Timestamp::now(),
            actor: self.actor.to_string(),
            action: told.action,
            batch: told.batch.clone(),
            page: told.page.map(PageNo::get),
            detail: told.detail,
            before: head.hash,
            hash: head.hash,
        };
        row.hash = row.expected_hash();
        sqlx::query(
            "INSERT INTO audit (station, no, at, actor, action, batch_id, page_no, detail, \
             before, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&row.station)
        .bind(row.no as i64)
        .bind(row.at.to_string())
        .bind(&row.actor)
        .bind(row.action.name())
        .bind(row.batch.as_str())
        .bind(row.page.map(i64::from))
        .bind(&row.detail)
        .bind(row.before.to_string())
        .bind(row.hash.to_string())
        .execute(&mut **tx)
        .await?;
        sqlx::query("UPDATE audit_head SET no = $2, hash = $3 WHERE station = $1")
            .bind(station)
            .bind(row.no as i64)
            .bind(row.hash.to_string())
            .execute(&mut **tx)
            .await
            .map(drop)
    }

    /// That a person saw a page.
    pub async fn record_view(&self, batch: &BatchId, page: PageNo) -> Result<(), StoreFault> {
        const ACTION: &str = "record that a page was looked at";
        let mut tx = self.begin(ACTION).await?;
        let told = Told::of(Action::ViewPage, batch).page(page);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// The end of the station's chain; `None` before its first row.
    pub async fn audit_head(&self, station: &str) -> Result<Option<AuditHead>, StoreFault> {
        sqlx::query("SELECT no, hash FROM audit_head WHERE station = $1 AND no > 0")
            .bind(station)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up the end of the audit chain"))?
            .as_ref()
            .map(read_head)
            .transpose()
    }

    /// Stations that have a chain.
    pub async fn audited_stations(&self) -> Result<Vec<String>, StoreFault> {
        sqlx::query_scalar("SELECT DISTINCT station FROM audit ORDER BY station")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list audited stations"))
    }

    /// A station's rows behind number `after`, in order; at most `most`.
    pub async fn audit_rows(
        &self,
        station: &str,
        after: u64,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreFault> {
        sqlx::query("SELECT * FROM audit WHERE station = $1 AND no > $2 ORDER BY no LIMIT $3")
            .bind(station)
            .bind(after as i64)
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list audit rows"))?
            .iter()
            .map(read_row)
            .collect()
    }
}

fn read_head(row: &AnyRow) -> Result<AuditHead, StoreFault> {
    Ok(AuditHead { no: number(row, "no")?, hash: parsed(row, "hash")? })
}

fn read_row(row: &AnyRow) -> Result<AuditRow, StoreFault> {
    Ok(AuditRow {
        station: column(row, "station")?,
        no: number(row, "no")?,
        at: parsed(row, "at")?,
        actor: column(row, "actor")?,
        action: parsed(row, "action")?,
        batch: parsed(row, "batch_id")?,
        page: number_if_any(row, "page_no")?,
        detail: column(row, "detail")?,
        before: parsed(row, "before")?,
        hash: parsed(row, "hash")?,
    })
}
