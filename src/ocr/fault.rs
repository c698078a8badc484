//! What can go wrong with reading, in the words of the person who must act.

use std::path::PathBuf;
use std::time::Duration;

/// Names no patient value: neither the page's text nor its file.
#[derive(Debug, thiserror::Error)]
pub enum OcrFault {
    #[error(
        "Tesseract has no language data: none was found in {}; install tesseract-ocr and \
         {package}, or say where the data is",
        folders(.looked_in)
    )]
    NoLanguageData { looked_in: Vec<PathBuf>, package: String },

    #[error(
        "the language {language:?} is not installed in {}; install {package}, or take it out of \
         the profile",
        folder.display()
    )]
    LanguageMissing { language: String, package: String, folder: PathBuf },

    #[error(
        "{language:?} is not a Tesseract language code; use codes like eng, deu or script/Latin"
    )]
    NotALanguage { language: String },

    #[error("no language is named for reading; name at least one in the profile")]
    NoLanguageNamed,

    #[error(
        "Tesseract cannot load {languages}: {detail}; reinstall the language packages",
        languages = .languages.join(", ")
    )]
    LoadLanguages { languages: Vec<String>, detail: String },

    #[error("the page reader {} cannot be started; reinstall outguide", program.display())]
    StartWorker { program: PathBuf, source: std::io::Error },

    #[error(
        "the page reader stopped ({how}) before it had read the page; the page is kept as an \
         image without text{}",
        said(.last_said)
    )]
    WorkerDied { how: String, last_said: Vec<String> },

    #[error(
        "the page needs more memory to read than the {} MB allowed; the page is kept as an image \
         without text{}",
        limit_bytes / (1 << 20),
        said(.last_said)
    )]
    OutOfMemory { limit_bytes: u64, last_said: Vec<String> },

    #[error(
        "the page was not read within {} s; the page is kept as an image without text; allow more \
         seconds a page in the profile, or scan it with fewer dots per inch",
        limit.as_secs_f32()
    )]
    TookTooLong { limit: Duration },

    #[error(
        "a page of {width} by {height} pixels is more than Tesseract takes (32,767 a side); scan \
         it with fewer dots per inch"
    )]
    PageTooLarge { width: u32, height: u32 },

    #[error("Tesseract refused the page: {detail}; the page is kept as an image without text")]
    Refused { detail: String },

    #[error(
        "the page reader answered what was not asked ({detail}); if this comes again, reinstall \
         outguide"
    )]
    NonsenseAnswer { detail: String },
}

fn folders(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The worker's last words, for the administrator.
fn said(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(". It said: {}", lines.join(" | ")) }
}
