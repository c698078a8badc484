//! `outguide convert`: page images to one searchable PDF/A.

use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use super::telling::{note, plural, say, say_json};
use crate::app;
use crate::disk::Disk;
use crate::disk::durable::write_over;
use crate::disk::page_file::read_page_file;
use crate::pdf::writer::DocumentDescription;
use crate::pipeline::convert::{Conversion, ConvertFault, Converted, SourceFile};
use crate::pipeline::render;
use crate::profile::Profile;

/// The profile used where none is named.
const PLAIN_PAGES: &str = "plain-pages";

/// Make one searchable PDF/A of page images
///
/// Takes PNG, JPEG, TIFF, PNM and PDF files, told by their content. Pages are
/// turned upright, straightened and read.
#[derive(Args)]
pub struct ConvertArgs {
    /// Files with page images, in page order
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// The PDF to write; an earlier one of that name is replaced when the new one is whole
    #[arg(long, short, value_name = "OUT.pdf")]
    output: PathBuf,
    /// Take cleaning, languages and PDF settings from this profile
    #[arg(long, short)]
    profile: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// Tell the outcome as one line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    pdf: &'a Path,
    pages: u32,
    without_text: Vec<NotedPage>,
    of_doubtful_size: Vec<NotedPage>,
}

#[derive(Serialize)]
struct NotedPage {
    page: u32,
    cause: String,
}

pub fn run(args: &ConvertArgs) -> Result<Exit, Stopped> {
    keep_the_images(&args.images, &args.output)?;
    let station = settings::station(&args.state)?;
    let name = args.profile.as_deref().unwrap_or(PLAIN_PAGES);
    let mut profile = settings::profile(name, &args.state, &station)?.profile;
    // There is nothing to separate or to index.
    profile.barcodes.symbologies.clear();
    profile.barcodes.patch_codes = false;
    profile.barcodes.outguide_sheets = false;
    let created = date_of(&args.images).ends(Exit::Input)?;
    let readers = app::readers(&profile, &station).ends(Exit::Settings)?;
    let bar = super::progress::counter(args.json, "pages");
    let mut conversion = Conversion {
        profile: &profile,
        readers: readers.as_deref(),
        at_once: app::at_once(&station),
        tell: &mut |pages| bar.set_position(pages.into()),
    };
    let description = description(args, &profile, &station.id, created);
    let converted = write_whole(&args.output, &mut conversion, description, &args.images)?;
    bar.finish_and_clear();
    tell(args, converted)?;
    Ok(Exit::Done)
}

/// The PDF may not take the place of a page it is made of, under whatever name.
fn keep_the_images(images: &[PathBuf], output: &Path) -> Result<(), Stopped> {
    let file = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let Some(replaced) = file(output) else { return Ok(()) };
    match images.iter().find(|image| file(image) == Some(replaced)) {
        None => Ok(()),
        Some(image) => Err(Stopped::because(
            Exit::Input,
            format!(
                "{} is one of the images and would be replaced by the PDF; give --output another \
                 name",
                image.display()
            ),
        )),
    }
}

fn tell(args: &ConvertArgs, converted: Converted) -> Result<(), Stopped> {
    let Converted { pages, without_text, of_doubtful_size } = converted;
    if args.json {
        let noted = |pages: Vec<(u32, String)>| {
            pages.into_iter().map(|(page, cause)| NotedPage { page, cause }).collect()
        };
        let outcome = Outcome {
            pdf: &args.output,
            pages,
            without_text: noted(without_text),
            of_doubtful_size: noted(of_doubtful_size),
        };
        return say_json(&outcome);
    }
    for (page, cause) in &without_text {
        note(format_args!("outguide: page {page} has no text: {cause}"));
    }
    for (page, cause) in &of_doubtful_size {
        note(format_args!("outguide: page {page}: {cause}"));
    }
    say(format_args!("{} in {}", plural(pages as usize, "page"), args.output.display()))
}

fn description(
    args: &ConvertArgs,
    profile: &Profile,
    station: &str,
    created: jiff::Timestamp,
) -> DocumentDescription {
    let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let first = args.images[0].file_name().map(|name| name.to_string_lossy().into_owned());
    DocumentDescription {
        title: name(&args.output).unwrap_or_default(),
        document_id: name(&args.output).unwrap_or_default(),
        created,
        station: Some(station.to_owned()),
        source: first,
        language: render::language(profile),
    }
}

/// `SOURCE_DATE_EPOCH`, else the newest input's time: never the clock, so that
/// the same input gives the same bytes.
fn date_of(images: &[PathBuf]) -> anyhow::Result<jiff::Timestamp> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        let seconds = epoch
            .parse()
            .map_err(|_| anyhow::anyhow!("SOURCE_DATE_EPOCH is not a number of seconds"))?;
        return Ok(jiff::Timestamp::from_second(seconds)?);
    }
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in images {
        let modified = std::fs::metadata(path)
            .and_then(|file| file.modified())
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?;
        newest = newest.max(modified);
    }
    let exact = jiff::Timestamp::try_from(newest)?;
    Ok(jiff::Timestamp::from_second(exact.as_second())?)
}

fn write_whole(
    output: &Path,
    conversion: &mut Conversion<'_>,
    description: DocumentDescription,
    images: &[PathBuf],
) -> Result<Converted, Stopped> {
    let files = images.iter().map(|path| {
        let name = path.display().to_string();
        read_page_file(path)
            .map(|bytes| SourceFile { name: name.clone(), bytes })
            .map_err(|fault| (name, fault))
    });
    let written = write_over(&Disk::Real, output, |file| {
        let (mut sink, converted) = conversion.write(files, description, BufWriter::new(file))?;
        sink.flush()?;
        Ok(converted)
    });
    written.map_err(|fault| stop_of(fault, output))
}

fn stop_of(fault: ConvertFault, output: &Path) -> Stopped {
    let exit = match &fault {
        ConvertFault::ReadFile { .. } | ConvertFault::Source { .. } => Exit::Input,
        ConvertFault::Pdf(_) | ConvertFault::WriteFile(_) => Exit::Storage,
    };
    let cause = anyhow::Error::new(fault).context(format!("{} is not written", output.display()));
    Stopped { exit, cause }
}
