//! `outguide barcodes`: what is on a page.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use super::telling::{in_one_line, note, say, say_json};
use crate::disk::page_file::read_page_file;
use crate::page_barcodes::{self, Effort};
use crate::pipeline::source;
use crate::profile::BarcodeRules;
use crate::records::barcode::{Point, Reading, Symbology};
use crate::records::page::PageReadings;
use crate::records::raster::Raster;
use crate::records::separator::PatchReading;

/// Read the barcodes and patch codes on page images
///
/// Looks as hard as it can for every symbology Outguide knows; a profile
/// narrows that to what a batch would look for.
#[derive(Args)]
pub struct BarcodesArgs {
    /// Page images; of a file with several pages, all
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Read as a batch under this profile would
    #[arg(long, short)]
    profile: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// A line of JSON for each page, and for each file that cannot be read
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Page {
    file: String,
    /// From 1 within the file.
    page: usize,
    codes: Vec<Code>,
    patch: Vec<Patch>,
    /// Reading alone: the file was decoded before.
    ms: u64,
}

/// A file that cannot be read, or not to its end.
#[derive(Serialize)]
struct Unread {
    file: String,
    error: String,
}

#[derive(Serialize)]
struct Code {
    symbology: Symbology,
    text: String,
    corners: [Point; 4],
    orientation: u16,
}

#[derive(Serialize)]
struct Patch {
    /// What it is, or the two it could be.
    code: Vec<String>,
}

pub fn run(args: &BarcodesArgs) -> Result<Exit, Stopped> {
    let (rules, effort) = match &args.profile {
        None => (everything(), Effort::Stubborn),
        Some(name) => {
            let station = settings::station(&args.state)?;
            let profile = settings::profile(name, &args.state, &station)?.profile;
            (profile.barcodes, Effort::Ordinary)
        }
    };
    let mut exit = Exit::Done;
    for path in &args.images {
        let stopped = match read_file(path, &rules, effort, args.json) {
            Ok(()) => continue,
            Err(stopped) if stopped.exit == Exit::Input => stopped,
            Err(stopped) => return Err(stopped),
        };
        let (file, error) = (path.display().to_string(), in_one_line(&stopped.cause));
        note(format_args!("outguide: {file}: {error}"));
        if args.json {
            say_json(&Unread { file, error })?;
        }
        exit = Exit::Input;
    }
    Ok(exit)
}

/// Lengths of ITF are the site's to say; of those in use, the even ones from
/// 6 to 20 are taken here.
fn everything() -> BarcodeRules {
    BarcodeRules {
        symbologies: Symbology::ALL.to_vec(),
        itf_lengths: (6..=20).step_by(2).collect(),
        patch_codes: true,
        outguide_sheets: true,
        fields: Vec::new(),
    }
}

fn read_file(path: &Path, rules: &BarcodeRules, effort: Effort, json: bool) -> Result<(), Stopped> {
    let bytes = read_page_file(path).ends(Exit::Input)?;
    for (nth, page) in source::open(&bytes).ends(Exit::Input)?.enumerate() {
        let page = page.ends(Exit::Input)?;
        let found = read_page(path, nth + 1, &page.raster, rules, effort);
        if json { say_json(&found)? } else { tell(&found)? }
    }
    Ok(())
}

fn read_page(
    path: &Path,
    page: usize,
    raster: &Raster,
    rules: &BarcodeRules,
    effort: Effort,
) -> Page {
    let started = Instant::now();
    let PageReadings { codes, patches } = page_barcodes::read(raster, rules, effort);
    let ms = started.elapsed().as_millis() as u64;
    let code = |reading: Reading| Code {
        symbology: reading.symbology,
        text: reading.text,
        corners: reading.corners,
        orientation: reading.orientation_degrees,
    };
    let patch = |reading: PatchReading| Patch {
        code: match reading {
            PatchReading::Known(code) => vec![code.to_string()],
            PatchReading::EitherWayUp(one, other) => vec![one.to_string(), other.to_string()],
        },
    };
    Page {
        file: path.display().to_string(),
        page,
        codes: codes.into_iter().map(code).collect(),
        patch: patches.into_iter().map(patch).collect(),
        ms,
    }
}

fn tell(page: &Page) -> Result<(), Stopped> {
    say(format_args!("{}, page {}:", page.file, page.page))?;
    for code in &page.codes {
        say(format_args!("  {} {:?}, turned {}°", code.symbology, code.text, code.orientation))?;
    }
    for patch in &page.patch {
        say(format_args!("  patch {}", patch.code.join(" or ")))?;
    }
    if page.codes.is_empty() && page.patch.is_empty() {
        say("  nothing")?;
    }
    Ok(())
}
