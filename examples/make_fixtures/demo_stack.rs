//! The stack `make demo` feeds: twelve sheets, both sides, behind cover sheets,
//! with one torn sheet left in for the clerk.

use std::io;

use image::{GrayImage, Luma};
use outguide::printing::Sheet;
use outguide::records::batch::Expected;
use outguide::records::separator::PatchCode;

use crate::chance::Chance;
use crate::charts::{self, ADELAIDE, BEATRIX, ChartPage, JONATHAN};
use crate::files;
use crate::paper_shop::{gray_page, patient_sheet, sheet, type_sheet};
use crate::scan;
use crate::shelf::{Shelf, Story};

const DPI: u32 = 300;

pub fn make(shelf: &mut Shelf) -> io::Result<()> {
    let mut stack = Stack { shelf, fed: 0, chance: Chance::new(20_261_122) };
    stack.cover("batch-header", &batch_header())?;
    stack.cover("patient-a", &patient_sheet(&ADELAIDE))?;
    stack.cover("type-prog", &type_sheet("PROG", "Progress notes", 3))?;
    stack.leaf("progress-notes", Feed::Straight, |n| charts::progress_note(&ADELAIDE, n))?;
    stack.progress_note_with_empty_back()?;
    stack.cover("type-lab", &type_sheet("LAB", "Laboratory reports", 2))?;
    stack.leaf("lab-report", Feed::Crooked(2.0), |n| charts::lab_report(&ADELAIDE, n))?;
    stack.cover("patient-b", &patient_sheet(&JONATHAN))?;
    stack.cover("type-ds", &type_sheet("DS", "Discharge summary", 2))?;
    stack
        .leaf("discharge-summary", Feed::UpsideDown, |n| charts::discharge_summary(&JONATHAN, n))?;
    stack.torn_patient_sheet()?;
    stack.consent_with_punched_back()?;
    shelf.put_quietly("demo-stack/expected/result.toml", include_bytes!("demo_expected.toml"))?;
    shelf.tell(
        "demo-stack/*.png",
        Story {
            made: "twelve sheets in feeding order, `a` the front and `b` the back, 300 dpi; \
                   covers black and white, charts gray",
            hard: "duplex backs; one sheet crooked by 2°, one upside down, one empty back with \
                   the front showing through, one empty back with punch holes; the third \
                   patient's sheet is torn through all three of its codes",
            must_come_out: "`demo-stack/expected/result.toml`, the text of each page beside it: three documents and one question",
        },
    );
    Ok(())
}

fn batch_header() -> Sheet {
    Sheet::BatchHeader {
        number: "20261122-07".to_owned(),
        expected: Expected { sheets: Some(12), documents: None },
        prepared_by: Some("M. Keller".to_owned()),
    }
}

/// How a sheet went through the feeder.
#[derive(Clone, Copy)]
enum Feed {
    Straight,
    /// Clockwise degrees of the front.
    Crooked(f64),
    UpsideDown,
}

struct Stack<'a> {
    shelf: &'a mut Shelf,
    /// Sheets.
    fed: u32,
    chance: Chance,
}

impl Stack<'_> {
    /// A cover sheet and its empty back.
    fn cover(&mut self, name: &str, cover: &Sheet) -> io::Result<()> {
        let front = scan::gray(&sheet(cover, Some(PatchCode::Two), DPI, DPI));
        let back = files::png_bitonal(&empty(&front), DPI);
        self.feed(name, &files::png_bitonal(&front, DPI), "blank", &back)
    }

    /// A sheet written on both sides; `draw` takes 1 for the front, 2 for the back.
    fn leaf(
        &mut self,
        name: &str,
        feed: Feed,
        draw: impl Fn(usize) -> ChartPage,
    ) -> io::Result<()> {
        let pages = [draw(1), draw(2)];
        let [front, back] = [0, 1].map(|side| {
            let page = gray_page(&pages[side].paper, DPI);
            match (feed, side) {
                (Feed::Straight, _) => page,
                (Feed::Crooked(degrees), 0) => scan::skew(&page, degrees),
                (Feed::Crooked(degrees), _) => scan::skew(&page, -degrees),
                (Feed::UpsideDown, _) => scan::turn(&page, 2),
            }
        });
        let (front, back) = (files::png_gray16(&front, DPI), files::png_gray16(&back, DPI));
        self.feed(&format!("{name}-1"), &front, &format!("{name}-2"), &back)?;
        self.text('a', &format!("{name}-1"), &pages[0])?;
        self.text('b', &format!("{name}-2"), &pages[1])
    }

    fn progress_note_with_empty_back(&mut self) -> io::Result<()> {
        let page = charts::progress_note(&ADELAIDE, 3);
        let front = gray_page(&page.paper, DPI);
        let back = scan::bleed_through(empty(&front), &front, 0.07);
        let (front, back) = (files::png_gray16(&front, DPI), files::png_gray(&back, DPI));
        self.feed("progress-notes-3", &front, "blank-bleed-through", &back)?;
        self.text('a', "progress-notes-3", &page)
    }

    /// The top patch bars and the words above the tear are left.
    fn torn_patient_sheet(&mut self) -> io::Result<()> {
        let front = scan::gray(&sheet(&patient_sheet(&BEATRIX), Some(PatchCode::Two), DPI, DPI));
        let torn = scan::tear(front, 0.46, 0.24, &mut self.chance);
        let back = files::png_bitonal(&empty(&torn), DPI);
        self.feed("patient-c-torn", &files::png_gray16(&torn, DPI), "blank", &back)
    }

    fn consent_with_punched_back(&mut self) -> io::Result<()> {
        let page = charts::consent(&BEATRIX);
        let front = gray_page(&page.paper, DPI);
        let back = scan::punch(empty(&front), DPI);
        let (front, back) = (files::png_gray16(&front, DPI), files::png_bitonal(&back, DPI));
        self.feed("consent", &front, "blank-punched", &back)?;
        self.text('a', "consent", &page)
    }

    fn feed(
        &mut self,
        front: &str,
        front_file: &[u8],
        back: &str,
        back_file: &[u8],
    ) -> io::Result<()> {
        self.fed += 1;
        let no = self.fed;
        self.shelf.put_quietly(&format!("demo-stack/{no:02}a-{front}.png"), front_file)?;
        self.shelf.put_quietly(&format!("demo-stack/{no:02}b-{back}.png"), back_file)
    }

    fn text(&mut self, side: char, name: &str, page: &ChartPage) -> io::Result<()> {
        let file = format!("demo-stack/expected/{:02}{side}-{name}.txt", self.fed);
        self.shelf.put_quietly(&file, page.text.as_bytes())
    }
}

/// White paper of the same size.
fn empty(like: &GrayImage) -> GrayImage {
    GrayImage::from_pixel(like.width(), like.height(), Luma([255]))
}
