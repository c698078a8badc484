//! The chains of a station: the head that whoever adds a row holds meanwhile,
//! and rows given out in order. What a row of each holds is its own module's.

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::{Store, StoreFault, failed, number, parsed};
use crate::records::chain::ChainHead;
use crate::records::ids::Sha256;

/// Which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Who did what.
    Audit,
    /// What batches came to.
    Manifests,
}

impl Chain {
    pub const ALL: [Chain; 2] = [Chain::Audit, Chain::Manifests];

    /// The table of the rows, and of the heads.
    fn tables(self) -> (&'static str, &'static str) {
        match self {
            Chain::Audit => ("audit", "audit_head"),
            Chain::Manifests => ("manifest", "manifest_head"),
        }
    }
}

impl Store {
    /// What the next row of the station's chain is bound to; held until the
    /// transaction ends.
    pub(super) async fn hold_head(
        &self,
        tx: &mut Transaction<'_, Any>,
        chain: Chain,
    ) -> Result<ChainHead, sqlx::Error> {
        let (_, heads) = chain.tables();
        let station: &str = &self.station;
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO {heads} (station, no, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        )))
        .bind(station)
        .bind(ChainHead::NONE.no as i64)
        .bind(ChainHead::NONE.hash.to_string())
        .execute(&mut **tx)
        .await?;
        let hold = self.dialect.holding_the_row();
        let query = format!("SELECT no, hash FROM {heads} WHERE station = $1 {hold}");
        let head = sqlx::query(AssertSqlSafe(query)).bind(station).fetch_one(&mut **tx).await?;
        read_head(&head).map_err(|fault| sqlx::Error::Decode(fault.into()))
    }

    /// A row was added.
    pub(super) async fn move_head(
        &self,
        tx: &mut Transaction<'_, Any>,
        chain: Chain,
        head: ChainHead,
    ) -> Result<(), sqlx::Error> {
        let (_, heads) = chain.tables();
        let query = format!("UPDATE {heads} SET no = $2, hash = $3 WHERE station = $1");
        sqlx::query(AssertSqlSafe(query))
            .bind(&*self.station)
            .bind(head.no as i64)
            .bind(head.hash.to_string())
            .execute(&mut **tx)
            .await
            .map(drop)
    }

    /// The end of the station's chain; `None` before its first row.
    pub async fn chain_head(
        &self,
        chain: Chain,
        station: &str,
    ) -> Result<Option<ChainHead>, StoreFault> {
        let (_, heads) = chain.tables();
        let query = format!("SELECT no, hash FROM {heads} WHERE station = $1 AND no > 0");
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up the end of a chain"))?
            .as_ref()
            .map(read_head)
            .transpose()
    }

    /// The hash of a row of the station's chain; `None` where there is no such row.
    pub async fn chain_hash(
        &self,
        chain: Chain,
        station: &str,
        no: u64,
    ) -> Result<Option<Sha256>, StoreFault> {
        let (rows, _) = chain.tables();
        let query = format!("SELECT hash FROM {rows} WHERE station = $1 AND no = $2");
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(no as i64)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up a row of a chain"))?
            .map(|row| parsed(&row, "hash"))
            .transpose()
    }

    /// Stations that have such a chain.
    pub async fn stations_of_chain(&self, chain: Chain) -> Result<Vec<String>, StoreFault> {
        let (rows, _) = chain.tables();
        sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT DISTINCT station FROM {rows} ORDER BY station"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list stations with a chain"))
    }

    /// Rows of the station's chain behind number `after`, in order; at most `most`.
    pub(super) async fn chain_rows<Row>(
        &self,
        chain: Chain,
        station: &str,
        after: u64,
        most: u32,
        read: fn(&AnyRow) -> Result<Row, StoreFault>,
    ) -> Result<Vec<Row>, StoreFault> {
        let (rows, _) = chain.tables();
        let query =
            format!("SELECT * FROM {rows} WHERE station = $1 AND no > $2 ORDER BY no LIMIT $3");
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(after as i64)
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the rows of a chain"))?
            .iter()
            .map(read)
            .collect()
    }
}

fn read_head(row: &AnyRow) -> Result<ChainHead, StoreFault> {
    Ok(ChainHead { no: number(row, "no")?, hash: parsed(row, "hash")? })
}
