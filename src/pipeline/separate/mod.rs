//! A batch becomes documents.
//!
//! Segment first, then index each segment only from its own pages. Never
//! fails: every page ends placed, set aside with a reason, or in question.
//! Pure: it knows pages' readings and the profile, not where they came from.

use std::collections::{BTreeMap, BTreeSet};

use crate::profile::{Profile, Review};
use crate::records::batch::Expected;
use crate::records::document::{Counted, Document, Question, QuestionReason};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::records::page::{Place, SetAside};

mod index;
mod segment;
mod sheet;

use segment::Segment;
pub use sheet::{Seen, SeparablePage};

/// The whole batch, accounted for.
#[derive(Debug, PartialEq)]
pub struct Separated {
    pub documents: Vec<Document>,
    /// Those of them, by their first pages, that somebody looks at before they
    /// are filed.
    pub review_due: BTreeSet<PageNo>,
    /// Every page of the batch, once.
    pub places: BTreeMap<PageNo, Place>,
    pub questions: Vec<Question>,
}

/// What the counts of a batch are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// What the clerk said to expect; it goes before the batch header's own
    /// figures.
    HeldTo(Expected),
    /// A named person answers for them.
    Released,
}

/// `pages` in reading order, which need not be that of their numbers.
pub fn separate(
    batch: &BatchId,
    pages: Vec<SeparablePage>,
    counts: Counts,
    profile: &Profile,
) -> Separated {
    let all: Vec<PageNo> = pages.iter().map(|page| page.no).collect();
    let order = ReadingOrder::of(&all);
    let sheets: BTreeSet<u32> = pages.iter().map(|page| page.sheet).collect();
    let understood: Vec<_> = pages
        .into_iter()
        .map(|page| {
            let meaning = sheet::understand(&page, profile);
            (page, meaning)
        })
        .collect();
    let cut = segment::cut(&understood, profile);

    let mut places: BTreeMap<PageNo, Place> = BTreeMap::new();
    for (page, reason) in &cut.set_aside {
        places.insert(*page, Place::SetAside { reason: *reason });
    }
    let mut questions = cut.questions;
    let mut documents = Vec::new();
    let mut carried = index::Carried::default();
    for segment in &cut.segments {
        match index::index(segment, profile, &order, &mut carried) {
            index::Indexed::Document(document) => documents.push(document),
            index::Indexed::Held(asked) => questions.extend(asked),
        }
        if profile.cleaning.drop_blank {
            for page in segment.pages.iter().filter(|page| page.is_blank) {
                places.insert(page.no, Place::SetAside { reason: SetAside::Blank });
            }
        }
    }

    let header = cut.header.unwrap_or((PageNo::FIRST, Expected::default()));
    let is_counted = |segment: &&Segment| index::placed_pages(segment, profile).next().is_some();
    let counted = cut.segments.iter().filter(is_counted).count();
    let found = Found { sheets: sheets.len() as u32, documents: counted as u32 };
    let balance = match counts {
        Counts::HeldTo(typed) => counts_that_do_not_balance(header, typed, found, &all),
        Counts::Released => Vec::new(),
    };
    if !balance.is_empty() {
        documents.clear();
        questions.extend(balance);
    }
    let review_due = documents
        .iter()
        .filter(|document| review_due(batch, document, profile.review))
        .map(|document| document.first_page)
        .collect();

    for document in &documents {
        for page in &document.pages {
            places.insert(*page, Place::Document { first_page: document.first_page });
        }
    }
    questions.extend(nothing_but_blanks(&places, &order, &documents, &questions));
    for page in all {
        places.entry(page).or_insert(Place::Question);
    }
    for question in &mut questions {
        question.holds.retain(|page| places.get(page) == Some(&Place::Question));
    }
    questions.sort_by_key(|question| order.place(question.page));
    debug_assert!(every_page_in_question_is_held(&places, &questions));
    Separated { documents, review_due, places, questions }
}

/// Where each page stands as a person leafs through the batch. Their numbers are
/// in the order they were scanned.
pub(super) struct ReadingOrder(BTreeMap<PageNo, usize>);

impl ReadingOrder {
    fn of(pages: &[PageNo]) -> Self {
        ReadingOrder(pages.iter().enumerate().map(|(place, page)| (*page, place)).collect())
    }

    fn place(&self, page: PageNo) -> usize {
        self.0.get(&page).copied().unwrap_or(usize::MAX)
    }
}

/// A page in question that no question holds is one nobody will ask about.
fn every_page_in_question_is_held(
    places: &BTreeMap<PageNo, Place>,
    questions: &[Question],
) -> bool {
    places
        .iter()
        .filter(|(_, place)| **place == Place::Question)
        .all(|(page, _)| questions.iter().any(|question| question.holds.contains(page)))
}

/// Set aside one by one, the pages of a stack that lay face down would be filed
/// as nothing at all.
fn nothing_but_blanks(
    places: &BTreeMap<PageNo, Place>,
    order: &ReadingOrder,
    documents: &[Document],
    questions: &[Question],
) -> Option<Question> {
    let is_blank = |place: &Place| match place {
        Place::SetAside { reason } => *reason == SetAside::Blank,
        Place::Document { .. } | Place::Question => false,
    };
    let blanks = places.iter().filter(|(_, place)| is_blank(place)).map(|(page, _)| *page);
    let first = blanks.min_by_key(|page| order.place(*page))?;
    let is_all = documents.is_empty() && questions.is_empty();
    let reason = QuestionReason::EveryPageIsBlank;
    is_all.then(|| Question { page: first, holds: Vec::new(), reason })
}

struct Found {
    sheets: u32,
    documents: u32,
}

/// Nothing of a batch that does not balance is filed on its own.
fn counts_that_do_not_balance(
    (header_page, header): (PageNo, Expected),
    typed: Expected,
    found: Found,
    all: &[PageNo],
) -> Vec<Question> {
    [
        (Counted::Sheets, typed.sheets.or(header.sheets), found.sheets),
        (Counted::Documents, typed.documents.or(header.documents), found.documents),
    ]
    .into_iter()
    .filter_map(|(what, expected, found)| {
        let expected = expected.filter(|expected| *expected != found)?;
        Some(Question {
            page: header_page,
            holds: all.to_vec(),
            reason: QuestionReason::CountsDoNotBalance { what, expected, found },
        })
    })
    .collect()
}

/// The sample is drawn by the document's id, so that doing the step again
/// draws the same, and nobody at the feeder can tell which.
fn review_due(batch: &BatchId, document: &Document, review: Review) -> bool {
    match review {
        Review::None => false,
        Review::All => true,
        Review::Sample { one_in } => {
            let id = DocumentId::new(batch.clone(), document.first_page).to_string();
            let draw = Sha256::of(id.as_bytes()).to_string();
            let draw = u64::from_str_radix(&draw[..15], 16).expect("15 hex digits fit in 64 bits");
            draw.is_multiple_of(u64::from(one_in.max(1)))
        }
    }
}
