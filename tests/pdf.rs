//! The PDF room seen from outside: what other readers find in our files, and
//! what we find in theirs. Every file made here is left in `target/test-pdfs`,
//! where `conformance/run.sh` looks.

#[path = "pdf/drawing.rs"]
mod drawing;
#[path = "pdf/foreign.rs"]
mod foreign;
#[path = "pdf/read_and_filed.rs"]
mod read_and_filed;
#[path = "pdf/readers.rs"]
mod readers;

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use drawing::{as_scanned, bars, flate, g4, jbig2, jpeg, text_of};
use outguide::pdf::PdfFault;
use outguide::pdf::writer::{DocumentDescription, Filed, Language, PdfPage, PdfWriter};
use outguide::records::page::QuarterTurn;
use outguide::records::raster::{EncodedImage, PixelBox, PixelFormat, Raster};
use outguide::records::text::PageText;
use readers::{
    assert_sound, copied_text, differing_pixels, drawn_by_mutool, found, gray_by_mutool, keep,
    output, words_with_boxes,
};

const LINES: [&str; 6] = [
    "Progress note of the morning round",
    "the patient slept well and ate",
    "¶Temperature 37.2 pulse 84 regular",
    "wound dry, sutures out on Friday",
    "¶Plan: mobilise, stop heparin,",
    "home on Monday (Dr. Example)",
];

fn description() -> DocumentDescription {
    DocumentDescription {
        title: "Progress note <A&B>".into(),
        document_id: "20260131-090000-1a2b-0001".into(),
        created: "2026-01-31T09:00:07Z".parse().unwrap(),
        station: Some("records-1 \"north\"".into()),
        source: Some("batch 20260131-090000-1a2b".into()),
        language: Some(Language::new("en").unwrap()),
    }
}

fn upright<'a>(image: &'a EncodedImage, text: &'a PageText) -> PdfPage<'a> {
    PdfPage { image, text: Some(text), filed: Filed::Upright, label: "1" }
}

fn write(pages: &[PdfPage<'_>]) -> Vec<u8> {
    let mut writer = PdfWriter::begin(Vec::new(), description()).unwrap();
    for page in pages {
        writer.add_page(*page).unwrap();
    }
    writer.finish().unwrap()
}

fn import(pdf: Vec<u8>) -> Result<Vec<Raster>, PdfFault> {
    outguide::pdf::import::open(pdf, outguide::imaging::decode::is_whole_jpeg)?.iter().collect()
}

fn words_of(text: &PageText) -> Vec<&str> {
    text.words().map(|word| word.text.as_str()).collect()
}

#[test]
fn words_copy_in_reading_order_from_every_kind_of_image() {
    let text = text_of(900, 700, &LINES);
    let page = bars(&text);
    let images = [
        ("g4", g4(&page)),
        ("jbig2", jbig2(&page)),
        ("jpeg-gray", jpeg(&page, PixelFormat::Gray8)),
        ("jpeg-colour", jpeg(&page, PixelFormat::Rgb8)),
        ("flate-gray", flate(&page, PixelFormat::Gray8).0),
        ("flate-colour", flate(&page, PixelFormat::Rgb8).0),
    ];
    for (name, image) in &images {
        let pdf = keep(name, &write(&[upright(image, &text)]));
        assert_sound(&pdf);
        if found("pdftotext") {
            let copied = copied_text(&pdf);
            let words: Vec<&str> = copied.split_whitespace().collect();
            assert_eq!(words, words_of(&text), "{name}");
            assert_eq!(
                copied.trim_end().matches("\n\n").count(),
                2,
                "{name}: paragraphs part in {copied:?}"
            );
        }
        if found("mutool") {
            let path = pdf.to_str().unwrap();
            let copied = output("mutool", &["draw", "-q", "-F", "txt", path]);
            let words: Vec<&str> = copied.split_whitespace().collect();
            assert_eq!(words, words_of(&text), "{name} in mutool");
        }
    }
}

#[test]
fn fax_and_jbig2_pages_are_drawn_with_every_pixel_as_it_was() {
    if !found("mutool") {
        return;
    }
    let text = text_of(903, 701, &LINES);
    let page = bars(&text);
    for (name, image) in [("exact-g4", g4(&page)), ("exact-jbig2", jbig2(&page))] {
        let pdf = keep(name, &write(&[upright(&image, &text)]));
        assert_eq!(differing_pixels(&drawn_by_mutool(&pdf, 1), &page), 0, "{name}");
    }
}

#[test]
fn a_gray_page_is_drawn_in_its_own_levels() {
    if !found("mutool") {
        return;
    }
    let text = text_of(903, 701, &LINES);
    let image = jpeg(&bars(&text), PixelFormat::Gray8);
    let pdf = keep("exact-jpeg", &write(&[upright(&image, &text)]));
    let (_, _, drawn) = gray_by_mutool(&pdf, 1);
    let decoded = image::load_from_memory(&image.bytes).unwrap().into_luma8().into_raw();
    let furthest = drawn.iter().zip(&decoded).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(furthest <= Some(2), "{furthest:?} levels apart");
}

#[test]
fn a_drawing_kept_without_loss_is_drawn_and_taken_in_level_for_level() {
    let text = text_of(903, 701, &LINES);
    let (image, levels) = flate(&bars(&text), PixelFormat::Gray8);
    let pdf = write(&[upright(&image, &text)]);
    assert_eq!(import(pdf.clone()).unwrap()[0].pixels(), levels);
    if found("mutool") {
        assert_eq!(gray_by_mutool(&keep("exact-flate", &pdf), 1).2, levels);
    }
    let (image, levels) = flate(&bars(&text), PixelFormat::Rgb8);
    assert_eq!(import(write(&[upright(&image, &text)])).unwrap()[0].pixels(), levels);
}

/// Left, top, right, bottom of what an upright box covers after the page was
/// skewed clockwise about its centre.
fn skewed_box(bounds: PixelBox, page: (f64, f64), degrees: f64) -> [f64; 4] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let turned = |x: u32, y: u32| {
        let (dx, dy) = (f64::from(x) - page.0 / 2.0, f64::from(y) - page.1 / 2.0);
        (page.0 / 2.0 + dx * cos - dy * sin, page.1 / 2.0 + dx * sin + dy * cos)
    };
    let PixelBox { left, top, right, bottom } = bounds;
    let corners =
        [turned(left, top), turned(right, top), turned(left, bottom), turned(right, bottom)];
    let xs = corners.map(|(x, _)| x);
    let ys = corners.map(|(_, y)| y);
    let least = |values: [f64; 4]| values.into_iter().fold(f64::MAX, f64::min);
    let most = |values: [f64; 4]| values.into_iter().fold(f64::MIN, f64::max);
    [least(xs), least(ys), most(xs), most(ys)]
}

/// How far from each other the sides of two boxes are, at most.
fn furthest_side(one: [f64; 4], other: [f64; 4]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn words_lie_over_their_boxes_on_straight_turned_and_skewed_originals() {
    if !(found("pdftotext") && found("mutool")) {
        return;
    }
    let text = text_of(900, 700, &LINES);
    let page = bars(&text);
    let turns = [QuarterTurn::None, QuarterTurn::Right, QuarterTurn::Half, QuarterTurn::Left];
    for turn in turns {
        for (skew, margin) in [(0.0, 0), (0.0, 40), (2.0, 40), (-4.0, 40)] {
            let name = format!("as-scanned-turn{}-skew{skew}-margin{margin}", turn.degrees());
            let original = as_scanned(&page, turn, skew, margin);
            let image = g4(&original);
            let crop = (margin > 0).then_some(PixelBox {
                left: margin,
                top: margin,
                right: margin + text.width,
                bottom: margin + text.height,
            });
            let filed = Filed::AsScanned { turn, crop, skew_applied_degrees: skew as f32 };
            let pdf = write(&[PdfPage { image: &image, text: Some(&text), filed, label: "1" }]);
            let pdf = keep(&name, &pdf);
            assert_sound(&pdf);

            let shown = drawn_by_mutool(&pdf, 1);
            let expected = as_scanned(&page, QuarterTurn::None, skew, margin);
            assert_eq!(differing_pixels(&shown, &expected), 0, "{name} is shown upright");

            let found = &words_with_boxes(&pdf)[0];
            assert_eq!(found.len(), text.words().count(), "{name}");
            for word in text.words() {
                let page = (f64::from(text.width), f64::from(text.height));
                let expected =
                    skewed_box(word.bounds, page, skew).map(|side| side + f64::from(margin));
                let nearest = found
                    .iter()
                    .filter(|found| found.text == word.text)
                    .map(|found| furthest_side(found.bounds, expected))
                    .fold(f64::MAX, f64::min);
                // A level word over a slanted one is off by half of what it slants.
                let width = f64::from(word.bounds.right - word.bounds.left);
                let slants = width * skew.to_radians().sin().abs() / 2.0;
                // The ends of a line that rises are moved by a quarter of its size.
                let levelled = if skew < 0.0 { 32.0 / 4.0 } else { 0.0 };
                assert!(
                    nearest <= 1.0 + slants + levelled,
                    "{name}: {} is {nearest} px off",
                    word.text
                );
            }
            // Steeper, lines overlap in height and poppler takes them for columns.
            if skew.abs() <= 2.0 {
                let read: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
                assert_eq!(read, words_of(&text), "{name}");
            }
        }
    }
}

#[test]
fn words_of_a_skewed_original_copy_in_order_as_far_as_readers_can_tell_lines_apart() {
    if !found("pdftotext") {
        return;
    }
    let line = |nth: usize| {
        let word = |n: usize| LINES[n % 6].trim_start_matches('¶').split(' ').nth(n / 7 % 3);
        (nth..nth + 10).filter_map(word).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = (0..12).map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = text_of(1275, 1000, &lines);
    let image = g4(&bars(&text));
    for skew in [-14.0_f32, -5.0, -2.0, -1.4, -1.0, 0.0, 1.0, 2.0, 5.0, 14.0] {
        let filed =
            Filed::AsScanned { turn: QuarterTurn::None, crop: None, skew_applied_degrees: skew };
        let pdf = write(&[PdfPage { image: &image, text: Some(&text), filed, label: "1" }]);
        let pdf = keep(&format!("in-order-skew{skew}"), &pdf);
        let raw = output("pdftotext", &["-raw", pdf.to_str().unwrap(), "-"]);
        assert_eq!(raw.split_whitespace().collect::<Vec<_>>(), words_of(&text), "{skew}");
        if (-1.4..=1.0).contains(&skew) {
            let copied = copied_text(&pdf);
            let copied: Vec<&str> = copied.split_whitespace().collect();
            assert_eq!(copied, words_of(&text), "{skew}");
        }
    }
}

#[test]
fn a_page_filed_coarser_than_it_was_read_keeps_its_words_in_place() {
    if !found("pdftotext") {
        return;
    }
    let text = text_of(900, 700, &LINES);
    let mut image = g4(&drawing::bitonal(450, 350, |x, y| (x / 50 + y / 50) % 2 == 0));
    image.dpi = outguide::records::raster::Dpi(75);
    let pdf = keep("coarser", &write(&[upright(&image, &text)]));
    for (word, found) in text.words().zip(&words_with_boxes(&pdf)[0]) {
        let PixelBox { left, top, right, bottom } = word.bounds;
        let off = furthest_side(found.bounds, [left, top, right, bottom].map(f64::from));
        assert!(off <= 1.0, "{} is {off} px off", word.text);
    }
}

#[test]
fn a_slanted_line_keeps_its_words_on_its_baseline() {
    if !found("pdftotext") {
        return;
    }
    let mut text = text_of(900, 700, &LINES[..1]);
    let line = &mut text.lines[0];
    line.baseline.slope = 0.05;
    let (left, size) = (line.bounds.left, f64::from(line.bounds.bottom - line.bounds.top));
    line.bounds.bottom += 40;
    line.baseline.offset -= 40.0;
    for word in &mut line.words {
        let lower = ((word.bounds.left - left) as f64 * 0.05).round() as u32;
        word.bounds.top += lower;
        word.bounds.bottom += lower;
    }
    let page = bars(&text);
    let pdf = keep("slanted", &write(&[upright(&g4(&page), &text)]));
    for (word, found) in text.words().zip(&words_with_boxes(&pdf)[0]) {
        let PixelBox { left, top, right, bottom } = word.bounds;
        let [found_left, found_top, found_right, found_bottom] = found.bounds;
        assert!((found_left - f64::from(left)).abs() <= 2.0, "{found:?}");
        assert!((found_right - f64::from(right)).abs() <= 2.0, "{found:?}");
        let middle = (found_top + found_bottom) / 2.0;
        let expected = f64::from(top + bottom) / 2.0;
        assert!((middle - expected).abs() <= size / 4.0, "{found:?} is not near {expected}");
    }
}

/// As Tesseract gives what is printed along a form's side.
#[test]
fn lines_up_and_down_the_page_lie_over_their_words_and_copy_in_order() {
    if !found("pdftotext") {
        return;
    }
    let level = text_of(900, 700, &["CONFIDENTIAL patient record do not copy"]);
    let (width, height) = (level.width, level.height);
    let up = |b: PixelBox| PixelBox {
        left: b.top,
        top: width - b.right,
        right: b.bottom,
        bottom: width - b.left,
    };
    let down = |b: PixelBox| PixelBox {
        left: height - b.bottom,
        top: b.left,
        right: height - b.top,
        bottom: b.right,
    };
    let ways: [(&str, &dyn Fn(PixelBox) -> PixelBox); 2] = [("up", &up), ("down", &down)];
    for (name, turn) in ways {
        let mut text = PageText { width: height, height: width, ..level.clone() };
        let line = &mut text.lines[0];
        line.bounds = turn(line.bounds);
        line.words.iter_mut().for_each(|word| word.bounds = turn(word.bounds));
        let page = bars(&text);
        let pdf = keep(name, &write(&[upright(&g4(&page), &text)]));
        assert_eq!(copied_text(&pdf).split_whitespace().collect::<Vec<_>>(), words_of(&text));
        for (word, found) in text.words().zip(&words_with_boxes(&pdf)[0]) {
            let PixelBox { left, top, right, bottom } = word.bounds;
            let expected = [left, top, right, bottom].map(f64::from);
            assert!(
                furthest_side(expected, found.bounds) <= 8.0,
                "{name}: {found:?}, {expected:?}"
            );
        }
    }
}

#[test]
fn letters_of_every_script_survive() {
    let lines = [
        "ﬁrst eﬃcient naïve Zoë x\u{30C}\u{1EB9}\u{304}y",
        "𝔘𝕟𝕚 \u{1F489} 𠀋𠂉 中文 한국 Ωμέγα кровь",
        "¶سلام عليكم",
        "¶مُحَمَّد",
        "¶שלום עולם",
        "¶שָׁלוֹם",
        "¶नमस्ते",
        "¶µg/dl ±½ °C ‰ → ≥",
    ];
    let text = text_of(900, 1100, &lines);
    let pdf = keep("scripts", &write(&[upright(&g4(&bars(&text)), &text)]));
    assert_sound(&pdf);
    if found("pdftotext") {
        let copied = copied_text(&pdf);
        for word in words_of(&text) {
            assert!(copied.contains(word), "{word} in {copied}");
        }
    }
    // mutool takes ligatures apart, and gives right-to-left words from left to right.
    if found("mutool") {
        let copied = output("mutool", &["draw", "-q", "-F", "txt", pdf.to_str().unwrap()]);
        let words = text.lines[..2].iter().chain(&text.lines[6..]).flat_map(|line| &line.words);
        for word in words.map(|word| word.text.replace('ﬁ', "fi").replace('ﬃ', "ffi")) {
            assert!(copied.contains(&word), "{word} in mutool's {copied}");
        }
    }
}

#[test]
fn hostile_text_is_made_harmless() {
    let mut text = text_of(900, 700, &["a b c d e f"]);
    let hostile = [
        "\u{0}\u{1}\u{8}",
        "nul\u{0}byte",
        ") Tj ET Q (\\",
        "\u{202E}evil\u{2066}",
        "\u{FEFF}\u{FFFE}\u{FFFF}ok",
        "<>&\"'%/[]{}",
    ];
    for (word, hostile) in text.lines[0].words.iter_mut().zip(hostile) {
        word.text = hostile.to_owned();
    }
    text.lines[0].words.last_mut().unwrap().bounds =
        PixelBox { left: u32::MAX, top: 0, right: 0, bottom: u32::MAX };
    let image = g4(&bars(&text_of(900, 700, &LINES)));
    let mut hostile_description = description();
    hostile_description.title =
        format!("a\u{0}b]]>\u{7}<x/>&amp; \u{1F489} {}", "\u{1F489}".repeat(40_000));
    hostile_description.source = Some("\u{FFFE}\u{B}".into());
    hostile_description.station = Some("--><!--".into());
    let mut writer = PdfWriter::begin(Vec::new(), hostile_description).unwrap();
    let page = PdfPage { label: "\u{0}(1)\\\n", ..upright(&image, &text) };
    writer.add_page(page).unwrap();
    let pdf = keep("hostile", &writer.finish().unwrap());
    assert_sound(&pdf);
    if found("pdftotext") {
        let copied = copied_text(&pdf);
        for word in ["nul byte", ") Tj ET Q (\\", "evil", "ok", "<>&\"'%/[]{}"] {
            assert!(copied.contains(word), "{word:?} in {copied:?}");
        }
        assert!(!copied.contains('\0'), "{copied:?}");
    }
    if found("pdfinfo") {
        let said = output("pdfinfo", &[pdf.to_str().unwrap()]);
        assert!(said.contains("a b]]> <x/>&amp; \u{1F489}"), "{said}");
    }
}

#[test]
fn metadata_say_who_made_what_when_and_agree_with_each_other() {
    let text = text_of(900, 700, &LINES);
    let image = g4(&bars(&text));
    let pdf = write(&[upright(&image, &text)]);
    let path = keep("metadata", &pdf);
    // Readable without a PDF reader: the packet stands uncompressed in the file.
    let file = String::from_utf8_lossy(&pdf);
    for part in [
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>",
        "<rdf:li xml:lang=\"x-default\">Progress note &lt;A&amp;B&gt;</rdf:li>",
        "<dc:identifier>20260131-090000-1a2b-0001</dc:identifier>",
        "<dc:source>batch 20260131-090000-1a2b</dc:source>",
        "<xmp:CreateDate>2026-01-31T09:00:07Z</xmp:CreateDate>",
        "<outguide:Station>records-1 &quot;north&quot;</outguide:Station>",
    ] {
        assert!(file.contains(part), "{part}");
    }
    if found("pdfinfo") {
        let said = output("pdfinfo", &["-isodates", path.to_str().unwrap()]);
        for part in [
            "Progress note <A&B>",
            "2026-01-31T09:00:07Z",
            "Creator:         Outguide",
            "Producer:        Outguide 0",
            "432 x 336 pts",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn page_labels_are_those_given() {
    if !found("qpdf") {
        return;
    }
    let image = g4(&bars(&text_of(100, 80, &[])));
    let labels = ["12", "13", "back of 13", "15"];
    let pages =
        labels.map(|label| PdfPage { image: &image, text: None, filed: Filed::Upright, label });
    let pdf = keep("labels", &write(&pages));
    assert_sound(&pdf);
    let json = output("qpdf", &["--json", "--json-key=pagelabels", pdf.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!([
        {"index": 0, "label": {"/S": "/D", "/St": 12}},
        {"index": 2, "label": {"/P": "u:back of 13", "/St": 1}},
        {"index": 3, "label": {"/S": "/D", "/St": 15}},
    ]);
    assert_eq!(json["pagelabels"], expected);
}

#[test]
fn the_same_pages_give_the_same_bytes() {
    let text = text_of(900, 700, &LINES);
    let (one, other) = (g4(&bars(&text)), jbig2(&bars(&text)));
    let pages = [upright(&one, &text), upright(&other, &text)];
    assert_eq!(write(&pages), write(&pages));
    assert_ne!(write(&pages), write(&pages[..1]));
}

/// Counts what it is given and keeps nothing.
#[derive(Clone, Default)]
struct Scale(Rc<Cell<usize>>);

impl Write for Scale {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_page_is_out_of_memory_once_it_is_added() {
    let text = text_of(900, 700, &LINES);
    let image = jpeg(&bars(&text), PixelFormat::Gray8);
    let scale = Scale::default();
    let mut writer = PdfWriter::begin(scale.clone(), description()).unwrap();
    for no in 1..=300_usize {
        writer.add_page(PdfPage { label: &no.to_string(), ..upright(&image, &text) }).unwrap();
        assert!(scale.0.get() > no * image.bytes.len(), "page {no} is held back");
    }
    let before = scale.0.get();
    writer.finish().unwrap();
    // What was kept: an entry in the cross-reference table for each of three
    // objects a page, the page tree, and the font.
    let kept = scale.0.get() - before;
    assert!(kept < 300 * 100 + 4_000, "{kept} bytes came at the end");
}

#[test]
fn a_document_of_many_pages_is_sound() {
    let text = text_of(900, 700, &LINES);
    let image = g4(&bars(&text));
    let labels: Vec<String> = (1..=500).map(|no| no.to_string()).collect();
    let pages: Vec<PdfPage<'_>> =
        labels.iter().map(|label| PdfPage { label, ..upright(&image, &text) }).collect();
    let pdf = keep("five-hundred-pages", &write(&pages));
    assert_sound(&pdf);
    if found("pdfinfo") {
        let said = output("pdfinfo", &[pdf.to_str().unwrap()]);
        assert!(said.contains("Pages:           500"), "{said}");
    }
}

/// Takes so many bytes, then is full.
struct SmallDisk(usize);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.len().min(self.0) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
            taken => {
                self.0 -= taken;
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_fills_at_any_byte_is_a_named_fault() {
    let text = text_of(200, 200, &["one two"]);
    let image = g4(&bars(&text));
    let whole = write(&[upright(&image, &text)]).len();
    for room in (0..whole).step_by(97).chain([whole - 1]) {
        let fault = PdfWriter::begin(SmallDisk(room), description())
            .and_then(|mut writer| {
                writer.add_page(upright(&image, &text))?;
                writer.finish()
            })
            .err();
        let Some(PdfFault::Write { source }) = fault else {
            panic!("{room} bytes of {whole}: {fault:?}");
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}

#[test]
fn a_document_without_pages_or_with_a_false_image_is_refused_by_name() {
    let writer = PdfWriter::begin(Vec::new(), description()).unwrap();
    assert!(matches!(writer.finish(), Err(PdfFault::NothingToWrite)));

    let text = text_of(200, 200, &["one two"]);
    let image = g4(&bars(&text));
    let empty = EncodedImage { bytes: Vec::new(), ..image.clone() };
    let mut writer = PdfWriter::begin(Vec::new(), description()).unwrap();
    writer.add_page(upright(&image, &text)).unwrap();
    let fault = writer.add_page(upright(&empty, &text));
    assert!(matches!(fault, Err(PdfFault::UnusableImage { page: 2, .. })));
    // Nothing of the refused page was written: the document can go on.
    assert_sound(&keep("after-a-refused-page", &writer.finish().unwrap()));
}

#[test]
fn tesseract_models_are_languages_where_they_are_one() {
    let tag = |model| Language::of_tesseract_model(model).map(|l| l.as_str().to_owned());
    assert_eq!(tag("eng").as_deref(), Some("en"));
    assert_eq!(tag("chi_sim").as_deref(), Some("zh-Hans"));
    assert_eq!(tag("swa").as_deref(), Some("swa"));
    for none in ["osd", "", "our_own_model", "../x"] {
        assert_eq!(tag(none), None, "{none}");
    }
    assert!(Language::new("en-").is_err());
}

#[test]
fn a_page_that_is_one_image_comes_in_pixel_for_pixel() {
    let text = text_of(903, 701, &LINES);
    let page = bars(&text);
    for image in [g4(&page), jbig2(&page)] {
        let taken = import(write(&[upright(&image, &text)])).unwrap();
        assert_eq!(taken, std::slice::from_ref(&page));
    }
    let jpeg_page = jpeg(&page, PixelFormat::Gray8);
    let decoded = image::load_from_memory(&jpeg_page.bytes).unwrap().into_luma8().into_raw();
    let taken = import(write(&[upright(&jpeg_page, &text)])).unwrap().remove(0);
    assert_eq!((taken.format(), taken.dpi()), (PixelFormat::Gray8, drawing::DPI));
    let furthest = taken.pixels().iter().zip(&decoded).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(furthest <= Some(2), "{furthest:?} levels apart");
    let colour = jpeg(&page, PixelFormat::Rgb8);
    let taken = import(write(&[upright(&colour, &text)])).unwrap().remove(0);
    assert_eq!(taken.format(), PixelFormat::Rgb8);
}

#[test]
fn a_turned_page_comes_in_as_it_is_shown() {
    let text = text_of(903, 701, &LINES);
    let page = bars(&text);
    for turn in [QuarterTurn::Right, QuarterTurn::Half, QuarterTurn::Left] {
        let image = g4(&as_scanned(&page, turn, 0.0, 0));
        let filed = Filed::AsScanned { turn, crop: None, skew_applied_degrees: 0.0 };
        let pdf = write(&[PdfPage { image: &image, text: Some(&text), filed, label: "1" }]);
        assert_eq!(import(pdf).unwrap(), std::slice::from_ref(&page), "{turn:?}");
    }
}

#[test]
fn images_that_lie_mirrored_or_turned_by_their_matrix_come_in_as_they_are_shown() {
    // Six pixels, each of its own level: 3 wide, 2 high, at 72 dpi.
    let samples = [1, 2, 3, 4, 5, 6];
    let cases = [
        ([3.0_f32, 0.0, 0.0, 2.0, 0.0, 0.0], (3_u32, 2_u32), [1, 2, 3, 4, 5, 6]),
        ([-3.0, 0.0, 0.0, 2.0, 3.0, 0.0], (3, 2), [3, 2, 1, 6, 5, 4]),
        ([3.0, 0.0, 0.0, -2.0, 0.0, 2.0], (3, 2), [4, 5, 6, 1, 2, 3]),
        // Rows run up the page: turned a quarter to the left.
        ([0.0, 3.0, -2.0, 0.0, 2.0, 0.0], (2, 3), [3, 6, 2, 5, 1, 4]),
    ];
    for (matrix, (width, height), shown) in cases {
        let size = (width as f32, height as f32);
        let taken = import(foreign::gray(&samples, 3, 2, size, matrix)).unwrap().remove(0);
        assert_eq!((taken.width(), taken.height()), (width, height), "{matrix:?}");
        assert_eq!(taken.pixels(), shown, "{matrix:?}");
        assert_eq!(taken.dpi().0, 72);
    }
}

#[test]
fn a_fax_page_painted_through_a_stencil_comes_in_pixel_for_pixel() {
    let page = bars(&text_of(903, 701, &LINES));
    let pdf = foreign::stencil(&g4(&page).bytes, 903, 701, 150.0);
    assert_eq!(import(pdf).unwrap(), [page]);
}

#[test]
fn an_image_with_margins_is_drawn_at_its_own_resolution_without_blur() {
    let samples: Vec<u8> = (0..60 * 40).map(|i| if i % 7 < 3 { 0 } else { 255 }).collect();
    // 60×40 pixels at 144 dpi, off the pixel grid, on a page of 100×80 points.
    let pdf = foreign::gray(&samples, 60, 40, (100.0, 80.0), [30.0, 0.0, 0.0, 20.0, 11.3, 12.6]);
    let taken = import(pdf).unwrap().remove(0);
    assert_eq!((taken.width(), taken.height(), taken.dpi().0), (200, 160, 144));
    assert_eq!(taken.format(), PixelFormat::Bitonal);
    let black = (0..160).map(|y| (0..200).filter(|x| drawing::is_black(&taken, *x, y)).count());
    assert_eq!(black.sum::<usize>(), samples.iter().filter(|s| **s == 0).count());
}

#[test]
fn a_typed_page_is_drawn_at_300_dpi() {
    let taken = import(foreign::typed((200.0, 100.0), "Typed, not scanned")).unwrap().remove(0);
    assert_eq!((taken.width(), taken.height(), taken.dpi().0), (833, 417, 300));
    let dark = taken.pixels().iter().filter(|level| **level < 100).count();
    assert!(dark > 1_000, "{dark} dark pixels");
}

#[test]
fn pdfs_that_cannot_be_taken_in_are_refused_by_name() {
    let text = text_of(200, 200, &["one two"]);
    let sound = write(&[upright(&g4(&bars(&text)), &text)]);
    for bytes in [Vec::new(), vec![0; 5_000], b"%PDF-1.7\n%%EOF".to_vec(), sound[..40].to_vec()] {
        assert!(matches!(import(bytes), Err(PdfFault::Unreadable | PdfFault::NoPages)));
    }
    assert!(matches!(import(foreign::without_pages()), Err(PdfFault::NoPages)));

    let huge = foreign::typed((14_400.0, 14_400.0), "x");
    assert!(matches!(import(huge), Err(PdfFault::PageTooLarge { page: 1, dpi: 300, .. })));
    let bomb = foreign::coded(&[0; 100], pdf_writer::Filter::FlateDecode, 100_000, 100_000);
    assert!(matches!(import(bomb), Err(PdfFault::PageTooLarge { page: 1, .. })));
    let trap = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 300 << 20], 6);
    let trap = foreign::coded(&trap, pdf_writer::Filter::FlateDecode, 100, 100);
    assert!(matches!(import(trap), Err(PdfFault::UnpacksTooFar)));
    let garbage = foreign::coded(&[7; 100], pdf_writer::Filter::DctDecode, 100, 100);
    assert!(matches!(import(garbage), Err(PdfFault::PageDamaged { page: 1 })));
}

#[test]
fn half_an_image_is_not_a_page() {
    let text = text_of(200, 200, &["one two"]);
    let page = bars(&text_of(903, 701, &LINES));
    let fax = g4(&page).bytes;
    let jpeg = jpeg(&bars(&text), PixelFormat::Gray8).bytes;
    let gray = [7; 10_000];
    let size = (100.0, 100.0);
    let matrix = [100.0, 0.0, 0.0, 100.0, 0.0, 0.0];
    let cases = [
        foreign::stencil(&fax[..fax.len() / 2], 903, 701, 150.0),
        foreign::coded(&jpeg[..jpeg.len() / 2], pdf_writer::Filter::DctDecode, 200, 200),
        foreign::gray(&gray[..5_000], 100, 100, size, matrix),
    ];
    for pdf in cases {
        let taken = import(pdf);
        assert!(matches!(taken, Err(PdfFault::PageDamaged { page: 1 })), "{taken:?}");
    }
    assert!(import(foreign::gray(&gray, 100, 100, size, matrix)).is_ok());
}

#[test]
fn a_locked_pdf_says_that_it_is_locked_and_one_without_a_password_opens() {
    if !found("qpdf") {
        return;
    }
    let text = text_of(200, 200, &["one two"]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("plain"), write(&[upright(&g4(&bars(&text)), &text)])).unwrap();
    for (user, owner) in [("secret", "owner"), ("", "owner")] {
        let arguments = ["--encrypt", user, owner, "256", "--", &path("plain"), &path("locked")];
        output("qpdf", &arguments);
        let taken = import(std::fs::read(path("locked")).unwrap());
        match user {
            "" => assert_eq!(taken.unwrap(), [bars(&text)]),
            _ => assert!(matches!(taken, Err(PdfFault::Locked))),
        }
    }
}

#[test]
fn no_cut_or_flipped_byte_ends_the_program() {
    let text = text_of(200, 200, &["one two"]);
    let sound = write(&[upright(&g4(&bars(&text)), &text)]);
    for cut in (0..sound.len()).step_by(61) {
        drop(import(sound[..cut].to_vec()));
        let mut flipped = sound.clone();
        flipped[cut] ^= 0x55;
        drop(import(flipped));
    }
    assert_eq!(import(sound).unwrap().len(), 1);
}
