//! What other people's PDF readers say of our files.

use std::path::{Path, PathBuf};
use std::process::Command;

use outguide::records::raster::{PixelFormat, Raster};

use crate::drawing::{DPI, is_black};

/// `true` where the program is there; else says that the test was skipped.
pub fn found(program: &str) -> bool {
    let there = Command::new(program).arg("--help").output().is_ok();
    if !there {
        println!("skipped: {program} not found");
    }
    there
}

/// Puts the file where the conformance run looks for what the tests made.
pub fn keep(name: &str, pdf: &[u8]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("test-pdfs");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.pdf"));
    std::fs::write(&path, pdf).unwrap();
    path
}

pub fn output(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap();
    // Debian builds mutool without colour management; it says so once a file.
    let errors = String::from_utf8_lossy(&done.stderr)
        .replace("warning: ICC support is not available\n", "");
    assert!(done.status.success(), "{program} {arguments:?}: {errors}");
    assert_eq!(errors, "", "{program} {arguments:?}");
    String::from_utf8(done.stdout).unwrap()
}

pub fn assert_sound(pdf: &Path) {
    if found("qpdf") {
        let said = output("qpdf", &["--check", pdf.to_str().unwrap()]);
        assert!(said.contains("No syntax or stream encoding errors found"), "{said}");
        assert!(!said.contains("WARNING"), "{said}");
    }
}

/// A word and its box in pixels of the page as it is shown: left, top, right, bottom.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundWord {
    pub text: String,
    pub bounds: [f64; 4],
}

/// By `pdftotext -bbox`, page by page.
pub fn words_with_boxes(pdf: &Path) -> Vec<Vec<FoundWord>> {
    let html = output("pdftotext", &["-bbox", pdf.to_str().unwrap(), "-"]);
    let mut pages = Vec::new();
    for line in html.lines() {
        let line = line.trim();
        if line.starts_with("<page") {
            pages.push(Vec::new());
        } else if let Some(rest) = line.strip_prefix("<word ") {
            let (attributes, text) = rest.split_once('>').unwrap();
            let bound = |name: &str| -> f64 {
                let (_, value) = attributes.split_once(&format!("{name}=\"")).unwrap();
                let (value, _) = value.split_once('"').unwrap();
                value.parse::<f64>().unwrap() * f64::from(DPI.0) / 72.0
            };
            pages.last_mut().unwrap().push(FoundWord {
                text: text.trim_end_matches("</word>").to_owned(),
                bounds: [bound("xMin"), bound("yMin"), bound("xMax"), bound("yMax")],
            });
        }
    }
    pages
}

/// The words as a person would copy them, pages parted by form feeds.
pub fn copied_text(pdf: &Path) -> String {
    output("pdftotext", &[pdf.to_str().unwrap(), "-"])
}

/// The page as mutool draws it at its own resolution, dark pixels black.
pub fn drawn_by_mutool(pdf: &Path, page: u32) -> Raster {
    let (width, height, gray) = gray_by_mutool(pdf, page);
    crate::drawing::bitonal(width, height, |x, y| gray[(y * width + x) as usize] < 128)
}

/// Width, height and gray levels.
pub fn gray_by_mutool(pdf: &Path, page: u32) -> (u32, u32, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("page.pgm");
    output(
        "mutool",
        &[
            "draw",
            "-q",
            "-A",
            "0",
            "-c",
            "gray",
            "-r",
            &DPI.0.to_string(),
            "-o",
            drawn.to_str().unwrap(),
            pdf.to_str().unwrap(),
            &page.to_string(),
        ],
    );
    let image = image::open(&drawn).unwrap().into_luma8();
    (image.width(), image.height(), image.into_raw())
}

pub fn differing_pixels(one: &Raster, other: &Raster) -> usize {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    assert_eq!((one.format(), other.format()), (PixelFormat::Bitonal, PixelFormat::Bitonal));
    let differs = |x, y| is_black(one, x, y) != is_black(other, x, y);
    (0..one.height()).map(|y| (0..one.width()).filter(|x| differs(*x, y)).count()).sum()
}
