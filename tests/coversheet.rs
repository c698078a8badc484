//! Printed sheets are drawn, laid under a scanner in every position, and read
//! back to what they were printed to say.

use std::fs;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use outguide::imaging::{decode, turn::turned};
use outguide::page_barcodes::{self, Effort};
use outguide::printing::{
    DocumentLine, PatientLines, PrintFault, PrintOrder, Sheet, SheetSize, print_sheets,
};
use outguide::profile::BarcodeRules;
use outguide::records::barcode::Symbology;
use outguide::records::batch::Expected;
use outguide::records::cover_sheet;
use outguide::records::page::{PageReadings, QuarterTurn};
use outguide::records::raster::{Dpi, PixelFormat, Raster};
use outguide::records::separator::{PatchCode, PatchReading};

const TURNS: [QuarterTurn; 4] =
    [QuarterTurn::None, QuarterTurn::Right, QuarterTurn::Half, QuarterTurn::Left];

fn order(size: SheetSize, patch: Option<PatchCode>) -> PrintOrder {
    PrintOrder {
        size,
        patch,
        copies: NonZeroU16::MIN,
        printed_at: "2026-11-22T13:44:25Z".parse().unwrap(),
    }
}

fn patient() -> PatientLines {
    PatientLines {
        mrn: "0048213".into(),
        encounter: Some("E7719".into()),
        name: Some("Samplewood, Adelaide R".into()),
        birth_date: Some("03/14/1951".into()),
    }
}

fn cover_sheets() -> Vec<Sheet> {
    let code = "PROG".to_owned();
    vec![
        Sheet::BatchHeader {
            number: "20261122-07".into(),
            expected: Expected { sheets: Some(120), documents: Some(38) },
            prepared_by: Some("M. Keller".into()),
        },
        Sheet::Patient(patient()),
        Sheet::DocumentType(DocumentLine {
            code,
            title: Some("Progress notes".into()),
            pages: Some(4),
        }),
        Sheet::Separator,
    ]
}

/// How the paper was copied.
#[derive(Debug, Clone, Copy)]
enum Copied {
    Scanned {
        dpi: u32,
    },
    /// 204 dots an inch across and 98 rows, black and white, each row then
    /// drawn twice as software that squares fax pixels does.
    Faxed,
}

fn rasters(pdf: Vec<u8>, copied: Copied) -> Vec<Raster> {
    let pdf = Pdf::new(pdf).unwrap();
    let cache = RenderCache::new();
    let (across, down) = match copied {
        Copied::Scanned { dpi } => (dpi, dpi),
        Copied::Faxed => (204, 98),
    };
    let settings = PixmapSettings {
        x_scale: across as f32 / 72.0,
        y_scale: down as f32 / 72.0,
        bg_color: WHITE,
    };
    let pages = pdf.pages();
    let draw = |page| {
        let interpreter = InterpreterSettings::default();
        let drawn = render(page, &cache, &interpreter, &RenderSettings::default(), &settings);
        let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
        let gray: Vec<u8> = drawn.data_as_u8_slice().chunks_exact(4).map(|p| p[0]).collect();
        match copied {
            Copied::Scanned { dpi } => {
                Raster::new(width, height, Dpi(dpi), PixelFormat::Gray8, gray).unwrap()
            }
            Copied::Faxed => {
                let rows = gray.chunks_exact(width as usize);
                let squared = rows
                    .flat_map(|row| [row, row])
                    .flatten()
                    .map(|p| if *p < 128 { 0 } else { 255 })
                    .collect();
                Raster::new(width, height * 2, Dpi(200), PixelFormat::Gray8, squared).unwrap()
            }
        }
    };
    pages.iter().map(draw).collect()
}

fn read(raster: &Raster) -> PageReadings {
    let rules = BarcodeRules {
        symbologies: vec![Symbology::Code128, Symbology::Qr],
        itf_lengths: vec![],
        patch_codes: true,
        outguide_sheets: true,
        fields: vec![],
    };
    page_barcodes::read(raster, &rules, Effort::Ordinary)
}

/// Something was read, and nothing but the payload.
fn says_only(readings: &PageReadings, payload: &str) -> bool {
    !readings.codes.is_empty() && readings.codes.iter().all(|code| code.text == payload)
}

fn check_all_ways_up(sheets: &[Sheet], order: &PrintOrder, copied: Copied) {
    let pages = rasters(print_sheets(sheets, order).unwrap(), copied);
    assert_eq!(pages.len(), sheets.len());
    for (sheet, page) in sheets.iter().zip(&pages) {
        for turn in TURNS {
            let readings = read(&turned(page, turn));
            assert!(
                says_only(&readings, &sheet.payload()),
                "{sheet:?}, {copied:?}, {turn:?}: {readings:?}"
            );
        }
    }
}

#[test]
fn every_cover_sheet_reads_back_from_300_dpi_whichever_way_it_lies() {
    let order = order(SheetSize::Letter, Some(PatchCode::Two));
    check_all_ways_up(&cover_sheets(), &order, Copied::Scanned { dpi: 300 });
}

#[test]
fn every_cover_sheet_reads_back_from_200_dpi_whichever_way_it_lies() {
    let order = order(SheetSize::A4, None);
    check_all_ways_up(&cover_sheets(), &order, Copied::Scanned { dpi: 200 });
}

#[test]
fn every_cover_sheet_reads_back_after_a_standard_fax_whichever_way_it_lies() {
    check_all_ways_up(&cover_sheets(), &order(SheetSize::Letter, None), Copied::Faxed);
}

#[test]
fn no_barcode_carries_a_name_or_a_birth_date() {
    let named = Sheet::Patient(patient());
    let unnamed = Sheet::Patient(PatientLines { name: None, birth_date: None, ..patient() });
    assert_eq!(named.payload(), unnamed.payload());
    let said = cover_sheet::parse(&named.payload()).unwrap();
    let encounter = Some("E7719".to_owned());
    assert!(said == cover_sheet::CoverSheet::Patient { mrn: "0048213".into(), encounter });
}

#[test]
fn every_patch_sheet_says_its_code_whichever_way_it_lies() {
    let sheets = PatchCode::ALL.map(Sheet::Patch);
    let pdf = print_sheets(&sheets, &order(SheetSize::Letter, None)).unwrap();
    for (code, page) in PatchCode::ALL.into_iter().zip(rasters(pdf, Copied::Scanned { dpi: 300 })) {
        for turn in TURNS {
            let patches = read(&turned(&page, turn)).patches;
            assert_eq!(patches, [PatchReading::Known(code)], "patch {code}, {turn:?}");
        }
    }
}

#[test]
fn patch_bars_on_a_cover_sheet_are_read_beside_its_barcodes() {
    let order = order(SheetSize::Letter, Some(PatchCode::Two));
    let pdf = print_sheets(&cover_sheets(), &order).unwrap();
    for page in rasters(pdf, Copied::Scanned { dpi: 200 }) {
        assert!(read(&page).patches.contains(&PatchReading::Known(PatchCode::Two)));
    }
}

#[test]
fn worn_sheets_still_say_whose_pages_follow() {
    let payload = Sheet::Patient(patient()).payload();
    for name in [
        "patient.png",
        "patient-faded.jpg",
        "patient-noisy.jpg",
        "patient-skewed.jpg",
        "patient-upside-down.jpg",
        "patient-streaks.jpg",
        "patient-torn-corner.jpg",
        "patient-faxed.tif",
    ] {
        let readings = read(&fixture(&format!("sheets/{name}")));
        assert!(says_only(&readings, &payload), "{name}: {readings:?}");
    }
}

#[test]
fn a_sheet_torn_through_its_codes_says_nothing_rather_than_something_wrong() {
    assert!(read(&fixture("sheets/patient-torn.jpg")).codes.is_empty());
}

fn fixture(name: &str) -> Raster {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let bytes = fs::read(path).unwrap();
    decode::open(&bytes).unwrap().next().unwrap().unwrap()
}

#[test]
fn scanned_patch_sheets_say_their_code_whichever_way_they_lay() {
    for code in PatchCode::ALL {
        for lay in ["upright", "sideways", "upside-down"] {
            let name = format!("patches/{}-{lay}.png", code.to_string().to_lowercase());
            assert_eq!(read(&fixture(&name)).patches, [PatchReading::Known(code)], "{name}");
        }
    }
}

#[test]
fn copies_follow_each_other_sheet_by_sheet() {
    let copies = NonZeroU16::new(3).unwrap();
    let order = PrintOrder { copies, ..order(SheetSize::A4, None) };
    let sheets = [Sheet::Separator, Sheet::Patient(patient())];
    let pages = rasters(print_sheets(&sheets, &order).unwrap(), Copied::Scanned { dpi: 50 });
    assert_eq!(pages.len(), 6);
    assert!(pages[0] == pages[2] && pages[3] == pages[5] && pages[2] != pages[3]);
}

#[test]
fn a_sheet_without_its_key_is_refused() {
    let blank = Sheet::Patient(PatientLines { mrn: " ".into(), ..patient() });
    let refused = print_sheets(&[Sheet::Separator, blank], &order(SheetSize::A4, None));
    assert!(matches!(refused, Err(PrintFault::Empty { sheet: 2, what: "MRN" })));
    let none = print_sheets(&[], &order(SheetSize::A4, None));
    assert!(matches!(none, Err(PrintFault::NothingToPrint)));
}

#[test]
fn what_nobody_sees_on_a_sheet_is_refused_and_named_by_its_line() {
    let told = |patient: PatientLines| {
        let printed = print_sheets(&[Sheet::Patient(patient)], &order(SheetSize::A4, None));
        printed.map(|_| ()).unwrap_err().to_string()
    };
    for mrn in ["MR1 ", " MR1"] {
        let fault = told(PatientLines { mrn: mrn.into(), ..patient() });
        assert!(fault.contains("the MRN begins or ends with a space"), "{fault}");
    }
    for unseen in [
        '\u{200b}', '\u{202e}', '\n', '\t', '\u{c}', '\u{2028}', '\u{200e}', '\u{200f}', '\u{61c}',
        '\u{34f}', '\u{fe0f}',
    ] {
        let fault = told(PatientLines { mrn: format!("MR{unseen}1"), ..patient() });
        assert!(fault.contains("the MRN holds a character that does not show"), "{fault}");
        let fault = told(PatientLines { name: Some(format!("Sam{unseen}le")), ..patient() });
        assert!(fault.contains("the Name holds a character that does not show"), "{fault}");
    }
    for space in ['\u{a0}', '\u{2009}', '\u{202f}'] {
        let fault = told(PatientLines { mrn: format!("MR{space}1"), ..patient() });
        assert!(fault.contains("the MRN holds a space that is not"), "{fault}");
        let fault = told(PatientLines { encounter: Some(format!("E{space}1")), ..patient() });
        assert!(fault.contains("the encounter holds a space that is not"), "{fault}");
    }
    let fault = told(PatientLines { name: Some("דוד לוי".into()), ..patient() });
    assert!(fault.contains("the Name holds letters that are written from right"), "{fault}");
}

#[test]
fn words_for_the_eye_keep_the_spaces_their_language_writes() {
    let title = Some("Compte rendu\u{a0}: sortie".to_owned());
    let sheet = Sheet::DocumentType(DocumentLine { code: "DS".into(), title, pages: None });
    assert!(print_sheets(&[sheet], &order(SheetSize::A4, None)).is_ok());
}

#[test]
fn numbers_too_long_for_bars_that_survive_a_fax_are_refused_without_showing_them() {
    let mrn = "AB-12345/67890-CDEFGH".to_owned();
    let long = Sheet::Patient(PatientLines { mrn: mrn.clone(), ..patient() });
    let fault = print_sheets(&[long], &order(SheetSize::Letter, None)).unwrap_err();
    assert!(matches!(fault, PrintFault::TooLong { sheet: 1, what: "MRN with the encounter", .. }));
    assert!(!fault.to_string().contains(&mrn));
}

#[test]
fn qpdf_finds_nothing_wrong_with_the_printed_pdf() {
    let mut sheets = cover_sheets();
    sheets.extend(PatchCode::ALL.map(Sheet::Patch));
    for (name, size) in
        [("coversheets-letter", SheetSize::Letter), ("coversheets-a4", SheetSize::A4)]
    {
        let file = keep(name, &print_sheets(&sheets, &order(size, Some(PatchCode::Two))).unwrap());
        let Ok(checked) = Command::new("qpdf").arg("--check").arg(&file).output() else {
            println!("skipped: qpdf not found");
            return;
        };
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// Puts the file where the conformance run looks for what the tests made.
fn keep(name: &str, pdf: &[u8]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("test-pdfs");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.pdf"));
    fs::write(&path, pdf).unwrap();
    path
}

#[test]
fn the_command_prints_the_sheets_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patients.pdf");
    let ran = Command::new(env!("CARGO_BIN_EXE_outguide"))
        .args(["coversheet", "patient", "--mrn", "0048213", "--encounter", "E7719"])
        .args(["--name", "Samplewood, Adelaide R", "--copies", "2", "--paper", "a4", "--json"])
        .arg("-o")
        .arg(&file)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["pages"], 2);
    let pages = rasters(fs::read(&file).unwrap(), Copied::Scanned { dpi: 200 });
    assert_eq!(pages.len(), 2);
    for page in pages {
        assert!(says_only(&read(&page), &Sheet::Patient(patient()).payload()));
    }
}
