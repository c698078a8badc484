//! From an older version of the database to this program's, forward only.
//!
//! A database that holds anything is copied first (see [`copy`]). The copies
//! stay until an administrator takes them away.

use std::fs::File;
use std::io;
use std::path::Path;

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::{Migrate, Migrator};
use sqlx::{AnyConnection, Connection};

use super::dialect::{Database, Dialect, set};
use super::{BUSY_TIMEOUT, StoreFault, copy};

pub(super) static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// Where sqlx notes which migrations were done; its own default.
const NOTES: &str = "_sqlx_migrations";

fn migrator(dialect: Dialect) -> &'static Migrator {
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    }
}

/// The version this program writes.
fn known(dialect: Dialect) -> i64 {
    migrator(dialect).iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the database up to this program's version. Foreign keys are off in
/// SQLite meanwhile, so that a table can be built anew, and looked over at the
/// end.
pub(super) async fn migrate(
    database: &Database,
    options: &AnyConnectOptions,
    backups: &Path,
) -> Result<(), StoreFault> {
    let failed_to_open = |source| StoreFault::Open { database: database.clone(), source };
    let mut connection = AnyConnection::connect_with(options).await.map_err(failed_to_open)?;
    let dialect = database.dialect();
    if dialect == Dialect::Sqlite {
        let settings = format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = OFF;",
            BUSY_TIMEOUT.as_millis()
        );
        set(&mut connection, settings).await.map_err(failed_to_open)?;
    }
    let failed = |source| StoreFault::Migrate { database: database.clone(), source };
    connection.ensure_migrations_table(NOTES).await.map_err(failed)?;
    let applied = connection.list_applied_migrations(NOTES).await.map_err(failed)?;
    let found = applied.iter().map(|migration| migration.version).max();
    let known = known(dialect);
    match found {
        Some(found) if found > known => {
            return Err(StoreFault::Newer { database: database.clone(), found, known });
        }
        Some(found) if found < known => {
            keep_a_copy(database, &mut connection, found, backups).await?;
        }
        Some(_) | None => {}
    }
    migrator(dialect).run(&mut connection).await.map_err(failed)?;
    if dialect == Dialect::Sqlite && found != Some(known) {
        let dangling = sqlx::query("PRAGMA foreign_key_check")
            .fetch_optional(&mut connection)
            .await
            .map_err(failed_to_open)?;
        if dangling.is_some() {
            return Err(StoreFault::Dangling { database: database.clone() });
        }
    }
    connection.close().await.map_err(failed_to_open)
}

async fn keep_a_copy(
    database: &Database,
    connection: &mut AnyConnection,
    version: i64,
    backups: &Path,
) -> Result<(), StoreFault> {
    let copied = async {
        make_folder(backups)?;
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let ending = database.copy_ending();
        let copy = backups.join(format!("store-version-{version}-{time}.{ending}"));
        copy::write(database, connection, &copy).await?;
        File::open(backups)?.sync_all()
    };
    copied.await.map_err(|source| StoreFault::Backup {
        database: database.clone(),
        folder: backups.to_owned(),
        source,
    })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
