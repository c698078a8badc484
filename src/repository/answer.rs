//! What a repository does with documents it was given: it takes them away, or
//! leaves a file beside them that says what is wrong.

use std::io;
use std::path::Path;

use crate::disk::{Disk, EntryKind};

/// Of what a repository has to say; no log file is read whole.
const MOST_CHARACTERS: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAnswer {
    /// Both files, or one of them, still stand there.
    NotYet,
    /// Neither stands there any more, and nothing says that anything was wrong.
    TakenAway,
    /// In its own words, one line of them.
    Refused { said: String },
}

/// What became of a document that was filed. A watched folder that is away says
/// nothing: an error of kind [`io::ErrorKind::NotFound`].
pub fn answer(
    disk: &Disk,
    root: &Path,
    (pdf, index_file): (&Path, &Path),
    error_ending: Option<&str>,
) -> io::Result<RepositoryAnswer> {
    if disk.kind_of(root)? != Some(EntryKind::Folder) {
        return Err(io::ErrorKind::NotFound.into());
    }
    if let Some(ending) = error_ending {
        for file in [pdf, index_file] {
            for error in error_files(file, ending) {
                if disk.kind_of(&error)? == Some(EntryKind::File) {
                    let said = said(&disk.read(&error)?);
                    return Ok(RepositoryAnswer::Refused { said });
                }
            }
        }
    }
    let stands = |file: &Path| disk.kind_of(file).map(|kind| kind.is_some());
    Ok(match (stands(pdf)?, stands(index_file)?) {
        (false, false) => RepositoryAnswer::TakenAway,
        (true, _) | (_, true) => RepositoryAnswer::NotYet,
    })
}

/// `letter.pdf.error` and `letter.error`.
fn error_files(file: &Path, ending: &str) -> [std::path::PathBuf; 2] {
    let mut behind = file.as_os_str().to_owned();
    behind.push(ending);
    let mut instead = file.with_extension("").into_os_string();
    instead.push(ending);
    [behind.into(), instead.into()]
}

fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MOST_CHARACTERS)]);
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    words.chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_document_is_taken_once_both_files_are_gone_and_refused_where_a_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (pdf, index) = (folder.path().join("a/1.pdf"), folder.path().join("a/1.json"));
        let asked = |ending| answer(&Disk::Real, folder.path(), (&pdf, &index), ending);
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(&pdf, "pdf").unwrap();
        fs::write(&index, "index").unwrap();
        assert_eq!(asked(Some(".err")).unwrap(), RepositoryAnswer::NotYet);
        fs::remove_file(&pdf).unwrap();
        assert_eq!(asked(Some(".err")).unwrap(), RepositoryAnswer::NotYet, "it is at it");
        fs::remove_file(&index).unwrap();
        assert_eq!(asked(Some(".err")).unwrap(), RepositoryAnswer::TakenAway);
        for error in ["1.pdf.err", "1.err", "1.json.err"] {
            let error = folder.path().join("a").join(error);
            fs::write(&error, "no such\r\n\tpatient \u{1b}[31m").unwrap();
            let said = "no such patient [31m".to_owned();
            assert_eq!(asked(Some(".err")).unwrap(), RepositoryAnswer::Refused { said });
            assert_eq!(asked(None).unwrap(), RepositoryAnswer::TakenAway, "nothing is meant by it");
            fs::remove_file(&error).unwrap();
        }
        fs::remove_dir(folder.path().join("a")).unwrap();
        assert_eq!(asked(None).unwrap(), RepositoryAnswer::TakenAway, "its folder was cleared");
    }

    #[test]
    fn a_watched_folder_that_is_away_has_taken_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("share/in");
        let (pdf, index) = (root.join("1.pdf"), root.join("1.json"));
        let fault = answer(&Disk::Real, &root, (&pdf, &index), None).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::NotFound);
    }
}
