//! What a power cut leaves, and turning the real folders into it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ledger::{Ledger, Names, Node, NodeId, ROOT};

/// Which of the outcomes a file system allows comes true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCut {
    /// Whatever was not synced is gone: bytes, and names of every kind. Of a
    /// rename that one of its folders was synced after, both ends survive.
    NothingUnsynced,
    /// Every name survived, but no byte that was not synced: the classic file
    /// of length zero after a rename that was not preceded by a sync.
    NamesWithoutBytes,
    /// Of the operations on names that were not synced some survived, in no
    /// order, each whole or not at all; and of the bytes not synced, some.
    Scattered { seed: u64 },
}

enum Left {
    Folder,
    Bytes(Vec<u8>),
}

impl Ledger {
    /// Rewrites the real folders and begins a new account.
    pub(super) fn settle(&mut self, after: AfterCut) -> io::Result<()> {
        let mut left = BTreeMap::new();
        let root = self.root.clone();
        self.collect(ROOT, &root, after, &mut left)?;
        self.remove_what_is_lost(ROOT, &root, &left)?;
        for (path, what) in &left {
            match what {
                Left::Folder if path.is_dir() => {}
                Left::Folder => fs::create_dir(path)?,
                Left::Bytes(bytes) if fs::read(path).is_ok_and(|now| now == *bytes) => {}
                Left::Bytes(bytes) => {
                    // The file may have two names, of which one is to differ.
                    if path.exists() {
                        fs::remove_file(path)?;
                    }
                    fs::write(path, bytes)?;
                }
            }
        }
        *self = Ledger::over(&root)?;
        Ok(())
    }

    fn names_left(&self, folder: NodeId, after: AfterCut) -> Names {
        let Node::Folder { synced, changes } = &self.nodes[folder.0] else {
            return Names::new();
        };
        let mut names = synced.clone();
        let survived = changes.iter().filter(|change| match after {
            AfterCut::NothingUnsynced => self.durable.contains(&change.operation),
            AfterCut::NamesWithoutBytes => true,
            AfterCut::Scattered { seed } => {
                self.durable.contains(&change.operation)
                    || coin(seed, change.operation).is_multiple_of(2)
            }
        });
        survived.for_each(|change| change.apply(&mut names));
        names
    }

    /// Every path that is left; a folder comes before what is in it.
    fn collect(
        &self,
        folder: NodeId,
        path: &Path,
        after: AfterCut,
        left: &mut BTreeMap<PathBuf, Left>,
    ) -> io::Result<()> {
        for (name, node) in self.names_left(folder, after) {
            let path = path.join(name);
            match &self.nodes[node.0] {
                Node::Folder { .. } => {
                    left.insert(path.clone(), Left::Folder);
                    self.collect(node, &path, after, left)?;
                }
                Node::Written { bytes, synced } => {
                    let length = length_left(bytes.len(), *synced, node, after);
                    left.insert(path, Left::Bytes(bytes[..length].to_vec()));
                }
                Node::Found => {
                    let now = self.path_of(node);
                    // Taken away by a program that does not use this disk.
                    if now.exists() {
                        left.insert(path, Left::Bytes(fs::read(now)?));
                    }
                }
            }
        }
        Ok(())
    }

    fn remove_what_is_lost(
        &self,
        folder: NodeId,
        path: &Path,
        left: &BTreeMap<PathBuf, Left>,
    ) -> io::Result<()> {
        for (name, node) in self.names_now(folder) {
            let path = path.join(name);
            let stays = left.contains_key(&path);
            match &self.nodes[node.0] {
                Node::Folder { .. } if stays => self.remove_what_is_lost(node, &path, left)?,
                Node::Folder { .. } => fs::remove_dir_all(&path)?,
                Node::Found | Node::Written { .. } if !stays && path.exists() => {
                    fs::remove_file(&path)?;
                }
                Node::Found | Node::Written { .. } => {}
            }
        }
        Ok(())
    }
}

fn length_left(written: usize, synced: usize, node: NodeId, after: AfterCut) -> usize {
    match after {
        AfterCut::NothingUnsynced | AfterCut::NamesWithoutBytes => synced,
        AfterCut::Scattered { seed } => {
            let unsynced = (written - synced) as u64 + 1;
            synced + (coin(seed, node.0 as u64) % unsynced) as usize
        }
    }
}

/// A number that `seed` gives this thing, and any other seed another.
fn coin(seed: u64, thing: u64) -> u64 {
    scramble(scramble(seed) ^ thing)
}

/// SplitMix64 (Steele, Lea, Flood 2014): a well-spread number for each seed.
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
