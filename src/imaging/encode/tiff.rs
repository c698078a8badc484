//! A one-page TIFF 6.0 with a single strip of Group 4. The `tiff` crate writes
//! no fax codings, and this much is one table.

use super::g4;
use crate::records::raster::Raster;

const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

pub(super) fn g4_file(raster: &Raster) -> Vec<u8> {
    let strip = g4::encode(raster);
    const ENTRIES: u32 = 14;
    let resolution_at = 8 + 2 + 12 * ENTRIES + 4;
    let strip_at = resolution_at + 8;
    let entries: [(u16, u16, u32); ENTRIES as usize] = [
        (256, LONG, raster.width()),
        (257, LONG, raster.height()),
        (258, SHORT, 1), // bits per sample
        (259, SHORT, 4), // T.6
        (262, SHORT, 0), // 0 is white
        (266, SHORT, 1), // high bit first
        (273, LONG, strip_at),
        (274, SHORT, 1),                 // top left
        (277, SHORT, 1),                 // samples per pixel
        (278, LONG, raster.height()),    // rows per strip
        (279, LONG, strip.len() as u32), // at most the 256 MB of a page
        (282, RATIONAL, resolution_at),
        (283, RATIONAL, resolution_at),
        (296, SHORT, 2), // per inch
    ];

    let mut file = Vec::with_capacity(strip_at as usize + strip.len());
    file.extend(b"II*\0");
    file.extend(8u32.to_le_bytes());
    file.extend((ENTRIES as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        // Little-endian: a short stands in the first two of the four bytes.
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    file.extend(raster.dpi().0.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(strip);
    file
}
