//! What becomes of a database of another version.

use std::borrow::Cow;
use std::path::Path;

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection};

use super::*;
use crate::records::batch::{BatchState, Pause};

/// As the first version of the program left it: two batches, stopped while they
/// were scanned and while they were filed.
const FIRST_VERSION: &str = "
INSERT INTO batch (id, state, profile_name, profile_text, station, paper_from, scanner,
    scanner_options, repository, filing_place, opened_at)
VALUES
    ('20260131-090001-1a2b', 'scanning', 'p', 'p', 'desk', 'scanner', NULL, '[]', '/r', NULL,
     '2026-01-31T09:00:01Z'),
    ('20260131-090002-1a2b', 'scanned', 'p', 'p', 'desk', 'scanner', NULL, '[]', '/r',
     '{\"folder\":\"/r\",\"staging\":\"/.outguide\"}', '2026-01-31T09:00:02Z');
INSERT INTO page (batch_id, page_no, sheet, side, sides, file, sha256, bytes, scanned_at, image)
SELECT id, 1, 1, 'front', 'front', '0001.png', printf('%064d', 0), 1, opened_at, 1 FROM batch
UNION ALL
SELECT id, 2, 2, 'front', 'front', '0002.png', printf('%064d', 0), 1, opened_at, 2 FROM batch;
INSERT INTO page_outcome VALUES
    ('20260131-090001-1a2b', 1, '{}'),
    ('20260131-090002-1a2b', 1, '{}'),
    ('20260131-090002-1a2b', 2, '{}');
INSERT INTO document (batch_id, first_page, document_type, pdf_path, pdf_sha256, index_path,
    index_sha256, filed_at)
VALUES
    ('20260131-090002-1a2b', 1, 't', '/r/1.pdf', printf('%064d', 0), '/r/1.json',
     printf('%064d', 0), '2026-01-31T09:01:02Z'),
    ('20260131-090002-1a2b', 2, 't', NULL, NULL, NULL, NULL, NULL);
INSERT INTO placement (batch_id, page_no, place, first_page) VALUES
    ('20260131-090002-1a2b', 1, 'document', 1),
    ('20260131-090002-1a2b', 2, 'document', 2);
";

async fn of_the_first_version(path: &Path) -> Database {
    sqlx::any::install_default_drivers();
    let database = Database::Sqlite(path.to_owned());
    let options: AnyConnectOptions = database.to_write().unwrap();
    let mut connection = AnyConnection::connect_with(&options).await.unwrap();
    let first = migration::SQLITE.iter().take(1).cloned().collect();
    let first = Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT };
    first.run(&mut connection).await.unwrap();
    dialect::set(&mut connection, FIRST_VERSION.to_owned()).await.unwrap();
    connection.close().await.unwrap();
    database
}

#[tokio::test]
async fn an_older_database_goes_on_and_a_copy_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let database = of_the_first_version(&folder.path().join("outguide.db")).await;
    let backups = folder.path().join("backups");
    let store = Store::open(&database, &backups).await.unwrap();
    let found = store.unfinished_batches("desk").await.unwrap();
    let (scanning, filing) = (&found[0], &found[1]);
    assert_eq!(scanning.state, BatchState::Paused);
    assert_eq!(scanning.pause, Some(Pause::StationStopped));
    assert_eq!(filing.state, BatchState::Processing);
    assert_eq!(filing.filing_staging.as_deref(), Some("/.outguide"));
    let due = store.due().await.unwrap();
    assert_eq!((due.read, due.separate, due.file), (1, 0, 1));
    store.close().await;

    let copies: Vec<_> = std::fs::read_dir(&backups).unwrap().map(Result::unwrap).collect();
    assert_eq!(copies.len(), 1);
    let copy = Database::Sqlite(copies[0].path());
    let mut connection = AnyConnection::connect_with(&copy.to_read().unwrap()).await.unwrap();
    let scanned: String =
        sqlx::query_scalar("SELECT state FROM batch WHERE id = '20260131-090002-1a2b'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(scanned, "scanned", "as it was");
    connection.close().await.unwrap();

    let store = Store::open(&database, &backups).await.unwrap();
    store.close().await;
    assert_eq!(std::fs::read_dir(&backups).unwrap().count(), 1, "only before a change");
}

#[tokio::test]
async fn a_database_that_cannot_be_copied_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = of_the_first_version(&folder.path().join("outguide.db")).await;
    let backups = folder.path().join("backups");
    std::fs::write(&backups, "a file stands in the way").unwrap();
    let refused = Store::open(&database, &backups).await.unwrap_err();
    assert!(matches!(refused, StoreFault::Backup { .. }), "{refused}");
    std::fs::remove_file(&backups).unwrap();
    Store::open(&database, &backups).await.unwrap().close().await;
}

#[tokio::test]
async fn a_newer_database_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("outguide.db"));
    let backups = folder.path().join("backups");
    Store::open(&database, &backups).await.unwrap().close().await;
    let options = database.to_write().unwrap();
    let mut connection = AnyConnection::connect_with(&options).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of tomorrow', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let refused = Store::open(&database, &backups).await.unwrap_err();
    assert!(matches!(refused, StoreFault::Newer { found: 9999, .. }), "{refused}");
    assert!(refused.to_string().contains("install that version"), "{refused}");
}

#[test]
fn a_password_is_never_shown() {
    for text in [
        "postgres://desk:s3cret@db.example/outguide",
        "postgres://desk@db.example/outguide?password=s3cret",
    ] {
        let url = crate::config::PostgresUrl::new(text).unwrap();
        let database = Database::Postgres(url.clone());
        for shown in [format!("{url:?}"), url.to_string(), database.to_string()] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
