//! Where every durable write goes through: files, renames and their syncs.
//!
//! A [`Disk`] is the real one, or one that does everything for real and also
//! keeps account of what a power cut would leave ([`recording`]). Nothing else
//! in Outguide creates, renames or syncs a file that must survive. The database
//! keeps its own promises and stays outside; so do files that can be made again
//! and are never read back as truth.
//!
//! **What is believed of a file system.** Bytes survive once their file was
//! synced; a name (new, moved or gone) survives once its folder was synced; a
//! rename is one step, seen before or after, never in between. Nothing else:
//! not that a synced file has its name, not that a rename orders the data it
//! names. A sync that failed is not tried again, because the kernel may have
//! dropped the pages it could not write: the file is given up and written anew.
//!
//! This module knows no spool and no repository: what is written where, and in
//! which order, is theirs. The steps they share are in [`durable`], the ways of
//! renaming without replacing in [`placing`].

pub mod durable;
pub mod page_file;
pub mod placing;
mod real;
pub mod recording;

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::panic::Location;
use std::path::Path;

use sha2::Digest;

use crate::records::ids::Sha256;
use recording::{NodeId, Recorder};

/// How much is read or copied at once.
const PIECE_BYTES: usize = 256 * 1024;

/// The disk durable work is done on.
#[derive(Debug, Clone)]
pub enum Disk {
    Real,
    /// For proofs: real work, with an account of what a power cut would leave
    /// and levers for a disk's faults.
    Recording(Recorder),
}

/// Who may read what is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The station's own user only: the spool.
    OwnerOnly,
    /// Whoever the umask lets: the repository reads what is filed.
    Shared,
}

/// What stands in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    File,
    Folder,
    /// A link, a pipe, a device: nothing Outguide makes, and never followed.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: OsString,
    pub kind: EntryKind,
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Free to this user.
    pub free: u64,
    pub total: u64,
}

/// A file being written for the first time; its bytes are only ever appended.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    recorded: Option<(Recorder, NodeId)>,
}

impl NewFile {
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.recorded {
            None => real::append(&mut self.file, bytes),
            Some((recorder, node)) => recorder.append(&mut self.file, *node, bytes),
        }
    }

    /// Makes the bytes written so far survive a power cut (not the name).
    #[track_caller]
    pub fn sync(&self) -> io::Result<()> {
        match &self.recorded {
            None => real::sync(&self.file),
            Some((recorder, node)) => recorder.sync_file(&self.file, *node, Location::caller()),
        }
    }
}

impl io::Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    /// Creates one folder; its name does not yet survive.
    pub fn create_folder(&self, folder: &Path, access: Access) -> io::Result<()> {
        match self {
            Disk::Real => real::create_folder(folder, access),
            Disk::Recording(recorder) => recorder.create_folder(folder, access),
        }
    }

    /// Takes the lock at `path`, making the file where it is missing; `None`
    /// while another process holds it. The kernel lets go of it with the file.
    /// Nothing of it need survive a power cut.
    pub fn lock_file(&self, path: &Path) -> io::Result<Option<File>> {
        let file = real::open_own(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes an empty file that only the station's own user may read, where
    /// there is none. Nothing of it need survive a power cut: it is for SQLite,
    /// which makes its other files as readable as this one and keeps its own
    /// promises.
    pub fn make_own_file(&self, path: &Path) -> io::Result<()> {
        real::open_own(path).map(drop)
    }

    /// Creates a file that must not exist; neither name nor bytes survive yet.
    pub fn create_file(&self, path: &Path, access: Access) -> io::Result<NewFile> {
        match self {
            Disk::Real => Ok(NewFile { file: real::create_file(path, access)?, recorded: None }),
            Disk::Recording(recorder) => {
                let (file, node) = recorder.create_file(path, access)?;
                Ok(NewFile { file, recorded: Some((recorder.clone(), node)) })
            }
        }
    }

    /// Renames in one step, refusing with `AlreadyExists` where `to` exists.
    /// Not every file system can: see [`Disk::place`].
    pub fn rename_without_replacing(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::rename_without_replacing(from, to),
            Disk::Recording(recorder) => recorder.rename_without_replacing(from, to),
        }
    }

    /// Renames in one step over whatever stands at `to`. Only for files that
    /// can be made again, and under a claim (see [`placing`]).
    pub fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::rename_over(from, to),
            Disk::Recording(recorder) => recorder.rename_over(from, to),
        }
    }

    /// Gives a file a second name, refusing with `AlreadyExists` where it is taken.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::link(from, to),
            Disk::Recording(recorder) => recorder.link(from, to),
        }
    }

    pub fn remove_file(&self, path: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::remove_file(path),
            Disk::Recording(recorder) => recorder.remove_file(path),
        }
    }

    /// Removes a folder, which must be empty.
    pub fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::remove_folder(folder),
            Disk::Recording(recorder) => recorder.remove_folder(folder),
        }
    }

    /// Makes the names in a folder survive: those added, moved and removed.
    #[track_caller]
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::sync_folder(folder),
            Disk::Recording(recorder) => recorder.sync_folder(folder, Location::caller()),
        }
    }

    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens for reading.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        match self {
            Disk::Real => real::open(path),
            Disk::Recording(recorder) => recorder.open(path),
        }
    }

    /// The hash and length of what the disk holds. The kernel is first asked to
    /// forget its copy of the file, so that after a sync it is the device or
    /// the server that answers.
    pub fn read_back(&self, path: &Path) -> io::Result<(Sha256, u64)> {
        let mut file = self.open(path)?;
        real::forget_cached(&file)?;
        let mut hash = sha2::Sha256::new();
        let mut bytes = 0;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok((Sha256::from_bytes(hash.finalize().into()), bytes)),
                Ok(length) => {
                    hash.update(&piece[..length]);
                    bytes += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What a folder holds, by name.
    pub fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        match self {
            Disk::Real => real::list(folder),
            Disk::Recording(recorder) => recorder.list(folder),
        }
    }

    /// What stands at `path`, a link not followed; `None` where nothing does.
    pub fn kind_of(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        match self {
            Disk::Real => real::kind_of(path),
            Disk::Recording(recorder) => recorder.kind_of(path),
        }
    }

    /// Whether this user may make files in the folder, without making one.
    pub fn may_make_files_in(&self, folder: &Path) -> io::Result<()> {
        match self {
            Disk::Real => real::may_make_files_in(folder),
            Disk::Recording(recorder) => recorder.may_make_files_in(folder),
        }
    }

    pub fn space(&self, folder: &Path) -> io::Result<Space> {
        match self {
            Disk::Real => real::space(folder),
            Disk::Recording(recorder) => recorder.space(folder),
        }
    }
}

#[cfg(test)]
mod tests;
