//! A TIFF as it would be if one of its pages were the first, so that a page can
//! be opened without those before it.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use tiff::tags::{IfdPointer, Tag};

use crate::imaging::fault::{ImageFault, ImageFormat};

pub(super) struct PageView<'a> {
    bytes: Cursor<&'a [u8]>,
    /// Where, and what stands there instead.
    patches: Vec<(u64, Vec<u8>)>,
}

impl<'a> PageView<'a> {
    pub(super) fn new(bytes: &'a [u8], directory: IfdPointer) -> Self {
        let little_endian = bytes.starts_with(b"II");
        let big = matches!(bytes.get(2..4), Some([43, 0] | [0, 43]));
        let patch = match (big, little_endian) {
            (true, true) => (8, directory.0.to_le_bytes().to_vec()),
            (true, false) => (8, directory.0.to_be_bytes().to_vec()),
            (false, true) => (4, (directory.0 as u32).to_le_bytes().to_vec()),
            (false, false) => (4, (directory.0 as u32).to_be_bytes().to_vec()),
        };
        PageView { bytes: Cursor::new(bytes), patches: vec![patch] }
    }

    /// Overwrites tag 262 of the page's directory. Classic TIFF only.
    pub(super) fn with_photometric(mut self, photometric: u16) -> Result<Self, ImageFault> {
        let bytes: &[u8] = self.bytes.get_ref();
        let little_endian = bytes.starts_with(b"II");
        let short = |at: usize| -> Option<u16> {
            let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
        };
        let (at, directory) = &self.patches[0];
        if *at != 4 {
            return Err(ImageFormat::Tiff.unsupported("a palette in BigTIFF"));
        }
        let directory: [u8; 4] = directory.as_slice().try_into().expect("classic offsets have 4");
        let directory = if little_endian {
            u32::from_le_bytes(directory)
        } else {
            u32::from_be_bytes(directory)
        } as usize;
        let entries = short(directory).unwrap_or(0);
        let entry = (0..usize::from(entries))
            .map(|index| directory + 2 + 12 * index)
            .find(|&entry| short(entry) == Some(Tag::PhotometricInterpretation.to_u16()))
            .ok_or_else(|| ImageFormat::Tiff.damaged("no photometric interpretation"))?;
        let value =
            if little_endian { photometric.to_le_bytes() } else { photometric.to_be_bytes() };
        self.patches.push((entry as u64 + 8, value.to_vec()));
        Ok(self)
    }
}

impl Read for PageView<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.bytes.position();
        let count = self.bytes.read(buffer)?;
        for (at, patch) in &self.patches {
            for (offset, &byte) in patch.iter().enumerate() {
                let position = at + offset as u64;
                if (start..start + count as u64).contains(&position) {
                    buffer[(position - start) as usize] = byte;
                }
            }
        }
        Ok(count)
    }
}

impl Seek for PageView<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}
