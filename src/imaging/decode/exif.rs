//! The two things a page image's Exif block tells that matter here: which way
//! up the picture is, and its resolution.

use super::resolution::Stated;
use crate::records::page::QuarterTurn;

/// How the pixels lie in the file (TIFF 6.0 tag 274): to be mirrored first,
/// then turned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lie {
    pub mirrored: bool,
    pub turn: QuarterTurn,
}

impl Lie {
    pub(super) fn from_tag(orientation: u32) -> Lie {
        let (mirrored, turn) = match orientation {
            2 => (true, QuarterTurn::None),
            3 => (false, QuarterTurn::Half),
            4 => (true, QuarterTurn::Half),
            5 => (true, QuarterTurn::Left),
            6 => (false, QuarterTurn::Right),
            7 => (true, QuarterTurn::Right),
            8 => (false, QuarterTurn::Left),
            // 1 is upright; anything else is no orientation.
            _ => (false, QuarterTurn::None),
        };
        Lie { mirrored, turn }
    }
}

/// The resolution that tags 282, 283 and 296 mean.
pub(super) fn resolution(across: f64, down: f64, unit: u32) -> Option<Stated> {
    match unit {
        2 => Some(Stated::per_inch(across, down)),
        3 => Some(Stated::per_centimetre(across, down)),
        // 1 is "no absolute unit".
        _ => None,
    }
}

/// Reads an Exif block (a TIFF header and its first directory). What is not
/// there or does not parse is simply not known.
pub(super) fn read(block: &[u8]) -> (Lie, Option<Stated>) {
    let mut lie = Lie::default();
    let (mut across, mut down, mut unit) = (None, None, 2);
    let Some(directory) = Directory::first(block) else { return (lie, None) };
    for index in 0..directory.entries {
        let Some((tag, value_at)) = directory.entry(index) else { break };
        match tag {
            274 => lie = Lie::from_tag(directory.short(value_at).unwrap_or(1).into()),
            282 => across = directory.rational_behind(value_at),
            283 => down = directory.rational_behind(value_at),
            296 => unit = directory.short(value_at).unwrap_or(2).into(),
            _ => {}
        }
    }
    let stated = across.zip(down).and_then(|(across, down)| resolution(across, down, unit));
    (lie, stated)
}

struct Directory<'a> {
    block: &'a [u8],
    little_endian: bool,
    at: usize,
    entries: u16,
}

impl<'a> Directory<'a> {
    fn first(block: &'a [u8]) -> Option<Self> {
        let little_endian = match block.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut directory = Directory { block, little_endian, at: 0, entries: 0 };
        directory.at = directory.long(4)? as usize;
        directory.entries = directory.short(directory.at)?;
        Some(directory)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = self.block.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// The tag of an entry and where its four value bytes stand.
    fn entry(&self, index: u16) -> Option<(u16, usize)> {
        let at = self.at.checked_add(2 + 12 * usize::from(index))?;
        Some((self.short(at)?, at + 8))
    }

    fn rational_behind(&self, value_at: usize) -> Option<f64> {
        let at = self.long(value_at)? as usize;
        let below = self.long(at.checked_add(4)?)?;
        (below != 0).then_some(f64::from(self.long(at)?) / f64::from(below))
    }
}
