//! Pages drawn here, read back: every symbology, every way a sheet may lie, and
//! the papers that must read nothing.

use outguide::page_barcodes::draw::{Modules, encode};
use outguide::page_barcodes::{Effort, patch, read};
use outguide::profile::BarcodeRules;
use outguide::records::barcode::{Reading, Symbology};
use outguide::records::cover_sheet::CoverSheet;
use outguide::records::page::PageReadings;
use outguide::records::raster::{Dpi, PixelFormat, Raster};
use outguide::records::separator::{PatchCode, PatchReading};
use proptest::prelude::*;

fn rules() -> BarcodeRules {
    BarcodeRules {
        symbologies: Symbology::ALL.to_vec(),
        itf_lengths: vec![8],
        patch_codes: true,
        outguide_sheets: true,
        fields: Vec::new(),
    }
}

/// A gray sheet to draw on.
#[derive(Clone)]
struct Paper {
    width: u32,
    height: u32,
    dpi: u32,
    pixels: Vec<u8>,
}

/// Where something stands: its middle, and how far it is turned clockwise.
#[derive(Clone, Copy)]
struct Place {
    x: f32,
    y: f32,
    degrees: f32,
}

impl Paper {
    fn blank(width: u32, height: u32, dpi: u32) -> Paper {
        Paper { width, height, dpi, pixels: vec![255; (width * height) as usize] }
    }

    fn letter(dpi: u32) -> Paper {
        Paper::blank(dpi * 17 / 2, dpi * 11, dpi)
    }

    /// Darkens what `dark` says of a `width`×`height` shape turned about `place`.
    fn draw(&mut self, place: Place, width: f32, height: f32, dark: impl Fn(f32, f32) -> bool) {
        let (sin, cos) = place.degrees.to_radians().sin_cos();
        let reach = width.hypot(height) / 2.0 + 2.0;
        let range = |middle: f32, limit: u32| {
            (middle - reach).max(0.0) as u32..((middle + reach) as u32).min(limit)
        };
        for y in range(place.y, self.height) {
            for x in range(place.x, self.width) {
                let mut ink = 0u32;
                for sub in 0..9 {
                    let dx = x as f32 + (sub % 3) as f32 / 3.0 + 1.0 / 6.0 - place.x;
                    let dy = y as f32 + (sub / 3) as f32 / 3.0 + 1.0 / 6.0 - place.y;
                    let (u, v) =
                        (dx * cos + dy * sin + width / 2.0, dy * cos - dx * sin + height / 2.0);
                    let inside = u >= 0.0 && v >= 0.0 && u < width && v < height;
                    ink += u32::from(inside && dark(u, v));
                }
                let pixel = &mut self.pixels[(y * self.width + x) as usize];
                *pixel = (u32::from(*pixel) * (9 - ink) / 9) as u8;
            }
        }
    }

    fn bar(&mut self, left: f32, top: f32, width: f32, height: f32) {
        let place = Place { x: left + width / 2.0, y: top + height / 2.0, degrees: 0.0 };
        self.draw(place, width, height, |_, _| true);
    }

    /// Linear codes get bars 0.5 in high.
    fn code(&mut self, modules: &Modules, module: f32, place: Place) {
        let width = modules.width as f32 * module;
        let rows = modules.height as f32;
        let height = if modules.height == 1 { self.dpi as f32 / 2.0 } else { rows * module };
        self.draw(place, width, height, |x, y| {
            modules.is_dark((x / module) as u32, (y / height * rows) as u32)
        });
    }

    /// A linear code on the pixels' grid, with white around it, `height` high.
    fn label(&mut self, modules: &Modules, module: u32, (left, top): (u32, u32), height: u32) {
        for (i, dark) in (0..).zip(&modules.dark) {
            for y in (top..top + height).filter(|_| *dark) {
                let start = (y * self.width + left + i * module) as usize;
                self.pixels[start..start + module as usize].fill(0);
            }
        }
    }

    /// Down the whole sheet.
    fn streak(&mut self, left: u32, width: u32, gray: u8) {
        for row in self.pixels.chunks_mut(self.width as usize) {
            row[left as usize..(left + width) as usize].fill(gray);
        }
    }

    /// Each pixel mixed with its neighbours in the row, as a scanner's lens does.
    fn softened(mut self) -> Paper {
        for row in self.pixels.chunks_mut(self.width as usize) {
            let sharp = row.to_vec();
            for (pixel, three) in row[1..].iter_mut().zip(sharp.windows(3)) {
                let sum = u32::from(three[0]) + 2 * u32::from(three[1]) + u32::from(three[2]);
                *pixel = (sum / 4) as u8;
            }
        }
        self
    }

    fn patch(&mut self, code: PatchCode, length: f32, place: Place) {
        let mm = self.dpi as f32 / 25.4;
        let bars = patch::bars(code);
        self.draw(place, length, 20.32 * mm, |_, y| {
            bars.iter().any(|b| (b.offset_mm..b.offset_mm + b.width_mm).contains(&(y / mm)))
        });
    }

    /// Lines of strokes as dense as print.
    fn print(&mut self, left: u32, top: u32, right: u32, bottom: u32) {
        let (size, mut random) = (self.dpi / 12, Random(7));
        for y in (top..bottom).step_by(size as usize * 3 / 2) {
            let mut x = left;
            while x + size < right {
                for _ in 0..3 {
                    let (dx, dy) = (random.below(size / 2), random.below(size / 2));
                    let (w, h) = (random.below(size / 2) + 3, random.below(size / 2) + 3);
                    self.bar((x + dx) as f32, (y + dy) as f32, w as f32, h as f32);
                }
                x += size + random.below(size);
            }
        }
    }

    fn noisy(mut self, strength: u32) -> Paper {
        let mut random = Random(3);
        for pixel in &mut self.pixels {
            let grain = random.below(2 * strength + 1) as i32 - strength as i32;
            *pixel = (i32::from(*pixel) + grain).clamp(0, 255) as u8;
        }
        self
    }

    fn faded(mut self, ink: u8, paper: u8) -> Paper {
        let range = u32::from(paper - ink);
        self.pixels.iter_mut().for_each(|p| *p = ink + (u32::from(*p) * range / 255) as u8);
        self
    }

    fn gray(self) -> Raster {
        Raster::new(self.width, self.height, Dpi(self.dpi), PixelFormat::Gray8, self.pixels)
            .unwrap()
    }

    fn rgb(self) -> Raster {
        let pixels = self.pixels.iter().flat_map(|p| [*p; 3]).collect();
        Raster::new(self.width, self.height, Dpi(self.dpi), PixelFormat::Rgb8, pixels).unwrap()
    }

    fn bitonal(self) -> Raster {
        let packed = self
            .pixels
            .chunks(self.width as usize)
            .flat_map(|row| row.chunks(8))
            .map(|eight| {
                eight.iter().enumerate().fold(0, |b, (i, p)| b | (u8::from(*p < 128) << (7 - i)))
            })
            .collect();
        Raster::new(self.width, self.height, Dpi(self.dpi), PixelFormat::Bitonal, packed).unwrap()
    }
}

struct Random(u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit.max(1)
    }
}

fn ordinary(raster: &Raster) -> PageReadings {
    read(raster, &rules(), Effort::Ordinary)
}

fn one(readings: PageReadings, what: &str) -> Reading {
    assert_eq!(readings.codes.len(), 1, "{what}: {:?}", readings.codes);
    readings.codes.into_iter().next().unwrap()
}

fn text(symbology: Symbology) -> &'static str {
    match symbology {
        Symbology::Code128 => "OGS1P-0048213-E7719W",
        Symbology::Code39 => "ASN010245",
        Symbology::Itf => "10203937",
        Symbology::Codabar => "A5551133B",
        Symbology::Qr => "{\"batch\":1,\"doc\":137}",
        Symbology::DataMatrix => "BATCH001DOC00171",
        Symbology::Pdf417 => "CAP|1|205|client=ACME",
    }
}

fn module_pixels(symbology: Symbology) -> f32 {
    if symbology == Symbology::DataMatrix { 5.0 } else { 4.0 }
}

fn turned(degrees: f32, other: f32) -> f32 {
    let difference = (degrees - other).rem_euclid(360.0);
    difference.min(360.0 - difference)
}

#[test]
fn every_symbology_is_read_in_every_orientation_and_under_skew() {
    for symbology in Symbology::ALL {
        let modules = encode(symbology, text(symbology)).unwrap();
        for quarter in [0.0, 90.0, 180.0, 270.0] {
            for skew in [-4.0, 0.0, 2.5] {
                let degrees = quarter + skew;
                let mut paper = Paper::blank(1200, 1200, 300);
                let place = Place { x: 600.0, y: 600.0, degrees };
                paper.code(&modules, module_pixels(symbology), place);
                let what = format!("{symbology} at {degrees}°");
                let reading = one(ordinary(&paper.gray()), &what);
                assert_eq!(
                    (reading.symbology, &*reading.text),
                    (symbology, text(symbology)),
                    "{what}"
                );
                let lies = f32::from(reading.orientation_degrees);
                assert!(turned(lies, degrees) < 3.0, "{what}: reads as {lies}");
                check_corners(&reading, &modules, place, &what);
            }
        }
    }
}

fn check_corners(reading: &Reading, modules: &Modules, place: Place, what: &str) {
    let module = module_pixels(reading.symbology);
    let width = modules.width as f32 * module;
    let height = if modules.height == 1 { 150.0 } else { modules.height as f32 * module };
    let (sin, cos) = place.degrees.to_radians().sin_cos();
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
    for (corner, (right, down)) in reading.corners.iter().zip(corners) {
        let (u, v) = (right * width / 2.0, down * height / 2.0);
        let (x, y) = (place.x + u * cos - v * sin, place.y + u * sin + v * cos);
        let apart = (corner.x as f32 - x).hypot(corner.y as f32 - y);
        assert!(
            apart < 3.0 * module,
            "{what}: corners {:?}, one should be {x},{y}",
            reading.corners
        );
    }
}

#[test]
fn several_codes_on_a_sheet_are_all_read() {
    let mut paper = Paper::letter(300);
    for (i, symbology) in Symbology::ALL.into_iter().enumerate() {
        let modules = encode(symbology, text(symbology)).unwrap();
        let place = Place { x: 1275.0, y: 300.0 + 420.0 * i as f32, degrees: 0.0 };
        paper.code(&modules, module_pixels(symbology), place);
    }
    paper.print(300, 3150, 2200, 3280);
    for raster in [paper.clone().gray(), paper.clone().rgb(), paper.bitonal()] {
        let mut codes = ordinary(&raster).codes;
        codes.sort_by_key(|c| c.symbology);
        let found: Vec<_> = codes.iter().map(|c| (c.symbology, &*c.text)).collect();
        let drawn: Vec<_> = Symbology::ALL.into_iter().map(|s| (s, text(s))).collect();
        assert_eq!(found, drawn, "{raster:?}");
    }
}

#[test]
fn two_codes_side_by_side_or_one_above_the_other_are_two_codes() {
    let drawn = |text: &str| encode(Symbology::Code128, text).unwrap();
    let mut paper = Paper::letter(300);
    for (text, x, y) in
        [("MRN0048213", 700.0, 600.0), ("ENC7719", 1700.0, 600.0), ("DOC12", 700.0, 790.0)]
    {
        paper.code(&drawn(text), 4.0, Place { x, y, degrees: 0.0 });
    }
    let mut texts: Vec<String> =
        ordinary(&paper.gray()).codes.into_iter().map(|c| c.text).collect();
    texts.sort();
    assert_eq!(texts, ["DOC12", "ENC7719", "MRN0048213"]);
}

/// Left edge from the first bar on, width, gray.
type Streak = (f32, f32, u8);

/// Each was read as another text before the widths of bars were checked.
#[test]
fn a_streak_along_the_bars_makes_no_other_text() {
    // Module, text, and streaks through the whole height.
    #[rustfmt::skip]
    let pages: [(f32, &str, &[Streak]); 14] = [
        (2.0, "V68306178-7145", &[(50.0, 2.0, 255), (180.0, 5.0, 255)]),
        (4.0, "V21050985-2008", &[(796.0, 3.0, 255), (671.0, 3.0, 0), (729.0, 4.0, 255)]),
        (2.0, "V72596424-4492", &[(100.0, 5.0, 255), (24.0, 1.0, 0)]),
        (3.0, "V52617592-2606", &[(208.0, 2.0, 0), (215.0, 7.0, 255)]),
        (4.0, "V43033665-5709", &[(463.0, 10.0, 255)]),
        (3.0, "V00026635-6053", &[(506.0, 2.0, 0), (422.0, 4.0, 255), (50.0, 1.0, 255)]),
        (4.0, "V68025145-2201", &[(251.0, 5.0, 255), (121.0, 1.0, 0)]),
        (4.0, "V71765659-4259", &[(718.0, 3.0, 0), (591.0, 5.0, 255)]),
        (3.0, "V01064670-8046", &[(310.0, 7.0, 0), (249.0, 1.0, 255)]),
        (3.0, "V81573971-7786", &[(561.0, 3.0, 0), (224.0, 1.0, 0)]),
        (3.0, "V47741249-9434", &[(235.0, 5.0, 255), (265.0, 6.0, 255)]),
        (4.0, "V15958651-4080", &[(528.0, 5.0, 255), (571.0, 1.0, 0), (177.0, 8.0, 255)]),
        (2.0, "V99062900-6504", &[(214.0, 4.0, 255), (30.0, 5.0, 0), (217.0, 1.0, 0)]),
        (3.0, "V82881715-0266", &[(233.0, 6.0, 255)]),
    ];
    for (module, text, streaks) in pages {
        let modules = encode(Symbology::Code39, text).unwrap();
        let mut paper = Paper::blank(2400, 400, 300);
        let x = 70.0 + modules.width as f32 * module / 2.0;
        paper.code(&modules, module, Place { x, y: 150.0, degrees: 0.0 });
        for (left, width, gray) in streaks {
            paper.streak(70 + *left as u32, *width as u32, *gray);
        }
        for reading in ordinary(&paper.softened().gray()).codes {
            assert_eq!(reading.text, text, "under {streaks:?}");
        }
    }
}

#[test]
fn labels_close_above_each_other_are_all_read() {
    let labels: [&[(&str, u32)]; 3] = [
        &[("MRN0048213", 60), ("MRN0099731", 140)],
        &[("MRN0048213", 100), ("MRN0099731", 100), ("MRN0031415", 100)],
        &[("MRN0048213", 140), ("MRN0099731", 60), ("MRN0031415", 90), ("MRN0027182", 60)],
    ];
    for stack in labels {
        for gap in [24, 36] {
            let mut paper = Paper::letter(300);
            let mut top = 400;
            for (text, height) in stack {
                paper.label(&encode(Symbology::Code128, text).unwrap(), 4, (400, top), *height);
                top += height + gap;
            }
            let mut texts: Vec<String> =
                ordinary(&paper.gray()).codes.into_iter().map(|c| c.text).collect();
            texts.sort();
            let mut drawn: Vec<&str> = stack.iter().map(|(text, _)| *text).collect();
            drawn.sort();
            assert_eq!(texts, drawn, "{gap} pixels apart");
        }
    }
}

#[test]
fn a_sheet_of_thirty_labels_is_read_whole() {
    let mut paper = Paper::letter(300);
    let mut drawn: Vec<String> = Vec::new();
    for i in 0..30 {
        let text = format!("00482{:04}", i * 317);
        let modules = encode(Symbology::Code128, &text).unwrap();
        paper.label(&modules, 4, (120 + i % 3 * 820, 150 + i / 3 * 310), 90);
        drawn.push(text);
    }
    let mut texts: Vec<String> =
        ordinary(&paper.gray()).codes.into_iter().map(|c| c.text).collect();
    texts.sort();
    assert_eq!(texts, drawn);
}

#[test]
fn bars_made_wider_or_narrower_by_the_print_are_read() {
    for symbology in [Symbology::Code39, Symbology::Itf, Symbology::Codabar, Symbology::Code128] {
        let modules = encode(symbology, text(symbology)).unwrap();
        for spread in [-0.6, 0.6] {
            let mut paper = Paper::blank(1400, 500, 300);
            let (module, width) = (3.0, modules.width as f32);
            let place = Place { x: 700.0, y: 250.0, degrees: 0.0 };
            paper.draw(place, (width + 2.0) * module, 150.0, |x, _| {
                let x = x / module - 1.0;
                let near = [x - spread / 2.0, x + spread / 2.0]
                    .map(|x| (0.0..width).contains(&x) && modules.is_dark(x as u32, 0));
                if spread > 0.0 { near[0] || near[1] } else { near[0] && near[1] }
            });
            let what = format!("{symbology} wider by {spread} modules");
            assert_eq!(one(ordinary(&paper.gray()), &what).text, text(symbology), "{what}");
        }
    }
}

#[test]
fn a_label_photographed_aslant_is_read() {
    for symbology in [Symbology::Code39, Symbology::Code128] {
        let modules = encode(symbology, text(symbology)).unwrap();
        let mut paper = Paper::blank(900, 600, 72);
        let (width, height, module) = (modules.width as f32, 300.0, 2.6);
        let place = Place { x: 450.0, y: 300.0, degrees: 0.0 };
        paper.draw(place, 880.0, height, |x, y| {
            // The far end of the bars stands closer together.
            let x = (x - 440.0) / (0.92 + 0.16 * y / height) / module + width / 2.0;
            (0.0..width).contains(&x) && modules.is_dark(x as u32, 0)
        });
        let what = format!("{symbology} in perspective");
        assert_eq!(one(ordinary(&paper.gray()), &what).text, text(symbology), "{what}");
    }
}

#[test]
fn white_on_black_is_read_by_a_stubborn_look() {
    for symbology in Symbology::ALL {
        let modules = encode(symbology, text(symbology)).unwrap();
        let mut paper = Paper::letter(150);
        paper.code(&modules, 3.0, Place { x: 640.0, y: 600.0, degrees: 0.0 });
        paper.pixels.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        let raster = paper.gray();
        let what = format!("{symbology} white on black");
        assert_eq!(ordinary(&raster).codes, [], "{what}");
        let reading = one(read(&raster, &rules(), Effort::Stubborn), &what);
        assert_eq!(reading.text, text(symbology), "{what}");
    }
}

#[test]
fn a_cover_sheet_survives_fading_and_noise() {
    let payload = CoverSheet::Patient { mrn: "0048213".into(), encounter: None }.to_payload();
    let modules = encode(Symbology::Code128, &payload).unwrap();
    let mut paper = Paper::letter(300);
    paper.code(&modules, 4.0, Place { x: 1275.0, y: 900.0, degrees: 1.3 });
    paper.print(300, 1400, 2200, 2800);
    for worn in [paper.clone().noisy(110), paper.clone().faded(175, 235).noisy(14)] {
        assert_eq!(one(ordinary(&worn.gray()), "worn sheet").text, payload);
    }
}

#[test]
fn itf_is_read_only_in_the_lengths_the_profile_names() {
    let mut paper = Paper::blank(1400, 800, 300);
    let modules = encode(Symbology::Itf, "10203937").unwrap();
    paper.code(&modules, 4.0, Place { x: 700.0, y: 400.0, degrees: 0.0 });
    let raster = paper.gray();
    assert_eq!(ordinary(&raster).codes.len(), 1);
    for lengths in [vec![], vec![6, 10]] {
        let rules = BarcodeRules { itf_lengths: lengths, ..rules() };
        assert_eq!(read(&raster, &rules, Effort::Stubborn).codes, []);
    }
}

#[test]
fn only_the_symbologies_of_the_profile_are_read() {
    for symbology in Symbology::ALL {
        let modules = encode(symbology, text(symbology)).unwrap();
        let mut paper = Paper::blank(1400, 800, 300);
        let place = Place { x: 700.0, y: 400.0, degrees: 0.0 };
        paper.code(&modules, module_pixels(symbology), place);
        let others = Symbology::ALL.into_iter().filter(|s| *s != symbology).collect();
        let rules = BarcodeRules { symbologies: others, ..rules() };
        assert_eq!(read(&paper.gray(), &rules, Effort::Ordinary).codes, [], "{symbology}");
    }
}

/// Halves of codes, codes struck through, and codes nobody may believe.
#[test]
fn half_a_code_is_no_code() {
    for symbology in [Symbology::Code39, Symbology::Itf, Symbology::Codabar, Symbology::Code128] {
        let mut modules = encode(symbology, text(symbology)).unwrap();
        let keep = modules.width * 3 / 5;
        modules.dark.truncate(keep as usize);
        modules.width = keep;
        let mut paper = Paper::blank(1400, 800, 300);
        paper.code(&modules, 4.0, Place { x: 700.0, y: 400.0, degrees: 0.0 });
        let rules = BarcodeRules { itf_lengths: vec![2, 4, 6, 8], ..rules() };
        assert_eq!(read(&paper.gray(), &rules, Effort::Ordinary).codes, [], "{symbology}");
    }
}

#[test]
fn patch_codes_are_found_however_the_sheet_lies() {
    let mut printed = Paper::letter(200);
    printed.print(200, 1000, 1500, 2000);
    for code in PatchCode::ALL {
        for quarter in [0.0, 90.0, 180.0, 270.0] {
            for skew in [-5.0, 0.0, 3.0] {
                let mut paper = printed.clone();
                let degrees = quarter + skew;
                paper.patch(code, 800.0, Place { x: 850.0, y: 500.0, degrees });
                let readings = ordinary(&paper.gray()).patches;
                // From the top down, or from left to right.
                let lies =
                    if quarter == 0.0 || quarter == 270.0 { code } else { code.turned_180() };
                let expected = if code == code.turned_180() {
                    PatchReading::Known(code)
                } else {
                    PatchReading::EitherWayUp(lies, lies.turned_180())
                };
                assert_eq!(readings, [expected], "{code} at {degrees}°");
            }
        }
    }
}

#[test]
fn our_own_barcode_on_the_sheet_says_which_way_up_the_patch_lies() {
    let separator = encode(Symbology::Code128, &CoverSheet::Separator.to_payload()).unwrap();
    for (degrees, sheet) in [
        (0.0, [(850.0, 300.0), (850.0, 900.0)]),
        (90.0, [(1400.0, 1000.0), (800.0, 1000.0)]),
        (180.0, [(850.0, 1900.0), (850.0, 1300.0)]),
        (270.0, [(300.0, 1000.0), (900.0, 1000.0)]),
    ] {
        for code in PatchCode::ALL {
            let mut paper = Paper::letter(200);
            let [(x, y), (code_x, code_y)] = sheet;
            paper.patch(code, 900.0, Place { x, y, degrees });
            paper.code(&separator, 4.0, Place { x: code_x, y: code_y, degrees });
            let patches = ordinary(&paper.bitonal()).patches;
            assert_eq!(patches, [PatchReading::Known(code)], "{code} at {degrees}°");
        }
    }
}

#[test]
fn the_same_patch_at_both_ends_of_a_sheet_needs_no_cue() {
    let mut paper = Paper::letter(200);
    paper.patch(PatchCode::Transfer, 900.0, Place { x: 850.0, y: 250.0, degrees: 0.0 });
    paper.patch(PatchCode::Transfer, 900.0, Place { x: 850.0, y: 1950.0, degrees: 180.0 });
    assert_eq!(ordinary(&paper.gray()).patches, [PatchReading::Known(PatchCode::Transfer)]);
}

#[test]
fn a_worn_patch_sheet_is_still_found() {
    let mut paper = Paper::letter(300);
    paper.patch(PatchCode::Two, 1200.0, Place { x: 1275.0, y: 500.0, degrees: 2.0 });
    for worn in [paper.clone().noisy(100), paper.clone().faded(170, 235).noisy(20)] {
        assert_eq!(ordinary(&worn.gray()).patches, [PatchReading::Known(PatchCode::Two)]);
    }
    let rules = BarcodeRules { patch_codes: false, ..rules() };
    assert_eq!(read(&paper.gray(), &rules, Effort::Ordinary).patches, []);
}

#[test]
fn four_bars_that_are_no_patch_read_as_none() {
    // Bars and spaces from the top on, in pixels at 200 dpi.
    let bars = |paper: &mut Paper, top: f32, heights: &[(f32, f32)], lengths: [f32; 4]| {
        let mut y = top;
        for ((height, space), length) in heights.iter().zip(lengths) {
            paper.bar(200.0, y, length, *height);
            y += height + space;
        }
    };
    let letter = || {
        let mut paper = Paper::letter(200);
        paper.print(200, 1700, 1500, 2000);
        paper
    };
    let patch = [(40.0, 16.0), (16.0, 16.0), (16.0, 16.0), (40.0, 16.0)];
    let mut middle = letter();
    bars(&mut middle, 1020.0, &patch, [1200.0; 4]);
    let mut table = letter();
    let head = [(40.0, 20.0), (20.0, 20.0), (14.0, 20.0), (37.0, 20.0)];
    bars(&mut table, 200.0, &head, [1200.0; 4]);
    let mut flag = letter();
    let stripes = [(33.0, 20.0), (20.0, 20.0), (33.0, 20.0), (20.0, 20.0)];
    bars(&mut flag, 200.0, &stripes, [600.0; 4]);
    let mut blacked_out = letter();
    bars(&mut blacked_out, 200.0, &patch, [700.0, 1200.0, 760.0, 1100.0]);
    let mut short = letter();
    bars(&mut short, 200.0, &patch, [280.0; 4]);
    for (name, paper) in [
        ("letterhead in the middle", middle),
        ("head of a table", table),
        ("flag", flag),
        ("lines blacked out", blacked_out),
        ("short bars", short),
    ] {
        for raster in [paper.clone().gray(), paper.bitonal()] {
            assert_eq!(ordinary(&raster).patches, [], "{name}");
        }
    }
    let mut printed = letter();
    bars(&mut printed, 200.0, &patch, [1200.0; 4]);
    assert_eq!(ordinary(&printed.gray()).patches, [PatchReading::Known(PatchCode::Two)]);
}

#[test]
fn tables_rules_print_and_barcodes_read_as_nothing_else() {
    let half_letter = || Paper::blank(1100, 1400, 200);
    let mut table = half_letter();
    for row in 0..18 {
        table.bar(100.0, 150.0 + row as f32 * 60.0, 900.0, 4.0);
    }
    for column in 0..8 {
        table.bar(100.0 + column as f32 * 128.0, 150.0, 4.0, 1020.0);
    }
    table.print(110, 160, 980, 1150);
    let mut ruled = half_letter();
    for line in 0..36 {
        ruled.bar(100.0, 100.0 + line as f32 * 32.0, 900.0, 16.0);
    }
    let mut bands = half_letter();
    for line in 0..10 {
        bands.bar(
            100.0,
            100.0 + line as f32 * 120.0,
            900.0,
            if line % 2 == 0 { 40.0 } else { 16.0 },
        );
    }
    let mut columns = half_letter();
    for i in 0..45 {
        columns.bar(100.0 + i as f32 * 20.0, 300.0, if i % 3 == 0 { 8.0 } else { 3.0 }, 500.0);
    }
    for (name, paper) in
        [("table", table), ("ruled", ruled), ("bands", bands), ("columns", columns)]
    {
        for raster in
            [paper.clone().gray(), paper.clone().noisy(60).gray(), paper.clone().bitonal()]
        {
            for effort in [Effort::Ordinary, Effort::Stubborn] {
                assert_eq!(read(&raster, &rules(), effort), PageReadings::default(), "{name}");
            }
        }
    }
    let mut barcodes = half_letter();
    for (i, symbology) in
        [Symbology::Code128, Symbology::Code39, Symbology::Pdf417].into_iter().enumerate()
    {
        let modules = encode(symbology, text(symbology)).unwrap();
        barcodes.code(&modules, 3.0, Place { x: 550.0, y: 300.0 + 400.0 * i as f32, degrees: 0.0 });
    }
    let readings = ordinary(&barcodes.gray());
    assert_eq!((readings.codes.len(), readings.patches.len()), (3, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_raster_makes_reading_panic(
        width in 1u32..160, height in 1u32..160, dpi in 0u32..2000, seed: u32, run in 1u32..12,
        format in 0usize..3,
    ) {
        let format = [PixelFormat::Bitonal, PixelFormat::Gray8, PixelFormat::Rgb8][format];
        let mut random = Random(seed);
        let bytes = format.row_bytes(width) * height as usize;
        let mut pixels = Vec::with_capacity(bytes);
        while pixels.len() < bytes {
            let value = (random.below(2) * 255) as u8;
            let length = random.below(run) as usize + 1;
            pixels.extend(std::iter::repeat_n(value, length.min(bytes - pixels.len())));
        }
        let raster = Raster::new(width, height, Dpi(dpi), format, pixels).unwrap();
        for effort in [Effort::Ordinary, Effort::Stubborn] {
            for reading in read(&raster, &rules(), effort).codes {
                prop_assert!(!reading.text.is_empty());
            }
        }
    }
}
