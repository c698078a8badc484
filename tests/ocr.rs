//! Reading pages through the real binary's workers. The pages are drawn here,
//! in letters made of strokes, so that no font need be installed.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use outguide::ocr::{OcrFault, OcrSettings, Readers, WorkerCommand, languages_installed};
use outguide::records::page::QuarterTurn;
use outguide::records::raster::{Dpi, PixelFormat, Raster};
use outguide::records::text::PageText;

const LINES: [&str; 4] = [
    "THE MAN WITH THE LAME KNEE",
    "WALKED FIVE MILES",
    "HE ATE WELL AND FELT FINE",
    "NEXT VISIT IN MAY",
];

// ---- the pages ------------------------------------------------------------

/// Strokes of a capital in a box 4 wide and 6 high, as polylines, y downwards.
fn strokes(letter: char) -> &'static [&'static [(i32, i32)]] {
    match letter {
        'A' => &[&[(0, 6), (2, 0), (4, 6)], &[(1, 4), (3, 4)]],
        'D' => &[&[(0, 0), (0, 6), (2, 6), (3, 5), (4, 3), (3, 1), (2, 0), (0, 0)]],
        'E' => &[&[(4, 0), (0, 0), (0, 6), (4, 6)], &[(0, 3), (3, 3)]],
        'F' => &[&[(4, 0), (0, 0), (0, 6)], &[(0, 3), (3, 3)]],
        'H' => &[&[(0, 0), (0, 6)], &[(4, 0), (4, 6)], &[(0, 3), (4, 3)]],
        'I' => &[&[(2, 0), (2, 6)]],
        'K' => &[&[(0, 0), (0, 6)], &[(4, 0), (0, 4)], &[(1, 3), (4, 6)]],
        'L' => &[&[(0, 0), (0, 6), (4, 6)]],
        'M' => &[&[(0, 6), (0, 0), (2, 4), (4, 0), (4, 6)]],
        'N' => &[&[(0, 6), (0, 0), (4, 6), (4, 0)]],
        'S' => &[&[(4, 1), (3, 0), (1, 0), (0, 1), (0, 2), (4, 4), (4, 5), (3, 6), (1, 6), (0, 5)]],
        'T' => &[&[(0, 0), (4, 0)], &[(2, 0), (2, 6)]],
        'V' => &[&[(0, 0), (2, 6), (4, 0)]],
        'W' => &[&[(0, 0), (1, 6), (2, 2), (3, 6), (4, 0)]],
        'X' => &[&[(0, 0), (4, 6)], &[(4, 0), (0, 6)]],
        'Y' => &[&[(0, 0), (2, 3), (4, 0)], &[(2, 3), (2, 6)]],
        ' ' => &[],
        other => panic!("no strokes for {other:?}"),
    }
}

/// Letters 42 pixels high, 5 pixels thick: 10 points at 300 dpi.
fn draw(lines: &[&str], width: usize, height: usize) -> Raster {
    let mut ink = vec![255_u8; width * height];
    let (unit, pen) = (7, 2);
    for (row, line) in lines.iter().enumerate() {
        for (column, letter) in line.chars().enumerate() {
            let (left, top) = (120 + column as i32 * 44, 120 + row as i32 * 90);
            for polyline in strokes(letter) {
                for ends in polyline.windows(2) {
                    for step in 0..=100 {
                        let at =
                            |from: i32, to: i32| (from * 100 + (to - from) * step) * unit / 100;
                        let (x, y) = (at(ends[0].0, ends[1].0), at(ends[0].1, ends[1].1));
                        dot(&mut ink, width, left + x, top + y, pen);
                    }
                }
            }
        }
    }
    Raster::new(width as u32, height as u32, Dpi(300), PixelFormat::Gray8, ink).unwrap()
}

fn dot(ink: &mut [u8], width: usize, x: i32, y: i32, radius: i32) {
    for (dx, dy) in (-radius..=radius).flat_map(|dx| (-radius..=radius).map(move |dy| (dx, dy))) {
        ink[(y + dy) as usize * width + (x + dx) as usize] = 0;
    }
}

fn page() -> Raster {
    draw(&LINES, 1500, 700)
}

/// Enough text that reading it takes a second or more.
fn long_page() -> Raster {
    draw(&LINES.repeat(10), 1500, 3900)
}

fn in_format(gray: &Raster, format: PixelFormat) -> Raster {
    let pixels = match format {
        PixelFormat::Gray8 => gray.pixels().to_vec(),
        PixelFormat::Rgb8 => gray.pixels().iter().flat_map(|&level| [level; 3]).collect(),
        PixelFormat::Bitonal => (0..gray.height())
            .flat_map(|y| gray.row(y).chunks(8))
            .map(|eight| {
                let bit = |(n, &level): (usize, &u8)| u8::from(level < 128) << (7 - n);
                eight.iter().enumerate().map(bit).sum()
            })
            .collect(),
    };
    Raster::new(gray.width(), gray.height(), gray.dpi(), format, pixels).unwrap()
}

/// The page as it lies when fed upside down or sideways: turned clockwise.
fn turned(page: &Raster, turn: QuarterTurn) -> Raster {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let (new_width, new_height) = match turn {
        QuarterTurn::None | QuarterTurn::Half => (width, height),
        QuarterTurn::Right | QuarterTurn::Left => (height, width),
    };
    let mut pixels = vec![0; width * height];
    for y in 0..new_height {
        for x in 0..new_width {
            let (from_x, from_y) = match turn {
                QuarterTurn::None => (x, y),
                QuarterTurn::Right => (y, height - 1 - x),
                QuarterTurn::Half => (width - 1 - x, height - 1 - y),
                QuarterTurn::Left => (width - 1 - y, x),
            };
            pixels[y * new_width + x] = page.pixels()[from_y * width + from_x];
        }
    }
    Raster::new(new_width as u32, new_height as u32, page.dpi(), page.format(), pixels).unwrap()
}

fn words(text: &PageText) -> Vec<String> {
    text.words().map(|word| word.text.clone()).collect()
}

fn expected() -> Vec<String> {
    LINES.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect()
}

// ---- the workers ----------------------------------------------------------

fn outguide() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_outguide"))
}

fn settings(workers: usize) -> OcrSettings {
    OcrSettings {
        worker: WorkerCommand::of(outguide()),
        workers: NonZeroUsize::new(workers).unwrap(),
        languages: vec!["eng".to_owned()],
        tessdata: None,
        page_limit: Duration::from_secs(120),
        memory_limit_bytes: OcrSettings::MEMORY_LIMIT_BYTES,
    }
}

fn readers(workers: usize) -> Readers {
    Readers::start(settings(workers)).unwrap()
}

/// Workers that write their process id on a line of `pids` before they begin.
fn readers_that_note(pids: &Path, workers: usize) -> Readers {
    let script = r#"echo $$ >> "$1"; exec "$2" ocr-worker"#;
    let arguments: Vec<OsString> =
        vec!["-c".into(), script.into(), "worker".into(), pids.into(), outguide().into()];
    let worker = WorkerCommand { program: "/bin/sh".into(), arguments };
    Readers::start(OcrSettings { worker, ..settings(workers) }).unwrap()
}

fn noted(pids: &Path) -> Vec<u32> {
    let lines = std::fs::read_to_string(pids).unwrap_or_default();
    lines.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect()
}

/// Bytes a process has read so far, from its pipe and from files.
fn bytes_read_by(pid: u32) -> usize {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

// ---- what must be true ----------------------------------------------------

#[test]
fn a_drawn_page_is_read_word_for_word_in_each_pixel_format() {
    let readers = readers(1);
    for format in [PixelFormat::Gray8, PixelFormat::Bitonal, PixelFormat::Rgb8] {
        let text = readers.read(&in_format(&page(), format)).unwrap();
        assert_eq!(words(&text), expected(), "{format:?}");
        assert_eq!((text.width, text.height), (1500, 700));
    }
}

#[test]
fn words_lie_in_their_lines_and_lines_where_they_were_drawn() {
    let text = readers(1).read(&page()).unwrap();
    assert_eq!(text.lines.len(), LINES.len());
    for (row, line) in text.lines.iter().enumerate() {
        let (top, bottom) = (118 + row as u32 * 90, 165 + row as u32 * 90);
        assert!(line.bounds.top.abs_diff(top) <= 3, "{line:?}");
        assert!(line.bounds.bottom.abs_diff(bottom) <= 3, "{line:?}");
        assert!(line.baseline.slope.abs() < 0.01 && line.baseline.offset.abs() < 6.0);
        for word in &line.words {
            assert!(word.bounds.left >= line.bounds.left && word.bounds.right <= line.bounds.right);
            assert!(word.bounds.top >= line.bounds.top && word.bounds.bottom <= line.bounds.bottom);
            assert!(word.confidence > 50.0, "{word:?}");
        }
    }
    assert!(text.lines[0].starts_block);
}

#[test]
fn a_barcode_on_the_page_adds_no_words() {
    let text = page();
    let (width, height) = (text.width() as usize, text.height() as usize);
    let mut pixels = text.into_pixels();
    // Bars of Code 128's widths, 4 pixels a module, as high as on a cover sheet.
    let widths = [2, 1, 1, 2, 3, 2, 1, 3, 1, 1, 2, 3, 2, 2, 1, 2, 3, 1, 1, 4, 1, 1, 3, 2, 2, 1];
    let mut left = 120;
    for (n, modules) in widths.repeat(3).into_iter().enumerate() {
        let right = left + modules * 4;
        if n % 2 == 0 {
            (500..610).for_each(|y| pixels[y * width + left..y * width + right].fill(0));
        }
        left = right;
    }
    let with_bars =
        Raster::new(width as u32, height as u32, Dpi(300), PixelFormat::Gray8, pixels).unwrap();
    assert_eq!(words(&readers(1).read(&with_bars).unwrap()), expected());
}

#[test]
fn an_empty_page_has_no_words() {
    let readers = readers(1);
    let white = draw(&[], 800, 600);
    assert_eq!(readers.read(&white).unwrap().lines, []);
    let black = Raster::new(800, 600, Dpi(300), PixelFormat::Gray8, vec![0; 480_000]).unwrap();
    assert_eq!(readers.read(&black).unwrap().lines, []);
}

#[test]
fn a_page_reads_the_same_whatever_was_read_before() {
    let readers = readers(1);
    let first = readers.read(&page()).unwrap();
    readers.read(&draw(&["HIM AND HIS MEDIAL MENISSI", "XEE NEE"], 1500, 400)).unwrap();
    assert_eq!(readers.read(&page()).unwrap(), first);
}

/// Reads a long page, and kills the first `deaths` workers once they hold nearly
/// all of it.
fn read_with_deaths(readers: &Readers, pids: &Path, deaths: usize) -> Result<PageText, OcrFault> {
    let short = page();
    readers.read(&short).unwrap();
    let loaded = bytes_read_by(noted(pids)[0]) - short.pixels().len();
    let long = long_page();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| readers.read(&long));
        for nth in 0..deaths {
            let before = if nth == 0 { loaded + short.pixels().len() } else { loaded };
            // What is missing lies in the pipe: the station has handed over all of it.
            let nearly_all = before + long.pixels().len() - 1024;
            let holds_the_page =
                || noted(pids).get(nth).is_some_and(|pid| bytes_read_by(*pid) >= nearly_all);
            while !holds_the_page() && !reading.is_finished() {
                std::thread::yield_now();
            }
            if !reading.is_finished() {
                kill(noted(pids)[nth]);
            }
        }
        reading.join().unwrap()
    })
}

#[test]
fn a_page_whose_worker_is_killed_is_read_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 1);
    let text = read_with_deaths(&readers, &pids, 1).unwrap();
    assert_eq!(words(&text), vec![expected(); 10].concat());
    assert_eq!(noted(&pids).len(), 2);
}

#[test]
fn a_page_that_costs_two_workers_is_a_named_fault_and_the_next_page_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 1);
    let fault = read_with_deaths(&readers, &pids, 2).unwrap_err();
    assert!(matches!(fault, OcrFault::WorkerDied { .. }), "{fault}");
    assert!(fault.to_string().contains("kept as an image without text"), "{fault}");

    assert_eq!(words(&readers.read(&page()).unwrap()), expected());
    assert_eq!(noted(&pids).len(), 3);
}

#[test]
fn a_worker_that_died_while_idle_is_replaced_without_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 1);
    readers.read(&page()).unwrap();
    kill(noted(&pids)[0]);
    assert_eq!(words(&readers.read(&page()).unwrap()), expected());
}

#[test]
fn a_page_over_its_time_limit_is_a_fault_and_its_worker_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = r#"echo $$ >> "$1"; exec "$2" ocr-worker"#;
    let arguments: Vec<OsString> =
        vec!["-c".into(), script.into(), "worker".into(), (&pids).into(), outguide().into()];
    let readers = Readers::start(OcrSettings {
        worker: WorkerCommand { program: "/bin/sh".into(), arguments },
        page_limit: Duration::from_millis(100),
        ..settings(1)
    })
    .unwrap();
    let fault = readers.read(&long_page()).unwrap_err();
    assert!(matches!(fault, OcrFault::TookTooLong { .. }), "{fault}");
    assert!(fault.to_string().contains("0.1 s"), "{fault}");
    assert!(!Path::new(&format!("/proc/{}", noted(&pids)[0])).exists());
}

#[test]
fn a_page_that_needs_more_memory_than_allowed_is_a_fault_and_the_next_is_read() {
    let readers =
        Readers::start(OcrSettings { memory_limit_bytes: 400 << 20, ..settings(1) }).unwrap();
    let huge =
        Raster::new(20_000, 20_000, Dpi(300), PixelFormat::Gray8, vec![255; 400_000_000]).unwrap();
    let fault = readers.read(&huge).unwrap_err();
    assert!(matches!(fault, OcrFault::OutOfMemory { .. }), "{fault}");
    assert!(fault.to_string().contains("400 MB"), "{fault}");
    assert_eq!(words(&readers.read(&page()).unwrap()), expected());
}

#[test]
fn a_page_wider_than_tesseract_takes_is_a_fault() {
    let wide = Raster::new(40_000, 2, Dpi(300), PixelFormat::Bitonal, vec![0; 10_000]).unwrap();
    let fault = readers(1).read(&wide).unwrap_err();
    assert!(matches!(fault, OcrFault::PageTooLarge { width: 40_000, height: 2 }), "{fault}");
}

#[test]
fn two_threads_share_two_workers() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 2);
    let page = page();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..3 {
                    assert_eq!(words(&readers.read(&page).unwrap()), expected());
                }
            });
        }
    });
    assert!((1..=2).contains(&noted(&pids).len()));
}

#[test]
fn four_threads_wait_for_one_worker() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 1);
    let page = page();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(words(&readers.read(&page).unwrap()), expected()));
        }
    });
    assert_eq!(noted(&pids).len(), 1);
}

#[test]
fn a_worker_reads_on_one_thread_with_openmp_held_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let readers = readers_that_note(&pids, 1);
    readers.read(&page()).unwrap();
    let pid = noted(&pids)[0];
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.split(|&b| b == 0).any(|variable| variable == b"OMP_THREAD_LIMIT=1"));
    // The reading thread, and the one that waits for the station to go away.
    assert_eq!(std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count(), 2);
}

#[test]
fn a_worker_ends_when_the_station_closes_its_pipe() {
    let mut worker = Command::new(outguide())
        .arg("ocr-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(worker.stdin.take());
    worker.wait().unwrap();
}

#[test]
fn a_language_that_is_not_installed_is_named_with_its_package() {
    let languages = vec!["eng".to_owned(), "tlh".to_owned()];
    let fault = Readers::start(OcrSettings { languages, ..settings(1) }).err().unwrap();
    assert!(fault.to_string().contains("install tesseract-ocr-tlh"), "{fault}");
}

#[test]
fn english_is_installed() {
    assert!(languages_installed(None).unwrap().contains(&"eng".to_owned()));
}

#[test]
fn damaged_language_data_is_a_fault_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("eng.traineddata"), b"not language data").unwrap();
    let tessdata = Some(folder.path().to_owned());
    let readers = Readers::start(OcrSettings { tessdata, ..settings(1) }).unwrap();
    let fault = readers.read(&page()).unwrap_err();
    assert!(matches!(fault, OcrFault::LoadLanguages { .. }), "{fault}");
}

#[test]
fn a_worker_program_that_is_not_there_is_named() {
    let worker = WorkerCommand::of(PathBuf::from("/nowhere/outguide"));
    let readers = Readers::start(OcrSettings { worker, ..settings(1) }).unwrap();
    let fault = readers.read(&page()).unwrap_err();
    assert!(fault.to_string().contains("/nowhere/outguide"), "{fault}");
}

#[test]
fn the_turn_that_makes_a_page_upright_is_told() {
    let readers = readers(1);
    let upright = long_page();
    for (lies, makes_upright) in
        [(QuarterTurn::Right, QuarterTurn::Left), (QuarterTurn::Half, QuarterTurn::Half)]
    {
        let found = readers.orientation(&turned(&upright, lies)).unwrap();
        assert_eq!(found.map(|(turn, _)| turn), Some(makes_upright), "lies turned {lies:?}");
    }
}

#[test]
fn a_page_of_scribble_is_not_turned() {
    let mut ink = vec![255_u8; 1500 * 700];
    let mut height = 40_i32;
    for x in 100..1400 {
        // A pen that wanders up and down by a fixed pattern, on five lines.
        height =
            (height + [9, -13, 17, -7, 3, -11, 5, 13, -15][(x * x / 7 % 9) as usize]).clamp(5, 70);
        (0..5).for_each(|line| dot(&mut ink, 1500, x, 120 + line * 105 + height, 2));
    }
    let scribble = Raster::new(1500, 700, Dpi(300), PixelFormat::Gray8, ink).unwrap();
    let readers = readers(1);
    for lies in [QuarterTurn::None, QuarterTurn::Half] {
        assert_eq!(readers.orientation(&turned(&scribble, lies)).unwrap(), None, "{lies:?}");
    }
}
