//! Makes a backup, beside a running station or without one: it only reads of
//! the station, and what it reads is never changed once it is there.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::manifest::{
    Damage, DamagedOriginal, DatabaseCopy, DatabaseKind, KeptFile, KeptOriginal, Manifest,
    is_run_name, run_name,
};
use super::{AUDIT_HEAD, BackupFault, MANIFEST_HEAD, SPOOL, STAGING_OWNER};
use crate::disk::durable::{WriteFault, Written, make_folders, write_synced};
use crate::disk::{Access, Disk, EntryKind};
use crate::records::ids::{BatchId, Sha256};
use crate::records::page::SpooledPage;
use crate::store::{Database, Store};

/// What is backed up, and where to.
#[derive(Debug)]
pub struct BackupOrder<'a> {
    pub state: &'a Path,
    pub database: &'a Database,
    /// The station's id.
    pub station: &'a str,
    /// For a person to put back: the name in the backup, and the file.
    pub settings: &'a [(String, PathBuf)],
    pub to: &'a Path,
    pub now: Timestamp,
}

/// A backup that is whole.
#[derive(Debug)]
pub struct Made {
    pub manifest: Manifest,
    /// Originals that the backup did not hold yet.
    pub originals_added: u64,
}

/// `kept` is called for each original that is in the backup.
pub async fn back_up(
    disk: &Disk,
    order: &BackupOrder<'_>,
    kept: &dyn Fn(),
) -> Result<Made, BackupFault> {
    let unusable = |source| BackupFault::FolderUnusable { folder: order.to.to_owned(), source };
    let folder = make_backup_folder(disk, order.to).map_err(unusable)?;
    let lock = disk.lock_file(&folder.join("lock")).map_err(unusable)?;
    let lock = lock.ok_or_else(|| BackupFault::FolderInUse { folder: folder.clone() })?;
    let before = Manifest::read(disk, &folder)?;
    let made_at = unused_run(disk, &folder, order.now).map_err(unusable)?;
    let run = make_folders(disk, &folder, Path::new(&run_name(made_at)), Access::OwnerOnly);
    let run = run.map_err(unusable)?;

    let mut heads = Vec::new();
    for name in [AUDIT_HEAD, MANIFEST_HEAD] {
        heads.extend(keep_if_any(disk, order.state, &run, name)?);
    }
    let database = copy_database(disk, order.database, &run).await?;
    let mut manifest = Manifest::begin(made_at, order.station, database);
    manifest.heads = heads;
    manifest.staging_owner = keep_if_any(disk, order.state, &run, STAGING_OWNER)?;
    if let Some(before) = &before {
        check_same_station(&folder, before, &manifest)?;
    }
    for (name, path) in order.settings {
        manifest.settings.push(keep_of_run(disk, path, &run, name)?);
    }
    let Originals { added, purged } =
        keep_originals(disk, order, &folder, &run, &mut manifest, kept).await?;
    if purged_since_the_copy(order, &manifest).await? {
        // Another copy tells of it, and its originals are no longer looked for.
        drop(lock);
        return Box::pin(back_up(disk, order, kept)).await;
    }
    disk.sync_folder(&run).map_err(unusable)?;
    manifest.write(disk, &folder)?;
    take_away_other_runs(disk, &folder, &manifest.run).map_err(unusable)?;
    take_away_purged(disk, &folder, &purged).map_err(unusable)?;
    Ok(Made { manifest, originals_added: added })
}

fn make_backup_folder(disk: &Disk, to: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(to)?;
    if disk.kind_of(&whole)?.is_none()
        && let (Some(above), Some(name)) = (whole.parent(), whole.file_name())
    {
        // Only the last one: a disk that is not mounted is not made up for.
        make_folders(disk, &above.canonicalize()?, Path::new(name), Access::OwnerOnly)?;
    }
    let folder = whole.canonicalize()?;
    make_folders(disk, &folder, Path::new(SPOOL), Access::OwnerOnly)?;
    Ok(folder)
}

/// The second this run is called by; a run a moment ago has taken its own.
fn unused_run(disk: &Disk, folder: &Path, now: Timestamp) -> io::Result<Timestamp> {
    let mut made_at = now;
    while disk.kind_of(&folder.join(run_name(made_at)))?.is_some() {
        made_at = made_at
            .checked_add(SignedDuration::from_secs(1))
            .map_err(|_| io::Error::from(io::ErrorKind::AlreadyExists))?;
    }
    Ok(made_at)
}

async fn copy_database(
    disk: &Disk,
    database: &Database,
    run: &Path,
) -> Result<DatabaseCopy, BackupFault> {
    let name = format!("outguide.{}", database.copy_ending());
    let path = run.join(&name);
    database.copy_into(&path).await?;
    let read = disk.read_back(&path);
    let (sha256, bytes) = read.map_err(|source| BackupFault::Read { path, source })?;
    Ok(DatabaseCopy { kind: DatabaseKind::of(database), copy: KeptFile { name, sha256, bytes } })
}

/// A file of the state folder; `None` where there is none.
fn keep_if_any(
    disk: &Disk,
    state: &Path,
    run: &Path,
    name: &str,
) -> Result<Option<KeptFile>, BackupFault> {
    let path = state.join(name);
    match disk.kind_of(&path) {
        Ok(None) => Ok(None),
        Ok(Some(_)) => keep_of_run(disk, &path, run, name).map(Some),
        Err(source) => Err(BackupFault::Read { path, source }),
    }
}

/// The owner is a state folder's alone; a station that has none yet is known by
/// its id.
fn check_same_station(folder: &Path, before: &Manifest, now: &Manifest) -> Result<(), BackupFault> {
    let same = match (&before.staging_owner, &now.staging_owner) {
        (Some(before), Some(now)) => before.sha256 == now.sha256,
        (None, _) => before.station == now.station,
        (Some(_), None) => false,
    };
    if same {
        return Ok(());
    }
    Err(BackupFault::OfAnotherStation {
        folder: folder.to_owned(),
        station: before.station.clone(),
    })
}

fn keep_of_run(disk: &Disk, from: &Path, run: &Path, name: &str) -> Result<KeptFile, BackupFault> {
    let to = run.join(name);
    // A person's settings may be a link to where they are kept.
    let read = std::fs::read(from);
    let bytes = read.map_err(|source| BackupFault::Read { path: from.to_owned(), source })?;
    let failed = |source| BackupFault::Write { path: to.clone(), source };
    let below = Path::new(name).parent().unwrap_or(Path::new(""));
    let folder = make_folders(disk, run, below, Access::OwnerOnly).map_err(failed)?;
    let written = write_synced(disk, &to, Access::OwnerOnly, &mut &bytes[..]);
    let Written { sha256, bytes } = written.map_err(|fault| failed(fault.into_cause()))?;
    disk.sync_folder(&folder).map_err(failed)?;
    Ok(KeptFile { name: name.to_owned(), sha256, bytes })
}

/// What became of the originals.
#[derive(Default)]
struct Originals {
    /// Not in the backup before.
    added: u64,
    /// Batches whose originals were removed, as their profiles say.
    purged: Vec<BatchId>,
}

/// The rows are those of the copy. A shared database can only be asked as it is
/// now, which is as good: pages are never taken away from it.
async fn keep_originals(
    disk: &Disk,
    order: &BackupOrder<'_>,
    folder: &Path,
    run: &Path,
    manifest: &mut Manifest,
    kept: &dyn Fn(),
) -> Result<Originals, BackupFault> {
    let asked = match order.database {
        Database::Sqlite(_) => Database::Sqlite(run.join(&manifest.database.copy.name)),
        Database::Postgres(_) => order.database.clone(),
    };
    let store = Store::open_to_read(&asked).await?;
    let mut originals = Originals::default();
    for batch in store.batches_of_station(order.station).await? {
        if store.is_purged(&batch).await? {
            originals.purged.push(batch);
            continue;
        }
        let pages = store.pages(&batch).await?;
        if !pages.is_empty() {
            originals.added +=
                keep_batch(disk, order.state, folder, &batch, pages, manifest, kept)?;
        }
    }
    store.close().await;
    Ok(originals)
}

/// Whether originals that are not there were removed while the backup was made.
async fn purged_since_the_copy(
    order: &BackupOrder<'_>,
    manifest: &Manifest,
) -> Result<bool, BackupFault> {
    let mut lost = manifest.damaged.iter().filter(|original| original.damage == Damage::Lost);
    let Some(first) = lost.next() else { return Ok(false) };
    let store = Store::open_to_read(order.database).await?;
    let mut purged = false;
    for original in std::iter::once(first).chain(lost) {
        purged = purged || store.is_purged(&original.batch).await?;
    }
    store.close().await;
    Ok(purged)
}

fn keep_batch(
    disk: &Disk,
    state: &Path,
    folder: &Path,
    batch: &BatchId,
    pages: Vec<SpooledPage>,
    manifest: &mut Manifest,
    kept: &dyn Fn(),
) -> Result<u64, BackupFault> {
    let from = state.join(SPOOL).join(batch.as_str());
    let to = folder.join(SPOOL).join(batch.as_str());
    let unusable = |source| BackupFault::FolderUnusable { folder: to.clone(), source };
    let below = Path::new(SPOOL).join(batch.as_str());
    make_folders(disk, folder, &below, Access::OwnerOnly).map_err(unusable)?;
    let mut added = 0;
    for page in pages {
        let SpooledPage { file, sha256, bytes, .. } = page;
        match keep_original(disk, &from.join(&file), &to.join(&file), sha256)? {
            Kept::Before => {}
            Kept::Now => added += 1,
            Kept::No(damage) => {
                manifest.damaged.push(DamagedOriginal { batch: batch.clone(), file, damage });
                continue;
            }
        }
        kept();
        manifest.originals.push(KeptOriginal { batch: batch.clone(), file, sha256, bytes });
    }
    // Those of an earlier run too, that may have been killed before this.
    disk.sync_folder(&to).map_err(unusable)?;
    Ok(added)
}

enum Kept {
    /// By an earlier run.
    Before,
    Now,
    No(Damage),
}

fn keep_original(
    disk: &Disk,
    from: &Path,
    to: &Path,
    expected: Sha256,
) -> Result<Kept, BackupFault> {
    if is_what_it_must_be(disk, to, expected) {
        return Ok(Kept::Before);
    }
    let mut original = match disk.open(from) {
        Ok(original) => original,
        Err(source) => return lost_or_away(disk, from, source),
    };
    let failed = |source| BackupFault::Write { path: to.to_owned(), source };
    let temp = to.with_added_extension("part");
    take_away(disk, &temp).map_err(failed)?;
    let written = match write_synced(disk, &temp, Access::OwnerOnly, &mut original) {
        Ok(written) => written,
        Err(WriteFault::ReadSource(source)) => {
            take_away(disk, &temp).map_err(failed)?;
            return lost_or_away(disk, from, source);
        }
        Err(fault) => return Err(failed(fault.into_cause())),
    };
    if written.sha256 != expected {
        take_away(disk, &temp).map_err(failed)?;
        return Ok(Kept::No(Damage::Changed));
    }
    if !is_what_it_must_be(disk, &temp, expected) {
        return Err(BackupFault::WrittenWrong { path: temp });
    }
    disk.rename_over(&temp, to).map_err(failed)?;
    Ok(Kept::Now)
}

fn is_what_it_must_be(disk: &Disk, path: &Path, expected: Sha256) -> bool {
    // What cannot be read is written anew.
    disk.read_back(path).is_ok_and(|(sha256, _)| sha256 == expected)
}

/// A disk that is gone costs the folder too, and is no fault of this one page.
fn lost_or_away(disk: &Disk, from: &Path, source: io::Error) -> Result<Kept, BackupFault> {
    let folder = from.parent().unwrap_or(from);
    match disk.list(folder) {
        Ok(_) => Ok(Kept::No(Damage::Lost)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::No(Damage::Lost)),
        Err(_) => Err(BackupFault::Read { path: from.to_owned(), source }),
    }
}

pub(super) fn take_away(disk: &Disk, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What earlier runs kept of batches whose originals were removed since.
fn take_away_purged(disk: &Disk, folder: &Path, purged: &[BatchId]) -> io::Result<()> {
    let spool = folder.join(SPOOL);
    for batch in purged {
        let kept = spool.join(batch.as_str());
        if disk.kind_of(&kept)?.is_some() {
            std::fs::remove_dir_all(&kept)?;
        }
    }
    disk.sync_folder(&spool)
}

/// Earlier runs, and those that were cut short.
fn take_away_other_runs(disk: &Disk, folder: &Path, run: &str) -> io::Result<()> {
    for entry in disk.list(folder)? {
        let name = entry.name.to_string_lossy();
        if entry.kind == EntryKind::Folder && is_run_name(&name) && name != run {
            std::fs::remove_dir_all(folder.join(&entry.name))?;
        }
    }
    disk.sync_folder(folder)
}
