//! The image that is a page, decoded pixel for pixel and turned as it is shown.

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps,
    InterpreterCache, InterpreterSettings, Paint, SoftMask, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::BezPath;

use super::super::PdfFault;
use super::raster::Samples;
use super::shown::ShownPage;
use super::survey::PlacedImage;
use crate::records::raster::{Dpi, Raster};

/// `None` where the image is not plain pixels after all (it has a mask, a
/// colour is painted through it, or its size in the file is wrong): such a
/// page is drawn.
///
/// # Errors
/// `PageDamaged` where the image cannot be decoded.
pub fn decode(
    page: &Page<'_>,
    no: usize,
    placed: &PlacedImage,
) -> Result<Option<Raster>, PdfFault> {
    let shown = ShownPage::of(page);
    let cache = InterpreterCache::new();
    let settings = InterpreterSettings::default();
    let mut context = Context::new(shown.transform, shown.bounds(), &cache, page.xref(), settings);
    let mut taker = Taker { taken: Taken::Nothing };
    interpret_page(page, &mut context, &mut taker);
    match taken_samples(taker.taken, placed) {
        Ok(samples) => {
            let (across, down) = placed.dpi();
            let dpi = Dpi(((across + down) / 2.0).round().max(1.0) as u32);
            let shown = Shown::of(placed);
            let (width, height) = shown.size(placed);
            let samples = match shown {
                Shown::AS_STORED => samples,
                Shown { .. } => samples.rearranged(shown.sources(placed)),
            };
            let raster = samples.into_raster(width, height, dpi);
            raster.ok_or(PdfFault::PageDamaged { page: no }).map(Some)
        }
        Err(NotTaken::Damaged) => Err(PdfFault::PageDamaged { page: no }),
        Err(NotTaken::NotPlain) => Ok(None),
    }
}

/// The part of its rows an image may have and count as whole: fax machines
/// count the rows of a page before they have sent the last ones.
const LEAST_ROWS: f64 = 0.99;

enum NotTaken {
    Damaged,
    NotPlain,
}

fn taken_samples(taken: Taken, placed: &PlacedImage) -> Result<Samples, NotTaken> {
    match taken {
        Taken::Nothing => Err(NotTaken::Damaged),
        Taken::NotPlain => Err(NotTaken::NotPlain),
        Taken::Samples { width, height, samples } => {
            if (width, height) == (placed.width, placed.height) {
                Ok(samples)
            } else if width == placed.width
                && f64::from(height) < LEAST_ROWS * f64::from(placed.height)
            {
                Err(NotTaken::Damaged)
            } else {
                Err(NotTaken::NotPlain)
            }
        }
    }
}

/// Takes the first image's samples.
struct Taker {
    taken: Taken,
}

enum Taken {
    /// No image, or one that could not be decoded.
    Nothing,
    NotPlain,
    Samples {
        width: u32,
        height: u32,
        samples: Samples,
    },
}

impl<'a> Device<'a> for Taker {
    fn draw_image(&mut self, image: Image<'a, '_>, _: ImageDrawProps<'a>) {
        let taken = &mut self.taken;
        match image {
            Image::Raster(raster) => raster.with_rgba(
                |image, alpha| {
                    *taken = match (image, alpha) {
                        (_, Some(_)) => Taken::NotPlain,
                        (ImageData::Luma(gray), None) => Taken::Samples {
                            width: gray.width,
                            height: gray.height,
                            samples: Samples::Gray(gray.data),
                        },
                        (ImageData::Rgb(rgb), None) => Taken::Samples {
                            width: rgb.width,
                            height: rgb.height,
                            samples: Samples::Rgb(rgb.data),
                        },
                    }
                },
                None,
            ),
            // A stencil painted black on the white page: fax pages often come so.
            Image::Stencil(stencil) => stencil.with_stencil(
                |coverage, paint| {
                    let black = match paint {
                        Paint::Color(color) => color.to_rgba().to_rgba8() == [0, 0, 0, 255],
                        Paint::Pattern(_) => false,
                    };
                    *taken = if black {
                        Taken::Samples {
                            width: coverage.width,
                            height: coverage.height,
                            samples: Samples::Gray(
                                coverage.data.iter().map(|covered| 255 - covered).collect(),
                            ),
                        }
                    } else {
                        Taken::NotPlain
                    }
                },
                None,
            ),
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn pop_clip(&mut self) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_transparency_group(&mut self) {}
}

/// How stored rows and columns come to lie on the page as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    /// Stored rows run across the page, or down it.
    rows: Along,
    /// Along the page's width, then its height: as stored, or backwards.
    across: Sense,
    down: Sense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    Across,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Forward,
    Backward,
}

impl Shown {
    const AS_STORED: Shown =
        Shown { rows: Along::Across, across: Sense::Forward, down: Sense::Forward };

    fn of(placed: &PlacedImage) -> Self {
        let [a, b, c, d, _, _] = placed.transform.as_coeffs();
        let sense = |step: f64| if step < 0.0 { Sense::Backward } else { Sense::Forward };
        if a.abs() >= b.abs() {
            Shown { rows: Along::Across, across: sense(a), down: sense(d) }
        } else {
            Shown { rows: Along::Down, across: sense(c), down: sense(b) }
        }
    }

    fn size(self, placed: &PlacedImage) -> (u32, u32) {
        match self.rows {
            Along::Across => (placed.width, placed.height),
            Along::Down => (placed.height, placed.width),
        }
    }

    /// For each pixel as shown, row by row, the index of the stored one.
    fn sources(self, placed: &PlacedImage) -> impl Iterator<Item = usize> {
        let (width, height) = self.size(placed);
        let (width, height) = (width as usize, height as usize);
        let stored_width = placed.width as usize;
        let along = |sense, place, length| match sense {
            Sense::Forward => place,
            Sense::Backward => length - 1 - place,
        };
        (0..height).flat_map(move |y| {
            let y = along(self.down, y, height);
            (0..width).map(move |x| {
                let x = along(self.across, x, width);
                match self.rows {
                    Along::Across => y * stored_width + x,
                    Along::Down => x * stored_width + y,
                }
            })
        })
    }
}
