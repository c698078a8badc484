//! Import index file for OnBase's Document Import Processor, the *tagged* form.
//!
//! From Hyland's Document Import Processor reference (Foundation 22.1 and
//! 24.1): each value follows a tag of at most 20 characters, its separator
//! included; tags are the site's own and tell upper from lower case; a record
//! opens with a Begin Document string; the File Format tag stands before the
//! File Path tag; the document type must be spelled as OnBase knows it. The
//! self-configuring form is for transfers between two OnBase systems and is not
//! written. Not checked there: that 16 is the file format number of PDF, and
//! the character set (UTF-8 is written).

use super::{IndexEntry, NotAnIndex, SidecarFault, entry};
use crate::profile::onbase_tags::{
    BEGIN, BYTES, DOCUMENT_DATE, DOCUMENT_ID, DOCUMENT_TYPE, FILE_FORMAT, FILE_PATH, OWN, REPLACES,
    SHA256, WITHDRAWN_BECAUSE, WITHDRAWN_BY, tag,
};
use crate::records::document::FieldName;
use crate::repository::index::{DocumentIndex, FiledPdf};

/// OnBase's number for PDF.
const FILE_FORMAT_PDF: &str = "16";

pub fn write(index: &DocumentIndex, pdf: &FiledPdf) -> Result<Vec<u8>, SidecarFault> {
    let mut lines = Lines(String::new());
    lines.add(BEGIN, "");
    lines.add(DOCUMENT_TYPE, &index.document_type_title);
    lines.add(DOCUMENT_DATE, &document_date(index));
    let mut tags: Vec<String> = OWN.iter().map(|&tag| tag.to_owned()).collect();
    for field in &index.fields {
        let tag = tag(&field.name);
        if tags.contains(&tag) {
            return Err(SidecarFault::TagTaken { field: field.name.clone(), tag });
        }
        lines.add(&tag, &field.value);
        tags.push(tag);
    }
    lines.add(DOCUMENT_ID, &index.document.to_string());
    lines.add(SHA256, &pdf.sha256.to_string());
    lines.add(BYTES, &pdf.bytes.to_string());
    if let Some(replaces) = &index.replaces {
        lines.add(REPLACES, &replaces.to_string());
    }
    if let Some(withdrawn) = &index.withdrawn {
        lines.add(WITHDRAWN_BY, &withdrawn.by);
        lines.add(WITHDRAWN_BECAUSE, &withdrawn.reason);
    }
    lines.add(FILE_FORMAT, FILE_FORMAT_PDF);
    lines.add(FILE_PATH, &pdf.path_seen);
    Ok(lines.0.into_bytes())
}

/// The only writer of these lines: a value is one line, whatever is in it.
struct Lines(String);

impl Lines {
    fn add(&mut self, tag: &str, value: &str) {
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        self.0.push_str(tag);
        self.0.extend(value.chars().map(|c| if breaks(c) { ' ' } else { c }));
        self.0.push_str("\r\n");
    }
}

/// `MM/DD/YYYY`: the document's own date where it was read and is one, else
/// the day of scanning.
fn document_date(index: &DocumentIndex) -> String {
    let read = index.value_for_name(FieldName::DOCUMENT_DATE).and_then(|text| text.parse().ok());
    read.unwrap_or_else(|| index.scanned_on()).strftime("%m/%d/%Y").to_string()
}

pub fn read(bytes: &[u8]) -> Result<IndexEntry, NotAnIndex> {
    let text = str::from_utf8(bytes).map_err(|_| NotAnIndex("it is not UTF-8".to_owned()))?;
    if text.lines().next() != Some(BEGIN) || !text.ends_with("\r\n") {
        return Err(NotAnIndex("it does not begin or end as one".to_owned()));
    }
    let value = |tag: &str| text.lines().find_map(|line| line.strip_prefix(tag));
    entry(value(DOCUMENT_ID), value(FILE_PATH), value(SHA256), value(BYTES))
}
