//! A document: the pages that belong together, and the values it is found by.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::barcode::Symbology;
use super::batch::Decision;
use super::cover_sheet::PayloadFault;
use super::ids::PageNo;

/// The name of an index field: `mrn`, `encounter`, `document_date`, …
/// Lower-case ASCII letters, digits and underscores, a letter first, at most 40.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a field name: use lower-case letters, digits and underscores, \
     a letter first, at most 40"
)]
pub struct NotAFieldName(pub String);

impl FieldName {
    pub const MRN: &'static str = "mrn";
    pub const ENCOUNTER: &'static str = "encounter";
    pub const PATIENT_NAME: &'static str = "patient_name";
    pub const BIRTH_DATE: &'static str = "birth_date";
    pub const DOCUMENT_TYPE: &'static str = "document_type";
    pub const DOCUMENT_DATE: &'static str = "document_date";

    pub fn new(name: &str) -> Result<Self, NotAFieldName> {
        let ok = name.len() <= 40
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if ok { Ok(FieldName(name.to_owned())) } else { Err(NotAFieldName(name.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Fields that say whose record it is: two values of one of these in one
    /// segment stop it. Only these may be carried to the next document.
    pub fn is_patient_identity(&self) -> bool {
        matches!(self.as_str(), Self::MRN | Self::ENCOUNTER | Self::PATIENT_NAME | Self::BIRTH_DATE)
    }
}

impl TryFrom<String> for FieldName {
    type Error = NotAFieldName;
    fn try_from(name: String) -> Result<Self, NotAFieldName> {
        FieldName::new(&name)
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> String {
        name.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An index value and where it was read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexField {
    pub name: FieldName,
    pub value: String,
    pub source: FieldSource,
}

/// A patient's value stays out of logs and errors.
impl fmt::Debug for IndexField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexField({} from {:?})", self.name, self.source)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum FieldSource {
    CoverSheet {
        page: PageNo,
    },
    Barcode {
        page: PageNo,
        symbology: Symbology,
    },
    BatchHeader {
        page: PageNo,
    },
    /// From the document before, because the profile carries this field.
    Carried {
        page: PageNo,
    },
    /// A person keyed it; who is told where the document was released.
    Keyed,
}

/// Pages in reading order and their index. `first_page` is the page that
/// opened the segment, a cover sheet included, and names the document for life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub first_page: PageNo,
    /// Empty only where the document was withdrawn.
    pub pages: Vec<PageNo>,
    /// Code of one of the profile's document types.
    pub document_type: String,
    pub fields: Vec<IndexField>,
}

impl Document {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|f| f.name.as_str() == name).map(|f| f.value.as_str())
    }
}

/// Whether somebody looks at a document before it is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewStanding {
    NotAsked,
    Due,
    /// Who let it go.
    Released(Decision),
}

/// Something only a clerk can decide. Holds the document, not the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The page to look at; it may be one that is set aside.
    pub page: PageNo,
    /// The pages held until it is answered. A page that is set aside stays so
    /// and is not among them.
    pub holds: Vec<PageNo>,
    pub reason: QuestionReason,
}

impl Question {
    /// Nothing of the batch goes on, whatever else is asked of it.
    pub fn is_of_the_batch(&self) -> bool {
        match self.reason {
            QuestionReason::CountsDoNotBalance { what, .. } => match what {
                Counted::Sheets | Counted::Documents => true,
                Counted::Pages => false,
            },
            _ => false,
        }
    }
}

/// Names fields and pages, never a patient's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum QuestionReason {
    /// Two values of a patient field in one segment.
    TwoPatients {
        field: FieldName,
        other_page: PageNo,
    },
    /// The page is a cover sheet, but its code is damaged or its check fails.
    UnreadableCoverSheet,
    /// The page is a cover sheet in a form this version does not know.
    SheetOfAnotherVersion,
    /// One sheet of paper says what only two can: a batch header and what opens
    /// a document, two patients on its two sides, two counts of pages.
    TwoSheetsOnOnePage,
    /// A page with a body of text carries the codes of a sheet of ours: a copy of
    /// it, or print that shows through.
    SheetOnAPage,
    /// A cover sheet of ours, which this profile does not read.
    UnusedCoverSheet,
    /// A barcode has the form of this field's, but its check, its length or its
    /// place on the page is wrong: somebody's label, and nobody knows whose.
    UnreadableLabel {
        field: FieldName,
    },
    MissingField {
        field: FieldName,
    },
    /// Two values of a field that may have only one.
    FieldConflict {
        field: FieldName,
        other_page: PageNo,
    },
    UnknownDocumentType,
    /// Two stacks were fed as one.
    SecondBatchHeader {
        other_page: PageNo,
    },
    /// A batch header behind pages that belong to the batch already.
    BatchHeaderInside,
    /// A cover sheet with no page behind it, or blank ones only.
    NothingBehindCoverSheet,
    /// Pages that came before any cover sheet said whose they are.
    NoCoverSheetYet,
    /// A patch code that reads differently upside down, and no cue which.
    AmbiguousPatch,
    /// A patch sheet printed by Outguide whose patch parts nothing in this profile.
    UnusedPatchSheet,
    /// Patch bars on a page that has a label or a body of text of its own.
    PatchOnAPage,
    /// The other side of a sheet that is set aside is not empty.
    WritingOnSeparator,
    /// The back of a sheet begins another document than its front.
    ChangeInsideSheet,
    CountsDoNotBalance {
        what: Counted,
        expected: u32,
        found: u32,
    },
    /// The file in the spool cannot be read as an image.
    UnreadableImage,
    /// The scanner reported a fault with this sheet.
    SuspectSheet,
    /// The batch was closed behind the front of a sheet whose back was to come.
    OtherSideMissing,
    /// Whoever reviewed the document did not release it; why is in the audit.
    SentBack,
    /// The document was filed and withdrawn; why is in the audit.
    Withdrawn,
    /// Rendering or filing failed; the text is the cause.
    StepFailed {
        cause: String,
    },
    /// Nothing but blank pages: perhaps the stack lay face down.
    EveryPageIsBlank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    Sheets,
    Documents,
    /// The pages the cover sheet announced for this document.
    Pages,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counted::Sheets => "sheets",
            Counted::Documents => "documents",
            Counted::Pages => "pages",
        })
    }
}

/// For the clerk: what is wrong and what to decide.
impl fmt::Display for QuestionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuestionReason::TwoPatients { field, other_page } => write!(
                f,
                "two patients in one document: {field} here differs from page {other_page}; \
                 say where the second one begins"
            ),
            QuestionReason::UnreadableCoverSheet => f.write_str(
                "this looks like a cover sheet but its barcode cannot be read; \
                 print it again or key the values",
            ),
            // The clerk's copy of the fault that parsing the sheet gave.
            QuestionReason::SheetOfAnotherVersion => PayloadFault::Version.fmt(f),
            QuestionReason::TwoSheetsOnOnePage => f.write_str(
                "the barcodes on this sheet are those of two; look whether two sheets stuck \
                 together, or an old one was printed on again",
            ),
            QuestionReason::SheetOnAPage => f.write_str(
                "this page has text of its own and a cover sheet's barcode; say whether it is a \
                 page of the record, and whose",
            ),
            QuestionReason::UnusedCoverSheet => f.write_str(
                "this is a cover sheet that this kind of batch does not read; say whose the \
                 pages behind it are",
            ),
            QuestionReason::UnreadableLabel { field } => write!(
                f,
                "a barcode on this page looks like {field}, but its check character, length or \
                 place is wrong; say whose page it is"
            ),
            QuestionReason::MissingField { field } => {
                write!(f, "{field} is required and was not found; key it from the page")
            }
            QuestionReason::FieldConflict { field, other_page } => {
                write!(f, "{field} here differs from page {other_page}; choose the right one")
            }
            QuestionReason::UnknownDocumentType => f.write_str(
                "the document type on the sheet is not one of this profile's; choose one",
            ),
            QuestionReason::SecondBatchHeader { other_page } => write!(
                f,
                "a second batch header (the first is page {other_page}); \
                 say whether two stacks were fed as one"
            ),
            QuestionReason::BatchHeaderInside => f.write_str(
                "a batch header with pages before it; say whether two stacks were fed as one",
            ),
            QuestionReason::NothingBehindCoverSheet => f.write_str(
                "no pages follow this cover sheet; look whether they stuck together or went missing",
            ),
            QuestionReason::NoCoverSheetYet => f.write_str(
                "these pages came before any cover sheet; say whose they are",
            ),
            QuestionReason::AmbiguousPatch => f.write_str(
                "this patch code means something else upside down; say which way up it lay",
            ),
            QuestionReason::UnusedPatchSheet => f.write_str(
                "this profile does nothing at this patch sheet; \
                 say whether a document begins behind it",
            ),
            QuestionReason::PatchOnAPage => f.write_str(
                "this page has patch bars and a label or text of its own; \
                 say whether it is a patch sheet or part of the record",
            ),
            QuestionReason::WritingOnSeparator => f.write_str(
                "the other side of this page is a separator sheet; \
                 say whether this side is part of the record",
            ),
            QuestionReason::ChangeInsideSheet => f.write_str(
                "the back of this sheet begins another document than its front; \
                 say which document the sheet belongs to",
            ),
            QuestionReason::CountsDoNotBalance { what, expected, found } => {
                write!(f, "{expected} {what} expected, {found} found; count the paper again")
            }
            QuestionReason::UnreadableImage => {
                f.write_str("the page's image cannot be read; mend the file or scan the sheet again")
            }
            QuestionReason::SuspectSheet => f.write_str(
                "the scanner reported a fault with this sheet; compare it with the paper",
            ),
            QuestionReason::OtherSideMissing => f.write_str(
                "the other side of this sheet was never scanned; scan the sheet again, whole",
            ),
            QuestionReason::SentBack => f.write_str(
                "this document was looked at and not released; say what its pages are, and whose",
            ),
            QuestionReason::Withdrawn => f.write_str(
                "this document was withdrawn from the repository; say what its pages are, and whose",
            ),
            QuestionReason::StepFailed { cause } => f.write_str(cause),
            QuestionReason::EveryPageIsBlank => f.write_str(
                "every page of this stack is blank; look whether it was fed face down, and scan \
                 it again if it was",
            ),
        }
    }
}
