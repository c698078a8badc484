//! Reads a Rust file as far as rules of architecture need: its words, and the
//! paths it mentions. Tokens, not text: comments and strings say nothing. What
//! only tests compile is kept apart from the program.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A word or sign, and how many inline modules are around it.
pub struct Word {
    pub text: String,
    pub line: usize,
    pub inside: usize,
}

/// A path as it stands in the source, `use` trees taken apart: `use a::{b, c::d}`
/// is the paths a::b and a::c::d. A lone word is a path too.
pub struct Mention {
    pub parts: Vec<String>,
    pub line: usize,
    /// Inline modules around it, which `super` has to leave first.
    pub inside: usize,
    /// After `use` or `extern crate`, where a lone word names a library.
    pub imported: bool,
    /// The sign behind it, such as `!` behind a macro's name.
    pub then: String,
}

impl Mention {
    pub fn holds(&self, path: &[&str]) -> bool {
        self.parts.windows(path.len()).any(|part| part == path)
    }

    /// The library it would name.
    pub fn library(&self) -> Option<&str> {
        (self.imported || self.parts.len() > 1).then(|| self.parts[0].as_str())
    }
}

/// A file below the repository's root.
pub struct Source {
    /// `src/ocr/worker.rs`.
    pub path: String,
    pub text: String,
    pub words: Vec<Word>,
    pub everywhere: Vec<Mention>,
    /// Outside what only tests compile.
    pub program_words: Vec<Word>,
    pub program: Vec<Mention>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let (mut words, mut program_words) = (Vec::new(), Vec::new());
        flatten(tokens.clone(), 0, &mut words);
        flatten(without_tests(tokens), 0, &mut program_words);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            everywhere: mentions(&words),
            program: mentions(&program_words),
            words,
            program_words,
        }
    }

    pub fn is_only_for_tests(&mut self) {
        self.program_words.clear();
        self.program.clear();
    }

    /// The module below `src/` that the file belongs to; `None` outside `src/`
    /// and for `lib.rs`, which only declares.
    pub fn module(&self) -> Option<&str> {
        let top = self.path.strip_prefix("src/")?.split('/').next()?;
        Some(top.strip_suffix(".rs").unwrap_or(top)).filter(|top| *top != "lib")
    }

    /// How many `super` lead from the file's module to the crate's root.
    pub fn depth(&self) -> usize {
        let parts = self.path.split('/').count() - 1;
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// The module of the crate a path leads to, by `crate::`, by the crate's
    /// own name or by enough `super`.
    pub fn target<'m>(&self, mention: &'m Mention) -> Option<&'m str> {
        let parts = &mention.parts;
        let named = |at: usize| parts.get(at).map(String::as_str);
        if matches!(named(0), Some("crate" | "outguide")) {
            return named(1);
        }
        let from = usize::from(named(0) == Some("self"));
        let ups = parts[from..].iter().take_while(|part| *part == "super").count();
        (ups > 0 && ups == self.depth() + mention.inside).then(|| named(from + ups)).flatten()
    }
}

fn flatten(tokens: TokenStream, inside: usize, words: &mut Vec<Word>) {
    for token in tokens {
        let mut push = |text: &str, line: usize| {
            words.push(Word { text: text.to_owned(), line, inside });
        };
        let line = token.span().start().line;
        match &token {
            TokenTree::Ident(ident) => push(&ident.to_string(), line),
            TokenTree::Punct(punct) => push(&punct.as_char().to_string(), line),
            // What a text or a doc comment says is nobody's code.
            TokenTree::Literal(_) => push("\"\"", line),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open, line);
                let is_module =
                    open == "{" && words.len() > 2 && words[words.len() - 3].text == "mod";
                flatten(group.stream(), inside + usize::from(is_module), words);
                let line = group.span_close().start().line;
                words.push(Word { text: close.to_owned(), line, inside });
            }
        }
    }
}

/// Takes out every item behind `#[cfg(test)]` or `#[test]`.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut in_test_item = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let attribute = group.stream().to_string().replace(' ', "");
                let behind_hash =
                    matches!(kept.last(), Some(TokenTree::Punct(p)) if p.as_char() == '#');
                if in_test_item {
                    in_test_item = group.delimiter() != Delimiter::Brace;
                } else if behind_hash && matches!(attribute.as_str(), "cfg(test)" | "test") {
                    kept.pop();
                    in_test_item = true;
                } else {
                    let inside = without_tests(group.stream());
                    let mut copy = proc_macro2::Group::new(group.delimiter(), inside);
                    copy.set_span(group.span());
                    kept.push(TokenTree::Group(copy));
                }
            }
            TokenTree::Punct(punct) if in_test_item => in_test_item = punct.as_char() != ';',
            TokenTree::Ident(_) | TokenTree::Literal(_) if in_test_item => {}
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

pub fn is(words: &[Word], at: usize, text: &str) -> bool {
    words.get(at).is_some_and(|word| word.text == text)
}

fn is_name(words: &[Word], at: usize) -> bool {
    words.get(at).is_some_and(|word| {
        word.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    })
}

/// A `::` at `at`.
fn is_step(words: &[Word], at: usize) -> bool {
    is(words, at, ":") && is(words, at + 1, ":")
}

fn mentions(words: &[Word]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let import = is(words, at, "use") && !is(words, at + 1, "<");
        let foreign = is(words, at, "extern") && is(words, at + 1, "crate");
        let field = at > 0 && is(words, at - 1, ".");
        let of_a_type = at > 3
            && is_step(words, at - 2)
            && is(words, at - 3, ">")
            && !(is(words, at - 4, "-") || is(words, at - 4, "="));
        if import || foreign {
            at += if foreign { 2 } else { 1 };
            at += if is_step(words, at) { 2 } else { 0 };
            at = read_path(words, at, &[], true, &mut found);
        } else if is_name(words, at) && !field && !of_a_type {
            at = read_path(words, at, &[], false, &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads the path or `use` tree at `at` and gives where it ends.
fn read_path(
    words: &[Word],
    mut at: usize,
    before: &[String],
    imported: bool,
    found: &mut Vec<Mention>,
) -> usize {
    let mut parts = before.to_vec();
    let start = at;
    loop {
        if is(words, at, "{") && imported {
            at += 1;
            while at < words.len() && !is(words, at, "}") {
                let next = read_path(words, at, &parts, true, found);
                at = if next == at { at + 1 } else { next };
                at += if is(words, at, "as") { 2 } else { 0 };
            }
            return at + 1;
        }
        if !(is_name(words, at) || (imported && is(words, at, "*"))) {
            break;
        }
        parts.push(words[at].text.clone());
        at += 1;
        let goes_on = is_name(words, at + 2) || (imported && !is(words, at + 2, "<"));
        if !(is_step(words, at) && goes_on) {
            break;
        }
        at += 2;
    }
    if let (Some(word), false) = (words.get(start), at == start) {
        let then = words.get(at).map(|word| word.text.clone()).unwrap_or_default();
        found.push(Mention { parts, line: word.line, inside: word.inside, imported, then });
    }
    at
}
