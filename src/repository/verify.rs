//! Every document hashed again and compared with its index file, and both with
//! what the station says it filed.
//!
//! [`verify`] reads the watched folder as it stands, with no need of the store:
//! this is what an auditor or a later station can do with the repository alone.
//! An index file says what its PDF must be, and nothing there says what the
//! index file must be: that, and what is missing altogether, only
//! [`VerifyReport::compare_with_records`] can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::sidecar::{self, IndexEntry};
use super::staging::{Staged, kind_of_staged};
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

/// What the station's records say of a document it filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledRecord {
    pub document: DocumentId,
    /// As filed, from the root.
    pub pdf: PathBuf,
    pub pdf_sha256: Sha256,
    /// As filed, from the root.
    pub index_file: PathBuf,
    pub index_sha256: Sha256,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecordsCompared {
    /// Those the records say were filed into this folder.
    pub documents: usize,
    /// Of these, those of which neither file is there any more.
    pub taken_away: Vec<DocumentId>,
}

/// What it means that a document is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenAway {
    /// The repository imported it.
    IsWell,
    IsAProblem,
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

    /// Compares what [`verify`] found below `folder` with what the station says
    /// it filed there, the earliest first.
    pub fn compare_with_records(
        &mut self,
        disk: &Disk,
        folder: &Path,
        records: &[FiledRecord],
        taken_away: TakenAway,
    ) -> Result<(), VerifyFault> {
        let root = std::fs::canonicalize(folder)
            .map_err(|source| VerifyFault::ReadFolder { folder: folder.to_path_buf(), source })?;
        let here = |path: &Path| Some(folder.join(path.strip_prefix(&root).ok()?));
        // A name is given again only once what had it was taken away.
        let last_of_name: BTreeMap<&Path, &DocumentId> =
            records.iter().map(|record| (record.pdf.as_path(), &record.document)).collect();
        let mut compared = RecordsCompared::default();
        for record in records {
            let (Some(pdf), Some(index_file)) = (here(&record.pdf), here(&record.index_file))
            else {
                continue;
            };
            compared.documents += 1;
            let name_was_given_again = last_of_name[record.pdf.as_path()] != &record.document;
            if name_was_given_again || self.is_gone(disk, record, &pdf, &index_file) {
                if taken_away == TakenAway::IsAProblem {
                    let document = record.document.clone();
                    self.problems.push(Problem::NotThere { document, pdf });
                }
                compared.taken_away.push(record.document.clone());
            } else {
                self.compare_files(disk, record, pdf, index_file);
            }
            self.problems.retain(|problem| !is_receipt_of(problem, &record.document));
        }
        self.records = Some(compared);
        Ok(())
    }

    /// Neither file is there, or both names are another document's by now.
    fn is_gone(&self, disk: &Disk, record: &FiledRecord, pdf: &Path, index_file: &Path) -> bool {
        let stands = |path: &Path| !matches!(disk.kind_of(path), Ok(None));
        let anothers = self.sound.iter().any(|sound| {
            sound.pdf == pdf
                && sound.document != record.document
                && !disk.read_back(pdf).is_ok_and(|(found, _)| found == record.pdf_sha256)
        });
        anothers || !stands(pdf) && !stands(index_file)
    }

    fn compare_files(&mut self, disk: &Disk, record: &FiledRecord, pdf: PathBuf, index: PathBuf) {
        let document = record.document.clone();
        let already = |problems: &[Problem], path: &Path| {
            problems.iter().any(|problem| match problem {
                Problem::PdfChanged { pdf, .. } | Problem::PdfUnreadable { pdf, .. } => pdf == path,
                Problem::PdfMissing { pdf, .. } => pdf == path,
                Problem::IndexUnreadable { index_file, .. } => index_file == path,
                Problem::WithoutIndex { .. }
                | Problem::IndexChanged { .. }
                | Problem::IndexMissing { .. }
                | Problem::NotThere { .. }
                | Problem::FiledTwice { .. }
                | Problem::Unfinished { .. } => false,
            })
        };
        let mut found_wrong = Vec::new();
        match disk.read_back(&pdf) {
            Ok((found, _)) if found == record.pdf_sha256 => {}
            _ if already(&self.problems, &pdf) => {}
            Ok((found, _)) => found_wrong.push(Problem::PdfChanged {
                document: document.clone(),
                pdf: pdf.clone(),
                expected: record.pdf_sha256,
                found,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                found_wrong.push(Problem::PdfMissing {
                    document: document.clone(),
                    index_file: index.clone(),
                    pdf: pdf.clone(),
                });
            }
            Err(error) => found_wrong
                .push(Problem::PdfUnreadable { pdf: pdf.clone(), cause: error.to_string() }),
        }
        match disk.read_back(&index) {
            Ok((found, _)) if found == record.index_sha256 => {}
            _ if already(&self.problems, &index) => {}
            Ok((found, _)) => found_wrong.push(Problem::IndexChanged {
                document,
                index_file: index,
                expected: record.index_sha256,
                found,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let alone = Problem::WithoutIndex { pdf: pdf.clone() };
                self.problems.retain(|problem| *problem != alone);
                found_wrong.push(Problem::IndexMissing {
                    document,
                    index_file: index,
                    pdf: pdf.clone(),
                });
            }
            Err(error) => {
                let cause = error.to_string();
                found_wrong.push(Problem::IndexUnreadable { index_file: index, cause });
            }
        }
        if !found_wrong.is_empty() {
            self.sound.retain(|sound| sound.pdf != pdf);
            self.problems.extend(found_wrong);
        }
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

/// The note of a document that the records say was filed.
fn is_receipt_of(problem: &Problem, filed: &DocumentId) -> bool {
    let Problem::Unfinished { file, .. } = problem else { return false };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    matches!(kind_of_staged(&name), Staged::Receipt { document } if document == *filed)
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
        verify_folder(disk, &folder, &files, &mut report);
    }
    if let Some(staging) = staging
        && let Ok(Some(EntryKind::Folder)) = disk.kind_of(staging)
    {
        for entry in disk.list(staging).map_err(read_folder(staging))? {
            report.add_unfinished(staging.join(&entry.name), &entry.name.to_string_lossy());
        }
    }
    find_filed_twice(&mut report);
    report.sound.sort_by(|one, other| one.pdf.cmp(&other.pdf));
    Ok(report)
}

fn verify_folder(disk: &Disk, folder: &Path, files: &BTreeSet<String>, report: &mut VerifyReport) {
    let mut indexed = BTreeSet::new();
    for file in files {
        let Some((stem, format)) = index_format(file) else {
            report.other_files += usize::from(!is_pdf(file));
            continue;
        };
        let index_file = folder.join(file);
        let read = disk.read(&index_file).map_err(|error| error.to_string());
        let entry = read.as_deref().map(|bytes| sidecar::read(format, bytes));
        let cause = match entry {
            Ok(Ok(entry)) => {
                indexed.insert(entry.file.clone());
                verify_document(disk, folder, index_file, entry, files, report);
                continue;
            }
            Ok(Err(_)) if read.as_ref().is_ok_and(Vec::is_empty) => "it is empty".to_owned(),
            Ok(Err(not)) => not.to_string(),
            Err(cause) => cause.clone(),
        };
        let another_programs =
            read.is_ok_and(|bytes| !bytes.is_empty() && !sidecar::was_begun_by_us(format, &bytes));
        if another_programs && !files.contains(&format!("{stem}.pdf")) {
            report.other_files += 1;
        } else {
            report.problems.push(Problem::IndexUnreadable { index_file, cause });
        }
    }
    for pdf in files.iter().filter(|file| is_pdf(file)) {
        if !indexed.contains(pdf) {
            report.problems.push(Problem::WithoutIndex { pdf: folder.join(pdf) });
        }
    }
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
