//! libsane's `test` driver: every kind of option, frame and status.

use outguide::device::scanner::{Feed, ScanFault, ScanWarning, list};
use outguide::profile::{PageSize, PaperSource, ScanMode};
use outguide::records::page::Side;
use outguide::records::raster::{Dpi, PixelFormat, Raster};

use crate::rig::{Rig, mode, next, order, pixels, set};

const DEVICE: &str = "test:0";

/// Sorted out beforehand, so that a test can look at what else is said.
fn flatbed() -> outguide::device::scanner::ScanOrder {
    set(order(PaperSource::Flatbed), &[("test-picture", "Color pattern")])
}

#[test]
fn a_feeder_of_ten_delivers_ten_sheets_and_says_it_is_through() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (images, fault) = rig.all(DEVICE, &order(PaperSource::Feeder));
    assert_eq!(fault, None);
    let places: Vec<_> = images.iter().map(|image| (image.sheet, image.side)).collect();
    assert_eq!(places, (1..=10).map(|sheet| (sheet, Side::Front)).collect::<Vec<_>>());
    let page = pixels(images.into_iter().next().unwrap());
    // 80 × 100 mm at 100 dpi.
    assert_eq!((page.width(), page.height(), page.dpi()), (314, 393, Dpi(100)));
}

#[test]
fn a_flatbed_scans_a_page_each_time_it_is_asked() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let mut scanner = rig.scanner(DEVICE, &order(PaperSource::Flatbed));
    for sheet in 1..=3 {
        assert_eq!(next(&mut scanner).unwrap().sheet, sheet);
    }
}

#[test]
fn every_status_while_reading_is_a_fault_of_its_own() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let doing = "to deliver a page with these settings".to_owned();
    let expected = 314 * 393;
    let no_page = "no more documents where it had begun a page".to_owned();
    let faults = [
        ("UNSUPPORTED", ScanFault::Unsupported { doing: doing.clone() }),
        ("CANCELLED", ScanFault::Cancelled),
        ("DEVICE_BUSY", ScanFault::Busy),
        ("INVAL", ScanFault::SettingsRefused { doing }),
        ("EOF", ScanFault::TruncatedFrame { expected, got: 0 }),
        ("JAMMED", ScanFault::Jam),
        ("NO_DOCS", ScanFault::DriverLied { what: no_page }),
        ("COVER_OPEN", ScanFault::CoverOpen),
        ("IO_ERROR", ScanFault::InputOutput),
        ("NO_MEM", ScanFault::OutOfMemory),
        ("ACCESS_DENIED", ScanFault::AccessDenied),
    ];
    for (status, fault) in faults {
        let status = format!("SANE_STATUS_{status}");
        let order = set(order(PaperSource::Feeder), &[("read-return-value", &status)]);
        let (images, stopped) = rig.all(DEVICE, &order);
        assert_eq!((images.len(), stopped), (0, Some(fault)), "{status}");
    }
}

fn color(rig: &Rig, options: &[(&str, &str)]) -> (Raster, Vec<ScanWarning>) {
    rig.one(DEVICE, &set(mode(flatbed(), ScanMode::Color), options))
}

#[test]
fn three_passes_make_the_same_page_as_one() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (one_pass, warnings) = color(&rig, &[]);
    assert_eq!((one_pass.format(), warnings), (PixelFormat::Rgb8, vec![]));
    for passes in ["RGB", "RBG", "GBR", "GRB", "BRG", "BGR"] {
        let options = [("three-pass", "yes"), ("three-pass-order", passes)];
        assert!(color(&rig, &options).0 == one_pass, "{passes}");
    }
}

#[test]
fn sixteen_bits_make_the_same_page_as_eight_and_are_warned_of_once() {
    let Some(rig) = Rig::with_driver("test") else { return };
    // The driver's colour pattern has finer steps in 16 bits.
    let (eight, _) = color(&rig, &[("test-picture", "Grid")]);
    let (sixteen, warnings) = color(&rig, &[("test-picture", "Grid"), ("depth", "16")]);
    assert_eq!(warnings, [ScanWarning::DepthReduced]);
    assert!(sixteen == eight);
    let order = set(order(PaperSource::Feeder), &[("depth", "16")]);
    let (images, _) = rig.all(DEVICE, &order);
    assert_eq!(images.iter().map(|image| image.warnings.len()).sum::<usize>(), 1);
}

#[test]
fn black_is_black_in_every_depth_and_mode() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let cases = [
        (ScanMode::Bitonal, "1", "Solid black", 0xff),
        (ScanMode::Bitonal, "1", "Solid white", 0x00),
        (ScanMode::Gray, "8", "Solid black", 0x00),
        (ScanMode::Gray, "16", "Solid white", 0xff),
        (ScanMode::Color, "1", "Solid black", 0x00),
        (ScanMode::Color, "1", "Solid white", 0xff),
        (ScanMode::Color, "8", "Solid white", 0xff),
    ];
    for (scan_mode, depth, picture, byte) in cases {
        let order = set(
            mode(order(PaperSource::Flatbed), scan_mode),
            &[("test-picture", picture), ("depth", depth)],
        );
        let (page, _) = rig.one(DEVICE, &order);
        assert_eq!(page.row(50)[20], byte, "{picture} in {scan_mode:?} of {depth} bits");
    }
}

#[test]
fn black_and_white_is_gray_of_one_bit_where_the_driver_calls_it_so() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (page, warnings) = rig.one(DEVICE, &mode(flatbed(), ScanMode::Bitonal));
    assert_eq!((page.format(), warnings), (PixelFormat::Bitonal, vec![]));
}

#[test]
fn a_page_of_unknown_height_ends_where_the_driver_ends_it() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (page, _) = rig.one(DEVICE, &set(flatbed(), &[("hand-scanner", "yes")]));
    // The driver's hand scanner is pulled over 11 × 17 cm.
    assert_eq!((page.width(), page.height()), (433, 669));
}

#[test]
fn lines_padded_by_the_driver_are_cut() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (whole, _) = rig.one(DEVICE, &flatbed());
    let (padded, _) = rig.one(DEVICE, &set(flatbed(), &[("ppl-loss", "10")]));
    assert_eq!(padded.width(), whole.width() - 10);
    for y in [0, 40, padded.height() - 1] {
        assert_eq!(padded.row(y), &whole.row(y)[..padded.row(y).len()], "line {y}");
    }
}

#[test]
fn pages_come_in_small_pieces_as_well() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (whole, _) = rig.one(DEVICE, &flatbed());
    let pieces = [("read-limit", "yes"), ("read-limit-size", "7")];
    assert!(rig.one(DEVICE, &set(flatbed(), &pieces)).0 == whole);
}

#[test]
fn every_kind_of_option_can_be_set() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let options = [
        ("enable-test-options", "yes"),
        ("bool-soft-select-soft-detect", "no"),
        ("bool-soft-select-soft-detect-auto", "auto"),
        ("int", "-7"),
        ("int-constraint-range", "42"),
        ("int-constraint-word-list", "-42"),
        ("int-constraint-array", "1,2,3,4,5,6"),
        ("int-constraint-array-constraint-range", "8"),
        ("int-constraint-array-constraint-word-list", "17,42,256,-8,0,17"),
        ("gamma-table", "128"),
        ("fixed", "3.25"),
        ("fixed-constraint-range", "1.83"),
        ("fixed-constraint-word-list", "12.1"),
        ("string", "a text of mine"),
        ("string-constraint-string-list", "second entry"),
        ("button", "yes"),
    ];
    let (_, warnings) = rig.one(DEVICE, &set(flatbed(), &options));
    assert_eq!(warnings, []);
}

#[test]
fn a_value_the_driver_changes_is_reported() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let options = [("enable-test-options", "yes"), ("int-inexact", "5")];
    let (_, warnings) = rig.one(DEVICE, &set(flatbed(), &options));
    let [ScanWarning::OptionInexact { name, asked, used }] = &warnings[..] else {
        panic!("one warning was expected: {warnings:?}");
    };
    assert_eq!((name.as_str(), asked.as_str()), ("int-inexact", "5"));
    assert_ne!(used, "5");
}

#[test]
fn the_profiles_options_find_their_order_by_themselves() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let mut order = flatbed();
    // By name the first would be set while it is still off.
    for (name, value) in [("button", "yes"), ("enable-test-options", "yes"), ("int", "3")] {
        order.settings.options.insert(name.into(), value.into());
    }
    assert_eq!(rig.one(DEVICE, &order).1, []);
}

#[test]
fn an_option_that_cannot_be_set_is_refused_by_name_and_with_what_could() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let refusal = |name: &str, value: &str| {
        let on = ("enable-test-options", "yes");
        rig.open(DEVICE, &set(flatbed(), &[on, (name, value)])).unwrap_err()
    };
    let ScanFault::UnknownOption { known, .. } = refusal("brightnes", "1") else {
        panic!("there is no such option");
    };
    assert!(known.contains(&"resolution".to_owned()));
    let bad = |name: &str, value: &str, allowed: &str| ScanFault::BadOptionValue {
        name: name.into(),
        value: value.into(),
        allowed: allowed.into(),
    };
    assert_eq!(refusal("depth", "12"), bad("depth", "12", "1, 8, 16"));
    assert_eq!(
        refusal("int-constraint-range", "3"),
        bad("int-constraint-range", "3", "4 to 192 in steps of 2")
    );
    assert_eq!(
        refusal("three-pass-order", "RGB"),
        ScanFault::InactiveOption { name: "three-pass-order".into() }
    );
    assert_eq!(
        refusal("bool-soft-detect", "yes"),
        ScanFault::ReadOnlyOption { name: "bool-soft-detect".into() }
    );
}

#[test]
fn a_page_larger_than_the_glass_is_cut_with_a_warning() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let mut order = flatbed();
    order.settings.page_size = PageSize::Letter;
    let (page, warnings) = rig.one(DEVICE, &order);
    // The driver's glass is 200 × 200 mm.
    assert_eq!((page.width(), page.height()), (787, 787));
    let clamped = warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(clamped.contains("215.9 mm wide; 200.0 mm"), "{clamped}");
    assert!(clamped.contains("279.4 mm high; 200.0 mm"), "{clamped}");
    assert_eq!(warnings.len(), 2, "{clamped}");
}

#[test]
fn a_resolution_the_scanner_lacks_is_replaced_with_a_warning() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let mut order = flatbed();
    order.settings.dpi = Dpi(2400);
    order.settings.page_size = PageSize::Millimetres { width: 10.0, height: 10.0 };
    let (page, warnings) = rig.one(DEVICE, &order);
    assert_eq!(page.dpi(), Dpi(1200));
    assert_eq!(warnings, [ScanWarning::ResolutionChanged { asked: 2400, used: 1200 }]);
}

#[test]
fn duplex_is_refused_where_the_scanner_has_none() {
    let Some(rig) = Rig::with_driver("test") else { return };
    assert_eq!(
        rig.open(DEVICE, &order(PaperSource::FeederDuplex)).unwrap_err(),
        ScanFault::NoSuchSource {
            wanted: "duplex feeder",
            choices: vec!["Flatbed".into(), "Automatic Document Feeder".into()],
        }
    );
}

#[test]
fn what_was_chosen_is_reported() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let scanner = rig.scanner(DEVICE, &order(PaperSource::Feeder));
    let setup = scanner.setup();
    assert_eq!(setup.source.as_deref(), Some("Automatic Document Feeder"));
    assert_eq!(setup.mode.as_deref(), Some("Gray"));
    assert_eq!((setup.scanner.as_str(), setup.dpi), (DEVICE, Some(Dpi(100))));
}

#[test]
fn what_a_driver_prints_does_not_reach_the_pixels() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let (quiet, _) = rig.one(DEVICE, &flatbed());
    let options = [("enable-test-options", "yes"), ("button", "yes"), ("print-options", "yes")];
    assert!(rig.one(DEVICE, &set(flatbed(), &options)).0 == quiet);
}

#[test]
fn cancelling_ends_the_scan_and_the_next_one_starts_afresh() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let slow = set(
        order(PaperSource::Feeder),
        &[("read-delay", "yes"), ("read-delay-duration", "200000")],
    );
    let mut scanner = rig.scanner(DEVICE, &slow);
    let canceller = scanner.canceller();
    let clerk = std::thread::spawn(move || canceller.cancel());
    let stopped = loop {
        match scanner.next_image() {
            Ok(Feed::Image(_)) => {}
            Ok(Feed::OutOfDocuments) => panic!("the cancel was lost"),
            Err(fault) => break fault,
        }
    };
    clerk.join().unwrap();
    assert_eq!(stopped, ScanFault::Cancelled);
    drop(scanner);
    let (images, fault) = rig.all(DEVICE, &order(PaperSource::Feeder));
    assert_eq!((images.len(), fault), (10, None));
}

#[test]
fn scanners_are_listed_and_chosen_by_name_never_by_place() {
    let Some(rig) = Rig::with_driver("test") else { return };
    let listed = list(&rig.worker).unwrap();
    let names: Vec<&str> = listed.iter().map(|scanner| scanner.name.as_str()).collect();
    assert_eq!(names, ["test:0", "test:1"]);
    let open = |choice: &str| rig.open(choice, &order(PaperSource::Flatbed)).map(|_| ());
    assert_eq!(open("TEST:1"), Ok(()));
    let Err(ScanFault::AmbiguousScanner { candidates, .. }) = open("frontend-tester") else {
        panic!("both are frontend testers");
    };
    assert_eq!(candidates, listed);
    for absent in ["kodak", "fujitsu:fi-7160", "test:7"] {
        let Err(ScanFault::NoSuchScanner { found, .. }) = open(absent) else {
            panic!("{absent} is not there");
        };
        assert_eq!(found, listed);
    }
}
