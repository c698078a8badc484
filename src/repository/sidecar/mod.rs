//! Index files: written with one escaping writer a format, and read back as
//! far as it takes to check a document against its index.
//!
//! `docs/sidecars/README.md` says what each format holds and what of it could
//! not be checked against its maker's documentation.

pub mod csv;
pub mod json;
pub mod laserfiche_xml;
pub mod onbase_dip;

use crate::profile::{SidecarFormat, onbase_tags};
use crate::records::document::{FieldName, FieldSource};
use crate::records::ids::{DocumentId, Sha256};

use super::index::{DocumentIndex, FiledPdf};

#[derive(Debug, thiserror::Error)]
pub enum SidecarFault {
    #[error("the document has two values for {field}; an index file can hold one")]
    FieldTwice { field: FieldName },
    #[error(
        "the fields give {field} the tag {tag:?}, which another line of the index file has; \
         name the field differently in the profile"
    )]
    TagTaken { field: FieldName, tag: String },
    #[error("the index file could not be composed")]
    Compose(#[source] std::io::Error),
}

/// What an index file must say for its document to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    pub document: DocumentId,
    /// File name of the PDF, in the same folder.
    pub file: String,
    pub sha256: Sha256,
    /// Length of the PDF.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an index file Outguide wrote, or not all of one: {0}")]
pub struct NotAnIndex(pub String);

/// Every format, with the extension of its files.
pub const FORMATS: [(SidecarFormat, &str); 4] = [
    (SidecarFormat::Json, "json"),
    (SidecarFormat::Csv, "csv"),
    (SidecarFormat::OnbaseDip, "txt"),
    (SidecarFormat::LaserficheXml, "xml"),
];

/// Without the dot.
pub fn extension(format: SidecarFormat) -> &'static str {
    match format {
        SidecarFormat::Json => "json",
        SidecarFormat::Csv => "csv",
        SidecarFormat::OnbaseDip => "txt",
        SidecarFormat::LaserficheXml => "xml",
    }
}

/// A whole index file.
pub fn write(
    format: SidecarFormat,
    index: &DocumentIndex,
    pdf: &FiledPdf,
) -> Result<Vec<u8>, SidecarFault> {
    if let Some(twice) = index.field_named_twice() {
        return Err(SidecarFault::FieldTwice { field: twice.name.clone() });
    }
    match format {
        SidecarFormat::Json => json::write(index, pdf),
        SidecarFormat::Csv => csv::write(index, pdf),
        SidecarFormat::OnbaseDip => onbase_dip::write(index, pdf),
        SidecarFormat::LaserficheXml => laserfiche_xml::write(index, pdf),
    }
}

/// Reads what [`write()`] wrote.
pub fn read(format: SidecarFormat, bytes: &[u8]) -> Result<IndexEntry, NotAnIndex> {
    match format {
        SidecarFormat::Json => json::read(bytes),
        SidecarFormat::Csv => csv::read(bytes),
        SidecarFormat::OnbaseDip => onbase_dip::read(bytes),
        SidecarFormat::LaserficheXml => laserfiche_xml::read(bytes),
    }
}

/// Whether bytes that [`read`] refuses are what is left of an index file of
/// ours, and not another program's file of that ending.
pub fn was_begun_by_us(format: SidecarFormat, bytes: &[u8]) -> bool {
    let mark = match format {
        SidecarFormat::Json => "outguide-document/",
        SidecarFormat::Csv => "schema,document_id,",
        SidecarFormat::OnbaseDip => onbase_tags::BEGIN,
        SidecarFormat::LaserficheXml => laserfiche_xml::NAMESPACE,
    };
    bytes.windows(mark.len()).any(|part| part == mark.as_bytes())
}

/// The values of an entry as they stand in formats that only have text.
fn entry(
    document: Option<&str>,
    path: Option<&str>,
    sha256: Option<&str>,
    bytes: Option<&str>,
) -> Result<IndexEntry, NotAnIndex> {
    fn must<T>(what: &str, value: Option<T>) -> Result<T, NotAnIndex> {
        value.ok_or_else(|| NotAnIndex(format!("its {what} is missing or malformed")))
    }
    let file = must("file", path)?.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    Ok(IndexEntry {
        document: must("document id", document.and_then(|text| text.parse().ok()))?,
        sha256: must("SHA-256", sha256.and_then(|text| text.parse().ok()))?,
        bytes: must("length", bytes.and_then(|text| text.parse().ok()))?,
        file,
    })
}

/// A field's source as one phrase: "cover sheet, page 3".
fn source_phrase(source: &FieldSource) -> String {
    match source {
        FieldSource::CoverSheet { page } => format!("cover sheet, page {page}"),
        FieldSource::Barcode { page, symbology } => format!("{symbology} barcode, page {page}"),
        FieldSource::BatchHeader { page } => format!("batch header, page {page}"),
        FieldSource::Carried { page } => format!("carried from page {page}"),
        FieldSource::Keyed => "keyed".to_owned(),
    }
}

#[cfg(test)]
mod tests;
