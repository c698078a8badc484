//! A copy of all a database holds, and a shared database made from one: SQLite
//! copies itself (`VACUUM INTO`), PostgreSQL by its own `pg_dump` and
//! `pg_restore`. A station may be at work meanwhile: a copy is of one moment.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;

use sqlx::{AnyConnection, Connection, Row};

use super::StoreFault;
use super::dialect::Database;
use crate::config::PostgresUrl;
use crate::disk::Disk;

impl Database {
    /// How the name of a copy ends.
    pub fn copy_ending(&self) -> &'static str {
        match self {
            Database::Sqlite(_) => "db",
            Database::Postgres(_) => "pgdump",
        }
    }

    /// Copies all it holds into a new file, durable but for the file's name.
    pub async fn copy_into(&self, copy: &Path) -> Result<(), StoreFault> {
        let failed_to_open = |source| StoreFault::Open { database: self.clone(), source };
        sqlx::any::install_default_drivers();
        let options = self.to_read().map_err(failed_to_open)?;
        let mut connection = AnyConnection::connect_with(&options).await.map_err(failed_to_open)?;
        let prepared = self.dialect().prepare_to_read(&mut connection).await;
        prepared.map_err(failed_to_open)?;
        let copied = write(self, &mut connection, copy).await;
        copied.map_err(|source| StoreFault::Copy {
            database: self.clone(),
            copy: copy.to_owned(),
            source,
        })?;
        connection.close().await.map_err(failed_to_open)
    }

    /// Whether a database that stations share holds anything at all.
    pub async fn is_empty(&self) -> Result<bool, StoreFault> {
        let failed_to_open = |source| StoreFault::Open { database: self.clone(), source };
        sqlx::any::install_default_drivers();
        let options = self.to_read().map_err(failed_to_open)?;
        let mut connection = AnyConnection::connect_with(&options).await.map_err(failed_to_open)?;
        let tables = match self {
            Database::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_schema",
            Database::Postgres(_) => {
                "SELECT COUNT(*) FROM information_schema.tables \
                 WHERE table_schema = current_schema()"
            }
        };
        let count = sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut connection).await;
        let is_empty = count.map_err(failed_to_open)? == 0;
        connection.close().await.map_err(failed_to_open)?;
        Ok(is_empty)
    }
}

/// Makes an empty shared database hold what `copy` does: all of it or nothing.
pub async fn put_back_shared(url: &PostgresUrl, copy: &Path) -> Result<(), StoreFault> {
    let (address, password) = url.and_password();
    let mut restore = tokio::process::Command::new("pg_restore");
    restore.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
    restore.arg("--no-password").arg("--dbname").arg(address).arg(copy);
    run("pg_restore", restore, password).await.map_err(|source| StoreFault::PutBack {
        database: Database::Postgres(url.clone()),
        copy: copy.to_owned(),
        source,
    })
}

/// Into a new file that is the user's alone, synced.
pub(super) async fn write(
    database: &Database,
    connection: &mut AnyConnection,
    copy: &Path,
) -> io::Result<()> {
    // Both write into an empty file and leave it this user's alone.
    Disk::Real.make_own_file(copy)?;
    match database {
        Database::Sqlite(_) => copy_sqlite(connection, copy).await?,
        Database::Postgres(url) => copy_postgres(url, copy).await?,
    }
    File::open(copy)?.sync_all()
}

/// As one file, whatever stands in the write-ahead log.
async fn copy_sqlite(connection: &mut AnyConnection, copy: &Path) -> io::Result<()> {
    let copy = copy.to_str().ok_or_else(|| io::Error::other("the folder's name is not UTF-8"))?;
    sqlx::query("VACUUM INTO $1")
        .bind(copy)
        .execute(&mut *connection)
        .await
        .map_err(io::Error::other)?;
    let sound = sqlx::query("PRAGMA quick_check")
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get::<String, _>(0))
        .map_err(io::Error::other)?;
    match sound.as_str() {
        "ok" => Ok(()),
        problem => Err(io::Error::other(problem.to_owned())),
    }
}

async fn copy_postgres(url: &PostgresUrl, copy: &Path) -> io::Result<()> {
    let (address, password) = url.and_password();
    let mut dump = tokio::process::Command::new("pg_dump");
    dump.arg("--format=custom").arg("--no-password").arg("--file").arg(copy);
    dump.arg("--dbname").arg(address);
    run("pg_dump", dump, password).await
}

/// The password goes by the environment: arguments are for everybody to read.
async fn run(
    name: &str,
    mut program: tokio::process::Command,
    password: Option<String>,
) -> io::Result<()> {
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    program.kill_on_drop(true);
    if let Some(password) = password {
        program.env("PGPASSWORD", password);
    }
    let ran = program.output().await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other(format!(
            "{name} was not found; install the postgresql-client of the server's version"
        )),
        _ => error,
    })?;
    if ran.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&ran.stderr);
    Err(io::Error::other(format!("{name} failed: {}", told.trim())))
}
