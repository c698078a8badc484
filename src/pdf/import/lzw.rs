//! LZW as PDF has it (ISO 32000-1, 7.4.4), taken only where it comes to its end
//! mark. The library gives what it has where the bytes run out.

use std::ops::Range;

/// Where codes become a bit longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengthening {
    /// One code before the table needs it, as nearly every writer does.
    Early,
    Late,
}

pub enum Unpacked {
    Whole(Vec<u8>),
    CutOff,
    Beyond,
}

const CLEAR: usize = 256;
const END: usize = 257;
const FIRST_OF_TABLE: usize = 258;
const MOST_CODES: usize = 4096;

/// To at most `limit` bytes.
pub fn unpack(packed: &[u8], lengthening: Lengthening, limit: usize) -> Unpacked {
    let mut unpacked: Vec<u8> = Vec::new();
    // Each code of the table stands for bytes that came before.
    let mut table: Vec<Range<usize>> = Vec::new();
    let mut last: Option<Range<usize>> = None;
    let mut place = 0;
    loop {
        let bits = code_bits(FIRST_OF_TABLE + table.len(), lengthening);
        let Some(code) = bits_at(packed, place, bits) else { return Unpacked::CutOff };
        place += bits;
        match code {
            CLEAR => {
                table.clear();
                last = None;
                continue;
            }
            END => return Unpacked::Whole(unpacked),
            _ => {}
        }
        if let Some(Range { start, end }) = last
            && FIRST_OF_TABLE + table.len() < MOST_CODES
        {
            // Its last byte is the first that this code gives.
            table.push(start..end + 1);
        }
        let begin = unpacked.len();
        match u8::try_from(code) {
            Ok(byte) => unpacked.push(byte),
            Err(_) => {
                let Some(earlier) = table.get(code - FIRST_OF_TABLE) else {
                    return Unpacked::CutOff;
                };
                for from in earlier.clone() {
                    unpacked.push(unpacked[from]);
                }
            }
        }
        if unpacked.len() > limit {
            return Unpacked::Beyond;
        }
        last = Some(begin..unpacked.len());
    }
}

fn code_bits(codes: usize, lengthening: Lengthening) -> usize {
    let codes = match lengthening {
        Lengthening::Early => codes + 1,
        Lengthening::Late => codes,
    };
    match codes {
        ..512 => 9,
        512..1024 => 10,
        1024..2048 => 11,
        2048.. => 12,
    }
}

/// At most 12, from the highest bit of each byte.
fn bits_at(bytes: &[u8], place: usize, count: usize) -> Option<usize> {
    let end = place + count;
    let held = bytes.get(place / 8..end.div_ceil(8))?;
    let value = held.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    Some(value >> (held.len() * 8 - (end - place / 8 * 8)) & ((1 << count) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of ISO 32000-1, 7.4.4.2.
    const EXAMPLE: [u8; 9] = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];

    #[test]
    fn the_standards_example_is_whole_only_with_its_end_mark() {
        let whole = |packed: &[u8]| match unpack(packed, Lengthening::Early, 10) {
            Unpacked::Whole(bytes) => Some(bytes),
            Unpacked::CutOff | Unpacked::Beyond => None,
        };
        assert_eq!(whole(&EXAMPLE).as_deref(), Some(b"-----A---B".as_slice()));
        for length in 0..EXAMPLE.len() {
            assert_eq!(whole(&EXAMPLE[..length]), None, "{length} bytes");
        }
        assert!(matches!(unpack(&EXAMPLE, Lengthening::Early, 9), Unpacked::Beyond));
    }
}
