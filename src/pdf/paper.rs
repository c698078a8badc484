//! Drawing on paper: text, bars and lines, in millimetres from the top left
//! of each page, written as PDF/A-2b with its fonts inside.
//!
//! Knows nothing of cover sheets or charts: what stands on a sheet is decided
//! where it is printed. Scanned pages are never drawn here. The same marks
//! and the same [`PaperInfo`] give the same bytes.

use std::sync::LazyLock;

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, LineCap, LineJoin, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

/// Points in a millimetre.
const POINTS_PER_MM: f64 = 72.0 / 25.4;

#[derive(Debug, thiserror::Error)]
pub enum PaperFault {
    /// PDF/A forbids a letter the font cannot draw. The letter is not named:
    /// it may stand in a patient's name.
    #[error(
        "a letter on page {page} is not in the printing font; \
         write it with Latin, Greek or Cyrillic letters"
    )]
    NoSuchLetter {
        /// Counted from 1.
        page: usize,
    },
    #[error("a page of {width_mm} × {height_mm} mm cannot be drawn")]
    PageSize { width_mm: f64, height_mm: f64 },
    #[error("a file without pages cannot be drawn")]
    NoPages,
    #[error("writing the PDF failed: {0}")]
    Write(String),
}

/// What the file says about itself. There is no clock here: `created` is the
/// caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperInfo {
    /// Shown by PDF viewers; must not name a patient.
    pub title: String,
    /// A BCP 47 language tag.
    pub language: String,
    pub created: jiff::Timestamp,
}

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeMm {
    pub width: f64,
    pub height: f64,
}

/// A rectangle, from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxMm {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// A point, from the page's top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointMm {
    pub x: f64,
    pub y: f64,
}

impl PointMm {
    pub fn new(x: f64, y: f64) -> Self {
        PointMm { x, y }
    }
}

/// Red, green and blue, as printed; sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(pub u8, pub u8, pub u8);

impl Ink {
    pub const BLACK: Ink = Ink(0, 0, 0);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    Sans,
    SansBold,
    Mono,
}

/// Where along its line the given point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lettering {
    pub face: Face,
    pub size_pt: f64,
    pub ink: Ink,
    /// Clockwise, about the text's own point.
    pub turned_degrees: f64,
    pub align: Align,
}

impl Lettering {
    /// Black, level and left-aligned.
    pub fn new(face: Face, size_pt: f64) -> Self {
        Lettering { face, size_pt, ink: Ink::BLACK, turned_degrees: 0.0, align: Align::Left }
    }

    pub fn ink(self, ink: Ink) -> Self {
        Lettering { ink, ..self }
    }

    pub fn turned(self, turned_degrees: f64) -> Self {
        Lettering { turned_degrees, ..self }
    }

    pub fn align(self, align: Align) -> Self {
        Lettering { align, ..self }
    }

    /// From baseline to baseline.
    pub fn line_mm(&self) -> f64 {
        self.size_pt * 1.25 / POINTS_PER_MM
    }

    /// How wide the text will be, without kerning: a little more than the truth.
    pub fn width_mm(&self, text: &str) -> f64 {
        let face = metrics(self.face);
        let units: f64 = text
            .chars()
            .filter_map(|c| face.glyph_hor_advance(face.glyph_index(c)?))
            .map(f64::from)
            .sum();
        units / f64::from(face.units_per_em()) * self.size_pt / POINTS_PER_MM
    }

    /// This lettering, made smaller where `text` would be wider than `width_mm`.
    pub fn fitted(self, text: &str, width_mm: f64) -> Self {
        let wide = self.width_mm(text);
        if wide <= width_mm {
            return self;
        }
        Lettering { size_pt: self.size_pt * width_mm / wide, ..self }
    }

    /// The text broken at spaces into lines of at most `width_mm`; a longer
    /// word stands on a line of its own.
    pub fn wrapped(&self, text: &str, width_mm: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width_mm(&format!("{line} {word}")) <= width_mm => {
                    line.push(' ');
                    line.push_str(word);
                }
                Some(_) | None => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

#[derive(Debug, Clone)]
enum Mark {
    Text { at: PointMm, text: String, lettering: Lettering },
    Fill { boxes: Vec<BoxMm>, ink: Ink },
    Stroke { points: Vec<PointMm>, width_mm: f64, ink: Ink },
}

/// One page and what has been drawn on it so far.
#[derive(Debug, Clone, Default)]
pub struct PaperPage {
    marks: Vec<Mark>,
}

impl PaperPage {
    /// `at` is on the baseline.
    pub fn text(&mut self, at: PointMm, text: &str, lettering: Lettering) {
        if !text.is_empty() {
            self.marks.push(Mark::Text { at, text: text.to_owned(), lettering });
        }
    }

    pub fn fill_rect(&mut self, area: BoxMm, ink: Ink) {
        self.fill_rects(vec![area], ink);
    }

    /// One shape: boxes that touch leave no seam between them.
    pub fn fill_rects(&mut self, boxes: Vec<BoxMm>, ink: Ink) {
        if !boxes.is_empty() {
            self.marks.push(Mark::Fill { boxes, ink });
        }
    }

    pub fn line(&mut self, from: PointMm, to: PointMm, width_mm: f64, ink: Ink) {
        self.stroke(vec![from, to], width_mm, ink);
    }

    /// A pen drawn through the points, with round ends and joints.
    pub fn stroke(&mut self, points: Vec<PointMm>, width_mm: f64, ink: Ink) {
        if points.len() > 1 {
            self.marks.push(Mark::Stroke { points, width_mm, ink });
        }
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, area: BoxMm, width_mm: f64, ink: Ink) {
        let (right, bottom) = (area.left + area.width, area.top + area.height);
        let corners = [
            PointMm::new(area.left, area.top),
            PointMm::new(right, area.top),
            PointMm::new(right, bottom),
            PointMm::new(area.left, bottom),
            PointMm::new(area.left, area.top),
        ];
        self.stroke(corners.to_vec(), width_mm, ink);
    }
}

/// A stack of pages of one size, drawn and then written as one PDF/A-2b file.
#[derive(Debug, Clone)]
pub struct Paper {
    size: SizeMm,
    info: PaperInfo,
    pages: Vec<PaperPage>,
}

impl Paper {
    pub fn new(size: SizeMm, info: PaperInfo) -> Self {
        Paper { size, info, pages: Vec::new() }
    }

    /// The next page, empty.
    pub fn page(&mut self) -> &mut PaperPage {
        self.pages.push(PaperPage::default());
        self.pages.last_mut().expect("a page was just pushed")
    }

    pub fn add(&mut self, page: PaperPage) {
        self.pages.push(page);
    }

    /// # Errors
    /// A letter no font has, a page size that is none, or a file without pages.
    pub fn finish(self) -> Result<Vec<u8>, PaperFault> {
        if self.pages.is_empty() {
            return Err(PaperFault::NoPages);
        }
        let faces = Faces::load();
        let mut document = Document::new_with(settings());
        document.set_metadata(metadata(&self.info));
        for (index, page) in self.pages.iter().enumerate() {
            page.check_letters(index + 1)?;
            let size =
                PageSettings::from_wh(points(self.size.width), points(self.size.height)).ok_or(
                    PaperFault::PageSize { width_mm: self.size.width, height_mm: self.size.height },
                )?;
            let mut sheet = document.start_page_with(size);
            let mut surface = sheet.surface();
            for mark in &page.marks {
                draw(&mut surface, &faces, mark);
            }
            surface.finish();
            sheet.finish();
        }
        document.finish().map_err(|fault| PaperFault::Write(fault.to_string()))
    }
}

impl PaperPage {
    fn check_letters(&self, page: usize) -> Result<(), PaperFault> {
        for mark in &self.marks {
            let Mark::Text { text, lettering, .. } = mark else { continue };
            let face = metrics(lettering.face);
            if text.chars().any(|c| face.glyph_index(c).is_none()) {
                return Err(PaperFault::NoSuchLetter { page });
            }
        }
        Ok(())
    }
}

const SANS: &[u8] = include_bytes!("../../vendor/fonts/liberation/LiberationSans-Regular.ttf");
const SANS_BOLD: &[u8] = include_bytes!("../../vendor/fonts/liberation/LiberationSans-Bold.ttf");
const MONO: &[u8] = include_bytes!("../../vendor/fonts/liberation/LiberationMono-Regular.ttf");

const OWN_FONT: &str = "the font compiled into this program is a font";

fn metrics(face: Face) -> &'static ttf_parser::Face<'static> {
    type Metrics = LazyLock<ttf_parser::Face<'static>>;
    static SANS_METRICS: Metrics =
        LazyLock::new(|| ttf_parser::Face::parse(SANS, 0).expect(OWN_FONT));
    static BOLD_METRICS: Metrics =
        LazyLock::new(|| ttf_parser::Face::parse(SANS_BOLD, 0).expect(OWN_FONT));
    static MONO_METRICS: Metrics =
        LazyLock::new(|| ttf_parser::Face::parse(MONO, 0).expect(OWN_FONT));
    match face {
        Face::Sans => &SANS_METRICS,
        Face::SansBold => &BOLD_METRICS,
        Face::Mono => &MONO_METRICS,
    }
}

struct Faces {
    sans: Font,
    sans_bold: Font,
    mono: Font,
}

impl Faces {
    fn load() -> Self {
        let font = |bytes: &'static [u8]| Font::new(bytes.into(), 0).expect(OWN_FONT);
        Faces { sans: font(SANS), sans_bold: font(SANS_BOLD), mono: font(MONO) }
    }

    fn font(&self, face: Face) -> Font {
        match face {
            Face::Sans => self.sans.clone(),
            Face::SansBold => self.sans_bold.clone(),
            Face::Mono => self.mono.clone(),
        }
    }
}

fn settings() -> SerializeSettings {
    SerializeSettings {
        configuration: ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_B)
            .finish()
            .expect("PDF/A-2b alone contradicts nothing"),
        ..SerializeSettings::default()
    }
}

fn metadata(info: &PaperInfo) -> Metadata {
    let at = info.created.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let created = DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0);
    Metadata::new()
        .title(info.title.clone())
        .language(info.language.clone())
        .creator(format!("Outguide {}", env!("CARGO_PKG_VERSION")))
        .creation_date(created)
}

fn points(mm: f64) -> f32 {
    (mm * POINTS_PER_MM) as f32
}

fn point(at: PointMm) -> Point {
    Point::from_xy(points(at.x), points(at.y))
}

fn color(ink: Ink) -> rgb::Color {
    rgb::Color::new(ink.0, ink.1, ink.2)
}

fn draw(surface: &mut Surface<'_>, faces: &Faces, mark: &Mark) {
    match mark {
        Mark::Text { at, text, lettering } => draw_text(surface, faces, *at, text, lettering),
        Mark::Fill { boxes, ink } => fill(surface, boxes, *ink),
        Mark::Stroke { points, width_mm, ink } => stroke(surface, points, *width_mm, *ink),
    }
}

fn draw_text(
    surface: &mut Surface<'_>,
    faces: &Faces,
    at: PointMm,
    text: &str,
    lettering: &Lettering,
) {
    let before = match lettering.align {
        Align::Left => 0.0,
        Align::Centre => lettering.width_mm(text) / 2.0,
        Align::Right => lettering.width_mm(text),
    };
    let start = Point::from_xy(points(at.x - before), points(at.y));
    let about = point(at);
    let turn = lettering.turned_degrees as f32;
    surface.push_transform(&Transform::from_rotate_at(turn, about.x, about.y));
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: color(lettering.ink).into(), ..Fill::default() }));
    let font = faces.font(lettering.face);
    let size = lettering.size_pt as f32;
    surface.draw_text(start, font, size, text, false, TextDirection::LeftToRight);
    surface.pop();
}

fn fill(surface: &mut Surface<'_>, boxes: &[BoxMm], ink: Ink) {
    let mut path = PathBuilder::new();
    for area in boxes {
        let (x, y) = (points(area.left), points(area.top));
        if let Some(rect) = Rect::from_xywh(x, y, points(area.width), points(area.height)) {
            path.push_rect(rect);
        }
    }
    let Some(path) = path.finish() else { return };
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: color(ink).into(), ..Fill::default() }));
    surface.draw_path(&path);
}

fn stroke(surface: &mut Surface<'_>, through: &[PointMm], width_mm: f64, ink: Ink) {
    let mut path = PathBuilder::new();
    for (index, at) in through.iter().enumerate() {
        let at = point(*at);
        if index == 0 {
            path.move_to(at.x, at.y);
        } else {
            path.line_to(at.x, at.y);
        }
    }
    let Some(path) = path.finish() else { return };
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke {
        paint: color(ink).into(),
        width: points(width_mm),
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        ..Stroke::default()
    }));
    surface.draw_path(&path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> PaperInfo {
        PaperInfo {
            title: "Cover sheets".into(),
            language: "en".into(),
            created: "2026-11-22T13:44:25Z".parse().unwrap(),
        }
    }

    const LETTER: SizeMm = SizeMm { width: 215.9, height: 279.4 };

    fn drawn(text: &str) -> Result<Vec<u8>, PaperFault> {
        let mut paper = Paper::new(LETTER, info());
        let page = paper.page();
        page.text(PointMm::new(20.0, 20.0), text, Lettering::new(Face::Sans, 12.0));
        page.fill_rect(BoxMm { left: 20.0, top: 40.0, width: 50.0, height: 10.0 }, Ink::BLACK);
        paper.finish()
    }

    #[test]
    fn the_same_marks_give_the_same_bytes() {
        assert_eq!(drawn("Progress note").unwrap(), drawn("Progress note").unwrap());
    }

    #[test]
    fn a_letter_the_font_lacks_is_named_by_page_and_not_shown() {
        let fault = drawn("病").unwrap_err();
        assert!(matches!(fault, PaperFault::NoSuchLetter { page: 1 }));
        assert!(!fault.to_string().contains('病'));
        drawn("Łukasz Ødegård, Ελένη, Ольга").unwrap();
    }

    #[test]
    fn paper_without_pages_or_size_is_refused() {
        assert!(matches!(Paper::new(LETTER, info()).finish(), Err(PaperFault::NoPages)));
        let mut flat = Paper::new(SizeMm { width: 0.0, height: 10.0 }, info());
        flat.page();
        assert!(matches!(flat.finish(), Err(PaperFault::PageSize { .. })));
    }

    #[test]
    fn wrapped_lines_keep_every_word_and_fit() {
        let lettering = Lettering::new(Face::Mono, 12.0);
        let text = "Patient seen on rounds, resting comfortably, no acute distress.";
        let lines = lettering.wrapped(text, 60.0);
        assert_eq!(lines.join(" "), text);
        assert!(lines.iter().all(|line| lettering.width_mm(line) <= 60.0), "{lines:?}");
        assert!(lettering.fitted(text, 60.0).width_mm(text) <= 60.001);
    }
}
