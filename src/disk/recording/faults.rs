//! What a disk or a share can do to us, besides losing power.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

pub(super) const NO_SPACE: i32 = Errno::NOSPC.raw_os_error();

/// A fault that stays until [`super::Recorder::mend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The disk takes this many more bytes, then answers "no space left".
    Full { room_bytes: u64 },
    /// Nothing below can be changed.
    ReadOnly { below: PathBuf },
    /// After this many more requests below, the share answers nothing but
    /// "stale file handle", as NFS does once its server is gone.
    Vanishes { below: PathBuf, after_requests: u64 },
    /// Nothing is there any more, as after an unmount.
    Missing { below: PathBuf },
    /// No rename without replacing (NFS).
    LacksRenameWithoutReplacing,
    /// Neither that nor links (FAT-like shares).
    LacksRenameWithoutReplacingAndLinks,
    /// `folder` is another file system: nothing can be renamed or linked into it.
    OtherFileSystem { folder: PathBuf },
    /// Requests below wait until the disk is mended. `held` counts them.
    Stalls { below: PathBuf, held: u32 },
    /// One bit of every file whose name ends so is turned on its way to the disk.
    TurnsABit { name_ends_with: String },
}

/// What is asked of the disk.
#[derive(Debug)]
pub(super) enum Request<'a> {
    Create(&'a Path),
    Append(&'a Path),
    Sync(&'a Path),
    RenameWithoutReplacing { from: &'a Path, to: &'a Path },
    Rename { from: &'a Path, to: &'a Path },
    Link { from: &'a Path, to: &'a Path },
    Remove(&'a Path),
    Read(&'a Path),
}

impl Request<'_> {
    pub(super) fn changes(&self) -> bool {
        !matches!(self, Request::Read(_))
    }

    fn paths(&self) -> [&Path; 2] {
        match self {
            Request::Create(path)
            | Request::Append(path)
            | Request::Sync(path)
            | Request::Remove(path)
            | Request::Read(path) => [path, path],
            Request::RenameWithoutReplacing { from, to }
            | Request::Rename { from, to }
            | Request::Link { from, to } => [from, to],
        }
    }

    fn touches(&self, below: &Path) -> bool {
        self.paths().iter().any(|path| path.starts_with(below))
    }

    fn crosses_into(&self, folder: &Path) -> bool {
        let [from, to] = self.paths();
        from.starts_with(folder) != to.starts_with(folder)
    }
}

impl Fault {
    /// The disk's answer to `request`, where the fault has one.
    pub(super) fn strike(&mut self, request: &Request<'_>) -> io::Result<()> {
        let answer = match self {
            Fault::ReadOnly { below } => {
                (request.changes() && request.touches(below)).then_some(Errno::ROFS)
            }
            Fault::Missing { below } => request.touches(below).then_some(Errno::NOENT),
            Fault::Vanishes { below, after_requests } => match request.touches(below) {
                true if *after_requests == 0 => Some(Errno::STALE),
                true => {
                    *after_requests -= 1;
                    None
                }
                false => None,
            },
            Fault::LacksRenameWithoutReplacing => {
                matches!(request, Request::RenameWithoutReplacing { .. }).then_some(Errno::INVAL)
            }
            Fault::LacksRenameWithoutReplacingAndLinks => match request {
                Request::RenameWithoutReplacing { .. } => Some(Errno::INVAL),
                Request::Link { .. } => Some(Errno::PERM),
                Request::Create(_)
                | Request::Append(_)
                | Request::Sync(_)
                | Request::Rename { .. }
                | Request::Remove(_)
                | Request::Read(_) => None,
            },
            Fault::OtherFileSystem { folder } => {
                request.crosses_into(folder).then_some(Errno::XDEV)
            }
            Fault::Full { room_bytes } => {
                (*room_bytes == 0 && matches!(request, Request::Create(_))).then_some(Errno::NOSPC)
            }
            Fault::Stalls { .. } | Fault::TurnsABit { .. } => None,
        };
        answer.map_or(Ok(()), |errno| Err(errno.into()))
    }

    /// Bytes the disk still takes, where it is limited.
    pub(super) fn room(&self) -> Option<u64> {
        match self {
            Fault::Full { room_bytes } => Some(*room_bytes),
            Fault::ReadOnly { .. }
            | Fault::Vanishes { .. }
            | Fault::Missing { .. }
            | Fault::LacksRenameWithoutReplacing
            | Fault::LacksRenameWithoutReplacingAndLinks
            | Fault::OtherFileSystem { .. }
            | Fault::Stalls { .. }
            | Fault::TurnsABit { .. } => None,
        }
    }

    /// Bytes on their way to the disk.
    pub(super) fn pass_bytes(&mut self, path: &Path, bytes: &mut [u8]) {
        match self {
            Fault::Full { room_bytes } => *room_bytes -= bytes.len() as u64,
            Fault::TurnsABit { name_ends_with } => {
                let named = path.as_os_str().to_string_lossy().ends_with(name_ends_with.as_str());
                if let (true, Some(first)) = (named, bytes.first_mut()) {
                    *first ^= 1;
                }
            }
            Fault::ReadOnly { .. }
            | Fault::Vanishes { .. }
            | Fault::Missing { .. }
            | Fault::LacksRenameWithoutReplacing
            | Fault::LacksRenameWithoutReplacingAndLinks
            | Fault::OtherFileSystem { .. }
            | Fault::Stalls { .. } => {}
        }
    }

    pub(super) fn stalls(&self, request: &Request<'_>) -> bool {
        matches!(self, Fault::Stalls { below, .. } if request.touches(below))
    }

    pub(super) fn hold_one(&mut self) {
        if let Fault::Stalls { held, .. } = self {
            *held += 1;
        }
    }

    pub(super) fn holds_someone(&self) -> bool {
        matches!(self, Fault::Stalls { held, .. } if *held > 0)
    }
}
