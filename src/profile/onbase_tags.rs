//! Which tag a field has in an OnBase index file, and which are Outguide's own.
//!
//! Here and not with the writer of that file, because two fields of one tag are
//! a mistake in the profile and must show before paper is fed.

use crate::records::document::FieldName;

/// With the separator.
const MAX_TAG_CHARS: usize = 20;

pub const BEGIN: &str = "BEGIN:";
pub const DOCUMENT_TYPE: &str = "DocType:";
pub const DOCUMENT_DATE: &str = "DocDate:";
pub const DOCUMENT_ID: &str = "DocumentID:";
pub const SHA256: &str = "SHA256:";
pub const BYTES: &str = "Bytes:";
pub const REPLACES: &str = "Replaces:";
pub const WITHDRAWN_BY: &str = "WithdrawnBy:";
pub const WITHDRAWN_BECAUSE: &str = "WithdrawnBecause:";
pub const FILE_FORMAT: &str = "FileFormat:";
pub const FILE_PATH: &str = "FilePath:";

/// No field may have one of these.
pub const OWN: [&str; 11] = [
    BEGIN,
    DOCUMENT_TYPE,
    DOCUMENT_DATE,
    DOCUMENT_ID,
    SHA256,
    BYTES,
    REPLACES,
    WITHDRAWN_BY,
    WITHDRAWN_BECAUSE,
    FILE_FORMAT,
    FILE_PATH,
];

/// `mrn` is `MRN:`, `document_date` is `DocumentDate:`.
pub fn tag(name: &FieldName) -> String {
    let mut tag = String::new();
    for word in name.as_str().split('_') {
        let (first, rest) = word.split_at(word.len().min(1));
        tag.push_str(&first.to_ascii_uppercase());
        tag.push_str(rest);
    }
    if name.as_str() == FieldName::MRN {
        tag = "MRN".to_owned();
    }
    tag.truncate(MAX_TAG_CHARS - 1);
    tag.push(':');
    tag
}

#[cfg(test)]
mod tests {
    use crate::profile::parse;
    use crate::profile::tests::RIGHT;

    fn problems(fields: &[&str], sidecar: &str) -> Vec<String> {
        let rule = |field: &&str| {
            format!("[[barcodes.field]]\nfield = \"{field}\"\npattern = '[0-9]+'\n\n")
        };
        let rules: String = fields.iter().map(rule).collect();
        let text = RIGHT.replacen("[separation]", &format!("{rules}[separation]"), 1).replacen(
            "sidecar = \"json\"",
            &format!("sidecar = \"{sidecar}\""),
            1,
        );
        parse(&text, "test.toml").1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_field_whose_tag_another_line_has_is_refused_when_the_profile_is_read() {
        let long = ["surgeon_who_operated_on_monday", "surgeon_who_operated_on_friday"];
        let cases: [(&[&str], &str); 5] = [
            (&["doc_date"], "barcodes.field[2].field: doc_date becomes the OnBase tag DocDate:"),
            (&["file_path"], "barcodes.field[2].field: file_path becomes"),
            (&["m_r_n"], "barcodes.field[2].field: m_r_n becomes the OnBase tag MRN:"),
            (&["visit_no", "visit__no"], "barcodes.field[3].field: visit__no becomes"),
            (&long, "barcodes.field[3].field: surgeon_who_operated_on_friday becomes"),
        ];
        for (fields, expected) in cases {
            let problems = problems(fields, "onbase-dip");
            let [problem] = &problems[..] else { panic!("{fields:?}: {problems:?}") };
            assert!(problem.contains(expected), "{problem}");
        }
        for sidecar in ["json", "csv", "laserfiche-xml"] {
            assert_eq!(problems(&["doc_date", "file_path"], sidecar), [""; 0], "{sidecar}");
        }
        let same_field_twice = ["document_date", "document_date", "mrn"];
        assert_eq!(problems(&same_field_twice, "onbase-dip"), [""; 0]);
    }
}
