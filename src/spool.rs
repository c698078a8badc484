//! Makes a page durable and hands originals back.
//!
//! ```text
//! STATE/spool/<batch>/0001.png                 an original: written once, never again
//! STATE/spool/<batch>/.0001.png.0.part         being written
//! STATE/spool/<batch>/unclaimed/0001.png       found without a row, moved aside
//! STATE/spool/<batch>/derived/…                can be made again from the originals
//! STATE/spool/<batch>/derived/.….part          being written; deleted when the batch goes on
//! ```
//!
//! An original is kept in four steps: temporary file in the same folder, sync,
//! rename without replacing, sync of the folder. [`Spool::keep`] returns after
//! the fourth, and only then may the page's row be committed and the page be
//! shown as scanned. A stop between the fourth step and the row leaves a file
//! without a row: at the next start [`Spool::set_unclaimed_aside`] moves it out
//! of the way. Nothing here deletes an original but [`Spool::remove_batch`],
//! once the batch's profile says that they have been kept long enough.
//!
//! Which pages a batch has is the store's knowledge, not the spool's.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::durable::{WriteFault, make_folders, unused_path, write_synced};
use crate::disk::{Access, Disk, EntryKind, NewFile};
use crate::records::ids::{BatchId, PageNo, Sha256};

/// Below this much free room no sheet is asked for: both sides of an A3 sheet
/// at 600 dpi in colour are 418 MB before compression, and the pages in work
/// and the database want as much again.
pub const FREE_SPACE_FLOOR_BYTES: u64 = 1 << 30;

const UNCLAIMED: &str = "unclaimed";
const DERIVED: &str = "derived";
const TEMP_SUFFIX: &str = ".part";
const SPOOL_ID: &str = "spool-id";

/// What kind of file an original is; gives its name's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalKind {
    Png,
    Jpeg,
    Tiff,
    Pnm,
    Pdf,
    /// Kept as it came, though nothing Outguide reads.
    Unknown,
}

impl OriginalKind {
    pub fn extension(self) -> &'static str {
        match self {
            OriginalKind::Png => "png",
            OriginalKind::Jpeg => "jpg",
            OriginalKind::Tiff => "tif",
            OriginalKind::Pnm => "pnm",
            OriginalKind::Pdf => "pdf",
            OriginalKind::Unknown => "bin",
        }
    }

    /// By the first bytes, not by the name a file came with.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => OriginalKind::Png,
            [0xFF, 0xD8, 0xFF, ..] => OriginalKind::Jpeg,
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => OriginalKind::Tiff,
            [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..] => OriginalKind::Tiff,
            [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t' | b'#', ..] => OriginalKind::Pnm,
            [b'%', b'P', b'D', b'F', b'-', ..] => OriginalKind::Pdf,
            _ => OriginalKind::Unknown,
        }
    }
}

/// A page that survives a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// File name within the batch's spool folder.
    pub file: String,
    pub sha256: Sha256,
    /// Length of the file.
    pub bytes: u64,
}

/// A file of a batch that no row names, and where it lies now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// The name it was found under.
    pub file: String,
    pub moved_to: PathBuf,
    pub was: UnclaimedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnclaimedKind {
    /// Whole: the stop came between its rename and its row.
    Original,
    /// The stop came while it was written.
    Unfinished,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolFault {
    #[error(
        "the spool folder {} cannot be used; check that the disk is mounted and that this \
         user may write there", folder.display()
    )]
    OpenSpool { folder: PathBuf, source: io::Error },
    #[error(
        "{} MB are free on the disk of {} and {} MB are kept in reserve; free some room there, \
         then feed on: everything scanned so far is kept",
        free_bytes >> 20, folder.display(), floor_bytes >> 20
    )]
    LowOnSpace { folder: PathBuf, free_bytes: u64, floor_bytes: u64 },
    #[error("how much room is left for the spool {} cannot be found out", folder.display())]
    MeasureSpace { folder: PathBuf, source: io::Error },
    #[error(
        "page {page} could not be kept because the disk of {} is full; free some room there and \
         feed its sheet again: the pages before it are kept", folder.display()
    )]
    DiskFull { page: PageNo, folder: PathBuf, source: io::Error },
    #[error(
        "page {page} could not be kept in {}; keep its sheet aside and feed it again once the \
         disk is in order: the pages before it are kept", folder.display()
    )]
    WriteOriginal { page: PageNo, folder: PathBuf, source: io::Error },
    #[error(
        "page {page} stands in the spool already as {file}; an original is never written \
         again. Resume the batch, so that files no page claims are moved aside"
    )]
    PageExists { page: PageNo, file: String },
    #[error("{file:?} is not a name the spool gives")]
    NotASpoolName { file: String },
    #[error("the original {} cannot be read back; check the disk", path.display())]
    ReadOriginal { path: PathBuf, source: io::Error },
    #[error(
        "the original {} cannot be read back, though its folder can; check the disk and scan \
         this page again", path.display()
    )]
    OriginalLost { path: PathBuf, source: io::Error },
    #[error(
        "the original {} is not what was scanned any more (its hash differs); check the disk \
         and scan this page again", path.display()
    )]
    OriginalChanged { path: PathBuf, expected: Sha256, found: Sha256 },
    #[error("files without a page in {} could not be moved aside", folder.display())]
    SetAside { folder: PathBuf, source: io::Error },
    #[error("a working file could not be written in {}", folder.display())]
    WriteDerived { folder: PathBuf, source: io::Error },
    #[error("the files of a batch in {} could not be removed", folder.display())]
    RemoveBatch { folder: PathBuf, source: io::Error },
}

/// The spool of one station. Clones share it.
#[derive(Debug, Clone)]
pub struct Spool {
    root: PathBuf,
    disk: Disk,
    floor_bytes: u64,
    /// Of a spool that stations share; empty where it is one station's own.
    id: String,
    /// Batches whose folder's name this process has made durable.
    durable_batches: Arc<Mutex<BTreeSet<BatchId>>>,
    temps_made: Arc<AtomicU64>,
}

/// Whether the disk of `folder` has as much free as must stay so.
pub fn room_for_a_sheet(disk: &Disk, folder: &Path, floor_bytes: u64) -> Result<(), SpoolFault> {
    let space = disk.space(folder);
    let space =
        space.map_err(|source| SpoolFault::MeasureSpace { folder: folder.to_owned(), source })?;
    if space.free < floor_bytes {
        let folder = folder.to_owned();
        return Err(SpoolFault::LowOnSpace { folder, free_bytes: space.free, floor_bytes });
    }
    Ok(())
}

impl Spool {
    /// Opens `STATE/spool`, making it and `state` itself where they are missing.
    pub fn open(state: &Path, disk: Disk, floor_bytes: u64) -> Result<Self, SpoolFault> {
        let root = state.join("spool");
        let root = make_state_folder(&disk, state)
            .and_then(|state| make_folders(&disk, &state, Path::new("spool"), Access::OwnerOnly))
            .map_err(|source| SpoolFault::OpenSpool { folder: root, source })?;
        Ok(Spool {
            root,
            disk,
            floor_bytes,
            id: String::new(),
            durable_batches: Arc::default(),
            temps_made: Arc::default(),
        })
    }

    /// Opens a spool on a mount that stations share. It is known on each of them
    /// by what stands in `spool-id`: a mount that is missing, or is another, is
    /// not taken for it.
    pub fn open_shared(folder: &Path, disk: Disk, floor_bytes: u64) -> Result<Self, SpoolFault> {
        let fault = |source| SpoolFault::OpenSpool { folder: folder.to_owned(), source };
        let root = folder.canonicalize().map_err(fault)?;
        let id = shared_id(&disk, &root).map_err(fault)?;
        Ok(Spool {
            root,
            disk,
            floor_bytes,
            id,
            durable_batches: Arc::default(),
            temps_made: Arc::default(),
        })
    }

    /// Of a spool that stations share; empty where it is one station's own.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn batch_folder(&self, batch: &BatchId) -> PathBuf {
        self.root.join(batch.as_str())
    }

    /// To be asked before every sheet: a full disk stops the feeder before it
    /// stops the spool.
    pub fn room_for_a_sheet(&self) -> Result<(), SpoolFault> {
        room_for_a_sheet(&self.disk, &self.root, self.floor_bytes)
    }

    /// Free to the station where its pages are kept. Blocks.
    pub fn free_bytes(&self) -> Result<u64, SpoolFault> {
        let space = self.disk.space(&self.root);
        let fault = |source| SpoolFault::MeasureSpace { folder: self.root.clone(), source };
        Ok(space.map_err(fault)?.free)
    }

    /// Makes a page durable. Once this returns, `bytes` survive any stop.
    pub fn keep(
        &self,
        batch: &BatchId,
        page: PageNo,
        bytes: &[u8],
        kind: OriginalKind,
    ) -> Result<Kept, SpoolFault> {
        let folder = self.batch_folder(batch);
        let fault = |source| write_original_fault(page, &folder, source);
        self.make_batch_folder(batch).map_err(fault)?;
        let file = format!("{page:04}.{}", kind.extension());
        let temp = self.temp_path(&folder, &file).map_err(fault)?;
        let written = write_synced(&self.disk, &temp, Access::OwnerOnly, &mut &bytes[..]).map_err(
            |stopped| {
                self.give_up(&temp);
                fault(stopped.into_cause())
            },
        )?;
        match self.disk.place(&temp, &folder.join(&file)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.give_up(&temp);
                return Err(SpoolFault::PageExists { page, file });
            }
            Err(error) => {
                self.give_up(&temp);
                return Err(fault(error));
            }
        }
        self.disk.sync_folder(&folder).map_err(fault)?;
        Ok(Kept { file, sha256: written.sha256, bytes: written.bytes })
    }

    /// An original's bytes, as the disk holds them.
    pub fn original(&self, batch: &BatchId, file: &str) -> Result<Vec<u8>, SpoolFault> {
        let path = self.original_path(batch, file)?;
        self.disk.read(&path).map_err(|source| {
            // A disk that is gone, or a system short of something, costs the
            // folder too, and is no fault of this one page.
            match self.disk.list(&self.batch_folder(batch)) {
                Ok(_) => SpoolFault::OriginalLost { path, source },
                Err(_) => SpoolFault::ReadOriginal { path, source },
            }
        })
    }

    /// An original's bytes, known to be those that were scanned.
    pub fn verified_original(
        &self,
        batch: &BatchId,
        file: &str,
        expected: Sha256,
    ) -> Result<Vec<u8>, SpoolFault> {
        let bytes = self.original(batch, file)?;
        let found = Sha256::of(&bytes);
        if found != expected {
            let path = self.original_path(batch, file)?;
            return Err(SpoolFault::OriginalChanged { path, expected, found });
        }
        Ok(bytes)
    }

    /// Where an original lies. `file` is as in [`Kept::file`].
    pub fn original_path(&self, batch: &BatchId, file: &str) -> Result<PathBuf, SpoolFault> {
        if is_plain_name(file) {
            Ok(self.batch_folder(batch).join(file))
        } else {
            Err(SpoolFault::NotASpoolName { file: file.to_owned() })
        }
    }

    /// Moves every file that `claimed` (the files the batch's rows name) does
    /// not hold into `unclaimed/`, durably. They are never deleted and never
    /// become pages: what a stop left behind is fed again. Derived files it left
    /// half-written are deleted. For the start of a resumed batch, before its
    /// first new page.
    pub fn set_unclaimed_aside(
        &self,
        batch: &BatchId,
        claimed: &BTreeSet<String>,
    ) -> Result<Vec<Unclaimed>, SpoolFault> {
        let folder = self.batch_folder(batch);
        self.move_unclaimed(&folder, claimed)
            .map_err(|source| SpoolFault::SetAside { folder, source })
    }

    fn move_unclaimed(
        &self,
        folder: &Path,
        claimed: &BTreeSet<String>,
    ) -> io::Result<Vec<Unclaimed>> {
        if self.disk.kind_of(folder)?.is_none() {
            return Ok(Vec::new());
        }
        self.delete_half_derived(&folder.join(DERIVED))?;
        let mut strays = self.disk.list(folder)?;
        strays.retain(|entry| {
            let own_folder = entry.kind == EntryKind::Folder
                && (entry.name == UNCLAIMED || entry.name == DERIVED);
            !own_folder && !claimed.contains(&*entry.name.to_string_lossy())
        });
        // What an earlier start moved there may be so only in the kernel's cache.
        let moved_before = self.disk.kind_of(&folder.join(UNCLAIMED))?.is_some();
        if strays.is_empty() && !moved_before {
            return Ok(Vec::new());
        }
        let aside = make_folders(&self.disk, folder, Path::new(UNCLAIMED), Access::OwnerOnly)?;
        let mut moved = Vec::new();
        for stray in strays {
            let file = stray.name.to_string_lossy().into_owned();
            let moved_to = self.move_aside(&folder.join(&stray.name), &aside, &file)?;
            let was = match file.starts_with('.') {
                true => UnclaimedKind::Unfinished,
                false => UnclaimedKind::Original,
            };
            moved.push(Unclaimed { file, moved_to, was });
        }
        // Before the batch folder is next synced: the names would be gone from
        // there and not yet be here.
        self.disk.sync_folder(&aside)?;
        Ok(moved)
    }

    /// What was being derived when a stop came is derived anew under its own name.
    fn delete_half_derived(&self, derived: &Path) -> io::Result<()> {
        if self.disk.kind_of(derived)? != Some(EntryKind::Folder) {
            return Ok(());
        }
        for entry in self.disk.list(derived)? {
            let name = entry.name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(TEMP_SUFFIX) {
                self.disk.remove_file(&derived.join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// To the first free name: a page may have been left unclaimed before.
    fn move_aside(&self, from: &Path, aside: &Path, file: &str) -> io::Result<PathBuf> {
        let plain = file.trim_start_matches('.');
        for attempt in 1_u32.. {
            let to = match attempt {
                1 => aside.join(plain),
                again => aside.join(format!("{again}~{plain}")),
            };
            match self.disk.place(from, &to) {
                Ok(_) => return Ok(to),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Removes all there is of a batch, for good, and durably; what a stop left
    /// of it too. The store has recorded before that this is to be.
    pub fn remove_batch(&self, batch: &BatchId) -> Result<(), SpoolFault> {
        let folder = self.batch_folder(batch);
        self.durable_batches.lock().unwrap_or_else(PoisonError::into_inner).remove(batch);
        self.try_to_remove(&folder).map_err(|source| SpoolFault::RemoveBatch { folder, source })
    }

    fn try_to_remove(&self, folder: &Path) -> io::Result<()> {
        // Where the mount is away nothing is there, and nothing is gone.
        if !self.id.is_empty() && id_of_shared(&self.disk, &self.root)? != self.id {
            return Err(io::Error::other("another spool is mounted there"));
        }
        if self.disk.kind_of(folder)?.is_some() {
            self.remove_whole(folder)?;
        }
        // Where the folder was gone already too: a run that was killed before
        // this has removed it, and a power cut could bring it back.
        self.disk.sync_folder(&self.root)
    }

    fn remove_whole(&self, folder: &Path) -> io::Result<()> {
        for entry in self.disk.list(folder)? {
            let path = folder.join(&entry.name);
            match entry.kind {
                EntryKind::Folder => self.remove_whole(&path)?,
                // A link goes itself, not what it names.
                EntryKind::File | EntryKind::Other => self.disk.remove_file(&path)?,
            }
        }
        self.disk.remove_folder(folder)
    }

    /// The folder for what can be made again from the originals; made where it
    /// is missing, and not durable.
    pub fn derived(&self, batch: &BatchId) -> Result<PathBuf, SpoolFault> {
        let folder = self.batch_folder(batch).join(DERIVED);
        match self.disk.create_folder(&folder, Access::OwnerOnly) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(SpoolFault::WriteDerived { folder, source })
            }
            Ok(()) | Err(_) => Ok(folder),
        }
    }

    /// Writes a derived file whole, over an earlier one of that name. After a
    /// power cut it may be missing or empty: whoever reads it makes it again.
    pub fn write_derived(
        &self,
        batch: &BatchId,
        file: &str,
        bytes: &[u8],
    ) -> Result<PathBuf, SpoolFault> {
        let folder = self.batch_folder(batch).join(DERIVED);
        self.write_derived_piecewise(batch, file, |new| {
            new.append(bytes).map_err(|source| SpoolFault::WriteDerived { folder, source })
        })
    }

    /// The same, written piece by piece: where `write` fails, nothing of it stays.
    pub fn write_derived_piecewise<E: From<SpoolFault>>(
        &self,
        batch: &BatchId,
        file: &str,
        write: impl FnOnce(&mut NewFile) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        if !is_plain_name(file) {
            return Err(SpoolFault::NotASpoolName { file: file.to_owned() }.into());
        }
        let folder = self.derived(batch)?;
        let path = folder.join(file);
        let fault = |source| SpoolFault::WriteDerived { folder: folder.clone(), source };
        let temp = self.temp_path(&folder, file).map_err(fault)?;
        let mut new = self.disk.create_file(&temp, Access::OwnerOnly).map_err(fault)?;
        let written = write(&mut new)
            .and_then(|()| Ok(self.disk.rename_over(&temp, &path).map_err(fault)?));
        if written.is_err() {
            self.give_up(&temp);
        }
        written.map(|()| path)
    }

    /// A derived file that was just written, to be read.
    pub fn open_derived(&self, path: &Path) -> Result<std::fs::File, SpoolFault> {
        self.disk
            .open(path)
            .map_err(|source| SpoolFault::ReadOriginal { path: path.to_owned(), source })
    }

    /// A derived file's bytes; `None` where it cannot be read, or is not what was
    /// written, as after a power cut: it is to be made again.
    pub fn read_derived(
        &self,
        batch: &BatchId,
        file: &str,
        expected: Sha256,
    ) -> Result<Option<Vec<u8>>, SpoolFault> {
        let path = self.derived(batch)?.join(file);
        match self.disk.read(&path) {
            Ok(bytes) => Ok((Sha256::of(&bytes) == expected).then_some(bytes)),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "a derived file is not there");
                Ok(None)
            }
        }
    }

    fn make_batch_folder(&self, batch: &BatchId) -> io::Result<()> {
        let mut durable = self.durable_batches.lock().unwrap_or_else(PoisonError::into_inner);
        if !durable.contains(batch) {
            make_folders(&self.disk, &self.root, Path::new(batch.as_str()), Access::OwnerOnly)?;
            durable.insert(batch.clone());
        }
        Ok(())
    }

    /// Hidden, and used by nothing else.
    fn temp_path(&self, folder: &Path, file: &str) -> io::Result<PathBuf> {
        let no = self.temps_made.fetch_add(1, Ordering::Relaxed);
        unused_path(&self.disk, folder, no, |no| format!(".{file}.{no}{TEMP_SUFFIX}"))
    }

    /// Takes away a temporary file that will not become anything, to give a
    /// full disk its room back. Where that fails too, it is moved aside at the
    /// next start; what came before is the cause to report.
    fn give_up(&self, temp: &Path) {
        if let Err(error) = self.disk.remove_file(temp)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(error = %error, "an unfinished file stays until the next start");
        }
    }
}

/// Makes `state` and what is missing above it. The lowest folder found may
/// exist only in the kernel's cache, left by a run that was killed, so its own
/// name is made durable too; where this user may not read the folder above, an
/// administrator made it.
fn make_state_folder(disk: &Disk, state: &Path) -> io::Result<PathBuf> {
    let state = std::path::absolute(state)?;
    let mut found = state.as_path();
    while disk.kind_of(found)?.is_none() {
        found = found.parent().ok_or(io::ErrorKind::NotFound)?;
    }
    let missing = state.strip_prefix(found).expect("found is above state or is it");
    let found = std::fs::canonicalize(found)?;
    if let Some(above) = found.parent() {
        match disk.sync_folder(above) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    make_folders(disk, &found, missing, Access::OwnerOnly)
}

/// What the spool that stations share at `root` is known by.
pub fn id_of_shared(disk: &Disk, root: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&disk.read(&root.join(SPOOL_ID))?).trim().to_owned())
}

/// Two stations may come to a new spool at once: the first name given stands.
fn shared_id(disk: &Disk, root: &Path) -> io::Result<String> {
    let path = root.join(SPOOL_ID);
    if disk.kind_of(&path)?.is_none() {
        let mut drawn = [0; 16];
        rustix::rand::getrandom(&mut drawn, rustix::rand::GetRandomFlags::empty())?;
        let id: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
        let temp = unused_path(disk, root, 0, |no| format!(".{SPOOL_ID}.{no}{TEMP_SUFFIX}"))?;
        write_synced(disk, &temp, Access::OwnerOnly, &mut id.as_bytes())
            .map_err(WriteFault::into_cause)?;
        match disk.place(&temp, &path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove_file(&temp)?;
            }
            Err(error) => return Err(error),
        }
        disk.sync_folder(root)?;
    }
    let id = id_of_shared(disk, root)?;
    if id.is_empty() {
        return Err(io::Error::other(format!("{} is empty; delete it", path.display())));
    }
    Ok(id)
}

fn write_original_fault(page: PageNo, folder: &Path, source: io::Error) -> SpoolFault {
    let folder = folder.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            SpoolFault::DiskFull { page, folder, source }
        }
        _ => SpoolFault::WriteOriginal { page, folder, source },
    }
}

/// A name that stays in its folder and is not hidden.
pub fn is_plain_name(file: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !file.is_empty() && file.len() <= 100 && !file.starts_with('.') && file.bytes().all(plain)
}

#[cfg(test)]
mod tests;
