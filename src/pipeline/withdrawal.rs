//! The page that takes the place of a document that was withdrawn: whoever opens
//! it in the repository is told.

use std::path::PathBuf;

use super::runner::RunFault;
use crate::pdf::paper::{Face, Lettering, Paper, PaperFault, PaperInfo, PointMm, SizeMm};
use crate::records::batch::Decision;
use crate::records::ids::DocumentId;
use crate::spool::Spool;

/// Letter paper, as the archive's other pages mostly are.
const SIZE: SizeMm = SizeMm { width: 215.9, height: 279.4 };

const MARGIN_MM: f64 = 25.0;

/// As many of the widest letters as a line takes.
const MOST_IN_A_WORD: usize = 35;

/// The same bytes for the same withdrawal.
pub fn render(id: &DocumentId, withdrawn: &Decision, spool: &Spool) -> Result<PathBuf, RunFault> {
    let stopped = |source| RunFault::Withdrawal { document: id.clone(), source };
    let because = format!("Reason: {}", withdrawn.reason);
    // It may have been typed in letters that are not printed, or fit no line.
    let fits =
        withdrawn.reason.split_whitespace().all(|word| word.chars().count() <= MOST_IN_A_WORD);
    let drawn = match fits {
        true => notice(id, withdrawn, &because).ok(),
        false => None,
    };
    let bytes = match drawn {
        Some(bytes) => bytes,
        None => notice(id, withdrawn, "The reason stands in the index file.").map_err(stopped)?,
    };
    let name = format!("{:04}.pdf", id.first_page());
    Ok(spool.write_derived(id.batch(), &name, &bytes)?)
}

fn notice(id: &DocumentId, withdrawn: &Decision, because: &str) -> Result<Vec<u8>, PaperFault> {
    let mut paper = Paper::new(
        SIZE,
        PaperInfo {
            title: "Withdrawn".to_owned(),
            language: "en".to_owned(),
            created: withdrawn.at,
        },
    );
    let page = paper.page();
    let mut at = PointMm::new(MARGIN_MM, 50.0);
    page.text(at, "Withdrawn", Lettering::new(Face::SansBold, 32.0));
    at.y += 14.0;
    let replaced = id.replaces().unwrap_or_else(|| id.clone());
    let said = [
        format!("Document {replaced} was withdrawn and is not part of the record."),
        format!("By {}, {}", withdrawn.by, withdrawn.at.strftime("%Y-%m-%d %H:%M UTC")),
        because.to_owned(),
        "Pages of it that belong to the record are filed again as documents of their own."
            .to_owned(),
    ];
    let plain = Lettering::new(Face::Sans, 13.0);
    for paragraph in said {
        for line in plain.wrapped(&paragraph, SIZE.width - 2.0 * MARGIN_MM) {
            page.text(at, &line, plain);
            at.y += plain.line_mm();
        }
        at.y += plain.line_mm() / 2.0;
    }
    paper.finish()
}
