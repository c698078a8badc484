//! Identifiers. Each is checked once, where it enters, and is from then on
//! safe as a file name: ASCII letters, digits and hyphens only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}; expected the form {form}")]
pub struct NotAnId {
    pub text: String,
    pub what: &'static str,
    pub form: &'static str,
}

/// A batch: `YYYYMMDD-HHMMSS-xxxx`, the second it was opened (UTC) and four
/// hex digits that keep two stations apart. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

impl BatchId {
    const FORM: &'static str = "20260131-090000-1a2b";

    /// `opened` is the digits of the UTC second, `YYYYMMDDHHMMSS`.
    pub fn new(opened: [u8; 14], distinct: u16) -> Self {
        let digits: String = opened.iter().map(|d| char::from(b'0' + d % 10)).collect();
        BatchId(format!("{}-{}-{distinct:04x}", &digits[..8], &digits[8..]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bytes = text.as_bytes();
        let well_formed = bytes.len() == Self::FORM.len()
            && bytes.iter().enumerate().all(|(i, b)| match i {
                8 | 15 => *b == b'-',
                16.. => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
                _ => b.is_ascii_digit(),
            });
        if well_formed {
            Ok(BatchId(text.to_owned()))
        } else {
            Err(NotAnId { text: text.to_owned(), what: "a batch id", form: Self::FORM })
        }
    }
}

impl TryFrom<String> for BatchId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> String {
        id.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image's place in its batch, counted from 1 in the order it was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageNo(u32);

impl PageNo {
    pub const FIRST: PageNo = PageNo(1);

    /// `None` for 0: people count pages from 1.
    pub fn new(no: u32) -> Option<Self> {
        (no > 0).then_some(PageNo(no))
    }

    pub fn get(self) -> u32 {
        self.0
    }

    pub fn next(self) -> PageNo {
        PageNo(self.0 + 1)
    }
}

impl fmt::Display for PageNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A document for life: its batch, the first page it was scanned with, and which
/// version of it, where it was corrected after filing.
/// Derived, so that separating a batch again names the same document the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentId {
    batch: BatchId,
    first_page: PageNo,
    version: Version,
}

/// Counted from 1: each correction of a filed document makes the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    pub const FIRST: Version = Version(1);

    /// `None` for 0: people count versions from 1.
    pub fn new(version: u32) -> Option<Self> {
        (version > 0).then_some(Version(version))
    }

    pub fn get(self) -> u32 {
        self.0
    }

    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

impl DocumentId {
    const FORM: &'static str = "20260131-090000-1a2b-0001";

    pub fn new(batch: BatchId, first_page: PageNo) -> Self {
        DocumentId { batch, first_page, version: Version::FIRST }
    }

    pub fn of_version(self, version: Version) -> Self {
        DocumentId { version, ..self }
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The version that this one takes the place of; `None` of the first.
    pub fn replaces(&self) -> Option<DocumentId> {
        Version::new(self.version.0 - 1).map(|before| self.clone().of_version(before))
    }

    pub fn batch(&self) -> &BatchId {
        &self.batch
    }

    pub fn first_page(&self) -> PageNo {
        self.first_page
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:04}", self.batch, self.first_page.0)?;
        match self.version {
            Version::FIRST => Ok(()),
            Version(version) => write!(f, "v{version}"),
        }
    }
}

impl FromStr for DocumentId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId { text: text.to_owned(), what: "a document id", form: Self::FORM };
        let (batch, rest) = text.rsplit_once('-').ok_or_else(refuse)?;
        let (page, version) = match rest.split_once('v') {
            None => (rest, Version::FIRST),
            Some((page, version)) => (page, later_version(version).ok_or_else(refuse)?),
        };
        let digits_only = page.len() >= 4 && page.bytes().all(|b| b.is_ascii_digit());
        let page = page.parse().ok().filter(|_| digits_only).and_then(PageNo::new);
        Ok(DocumentId {
            batch: batch.parse().map_err(|_| refuse())?,
            first_page: page.ok_or_else(refuse)?,
            version,
        })
    }
}

/// As it is written, and in no other way: one document has one id.
fn later_version(text: &str) -> Option<Version> {
    let version = text.parse().ok().and_then(Version::new)?;
    (version > Version::FIRST && version.0.to_string() == text).then_some(version)
}

impl TryFrom<String> for DocumentId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<DocumentId> for String {
    fn from(id: DocumentId) -> String {
        id.to_string()
    }
}

/// A question's place among those of its batch, counted from 1, for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionNo(u32);

impl QuestionNo {
    /// `None` for 0: people count questions from 1.
    pub fn new(no: u32) -> Option<Self> {
        (no > 0).then_some(QuestionNo(no))
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for QuestionNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Sha256(digest)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId { text: text.to_owned(), what: "a SHA-256", form: "64 hex digits" };
        if text.len() != 64 || !text.is_ascii() {
            return Err(refuse());
        }
        let mut digest = [0; 32];
        for (i, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| refuse())?;
        }
        Ok(Sha256(digest))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(sum: Sha256) -> String {
        sum.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_were_written_and_refuse_anything_else() {
        let batch = BatchId::new([2, 0, 2, 6, 1, 1, 2, 2, 1, 3, 4, 4, 2, 5], 0x7f3a);
        assert_eq!(batch.to_string(), "20261122-134425-7f3a");
        assert_eq!(batch.to_string().parse(), Ok(batch.clone()));
        let document = DocumentId::new(batch, PageNo::new(12).unwrap());
        assert_eq!(document.to_string().parse(), Ok(document.clone()));
        assert_eq!(document.replaces(), None);
        let corrected = document.clone().of_version(Version::FIRST.next());
        assert_eq!(corrected.to_string(), "20261122-134425-7f3a-0012v2");
        assert_eq!(corrected.to_string().parse(), Ok(corrected.clone()));
        assert_eq!(corrected.replaces(), Some(document));
        for hostile in ["", "../../etc/passwd", "20261122-134425-7F3A", "20261122-134425-7f3a/"] {
            assert!(hostile.parse::<BatchId>().is_err(), "{hostile}");
        }
        for hostile in ["20261122-134425-7f3a-0000", "20261122-134425-7f3a-+001", "0001"] {
            assert!(hostile.parse::<DocumentId>().is_err(), "{hostile}");
        }
        for hostile in ["0001v1", "0001v02", "0001v", "0001v+2", "0001v0", "v2"] {
            assert!(format!("20261122-134425-7f3a-{hostile}").parse::<DocumentId>().is_err());
        }
        let sum = Sha256::of(b"chart");
        assert_eq!(sum.to_string().parse(), Ok(sum));
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
