//! Cover sheets and patch sheets, clean and as the feeder meets them.

use std::io;

use image::GrayImage;
use outguide::printing::Sheet;
use outguide::records::batch::Expected;
use outguide::records::separator::PatchCode;

use crate::chance::Chance;
use crate::charts::ADELAIDE;
use crate::files::{self, FaxCoding};
use crate::paper_shop::{patient_sheet, sheet, type_sheet};
use crate::scan;
use crate::shelf::{Shelf, Story};

const DPI: u32 = 300;
const WORN_DPI: u32 = 200;

pub fn make(shelf: &mut Shelf) -> io::Result<()> {
    clean(shelf)?;
    worn(shelf)?;
    patches(shelf)
}

fn clean(shelf: &mut Shelf) -> io::Result<()> {
    let batch = Sheet::BatchHeader {
        number: "20261122-07".to_owned(),
        expected: Expected { sheets: Some(12), documents: Some(4) },
        prepared_by: Some("M. Keller".to_owned()),
    };
    let sheets = [
        ("batch-header", batch),
        ("patient", patient_sheet(&ADELAIDE)),
        ("document-type", type_sheet("PROG", "Progress notes", 3)),
        ("separator", Sheet::Separator),
    ];
    for (name, printed) in sheets {
        let page = scan::gray(&sheet(&printed, Some(PatchCode::Two), DPI, DPI));
        shelf.put(
            &format!("sheets/{name}.png"),
            &files::png_bitonal(&page, DPI),
            Story {
                made: "printed by `printing`, rasterised at 300 dpi, black and white",
                hard: "nothing; also patch 2 at both ends",
                must_come_out: &format!("`{}`", printed.payload()),
            },
        )?;
    }
    Ok(())
}

fn worn(shelf: &mut Shelf) -> io::Result<()> {
    let mut chance = Chance::new(61);
    let printed = patient_sheet(&ADELAIDE);
    let payload = format!("`{}`", printed.payload());
    let page = scan::gray(&sheet(&printed, None, WORN_DPI, WORN_DPI));
    let mut put = |name: &str, page: &GrayImage, made: &str, hard: &str, out: &str| {
        let made = format!("the patient sheet without patch bars, 200 dpi, {made}");
        let file = files::jpeg_gray(page, WORN_DPI, 60);
        let story = Story { made: &made, hard, must_come_out: out };
        shelf.put(&format!("sheets/patient-{name}.jpg"), &file, story)
    };
    let faded = scan::noise(scan::fade(scan::blur(&page, 0.8), 150, 225), 4.0, &mut chance);
    put(
        "faded",
        &faded,
        "ink 150 on paper 225, soft, noise of 4 levels",
        "little contrast",
        &payload,
    )?;
    let noisy = scan::noise(scan::blur(&page, 1.0), 30.0, &mut chance);
    put("noisy", &noisy, "soft, noise of 30 levels", "bars of 4 px in noise", &payload)?;
    let skewed = scan::skew(&page, 6.0);
    put("skewed", &skewed, "turned clockwise by 6°", "no row crosses a whole code", &payload)?;
    let upside_down = scan::skew(&scan::turn(&page, 2), -2.0);
    put("upside-down", &upside_down, "upside down and crooked by 2°", "both at once", &payload)?;
    let dusty =
        scan::streaks(page.clone(), &[0.11, 0.17, 0.23, 0.31, 0.4, 0.5, 0.62, 0.85, 0.92], 3);
    put(
        "streaks",
        &dusty,
        "nine streaks of 3 px down the page, dark and light",
        "each streak hides a bar of the picket and cuts the QR; the ladder only loses a slice of every bar",
        &payload,
    )?;
    let torn = scan::tear(page.clone(), 0.46, 0.24, &mut chance);
    put(
        "torn",
        &torn,
        "torn off through all three codes",
        "a cover sheet nobody can read by its codes",
        "no code; a question for a clerk, never a page of a chart",
    )?;
    let corner = scan::tear(page, 1.02, 0.62, &mut chance);
    put(
        "torn-corner",
        &corner,
        "the lower right corner torn off",
        "picket and QR damaged or close to the tear, the ladder whole",
        &payload,
    )?;
    let sent = scan::fax(&sheet(&printed, None, 204, 98), &mut chance);
    shelf.put(
        "sheets/patient-faxed.tif",
        &files::tiff(&[sent], 204, 98, FaxCoding::G3),
        Story {
            made: "the patient sheet without patch bars through a standard fax, 204 × 98 dpi, T.4, lost dots",
            hard: "bars of 4 px across and 2 px down; pixels not square",
            must_come_out: &payload,
        },
    )
}

fn patches(shelf: &mut Shelf) -> io::Result<()> {
    for code in PatchCode::ALL {
        let printed = Sheet::Patch(code);
        let page = scan::gray(&sheet(&printed, None, WORN_DPI, WORN_DPI));
        for (name, quarters) in [("upright", 0), ("sideways", 1), ("upside-down", 2)] {
            let file = files::png_bitonal(&scan::turn(&page, quarters), WORN_DPI);
            let turned_180 = code.turned_180();
            let hard = if turned_180 == code {
                "reads the same from both ends".to_owned()
            } else {
                format!("from the wrong end it would be {turned_180}")
            };
            shelf.put(
                &format!("patches/{}-{name}.png", code.to_string().to_lowercase()),
                &file,
                Story {
                    made: "printed by `printing`, 200 dpi, black and white; bars at both ends, each read from its own",
                    hard: &hard,
                    must_come_out: &format!("patch {code}"),
                },
            )?;
        }
    }
    Ok(())
}
