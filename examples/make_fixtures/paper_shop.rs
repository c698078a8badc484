//! Printed sheets and drawn pages as pixels.

use std::num::NonZeroU16;

use image::{GrayImage, RgbImage};
use outguide::pdf::paper::{Paper, PaperInfo, PaperPage};
use outguide::printing::{DocumentLine, PatientLines, PrintOrder, Sheet, SheetSize, print_sheets};
use outguide::records::separator::PatchCode;

use crate::charts::Person;
use crate::scan;

/// The day all of it is dated.
pub const MADE_AT: &str = "2026-11-22T13:44:25Z";

/// A drawn page in colour.
pub fn page(page: &PaperPage, dpi_across: u32, dpi_down: u32) -> RgbImage {
    let info = PaperInfo {
        title: "Made-up chart".to_owned(),
        language: "en".to_owned(),
        created: MADE_AT.parse().expect("a timestamp"),
    };
    let mut paper = Paper::new(SheetSize::Letter.size(), info);
    paper.add(page.clone());
    let pdf = paper.finish().expect("our own marks can be drawn");
    scan::pages(pdf, dpi_across, dpi_down).remove(0)
}

/// A drawn page in gray.
pub fn gray_page(drawn: &PaperPage, dpi: u32) -> GrayImage {
    scan::gray(&page(drawn, dpi, dpi))
}

/// A printed sheet in colour.
pub fn sheet(sheet: &Sheet, patch: Option<PatchCode>, dpi_across: u32, dpi_down: u32) -> RgbImage {
    let order = PrintOrder {
        size: SheetSize::Letter,
        patch,
        copies: NonZeroU16::MIN,
        printed_at: MADE_AT.parse().expect("a timestamp"),
    };
    let pdf = print_sheets(std::slice::from_ref(sheet), &order).expect("our own sheets print");
    scan::pages(pdf, dpi_across, dpi_down).remove(0)
}

pub fn patient_sheet(person: &Person) -> Sheet {
    Sheet::Patient(PatientLines {
        mrn: person.mrn.to_owned(),
        encounter: Some(person.encounter.to_owned()),
        name: Some(person.name.to_owned()),
        birth_date: Some(person.birth_date.to_owned()),
    })
}

pub fn type_sheet(code: &str, title: &str, pages: u32) -> Sheet {
    Sheet::DocumentType(DocumentLine {
        code: code.to_owned(),
        title: Some(title.to_owned()),
        pages: Some(pages),
    })
}
