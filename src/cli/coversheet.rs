//! `outguide coversheet`: cover sheets and patch sheets as a PDF to print.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use super::telling::{note, say_bytes, say_json};
use crate::disk::Disk;
use crate::disk::durable::write_over;
use crate::printing::{DocumentLine, PatientLines, PrintOrder, Sheet, SheetSize, print_sheets};
use crate::profile::{self, Profile};
use crate::records::batch::Expected;
use crate::records::separator::PatchCode;

/// Print cover sheets: one kind a call, any number of copies.
#[derive(Args)]
pub struct Coversheet {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// The first sheet of a batch: its number and what it should hold.
    Batch {
        /// The batch's number.
        number: String,
        /// Sheets of paper in the batch, this one and all cover sheets included.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        sheets: Option<u32>,
        /// Documents in the batch.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        documents: Option<u32>,
        /// Who prepared it; printed, not in the barcode.
        #[arg(long, value_name = "NAME")]
        prepared_by: Option<String>,
        #[command(flatten)]
        bars: Bars,
        #[command(flatten)]
        print: Print,
    },
    /// The sheet in front of a patient's pages.
    Patient {
        /// Medical record number.
        #[arg(long)]
        mrn: String,
        /// Encounter, visit or account number.
        #[arg(long)]
        encounter: Option<String>,
        /// Printed for the eye, not in the barcode.
        #[arg(long)]
        name: Option<String>,
        /// Birth date as you write it; printed for the eye, not in the barcode.
        #[arg(long, value_name = "DATE")]
        born: Option<String>,
        #[command(flatten)]
        bars: Bars,
        #[command(flatten)]
        print: Print,
    },
    /// The sheet in front of a document: what kind of document it is.
    Type {
        /// The document type's code in your profile, such as PROG.
        code: String,
        /// What the code means; printed, not in the barcode.
        #[arg(long)]
        title: Option<String>,
        /// Written pages that follow; the station then counts them.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        pages: Option<u32>,
        /// Look the code up in this profile; otherwise in all there are
        #[arg(long, short)]
        profile: Option<String>,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        bars: Bars,
        #[command(flatten)]
        print: Print,
    },
    /// A sheet that begins a document and says nothing else.
    Separator {
        #[command(flatten)]
        bars: Bars,
        #[command(flatten)]
        print: Print,
    },
    /// Reusable patch sheets.
    Patch {
        /// One or more of 1, 2, 3, 4, 6 and T.
        #[arg(required = true, value_parser = patch_code, value_name = "CODE")]
        codes: Vec<PatchCode>,
        #[command(flatten)]
        print: Print,
    },
}

#[derive(Args)]
struct Print {
    /// The PDF to write; "-" for standard output.
    #[arg(short, long, value_name = "FILE.pdf")]
    output: PathBuf,
    #[arg(long, value_enum, default_value_t = PaperArg::Letter)]
    paper: PaperArg,
    /// Of each sheet.
    #[arg(long, default_value_t = NonZeroU16::MIN)]
    copies: NonZeroU16,
    /// Say what was written as one line of JSON (not with "-").
    #[arg(long)]
    json: bool,
}

/// Of sheets that are told by a barcode.
#[derive(Args)]
struct Bars {
    /// Patch bars at both ends of the sheet: 1, 2, 3, 4, 6, T or none. They say
    /// "cover sheet" even where no barcode can be read any more. On a Kodak
    /// scanner set to act on patch codes itself, choose the one it knows.
    #[arg(long, value_parser = patch_choice, default_value = "2", value_name = "CODE")]
    patch_bars: PatchChoice,
}

#[derive(Clone, Copy, ValueEnum)]
enum PaperArg {
    Letter,
    A4,
}

/// A newtype, because clap takes a bare `Option` for an argument left out.
#[derive(Clone, Copy)]
struct PatchChoice(Option<PatchCode>);

fn patch_code(text: &str) -> Result<PatchCode, String> {
    PatchCode::ALL
        .into_iter()
        .find(|code| code.to_string().eq_ignore_ascii_case(text))
        .ok_or_else(|| "patch codes are 1, 2, 3, 4, 6 and T".to_owned())
}

fn patch_choice(text: &str) -> Result<PatchChoice, String> {
    match text {
        "none" => Ok(PatchChoice(None)),
        code => patch_code(code).map(|code| PatchChoice(Some(code))),
    }
}

/// Writes the PDF. `now` is printed on the sheets.
pub fn run(command: Coversheet, now: jiff::Timestamp) -> Result<Exit, Stopped> {
    if let Kind::Type { code, profile, state, .. } = &command.kind
        && !is_known_type(code, profile.as_deref(), state)?
    {
        let where_not = profile.as_deref().map_or_else(
            || "in no profile".to_owned(),
            |name| format!("not in the profile {name}"),
        );
        note(format_args!(
            "outguide: the document type {code:?} is {where_not}; a batch would ask a clerk about \
             each of these sheets (capitals and small letters differ)"
        ));
    }
    let (sheets, bars, print) = command.kind.sheets();
    if print.json && print.output == Path::new("-") {
        let message = "with --json, name the PDF to write: standard output takes only one of them";
        return Err(Stopped::because(Exit::Failed, message));
    }
    write_sheets(&sheets, bars, &print, now)
}

/// Without a profile's name, any profile will do.
fn is_known_type(code: &str, profile: Option<&str>, args: &StateArgs) -> Result<bool, Stopped> {
    let station = settings::station(args)?;
    let knows = |profile: &Profile| profile.document_types.iter().any(|known| known.code == code);
    if let Some(name) = profile {
        return Ok(knows(&settings::profile(name, args, &station)?.profile));
    }
    let given = args.profiles.as_deref().or(station.profiles_dir.as_deref());
    let dirs = profile::search_dirs(given).ends(Exit::Settings)?;
    let listed = profile::list(&dirs).ends(Exit::Settings)?;
    // One that cannot be used is `check`'s to tell.
    Ok(listed
        .keys()
        .filter_map(|name| profile::find(name, &dirs).ok())
        .any(|found| knows(&found.profile)))
}

fn write_sheets(
    sheets: &[Sheet],
    bars: Option<PatchCode>,
    print: &Print,
    now: jiff::Timestamp,
) -> Result<Exit, Stopped> {
    let order = PrintOrder {
        size: match print.paper {
            PaperArg::Letter => SheetSize::Letter,
            PaperArg::A4 => SheetSize::A4,
        },
        patch: bars,
        copies: print.copies,
        printed_at: now,
    };
    let pdf = print_sheets(sheets, &order).ends(Exit::Failed)?;
    if print.output == Path::new("-") {
        say_bytes(&pdf)?;
        return Ok(Exit::Done);
    }
    write(&print.output, &pdf).ends(Exit::Storage)?;
    if print.json {
        let pages = sheets.len() * usize::from(print.copies.get());
        say_json(&serde_json::json!({ "file": print.output, "pages": pages }))?;
    }
    Ok(Exit::Done)
}

impl Coversheet {
    pub fn json(&self) -> bool {
        match &self.kind {
            Kind::Batch { print, .. }
            | Kind::Patient { print, .. }
            | Kind::Type { print, .. }
            | Kind::Separator { print, .. }
            | Kind::Patch { print, .. } => print.json,
        }
    }
}

impl Kind {
    fn sheets(self) -> (Vec<Sheet>, Option<PatchCode>, Print) {
        match self {
            Kind::Batch { number, sheets, documents, prepared_by, bars, print } => {
                let expected = Expected { sheets, documents };
                let sheet = Sheet::BatchHeader { number, expected, prepared_by };
                (vec![sheet], bars.patch_bars.0, print)
            }
            Kind::Patient { mrn, encounter, name, born, bars, print } => {
                let patient = PatientLines { mrn, encounter, name, birth_date: born };
                (vec![Sheet::Patient(patient)], bars.patch_bars.0, print)
            }
            Kind::Type { code, title, pages, bars, print, profile: _, state: _ } => {
                let line = DocumentLine { code, title, pages };
                (vec![Sheet::DocumentType(line)], bars.patch_bars.0, print)
            }
            Kind::Separator { bars, print } => (vec![Sheet::Separator], bars.patch_bars.0, print),
            // A patch sheet has its own.
            Kind::Patch { codes, print } => {
                (codes.into_iter().map(Sheet::Patch).collect(), None, print)
            }
        }
    }
}

fn write(path: &Path, pdf: &[u8]) -> anyhow::Result<()> {
    write_over(&Disk::Real, path, |file| file.append(pdf)).with_context(|| {
        format!("{} could not be written; check the folder and its permissions", path.display())
    })
}
