//! Paper under the scanner: a page as pixels, and what copying, dust, fading
//! and a crooked feed do to it.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::{GrayImage, Luma, RgbImage};

use crate::chance::Chance;

/// Every page of a PDF in colour, at a resolution across and one down.
pub fn pages(pdf: Vec<u8>, dpi_across: u32, dpi_down: u32) -> Vec<RgbImage> {
    let pdf = Pdf::new(pdf).expect("our own PDF is a PDF");
    let cache = RenderCache::new();
    let pages = pdf.pages();
    let scale = |dpi: u32| dpi as f32 / 72.0 * 1.000_01;
    pages
        .iter()
        .map(|page| {
            let settings = PixmapSettings {
                x_scale: scale(dpi_across),
                y_scale: scale(dpi_down),
                bg_color: WHITE,
            };
            let drawn = render(
                page,
                &cache,
                &InterpreterSettings::default(),
                &RenderSettings::default(),
                &settings,
            );
            let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
            let rgb = drawn.data_as_u8_slice().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]);
            RgbImage::from_raw(width, height, rgb.collect()).expect("three bytes a pixel")
        })
        .collect()
}

pub fn gray(page: &RgbImage) -> GrayImage {
    image::imageops::grayscale(page)
}

/// Black or white: darker than `level` is black.
pub fn threshold(mut page: GrayImage, level: u8) -> GrayImage {
    page.iter_mut().for_each(|p| *p = if *p < level { 0 } else { 255 });
    page
}

/// As the thermal or toner image of a weak original: black becomes `black`,
/// white `white`.
pub fn fade(mut page: GrayImage, black: u8, white: u8) -> GrayImage {
    let span = f64::from(white) - f64::from(black);
    page.iter_mut().for_each(|p| {
        *p = (f64::from(black) + span * f64::from(*p) / 255.0).round() as u8;
    });
    page
}

pub fn invert(mut page: GrayImage) -> GrayImage {
    page.iter_mut().for_each(|p| *p = 255 - *p);
    page
}

/// Out of focus by about `radius` pixels.
pub fn blur(page: &GrayImage, radius: f32) -> GrayImage {
    image::imageops::blur(page, radius)
}

/// Sensor noise of `deviation` gray levels on every pixel.
pub fn noise(mut page: GrayImage, deviation: f64, chance: &mut Chance) -> GrayImage {
    page.iter_mut().for_each(|p| {
        *p = (f64::from(*p) + chance.normal() * deviation).round().clamp(0.0, 255.0) as u8;
    });
    page
}

/// Dirt: `count` specks, dark on the paper and light in the print, up to
/// `largest` pixels wide.
pub fn specks(mut page: GrayImage, count: u32, largest: f64, chance: &mut Chance) -> GrayImage {
    for index in 0..count {
        let x = chance.unit() * f64::from(page.width());
        let y = chance.unit() * f64::from(page.height());
        let radius = chance.between(0.5, largest / 2.0);
        disc(&mut page, x, y, radius, if index % 3 == 0 { 255 } else { 40 });
    }
    page
}

pub fn disc(page: &mut GrayImage, x: f64, y: f64, radius: f64, level: u8) {
    let (width, height) = (i64::from(page.width()), i64::from(page.height()));
    let reach = radius.ceil() as i64;
    for row in y as i64 - reach..=y as i64 + reach {
        for column in x as i64 - reach..=x as i64 + reach {
            let inside = (0..width).contains(&column) && (0..height).contains(&row);
            if inside && (column as f64 - x).hypot(row as f64 - y) <= radius {
                page.put_pixel(column as u32, row as u32, Luma([level]));
            }
        }
    }
}

/// Three punch holes along the left edge, as the black lid of a scanner shows
/// them.
pub fn punch(mut page: GrayImage, dpi: u32) -> GrayImage {
    let inch = f64::from(dpi);
    for y_in in [1.25, 5.5, 9.75] {
        disc(&mut page, 0.4 * inch, y_in * inch, 0.14 * inch, 30);
    }
    page
}

/// Dust on the sensor: lines along the feed, `width` pixels wide, dark and
/// light in turn, at these parts of the width.
pub fn streaks(mut page: GrayImage, places: &[f64], width: u32) -> GrayImage {
    for (index, place) in places.iter().enumerate() {
        let left = (place * f64::from(page.width())) as u32;
        for x in left..(left + width).min(page.width()) {
            for y in 0..page.height() {
                page.put_pixel(x, y, Luma([if index % 2 == 0 { 30 } else { 250 }]));
            }
        }
    }
    page
}

/// Light falls off towards one side, down to `darkest` of full.
pub fn shade(mut page: GrayImage, darkest: f64) -> GrayImage {
    let width = f64::from(page.width());
    for (x, _, pixel) in page.enumerate_pixels_mut() {
        let light = 1.0 - (1.0 - darkest) * (f64::from(x) / width).powi(2);
        pixel.0[0] = (f64::from(pixel.0[0]) * light) as u8;
    }
    page
}

/// The other side shows through: mirrored, blurred, at `strength` of its ink.
pub fn bleed_through(page: GrayImage, other: &GrayImage, strength: f64) -> GrayImage {
    let mut behind = blur(&image::imageops::flip_horizontal(other), 2.0);
    for (behind, front) in behind.iter_mut().zip(page.iter()) {
        let seen = 255.0 - (255.0 - f64::from(*behind)) * strength;
        *behind = (seen * f64::from(*front) / 255.0) as u8;
    }
    behind
}

/// Fed crooked: the page turned clockwise about its middle, on a white lid.
pub fn skew(page: &GrayImage, degrees: f64) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (f64::from(page.width()), f64::from(page.height()));
    GrayImage::from_fn(page.width(), page.height(), |x, y| {
        let (dx, dy) = (f64::from(x) + 0.5 - width / 2.0, f64::from(y) + 0.5 - height / 2.0);
        let from_x = dx * cos + dy * sin + width / 2.0 - 0.5;
        let from_y = dy * cos - dx * sin + height / 2.0 - 0.5;
        Luma([between_pixels(page, from_x, from_y)])
    })
}

fn between_pixels(page: &GrayImage, x: f64, y: f64) -> u8 {
    let (left, top) = (x.floor(), y.floor());
    let at = |dx: f64, dy: f64| {
        let (x, y) = (left + dx, top + dy);
        let outside = x < 0.0 || y < 0.0;
        let pixel = if outside { None } else { page.get_pixel_checked(x as u32, y as u32) };
        pixel.map_or(255.0, |p| f64::from(p.0[0]))
    };
    let (right, down) = (x - left, y - top);
    let upper = at(0.0, 0.0) * (1.0 - right) + at(1.0, 0.0) * right;
    let lower = at(0.0, 1.0) * (1.0 - right) + at(1.0, 1.0) * right;
    (upper * (1.0 - down) + lower * down).round() as u8
}

/// A quarter turn at a time, clockwise.
pub fn turn(page: &GrayImage, quarters: u32) -> GrayImage {
    match quarters % 4 {
        0 => page.clone(),
        1 => image::imageops::rotate90(page),
        2 => image::imageops::rotate180(page),
        _ => image::imageops::rotate270(page),
    }
}

/// Torn off below a ragged line that falls from `right` (part of the height, at
/// the right edge) to `left`; the lid shows, with a shadow along the tear.
pub fn tear(mut page: GrayImage, left: f64, right: f64, chance: &mut Chance) -> GrayImage {
    let (width, height) = (f64::from(page.width()), f64::from(page.height()));
    let mut ragged = 0.0;
    for x in 0..page.width() {
        ragged = (ragged + chance.normal() * 2.0) * 0.98;
        let along = f64::from(x) / width;
        let edge = (left + (right - left) * along) * height + ragged;
        for y in (edge.max(0.0) as u32)..page.height() {
            let past = f64::from(y) - edge;
            page.put_pixel(x, y, Luma([if past < 6.0 { 150 } else { 250 }]));
        }
    }
    page
}

/// Through a fax: black and white at 204 dots an inch across and as many rows
/// as `rows_per_inch`, with a few lost dots.
pub fn fax(page: &RgbImage, chance: &mut Chance) -> GrayImage {
    let page = threshold(blur(&gray(page), 0.6), 140);
    let count = page.width() * page.height() / 40_000;
    threshold(specks(page, count, 2.0, chance), 128)
}
