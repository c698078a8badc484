//! What a person sees while paper runs: one live line on a terminal, plain
//! lines elsewhere, nothing but warnings beside JSON.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::capture::CaptureEvent;
use crate::pipeline::runner::RunEvent;

pub struct Progress {
    counted: Mutex<Counted>,
    bar: ProgressBar,
    /// Plain lines where there is no terminal to draw on.
    plain: bool,
}

#[derive(Default)]
struct Counted {
    sheets: u32,
    pages: u32,
    read: u32,
    filed: u32,
}

/// Counts pages on a terminal, and is silent elsewhere.
pub fn page_bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {pos} pages").expect("the template is well formed"),
    )
}

impl Progress {
    pub fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar =
            if terminal && !json { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").expect("the template is well formed"),
        );
        if terminal && !json {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { counted: Mutex::default(), bar, plain: !terminal && !json }
    }

    pub fn capture(&self, event: CaptureEvent) {
        match event {
            CaptureEvent::ScannerReady { scanner } => {
                self.line(&format!("scanning with {scanner}"))
            }
            CaptureEvent::Warning(warning) => self.warn(&warning.to_string()),
            CaptureEvent::PageDurable { page, sheet } => self.count(|counted| {
                counted.sheets = sheet;
                counted.pages = page.get();
            }),
        }
    }

    pub fn run(&self, event: RunEvent) {
        match event {
            RunEvent::PageRead { .. } => self.count(|counted| counted.read += 1),
            RunEvent::PageWithoutText { page, cause } => {
                self.warn(&format!("page {page} is filed without text: {cause}"));
            }
            RunEvent::PageOfDoubtfulSize { page, cause } => {
                self.warn(&format!("page {page}: {cause}"));
            }
            RunEvent::Separated { documents, questions } => {
                self.line(&format!("separated: {documents} documents, {questions} questions"));
            }
            RunEvent::DocumentFiled { .. } => self.count(|counted| counted.filed += 1),
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn count(&self, change: impl FnOnce(&mut Counted)) {
        let mut counted = self.counted.lock().expect("counting does not panic");
        change(&mut counted);
        let Counted { sheets, pages, read, filed } = *counted;
        self.bar.set_message(format!(
            "{sheets} sheets · {pages} pages kept · {read} read · {filed} documents filed"
        ));
    }

    fn line(&self, text: &str) {
        if self.plain {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// Warnings are told even beside JSON: on standard error.
    fn warn(&self, text: &str) {
        self.bar.suspend(|| eprintln!("outguide: {text}"));
    }
}
