//! `outguide verify`: is everything in the repository still what was filed, and
//! every original what was scanned?

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::progress::counter;
use super::settings::{self, StateArgs};
use super::telling::plural;
use crate::app;
use crate::config::Station;
use crate::disk::Disk;
use crate::keeping::verifying::{self, Archive, ArchiveProblem, ArchiveReport, Spools};
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::repository::verify::{Problem, TakenAway, VerifyReport, verify};
use crate::store::{Chain, Store};

/// Hash every filed document and every scanned page again
///
/// A document is compared with its index file. What an index file itself must
/// be, where a document must stand, and which there must be, only the station
/// that filed them knows: name its state folder with --state. Then its scanned
/// pages are hashed too and compared with the manifests of their batches, and
/// the manifests with one another; without a repository nothing else is done. A
/// copy of the repository, or the repository under another path, is compared as
/// the folder that was filed into.
#[derive(Args)]
pub struct VerifyArgs {
    /// The folder the document repository watches
    #[arg(required_unless_present = "state")]
    repository: Option<PathBuf>,
    /// Compare with what the station of this state folder says it filed
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// With --state: a document that is no longer there is a problem too, and so
    /// is a folder into which the station filed nothing
    #[arg(long, requires_all = ["state", "repository"])]
    all_must_be_there: bool,
    /// The machine's settings instead of /etc/outguide/station.toml
    #[arg(long, value_name = "FILE")]
    station: Option<PathBuf>,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Both parts, as far as they were asked for.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    repository: Option<VerifyReport>,
    archive: Option<ArchiveReport>,
}

impl Found {
    fn is_sound(&self) -> bool {
        let Found { repository, archive } = self;
        repository.as_ref().is_none_or(VerifyReport::is_sound)
            && archive.as_ref().is_none_or(ArchiveReport::is_sound)
    }
}

pub async fn run(args: &VerifyArgs) -> Result<Exit, Stopped> {
    let given = StateArgs { station: args.station.clone(), ..StateArgs::default() };
    let station = settings::station(&given)?;
    let repository = match &args.repository {
        Some(folder) => Some(verify_repository(folder, args, &station).await?),
        None => None,
    };
    let archive = match &args.state {
        Some(state) => Some(verify_archive(state, args, &station).await?),
        None => None,
    };
    let found = Found { repository, archive };
    match tell(&found, args) {
        // Whoever read this has read enough; the exit code says the rest.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        told => told.ends(Exit::Failed)?,
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::FoundWrong })
}

async fn verify_repository(
    folder: &Path,
    args: &VerifyArgs,
    station: &Station,
) -> Result<VerifyReport, Stopped> {
    let whole = folder.canonicalize().ok();
    let staging = whole.and_then(|watched| app::staging_folder(&watched, station));
    let disk = Disk::Real;
    let bar = counter(args.json, "documents checked");
    let checked = || bar.inc(1);
    let mut report = verify(&disk, folder, staging.as_deref(), &checked).ends(Exit::Storage)?;
    if let Some(state) = &args.state {
        let records = app::filed_records(state, station).await.ends(Exit::Storage)?;
        let taken_away = match args.all_must_be_there {
            true => TakenAway::IsAProblem,
            false => TakenAway::IsWell,
        };
        bar.reset();
        bar.set_message("compared with the station's records");
        report
            .compare_with_records(&disk, folder, &records, taken_away, &checked)
            .ends(Exit::Storage)?;
    }
    bar.finish_and_clear();
    Ok(report)
}

async fn verify_archive(
    state: &Path,
    args: &VerifyArgs,
    station: &Station,
) -> Result<ArchiveReport, Stopped> {
    let noted = app::heads::noted_head(state, Chain::Manifests, &station.id).ends(Exit::Storage)?;
    let store = Store::open_to_read(&app::database(state, station)).await.ends(Exit::Storage)?;
    if !store.knows_manifests().await.ends(Exit::Storage)? {
        return Err(Stopped::because(
            Exit::Storage,
            "the station's database is of an older version, which kept no manifests: start the \
             station once, which brings it up to this one, then verify again",
        ));
    }
    let own = state.join("spool");
    let archive = Archive {
        store: &store,
        spools: Spools { own: &own, shared: station.shared_spool.as_deref() },
        station: &station.id,
        noted,
    };
    let bar = counter(args.json, "scanned pages checked");
    let report = verifying::verify(&Disk::Real, &archive, &|| bar.inc(1)).await;
    bar.finish_and_clear();
    store.close().await;
    report.ends(Exit::Storage)
}

fn tell(found: &Found, args: &VerifyArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, found)?;
        writeln!(out)?;
        return out.flush();
    }
    if let Some(report) = &found.repository {
        tell_repository(&mut out, report)?;
    }
    if let Some(report) = &found.archive {
        tell_archive(&mut out, report)?;
    }
    out.flush()
}

fn tell_repository(out: &mut impl Write, report: &VerifyReport) -> io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{}", in_words(problem))?;
    }
    let (sound, problems) = (report.sound.len(), report.problems.len());
    let Some(records) = &report.records else {
        writeln!(out, "{sound} PDFs are what their index files say; {problems} problems")?;
        return writeln!(
            out,
            "The index files themselves were not checked: --state DIR compares them with the \
             records of the station that filed them"
        );
    };
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
        writeln!(out, "They were filed into {folder}; this is that under another path, or a copy")?;
    }
    if records.of_others > 0 {
        writeln!(
            out,
            "{} more are not in these records: of them only the PDFs were checked, against \
             their index files",
            records.of_others
        )?;
    }
    Ok(())
}

fn tell_archive(out: &mut impl Write, report: &ArchiveReport) -> io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{}", archive_problem(problem))?;
    }
    let counted = |count: u64, what| plural(usize::try_from(count).unwrap_or(usize::MAX), what);
    let (sound, problems) = (counted(report.sound_pages, "scanned page"), report.problems.len());
    writeln!(out, "{sound} of {} batches as scanned; {problems} problems", report.batches)?;
    if report.purged_pages > 0 {
        let pages = counted(report.purged_pages, "page");
        writeln!(out, "{pages} more were removed, as their profiles say")?;
    }
    if report.without_manifest > 0 {
        writeln!(
            out,
            "{} of the batches ended before manifests were written; the station writes them once \
             it runs",
            report.without_manifest
        )?;
    }
    writeln!(out, "{} in the chain", counted(report.manifests, "manifest"))
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

/// What is wrong with what was kept, and what to do.
fn archive_problem(problem: &ArchiveProblem) -> String {
    match problem {
        ArchiveProblem::OriginalMissing { batch, page, file } => format!(
            "MISSING  {}: page {page} of batch {batch}; {}",
            file.display(),
            put_back(batch, *page)
        ),
        ArchiveProblem::OriginalChanged { batch, page, file, .. } => format!(
            "CHANGED  {}: no longer what was scanned as page {page} of batch {batch}; {}",
            file.display(),
            put_back(batch, *page)
        ),
        ArchiveProblem::OriginalUnreadable { file, cause, .. } => {
            format!("UNREADABLE  {}: {cause}; check the disk or the share", file.display())
        }
        ArchiveProblem::SpoolNotHere { batch } => format!(
            "NOT HERE  the pages of batch {batch} stand in a spool that is not mounted here; none \
             was checked: see shared_spool in station.toml"
        ),
        ArchiveProblem::PageRowChanged { batch, page } => format!(
            "RECORD CHANGED  page {page} of batch {batch}: the database says otherwise than the \
             batch's manifest; {WHO}"
        ),
        ArchiveProblem::DocumentRowChanged { document } => format!(
            "RECORD CHANGED  document {document}: the database says otherwise than its batch's \
             manifest; {WHO}"
        ),
        ArchiveProblem::BatchRowChanged { batch } => format!(
            "RECORD CHANGED  batch {batch}: the database says otherwise than its manifest; {WHO}"
        ),
        ArchiveProblem::PurgeRowChanged { batch } => format!(
            "RECORD CHANGED  batch {batch}: whether its pages were removed, the database says \
             otherwise than its manifest; {WHO}"
        ),
        ArchiveProblem::BatchRowGone { batch } => {
            format!("RECORD GONE  batch {batch} has a manifest and is not in the database; {WHO}")
        }
        ArchiveProblem::ManifestUnreadable { batch, no } => {
            format!("MANIFEST CHANGED  {no}, of batch {batch}, cannot be read; {WHO}")
        }
        ArchiveProblem::Manifests { station, what } => {
            format!("MANIFESTS  of {station}: {what}; {WHO}")
        }
    }
}

/// The station itself never does that.
const WHO: &str = "look who can write to the database, and compare with a backup";

fn put_back(batch: &BatchId, page: PageNo) -> String {
    format!(
        "put it back from a backup of the station; if there is none, look whether the batch's \
         documents are in the repository, and scan the sheet of page {page} again if they are \
         not (`outguide batch show {batch}`)"
    )
}
