//! The page as Tesseract reads it best: gray, evenly lit, at a resolution it
//! was taught.
//!
//! Words missing in Tesseract 5.3 on the same cleaned pages, as they are / evenly
//! lit: an invoice on positive film 147/3 of 150, on negative film 155/6 of 157,
//! on paper, straight and skewed, 10/2 of 299; seventeen other pages 42/40 of
//! 3,657. In black and white they take 0.88 of the time and lose 4 words of 144
//! of a carbon copy and 5 of a film that gray keeps; enlarged from 200 or 300
//! dpi they take 1.4 times as long and lose more. Black-and-white pages that
//! were straightened at 200 dpi: as they are 11 of 951, their steps softened 5;
//! straight fax pages read alike.

use std::borrow::Cow;

use super::clean::survey::Survey;
use super::clean::threshold::gray;
use crate::records::raster::{Dpi, PixelFormat, Raster};

/// What to hand to Tesseract for this cleaned page. Where its size differs, a
/// place on it is the same part of its width and height as on the page.
pub fn for_reading(raster: &Raster) -> Raster {
    let dpi = raster.dpi().0;
    if dpi >= FINE_DPI {
        return even(&Survey::in_detail(raster).into_raster());
    }
    let levels = match raster.format() {
        PixelFormat::Bitonal => softened(&in_bytes(raster)),
        PixelFormat::Gray8 | PixelFormat::Rgb8 => even(raster),
    };
    if dpi < COARSE_DPI { doubled(&levels) } else { levels }
}

/// From here on half the pixels say the same and take a quarter of the time.
const FINE_DPI: u32 = 600;
/// Letters of 10 points are then under 17 pixels high; Tesseract was taught on
/// 20 to 40.
const COARSE_DPI: u32 = 120;

/// Gray, with the paper white everywhere.
fn even(raster: &Raster) -> Raster {
    let levels: Cow<[u8]> = match raster.format() {
        PixelFormat::Rgb8 => Cow::Owned(gray(raster)),
        PixelFormat::Gray8 => Cow::Borrowed(raster.pixels()),
        PixelFormat::Bitonal => Cow::Owned(in_bytes(raster).into_pixels()),
    };
    let survey = Survey::of(raster);
    let paper = survey.paper_of_text();
    let width = raster.width() as usize;
    let side = survey.factor as usize;
    // Division by the paper's level, as a multiplication in 1/65536.
    let gains: Vec<u32> = (0..256u32).map(|paper| (255 << 16) / paper.max(1)).collect();
    let mut papers = vec![0u8; survey.width()];
    let mut pixels = Vec::with_capacity(levels.len());
    for (y, row) in levels.chunks_exact(width).enumerate() {
        if y % side == 0 && y / side < survey.height() {
            paper.fill_row(y / side, &mut papers);
        }
        // Rest pixels at the right edge lie over the last paper known.
        let last = papers.last().copied().unwrap_or(255);
        let papers = papers.iter().copied().chain(std::iter::repeat(last));
        for (levels, paper) in row.chunks(side).zip(papers) {
            let gain = u64::from(gains[usize::from(paper)]);
            pixels.extend(levels.iter().map(|&l| ((u64::from(l) * gain) >> 16).min(255) as u8));
        }
    }
    Raster::new(raster.width(), raster.height(), raster.dpi(), PixelFormat::Gray8, pixels)
        .expect("as many pixels as before")
}

/// Each pixel with an eighth of each neighbour, first beside, then above and
/// below.
fn softened(raster: &Raster) -> Raster {
    let (width, height) = (raster.width() as usize, raster.height());
    let mix =
        |near: u8, a: u8, b: u8| ((6 * u16::from(near) + u16::from(a) + u16::from(b)) / 8) as u8;
    let mut beside = Vec::with_capacity(raster.pixels().len());
    for y in 0..height {
        let row = raster.row(y);
        let left = std::iter::once(&row[0]).chain(row);
        let right = row[1..].iter().chain(row.last());
        beside.extend(row.iter().zip(left).zip(right).map(|((&near, &a), &b)| mix(near, a, b)));
    }
    let row = |y: u32| &beside[y as usize * width..][..width];
    let mut pixels = Vec::with_capacity(beside.len());
    for y in 0..height {
        let neighbours = row(y.saturating_sub(1)).iter().zip(row((y + 1).min(height - 1)));
        pixels.extend(row(y).iter().zip(neighbours).map(|(&near, (&a, &b))| mix(near, a, b)));
    }
    Raster::new(raster.width(), height, raster.dpi(), PixelFormat::Gray8, pixels)
        .expect("as many pixels as before")
}

/// Twice as wide and high, between pixels by their mean.
fn doubled(raster: &Raster) -> Raster {
    let (width, height) = (raster.width() as usize, raster.height() as usize);
    let mut pixels = Vec::with_capacity(4 * width * height);
    let mut row = Vec::with_capacity(width);
    for y in 0..2 * height {
        let nearer = raster.row((y / 2) as u32);
        let other =
            if y % 2 == 0 { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(height - 1) };
        row.clear();
        row.extend(nearer.iter().zip(raster.row(other as u32)).map(|(&a, &b)| between(a, b)));
        for x in 0..width {
            pixels.push(between(row[x], row[x.saturating_sub(1)]));
            pixels.push(between(row[x], row[(x + 1).min(width - 1)]));
        }
    }
    let dpi = Dpi(raster.dpi().0 * 2);
    Raster::new(2 * raster.width(), 2 * raster.height(), dpi, PixelFormat::Gray8, pixels)
        .expect("four pixels for each")
}

/// A quarter of the way from one level to its neighbour.
fn between(near: u8, far: u8) -> u8 {
    ((3 * u16::from(near) + u16::from(far) + 2) / 4) as u8
}

/// Bits as levels.
pub(super) fn in_bytes(bits: &Raster) -> Raster {
    let mut pixels = Vec::with_capacity(bits.width() as usize * bits.height() as usize);
    for y in 0..bits.height() {
        let row = bits.row(y);
        let level = |x: usize| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 0 } else { 255 };
        pixels.extend((0..bits.width() as usize).map(level));
    }
    Raster::new(bits.width(), bits.height(), bits.dpi(), PixelFormat::Gray8, pixels)
        .expect("one byte for each bit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: u32, height: u32, dpi: u32, level: impl Fn(u32, u32) -> u8) -> Raster {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = pixels.map(|(x, y)| level(x, y)).collect();
        Raster::new(width, height, Dpi(dpi), PixelFormat::Gray8, pixels).unwrap()
    }

    /// Ink of half the paper's light, in small marks.
    fn is_ink(x: u32, y: u32) -> bool {
        x % 40 < 6 && y % 50 < 20
    }

    #[test]
    fn paper_in_shadow_becomes_as_white_as_paper_in_the_light() {
        let light = |x: u32, y: u32| 60 + (x + y) / 16;
        let dark = page(1000, 1400, 200, |x, y| {
            (if is_ink(x, y) { light(x, y) / 2 } else { light(x, y) }) as u8
        });
        let even = for_reading(&dark);
        assert_eq!((even.width(), even.height(), even.dpi()), (1000, 1400, Dpi(200)));
        for y in (100..1300).step_by(7) {
            for x in (100..900).step_by(3) {
                let level = even.row(y)[x as usize];
                let expected = if is_ink(x, y) { 90..=145 } else { 215..=255 };
                assert!(expected.contains(&level), "{level} at {x},{y}");
            }
        }
    }

    #[test]
    fn black_and_white_steps_are_softened() {
        let bits = Raster::new(16, 3, Dpi(200), PixelFormat::Bitonal, [0, 0xff].repeat(3));
        let soft = for_reading(&bits.unwrap());
        assert_eq!(soft.format(), PixelFormat::Gray8);
        for y in 0..3 {
            assert_eq!(soft.row(y)[..9], [255, 255, 255, 255, 255, 255, 255, 223, 31]);
            assert!(soft.row(y)[9..].iter().all(|&level| level == 0));
        }
    }

    #[test]
    fn coarse_pages_are_doubled_and_fine_ones_brought_down() {
        let coarse = for_reading(&page(100, 80, 75, |_, _| 200));
        assert_eq!((coarse.width(), coarse.height(), coarse.dpi()), (200, 160, Dpi(150)));
        let fine = for_reading(&page(601, 400, 600, |_, _| 200));
        assert_eq!((fine.width(), fine.height(), fine.dpi()), (300, 200, Dpi(300)));
        let bits = Raster::new(16, 1, Dpi(100), PixelFormat::Bitonal, vec![0xff, 0]).unwrap();
        let doubled = for_reading(&bits);
        assert_eq!((doubled.width(), doubled.height()), (32, 2));
        assert_eq!((doubled.row(0)[2], doubled.row(0)[30]), (0, 255));
    }
}
