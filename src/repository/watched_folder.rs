//! Files documents into a folder that a repository watches.
//!
//! **What `--repository DIR` is.** DIR is the watched folder itself: everything
//! in it, however deep, is the repository's to take, so nothing unfinished may
//! ever be in it. Files become whole in the *staging folder*, by default
//! `.outguide` beside DIR (`DIR/../.outguide`), and are then renamed into DIR.
//! A rename needs both on one file system, so DIR must not be the root of a
//! mounted share: make a folder in the share and have that watched. This also
//! shows a share that is not mounted, because the folder is then missing and
//! nothing is filed onto the local disk under the mount point. DIR is never made
//! here for the same reason. Where the folder above DIR is not this station's to
//! write in, `repository.staging` in `station.toml` names another.
//!
//! **How a document is filed.**
//!
//! ```text
//! 1  PDF into staging, synced              5  index file into staging, synced, its name synced
//! 2  renamed to the first free name        6  receipt, synced with its name (see staging)
//! 3  its folder synced                     7  index file renamed into place: the commit mark
//! 4  read back and hashed                  8  its folder synced
//! ```
//!
//! The PDF comes first and the index file last: an importer that waits for the
//! index file never sees half a document. It is composed before that, so that an
//! index file that cannot be made leaves no PDF behind. A step that fails leaves
//! at most a PDF without an index file, and filing again takes that PDF over by
//! its content.
//!
//! **Filing twice is filing once**, by content: a PDF of that name and hash is
//! the one filed before; the index file of the same document beside it says that
//! it is done ([`earlier_try`]). A name that something else has is never written
//! over; the next free one is taken (`name~2.pdf`). Names that differ only in
//! case count as one.

mod earlier_try;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::disk::durable::Written;
use crate::disk::placing::Placing;
use crate::disk::{Access, Disk, EntryKind};
use crate::profile::SidecarFormat;
use crate::records::ids::{DocumentId, Sha256};

use super::filing_fault::{FilingFault, FilingStep};
use super::index::{DocumentIndex, FiledPdf};
use super::naming::{FiledName, same_ignoring_case};
use super::owner::StagingOwner;
use super::sidecar;
use super::staging::{Receipt, Staging};

/// So many other documents of one name are a wrong template, not chance.
const MAX_COPIES: u32 = 9999;

/// Where to file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySettings {
    /// The watched folder; must exist.
    pub folder: PathBuf,
    /// Where files become whole; `.outguide` beside `folder` where not given.
    pub staging: Option<PathBuf>,
    /// The watched folder as the repository's server sees it, for paths in
    /// index files: `\\server\share\charts`. As this station sees it where not
    /// given.
    pub path_seen_by_repository: Option<String>,
    pub owner: StagingOwner,
}

/// A document to be filed, without its bytes.
#[derive(Debug, Clone)]
pub struct FilingOrder {
    pub index: DocumentIndex,
    /// The profile's filing template.
    pub template: String,
    pub sidecar: SidecarFormat,
}

/// A document that stands in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filed {
    pub pdf: PathBuf,
    pub index_file: PathBuf,
    pub sha256: Sha256,
    /// Length of the PDF.
    pub bytes: u64,
    pub index_sha256: Sha256,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    FiledNow,
    /// It was filed before, with the same content; the repository may have
    /// taken it away since.
    FiledBefore,
}

/// An open repository. Clones share it, and file one document at a time.
#[derive(Debug, Clone)]
pub struct WatchedFolder {
    disk: Disk,
    root: PathBuf,
    staging: Staging,
    path_seen: String,
    filing: Arc<Mutex<()>>,
}

/// One try at a name.
enum Attempt {
    /// Something else has it.
    Taken,
    /// The PDF stands there now, its index file is still due.
    PdfStands,
    /// PDF and index file were there.
    FiledBefore { index_sha256: Sha256 },
}

/// The paths a copy number gives.
struct Names {
    pdf: PathBuf,
    index_file: PathBuf,
}

impl WatchedFolder {
    /// Opens the repository and sweeps this station's staging; finds out at the
    /// start what would otherwise fail at the first document.
    pub fn open(disk: Disk, settings: &RepositorySettings) -> Result<Self, FilingFault> {
        let opened = WatchedFolder::claim(disk, settings)?;
        opened.check_can_be_filed_into()?;
        Ok(opened)
    }

    /// Takes the staging folder for this station, making it where it is missing.
    fn claim(disk: Disk, settings: &RepositorySettings) -> Result<Self, FilingFault> {
        let root = find_root(&disk, &settings.folder)?;
        let beside = root.parent().map(|above| above.join(".outguide"));
        let staging = settings.staging.clone().or(beside).unwrap_or_else(|| root.clone());
        let unusable = |source| FilingFault::StagingUnusable { staging: staging.clone(), source };
        let staging = std::path::absolute(&staging).map_err(unusable)?;
        let unusable = |source| FilingFault::StagingUnusable { staging: staging.clone(), source };
        let above = staging.parent().unwrap_or(&staging);
        let above = std::fs::canonicalize(above).map_err(unusable)?;
        let staging = above.join(staging.file_name().unwrap_or_default());
        if staging.starts_with(&root) {
            return Err(FilingFault::StagingInRepository { staging });
        }
        let unusable = |source| FilingFault::StagingUnusable { staging: staging.clone(), source };
        let opened = Staging::open(&disk, staging.clone(), &settings.owner).map_err(unusable)?;
        let Some(opened) = opened else {
            return Err(FilingFault::StagingInUse { staging, owner: settings.owner.to_string() });
        };
        let here = root.to_string_lossy().into_owned();
        let path_seen = settings.path_seen_by_repository.clone().unwrap_or(here);
        Ok(WatchedFolder { disk, root, staging: opened, path_seen, filing: Arc::default() })
    }

    fn check_can_be_filed_into(&self) -> Result<(), FilingFault> {
        let unusable = |source| self.staging_unusable(source);
        let folder = self.root.clone();
        if let Err(source) = self.disk.may_make_files_in(&folder) {
            return Err(match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    FilingFault::NotWritable { folder, source }
                }
                _ => FilingFault::RepositoryMissing { folder },
            });
        }
        if !self.staging.reaches(&folder).map_err(unusable)? {
            let staging = self.staging.folder().to_path_buf();
            return Err(FilingFault::OtherFileSystem { folder, staging });
        }
        self.staging.sweep().map_err(unusable)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn staging_folder(&self) -> &Path {
        self.staging.folder()
    }

    /// Opens the repository as for filing and says how this file system lets
    /// files be placed; what had to be made for it is taken away again, whatever
    /// comes of it.
    pub fn probe(disk: Disk, settings: &RepositorySettings) -> Result<Placing, FilingFault> {
        let opened = WatchedFolder::claim(disk, settings)?;
        let unusable = |source| opened.staging_unusable(source);
        let placing = opened
            .check_can_be_filed_into()
            .and_then(|()| opened.staging.probe_placing().map_err(unusable));
        let forgotten = opened.staging.forget_owner().map_err(unusable);
        let placing = placing?;
        forgotten?;
        Ok(placing)
    }

    /// Files a document, or finds that it was filed before. Blocks for as long
    /// as the file system does; see [`super::time_limit`].
    pub fn file(&self, order: &FilingOrder, pdf: &mut dyn Read) -> Result<Filed, FilingFault> {
        let _one_at_a_time = self.filing.lock().unwrap_or_else(PoisonError::into_inner);
        let document = &order.index.document;
        let name = FiledName::expand(&order.template, |field| order.index.value_for_name(field))?;
        self.check_present(document)?;
        let (part, written) = self.staging.stage(document, pdf).map_err(|fault| match fault {
            crate::disk::durable::WriteFault::ReadSource(source) => {
                FilingFault::ReadPdf { document: document.clone(), source }
            }
            fault => {
                let staging = self.staging.folder();
                self.stopped(document, FilingStep::StagePdf, staging, fault.into_cause())
            }
        })?;
        let filed = self.file_staged(order, &name, &part, written);
        self.staging.discard(&part);
        filed
    }

    /// Forgets the receipt of a document whose row says that it is filed.
    pub fn acknowledge(&self, document: &DocumentId) -> Result<(), FilingFault> {
        self.staging.remove_receipt(document).map_err(|source| self.receipt_stays(document, source))
    }

    pub(super) fn receipt_stays(&self, document: &DocumentId, source: io::Error) -> FilingFault {
        let receipt = self.staging.receipt_path(document);
        FilingFault::ReceiptStays { document: document.clone(), receipt, source }
    }

    /// Documents that may stand filed without a row saying so. Those that have
    /// one are to be acknowledged, the others filed again, which finds out.
    pub fn unacknowledged(&self) -> Result<Vec<DocumentId>, FilingFault> {
        self.staging.receipts().map_err(|source| self.staging_unusable(source))
    }

    pub(super) fn staging_unusable(&self, source: io::Error) -> FilingFault {
        FilingFault::StagingUnusable { staging: self.staging.folder().to_path_buf(), source }
    }

    fn file_staged(
        &self,
        order: &FilingOrder,
        name: &FiledName,
        part: &Path,
        written: Written,
    ) -> Result<Filed, FilingFault> {
        let document = &order.index.document;
        if let Some(filed) = self.filed_by_receipt(document, written)? {
            return Ok(filed);
        }
        let folder = self.make_folders(document, name)?;
        for copy in 1..=MAX_COPIES {
            let names = Names {
                pdf: folder.join(name.file(copy, "pdf")),
                index_file: folder.join(name.file(copy, sidecar::extension(order.sidecar))),
            };
            let index =
                sidecar::write(order.sidecar, &order.index, &self.as_filed(&names, written))
                    .map_err(|source| FilingFault::Index { document: document.clone(), source })?;
            // Names that were found may be there only in the kernel's cache, left
            // by a run that was killed: they are synced as those just made.
            let (standing, index_sha256) = match self.try_names(order, &names, part, written)? {
                Attempt::Taken => continue,
                Attempt::PdfStands => {
                    self.sync_names(document, FilingStep::SyncPdfName, &folder)?;
                    self.read_back(document, &names.pdf, written)?;
                    (Standing::FiledNow, self.place_index(document, &index, &names, written)?)
                }
                Attempt::FiledBefore { index_sha256 } => {
                    self.sync_names(document, FilingStep::SyncIndexName, &folder)?;
                    (Standing::FiledBefore, index_sha256)
                }
            };
            let Names { pdf, index_file } = names;
            return Ok(Filed {
                pdf,
                index_file,
                sha256: written.sha256,
                bytes: written.bytes,
                index_sha256,
                standing,
            });
        }
        Err(FilingFault::NoFreeName { document: document.clone() })
    }

    /// Makes the name's folders; one that differs only in case from one that is
    /// there is taken for it.
    fn make_folders(
        &self,
        document: &DocumentId,
        name: &FiledName,
    ) -> Result<PathBuf, FilingFault> {
        let stopped =
            |at: &Path, source| self.stopped(document, FilingStep::MakeFolders, at, source);
        let mut below = PathBuf::new();
        for wanted in name.folders() {
            let here = self.root.join(&below);
            let entries = match self.disk.kind_of(&here).map_err(|source| stopped(&here, source))? {
                Some(_) => self.disk.list(&here).map_err(|source| stopped(&here, source))?,
                None => Vec::new(),
            };
            let alike: Vec<_> = entries
                .iter()
                .filter(|entry| same_ignoring_case(&entry.name.to_string_lossy(), wanted))
                .collect();
            match (alike.iter().find(|entry| entry.kind == EntryKind::Folder), alike.first()) {
                (Some(folder), _) => below.push(&folder.name),
                (None, Some(in_the_way)) => {
                    let path = here.join(&in_the_way.name);
                    return Err(FilingFault::FolderInTheWay { document: document.clone(), path });
                }
                (None, None) => below.push(wanted),
            }
        }
        crate::disk::durable::make_folders(&self.disk, &self.root, &below, Access::Shared)
            .map_err(|source| stopped(&self.root.join(&below), source))
    }

    fn try_names(
        &self,
        order: &FilingOrder,
        names: &Names,
        part: &Path,
        written: Written,
    ) -> Result<Attempt, FilingFault> {
        let document = &order.index.document;
        let folder = names.pdf.parent().unwrap_or(&self.root);
        let look = |source| self.stopped(document, FilingStep::LookForNames, folder, source);
        let there = self.disk.list(folder).map_err(look)?;
        let stands = |path: &Path| {
            let wanted = path.file_name().unwrap_or_default();
            let alike = |entry: &&crate::disk::Entry| {
                same_ignoring_case(&entry.name.to_string_lossy(), &wanted.to_string_lossy())
            };
            there
                .iter()
                .find(alike)
                .map(|entry| entry.name == wanted && entry.kind == EntryKind::File)
        };
        match (stands(&names.pdf), stands(&names.index_file)) {
            // Something else, or a name that differs only in case.
            (Some(false), _) | (_, Some(false)) => Ok(Attempt::Taken),
            (_, Some(true)) => self.compare_index(order, names, written),
            (Some(true), None) => {
                let same = self.disk.read_back(&names.pdf).map_err(look)?
                    == (written.sha256, written.bytes);
                Ok(if same { Attempt::PdfStands } else { Attempt::Taken })
            }
            (None, None) => match self.disk.place(part, &names.pdf) {
                Ok(_) => Ok(Attempt::PdfStands),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Attempt::Taken),
                Err(error) => Err(self.stopped(document, FilingStep::PlacePdf, &names.pdf, error)),
            },
        }
    }

    fn read_back(
        &self,
        document: &DocumentId,
        pdf: &Path,
        written: Written,
    ) -> Result<(), FilingFault> {
        match self.disk.read_back(pdf) {
            Ok(found) if found == (written.sha256, written.bytes) => Ok(()),
            Ok(_) => Err(FilingFault::ReadBackDiffers {
                document: document.clone(),
                pdf: pdf.to_path_buf(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.check_present(document).is_err() {
                    return Err(self.stopped(document, FilingStep::ReadBack, pdf, error));
                }
                let pdf = pdf.to_path_buf();
                Err(FilingFault::TakenBeforeIndex { document: document.clone(), pdf })
            }
            Err(error) => Err(self.stopped(document, FilingStep::ReadBack, pdf, error)),
        }
    }

    /// Steps 5 to 8; the index file's hash.
    fn place_index(
        &self,
        document: &DocumentId,
        mut index: &[u8],
        names: &Names,
        written: Written,
    ) -> Result<Sha256, FilingFault> {
        let staging = self.staging.folder();
        let stopped = |step| move |source| self.stopped(document, step, staging, source);
        let (part, Written { sha256: index_sha256, .. }) = self
            .staging
            .stage(document, &mut index)
            .map_err(|fault| stopped(FilingStep::StageIndex)(fault.into_cause()))?;
        self.staging.sync().map_err(stopped(FilingStep::StageIndex))?;
        let below = |path: &Path| path.strip_prefix(&self.root).unwrap_or(path).to_path_buf();
        let receipt = Receipt {
            document: document.clone(),
            root: self.root.clone(),
            sha256: written.sha256,
            bytes: written.bytes,
            index_sha256,
            pdf: below(&names.pdf),
            index: below(&names.index_file),
            staged_index: part.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        if let Err(fault) = self.staging.write_receipt(&receipt) {
            self.withdraw(&receipt);
            return Err(stopped(FilingStep::Receipt)(fault.into_cause()));
        }
        if let Err(source) = self.staging.sync() {
            self.withdraw(&receipt);
            return Err(stopped(FilingStep::Receipt)(source));
        }
        let placed = self.disk.place(&part, &names.index_file);
        let answer_was_lost = placed.is_err();
        if let Err(source) = placed {
            self.placed_after_all(&receipt, source)?;
        }
        let folder = names.index_file.parent().unwrap_or(&self.root);
        self.sync_names(document, FilingStep::SyncIndexName, folder)?;
        if answer_was_lost {
            // A second name of it, where placing is linking.
            self.staging.discard(&part);
        }
        Ok(index_sha256)
    }

    fn as_filed(&self, names: &Names, written: Written) -> FiledPdf {
        let below = names.pdf.strip_prefix(&self.root).expect("names are made below the root");
        let separator = if self.path_seen.contains('\\') { "\\" } else { "/" };
        let mut path_seen = self.path_seen.trim_end_matches(['/', '\\']).to_owned();
        for part in below {
            path_seen.push_str(separator);
            path_seen.push_str(&part.to_string_lossy());
        }
        let name = names.pdf.file_name().unwrap_or_default().to_string_lossy().into_owned();
        FiledPdf { name, path_seen, sha256: written.sha256, bytes: written.bytes }
    }

    #[track_caller]
    fn sync_names(
        &self,
        document: &DocumentId,
        step: FilingStep,
        folder: &Path,
    ) -> Result<(), FilingFault> {
        self.disk.sync_folder(folder).map_err(|source| self.stopped(document, step, folder, source))
    }

    fn check_present(&self, document: &DocumentId) -> Result<(), FilingFault> {
        match self.disk.kind_of(&self.root) {
            Ok(Some(EntryKind::Folder)) => Ok(()),
            Ok(_) => Err(FilingFault::RepositoryMissing { folder: self.root.clone() }),
            Err(source) => {
                Err(self.stopped(document, FilingStep::LookForNames, &self.root, source))
            }
        }
    }

    /// `at` is what the step was done to.
    fn stopped(
        &self,
        document: &DocumentId,
        step: FilingStep,
        at: &Path,
        source: io::Error,
    ) -> FilingFault {
        let present = matches!(self.disk.kind_of(&self.root), Ok(Some(EntryKind::Folder)));
        FilingFault::stopped(document, step, at, present, source)
    }
}

fn find_root(disk: &Disk, folder: &Path) -> Result<PathBuf, FilingFault> {
    let missing = || FilingFault::RepositoryMissing { folder: folder.to_path_buf() };
    let root = std::fs::canonicalize(folder).map_err(|_| missing())?;
    match disk.kind_of(&root) {
        Ok(Some(EntryKind::Folder)) if root.to_str().is_none() => {
            Err(FilingFault::NotUtf8 { folder: root })
        }
        Ok(Some(EntryKind::Folder)) => Ok(root),
        Ok(Some(EntryKind::File | EntryKind::Other)) => {
            Err(FilingFault::NotAFolder { folder: folder.to_path_buf() })
        }
        Ok(None) | Err(_) => Err(missing()),
    }
}

#[cfg(test)]
mod tests;
