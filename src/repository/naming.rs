//! File names from index fields: what paper says never becomes a path.
//!
//! A template is text, `/` and `{field}`. Only a `/` of the template itself
//! parts folders; what a field holds becomes part of one name, made harmless
//! for ext4, NTFS and what lies between (SMB, Samba, eCryptfs). Whether a name
//! is free is the watched folder's question, not this module's.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest folder or file name before `~2` and the extension, in bytes of
/// UTF-8. ext4 and NTFS take 255, but eCryptfs and the encrypted shares built
/// on it only 143.
pub const MAX_PART_BYTES: usize = 130;

/// A name of which nothing was left.
const UNNAMED: &str = "unnamed";

/// Not allowed in a Windows name ("Naming Files, Paths, and Namespaces").
const FORBIDDEN: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Look like a slash, a backslash or a colon and are no compatibility forms of
/// them, so that normalisation does not tell.
const LOOKALIKES: [char; 14] = [
    '\u{2044}', '\u{2215}', '\u{29F8}', '\u{2571}', '\u{27CB}', '\u{1735}', '\u{2216}', '\u{29F5}',
    '\u{29F9}', '\u{2572}', '\u{27CD}', '\u{2236}', '\u{A789}', '\u{02D0}',
];

/// Names that are devices on Windows, with any extension.
const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    #[error("the filing template {template:?} has a brace without its partner")]
    UnpairedBrace { template: String },
    #[error("the filing template {template:?} names {{{name}}}, which no document has")]
    UnknownField { template: String, name: String },
    #[error("the filing template {template:?} has an empty name between its slashes")]
    EmptyPart { template: String },
}

/// Where a document is to stand below the watched folder, without extension.
/// Says nothing of a patient in `Debug`: a profile may put names in file names.
#[derive(Clone, PartialEq, Eq)]
pub struct FiledName {
    /// Harmless names, outermost first.
    folders: Vec<String>,
    stem: String,
}

impl std::fmt::Debug for FiledName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FiledName({} folders deep)", self.folders.len())
    }
}

impl FiledName {
    /// `value` answers with what a `{name}` stands for: `None` where there can
    /// be no such name, an empty text where the document has no such value
    /// (it then reads `no-<name>`).
    pub fn expand(
        template: &str,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        for part in template.split('/') {
            if part.is_empty() {
                return Err(TemplateFault::EmptyPart { template: template.to_owned() });
            }
            parts.push(harmless_name(&expand_part(template, part, &value)?));
        }
        let stem = parts.pop().expect("split always gives one part");
        Ok(FiledName { folders: parts, stem })
    }

    /// Outermost first.
    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    /// The file's name as the first, second, … that wants this stem.
    pub fn file(&self, copy: u32, extension: &str) -> String {
        match copy {
            0 | 1 => format!("{}.{extension}", self.stem),
            more => format!("{}~{more}.{extension}", self.stem),
        }
    }
}

/// A name in the making.
enum Piece {
    /// Never shortened: the template's own text, and what tells documents apart.
    Kept(String),
    /// A field's value, or what stands in for it.
    Field(String),
}

/// What no long field may push out of a name.
const TELLS_DOCUMENTS_APART: [&str; 3] = ["document_id", "batch", "date"];

fn expand_part(
    template: &str,
    part: &str,
    value: &impl Fn(&str) -> Option<String>,
) -> Result<String, TemplateFault> {
    let unpaired = || TemplateFault::UnpairedBrace { template: template.to_owned() };
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or_else(unpaired)?;
        if before.contains('}') || name.contains('{') {
            return Err(unpaired());
        }
        let held = value(name).ok_or_else(|| TemplateFault::UnknownField {
            template: template.to_owned(),
            name: name.to_owned(),
        })?;
        let held = harmless_text(&held);
        pieces.push(Piece::Kept(before.to_owned()));
        let held = match held.trim() {
            "" => format!("no-{name}"),
            held => held.to_owned(),
        };
        pieces.push(match TELLS_DOCUMENTS_APART.contains(&name) {
            true => Piece::Kept(held),
            false => Piece::Field(held),
        });
        rest = behind;
    }
    if rest.contains('}') {
        return Err(unpaired());
    }
    pieces.push(Piece::Kept(rest.to_owned()));
    Ok(joined(&pieces))
}

/// The pieces as one text that need not be cut any more: where they are too
/// long together, the longest fields are shortened, all to the same length.
fn joined(pieces: &[Piece]) -> String {
    // A device's name gets one byte more.
    const ROOM: usize = MAX_PART_BYTES - 1;
    let shortened = |most: usize| -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Kept(text) => text.clone(),
            Piece::Field(text) => text[..text.floor_char_boundary(most)].trim_end().to_owned(),
        };
        pieces.iter().map(piece).collect()
    };
    let whole = shortened(usize::MAX);
    if whole.len() <= ROOM {
        return whole;
    }
    // Where nothing but text that is kept is too long, the name is cut after all.
    (1..ROOM).rev().map(shortened).find(|text| text.len() <= ROOM).unwrap_or(whole)
}

/// One name that stays in its folder, is not hidden, and means the same to
/// every file system. Given its own result, it changes nothing.
pub fn harmless_name(text: &str) -> String {
    let text = harmless_text(text);
    let start = |c: char| matches!(c, '.' | ' ' | '-' | '~') || is_combining_mark(c);
    let name = text.trim_start_matches(start);
    if name.trim_end_matches(['.', ' ']).is_empty() {
        UNNAMED.to_owned()
    } else if is_device(name) {
        cut(&format!("_{name}"))
    } else {
        cut(name)
    }
}

fn cut(name: &str) -> String {
    let cut = &name[..name.floor_char_boundary(MAX_PART_BYTES)];
    cut.trim_end_matches(['.', ' ']).to_owned()
}

/// Whether two names are one on a share that does not tell upper from lower case.
pub fn same_ignoring_case(one: &str, other: &str) -> bool {
    let fold = |name: &str| name.nfc().flat_map(char::to_lowercase).collect::<String>();
    fold(one) == fold(other)
}

fn harmless_text(text: &str) -> String {
    let mut harmless = String::new();
    for c in text.nfc().filter_map(harmless_char) {
        if c != ' ' || !harmless.ends_with(' ') {
            harmless.push(c);
        }
    }
    harmless.nfc().collect()
}

fn harmless_char(c: char) -> Option<char> {
    if c.is_whitespace() {
        Some(' ')
    } else if c.is_control() || is_invisible(c) {
        None
    } else if LOOKALIKES.contains(&c) || std::iter::once(c).nfkd().any(|plain| parts(plain, c)) {
        Some('-')
    } else {
        Some(c)
    }
}

/// `plain` is what `c` becomes where a server normalises names.
fn parts(plain: char, c: char) -> bool {
    FORBIDDEN.contains(&plain) || (plain == '.' && c != '.')
}

/// Shows nothing, turns the direction of writing, or means nothing agreed:
/// Unicode's default-ignorable, private and unassigned-for-ever characters.
fn is_invisible(c: char) -> bool {
    let code = u32::from(c);
    matches!(code,
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
        | 0xE000..=0xF8FF | 0xFDD0..=0xFDEF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
        | 0xFFF0..=0xFFFF | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0x10FFFF)
        || code & 0xFFFE == 0xFFFE
}

/// Windows looks at what is before the first dot, and takes superscript digits
/// for digits.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem: String = stem.nfkc().flat_map(char::to_uppercase).collect();
    let numbered = ["COM", "LPT"]
        .iter()
        .filter_map(|port| stem.strip_prefix(port))
        .any(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()));
    DEVICES.contains(&stem.as_str()) || numbered
}

#[cfg(test)]
mod tests;
