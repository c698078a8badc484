//! What the station and a reading worker say to each other.
//!
//! The worker's standard input carries requests, its standard output answers,
//! one answer to each request in order. Both sides are the same binary, so
//! there is no version to agree on.
//!
//! ```text
//! frame   = length:u32le body            length counts the body's bytes
//! request = 'S' setup:json               which languages, how much memory
//!         | 'R' page                     read the words
//!         | 'O' page                     say which way up it lies
//! page    = width:u32le height:u32le dpi:u32le format:u8 pixels
//! format  = 1 bitonal | 8 gray | 24 RGB  rows as in records::raster
//! answer  = json                         see `Answer`
//! ```
//!
//! Standard error is free text for the administrator. When standard input
//! closes, the worker ends.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::records::page::QuarterTurn;
use crate::records::raster::{Dpi, PixelFormat, Raster};
use crate::records::text::PageText;

/// The longest body either side believes: 32,767 × 32,767 RGB pixels are more,
/// but no worker has the memory to read them.
const LONGEST_BODY_BYTES: usize = 1 << 30;

const PAGE_HEADER_BYTES: usize = 13;

/// The first request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Setup {
    pub languages: Vec<String>,
    pub tessdata: PathBuf,
    pub memory_limit_bytes: u64,
}

/// What the worker is asked.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Setup(Setup),
    Read(Raster),
    Orientation(Raster),
}

/// What the station asks about a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Read,
    Orientation,
}

/// No `Debug`: it holds a patient's text.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The languages are loaded.
    Ready,
    Text {
        text: PageText,
        worn: Wear,
    },
    Orientation {
        found: Option<(QuarterTurn, f32)>,
        worn: Wear,
    },
    CannotLoad {
        detail: String,
    },
    Refused {
        detail: String,
    },
    OutOfMemory,
}

/// Whether this worker should read more pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wear {
    Fit,
    /// It has grown; a fresh one should take its place.
    WornOut,
}

impl Answer {
    /// The kind of answer, safe to show.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Answer::Ready => "ready",
            Answer::Text { .. } => "text",
            Answer::Orientation { .. } => "orientation",
            Answer::CannotLoad { .. } => "cannot load",
            Answer::Refused { .. } => "refused",
            Answer::OutOfMemory => "out of memory",
        }
    }
}

pub(super) fn setup_frame(setup: &Setup) -> Vec<u8> {
    let json = serde_json::to_vec(setup).expect("paths of a setup are UTF-8, checked at start");
    let mut frame = length_of(json.len() + 1).to_vec();
    frame.push(b'S');
    frame.extend_from_slice(&json);
    frame
}

/// What stands before a page's pixels in its frame.
pub(super) fn page_head(question: Question, page: &Raster) -> Vec<u8> {
    let mut head = length_of(1 + PAGE_HEADER_BYTES + page.pixels().len()).to_vec();
    head.push(match question {
        Question::Read => b'R',
        Question::Orientation => b'O',
    });
    head.extend_from_slice(&page.width().to_le_bytes());
    head.extend_from_slice(&page.height().to_le_bytes());
    head.extend_from_slice(&page.dpi().0.to_le_bytes());
    head.push(match page.format() {
        PixelFormat::Bitonal => 1,
        PixelFormat::Gray8 => 8,
        PixelFormat::Rgb8 => 24,
    });
    head
}

fn length_of(body_bytes: usize) -> [u8; 4] {
    u32::try_from(body_bytes).expect("pages are checked to be below 1 GiB").to_le_bytes()
}

/// Whether a page fits a frame.
pub(super) fn fits(page: &Raster) -> bool {
    page.pixels().len() + PAGE_HEADER_BYTES < LONGEST_BODY_BYTES
}

/// The body length a frame's first four bytes announce.
pub(super) fn body_length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(head) as usize;
    if length > LONGEST_BODY_BYTES {
        return Err(nonsense("a frame longer than any page"));
    }
    Ok(length)
}

/// The next request; `None` when the station has closed the pipe.
pub(super) fn read_request(from: &mut impl Read) -> io::Result<Option<Request>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = body_length(head)?;
    if length == 0 {
        return Err(nonsense("an empty frame"));
    }
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    match kind[0] {
        b'S' => {
            let mut json = vec![0; length - 1];
            from.read_exact(&mut json)?;
            Ok(Some(Request::Setup(serde_json::from_slice(&json)?)))
        }
        b'R' => Ok(Some(Request::Read(read_page(from, length - 1)?))),
        b'O' => Ok(Some(Request::Orientation(read_page(from, length - 1)?))),
        other => Err(nonsense(&format!("a request of kind {other}"))),
    }
}

fn read_page(from: &mut impl Read, length: usize) -> io::Result<Raster> {
    let Some(pixel_bytes) = length.checked_sub(PAGE_HEADER_BYTES) else {
        return Err(nonsense("a page without its size"));
    };
    let mut head = [0; PAGE_HEADER_BYTES];
    from.read_exact(&mut head)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let format = match head[12] {
        1 => PixelFormat::Bitonal,
        8 => PixelFormat::Gray8,
        24 => PixelFormat::Rgb8,
        other => return Err(nonsense(&format!("a pixel format {other}"))),
    };
    let mut pixels = vec![0; pixel_bytes];
    from.read_exact(&mut pixels)?;
    Raster::new(number(0), number(4), Dpi(number(8)), format, pixels)
        .map_err(|wrong| nonsense(&wrong.to_string()))
}

pub(super) fn write_answer(to: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let json = serde_json::to_vec(answer)?;
    to.write_all(&length_of(json.len()))?;
    to.write_all(&json)?;
    to.flush()
}

pub(super) fn read_answer(json: &[u8]) -> io::Result<Answer> {
    Ok(serde_json::from_slice(json)?)
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(width: u32, height: u32, format: PixelFormat) -> Raster {
        let bytes = format.row_bytes(width) * height as usize;
        let pixels = (0..bytes).map(|n| n as u8).collect();
        Raster::new(width, height, Dpi(300), format, pixels).unwrap()
    }

    #[test]
    fn a_page_arrives_as_it_was_sent_in_each_pixel_format() {
        for format in [PixelFormat::Bitonal, PixelFormat::Gray8, PixelFormat::Rgb8] {
            let sent = page(19, 5, format);
            let mut bytes = page_head(Question::Read, &sent);
            bytes.extend_from_slice(sent.pixels());
            let mut from = bytes.as_slice();
            assert_eq!(read_request(&mut from).unwrap(), Some(Request::Read(sent)));
            assert_eq!(read_request(&mut from).unwrap(), None);
        }
    }

    #[test]
    fn a_setup_arrives_as_it_was_sent() {
        let sent = Setup {
            languages: vec!["eng".to_owned(), "deu".to_owned()],
            tessdata: PathBuf::from("/data"),
            memory_limit_bytes: 1 << 30,
        };
        let frame = setup_frame(&sent);
        assert_eq!(read_request(&mut frame.as_slice()).unwrap(), Some(Request::Setup(sent)));
    }

    #[test]
    fn a_page_cut_short_is_an_error_and_never_a_smaller_page() {
        let sent = page(40, 3, PixelFormat::Gray8);
        let mut bytes = page_head(Question::Orientation, &sent);
        bytes.extend_from_slice(sent.pixels());
        for length in 5..bytes.len() {
            assert!(read_request(&mut &bytes[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_worker_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // A length of at most 64 KB, so that the case itself needs little memory.
            let mut bytes = bytes;
            if bytes.len() > 4 {
                (bytes[2], bytes[3]) = (0, 0);
            }
            let mut from = bytes.as_slice();
            while let Ok(Some(_)) = read_request(&mut from) {}
        }
    }
}
