//! Holds the layers and fences that `src/lib.rs` states, and the house rules
//! that a reader relies on.
//!
//! The rules are the data and the short functions below; `faults_in` applies
//! all of them to one file, and the tests at the end feed it what must be
//! caught. How Rust is read is the business of `architecture/rust_source.rs`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

mod architecture {
    pub mod rust_source;
}

use architecture::rust_source::{Source, is};

/// What the modules of one layer may import.
struct Layer {
    name: &'static str,
    modules: &'static [&'static str],
    below: &'static [usize],
    siblings: Siblings,
    /// The same in the words of the crate doc.
    said: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Siblings {
    Allowed,
    Forbidden,
}

/// The table of `src/lib.rs`, bottom first.
const LAYERS: &[Layer] = &[
    Layer {
        name: "0 words",
        modules: &["records"],
        below: &[],
        siblings: Siblings::Forbidden,
        said: "std and plain-data crates",
    },
    Layer {
        name: "1 ground",
        modules: &["profile", "config", "settings_file", "disk", "supervisor"],
        below: &[0],
        siblings: Siblings::Allowed,
        said: "0, and one another",
    },
    Layer {
        name: "2 means",
        modules: &[
            "device",
            "spool",
            "store",
            "imaging",
            "page_barcodes",
            "ocr",
            "pdf",
            "repository",
        ],
        below: &[0, 1],
        siblings: Siblings::Forbidden,
        said: "0, 1; never a sibling",
    },
    Layer {
        name: "3 work",
        modules: &["capture", "intake", "pipeline", "decisions", "printing", "backup", "keeping"],
        below: &[0, 1, 2],
        siblings: Siblings::Forbidden,
        said: "0–2; never each other: they meet in the store",
    },
    Layer {
        name: "4 face",
        modules: &["web"],
        below: &[0, 1, 2, 3],
        siblings: Siblings::Forbidden,
        said: "0–3; of the means it reads the store",
    },
    Layer {
        name: "5 root",
        modules: &["app", "cli", "main"],
        below: &[0, 1, 2, 3, 4],
        siblings: Siblings::Allowed,
        said: "all",
    },
];

/// A library, and the only modules that name it.
const LIBRARY_FENCES: &[(&str, &[&str])] = &[
    ("anyhow", &["app", "cli", "main"]),
    ("axum", &["web"]),
    ("clap", &["cli"]),
    ("hayro", &["pdf"]),
    ("hyper", &["cli"]),
    ("krilla", &["pdf"]),
    ("leptess", &["ocr"]),
    ("leptonica_plumbing", &["imaging", "ocr"]),
    ("leptonica_sys", &["imaging", "ocr"]),
    ("notify", &["intake"]),
    ("pdf_writer", &["pdf"]),
    ("rxing", &["page_barcodes"]),
    ("sd_notify", &["app"]),
    ("sqlx", &["store"]),
    ("tesseract_plumbing", &["ocr"]),
    ("tesseract_sys", &["ocr"]),
    ("tokio_rustls", &["web"]),
];

/// The words name no library but these plain-data ones.
const LIBRARIES_OF_WORDS: &[&str] = &["jiff", "serde", "serde_json", "sha2", "thiserror"];

/// Of the pipeline only these know database and tokio.
const RUNNER: &[&str] = &["src/pipeline/mod.rs", "src/pipeline/runner.rs"];

/// What the words may not touch: they are pure.
const IMPURE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "os"],
    &["std", "process"],
    &["std", "thread"],
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
];

/// Files, or folders ending in `/`, that call into C.
const UNSAFE_ALLOWED: &[&str] = &[
    "src/device/scanner/sane/ffi.rs",
    "src/imaging/leptonica.rs",
    "src/ocr/tesseract.rs",
    "examples/sane_folder.rs",
];

/// Ways to make or move a file that forget to sync it.
const UNSYNCED_WRITES: &[&[&str]] = &[
    &["fs", "write"],
    &["fs", "rename"],
    &["fs", "renameat"],
    &["fs", "renameat_with"],
    &["fs", "copy"],
    &["fs", "hard_link"],
    &["fs", "linkat"],
    &["File", "create"],
    &["File", "create_new"],
    &["File", "options"],
    &["OpenOptions"],
    &["fs", "create_dir"],
    &["fs", "create_dir_all"],
    &["fs", "symlink"],
];

/// Who may write without `disk`, and why.
const UNSYNCED_WRITES_ALLOWED: &[(&str, &str)] = &[
    ("src/disk/", "it is the one place that syncs what it writes"),
    ("src/cli/demo.rs", "it makes its folder anew at every run"),
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "common", "misc", "types", "models"];

/// Left by somebody who meant to come back.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

const MOST_LINES: usize = 800;

/// A rule broken, where and how.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl Source {
    fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault { file: self.path.clone(), line, what: what.into() }
    }
}

/// Every rule, applied to one file.
fn faults_in(source: &Source, dependencies: &BTreeSet<String>) -> Vec<Fault> {
    [
        imports_downward(source),
        libraries_stay_behind_their_fences(source),
        words_are_pure(source, dependencies),
        steps_know_neither_database_nor_tokio(source),
        unsafe_only_where_c_is_called(source),
        writes_go_through_disk(source),
        nothing_is_unwrapped(source),
        nothing_is_left_unfinished(source),
        the_file_is_readable(source),
    ]
    .concat()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.modules.contains(&module))
}

fn imports_downward(source: &Source) -> Vec<Fault> {
    let Some(module) = source.module() else { return Vec::new() };
    let Some(layer) = layer_of(module) else {
        return vec![source.fault(1, format!("{module} is in no layer of src/lib.rs"))];
    };
    let mut faults = Vec::new();
    for mention in &source.program {
        let Some(target) = source.target(mention).filter(|target| *target != module) else {
            continue;
        };
        let allowed = match layer_of(target) {
            Some(other) if other == layer => LAYERS[layer].siblings == Siblings::Allowed,
            Some(other) => LAYERS[layer].below.contains(&other),
            None => false,
        };
        if !allowed {
            faults.push(source.fault(
                mention.line,
                format!("{module} (layer {}) imports {target}", LAYERS[layer].name),
            ));
        }
    }
    faults
}

fn libraries_stay_behind_their_fences(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mention in &source.program {
        let fence = LIBRARY_FENCES.iter().find(|(name, _)| mention.library() == Some(*name));
        let (Some((library, modules)), Some(module)) = (fence, source.module()) else { continue };
        if !modules.contains(&module) {
            faults.push(
                source.fault(
                    mention.line,
                    format!("{library} is named only in {}", modules.join(", ")),
                ),
            );
        }
    }
    // The simulated driver is loaded like any vendor's; it links nothing of ours.
    let ours = source.everywhere.iter().find(|mention| mention.library() == Some("outguide"));
    if let ("examples/sane_folder.rs", Some(mention)) = (source.path.as_str(), ours) {
        faults.push(source.fault(mention.line, "the SANE driver links the station"));
    }
    faults
}

fn words_are_pure(source: &Source, dependencies: &BTreeSet<String>) -> Vec<Fault> {
    if source.module() != Some("records") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for mention in &source.program {
        if let Some(impure) = IMPURE.iter().find(|impure| mention.holds(impure)) {
            faults.push(source.fault(mention.line, format!("records use {}", impure.join("::"))));
        }
        let library = mention.library().filter(|library| dependencies.contains(*library));
        if let Some(library) = library.filter(|name| !LIBRARIES_OF_WORDS.contains(name)) {
            faults.push(source.fault(mention.line, format!("records name {library}")));
        }
    }
    faults
}

fn steps_know_neither_database_nor_tokio(source: &Source) -> Vec<Fault> {
    if source.module() != Some("pipeline") || RUNNER.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for mention in &source.program {
        let library = mention.library() == Some("tokio");
        if library || source.target(mention) == Some("store") {
            faults.push(source.fault(mention.line, "a step knows neither database nor tokio"));
        }
    }
    faults
}

fn unsafe_only_where_c_is_called(source: &Source) -> Vec<Fault> {
    if UNSAFE_ALLOWED.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let unsafe_words = source.words.iter().filter(|word| word.text == "unsafe");
    unsafe_words.map(|word| source.fault(word.line, "unsafe is not for this file")).collect()
}

fn writes_go_through_disk(source: &Source) -> Vec<Fault> {
    let allowed = UNSYNCED_WRITES_ALLOWED.iter().any(|(path, _)| source.path.starts_with(path));
    if allowed || source.module().is_none() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for mention in &source.program {
        if let Some(write) = UNSYNCED_WRITES.iter().find(|write| mention.holds(write)) {
            let what = format!("{} forgets to sync: write through disk", write.join("::"));
            faults.push(source.fault(mention.line, what));
        }
    }
    faults
}

fn nothing_is_unwrapped(source: &Source) -> Vec<Fault> {
    if source.module().is_none() {
        return Vec::new();
    }
    let program = &source.program_words;
    let unwraps = (1..program.len()).filter(|at| {
        is(program, at - 1, ".") && is(program, *at, "unwrap") && is(program, at + 1, "(")
    });
    unwraps
        .map(|at| source.fault(program[at].line, "unwrap: say with expect why it cannot fail"))
        .collect()
}

fn nothing_is_left_unfinished(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mention in &source.everywhere {
        let name = mention.parts.last().map(String::as_str).unwrap_or_default();
        if UNFINISHED.contains(&name) && mention.then == "!" {
            faults.push(source.fault(mention.line, format!("{name}! is left over")));
        }
    }
    for (at, word) in source.words.iter().enumerate() {
        let attribute = word.text == "#" && is(&source.words, at + 1, "[");
        let ignored = is(&source.words, at + 2, "ignore")
            || (is(&source.words, at + 2, "cfg_attr")
                && source.words[at..]
                    .iter()
                    .take_while(|word| word.text != "]")
                    .any(|word| word.text == "ignore"));
        if attribute && ignored {
            faults.push(source.fault(word.line, "a test that is ignored proves nothing"));
        }
        if attribute && is(&source.words, at + 2, "path") && source.module().is_some() {
            faults.push(source.fault(word.line, "#[path] hides where a module belongs"));
        }
    }
    faults
}

fn the_file_is_readable(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        faults.push(source.fault(MOST_LINES, format!("{lines} lines; {MOST_LINES} at most")));
    }
    // `tests.rs` beside a module says by its name what it is.
    if !source.text.starts_with("//!") && !source.path.ends_with("/tests.rs") {
        faults.push(source.fault(1, "say in //! what it is responsible for and what it is not"));
    }
    let stems = source.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let inline = source.words.windows(2).filter(|pair| pair[0].text == "mod");
    for name in stems.chain(inline.map(|pair| pair[1].text.as_str())) {
        if EMPTY_NAMES.contains(&name) {
            faults.push(source.fault(1, format!("{name} says nothing of what is inside")));
        }
    }
    faults
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the project, with its path below the root.
fn sources() -> Vec<Source> {
    let mut folders: Vec<PathBuf> =
        ["src", "tests", "examples", "benches"].map(|folder| root().join(folder)).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "no source was found");
    sources
}

/// Modules that stand in a file of their own behind `#[cfg(test)] mod name;`.
fn test_files(sources: &[Source]) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for source in sources {
        let compact: String = source.words.iter().flat_map(|word| [&word.text, " "]).collect();
        let folder = match source.path.strip_suffix("/mod.rs") {
            Some(folder) => folder,
            None => source.path.strip_suffix(".rs").expect("only Rust files are read"),
        };
        for behind in compact.split("# [ cfg ( test ) ] mod ").skip(1) {
            if let Some((name, _)) = behind.split_once(" ;").filter(|(name, _)| !name.contains(' '))
            {
                files.insert(format!("{folder}/{name}.rs"));
                files.insert(format!("{folder}/{name}/"));
            }
        }
    }
    files
}

fn dependencies() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect()
}

/// The rows of the crate doc's table: layer, modules, what they may import.
fn table_of(crate_doc: &str) -> Vec<(String, BTreeSet<String>, String)> {
    let rows = crate_doc.lines().filter_map(|line| line.strip_prefix("//! | "));
    let mut table = Vec::new();
    for row in rows.filter(|row| row.starts_with(|first: char| first.is_ascii_digit())) {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [layer, modules, imports] = cells[..] else { panic!("three columns: {row}") };
        let modules = modules.split_whitespace().map(|module| module.replace(['[', ']', '`'], ""));
        table.push((layer.to_owned(), modules.collect(), imports.to_owned()));
    }
    table
}

#[test]
fn the_crate_doc_says_the_layers_that_are_held() {
    let crate_doc = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let held: Vec<_> = LAYERS
        .iter()
        .map(|layer| {
            // The command line's entry is not a module of the library.
            let modules = layer.modules.iter().filter(|module| **module != "main");
            (
                layer.name.to_owned(),
                modules.map(|module| (*module).to_owned()).collect(),
                layer.said.to_owned(),
            )
        })
        .collect::<Vec<(String, BTreeSet<String>, String)>>();
    assert_eq!(table_of(&crate_doc), held);

    let declared: BTreeSet<String> = Source::new("src/lib.rs", &crate_doc)
        .words
        .windows(2)
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text.clone())
        .collect();
    let named: BTreeSet<String> = held.into_iter().flat_map(|(_, modules, _)| modules).collect();
    assert_eq!(declared, named, "declared in src/lib.rs, and in its table");
}

#[test]
fn fences_stand_around_libraries_that_are_used() {
    let text = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let built: BTreeSet<String> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap().replace('-', "_"))
        .collect();
    for (library, _) in LIBRARY_FENCES {
        assert!(built.contains(*library), "{library} is not used any more: take its fence away");
    }
}

#[test]
fn the_project_keeps_its_own_rules() {
    let (mut sources, dependencies) = (sources(), dependencies());
    let test_files = test_files(&sources);
    for source in &mut sources {
        if test_files.iter().any(|test| source.path.starts_with(test.as_str())) {
            source.is_only_for_tests();
        }
    }
    let mut faults: Vec<Fault> =
        sources.iter().flat_map(|source| faults_in(source, &dependencies)).collect();
    faults.sort();
    let listed: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "\n{}\n", listed.join("\n"));
}

/// What `faults_in` says of a file, each fault without its place.
fn said_of(path: &str, text: &str) -> Vec<String> {
    let text =
        if text.starts_with("//!") { text.to_owned() } else { format!("//! Words.\n{text}") };
    let dependencies = ["serde", "tokio", "regex"].map(str::to_owned).into();
    faults_in(&Source::new(path, &text), &dependencies).into_iter().map(|f| f.what).collect()
}

#[test]
fn what_breaks_a_rule_is_caught() {
    let caught: &[(&str, &str, &str)] = &[
        ("src/ocr/mod.rs", "use crate::store::Store;", "ocr (layer 2 means) imports store"),
        ("src/ocr/mod.rs", "use crate::{records::ids, pdf::{self, X}};", "imports pdf"),
        ("src/ocr/mod.rs", "use super::pdf;", "imports pdf"),
        ("src/ocr/a/b.rs", "fn f() { super::super::super::pdf::g() }", "imports pdf"),
        ("src/ocr/mod.rs", "mod a { use super::super::pdf; }", "imports pdf"),
        ("src/ocr/mod.rs", "fn f() { let x = crate::spool::read(); }", "imports spool"),
        ("src/ocr/mod.rs", "fn f() { info!(\"{}\", crate::spool::N); }", "imports spool"),
        ("src/ocr/mod.rs", "use outguide::spool;", "imports spool"),
        ("src/ocr/mod.rs", "use crate::*;", "imports *"),
        ("src/disk/real.rs", "use crate::ocr;", "disk (layer 1 ground) imports ocr"),
        ("src/records/ids.rs", "use crate::profile::Profile;", "records (layer 0 words) imports"),
        ("src/capture.rs", "use crate::pipeline;", "capture (layer 3 work) imports pipeline"),
        ("src/capture.rs", "use crate::app;", "imports app"),
        ("src/fax.rs", "", "fax is in no layer"),
        ("src/ocr/mod.rs", "use rxing::Reader;", "rxing is named only in page_barcodes"),
        ("src/ocr/mod.rs", "fn f() -> ::sqlx::Result<()> { g() }", "sqlx is named only in store"),
        ("src/ocr/mod.rs", "use clap as c;", "clap is named only in cli"),
        ("src/ocr/mod.rs", "use {std::fs, clap};", "clap is named only in cli"),
        ("src/ocr/mod.rs", "#[derive(clap::Parser)] struct A;", "clap is named only in cli"),
        ("src/store/mod.rs", "extern crate pdf_writer;", "pdf_writer is named only in pdf"),
        (
            "src/pipeline/mod.rs",
            "fn f() -> anyhow::Result<()> { g() }",
            "anyhow is named only in app",
        ),
        ("examples/sane_folder.rs", "use outguide::records;", "the SANE driver links the station"),
        ("src/records/page.rs", "use std::fs;", "records use std::fs"),
        ("src/records/page.rs", "use std::{fmt, io::{self, Read}};", "records use std::io"),
        ("src/records/page.rs", "fn f() { jiff::Timestamp::now(); }", "records use Timestamp::now"),
        ("src/records/page.rs", "use tokio::sync::Mutex;", "records name tokio"),
        ("src/pipeline/page.rs", "use crate::store::Store;", "neither database nor tokio"),
        ("src/pipeline/separate/mod.rs", "use tokio::sync::mpsc;", "neither database nor tokio"),
        ("src/ocr/readers.rs", "fn f() { unsafe { g() } }", "unsafe is not for this file"),
        ("tests/spool.rs", "unsafe fn g() {}", "unsafe is not for this file"),
        ("src/spool.rs", "fn f() { std::fs::write(a, b); }", "fs::write forgets to sync"),
        ("src/spool.rs", "use std::fs::{self, rename as mv};", "fs::rename forgets to sync"),
        ("src/spool.rs", "fn f() { File::create(a); }", "File::create forgets to sync"),
        ("src/spool.rs", "use std::fs::OpenOptions;", "OpenOptions forgets to sync"),
        ("src/spool.rs", "fn f() { tokio::fs::copy(a, b); }", "fs::copy forgets to sync"),
        ("src/spool.rs", "fn f() { std::fs::create_dir_all(a); }", "create_dir_all forgets"),
        ("src/spool.rs", "fn f() { g().unwrap(); }", "unwrap: say with expect"),
        ("src/spool.rs", "fn f() { todo!() }", "todo! is left over"),
        ("src/spool.rs", "fn f() { std::unimplemented!(\"x\") }", "unimplemented! is left over"),
        ("tests/spool.rs", "fn f() { dbg!(1); }", "dbg! is left over"),
        ("src/spool.rs", "#[cfg(test)] mod t { #[test] #[ignore] fn f() {} }", "is ignored"),
        ("tests/spool.rs", "#[ignore = \"slow\"] fn f() {}", "is ignored"),
        ("tests/spool.rs", "#[cfg_attr(not(slow), ignore)] fn f() {}", "is ignored"),
        ("src/spool.rs", "#[path = \"../ocr/mod.rs\"] mod reading;", "#[path] hides"),
        ("src/ocr/utils.rs", "", "utils says nothing"),
        ("src/helpers/mod.rs", "", "helpers says nothing"),
        ("src/spool.rs", "mod types { }", "types says nothing"),
    ];
    for (path, text, expected) in caught {
        let said = said_of(path, text);
        assert!(
            said.iter().any(|fault| fault.contains(expected)),
            "{path}: {text}\nexpected {expected:?}, said {said:?}"
        );
    }
    let long = "//! Words.\n".to_owned() + &"// a\n".repeat(MOST_LINES);
    assert_eq!(said_of("src/spool.rs", &long), ["801 lines; 800 at most"]);
    let bare = faults_in(&Source::new("src/spool.rs", "fn f() {}"), &BTreeSet::new());
    assert!(bare[0].what.starts_with("say in //!"));
}

#[test]
fn what_breaks_no_rule_is_let_by() {
    let allowed: &[(&str, &str)] = &[
        ("src/ocr/mod.rs", "use crate::records::text; use crate::{profile::Ocr, disk, config};"),
        ("src/ocr/mod.rs", "use crate::ocr::worker; use self::a::B; mod a { use super::c; }"),
        ("src/ocr/a/b.rs", "use super::pdf; use super::super::pdf::X;"),
        (
            "src/ocr/mod.rs",
            "// use crate::pdf;\n/* use rxing; /* nested */ */ /// [`crate::pdf`]\nfn f() {}",
        ),
        (
            "src/ocr/mod.rs",
            "fn f() { g(\"crate::pdf\", r#\"unsafe todo!() \"rxing::\"\"#, 'a', b\"x\"); }",
        ),
        (
            "src/ocr/mod.rs",
            "#[cfg(test)] mod tests { use crate::pdf; fn f() { g().unwrap(); fs::write(a, b); } }",
        ),
        ("src/ocr/mod.rs", "#[cfg(test)]\n#[allow(unused)]\nuse crate::pdf;\nfn f() {}"),
        ("src/profile/mod.rs", "use crate::settings_file::Problem;"),
        ("src/pipeline/runner.rs", "use crate::store; use crate::pdf::{render as pdf, X};"),
        ("src/cli/mod.rs", "use clap::Parser; use anyhow::Context; use crate::pipeline;"),
        ("src/main.rs", "fn main() { outguide::cli::run() }"),
        ("src/lib.rs", "pub mod records; pub mod ocr;"),
        ("tests/pdf.rs", "#[path = \"pdf/judges.rs\"] mod judges;"),
        ("src/records/ids.rs", "use serde::Serialize; fn f(regex: u8) { regex.io.fs(); }"),
        ("src/ocr/tesseract.rs", "fn f() { unsafe { g() } }"),
        ("src/disk/real.rs", "fn f() { std::fs::rename(a, b) }"),
        ("src/spool.rs", "fn f(x: &X) { x.write(); x.unwrap_or(1); std::fs::read(a); }"),
        ("src/spool.rs", "fn f() -> impl Iterator + use<> { g::<A>().collect::<Vec<B>>() }"),
        ("tests/spool.rs", "use outguide::store; fn f() { std::fs::write(a, b).unwrap(); }"),
    ];
    for (path, text) in allowed {
        assert_eq!(said_of(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_known_as_one() {
    let declaring = [
        Source::new("src/spool.rs", "#[cfg(test)]\nmod tests;\nmod page;"),
        Source::new("src/disk/mod.rs", "#[cfg(test)] mod power_cut;"),
    ];
    let files = test_files(&declaring);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let expected =
        ["src/disk/power_cut.rs", "src/disk/power_cut/", "src/spool/tests.rs", "src/spool/tests/"];
    assert_eq!(files, expected);
}
