//! Our own backend through libsane: feeder, duplex, flatbed.

use outguide::device::scanner::{ScanFault, ScannedImage};
use outguide::profile::{PaperSource, ScanMode};
use outguide::records::page::Side;
use outguide::records::raster::{PixelFormat, Raster};

use crate::rig::{Rig, gray_page, mode, next, order, pixels, pnm, raster};

fn pages(images: Vec<ScannedImage>) -> Vec<Raster> {
    images.into_iter().map(pixels).collect()
}

#[test]
fn a_feeder_delivers_its_pages_in_order_and_whole() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(5);
    let (images, fault) = rig.all("folder:adf", &order(PaperSource::Feeder));
    assert_eq!(fault, None);
    assert!(pages(images) == (1..=5).map(gray_page).collect::<Vec<_>>());
}

#[test]
fn duplex_delivers_fronts_and_backs_and_a_white_last_back() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(3);
    let (images, fault) = rig.all("folder:adf", &order(PaperSource::FeederDuplex));
    assert_eq!(fault, None);
    let places: Vec<_> = images.iter().map(|image| (image.sheet, image.side)).collect();
    let (front, back) = (Side::Front, Side::Back);
    assert_eq!(places, [(1, front), (1, back), (2, front), (2, back)]);
    let pages = pages(images);
    assert!(pages[2] == gray_page(3));
    assert!(pages[3].pixels().iter().all(|&sample| sample == 255));
}

#[test]
fn a_flatbed_takes_three_pages_when_asked_three_times() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(3);
    let mut scanner = rig.scanner("folder:flatbed", &order(PaperSource::Flatbed));
    for no in 1..=3 {
        assert!(pixels(next(&mut scanner).unwrap()) == gray_page(no), "page {no}");
    }
    // On a glass there is always a page: none is no end of a stack.
    assert_eq!(scanner.next_image().unwrap_err(), ScanFault::NothingOnTheGlass);
}

#[test]
fn a_scanner_is_found_by_make_and_serial_number() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(1);
    let open = |choice: &str| {
        rig.open(choice, &order(PaperSource::Flatbed)).map(|(s, _)| s.setup().scanner.clone())
    };
    assert_eq!(open("outguide:folder feeder").as_deref(), Ok("folder:adf"));
    assert_eq!(open("Outguide:folder flatbed:OG-FB-0001").as_deref(), Ok("folder:flatbed"));
    let another = open("Outguide:folder flatbed:OG-FB-0002");
    assert!(matches!(another, Err(ScanFault::NoSuchScanner { .. })), "{another:?}");
}

#[test]
fn pages_come_in_the_mode_asked_whatever_the_paper_is() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    let red = raster(PixelFormat::Rgb8, [200, 0, 0].repeat(61 * 83));
    rig.write("pages/0001.ppm", pnm(&red));
    let first = |scan_mode| {
        let order = mode(order(PaperSource::Flatbed), scan_mode);
        pixels(next(&mut rig.scanner("folder:flatbed", &order)).unwrap())
    };
    // Without a cursor file the page lies on the glass again.
    let modes = [ScanMode::Color, ScanMode::Gray, ScanMode::Bitonal];
    let scanned = modes.map(|scan_mode| {
        let page = first(scan_mode);
        std::fs::remove_file(rig.folder.path().join("cursor")).unwrap();
        page
    });
    assert!(scanned[0] == red);
    assert_eq!((scanned[1].format(), scanned[1].row(9)[9]), (PixelFormat::Gray8, 60));
    let bits = scanned[2].row(9);
    assert_eq!((scanned[2].format(), bits[0], bits[7]), (PixelFormat::Bitonal, 0xff, 0xf8));
}

#[test]
fn a_scanner_that_asks_for_a_password_gets_the_one_set_or_says_so() {
    let Some(rig) = Rig::with_folder_backend() else { return };
    rig.lay_in(1);
    rig.write("folder.conf", "login = clerk:secret");
    let open = |rig: &Rig| rig.open("folder:adf", &order(PaperSource::Feeder)).map(|_| ());
    let resource = || "folder".to_owned();
    assert_eq!(open(&rig), Err(ScanFault::LoginNeeded { resource: resource() }));
    let login = |answer: &str| Rig {
        worker: rig.worker.clone().env("OUTGUIDE_SCANNER_LOGIN", answer),
        folder: tempfile::tempdir().unwrap(),
    };
    assert_eq!(open(&login("clerk:wrong")), Err(ScanFault::LoginRefused { resource: resource() }));
    assert_eq!(open(&login("clerk:secret")), Ok(()));
}
