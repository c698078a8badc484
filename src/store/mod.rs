//! The database: what is known of batches, pages and documents, one file a
//! record kind. The only module that speaks SQL.
//!
//! One station keeps a SQLite file of its own; stations that share their work
//! share a PostgreSQL database. Both take the same SQL text: columns are TEXT
//! or BIGINT, arguments are `$1`, and where the two need different words the
//! difference is in [`dialect`] or in the migrations. Rules that must hold are
//! constraints and triggers in both.
//!
//! A commit here is durable (SQLite: write-ahead log, `synchronous = FULL`;
//! PostgreSQL: `synchronous_commit = on`), so a row may be the last act of a
//! durable point. Values that only the program reads back are JSON text; what a
//! question is asked about is a column.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyConnection, AnyPool, Connection};

mod audit;
mod batch;
mod chain;
mod copy;
mod decision;
mod dialect;
mod document;
mod given;
mod hot_file;
mod manifest;
mod migration;
mod page;
mod purge;
mod question;
mod standing;
mod two_passes;
mod work;

pub use batch::{BatchRow, Moved, WhichBatches};
pub use chain::Chain;
pub use copy::put_back_shared;
pub use decision::{Answer, CorrectedDocument, Decided, Refusal, TheyAre};
pub use dialect::Database;
pub use document::{DocumentRow, FiledRow};
pub use given::{Given, GivenDocument};
pub use hot_file::{HotBatch, HotFile, HotFileRow, HotStanding};
pub use purge::{EndedBatch, Purge, PurgeRecorded};
pub use standing::Standing;
pub use work::{ClaimedWork, Due, Reach, Recorded, Trouble};

use dialect::Dialect;

/// How long a writer waits for another before it is an error. Longer than any
/// transaction of ours, short enough that a clerk still believes in it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    #[error("the station's database {database} cannot be opened; {}", .database.what_to_check())]
    Open { database: Database, source: sqlx::Error },
    #[error("the station's database {database} cannot be brought up to this program's version")]
    Migrate { database: Database, source: sqlx::migrate::MigrateError },
    #[error(
        "the station's database {database} is of version {found}, and this program knows \
         {known}: a newer Outguide has written it; install that version again"
    )]
    Newer { database: Database, found: i64, known: i64 },
    #[error(
        "the station's database {database} is of an older version and was left as it is, because \
         no copy of it could be kept in {}", folder.display()
    )]
    Backup { database: Database, folder: std::path::PathBuf, source: std::io::Error },
    #[error("the station's database {database} cannot be copied to {}", copy.display())]
    Copy { database: Database, copy: std::path::PathBuf, source: std::io::Error },
    #[error("the database {database} cannot be made from {}", copy.display())]
    PutBack { database: Database, copy: std::path::PathBuf, source: std::io::Error },
    #[error("the station's database {database} holds rows that name others which are not there")]
    Dangling { database: Database },
    #[error("the station's database could not {action}{}", dialect::what_to_do(.source))]
    Query { action: &'static str, source: sqlx::Error },
    #[error("the station's database holds a {what} this program cannot read; nothing was changed")]
    Unreadable { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

/// What one station knows, or many that share a database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    /// Whose audit chain rows are added to.
    station: Arc<str>,
    /// Who does what is done through this.
    actor: Arc<str>,
}

/// What the station does by itself.
const ITSELF: &str = "station";

impl Store {
    /// Opens the database, making a SQLite file where there is none. One of an
    /// older version is brought up to this program's after a copy of it was kept
    /// in `backups`; one of a newer version is refused.
    pub async fn open(database: &Database, backups: &std::path::Path) -> Result<Store, StoreFault> {
        let failed_to_open = |source| StoreFault::Open { database: database.clone(), source };
        sqlx::any::install_default_drivers();
        let options = database.to_write().map_err(failed_to_open)?;
        migration::migrate(database, &options, backups).await?;
        let dialect = database.dialect();
        let pool = AnyPoolOptions::new()
            .max_connections(dialect.connections())
            .acquire_timeout(BUSY_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(dialect.prepare(connection)))
            .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(is_usable(connection)))))
            .connect_with(options)
            .await
            .map_err(failed_to_open)?;
        Ok(Store { pool, dialect, station: ITSELF.into(), actor: ITSELF.into() })
    }

    /// Opens the database, which must be there, for reading only: a station may
    /// be working on it meanwhile.
    pub async fn open_to_read(database: &Database) -> Result<Store, StoreFault> {
        let failed_to_open = |source| StoreFault::Open { database: database.clone(), source };
        sqlx::any::install_default_drivers();
        let dialect = database.dialect();
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(dialect.prepare_to_read(connection)))
            .connect_with(database.to_read().map_err(failed_to_open)?)
            .await
            .map_err(failed_to_open)?;
        Ok(Store { pool, dialect, station: ITSELF.into(), actor: ITSELF.into() })
    }

    /// Begins a transaction that is going to write.
    async fn begin(
        &self,
        action: &'static str,
    ) -> Result<sqlx::Transaction<'static, sqlx::Any>, StoreFault> {
        self.pool.begin_with(self.dialect.begin()).await.map_err(failed(action))
    }

    /// Whether other stations work on the same database.
    pub fn is_shared(&self) -> bool {
        match self.dialect {
            Dialect::Sqlite => false,
            Dialect::Postgres => true,
        }
    }

    /// The same database, for a station: its audit chain tells what is done.
    pub fn for_station(self, station: &str) -> Store {
        Store { station: station.into(), ..self }
    }

    /// The same, for what this person does.
    pub fn acting_for(&self, actor: &str) -> Store {
        Store { actor: actor.into(), ..self.clone() }
    }

    /// Ends the connections; what was committed stays.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// SQLite ends a transaction by itself where its disk is full. sqlx 0.9.0 goes on
/// counting it as begun, and that connection would refuse every other for good.
fn is_usable(connection: &AnyConnection) -> bool {
    !connection.is_in_transaction()
}

/// Names what was being done when the database refused.
fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> StoreFault {
    move |source| StoreFault::Query { action, source }
}

/// Reads a column that holds one of our own texts (an id, a state, JSON).
fn unreadable<E>(what: &'static str) -> impl FnOnce(E) -> StoreFault
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| StoreFault::Unreadable { what, source: source.into() }
}

fn column<'r, T>(row: &'r AnyRow, name: &'static str) -> Result<T, StoreFault>
where
    T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    use sqlx::Row;
    row.try_get(name).map_err(unreadable(name))
}

/// A count or a number; both databases keep them as 64 bits with a sign.
fn number<N>(row: &AnyRow, name: &'static str) -> Result<N, StoreFault>
where
    N: TryFrom<i64, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    N::try_from(column::<i64>(row, name)?).map_err(unreadable(name))
}

fn number_if_any<N>(row: &AnyRow, name: &'static str) -> Result<Option<N>, StoreFault>
where
    N: TryFrom<i64, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    column::<Option<i64>>(row, name)?.map(N::try_from).transpose().map_err(unreadable(name))
}

/// One of our own texts, in its own type.
fn parsed<T>(row: &AnyRow, name: &'static str) -> Result<T, StoreFault>
where
    T: std::str::FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    column::<String>(row, name)?.parse().map_err(unreadable(name))
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our records have string keys and finite numbers")
}

fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreFault> {
    serde_json::from_str(text).map_err(unreadable(what))
}

fn json_if_any<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    name: &'static str,
) -> Result<Option<T>, StoreFault> {
    column::<Option<String>>(row, name)?.map(|text| from_json(name, &text)).transpose()
}

#[cfg(test)]
mod tests;
