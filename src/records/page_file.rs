//! What a file from outside is, told by its first bytes. Its name is never
//! asked.

/// As much of a file as [`PageFile::recognise`] looks at. PDF readers look for
/// their mark in the first kilobyte, since mail gateways put lines before it.
pub const HEAD_BYTES: usize = 1024;

/// Kinds of files that hold pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFile {
    Png,
    Jpeg,
    Tiff,
    Pnm,
    Pdf,
}

/// What a file is that holds no pages Outguide reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPageFile {
    Empty,
    /// A picture of another kind, in words: "a GIF".
    OtherPicture(&'static str),
    Unknown,
}

/// Pictures people may well drop in, named so that the message can name them.
const OTHER_PICTURES: [(&[u8], usize, &str); 9] = [
    (b"GIF8", 0, "a GIF"),
    (b"BM", 0, "a Windows bitmap"),
    (b"WEBP", 8, "a WebP"),
    (b"ftyphei", 4, "a HEIC photograph"),
    (b"ftypmif1", 4, "a HEIC photograph"),
    (b"ftypavif", 4, "an AVIF"),
    (b"\0\0\0\x0cjP  ", 0, "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000"),
    (b"AT&TFORM", 0, "a DjVu"),
];

const TIFF_MARKS: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

impl PageFile {
    /// `head` is the file, or at least its first [`HEAD_BYTES`].
    pub fn recognise(head: &[u8]) -> Result<PageFile, NoPageFile> {
        if head.is_empty() {
            return Err(NoPageFile::Empty);
        }
        if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(PageFile::Png);
        }
        if head.starts_with(b"\xff\xd8\xff") {
            return Ok(PageFile::Jpeg);
        }
        if TIFF_MARKS.iter().any(|mark| head.starts_with(mark)) {
            return Ok(PageFile::Tiff);
        }
        if is_pnm(head) {
            return Ok(PageFile::Pnm);
        }
        let head = &head[..head.len().min(HEAD_BYTES)];
        if head.windows(5).any(|window| window == b"%PDF-") {
            return Ok(PageFile::Pdf);
        }
        let other = OTHER_PICTURES
            .iter()
            .find(|(mark, at, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
        Err(other.map_or(NoPageFile::Unknown, |(_, _, name)| NoPageFile::OtherPicture(name)))
    }
}

/// Whether a PBM, PGM or PPM begins here; one file may hold several.
pub fn is_pnm(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'6', c, ..] if c.is_ascii_whitespace() || *c == b'#')
}
