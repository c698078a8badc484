//! What one page is to separation: a sheet that says something, or content.

use crate::profile::{CheckDigit, FieldRule, Profile, SeparateBy};
use crate::records::barcode::{Reading, check};
use crate::records::batch::Expected;
use crate::records::cover_sheet::{self, CoverSheet};
use crate::records::document::{FieldName, FieldSource, IndexField};
use crate::records::ids::PageNo;
use crate::records::page::{PageReadings, QuarterTurn, Side};
use crate::records::separator::{PatchCode, PatchReading};

/// What separation is told of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparablePage {
    pub no: PageNo,
    pub sheet: u32,
    pub side: Side,
    pub scanner_reported_a_fault: bool,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The image could not be read.
    Unreadable,
    Page {
        readings: PageReadings,
        /// The original's pixels, and the turn that makes it upright: zones are
        /// parts of the upright page.
        width: u32,
        height: u32,
        turn: QuarterTurn,
        is_blank: bool,
        says_it_is_a_cover_sheet: bool,
    },
}

/// A page, understood.
#[derive(Debug)]
pub(super) enum Meaning {
    BatchHeader {
        expected: Expected,
    },
    /// Opens a document, is not part of it.
    Cover(Cover),
    /// Printed as a cover sheet, but nothing could be read on it.
    UnreadableCover,
    PatchSheet,
    /// A patch that separates one way up and not the other.
    AmbiguousPatch,
    Blank,
    Unreadable,
    Content {
        fields: Vec<IndexField>,
    },
}

/// All that the codes of one cover sheet say.
#[derive(Debug, Default)]
pub(super) struct Cover {
    pub fields: Vec<IndexField>,
    /// The document type code and the pages announced with it.
    pub types: Vec<String>,
    pub pages: Option<u32>,
    pub is_plain_separator: bool,
}

pub(super) fn understand(page: &SeparablePage, profile: &Profile) -> Meaning {
    let Seen::Page { readings, is_blank, says_it_is_a_cover_sheet, .. } = &page.seen else {
        return Meaning::Unreadable;
    };
    if profile.barcodes.outguide_sheets {
        if let Some(meaning) = our_own_sheet(page.no, readings) {
            return meaning;
        }
        // Not one code was read, and yet the sheet says what it is: in words,
        // or by the patch bars that only sheets carry.
        let has_patch_bars =
            profile.separation.by == SeparateBy::CoverSheet && !readings.patches.is_empty();
        if *says_it_is_a_cover_sheet || has_patch_bars {
            return Meaning::UnreadableCover;
        }
    }
    if let Some(meaning) = patch_sheet(readings, profile) {
        return meaning;
    }
    let matches = fields_on(page, readings, profile);
    if matches.iter().any(|(rule, _)| rule.cover_sheet) {
        let fields: Vec<_> = matches.into_iter().map(|(_, field)| field).collect();
        return Meaning::Cover(Cover { fields, ..Cover::default() });
    }
    if *is_blank && matches.is_empty() {
        return Meaning::Blank;
    }
    Meaning::Content { fields: matches.into_iter().map(|(_, field)| field).collect() }
}

/// `None` where no code is one of ours. Our sheets print one payload several
/// times, so that a damaged copy beside a good one takes nothing away.
fn our_own_sheet(page: PageNo, readings: &PageReadings) -> Option<Meaning> {
    let ours: Vec<_> = readings
        .codes
        .iter()
        .filter(|code| cover_sheet::looks_like_ours(&code.text))
        .map(|code| cover_sheet::parse(&code.text))
        .collect();
    if ours.is_empty() {
        return None;
    }
    let mut cover = Cover::default();
    for payload in ours.into_iter().flatten() {
        match payload {
            CoverSheet::BatchHeader { expected, .. } => {
                return Some(Meaning::BatchHeader { expected });
            }
            CoverSheet::Patient { mrn, encounter } => {
                cover.add(FieldName::MRN, mrn, page);
                if let Some(encounter) = encounter {
                    cover.add(FieldName::ENCOUNTER, encounter, page);
                }
            }
            CoverSheet::DocumentType { code, pages } => {
                if !cover.types.contains(&code) {
                    cover.types.push(code);
                }
                cover.pages = cover.pages.or(pages);
            }
            CoverSheet::Separator => cover.is_plain_separator = true,
        }
    }
    let nothing_good =
        cover.fields.is_empty() && cover.types.is_empty() && !cover.is_plain_separator;
    Some(if nothing_good { Meaning::UnreadableCover } else { Meaning::Cover(cover) })
}

impl Cover {
    /// The same code printed twice on a sheet says one thing.
    fn add(&mut self, name: &'static str, value: String, page: PageNo) {
        let name = FieldName::new(name).expect("the names in FieldName are field names");
        if !self.fields.iter().any(|f| f.name == name && f.value == value) {
            self.fields.push(IndexField { name, value, source: FieldSource::CoverSheet { page } });
        }
    }
}

fn patch_sheet(readings: &PageReadings, profile: &Profile) -> Option<Meaning> {
    let SeparateBy::PatchCode { codes } = &profile.separation.by else { return None };
    let separates = |code: &PatchCode| codes.contains(code);
    readings.patches.iter().find_map(|patch| match patch {
        PatchReading::Known(code) => separates(code).then_some(Meaning::PatchSheet),
        PatchReading::EitherWayUp(one, other) => match (separates(one), separates(other)) {
            (true, true) => Some(Meaning::PatchSheet),
            (false, false) => None,
            (true, false) | (false, true) => Some(Meaning::AmbiguousPatch),
        },
    })
}

fn fields_on<'p>(
    page: &SeparablePage,
    readings: &PageReadings,
    profile: &'p Profile,
) -> Vec<(&'p FieldRule, IndexField)> {
    let mut found: Vec<(&FieldRule, IndexField)> = Vec::new();
    for code in &readings.codes {
        for rule in &profile.barcodes.fields {
            let Some(value) = value_by_rule(page, code, rule) else { continue };
            let source = FieldSource::Barcode { page: page.no, symbology: code.symbology };
            let field = IndexField { name: rule.field.clone(), value, source };
            if !found.iter().any(|(_, f)| f.name == field.name && f.value == field.value) {
                found.push((rule, field));
            }
        }
    }
    found
}

/// The value of the rule's field, if this code meets every condition.
fn value_by_rule(page: &SeparablePage, code: &Reading, rule: &FieldRule) -> Option<String> {
    let text = code.text.as_str();
    let fits = rule.symbology.is_none_or(|symbology| symbology == code.symbology)
        && rule.length.is_none_or(|length| length == text.chars().count())
        && rule.check.is_none_or(|check| check_holds(check, text))
        && rule.zone.is_none_or(|zone| {
            let (x, y) = middle_on_upright_page(page, code);
            (zone.left..=zone.right).contains(&x) && (zone.top..=zone.bottom).contains(&y)
        });
    if !fits {
        return None;
    }
    rule.value_in(text).map(str::to_owned)
}

fn check_holds(check: CheckDigit, text: &str) -> bool {
    match check {
        CheckDigit::Mod43 => check::mod43_holds(text),
        CheckDigit::Mod16 => check::mod16_holds(text),
        CheckDigit::Mod10 => check::mod10_holds(text),
        CheckDigit::Mod37_2 => check::mod37_2_holds(text),
    }
}

/// The code's middle as fractions of the upright page, from its top left.
fn middle_on_upright_page(page: &SeparablePage, code: &Reading) -> (f32, f32) {
    let Seen::Page { width, height, turn, .. } = &page.seen else { return (0.0, 0.0) };
    let mean = |of: fn(&crate::records::barcode::Point) -> i32| {
        code.corners.iter().map(of).sum::<i32>() as f32 / 4.0
    };
    let x = mean(|p| p.x) / *width as f32;
    let y = mean(|p| p.y) / *height as f32;
    match turn {
        QuarterTurn::None => (x, y),
        QuarterTurn::Right => (1.0 - y, x),
        QuarterTurn::Half => (1.0 - x, 1.0 - y),
        QuarterTurn::Left => (y, 1.0 - x),
    }
}
