//! Reads a settings file that a person wrote: a profile or `station.toml`.
//!
//! Responsible for places (line and column of every key), types, ranges,
//! choices, unknown and missing keys, and for collecting all problems so that
//! one look at the file mends them together. Knows nothing of what the
//! settings mean: `profile` and `config` do.
//!
//! Keys are named by their path as it would be written in the file,
//! `barcodes.field[2].length`; entries of a list are counted from 1.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something to mend in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub weight: Weight,
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// Path of the key; empty for the file as a whole.
    pub key: String,
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The file is not used.
    Refused,
    /// The file is used; its owner should know.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        match self.weight {
            Weight::Refused => {}
            Weight::Warning => f.write_str("warning: ")?,
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Problems one to a line, as a person reads them in a terminal.
pub fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A parsed file and what was found wrong with it so far.
pub struct SettingsFile<'t> {
    name: String,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    well_formed: bool,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> SettingsFile<'t> {
    /// `name` is the file as its owner knows it, for messages.
    pub fn new(name: &str, text: &'t str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let file = SettingsFile {
            name: name.to_owned(),
            text,
            root,
            well_formed: errors.is_empty(),
            problems: RefCell::default(),
        };
        for error in errors {
            let what = format!("this is not TOML: {}", error.message());
            let remedy = "correct the line; the other problems show once it reads";
            file.add(Weight::Refused, String::new(), error.span().unwrap_or(0..0), what, remedy);
        }
        file
    }

    /// Whether the text is TOML. If not, keys may be missing only because
    /// their line could not be read.
    pub fn is_well_formed(&self) -> bool {
        self.well_formed
    }

    pub fn root(&self) -> Section<'_> {
        Section {
            file: self,
            path: String::new(),
            table: Some(self.root.get_ref()),
            known: RefCell::default(),
        }
    }

    /// Reports the value at `path`; where the key is absent, the section it
    /// would stand in. Says nothing of a list or section once a part of it is
    /// reported: the one may follow from the other.
    pub fn refuse(&self, path: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let is_part =
            |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with(['[', '.']));
        if !path.is_empty() && self.problems.borrow().iter().any(|known| is_part(&known.key)) {
            return;
        }
        self.add(Weight::Refused, path.to_owned(), self.span_of(path), what, remedy);
    }

    /// As [`Self::refuse`], for what works but is seldom meant.
    pub fn warn(&self, path: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Weight::Warning, path.to_owned(), self.span_of(path), what, remedy);
    }

    /// Whether anything found so far forbids using the file.
    pub fn is_refused(&self) -> bool {
        self.problems.borrow().iter().any(|problem| problem.weight == Weight::Refused)
    }

    /// In the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }

    fn add(
        &self,
        weight: Weight,
        key: String,
        span: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.problems.borrow_mut().push(Problem {
            weight,
            file: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Whether the file gives the key at `path`.
    pub fn is_given(&self, path: &str) -> bool {
        self.find(path).1.is_some()
    }

    fn span_of(&self, path: &str) -> Range<usize> {
        self.find(path).0
    }

    /// The value at `path`, and where it stands or else the section it would
    /// stand in.
    fn find(&self, path: &str) -> (Range<usize>, Option<&DeValue<'t>>) {
        let mut table = Some(self.root.get_ref());
        let mut span = 0..0;
        let mut found = None;
        for part in path.split('.') {
            let (key, index) = split_index(part);
            found = table.and_then(|table| table.get(key));
            if let Some(index) = index {
                let list = found.and_then(|value| value.get_ref().as_array());
                found = list.and_then(|list| list.get(index - 1));
            }
            let Some(value) = found else { break };
            span = value.span();
            table = value.get_ref().as_table();
        }
        (span, found.map(Spanned::get_ref))
    }
}

/// `field[2]` is the second `field`.
fn split_index(part: &str) -> (&str, Option<usize>) {
    match part.strip_suffix(']').and_then(|open| open.split_once('[')) {
        Some((key, index)) => (key, index.parse().ok().filter(|index| *index > 0)),
        None => (part, None),
    }
}

/// One table of the file. Every reader reports what is wrong and then gives
/// `None`, as it does for an absent key: callers go on with a default, and the
/// file is refused at the end.
pub struct Section<'f> {
    file: &'f SettingsFile<'f>,
    path: String,
    table: Option<&'f DeTable<'f>>,
    known: RefCell<Vec<&'static str>>,
}

impl<'f> Section<'f> {
    pub fn file(&self) -> &'f SettingsFile<'f> {
        self.file
    }

    /// Path of `key` within the file.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub fn is_given(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports `key` as missing unless it is given; `example` completes "add …".
    pub fn require(&self, key: &'static str, example: &str) {
        if !self.is_given(key) && self.file.is_well_formed() {
            self.file.refuse(&self.path_of(key), "is missing", format!("add {example}"));
        }
    }

    /// Text that is not empty.
    pub fn text(&self, key: &'static str) -> Option<&'f str> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text),
            DeValue::String(_) => self.reject(key, "is empty", "write a text between the quotes"),
            other => self.wrong_type(key, other, "a text in quotes"),
        }
    }

    pub fn switch(&self, key: &'static str) -> Option<bool> {
        match self.value(key)?.get_ref() {
            DeValue::Boolean(on) => Some(*on),
            other => self.wrong_type(key, other, "true or false, without quotes"),
        }
    }

    /// A whole number within `range`.
    pub fn whole(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        match whole_of(value.get_ref()) {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.wrong_type(key, value.get_ref(), &whole_range(&range)),
        }
    }

    /// A number within `range`, whole or not.
    pub fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok(),
            DeValue::Float(digits) => digits.as_str().parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                self.wrong_type(key, value.get_ref(), &expected)
            }
        }
    }

    /// One of a closed set, written as the text of the pair.
    pub fn choice<T: Clone>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some(text) => self.choose(&self.path_of(key), text, choices),
            None => {
                let expected = format!("one of {}", quoted(choices));
                self.wrong_type(key, value.get_ref(), &expected)
            }
        }
    }

    /// A list of distinct members of a closed set.
    pub fn choices<T: Clone>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<Vec<T>> {
        let texts = self.texts(key)?;
        let chosen = texts.iter().enumerate().filter_map(|(at, text)| {
            self.choose(&format!("{}[{}]", self.path_of(key), at + 1), text, choices)
        });
        Some(chosen.collect())
    }

    /// A list of distinct texts.
    pub fn texts(&self, key: &'static str) -> Option<Vec<&'f str>> {
        let is_text = |value: &'f DeValue<'f>| value.as_str().filter(|text| !text.is_empty());
        self.list(key, is_text, "a text in quotes")
    }

    /// A list of distinct whole numbers within `range`.
    pub fn wholes(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<Vec<u64>> {
        let in_range =
            |value: &'f DeValue<'f>| whole_of(value).filter(|number| range.contains(number));
        self.list(key, in_range, &whole_range(&range))
    }

    /// Texts, numbers and switches as texts, for options whose type somebody
    /// else knows.
    pub fn as_texts(&self) -> Vec<(String, String)> {
        let mut options = Vec::new();
        for (name, value) in self.table.into_iter().flatten() {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(digits) => digits.to_string(),
                DeValue::Float(digits) => digits.to_string(),
                DeValue::Boolean(on) => on.to_string(),
                DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                    self.file.add(
                        Weight::Refused,
                        self.path_of(name.get_ref()),
                        value.span(),
                        format!("is {}", described(value.get_ref())),
                        "write a text, a number, true or false",
                    );
                    continue;
                }
            };
            options.push((name.get_ref().to_string(), text));
        }
        options
    }

    /// The section `[key]`; an absent one is empty.
    pub fn section(&self, key: &'static str) -> Section<'f> {
        let table = self.value(key).and_then(|value| match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => self.wrong_type(key, other, &format!("a section [{}]", self.path_of(key))),
        });
        Section { file: self.file, path: self.path_of(key), table, known: RefCell::default() }
    }

    /// The sections `[[key]]`, in order.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'f>> {
        let expected = format!("sections [[{}]]", self.path_of(key));
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type::<()>(key, value.get_ref(), &expected);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (at, entry) in list.iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), at + 1);
            match entry.get_ref() {
                DeValue::Table(table) => sections.push(Section {
                    file: self.file,
                    path,
                    table: Some(table),
                    known: RefCell::default(),
                }),
                other => self.file.refuse(
                    &path,
                    format!("is {}", described(other)),
                    format!("write {expected}"),
                ),
            }
        }
        sections
    }

    /// Whether `key` holds a table; asking does not read it.
    pub fn holds_section(&self, key: &str) -> bool {
        self.table.and_then(|table| table.get(key)).is_some_and(|value| value.get_ref().is_table())
    }

    /// Reports every key that no reader asked for. Call it last.
    pub fn no_other_keys(&self) {
        let known = self.known.borrow();
        for name in self.table.into_iter().flatten().map(|(name, _)| name) {
            let key = name.get_ref().as_ref();
            if known.contains(&key) {
                continue;
            }
            let remedy = match nearest(key, &known) {
                Some(meant) => format!("did you mean {meant:?}? Otherwise remove it"),
                None => format!("remove it; known here: {}", known.join(", ")),
            };
            self.file.add(
                Weight::Refused,
                self.path_of(key),
                name.span(),
                "is not a setting",
                remedy,
            );
        }
    }

    fn value(&self, key: &'static str) -> Option<&'f Spanned<DeValue<'f>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table?.get(key)
    }

    fn list<T: Clone + PartialEq>(
        &self,
        key: &'static str,
        read: impl Fn(&'f DeValue<'f>) -> Option<T>,
        entry: &str,
    ) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let Some(list) = value.get_ref().as_array() else {
            return self.wrong_type(key, value.get_ref(), &format!("a list in [ ], each {entry}"));
        };
        let mut read_entries: Vec<T> = Vec::new();
        for (at, value) in list.iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), at + 1);
            match read(value.get_ref()) {
                Some(twice) if read_entries.contains(&twice) => {
                    self.file.refuse(&path, "is given twice", "remove one of them");
                }
                Some(good) => read_entries.push(good),
                None => self.file.refuse(
                    &path,
                    format!("is {}", described(value.get_ref())),
                    format!("write {entry}"),
                ),
            }
        }
        Some(read_entries)
    }

    fn choose<T: Clone>(&self, path: &str, text: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let remedy = match nearest(text, &names) {
                Some(meant) => format!("did you mean {meant:?}? It is one of {}", quoted(choices)),
                None => format!("write one of {}", quoted(choices)),
            };
            self.file.refuse(path, format!("{text:?} is not known here"), remedy);
        }
        found.map(|(_, value)| value.clone())
    }

    fn reject<T>(&self, key: &str, what: &str, remedy: &str) -> Option<T> {
        self.file.refuse(&self.path_of(key), what, remedy);
        None
    }

    fn wrong_type<T>(&self, key: &str, got: &DeValue<'_>, expected: &str) -> Option<T> {
        self.reject(key, &format!("is {}", described(got)), &format!("write {expected}"))
    }
}

fn whole_of(value: &DeValue<'_>) -> Option<u64> {
    let digits = value.as_integer()?;
    u64::from_str_radix(digits.as_str(), digits.radix()).ok()
}

fn whole_range(range: &RangeInclusive<u64>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(digits) => digits.to_string(),
        DeValue::Float(digits) => digits.to_string(),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a section".to_owned(),
    }
}

fn quoted<T>(choices: &[(&str, T)]) -> String {
    choices.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// The known name a person most likely meant: at most a third of its letters
/// differ.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    known
        .iter()
        .copied()
        .filter(|candidate| distance(candidate) * 3 <= candidate.chars().count().max(3))
        .min_by_key(|candidate| distance(candidate))
}
