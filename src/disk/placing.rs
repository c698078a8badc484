//! Giving a finished file its name without replacing another's.
//!
//! Three ways, tried in this order; `outguide check` says which one a file
//! system can do ([`Disk::probe_placing`]).
//!
//! 1. `renameat2(RENAME_NOREPLACE)`: one step. Local Linux file systems and
//!    SMB have it (ext4, xfs, btrfs, tmpfs, vfat, cifs).
//! 2. A second link, its folder synced, then the first name removed. The link
//!    refuses a taken name; without the sync between, a power cut could leave
//!    neither name. NFS has this and not the first.
//! 3. A claim: a file named by the hash of that name, created with `O_EXCL`
//!    *beside the temporary file*, keeps other stations from the name while it
//!    is seen to be free and the file is renamed there. It holds the temporary
//!    file's name, so that after a crash its owner knows it and removes it. The name itself is never
//!    created empty first, because a watcher would take the empty file. What
//!    stays open is a program that is not Outguide creating the same name
//!    within those microseconds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{Access, Disk};
use crate::records::ids::Sha256;

/// How a file came by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placing {
    RenameWithoutReplacing,
    LinkAndRemove,
    ClaimAndRename,
}

impl fmt::Display for Placing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Placing::RenameWithoutReplacing => "renames without replacing",
            Placing::LinkAndRemove => {
                "has no rename without replacing; links and removes the first name instead"
            }
            Placing::ClaimAndRename => {
                "has neither rename without replacing nor links; names are claimed among \
                 stations, so let no other program write here"
            }
        })
    }
}

/// How the name of a claim begins.
pub const CLAIM_PREFIX: &str = ".claim-";

impl Disk {
    /// Moves `temp` to `target` on the same file system, refusing with
    /// `AlreadyExists` where that name is taken. Not yet durable.
    pub fn place(&self, temp: &Path, target: &Path) -> io::Result<Placing> {
        match self.rename_without_replacing(temp, target) {
            Ok(()) => return Ok(Placing::RenameWithoutReplacing),
            Err(error) if cannot(&error) => {}
            Err(error) => return Err(error),
        }
        match self.link(temp, target) {
            Ok(()) => {
                self.sync_folder(target.parent().unwrap_or(Path::new("/")))?;
                self.remove_file(temp)?;
                return Ok(Placing::LinkAndRemove);
            }
            Err(error) if cannot(&error) => {}
            Err(error) => return Err(error),
        }
        self.place_under_claim(temp, target)?;
        Ok(Placing::ClaimAndRename)
    }

    fn place_under_claim(&self, temp: &Path, target: &Path) -> io::Result<()> {
        let claim = claim_for(temp, target);
        let mut claimed = self.create_file(&claim, Access::Shared)?;
        let owner = temp.file_name().unwrap_or_default().as_encoded_bytes();
        let placed = claimed.append(owner).and_then(|()| match self.kind_of(target)? {
            None => self.rename_over(temp, target),
            Some(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        });
        let released = self.remove_file(&claim);
        placed.and(released)
    }

    /// Whether `file` could be renamed into `folder`: not so where that is
    /// another file system, another mount of the same one, or another btrfs
    /// subvolume. Asks with a name that can never be free, so that nothing shows
    /// in the folder: the kernel compares the mounts before it looks at the name.
    pub fn can_rename_into(&self, file: &Path, folder: &Path) -> io::Result<bool> {
        match self.rename_without_replacing(file, &folder.join(".")) {
            Ok(()) => Ok(true),
            Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::XDEV) => Ok(false),
                Some(Errno::EXIST | Errno::BUSY | Errno::INVAL) => Ok(true),
                Some(_) | None => Err(error),
            },
        }
    }

    /// Finds out how files can be placed on a file system, by placing an empty
    /// one from `from` to `to`; neither must exist, and neither is left.
    pub fn probe_placing(&self, from: &Path, to: &Path) -> io::Result<Placing> {
        self.create_file(from, Access::OwnerOnly)?;
        let placed = self.place(from, to);
        let removed = self.remove_file(if placed.is_ok() { to } else { from });
        let placing = placed?;
        removed?;
        Ok(placing)
    }
}

/// The file system or the server says that it does not offer this at all.
/// EPERM is how link(2) says it (vfat, exfat, some SMB servers).
fn cannot(error: &io::Error) -> bool {
    let not_offered = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PERM, Errno::MLINK];
    error.raw_os_error().is_some_and(|code| not_offered.contains(&Errno::from_raw_os_error(code)))
}

pub(super) fn claim_for(temp: &Path, target: &Path) -> PathBuf {
    let sum = Sha256::of(target.as_os_str().as_encoded_bytes()).to_string();
    temp.with_file_name(format!("{CLAIM_PREFIX}{}", &sum[..32]))
}
