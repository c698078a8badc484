//! Where files go that cannot be taken, each with the reason beside it.
//!
//! ```text
//! HOT FOLDER/quarantine/fax.pdf        as it came
//! HOT FOLDER/quarantine/fax.pdf.txt    why; written first, so that none is without
//! ```
//!
//! Nothing here reads pages, and nothing is ever deleted.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::disk::durable::make_folders;
use crate::disk::{Access, Disk};

pub(super) const FOLDER: &str = "quarantine";

/// Room for a number before a name and for `.txt` behind it: file systems take
/// 255 bytes.
const MOST_NAME_BYTES: usize = 230;

/// Moves the file `name` out of `hot_folder`. It stands there afterwards under
/// its name, or one like it, and its reason beside it.
pub(super) fn set_aside(
    disk: &Disk,
    hot_folder: &Path,
    name: &OsStr,
    reason: &str,
) -> io::Result<PathBuf> {
    let folder = make_folders(disk, hot_folder, Path::new(FOLDER), Access::Shared)?;
    for attempt in 1_u32.. {
        let target = folder.join(numbered(name, attempt));
        if disk.kind_of(&target)?.is_some() {
            continue;
        }
        write_reason(disk, &folder, &target, reason)?;
        match disk.place(&hot_folder.join(name), &target) {
            Ok(_) => {
                disk.sync_folder(&folder)?;
                disk.sync_folder(hot_folder)?;
                return Ok(target);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Over one that a stop left without its file.
fn write_reason(disk: &Disk, folder: &Path, target: &Path, reason: &str) -> io::Result<()> {
    let mut beside = target.as_os_str().to_owned();
    beside.push(".txt");
    let temp = folder.join(".reason.part");
    match disk.remove_file(&temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = disk.create_file(&temp, Access::Shared)?;
    file.append(reason.as_bytes())?;
    file.append(b"\n")?;
    file.sync()?;
    disk.rename_over(&temp, Path::new(&beside))
}

fn numbered(name: &OsStr, attempt: u32) -> OsString {
    let mut bytes = match attempt {
        1 => Vec::new(),
        again => format!("{again}~").into_bytes(),
    };
    let mut kept = name.as_bytes();
    if kept.len() > MOST_NAME_BYTES {
        // Its ending says what kind of file it is.
        kept = &kept[kept.len() - MOST_NAME_BYTES..];
        while kept.first().is_some_and(|byte| byte & 0xC0 == 0x80) {
            kept = &kept[1..];
        }
    }
    bytes.extend_from_slice(kept);
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_not_overwritten_and_each_file_has_its_own_reason() {
        let hot = tempfile::tempdir().unwrap();
        let long = format!("{}.pdf", "ä".repeat(125));
        for (name, content) in [("a.pdf", "one"), ("a.pdf", "two"), (long.as_str(), "three")] {
            std::fs::write(hot.path().join(name), content).unwrap();
            let to = set_aside(&Disk::Real, hot.path(), OsStr::new(name), content).unwrap();
            assert_eq!(std::fs::read_to_string(&to).unwrap(), content);
            let reason = format!("{}.txt", to.display());
            assert_eq!(std::fs::read_to_string(reason).unwrap(), format!("{content}\n"));
            assert!(!hot.path().join(name).exists());
        }
        assert_eq!(std::fs::read_dir(hot.path().join(FOLDER)).unwrap().count(), 6);
    }
}
