//! What one page is to separation: a sheet that says something, or content.

use crate::profile::{CheckDigit, FieldRule, Profile, SeparateBy, Zone};
use crate::records::barcode::{Reading, check};
use crate::records::batch::Expected;
use crate::records::cover_sheet::{self, CoverSheet, PayloadFault};
use crate::records::document::{FieldName, FieldSource, IndexField, QuestionReason};
use crate::records::ids::PageNo;
use crate::records::page::{PageOutcome, PageReadings, QuarterTurn, Says, Side, SpooledPage};
use crate::records::separator::{PatchCode, PatchReading};

/// What separation is told of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparablePage {
    pub no: PageNo,
    pub sheet: u32,
    pub side: Side,
    pub scanner_reported_a_fault: bool,
    /// The back of its sheet was to come and never did.
    pub other_side_is_missing: bool,
    pub seen: Seen,
}

impl SeparablePage {
    /// `next` is the page behind it in reading order; `outcome`, what was read on
    /// it.
    pub fn of(
        page: &SpooledPage,
        next: Option<&SpooledPage>,
        outcome: Option<PageOutcome>,
    ) -> Self {
        let seen = match outcome {
            Some(PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, .. }) => {
                Seen::Page {
                    readings,
                    width: picture.width,
                    height: picture.height,
                    turn: picture.turn,
                    is_blank: picture.blank.is_blank,
                    says_it_is_a_cover_sheet,
                }
            }
            Some(PageOutcome::Unreadable { .. }) | None => Seen::Unreadable,
        };
        SeparablePage {
            no: page.no,
            sheet: page.sheet,
            side: page.side,
            scanner_reported_a_fault: page.suspect.is_some(),
            other_side_is_missing: page.is_half_a_sheet()
                && next.is_none_or(|next| next.sheet != page.sheet),
            seen,
        }
    }

    /// Why its sheet is not to be relied on, whatever is on this page. Two may
    /// have gone through as one, or a side never been seen: a cover sheet, perhaps.
    pub(super) fn doubts(&self) -> impl Iterator<Item = QuestionReason> + use<> {
        let suspect = self.scanner_reported_a_fault.then_some(QuestionReason::SuspectSheet);
        let half = self.other_side_is_missing.then_some(QuestionReason::OtherSideMissing);
        suspect.into_iter().chain(half)
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.seen, Seen::Page { is_blank: true, .. })
    }

    pub(super) fn says_it_is_a_cover_sheet(&self) -> bool {
        matches!(self.seen, Seen::Page { says_it_is_a_cover_sheet: Says::Yes, .. })
    }
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
        says_it_is_a_cover_sheet: Says,
    },
}

/// A page, understood.
#[derive(Debug)]
pub(super) enum Meaning {
    /// The paper is a separator: its other side should be empty.
    Sheet(Sheet),
    Page(Page),
}

/// What a separator says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sheet {
    BatchHeader {
        number: String,
        expected: Expected,
    },
    /// Opens a document, is not part of it.
    Cover(Cover),
    /// A cover sheet, but what it says is not to be relied on.
    UnreadableCover(QuestionReason),
    /// Parts documents; `labels` are stuck on it.
    Patch {
        labels: Labels,
    },
    /// A sheet, but whether it parts documents is not known.
    DoubtfulPatch(QuestionReason),
}

/// What a page of no separator is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Page {
    /// Patch bars or a sheet's codes, and yet too much on the page for a sheet:
    /// the reason asks about it.
    MarkedAsASheet {
        labels: Labels,
        reason: QuestionReason,
    },
    Blank,
    Unreadable,
    Content(Labels),
}

/// What the site's own barcodes on one page say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Labels {
    pub fields: Vec<IndexField>,
    /// Barcodes in the form of a field's whose check, length or place is wrong.
    /// Taken for no label at all, their page would go to the patient before.
    pub nearly: Vec<IndexField>,
}

impl Labels {
    fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.nearly.is_empty()
    }
}

/// All that the codes of one cover sheet say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cover {
    pub labels: Labels,
    /// The document type codes, and the pages announced with them.
    pub types: Vec<IndexField>,
    pub pages: Option<u32>,
    pub is_plain_separator: bool,
}

pub(super) fn understand(page: &SeparablePage, profile: &Profile) -> Meaning {
    let Seen::Page { readings, is_blank, says_it_is_a_cover_sheet, .. } = &page.seen else {
        return Meaning::Page(Page::Unreadable);
    };
    let found = labels_on(page, readings, profile);
    let labels = found.labels;
    let has_our_code = readings.codes.iter().any(|code| cover_sheet::looks_like_ours(&code.text));
    if profile.barcodes.outguide_sheets && has_our_code {
        return match says_it_is_a_cover_sheet {
            Says::No => {
                let reason = QuestionReason::SheetOnAPage;
                Meaning::Page(Page::MarkedAsASheet { labels, reason })
            }
            Says::Yes | Says::Nothing => Meaning::Sheet(our_own_sheet(page.no, readings, labels)),
        };
    }
    if let Some(meaning) = patch_sheet(readings, *says_it_is_a_cover_sheet, &labels, profile) {
        return meaning;
    }
    // Not one code of ours was read, and yet the sheet says what it is: in
    // words, or by the patch bars that only sheets carry.
    let unreadable = |reason| Meaning::Sheet(Sheet::UnreadableCover(reason));
    let says_so = *says_it_is_a_cover_sheet == Says::Yes;
    let is_a_whole_sheet = *says_it_is_a_cover_sheet == Says::Nothing
        && readings.codes.iter().any(|code| cover_sheet::parse(&code.text).is_ok());
    match profile.barcodes.outguide_sheets {
        true if says_so || !readings.patches.is_empty() => {
            return unreadable(QuestionReason::UnreadableCoverSheet);
        }
        false if says_so || is_a_whole_sheet => {
            return unreadable(QuestionReason::UnusedCoverSheet);
        }
        true | false => {}
    }
    match found.cover_sheet {
        CoverRule::Fits => {
            return Meaning::Sheet(Sheet::Cover(Cover { labels, ..Cover::default() }));
        }
        CoverRule::Nearly => return unreadable(QuestionReason::UnreadableCoverSheet),
        CoverRule::None => {}
    }
    Meaning::Page(match *is_blank && labels.is_empty() {
        true => Page::Blank,
        false => Page::Content(labels),
    })
}

/// Our sheets print one payload several times, so that a damaged copy beside a
/// good one of its kind takes nothing away. A damaged one of another kind is
/// another sheet's.
fn our_own_sheet(page: PageNo, readings: &PageReadings, labels: Labels) -> Sheet {
    let mut good: Vec<(Option<char>, CoverSheet)> = Vec::new();
    let mut damaged: Vec<Option<char>> = Vec::new();
    for code in readings.codes.iter().filter(|code| cover_sheet::looks_like_ours(&code.text)) {
        let kind = cover_sheet::kind_letter(&code.text);
        match cover_sheet::parse(&code.text) {
            Ok(sheet) => good.push((kind, sheet)),
            Err(PayloadFault::Version) => {
                return Sheet::UnreadableCover(QuestionReason::SheetOfAnotherVersion);
            }
            Err(PayloadFault::NotOurs | PayloadFault::Check | PayloadFault::Form) => {
                damaged.push(kind);
            }
        }
    }
    if damaged.iter().any(|kind| !good.iter().any(|(good, _)| good == kind)) {
        return Sheet::UnreadableCover(QuestionReason::UnreadableCoverSheet);
    }
    let header = good.iter().find_map(|(_, sheet)| match sheet {
        CoverSheet::BatchHeader { number, expected } => Some((sheet, number, *expected)),
        CoverSheet::Patient { .. } | CoverSheet::DocumentType { .. } | CoverSheet::Separator => {
            None
        }
    });
    if let Some((header, number, expected)) = header {
        let is_a_patients =
            labels.fields.iter().chain(&labels.nearly).any(|f| f.name.is_patient_identity());
        let alone = !is_a_patients && good.iter().all(|(_, sheet)| sheet == header);
        return match alone {
            true => Sheet::BatchHeader { number: number.clone(), expected },
            false => Sheet::UnreadableCover(QuestionReason::TwoSheetsOnOnePage),
        };
    }
    let mut cover = Cover::default();
    for (_, sheet) in good {
        match sheet {
            CoverSheet::BatchHeader { .. } => {}
            CoverSheet::Patient { mrn, encounter } => {
                add_new(&mut cover.labels.fields, said(FieldName::MRN, mrn, page));
                if let Some(encounter) = encounter {
                    add_new(&mut cover.labels.fields, said(FieldName::ENCOUNTER, encounter, page));
                }
            }
            CoverSheet::DocumentType { code, pages } => {
                add_new(&mut cover.types, said(FieldName::DOCUMENT_TYPE, code, page));
                if pages.is_some() && cover.pages.is_some() && cover.pages != pages {
                    return Sheet::UnreadableCover(QuestionReason::TwoSheetsOnOnePage);
                }
                cover.pages = cover.pages.or(pages);
            }
            CoverSheet::Separator => cover.is_plain_separator = true,
        }
    }
    cover.add_labels(&labels);
    Sheet::Cover(cover)
}

/// What a sheet of ours says of a field.
fn said(name: &'static str, value: String, page: PageNo) -> IndexField {
    let name = FieldName::new(name).expect("the names in FieldName are field names");
    IndexField { name, value, source: FieldSource::CoverSheet { page } }
}

impl Cover {
    pub fn add_labels(&mut self, labels: &Labels) {
        for field in &labels.fields {
            add_new(&mut self.labels.fields, field.clone());
        }
        self.labels.nearly.extend(labels.nearly.iter().cloned());
    }

    /// What the next sheet of the same document says goes to what this one says.
    pub fn add_cover(&mut self, next: &Cover) {
        self.add_labels(&next.labels);
        for code in &next.types {
            add_new(&mut self.types, code.clone());
        }
        self.pages = self.pages.or(next.pages);
    }
}

/// The same code printed twice says one thing.
fn add_new(fields: &mut Vec<IndexField>, field: IndexField) {
    if !fields.iter().any(|known| known.name == field.name && known.value == field.value) {
        fields.push(field);
    }
}

/// `None` where the page is no patch sheet, or may be a torn sheet of ours:
/// `outguide coversheet` prints patch bars on every one of them. Where nothing is
/// carried, a torn sheet that parts like a patch sheet does no harm.
fn patch_sheet(
    readings: &PageReadings,
    says_it_is_a_cover_sheet: Says,
    labels: &Labels,
    profile: &Profile,
) -> Option<Meaning> {
    let named = named_patch(readings).filter(|_| {
        let rules = &profile.barcodes;
        rules.patch_codes || rules.outguide_sheets
    });
    let is_printed_by_us = named.is_some() || says_it_is_a_cover_sheet == Says::Yes;
    let parts = match named {
        Some(code) => separates(PatchReading::Known(code), profile),
        None => readings.patches.iter().map(|patch| separates(*patch, profile)).max()?,
    };
    let is_meant = parts != Parts::No && profile.separation.carry_forward.is_empty();
    if profile.barcodes.outguide_sheets && named.is_none() && !is_meant {
        return None;
    }
    let is_a_page = says_it_is_a_cover_sheet == Says::No;
    let has_more_on_it = is_a_page || !labels.is_empty();
    let is_by_patch = matches!(profile.separation.by, SeparateBy::PatchCode { .. });
    let on_a_page = || {
        let (labels, reason) = (labels.clone(), QuestionReason::PatchOnAPage);
        Some(Meaning::Page(Page::MarkedAsASheet { labels, reason }))
    };
    match parts {
        // Another make's sheet parts nothing, and is no page of the record either.
        Parts::No if !is_printed_by_us && (has_more_on_it || !is_by_patch) => None,
        Parts::No | Parts::PerhapsNot if has_more_on_it => on_a_page(),
        Parts::No => Some(doubtful(QuestionReason::UnusedPatchSheet)),
        Parts::PerhapsNot => Some(doubtful(QuestionReason::AmbiguousPatch)),
        // A label stuck on a sheet of ours is a label all the same.
        Parts::Yes if is_a_page || has_more_on_it && !is_printed_by_us => on_a_page(),
        Parts::Yes => Some(Meaning::Sheet(Sheet::Patch { labels: labels.clone() })),
    }
}

fn doubtful(reason: QuestionReason) -> Meaning {
    Meaning::Sheet(Sheet::DoubtfulPatch(reason))
}

/// What a patch sheet printed by Outguide says it is.
fn named_patch(readings: &PageReadings) -> Option<PatchCode> {
    readings.codes.iter().find_map(|code| PatchCode::named_by_sheet(&code.text))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Parts {
    No,
    /// One way up it does and the other way up it does not.
    PerhapsNot,
    Yes,
}

fn separates(patch: PatchReading, profile: &Profile) -> Parts {
    let SeparateBy::PatchCode { codes } = &profile.separation.by else { return Parts::No };
    let (one, other) = match patch {
        PatchReading::Known(code) => (code, code),
        PatchReading::EitherWayUp(one, other) => (one, other),
    };
    match (codes.contains(&one), codes.contains(&other)) {
        (true, true) => Parts::Yes,
        (false, false) => Parts::No,
        (true, false) | (false, true) => Parts::PerhapsNot,
    }
}

/// How a barcode stands to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fit {
    Fits,
    /// Symbology and pattern do; these conditions do not hold.
    Nearly(Vec<Condition>),
    Not,
}

/// What a rule may ask of a barcode beside its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// There is a value in it.
    Value,
    Length,
    Check,
    Zone,
}

/// Whether the site's own rules make a cover sheet of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CoverRule {
    Fits,
    Nearly,
    None,
}

struct Found {
    labels: Labels,
    cover_sheet: CoverRule,
}

fn labels_on(page: &SeparablePage, readings: &PageReadings, profile: &Profile) -> Found {
    let mut labels = Labels::default();
    let mut is_cover_sheet = false;
    let mut nearly: Vec<(&FieldRule, IndexField)> = Vec::new();
    let is_of_a_sheet = |code: &&Reading| {
        profile.barcodes.outguide_sheets && cover_sheet::looks_like_ours(&code.text)
            || PatchCode::named_by_sheet(&code.text).is_some()
    };
    for code in readings.codes.iter().filter(|code| !is_of_a_sheet(code)) {
        let fits: Vec<_> =
            profile.barcodes.fields.iter().map(|rule| (rule, fit(page, code, rule))).collect();
        // A site tells its labels apart by their length, place or check: a code
        // that is one rule's by these is not another's by mistake.
        let is_told_apart_by = |condition: &Condition| {
            fits.iter().any(|(rule, fit)| *fit == Fit::Fits && states(rule, *condition))
        };
        for (rule, fit) in &fits {
            let Some(value) = rule.value_in(&code.text) else { continue };
            let source = FieldSource::Barcode { page: page.no, symbology: code.symbology };
            let field = IndexField { name: rule.field.clone(), value: value.to_owned(), source };
            match fit {
                Fit::Fits => {
                    is_cover_sheet |= rule.cover_sheet;
                    add_new(&mut labels.fields, field);
                }
                Fit::Nearly(failed) => {
                    let is_anothers = failed.iter().all(is_told_apart_by);
                    if !is_anothers && says_whose_page(rule, profile) {
                        nearly.push((rule, field));
                    }
                }
                Fit::Not => {}
            }
        }
    }
    nearly.retain(|(rule, _)| !labels.fields.iter().any(|field| field.name == rule.field));
    let cover_sheet = match (is_cover_sheet, nearly.iter().any(|(rule, _)| rule.cover_sheet)) {
        (true, _) => CoverRule::Fits,
        (false, true) => CoverRule::Nearly,
        (false, false) => CoverRule::None,
    };
    for (_, field) in nearly {
        add_new(&mut labels.nearly, field);
    }
    Found { labels, cover_sheet }
}

/// Whether missing this rule's barcode could leave the page in a wrong document.
fn says_whose_page(rule: &FieldRule, profile: &Profile) -> bool {
    let parts = match &profile.separation.by {
        SeparateBy::BarcodeChange { field } => *field == rule.field,
        SeparateBy::CoverSheet
        | SeparateBy::PatchCode { .. }
        | SeparateBy::BlankSheet
        | SeparateBy::FixedLength { .. }
        | SeparateBy::Batch => false,
    };
    parts || rule.cover_sheet || rule.field.is_patient_identity()
}

fn fit(page: &SeparablePage, code: &Reading, rule: &FieldRule) -> Fit {
    let text = code.text.as_str();
    let is_of_the_form = rule.symbology.is_none_or(|symbology| symbology == code.symbology);
    let Some(value) = rule.value_in(text).filter(|_| is_of_the_form) else { return Fit::Not };
    let is_in = |zone: Zone| {
        let (x, y) = middle_on_upright_page(page, code);
        (zone.left..=zone.right).contains(&x) && (zone.top..=zone.bottom).contains(&y)
    };
    let asked = [
        (Condition::Value, !value.is_empty()),
        (Condition::Length, rule.length.is_none_or(|length| length == text.chars().count())),
        (Condition::Check, rule.check.is_none_or(|check| check_holds(check, text))),
        (Condition::Zone, rule.zone.is_none_or(is_in)),
    ];
    let failed: Vec<Condition> =
        asked.into_iter().filter(|(_, holds)| !holds).map(|(condition, _)| condition).collect();
    if failed.is_empty() { Fit::Fits } else { Fit::Nearly(failed) }
}

fn states(rule: &FieldRule, condition: Condition) -> bool {
    match condition {
        Condition::Value => true,
        Condition::Length => rule.length.is_some(),
        Condition::Check => rule.check.is_some(),
        Condition::Zone => rule.zone.is_some(),
    }
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
