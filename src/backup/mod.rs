//! All that a lost station is put back from: its backup, made and restored.
//!
//! ```text
//! BACKUP/manifest.json                     what the backup holds, each file with its hash
//! BACKUP/run-20260131T090000Z/outguide.db  the database (of stations that share one: outguide.pgdump)
//! BACKUP/run-20260131T090000Z/staging-owner
//! BACKUP/run-20260131T090000Z/audit-head.json and manifest-head.json
//! BACKUP/run-20260131T090000Z/station.toml and profiles/…, for a person to put back
//! BACKUP/spool/<batch>/0001.png            originals, shared by all runs: they never change
//! BACKUP/lock                              held while a backup is made
//! ```
//!
//! **Order.** How far the chains go is copied first, then the database, which
//! goes so far at least, then the files its rows name: a page's file is durable
//! before its row, so every row of the copy has its file. Pages that were removed
//! as their profile says are not looked for, and go from the backup too once its
//! next run is whole.
//! The manifest comes last, in one rename over that of the run before, and only
//! then the earlier run's folder goes. So a backup is whole whenever it has a
//! manifest, and one that was cut short leaves the one before as it was.
//!
//! What can be made again from the originals (`spool/<batch>/derived`) is not
//! kept, nor what no row claims. [`restoring`] looks at every hash before it
//! changes anything.
//!
//! An original that is damaged already is told and left out: a disk that fails
//! is when a backup is wanted most.

use std::io;
use std::path::{Path, PathBuf};

pub mod making;
pub mod manifest;
pub mod restoring;

use crate::store::StoreFault;

/// In the state folder: who the station is in a staging folder.
const STAGING_OWNER: &str = "staging-owner";
const SPOOL: &str = "spool";
/// In the state folder: how far the audit goes, where that was ever noted.
pub const AUDIT_HEAD: &str = "audit-head.json";
/// The same of the manifests of batches.
pub const MANIFEST_HEAD: &str = "manifest-head.json";

#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(
        "the backup folder {} cannot be made or written in; look whether its disk is there and \
         this user may write in it", folder.display()
    )]
    FolderUnusable { folder: PathBuf, source: io::Error },
    #[error("another backup is being made in {}; wait until it is done", folder.display())]
    FolderInUse { folder: PathBuf },
    #[error(
        "{} holds the backup of another station, {station}; give each station a folder of its own",
        folder.display()
    )]
    OfAnotherStation { folder: PathBuf, station: String },
    #[error("{} cannot be written; look whether its disk is full or damaged", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} was written, and reads back as something else; its disk is damaged", path.display())]
    WrittenWrong { path: PathBuf },
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "{} is no backup, or one that was cut short: there is no manifest.json in it. Nothing \
         was changed", folder.display()
    )]
    NoManifest { folder: PathBuf },
    #[error("{} is not what a backup wrote ({what}). Nothing was changed", path.display())]
    ManifestUnreadable { path: PathBuf, what: String },
    #[error(
        "the backup was made by Outguide {by} in format {found}, and this program knows {known}: \
         install that version. Nothing was changed"
    )]
    Newer { by: String, found: u32, known: u32 },
    #[error("the backup is damaged; nothing was changed:\n{}", listed(problems))]
    NotWhole { problems: Vec<String> },
    #[error(
        "the state folder {} is not empty, and a restore does not mix two stations: stop the \
         service, move that folder away, and make an empty one that is the station's user's",
        folder.display()
    )]
    StateNotEmpty { folder: PathBuf },
    #[error(
        "{} holds what an earlier restore, of another backup, brought of it before it was cut \
         short; empty that folder first", folder.display()
    )]
    OtherRestore { folder: PathBuf },
    #[error("another outguide is working in {}; stop it first", folder.display())]
    StateInUse { folder: PathBuf },
    #[error("the state folder {} cannot be made or written in", folder.display())]
    StateUnusable { folder: PathBuf, source: io::Error },
    #[error(
        "the backup is of the station {backup:?}, and this machine's station.toml says {here:?}: \
         put back the station.toml in {} first", settings.display()
    )]
    OtherId { backup: String, here: String, settings: PathBuf },
    #[error(
        "the backup holds {backup}, and this machine's station.toml names {here}: put back the \
         station.toml in {} first", settings.display()
    )]
    OtherKindOfDatabase { backup: &'static str, here: &'static str, settings: PathBuf },
    #[error(
        "the shared database {database} is not empty. If it was not lost, restore this station's \
         files alone, with --without-database; else name an empty one in store.url of \
         station.toml"
    )]
    DatabaseNotEmpty { database: String },
}

/// As many as a person reads; the number says the rest.
const PROBLEMS_LISTED: usize = 20;

fn listed(problems: &[String]) -> String {
    let mut lines: Vec<String> = problems.iter().take(PROBLEMS_LISTED).cloned().collect();
    if problems.len() > PROBLEMS_LISTED {
        lines.push(format!("and {} more", problems.len() - PROBLEMS_LISTED));
    }
    lines.join("\n")
}

/// Whether a restore into this state folder was cut short: it is no station's yet.
pub fn is_half_restored(state: &Path) -> bool {
    state.join(restoring::MARK).exists()
}
