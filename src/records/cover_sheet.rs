//! Outguide's own cover sheets: what their barcode says, written and parsed
//! here and nowhere else.
//!
//! ```text
//! payload   = "OGS" version kind fields check
//! version   = "1"
//! kind      = "B" batch header | "P" patient | "D" document type | "S" separator
//! fields    = { "-" field }           by kind, in this order:
//!     B       number, sheets, documents   (an unknown count is empty)
//!     P       mrn [, encounter]           (an unknown encounter is left out)
//!     D       code [, pages]              (an unknown count is left out)
//!     S       none
//! field     = { "0".."9" | "A".."Y" | escape }
//! escape    = "Z" hex hex             one UTF-8 byte; only for a byte that
//!                                     does not stand for itself, so that one
//!                                     text has one payload
//! check     = ISO/IEC 7064 mod 37,2 over all before it; "-" has the value 36,
//!             as data and as check
//! ```
//!
//! `OGS1P-0048213-E7719W` is a patient sheet. The alphabet has 37 characters
//! and 37 is prime: one wrong character and two neighbours exchanged are always
//! noticed, whatever symbology carried them. One sheet may carry several
//! payloads, a barcode for each key.

use std::fmt;

use super::barcode::check;
use super::batch::Expected;

const PREFIX: &str = "OGS";
const VERSION: char = '1';
const SEPARATOR: char = '-';
const ESCAPE: u8 = b'Z';

/// What one of our sheets says. Texts are not empty.
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

/// Why a text is not one of our sheets. Carries no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadFault {
    #[error("not the barcode of an Outguide sheet")]
    NotOurs,
    #[error("the sheet was printed by another version of Outguide; print it again")]
    Version,
    #[error("the check character of the sheet's barcode is wrong")]
    Check,
    #[error("the sheet's barcode is not well formed")]
    Form,
}

/// Printed on every sheet of ours: for the eye, and for knowing a sheet by its
/// words when its code is past reading.
pub const NOT_PART_OF_THE_RECORD: &str = "separator: not part of the record";

/// At the foot of every sheet of ours, for the same.
pub const NOT_TO_BE_FILED: &str = "scan with the batch, do not file";

/// Printed large at the head of a sheet, by kind.
pub mod title {
    pub const BATCH_HEADER: &str = "BATCH HEADER";
    pub const PATIENT: &str = "PATIENT";
    pub const DOCUMENT_TYPE: &str = "DOCUMENT TYPE";
    pub const SEPARATOR: &str = "SEPARATOR";
    pub const ALL: [&str; 4] = [BATCH_HEADER, PATIENT, DOCUMENT_TYPE, SEPARATOR];
}

/// The height of a title's capitals, as printed, where it is not fitted into less.
pub const TITLE_MM: f64 = 9.1;

/// The narrowest bar and space of a sheet's Code 128, as printed: 20 mil.
pub const BAR_MM: f64 = 0.508;
/// A module of its QR code, as printed: 4 rows of a standard fax.
pub const QR_MODULE_MM: f64 = 1.016;

/// Whether a barcode means to be one of our sheets, readable or not. A text
/// that looks like ours and does not [`parse`] is an unreadable cover sheet,
/// never somebody else's barcode.
pub fn looks_like_ours(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The letter that says what kind of sheet a text of ours belongs to, whether
/// or not the text [`parse`]s: a damaged copy is excused by a good one of its
/// own kind only.
pub fn kind_letter(text: &str) -> Option<char> {
    text.strip_prefix(PREFIX)?.chars().nth(1)
}

impl CoverSheet {
    /// The text of the sheet's barcode.
    pub fn to_payload(&self) -> String {
        let mut payload = format!("{PREFIX}{VERSION}");
        match self {
            CoverSheet::BatchHeader { number, expected } => {
                payload.push('B');
                push_field(&mut payload, number);
                push_field(&mut payload, &count(expected.sheets));
                push_field(&mut payload, &count(expected.documents));
            }
            CoverSheet::Patient { mrn, encounter } => {
                payload.push('P');
                push_field(&mut payload, mrn);
                if let Some(encounter) = encounter {
                    push_field(&mut payload, encounter);
                }
            }
            CoverSheet::DocumentType { code, pages } => {
                payload.push('D');
                push_field(&mut payload, code);
                if pages.is_some() {
                    push_field(&mut payload, &count(*pages));
                }
            }
            CoverSheet::Separator => payload.push('S'),
        }
        let check = check_character(&payload).expect("the writer uses the payload's alphabet");
        payload.push(check);
        payload
    }
}

/// Reads what [`CoverSheet::to_payload`] wrote, and nothing else.
pub fn parse(text: &str) -> Result<CoverSheet, PayloadFault> {
    if !looks_like_ours(text) {
        return Err(PayloadFault::NotOurs);
    }
    let (body, written) =
        text.char_indices().last().map_or(("", SEPARATOR), |(i, c)| (&text[..i], c));
    if check_character(body) != Some(written) {
        return Err(PayloadFault::Check);
    }
    let body = body.strip_prefix(PREFIX).ok_or(PayloadFault::Form)?;
    let body = body.strip_prefix(VERSION).ok_or(PayloadFault::Version)?;
    let mut parts = body.split(SEPARATOR);
    let kind = parts.next().ok_or(PayloadFault::Form)?;
    let fields = parts.map(unescape).collect::<Option<Vec<_>>>().ok_or(PayloadFault::Form)?;
    sheet(kind, &fields).ok_or(PayloadFault::Form)
}

fn sheet(kind: &str, fields: &[String]) -> Option<CoverSheet> {
    let text = |field: &String| (!field.is_empty()).then(|| field.clone());
    Some(match (kind, fields) {
        ("B", [number, sheets, documents]) => CoverSheet::BatchHeader {
            number: text(number)?,
            expected: Expected { sheets: known(sheets)?, documents: known(documents)? },
        },
        ("P", [mrn]) => CoverSheet::Patient { mrn: text(mrn)?, encounter: None },
        ("P", [mrn, encounter]) => {
            CoverSheet::Patient { mrn: text(mrn)?, encounter: Some(text(encounter)?) }
        }
        ("D", [code]) => CoverSheet::DocumentType { code: text(code)?, pages: None },
        ("D", [code, pages]) => {
            CoverSheet::DocumentType { code: text(code)?, pages: Some(known(pages)??) }
        }
        ("S", []) => CoverSheet::Separator,
        _ => return None,
    })
}

fn count(number: Option<u32>) -> String {
    number.map_or_else(String::new, |n| n.to_string())
}

/// The outer `None` is a field that is no count.
fn known(field: &str) -> Option<Option<u32>> {
    if field.is_empty() {
        return Some(None);
    }
    let number: u32 = field.parse().ok()?;
    (number.to_string() == field).then_some(Some(number))
}

fn push_field(payload: &mut String, text: &str) {
    payload.push(SEPARATOR);
    for byte in text.bytes() {
        if stands_for_itself(byte) {
            payload.push(char::from(byte));
        } else {
            payload.push_str(&format!("{}{byte:02X}", char::from(ESCAPE)));
        }
    }
}

fn unescape(field: &str) -> Option<String> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, tail @ ..] = rest {
        if stands_for_itself(*first) {
            text.push(*first);
            rest = tail;
            continue;
        }
        let ([ESCAPE, high, low], tail) = rest.split_first_chunk()? else { return None };
        let byte = hex(*high)? << 4 | hex(*low)?;
        if stands_for_itself(byte) {
            return None;
        }
        text.push(byte);
        rest = tail;
    }
    String::from_utf8(text).ok()
}

/// Whether the barcode has as many characters as the text; small letters,
/// spaces and signs take three each.
pub fn is_carried_plainly(text: &str) -> bool {
    text.bytes().all(stands_for_itself)
}

fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Y')
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// `None` where a character is outside the payload's alphabet.
fn check_character(body: &str) -> Option<char> {
    let values = body
        .chars()
        .map(|c| {
            if c == SEPARATOR {
                Some(36)
            } else {
                c.to_digit(36).filter(|_| !c.is_ascii_lowercase())
            }
        })
        .collect::<Option<Vec<u32>>>()?;
    let value = check::iso7064_mod37_2(values);
    Some(if value == 36 { SEPARATOR } else { char::from_digit(value, 36)?.to_ascii_uppercase() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{1,12}", "[A-Z0-9/ .-]{1,20}", "\\PC{1,5}"]
    }

    fn any_sheet() -> impl Strategy<Value = CoverSheet> {
        prop_oneof![
            (text(), any::<Option<u32>>(), any::<Option<u32>>()).prop_map(
                |(number, sheets, documents)| {
                    CoverSheet::BatchHeader { number, expected: Expected { sheets, documents } }
                }
            ),
            (text(), proptest::option::of(text()))
                .prop_map(|(mrn, encounter)| CoverSheet::Patient { mrn, encounter }),
            (text(), any::<Option<u32>>())
                .prop_map(|(code, pages)| CoverSheet::DocumentType { code, pages }),
            Just(CoverSheet::Separator),
        ]
    }

    const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-*/. az";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sheet_reads_back_as_it_was_written(sheet in any_sheet()) {
            let payload = sheet.to_payload();
            prop_assert!(looks_like_ours(&payload));
            prop_assert!(payload.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'Z' | b'-')));
            prop_assert!(parse(&payload) == Ok(sheet));
        }

        #[test]
        fn one_wrong_character_is_always_noticed(sheet in any_sheet()) {
            let payload: Vec<char> = sheet.to_payload().chars().collect();
            for place in 0..payload.len() {
                for wrong in ALPHABET.chars().filter(|c| *c != payload[place]) {
                    let mut damaged = payload.clone();
                    damaged[place] = wrong;
                    prop_assert!(parse(&damaged.iter().collect::<String>()).is_err());
                }
            }
        }

        #[test]
        fn two_neighbours_exchanged_are_always_noticed(sheet in any_sheet()) {
            let payload: Vec<char> = sheet.to_payload().chars().collect();
            for place in (1..payload.len()).filter(|i| payload[*i] != payload[i - 1]) {
                let mut damaged = payload.clone();
                damaged.swap(place, place - 1);
                prop_assert!(parse(&damaged.iter().collect::<String>()).is_err());
            }
        }

        #[test]
        fn any_text_that_parses_is_the_one_we_would_write(body in "OGS1[BPDS](-[0-9A-Z]{0,6}){0,3}") {
            let text = format!("{body}{}", check_character(&body).unwrap());
            if let Ok(sheet) = parse(&text) {
                prop_assert_eq!(sheet.to_payload(), text);
            }
        }
    }

    #[test]
    fn payloads_on_paper_stay_readable_for_ever() {
        let patient =
            CoverSheet::Patient { mrn: "0048213".into(), encounter: Some("E-7719".into()) };
        assert_eq!(
            parse("OGS1P-0048213-EZ2D7719X"),
            Ok(patient.clone()),
            "{}",
            patient.to_payload()
        );
        let separator = CoverSheet::Separator.to_payload();
        assert_eq!(parse("OGS1SP"), Ok(CoverSheet::Separator), "{separator}");
    }

    #[test]
    fn a_damaged_sheet_is_told_from_a_foreign_barcode() {
        assert_eq!(parse("G1234 98 654321"), Err(PayloadFault::NotOurs));
        assert_eq!(parse(""), Err(PayloadFault::NotOurs));
        assert_eq!(parse("OGS1P-0048213-E7719"), Err(PayloadFault::Check));
        assert_eq!(parse("OGS1"), Err(PayloadFault::Check));
        let later = format!("OGS2S{}", check_character("OGS2S").unwrap());
        assert_eq!(parse(&later), Err(PayloadFault::Version));
        let unknown = format!("OGS1Q{}", check_character("OGS1Q").unwrap());
        assert_eq!(parse(&unknown), Err(PayloadFault::Form));
        let nameless = format!("OGS1P-{}", check_character("OGS1P-").unwrap());
        assert_eq!(parse(&nameless), Err(PayloadFault::Form));
    }
}
