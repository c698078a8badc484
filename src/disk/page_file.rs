//! Reads files of pages that a person named. Whatever has a name may be given:
//! a pipe would never end, a device may never end either, and a folder is no
//! page.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// More than any file of pages has: a roll of film in one TIFF has some 250 MB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// Why a file was not read. The messages do not name it: the caller knows how
/// the person called it.
#[derive(Debug, thiserror::Error)]
pub enum PageFileFault {
    #[error("it cannot be opened; check its name and permissions")]
    Open(#[source] std::io::Error),
    #[error("it is {0}, not a file; copy the pages into a file first")]
    NotAFile(&'static str),
    #[error(
        "it has more than {most} MB, more than pages have; split it",
        most = MAX_FILE_BYTES >> 20
    )]
    TooLarge,
    #[error("it cannot be read to its end; check the disk or share it is on")]
    Read(#[source] std::io::Error),
}

/// The whole file; links are followed.
pub fn read_page_file(path: &Path) -> Result<Vec<u8>, PageFileFault> {
    let file = open_page_file(path)?;
    if file.metadata().map_err(PageFileFault::Open)?.len() > MAX_FILE_BYTES {
        return Err(PageFileFault::TooLarge);
    }
    let mut bytes = Vec::new();
    // It may still grow.
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(PageFileFault::Read)?;
    Ok(bytes)
}

/// The first `most` bytes, or all where there are fewer.
pub fn read_head(path: &Path, most: u64) -> Result<Vec<u8>, PageFileFault> {
    let mut bytes = Vec::new();
    let read = open_page_file(path)?.take(most).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(PageFileFault::Read)
}

/// Looked at before it is opened, because opening a device may do something,
/// and once more when it is open, because the name may mean another file by now.
fn open_page_file(path: &Path) -> Result<File, PageFileFault> {
    must_be_a_file(&fs::metadata(path).map_err(PageFileFault::Open)?)?;
    // A pipe without a writer would not even open.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .map_err(PageFileFault::Open)?;
    must_be_a_file(&file.metadata().map_err(PageFileFault::Open)?)?;
    Ok(file)
}

fn must_be_a_file(found: &Metadata) -> Result<(), PageFileFault> {
    let kind = found.file_type();
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(PageFileFault::NotAFile("a folder"))
    } else if kind.is_fifo() {
        Err(PageFileFault::NotAFile("a pipe"))
    } else {
        Err(PageFileFault::NotAFile("a device"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_devices_and_folders_are_no_page_files() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("page.png");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        let link = folder.path().join("link.png");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, folder.path()] {
            let fault = read_page_file(path).unwrap_err();
            assert!(matches!(fault, PageFileFault::NotAFile(_)), "{}: {fault}", path.display());
        }
        let missing = read_page_file(&folder.path().join("none"));
        assert!(matches!(missing, Err(PageFileFault::Open(_))));
    }

    #[test]
    fn a_file_is_read_whole_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, b"all of it").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_page_file(&link).unwrap(), b"all of it");
        assert_eq!(read_head(&link, 3).unwrap(), b"all");
    }

    #[test]
    fn a_file_longer_than_pages_are_is_refused_without_memory_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(read_page_file(&path), Err(PageFileFault::TooLarge)));
    }
}
