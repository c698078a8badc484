//! The page step: what one scanned page turned out to be.
//!
//! Barcodes are read on the original raster first; the cleaned page is a later
//! rung. Words are read on the upright page. A page that cannot be read stays
//! in its document as an image and is flagged.

use super::source::SourcePage;
use super::upright::{read_as_it_lies, read_upright};
use crate::imaging::clean::{Cleaned, clean, clean_as_recorded, clean_with_turn, inverted};
use crate::imaging::encode;
use crate::ocr::{OcrFault, Readers};
use crate::page_barcodes::{self, Effort, draw};
use crate::profile::{FieldRule, FiledPixels, Profile};
use crate::records::barcode::{Reading, Symbology};
use crate::records::cover_sheet;
use crate::records::ids::Sha256;
use crate::records::page::{
    FiledPicture, PageOutcome, PagePicture, PageReadings, Polarity, QuarterTurn, Says, TextOutcome,
};
use crate::records::raster::{EncodedImage, Raster};
use crate::records::separator::PatchCode;
use crate::records::text::{PageText, Word};

/// How sure a label is of the way its page lies, where nothing else could tell:
/// not very, since some are stuck on sideways.
const LABEL_SAYS_ORIENTATION: f32 = 0.0;

/// A page with more words is no separator sheet: those in use print their name
/// and a line or two of what they are for.
const MOST_WORDS_ON_A_SEPARATOR: usize = 30;

/// A page with more words has a sheet of ours copied onto it, and is none: with
/// all its lines filled a sheet prints some 40.
const MOST_WORDS_ON_A_SHEET_OF_OURS: usize = 60;

/// A sheet is printed on paper of a width like A4's or letter's, in millimetres;
/// what else the page's resolution says may be made up.
const PAPER_WIDTH_MM: f64 = 210.0;

/// Sheets whose codes are printed to less than this of their size against the
/// width of the page are copies on something else. On A3 they come to 0.71.
const SHRUNK_COPY: f64 = 0.6;

/// Letters of a line every sheet of ours carries that a stroke of a pen or a
/// bad copy may cost.
const MOST_LETTERS_LOST: usize = 5;

/// Letters of a sheet's title that may be misread.
const MOST_TITLE_LETTERS_LOST: usize = 1;

/// A title is at least this much of its height: blurred and faxed sheets lose some.
const SMALLEST_TITLE: f64 = 0.7;

/// Below this confidence of Tesseract's, a word may be bars, ruled lines or dirt.
const SURE_OF_A_WORD: f32 = 60.0;

/// What was found, and the picture as it will stand in the PDF.
pub struct PageRead {
    pub outcome: PageOutcome,
    pub image: EncodedImage,
}

/// Reads a page. `readers` is `None` where the profile wants no text.
pub fn read_page(page: &SourcePage, profile: &Profile, readers: Option<&Readers>) -> PageRead {
    let original = &page.raster;
    let mut readings = page_barcodes::read(original, &profile.barcodes, Effort::Ordinary);
    let (cleaned, read) = upright(original, &readings, profile, readers);
    if cleaned.picture.polarity == Polarity::Negative {
        let inverted =
            page_barcodes::read(&inverted(original), &profile.barcodes, Effort::Ordinary);
        add_codes(&mut readings, inverted.codes);
        // White bars on black are a patch too, and another one.
        readings.patches = inverted.patches;
    }
    let text = match read {
        Some(Ok(page)) => TextOutcome::Recognized { page },
        Some(Err(fault)) => TextOutcome::Failed { cause: fault.to_string() },
        None => TextOutcome::NotWanted,
    };
    let says_it_is_a_cover_sheet = match &text {
        TextOutcome::Recognized { page } => says_cover_sheet(page),
        TextOutcome::NotWanted | TextOutcome::Failed { .. } => Says::Nothing,
    };
    let says_it_is_a_cover_sheet = match is_a_shrunk_copy(&readings, original) {
        true => Says::No,
        false => says_it_is_a_cover_sheet,
    };
    if says_it_is_a_cover_sheet == Says::Yes && !is_a_sheet(&readings) && !names_a_patch(&readings)
    {
        read_stubbornly(&mut readings, original, &cleaned.raster, profile);
    }
    let image = match profile.cleaning.filed_pixels {
        FiledPixels::AsScanned => to_be_filed(page, original, profile),
        FiledPixels::Straightened => to_be_filed(page, &cleaned.raster, profile),
    };
    let filed = FiledPicture {
        coding: image.coding,
        width: image.width,
        height: image.height,
        dpi: image.dpi,
        format: image.format,
        sha256: Sha256::of(&image.bytes),
    };
    let picture = cleaned.picture;
    let outcome = PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, text, filed };
    PageRead { outcome, image }
}

/// The picture of a page that was read before, made as it was then: without its
/// words, which may fail the second time or lay it otherwise.
pub fn picture_again(page: &SourcePage, profile: &Profile, recorded: &PagePicture) -> EncodedImage {
    match profile.cleaning.filed_pixels {
        FiledPixels::AsScanned => to_be_filed(page, &page.raster, profile),
        FiledPixels::Straightened => {
            let cleaned = clean_as_recorded(&page.raster, &profile.cleaning, recorded);
            to_be_filed(page, &cleaned, profile)
        }
    }
}

/// Cleaning changes most pages a little; where it did not, a JPEG is not coded,
/// and so worn, a second time.
fn to_be_filed(page: &SourcePage, pixels: &Raster, profile: &Profile) -> EncodedImage {
    match &page.jpeg {
        Some(jpeg) if *pixels == page.raster => encode::jpeg_as_it_came(pixels, jpeg),
        Some(_) | None => encode::for_pdf(pixels, &profile.pdf),
    }
}

/// Upright as far as the page and its words tell; where they do not, by its
/// labels. Our own sheets are read too: one may be copied onto a page.
fn upright(
    original: &Raster,
    readings: &PageReadings,
    profile: &Profile,
    readers: Option<&Readers>,
) -> (Cleaned, Option<Result<PageText, OcrFault>>) {
    let (cleaned, read) = match readers {
        Some(readers) => read_upright(original, &profile.cleaning, readers),
        None => (clean(original, &profile.cleaning), None),
    };
    let in_doubt = profile.cleaning.upright
        && cleaned.picture.turn_confidence.is_none()
        && !cleaned.picture.blank.is_blank;
    match turn_by_labels(readings, profile).filter(|turn| in_doubt && *turn != QuarterTurn::None) {
        None => (cleaned, read),
        Some(turn) => {
            let turned = clean_with_turn(original, &profile.cleaning, turn, LABEL_SAYS_ORIENTATION);
            let read = readers.map(|readers| read_as_it_lies(&turned, readers));
            (turned, read)
        }
    }
}

/// The turn that makes labels upright whose place on the page is asked for, if
/// they agree on it. Without it the place of a label on a page of handwriting
/// fed upside down would be its opposite.
fn turn_by_labels(readings: &PageReadings, profile: &Profile) -> Option<QuarterTurn> {
    let is_a_label = |code: &&Reading| {
        let is_its_rule = |rule: &FieldRule| {
            rule.zone.is_some()
                && rule.symbology.is_none_or(|symbology| symbology == code.symbology)
                && rule.value_in(&code.text).is_some_and(|value| !value.is_empty())
        };
        profile.barcodes.fields.iter().any(is_its_rule)
    };
    let mut turns =
        readings.codes.iter().filter(is_a_label).map(|code| match code.orientation_degrees {
            0..=44 | 315..=359 => QuarterTurn::None,
            45..=134 => QuarterTurn::Left,
            135..=224 => QuarterTurn::Half,
            _ => QuarterTurn::Right,
        });
    let first = turns.next()?;
    turns.all(|turn| turn == first).then_some(first)
}

fn add_codes(readings: &mut PageReadings, more: Vec<Reading>) {
    for code in more {
        let is_known =
            |known: &Reading| known.symbology == code.symbology && known.text == code.text;
        if !readings.codes.iter().any(is_known) {
            readings.codes.push(code);
        }
    }
}

/// One of our own sheets: its words are not part of any record.
fn is_a_sheet(readings: &PageReadings) -> bool {
    readings.codes.iter().any(|code| cover_sheet::looks_like_ours(&code.text))
}

/// Whether each code of ours is so small that the sheet was copied onto the page,
/// which has room for more than the sheet.
fn is_a_shrunk_copy(readings: &PageReadings, original: &Raster) -> bool {
    let page_width = f64::from(original.width().min(original.height()));
    let mut sizes = readings
        .codes
        .iter()
        .filter(|code| cover_sheet::looks_like_ours(&code.text))
        .filter_map(|code| Some(length_px(code) / page_width / printed_length(code)?))
        .peekable();
    sizes.peek().is_some() && sizes.all(|size| size < SHRUNK_COPY)
}

/// Of a code on a sheet of ours, as a part of the paper's width.
fn printed_length(code: &Reading) -> Option<f64> {
    let module_mm = match code.symbology {
        Symbology::Code128 => cover_sheet::BAR_MM,
        Symbology::Qr => cover_sheet::QR_MODULE_MM,
        Symbology::Code39
        | Symbology::Itf
        | Symbology::Codabar
        | Symbology::DataMatrix
        | Symbology::Pdf417 => return None,
    };
    let modules = draw::encode(code.symbology, &code.text).ok()?.width;
    Some(f64::from(modules) * module_mm / PAPER_WIDTH_MM)
}

/// Along its bars' row.
fn length_px(code: &Reading) -> f64 {
    let [left, right, ..] = code.corners;
    f64::from(right.x - left.x).hypot(f64::from(right.y - left.y))
}

fn names_a_patch(readings: &PageReadings) -> bool {
    readings.codes.iter().any(|code| PatchCode::named_by_sheet(&code.text).is_some())
}

/// What the cleaned page adds are sheets' codes alone: its pixels are not the
/// original's, and a label's place counts.
fn read_stubbornly(
    readings: &mut PageReadings,
    original: &Raster,
    cleaned: &Raster,
    profile: &Profile,
) {
    add_codes(readings, page_barcodes::read(original, &profile.barcodes, Effort::Stubborn).codes);
    if is_a_sheet(readings) {
        return;
    }
    let mut on_cleaned = page_barcodes::read(cleaned, &profile.barcodes, Effort::Stubborn);
    on_cleaned.codes.retain(|code| cover_sheet::looks_like_ours(&code.text));
    add_codes(readings, on_cleaned.codes);
}

/// Whether the page prints one of the lines every sheet of ours carries, or what
/// its barcodes say. Letters only, since a worn sheet loses its spaces and stops
/// first.
fn says_cover_sheet(page: &PageText) -> Says {
    let printed: Vec<char> = page.words().flat_map(|word| letters(&word.text)).collect();
    let prints = |line: &str| {
        let line: String = letters(line).collect();
        printed.windows(line.len().clamp(1, printed.len().max(1))).any(|part| {
            let part: String = part.iter().collect();
            strsim::levenshtein(&line, &part) <= MOST_LETTERS_LOST
        })
    };
    let prints_it = prints(cover_sheet::NOT_PART_OF_THE_RECORD)
        || prints(cover_sheet::NOT_TO_BE_FILED)
        || page.words().any(|word| cover_sheet::looks_like_ours(&word.text));
    let words = page.words().filter(|word| word.confidence >= SURE_OF_A_WORD).count();
    let is_headed_as_one = words <= MOST_WORDS_ON_A_SEPARATOR
        && page.lines.iter().any(|line| is_a_title(&line.words, page));
    match prints_it || is_headed_as_one {
        true if words > MOST_WORDS_ON_A_SHEET_OF_OURS => Says::No,
        true => Says::Yes,
        false if words > MOST_WORDS_ON_A_SEPARATOR => Says::No,
        false => Says::Nothing,
    }
}

/// A sheet torn below its head has nothing else left. In larger letters than a
/// chart's own forms are headed with.
fn is_a_title(line: &[Word], page: &PageText) -> bool {
    let text: String = line.iter().flat_map(|word| letters(&word.text)).collect();
    let is_one = |title: &&str| {
        let title: String = letters(title).collect();
        strsim::levenshtein(&title, &text) <= MOST_TITLE_LETTERS_LOST
    };
    let paper_width = f64::from(page.width.min(page.height));
    let is_large = |word: &Word| {
        let height = f64::from(word.bounds.bottom - word.bounds.top);
        height / paper_width * PAPER_WIDTH_MM >= SMALLEST_TITLE * cover_sheet::TITLE_MM
    };
    cover_sheet::title::ALL.iter().any(is_one) && line.iter().all(is_large)
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::decode::DpiSource;
    use crate::profile;
    use crate::records::barcode::Point;
    use crate::records::raster::{Dpi, PixelBox, PixelFormat};
    use crate::records::text::{Baseline, TextLine};

    const WIDTH: usize = 1700;
    const HEIGHT: usize = 2200;
    const LABEL: &str = "V10000012-000077%";

    fn clinic_visit() -> Profile {
        profile::find("clinic-visit", &[]).unwrap().profile
    }

    fn darken(pixels: &mut [u8], left: usize, top: usize, width: usize, height: usize) {
        for row in pixels.chunks_mut(WIDTH).skip(top).take(height) {
            row[left..left + width].fill(0);
        }
    }

    /// A letter page at 200 dpi with a label near its head and below it strokes
    /// that are the same upside down.
    fn labelled_page() -> Vec<u8> {
        let mut pixels = vec![255; WIDTH * HEIGHT];
        let modules = draw::encode(Symbology::Code39, LABEL).unwrap();
        for x in (0..modules.width).filter(|x| modules.is_dark(*x, 0)) {
            darken(&mut pixels, 300 + 3 * x as usize, 200, 3, 100);
        }
        for y in (700..2000).step_by(60) {
            for x in (200..1500).step_by(20) {
                darken(&mut pixels, x, y, 4, 24);
            }
        }
        pixels
    }

    fn outcome_of(pixels: Vec<u8>) -> (PageReadings, QuarterTurn, Option<f32>, Polarity) {
        let (width, height) = (WIDTH as u32, HEIGHT as u32);
        let raster = Raster::new(width, height, Dpi(200), PixelFormat::Gray8, pixels).unwrap();
        let page = SourcePage { raster, jpeg: None, dpi_source: DpiSource::File };
        match read_page(&page, &clinic_visit(), None).outcome {
            PageOutcome::Read { readings, picture, .. } => {
                (readings, picture.turn, picture.turn_confidence, picture.polarity)
            }
            PageOutcome::Unreadable { cause } => panic!("{cause}"),
        }
    }

    #[test]
    fn a_label_shows_which_way_up_a_page_lies_that_nothing_else_tells() {
        let (_, turn, confidence, _) = outcome_of(labelled_page());
        assert_eq!((turn, confidence), (QuarterTurn::None, None), "the strokes tell nothing");
        let mut upside_down = labelled_page();
        upside_down.reverse();
        let (readings, turn, ..) = outcome_of(upside_down);
        assert_eq!(readings.codes.len(), 1);
        assert_eq!(turn, QuarterTurn::Half);
    }

    #[test]
    fn a_label_on_a_negative_page_is_read_where_it_stands() {
        let negative = labelled_page().iter().map(|pixel| 255 - pixel).collect();
        let (readings, _, _, polarity) = outcome_of(negative);
        assert_eq!(polarity, Polarity::Negative);
        assert_eq!(readings.codes.len(), 1, "one label");
        assert_eq!(readings.codes[0].text, LABEL);
        let top = readings.codes[0].corners.map(|corner| corner.y);
        assert!(top.iter().all(|y| (150..350).contains(y)), "{top:?}");
    }

    #[test]
    fn a_sheet_copied_to_half_its_size_is_known_by_its_codes() {
        let payload = "OGS1P-0048213-E7719W";
        let page = Raster::new(1700, 2200, Dpi(200), PixelFormat::Gray8, vec![255; WIDTH * HEIGHT]);
        let page = page.unwrap();
        let is_copied_with = |symbology, module_px: f64| {
            let modules = f64::from(draw::encode(symbology, payload).unwrap().width);
            let right = 100 + (modules * module_px) as i32;
            let corners = [(100, 300), (right, 300), (right, 400), (100, 400)];
            let code = Reading {
                symbology,
                text: payload.to_owned(),
                corners: corners.map(|(x, y)| Point { x, y }),
                orientation_degrees: 0,
                found_by: String::new(),
            };
            is_a_shrunk_copy(&PageReadings { codes: vec![code], ..PageReadings::default() }, &page)
        };
        for (symbology, module_px) in [(Symbology::Code128, 4.0), (Symbology::Qr, 8.0)] {
            assert!(!is_copied_with(symbology, module_px), "{symbology}");
            assert!(!is_copied_with(symbology, 0.75 * module_px), "{symbology} made smaller");
            assert!(is_copied_with(symbology, 0.5 * module_px), "{symbology} copied");
        }
    }

    fn printed(lines: &[&str]) -> PageText {
        let bounds = PixelBox { left: 0, top: 0, right: 10, bottom: 10 };
        let word = |text: &str| Word { text: text.to_owned(), bounds, confidence: 90.0 };
        let line = |text: &&str| TextLine {
            bounds,
            baseline: Baseline::default(),
            starts_block: false,
            words: text.split(' ').map(word).collect(),
        };
        PageText { width: 10, height: 10, lines: lines.iter().map(line).collect() }
    }

    #[test]
    fn a_sheet_torn_below_its_head_is_known_by_its_large_title() {
        // 210 mm are 1,000 pixels wide: a title is 43 high.
        let headed = |title: &str, height: u32, words: usize| {
            let mut page = printed(&[&["MRN"][..], &vec!["seen"; words]].concat());
            let mut title = printed(&[title]).lines;
            for word in title.iter_mut().flat_map(|line| &mut line.words) {
                word.bounds = PixelBox { left: 0, top: 0, right: 200, bottom: height };
            }
            page.lines.splice(0..0, title);
            (page.width, page.height) = (1000, 1294);
            says_cover_sheet(&page)
        };
        assert_eq!(headed("PATIENT", 43, 1), Says::Yes);
        assert_eq!(headed("DOCUMEMT TYPE", 35, 1), Says::Yes);
        assert_eq!(headed("PATIENT", 20, 1), Says::Nothing, "the heading of a form");
        assert_eq!(headed("PATIENTS", 43, 1), Says::Yes);
        assert_eq!(headed("PATIENT NOTES", 43, 1), Says::Nothing);
        assert_eq!(headed("PATIENT", 43, 40), Says::No);
    }

    #[test]
    fn a_body_of_text_is_told_from_the_words_of_a_sheet() {
        let sentence = "the patient was seen today and reports no new pain";
        assert_eq!(says_cover_sheet(&printed(&["PATCH 2", sentence])), Says::Nothing);
        assert_eq!(says_cover_sheet(&printed(&[sentence; 4])), Says::No);
        let line = cover_sheet::NOT_PART_OF_THE_RECORD;
        assert_eq!(says_cover_sheet(&printed(&[sentence, sentence, sentence, line])), Says::Yes);
        // A copy of a sheet on a page of text.
        assert_eq!(says_cover_sheet(&printed(&[&[line][..], &[sentence; 6]].concat())), Says::No);
    }

    #[test]
    fn a_sheet_is_known_by_its_words_though_some_letters_are_lost() {
        for lines in [
            &["seqarator- nol part", "of lhe recor"][..],
            &["PATIENT", "sep rator: not part ofthe rec0rd", "0048213"],
            &["OGS1P -0048213-E7719W"],
            &["PATIENT", "MRN", "Outguide - printed 2026-01-31 - scan witb the hatch, do not fle"],
        ] {
            assert_eq!(says_cover_sheet(&printed(lines)), Says::Yes, "{lines:?}");
        }
        for lines in [&["not part of the record"][..], &["separate the parts"], &["x"], &[]] {
            assert_eq!(says_cover_sheet(&printed(lines)), Says::Nothing, "{lines:?}");
        }
    }
}
