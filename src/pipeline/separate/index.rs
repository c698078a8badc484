//! What a segment is indexed by: only its own sheets and pages, and what the
//! profile carries over from the document before.

use super::ReadingOrder;
use super::segment::Segment;
use crate::profile::{Profile, SeparateBy};
use crate::records::document::{
    Counted, Document, FieldName, FieldSource, IndexField, Question, QuestionReason,
};
use crate::records::ids::PageNo;

/// The patient fields a document may take from the one before.
#[derive(Debug, Default)]
pub(super) struct Carried(Vec<IndexField>);

/// A document, or the questions that stand before it.
pub(super) enum Indexed {
    Document(Document),
    Held(Vec<Question>),
}

pub(super) fn index(
    segment: &Segment,
    profile: &Profile,
    order: &ReadingOrder,
    carried: &mut Carried,
) -> Indexed {
    // Behind a sheet nobody could read, who was carried is nobody's guess.
    if segment.carry_is_broken || !segment.unreadable_covers.is_empty() {
        carried.0.clear();
    }
    let pages: Vec<PageNo> = placed_pages(segment, profile).collect();
    let Some(first_page) = segment.first_page(order) else { return Indexed::Held(Vec::new()) };
    if pages.is_empty() && !segment.has_paper() && segment.doubts.is_empty() {
        return Indexed::Held(Vec::new());
    }
    let mut asked = Asked { segment, order, first_page, pages: &pages, questions: Vec::new() };
    for (page, reason) in &segment.doubts {
        asked.ask(*page, reason.clone());
    }
    let own = own_fields(segment, &mut asked);
    asked.about_labels(&own);
    let fields = with_carried(segment, own, carried, profile, &mut asked);
    if !segment.has_writing()
        && asked.questions.is_empty()
        && let Some(cover) = segment.covers.first()
    {
        asked.ask(*cover, QuestionReason::NothingBehindCoverSheet);
    }
    asked.about_counts(profile);
    let document_type = document_type(segment, &fields, profile, &mut asked);
    if asked.questions.is_empty() {
        asked.about_missing_fields(document_type.as_deref().unwrap_or_default(), &fields, profile);
    }
    carried.0 = match asked.doubts_the_patient() {
        false => carry(&fields, &profile.separation.carry_forward),
        true => Vec::new(),
    };
    match document_type {
        Some(document_type) if asked.questions.is_empty() => {
            Indexed::Document(Document { first_page, pages, document_type, fields })
        }
        Some(_) | None => Indexed::Held(asked.questions),
    }
}

/// The pages that would stand in the document.
pub(super) fn placed_pages<'s>(
    segment: &'s Segment,
    profile: &Profile,
) -> impl Iterator<Item = PageNo> + use<'s> {
    let drop_blank = profile.cleaning.drop_blank;
    segment.pages.iter().filter(move |page| !(page.is_blank && drop_blank)).map(|page| page.no)
}

struct Asked<'s> {
    segment: &'s Segment,
    order: &'s ReadingOrder,
    first_page: PageNo,
    /// Those that would stand in the document.
    pages: &'s [PageNo],
    questions: Vec<Question>,
}

impl Asked<'_> {
    fn ask(&mut self, page: PageNo, reason: QuestionReason) {
        let mut holds = [self.pages, &self.segment.unreadable_covers].concat();
        holds.sort_by_key(|page| self.order.place(*page));
        self.questions.push(Question { page, holds, reason });
    }

    /// A label that is nearly one is let pass only where it says what a good
    /// one says.
    fn about_labels(&mut self, own: &[IndexField]) {
        let on_pages = self.segment.pages.iter().flat_map(|page| &page.labels.nearly);
        for label in self.segment.says.labels.nearly.iter().chain(on_pages) {
            if !own.iter().any(|field| field.name == label.name && field.value == label.value) {
                let reason = QuestionReason::UnreadableLabel { field: label.name.clone() };
                self.ask(page_of(label), reason);
            }
        }
    }

    fn about_counts(&mut self, profile: &Profile) {
        let announced = self.segment.says.pages;
        let fixed = match profile.separation.by {
            SeparateBy::FixedLength { pages } => Some(pages),
            SeparateBy::CoverSheet
            | SeparateBy::PatchCode { .. }
            | SeparateBy::BarcodeChange { .. }
            | SeparateBy::BlankSheet
            | SeparateBy::Batch => None,
        };
        // In a fixed length blank sides count; a separator's other side never does.
        let found = self
            .segment
            .pages
            .iter()
            .filter(|page| !page.is_separator_side)
            .filter(|page| fixed.is_some() || self.pages.contains(&page.no))
            .count() as u32;
        if let Some(expected) = announced.or(fixed)
            && expected != found
        {
            let what = Counted::Pages;
            let reason = QuestionReason::CountsDoNotBalance { what, expected, found };
            self.ask(self.first_page, reason);
        }
    }

    fn about_missing_fields(&mut self, type_code: &str, fields: &[IndexField], profile: &Profile) {
        let required = profile
            .document_types
            .iter()
            .find(|kind| kind.code == type_code)
            .map_or(&[][..], |kind| &kind.required);
        let opened_by_nothing = self.segment.covers.is_empty()
            && matches!(
                profile.separation.by,
                SeparateBy::CoverSheet | SeparateBy::PatchCode { .. }
            );
        for name in required {
            if fields.iter().any(|field| field.name == *name) {
                continue;
            }
            if opened_by_nothing {
                self.ask(self.first_page, QuestionReason::NoCoverSheetYet);
                return;
            }
            self.ask(self.first_page, QuestionReason::MissingField { field: name.clone() });
        }
    }

    /// Whether pages of another patient may be among these or have begun behind
    /// them unseen.
    fn doubts_the_patient(&self) -> bool {
        self.questions.iter().any(|question| match &question.reason {
            QuestionReason::TwoPatients { .. }
            | QuestionReason::UnreadableCoverSheet
            | QuestionReason::SheetOfAnotherVersion
            | QuestionReason::TwoSheetsOnOnePage
            | QuestionReason::SheetOnAPage
            | QuestionReason::UnusedCoverSheet
            | QuestionReason::UnreadableLabel { .. }
            | QuestionReason::SecondBatchHeader { .. }
            | QuestionReason::BatchHeaderInside
            | QuestionReason::AmbiguousPatch
            | QuestionReason::UnusedPatchSheet
            | QuestionReason::PatchOnAPage
            | QuestionReason::ChangeInsideSheet
            | QuestionReason::UnreadableImage
            | QuestionReason::SuspectSheet
            | QuestionReason::OtherSideMissing => true,
            // More pages than announced are somebody's; too few are only too few.
            QuestionReason::CountsDoNotBalance { expected, found, .. } => found > expected,
            QuestionReason::MissingField { .. }
            | QuestionReason::FieldConflict { .. }
            | QuestionReason::UnknownDocumentType
            | QuestionReason::NothingBehindCoverSheet
            | QuestionReason::NoCoverSheetYet
            | QuestionReason::WritingOnSeparator
            | QuestionReason::SentBack
            | QuestionReason::Withdrawn
            | QuestionReason::EveryPageIsBlank
            | QuestionReason::StepFailed { .. } => false,
        })
    }
}

/// One value for each name. A second value of a patient's field stops the
/// segment: somebody's page lies in somebody else's document.
fn own_fields(segment: &Segment, asked: &mut Asked<'_>) -> Vec<IndexField> {
    let mut own: Vec<IndexField> = Vec::new();
    let on_pages = segment.pages.iter().flat_map(|page| &page.labels.fields);
    let read = segment.says.labels.fields.iter().chain(on_pages);
    for field in read {
        match own.iter().find(|known| known.name == field.name) {
            None => own.push(field.clone()),
            Some(known) if known.value == field.value => {}
            Some(known) => {
                let known = known.clone();
                asked.ask(page_of(field), disagreement(&known, field));
            }
        }
    }
    own
}

fn disagreement(known: &IndexField, field: &IndexField) -> QuestionReason {
    let other_page = page_of(known);
    let field = field.name.clone();
    if field.is_patient_identity() {
        QuestionReason::TwoPatients { field, other_page }
    } else {
        QuestionReason::FieldConflict { field, other_page }
    }
}

fn page_of(field: &IndexField) -> PageNo {
    match &field.source {
        FieldSource::CoverSheet { page }
        | FieldSource::Barcode { page, .. }
        | FieldSource::BatchHeader { page }
        | FieldSource::Carried { page } => *page,
        FieldSource::Keyed => unreachable!("what separation knows was read on a page"),
    }
}

/// A new patient on a cover sheet (or at a change of barcode) ends what was
/// carried. A patient's barcode on a page inside must agree with it.
fn with_carried(
    segment: &Segment,
    own: Vec<IndexField>,
    carried: &mut Carried,
    profile: &Profile,
    asked: &mut Asked<'_>,
) -> Vec<IndexField> {
    let changes_patient = |field: &IndexField| match &profile.separation.by {
        SeparateBy::BarcodeChange { field: name } => field.name == *name,
        SeparateBy::CoverSheet
        | SeparateBy::PatchCode { .. }
        | SeparateBy::BlankSheet
        | SeparateBy::FixedLength { .. }
        | SeparateBy::Batch => segment.says.labels.fields.contains(field),
    };
    if own.iter().any(|field| field.name.is_patient_identity() && changes_patient(field)) {
        carried.0.clear();
    }
    let mut fields = own;
    for from_before in &carried.0 {
        match fields.iter().find(|field| field.name == from_before.name) {
            None => fields.push(IndexField {
                source: FieldSource::Carried { page: page_of(from_before) },
                ..from_before.clone()
            }),
            Some(here) if here.value == from_before.value => {}
            Some(here) => {
                let here = here.clone();
                let reason = disagreement(from_before, &here);
                asked.ask(page_of(&here), reason);
            }
        }
    }
    fields
}

fn carry(fields: &[IndexField], names: &[FieldName]) -> Vec<IndexField> {
    fields.iter().filter(|field| names.contains(&field.name)).cloned().collect()
}

fn document_type(
    segment: &Segment,
    fields: &[IndexField],
    profile: &Profile,
    asked: &mut Asked<'_>,
) -> Option<String> {
    let by_rule = fields.iter().filter(|f| f.name.as_str() == FieldName::DOCUMENT_TYPE);
    let mut named = segment.says.types.iter().chain(by_rule);
    let first = named.next();
    if let Some(first) = first {
        for other in named.filter(|other| other.value != first.value) {
            let page = page_of(other);
            asked.ask(page, disagreement(first, other));
        }
    }
    let code =
        first.map(|field| field.value.clone()).or_else(|| profile.default_document_type.clone());
    match code {
        Some(code) if profile.document_types.iter().any(|kind| kind.code == code) => Some(code),
        Some(_) => {
            asked.ask(asked.first_page, QuestionReason::UnknownDocumentType);
            None
        }
        None if asked.questions.is_empty() => {
            let field = FieldName::new(FieldName::DOCUMENT_TYPE).expect("a field name");
            asked.ask(asked.first_page, QuestionReason::MissingField { field });
            None
        }
        None => None,
    }
}
