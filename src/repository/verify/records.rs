//! What was found in a watched folder, compared with what the station says it
//! filed.
//!
//! By document id first: a document that stands at another path than its record
//! says was moved, and a repository files it under somebody else. Only what
//! stands under no path is looked for under its own.
//!
//! The records say paths from the root. Where none of them lies in the folder
//! looked at, it may be a copy of the one filed into, or that one mounted at
//! another path: then paths are compared as if it were.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::{Problem, SoundDocument, VerifyFault, VerifyReport};
use crate::disk::Disk;
use crate::records::ids::{DocumentId, Sha256};
use crate::repository::staging::{Staged, kind_of_staged};

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
    /// Sound documents that these records do not know: their index files are
    /// unchecked.
    pub of_others: usize,
    /// The folder filed into, where the one looked at has another path.
    #[serde(serialize_with = "shown_if_any")]
    pub filed_into: Option<PathBuf>,
}

/// What it means that a document is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenAway {
    /// The repository imported it.
    IsWell,
    IsAProblem,
}

fn shown_if_any<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

impl VerifyReport {
    /// Compares what [`super::verify`] found below `folder` with what the
    /// station says it filed.
    pub fn compare_with_records(
        &mut self,
        disk: &Disk,
        folder: &Path,
        records: &[FiledRecord],
        taken_away: TakenAway,
        compared_one: &dyn Fn(),
    ) -> Result<(), VerifyFault> {
        let root = std::fs::canonicalize(folder)
            .map_err(|source| VerifyFault::ReadFolder { folder: folder.to_path_buf(), source })?;
        let by_id: BTreeMap<&DocumentId, &FiledRecord> =
            records.iter().map(|record| (&record.document, record)).collect();
        let filed_into = self.folder_filed_into(folder, &root, &by_id);
        let here = |path: &Path| Some(folder.join(path.strip_prefix(filed_into.as_deref()?).ok()?));
        let mut standing: BTreeMap<DocumentId, Vec<SoundDocument>> = BTreeMap::new();
        let mut compared = RecordsCompared::default();
        for sound in &self.sound {
            standing.entry(sound.document.clone()).or_default().push(sound.clone());
        }
        for record in records {
            let found = standing.remove(&record.document).unwrap_or_default();
            let place = here(&record.pdf).zip(here(&record.index_file));
            let is_in_place =
                |found: &SoundDocument| place.as_ref().is_some_and(|(pdf, _)| found.pdf == *pdf);
            // One that stands in its place as well was copied: it is there twice.
            if !found.iter().any(is_in_place) {
                found.iter().for_each(|found| self.compare_moved(disk, record, found));
            }
            compared_one();
            let Some((pdf, index_file)) = place else { continue };
            compared.documents += 1;
            let stands = |path: &Path| !matches!(disk.kind_of(path), Ok(None));
            if stands(&pdf) || stands(&index_file) {
                self.compare_files(disk, record, pdf, index_file);
            } else if found.is_empty() {
                if taken_away == TakenAway::IsAProblem {
                    let document = record.document.clone();
                    self.problems.push(Problem::NotThere { document, pdf });
                }
                compared.taken_away.push(record.document.clone());
            }
        }
        if taken_away == TakenAway::IsAProblem && compared.documents == 0 {
            self.problems.push(Problem::NoneFiledHere {
                folder: folder.to_path_buf(),
                filed_below: folder_of_all(records),
            });
        }
        self.problems.retain(|problem| !is_receipt_of_any(problem, &by_id));
        let is_known = |sound: &&SoundDocument| by_id.contains_key(&sound.document);
        compared.of_others = self.sound.len() - self.sound.iter().filter(is_known).count();
        compared.filed_into = filed_into.filter(|filed_into| *filed_into != root);
        self.records = Some(compared);
        Ok(())
    }

    /// What the records call the folder looked at: itself, where any of them lies
    /// in it; else the folder in which most of the documents that stand here have
    /// the paths they were filed as.
    fn folder_filed_into(
        &self,
        folder: &Path,
        root: &Path,
        by_id: &BTreeMap<&DocumentId, &FiledRecord>,
    ) -> Option<PathBuf> {
        if by_id.values().any(|record| record.pdf.starts_with(root)) {
            return Some(root.to_path_buf());
        }
        let mut agreeing: BTreeMap<&Path, usize> = BTreeMap::new();
        for sound in &self.sound {
            let record = by_id.get(&sound.document);
            let below = sound.pdf.strip_prefix(folder);
            if let (Some(record), Ok(below)) = (record, below)
                && record.pdf.ends_with(below)
                && let Some(above) = record.pdf.ancestors().nth(below.components().count())
            {
                *agreeing.entry(above).or_default() += 1;
            }
        }
        let most = agreeing.into_iter().max_by_key(|(_, documents)| *documents);
        most.map(|(above, _)| above.to_path_buf())
    }

    fn compare_moved(&mut self, disk: &Disk, record: &FiledRecord, found: &SoundDocument) {
        self.problems.push(Problem::Moved {
            document: record.document.clone(),
            pdf: found.pdf.clone(),
            filed_as: record.pdf.clone(),
        });
        self.sound.retain(|sound| sound.pdf != found.pdf);
        self.compare_files(disk, record, found.pdf.clone(), found.index_file.clone());
    }

    fn compare_files(&mut self, disk: &Disk, record: &FiledRecord, pdf: PathBuf, index: PathBuf) {
        let document = record.document.clone();
        let mut found_wrong = Vec::new();
        match disk.read_back(&pdf) {
            Ok((found, _)) if found == record.pdf_sha256 => {}
            _ if self.names_as_damaged(&pdf) => {}
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
            _ if self.names_as_damaged(&index) => {}
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

    /// Whether a problem with this file itself is known already.
    fn names_as_damaged(&self, path: &Path) -> bool {
        self.problems.iter().any(|problem| match problem {
            Problem::PdfChanged { pdf, .. }
            | Problem::PdfUnreadable { pdf, .. }
            | Problem::PdfMissing { pdf, .. } => pdf == path,
            Problem::IndexUnreadable { index_file, .. } => index_file == path,
            Problem::WithoutIndex { .. }
            | Problem::IndexChanged { .. }
            | Problem::IndexMissing { .. }
            | Problem::NotThere { .. }
            | Problem::FiledTwice { .. }
            | Problem::Moved { .. }
            | Problem::NoneFiledHere { .. }
            | Problem::FolderUnreadable { .. }
            | Problem::Unfinished { .. } => false,
        })
    }
}

/// The deepest folder in which all of these were filed.
fn folder_of_all(records: &[FiledRecord]) -> Option<PathBuf> {
    let (first, others) = records.split_first()?;
    let holds_others = |folder: &&Path| others.iter().all(|other| other.pdf.starts_with(folder));
    first.pdf.ancestors().skip(1).find(holds_others).map(Path::to_path_buf)
}

/// The note of a document that the records say was filed.
fn is_receipt_of_any(problem: &Problem, filed: &BTreeMap<&DocumentId, &FiledRecord>) -> bool {
    let Problem::Unfinished { file, .. } = problem else { return false };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    matches!(kind_of_staged(&name), Staged::Receipt { document } if filed.contains_key(&document))
}
