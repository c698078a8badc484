//! Every document hashed again and compared with its index file, and both with
//! what the station says it filed.
//!
//! [`verify`] reads the watched folder as it stands, with no need of the store:
//! this is what an auditor or a later station can do with the repository alone.
//! An index file says what its PDF must be, and nothing there says what the
//! index file must be: that, what was moved, and what is missing altogether, only
//! [`VerifyReport::compare_with_records`] can tell.
//!
//! The folder is in use: what goes while it is read was not there.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::sidecar::{self, IndexEntry};
use super::staging::{Staged, kind_of_staged};
use crate::disk::{Disk, EntryKind};
use crate::profile::SidecarFormat;
use crate::records::ids::{DocumentId, Sha256};

pub use records::{FiledRecord, RecordsCompared, TakenAway};

/// An index file of ten thousand pages has a quarter of a megabyte. A longer one
/// is another program's, and may not fit into memory.
const MAX_INDEX_BYTES: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum VerifyFault {
    #[error("the repository folder {} cannot be read; check that the share is mounted", folder.display())]
    ReadFolder { folder: PathBuf, source: io::Error },
}

/// What was found. Everything that is not sound is listed, first by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    pub sound: Vec<SoundDocument>,
    pub problems: Vec<Problem>,
    /// Files that are neither PDFs nor index files; not Outguide's business.
    pub other_files: usize,
    /// `None` until the records were compared: index files are then unchecked.
    pub records: Option<RecordsCompared>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundDocument {
    pub document: DocumentId,
    #[serde(serialize_with = "shown")]
    pub pdf: PathBuf,
    #[serde(serialize_with = "shown")]
    pub index_file: PathBuf,
}

/// A path as it can be said in JSON: one that is not UTF-8 with U+FFFD in it.
fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn all_shown<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// The index file names a PDF that is not beside it.
    PdfMissing {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        index_file: PathBuf,
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
    },
    PdfChanged {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
        expected: Sha256,
        found: Sha256,
    },
    /// The disk or share does not give the file's bytes.
    PdfUnreadable {
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
        cause: String,
    },
    /// Filing stopped before the index file; filing again completes it.
    WithoutIndex {
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
    },
    /// Empty, or not to be read, or broken, or beside a PDF and none of ours.
    IndexUnreadable {
        #[serde(serialize_with = "shown")]
        index_file: PathBuf,
        cause: String,
    },
    /// Not the index file the station says it wrote.
    IndexChanged {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        index_file: PathBuf,
        expected: Sha256,
        found: Sha256,
    },
    /// The station filed both; the PDF stands alone.
    IndexMissing {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        index_file: PathBuf,
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
    },
    /// The station filed it, and neither file is there.
    NotThere {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
    },
    /// One document filed under two names.
    FiledTwice {
        document: DocumentId,
        #[serde(serialize_with = "all_shown")]
        pdfs: Vec<PathBuf>,
    },
    /// It stands where the station did not file it.
    Moved {
        document: DocumentId,
        #[serde(serialize_with = "shown")]
        pdf: PathBuf,
        /// From the root.
        #[serde(serialize_with = "shown")]
        filed_as: PathBuf,
    },
    /// All must be there, and the station filed nothing into this folder.
    NoneFiledHere {
        #[serde(serialize_with = "shown")]
        folder: PathBuf,
        /// The folder that holds everything it filed; `None` where that is nothing.
        filed_below: Option<PathBuf>,
    },
    /// What is in it was not checked.
    FolderUnreadable {
        #[serde(serialize_with = "shown")]
        folder: PathBuf,
        cause: String,
    },
    /// Left in the staging folder by a station that is running or was stopped.
    Unfinished {
        #[serde(serialize_with = "shown")]
        file: PathBuf,
        /// `None` where its name does not tell.
        document: Option<DocumentId>,
    },
}

impl VerifyReport {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// A receipt that outlived a document that stands is no trouble: it is taken
    /// away when the station's next batch begins.
    fn add_unfinished(&mut self, file: PathBuf, name: &str) {
        let document = match kind_of_staged(name) {
            Staged::Lock => return,
            Staged::NotOurs => {
                self.other_files += 1;
                return;
            }
            Staged::Receipt { document } => {
                if self.sound.iter().any(|sound| sound.document == document) {
                    return;
                }
                Some(document)
            }
            Staged::Part { document } => document,
            Staged::Claim => None,
        };
        self.problems.push(Problem::Unfinished { file, document });
    }
}

/// Checks everything below `folder`, and says after each index file that it is
/// `checked`. `staging` is where unfinished files are looked for; it need not
/// exist.
pub fn verify(
    disk: &Disk,
    folder: &Path,
    staging: Option<&Path>,
    checked: &dyn Fn(),
) -> Result<VerifyReport, VerifyFault> {
    let root = folder;
    let mut report = VerifyReport::default();
    let mut due = vec![root.to_path_buf()];
    while let Some(folder) = due.pop() {
        let entries = match disk.list(&folder) {
            Ok(entries) => entries,
            Err(source) if folder == root => {
                return Err(VerifyFault::ReadFolder { folder, source });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                report
                    .problems
                    .push(Problem::FolderUnreadable { folder, cause: error.to_string() });
                continue;
            }
        };
        let mut files = BTreeSet::new();
        for entry in entries {
            match (entry.kind, entry.name.to_str()) {
                (EntryKind::Folder, _) => due.push(folder.join(entry.name)),
                (EntryKind::File, Some(name)) => {
                    files.insert(name.to_owned());
                }
                // Outguide gives no such name: no index file can name it.
                (EntryKind::File, None) if is_pdf(&entry.name.to_string_lossy()) => {
                    report.problems.push(Problem::WithoutIndex { pdf: folder.join(entry.name) });
                }
                (EntryKind::File, None) | (EntryKind::Other, _) => report.other_files += 1,
            }
        }
        verify_folder(disk, &folder, &files, checked, &mut report);
    }
    if let Some(staging) = staging {
        look_for_unfinished(disk, staging, &mut report);
    }
    find_filed_twice(&mut report);
    report.sound.sort_by(|one, other| one.pdf.cmp(&other.pdf));
    Ok(report)
}

fn look_for_unfinished(disk: &Disk, staging: &Path, report: &mut VerifyReport) {
    let listed = match disk.kind_of(staging) {
        Ok(Some(EntryKind::Folder)) => disk.list(staging),
        Ok(Some(EntryKind::File | EntryKind::Other) | None) => return,
        Err(error) => Err(error),
    };
    match listed {
        Ok(entries) => {
            for entry in entries {
                report.add_unfinished(staging.join(&entry.name), &entry.name.to_string_lossy());
            }
        }
        Err(error) => report.problems.push(Problem::FolderUnreadable {
            folder: staging.to_path_buf(),
            cause: error.to_string(),
        }),
    }
}

fn verify_folder(
    disk: &Disk,
    folder: &Path,
    files: &BTreeSet<String>,
    checked: &dyn Fn(),
    report: &mut VerifyReport,
) {
    let mut indexed = BTreeSet::new();
    for file in files {
        let Some((stem, format)) = index_format(file) else {
            report.other_files += usize::from(!is_pdf(file));
            continue;
        };
        let index_file = folder.join(file);
        let read = read_head(disk, &index_file);
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            continue;
        }
        let entry = match &read {
            Ok(head) if head.is_empty() => Err("it is empty".to_owned()),
            Ok(head) if head.len() > MAX_INDEX_BYTES => Err("it is too long for one".to_owned()),
            Ok(whole) => sidecar::read(format, whole).map_err(|not| not.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let cause = match entry {
            Ok(entry) => {
                indexed.insert(entry.file.clone());
                verify_document(disk, folder, index_file, entry, files, report);
                checked();
                continue;
            }
            Err(cause) => cause,
        };
        let another_programs =
            read.is_ok_and(|head| !head.is_empty() && !sidecar::was_begun_by_us(format, &head));
        if another_programs && !files.contains(&format!("{stem}.pdf")) {
            report.other_files += 1;
        } else {
            report.problems.push(Problem::IndexUnreadable { index_file, cause });
        }
    }
    for pdf in files.iter().filter(|file| is_pdf(file)) {
        // It goes with its index file, or just behind it.
        let is_gone = || matches!(disk.kind_of(&folder.join(pdf)), Ok(None));
        if !indexed.contains(pdf) && !is_gone() {
            report.problems.push(Problem::WithoutIndex { pdf: folder.join(pdf) });
        }
    }
}

/// The whole of what can be an index file; of what is longer, one byte more.
fn read_head(disk: &Disk, file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    disk.open(file)?.take(MAX_INDEX_BYTES as u64 + 1).read_to_end(&mut head)?;
    Ok(head)
}

fn is_pdf(file: &str) -> bool {
    file.to_ascii_lowercase().ends_with(".pdf")
}

fn index_format(file: &str) -> Option<(&str, SidecarFormat)> {
    let (stem, found) = file.rsplit_once('.')?;
    sidecar::FORMATS
        .into_iter()
        .find(|(_, extension)| *extension == found)
        .map(|(format, _)| (stem, format))
}

fn verify_document(
    disk: &Disk,
    folder: &Path,
    index_file: PathBuf,
    entry: IndexEntry,
    files: &BTreeSet<String>,
    report: &mut VerifyReport,
) {
    let IndexEntry { document, file, sha256: expected, bytes: _ } = entry;
    let pdf = folder.join(&file);
    if !files.contains(&file) {
        report.problems.push(Problem::PdfMissing { document, index_file, pdf });
        return;
    }
    match disk.read_back(&pdf) {
        Ok((found, _)) if found == expected => {
            report.sound.push(SoundDocument { document, pdf, index_file });
        }
        Ok((found, _)) => {
            report.problems.push(Problem::PdfChanged { document, pdf, expected, found });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !matches!(disk.kind_of(&index_file), Ok(None)) {
                report.problems.push(Problem::PdfMissing { document, index_file, pdf });
            }
        }
        Err(error) => {
            report.problems.push(Problem::PdfUnreadable { pdf, cause: error.to_string() });
        }
    }
}

fn find_filed_twice(report: &mut VerifyReport) {
    let mut pdfs: BTreeMap<&DocumentId, Vec<PathBuf>> = BTreeMap::new();
    for sound in &report.sound {
        pdfs.entry(&sound.document).or_default().push(sound.pdf.clone());
    }
    let twice = pdfs.into_iter().filter(|(_, pdfs)| pdfs.len() > 1);
    let found: Vec<_> = twice
        .map(|(document, pdfs)| Problem::FiledTwice { document: document.clone(), pdfs })
        .collect();
    report.problems.extend(found);
}

#[cfg(test)]
mod tests;
