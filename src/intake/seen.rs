//! What stands in a hot folder, and which of it nobody writes to any more.
//!
//! Nothing says for certain that a writer is done: it is believed when a file
//! has been the same for a while. Knows no batches.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::disk::{Disk, EntryKind};

/// A file is whole when it was the same over two looks at least so far apart:
/// longer than programs pause that write a page at a time over a network, and
/// than the caches of network shares show an old length (NFS keeps one for 3 s).
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(4);

/// What nobody can read may be only half there: a copier that scans sheet by
/// sheet into one PDF ends it long after its first page.
pub(super) const UNREADABLE_AFTER: Duration = Duration::from_secs(15);

/// So are called what is not finished, or nobody meant: compared in lower case.
const PASSED_OVER_BEGINNINGS: [&str; 2] = [".", "~"];
const PASSED_OVER_ENDINGS: [&str; 8] =
    [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~"];
const LEFT_BY_FILE_MANAGERS: [&str; 3] = ["thumbs.db", "desktop.ini", "icon\r"];

/// What changes when a file is written to, or another takes its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Looks {
    pub(super) fn of(found: &Metadata) -> Self {
        Looks {
            bytes: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            inode: found.ino(),
        }
    }
}

#[derive(Debug)]
struct Seen {
    looks: Looks,
    since: Instant,
    /// Why it is no page, as long as it looks the same.
    unreadable: Option<String>,
}

/// A file that has not changed for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub name: OsString,
    pub looks: Looks,
    /// Why it was no page when it was last read; still the same bytes.
    pub unreadable: Option<String>,
    pub is_given_up_on: bool,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In order of name.
    pub settled: Vec<Settled>,
    /// Some file may still be written to.
    pub is_unsettled: bool,
    /// When something last was new.
    pub newest: Option<Instant>,
    /// Links, pipes, devices, sockets that were not there before.
    pub newly_unheeded: usize,
}

/// What was seen at earlier looks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    seen: BTreeMap<OsString, Seen>,
    unheeded: BTreeSet<OsString>,
}

impl Memory {
    /// `under_way` are names that belong to a batch already.
    pub(super) fn look(
        &mut self,
        disk: &Disk,
        folder: &Path,
        under_way: &BTreeSet<OsString>,
        now: Instant,
    ) -> io::Result<Found> {
        let mut found = Found::default();
        let mut seen = BTreeMap::new();
        let mut unheeded = BTreeSet::new();
        for entry in disk.list(folder)? {
            match entry.kind {
                EntryKind::Folder => continue,
                EntryKind::Other => {
                    found.newly_unheeded += usize::from(!self.unheeded.contains(&entry.name));
                    unheeded.insert(entry.name);
                    continue;
                }
                EntryKind::File => {}
            }
            if is_passed_over(&entry.name) || under_way.contains(&entry.name) {
                continue;
            }
            let looks = match std::fs::symlink_metadata(folder.join(&entry.name)) {
                Ok(about) if about.is_file() => Looks::of(&about),
                // Gone or replaced meanwhile: the next look sees what it is.
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let before = self.seen.remove(&entry.name).filter(|seen| seen.looks == looks);
            let this = before.unwrap_or(Seen { looks, since: now, unreadable: None });
            found.newest = found.newest.max(Some(this.since));
            let still_for = now.duration_since(this.since);
            if still_for >= SETTLED_AFTER {
                found.settled.push(Settled {
                    name: entry.name.clone(),
                    looks,
                    unreadable: this.unreadable.clone(),
                    is_given_up_on: still_for >= UNREADABLE_AFTER,
                });
            } else {
                found.is_unsettled = true;
            }
            seen.insert(entry.name, this);
        }
        self.seen = seen;
        self.unheeded = unheeded;
        Ok(found)
    }

    /// It is looked at again when it changes, or when it is given up on.
    pub(super) fn is_unreadable(&mut self, name: &OsStr, why: &str) {
        if let Some(seen) = self.seen.get_mut(name) {
            seen.unreadable = Some(why.to_owned());
        }
    }

    /// Somebody wrote to it while it was read.
    pub(super) fn forget(&mut self, name: &OsStr) {
        self.seen.remove(name);
    }
}

fn is_passed_over(name: &OsStr) -> bool {
    let name = String::from_utf8_lossy(name.as_bytes()).to_lowercase();
    PASSED_OVER_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || PASSED_OVER_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || LEFT_BY_FILE_MANAGERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(found: &Found) -> Vec<&str> {
        found.settled.iter().map(|settled| settled.name.to_str().unwrap()).collect()
    }

    #[test]
    fn a_file_is_settled_when_it_was_the_same_over_two_looks_far_enough_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        std::fs::write(&path, "half").unwrap();
        let mut memory = Memory::default();
        let begin = Instant::now();
        let mut after = |seconds: u64| {
            let now = begin + Duration::from_secs(seconds);
            memory.look(&Disk::Real, folder.path(), &BTreeSet::new(), now).unwrap()
        };
        assert!(names(&after(0)).is_empty());
        assert!(after(3).is_unsettled);
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(b" and the rest").unwrap();
        assert!(names(&after(5)).is_empty(), "it grew");
        assert!(names(&after(8)).is_empty());
        let found = after(9);
        assert_eq!(names(&found), ["a.tif"]);
        assert!(!found.settled[0].is_given_up_on && !found.is_unsettled);
        assert!(after(20).settled[0].is_given_up_on);
        std::fs::rename(&path, folder.path().join("b.tif")).unwrap();
        assert!(names(&after(21)).is_empty(), "another name is another file");
    }

    #[test]
    fn what_is_no_finished_file_is_passed_over_and_links_and_pipes_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        let passed_over =
            [".hidden", "~lock", "a.TMP", "b.part", "Thumbs.db", "desktop.ini", "c.tif~"];
        for name in passed_over.iter().chain(&["taken.tif", "page.tif"]) {
            std::fs::write(here(name), name).unwrap();
        }
        std::fs::create_dir(here("quarantine")).unwrap();
        std::os::unix::fs::symlink(here("page.tif"), here("link.tif")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, here("pipe.tif"), 0o600.into()).unwrap();
        let mut memory = Memory::default();
        let begin = Instant::now();
        let under_way = BTreeSet::from([OsString::from("taken.tif")]);
        let first = memory.look(&Disk::Real, folder.path(), &under_way, begin).unwrap();
        assert_eq!(first.newly_unheeded, 2);
        let later = begin + SETTLED_AFTER;
        let second = memory.look(&Disk::Real, folder.path(), &under_way, later).unwrap();
        assert_eq!((names(&second), second.newly_unheeded), (vec!["page.tif"], 0));
    }
}
