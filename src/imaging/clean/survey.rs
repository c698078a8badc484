//! A page seen small and evenly lit: what polarity, orientation, skew, blank
//! and crop are measured on.
//!
//! Thresholds on the page's own levels fail on film (a dark vignette), on faded
//! carbon copies and behind a dark scanner lid. Here every pixel is compared
//! with the paper around it, and what stands out from the paper is ink.

use crate::records::page::Polarity;
use crate::records::raster::{Dpi, PixelFormat, Raster};

/// Pages are brought down to between one and two times this. Letters of 10
/// points are then 20 pixels high, enough to see their ascenders, and a letter
/// page has 2 million pixels, a quarter of the work.
const SURVEY_DPI: u32 = 150;

/// For a second look at what the first did not show.
const DETAIL_DPI: u32 = 300;

/// Tiles in which the paper's level is taken: larger than any letter of a text,
/// smaller than a shadow. Inches.
const TILE_INCHES: f32 = 0.2;

/// Sensor noise and paper texture stay below this difference from the paper.
const LEAST_CONTRAST: u8 = 14;

/// A square of the survey, by its levels.
pub(super) struct Tile<'a> {
    pub left: usize,
    pub top: usize,
    pub histogram: &'a [u32; 256],
    pub pixels: u32,
}

pub(in crate::imaging) struct Survey {
    /// Gray at the reduced resolution, as scanned.
    gray: Vec<u8>,
    width: usize,
    height: usize,
    /// Original pixels a side of one of these.
    pub factor: u32,
    pub dpi: u32,
}

impl Survey {
    pub(in crate::imaging) fn of(raster: &Raster) -> Survey {
        Survey::reduced_by(raster, (raster.dpi().0 / SURVEY_DPI).max(1))
    }

    /// Between 300 and 600 dpi where the page has them.
    pub(in crate::imaging) fn in_detail(raster: &Raster) -> Survey {
        Survey::reduced_by(raster, (raster.dpi().0 / DETAIL_DPI).max(1))
    }

    fn reduced_by(raster: &Raster, factor: u32) -> Survey {
        let width = (raster.width() / factor).max(1);
        let height = (raster.height() / factor).max(1);
        let side = factor as usize;
        let reduce = |add: fn(&[u8], &mut [u32], usize)| {
            reduced(raster, width, height, factor, |row, sums| add(row, sums, side))
        };
        let gray = match raster.format() {
            PixelFormat::Bitonal => reduce(add_bits),
            PixelFormat::Gray8 => reduce(add_grays),
            PixelFormat::Rgb8 => reduce(add_colors),
        };
        Survey {
            gray,
            width: width as usize,
            height: height as usize,
            factor,
            dpi: raster.dpi().0 / factor,
        }
    }

    pub(in crate::imaging) fn width(&self) -> usize {
        self.width
    }

    pub(in crate::imaging) fn height(&self) -> usize {
        self.height
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.gray[y * self.width..][..self.width]
    }

    fn tile_side(&self) -> usize {
        ((self.dpi as f32 * TILE_INCHES) as usize).max(8)
    }

    /// Shows each tile, row by row.
    pub(super) fn for_each_tile(&self, mut look: impl FnMut(Tile)) {
        let tile = self.tile_side();
        let across = self.width.div_ceil(tile);
        let mut histograms = vec![[0u32; 256]; across];
        for top in (0..self.height).step_by(tile) {
            let rows = top..(top + tile).min(self.height);
            for y in rows.clone() {
                for (pixels, histogram) in self.row(y).chunks(tile).zip(&mut histograms) {
                    for &level in pixels {
                        histogram[usize::from(level)] += 1;
                    }
                }
            }
            for (index, histogram) in histograms.iter_mut().enumerate() {
                let left = index * tile;
                let pixels = (rows.len() * tile.min(self.width - left)) as u32;
                look(Tile { left, top, histogram, pixels });
                histogram.fill(0);
            }
        }
    }

    /// The paper's level across the page: in each tile the level that `share`
    /// of its pixels do not exceed.
    fn paper(&self, share: f32) -> Paper {
        let tile = self.tile_side();
        let across = self.width.div_ceil(tile);
        let down = self.height.div_ceil(tile);
        let mut levels = Vec::with_capacity(across * down);
        self.for_each_tile(|tile| {
            levels.push(level_at(tile.histogram, (tile.pixels as f32 * share) as u32));
        });
        Paper { levels, across, down, tile }
    }

    /// The paper's level under dark writing.
    pub(in crate::imaging) fn paper_of_text(&self) -> Paper {
        self.paper(0.7).smoothed_towards_light()
    }

    /// The survey's own pixels.
    pub(in crate::imaging) fn into_raster(self) -> Raster {
        let (width, height) = (self.width as u32, self.height as u32);
        Raster::new(width, height, Dpi(self.dpi), PixelFormat::Gray8, self.gray)
            .expect("every row was filled")
    }

    /// How far each pixel stands out from the paper towards ink, 0 to 255.
    pub(super) fn contrast(&self, polarity: Polarity) -> Vec<u8> {
        let paper = match polarity {
            Polarity::Positive => self.paper_of_text(),
            Polarity::Negative => self.paper(0.3).smoothed_towards_dark(),
        };
        let mut contrast = Vec::with_capacity(self.gray.len());
        let mut level = vec![0u8; self.width];
        for y in 0..self.height {
            paper.fill_row(y, &mut level);
            let pairs = self.row(y).iter().zip(&level);
            match polarity {
                Polarity::Positive => contrast.extend(pairs.map(|(&g, &p)| p.saturating_sub(g))),
                Polarity::Negative => contrast.extend(pairs.map(|(&g, &p)| g.saturating_sub(p))),
            }
        }
        contrast
    }

    /// What stands out from the paper, 1 is ink.
    pub(super) fn ink(&self, polarity: Polarity) -> Raster {
        let contrast = self.contrast(polarity);
        let level = ink_level(&contrast);
        let stride = PixelFormat::Bitonal.row_bytes(self.width as u32);
        let mut bits = vec![0u8; stride * self.height];
        for (row, source) in bits.chunks_mut(stride).zip(contrast.chunks(self.width)) {
            for (byte, pixels) in row.iter_mut().zip(source.chunks(8)) {
                for (bit, &pixel) in pixels.iter().enumerate() {
                    *byte |= u8::from(pixel >= level) << (7 - bit);
                }
            }
        }
        Raster::new(
            self.width as u32,
            self.height as u32,
            Dpi(self.dpi),
            PixelFormat::Bitonal,
            bits,
        )
        .expect("every row was filled")
    }
}

/// Rec. 601 luma.
pub(super) fn luma(red: u8, green: u8, blue: u8) -> u32 {
    (u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8
}

/// Means of squares of `factor` pixels; `add` adds a row's pixels to the sums.
fn reduced(
    raster: &Raster,
    width: u32,
    height: u32,
    factor: u32,
    add: impl Fn(&[u8], &mut [u32]),
) -> Vec<u8> {
    let area = factor * factor;
    let mut gray = Vec::with_capacity(width as usize * height as usize);
    let mut sums = vec![0u32; width as usize];
    for y in 0..height {
        sums.fill(area / 2);
        for source_y in y * factor..(y + 1) * factor {
            add(raster.row(source_y.min(raster.height() - 1)), &mut sums);
        }
        // By multiplication: division by a number not known at build time costs
        // as much as all the rest.
        let inverse = (1 << 24) / area + 1;
        gray.extend(sums.iter().map(|sum| ((u64::from(*sum) * u64::from(inverse)) >> 24) as u8));
    }
    gray
}

fn add_grays(row: &[u8], sums: &mut [u32], side: usize) {
    match side {
        1 => row.iter().zip(sums).for_each(|(&level, sum)| *sum += u32::from(level)),
        2 => row
            .as_chunks::<2>()
            .0
            .iter()
            .zip(sums)
            .for_each(|(&[a, b], sum)| *sum += u32::from(a) + u32::from(b)),
        _ => row.chunks_exact(side).zip(sums).for_each(|(pixels, sum)| {
            *sum += pixels.iter().map(|&level| u32::from(level)).sum::<u32>();
        }),
    }
}

fn add_colors(row: &[u8], sums: &mut [u32], side: usize) {
    for (pixels, sum) in row.chunks_exact(side * 3).zip(sums) {
        *sum += pixels.as_chunks::<3>().0.iter().map(|&[r, g, b]| luma(r, g, b)).sum::<u32>();
    }
}

fn add_bits(row: &[u8], sums: &mut [u32], side: usize) {
    let white = |bits: u8, of: usize| 255 * (of as u32 - bits.count_ones());
    match side {
        1 | 2 | 4 => {
            let mask = ((1u16 << side) - 1) as u8;
            for (&byte, sums) in row.iter().zip(sums.chunks_mut(8 / side)) {
                for (index, sum) in sums.iter_mut().enumerate() {
                    *sum += white(byte >> (8 - side * (index + 1)) & mask, side);
                }
            }
        }
        _ => {
            for (x, sum) in sums.iter_mut().enumerate() {
                let bits = x * side..(x + 1) * side;
                *sum += bits.map(|x| white(row[x / 8] >> (7 - x % 8) & 1, 1)).sum::<u32>();
            }
        }
    }
}

fn level_at(histogram: &[u32; 256], wanted: u32) -> u8 {
    let mut below = 0;
    for (level, count) in histogram.iter().enumerate() {
        below += count;
        if below > wanted {
            return level as u8;
        }
    }
    255
}

/// The contrast that parts ink from paper: Otsu's level over what stands out
/// at all, but never within the noise.
fn ink_level(contrast: &[u8]) -> u8 {
    let mut histogram = [0u64; 256];
    for &pixel in contrast {
        histogram[usize::from(pixel)] += 1;
    }
    otsu(&histogram).max(LEAST_CONTRAST)
}

/// The level that best parts a histogram in two (Otsu 1979): the first of the
/// upper class.
pub(super) fn otsu(histogram: &[u64; 256]) -> u8 {
    let total: u64 = histogram.iter().sum();
    let moment: f64 = histogram.iter().enumerate().map(|(i, &n)| i as f64 * n as f64).sum();
    let (mut below, mut moment_below) = (0u64, 0f64);
    let (mut best, mut level) = (0f64, 0u8);
    for (i, &count) in histogram.iter().enumerate().take(255) {
        below += count;
        moment_below += i as f64 * count as f64;
        if below == 0 || below == total {
            continue;
        }
        let above = (total - below) as f64;
        let mean_below = moment_below / below as f64;
        let mean_above = (moment - moment_below) / above;
        let between = below as f64 * above * (mean_above - mean_below).powi(2);
        if between > best {
            (best, level) = (between, i as u8 + 1);
        }
    }
    level
}

/// Levels of the paper at the middles of tiles, and between them by
/// interpolation.
pub(in crate::imaging) struct Paper {
    levels: Vec<u8>,
    across: usize,
    down: usize,
    tile: usize,
}

impl Paper {
    /// A tile full of ink takes its paper from its neighbours.
    fn smoothed_towards_light(self) -> Paper {
        self.neighbours(|around| around.iter().copied().max())
    }

    fn smoothed_towards_dark(self) -> Paper {
        self.neighbours(|around| around.iter().copied().min())
    }

    fn neighbours(self, pick: impl Fn(&[u8]) -> Option<u8>) -> Paper {
        let mut levels = Vec::with_capacity(self.levels.len());
        let mut around = Vec::with_capacity(9);
        for y in 0..self.down {
            for x in 0..self.across {
                around.clear();
                for near_y in y.saturating_sub(1)..(y + 2).min(self.down) {
                    for near_x in x.saturating_sub(1)..(x + 2).min(self.across) {
                        around.push(self.levels[near_y * self.across + near_x]);
                    }
                }
                levels.push(pick(&around).unwrap_or(self.levels[y * self.across + x]));
            }
        }
        Paper { levels, ..self }
    }

    pub(in crate::imaging) fn fill_row(&self, y: usize, row: &mut [u8]) {
        /// Levels in 1/256 while they are interpolated.
        const FINE: i32 = 256;
        let middle = (y as f32 / self.tile as f32 - 0.5).clamp(0.0, (self.down - 1) as f32);
        let above = middle as usize;
        let below = (above + 1).min(self.down - 1);
        let part = ((middle - above as f32) * FINE as f32) as i32;
        let level = |x: usize| {
            let upper = i32::from(self.levels[above * self.across + x]);
            let lower = i32::from(self.levels[below * self.across + x]);
            upper * FINE + (lower - upper) * part
        };
        // From the left edge to the first tile's middle, between middles, and
        // from the last one to the right edge.
        let half = self.tile / 2;
        let mut from = 0;
        for x in 0..=self.across {
            let to = (x * self.tile + half).min(row.len());
            if to <= from {
                continue;
            }
            let left = level(x.saturating_sub(1));
            let right = level(x.min(self.across - 1));
            let step = (right - left) / self.tile as i32;
            let mut value = left;
            for pixel in &mut row[from..to] {
                *pixel = (value >> 8) as u8;
                value += step;
            }
            from = to;
        }
    }
}
