//! `outguide verify`: is everything in the repository still what was filed?

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use super::progress::counter;
use super::settings::{self, StateArgs};
use crate::app;
use crate::disk::Disk;
use crate::records::ids::DocumentId;
use crate::repository::verify::{Problem, TakenAway, VerifyReport, verify};

/// Hash every filed document again and compare it with its index file
///
/// What an index file itself must be, where a document must stand, and which
/// there must be, only the station that filed them knows: name its state folder
/// with --state. A copy of the repository, or the repository under another path,
/// is compared as the folder that was filed into.
#[derive(Args)]
pub struct VerifyArgs {
    /// The folder the document repository watches
    repository: PathBuf,
    /// Compare with what the station of this state folder says it filed
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// With --state: a document that is no longer there is a problem too, and so
    /// is a folder into which the station filed nothing
    #[arg(long, requires = "state")]
    all_must_be_there: bool,
    /// The machine's settings instead of /etc/outguide/station.toml
    #[arg(long, value_name = "FILE")]
    station: Option<PathBuf>,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub async fn run(args: &VerifyArgs) -> Result<Exit, Stopped> {
    let given = StateArgs { station: args.station.clone(), ..StateArgs::default() };
    let station = settings::station(&given)?;
    let whole = args.repository.canonicalize().ok();
    let staging = whole.and_then(|watched| app::staging_folder(&watched, &station));
    let disk = Disk::Real;
    let bar = counter(args.json, "documents checked");
    let checked = || bar.inc(1);
    let mut report =
        verify(&disk, &args.repository, staging.as_deref(), &checked).ends(Exit::Storage)?;
    if let Some(state) = &args.state {
        let records = app::filed_records(state, &station).await.ends(Exit::Storage)?;
        let taken_away = match args.all_must_be_there {
            true => TakenAway::IsAProblem,
            false => TakenAway::IsWell,
        };
        bar.reset();
        bar.set_message("compared with the station's records");
        report
            .compare_with_records(&disk, &args.repository, &records, taken_away, &checked)
            .ends(Exit::Storage)?;
    }
    bar.finish_and_clear();
    match tell(&report, args) {
        // Whoever read this has read enough; the exit code says the rest.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        told => told.ends(Exit::Failed)?,
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::FoundWrong })
}

fn tell(report: &VerifyReport, args: &VerifyArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
        return out.flush();
    }
    for problem in &report.problems {
        writeln!(out, "{}", in_words(problem))?;
    }
    let (sound, problems) = (report.sound.len(), report.problems.len());
    match &report.records {
        None => {
            writeln!(out, "{sound} PDFs are what their index files say; {problems} problems")?;
            writeln!(
                out,
                "The index files themselves were not checked: --state DIR compares them with the \
                 records of the station that filed them"
            )?;
        }
        Some(records) => {
            let filed = sound - records.of_others;
            writeln!(out, "{filed} documents are what was filed; {problems} problems")?;
            writeln!(
                out,
                "Of {} that the station filed here, {} are no longer there",
                records.documents,
                records.taken_away.len()
            )?;
            if let Some(filed_into) = &records.filed_into {
                let folder = filed_into.display();
                writeln!(
                    out,
                    "They were filed into {folder}; this is that under another path, or a copy"
                )?;
            }
            if records.of_others > 0 {
                writeln!(
                    out,
                    "{} more are not in these records: of them only the PDFs were checked, against \
                     their index files",
                    records.of_others
                )?;
            }
        }
    }
    out.flush()
}

/// What is wrong, and what to do.
fn in_words(problem: &Problem) -> String {
    match problem {
        Problem::PdfMissing { document, index_file, pdf } => format!(
            "MISSING  {}: {} names it for document {document}; look whether the repository has \
             taken it; if not, {}",
            pdf.display(),
            index_file.display(),
            restore(document)
        ),
        Problem::PdfChanged { document, pdf, .. } => format!(
            "CHANGED  {}: no longer what was filed as {document}; {}",
            pdf.display(),
            restore(document)
        ),
        Problem::PdfUnreadable { pdf, cause } => {
            format!("UNREADABLE  {}: {cause}; check the disk or the share", pdf.display())
        }
        Problem::WithoutIndex { pdf } => format!(
            "NO INDEX  {}: filing stopped before its index file, or something took that away. \
             Where `outguide capture` names an unfinished batch, its --resume completes it",
            pdf.display()
        ),
        Problem::IndexUnreadable { index_file, cause } => format!(
            "BAD INDEX  {}: {cause}. Restore it from a backup of the repository",
            index_file.display()
        ),
        Problem::IndexChanged { document, index_file, .. } => format!(
            "CHANGED  {}: no longer the index file that was filed with {document}; {}",
            index_file.display(),
            restore(document)
        ),
        Problem::IndexMissing { document, index_file, pdf } => format!(
            "NO INDEX  {}: filed with {document}, whose PDF {} is still there; look whether the \
             repository has taken it; if not, {}",
            index_file.display(),
            pdf.display(),
            restore(document)
        ),
        Problem::NotThere { document, pdf } => format!(
            "NOT THERE  {}: filed as {document}; look whether the repository has taken it; if not, {}",
            pdf.display(),
            restore(document)
        ),
        Problem::FiledTwice { document, pdfs } => {
            let names: Vec<String> = pdfs.iter().map(|pdf| pdf.display().to_string()).collect();
            format!(
                "TWICE  document {document}: {}; one of them is a copy made outside Outguide",
                names.join(", ")
            )
        }
        Problem::Moved { document, pdf, filed_as } => format!(
            "MOVED  {}: filed as {document} at {}; look who moved it and why, and move both of \
             its files back there",
            pdf.display(),
            filed_as.display()
        ),
        Problem::NoneFiledHere { folder, filed_below: Some(below) } => format!(
            "NOTHING HERE  {}: the station of --state filed nothing into this folder; what it \
             filed is below {}",
            folder.display(),
            below.display()
        ),
        Problem::NoneFiledHere { folder, filed_below: None } => format!(
            "NOTHING HERE  {}: the station of --state has filed nothing at all; name the state \
             folder of the one that did",
            folder.display()
        ),
        Problem::FolderUnreadable { folder, cause } => format!(
            "UNREADABLE  {}: {cause}; nothing in it was checked: have this user allowed to read it",
            folder.display()
        ),
        Problem::Unfinished { file, document } => unfinished(file, document.as_ref()),
    }
}

/// What can be done for a document that is damaged or gone.
fn restore(document: &DocumentId) -> String {
    format!(
        "restore both of its files from a backup of the repository, or feed its pages \
         again: from page {} on they are kept in spool/{} of the station's state folder, and \
         `outguide capture --from` takes them as a new batch",
        document.first_page(),
        document.batch()
    )
}

fn unfinished(file: &Path, document: Option<&DocumentId>) -> String {
    let file = file.display();
    match document {
        Some(document) => format!(
            "UNFINISHED  {file}: the station is filing, or was stopped; then \
             `outguide capture --resume {}` there completes it",
            document.batch()
        ),
        None => format!(
            "UNFINISHED  {file}: a station is filing, or was stopped; the next `outguide capture` \
             there takes this away"
        ),
    }
}
