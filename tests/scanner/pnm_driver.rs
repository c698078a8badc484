//! libsane's `pnm` driver: a file of ours through the real libsane.

use outguide::device::scanner::Feed;
use outguide::profile::PaperSource;
use outguide::records::raster::PixelFormat;

use crate::rig::{Rig, gray_page, next, order, pixels, pnm, raster, set};

#[test]
fn a_page_file_comes_through_libsane_pixel_by_pixel() {
    let Some(rig) = Rig::with_driver("pnm") else { return };
    let bits = (0..8 * 83).map(|i: u32| if i % 8 == 7 { 0xf8 & i as u8 } else { i as u8 });
    let pages = [
        raster(PixelFormat::Bitonal, bits.collect()),
        gray_page(7),
        raster(PixelFormat::Rgb8, (0..61 * 83 * 3).map(|i: u32| (i % 251) as u8).collect()),
    ];
    for page in pages {
        rig.write("page.pnm", pnm(&page));
        let file = rig.folder.path().join("page.pnm");
        let order = set(order(PaperSource::Flatbed), &[("filename", file.to_str().unwrap())]);
        let (scanned, _) = rig.one("pnm:0", &order);
        assert_eq!(scanned.format(), page.format());
        assert!(scanned.pixels() == page.pixels(), "{scanned:?} differs from {page:?}");
    }
}

#[test]
fn a_file_read_to_its_end_is_the_end_of_the_stack() {
    let Some(rig) = Rig::with_driver("pnm") else { return };
    rig.write("page.pgm", pnm(&gray_page(1)));
    let file = rig.folder.path().join("page.pgm");
    let order = set(order(PaperSource::Feeder), &[("filename", file.to_str().unwrap())]);
    let mut scanner = rig.scanner("pnm:0", &order);
    assert_eq!(pixels(next(&mut scanner).unwrap()).height(), 83);
    assert!(matches!(scanner.next_image(), Ok(Feed::OutOfDocuments)));
}
