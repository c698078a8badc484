//! PNM files as the pixels a scanner sees.

use std::ffi::{CStr, c_int};
use std::fs;
use std::path::Path;

use super::{FRAME_GRAY, FRAME_RGB, MODES, Parameters};

/// Samples of one byte, one (gray) or three (colour) a pixel.
pub struct Page {
    pub width: usize,
    pub height: usize,
    channels: usize,
    samples: Vec<u8>,
}

impl Page {
    pub fn read(path: &Path) -> Option<Page> {
        let bytes = fs::read(path).ok()?;
        let magic = bytes.get(..2)?;
        let mut at = 2;
        let width = next_number(&bytes, &mut at)?;
        let height = next_number(&bytes, &mut at)?;
        let is_bits = magic == b"P4";
        if !is_bits && next_number(&bytes, &mut at)? != 255 {
            return None;
        }
        let body = bytes.get(at + 1..)?;
        let channels = if magic == b"P6" { 3 } else { 1 };
        let samples = match magic {
            b"P4" => {
                let line = width.div_ceil(8);
                let bit = |x: usize, y: usize| body[y * line + x / 8] >> (7 - x % 8) & 1;
                body.get(line * height..)?;
                let paper = |(x, y)| if bit(x, y) == 1 { 0 } else { 255 };
                (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(paper).collect()
            }
            b"P5" | b"P6" => body.get(..width * height * channels)?.to_vec(),
            _ => return None,
        };
        Some(Page { width, height, channels, samples })
    }

    pub fn white(width: usize, height: usize) -> Page {
        Page { width, height, channels: 1, samples: vec![255; width * height] }
    }

    /// Left, top, right, bottom in pixels; what lies outside is not there.
    pub fn cut(&self, [left, top, right, bottom]: [usize; 4]) -> Page {
        let (left, right) = (left.min(self.width - 1), right.min(self.width));
        let (top, bottom) = (top.min(self.height - 1), bottom.min(self.height));
        let (width, height) = (right.max(left + 1) - left, bottom.max(top + 1) - top);
        let line = |y: usize| {
            let start = (y * self.width + left) * self.channels;
            &self.samples[start..start + width * self.channels]
        };
        let samples = (top..top + height).flat_map(|y| line(y).iter().copied()).collect();
        Page { width, height, channels: self.channels, samples }
    }

    fn gray(&self) -> Vec<u8> {
        if self.channels == 1 {
            return self.samples.clone();
        }
        // Rec. 601 luma in thousandths.
        let luma = |p: &[u8]| {
            (299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2])).div_ceil(1000)
        };
        self.samples.chunks_exact(3).map(|p| luma(p).min(255) as u8).collect()
    }

    /// As SANE wants it in that mode: 1 is black in one bit, 0 in eight.
    pub fn in_mode(&self, mode: &CStr) -> (Vec<u8>, Parameters) {
        let (format, depth, bytes_per_line, bytes) = if mode == MODES[2] {
            let bytes = if self.channels == 3 {
                self.samples.clone()
            } else {
                self.samples.iter().flat_map(|&s| [s; 3]).collect()
            };
            (FRAME_RGB, 8, self.width * 3, bytes)
        } else if mode == MODES[1] {
            (FRAME_GRAY, 8, self.width, self.gray())
        } else {
            let line = self.width.div_ceil(8);
            let mut bits = vec![0; line * self.height];
            for (i, _) in self.gray().iter().enumerate().filter(|(_, s)| **s < 128) {
                let (x, y) = (i % self.width, i / self.width);
                bits[y * line + x / 8] |= 0x80 >> (x % 8);
            }
            (FRAME_GRAY, 1, line, bits)
        };
        let parameters = Parameters {
            format,
            last_frame: 1,
            bytes_per_line: bytes_per_line as c_int,
            pixels_per_line: self.width as c_int,
            lines: self.height as c_int,
            depth,
        };
        (bytes, parameters)
    }
}

/// The next number of a PNM header, comments and space before it skipped.
fn next_number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    loop {
        match bytes.get(*at)? {
            b'#' => *at += bytes[*at..].iter().position(|&b| b == b'\n')?,
            b if b.is_ascii_whitespace() => *at += 1,
            _ => break,
        }
    }
    let digits = bytes[*at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&bytes[*at..*at + digits]).ok()?.parse().ok()?;
    *at += digits;
    (1..=60_000).contains(&number).then_some(number)
}
