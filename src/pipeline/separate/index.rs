//! What a segment is indexed by: only its own sheets and pages, and what the
//! profile carries over from the document before.

use super::segment::{Segment, SegmentPage};
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

pub(super) fn index(segment: &Segment, profile: &Profile, carried: &mut Carried) -> Indexed {
    let Some(first_page) = segment.first_page() else { return Indexed::Held(Vec::new()) };
    let is_dropped = |page: &SegmentPage| page.is_blank && profile.cleaning.drop_blank;
    let pages: Vec<PageNo> =
        segment.pages.iter().filter(|page| !is_dropped(page)).map(|page| page.no).collect();
    let mut asked = Asked { segment, first_page, pages: &pages, questions: Vec::new() };
    asked.about_damage();
    let own = own_fields(segment, &mut asked);
    let fields = with_carried(segment, own, carried, profile, &mut asked);
    if pages.is_empty() && asked.questions.is_empty() {
        asked.ask(first_page, QuestionReason::NothingBehindCoverSheet);
    }
    asked.about_counts(&pages, profile);
    let document_type = document_type(segment, &fields, profile, &mut asked);
    if asked.questions.is_empty() && !pages.is_empty() {
        let document_type = document_type.unwrap_or_default();
        asked.about_missing_fields(&document_type, &fields, profile);
        if asked.questions.is_empty() {
            return Indexed::Document(Document { first_page, pages, document_type, fields });
        }
    }
    Indexed::Held(asked.questions)
}

struct Asked<'s> {
    segment: &'s Segment,
    first_page: PageNo,
    /// Those that would stand in the document.
    pages: &'s [PageNo],
    questions: Vec<Question>,
}

impl Asked<'_> {
    fn ask(&mut self, page: PageNo, reason: QuestionReason) {
        let mut holds = self.pages.to_vec();
        holds.extend(self.segment.unreadable_cover);
        holds.push(page);
        holds.sort();
        holds.dedup();
        self.questions.push(Question { page, holds, reason });
    }

    fn about_damage(&mut self) {
        if let Some(page) = self.segment.unreadable_cover {
            self.ask(page, QuestionReason::UnreadableCoverSheet);
        }
        if let Some(page) = self.segment.ambiguous_patch {
            self.ask(page, QuestionReason::AmbiguousPatch);
        }
        for page in &self.segment.pages {
            if page.is_unreadable {
                self.ask(page.no, QuestionReason::UnreadableImage);
            } else if page.is_suspect {
                self.ask(page.no, QuestionReason::SuspectSheet);
            }
        }
    }

    fn about_counts(&mut self, pages: &[PageNo], profile: &Profile) {
        let announced = self.segment.says.pages;
        let fixed = match profile.separation.by {
            SeparateBy::FixedLength { pages } => Some(pages),
            _ => None,
        };
        let found = match fixed {
            Some(_) => self.segment.pages.len() as u32,
            None => pages.len() as u32,
        };
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
}

/// One value for each name. A second value of a patient's field stops the
/// segment: somebody's page lies in somebody else's document.
fn own_fields(segment: &Segment, asked: &mut Asked<'_>) -> Vec<IndexField> {
    let mut own: Vec<IndexField> = Vec::new();
    let read = segment.says.fields.iter().chain(segment.pages.iter().flat_map(|page| &page.fields));
    for field in read {
        match own.iter().find(|known| known.name == field.name) {
            None => own.push(field.clone()),
            Some(known) if known.value == field.value => {}
            Some(known) => {
                let known = known.clone();
                asked.ask(page_of(field, asked.first_page), disagreement(&known, field, asked));
            }
        }
    }
    own
}

fn disagreement(known: &IndexField, field: &IndexField, asked: &Asked<'_>) -> QuestionReason {
    let other_page = page_of(known, asked.first_page);
    let field = field.name.clone();
    if field.is_patient_identity() {
        QuestionReason::TwoPatients { field, other_page }
    } else {
        QuestionReason::FieldConflict { field, other_page }
    }
}

fn page_of(field: &IndexField, otherwise: PageNo) -> PageNo {
    match &field.source {
        FieldSource::CoverSheet { page }
        | FieldSource::Barcode { page, .. }
        | FieldSource::BatchHeader { page }
        | FieldSource::Carried { page } => *page,
        FieldSource::Profile => otherwise,
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
    if segment.carry_is_broken || segment.unreadable_cover.is_some() {
        carried.0.clear();
    }
    let changes_patient = |field: &IndexField| match &profile.separation.by {
        SeparateBy::BarcodeChange { field: name } => field.name == *name,
        _ => segment.says.fields.contains(field),
    };
    if own.iter().any(|field| field.name.is_patient_identity() && changes_patient(field)) {
        carried.0.clear();
    }
    let mut fields = own;
    for from_before in &carried.0 {
        match fields.iter().find(|field| field.name == from_before.name) {
            None => fields.push(IndexField {
                source: FieldSource::Carried { page: page_of(from_before, asked.first_page) },
                ..from_before.clone()
            }),
            Some(here) if here.value == from_before.value => {}
            Some(here) => {
                let here = here.clone();
                let reason = disagreement(from_before, &here, asked);
                asked.ask(page_of(&here, asked.first_page), reason);
            }
        }
    }
    carried.0 = match asked.questions.is_empty() || !asked.doubts_the_patient() {
        true => carry(&fields, &profile.separation.carry_forward),
        false => Vec::new(),
    };
    fields
}

impl Asked<'_> {
    fn doubts_the_patient(&self) -> bool {
        self.questions.iter().any(|question| {
            matches!(
                question.reason,
                QuestionReason::TwoPatients { .. }
                    | QuestionReason::UnreadableCoverSheet
                    | QuestionReason::AmbiguousPatch
                    | QuestionReason::UnreadableImage
            )
        })
    }
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
    let mut named: Vec<String> = segment.says.types.clone();
    named.extend(by_rule.map(|field| field.value.clone()));
    named.dedup();
    let code = named.first().cloned().or_else(|| profile.default_document_type.clone());
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
