//! What the scanner tests stand on: libsane configurations in temporary
//! folders, page files, and the real worker program.

use std::fs;
use std::path::{Path, PathBuf};

use outguide::device::scanner::{
    Feed, ImageContent, ScanFault, ScanOrder, ScanWarning, ScannedImage, Scanner, ScannerChoice,
    TimeLimits, WhichScanner, WorkerCommand,
};
use outguide::profile::{PageSize, PaperSource, ScanMode, ScannerSettings};
use outguide::records::raster::{Dpi, PixelFormat, Raster};
use tempfile::TempDir;

/// A configuration of libsane with one driver.
pub struct Rig {
    pub folder: TempDir,
    pub worker: WorkerCommand,
}

impl Rig {
    /// With a driver that the distribution brings; says so where it is missing.
    pub fn with_driver(driver: &str) -> Option<Rig> {
        let file = format!("libsane-{driver}.so.1");
        let is_there = |folder: &Path| folder.join("sane").join(&file).exists();
        let roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
        let below = roots.iter().filter_map(|r| fs::read_dir(r).ok()).flatten().flatten();
        if !roots.iter().cloned().chain(below.map(|e| e.path())).any(|f| is_there(&f)) {
            println!("skipped: {file} not found");
            return None;
        }
        Some(Rig::configured(driver))
    }

    /// With our own backend serving `pages/` of the rig's folder.
    ///
    /// The same by hand, with scanimage or the station:
    ///
    /// ```sh
    /// cargo build --example sane_folder
    /// mkdir -p sane && echo folder > sane/dll.conf
    /// cp target/debug/examples/libsane_folder.so sane/libsane-folder.so.1
    /// export LD_LIBRARY_PATH=$PWD/sane SANE_CONFIG_DIR=$PWD/sane
    /// export OUTGUIDE_SANE_FOLDER=$PWD/pages OUTGUIDE_SANE_FOLDER_CURSOR=$PWD/sane/cursor
    /// ```
    pub fn with_folder_backend() -> Option<Rig> {
        let program = Path::new(env!("CARGO_BIN_EXE_outguide"));
        let built = program.with_file_name("examples").join("libsane_folder.so");
        if !built.exists() {
            println!("skipped: {} not found: cargo build --example sane_folder", built.display());
            return None;
        }
        let mut rig = Rig::configured("folder");
        let home = rig.folder.path().to_owned();
        fs::create_dir(home.join("pages")).unwrap();
        fs::copy(built, home.join("libsane-folder.so.1")).unwrap();
        rig.worker = rig
            .worker
            .env("LD_LIBRARY_PATH", &home)
            .env("OUTGUIDE_SANE_FOLDER", home.join("pages"))
            .env("OUTGUIDE_SANE_FOLDER_CURSOR", home.join("cursor"));
        Some(rig)
    }

    /// `driver` is one line of `dll.conf`, or nothing at all.
    pub fn configured(driver: &str) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dll.conf"), driver).unwrap();
        let worker = WorkerCommand::new(env!("CARGO_BIN_EXE_outguide"))
            .env("SANE_CONFIG_DIR", folder.path());
        Rig { folder, worker }
    }

    pub fn limits(mut self, limits: TimeLimits) -> Rig {
        self.worker = self.worker.limits(limits);
        self
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// Numbered pages, all different, in gray.
    pub fn lay_in(&self, pages: u8) {
        for no in 1..=pages {
            self.write(&format!("pages/{no:04}.pgm"), pnm(&gray_page(no)));
        }
    }

    pub fn open(
        &self,
        choice: &str,
        order: &ScanOrder,
    ) -> Result<(Scanner, Vec<ScanWarning>), ScanFault> {
        let worker = self.worker.clone();
        let choice = ScannerChoice::parse(choice);
        Scanner::open(&WhichScanner::Sane { worker, choice }, order)
    }

    /// The scanner, where its warnings do not matter.
    pub fn scanner(&self, choice: &str, order: &ScanOrder) -> Scanner {
        self.open(choice, order).unwrap().0
    }

    /// One image from a fresh session, and what was warned of.
    pub fn one(&self, choice: &str, order: &ScanOrder) -> (Raster, Vec<ScanWarning>) {
        let (mut scanner, mut warnings) = self.open(choice, order).unwrap();
        let image = next(&mut scanner).unwrap();
        warnings.extend(image.warnings.iter().cloned());
        (pixels(image), warnings)
    }

    /// Everything in the feeder, to the end or the fault.
    pub fn all(&self, choice: &str, order: &ScanOrder) -> (Vec<ScannedImage>, Option<ScanFault>) {
        let mut scanner = match self.open(choice, order) {
            Ok((scanner, _)) => scanner,
            Err(fault) => return (Vec::new(), Some(fault)),
        };
        let mut images = Vec::new();
        loop {
            match scanner.next_image() {
                Ok(Feed::Image(image)) => images.push(*image),
                Ok(Feed::OutOfDocuments) => return (images, None),
                Err(fault) => return (images, Some(fault)),
            }
        }
    }

    /// Scan workers of this rig that still run.
    pub fn workers_running(&self) -> usize {
        let mark = self.folder.path().as_os_str().as_encoded_bytes();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|p| {
                let environment = fs::read(p.path().join("environ")).unwrap_or_default();
                let command = fs::read(p.path().join("cmdline")).unwrap_or_default();
                command.windows(11).any(|part| part == b"scan-worker")
                    && environment.windows(mark.len()).any(|part| part == mark)
            })
            .count()
    }
}

/// Gray at 100 dpi on an area every driver has.
pub fn order(source: PaperSource) -> ScanOrder {
    let settings = ScannerSettings {
        source,
        mode: ScanMode::Gray,
        dpi: Dpi(100),
        page_size: PageSize::Millimetres { width: 80.0, height: 100.0 },
        options: Default::default(),
    };
    ScanOrder { settings, set: Vec::new(), resume: None, known: None }
}

pub fn set(mut order: ScanOrder, options: &[(&str, &str)]) -> ScanOrder {
    order.set.extend(options.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    order
}

pub fn mode(mut order: ScanOrder, mode: ScanMode) -> ScanOrder {
    order.settings.mode = mode;
    order
}

pub fn next(scanner: &mut Scanner) -> Result<ScannedImage, ScanFault> {
    match scanner.next_image()? {
        Feed::Image(image) => Ok(*image),
        Feed::OutOfDocuments => panic!("a page was expected"),
    }
}

pub fn pixels(image: ScannedImage) -> Raster {
    match image.content {
        ImageContent::Pixels(raster) => raster,
        ImageContent::File { .. } => panic!("libsane delivers pixels"),
    }
}

/// A page that looks like no other number's, of odd width.
pub fn gray_page(no: u8) -> Raster {
    let sample = |i: u32| (i.wrapping_mul(u32::from(no) * 2 + 1) >> 3) as u8;
    raster(PixelFormat::Gray8, (0..61 * 83).map(sample).collect())
}

pub fn raster(format: PixelFormat, pixels: Vec<u8>) -> Raster {
    Raster::new(61, 83, Dpi(100), format, pixels).unwrap()
}

/// The file of a raster: P4, P5 or P6.
pub fn pnm(raster: &Raster) -> Vec<u8> {
    let (width, height) = (raster.width(), raster.height());
    let header = match raster.format() {
        PixelFormat::Bitonal => format!("P4\n# a page\n{width} {height}\n"),
        PixelFormat::Gray8 => format!("P5\n{width} {height}\n255\n"),
        PixelFormat::Rgb8 => format!("P6\n{width} {height}\n255\n"),
    };
    [header.as_bytes(), raster.pixels()].concat()
}
