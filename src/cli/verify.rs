//! `outguide verify`: is everything in the repository still what was filed?

use std::path::PathBuf;

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use crate::disk::Disk;
use crate::repository::verify::{Problem, verify};

/// Hash every filed document again and compare it with its index file
#[derive(Args)]
pub struct VerifyArgs {
    /// The folder the document repository watches
    repository: PathBuf,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &VerifyArgs) -> Result<Exit, Stopped> {
    let beside = args.repository.canonicalize().ok();
    let staging = beside.as_deref().and_then(|folder| folder.parent()).map(|p| p.join(".outguide"));
    let report = verify(&Disk::Real, &args.repository, staging.as_deref()).ends(Exit::Storage)?;
    if args.json {
        println!("{}", serde_json::to_string(&report).ends(Exit::Failed)?);
    } else {
        for problem in &report.problems {
            println!("{}", in_words(problem));
        }
        println!(
            "{} documents are what was filed; {} problems",
            report.sound.len(),
            report.problems.len()
        );
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::FoundWrong })
}

/// What is wrong, and what to do.
fn in_words(problem: &Problem) -> String {
    match problem {
        Problem::PdfMissing { document, index_file, pdf } => format!(
            "MISSING  {}: {} names it for document {document}; the repository may have taken it, \
             else file it again from its batch",
            pdf.display(),
            index_file.display()
        ),
        Problem::PdfChanged { document, pdf, .. } => format!(
            "CHANGED  {}: no longer what was filed as {document}; file it again from its batch",
            pdf.display()
        ),
        Problem::PdfUnreadable { pdf, cause } => {
            format!("UNREADABLE  {}: {cause}; check the disk or the share", pdf.display())
        }
        Problem::WithoutIndex { pdf } => format!(
            "NO INDEX  {}: filing stopped before its index file; resume its batch",
            pdf.display()
        ),
        Problem::IndexUnreadable { index_file, cause } => {
            format!("BAD INDEX  {}: {cause}", index_file.display())
        }
        Problem::FiledTwice { document, pdfs } => {
            let names: Vec<String> = pdfs.iter().map(|pdf| pdf.display().to_string()).collect();
            format!("TWICE  document {document}: {}", names.join(", "))
        }
        Problem::Unfinished { file } => format!(
            "UNFINISHED  {}: a station is filing, or was stopped; resume its batch",
            file.display()
        ),
    }
}
