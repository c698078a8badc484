//! Cover sheets on paper: batch headers, patients, document types, separators
//! and patch sheets, each a page of a PDF.
//!
//! What a sheet's barcode says is written in [`crate::records::cover_sheet`];
//! here it is decided where it stands. A sheet carries one payload, so that
//! damage never leaves half of what it said, and prints it three times:
//!
//! ```text
//! ┌──────────────────────────────┐  patch bars, where asked, at both ends
//! │ ▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬ │  within 3.75 in of whichever edge leads
//! │ PATIENT                    ≣ │
//! │ MRN 0048213                ≣ │  ladder: its bars lie across the feed of a
//! │ Encounter E7719            ≣ │  sheet fed head first, so that a streak of
//! │                            ≣ │  dust crosses all of them and hides none
//! │ ▣ QR, a second chance      ≣ │
//! │ ║▌║▌║║▌║▌║║▌║▌║║           │  picket: the same for a sheet fed sideways
//! │ ▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬ │
//! └──────────────────────────────┘
//! ```
//!
//! The narrowest bar is 20 mil: 6 pixels at 300 dpi, 4 at 200 and 2 down the
//! page of a standard fax (204 × 98 dpi). A name and birth date are printed for
//! the eye only; no barcode carries them.

mod legible;

use std::fmt;
use std::num::NonZeroU16;

use crate::page_barcodes::draw::{self, DrawError, Modules};
use crate::page_barcodes::patch;
use crate::pdf::paper::{
    Align, BoxMm, Face, Ink, Lettering, Paper, PaperFault, PaperInfo, PaperPage, PointMm, SizeMm,
};
use crate::records::barcode::Symbology;
use crate::records::batch::Expected;
use crate::records::cover_sheet::{
    BAR_MM, CoverSheet, NOT_PART_OF_THE_RECORD, NOT_TO_BE_FILED, QR_MODULE_MM, is_carried_plainly,
    title,
};
use crate::records::separator::PatchCode;

/// Ten modules and no less than 0.2 in.
const QUIET_MM: f64 = 5.08;
/// Along the bars: more than 15 % of any code that fits on the sheet.
const BAR_LENGTH_MM: f64 = 20.0;
/// From the edge of the paper to anything printed: 0.5 in, more than office
/// printers leave white.
const MARGIN_MM: f64 = 12.7;
/// From the edge to the patch bars: A-61599 asks for 0.25 in.
const PATCH_MARGIN_MM: f64 = 8.0;
/// Of the four bars with their spaces.
const PATCH_DEPTH_MM: f64 = 20.32;
/// White between patch bars and the rest.
const PATCH_QUIET_MM: f64 = 6.0;

#[derive(Debug, thiserror::Error)]
pub enum PrintFault {
    #[error("nothing to print: name at least one sheet")]
    NothingToPrint,
    #[error("sheet {sheet}: the {what} is empty")]
    Empty { sheet: usize, what: &'static str },
    #[error(
        "sheet {sheet}: the {what} begins or ends with a space, which nobody sees on the sheet; \
         take it away"
    )]
    EdgeSpace { sheet: usize, what: &'static str },
    #[error(
        "sheet {sheet}: the {what} holds a character that does not show, such as a line break or \
         a tab; take it away"
    )]
    Unseen { sheet: usize, what: &'static str },
    #[error(
        "sheet {sheet}: the {what} holds a space that is not the space bar's (a no-break or thin \
         one), which nobody can tell apart on the sheet; write a plain space"
    )]
    OtherSpace { sheet: usize, what: &'static str },
    #[error(
        "sheet {sheet}: the {what} holds letters that are written from right to left, which are \
         not printed; write it with Latin, Greek or Cyrillic letters"
    )]
    RightToLeft { sheet: usize, what: &'static str },
    /// A finer barcode would print, and then not read.
    #[error(
        "sheet {sheet}: the {what} would make a barcode too long to read after a fax{because}; \
         shorten it",
        because = if *carried_plainly {
            ""
        } else {
            " (small letters, spaces and signs take three characters each: write capitals and \
             digits where you can)"
        }
    )]
    TooLong { sheet: usize, what: &'static str, carried_plainly: bool },
    #[error("sheet {sheet} cannot be drawn")]
    Barcode { sheet: usize, source: DrawError },
    #[error(transparent)]
    Paper(#[from] PaperFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetSize {
    Letter,
    A4,
}

impl SheetSize {
    pub fn size(self) -> SizeMm {
        match self {
            SheetSize::Letter => SizeMm { width: 215.9, height: 279.4 },
            SheetSize::A4 => SizeMm { width: 210.0, height: 297.0 },
        }
    }
}

/// A kind of document, as a profile names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    pub code: String,
    /// For the eye: "Progress notes".
    pub title: Option<String>,
    /// How many pages follow, for the count to balance.
    pub pages: Option<u32>,
}

/// Whose pages follow.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientLines {
    pub mrn: String,
    pub encounter: Option<String>,
    /// For the eye only.
    pub name: Option<String>,
    /// For the eye only, as the hospital writes dates.
    pub birth_date: Option<String>,
}

/// One sheet to print.
#[derive(Clone, PartialEq, Eq)]
pub enum Sheet {
    BatchHeader {
        number: String,
        expected: Expected,
        /// For the eye only.
        prepared_by: Option<String>,
    },
    Patient(PatientLines),
    DocumentType(DocumentLine),
    Separator,
    /// Patch bars at both ends, each read from its own, since 1 and 6, and 3
    /// and T, are each other upside down.
    Patch(PatchCode),
}

/// A patient's numbers stay out of logs and errors.
impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// How the sheets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintOrder {
    pub size: SheetSize,
    /// Patch bars on every sheet that is not a patch sheet itself.
    pub patch: Option<PatchCode>,
    /// Of each sheet, one after the other.
    pub copies: NonZeroU16,
    /// Stands on the sheets and in the file; there is no clock here.
    pub printed_at: jiff::Timestamp,
}

/// The sheets as one PDF/A-2b file.
pub fn print_sheets(sheets: &[Sheet], order: &PrintOrder) -> Result<Vec<u8>, PrintFault> {
    if sheets.is_empty() {
        return Err(PrintFault::NothingToPrint);
    }
    let info = PaperInfo {
        title: "Outguide cover sheets".to_owned(),
        language: "en".to_owned(),
        created: order.printed_at,
    };
    let mut paper = Paper::new(order.size.size(), info);
    for (index, sheet) in sheets.iter().enumerate() {
        let page = draw_sheet(sheet, index + 1, order)?;
        for _ in 0..order.copies.get() {
            paper.add(page.clone());
        }
    }
    Ok(paper.finish()?)
}

impl Sheet {
    /// What the barcodes of this sheet say. A patch sheet's say which it is,
    /// to whoever finds it, and mean nothing to separation.
    pub fn payload(&self) -> String {
        match self {
            Sheet::BatchHeader { number, expected, .. } => {
                CoverSheet::BatchHeader { number: number.clone(), expected: *expected }.to_payload()
            }
            Sheet::Patient(patient) => CoverSheet::Patient {
                mrn: patient.mrn.clone(),
                encounter: patient.encounter.clone(),
            }
            .to_payload(),
            Sheet::DocumentType(document) => {
                CoverSheet::DocumentType { code: document.code.clone(), pages: document.pages }
                    .to_payload()
            }
            Sheet::Separator => CoverSheet::Separator.to_payload(),
            Sheet::Patch(code) => format!("PATCH-{code}"),
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Sheet::BatchHeader { .. } => title::BATCH_HEADER,
            Sheet::Patient(_) => title::PATIENT,
            Sheet::DocumentType(_) => title::DOCUMENT_TYPE,
            Sheet::Separator => title::SEPARATOR,
            Sheet::Patch(_) => "PATCH SHEET",
        }
    }

    /// Labels and values in the order a clerk checks them.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let mut add = |label, value: Option<String>| {
            lines.extend(value.map(|value| (label, value)));
        };
        match self {
            Sheet::BatchHeader { number, expected, prepared_by } => {
                add("Batch", Some(number.clone()));
                add("Sheets in this batch", expected.sheets.map(|n| n.to_string()));
                add("Documents in this batch", expected.documents.map(|n| n.to_string()));
                add("Prepared by", prepared_by.clone());
            }
            Sheet::Patient(patient) => {
                add("MRN", Some(patient.mrn.clone()));
                add("Encounter", patient.encounter.clone());
                add("Name", patient.name.clone());
                add("Born", patient.birth_date.clone());
            }
            Sheet::DocumentType(document) => {
                add("Code", Some(document.code.clone()));
                add("Document type", document.title.clone());
                add("Pages that follow", document.pages.map(|n| n.to_string()));
            }
            Sheet::Separator => add("A new document", Some("begins here".to_owned())),
            Sheet::Patch(code) => add("Patch code", Some(code.to_string())),
        }
        lines
    }

    /// Says what makes the barcode long.
    fn too_long(&self, sheet: usize) -> PrintFault {
        let (what, carried) = match self {
            Sheet::BatchHeader { number, .. } => ("batch number", number.clone()),
            Sheet::Patient(PatientLines { mrn, encounter: None, .. }) => ("MRN", mrn.clone()),
            Sheet::Patient(PatientLines { mrn, encounter: Some(encounter), .. }) => {
                ("MRN with the encounter", format!("{mrn}{encounter}"))
            }
            Sheet::DocumentType(document) => ("document type's code", document.code.clone()),
            Sheet::Separator => ("separator", String::new()),
            Sheet::Patch(code) => ("patch code", code.to_string()),
        };
        let carried_plainly = is_carried_plainly(&carried);
        PrintFault::TooLong { sheet, what, carried_plainly }
    }

    /// What its barcode says whose or what it is.
    fn keys(&self) -> Vec<(&'static str, &str)> {
        match self {
            Sheet::BatchHeader { number, .. } => vec![("batch number", number)],
            Sheet::Patient(PatientLines { mrn, encounter, .. }) => {
                let encounter = encounter.iter().map(|encounter| ("encounter", encounter.as_str()));
                std::iter::once(("MRN", mrn.as_str())).chain(encounter).collect()
            }
            Sheet::DocumentType(document) => vec![("document type", &document.code)],
            Sheet::Separator | Sheet::Patch(_) => Vec::new(),
        }
    }
}

/// The two symbols of a payload.
struct Key {
    payload: String,
    bars: Modules,
    matrix: Modules,
}

impl Key {
    /// Length of the Code 128 with both quiet zones.
    fn length_mm(&self) -> f64 {
        f64::from(self.bars.width) * BAR_MM + 2.0 * QUIET_MM
    }
}

fn draw_sheet(sheet: &Sheet, number: usize, order: &PrintOrder) -> Result<PaperPage, PrintFault> {
    legible::check(sheet, number)?;
    let symbol = |symbology, payload: &str| {
        draw::encode(symbology, payload)
            .map_err(|source| PrintFault::Barcode { sheet: number, source })
    };
    let payload = sheet.payload();
    let key = Key {
        bars: symbol(Symbology::Code128, &payload)?,
        matrix: symbol(Symbology::Qr, &payload)?,
        payload,
    };
    let patch = match sheet {
        Sheet::Patch(code) => Some(*code),
        Sheet::BatchHeader { .. }
        | Sheet::Patient(_)
        | Sheet::DocumentType(_)
        | Sheet::Separator => order.patch,
    };
    let layout = Layout::new(order.size.size(), patch);
    if key.length_mm() > layout.longest_code_mm() {
        return Err(sheet.too_long(number));
    }
    let mut page = PaperPage::default();
    if let Some(code) = patch {
        draw_patch(&mut page, code, order.size.size());
    }
    draw_words(&mut page, &layout, sheet, order);
    draw_key(&mut page, &layout, &key);
    if !matches!(sheet, Sheet::Patch(_)) {
        draw_ladder(&mut page, &layout, &key);
    }
    Ok(page)
}

/// Where things stand on a sheet, in millimetres from its top left.
struct Layout {
    size: SizeMm,
    /// Nothing but patch bars above.
    top: f64,
    /// The line of small print; nothing but patch bars below.
    foot: f64,
    /// The words end and the ladder begins.
    ladder_left: f64,
    /// The ladder ends and the picket begins.
    picket_top: f64,
}

/// From a code to its text, the height of the text included.
const CODE_TEXT_MM: f64 = 4.5;

impl Layout {
    fn new(size: SizeMm, patch: Option<PatchCode>) -> Self {
        let top = match patch {
            Some(_) => PATCH_MARGIN_MM + PATCH_DEPTH_MM + PATCH_QUIET_MM,
            None => MARGIN_MM,
        };
        let foot = size.height - top;
        Layout {
            size,
            top,
            foot,
            ladder_left: size.width - MARGIN_MM - BAR_LENGTH_MM,
            picket_top: foot - 6.0 - CODE_TEXT_MM - BAR_LENGTH_MM,
        }
    }

    /// With quiet zones, the same for ladder and picket.
    fn longest_code_mm(&self) -> f64 {
        let ladder = self.picket_top - self.top;
        let picket = self.size.width - 2.0 * MARGIN_MM + 2.0 * QUIET_MM;
        ladder.min(picket)
    }
}

/// At each end the bars are read from that end on: whichever end leads through
/// the feeder, the sheet says the same.
fn draw_patch(page: &mut PaperPage, code: PatchCode, size: SizeMm) {
    let width = size.width - 2.0 * MARGIN_MM;
    for bar in patch::bars(code) {
        let height = f64::from(bar.width_mm);
        let from_edge = PATCH_MARGIN_MM + f64::from(bar.offset_mm);
        for top in [from_edge, size.height - from_edge - height] {
            page.fill_rect(BoxMm { left: MARGIN_MM, top, width, height }, Ink::BLACK);
        }
    }
}

fn draw_words(page: &mut PaperPage, layout: &Layout, sheet: &Sheet, order: &PrintOrder) {
    let left = MARGIN_MM;
    let width = layout.ladder_left - 2.0 * CODE_TEXT_MM - left;
    let mut y = layout.top + 11.0;
    let title = Lettering::new(Face::SansBold, 36.0).fitted(sheet.title(), width);
    page.text(PointMm::new(left, y), sheet.title(), title);
    y += 8.0;
    let notice = Lettering::new(Face::SansBold, 15.0);
    page.text(PointMm::new(left, y), NOT_PART_OF_THE_RECORD, notice);
    y += 4.0;
    page.line(PointMm::new(left, y), PointMm::new(left + width, y), 0.8, Ink::BLACK);
    for (label, value) in sheet.lines() {
        page.text(PointMm::new(left, y + 6.5), label, Lettering::new(Face::Sans, 12.0));
        let large = Lettering::new(Face::SansBold, 28.0).fitted(&value, width);
        page.text(PointMm::new(left, y + 17.0), &value, large);
        y += 19.5;
    }
    let printed =
        format!("Outguide · printed {} · {NOT_TO_BE_FILED}", order.printed_at.strftime("%Y-%m-%d"));
    let foot = PointMm::new(layout.size.width / 2.0, layout.foot);
    page.text(foot, &printed, Lettering::new(Face::Sans, 10.0).align(Align::Centre));
}

/// Not on patch sheets: there every code lies upright, so that any of them
/// tells which end of the bars comes first when the other end is torn off.
fn draw_ladder(page: &mut PaperPage, layout: &Layout, key: &Key) {
    let ladder = PointMm::new(layout.ladder_left, layout.top + QUIET_MM);
    page.fill_rects(ladder_bars(&key.bars, ladder), Ink::BLACK);
    let beside = PointMm::new(ladder.x - CODE_TEXT_MM, ladder.y);
    page.text(beside, &key.payload, readable().turned(90.0));
}

fn draw_key(page: &mut PaperPage, layout: &Layout, key: &Key) {
    let picket = PointMm::new(MARGIN_MM, layout.picket_top);
    page.fill_rects(picket_bars(&key.bars, picket), Ink::BLACK);
    let below = PointMm::new(picket.x, picket.y + BAR_LENGTH_MM + CODE_TEXT_MM);
    page.text(below, &key.payload, readable());

    let side = f64::from(key.matrix.width) * QR_MODULE_MM;
    let qr = PointMm::new(MARGIN_MM + 2.0, layout.picket_top - side - 8.0);
    page.fill_rects(squares(&key.matrix, qr), Ink::BLACK);
}

/// A payload to be keyed by hand when nothing else reads.
fn readable() -> Lettering {
    Lettering::new(Face::Mono, 11.0)
}

/// Bars upright, one after the other to the right.
fn picket_bars(modules: &Modules, at: PointMm) -> Vec<BoxMm> {
    runs(modules, 0)
        .into_iter()
        .map(|(start, length)| BoxMm {
            left: at.x + f64::from(start) * BAR_MM,
            top: at.y,
            width: f64::from(length) * BAR_MM,
            height: BAR_LENGTH_MM,
        })
        .collect()
}

/// Bars level, one below the other: the picket turned clockwise.
fn ladder_bars(modules: &Modules, at: PointMm) -> Vec<BoxMm> {
    runs(modules, 0)
        .into_iter()
        .map(|(start, length)| BoxMm {
            left: at.x,
            top: at.y + f64::from(start) * BAR_MM,
            width: BAR_LENGTH_MM,
            height: f64::from(length) * BAR_MM,
        })
        .collect()
}

fn squares(modules: &Modules, at: PointMm) -> Vec<BoxMm> {
    (0..modules.height)
        .flat_map(|row| runs(modules, row).into_iter().map(move |run| (row, run)))
        .map(|(row, (start, length))| BoxMm {
            left: at.x + f64::from(start) * QR_MODULE_MM,
            top: at.y + f64::from(row) * QR_MODULE_MM,
            width: f64::from(length) * QR_MODULE_MM,
            height: QR_MODULE_MM,
        })
        .collect()
}

/// The dark runs of a row: where each starts and how long it is, in modules.
fn runs(modules: &Modules, row: u32) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for x in (0..modules.width).filter(|x| modules.is_dark(*x, row)) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == x => *length += 1,
            Some(_) | None => runs.push((x, 1)),
        }
    }
    runs
}
