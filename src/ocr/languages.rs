//! Which languages Tesseract can read on this machine, and which package
//! brings a missing one.

use std::path::{Path, PathBuf};

use super::fault::OcrFault;

/// Where distributions keep language data, Debian's first (its package
/// `tesseract-ocr-eng` of Debian 12 and 11, then what upstream and Fedora use).
const DATA_FOLDERS: [&str; 5] = [
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
];

/// The data for orientation and script; it reads no words.
pub(super) const ORIENTATION: &str = "osd";

/// Codes of the languages that can be read, sorted; `osd` is not one of them.
/// `tessdata` is the folder with the `.traineddata` files; without one the
/// folder in `TESSDATA_PREFIX`, else the usual ones are looked through.
pub fn languages_installed(tessdata: Option<&Path>) -> Result<Vec<String>, OcrFault> {
    let folder = data_folder(tessdata)?;
    let mut languages = codes_in(&folder, "");
    languages.extend(codes_in(&folder.join("script"), "script/"));
    languages.retain(|code| code != ORIENTATION);
    languages.sort();
    Ok(languages)
}

/// The Debian package with a language's data: its code in lower case and with
/// hyphens. Debian names script data by ISO 15924 (`script/Latin` is in
/// `tesseract-ocr-script-latn`); all of it comes with `tesseract-ocr-all`.
pub fn language_package(language: &str) -> String {
    if language.starts_with("script/") {
        "tesseract-ocr-all".to_owned()
    } else {
        format!("tesseract-ocr-{}", language.to_ascii_lowercase().replace('_', "-"))
    }
}

/// The first folder with language data in it.
pub(super) fn data_folder(tessdata: Option<&Path>) -> Result<PathBuf, OcrFault> {
    let looked_in: Vec<PathBuf> = match tessdata {
        Some(folder) => vec![folder.to_owned()],
        None => std::env::var_os("TESSDATA_PREFIX")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .into_iter()
            .chain(DATA_FOLDERS.map(PathBuf::from))
            .collect(),
    };
    match looked_in.iter().find(|folder| !codes_in(folder, "").is_empty()) {
        Some(folder) => Ok(folder.clone()),
        None => Err(OcrFault::NoLanguageData { looked_in, package: language_package("eng") }),
    }
}

/// Fails on the first language of `languages` that cannot be loaded from `folder`.
pub(super) fn check_installed(folder: &Path, languages: &[String]) -> Result<(), OcrFault> {
    if languages.is_empty() {
        return Err(OcrFault::NoLanguageNamed);
    }
    for language in languages {
        if !is_language_code(language) {
            return Err(OcrFault::NotALanguage { language: language.clone() });
        }
        if !folder.join(format!("{language}.traineddata")).is_file() {
            return Err(OcrFault::LanguageMissing {
                language: language.clone(),
                package: language_package(language),
                folder: folder.to_owned(),
            });
        }
    }
    Ok(())
}

/// Letters, digits, `_` and `-`, with one `script/` before: nothing that leads
/// out of the data folder or joins languages.
fn is_language_code(code: &str) -> bool {
    let name = code.strip_prefix("script/").unwrap_or(code);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Codes with data in `folder`; none where the folder cannot be read.
fn codes_in(folder: &Path, prefix: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(format!("{prefix}{}", name.strip_suffix(".traineddata")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn languages_are_the_traineddata_files_without_the_orientation_data() {
        let folder = folder_with(&[
            "eng.traineddata",
            "deu.traineddata",
            "osd.traineddata",
            "script/Latin.traineddata",
            "configs/tsv",
        ]);
        assert_eq!(
            languages_installed(Some(folder.path())).unwrap(),
            ["deu", "eng", "script/Latin"]
        );
    }

    #[test]
    fn a_folder_without_language_data_names_what_to_install() {
        let folder = folder_with(&["pdf.ttf"]);
        let fault = languages_installed(Some(folder.path())).unwrap_err();
        assert!(fault.to_string().contains("install tesseract-ocr and tesseract-ocr-eng"));
    }

    #[test]
    fn a_missing_language_names_its_debian_package() {
        let folder = folder_with(&["eng.traineddata"]);
        let asked = ["eng".to_owned(), "chi_sim".to_owned()];
        let fault = check_installed(folder.path(), &asked).unwrap_err();
        assert!(fault.to_string().contains("install tesseract-ocr-chi-sim"), "{fault}");
        assert_eq!(language_package("script/Latin"), "tesseract-ocr-all");
    }

    #[test]
    fn a_language_code_cannot_lead_out_of_the_data_folder() {
        let folder = folder_with(&["eng.traineddata"]);
        for code in ["../eng", "eng/../eng", "/etc/eng", "eng+deu", "", "script/../eng", "e\0ng"] {
            assert!(
                matches!(
                    check_installed(folder.path(), &[code.to_owned()]),
                    Err(OcrFault::NotALanguage { .. })
                ),
                "{code:?}"
            );
        }
    }
}
