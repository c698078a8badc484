//! The page as 8-bit gray for reading bars, and straight pieces of it.
//!
//! Not the page that is filed: nothing here is kept.

use std::borrow::Cow;

use crate::records::raster::{PixelFormat, Raster};

/// 0 is black. Rows follow each other without padding.
#[derive(Clone)]
pub(super) struct Gray<'a> {
    pub width: usize,
    pub height: usize,
    pub pixels: Cow<'a, [u8]>,
}

impl<'a> Gray<'a> {
    pub fn of(raster: &'a Raster) -> Gray<'a> {
        let (width, height) = (raster.width() as usize, raster.height() as usize);
        let pixels = match raster.format() {
            PixelFormat::Gray8 => Cow::Borrowed(raster.pixels()),
            PixelFormat::Rgb8 => Cow::Owned(luma(raster.pixels())),
            PixelFormat::Bitonal => Cow::Owned(unpacked(raster)),
        };
        Gray { width, height, pixels }
    }

    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Gray<'static> {
        assert_eq!(pixels.len(), width * height, "rows have no padding");
        Gray { width, height, pixels: Cow::Owned(pixels) }
    }

    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// Each pixel the mean of 2×2; an odd last row or column is left out.
    pub fn halved(&self) -> Gray<'static> {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let upper = self.row(2 * y);
            let lower = self.row((2 * y + 1).min(self.height - 1));
            pixels.extend(upper.chunks(2).zip(lower.chunks(2)).take(width).map(|(a, b)| {
                let sum = u16::from(a[0])
                    + u16::from(a[a.len() - 1])
                    + u16::from(b[0])
                    + u16::from(b[b.len() - 1]);
                (sum / 4) as u8
            }));
        }
        Gray::new(width, height, pixels)
    }

    /// White on black as black on white.
    pub fn inverted(&self) -> Gray<'static> {
        Gray::new(self.width, self.height, self.pixels.iter().map(|p| 255 - p).collect())
    }

    /// Bilinear; the edge pixels go on for ever.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (dx, dy) = (x - left as f32, y - top as f32);
        let pixel = |x: usize, y: usize| f32::from(self.pixels[y * self.width + x]);
        let upper = pixel(left, top) * (1.0 - dx) + pixel(right, top) * dx;
        let lower = pixel(left, bottom) * (1.0 - dx) + pixel(right, bottom) * dx;
        upper * (1.0 - dy) + lower * dy
    }

    /// The same; `None` outside the page.
    pub fn at_inside(&self, x: f32, y: f32) -> Option<f32> {
        let inside =
            x >= -0.5 && y >= -0.5 && x <= self.width as f32 - 0.5 && y <= self.height as f32 - 0.5;
        inside.then(|| self.at(x, y))
    }

    /// The piece of the page that `frame` covers, upright, each pixel `step`
    /// pixels of the page wide.
    pub fn piece(&self, frame: &Frame, step: f32) -> Gray<'_> {
        let whole = (self.width as f32, self.height as f32);
        if (frame.x, frame.y, frame.angle) == (0.0, 0.0, 0.0)
            && (frame.width, frame.height) == whole
        {
            return Gray { width: self.width, height: self.height, pixels: (&*self.pixels).into() };
        }
        let width = ((frame.width / step).ceil() as usize).max(1);
        let height = ((frame.height / step).ceil() as usize).max(1);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = frame.on_page(x as f32 * step, y as f32 * step);
                pixels.push((self.at(px, py) + 0.5) as u8);
            }
        }
        Gray::new(width, height, pixels)
    }
}

/// A rectangle on the page that may lie at an angle, in pixels of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Its own top left corner.
    pub x: f32,
    pub y: f32,
    /// The direction of its own rows, clockwise on the page, in radians.
    pub angle: f32,
    pub width: f32,
    pub height: f32,
}

impl Frame {
    pub fn around(center: (f32, f32), angle: f32, width: f32, height: f32) -> Frame {
        let at_origin = Frame { x: 0.0, y: 0.0, angle, width, height };
        let (dx, dy) = at_origin.on_page(width / 2.0, height / 2.0);
        Frame { x: center.0 - dx, y: center.1 - dy, ..at_origin }
    }

    pub fn center(&self) -> (f32, f32) {
        self.on_page(self.width / 2.0, self.height / 2.0)
    }

    /// Top left, top right, bottom right, bottom left of its own, on the page.
    pub fn corners(&self) -> [(f32, f32); 4] {
        [(0.0, 0.0), (self.width, 0.0), (self.width, self.height), (0.0, self.height)]
            .map(|(x, y)| self.on_page(x, y))
    }

    /// Wider by `x` at either end and higher by `y`.
    pub fn grown(&self, x: f32, y: f32) -> Frame {
        self.part(-x, -y, self.width + 2.0 * x, self.height + 2.0 * y)
    }

    /// The point of the page at `x`, `y` of the frame.
    pub fn on_page(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        (self.x + x * cos - y * sin, self.y + x * sin + y * cos)
    }

    /// The part from `x`, `y` of this frame, turned no further.
    pub fn part(&self, x: f32, y: f32, width: f32, height: f32) -> Frame {
        let (page_x, page_y) = self.on_page(x, y);
        Frame { x: page_x, y: page_y, angle: self.angle, width, height }
    }
}

fn luma(rgb: &[u8]) -> Vec<u8> {
    rgb.chunks_exact(3)
        .map(|p| ((77 * u16::from(p[0]) + 150 * u16::from(p[1]) + 29 * u16::from(p[2])) >> 8) as u8)
        .collect()
}

fn unpacked(raster: &Raster) -> Vec<u8> {
    let eight: Vec<[u8; 8]> = (0..=255u8)
        .map(|byte| std::array::from_fn(|i| if byte & (0x80 >> i) == 0 { 255 } else { 0 }))
        .collect();
    let width = raster.width() as usize;
    let mut pixels = Vec::with_capacity(width * raster.height() as usize + 8);
    for y in 0..raster.height() {
        for byte in raster.row(y) {
            pixels.extend_from_slice(&eight[usize::from(*byte)]);
        }
        pixels.truncate(width * (y as usize + 1));
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::raster::Dpi;

    #[test]
    fn every_pixel_format_gives_the_same_gray() {
        let bitonal =
            Raster::new(10, 2, Dpi(300), PixelFormat::Bitonal, vec![0xa0, 0x40, 0x01, 0x80])
                .unwrap();
        let gray: Vec<u8> =
            (0..20).map(|i| if [0, 2, 9, 17, 18].contains(&i) { 0 } else { 255 }).collect();
        assert_eq!(Gray::of(&bitonal).pixels, gray);
        let rgb = gray.iter().flat_map(|v| [*v; 3]).collect();
        let rgb = Raster::new(10, 2, Dpi(300), PixelFormat::Rgb8, rgb).unwrap();
        assert_eq!(Gray::of(&rgb).pixels, gray);
    }

    #[test]
    fn a_frame_turned_a_quarter_reads_down_the_page() {
        let gray = Gray::new(3, 3, vec![0, 10, 20, 30, 40, 50, 60, 70, 80]);
        let down =
            Frame { x: 2.0, y: 0.0, angle: std::f32::consts::FRAC_PI_2, width: 3.0, height: 3.0 };
        assert_eq!(gray.piece(&down, 1.0).pixels, vec![20, 50, 80, 10, 40, 70, 0, 30, 60]);
    }
}
