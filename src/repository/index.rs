//! What is said of a filed document, whatever the format of its index file.

use std::fmt;

use crate::records::batch::Decision;
use crate::records::document::IndexField;
use crate::records::ids::{DocumentId, PageNo, Sha256};

/// Everything an index file says that is known before filing. Must be the same
/// each time a document is filed: the moment of filing is no part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentIndex {
    pub document: DocumentId,
    /// Code of one of the profile's document types.
    pub document_type: String,
    /// That type as a clerk reads it, and as the repository knows it.
    pub document_type_title: String,
    /// One of each name.
    pub fields: Vec<IndexField>,
    /// Page numbers within the batch, in the order they stand in the PDF; none of
    /// one that is withdrawn.
    pub pages: Vec<PageNo>,
    /// Those of `pages` whose words were wanted and could not be read.
    pub without_text: Vec<PageNo>,
    /// The profile's name.
    pub profile: String,
    pub station: String,
    /// When the document's first page was scanned, UTC.
    pub scanned_at: jiff::Timestamp,
    pub reviewed: Reviewed,
    /// The version of the document that this one takes the place of.
    pub replaces: Option<DocumentId>,
    /// That version is not to stand any more, and this one has nothing in its
    /// place: its only page says so.
    pub withdrawn: Option<Decision>,
}

/// Under which rule the document went to filing, and who let it go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reviewed {
    /// No person looked; `rule` says what allowed that: "profile review = none".
    NotReviewed {
        rule: String,
    },
    ReleasedBy {
        person: String,
        rule: String,
    },
}

/// For the audit.
impl fmt::Display for Reviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reviewed::NotReviewed { rule } => write!(f, "not reviewed: {rule}"),
            Reviewed::ReleasedBy { person, rule } => write!(f, "released by {person}: {rule}"),
        }
    }
}

/// The PDF an index file belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct FiledPdf {
    /// File name, in the same folder as the index file.
    pub name: String,
    /// Whole path as the repository's server sees it.
    pub path_seen: String,
    pub sha256: Sha256,
    /// Length of the file.
    pub bytes: u64,
}

impl DocumentIndex {
    /// What `{name}` stands for in a filing template. `date` is the UTC day of
    /// scanning. `None` for a name that cannot be a field's.
    pub fn value_for_name(&self, name: &str) -> Option<String> {
        match name {
            "document_id" => Some(self.document.to_string()),
            "document_type" => Some(self.document_type.clone()),
            "batch" => Some(self.document.batch().to_string()),
            "date" => Some(self.scanned_on().to_string()),
            field => {
                crate::records::document::FieldName::new(field).ok()?;
                let held = self.fields.iter().find(|held| held.name.as_str() == field);
                Some(held.map_or(String::new(), |held| held.value.clone()))
            }
        }
    }

    /// Of the PDF.
    pub fn page_count(&self) -> usize {
        match self.withdrawn {
            Some(_) => 1,
            None => self.pages.len(),
        }
    }

    /// The UTC day.
    pub fn scanned_on(&self) -> jiff::civil::Date {
        self.scanned_at.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// A field named twice, which no index file can say.
    pub fn field_named_twice(&self) -> Option<&IndexField> {
        let earlier = |i: usize| &self.fields[..i];
        let twice = |(i, field): &(usize, &IndexField)| {
            earlier(*i).iter().any(|other| other.name == field.name)
        };
        self.fields.iter().enumerate().find(twice).map(|(_, field)| field)
    }
}
