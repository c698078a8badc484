//! The audit chain of each station: rows added in the transaction of what they
//! tell of.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::chain::Chain;
use super::{Store, StoreFault, column, failed, number, number_if_any, parsed};
use crate::records::audit::{Action, AuditRow};
use crate::records::chain::{ChainHead, Link};
use crate::records::ids::{BatchId, PageNo};

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
        let head = self.hold_head(tx, Chain::Audit).await?;
        let mut row = AuditRow {
            station: self.station.to_string(),
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
        self.move_head(tx, Chain::Audit, ChainHead { no: row.no, hash: row.hash }).await
    }

    /// That a person saw a page.
    pub async fn record_view(&self, batch: &BatchId, page: PageNo) -> Result<(), StoreFault> {
        const ACTION: &str = "record that a page was looked at";
        let mut tx = self.begin(ACTION).await?;
        let told = Told::of(Action::ViewPage, batch).page(page);
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// A station's rows behind number `after`, in order; at most `most`.
    pub async fn audit_rows(
        &self,
        station: &str,
        after: u64,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreFault> {
        self.chain_rows(Chain::Audit, station, after, most, read_row).await
    }
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
