//! Outguide's own index file: `docs/sidecars/outguide-document-1.schema.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{IndexEntry, NotAnIndex, SidecarFault};
use crate::records::batch::Decision;
use crate::records::document::{FieldName, FieldSource};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::repository::index::{DocumentIndex, FiledPdf, Reviewed};

/// A change that a reader of version 1 would misread gets a new number.
pub const SCHEMA: &str = "outguide-document/1";

#[derive(Serialize)]
struct IndexFile<'a> {
    schema: &'a str,
    document_id: &'a DocumentId,
    document_type: DocumentType<'a>,
    fields: BTreeMap<&'a FieldName, Field<'a>>,
    page_count: usize,
    pages: &'a [PageNo],
    without_text: &'a [PageNo],
    file: File<'a>,
    batch: &'a BatchId,
    profile: &'a str,
    scanned_at: String,
    station: &'a str,
    review: Review<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a DocumentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<&'a Decision>,
}

#[derive(Serialize)]
struct DocumentType<'a> {
    code: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
struct Field<'a> {
    value: &'a str,
    source: &'a FieldSource,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    path: &'a str,
    sha256: Sha256,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum Review<'a> {
    NotReviewed { rule: &'a str },
    Released { by: &'a str, rule: &'a str },
}

pub fn write(index: &DocumentIndex, pdf: &FiledPdf) -> Result<Vec<u8>, SidecarFault> {
    let fields = index
        .fields
        .iter()
        .map(|field| (&field.name, Field { value: &field.value, source: &field.source }));
    let file = IndexFile {
        schema: SCHEMA,
        document_id: &index.document,
        document_type: DocumentType {
            code: &index.document_type,
            title: &index.document_type_title,
        },
        fields: fields.collect(),
        page_count: index.page_count(),
        pages: &index.pages,
        without_text: &index.without_text,
        file: File { name: &pdf.name, path: &pdf.path_seen, sha256: pdf.sha256, bytes: pdf.bytes },
        batch: index.document.batch(),
        profile: &index.profile,
        scanned_at: index.scanned_at.to_string(),
        station: &index.station,
        review: match &index.reviewed {
            Reviewed::NotReviewed { rule } => Review::NotReviewed { rule },
            Reviewed::ReleasedBy { person, rule } => Review::Released { by: person, rule },
        },
        replaces: index.replaces.as_ref(),
        withdrawn: index.withdrawn.as_ref(),
    };
    let mut bytes =
        serde_json::to_vec_pretty(&file).map_err(|error| SidecarFault::Compose(error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub fn read(bytes: &[u8]) -> Result<IndexEntry, NotAnIndex> {
    #[derive(Deserialize)]
    struct Found {
        schema: String,
        document_id: DocumentId,
        file: FoundFile,
    }
    #[derive(Deserialize)]
    struct FoundFile {
        name: String,
        sha256: Sha256,
        bytes: u64,
    }
    // The parser's own message could quote a patient's value.
    let found: Found = serde_json::from_slice(bytes)
        .map_err(|error| NotAnIndex(format!("line {}, column {}", error.line(), error.column())))?;
    if found.schema != SCHEMA {
        return Err(NotAnIndex("its schema is another".to_owned()));
    }
    let FoundFile { name, sha256, bytes } = found.file;
    Ok(IndexEntry { document: found.document_id, file: name, sha256, bytes })
}
