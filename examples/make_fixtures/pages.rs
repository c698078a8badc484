//! Chart pages, clean and as they come out of cellars, carbons and fax machines.

use std::io;

use image::{GrayImage, Luma};

use crate::chance::Chance;
use crate::charts::{self, ADELAIDE, BEATRIX, ChartPage, JONATHAN};
use crate::files::{self, FaxCoding};
use crate::paper_shop::{gray_page, page};
use crate::scan;
use crate::shelf::{Shelf, Story};

const DPI: u32 = 300;
/// Noise does not compress: pages with it are kept smaller.
const NOISY_DPI: u32 = 200;

pub fn make(shelf: &mut Shelf) -> io::Result<()> {
    clean(shelf)?;
    hard_originals(shelf)?;
    turned_and_crooked(shelf)?;
    worn(shelf)?;
    faxed(shelf)?;
    blank(shelf)
}

const ITS_TEXT: &str = "its text";

fn clean(shelf: &mut Shelf) -> io::Result<()> {
    let mut put = |name: &str, page: &ChartPage, hard: &str| {
        let made = "drawn, rasterised at 300 dpi, gray";
        let story = Story { made, hard, must_come_out: ITS_TEXT };
        let file = files::png_gray16(&gray_page(&page.paper, DPI), DPI);
        shelf.put_page(&format!("pages/{name}.png"), &file, &page.text, story)
    };
    put("progress-note", &charts::progress_note(&ADELAIDE, 1), "typewriter face; the easy page")?;
    put(
        "discharge-summary-1",
        &charts::discharge_summary(&JONATHAN, 1),
        "two pages, this the first",
    )?;
    put(
        "discharge-summary-2",
        &charts::discharge_summary(&JONATHAN, 2),
        "two pages, this the second",
    )?;
    put("lab-report", &charts::lab_report(&ADELAIDE, 1), "a ruled table: numbers between lines")?;
    put("consent", &charts::consent(&BEATRIX), "tick boxes and a signature among print")?;
    put(
        "nursing-flow-sheet",
        &charts::nursing_flow_sheet(&ADELAIDE),
        "a full grid, short numbers in its cells",
    )
}

fn hard_originals(shelf: &mut Shelf) -> io::Result<()> {
    let mut chance = Chance::new(51);
    let carbon = charts::orders(&JONATHAN);
    let worn = scan::blur(&gray_page(&carbon.paper, NOISY_DPI), 1.1);
    let worn = scan::noise(scan::fade(worn, 128, 222), 5.0, &mut chance);
    shelf.put_page(
        "pages/carbon-copy.jpg",
        &files::jpeg_gray(&worn, NOISY_DPI, 70),
        &carbon.text,
        Story {
            made: "typed orders, blurred by 1.1 px, ink raised to gray 128 on paper 222, noise of 5 levels, 200 dpi",
            hard: "soft, faint letters; a fixed threshold at the middle loses them",
            must_come_out: ITS_TEXT,
        },
    )?;
    let hand = charts::handwritten(&ADELAIDE);
    shelf.put_page(
        "pages/handwriting-ruled.jpg",
        &files::jpeg_rgb(&page(&hand.paper, NOISY_DPI, NOISY_DPI), NOISY_DPI, 75),
        &hand.text,
        Story {
            made: "a stroke script of our own on blue ruled paper, 200 dpi, colour",
            hard: "an unsteady hand, rules through the letters",
            must_come_out: "the typed first line; as many of the other words as can be had; the page kept whole",
        },
    )?;
    let stamped = charts::stamped_letter(&ADELAIDE);
    shelf.put_page(
        "pages/stamped-letter.jpg",
        &files::jpeg_rgb(&page(&stamped.paper, NOISY_DPI, NOISY_DPI), NOISY_DPI, 75),
        &stamped.text,
        Story {
            made: "typed letter, a round red stamp over it, a blue one turned by 30°, 200 dpi, colour",
            hard: "print under a stamp; must stay colour",
            must_come_out: "the typed text outside the stamp; the stamps need not read",
        },
    )
}

fn turned_and_crooked(shelf: &mut Shelf) -> io::Result<()> {
    let note = charts::progress_note(&ADELAIDE, 2);
    let upright = gray_page(&note.paper, DPI);
    for quarters in 1..=3 {
        let degrees = quarters * 90;
        let file = files::png_gray16(&scan::turn(&upright, quarters), DPI);
        let made = format!("a typed page turned clockwise by {degrees}°");
        let out = format!("turned by {}°, then its text", 360 - degrees);
        let story =
            Story { made: &made, hard: "must be turned before reading", must_come_out: &out };
        shelf.put_page(&format!("pages/turned-{degrees}.png"), &file, &note.text, story)?;
    }
    let lab = charts::lab_report(&ADELAIDE, 2);
    let straight = gray_page(&lab.paper, DPI);
    for (name, degrees) in [
        ("skewed-1", 1.0),
        ("skewed-minus-1", -1.0),
        ("skewed-3", 3.0),
        ("skewed-minus-3", -3.0),
        ("skewed-7", 7.0),
    ] {
        let file = files::png_gray16(&scan::skew(&straight, degrees), DPI);
        let made = format!(
            "a lab report turned clockwise by {degrees}° about its middle, white around it"
        );
        let out = format!("a skew of {degrees}° measured to within 0.1°, then its text");
        let story =
            Story { made: &made, hard: "rules of a table and short lines", must_come_out: &out };
        shelf.put_page(&format!("pages/{name}.png"), &file, &lab.text, story)?;
    }
    Ok(())
}

fn worn(shelf: &mut Shelf) -> io::Result<()> {
    let mut chance = Chance::new(52);
    let note = charts::progress_note(&ADELAIDE, 3);
    let clean = gray_page(&note.paper, NOISY_DPI);

    let film = scan::fade(scan::blur(&clean, 0.7), 35, 215);
    shelf.put_page(
        "pages/film-negative.png",
        &files::png_gray16(&scan::invert(film), NOISY_DPI),
        &note.text,
        Story {
            made: "a typed page, softened and inverted: light letters on dark film, 200 dpi",
            hard: "polarity; nearly all of it is dark",
            must_come_out: "inverted, then its text",
        },
    )?;
    let dirty = scan::specks(scan::blur(&clean, 0.5), 2_500, 3.0, &mut chance);
    let dirty = scan::noise(scan::shade(dirty, 0.72), 12.0, &mut chance);
    shelf.put_page(
        "pages/dirty.jpg",
        &files::jpeg_gray(&dirty, NOISY_DPI, 60),
        &note.text,
        Story {
            made: "a typed page with 2500 specks up to 3 px, noise of 12 levels, light falling to 72 % on the right, 200 dpi",
            hard: "specks like decimal points; uneven light",
            must_come_out: ITS_TEXT,
        },
    )?;
    let faded = scan::noise(scan::fade(clean.clone(), 165, 240), 3.0, &mut chance);
    shelf.put_page(
        "pages/faded.jpg",
        &files::jpeg_gray(&faded, NOISY_DPI, 70),
        &note.text,
        Story {
            made: "a typed page, ink raised to gray 165 on paper 240, noise of 3 levels, 200 dpi",
            hard: "little contrast, as of old thermal paper",
            must_come_out: ITS_TEXT,
        },
    )?;
    shelf.put_page(
        "pages/bitonal.png",
        &files::png_bitonal(&clean, NOISY_DPI),
        &note.text,
        Story {
            made: "a typed page at 200 dpi, black and white",
            hard: "nothing: one bit a pixel",
            must_come_out: ITS_TEXT,
        },
    )
}

fn faxed(shelf: &mut Shelf) -> io::Result<()> {
    let mut chance = Chance::new(53);
    let pages = [charts::discharge_summary(&JONATHAN, 1), charts::discharge_summary(&JONATHAN, 2)];
    let text: String = pages.iter().map(|page| page.text.as_str()).collect();
    let mut sent = |rows_per_inch: u32| -> Vec<GrayImage> {
        pages.iter().map(|p| scan::fax(&page(&p.paper, 204, rows_per_inch), &mut chance)).collect()
    };
    shelf.put_page(
        "fax/fine-g3.tif",
        &files::tiff(&sent(196), 204, 196, FaxCoding::G3),
        &text,
        Story {
            made: "two printed pages, 204 × 196 dpi, T.4 one-dimensional, lost dots",
            hard: "G3 with EOLs; two pages in one file; pixels not quite square",
            must_come_out: "two pages, their text",
        },
    )?;
    shelf.put_page(
        "fax/standard-g4.tif",
        &files::tiff(&sent(98), 204, 98, FaxCoding::G4),
        &text,
        Story {
            made: "the same at 204 × 98 dpi, T.6",
            hard: "pixels twice as high as wide: to be stretched before anything else",
            must_come_out: "two letter pages; their text as far as 98 rows an inch carry it",
        },
    )?;
    let clean: Vec<GrayImage> =
        pages.iter().map(|p| scan::threshold(gray_page(&p.paper, DPI), 128)).collect();
    shelf.put_page(
        "fax/three-pages-g4.tif",
        &files::tiff(
            &[clean[0].clone(), scan::turn(&clean[1], 2), empty(DPI)],
            DPI,
            DPI,
            FaxCoding::G4,
        ),
        &text,
        Story {
            made: "two clean pages at 300 dpi, the second upside down, and a blank, T.6",
            hard: "several pages in one file, each with its own turn",
            must_come_out: "three images; two pages of text, one blank",
        },
    )
}

fn empty(dpi: u32) -> GrayImage {
    GrayImage::from_pixel(dpi * 17 / 2, dpi * 11, Luma([255]))
}

fn blank(shelf: &mut Shelf) -> io::Result<()> {
    let mut chance = Chance::new(54);
    let out = "blank";
    shelf.put(
        "blanks/white.png",
        &files::png_bitonal(&empty(DPI), DPI),
        Story {
            made: "nothing",
            hard: "nothing at all to measure a skew or an orientation by",
            must_come_out: out,
        },
    )?;
    let used = scan::shade(scan::fade(empty(150), 0, 236), 0.85);
    let used = scan::specks(scan::noise(used, 4.0, &mut chance), 12, 2.5, &mut chance);
    shelf.put(
        "blanks/used-paper.jpg",
        &files::jpeg_gray(&used, 150, 70),
        Story {
            made: "gray 236 falling to 85 % on the right, noise of 4 levels, 12 specks, 150 dpi",
            hard: "not white anywhere, a few specks",
            must_come_out: out,
        },
    )?;
    let front = gray_page(&charts::orders(&JONATHAN).paper, NOISY_DPI);
    let through = scan::bleed_through(scan::fade(empty(NOISY_DPI), 0, 244), &front, 0.12);
    let through = scan::noise(through, 2.0, &mut chance);
    shelf.put(
        "blanks/bleed-through.jpg",
        &files::jpeg_gray(&through, NOISY_DPI, 70),
        Story {
            made: "the back of typed orders: mirrored, blurred, 12 % of the ink, 200 dpi",
            hard: "the words of the front, mirrored, all over it",
            must_come_out: out,
        },
    )?;
    let punched = scan::specks(scan::punch(empty(DPI), DPI), 6, 4.0, &mut chance);
    shelf.put(
        "blanks/punch-holes.png",
        &files::png_bitonal(&punched, DPI),
        Story {
            made: "three black punch holes of 0.28 in along the left edge, six specks",
            hard: "more black than a line of text has",
            must_come_out: out,
        },
    )?;
    let one_word = {
        let mut page = charts::ChartPage::default();
        page.one_word("Addendum: none.");
        page
    };
    shelf.put_page(
        "blanks/not-blank-one-line.png",
        &files::png_bitonal(&gray_page(&one_word.paper, DPI), DPI),
        &one_word.text,
        Story {
            made: "one typed line of 15 letters on an empty page",
            hard: "as little ink as a chart page ever has",
            must_come_out: "not blank",
        },
    )
}
