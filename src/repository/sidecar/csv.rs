//! One header line and one line of values, RFC 4180, UTF-8, CRLF.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a
//! formula, quoted or not, and paper is hostile input: such a value is given an
//! apostrophe in front, which a spreadsheet shows as the text itself. A reader
//! takes one apostrophe away where what follows it would have been given one.

use super::{IndexEntry, NotAnIndex, SidecarFault, entry, source_phrase};
use crate::repository::index::{DocumentIndex, FiledPdf, Reviewed};

/// The columns every file has, before `field_<name>` and `source_<name>` for each
/// field: no two names make one column.
pub const COLUMNS: [&str; 20] = [
    "schema",
    "document_id",
    "document_type",
    "document_type_title",
    "page_count",
    "pages",
    "file",
    "path",
    "sha256",
    "bytes",
    "batch",
    "profile",
    "scanned_at",
    "station",
    "review",
    "review_rule",
    "released_by",
    "replaces",
    "withdrawn_by",
    "withdrawn_because",
];

pub fn write(index: &DocumentIndex, pdf: &FiledPdf) -> Result<Vec<u8>, SidecarFault> {
    let pages: Vec<String> = index.pages.iter().map(|page| page.to_string()).collect();
    let (review, rule, person) = match &index.reviewed {
        Reviewed::NotReviewed { rule } => ("not-reviewed", rule.as_str(), ""),
        Reviewed::ReleasedBy { person, rule } => ("released", rule.as_str(), person.as_str()),
    };
    let fixed: [String; COLUMNS.len()] = [
        super::json::SCHEMA.to_owned(),
        index.document.to_string(),
        index.document_type.clone(),
        index.document_type_title.clone(),
        index.page_count().to_string(),
        pages.join(" "),
        pdf.name.clone(),
        pdf.path_seen.clone(),
        pdf.sha256.to_string(),
        pdf.bytes.to_string(),
        index.document.batch().to_string(),
        index.profile.clone(),
        index.scanned_at.to_string(),
        index.station.clone(),
        review.to_owned(),
        rule.to_owned(),
        person.to_owned(),
        index.replaces.as_ref().map(ToString::to_string).unwrap_or_default(),
        index.withdrawn.as_ref().map(|withdrawn| withdrawn.by.clone()).unwrap_or_default(),
        index.withdrawn.as_ref().map(|withdrawn| withdrawn.reason.clone()).unwrap_or_default(),
    ];
    let mut header: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
    let mut values: Vec<String> = fixed.iter().map(|value| cell(value)).collect();
    for field in &index.fields {
        header.push(format!("field_{}", field.name));
        values.push(cell(&field.value));
        header.push(format!("source_{}", field.name));
        values.push(cell(&source_phrase(&field.source)));
    }
    compose(&header, &values)
        .map_err(|error| SidecarFault::Compose(std::io::Error::other(error.to_string())))
}

fn compose(header: &[String], values: &[String]) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header)?;
    writer.write_record(values)?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A value as a cell may hold it. Control characters other than line ends,
/// which the quotes take care of, become U+FFFD.
fn cell(value: &str) -> String {
    let shown = |c: char| if c.is_control() && !matches!(c, '\r' | '\n') { '\u{FFFD}' } else { c };
    let text: String = value.chars().map(shown).collect();
    if would_be_formula(&text) { format!("'{text}") } else { text }
}

fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| would_be_formula(rest)).unwrap_or(cell)
}

/// Looks past blanks, which some programs drop, past apostrophes, so that
/// [`plain`] can tell which one was added, and at the full-width forms too.
fn would_be_formula(text: &str) -> bool {
    let start =
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'' || c == '\u{FFFD}');
    start.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

pub fn read(bytes: &[u8]) -> Result<IndexEntry, NotAnIndex> {
    // The reader's own messages could quote a patient's value.
    let broken = |_| NotAnIndex("its lines are malformed".to_owned());
    if !bytes.ends_with(b"\r\n") {
        return Err(NotAnIndex("its last line is not whole".to_owned()));
    }
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(broken)?.clone();
    let mut records = reader.records();
    let (Some(record), None) = (records.next(), records.next()) else {
        return Err(NotAnIndex("it does not have one line of values".to_owned()));
    };
    let record = record.map_err(broken)?;
    let value = |column: &str| {
        let at = header.iter().position(|name| name == column)?;
        record.get(at).map(plain)
    };
    if value("schema") != Some(super::json::SCHEMA) {
        return Err(NotAnIndex("its schema is another".to_owned()));
    }
    entry(value("document_id"), value("file"), value("sha256"), value("bytes"))
}
