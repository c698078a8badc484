//! Every document hashed again and compared with its index file.
//!
//! Reads the watched folder as it stands, with no need of the store: this is
//! what an auditor or a later station can do with the repository alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::sidecar::{self, IndexEntry};
use crate::disk::{Disk, EntryKind};
use crate::profile::SidecarFormat;
use crate::records::ids::{DocumentId, Sha256};

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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundDocument {
    pub document: DocumentId,
    pub pdf: PathBuf,
    pub index_file: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// The index file names a PDF that is not beside it.
    PdfMissing {
        document: DocumentId,
        index_file: PathBuf,
        pdf: PathBuf,
    },
    PdfChanged {
        document: DocumentId,
        pdf: PathBuf,
        expected: Sha256,
        found: Sha256,
    },
    /// The disk or share does not give the file's bytes.
    PdfUnreadable {
        pdf: PathBuf,
        cause: String,
    },
    /// Filing stopped before the index file; filing again completes it.
    WithoutIndex {
        pdf: PathBuf,
    },
    /// Stands beside a PDF as its index file would and is none.
    IndexUnreadable {
        index_file: PathBuf,
        cause: String,
    },
    /// One document filed under two names.
    FiledTwice {
        document: DocumentId,
        pdfs: Vec<PathBuf>,
    },
    /// Left in the staging folder by a station that is running or was stopped.
    Unfinished {
        file: PathBuf,
    },
}

impl VerifyReport {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks everything below `folder`. `staging` is where unfinished files are
/// looked for; it need not exist.
pub fn verify(
    disk: &Disk,
    folder: &Path,
    staging: Option<&Path>,
) -> Result<VerifyReport, VerifyFault> {
    let read_folder = |folder: &Path| {
        let folder = folder.to_path_buf();
        move |source| VerifyFault::ReadFolder { folder, source }
    };
    let mut report = VerifyReport::default();
    let mut due = vec![folder.to_path_buf()];
    while let Some(folder) = due.pop() {
        let entries = disk.list(&folder).map_err(read_folder(&folder))?;
        let mut files = BTreeSet::new();
        for entry in entries {
            match entry.kind {
                EntryKind::Folder => due.push(folder.join(entry.name)),
                EntryKind::File => {
                    files.insert(entry.name.to_string_lossy().into_owned());
                }
                EntryKind::Other => report.other_files += 1,
            }
        }
        verify_folder(disk, &folder, &files, &mut report);
    }
    if let Some(staging) = staging
        && let Ok(Some(EntryKind::Folder)) = disk.kind_of(staging)
    {
        let left = disk.list(staging).map_err(read_folder(staging))?;
        let file = |name| Problem::Unfinished { file: staging.join(name) };
        report.problems.extend(left.into_iter().map(|entry| file(entry.name)));
    }
    find_filed_twice(&mut report);
    report.sound.sort_by(|one, other| one.pdf.cmp(&other.pdf));
    Ok(report)
}

fn verify_folder(disk: &Disk, folder: &Path, files: &BTreeSet<String>, report: &mut VerifyReport) {
    let mut indexed = BTreeSet::new();
    for file in files {
        let Some((stem, format)) = index_format(file) else {
            let pdf = file.to_ascii_lowercase().ends_with(".pdf");
            report.other_files += usize::from(!pdf);
            continue;
        };
        let index_file = folder.join(file);
        let read = match disk.read(&index_file) {
            Ok(bytes) => sidecar::read(format, &bytes).map_err(|not| not.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(entry) => {
                indexed.insert(entry.file.clone());
                verify_document(disk, folder, index_file, entry, files, report);
            }
            Err(cause) if files.contains(&format!("{stem}.pdf")) => {
                report.problems.push(Problem::IndexUnreadable { index_file, cause });
            }
            Err(_) => report.other_files += 1,
        }
    }
    for pdf in files.iter().filter(|file| file.to_ascii_lowercase().ends_with(".pdf")) {
        if !indexed.contains(pdf) {
            report.problems.push(Problem::WithoutIndex { pdf: folder.join(pdf) });
        }
    }
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
