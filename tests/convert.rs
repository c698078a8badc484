//! `outguide convert`, `barcodes` and `coversheet` as a person runs them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use outguide::imaging::decode;
use serde_json::Value;

fn outguide(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outguide"));
    command.args(arguments);
    command
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said(&output.stdout), said(&output.stderr)))
}

fn found(tool: &str) -> bool {
    let found = Command::new(tool).arg("-v").output().is_ok();
    if !found {
        println!("skipped: {tool} not found");
    }
    found
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The images of a folder of fixtures in order of name.
fn images(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end != "txt"));
    paths.sort();
    paths
}

/// A page of bars, as wide as it must be for a resolution to be guessed.
fn pgm(width: usize, height: usize) -> Vec<u8> {
    let mut file = format!("P5\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        file.extend((0..width).map(|x| if y % 40 < 12 && x % 9 > 2 { 0 } else { 255 }));
    }
    file
}

/// How many words of a page may be missing. Of typed pages 2 %, rounded up,
/// and one; of the others a little more than was measured.
fn may_be_missing(name: &str, words: usize) -> usize {
    match name {
        "handwriting-ruled" => 9,
        "stamped-letter" => 18,
        "dirty" => 22,
        // "I", alone behind a tick box, is read as a bar.
        "consent" => 11,
        _ => words.div_ceil(50) + 1,
    }
}

fn missing_words(expected: &str, got: &str) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in got.split_whitespace() {
        *left.entry(word).or_default() += 1;
    }
    expected
        .split_whitespace()
        .filter(|word| match left.get_mut(word) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => true,
        })
        .count()
}

#[test]
fn the_words_of_every_page_can_be_copied_from_the_pdf() {
    if !found("pdftotext") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("all.pdf");
    let images = [images("fixtures/pages"), images("fixtures/fax")].concat();
    let mut arguments = vec!["convert", "--json", "-o", text(&pdf)];
    arguments.extend(images.iter().map(|path| text(path)));
    let ran = outguide(&arguments);
    assert!(ran.status.success(), "{}", said(&ran.stderr));

    let copied = Command::new("pdftotext").args(["-raw", text(&pdf), "-"]).output().unwrap();
    let copied = said(&copied.stdout);
    let mut pages = copied.split('\x0c');
    let mut written = 0;
    let mut wrong = Vec::new();
    for image in &images {
        let expected = std::fs::read_to_string(image.with_extension("txt")).unwrap();
        let name = image.file_stem().unwrap().to_str().unwrap();
        let file = std::fs::read(image).unwrap();
        let count = decode::open(&file).unwrap().page_count().unwrap();
        let got: Vec<&str> = pages.by_ref().take(count).collect();
        let missing = missing_words(&expected, &got.concat());
        let words = expected.split_whitespace().count();
        println!("{name}: {missing} of {words} words missing");
        if missing > may_be_missing(name, words) {
            wrong.push(format!("{name}: {missing} of {words} words missing"));
        }
        written += count;
    }
    assert_eq!(json(&ran)["pages"], written);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `jpeg` with an Exif block that says it lies on its side.
fn lying_on_its_side(jpeg: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend([0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

#[test]
fn a_jpeg_filed_as_scanned_stands_in_the_pdf_as_it_came_and_a_turned_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (image, pdf) = (folder.path().join("page.jpg"), folder.path().join("out.pdf"));
    let plain = std::fs::read_to_string("profiles/plain-pages.toml").unwrap();
    let as_scanned =
        plain.replace("drop_blank = false", "drop_blank = false\nfiled_pixels = \"as-scanned\"");
    assert_ne!(as_scanned, plain);
    std::fs::write(folder.path().join("filing.toml"), as_scanned).unwrap();

    let jpeg = std::fs::read("fixtures/pages/faded.jpg").unwrap();
    for (file, as_it_came) in [(jpeg.clone(), true), (lying_on_its_side(&jpeg), false)] {
        std::fs::write(&image, &file).unwrap();
        let profile = ["--profiles", text(folder.path()), "--profile", "filing"];
        let ran =
            outguide(&[&["convert", "-o", text(&pdf)], &profile[..], &[text(&image)]].concat());
        assert!(ran.status.success(), "{}", said(&ran.stderr));
        let written = std::fs::read(&pdf).unwrap();
        // Its pixels lie behind all headers.
        let coded = &file[file.len() / 2..];
        let stands = written.windows(coded.len()).any(|window| window == coded);
        assert_eq!(stands, as_it_came);
        let whole = written.windows(file.len()).any(|window| window == file);
        assert_eq!(whole, as_it_came);
    }
}

#[test]
fn a_page_of_unknown_resolution_is_told_as_of_doubtful_size() {
    let folder = tempfile::tempdir().unwrap();
    let (image, pdf) = (folder.path().join("page.pgm"), folder.path().join("out.pdf"));
    std::fs::write(&image, pgm(850, 1100)).unwrap();
    let ran = outguide(&["convert", "--json", "-o", text(&pdf), text(&image)]);
    let doubtful = &json(&ran)["of_doubtful_size"];
    assert_eq!(doubtful[0]["page"], 1, "{doubtful}");
    assert!(doubtful[0]["cause"].as_str().unwrap().contains("does not say its resolution"));
}

#[test]
fn one_page_is_told_as_one_page() {
    let folder = tempfile::tempdir().unwrap();
    let (image, pdf) = (folder.path().join("page.pgm"), folder.path().join("out.pdf"));
    std::fs::write(&image, pgm(850, 1100)).unwrap();
    let told = |images: &[&str]| {
        said(&outguide(&[&["convert", "-o", text(&pdf)], images].concat()).stdout)
    };
    assert_eq!(told(&[text(&image)]), format!("1 page in {}\n", pdf.display()));
    assert_eq!(told(&[text(&image); 2]), format!("2 pages in {}\n", pdf.display()));
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_earlier_pdf_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("1.pgm"), folder.path().join("2.gif"));
    let pdf = folder.path().join("out.pdf");
    std::fs::write(&good, pgm(850, 1100)).unwrap();
    std::fs::write(&bad, b"GIF89a").unwrap();
    std::fs::write(&pdf, b"the earlier one").unwrap();
    let ran = outguide(&["convert", "--json", "-o", text(&pdf), text(&good), text(&bad)]);
    assert_eq!(ran.status.code(), Some(8));
    assert!(said(&ran.stderr).contains("2.gif"), "{}", said(&ran.stderr));
    let told = json(&ran);
    assert_eq!(told["exit"], 8);
    assert!(told["error"].as_str().unwrap().contains("2.gif"), "{told}");
    assert_eq!(std::fs::read(&pdf).unwrap(), b"the earlier one");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left behind");
}

#[test]
fn a_pdf_never_takes_the_place_of_an_image_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let (image, link) = (folder.path().join("page.pgm"), folder.path().join("link.pdf"));
    std::fs::write(&image, pgm(850, 1100)).unwrap();
    std::os::unix::fs::symlink(&image, &link).unwrap();
    for output in [&image, &link] {
        let ran = outguide(&["convert", "-o", text(output), text(&image)]);
        assert_eq!(ran.status.code(), Some(8), "{}", said(&ran.stderr));
        assert!(said(&ran.stderr).contains("page.pgm"));
    }
    assert_eq!(std::fs::read(&image).unwrap(), pgm(850, 1100));
}

#[test]
fn what_a_killed_convert_left_is_taken_away_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (image, pdf) = (folder.path().join("page.pgm"), folder.path().join("out.pdf"));
    std::fs::write(&image, pgm(850, 1100)).unwrap();
    for part in [".out.pdf.1.part", ".out.pdf.4711.part", ".other.pdf.1.part"] {
        std::fs::write(folder.path().join(part), b"half").unwrap();
    }
    let ran = outguide(&["convert", "-o", text(&pdf), text(&image)]);
    assert!(ran.status.success(), "{}", said(&ran.stderr));
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".other.pdf.1.part", "out.pdf", "page.pgm"]);
}

#[test]
fn pipes_and_devices_are_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, pdf) = (folder.path().join("page.png"), folder.path().join("out.pdf"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    for path in [text(&pipe), "/dev/zero"] {
        let read = outguide(&["barcodes", "--json", path]);
        assert_eq!(read.status.code(), Some(8), "{}", said(&read.stderr));
        assert_eq!(json(&read)["file"], path);
        assert!(json(&read)["error"].as_str().unwrap().contains("not a file"));
        let converted = outguide(&["convert", "-o", text(&pdf), path]);
        assert_eq!(converted.status.code(), Some(8), "{}", said(&converted.stderr));
    }
}

#[test]
fn output_that_cannot_be_written_is_a_fault_and_no_crash() {
    let sheet = "fixtures/sheets/separator.png";
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let ran = command(&["barcodes", sheet]).stdout(full()).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", said(&ran.stderr));
    assert!(said(&ran.stderr).contains("cannot be written"), "{}", said(&ran.stderr));

    let silent = command(&["barcodes", "nothing.png"]).stderr(full()).output().unwrap();
    assert_eq!(silent.status.code(), Some(8));

    // Whoever read has gone.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = command(&["barcodes", sheet]).stdout(writer).output().unwrap();
    assert_eq!((ran.status.code(), said(&ran.stderr)), (Some(1), String::new()));
}

#[test]
fn cover_sheets_that_promise_nothing_or_cannot_be_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("sheet.pdf");
    let print =
        |arguments: &[&str]| outguide(&[&["coversheet"], arguments, &["-o", text(&pdf)]].concat());
    for none in ["--documents", "--sheets"] {
        assert_eq!(print(&["batch", "7", none, "0"]).status.code(), Some(2), "{none}");
    }
    assert_eq!(print(&["type", "PROG", "--pages", "0"]).status.code(), Some(2));

    let long = print(&["patient", "--mrn", "abc def ghi jkl"]);
    assert_eq!(long.status.code(), Some(1));
    let told = said(&long.stderr);
    assert!(told.contains("the MRN would make") && told.contains("small letters"), "{told}");
    assert!(!told.contains("encounter"), "{told}");

    let known = print(&["type", "PROG"]);
    assert_eq!((known.status.code(), said(&known.stderr)), (Some(0), String::new()));
    let unknown = print(&["type", "prog"]);
    assert_eq!(unknown.status.code(), Some(0));
    assert!(said(&unknown.stderr).contains("\"prog\" is in no profile"));
}
