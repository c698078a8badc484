use super::super::index::Reviewed;
use super::*;
use crate::records::barcode::Symbology;
use crate::records::batch::Decision;
use crate::records::document::IndexField;
use crate::records::ids::PageNo;

fn page(no: u32) -> PageNo {
    PageNo::new(no).unwrap()
}

fn field(name: &str, value: &str, source: FieldSource) -> IndexField {
    IndexField { name: FieldName::new(name).unwrap(), value: value.to_owned(), source }
}

fn cover_sheet() -> FieldSource {
    FieldSource::CoverSheet { page: page(2) }
}

fn index(fields: Vec<IndexField>) -> DocumentIndex {
    DocumentIndex {
        document: "20260131-090000-1a2b-0002".parse().unwrap(),
        document_type: "progress-note".to_owned(),
        document_type_title: "HIM - Progress Note".to_owned(),
        fields,
        pages: vec![page(3), page(4), page(6)],
        without_text: Vec::new(),
        profile: "inpatient-chart".to_owned(),
        station: "records-1".to_owned(),
        scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
        reviewed: Reviewed::NotReviewed { rule: "profile review = none".to_owned() },
        replaces: None,
        withdrawn: None,
    }
}

fn pdf() -> FiledPdf {
    FiledPdf {
        name: "0012345.pdf".to_owned(),
        path_seen: r"\\srv\drop\charts\0012345.pdf".to_owned(),
        sha256: Sha256::of(b"chart"),
        bytes: 5,
    }
}

fn plain_fields() -> Vec<IndexField> {
    vec![
        field("mrn", "0012345", cover_sheet()),
        field(
            "encounter",
            "88771",
            FieldSource::Barcode { page: page(3), symbology: Symbology::Code128 },
        ),
        field("document_date", "2025-12-24", cover_sheet()),
    ]
}

const HOSTILE: [&str; 14] = [
    "=HYPERLINK(\"http://evil\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "＝1",
    "'=1",
    "a\r\nBEGIN:\r\nFilePath:\\\\evil\\x.pdf",
    "a\u{2028}FilePath:x",
    "</LF:value><LF:electronic_file path=\"evil\"/>",
    "]]>&amp;\"'",
    "\"},\"sha256\":\"",
    "a\0b\u{1}c\u{1d}",
    "O'Brien, Zoë \u{202E}",
];

#[test]
fn every_format_reads_back_what_it_says_of_its_document_whatever_the_fields_hold() {
    for (format, _) in FORMATS {
        let mut fields = plain_fields();
        for (i, hostile) in HOSTILE.iter().enumerate() {
            fields.push(field(&format!("hostile_{i}"), hostile, cover_sheet()));
        }
        let bytes = write(format, &index(fields), &pdf()).unwrap();
        let read = read(format, &bytes).unwrap_or_else(|e| panic!("{format:?}: {e}"));
        let expected = IndexEntry {
            document: "20260131-090000-1a2b-0002".parse().unwrap(),
            file: "0012345.pdf".to_owned(),
            sha256: Sha256::of(b"chart"),
            bytes: 5,
        };
        assert_eq!(read, expected, "{format:?}");
    }
}

#[test]
fn an_index_file_that_is_not_whole_is_not_taken_for_one() {
    for (format, _) in FORMATS {
        let whole = write(format, &index(plain_fields()), &pdf()).unwrap();
        let end = String::from_utf8_lossy(&whole).trim_end().len();
        for length in (0..end).filter(|length| length % 7 == 0 || end - length < 60) {
            assert!(read(format, &whole[..length]).is_err(), "{format:?} cut at {length}");
        }
    }
}

#[test]
fn writing_an_index_again_gives_the_same_bytes() {
    for (format, _) in FORMATS {
        let once = write(format, &index(plain_fields()), &pdf()).unwrap();
        assert_eq!(once, write(format, &index(plain_fields()), &pdf()).unwrap());
    }
}

#[test]
fn a_field_named_twice_is_refused_by_its_name_and_not_its_value() {
    let mut fields = plain_fields();
    fields.push(field("mrn", "0099999", cover_sheet()));
    for (format, _) in FORMATS {
        let refused = write(format, &index(fields.clone()), &pdf()).unwrap_err();
        assert!(matches!(refused, SidecarFault::FieldTwice { .. }));
        assert!(!refused.to_string().contains("0099999"));
    }
}

#[test]
fn a_spreadsheet_takes_no_cell_for_a_formula() {
    let fields: Vec<_> = HOSTILE
        .iter()
        .enumerate()
        .map(|(i, hostile)| field(&format!("f{i}"), hostile, cover_sheet()))
        .collect();
    let bytes = write(SidecarFormat::Csv, &index(fields), &pdf()).unwrap();
    let mut reader = ::csv::Reader::from_reader(&bytes[..]);
    let record = reader.records().next().unwrap().unwrap();
    for cell in &record {
        let first = cell.trim_start().chars().next().unwrap_or('x');
        assert!(!"=+-@＝＋－＠\t\r".contains(first), "{cell:?}");
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(r#""'=HYPERLINK(""http://evil"",""x"")""#), "{text}");
    assert!(text.ends_with("\r\n"));
}

#[test]
fn no_two_columns_of_a_csv_file_have_one_name_whatever_the_fields_are_called() {
    let names = ["visit", "visit_source", "source", "source_visit", "schema", "field_visit"];
    let fields = names.map(|name| field(name, "1", cover_sheet())).to_vec();
    let bytes = write(SidecarFormat::Csv, &index(fields), &pdf()).unwrap();
    let header = ::csv::Reader::from_reader(&bytes[..]).headers().unwrap().clone();
    let columns: std::collections::BTreeSet<&str> = header.iter().collect();
    assert_eq!(columns.len(), header.len(), "{header:?}");
}

#[test]
fn a_tagged_dip_file_is_one_line_a_value_with_the_format_before_the_path() {
    let mut fields = plain_fields();
    fields.push(field("note", "two\r\nlines", cover_sheet()));
    let bytes = write(SidecarFormat::OnbaseDip, &index(fields), &pdf()).unwrap();
    let expected = format!(
        "BEGIN:\r\nDocType:HIM - Progress Note\r\nDocDate:12/24/2025\r\nMRN:0012345\r\n\
         Encounter:88771\r\nDocumentDate:2025-12-24\r\nNote:two  lines\r\n\
         DocumentID:20260131-090000-1a2b-0002\r\nSHA256:{}\r\nBytes:5\r\nFileFormat:16\r\n\
         FilePath:\\\\srv\\drop\\charts\\0012345.pdf\r\n",
        Sha256::of(b"chart")
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn a_field_cannot_pose_as_a_line_of_the_dip_files_own() {
    for name in ["file_path", "document_id", "bytes", "begin"] {
        let fields = vec![field(name, r"\\evil\x.pdf", cover_sheet())];
        match write(SidecarFormat::OnbaseDip, &index(fields), &pdf()) {
            Err(SidecarFault::TagTaken { field, .. }) => assert_eq!(field.as_str(), name),
            Err(other) => panic!("{name}: {other}"),
            // "DocumentId:" is not "DocumentID:": tags tell upper from lower case.
            Ok(bytes) => {
                let entry = read(SidecarFormat::OnbaseDip, &bytes).unwrap();
                assert_eq!(entry.file, "0012345.pdf", "{name}");
            }
        }
    }
}

#[test]
fn laserfiche_xml_holds_nothing_that_xml_has_no_way_to_write() {
    let fields = vec![field("note", "a\0b\u{1d}c\u{FFFE}<&>", cover_sheet())];
    let bytes = write(SidecarFormat::LaserficheXml, &index(fields), &pdf()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("<LF:value>a\u{FFFD}b\u{FFFD}c\u{FFFD}&lt;&amp;&gt;</LF:value>"),
        "{text}"
    );
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn the_json_index_file_fits_its_published_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!(
        "../../../docs/sidecars/outguide-document-1.schema.json"
    ))
    .unwrap();
    let mut released = index(plain_fields());
    released.reviewed = Reviewed::ReleasedBy {
        person: "m.keller".to_owned(),
        rule: "profile review = all".to_owned(),
    };
    let mut sources = plain_fields();
    sources.push(field("a", "1", FieldSource::Carried { page: page(1) }));
    sources.push(field("b", "1", FieldSource::BatchHeader { page: page(1) }));
    sources.push(field("c", "1", FieldSource::Keyed));
    for index in [released, index(sources), index(Vec::new()), withdrawn()] {
        let bytes = write(SidecarFormat::Json, &index, &pdf()).unwrap();
        let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        schema_check::check(&schema, &value, "index").unwrap();
        value["file"]["sha256"] = "not a hash".into();
        assert!(schema_check::check(&schema, &value, "index").is_err());
    }
}

fn withdrawn() -> DocumentIndex {
    DocumentIndex {
        document: "20260131-090000-1a2b-0002v3".parse().unwrap(),
        pages: Vec::new(),
        replaces: Some("20260131-090000-1a2b-0002v2".parse().unwrap()),
        withdrawn: Some(Decision {
            by: "m.keller".to_owned(),
            reason: "=the wrong chart\nBEGIN:".to_owned(),
            at: "2026-02-01T09:00:07Z".parse().unwrap(),
        }),
        ..index(plain_fields())
    }
}

#[test]
fn every_format_says_what_a_correction_replaces_and_who_withdrew() {
    for (format, _) in FORMATS {
        let text = |index| String::from_utf8(write(format, &index, &pdf()).unwrap()).unwrap();
        let (plain, withdrawal) = (text(index(plain_fields())), text(withdrawn()));
        for said in ["20260131-090000-1a2b-0002v2", "m.keller", "the wrong chart"] {
            assert!(withdrawal.contains(said) && !plain.contains(said), "{format:?}: {withdrawal}");
        }
        let entry = read(format, withdrawal.as_bytes()).unwrap();
        assert_eq!(entry.document, withdrawn().document, "{format:?}");
        assert_eq!(entry.document.version().get(), 3);
    }
}

#[test]
fn the_json_index_file_names_the_pages_that_could_not_be_read() {
    let some = DocumentIndex { without_text: vec![page(4)], ..index(plain_fields()) };
    let bytes = write(SidecarFormat::Json, &some, &pdf()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&value["pages"], &value["without_text"]), (&[3, 4, 6].into(), &[4].into()));
}

/// As much of JSON Schema 2020-12 as the published schema uses; any other
/// keyword fails, so that the schema cannot grow past what is checked.
mod schema_check {
    use serde_json::Value;

    pub fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let must = |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("{at}: {what}")) };
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$schema" | "$id" | "title" | "description" => {}
                "type" => must(has_type(value, rule), "wrong type")?,
                "const" => must(value == rule, "not the one value")?,
                "enum" => must(rule.as_array().unwrap().contains(value), "not in the list")?,
                "minimum" => must(value.as_u64() >= rule.as_u64(), "too small")?,
                "minItems" => {
                    must(value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(), "few")?;
                }
                "pattern" => {
                    let pattern = regex::Regex::new(rule.as_str().unwrap()).unwrap();
                    must(pattern.is_match(value.as_str().unwrap_or("")), "no match")?;
                }
                "required" => {
                    for name in rule.as_array().unwrap() {
                        must(value.get(name.as_str().unwrap()).is_some(), &format!("no {name}"))?;
                    }
                }
                "properties" => {
                    for (name, part) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            check(part, value, &format!("{at}.{name}"))?;
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties");
                    let extra = value.as_object().unwrap().iter();
                    for (name, value) in
                        extra.filter(|(n, _)| known.and_then(|k| k.get(n)).is_none())
                    {
                        must(rule != &Value::Bool(false), &format!("{name} is not known"))?;
                        check(rule, value, &format!("{at}.{name}"))?;
                    }
                }
                "propertyNames" => {
                    for name in value.as_object().unwrap().keys() {
                        check(rule, &Value::String(name.clone()), at)?;
                    }
                }
                "items" => {
                    for item in value.as_array().unwrap() {
                        check(rule, item, &format!("{at}[]"))?;
                    }
                }
                other => panic!("the schema uses {other:?}, which this check does not know"),
            }
        }
        Ok(())
    }

    fn has_type(value: &Value, wanted: &Value) -> bool {
        match wanted.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64(),
            other => panic!("the schema uses type {other:?}"),
        }
    }
}
