//! The file step: what the repository is told of a document.

use crate::profile::{Profile, Review};
use crate::records::batch::Decision;
use crate::records::document::{Document, ReviewStanding};
use crate::records::ids::{DocumentId, PageNo};
use crate::repository::index::{DocumentIndex, Reviewed};
use crate::repository::watched_folder::FilingOrder;

/// A document, and what people decided about it.
#[derive(Clone, Copy)]
pub struct Decided<'a> {
    pub document: &'a Document,
    pub review: &'a ReviewStanding,
    pub withdrawn: Option<&'a Decision>,
}

/// The same for the same version of a document, however often it is filed:
/// `scanned_at` is that of its first page, `without_text` are its pages that
/// could not be read.
pub fn filing_order(
    id: &DocumentId,
    decided: Decided<'_>,
    profile: &Profile,
    station: &str,
    scanned_at: jiff::Timestamp,
    without_text: Vec<PageNo>,
) -> FilingOrder {
    let Decided { document, review, withdrawn } = decided;
    let kind = profile.document_types.iter().find(|kind| kind.code == document.document_type);
    let title = kind.map_or_else(|| document.document_type.clone(), |kind| kind.title.clone());
    FilingOrder {
        index: DocumentIndex {
            document: id.clone(),
            document_type: document.document_type.clone(),
            document_type_title: title,
            fields: document.fields.clone(),
            pages: document.pages.clone(),
            without_text,
            profile: profile.name.clone(),
            station: station.to_owned(),
            scanned_at,
            reviewed: reviewed(review, profile.review),
            replaces: id.replaces(),
            withdrawn: withdrawn.cloned(),
        },
        template: profile.filing.template.clone(),
        sidecar: profile.filing.sidecar,
    }
}

fn reviewed(standing: &ReviewStanding, review: Review) -> Reviewed {
    match standing {
        // One that is due does not come here: the database refuses to call it filed.
        ReviewStanding::NotAsked | ReviewStanding::Due => {
            Reviewed::NotReviewed { rule: not_asked(review) }
        }
        ReviewStanding::Released(by) => {
            Reviewed::ReleasedBy { person: by.by.clone(), rule: asked(review) }
        }
    }
}

/// What let a document go to filing that nobody looked at.
fn not_asked(review: Review) -> String {
    match review {
        Review::None => "profile review = none".to_owned(),
        Review::Sample { one_in } => format!("profile review = sample, one in {one_in}, not drawn"),
        Review::All => "profile review = all".to_owned(),
    }
}

fn asked(review: Review) -> String {
    match review {
        Review::None => "profile review = none".to_owned(),
        Review::Sample { one_in } => format!("profile review = sample, one in {one_in}"),
        Review::All => "profile review = all".to_owned(),
    }
}
