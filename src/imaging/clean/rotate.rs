//! Straightening: a small turn about the middle, between pixels, with white
//! where nothing was scanned.

use crate::records::raster::{PixelFormat, Raster};

/// Turns the page by `degrees` clockwise about its middle onto a page of
/// `width`×`height` with the same middle.
pub(super) fn rotated(raster: &Raster, degrees: f32, width: u32, height: u32) -> Raster {
    let walk = Walk::new(raster, degrees, width, height);
    let pixels = match raster.format() {
        PixelFormat::Gray8 => walk.bytes::<1>(raster.pixels()),
        PixelFormat::Rgb8 => walk.bytes::<3>(raster.pixels()),
        PixelFormat::Bitonal => walk.bits(raster),
    };
    Raster::new(width, height, raster.dpi(), raster.format(), pixels).expect("every row was filled")
}

/// Bits of a coordinate behind the point.
const FRACTION: u32 = 16;
const ONE_PIXEL: i64 = 1 << FRACTION;

/// Walks the target row by row and the source along with it.
struct Walk {
    source_width: i64,
    source_height: i64,
    width: u32,
    height: u32,
    cos: f64,
    sin: f64,
}

impl Walk {
    fn new(raster: &Raster, degrees: f32, width: u32, height: u32) -> Walk {
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        Walk {
            source_width: raster.width().into(),
            source_height: raster.height().into(),
            width,
            height,
            cos,
            sin,
        }
    }

    /// Source coordinates of a target row's first pixel and the steps to the
    /// next, in 1/65536 pixels.
    fn row(&self, y: u32) -> (i64, i64, i64, i64) {
        let dx = 0.5 - f64::from(self.width) / 2.0;
        let dy = f64::from(y) + 0.5 - f64::from(self.height) / 2.0;
        let x = dx * self.cos + dy * self.sin + self.source_width as f64 / 2.0 - 0.5;
        let y = dy * self.cos - dx * self.sin + self.source_height as f64 / 2.0 - 0.5;
        let fixed = |value: f64| (value * ONE_PIXEL as f64).round() as i64;
        (fixed(x), fixed(y), fixed(self.cos), fixed(-self.sin))
    }

    /// The part of a target row whose four source pixels are all on the page.
    fn inside(&self, row: (i64, i64, i64, i64)) -> std::ops::Range<u32> {
        let (x, y, step_x, step_y) = row;
        let within = |start: i64, step: i64, side: i64| {
            let last = ((side - 1) << FRACTION) - 1;
            let (mut from, mut to) = (0, i64::from(self.width));
            if step > 0 {
                from = from.max((-start + step - 1).div_euclid(step));
                to = to.min((last - start).div_euclid(step) + 1);
            } else if step < 0 {
                from = from.max((start - last - step - 1).div_euclid(-step));
                to = to.min(start.div_euclid(-step) + 1);
            } else if start < 0 || start > last {
                to = 0;
            }
            (from, to)
        };
        let (from_x, to_x) = within(x, step_x, self.source_width);
        let (from_y, to_y) = within(y, step_y, self.source_height);
        let from = from_x.max(from_y).clamp(0, self.width.into());
        let to = to_x.min(to_y).clamp(from, self.width.into());
        from as u32..to as u32
    }

    fn bytes<const N: usize>(&self, source: &[u8]) -> Vec<u8> {
        let stride = self.source_width as usize * N;
        let mut target = Vec::with_capacity(self.width as usize * self.height as usize * N);
        for y in 0..self.height {
            let row = self.row(y);
            let inside = self.inside(row);
            let (start_x, start_y, step_x, step_y) = row;
            let at = |x: u32| (start_x + i64::from(x) * step_x, start_y + i64::from(x) * step_y);
            let edge = |target: &mut Vec<u8>, x: u32| {
                let (sx, sy) = at(x);
                for sample in 0..N {
                    target.push(self.near_edge(sx, sy, |x, y| source[y * stride + x * N + sample]));
                }
            };
            (0..inside.start).for_each(|x| edge(&mut target, x));
            let mut x = i64::from(inside.start);
            while x < i64::from(inside.end) {
                let (sx, sy) = (start_x + x * step_x, start_y + x * step_y);
                // Until the source row changes, or its column by other than one.
                let same_row = steps_until_next(sy, step_y);
                let same_shift = steps_until_next(sx, step_x - ONE_PIXEL);
                let count = same_row.min(same_shift).min(i64::from(inside.end) - x);
                let corner = (sy >> FRACTION) as usize * stride + (sx >> FRACTION) as usize * N;
                let length = count as usize * N;
                let stretch = Stretch {
                    above: &source[corner..][..length + N],
                    below: &source[corner + stride..][..length + N],
                    part: (sx & (ONE_PIXEL - 1), sy & (ONE_PIXEL - 1)),
                    step: (step_x - ONE_PIXEL, step_y),
                };
                stretch.mix::<N>(&mut target);
                x += count;
            }
            (inside.end..self.width).for_each(|x| edge(&mut target, x));
        }
        target
    }

    /// A pixel some of whose four sources are off the page, and white.
    fn near_edge(&self, x: i64, y: i64, level: impl Fn(usize, usize) -> u8) -> u8 {
        let (left, top) = (x >> FRACTION, y >> FRACTION);
        let at = |x: i64, y: i64| {
            let on_page =
                (0..self.source_width).contains(&x) && (0..self.source_height).contains(&y);
            if on_page { level(x as usize, y as usize) } else { 255 }
        };
        let (part_x, part_y) = (fraction(x), fraction(y));
        let upper = mix(at(left, top), at(left + 1, top), part_x);
        let lower = mix(at(left, top + 1), at(left + 1, top + 1), part_x);
        ((upper * (256 - part_y) + lower * part_y + (1 << 15)) >> 16) as u8
    }

    /// Each bit from the nearest of the source. Between two bits there is no
    /// level that a mixture could keep.
    fn bits(&self, raster: &Raster) -> Vec<u8> {
        let stride = PixelFormat::Bitonal.row_bytes(self.width);
        let mut target = vec![0u8; stride * self.height as usize];
        let half = 1 << (FRACTION - 1);
        for (y, target) in target.chunks_exact_mut(stride).enumerate() {
            let (start_x, start_y, step_x, step_y) = self.row(y as u32);
            let (start_x, start_y) = (start_x + half, start_y + half);
            let mut x = 0;
            while x < i64::from(self.width) {
                let (source_x, source_y) = (start_x + x * step_x, start_y + x * step_y);
                // Until the source row changes, or its column by other than one.
                let same_row = steps_until_next(source_y, step_y);
                let same_shift = steps_until_next(source_x, step_x - ONE_PIXEL);
                let count = same_row.min(same_shift).min(i64::from(self.width) - x);
                let from_row = source_y >> FRACTION;
                if (0..self.source_height).contains(&from_row) {
                    copy_bits(
                        raster.row(from_row as u32),
                        (source_x >> FRACTION, self.source_width),
                        target,
                        x,
                        count,
                    );
                }
                x += count;
            }
        }
        target
    }
}

/// Pixels of a target row whose sources stand side by side in two rows.
struct Stretch<'a> {
    /// One pixel longer than the stretch.
    above: &'a [u8],
    below: &'a [u8],
    /// How far past the pixel the first source is, and how that grows.
    part: (i64, i64),
    step: (i64, i64),
}

impl Stretch<'_> {
    fn mix<const N: usize>(&self, target: &mut Vec<u8>) {
        let length = self.above.len() - N;
        let start = target.len();
        target.resize(start + length, 0);
        let upper = self.above[..length].chunks_exact(N).zip(self.above[N..].chunks_exact(N));
        let lower = self.below[..length].chunks_exact(N).zip(self.below[N..].chunks_exact(N));
        let (mut x, mut y) = (self.part.0 as i32, self.part.1 as i32);
        let (step_x, step_y) = (self.step.0 as i32, self.step.1 as i32);
        for ((target, upper), lower) in target[start..].chunks_exact_mut(N).zip(upper).zip(lower) {
            let (part_x, part_y) = ((x >> (FRACTION - 8)) as u32, (y >> (FRACTION - 8)) as u32);
            for (sample, target) in target.iter_mut().enumerate() {
                let above = mix(upper.0[sample], upper.1[sample], part_x);
                let below = mix(lower.0[sample], lower.1[sample], part_x);
                *target = ((above * (256 - part_y) + below * part_y + (1 << 15)) >> 16) as u8;
            }
            x += step_x;
            y += step_y;
        }
    }
}

/// How many steps a coordinate stays within its pixel.
fn steps_until_next(at: i64, step: i64) -> i64 {
    let past = at & ((1 << FRACTION) - 1);
    match step {
        0 => i64::MAX,
        1.. => ((1 << FRACTION) - past + step - 1) / step,
        _ => past / -step + 1,
    }
}

/// Copies black bits from a row of `from.1` bits, starting at bit `from.0`,
/// which may lie off the row.
fn copy_bits(source: &[u8], from: (i64, i64), target: &mut [u8], to: i64, count: i64) {
    let skipped = (-from.0).clamp(0, count);
    let end = (from.1 - from.0).clamp(skipped, count);
    let (mut from, mut to) = ((from.0 + skipped) as usize, (to + skipped) as usize);
    let mut left = (end - skipped) as usize;
    while left > 0 {
        // As many bits as fit into the target's byte.
        let taken = left.min(8 - to % 8);
        let pair = [source[from / 8], source.get(from / 8 + 1).copied().unwrap_or(0)];
        let bits = (u16::from_be_bytes(pair) << (from % 8) >> 8) as u8;
        let mask = !(0xffu16 >> taken) as u8;
        target[to / 8] |= (bits & mask) >> (to % 8);
        from += taken;
        to += taken;
        left -= taken;
    }
}

/// How far past the pixel, in 1/256.
fn fraction(at: i64) -> u32 {
    (at >> (FRACTION - 8) & 0xff) as u32
}

/// 256 times the level between two.
fn mix(first: u8, second: u8, part: u32) -> u32 {
    u32::from(first) * (256 - part) + u32::from(second) * part
}
