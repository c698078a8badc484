//! A page that is more than one image, drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, Point};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use super::super::PdfFault;
use super::raster::Samples;
use super::shown::ShownPage;
use super::survey::{MOST_DECODED_BYTES, POINTS_PER_INCH, Survey};
use crate::records::raster::{Dpi, Raster};

/// For pages with text or lines: what OCR and barcodes are tuned for.
const DRAWN_DPI: f64 = 300.0;

/// The finest a page is drawn at; finer images are scaled down.
const FINEST_DPI: f64 = 600.0;

/// The coarsest; pages of images only may be this coarse.
const COARSEST_DPI: f64 = 72.0;

/// The drawing surface takes red, green, blue and opacity.
const SURFACE_BYTES_A_PIXEL: u64 = 4;

/// Painted in all, layer over layer: a letter page at 300 dpi nearly a thousand
/// times. The rasterizer keeps some 30 bytes for each 1024 of them.
const MOST_PAINTED_PIXELS: f64 = 8e9;

/// # Errors
/// `PageTooLarge`; `TakesTooLong`; `PageDamaged` where a font or an image on it could not be used.
pub fn draw(page: &Page<'_>, no: usize, survey: &Survey) -> Result<Raster, PdfFault> {
    let dpi = drawn_dpi(survey);
    let scale = dpi / POINTS_PER_INCH;
    let shown = ShownPage::of(page);
    let pixels = |points: f64| (points * scale).round().max(1.0);
    let (width, height) = (pixels(shown.width), pixels(shown.height));
    let too_large = PdfFault::PageTooLarge {
        page: no,
        width: width as u64,
        height: height as u64,
        dpi: dpi as u32,
    };
    if width * height * SURFACE_BYTES_A_PIXEL as f64 > MOST_DECODED_BYTES as f64
        || width > f64::from(u16::MAX)
        || height > f64::from(u16::MAX)
    {
        return Err(too_large);
    }
    if survey.painted() * scale * scale > MOST_PAINTED_PIXELS {
        return Err(PdfFault::TakesTooLong { page: no });
    }
    // Within 1 to 65,535, as just seen.
    let (width, height) = (width as u16, height as u16);

    let incomplete = Arc::new(AtomicBool::new(false));
    let settings = InterpreterSettings {
        warning_sink: {
            let incomplete = Arc::clone(&incomplete);
            Arc::new(move |warning| match warning {
                InterpreterWarning::UnsupportedFont | InterpreterWarning::ImageDecodeFailure => {
                    incomplete.store(true, Ordering::Relaxed);
                }
                _ => {}
            })
        },
        ..InterpreterSettings::default()
    };
    let scaled = Affine::scale(scale) * shown.transform;
    let transform = Affine::translate(onto_grid(survey, scale).to_vec2()) * scaled;

    let mut surface = RenderContext::new(width, height);
    let cache = RenderCache::new();
    render_into(page, &cache, &settings, &RenderSettings::default(), &mut surface, transform);
    surface.flush();
    if incomplete.load(Ordering::Relaxed) {
        return Err(PdfFault::PageDamaged { page: no });
    }
    let mut drawn = Pixmap::new(width, height);
    let white = RasterizerSettings {
        target_init: TargetInit::Clear(WHITE),
        ..RasterizerSettings::default()
    };
    surface.render_with(&mut drawn, &mut Resources::default(), white);
    let rgb = drawn.data_as_u8_slice().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Samples::Rgb(rgb)
        .into_raster(u32::from(width), u32::from(height), Dpi(dpi as u32))
        .ok_or(PdfFault::PageDamaged { page: no })
}

/// Whole dots per inch: those of the page's images where it has nothing else,
/// else enough for text, or as fine as its largest image.
fn drawn_dpi(survey: &Survey) -> f64 {
    let own = survey.largest_image().map(|image| {
        let (across, down) = image.dpi();
        across.max(down).clamp(COARSEST_DPI, FINEST_DPI)
    });
    let dpi = match own {
        Some(dpi) if survey.shows_images_only() => dpi,
        Some(dpi) => dpi.max(DRAWN_DPI),
        None => DRAWN_DPI,
    };
    dpi.round()
}

/// The shift of under half a pixel that puts the largest image's corner on a
/// whole pixel, so that its pixels are not blurred into each other.
fn onto_grid(survey: &Survey, scale: f64) -> Point {
    survey.largest_image().map_or(Point::ORIGIN, |image| {
        let corner = image.transform * Point::ORIGIN;
        let shift = |place: f64| (place * scale).round() - place * scale;
        Point::new(shift(corner.x), shift(corner.y))
    })
}
