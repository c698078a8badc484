//! Cleaning, by drawn pages and the project's fixtures. The single measures have
//! their own tests beside them.

use super::*;
use crate::imaging::decode;
use crate::imaging::turn::mirrored;
use crate::profile::{FiledPixels, Threshold};
use crate::records::raster::Dpi;

const ALL_TURNS: [QuarterTurn; 4] =
    [QuarterTurn::None, QuarterTurn::Right, QuarterTurn::Half, QuarterTurn::Left];

fn settings() -> Cleaning {
    Cleaning {
        upright: true,
        deskew: true,
        max_skew_degrees: 10.0,
        invert_negative: true,
        crop: true,
        despeckle: false,
        threshold: Threshold::Keep,
        blank_ink: 0.0002,
        drop_blank: true,
        filed_pixels: FiledPixels::Straightened,
    }
}

fn fixture(path: &str) -> Raster {
    let file = std::fs::read(format!("{}/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    decode::open(&file).unwrap().next().unwrap().unwrap()
}

/// A gray page at 150 dpi drawn dot by dot.
struct Drawing {
    width: u32,
    height: u32,
    levels: Vec<u8>,
}

impl Drawing {
    fn new(width: u32, height: u32, level: u8) -> Drawing {
        Drawing { width, height, levels: vec![level; (width * height) as usize] }
    }

    fn letter_page(level: u8) -> Drawing {
        Drawing::new(1275, 1650, level)
    }

    fn bar(&mut self, (left, top, right, bottom): (u32, u32, u32, u32), level: u8) {
        for y in top..bottom.min(self.height) {
            let row = &mut self.levels[(y * self.width) as usize..][..self.width as usize];
            row[left as usize..(right as usize).min(self.width as usize)].fill(level);
        }
    }

    /// Lines of small upright strokes between these edges: as sharp as text for
    /// the skew measure, without ascenders.
    fn lines(&mut self, (left, top, right, bottom): (u32, u32, u32, u32), ink: u8) {
        for y in (top..bottom).step_by(25) {
            for x in (left..right).step_by(9) {
                if x / 9 % 7 != 0 {
                    self.bar((x, y, x + 4, y + 10), ink);
                }
            }
        }
    }

    /// Capitals of 10 points, as frames with a stroke across.
    fn word(&mut self, (left, top): (u32, u32), letters: u32, ink: u8) {
        for x in (0..letters).map(|letter| left + letter * 14) {
            for part in [
                (x, top, x + 2, top + 15),
                (x + 8, top, x + 10, top + 15),
                (x, top, x + 10, top + 2),
                (x, top + 7, x + 10, top + 9),
            ] {
                self.bar(part, ink);
            }
        }
    }

    fn stroke(&mut self, from: (f32, f32), to: (f32, f32), thick: u32, ink: u8) {
        let steps = (to.0 - from.0).hypot(to.1 - from.1) as u32;
        for step in 0..=steps {
            let part = step as f32 / steps as f32;
            let x = (from.0 + (to.0 - from.0) * part) as u32;
            let y = (from.1 + (to.1 - from.1) * part) as u32;
            self.bar((x, y, x + thick, y + thick), ink);
        }
    }

    fn disc(&mut self, (middle_x, middle_y): (i64, i64), radius: i64, level: u8) {
        for y in 0..i64::from(self.height) {
            for x in 0..i64::from(self.width) {
                if (x - middle_x).pow(2) + (y - middle_y).pow(2) <= radius * radius {
                    self.levels[(y * i64::from(self.width) + x) as usize] = level;
                }
            }
        }
    }

    fn raster(self) -> Raster {
        Raster::new(self.width, self.height, Dpi(150), PixelFormat::Gray8, self.levels).unwrap()
    }
}

fn bitonal(raster: &Raster) -> Raster {
    threshold::bitonal(raster, Threshold::Global).unwrap()
}

#[test]
fn pages_of_text_are_turned_upright_from_any_of_the_four() {
    let pages = ["progress-note.png", "discharge-summary-1.png", "consent.png", "carbon-copy.jpg"];
    for name in pages {
        let page = fixture(&format!("pages/{name}"));
        for lies in ALL_TURNS {
            let cleaned = clean(&turned(&page, lies), &settings());
            assert_eq!(lies.then(cleaned.picture.turn), QuarterTurn::None, "{name} {lies:?}");
            assert!(cleaned.picture.turn_confidence >= Some(4.0), "{name} {lies:?}");
            let upright = (cleaned.raster.width(), cleaned.raster.height());
            assert_eq!(upright, (page.width(), page.height()), "{name} {lies:?}");
        }
    }
}

#[test]
fn pages_however_crooked_are_turned_upright_from_any_of_the_four() {
    for name in ["progress-note.png", "consent.png"] {
        let straight = fixture(&format!("pages/{name}"));
        for degrees in [-20.0f32, -14.5, 16.0, 24.0] {
            let page = rotate::rotated(&straight, degrees, straight.width(), straight.height());
            for lies in ALL_TURNS {
                let picture = clean(&turned(&page, lies), &settings()).picture;
                let case = format!("{name} {degrees} {lies:?}: {picture:?}");
                let is_across = matches!(lies, QuarterTurn::None | QuarterTurn::Half);
                // On its side such a page may be left to the reading.
                assert!(picture.turn_confidence.is_some() || !is_across, "{case}");
                if picture.turn_confidence.is_some() {
                    assert_eq!(lies.then(picture.turn), QuarterTurn::None, "{case}");
                    let measured = picture.skew_measured_degrees.expect(&case);
                    assert!((measured - degrees).abs() < 0.1, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_page_that_does_not_tell_which_way_up_it_lies_is_left_and_says_so() {
    // Strokes without ascenders, and figures.
    let mut drawing = Drawing::letter_page(250);
    drawing.lines((150, 150, 1100, 1500), 20);
    for page in [drawing.raster(), fixture("sheets/patient-torn.jpg")] {
        for lies in ALL_TURNS {
            let picture = clean(&turned(&page, lies), &settings()).picture;
            assert_eq!((picture.turn, picture.turn_confidence), (QuarterTurn::None, None));
        }
    }
}

#[test]
fn capitals_do_not_tell_which_way_up_a_page_lies() {
    // Capitals of which one in twelve has something below their line, as Q, J
    // and a comma have: on small letters that would mean the page is on its head.
    let mut drawing = Drawing::letter_page(250);
    for (row, top) in (150..1500).step_by(30).enumerate() {
        for column in 0..60u32 {
            let left = 150 + column * 16;
            drawing.word((left, top), 1, 20);
            if (row as u32 * 5 + column).is_multiple_of(12) {
                drawing.bar((left + 2, top + 13, left + 6, top + 20), 20);
            }
        }
    }
    let page = drawing.raster();
    for lies in ALL_TURNS {
        let cleaned = clean(&turned(&page, lies), &settings());
        let picture = &cleaned.picture;
        assert_eq!((picture.turn, picture.turn_confidence), (QuarterTurn::None, None), "{lies:?}");
        let lines = match lies {
            QuarterTurn::None | QuarterTurn::Half => Lines::Across,
            QuarterTurn::Right | QuarterTurn::Left => Lines::Down,
        };
        assert_eq!(cleaned.lines, Some(lines), "{lies:?}");
    }
}

#[test]
fn a_given_turn_is_obeyed_and_recorded() {
    let mut drawing = Drawing::letter_page(250);
    drawing.lines((150, 150, 1100, 1500), 20);
    let page = drawing.raster();
    let cleaned = clean_with_turn(&page, &settings(), QuarterTurn::Left, 6.5);
    assert_eq!(cleaned.picture.turn, QuarterTurn::Left);
    assert_eq!(cleaned.picture.turn_confidence, Some(6.5));
    assert_eq!((cleaned.raster.width(), cleaned.raster.height()), (1650, 1275));
}

#[test]
fn a_profile_that_wants_no_turning_gets_none() {
    let page = turned(&fixture("pages/progress-note.png"), QuarterTurn::Half);
    let picture = clean(&page, &Cleaning { upright: false, ..settings() }).picture;
    assert_eq!((picture.turn, picture.turn_confidence), (QuarterTurn::None, None));
}

#[test]
fn skew_is_measured_to_a_tenth_of_a_degree_and_taken_out() {
    for (file, degrees) in [
        ("skewed-1.png", 1.0f32),
        ("skewed-minus-1.png", -1.0),
        ("skewed-3.png", 3.0),
        ("skewed-minus-3.png", -3.0),
        ("skewed-7.png", 7.0),
    ] {
        for format in [PixelFormat::Gray8, PixelFormat::Bitonal] {
            let gray = fixture(&format!("pages/{file}"));
            let page = if format == PixelFormat::Bitonal { bitonal(&gray) } else { gray };
            let cleaned = clean(&page, &settings());
            let measured = cleaned.picture.skew_measured_degrees.expect(file);
            assert!((measured - degrees).abs() <= 0.1, "{file} {format:?}: {measured}");
            assert_eq!(cleaned.picture.skew_applied_degrees, measured);
            assert_eq!(cleaned.raster.format(), format);
            let left = clean(&cleaned.raster, &settings()).picture.skew_measured_degrees;
            assert!(left.is_some_and(|left| left.abs() < 0.1), "{file} {format:?}: {left:?} left");
        }
    }
}

#[test]
fn a_nearly_straight_table_is_not_set_crooked() {
    // Ruled, ten columns of figures of two to four digits, sideways letter.
    let mut drawing = Drawing::new(2200, 1700, 255);
    for row in 0..22u32 {
        let top = 150 + row * 60;
        drawing.bar((150, top - 10, 2050, top - 8), 0);
        for column in 0..10u32 {
            for digit in 0..2 + (row * 7 + column * 5) % 3 {
                let (x, y) = (170 + column * 190 + digit * 18, top + 6);
                drawing.bar((x, y, x + 14, y + 20), 0);
                drawing.bar((x + 4, y + 4, x + 10, y + 16), 255);
            }
        }
    }
    for column in 0..=10 {
        drawing.bar((150 + column * 190, 140, 152 + column * 190, 1460), 0);
    }
    let (format, dpi) = (PixelFormat::Gray8, Dpi(200));
    let straight = Raster::new(2200, 1700, dpi, format, drawing.levels).unwrap();
    for degrees in [-0.6f32, -0.5, -0.4, 0.3, 0.4, 0.5, 0.6] {
        let page = rotate::rotated(&straight, degrees, 2200, 1700);
        let measured = clean(&page, &settings()).picture.skew_measured_degrees;
        let is_right = measured.is_some_and(|measured| (measured - degrees).abs() < 0.1);
        assert!(is_right, "{degrees}: {measured:?}");
    }
}

#[test]
fn an_angle_over_the_profiles_limit_is_recorded_and_left_alone() {
    let page = fixture("pages/skewed-7.png");
    let cleaned = clean(&page, &Cleaning { max_skew_degrees: 5.0, ..settings() });
    assert!(cleaned.picture.skew_measured_degrees > Some(6.9));
    assert_eq!(cleaned.picture.skew_applied_degrees, 0.0);
    assert!(cleaned.raster == page);
}

#[test]
fn straightening_makes_room_for_ink_it_would_push_off_the_page() {
    let mut drawing = Drawing::letter_page(255);
    drawing.lines((200, 200, 1050, 1450), 0);
    let crooked = rotate::rotated(&drawing.raster(), 3.0, 1275, 1650);
    let mut drawing = Drawing { width: 1275, height: 1650, levels: crooked.into_pixels() };
    drawing.bar((1240, 8, 1264, 30), 0); // near the corner that will rise
    let page = drawing.raster();
    let cleaned = clean(&page, &settings());
    assert!((cleaned.picture.skew_applied_degrees - 3.0).abs() < 0.1);
    assert!(cleaned.raster.height() > page.height());
    let ink = |page: &Raster| page.pixels().iter().map(|&level| i64::from(255 - level)).sum();
    let (before, after): (i64, i64) = (ink(&page), ink(&cleaned.raster));
    assert!((before - after).abs() < before / 1000, "{before} became {after}");
}

#[test]
fn nothing_to_do_gives_the_page_back_pixel_for_pixel() {
    let mut drawing = Drawing::letter_page(250);
    drawing.lines((150, 150, 1100, 1500), 20);
    for page in [bitonal(&Drawing::letter_page(255).raster()), drawing.raster()] {
        assert!(clean(&page, &settings()).raster == page);
    }
}

#[test]
fn negative_pages_are_inverted_and_positive_ones_are_not() {
    let names = ["progress-note.png", "lab-report.png", "carbon-copy.jpg", "stamped-letter.jpg"];
    for name in names {
        let positive = fixture(&format!("pages/{name}"));
        let negative = inverted(&positive);
        assert_eq!(clean(&positive, &settings()).picture.polarity, Polarity::Positive, "{name}");
        let cleaned = clean(&negative, &settings());
        assert_eq!(cleaned.picture.polarity, Polarity::Negative, "{name}");
        assert!(cleaned.raster == clean(&positive, &settings()).raster, "{name}");
        let kept = clean(&negative, &Cleaning { invert_negative: false, ..settings() });
        assert_eq!(kept.picture.polarity, Polarity::Negative, "{name}");
        assert!(kept.raster == negative, "{name}");
    }
    assert_eq!(
        clean(&fixture("pages/film-negative.png"), &settings()).picture.polarity,
        Polarity::Negative
    );
}

#[test]
fn a_dark_picture_on_a_page_of_text_does_not_make_it_negative() {
    let mut drawing = Drawing::letter_page(245);
    drawing.lines((150, 900, 1100, 1500), 20);
    drawing.bar((150, 100, 1100, 850), 30);
    drawing.lines((200, 150, 1050, 800), 230);
    assert_eq!(clean(&drawing.raster(), &settings()).picture.polarity, Polarity::Positive);
}

#[test]
fn a_film_frame_with_clear_edges_is_negative() {
    let mut drawing = Drawing::letter_page(235);
    drawing.bar((45, 45, 1230, 1605), 60);
    drawing.lines((150, 150, 1100, 1500), 220);
    assert_eq!(clean(&drawing.raster(), &settings()).picture.polarity, Polarity::Negative);
}

/// Bright ribs beside a spine on black.
fn radiograph() -> Drawing {
    let mut drawing = Drawing::letter_page(12);
    for y in 200..1450u32 {
        let level = |from_spine: u32| 12 + (140u32.saturating_sub(from_spine * 2)) as u8;
        for x in 250..1025u32 {
            let from_spine = x.abs_diff(637);
            let on_a_rib = (y + from_spine / 4) % 110 < 14;
            let bright = if on_a_rib { 60u8 } else { 0 };
            drawing.levels[(y * 1275 + x) as usize] = level(from_spine).saturating_add(bright);
        }
    }
    drawing
}

#[test]
fn pictures_and_boxes_light_on_dark_are_not_negative_pages() {
    let mut captioned = radiograph();
    captioned.lines((60, 60, 700, 120), 235);
    let mut sector = Drawing::letter_page(6);
    for y in 100..1300i64 {
        for x in 638 - y / 2..638 + y / 2 {
            // Speckle of fixed noise.
            let noise = ((x * 7919 + y * 104_729) % 97) as u8;
            sector.levels[(y * 1275 + x) as usize] = 25 + noise;
        }
    }
    sector.lines((40, 60, 250, 800), 255);
    let mut note_above_box = Drawing::letter_page(255);
    note_above_box.lines((150, 100, 1100, 160), 0);
    note_above_box.bar((120, 200, 1150, 1400), 0);
    note_above_box.lines((160, 240, 1100, 1360), 255);
    // Handed out six to a sheet: two thirds of it are dark.
    let mut slides = Drawing::letter_page(255);
    for (left, top) in [90, 640].into_iter().flat_map(|x| [80, 575, 1070].map(|y| (x, y))) {
        slides.bar((left, top, left + 540, top + 485), 8);
        slides.lines((left + 40, top + 40, left + 500, top + 450), 250);
    }
    let mut four_slides = Drawing::letter_page(255);
    for (left, top) in [60, 650].into_iter().flat_map(|x| [60, 837].map(|y| (x, y))) {
        four_slides.bar((left, top, left + 565, top + 753), 8);
        four_slides.lines((left + 40, top + 40, left + 525, top + 713), 250);
    }
    for (name, page) in [
        ("radiograph", radiograph()),
        ("captioned radiograph", captioned),
        ("ultrasound", sector),
        ("box", note_above_box),
        ("slides", slides),
        ("four slides", four_slides),
    ] {
        let page = page.raster();
        let cleaned = clean(&page, &Cleaning { crop: false, deskew: false, ..settings() });
        assert_eq!(cleaned.picture.polarity, Polarity::Positive, "{name}");
        assert!(cleaned.raster.pixels().iter().zip(page.pixels()).all(|(a, b)| a == b), "{name}");
    }
}

#[test]
fn blank_sides_are_blank_and_a_single_line_is_not() {
    for (file, blank) in [
        ("blanks/white.png", true),
        ("blanks/used-paper.jpg", true),
        ("blanks/bleed-through.jpg", true),
        ("blanks/punch-holes.png", true),
        ("demo-stack/05b-blank-bleed-through.png", true),
        ("blanks/not-blank-one-line.png", false),
        ("pages/faded.jpg", false),
        ("pages/carbon-copy.jpg", false),
    ] {
        let measure = clean(&fixture(file), &settings()).picture.blank;
        assert_eq!(measure.is_blank, blank, "{file}: {}", measure.ink);
        let seen_from_behind = clean(&mirrored(&fixture(file)), &settings()).picture.blank;
        assert_eq!(seen_from_behind.is_blank, blank, "{file} mirrored");
    }
}

#[test]
fn margins_holes_and_dust_lines_are_not_ink() {
    let mut drawing = Drawing::letter_page(250);
    drawing.bar((0, 0, 30, 1650), 60); // the lid's shadow
    drawing.bar((700, 0, 702, 1650), 90); // dust on the sensor
    for y in [300, 825, 1350] {
        drawing.disc((60, y), 20, 10);
    }
    drawing.bar((500, 500, 502, 502), 0); // a speck
    let measure = clean(&drawing.raster(), &settings()).picture.blank;
    assert!(measure.is_blank, "{}", measure.ink);
}

#[test]
fn a_side_with_a_single_mark_of_writing_is_not_blank() {
    let check = |name: &str, draw: &dyn Fn(&mut Drawing)| {
        let mut drawing = Drawing::letter_page(245);
        draw(&mut drawing);
        let page = drawing.raster();
        for lies in ALL_TURNS {
            let measure = clean(&turned(&page, lies), &settings()).picture.blank;
            assert!(!measure.is_blank, "{name} {lies:?}: {}", measure.ink);
            assert!(measure.ink < settings().blank_ink, "{name}: enough ink tests nothing");
        }
    };
    check("DNR", &|page| page.word((250, 500), 3, 20));
    check("a number of two digits", &|page| page.word((750, 1000), 2, 20));
    check("an allergy at the top edge", &|page| page.word((550, 12), 7, 20));
    check("DNR at the left edge", &|page| page.word((4, 750), 3, 20));
    check("a page number at the foot", &|page| page.word((620, 1590), 2, 20));
    check("pencilled initials", &|page| page.word((1000, 1500), 2, 150));
    check("a line that strikes the page out", &|page| page.bar((150, 800, 1125, 802), 60));
    check("a check mark", &|page| {
        page.stroke((500.0, 500.0), (510.0, 515.0), 3, 30);
        page.stroke((510.0, 515.0), (535.0, 475.0), 3, 30);
    });
    check("a check mark in the corner", &|page| {
        page.stroke((60.0, 80.0), (75.0, 100.0), 3, 30);
        page.stroke((75.0, 100.0), (110.0, 45.0), 3, 30);
    });
}

#[test]
fn staples_and_strong_specks_are_not_writing() {
    let mut drawing = Drawing::letter_page(245);
    drawing.stroke((60.0, 60.0), (105.0, 90.0), 3, 60); // a staple
    drawing.bar((400, 0, 402, 1650), 60); // dust on the sensor
    for at in [200, 700, 1200] {
        drawing.bar((at, at, at + 4, at + 4), 0);
    }
    drawing.bar((0, 600, 12, 640), 30); // a torn edge
    drawing.bar((0, 660, 9, 690), 30);
    let page = drawing.raster();
    for lies in ALL_TURNS {
        let measure = clean(&turned(&page, lies), &settings()).picture.blank;
        assert!(measure.is_blank, "{lies:?}: {}", measure.ink);
    }
}

#[test]
fn the_scanners_dark_lid_is_cut_off_and_the_paper_never() {
    let mut drawing = Drawing::letter_page(15);
    drawing.bar((101, 51, 1175, 1450), 245);
    drawing.lines((200, 150, 1100, 1350), 20);
    let page = drawing.raster();
    let cleaned = clean(&page, &settings());
    let paper = PixelBox { left: 101, top: 51, right: 1175, bottom: 1450 };
    assert_eq!(cleaned.picture.crop, Some(paper));
    assert_eq!((cleaned.raster.width(), cleaned.raster.height()), (1074, 1399));
    assert!(cleaned.raster.pixels().iter().all(|&level| level > 15));

    let left = clean(&page, &Cleaning { crop: false, ..settings() });
    assert_eq!(left.picture.crop, None);
}

#[test]
fn white_letters_on_a_dark_band_are_not_cut_off() {
    let page = || {
        let mut drawing = Drawing::letter_page(250);
        drawing.lines((300, 250, 1200, 1550), 20);
        drawing
    };
    let mut side_band = page();
    side_band.bar((0, 0, 225, 1650), 40);
    side_band.word((20, 400), 8, 255);
    let mut letterhead = page();
    letterhead.bar((0, 0, 1275, 190), 40);
    letterhead.lines((150, 70, 1100, 90), 255);
    for (name, drawing) in [("side band", side_band), ("letterhead", letterhead)] {
        assert_eq!(clean(&drawing.raster(), &settings()).picture.crop, None, "{name}");
    }
}

#[test]
fn a_dark_picture_at_the_foot_of_a_page_is_not_taken_for_the_lid() {
    let mut drawing = Drawing::letter_page(15);
    drawing.bar((40, 40, 1235, 1400), 245);
    drawing.lines((150, 150, 1100, 1000), 20);
    drawing.bar((40, 1100, 1235, 1400), 24);
    let crop = clean(&drawing.raster(), &settings()).picture.crop;
    assert_eq!(crop, Some(PixelBox { left: 40, top: 40, right: 1235, bottom: 1650 }));
}

#[test]
fn slips_and_half_sheets_are_cut_out_of_a_dark_lid() {
    // A half sheet as wide as the lid, and a slip that lies crooked.
    let mut half = Drawing::new(1275, 2100, 15);
    half.bar((12, 12, 1263, 837), 245);
    half.lines((150, 100, 1100, 700), 20);
    let found = clean(&half.raster(), &settings()).picture.crop;
    assert_eq!(found, Some(PixelBox { left: 12, top: 12, right: 1263, bottom: 837 }));

    let mut slip = Drawing::new(1275, 2100, 20);
    slip.bar((200, 200, 950, 800), 245);
    slip.lines((300, 280, 850, 700), 20);
    let straight = slip.raster();
    let mut crooked = rotate::rotated(&straight, 4.0, 1275, 2100).into_pixels();
    // Outside the scan is lid too, not the white that straightening leaves.
    for (y, row) in crooked.chunks_mut(1275).enumerate() {
        let edge = if (100..=1900).contains(&y) { 150 } else { 1275 };
        row[..edge.min(1275)].fill(20);
        row[1275 - edge.min(150)..].fill(20);
    }
    let format = PixelFormat::Gray8;
    let page = Raster::new(1275, 2100, Dpi(150), format, crooked).unwrap();
    let paper = clean(&page, &settings()).picture.crop.expect("the slip is seen");
    let (width, height) = (paper.right - paper.left, paper.bottom - paper.top);
    assert!((750..850).contains(&width) && (600..700).contains(&height), "{paper:?}");
}

#[test]
fn a_radiographs_light_parts_are_no_paper() {
    assert_eq!(clean(&radiograph().raster(), &settings()).picture.crop, None);
}

#[test]
fn a_white_lid_or_a_black_bar_on_the_paper_is_not_cut() {
    let mut drawing = Drawing::letter_page(255);
    drawing.lines((200, 150, 1100, 1350), 20);
    drawing.bar((0, 1400, 1200, 1500), 0);
    assert_eq!(clean(&drawing.raster(), &settings()).picture.crop, None);
}

#[test]
fn black_and_white_is_made_where_the_profile_asks() {
    let mut drawing = Drawing::letter_page(240);
    // A shadow: ink in the light is lighter than paper in the dark.
    drawing.bar((0, 825, 1275, 1650), 90);
    drawing.lines((150, 150, 1100, 775), 120);
    drawing.lines((150, 900, 1100, 1500), 20);
    let page = drawing.raster();
    let black = |threshold| {
        let cleaned = clean(&page, &Cleaning { threshold, deskew: false, ..settings() });
        assert_eq!(cleaned.raster.format(), PixelFormat::Bitonal);
        let rows = |from: u32, to: u32| -> f32 {
            let bits: u32 = (from..to)
                .flat_map(|y| cleaned.raster.row(y).to_vec())
                .map(|byte| byte.count_ones())
                .sum();
            bits as f32 / (1275 * (to - from)) as f32
        };
        (rows(150, 775), rows(900, 1500))
    };
    let (light, dark) = black(Threshold::Local);
    assert!((0.08..0.15).contains(&light) && (0.08..0.15).contains(&dark), "{light} {dark}");
    let (_, dark) = black(Threshold::Global);
    assert!(dark > 0.9, "one level for the page blackens the shadow: {dark}");
}

#[test]
fn specks_go_where_the_profile_asks_and_full_stops_stay() {
    let mut drawing = Drawing::new(2550, 3300, 255);
    drawing.bar((500, 500, 502, 502), 0); // a speck at 300 dpi
    drawing.bar((900, 500, 904, 504), 0); // a full stop
    let gray = drawing.raster();
    let page = Raster::new(2550, 3300, Dpi(300), PixelFormat::Gray8, gray.into_pixels()).unwrap();
    let settings = Cleaning { threshold: Threshold::Global, despeckle: true, ..settings() };
    let cleaned = clean(&page, &settings).raster;
    let ink = |y: u32| cleaned.row(y).iter().map(|byte| byte.count_ones()).sum::<u32>();
    assert_eq!((ink(501), ink(503)), (4, 4));
}

#[test]
fn a_point_goes_to_the_upright_page_and_back() {
    let mut drawing = Drawing::letter_page(15);
    drawing.bar((101, 51, 1175, 1450), 245);
    drawing.lines((200, 150, 1100, 1350), 20);
    drawing.bar((300, 200, 320, 220), 245);
    drawing.disc((310, 210), 6, 0);
    let straight = drawing.raster();
    let crooked = rotate::rotated(&straight, 2.0, 1275, 1650);
    for lies in ALL_TURNS {
        let page = turned(&crooked, lies);
        let back = [QuarterTurn::None, QuarterTurn::Left, QuarterTurn::Half, QuarterTurn::Right]
            [usize::from(lies.degrees() / 90)];
        let cleaned = clean_with_turn(&page, &settings(), back, 9.0);
        assert!((cleaned.picture.skew_applied_degrees - 2.0).abs() < 0.1);
        let geometry = cleaned.geometry();
        for (x, y) in [(0.0, 0.0), (700.0, 20.0), (1000.0, 1200.0)] {
            let (there_x, there_y) = geometry.to_upright(x, y);
            let (x_again, y_again) = geometry.to_original(there_x, there_y);
            assert!((x - x_again).abs() < 1e-6 && (y - y_again).abs() < 1e-6);
        }
        // The middle of the disc, found by its pixels, is where the geometry
        // says the drawn one went.
        let drawn = geometry_of_disc(&page);
        let found = geometry_of_disc(&cleaned.raster);
        let (x, y) = geometry.to_upright(drawn.0, drawn.1);
        assert!((x - found.0).abs() < 1.0 && (y - found.1).abs() < 1.0, "{x},{y} {found:?}");
    }
}

/// The middle of the only black blob 12 or 13 pixels wide and high.
fn geometry_of_disc(page: &Raster) -> (f64, f64) {
    let blobs = Blobs::of(&bitonal(page));
    let disc: Vec<_> = blobs
        .iter()
        .filter(|blob| (12..=15).contains(&blob.width()) && (12..=15).contains(&blob.height()))
        .collect();
    assert_eq!(disc.len(), 1);
    let middle = |from: u32, to: u32| f64::from(from + to) / 2.0;
    (middle(disc[0].left, disc[0].right), middle(disc[0].top, disc[0].bottom))
}

#[test]
fn pages_of_a_few_pixels_are_cleaned_without_harm() {
    for (width, height) in [(1, 1), (3, 2), (2, 40), (64, 1)] {
        for level in [0u8, 130, 255] {
            let page = Drawing::new(width, height, level).raster();
            let all = Cleaning { threshold: Threshold::Local, despeckle: true, ..settings() };
            let cleaned = clean(&page, &all).raster;
            assert_eq!((cleaned.width(), cleaned.height()), (width, height));
            clean(&bitonal(&page), &settings());
        }
    }
}
