//! `outguide demo`: the main job on paper that needs no scanner.
//!
//! The stack of made-up charts goes through libsane like any other: a driver
//! of our own serves it. From there on nothing differs from a day's work.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::capture::{self, CaptureArgs};
use super::exit::{Ends, Exit, Stopped};
use super::scanners;
use super::settings::{self, StateArgs};
use super::telling::{fail_in_json, in_one_line, say};
use crate::app;
use crate::device::scanner::WorkerCommand;
use crate::disk::Disk;
use crate::disk::durable::write_over;
use crate::disk::page_file::read_page_file;
use crate::imaging::encode;
use crate::pipeline::source;

/// The stack is prepared for it.
const PROFILE: &str = "inpatient-chart";
/// As our driver names its feeder.
const SCANNER: &str = "folder:adf";
/// As `fixtures/demo-stack/expected/result.toml` says, one question besides.
const SHIPPED_STACK: &str = "fixtures/demo-stack";
const SHIPPED_DOCUMENTS: usize = 3;
/// Says that a folder is an earlier demo, and may be replaced.
const MARK: &str = "made-by-outguide-demo";

/// Scan a stack of made-up charts through libsane and file it
#[derive(Args)]
pub struct DemoArgs {
    /// Folder to work in; an earlier demo in it is replaced
    #[arg(long, default_value = "demo")]
    folder: PathBuf,
    /// The stack: page images in feeding order
    #[arg(long, default_value = SHIPPED_STACK)]
    stack: PathBuf,
    /// Our libsane driver, where it is not beside this program
    #[arg(long)]
    driver: Option<PathBuf>,
    /// Tell the outcome as `capture --json` does
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &DemoArgs) -> Result<Exit, Stopped> {
    let worker = set_the_stage(args).inspect_err(|error| {
        if args.json {
            fail_in_json(&in_one_line(error), Exit::Failed as u8);
        }
    });
    let worker = worker.ends(Exit::Failed)?;
    let filed = args.folder.join("repository");
    let state = args.folder.join("state");
    let capture = CaptureArgs::of_stack(PROFILE, SCANNER, &filed, &state);
    let exit = if args.json {
        capture::run_with(capture.telling_json(), worker).await?
    } else {
        say("Scanners that libsane sees:")?;
        scanners::tell(&worker, scanners::As::Lines)?;
        say(format_args!("\nScanning the stack of {}, both sides:", args.stack.display()))?;
        let exit = capture::run_with(capture, worker).await?;
        say_where_to_look(&args.folder)?;
        exit
    };
    if args.stack != Path::new(SHIPPED_STACK) {
        return Ok(exit);
    }
    as_it_must_come_out(exit, &state).await?;
    if !args.json {
        say("\nThe question is there on purpose: one cover sheet is torn through its barcode.")?;
    }
    Ok(Exit::Done)
}

/// The shipped stack is known: anything else is a station that does not work.
async fn as_it_must_come_out(exit: Exit, state: &Path) -> Result<(), Stopped> {
    let station = settings::station(&StateArgs::default())?;
    let documents = app::filed_records(state, &station).await.ends(Exit::Storage)?.len();
    if exit == Exit::Questions && documents == SHIPPED_DOCUMENTS {
        return Ok(());
    }
    let message = format!(
        "of the shipped stack {SHIPPED_DOCUMENTS} documents should be filed and one question \
         left, and {documents} are filed: this program does not work here as it should"
    );
    Err(Stopped::because(Exit::Failed, message))
}

fn say_where_to_look(folder: &Path) -> Result<(), Stopped> {
    let folder = folder.display();
    say("\nWhere to look:")?;
    say(format_args!("  filed documents, each with its index file   {folder}/repository"))?;
    say(format_args!("  every page as it was scanned                {folder}/state/spool"))?;
    say(format_args!(
        "  is all still as it was filed?               outguide verify {folder}/repository \
         --state {folder}/state"
    ))
}

/// Lays the stack into the feeder of a scanner that libsane will find.
fn set_the_stage(args: &DemoArgs) -> anyhow::Result<WorkerCommand> {
    let driver = match &args.driver {
        Some(driver) => driver.clone(),
        None => built_driver()?,
    };
    let driver = driver
        .canonicalize()
        .with_context(|| format!("there is no driver {}", driver.display()))?;
    clear_earlier(&args.folder)?;
    let made = |name: &str| -> anyhow::Result<PathBuf> {
        let folder = args.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder.canonicalize()?)
    };
    let cannot = || format!("cannot set up the demo in {}", args.folder.display());
    made("").with_context(cannot)?;
    write(&args.folder.join(MARK), b"").with_context(cannot)?;
    let (feeder, settings, drivers) = (
        made("feeder").with_context(cannot)?,
        made("sane").with_context(cannot)?,
        made("drivers").with_context(cannot)?,
    );
    made("repository").with_context(cannot)?;
    std::os::unix::fs::symlink(driver, drivers.join("libsane-folder.so.1")).with_context(cannot)?;
    write(&settings.join("dll.conf"), b"folder\n").with_context(cannot)?;
    lay_in(&args.stack, &feeder)?;
    Ok(app::scan_worker()?
        .env("SANE_CONFIG_DIR", &settings)
        .env("LD_LIBRARY_PATH", &drivers)
        .env("OUTGUIDE_SANE_FOLDER", &feeder))
}

/// Beside this program, where cargo builds examples.
fn built_driver() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let beside = program.parent().unwrap_or(Path::new("."));
    let driver = beside.join("examples/libsane_folder.so");
    if !driver.exists() {
        bail!("{} is missing; `make demo` builds it and runs the demo", driver.display());
    }
    Ok(driver)
}

/// Takes away an earlier demo, and nothing that is none.
fn clear_earlier(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let is_empty = std::fs::read_dir(folder)?.next().is_none();
    if !is_empty && !folder.join(MARK).exists() {
        bail!("{} is no earlier demo; name another --folder", folder.display());
    }
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("cannot take away the earlier demo in {}", folder.display()))
}

/// Our driver serves PNM files in order of name.
fn lay_in(stack: &Path, feeder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot read the stack in {}", stack.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(stack)
        .with_context(cannot)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(cannot)?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "png"));
    files.sort();
    if files.is_empty() {
        bail!("there are no pages (*.png) in {}", stack.display());
    }
    for (nth, path) in files.iter().enumerate() {
        let bytes = read_page_file(path).with_context(cannot)?;
        let page = source::open(&bytes)?.next().context("the file holds no page")??.raster;
        write(&feeder.join(format!("{:04}.pnm", nth + 1)), &encode::pnm(&page))?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_over(&Disk::Real, path, |file| file.append(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}
