//! A disk that does everything for real and also keeps account of what a power
//! cut would leave.
//!
//! SIGKILL leaves the kernel's cache standing, so killing the station proves
//! nothing about its syncs. This disk does: it lets the power fail at any
//! operation ([`Recorder::cut_after`]) and then turns the real folders into
//! what would be found at the next start ([`Recorder::settle_after_cut`]):
//! a file's bytes as of its last sync, names as of the last sync of their
//! folder. It also forgets to sync on request ([`Recorder::ignore_sync`]),
//! so that a test can show that every sync in the code is needed.
//!
//! It is told of nothing that goes past it. What other programs (the database)
//! keep in the recorded folders is left alone, unless the folder it is in would
//! itself be lost.
//!
//! [`ledger`] is the account; [`faults`] what else a disk can do to us.

pub mod faults;
mod ledger;
mod power_cut;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::Location;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Access, Entry, EntryKind, Space, real};
use faults::{Fault, Request};
use ledger::Ledger;
pub use ledger::NodeId;
pub use power_cut::AfterCut;

/// A handle on the recorded disk; clones share it.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

struct State {
    ledger: Ledger,
    /// Changing operations begun so far, the one the power failed in included.
    operations: u64,
    /// The power fails in the operation after this many.
    cut_after: Option<u64>,
    powered: bool,
    sync_calls: BTreeMap<SyncSite, u64>,
    ignored: BTreeSet<SyncSite>,
    faults: Vec<Fault>,
}

/// A place in the code that asks for a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncSite {
    pub file: &'static str,
    pub line: u32,
    pub column: u32,
}

impl From<&Location<'static>> for SyncSite {
    fn from(at: &Location<'static>) -> Self {
        SyncSite { file: at.file(), line: at.line(), column: at.column() }
    }
}

impl fmt::Display for SyncSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({} operations)", self.lock().operations)
    }
}

/// How far into an operation the power lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    Lasts,
    FailsHere,
}

impl Recorder {
    /// Records everything under `root`, which exists; what stands there now, and
    /// the name of `root` itself, is taken as durable.
    pub fn over(root: &Path) -> io::Result<Self> {
        let state = State {
            ledger: Ledger::over(root)?,
            operations: 0,
            cut_after: None,
            powered: true,
            sync_calls: BTreeMap::new(),
            ignored: BTreeSet::new(),
            faults: Vec::new(),
        };
        Ok(Recorder(Arc::new(Shared { state: Mutex::new(state), released: Condvar::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test thread that panicked while holding it leaves an account that is still whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changing operations done since the start or the last restart.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Lets `operations` more changing operations succeed, counted from the
    /// start or the last restart; the power fails in the next one (half of a
    /// write is done, anything else is not), and nothing works from then on.
    pub fn cut_after(&self, operations: u64) {
        self.lock().cut_after = Some(operations);
    }

    pub fn power_failed(&self) -> bool {
        !self.lock().powered
    }

    /// Every place that asked for a sync so far, and how often.
    pub fn sync_sites(&self) -> BTreeMap<SyncSite, u64> {
        self.lock().sync_calls.clone()
    }

    /// From now on syncs asked for at `site` answer "done" and do nothing, as if
    /// the line were not there.
    pub fn ignore_sync(&self, site: SyncSite) {
        self.lock().ignored.insert(site);
    }

    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes every injected fault back, and lets what is stalled go on.
    pub fn mend(&self) {
        self.lock().faults.clear();
        self.0.released.notify_all();
    }

    /// Waits until some operation is held up by [`Fault::Stalls`].
    pub fn wait_until_stalled(&self) {
        let mut state = self.lock();
        while !state.faults.iter().any(Fault::holds_someone) {
            state = self.0.released.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The process was killed and started again: everything written still
    /// stands in the kernel's cache, and what was not synced still is not.
    pub fn restart_process(&self) {
        let mut state = self.lock();
        state.powered = true;
        state.cut_after = None;
        state.operations = 0;
    }

    /// Another machine acted on the names in `folder`, however deep, as they are
    /// now: those survive a power cut of this one.
    pub fn names_were_seen(&self, folder: &Path) -> io::Result<()> {
        self.lock().ledger.names_survive(folder)
    }

    /// Turns the recorded folders into what is found after the power cut, and
    /// starts a new account from there. Ignored syncs stay ignored.
    pub fn settle_after_cut(&self, after: AfterCut) -> io::Result<()> {
        let mut state = self.lock();
        state.ledger.settle(after)?;
        state.powered = true;
        state.cut_after = None;
        state.operations = 0;
        Ok(())
    }

    /// Waits out a stall, then says whether the operation may begin.
    fn begin(&self, request: &Request<'_>) -> io::Result<(MutexGuard<'_, State>, Power)> {
        let mut state = self.lock();
        while let Some(stalled) = state.faults.iter_mut().find(|fault| fault.stalls(request)) {
            stalled.hold_one();
            self.0.released.notify_all();
            state = self.0.released.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let power = state.begin(request)?;
        Ok((state, power))
    }

    /// For operations that are done whole or not at all.
    fn begin_whole(&self, request: &Request<'_>) -> io::Result<MutexGuard<'_, State>> {
        match self.begin(request)? {
            (state, Power::Lasts) => Ok(state),
            (_, Power::FailsHere) => Err(power_is_out()),
        }
    }
}

impl State {
    fn begin(&mut self, request: &Request<'_>) -> io::Result<Power> {
        if !self.powered {
            return Err(power_is_out());
        }
        if request.changes() {
            self.operations += 1;
            if self.cut_after.is_some_and(|last| self.operations > last) {
                self.powered = false;
                return Ok(Power::FailsHere);
            }
        }
        for fault in &mut self.faults {
            fault.strike(request)?;
        }
        Ok(Power::Lasts)
    }

    /// Whether a sync asked for at `at` is to be done.
    fn sync_counts(&mut self, at: &Location<'static>) -> bool {
        let site = SyncSite::from(at);
        *self.sync_calls.entry(site).or_default() += 1;
        !self.ignored.contains(&site)
    }
}

fn power_is_out() -> io::Error {
    io::Error::other("the power is out (recording disk)")
}

/// The operations of [`super::Disk`], recorded.
impl Recorder {
    pub(super) fn create_folder(&self, folder: &Path, access: Access) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Create(folder))?;
        state.ledger.check(folder)?;
        real::create_folder(folder, access)?;
        state.ledger.folder_created(folder)
    }

    pub(super) fn create_file(&self, path: &Path, access: Access) -> io::Result<(File, NodeId)> {
        let mut state = self.begin_whole(&Request::Create(path))?;
        state.ledger.check(path)?;
        let file = real::create_file(path, access)?;
        Ok((file, state.ledger.file_created(path)?))
    }

    pub(super) fn append(&self, file: &mut File, node: NodeId, bytes: &[u8]) -> io::Result<()> {
        let path = self.lock().ledger.path_of(node);
        let (mut state, power) = self.begin(&Request::Append(&path))?;
        let room = state.faults.iter().filter_map(Fault::room).min().unwrap_or(u64::MAX);
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let done = match power {
            Power::Lasts => fits,
            Power::FailsHere => fits / 2,
        };
        let mut kept = bytes[..done].to_vec();
        for fault in &mut state.faults {
            fault.pass_bytes(&path, &mut kept);
        }
        real::append(file, &kept)?;
        state.ledger.appended(node, &kept);
        match power {
            Power::FailsHere => Err(power_is_out()),
            Power::Lasts if done < bytes.len() => {
                Err(io::Error::from_raw_os_error(faults::NO_SPACE))
            }
            Power::Lasts => Ok(()),
        }
    }

    pub(super) fn sync_file(
        &self,
        file: &File,
        node: NodeId,
        at: &Location<'static>,
    ) -> io::Result<()> {
        let path = self.lock().ledger.path_of(node);
        let mut state = self.begin_whole(&Request::Sync(&path))?;
        if state.sync_counts(at) {
            real::sync(file)?;
            state.ledger.file_synced(node);
        }
        Ok(())
    }

    pub(super) fn sync_folder(&self, folder: &Path, at: &Location<'static>) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Sync(folder))?;
        let above_root = state.ledger.is_below(folder);
        if !above_root {
            state.ledger.check(folder)?;
        }
        if state.sync_counts(at) && !above_root {
            real::sync_folder(folder)?;
            state.ledger.folder_synced(folder)?;
        }
        Ok(())
    }

    pub(super) fn rename_without_replacing(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::RenameWithoutReplacing { from, to })?;
        state.ledger.check(from)?;
        state.ledger.check(to)?;
        real::rename_without_replacing(from, to)?;
        state.ledger.renamed(from, to)
    }

    pub(super) fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Rename { from, to })?;
        state.ledger.check(from)?;
        state.ledger.about_to_vanish(to)?;
        real::rename_over(from, to)?;
        state.ledger.renamed(from, to)
    }

    pub(super) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Link { from, to })?;
        state.ledger.check(from)?;
        state.ledger.check(to)?;
        real::link(from, to)?;
        state.ledger.linked(from, to)
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Remove(path))?;
        state.ledger.about_to_vanish(path)?;
        real::remove_file(path)?;
        state.ledger.removed(path)
    }

    pub(super) fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.begin_whole(&Request::Remove(folder))?;
        state.ledger.about_to_vanish(folder)?;
        real::remove_folder(folder)?;
        state.ledger.removed(folder)
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let _state = self.begin_whole(&Request::Read(path))?;
        real::open(path)
    }

    pub(super) fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let _state = self.begin_whole(&Request::Read(folder))?;
        real::list(folder)
    }

    pub(super) fn kind_of(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        let _state = match self.begin_whole(&Request::Read(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            begun => begun?,
        };
        real::kind_of(path)
    }

    pub(super) fn may_make_files_in(&self, folder: &Path) -> io::Result<()> {
        let _state = self.begin_whole(&Request::Create(folder))?;
        real::may_make_files_in(folder)
    }

    pub(super) fn space(&self, folder: &Path) -> io::Result<Space> {
        let state = self.begin_whole(&Request::Read(folder))?;
        let mut space = real::space(folder)?;
        for room in state.faults.iter().filter_map(Fault::room) {
            space.free = space.free.min(room);
        }
        Ok(space)
    }
}
