//! Drivers as they are: options that change one another, sources that are not
//! told, twins, crashes while looking. Our own backend, made awkward by its
//! `folder.conf`.

use outguide::device::scanner::{
    PaperPath, ScanFault, ScanOrder, ScanWarning, ScannerChoice, list, options,
};
use outguide::profile::{PageSize, PaperSource, ScanMode};
use outguide::records::raster::PixelFormat;

use crate::rig::{Rig, gray_page, mode, next, order, pixels, set};

fn rig(configuration: &str) -> Option<Rig> {
    let rig = Rig::with_folder_backend()?;
    rig.lay_in(3);
    rig.write("folder.conf", configuration);
    Some(rig)
}

fn feeder() -> ScanOrder {
    order(PaperSource::Feeder)
}

/// In the profile's [scanner.options].
fn with_own(mut order: ScanOrder, options: &[(&str, &str)]) -> ScanOrder {
    for (name, value) in options {
        order.settings.options.insert((*name).to_owned(), (*value).to_owned());
    }
    order
}

#[test]
fn a_driver_that_puts_its_page_size_back_crops_no_page() {
    let cases: [&[(&str, &str)]; 5] = [
        &[("source", "ADF")],
        &[("mode", "Gray")],
        &[("resolution", "100")],
        &[("overscan", "yes")],
        &[("mode", "Gray"), ("overscan", "yes"), ("resolution", "100")],
    ];
    for options in cases {
        let Some(rig) = rig("resets-page = yes") else { return };
        let (page, warnings) = rig.one("folder:adf", &set(feeder(), options));
        assert!(page == gray_page(1), "{options:?}: {page:?}");
        assert_eq!(warnings, [], "{options:?}");
    }
}

#[test]
fn what_was_set_by_hand_and_did_not_stay_is_told() {
    let Some(rig) = rig("resets-page = yes") else { return };
    let order = set(feeder(), &[("br-x", "100"), ("overscan", "yes")]);
    let (_, warnings) = rig.open("folder:adf", &order).unwrap();
    let name = "br-x".to_owned();
    let told = ScanWarning::OptionInexact { name, asked: "100".into(), used: "10".into() };
    assert_eq!(warnings, [told]);
}

#[test]
fn an_option_may_need_another_that_comes_behind_it_by_name() {
    let Some(rig) = rig("source = Flatbed") else { return };
    // 340 mm is more than the glass has.
    let order = with_own(feeder(), &[("br-y", "340"), ("source", "ADF")]);
    let (_, warnings) = rig.open("folder:adf", &order).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn a_page_moved_by_hand_keeps_its_size() {
    let Some(rig) = rig("") else { return };
    let mut order = set(feeder(), &[("tl-x", "5"), ("tl-y", "5")]);
    order.settings.page_size = PageSize::Millimetres { width: 8.0, height: 8.0 };
    let (page, warnings) = rig.one("folder:adf", &order);
    // 8 mm at 100 dpi, between edges rounded to pixels each.
    assert_eq!((page.width(), page.height(), warnings), (31, 31, vec![]));
}

#[test]
fn a_page_size_all_set_by_hand_is_settable() {
    let Some(rig) = rig("") else { return };
    let order = set(feeder(), &[("br-x", "100"), ("br-y", "150")]);
    assert_eq!(rig.open("folder:adf", &order).unwrap().1, []);
}

#[test]
fn the_largest_value_can_be_written_as_it_is_shown() {
    let Some(rig) = rig("") else { return };
    let order = set(feeder(), &[("br-x", "216"), ("br-y", "356")]);
    assert_eq!(rig.open("folder:adf", &order).unwrap().1, []);
}

#[test]
fn the_way_of_the_paper_is_the_drivers_and_not_the_profiles() {
    let cases = [
        ("", "folder:adf", vec![], PaperPath::Feeder),
        ("", "folder:adf", vec![("source", "Flatbed")], PaperPath::Flatbed),
        ("hidden = source", "folder:adf", vec![], PaperPath::Feeder),
        // Listed as "sheetfed scanner".
        ("hidden = source, page-loaded", "folder:adf", vec![], PaperPath::Feeder),
        ("hidden = source, page-loaded", "Outguide:folder feeder", vec![], PaperPath::Feeder),
    ];
    for (configuration, device, options, path) in cases {
        let Some(rig) = rig(configuration) else { return };
        let scanner = rig.scanner(device, &set(feeder(), &options));
        assert_eq!(scanner.setup().path, path, "{configuration} {device} {options:?}");
    }
}

#[test]
fn a_scanner_that_does_not_say_whether_it_feeds_is_warned_of_and_scans() {
    for nothing_told in ["unlisted = adf", "crash = listing"] {
        let configuration = format!("hidden = source, page-loaded\n{nothing_told}");
        let Some(rig) = rig(&configuration) else { return };
        let (mut scanner, warnings) = rig.open("folder:adf", &feeder()).unwrap();
        assert_eq!(scanner.setup().path, PaperPath::Unknown, "{nothing_told}");
        assert!(warnings.contains(&ScanWarning::PaperPathUnknown), "{warnings:?}");
        assert!(pixels(next(&mut scanner).unwrap()) == gray_page(1));
    }
}

#[test]
fn a_driver_that_cannot_count_its_options_is_no_driver_without_any() {
    let lied = |what: &str| ScanFault::DriverLied { what: what.into() };
    for (configuration, fault) in [
        ("option-count = refused", ScanFault::InputOutput),
        ("option-count = 0", lied("0 options")),
        ("option-count = -5", lied("-5 options")),
        ("option-count = 2147483647", lied("2147483647 options")),
        ("huge = swskip", lied("its option \"swskip\" has 2147483644 bytes")),
    ] {
        let Some(rig) = rig(configuration) else { return };
        assert_eq!(rig.all("folder:adf", &feeder()).1, Some(fault.clone()), "{configuration}");
        let options = options(&rig.worker, &ScannerChoice::parse("folder:adf"));
        assert_eq!(options.unwrap_err(), fault, "{configuration}");
    }
}

#[test]
fn gray_instead_of_colour_is_told_where_no_mode_can_be_set() {
    let Some(rig) = rig("hidden = mode\nmode = Gray") else { return };
    let colour = mode(feeder(), ScanMode::Color);
    let (page, warnings) = rig.one("folder:adf", &colour);
    assert_eq!(page.format(), PixelFormat::Gray8);
    assert_eq!(warnings, [ScanWarning::PixelsDiffer { wanted: "colour", got: "gray" }]);
}

#[test]
fn a_driver_told_to_throw_blank_pages_away_is_warned_of() {
    let Some(rig) = rig("") else { return };
    let warned = |value: &str| rig.open("folder:adf", &set(feeder(), &[("swskip", value)]));
    let told = ScanWarning::BlankPagesSkipped { name: "swskip".into() };
    assert_eq!(warned("0.5").unwrap().1, [told]);
    assert_eq!(warned("0").unwrap().1, []);
}

#[test]
fn a_busy_twin_does_not_hide_the_scanner_meant() {
    let Some(rig) = rig("twin = yes\nbusy = adf") else { return };
    let open = |serial: &str| {
        let choice = format!("Outguide:folder feeder:{serial}");
        rig.open(&choice, &feeder()).map(|(scanner, _)| scanner.setup().scanner.clone())
    };
    assert_eq!(open("OG-ADF-0002").as_deref(), Ok("folder:second-adf"));
    assert_eq!(open("OG-ADF-0003"), Err(ScanFault::Busy), "it may be the busy one");
}

#[test]
fn a_driver_that_crashes_while_scanners_are_looked_for_is_told_as_that() {
    let Some(rig) = rig("crash = listing") else { return };
    let fault = list(&rig.worker).unwrap_err();
    assert_eq!(fault, ScanFault::ListingFailed { how: "signal 6".into() });
    assert!(fault.to_string().contains("dll.conf"), "{fault}");
    // By its whole name it is opened without looking.
    assert!(rig.open("folder:adf", &feeder()).is_ok());
}

#[test]
fn a_driver_that_has_nothing_yet_is_not_asked_without_pause() {
    let Some(rig) = rig("") else { return };
    rig.write("pages/0001.nothing-yet", "");
    let mut scanner = rig.scanner("folder:adf", &feeder());
    assert!(pixels(next(&mut scanner).unwrap()) == gray_page(1));
    let asked = std::fs::read_to_string(rig.folder.path().join("asked")).unwrap();
    // In a tenth of a second, every 5 ms.
    assert!(asked.parse::<u32>().unwrap() <= 25, "asked {asked} times");
}
