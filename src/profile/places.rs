//! Where profiles are kept, and which one a name means.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::{Profile, parse};
use crate::settings_file::{Problem, listed};

/// The hospital's own profiles; they hide shipped ones of the same name.
pub const SYSTEM_DIR: &str = "/etc/outguide/profiles";

/// Shipped in the program: name and text.
const BUILT_IN: [(&str, &str); 5] = [
    ("clinic-visit", include_str!("../../profiles/clinic-visit.toml")),
    ("inpatient-chart", include_str!("../../profiles/inpatient-chart.toml")),
    ("loose-sheets", include_str!("../../profiles/loose-sheets.toml")),
    ("patch-separated", include_str!("../../profiles/patch-separated.toml")),
    ("plain-pages", include_str!("../../profiles/plain-pages.toml")),
];

/// A profile and where it came from.
#[derive(Debug, Clone)]
pub struct Found {
    pub profile: Profile,
    pub origin: Origin,
    /// The file as it stood when it was read. A batch keeps it: [`parse`] with
    /// `profile.name` as the file name gives the same profile again.
    pub text: String,
    /// What its owner should know; none of them refuses it.
    pub warnings: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    /// Shipped with Outguide.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::BuiltIn => f.write_str("shipped with outguide"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("there is no profile {name:?}; there are: {}", .known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("cannot list the profiles in {}", .dir.display())]
    ReadDir { dir: PathBuf, source: io::Error },
    #[error("the profile {} is not UTF-8 text; save it as UTF-8", .path.display())]
    NotUtf8 { path: PathBuf },
    #[error("cannot read the profile {}", .path.display())]
    ReadFile { path: PathBuf, source: io::Error },
    #[error("the profile {name:?} cannot be used:\n{}", listed(.problems))]
    Refused { name: String, problems: Vec<Problem> },
}

/// The folders to look in, in order: the one given on the command line or in
/// `station.toml`, which must be there, then the system's, which need not.
pub fn search_dirs(given: Option<&Path>) -> Result<Vec<PathBuf>, FindError> {
    let system = PathBuf::from(SYSTEM_DIR);
    let Some(dir) = given.map(Path::to_owned) else { return Ok(vec![system]) };
    match std::fs::read_dir(&dir) {
        Ok(_) => Ok(vec![dir, system]),
        Err(source) => Err(FindError::ReadDir { dir, source }),
    }
}

/// The profile called `name` (without `.toml`), from the first of `dirs` that
/// has it, else as shipped.
///
/// A file that is there but wrong is an error: looking on would file paper
/// under rules its owner has changed.
pub fn find(name: &str, dirs: &[PathBuf]) -> Result<Found, FindError> {
    let known = list(dirs)?;
    let Some(origin) = known.get(name) else {
        return Err(FindError::Unknown {
            name: name.to_owned(),
            known: known.into_keys().collect(),
        });
    };
    let (text, shown) = match origin {
        Origin::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
                io::ErrorKind::InvalidData => FindError::NotUtf8 { path: path.clone() },
                _ => FindError::ReadFile { path: path.clone(), source },
            })?;
            (text, path.display().to_string())
        }
        Origin::BuiltIn => (built_in(name).unwrap_or_default().to_owned(), format!("{name}.toml")),
    };
    match parse(&text, &shown) {
        (Some(profile), warnings) => Ok(Found { profile, origin: origin.clone(), text, warnings }),
        (None, problems) => Err(FindError::Refused { name: name.to_owned(), problems }),
    }
}

/// Every profile [`find`] would find, by name. A folder that is not there holds
/// none; files not named as a profile is are left alone.
pub fn list(dirs: &[PathBuf]) -> Result<BTreeMap<String, Origin>, FindError> {
    let mut known: BTreeMap<String, Origin> =
        BUILT_IN.iter().map(|(name, _)| ((*name).to_owned(), Origin::BuiltIn)).collect();
    for dir in dirs.iter().rev() {
        let unlisted = |source| FindError::ReadDir { dir: dir.clone(), source };
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unlisted(error)),
        };
        for entry in entries {
            let path = entry.map_err(unlisted)?.path();
            let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(name) = file_name.strip_suffix(".toml").filter(|name| is_name(name)) {
                known.insert(name.to_owned(), Origin::File(path));
            }
        }
    }
    Ok(known)
}

fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The file's name without folders and `.toml`.
pub(super) fn name_of(file_name: &str) -> &str {
    let last = file_name.rsplit('/').next().unwrap_or(file_name);
    last.strip_suffix(".toml").unwrap_or(last)
}

/// Lower-case letters, digits and hyphens, a letter first, at most 40: safe in
/// a file name, on a command line and in an index file.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
