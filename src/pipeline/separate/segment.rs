//! Where one document ends and the next begins. Knows boundaries only: what a
//! segment is indexed by is `index`'s subject.

use std::collections::BTreeSet;

use super::sheet::{Cover, Meaning, SeparablePage};
use crate::profile::{Profile, SeparateBy};
use crate::records::batch::Expected;
use crate::records::document::{IndexField, Question, QuestionReason};
use crate::records::ids::PageNo;
use crate::records::page::{SetAside, Side};

/// The batch, cut. Each page is in `set_aside`, in `lost_sheets`, or in exactly
/// one segment.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub segments: Vec<Segment>,
    pub set_aside: Vec<(PageNo, SetAside)>,
    /// From the batch header, and the page it is on.
    pub header: Option<(PageNo, Expected)>,
    pub questions: Vec<Question>,
}

/// A run of pages that may become one document.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// The sheets that opened it.
    pub covers: Vec<PageNo>,
    pub says: Cover,
    pub unreadable_cover: Option<PageNo>,
    /// A patch before or behind it that may or may not have been a boundary.
    pub ambiguous_patch: Option<PageNo>,
    /// Another patient's pages may have begun unnoticed: nothing is carried in.
    pub carry_is_broken: bool,
    pub pages: Vec<SegmentPage>,
}

#[derive(Debug)]
pub(super) struct SegmentPage {
    pub no: PageNo,
    pub is_blank: bool,
    pub is_unreadable: bool,
    pub is_suspect: bool,
    pub fields: Vec<IndexField>,
}

impl Segment {
    /// The page that opened it; `None` for a segment with nothing in it.
    pub fn first_page(&self) -> Option<PageNo> {
        let first_content = self.pages.first().map(|page| page.no);
        self.covers
            .first()
            .copied()
            .or(self.unreadable_cover)
            .into_iter()
            .chain(first_content)
            .min()
    }

    fn is_untouched(&self) -> bool {
        self.covers.is_empty() && self.unreadable_cover.is_none() && self.pages.is_empty()
    }
}

pub(super) fn cut(pages: &[(SeparablePage, Meaning)], profile: &Profile) -> Cut {
    let blank_sheets = blank_sheets(pages, profile);
    let mut cutter = Cutter { profile, cut: Cut::default(), open: Segment::default() };
    let mut sheet_set_aside = None;
    for (page, meaning) in pages {
        let back_of_set_aside = page.side == Side::Back && sheet_set_aside == Some(page.sheet);
        match meaning {
            Meaning::Blank if back_of_set_aside => cutter.set_aside(page, SetAside::SeparatorBack),
            Meaning::Blank if blank_sheets.contains(&page.sheet) => cutter.blank_sheet(page),
            Meaning::BatchHeader { expected } => cutter.batch_header(page, *expected),
            Meaning::Cover(cover) => cutter.cover(page, cover),
            Meaning::UnreadableCover => cutter.unreadable_cover(page),
            Meaning::PatchSheet => {
                cutter.close();
                cutter.open.covers.push(page.no);
                cutter.set_aside(page, SetAside::PatchSheet);
            }
            Meaning::AmbiguousPatch => cutter.ambiguous_patch(page),
            Meaning::Blank => cutter.content(page, PageIs::Blank, &[]),
            Meaning::Unreadable => cutter.content(page, PageIs::Unreadable, &[]),
            Meaning::Content { fields } => cutter.content(page, PageIs::Content, fields),
        }
        if let Meaning::BatchHeader { .. }
        | Meaning::Cover(_)
        | Meaning::UnreadableCover
        | Meaning::PatchSheet
        | Meaning::AmbiguousPatch = meaning
        {
            sheet_set_aside = Some(page.sheet);
        }
    }
    cutter.close();
    cutter.cut
}

/// Sheets blank on every side scanned, where blank sheets separate.
fn blank_sheets(pages: &[(SeparablePage, Meaning)], profile: &Profile) -> BTreeSet<u32> {
    if profile.separation.by != SeparateBy::BlankSheet {
        return BTreeSet::new();
    }
    let is_blank = |meaning: &Meaning| matches!(meaning, Meaning::Blank);
    let printed: BTreeSet<u32> =
        pages.iter().filter(|(_, m)| !is_blank(m)).map(|(page, _)| page.sheet).collect();
    pages.iter().map(|(page, _)| page.sheet).filter(|sheet| !printed.contains(sheet)).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum PageIs {
    Content,
    Blank,
    Unreadable,
}

struct Cutter<'p> {
    profile: &'p Profile,
    cut: Cut,
    open: Segment,
}

impl Cutter<'_> {
    fn close(&mut self) {
        if !self.open.is_untouched() {
            self.cut.segments.push(std::mem::take(&mut self.open));
        }
    }

    fn set_aside(&mut self, page: &SeparablePage, reason: SetAside) {
        self.cut.set_aside.push((page.no, reason));
    }

    fn batch_header(&mut self, page: &SeparablePage, expected: Expected) {
        self.close();
        self.set_aside(page, SetAside::BatchHeader);
        match self.cut.header {
            None => self.cut.header = Some((page.no, expected)),
            Some((other_page, _)) => {
                self.open.carry_is_broken = true;
                self.cut.questions.push(Question {
                    page: page.no,
                    holds: vec![page.no],
                    reason: QuestionReason::SecondBatchHeader { other_page },
                });
            }
        }
    }

    /// Sheets that follow each other with nothing between speak for the same
    /// document, as long as the later adds to the earlier: a type sheet behind
    /// a patient sheet. Else the earlier one has lost its pages.
    fn cover(&mut self, page: &SeparablePage, cover: &Cover) {
        let adds_to_the_open_one = self.open.pages.is_empty()
            && !self.open.is_untouched()
            && adds_to(&self.open.says, cover);
        if !adds_to_the_open_one {
            self.close();
        }
        let reason =
            if cover.is_plain_separator && cover.fields.is_empty() && cover.types.is_empty() {
                SetAside::SeparatorSheet
            } else {
                SetAside::CoverSheet
            };
        self.set_aside(page, reason);
        let says = &mut self.open.says;
        self.open.covers.push(page.no);
        for field in &cover.fields {
            if !says.fields.iter().any(|f| f.name == field.name && f.value == field.value) {
                says.fields.push(field.clone());
            }
        }
        for code in &cover.types {
            if !says.types.contains(code) {
                says.types.push(code.clone());
            }
        }
        says.pages = says.pages.or(cover.pages);
    }

    fn unreadable_cover(&mut self, page: &SeparablePage) {
        if !self.open.pages.is_empty() {
            self.close();
        }
        self.open.unreadable_cover.get_or_insert(page.no);
    }

    /// It may have been a boundary: neither side of it is sure.
    fn ambiguous_patch(&mut self, page: &SeparablePage) {
        self.open.ambiguous_patch = Some(page.no);
        self.close();
        self.open.ambiguous_patch = Some(page.no);
        self.open.covers.push(page.no);
        self.set_aside(page, SetAside::PatchSheet);
    }

    fn blank_sheet(&mut self, page: &SeparablePage) {
        self.close();
        self.set_aside(page, SetAside::SeparatorSheet);
    }

    fn content(&mut self, page: &SeparablePage, is: PageIs, fields: &[IndexField]) {
        match &self.profile.separation.by {
            SeparateBy::FixedLength { pages } => {
                if self.open.pages.len() as u32 >= *pages {
                    self.close();
                }
            }
            SeparateBy::BarcodeChange { field } => {
                let here = fields.iter().find(|f| f.name == *field);
                let open =
                    self.open.pages.iter().flat_map(|p| &p.fields).find(|f| f.name == *field);
                if let Some(here) = here
                    && !self.open.pages.is_empty()
                    && open.is_none_or(|open| open.value != here.value)
                {
                    self.close();
                }
            }
            SeparateBy::CoverSheet
            | SeparateBy::PatchCode { .. }
            | SeparateBy::BlankSheet
            | SeparateBy::Batch => {}
        }
        self.open.pages.push(SegmentPage {
            no: page.no,
            is_blank: is == PageIs::Blank,
            is_unreadable: is == PageIs::Unreadable,
            is_suspect: page.scanner_reported_a_fault,
            fields: fields.to_vec(),
        });
    }
}

/// Whether `next` says more of the same document than `says`: nothing already
/// said otherwise, and no patient behind a document type.
fn adds_to(says: &Cover, next: &Cover) -> bool {
    let same_values = next.fields.iter().all(|field| {
        says.fields.iter().filter(|f| f.name == field.name).all(|f| f.value == field.value)
    });
    let same_types =
        next.types.iter().all(|code| says.types.is_empty() || says.types.contains(code));
    let is_new = |field: &IndexField| !says.fields.iter().any(|f| f.name == field.name);
    let names_a_patient_late = !says.types.is_empty()
        && next.fields.iter().any(|field| field.name.is_patient_identity() && is_new(field));
    same_values && same_types && !names_a_patient_late
}
