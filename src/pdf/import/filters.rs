//! Whether a stream's coded bytes come to their end. The library takes what it
//! can of one that was cut off, and says nothing.

use std::borrow::Cow;

use hayro::hayro_syntax::Filter;
use hayro::hayro_syntax::object::dict::keys::{DECODE_PARMS, DP, EARLY_CHANGE};
use hayro::hayro_syntax::object::{Dict, Object, Stream};
use miniz_oxide::inflate::{
    DecompressError, TINFLStatus, decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit,
};

use super::lzw::{self, Lengthening};

/// More is not unpacked here a second time; how much a page may have is asked
/// elsewhere.
const MOST_BYTES: usize = 64 << 20;

/// What comes of one filter.
enum Unpacked {
    Whole(Vec<u8>),
    Broken,
    /// Not looked into here.
    Unknown,
}

/// Whether all of a stream of instructions is there.
pub fn is_whole(stream: &Stream<'_>) -> bool {
    match through(&stream.filters(), stream) {
        Some(Ok(_)) => true,
        Some(Err(())) => false,
        None => stream.decoded_data().is_ok(),
    }
}

/// The bytes that an image's own coding begins with, behind the filters before
/// it; the error is one of these cut off, `None` one that is not looked into.
pub fn before_the_last<'s>(stream: &Stream<'s>) -> Option<Result<Cow<'s, [u8]>, ()>> {
    let filters = stream.filters();
    let (_, before) = filters.split_last()?;
    // A predictor's bytes would stand in what comes out here.
    if !before.is_empty() && has_settings(stream) {
        return None;
    }
    through(before, stream)
}

fn has_settings(stream: &Stream<'_>) -> bool {
    [DECODE_PARMS, DP].into_iter().any(|key| stream.dict().contains_key(key))
}

fn through<'s>(filters: &[Filter], stream: &Stream<'s>) -> Option<Result<Cow<'s, [u8]>, ()>> {
    let mut data = stream.raw_data();
    for (nth, filter) in filters.iter().enumerate() {
        data = match unpacked(*filter, &parameters(stream, nth), &data) {
            Unpacked::Whole(bytes) => Cow::Owned(bytes),
            Unpacked::Broken => return Some(Err(())),
            Unpacked::Unknown => return None,
        };
    }
    Some(Ok(data))
}

/// What the stream says of its `nth` filter.
fn parameters<'s>(stream: &Stream<'s>, nth: usize) -> Dict<'s> {
    let dict = stream.dict();
    let told = match dict.get::<Object<'_>>(DP).or_else(|| dict.get::<Object<'_>>(DECODE_PARMS)) {
        Some(Object::Dict(of_the_only)) => Some(of_the_only),
        Some(Object::Array(list)) => list.iter::<Object<'_>>().nth(nth).and_then(Object::into_dict),
        Some(_) | None => None,
    };
    told.unwrap_or_default()
}

fn unpacked(filter: Filter, parameters: &Dict<'_>, data: &[u8]) -> Unpacked {
    if data.is_empty() {
        return Unpacked::Whole(Vec::new());
    }
    match filter {
        Filter::FlateDecode => inflated(data),
        Filter::AsciiHexDecode => from_hex(data).map_or(Unpacked::Broken, Unpacked::Whole),
        Filter::Ascii85Decode => from_base_85(data).map_or(Unpacked::Broken, Unpacked::Whole),
        Filter::LzwDecode => from_lzw(parameters, data),
        Filter::RunLengthDecode => from_runs(data),
        Filter::CcittFaxDecode
        | Filter::Jbig2Decode
        | Filter::DctDecode
        | Filter::JpxDecode
        | Filter::Crypt => Unpacked::Unknown,
    }
}

/// What is flushed and not ended is all there too (RFC 1951, 3.2.4).
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A sum that is missing at the end harms nothing; one that is wrong says that
/// other bytes were packed.
fn inflated(data: &[u8]) -> Unpacked {
    if data.trim_ascii_end().ends_with(&FLUSHED) {
        return Unpacked::Unknown;
    }
    let beyond = |error: &DecompressError| error.status == TINFLStatus::HasMoreOutput;
    match decompress_to_vec_zlib_with_limit(data, MOST_BYTES) {
        Ok(bytes) => return Unpacked::Whole(bytes),
        Err(error) if beyond(&error) => return Unpacked::Unknown,
        Err(error) if error.status == TINFLStatus::Adler32Mismatch => return Unpacked::Broken,
        Err(_) => {}
    }
    match decompress_to_vec_with_limit(data.get(2..).unwrap_or_default(), MOST_BYTES) {
        Ok(bytes) => Unpacked::Whole(bytes),
        Err(error) if beyond(&error) => Unpacked::Unknown,
        Err(_) => Unpacked::Broken,
    }
}

fn from_lzw(parameters: &Dict<'_>, data: &[u8]) -> Unpacked {
    let lengthening = match parameters.get::<i32>(EARLY_CHANGE) {
        Some(0) => Lengthening::Late,
        Some(_) | None => Lengthening::Early,
    };
    match lzw::unpack(data, lengthening, MOST_BYTES) {
        lzw::Unpacked::Whole(bytes) => Unpacked::Whole(bytes),
        lzw::Unpacked::CutOff => Unpacked::Broken,
        lzw::Unpacked::Beyond => Unpacked::Unknown,
    }
}

/// Up to its end mark (ISO 32000-1, 7.4.5).
fn from_runs(mut data: &[u8]) -> Unpacked {
    const END: u8 = 128;
    let mut bytes = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (taken, copies) = match *length {
            END => return Unpacked::Whole(bytes),
            plain @ ..END => (usize::from(plain) + 1, 1),
            run => (1, 257 - usize::from(run)),
        };
        let Some((run, rest)) = rest.split_at_checked(taken) else { return Unpacked::Broken };
        bytes.extend_from_slice(&run.repeat(copies));
        if bytes.len() > MOST_BYTES {
            return Unpacked::Unknown;
        }
        data = rest;
    }
    Unpacked::Broken
}

/// Up to its end mark (ISO 32000-1, 7.4.2).
fn from_hex(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.iter().position(|byte| *byte == b'>')?;
    let mut digits = Vec::with_capacity(end);
    for byte in data[..end].iter().filter(|byte| !is_space(**byte)) {
        digits.push(char::from(*byte).to_digit(16)? as u8);
    }
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect())
}

/// Up to its end mark (ISO 32000-1, 7.4.3).
fn from_base_85(data: &[u8]) -> Option<Vec<u8>> {
    // White space may part the two signs of the end mark.
    let end = data.iter().position(|byte| *byte == b'~')?;
    let mut bytes = Vec::with_capacity(end);
    let mut group: Vec<u32> = Vec::with_capacity(5);
    for byte in data[..end].iter().filter(|byte| !is_space(**byte)) {
        match byte {
            b'z' if group.is_empty() => bytes.extend([0; 4]),
            b'!'..=b'u' => group.push(u32::from(byte - b'!')),
            _ => return None,
        }
        if group.len() == 5 {
            bytes.extend(four_bytes(&group)?);
            group.clear();
        }
    }
    if group.is_empty() {
        return Some(bytes);
    }
    let kept = group.len() - 1;
    group.resize(5, 84);
    bytes.extend(&four_bytes(&group)?[..kept]);
    Some(bytes)
}

fn four_bytes(group: &[u32]) -> Option<[u8; 4]> {
    let value = group.iter().try_fold(0_u32, |value, digit| {
        value.checked_mul(85).and_then(|value| value.checked_add(*digit))
    });
    value.map(u32::to_be_bytes)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}
