//! PBM, PGM and PPM, plain and raw (netpbm's P1 to P6). One file may hold
//! several pictures one after another; scanners' backends write such.

use super::Decoded;
use super::exif::Lie;
use super::limits::check_size;
use super::samples::clear_padding;
use crate::imaging::fault::{ImageFault, ImageFormat};
use crate::records::raster::PixelFormat;

/// Takes one picture off the front of `rest`, and the whitespace after it.
pub(super) fn decode(rest: &mut &[u8]) -> Result<Decoded, ImageFault> {
    let kind = rest.get(1).copied().unwrap_or_default();
    let mut input = Input { rest: rest.get(2..).unwrap_or_default() };
    let width = input.number("its width")?;
    let height = input.number("its height")?;
    let format = match kind {
        b'1' | b'4' => PixelFormat::Bitonal,
        b'2' | b'5' => PixelFormat::Gray8,
        _ => PixelFormat::Rgb8,
    };
    if width == 0 || height == 0 {
        return Err(ImageFormat::Pnm.damaged("a side of 0 pixels"));
    }
    check_size(width.into(), height.into(), format)?;
    let samples = width as usize * height as usize * samples_per_pixel(format);

    let pixels = match kind {
        b'1' => plain_bits(&mut input, width, height)?,
        b'4' => {
            let bytes = format.row_bytes(width) * height as usize;
            let mut pixels = input.raw(bytes)?.to_vec();
            clear_padding(&mut pixels, width);
            pixels
        }
        b'2' | b'3' => {
            let largest = input.largest_value()?;
            (0..samples)
                .map(|_| input.number("a sample").and_then(|value| to_byte(value, largest)))
                .collect::<Result<_, _>>()?
        }
        _ => {
            let largest = input.largest_value()?;
            raw_samples(&mut input, samples, largest)?
        }
    };
    *rest = input.rest.trim_ascii_start();
    Ok(Decoded { width, height, format, pixels, stated: None, lie: Lie::default() })
}

fn samples_per_pixel(format: PixelFormat) -> usize {
    match format {
        PixelFormat::Bitonal | PixelFormat::Gray8 => 1,
        PixelFormat::Rgb8 => 3,
    }
}

fn raw_samples(input: &mut Input, samples: usize, largest: u32) -> Result<Vec<u8>, ImageFault> {
    if largest == 255 {
        return Ok(input.raw(samples)?.to_vec());
    }
    if largest < 256 {
        return input.raw(samples)?.iter().map(|&v| to_byte(v.into(), largest)).collect();
    }
    let wide = input.raw(samples * 2)?.as_chunks::<2>().0;
    wide.iter().map(|&pair| to_byte(u16::from_be_bytes(pair).into(), largest)).collect()
}

fn to_byte(value: u32, largest: u32) -> Result<u8, ImageFault> {
    if value > largest {
        return Err(ImageFormat::Pnm.damaged("a sample above the greatest value"));
    }
    Ok(((value * 255 + largest / 2) / largest) as u8)
}

fn plain_bits(input: &mut Input, width: u32, height: u32) -> Result<Vec<u8>, ImageFault> {
    let stride = PixelFormat::Bitonal.row_bytes(width);
    let mut pixels = vec![0; stride * height as usize];
    for row in pixels.chunks_mut(stride) {
        for x in 0..width as usize {
            row[x / 8] |= input.bit()? << (7 - x % 8);
        }
    }
    Ok(pixels)
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Skips whitespace and comments.
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if !self.rest.starts_with(b"#") {
                return;
            }
            let end = self.rest.iter().position(|&b| b == b'\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    fn number(&mut self, what: &str) -> Result<u32, ImageFault> {
        self.skip_blanks();
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 && self.rest.is_empty() {
            return Err(ImageFormat::Pnm.truncated(format!("before {what}")));
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        std::str::from_utf8(number)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| ImageFormat::Pnm.damaged(format!("{what} is no number")))
    }

    fn largest_value(&mut self) -> Result<u32, ImageFault> {
        let largest = self.number("its greatest value")?;
        if (1..=65_535).contains(&largest) {
            Ok(largest)
        } else {
            Err(ImageFormat::Pnm.damaged("a greatest value outside 1 to 65535"))
        }
    }

    fn bit(&mut self) -> Result<u8, ImageFault> {
        self.skip_blanks();
        let (&first, rest) =
            self.rest.split_first().ok_or_else(|| ImageFormat::Pnm.truncated("among its bits"))?;
        self.rest = rest;
        match first {
            b'0' => Ok(0),
            b'1' => Ok(1),
            _ => Err(ImageFormat::Pnm.damaged("a bit that is neither 0 nor 1")),
        }
    }

    /// The samples after the header's one closing whitespace.
    fn raw(&mut self, length: usize) -> Result<&'a [u8], ImageFault> {
        let body = self.rest.get(1..).unwrap_or_default();
        if body.len() < length {
            let found = format!("{} of {length} bytes", body.len());
            return Err(ImageFormat::Pnm.truncated(found));
        }
        let (samples, rest) = body.split_at(length);
        self.rest = rest;
        Ok(samples)
    }
}
