//! The database: what is known of batches, pages and documents, one file a
//! record kind. The only module that speaks SQL.
//!
//! A commit here is durable (SQLite: write-ahead log, `synchronous = FULL`), so
//! a row may be the last act of a durable point. Values that only the program
//! reads back are JSON text; what a question is asked about is a column.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};

mod batch;
mod document;
mod page;

pub use batch::BatchRow;
pub use document::FiledRow;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// How long a writer waits for another before it is an error. Longer than any
/// transaction of ours, short enough that a clerk still believes in it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    #[error(
        "the station's database {path} cannot be opened; \
         check that the folder exists and that its disk is healthy and not full"
    )]
    Open { path: PathBuf, source: sqlx::Error },
    #[error(
        "the station's database {path} cannot be brought up to this program's version; \
         a newer Outguide may have written it: install that version again"
    )]
    Migrate { path: PathBuf, source: sqlx::migrate::MigrateError },
    #[error("the station's database could not {action}")]
    Query { action: &'static str, source: sqlx::Error },
    #[error("the station's database holds a {what} this program cannot read; nothing was changed")]
    Unreadable { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

/// One station's database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the database at `path`, making it if there is none.
    pub async fn open(path: &Path) -> Result<Store, StoreFault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        // One connection is one writer: SQLite has no use for more here.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|source| StoreFault::Open { path: path.to_owned(), source })?;
        MIGRATIONS
            .run(&pool)
            .await
            .map_err(|source| StoreFault::Migrate { path: path.to_owned(), source })?;
        Ok(Store { pool })
    }

    /// Opens the database at `path`, which must be there, for reading only: a
    /// station may be working on it meanwhile.
    pub async fn open_to_read(path: &Path) -> Result<Store, StoreFault> {
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|source| StoreFault::Open { path: path.to_owned(), source })?;
        Ok(Store { pool })
    }

    /// Ends the connection; what was committed stays.
    pub async fn close(self) {
        self.pool.close().await;
    }
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

fn column<'r, T>(row: &'r SqliteRow, name: &'static str) -> Result<T, StoreFault>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    use sqlx::Row;
    row.try_get(name).map_err(unreadable(name))
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
