//! What an earlier try at the same document left, and whether that is a document
//! filed: a row is about to say so.
//!
//! Of a document that was filed, both files stand, or neither does because the
//! repository took them. An index file alone is neither: the PDF may have been
//! lost. A repository that takes the PDF first is met like this only between the
//! two, and the next try finds both gone. A PDF alone behind a receipt may have
//! been filed or not. Both are for a person to look at.

use std::io;
use std::path::Path;

use crate::disk::EntryKind;
use crate::disk::durable::Written;
use crate::records::ids::{DocumentId, Sha256};
use crate::repository::filing_fault::{FilingFault, FilingStep};
use crate::repository::sidecar;
use crate::repository::staging::Receipt;

use super::{Attempt, Filed, FilingOrder, Names, Standing, WatchedFolder};

/// What became of the index file a receipt speaks of.
enum Whereabouts {
    /// In the watched folder, under its name.
    Stands,
    /// In the staging folder: it was never placed.
    StillStaged,
    /// Neither, and nothing has its name or its PDF's: the repository took both.
    TakenAway,
    /// Neither, and something has one of these names.
    Unknown,
}

impl WatchedFolder {
    /// What an earlier try's receipt says; a receipt that was not acted on is
    /// withdrawn.
    pub(super) fn filed_by_receipt(
        &self,
        document: &DocumentId,
        written: Written,
    ) -> Result<Option<Filed>, FilingFault> {
        let staging = self.staging.folder();
        let stopped = |at: &Path, source| self.stopped(document, FilingStep::Receipt, at, source);
        let receipt = self.staging.receipt(document).map_err(|source| stopped(staging, source))?;
        let Some(receipt) = receipt else { return Ok(None) };
        if receipt.root != self.root {
            return Err(FilingFault::BegunElsewhere {
                document: document.clone(),
                folder: receipt.root,
                here: self.root.clone(),
                receipt: self.staging.receipt_path(document),
            });
        }
        let names =
            Names { pdf: self.root.join(&receipt.pdf), index_file: self.root.join(&receipt.index) };
        let whereabouts = self.whereabouts(&receipt);
        let whereabouts = whereabouts.map_err(|source| stopped(&names.index_file, source))?;
        match whereabouts {
            Whereabouts::StillStaged => {
                self.staging.withdraw(&receipt).map_err(|source| stopped(staging, source))?;
                return Ok(None);
            }
            Whereabouts::Unknown => {
                return Err(FilingFault::InDoubt {
                    document: document.clone(),
                    index_file: names.index_file,
                    receipt: self.staging.receipt_path(document),
                });
            }
            Whereabouts::Stands | Whereabouts::TakenAway if receipt.sha256 != written.sha256 => {
                return Err(FilingFault::FiledWithOtherContent {
                    document: document.clone(),
                    index_file: names.index_file,
                });
            }
            Whereabouts::Stands => self.check_filed_pdf(document, &names, written)?,
            Whereabouts::TakenAway => {}
        }
        let folder = names.index_file.parent().unwrap_or(&self.root);
        if self.disk.kind_of(folder).map_err(|source| stopped(folder, source))?.is_some() {
            self.sync_names(document, FilingStep::SyncIndexName, folder)?;
        }
        // A second name of it, where placing is linking and was stopped half-way.
        self.staging.discard(&self.staging.staged_index(&receipt));
        Ok(Some(Filed {
            pdf: names.pdf,
            index_file: names.index_file,
            sha256: receipt.sha256,
            bytes: receipt.bytes,
            index_sha256: receipt.index_sha256,
            standing: Standing::FiledBefore,
        }))
    }

    /// Only what is seen in the watched folder, or is gone from it together with
    /// its PDF, was placed: that the staged file is gone may be another's doing.
    fn whereabouts(&self, receipt: &Receipt) -> io::Result<Whereabouts> {
        let index_file = self.root.join(&receipt.index);
        let index_kind = self.disk.kind_of(&index_file)?;
        if index_kind == Some(EntryKind::File)
            && self.disk.read_back(&index_file)?.0 == receipt.index_sha256
        {
            return Ok(Whereabouts::Stands);
        }
        if self.disk.kind_of(&self.staging.staged_index(receipt))?.is_some() {
            return Ok(Whereabouts::StillStaged);
        }
        let pdf_kind = self.disk.kind_of(&self.root.join(&receipt.pdf))?;
        Ok(match (index_kind, pdf_kind) {
            (None, None) => Whereabouts::TakenAway,
            (Some(_), _) | (_, Some(_)) => Whereabouts::Unknown,
        })
    }

    /// An answer lost on the network is not a rename that failed. Only a file
    /// that is seen under its name was placed; where nothing tells, the receipt
    /// stays, and the next try looks again.
    pub(super) fn placed_after_all(
        &self,
        receipt: &Receipt,
        source: io::Error,
    ) -> Result<(), FilingFault> {
        let document = &receipt.document;
        let index_file = self.root.join(&receipt.index);
        match self.whereabouts(receipt) {
            Ok(Whereabouts::Stands) => Ok(()),
            Ok(Whereabouts::StillStaged) => {
                self.withdraw(receipt);
                Err(self.stopped(document, FilingStep::PlaceIndex, &index_file, source))
            }
            Ok(Whereabouts::TakenAway | Whereabouts::Unknown) | Err(_) => {
                Err(FilingFault::AnswerLost { document: document.clone(), index_file, source })
            }
        }
    }

    /// Where it cannot be withdrawn now, the next try finds the receipt with its
    /// staged file and withdraws it then; the first fault is the one to report.
    pub(super) fn withdraw(&self, receipt: &Receipt) {
        if let Err(error) = self.staging.withdraw(receipt) {
            tracing::debug!(error = %error, "a receipt stays until the document is filed again");
        }
    }

    /// Whose index file stands at a name that is wanted.
    pub(super) fn compare_index(
        &self,
        order: &FilingOrder,
        names: &Names,
        written: Written,
    ) -> Result<Attempt, FilingFault> {
        let document = &order.index.document;
        let bytes = self.disk.read(&names.index_file).map_err(|source| {
            self.stopped(document, FilingStep::LookForNames, &names.index_file, source)
        })?;
        match sidecar::read(order.sidecar, &bytes) {
            Ok(entry) if entry.document != *document => Ok(Attempt::Taken),
            Ok(entry) if entry.sha256 == written.sha256 => {
                self.check_filed_pdf(document, names, written)?;
                Ok(Attempt::FiledBefore { index_sha256: Sha256::of(&bytes) })
            }
            Ok(_) => Err(FilingFault::FiledWithOtherContent {
                document: document.clone(),
                index_file: names.index_file.clone(),
            }),
            Err(_) => Ok(Attempt::Taken),
        }
    }

    /// Of a document whose index file stands.
    fn check_filed_pdf(
        &self,
        document: &DocumentId,
        names: &Names,
        written: Written,
    ) -> Result<(), FilingFault> {
        let (document_id, pdf) = (document.clone(), names.pdf.clone());
        let index_file = names.index_file.clone();
        let receipt = self.staging.receipt_path(document);
        match self.disk.read_back(&names.pdf) {
            Ok(found) if found == (written.sha256, written.bytes) => Ok(()),
            Ok(_) => Err(FilingFault::FiledPdfChanged {
                document: document_id,
                pdf,
                index_file,
                receipt,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.check_present(document).is_err() {
                    return Err(self.stopped(document, FilingStep::ReadBack, &names.pdf, error));
                }
                Err(FilingFault::FiledPdfGone { document: document_id, pdf, index_file, receipt })
            }
            Err(error) => Err(self.stopped(document, FilingStep::ReadBack, &names.pdf, error)),
        }
    }
}
