//! The file step: what the repository is told of a document.

use crate::profile::{Profile, Review};
use crate::records::document::Document;
use crate::records::ids::{DocumentId, PageNo};
use crate::repository::index::{DocumentIndex, Reviewed};
use crate::repository::watched_folder::FilingOrder;

/// The same for the same document, however often it is filed: `scanned_at` is
/// that of its first page, `without_text` are its pages that could not be read.
pub fn filing_order(
    id: &DocumentId,
    document: &Document,
    profile: &Profile,
    station: &str,
    scanned_at: jiff::Timestamp,
    without_text: Vec<PageNo>,
) -> FilingOrder {
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
            reviewed: Reviewed::NotReviewed { rule: review_rule(profile.review) },
        },
        template: profile.filing.template.clone(),
        sidecar: profile.filing.sidecar,
    }
}

/// What let a document go to filing that nobody looked at: a document that is
/// due for review is a question and does not come here.
fn review_rule(review: Review) -> String {
    match review {
        Review::None => "profile review = none".to_owned(),
        Review::Sample { one_in } => format!("profile review = sample, one in {one_in}, not drawn"),
        Review::All => "profile review = all".to_owned(),
    }
}
