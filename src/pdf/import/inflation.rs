//! Finds streams that unpack to more than the station's memory holds, before
//! the PDF library unpacks them without asking.
//!
//! Only Flate, which nearly every such trap uses. The dictionaries of streams
//! always stand in the file unpacked, but may name their filter elsewhere, so
//! any stream is tried; one that is not Flate fails within a few bytes.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Deflate cannot grow by more than this (zlib's technical notes).
const MOST_GROWTH: u64 = 1032;

/// What deflate may refer back to, and so all that must be kept.
const WINDOW_BYTES: usize = 32_768;

/// Whether any stream in the file unpacks to more than `limit` bytes.
pub fn unpacks_beyond(file: &[u8], limit: u64) -> bool {
    streams(file)
        .any(|stream| stream.len() as u64 * MOST_GROWTH > limit && unpacked_exceeds(stream, limit))
}

/// From each `stream` keyword to its `endstream`, or to the file's end.
fn streams(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BEGIN: &[u8] = b"stream";
    const END: &[u8] = b"endstream";
    let mut rest = file;
    std::iter::from_fn(move || {
        let begin = rest.windows(BEGIN.len()).position(|window| window == BEGIN)? + BEGIN.len();
        let body = &rest[begin..];
        let end = body.windows(END.len()).position(|window| window == END);
        rest = end.map_or(&[], |end| &body[end + END.len()..]);
        let stream = end.map_or(body, |end| &body[..end]);
        let line_ends = stream.iter().take(2).take_while(|byte| matches!(**byte, b'\r' | b'\n'));
        let skipped = line_ends.count();
        Some(&stream[skipped..])
    })
}

fn unpacked_exceeds(packed: &[u8], limit: u64) -> bool {
    let zlib = packed.len() >= 2
        && packed[0] & 0x0F == 8
        && u16::from_be_bytes([packed[0], packed[1]]).is_multiple_of(31);
    let flags = if zlib { inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    let mut state = Box::new(DecompressorOxide::new());
    let mut window = vec![0; WINDOW_BYTES];
    let (mut read, mut total, mut place) = (0, 0_u64, 0);
    loop {
        let (status, taken, given) =
            decompress(&mut state, &packed[read..], &mut window, place, flags);
        read += taken;
        total += given as u64;
        place = (place + given) % WINDOW_BYTES;
        if total > limit {
            return true;
        }
        if status != TINFLStatus::HasMoreOutput {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::*;

    #[test]
    fn a_stream_that_unpacks_beyond_the_limit_is_found_wherever_it_stands() {
        let zeros = vec![0; 1_000_000];
        for packed in [compress_to_vec_zlib(&zeros, 6), compress_to_vec(&zeros, 6)] {
            let small = b"1 0 obj<<>>stream\nhello\nendstream endobj 2 0 obj<<>>stream\r\n";
            for end in ["", "\nendstream", "\nendstream stream"] {
                let file = [&small[..], &packed, end.as_bytes()].concat();
                assert!(unpacks_beyond(&file, 999_999));
                assert!(!unpacks_beyond(&file, 1_000_000));
            }
        }
        assert!(!unpacks_beyond(b"", 0));
        assert!(!unpacks_beyond(b"stream", 0));
    }
}
