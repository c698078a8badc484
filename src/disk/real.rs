//! The system calls behind both disks, and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Advice, CWD, OFlags, RenameFlags};

use super::{Access, Entry, EntryKind, Space};

pub(super) fn create_folder(folder: &Path, access: Access) -> io::Result<()> {
    let mode = match access {
        Access::OwnerOnly => 0o700,
        Access::Shared => 0o777,
    };
    fs::DirBuilder::new().mode(mode).create(folder)
}

pub(super) fn create_file(path: &Path, access: Access) -> io::Result<File> {
    let mode = match access {
        Access::OwnerOnly => 0o600,
        Access::Shared => 0o666,
    };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

pub(super) fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

pub(super) fn sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

pub(super) fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

pub(super) fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    fs::remove_dir(folder)
}

/// fsync(2) answers EINVAL for a folder on file systems that keep no names of
/// their own to write back (some FUSE and network ones): there the server's
/// answer to the rename is all the promise there is, and nothing is left to do.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let flags = OFlags::DIRECTORY.bits() as i32;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(folder)?;
    match rustix::fs::fsync(&opened) {
        Err(rustix::io::Errno::INVAL) => Ok(()),
        answer => Ok(answer?),
    }
}

/// A link in place of the file itself is refused: Outguide makes none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

pub(super) fn forget_cached(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?)
}

pub(super) fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push(Entry { name: entry.file_name(), kind: kind(entry.file_type()?) });
    }
    entries.sort();
    Ok(entries)
}

pub(super) fn kind_of(path: &Path) -> io::Result<Option<EntryKind>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(kind(found.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind(found: fs::FileType) -> EntryKind {
    if found.is_file() {
        EntryKind::File
    } else if found.is_dir() {
        EntryKind::Folder
    } else {
        EntryKind::Other
    }
}

pub(super) fn may_make_files_in(folder: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

pub(super) fn space(folder: &Path) -> io::Result<Space> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// What is there stays as it is; a new one is the owner's only.
pub(super) fn open_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}
