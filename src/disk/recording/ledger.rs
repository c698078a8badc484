//! The account of a recorded disk: every file and folder under its root, what
//! of it was synced, and what was done to it since.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{EntryKind, real};

/// A file or folder, whatever it is called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

pub(super) const ROOT: NodeId = NodeId(0);

pub(super) type Names = BTreeMap<OsString, NodeId>;

#[derive(Debug)]
pub(super) enum Node {
    /// Stood there before the account began, or came past it; its bytes are
    /// taken as durable and are what the disk holds.
    Found,
    /// Written by us, by appending only: the first `synced` bytes survive.
    Written { bytes: Vec<u8>, synced: usize },
    /// `changes` are those since the folder was last synced, in order.
    Folder { synced: Names, changes: Vec<Change> },
}

/// An operation on names, numbered in the order they were done.
pub(super) type OperationNo = u64;

/// One step in a folder: names that go and come together. A rename from one
/// folder to another is a change in each, of the same operation.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) operation: OperationNo,
    pub(super) gone: Option<OsString>,
    pub(super) come: Option<(OsString, NodeId)>,
}

impl Change {
    pub(super) fn apply(&self, names: &mut Names) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((name, node)) = &self.come {
            names.insert(name.clone(), *node);
        }
    }
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) root: PathBuf,
    pub(super) nodes: Vec<Node>,
    /// Operations of which a part was made durable by a sync.
    pub(super) durable: BTreeSet<OperationNo>,
    operations: OperationNo,
}

impl Ledger {
    pub(super) fn over(root: &Path) -> io::Result<Self> {
        let mut ledger = Ledger {
            root: root.to_path_buf(),
            nodes: Vec::new(),
            durable: BTreeSet::new(),
            operations: 0,
        };
        ledger.take_stock(root)?;
        Ok(ledger)
    }

    /// Adds `folder` and all in it as durable; the first one added is the root.
    fn take_stock(&mut self, folder: &Path) -> io::Result<NodeId> {
        let id = self.add(Node::Folder { synced: Names::new(), changes: Vec::new() });
        let mut found = Names::new();
        for entry in real::list(folder)? {
            let node = match entry.kind {
                EntryKind::Folder => self.take_stock(&folder.join(&entry.name))?,
                EntryKind::File | EntryKind::Other => self.add(Node::Found),
            };
            found.insert(entry.name, node);
        }
        self.nodes[id.0] = Node::Folder { synced: found, changes: Vec::new() };
        Ok(id)
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// A folder's names as they are now.
    pub(super) fn names_now(&self, folder: NodeId) -> Names {
        match &self.nodes[folder.0] {
            Node::Folder { synced, changes } => {
                let mut names = synced.clone();
                changes.iter().for_each(|change| change.apply(&mut names));
                names
            }
            Node::Found | Node::Written { .. } => Names::new(),
        }
    }

    fn find(&mut self, path: &Path) -> io::Result<NodeId> {
        let below = path.strip_prefix(&self.root).map_err(|_| outside(path))?.to_path_buf();
        let mut at = ROOT;
        let mut reached = self.root.clone();
        for name in below.components() {
            let name = name.as_os_str();
            reached.push(name);
            at = match self.names_now(at).get(name) {
                Some(node) => *node,
                None => self.take_in(at, name, &reached)?,
            };
        }
        Ok(at)
    }

    /// Something that came past the account is taken as durable where it stands.
    fn take_in(&mut self, folder: NodeId, name: &OsStr, path: &Path) -> io::Result<NodeId> {
        let node = match real::kind_of(path)? {
            None => return Err(io::Error::from(io::ErrorKind::NotFound)),
            Some(EntryKind::Folder) => self.take_stock(path)?,
            Some(EntryKind::File | EntryKind::Other) => self.add(Node::Found),
        };
        if let Node::Folder { synced, .. } = &mut self.nodes[folder.0] {
            synced.insert(name.to_os_string(), node);
        }
        Ok(node)
    }

    /// Refuses paths that are not below the recorded root, so that a test that
    /// writes elsewhere does not pass for nothing.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        if path.starts_with(&self.root) { Ok(()) } else { Err(outside(path)) }
    }

    /// Whether the recorded root is in `folder`, however deep, and not it.
    pub(super) fn is_below(&self, folder: &Path) -> bool {
        self.root != folder && self.root.starts_with(folder)
    }

    pub(super) fn path_of(&self, wanted: NodeId) -> PathBuf {
        let mut waiting = vec![(ROOT, self.root.clone())];
        while let Some((folder, path)) = waiting.pop() {
            for (name, node) in self.names_now(folder) {
                let path = path.join(name);
                if node == wanted {
                    return path;
                }
                waiting.push((node, path));
            }
        }
        self.root.clone()
    }

    fn parent_and_name(&mut self, path: &Path) -> io::Result<(NodeId, OsString)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(outside(path));
        };
        Ok((self.find(parent)?, name.to_os_string()))
    }

    /// Enters a change of the operation now being done.
    fn change(&mut self, folder: NodeId, gone: Option<OsString>, come: Option<(OsString, NodeId)>) {
        let operation = self.operations;
        if let Node::Folder { changes, .. } = &mut self.nodes[folder.0] {
            changes.push(Change { operation, gone, come });
        }
    }

    fn come(&mut self, path: &Path, node: NodeId) -> io::Result<()> {
        let (folder, name) = self.parent_and_name(path)?;
        self.operations += 1;
        self.change(folder, None, Some((name, node)));
        Ok(())
    }

    pub(super) fn folder_created(&mut self, folder: &Path) -> io::Result<()> {
        let node = self.add(Node::Folder { synced: Names::new(), changes: Vec::new() });
        self.come(folder, node)
    }

    pub(super) fn file_created(&mut self, path: &Path) -> io::Result<NodeId> {
        let node = self.add(Node::Written { bytes: Vec::new(), synced: 0 });
        self.come(path, node)?;
        Ok(node)
    }

    pub(super) fn appended(&mut self, node: NodeId, more: &[u8]) {
        if let Node::Written { bytes, .. } = &mut self.nodes[node.0] {
            bytes.extend_from_slice(more);
        }
    }

    pub(super) fn file_synced(&mut self, node: NodeId) {
        if let Node::Written { bytes, synced } = &mut self.nodes[node.0] {
            *synced = bytes.len();
        }
    }

    pub(super) fn folder_synced(&mut self, folder: &Path) -> io::Result<()> {
        let node = self.find(folder)?;
        let now = self.names_now(node);
        if let Node::Folder { synced, changes } = &mut self.nodes[node.0] {
            self.durable.extend(changes.drain(..).map(|change| change.operation));
            *synced = now;
        }
        Ok(())
    }

    /// Makes the names of `folder`, and of every folder in it, survive.
    pub(super) fn names_survive(&mut self, folder: &Path) -> io::Result<()> {
        self.folder_synced(folder)?;
        let node = self.find(folder)?;
        for (name, node) in self.names_now(node) {
            if matches!(self.nodes[node.0], Node::Folder { .. }) {
                self.names_survive(&folder.join(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn renamed(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_folder, gone) = self.parent_and_name(from)?;
        let node = self.names_now(from_folder).get(&gone).copied();
        let node = node.unwrap_or_else(|| self.add(Node::Found));
        let (to_folder, name) = self.parent_and_name(to)?;
        self.operations += 1;
        if from_folder == to_folder {
            self.change(from_folder, Some(gone), Some((name, node)));
        } else {
            self.change(to_folder, None, Some((name, node)));
            self.change(from_folder, Some(gone), None);
        }
        Ok(())
    }

    pub(super) fn linked(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from)?;
        self.come(to, node)
    }

    /// Before a name goes, the bytes of a file that only the disk holds are
    /// kept: the name may come back.
    pub(super) fn about_to_vanish(&mut self, path: &Path) -> io::Result<()> {
        self.check(path)?;
        let node = match self.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        if matches!(self.nodes[node.0], Node::Found) {
            let bytes = std::fs::read(path)?;
            self.nodes[node.0] = Node::Written { synced: bytes.len(), bytes };
        }
        Ok(())
    }

    pub(super) fn removed(&mut self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.parent_and_name(path)?;
        self.operations += 1;
        self.change(folder, Some(name), None);
        Ok(())
    }
}

fn outside(path: &Path) -> io::Error {
    let text = format!("{} is not below the recorded folder", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
