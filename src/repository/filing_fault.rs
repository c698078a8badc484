//! What can keep a document from being filed, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::naming::TemplateFault;
use super::sidecar::SidecarFault;
use crate::records::ids::DocumentId;

#[derive(Debug, thiserror::Error)]
pub enum FilingFault {
    #[error(
        "the repository folder {} is not there; mount the share or make the folder",
        folder.display()
    )]
    RepositoryMissing { folder: PathBuf },
    #[error("the repository {} is not a folder", folder.display())]
    NotAFolder { folder: PathBuf },
    #[error(
        "the staging folder {} cannot be used; let this user write there, or name another one \
         on the repository's file system (repository.staging in station.toml)", staging.display()
    )]
    StagingUnusable { staging: PathBuf, source: io::Error },
    #[error(
        "the staging folder {} is inside the watched folder, where the repository would take \
         unfinished files; name one beside it (repository.staging in station.toml)",
        staging.display()
    )]
    StagingInRepository { staging: PathBuf },
    #[error(
        "another outguide is filing through {} as {owner}; wait until it is done. If it runs on \
         another machine, that machine has a copy of this one's state folder: delete the file \
         staging-owner in one of the two, with no batch of it unfinished", staging.display()
    )]
    StagingInUse { staging: PathBuf, owner: String },
    #[error(
        "the file staging-owner in the state folder {} cannot be read or written; check its disk \
         and its permissions", state.display()
    )]
    OwnerUnusable { state: PathBuf, source: io::Error },
    #[error(
        "{} and the station's own folder {} lie one in the other, so that the repository would \
         take scanned pages, or the station's files stand among its documents; keep them apart",
        folder.display(), state.display()
    )]
    StationInRepository { folder: PathBuf, state: PathBuf },
    #[error(
        "the path of the repository, {}, is not UTF-8, and index files and the station's records \
         cannot hold it; rename the folder", folder.display()
    )]
    NotUtf8 { folder: PathBuf },
    #[error(
        "{} and the staging folder {} are on different file systems, so files cannot appear \
         whole; make a folder inside the share, have the repository watch that one, and file \
         there", folder.display(), staging.display()
    )]
    OtherFileSystem { folder: PathBuf, staging: PathBuf },
    #[error(
        "the repository folder {} could not be opened within {seconds} s; check the share and its \
         server", folder.display()
    )]
    NotOpened { folder: PathBuf, seconds: u64, source: io::Error },
    #[error(
        "this station may not write to the repository folder {}; have its permissions or its \
         mount corrected", folder.display()
    )]
    NotWritable { folder: PathBuf, source: io::Error },
    #[error(transparent)]
    Template(#[from] TemplateFault),
    #[error("the index file of document {document} could not be made")]
    Index { document: DocumentId, source: SidecarFault },
    #[error("the PDF of document {document} could not be read from the spool")]
    ReadPdf { document: DocumentId, source: io::Error },
    #[error("document {document} is not filed: {trouble} (while {step}, at {})", at.display())]
    Stopped {
        document: DocumentId,
        step: FilingStep,
        trouble: Trouble,
        /// What the step was done to.
        at: PathBuf,
        source: io::Error,
    },
    #[error(
        "document {document} is not filed: its filing template wants a folder at {}, and a file \
         or a link stands there; move that away and resume", path.display()
    )]
    FolderInTheWay { document: DocumentId, path: PathBuf },
    #[error(
        "document {document} is not filed: {} does not read back as it was written; have the \
         repository's disk checked, move that file away, and resume", pdf.display()
    )]
    ReadBackDiffers { document: DocumentId, pdf: PathBuf },
    #[error(
        "document {document} is not filed: something took {} before its index file was there; \
         set the repository to wait for index files, put the PDF back or find it there, and \
         resume", pdf.display()
    )]
    TakenBeforeIndex { document: DocumentId, pdf: PathBuf },
    #[error(
        "it is not known yet whether document {document} is filed: the repository's answer to \
         giving {} its name was lost; resume, which finds out", index_file.display()
    )]
    AnswerLost { document: DocumentId, index_file: PathBuf, source: io::Error },
    #[error(
        "whether document {document} is filed cannot be told: its index file left the staging \
         folder and is not at {} as it was written, yet it or its PDF still has its name there. \
         Look whether the repository has the document. If so, move away what is left of it \
         there; if not, delete {}. Then resume",
        index_file.display(), receipt.display()
    )]
    InDoubt { document: DocumentId, index_file: PathBuf, receipt: PathBuf },
    #[error(
        "whether document {document} is filed cannot be told in {}: it was being filed into {} \
         when the station stopped, and stands there or was taken from there. Resume with \
         --repository {}, which finds out; where that folder has moved, mount it there again. \
         Only where the repository surely has not got the document, delete {} instead",
        here.display(), folder.display(), folder.display(), receipt.display()
    )]
    BegunElsewhere { document: DocumentId, folder: PathBuf, here: PathBuf, receipt: PathBuf },
    #[error(
        "document {document} is filed, but the note {} that it was about to be could not be \
         taken away; resume, which tries that again: nothing is filed twice", receipt.display()
    )]
    ReceiptStays { document: DocumentId, receipt: PathBuf, source: io::Error },
    #[error(
        "document {document} was filed before with other content, by {}; nothing was changed: \
         compare the two and decide which is right", index_file.display()
    )]
    FiledWithOtherContent { document: DocumentId, index_file: PathBuf },
    #[error(
        "document {document} was filed before, but {} is no longer the PDF that was filed; \
         nothing was changed. Have the repository's disk checked and put the right PDF back from \
         a backup; or, where the repository has not got the document, delete that PDF, {} and, \
         if it is there, {}, so that it is filed again. Then resume",
        pdf.display(), index_file.display(), receipt.display()
    )]
    FiledPdfChanged { document: DocumentId, pdf: PathBuf, index_file: PathBuf, receipt: PathBuf },
    #[error(
        "document {document} was filed before, but its PDF is no longer at {}, beside its index \
         file. Look whether the repository has taken it. If so, put a copy back there until the \
         batch is finished; if not, delete {} and, if it is there, {}, so that it is filed \
         again. Then resume",
        pdf.display(), index_file.display(), receipt.display()
    )]
    FiledPdfGone { document: DocumentId, pdf: PathBuf, index_file: PathBuf, receipt: PathBuf },
    #[error(
        "document {document} is not filed: every name its template gives is taken; put \
         {{document_id}} into the filing template"
    )]
    NoFreeName { document: DocumentId },
    #[error(
        "document {document} is not filed yet: the repository has not answered for {seconds} s; \
         check the share and resume: everything scanned is kept"
    )]
    NoAnswer { document: DocumentId, seconds: u64 },
    #[error("document {document} is not filed: no thread could be started for it")]
    StartThread { document: DocumentId, source: io::Error },
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilingStep {
    StagePdf,
    MakeFolders,
    LookForNames,
    PlacePdf,
    SyncPdfName,
    ReadBack,
    StageIndex,
    Receipt,
    PlaceIndex,
    SyncIndexName,
}

impl fmt::Display for FilingStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FilingStep::StagePdf => "writing the PDF",
            FilingStep::MakeFolders => "making its folders",
            FilingStep::LookForNames => "looking for a free name",
            FilingStep::PlacePdf => "giving the PDF its name",
            FilingStep::SyncPdfName => "making the PDF's name durable",
            FilingStep::ReadBack => "reading the PDF back",
            FilingStep::StageIndex => "writing the index file",
            FilingStep::Receipt => "noting what is about to be filed",
            FilingStep::PlaceIndex => "giving the index file its name",
            FilingStep::SyncIndexName => "making the index file's name durable",
        })
    }
}

/// The cause in words that tell what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Full,
    NotWritable,
    Gone,
    OtherFileSystem,
    Unexpected,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Full => "the repository is full; make room there and resume",
            Trouble::NotWritable => {
                "this station may not write to the repository; have the permissions or the mount \
                 corrected and resume"
            }
            Trouble::Gone => "the repository went away; bring the share back and resume",
            Trouble::OtherFileSystem => {
                "a folder of the repository is a file system of its own; file into one where the \
                 staging folder (repository.staging in station.toml) is on the same"
            }
            Trouble::Unexpected => "the repository refused; correct what it answered and resume",
        })
    }
}

impl FilingFault {
    /// Whether the try that ended so gave no file a name in the watched folder.
    pub fn placed_nothing(&self) -> bool {
        matches!(
            self,
            FilingFault::RepositoryMissing { .. }
                | FilingFault::Template(_)
                | FilingFault::Index { .. }
                | FilingFault::ReadPdf { .. }
                | FilingFault::FolderInTheWay { .. }
                | FilingFault::Stopped {
                    step: FilingStep::StagePdf | FilingStep::MakeFolders | FilingStep::LookForNames,
                    ..
                }
                | FilingFault::Stopped {
                    step: FilingStep::PlacePdf,
                    trouble: Trouble::Full | Trouble::NotWritable | Trouble::OtherFileSystem,
                    ..
                }
        )
    }

    /// `present`: whether the watched folder still answers.
    pub(super) fn stopped(
        document: &DocumentId,
        step: FilingStep,
        at: &Path,
        present: bool,
        source: io::Error,
    ) -> Self {
        FilingFault::Stopped {
            document: document.clone(),
            step,
            trouble: trouble(&source, present),
            at: at.to_path_buf(),
            source,
        }
    }
}

fn trouble(answer: &io::Error, present: bool) -> Trouble {
    match answer.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Trouble::Full,
        Some(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Trouble::NotWritable,
        Some(Errno::XDEV) => Trouble::OtherFileSystem,
        Some(
            Errno::STALE
            | Errno::NOTCONN
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::TIMEDOUT
            | Errno::NODEV,
        ) => Trouble::Gone,
        Some(_) | None if !present => Trouble::Gone,
        Some(_) | None => Trouble::Unexpected,
    }
}
