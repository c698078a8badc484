//! What SQLite and PostgreSQL say differently, and how each is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Executor};

use super::BUSY_TIMEOUT;
use crate::config::PostgresUrl;

/// Longer than any statement of ours on a loaded server.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Which database; shown without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of the station's own.
    Sqlite(PathBuf),
    /// One that stations share.
    Postgres(PostgresUrl),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite(path) => path.display().fmt(f),
            Database::Postgres(url) => url.fmt(f),
        }
    }
}

impl Database {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Database::Sqlite(_) => Dialect::Sqlite,
            Database::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) fn what_to_check(&self) -> &'static str {
        match self {
            Database::Sqlite(_) => {
                "check that the folder exists and that its disk is healthy and not full"
            }
            Database::Postgres(_) => {
                "check that the database server is running and can be reached from here, and \
                 that store.url in station.toml names a database and a user it knows"
            }
        }
    }

    pub(super) fn to_write(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        self.options("rwc")
    }

    pub(super) fn to_read(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        self.options("ro")
    }

    fn options(&self, mode: &str) -> Result<AnyConnectOptions, sqlx::Error> {
        let url = match self {
            Database::Sqlite(path) => format!("sqlite://{}?mode={mode}", in_a_url(path)),
            Database::Postgres(url) => url.with_its_password().to_owned(),
        };
        AnyConnectOptions::from_str(&url)
    }
}

/// A path's bytes, those escaped that a URL takes for something else.
fn in_a_url(path: &Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    let mut url = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                url.push(char::from(*byte));
            }
            other => write!(url, "%{other:02X}").expect("a String takes all that is written"),
        }
    }
    url
}

/// Which of the two is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub fn connections(self) -> u32 {
        match self {
            // One connection is one writer: SQLite has no use for more here.
            Dialect::Sqlite => 1,
            Dialect::Postgres => 8,
        }
    }

    pub async fn prepare(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings = match self {
            Dialect::Sqlite => format!(
                "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; \
                 PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
                BUSY_TIMEOUT.as_millis()
            ),
            Dialect::Postgres => format!(
                "SET synchronous_commit = on; SET lock_timeout = {}; SET statement_timeout = {};",
                BUSY_TIMEOUT.as_millis(),
                STATEMENT_TIMEOUT.as_millis()
            ),
        };
        set(connection, settings).await
    }

    pub async fn prepare_to_read(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings = match self {
            Dialect::Sqlite => format!("PRAGMA busy_timeout = {};", BUSY_TIMEOUT.as_millis()),
            Dialect::Postgres => format!(
                "SET default_transaction_read_only = on; SET statement_timeout = {};",
                STATEMENT_TIMEOUT.as_millis()
            ),
        };
        set(connection, settings).await
    }

    /// Behind a query that picks rows to be claimed: rows another station is
    /// claiming at this moment are passed over. SQLite has one writer.
    pub fn passing_over_locked(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE OF work SKIP LOCKED",
        }
    }

    /// Behind a query for a row that is then changed: nobody else changes it
    /// meanwhile. SQLite has one writer.
    pub fn holding_the_row(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE",
        }
    }

    /// Picks the batches of the station `$1`. A SQLite file is a station's own,
    /// whatever that was called before.
    pub fn of_the_station(self) -> &'static str {
        match self {
            Dialect::Sqlite => "$1 IS NOT NULL",
            Dialect::Postgres => "batch.station = $1",
        }
    }

    /// An expression for a text nobody can guess or make twice.
    pub fn random_token(self) -> &'static str {
        match self {
            Dialect::Sqlite => "lower(hex(randomblob(16)))",
            Dialect::Postgres => "CAST(gen_random_uuid() AS TEXT)",
        }
    }

    /// Begins a transaction that is going to write.
    pub fn begin(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// The database's own clock, in milliseconds since 1970: that of stations
    /// may differ.
    pub fn now_ms(self) -> &'static str {
        match self {
            Dialect::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// What a refusal asks of people, behind what was being done; empty where nobody
/// but an administrator can tell.
pub(super) fn what_to_do(refusal: &sqlx::Error) -> &'static str {
    const FULL: &str = ": its disk is full; make room there, then go on";
    const HELD: &str = ": it is held by another program, or too busy; have that end, then go on";
    let code = match refusal {
        sqlx::Error::Database(refusal) => refusal.code(),
        sqlx::Error::PoolTimedOut => return HELD,
        sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            return ": it does not answer; have its server checked, then go on";
        }
        _ => return "",
    };
    let code = code.unwrap_or_default();
    match &*code {
        // PostgreSQL's have five places: disk_full, lock_not_available.
        "53100" => FULL,
        "55P03" => HELD,
        // SQLite's say more in their higher bytes.
        sqlite if sqlite.len() < 5 => match sqlite.parse::<u32>().map(|code| code & 0xFF) {
            Ok(5 | 6) => HELD,
            Ok(13) => FULL,
            Ok(_) | Err(_) => "",
        },
        _ => "",
    }
}

/// The text is made of our own words and numbers alone.
pub(super) async fn set(
    connection: &mut AnyConnection,
    settings: String,
) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await.map(drop)
}
