//! What the station and its scan worker say to each other over the worker's
//! standard input and output.
//!
//! A message is one byte of kind, four bytes of length (little-endian), and
//! that many bytes:
//!
//! ```text
//! 'J'  a JSON value: a Request (to the worker) or a Reply (from it)   at most 4 MiB
//! 'P'  pixels as the driver gave them (from the worker)               at most 1 MiB
//! ```
//!
//! The worker first says `Hello` with [`VERSION`]; station and worker are one
//! binary, so another number means a broken installation. Then each request
//! has one reply, in order, but for:
//!
//! ```text
//! ReadFrame ─▶ FrameRefused or ShapeRefused
//!           └▶ FrameBegins  P P P …  FrameEnds (or FrameLied)
//! Cancel    ─▶ nothing; the frame being read ends early
//! ```
//!
//! When standard input closes, the station is gone: the worker stops the
//! scanner and ends. The messages follow libsane's calls one by one; what they
//! mean is decided in the station, where a crash cannot reach.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub const VERSION: u32 = 3;

/// No real driver has a hundredth of these; one that says so is out of its mind.
pub const MAX_OPTIONS: i32 = 10_000;
/// Gamma tables of 65,536 words fit, and any value within it fits a message;
/// a driver that says more is out of its mind.
pub const MAX_OPTION_BYTES: u32 = 512 << 10;

const MAX_JSON_BYTES: u32 = 4 << 20;
const MAX_PIXEL_BYTES: u32 = 1 << 20;
const JSON: u8 = b'J';
const PIXELS: u8 = b'P';

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    List,
    Open {
        name: String,
    },
    Options,
    Get {
        index: i32,
    },
    Set {
        index: i32,
        value: Value,
    },
    SetAuto {
        index: i32,
    },
    ReadFrame,
    /// `sane_cancel` after a flatbed page, at the feeder's end, after a fault.
    EndScan,
    /// `sane_cancel` at once, in the middle of whatever the driver does.
    Cancel,
    Close,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    Hello {
        version: u32,
    },
    /// Instead of `Hello`: no libsane to load.
    LibraryMissing {
        detail: String,
    },
    /// Instead of `Hello`: `sane_init` failed.
    InitFailed {
        status: i32,
    },
    Devices {
        status: i32,
        devices: Vec<Device>,
    },
    Opened {
        status: i32,
        login: Login,
    },
    /// `count`: the driver's word, itself included; none are read where it is
    /// no number of options.
    Options {
        status: i32,
        count: i32,
        options: Vec<OptionDescriptor>,
    },
    Value {
        status: i32,
        value: Option<Value>,
    },
    /// `info` is libsane's flags; `value` what the option holds now.
    WasSet {
        status: i32,
        info: i32,
        value: Option<Value>,
    },
    FrameRefused {
        status: i32,
        login: Login,
    },
    /// Instead of `FrameBegins`: a page is begun, but how it is shaped the
    /// driver does not say.
    ShapeRefused {
        status: i32,
    },
    FrameBegins {
        shape: FrameShape,
    },
    /// `after`: the parameters asked again at the end of the frame. Drivers
    /// that learn a page's length only at its end correct it here.
    FrameEnds {
        status: i32,
        after: Option<FrameShape>,
    },
    /// Instead of `FrameEnds`: the driver did what cannot be.
    FrameLied {
        what: String,
    },
    ScanEnded,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    pub name: String,
    pub vendor: String,
    pub model: String,
    pub kind: String,
}

/// Whether the driver asked for a name and password meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Login {
    NotAsked,
    Answered { resource: String },
    NoAnswer { resource: String },
}

/// An option's value. Booleans are 0 and 1, fixed-point numbers 16.16.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Words(Vec<i32>),
    Text(String),
    /// A button's.
    None,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionDescriptor {
    pub index: i32,
    pub name: String,
    /// In the driver's words, for people.
    pub title: String,
    pub kind: OptionKind,
    pub unit: Unit,
    /// Bytes of its value.
    pub size: u32,
    /// libsane's capability bits.
    pub capabilities: i32,
    pub constraint: Constraint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptionKind {
    Bool,
    Int,
    Fixed,
    Text,
    Button,
    Group,
    /// A number this version of SANE does not define.
    Unknown(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    None,
    Pixel,
    Bit,
    Millimetre,
    Dpi,
    Percent,
    Microsecond,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constraint {
    None,
    /// `step` 0: any value between.
    Range {
        min: i32,
        max: i32,
        step: i32,
    },
    Words(Vec<i32>),
    Texts(Vec<String>),
}

/// `SANE_Parameters`, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameShape {
    pub format: i32,
    pub last_frame: bool,
    pub bytes_per_line: i32,
    pub pixels_per_line: i32,
    /// -1: known only at the end of the page.
    pub lines: i32,
    pub depth: i32,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<T> {
    Said(T),
    Pixels(Vec<u8>),
}

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the pipe broke")]
    Pipe(#[source] io::Error),
    #[error("a message of kind {0:#04x}")]
    UnknownKind(u8),
    #[error("a message of {0} bytes")]
    Oversize(u32),
    #[error("a message that cannot be read: {0}")]
    Garbled(String),
}

pub fn write_message<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let json = serde_json::to_vec(message).map_err(io::Error::other)?;
    write_frame(to, JSON, &json)
}

/// At most [`MAX_PIXEL_BYTES`] at once.
pub fn write_pixels(to: &mut impl Write, pixels: &[u8]) -> io::Result<()> {
    write_frame(to, PIXELS, pixels)
}

fn write_frame(to: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut head = [kind, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    to.write_all(&head)?;
    to.write_all(payload)?;
    to.flush()
}

/// The next message; `None` when the other side closed between two.
pub fn read_message<T: DeserializeOwned>(
    from: &mut impl Read,
) -> Result<Option<Message<T>>, WireError> {
    let mut head = [0; 5];
    if !fill_or_end(from, &mut head)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let limit = match head[0] {
        JSON => MAX_JSON_BYTES,
        PIXELS => MAX_PIXEL_BYTES,
        other => return Err(WireError::UnknownKind(other)),
    };
    if length > limit {
        return Err(WireError::Oversize(length));
    }
    let mut payload = vec![0; length as usize];
    from.read_exact(&mut payload).map_err(WireError::Pipe)?;
    if head[0] == PIXELS {
        return Ok(Some(Message::Pixels(payload)));
    }
    let said = serde_json::from_slice(&payload).map_err(|e| WireError::Garbled(e.to_string()))?;
    Ok(Some(Message::Said(said)))
}

/// False: the end came before the first byte.
fn fill_or_end(from: &mut impl Read, buffer: &mut [u8]) -> Result<bool, WireError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(WireError::Pipe(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(WireError::Pipe(e)),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Message<Reply>>, WireError> {
        read_message(&mut &bytes[..])
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut pipe = Vec::new();
        let said = Reply::WasSet { status: 0, info: 6, value: Some(Value::Text("Gray".into())) };
        write_message(&mut pipe, &said).unwrap();
        write_pixels(&mut pipe, &[1, 2, 3]).unwrap();
        let mut from = &pipe[..];
        assert_eq!(read_message(&mut from).unwrap(), Some(Message::Said(said)));
        assert_eq!(read_message::<Reply>(&mut from).unwrap(), Some(Message::Pixels(vec![1, 2, 3])));
        assert_eq!(read_message::<Reply>(&mut from).unwrap(), None);
    }

    #[test]
    fn garbage_in_the_pipe_is_refused_by_kind_length_and_content() {
        assert!(matches!(read(b"X\0\0\0\0"), Err(WireError::UnknownKind(b'X'))));
        assert!(matches!(read(b"P\xff\xff\xff\xff"), Err(WireError::Oversize(u32::MAX))));
        assert!(matches!(read(b"J\x02\0\0\0{]"), Err(WireError::Garbled(_))));
        assert!(matches!(read(b"J\x02\0"), Err(WireError::Pipe(_))));
    }
}
