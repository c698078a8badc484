//! Where one document ends and the next begins. Knows boundaries only: what a
//! segment is indexed by is `index`'s subject.

use std::collections::BTreeSet;

use super::ReadingOrder;
use super::sheet::{Cover, Labels, Meaning, Page, SeparablePage, Sheet};
use crate::profile::{Profile, SeparateBy};
use crate::records::batch::Expected;
use crate::records::document::{FieldName, IndexField, Question, QuestionReason};
use crate::records::ids::PageNo;
use crate::records::page::{SetAside, Side};

/// The batch, cut. Each page is in `set_aside` or in exactly one segment.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub segments: Vec<Segment>,
    pub set_aside: Vec<(PageNo, SetAside)>,
    /// From the batch header, and the page it is on.
    pub header: Option<(PageNo, Expected)>,
    /// About pages that are in no segment.
    pub questions: Vec<Question>,
}

/// A run of pages that may become one document.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// The sheets that opened it, set aside.
    pub covers: Vec<PageNo>,
    pub says: Cover,
    /// Sheets that opened it and wait with it: what they say is not known.
    pub unreadable_covers: Vec<PageNo>,
    /// What a clerk must be asked, whatever it is indexed by.
    pub doubts: Vec<(PageNo, QuestionReason)>,
    /// Another patient's pages may have begun unnoticed: nothing is carried in.
    pub carry_is_broken: bool,
    pub pages: Vec<SegmentPage>,
}

#[derive(Debug)]
pub(super) struct SegmentPage {
    pub no: PageNo,
    pub sheet: u32,
    pub side: Side,
    pub is_blank: bool,
    /// The other side of a separator: it takes no place in a fixed length.
    pub is_separator_side: bool,
    pub labels: Labels,
}

impl Segment {
    /// The page that opened it; `None` for a segment with nothing in it.
    pub fn first_page(&self, order: &ReadingOrder) -> Option<PageNo> {
        let doubted = self.doubts.iter().map(|(page, _)| *page);
        let content = self.pages.iter().map(|page| page.no);
        self.covers
            .iter()
            .chain(&self.unreadable_covers)
            .copied()
            .chain(doubted)
            .chain(content)
            .min_by_key(|page| order.place(*page))
    }

    pub fn has_writing(&self) -> bool {
        self.pages.iter().any(|page| !page.is_blank)
    }

    /// Whether it has been opened by paper: blank pages and a doubt about a
    /// sheet before it open nothing.
    pub fn has_paper(&self) -> bool {
        self.has_writing() || !self.covers.is_empty() || !self.unreadable_covers.is_empty()
    }

    fn is_untouched(&self) -> bool {
        !self.has_paper() && self.pages.is_empty() && self.doubts.is_empty()
    }

    /// Whether a further sheet may open it: nothing is written on its pages, blank
    /// ones lie behind its own sheets, and no doubtful boundary opened it.
    fn takes_a_sheet(&self) -> bool {
        let is_behind_doubtful_patch = self.doubts.iter().any(|(_, reason)| {
            matches!(reason, QuestionReason::AmbiguousPatch | QuestionReason::UnusedPatchSheet)
        });
        let has_blanks_of_its_own = self.pages.is_empty() || self.has_paper();
        !self.has_writing() && has_blanks_of_its_own && !is_behind_doubtful_patch
    }

    fn value_of<'s>(&'s self, name: &'s FieldName) -> impl Iterator<Item = &'s str> {
        let on_pages = self.pages.iter().flat_map(|page| &page.labels.fields);
        on_pages.filter(move |field| field.name == *name).map(|field| field.value.as_str())
    }
}

pub(super) fn cut(pages: &[(SeparablePage, Meaning)], profile: &Profile) -> Cut {
    let blank_sheets = blank_sheets(pages, profile);
    let mut cutter = Cutter {
        profile,
        is_duplex: pages.iter().any(|(page, _)| page.side == Side::Back),
        cut: Cut::default(),
        open: Segment::default(),
    };
    for sides in pages.chunk_by(|(page, _), (next, _)| page.sheet == next.sheet) {
        let mut sheets: Vec<(&SeparablePage, &Sheet)> = Vec::new();
        let mut others: Vec<(&SeparablePage, &Page)> = Vec::new();
        for (page, meaning) in sides {
            match meaning {
                Meaning::Sheet(sheet) => sheets.push((page, sheet)),
                Meaning::Page(content) => others.push((page, content)),
            }
        }
        // A separator that was fed face down still goes before its other side.
        cutter.separators(&sheets);
        for (page, content) in others {
            if !sheets.is_empty() {
                cutter.other_side_of_separator(page, content);
            } else if blank_sheets.contains(&page.sheet) {
                cutter.blank_sheet(page);
            } else {
                cutter.content(page, content);
            }
        }
    }
    cutter.close();
    cutter.cut
}

/// Sheets blank on every side, where blank sheets separate. A side that was
/// never seen may be written on.
fn blank_sheets(pages: &[(SeparablePage, Meaning)], profile: &Profile) -> BTreeSet<u32> {
    if profile.separation.by != SeparateBy::BlankSheet {
        return BTreeSet::new();
    }
    let is_blank = |page: &SeparablePage, meaning: &Meaning| {
        matches!(meaning, Meaning::Page(Page::Blank)) && !page.other_side_is_missing
    };
    let printed: BTreeSet<u32> =
        pages.iter().filter(|(page, m)| !is_blank(page, m)).map(|(page, _)| page.sheet).collect();
    pages.iter().map(|(page, _)| page.sheet).filter(|sheet| !printed.contains(sheet)).collect()
}

struct Cutter<'p> {
    profile: &'p Profile,
    is_duplex: bool,
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

    fn doubt(&mut self, page: PageNo, reason: QuestionReason) {
        self.open.doubts.push((page, reason));
    }

    fn doubt_its_sheet(&mut self, page: &SeparablePage) {
        self.open.doubts.extend(page.doubts().map(|reason| (page.no, reason)));
    }

    /// The separators that one piece of paper is, on both its sides at most.
    fn separators(&mut self, sides: &[(&SeparablePage, &Sheet)]) {
        let Some(((_, first), others)) = sides.split_first() else { return };
        if others.iter().any(|(_, other)| is_anothers(first, other)) {
            for (page, _) in sides {
                self.unreadable_cover(page, &QuestionReason::TwoSheetsOnOnePage);
                self.doubt_its_sheet(page);
            }
            return;
        }
        // Fed face down, the sheet is behind what shows through it.
        let is_it = |(page, sheet): &(&SeparablePage, &Sheet)| {
            page.says_it_is_a_cover_sheet() && says_the_same(first, sheet)
        };
        let it = sides.iter().position(is_it).unwrap_or(0);
        self.separator(sides[it].0, sides[it].1);
        for (page, other) in sides[..it].iter().chain(&sides[it + 1..]) {
            if !says_the_same(first, other) {
                self.separator(page, other);
            } else if is_printed_again(page, other) {
                self.set_aside(page, SetAside::SeparatorBack);
                self.doubt_its_sheet(page);
            } else {
                let nothing = Labels::default();
                self.writing_on_separator(page, &Page::Content(nothing.clone()), &nothing);
            }
        }
    }

    fn separator(&mut self, page: &SeparablePage, sheet: &Sheet) {
        match sheet {
            Sheet::BatchHeader { expected, .. } => return self.batch_header(page, *expected),
            Sheet::Cover(cover) => self.cover(page, cover),
            Sheet::UnreadableCover(reason) => self.unreadable_cover(page, reason),
            Sheet::Patch { labels } => {
                self.close();
                self.open.covers.push(page.no);
                self.open.says.add_labels(labels);
                self.set_aside(page, SetAside::PatchSheet);
            }
            Sheet::DoubtfulPatch(reason) => {
                self.doubtful_boundary(page, reason);
                self.open.covers.push(page.no);
                self.set_aside(page, SetAside::PatchSheet);
            }
        }
        self.doubt_its_sheet(page);
    }

    fn batch_header(&mut self, page: &SeparablePage, expected: Expected) {
        self.close();
        self.set_aside(page, SetAside::BatchHeader);
        let is_inside = self.cut.segments.iter().any(Segment::has_paper);
        let reason = match self.cut.header {
            Some((other_page, _)) => Some(QuestionReason::SecondBatchHeader { other_page }),
            None => {
                self.cut.header = Some((page.no, expected));
                is_inside.then_some(QuestionReason::BatchHeaderInside)
            }
        };
        for reason in reason.into_iter().chain(page.doubts()) {
            self.open.carry_is_broken = true;
            self.cut.questions.push(Question { page: page.no, holds: Vec::new(), reason });
        }
    }

    /// Sheets that follow each other with nothing between speak for the same
    /// document, as long as the later adds to the earlier: a type sheet behind
    /// a patient sheet. Else the earlier one has lost its pages.
    fn cover(&mut self, page: &SeparablePage, cover: &Cover) {
        let speaks_for_the_open_one = self.open.takes_a_sheet() && adds_to(&self.open.says, cover);
        if !speaks_for_the_open_one {
            self.close();
        }
        let says_nothing_else = cover.labels.fields.is_empty() && cover.types.is_empty();
        let reason = if cover.is_plain_separator && says_nothing_else {
            SetAside::SeparatorSheet
        } else {
            SetAside::CoverSheet
        };
        self.set_aside(page, reason);
        self.open.covers.push(page.no);
        self.open.says.add_cover(cover);
    }

    fn unreadable_cover(&mut self, page: &SeparablePage, reason: &QuestionReason) {
        if !self.open.takes_a_sheet() {
            self.close();
        }
        self.open.unreadable_covers.push(page.no);
        self.doubt(page.no, reason.clone());
    }

    /// It may have been a boundary: neither side of it is sure.
    fn doubtful_boundary(&mut self, page: &SeparablePage, reason: &QuestionReason) {
        if self.open.has_paper() {
            self.doubt(page.no, reason.clone());
        }
        self.close();
        self.doubt(page.no, reason.clone());
    }

    fn blank_sheet(&mut self, page: &SeparablePage) {
        if self.open.has_paper() || !self.open.pages.is_empty() {
            self.close();
        }
        self.set_aside(page, SetAside::SeparatorSheet);
        self.doubt_its_sheet(page);
    }

    fn other_side_of_separator(&mut self, page: &SeparablePage, content: &Page) {
        match content {
            Page::Content(labels) | Page::MarkedAsASheet { labels, .. } => {
                self.writing_on_separator(page, content, labels);
            }
            Page::Unreadable => {
                self.push(page, content, Labels::default(), IsSeparatorSide::Yes);
            }
            Page::Blank => {
                self.set_aside(page, SetAside::SeparatorBack);
                self.doubt_its_sheet(page);
            }
        }
    }

    fn writing_on_separator(&mut self, page: &SeparablePage, content: &Page, labels: &Labels) {
        self.doubt(page.no, QuestionReason::WritingOnSeparator);
        self.push(page, content, labels.clone(), IsSeparatorSide::Yes);
    }

    fn content(&mut self, page: &SeparablePage, content: &Page) {
        let labels = match content {
            Page::Content(labels) => labels.clone(),
            Page::MarkedAsASheet { labels, reason } => {
                if self.open.has_writing() {
                    self.doubtful_boundary(page, reason);
                } else {
                    self.doubt(page.no, reason.clone());
                }
                labels.clone()
            }
            Page::Blank | Page::Unreadable => Labels::default(),
        };
        match &self.profile.separation.by {
            SeparateBy::FixedLength { pages } => {
                // Behind a sheet that opened it, blank pages are no document yet.
                let is_only_opened = !self.open.covers.is_empty() && !self.open.has_writing();
                if self.place_in_fixed_length(page) >= *pages && !is_only_opened {
                    self.close();
                }
            }
            SeparateBy::BarcodeChange { field } => self.barcode_change(page, &labels, field),
            SeparateBy::CoverSheet
            | SeparateBy::PatchCode { .. }
            | SeparateBy::BlankSheet
            | SeparateBy::Batch => {}
        }
        self.push(page, content, labels, IsSeparatorSide::No);
    }

    fn push(
        &mut self,
        page: &SeparablePage,
        content: &Page,
        labels: Labels,
        is_separator_side: IsSeparatorSide,
    ) {
        self.open.pages.push(SegmentPage {
            no: page.no,
            sheet: page.sheet,
            side: page.side,
            is_blank: matches!(content, Page::Blank),
            is_separator_side: is_separator_side == IsSeparatorSide::Yes,
            labels,
        });
        if matches!(content, Page::Unreadable) {
            self.doubt(page.no, QuestionReason::UnreadableImage);
        } else {
            self.doubt_its_sheet(page);
        }
    }

    /// How many sides the open document has before this one. A side that the
    /// scanner did not deliver keeps its place, or every sheet after it would
    /// be cut in two.
    fn place_in_fixed_length(&self, page: &SeparablePage) -> u32 {
        let mut counted = self.open.pages.iter().filter(|page| !page.is_separator_side).peekable();
        let Some(first) = counted.peek() else { return 0 };
        if !self.is_duplex {
            return counted.count() as u32;
        }
        let missing_front = u32::from(first.side == Side::Back);
        let sheets: BTreeSet<u32> = counted.map(|page| page.sheet).collect();
        let before = sheets.iter().filter(|sheet| **sheet != page.sheet).count() as u32;
        2 * before + u32::from(page.side == Side::Back) - missing_front
    }

    /// Closes the open document where this page's label begins another. A sheet
    /// is never cut: its front goes where its back goes.
    fn barcode_change(&mut self, page: &SeparablePage, labels: &Labels, field: &FieldName) {
        let known = self.open.value_of(field).next();
        let here = labels.fields.iter().find(|label| label.name == *field);
        let changes = here.is_some_and(|here| known != Some(here.value.as_str()));
        // Somebody's label, and nobody knows whose: unless it says what the
        // document says already, another one may begin here.
        let may_change = here.is_none()
            && labels
                .nearly
                .iter()
                .any(|label| !self.open.value_of(&label.name).any(|value| value == label.value));
        if self.open.pages.is_empty() || !(changes || may_change) {
            return;
        }
        let front = match page.side {
            Side::Front => None,
            Side::Back => self.open.pages.iter().position(|before| before.sheet == page.sheet),
        };
        let Some(front) = front else { return self.close() };
        let is_labelled = |before: &SegmentPage| has(&before.labels.fields, field);
        if self.open.pages[front..].iter().any(is_labelled) {
            self.doubt(page.no, QuestionReason::ChangeInsideSheet);
        } else if front > 0 {
            self.take_to_the_next(front);
            if changes && self.open.has_writing() {
                self.doubt(page.no, QuestionReason::ChangeInsideSheet);
            }
        }
    }

    /// The pages from `from` on leave the open document and open the next.
    fn take_to_the_next(&mut self, from: usize) {
        let pages = self.open.pages.split_off(from);
        let goes = |doubted: &PageNo| pages.iter().any(|page| page.no == *doubted);
        let (doubts, stay) =
            std::mem::take(&mut self.open.doubts).into_iter().partition(|(page, _)| goes(page));
        self.open.doubts = stay;
        self.close();
        self.open = Segment { pages, doubts, ..Segment::default() };
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum IsSeparatorSide {
    Yes,
    No,
}

fn has(fields: &[IndexField], name: &FieldName) -> bool {
    fields.iter().any(|field| field.name == *name)
}

/// Whether the two sides of one paper are sheets that differ in what they say.
/// One that cannot be read is told as that.
fn is_anothers(one: &Sheet, other: &Sheet) -> bool {
    let is_read = |sheet: &Sheet| match sheet {
        Sheet::BatchHeader { .. } | Sheet::Cover(_) | Sheet::Patch { .. } => true,
        Sheet::UnreadableCover(_) | Sheet::DoubtfulPatch(_) => false,
    };
    is_read(one) && is_read(other) && !says_the_same(one, other)
}

/// Whether nothing but the sheet itself, or what shows through of it, is on this
/// side. A code read there may be either, and somebody may have written over it;
/// other makes print their patch sheets on both sides and say nothing else.
fn is_printed_again(page: &SeparablePage, sheet: &Sheet) -> bool {
    let is_a_patch = matches!(sheet, Sheet::Patch { .. });
    is_a_patch || page.is_blank() || page.says_it_is_a_cover_sheet()
}

/// Printed on both sides of one paper, a sheet says what it says once.
fn says_the_same(one: &Sheet, other: &Sheet) -> bool {
    let values = |fields: &[IndexField]| -> BTreeSet<(String, String)> {
        fields.iter().map(|field| (field.name.to_string(), field.value.clone())).collect()
    };
    match (one, other) {
        (Sheet::BatchHeader { .. }, Sheet::BatchHeader { .. }) => one == other,
        (Sheet::Cover(one), Sheet::Cover(other)) => {
            values(&one.labels.fields) == values(&other.labels.fields)
                && values(&one.labels.nearly) == values(&other.labels.nearly)
                && values(&one.types) == values(&other.types)
                && one.pages == other.pages
        }
        (Sheet::Patch { labels: one }, Sheet::Patch { labels: other }) => {
            values(&one.fields) == values(&other.fields)
                && values(&one.nearly) == values(&other.nearly)
        }
        (
            Sheet::BatchHeader { .. }
            | Sheet::Cover(_)
            | Sheet::Patch { .. }
            | Sheet::UnreadableCover(_)
            | Sheet::DoubtfulPatch(_),
            _,
        ) => false,
    }
}

/// Whether `next` says more of the same document than `says`: nothing already
/// said otherwise, no patient behind a document type, and no second type or
/// count of pages, which are another document's even where they are alike.
fn adds_to(says: &Cover, next: &Cover) -> bool {
    let same_values = next.labels.fields.iter().all(|field| {
        says.labels.fields.iter().filter(|f| f.name == field.name).all(|f| f.value == field.value)
    });
    let is_of_another = !says.types.is_empty() && !next.types.is_empty()
        || says.pages.is_some() && next.pages.is_some();
    let is_new = |field: &IndexField| !has(&says.labels.fields, &field.name);
    let names_a_patient_late = !says.types.is_empty()
        && next.labels.fields.iter().any(|f| f.name.is_patient_identity() && is_new(f));
    same_values && !is_of_another && !names_a_patient_late
}
