//! What a batch came to: every page and document of it with its hash, written
//! down when it comes to its end and again whenever it is changed after that.
//!
//! A manifest names no patient. Its text is JSON without spaces, keys in the
//! order of the fields here: the same batch always gives the same text.

use serde::{Deserialize, Serialize};

use super::batch::BatchState;
use super::chain::Link;
use super::ids::{BatchId, DocumentId, PageNo, Sha256};
use super::page::{Place, Side};

/// Raised when a field's meaning changes.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchManifest {
    pub format: u32,
    pub batch: BatchId,
    /// Of the station that opened it.
    pub station: String,
    /// The profile's name.
    pub profile: String,
    /// Of the profile's text, as it stood when the batch was opened.
    pub profile_sha256: Sha256,
    pub state: BatchState,
    /// Set where the originals were removed, as the profile says: how many days
    /// after the batch's end.
    pub originals_removed_after_days: Option<u32>,
    /// In scanning order.
    pub pages: Vec<PageEntry>,
    /// In the order of their first pages, versions that were replaced before those
    /// that replaced them.
    pub documents: Vec<DocumentEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageEntry {
    pub page: PageNo,
    pub sheet: u32,
    pub side: Side,
    /// File name within the batch's spool folder.
    pub file: String,
    pub sha256: Sha256,
    pub bytes: u64,
    /// `None` where the batch was given up before it was separated.
    pub place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentEntry {
    pub document: DocumentId,
    pub pages: Vec<PageNo>,
    /// Code of one of the profile's document types.
    pub document_type: String,
    /// As filed; `None` where it was not.
    pub pdf_sha256: Option<Sha256>,
    pub index_sha256: Option<Sha256>,
}

impl BatchManifest {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain values are JSON")
    }

    /// What stands otherwise in the batch's rows now.
    pub fn differences(&self, now: &BatchManifest) -> Vec<Difference> {
        let mut found = Vec::new();
        let head = |manifest: &BatchManifest| {
            let BatchManifest { station, profile, profile_sha256, state, .. } = manifest;
            (station.clone(), profile.clone(), *profile_sha256, *state)
        };
        if head(self) != head(now) {
            found.push(Difference::Batch);
        }
        if self.originals_removed_after_days != now.originals_removed_after_days {
            found.push(Difference::Purge);
        }
        let pages = self.pages.iter().map(|entry| (entry.page, entry));
        let pages_now = now.pages.iter().map(|entry| (entry.page, entry));
        found.extend(differing(pages, pages_now).map(|page| Difference::Page { page }));
        let documents = self.documents.iter().map(|entry| (&entry.document, entry));
        let documents_now = now.documents.iter().map(|entry| (&entry.document, entry));
        found.extend(
            differing(documents, documents_now)
                .map(|document| Difference::Document { document: document.clone() }),
        );
        found
    }
}

/// The names of entries that are in one of the two only, or differ.
fn differing<K: Ord, E: PartialEq>(
    one: impl Iterator<Item = (K, E)>,
    other: impl Iterator<Item = (K, E)>,
) -> impl Iterator<Item = K> {
    let mut both: std::collections::BTreeMap<K, (Option<E>, Option<E>)> =
        one.map(|(name, entry)| (name, (Some(entry), None))).collect();
    for (name, entry) in other {
        both.entry(name).or_default().1 = Some(entry);
    }
    both.into_iter().filter(|(_, (one, other))| one != other).map(|(name, _)| name)
}

/// Where rows and manifest part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Its state, its station or its profile.
    Batch,
    /// Whether its originals were removed, or after how long.
    Purge,
    /// A row that was changed, added or taken out.
    Page {
        page: PageNo,
    },
    Document {
        document: DocumentId,
    },
}

/// A manifest in its station's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// The station that wrote it.
    pub station: String,
    /// Counted from 1 for each station, without a gap.
    pub no: u64,
    /// UTC, a whole second.
    pub at: jiff::Timestamp,
    pub batch: BatchId,
    /// Of the batch's manifests, counted from 1: the last one holds.
    pub edition: u32,
    /// [`BatchManifest::to_text`].
    pub text: String,
    /// The hash of the row before; of a station's first row all zeros.
    pub before: Sha256,
    pub hash: Sha256,
}

impl Link for ManifestRow {
    fn no(&self) -> u64 {
        self.no
    }

    fn before(&self) -> Sha256 {
        self.before
    }

    fn hash(&self) -> Sha256 {
        self.hash
    }

    /// SHA-256 of the other values as a JSON array, in the order they are declared.
    fn expected_hash(&self) -> Sha256 {
        let values = (
            &self.station,
            self.no,
            self.at.to_string(),
            self.batch.as_str(),
            self.edition,
            &self.text,
            self.before.to_string(),
        );
        let text = serde_json::to_string(&values).expect("plain values are JSON");
        Sha256::of(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::page::SetAside;

    fn page(no: u32) -> PageEntry {
        PageEntry {
            page: PageNo::new(no).unwrap(),
            sheet: no,
            side: Side::Front,
            file: format!("{no:04}.png"),
            sha256: Sha256::of(&[no as u8]),
            bytes: 7,
            place: Some(Place::SetAside { reason: SetAside::Blank }),
        }
    }

    fn manifest() -> BatchManifest {
        let batch: BatchId = "20260131-090000-1a2b".parse().unwrap();
        BatchManifest {
            format: FORMAT,
            station: "desk-1".to_owned(),
            profile: "loose-sheets".to_owned(),
            profile_sha256: Sha256::of(b"title = \"Loose sheets\""),
            state: BatchState::Filed,
            originals_removed_after_days: None,
            pages: vec![page(1), page(2)],
            documents: vec![DocumentEntry {
                document: DocumentId::new(batch.clone(), PageNo::FIRST),
                pages: vec![PageNo::FIRST],
                document_type: "PROG".to_owned(),
                pdf_sha256: Some(Sha256::of(b"pdf")),
                index_sha256: Some(Sha256::of(b"index")),
            }],
            batch,
        }
    }

    #[test]
    fn each_value_that_stands_otherwise_is_a_difference_and_nothing_else_is() {
        let kept = manifest();
        assert_eq!(kept.differences(&manifest()), []);
        assert_eq!(serde_json::from_str::<BatchManifest>(&kept.to_text()).unwrap(), kept);
        type Change = fn(&mut BatchManifest);
        let second = Difference::Page { page: PageNo::new(2).unwrap() };
        let third = Difference::Page { page: PageNo::new(3).unwrap() };
        let document = Difference::Document { document: kept.documents[0].document.clone() };
        let changes: [(Change, Difference); 11] = [
            (|now| now.state = BatchState::Discarded, Difference::Batch),
            (|now| now.station.push('2'), Difference::Batch),
            (|now| now.profile_sha256 = Sha256::of(b"x"), Difference::Batch),
            (|now| now.originals_removed_after_days = Some(90), Difference::Purge),
            (|now| now.pages[1].sha256 = Sha256::of(b"x"), second.clone()),
            (|now| now.pages[1].bytes = 8, second.clone()),
            (|now| now.pages[1].place = Some(Place::Question), second.clone()),
            (|now| now.pages.truncate(1), second),
            (|now| now.pages.push(page(3)), third),
            (|now| now.documents[0].pdf_sha256 = None, document.clone()),
            (|now| now.documents.clear(), document),
        ];
        for (change, difference) in changes {
            let mut now = manifest();
            change(&mut now);
            assert_eq!(kept.differences(&now), [difference]);
        }
    }
}
