//! A typed page, scanned at several resolutions and any way up, read with
//! Tesseract and filed as it was scanned: its words must lie where they stand.

use std::num::NonZeroUsize;
use std::time::Duration;

use hayro::kurbo::{Affine, Point};
use outguide::imaging::decode::DpiSource;
use outguide::ocr::{OcrSettings, Readers, WorkerCommand};
use outguide::pdf::writer::PdfWriter;
use outguide::pipeline::page::read_page;
use outguide::pipeline::render::{ReadyPage, add_page};
use outguide::pipeline::source::SourcePage;
use outguide::profile::{FiledPixels, Profile, find};
use outguide::records::page::QuarterTurn;
use outguide::records::raster::{Dpi, Raster};

use crate::readers::{assert_sound, found, keep, words_with_boxes};
use crate::{description, foreign};

/// Points of the upright sheet.
const SHEET: (f64, f64) = (400.0, 340.0);
const FONT_SIZE: f64 = 12.0;
const DRAWN_AT_DPI: f64 = 300.0;

const WORDS: [&str; 32] = [
    "patient",
    "temperature",
    "regular",
    "morning",
    "medication",
    "physician",
    "discharge",
    "hospital",
    "abdomen",
    "pressure",
    "follow",
    "laboratory",
    "history",
    "breathing",
    "monday",
    "kidney",
    "wound",
    "appetite",
    "insulin",
    "yesterday",
    "surgery",
    "healthy",
    "thyroid",
    "weight",
    "bandage",
    "allergy",
    "pulse",
    "journal",
    "cardiology",
    "heparin",
    "fracture",
    "quality",
];

/// Each word and its left end on the baseline, in points of the upright sheet,
/// y downward.
fn places() -> impl Iterator<Item = (&'static str, Point)> {
    WORDS.iter().enumerate().map(|(n, word)| {
        (*word, Point::new(45.0 + 82.0 * (n % 4) as f64, 70.0 + 28.0 * (n / 4) as f64))
    })
}

/// From the upright sheet to the sheet as it lies skewed (clockwise), still
/// shown upright.
fn skewed(degrees: f64) -> Affine {
    Affine::rotate_about(degrees.to_radians(), Point::new(SHEET.0 / 2.0, SHEET.1 / 2.0))
}

/// From there to the sheet in the scanner: `turn` makes it upright again.
fn fed(turn: QuarterTurn) -> (Affine, (f64, f64)) {
    let (width, height) = SHEET;
    match turn {
        QuarterTurn::None => (Affine::IDENTITY, SHEET),
        QuarterTurn::Right => (Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, width]), (height, width)),
        QuarterTurn::Half => (Affine::new([-1.0, 0.0, 0.0, -1.0, width, height]), SHEET),
        QuarterTurn::Left => (Affine::new([0.0, 1.0, -1.0, 0.0, height, 0.0]), (height, width)),
    }
}

fn scanned(dpi: u32, skew: f64, turn: QuarterTurn) -> Raster {
    let scale = f64::from(dpi) / DRAWN_AT_DPI;
    let (lies, size) = fed(turn);
    let size = (size.0 * scale, size.1 * scale);
    // A PDF's y runs upward; text is drawn with its own y upward too.
    let upward = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, size.1]);
    let matrices = places().map(|(word, place)| {
        let place =
            Affine::translate(place.to_vec2()) * Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, 0.0]);
        (word, upward * Affine::scale(scale) * lies * skewed(skew) * place)
    });
    let pdf = foreign::typed_words((size.0 as f32, size.1 as f32), FONT_SIZE as f32, matrices);
    let drawn = crate::import(pdf).unwrap().remove(0);
    let (width, height, format) = (drawn.width(), drawn.height(), drawn.format());
    Raster::new(width, height, Dpi(dpi), format, drawn.into_pixels()).unwrap()
}

fn as_scanned_profile() -> Profile {
    let mut profile = find("plain-pages", &[]).unwrap().profile;
    profile.cleaning.filed_pixels = FiledPixels::AsScanned;
    profile
}

fn readers() -> Readers {
    Readers::start(OcrSettings {
        worker: WorkerCommand::of(env!("CARGO_BIN_EXE_outguide").into()),
        workers: NonZeroUsize::MIN,
        languages: vec!["eng".to_owned()],
        tessdata: None,
        page_limit: Duration::from_secs(120),
        memory_limit_bytes: OcrSettings::MEMORY_LIMIT_BYTES,
    })
    .unwrap()
}

#[test]
fn words_lie_over_themselves_on_fine_and_coarse_originals_however_they_were_fed() {
    if !found("pdftotext") {
        return;
    }
    let (profile, readers) = (as_scanned_profile(), readers());
    let cases = [
        (600, 0.0, QuarterTurn::None),
        (600, 3.0, QuarterTurn::None),
        (600, -2.0, QuarterTurn::Right),
        (300, -2.0, QuarterTurn::Half),
        (100, 0.0, QuarterTurn::None),
        (100, -3.0, QuarterTurn::None),
        (600, 2.0, QuarterTurn::Left),
    ];
    for (dpi, skew, turn) in cases {
        let name = format!("read-at-{dpi}-skew{skew}-turn{}", turn.degrees());
        let raster = scanned(dpi, skew, turn);
        let source = SourcePage { raster, jpeg: None, dpi_source: DpiSource::File };
        let page = read_page(&source, &profile, Some(&readers));
        let page = ReadyPage { image: page.image, outcome: page.outcome, label: "1".to_owned() };
        let mut pdf = PdfWriter::begin(Vec::new(), description()).unwrap();
        add_page(&mut pdf, &page, &profile).unwrap();
        let pdf = keep(&name, &pdf.finish().unwrap());
        assert_sound(&pdf);
        let found = &words_with_boxes(&pdf)[0];
        for (word, place) in places() {
            let at = skewed(skew) * place;
            let read = found.iter().find(|found| found.text.to_lowercase() == word);
            let read = read.unwrap_or_else(|| panic!("{name}: {word} is not among {found:?}"));
            let [left, top, right, bottom] =
                read.bounds.map(|pixels| pixels * 72.0 / f64::from(crate::drawing::DPI.0));
            let size = right - left;
            assert!((left - at.x).abs() <= 2.0, "{name}: {word} begins at {left}, not {}", at.x);
            assert!(
                (top..bottom).contains(&(at.y - 2.0)),
                "{name}: {word} is at {top} to {bottom}, not {}",
                at.y
            );
            assert!(
                (3.0 * word.len() as f64..8.0 * word.len() as f64).contains(&size),
                "{name}: {word} is {size} wide"
            );
            assert!(bottom - top < 2.0 * FONT_SIZE, "{name}: {word} is {top} to {bottom}");
        }
    }
}
