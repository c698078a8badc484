//! Outguide's own cover sheets: what their barcode says, written and parsed
//! here and nowhere else.

use std::fmt;

use super::batch::Expected;

/// What one of our sheets says.
#[derive(Clone, PartialEq, Eq)]
pub enum CoverSheet {
    /// Opens a batch: how much it should hold.
    BatchHeader { number: String, expected: Expected },
    /// Opens a patient's pages.
    Patient { mrn: String, encounter: Option<String> },
    /// Opens a document of this type (a code of the profile).
    DocumentType { code: String, pages: Option<u32> },
    /// Opens a document and says nothing else.
    Separator,
}

/// A patient's numbers stay out of logs and errors.
impl fmt::Debug for CoverSheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CoverSheet::BatchHeader { .. } => "CoverSheet::BatchHeader",
            CoverSheet::Patient { .. } => "CoverSheet::Patient",
            CoverSheet::DocumentType { .. } => "CoverSheet::DocumentType",
            CoverSheet::Separator => "CoverSheet::Separator",
        })
    }
}
