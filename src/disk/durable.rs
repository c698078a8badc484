//! The steps every durable write is made of.
//!
//! Write under a temporary name, [`write_synced`]; give it its name,
//! [`Disk::place`]; make the name survive, [`Disk::sync_folder`]. A folder that
//! is to hold such names is made with [`make_folders`].
//!
//! A recording disk counts the syncs in here as their callers': each is asked
//! for, and must be needed, where it is called.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::Digest;

use super::{Access, Disk, EntryKind, NewFile, PIECE_BYTES};
use crate::records::ids::Sha256;

/// What was written, hashed on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub sha256: Sha256,
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    #[error("the bytes to be written could not be read")]
    ReadSource(#[source] io::Error),
    #[error("the temporary file could not be created")]
    Create(#[source] io::Error),
    #[error("the temporary file could not be written")]
    Append(#[source] io::Error),
    #[error("the temporary file could not be synced to the disk")]
    Sync(#[source] io::Error),
}

impl WriteFault {
    /// What the operating system answered.
    pub fn into_cause(self) -> io::Error {
        match self {
            WriteFault::ReadSource(cause)
            | WriteFault::Create(cause)
            | WriteFault::Append(cause)
            | WriteFault::Sync(cause) => cause,
        }
    }
}

/// Writes and syncs a new file at `temp`. Its name does not survive yet, and
/// after a fault part of it may stand there.
#[track_caller]
pub fn write_synced(
    disk: &Disk,
    temp: &Path,
    access: Access,
    content: &mut dyn Read,
) -> Result<Written, WriteFault> {
    let mut file = disk.create_file(temp, access).map_err(WriteFault::Create)?;
    let mut hash = sha2::Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = match content.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(WriteFault::ReadSource(error)),
        };
        hash.update(&piece[..length]);
        file.append(&piece[..length]).map_err(WriteFault::Append)?;
        bytes += length as u64;
    }
    file.sync().map_err(WriteFault::Sync)?;
    Ok(Written { sha256: Sha256::from_bytes(hash.finalize().into()), bytes })
}

/// The first path in `folder` that nothing has, of the names `name` gives to
/// numbers from `first` on. A process id would not do in a name: in a container
/// every run has the same one, and what a killed run left is in the way.
pub fn unused_path(
    disk: &Disk,
    folder: &Path,
    first: u64,
    name: impl Fn(u64) -> String,
) -> io::Result<PathBuf> {
    for no in first.. {
        let path = folder.join(name(no));
        if disk.kind_of(&path)?.is_none() {
            return Ok(path);
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Makes every folder of `below` (a relative path of plain names) under `base`,
/// which must exist, and makes their names survive. A folder that is already
/// there is synced all the same: a process killed before its sync may have left
/// it, and then it exists without being durable. A link in a folder's place is
/// refused, because it could lead out of `base`.
#[track_caller]
pub fn make_folders(disk: &Disk, base: &Path, below: &Path, access: Access) -> io::Result<PathBuf> {
    let mut folder = base.to_path_buf();
    for component in below.components() {
        let Component::Normal(name) = component else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of plain names"));
        };
        let parent = folder.clone();
        folder.push(name);
        match disk.create_folder(&folder, access) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if disk.kind_of(&folder)? != Some(EntryKind::Folder) {
                    return Err(io::Error::from(io::ErrorKind::NotADirectory));
                }
            }
            Err(error) => return Err(error),
        }
        disk.sync_folder(&parent)?;
    }
    Ok(folder)
}

/// Makes `path` hold what `write` gives it, replacing an earlier file of that
/// name only when the new one is whole and synced. For files a person named.
pub fn write_over<T, E: From<io::Error>>(
    disk: &Disk,
    path: &Path,
    write: impl FnOnce(&mut NewFile) -> Result<T, E>,
) -> Result<T, E> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    clear_dead_parts(disk, folder, &prefix);
    let temp = unused_path(disk, folder, 1, |no| format!("{prefix}{no}{PART}"))?;
    let mut file = disk.create_file(&temp, Access::Shared)?;
    // Held as long as this process writes; a share that knows no locks only
    // keeps what a killed process leaves.
    if let Err(error) = file.file.try_lock() {
        tracing::debug!(%error, "an unfinished file is not locked");
    }
    let written = write(&mut file).and_then(|given| {
        file.sync()?;
        disk.rename_over(&temp, path)?;
        disk.sync_folder(folder)?;
        Ok(given)
    });
    if written.is_err()
        && let Err(error) = disk.remove_file(&temp)
    {
        tracing::debug!(%error, "an unfinished file is left behind");
    }
    written
}

/// The end of a name under which a file stands until it is whole.
const PART: &str = ".part";

/// Takes away what a killed process left of the same file: parts that nobody
/// holds the lock of.
fn clear_dead_parts(disk: &Disk, folder: &Path, prefix: &str) {
    // What cannot be listed is not in the way either.
    let Ok(entries) = disk.list(folder) else { return };
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        let name = entry.name.to_string_lossy();
        let no = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(PART));
        if !no.is_some_and(|no| !no.is_empty() && no.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        let part = folder.join(&entry.name);
        let cleared = disk.lock_file(&part).and_then(|lock| match lock {
            Some(_held) => disk.remove_file(&part),
            None => Ok(()),
        });
        if let Err(error) = cleared {
            tracing::debug!(%error, "an unfinished file is left behind");
        }
    }
}
