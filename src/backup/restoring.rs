//! Puts a station back from its backup: looks at everything first, then changes.
//!
//! ```text
//! STATE/restoring   there while a restore is under way: the manifest's hash
//! ```
//!
//! The database comes last, and the mark goes only then: where a stop came in
//! between, no station takes the folder for its own, and the same restore goes on.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::making::take_away;
use super::manifest::{self, DatabaseKind, KeptOriginal, Manifest};
use super::{BackupFault, SPOOL, STAGING_OWNER};
use crate::disk::durable::{make_folders, write_over, write_synced};
use crate::disk::{Access, Disk, EntryKind};
use crate::records::ids::Sha256;
use crate::spool::Spool;
use crate::store::{Database, Store, put_back_shared};

pub(super) const MARK: &str = "restoring";

/// What may stand in a state folder that was never a station's.
const OF_NO_STATION: [&str; 2] = ["lock", "lost+found"];

#[derive(Debug)]
pub struct RestoreOrder<'a> {
    pub from: &'a Path,
    pub state: &'a Path,
    /// That of this machine's settings.
    pub database: &'a Database,
    /// The id in this machine's settings.
    pub station: &'a str,
    pub shared_database: SharedDatabase,
}

/// What is to become of a database that stations share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedDatabase {
    PutBack,
    /// It was not lost: only this machine was.
    Leave,
}

/// A station that was put back.
#[derive(Debug)]
pub struct Restored {
    pub manifest: Manifest,
}

/// What a look at everything found in order.
struct Looked {
    manifest: Manifest,
    /// What the mark says while this one is restored.
    mark: String,
}

/// `told` is called for each file that was looked at, and for each put back.
pub async fn restore(
    disk: &Disk,
    order: &RestoreOrder<'_>,
    told: &dyn Fn(),
) -> Result<Restored, BackupFault> {
    let Looked { manifest, mark } = look(disk, order, told).await?;
    let unusable = |source| BackupFault::StateUnusable { folder: order.state.to_owned(), source };
    let state = std::path::absolute(order.state).map_err(unusable)?;
    // It makes the state folder as a station's first start does.
    Spool::open(&state, disk.clone(), 0).map_err(|fault| unusable(io::Error::other(fault)))?;
    let lock = disk.lock_file(&state.join("lock")).map_err(unusable)?;
    let _lock = lock.ok_or_else(|| BackupFault::StateInUse { folder: state.clone() })?;
    // A station may have been started there meanwhile.
    if check_is_free(disk, &state, &mark)? == Free::Empty {
        write_over(disk, &state.join(MARK), |file| file.append(mark.as_bytes()))
            .map_err(unusable)?;
    }
    put_back_originals(disk, order.from, &state, &manifest, told)?;
    let heads = manifest.heads.iter().map(|kept| (&*kept.name, kept));
    for (name, kept) in manifest.staging_owner.iter().map(|kept| (STAGING_OWNER, kept)).chain(heads)
    {
        let from = manifest.in_run(order.from, kept);
        put_back(disk, &from, &state.join(name), kept.sha256)?;
    }
    put_back_database(disk, order, &state, &manifest).await?;
    disk.sync_folder(&state).map_err(unusable)?;
    disk.remove_file(&state.join(MARK)).map_err(unusable)?;
    disk.sync_folder(&state).map_err(unusable)?;
    Ok(Restored { manifest })
}

/// Changes nothing.
async fn look(
    disk: &Disk,
    order: &RestoreOrder<'_>,
    told: &dyn Fn(),
) -> Result<Looked, BackupFault> {
    let found = Manifest::read(disk, order.from)?;
    let manifest =
        found.ok_or_else(|| BackupFault::NoManifest { folder: order.from.to_owned() })?;
    let path = order.from.join(manifest::FILE);
    let mark = match disk.read_back(&path) {
        Ok((sha256, _)) => format!("{sha256}\n"),
        Err(source) => return Err(BackupFault::Read { path, source }),
    };
    check_settings(order, &manifest)?;
    check_is_free(disk, order.state, &mark)?;
    let mut problems = Vec::new();
    for (path, sha256, bytes) in manifest.files(order.from) {
        told();
        match disk.read_back(&path) {
            Ok(found) if found == (sha256, bytes) => {}
            Ok(_) => problems.push(format!("changed: {}", path.display())),
            Err(error) => problems.push(format!("cannot be read: {}: {error}", path.display())),
        }
    }
    if problems.is_empty() && manifest.database.kind == DatabaseKind::Sqlite {
        problems = rows_without_files(order.from, &manifest).await?;
    }
    if !problems.is_empty() {
        return Err(BackupFault::NotWhole { problems });
    }
    if let (Database::Postgres(_), SharedDatabase::PutBack) =
        (order.database, order.shared_database)
        && !order.database.is_empty().await?
    {
        return Err(BackupFault::DatabaseNotEmpty { database: order.database.to_string() });
    }
    Ok(Looked { manifest, mark })
}

fn check_settings(order: &RestoreOrder<'_>, manifest: &Manifest) -> Result<(), BackupFault> {
    let settings = order.from.join(&manifest.run);
    if manifest.station != order.station {
        return Err(BackupFault::OtherId {
            backup: manifest.station.clone(),
            here: order.station.to_owned(),
            settings,
        });
    }
    let (backup, here) = (manifest.database.kind, DatabaseKind::of(order.database));
    if backup != here {
        let (backup, here) = (backup.in_words(), here.in_words());
        return Err(BackupFault::OtherKindOfDatabase { backup, here, settings });
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Free {
    Empty,
    /// By this same restore.
    HalfRestored,
}

fn check_is_free(disk: &Disk, state: &Path, mark: &str) -> Result<Free, BackupFault> {
    let unusable = |source| BackupFault::StateUnusable { folder: state.to_owned(), source };
    let entries = match disk.list(state) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Free::Empty),
        Err(source) => return Err(unusable(source)),
    };
    if entries.iter().any(|entry| entry.name == MARK) {
        return match disk.read(&state.join(MARK)) {
            Ok(found) if found == mark.as_bytes() => Ok(Free::HalfRestored),
            Ok(_) => Err(BackupFault::OtherRestore { folder: state.to_owned() }),
            Err(source) => Err(unusable(source)),
        };
    }
    for entry in entries {
        let name = entry.name.to_string_lossy();
        let is_empty_spool = name == SPOOL
            && entry.kind == EntryKind::Folder
            && disk.list(&state.join(SPOOL)).map_err(unusable)?.is_empty();
        // A mark that was being written when the restore was cut short.
        let is_mark = name.starts_with(&format!(".{MARK}."));
        if !is_empty_spool && !is_mark && !OF_NO_STATION.contains(&&*name) {
            return Err(BackupFault::StateNotEmpty { folder: state.to_owned() });
        }
    }
    Ok(Free::Empty)
}

/// Pages of the copied database that the manifest does not hold.
async fn rows_without_files(from: &Path, manifest: &Manifest) -> Result<Vec<String>, BackupFault> {
    let kept = manifest.originals.iter().map(|original| (&original.batch, &*original.file));
    let damaged = manifest.damaged.iter().map(|original| (&original.batch, &*original.file));
    let known: std::collections::BTreeSet<_> = kept.chain(damaged).collect();
    let copy = manifest.in_run(from, &manifest.database.copy);
    let store = Store::open_to_read(&Database::Sqlite(copy)).await?;
    let mut problems = Vec::new();
    for batch in store.batches_of_station(&manifest.station).await? {
        if store.is_purged(&batch).await? {
            continue;
        }
        for page in store.pages(&batch).await? {
            if !known.contains(&(&batch, &page.file)) {
                problems.push(format!("not kept: page {} of batch {batch}", page.no));
            }
        }
    }
    store.close().await;
    Ok(problems)
}

fn put_back_originals(
    disk: &Disk,
    from: &Path,
    state: &Path,
    manifest: &Manifest,
    told: &dyn Fn(),
) -> Result<(), BackupFault> {
    let (backup, spool) = (from.join(SPOOL), state.join(SPOOL));
    for batch in manifest.originals.chunk_by(|one, other| one.batch == other.batch) {
        let folder = spool.join(batch[0].batch.as_str());
        let failed = |source| BackupFault::Write { path: folder.clone(), source };
        let name = Path::new(batch[0].batch.as_str());
        make_folders(disk, &spool, name, Access::OwnerOnly).map_err(failed)?;
        for KeptOriginal { file, sha256, .. } in batch {
            let from = backup.join(batch[0].batch.as_str()).join(file);
            put_back(disk, &from, &folder.join(file), *sha256)?;
            told();
        }
        disk.sync_folder(&folder).map_err(failed)?;
    }
    Ok(())
}

/// The name of the file does not survive yet.
fn put_back(disk: &Disk, from: &Path, to: &Path, expected: Sha256) -> Result<(), BackupFault> {
    // By the restore that was cut short.
    if disk.read_back(to).is_ok_and(|(sha256, _)| sha256 == expected) {
        return Ok(());
    }
    let opened = disk.open(from);
    let mut kept = opened.map_err(|source| BackupFault::Read { path: from.to_owned(), source })?;
    let failed = |source| BackupFault::Write { path: to.to_owned(), source };
    let temp = to.with_added_extension("part");
    take_away(disk, &temp).map_err(failed)?;
    let written = write_synced(disk, &temp, Access::OwnerOnly, &mut kept);
    if written.map_err(|fault| failed(fault.into_cause()))?.sha256 != expected {
        return Err(BackupFault::WrittenWrong { path: temp });
    }
    disk.rename_over(&temp, to).map_err(failed)
}

async fn put_back_database(
    disk: &Disk,
    order: &RestoreOrder<'_>,
    state: &Path,
    manifest: &Manifest,
) -> Result<(), BackupFault> {
    let copy = manifest.in_run(order.from, &manifest.database.copy);
    match (order.database, order.shared_database) {
        (Database::Sqlite(path), _) => {
            // What lies beside it would be taken for its latest changes.
            for ending in ["-wal", "-shm", "-journal"] {
                let mut beside = path.clone().into_os_string();
                beside.push(ending);
                let beside = PathBuf::from(beside);
                take_away(disk, &beside)
                    .map_err(|source| BackupFault::Write { path: beside, source })?;
            }
            disk.sync_folder(state).map_err(|source| BackupFault::StateUnusable {
                folder: state.to_owned(),
                source,
            })?;
            put_back(disk, &copy, path, manifest.database.copy.sha256)
        }
        (Database::Postgres(url), SharedDatabase::PutBack) => {
            Ok(put_back_shared(url, &copy).await?)
        }
        (Database::Postgres(_), SharedDatabase::Leave) => Ok(()),
    }
}

/// Whose the state folder is, where this user would restore into it what that
/// one could not read.
pub fn owner_other_than_this_user(state: &Path) -> Option<u32> {
    let owner = std::fs::metadata(state).ok()?.uid();
    (owner != rustix::process::geteuid().as_raw()).then_some(owner)
}
