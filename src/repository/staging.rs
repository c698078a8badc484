//! The folder beside the watched folder where files become whole.
//!
//! Several stations may share it, so every name in it begins with its owner
//! ([`super::owner`]). An owner works in one process at a time: a second one, as
//! from a state folder that was copied, is refused by the lock, where the share
//! has locks.
//!
//! ```text
//! .outguide/<owner>~station.lock            held while the station has this folder open
//! .outguide/<owner>~<document>~<n>.part     a PDF or index file being written
//! .outguide/<owner>~<document>.receipt      the index file is about to be placed
//! .outguide/.claim-<hash>                   a name another station must not take (see disk::placing)
//! ```
//!
//! **Receipts.** A repository takes documents away as soon as their index file
//! shows. Stopped between that moment and the row, the station would find
//! nothing there at its next start and file a second time. So the index file is
//! staged and its name synced, then the receipt is written and synced, with its
//! name, then the index file is renamed into the watched folder: *a receipt whose
//! staged index file is gone* says that it was placed, and where the PDF is gone
//! too, that the repository took both. That is so in the watched folder that the
//! receipt names, and in no other. The receipt goes once the row is committed
//! ([`super::watched_folder::WatchedFolder::acknowledge`]).
//!
//! On a share without rename, where a link is made and the first name then
//! removed, a stop exactly between these two while the repository takes the
//! document is not seen, and the document is offered again.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::disk::durable::{WriteFault, Written, unused_path, write_synced};
use crate::disk::placing::{CLAIM_PREFIX, Placing};
use crate::disk::{Access, Disk, EntryKind};
use crate::records::ids::{DocumentId, Sha256};

use super::owner::StagingOwner;

const PART_SUFFIX: &str = ".part";
const RECEIPT_SUFFIX: &str = ".receipt";

/// A folder made for a look goes with it: so many looks may come between the
/// steps of opening it.
const TAKEN_AWAY_AT_MOST: u32 = 8;

const LOCK: &str = "station.lock";

/// What was about to be placed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) document: DocumentId,
    /// The watched folder, from the root of the file system.
    pub(super) root: PathBuf,
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
    /// Of the index file.
    pub(super) index_sha256: Sha256,
    /// Relative to the watched folder.
    pub(super) pdf: PathBuf,
    /// Relative to the watched folder.
    pub(super) index: PathBuf,
    /// Name in the staging folder.
    pub(super) staged_index: String,
}

#[derive(Debug, Clone)]
pub(super) struct Staging {
    disk: Disk,
    folder: PathBuf,
    /// Begins every name of this station's files here; holds no `~`.
    owner: String,
    /// The folder was not there before.
    is_new: bool,
    parts_made: Arc<AtomicU64>,
    /// Held as long as this lives; `None` on a share that has no locks.
    _lock: Option<Arc<File>>,
}

/// What stands in a staging folder, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Staged {
    Lock,
    /// Being written, or left by a stop.
    Part {
        document: Option<DocumentId>,
    },
    Receipt {
        document: DocumentId,
    },
    Claim,
    NotOurs,
}

/// What the file of this name is, whoever owns it.
pub(super) fn kind_of_staged(name: &str) -> Staged {
    if name.starts_with(CLAIM_PREFIX) {
        return Staged::Claim;
    }
    let Some((_, rest)) = name.split_once('~') else { return Staged::NotOurs };
    if rest == LOCK {
        return Staged::Lock;
    }
    if let Some(document) = rest.strip_suffix(RECEIPT_SUFFIX) {
        return document.parse().map_or(Staged::NotOurs, |document| Staged::Receipt { document });
    }
    match rest.strip_suffix(PART_SUFFIX) {
        Some(part) => {
            let document = part.split_once('~').and_then(|(document, _)| document.parse().ok());
            Staged::Part { document }
        }
        None => Staged::NotOurs,
    }
}

impl Staging {
    /// Makes the folder where it is missing; its name survives, as the receipts in
    /// it must. `None` while another process works here as the same owner.
    pub(super) fn open(
        disk: &Disk,
        folder: PathBuf,
        owner: &StagingOwner,
    ) -> io::Result<Option<Self>> {
        for _ in 0..TAKEN_AWAY_AT_MOST {
            match Staging::open_once(disk, folder.clone(), owner) {
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && above_is_there(&folder) => {}
                opened => return opened,
            }
        }
        Staging::open_once(disk, folder, owner)
    }

    /// `NotFound` where another's look took the folder away between two steps.
    fn open_once(disk: &Disk, folder: PathBuf, owner: &StagingOwner) -> io::Result<Option<Self>> {
        let is_new = match disk.create_folder(&folder, Access::Shared) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        match disk.sync_folder(folder.parent().unwrap_or(&folder)) {
            // Made for this station in a folder that is not its to read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !is_new => {}
            synced => synced?,
        }
        match disk.kind_of(&folder)? {
            Some(EntryKind::Folder) => {}
            Some(EntryKind::File | EntryKind::Other) => {
                return Err(io::Error::from(io::ErrorKind::NotADirectory));
            }
            None => return Err(io::Error::from(io::ErrorKind::NotFound)),
        }
        let lock = match disk.lock_file(&folder.join(format!("{owner}~{LOCK}"))) {
            Ok(Some(lock)) => Some(Arc::new(lock)),
            Ok(None) => return Ok(None),
            Err(error) if has_no_locks(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Some(Staging {
            disk: disk.clone(),
            folder,
            owner: owner.as_str().to_owned(),
            is_new,
            parts_made: Arc::default(),
            _lock: lock,
        }))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes and syncs a new file here.
    #[track_caller]
    pub(super) fn stage(
        &self,
        document: &DocumentId,
        content: &mut dyn Read,
    ) -> Result<(PathBuf, Written), WriteFault> {
        let part = self.new_part(&document.to_string()).map_err(WriteFault::Create)?;
        match write_synced(&self.disk, &part, Access::Shared, content) {
            Ok(written) => Ok((part, written)),
            Err(fault) => {
                self.discard(&part);
                Err(fault)
            }
        }
    }

    /// Takes the lock's file away, and the folder where it was made for it.
    pub(super) fn forget_owner(&self) -> io::Result<()> {
        match self.disk.remove_file(&self.folder.join(format!("{}~{LOCK}", self.owner))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if !self.is_new {
            return Ok(());
        }
        match std::fs::remove_dir(&self.folder) {
            // Another has come to use it meanwhile, or has taken it away.
            Err(error) if is_anothers_by_now(&error) => Ok(()),
            removed => removed,
        }
    }

    /// Whether a file from here can be renamed into `folder`.
    pub(super) fn reaches(&self, folder: &Path) -> io::Result<bool> {
        let probe = self.new_part("probe")?;
        self.disk.create_file(&probe, Access::Shared)?;
        let reaches = self.disk.can_rename_into(&probe, folder);
        self.discard(&probe);
        reaches
    }

    /// How files can be placed on this file system.
    pub(super) fn probe_placing(&self) -> io::Result<Placing> {
        let from = self.new_part("probe")?;
        let to = self.new_part("probe")?;
        self.disk.probe_placing(&from, &to)
    }

    fn new_part(&self, what: &str) -> io::Result<PathBuf> {
        let no = self.parts_made.fetch_add(1, Ordering::Relaxed);
        let name = |no| format!("{}~{what}~{no}{PART_SUFFIX}", self.owner);
        unused_path(&self.disk, &self.folder, no, name)
    }

    /// Takes away what will not be placed. Where that fails it stays until the
    /// next start, harmless.
    pub(super) fn discard(&self, part: &Path) {
        if let Err(error) = self.disk.remove_file(part)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(error = %error, "a staged file stays until the next start");
        }
    }

    /// Makes the names here survive: of a staged index file, so that one that is
    /// gone later can only have been placed; of a receipt, so that it is there by
    /// then.
    #[track_caller]
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync_folder(&self.folder)
    }

    pub(super) fn write_receipt(&self, receipt: &Receipt) -> Result<(), WriteFault> {
        let text = serde_json::to_vec(receipt).map_err(|e| WriteFault::ReadSource(e.into()))?;
        let path = self.receipt_path(&receipt.document);
        write_synced(&self.disk, &path, Access::Shared, &mut &text[..]).map(|_| ())
    }

    /// The document's receipt; one that is not whole was never acted on.
    pub(super) fn receipt(&self, document: &DocumentId) -> io::Result<Option<Receipt>> {
        let path = self.receipt_path(document);
        if self.disk.kind_of(&path)?.is_none() {
            return Ok(None);
        }
        match serde_json::from_slice(&self.disk.read(&path)?) {
            Ok(receipt) => Ok(Some(receipt)),
            Err(_) => {
                self.disk.remove_file(&path)?;
                Ok(None)
            }
        }
    }

    pub(super) fn staged_index(&self, receipt: &Receipt) -> PathBuf {
        self.folder.join(&receipt.staged_index)
    }

    /// Undoes a receipt whose index file was not placed: the receipt first and
    /// for good, because alone it would say the opposite.
    pub(super) fn withdraw(&self, receipt: &Receipt) -> io::Result<()> {
        self.remove_receipt(&receipt.document)?;
        self.sync()?;
        self.discard(&self.staged_index(receipt));
        Ok(())
    }

    pub(super) fn remove_receipt(&self, document: &DocumentId) -> io::Result<()> {
        match self.disk.remove_file(&self.receipt_path(document)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Documents of this station with a receipt.
    pub(super) fn receipts(&self) -> io::Result<Vec<DocumentId>> {
        let mut documents = Vec::new();
        for entry in self.disk.list(&self.folder)? {
            let name = entry.name.to_string_lossy();
            let document = self.own(&name).and_then(|rest| rest.strip_suffix(RECEIPT_SUFFIX));
            documents.extend(document.and_then(|document| document.parse().ok()));
        }
        Ok(documents)
    }

    /// Takes away what a stop left of this station's files, except what a
    /// receipt still speaks of. For the start, before anything is filed.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for document in self.receipts()? {
            kept.extend(self.receipt(&document)?.map(|receipt| receipt.staged_index));
        }
        for entry in self.disk.list(&self.folder)? {
            let name = entry.name.to_string_lossy().into_owned();
            let path = self.folder.join(&entry.name);
            let part = self.own(&name).is_some() && name.ends_with(PART_SUFFIX);
            let stray = part && !kept.contains(&name);
            if stray || (name.starts_with(CLAIM_PREFIX) && self.is_own_claim(&path)?) {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn is_own_claim(&self, path: &Path) -> io::Result<bool> {
        match self.disk.read(path) {
            Ok(holder) => Ok(self.own(&String::from_utf8_lossy(&holder)).is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What follows the owner in a name that is this station's.
    fn own<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.owner)?.strip_prefix('~')
    }

    pub(super) fn receipt_path(&self, document: &DocumentId) -> PathBuf {
        self.folder.join(format!("{}~{document}{RECEIPT_SUFFIX}", self.owner))
    }
}

fn above_is_there(folder: &Path) -> bool {
    folder.parent().is_some_and(Path::is_dir)
}

fn is_anothers_by_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound)
}

/// flock(2) on a share whose server or mount offers none.
fn has_no_locks(error: &io::Error) -> bool {
    let not_offered = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
    error.raw_os_error().is_some_and(|code| not_offered.contains(&Errno::from_raw_os_error(code)))
}
