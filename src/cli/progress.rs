//! What a person sees while paper runs: one live line on a terminal, plain
//! lines elsewhere, nothing but warnings beside JSON.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::telling;
use crate::web::api::batch::BatchShown;
use crate::web::api::event::Happening;

/// To the line's beginning, and away with what is drawn there.
const CLEAR_LINE: &str = "\r\x1b[2K";

pub struct Progress {
    counted: Mutex<Counted>,
    bar: ProgressBar,
    /// Where the live line is drawn.
    drawn_on: fn() -> ProgressDrawTarget,
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

/// Counts on a terminal, and is silent elsewhere.
pub fn counter(json: bool, what: &'static str) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} {msg}");
    ProgressBar::new_spinner()
        .with_style(style.expect("the template is well formed"))
        .with_message(what)
}

impl Progress {
    pub fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let drawn_on =
            if terminal && !json { ProgressDrawTarget::stderr } else { ProgressDrawTarget::hidden };
        let progress = Progress::drawn_on(drawn_on, !terminal && !json);
        if terminal && !json {
            progress.bar.enable_steady_tick(Duration::from_millis(120));
        }
        progress
    }

    fn drawn_on(drawn_on: fn() -> ProgressDrawTarget, plain: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, drawn_on());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").expect("the template is well formed"),
        );
        Progress { counted: Mutex::default(), bar, drawn_on, plain }
    }

    /// Asks a question and waits for its answer; meanwhile nothing is drawn
    /// over it. (Not in `suspend`: that would hold up whoever counts a page.)
    pub fn while_asking<T>(&self, question: &str, answer: impl FnOnce() -> T) -> T {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        telling::prompt(format_args!("{CLEAR_LINE}{question}"));
        let answer = answer();
        self.bar.set_draw_target((self.drawn_on)());
        answer
    }

    pub fn happening(&self, event: impl Into<Happening>) {
        match event.into() {
            Happening::ScannerReady { scanner } => self.line(&format!("scanning with {scanner}")),
            Happening::Warning { told } => self.warn(&told),
            Happening::PageKept { page, sheet } => self.count(|counted| {
                counted.sheets = sheet;
                counted.pages = page.get();
            }),
            Happening::PageRead { .. } => self.count(|counted| counted.read += 1),
            Happening::PageWithoutText { page, cause } => {
                self.warn(&format!("page {page} is filed without text: {cause}"));
            }
            Happening::PageOfDoubtfulSize { page, cause } => {
                self.warn(&format!("page {page}: {cause}"));
            }
            Happening::Separated { documents, questions } => {
                let documents = telling::plural(documents, "document");
                let questions = telling::plural(questions, "question");
                self.line(&format!("separated: {documents}, {questions}"));
            }
            Happening::DocumentFiled { .. } => self.count(|counted| counted.filed += 1),
            Happening::StepFailed { cause, .. } => self.warn(&cause),
            Happening::Standing { standing } => self.stands(&standing),
            Happening::Moved => {}
        }
    }

    /// Counts on from where a batch stands.
    pub fn stands(&self, batch: &BatchShown) {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        self.count(|counted| {
            *counted = Counted {
                sheets: count(batch.sheets),
                pages: count(batch.pages),
                read: count(batch.pages_read),
                filed: count(batch.documents_filed),
            };
        });
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn count(&self, change: impl FnOnce(&mut Counted)) {
        let mut counted = self.counted.lock().expect("counting does not panic");
        change(&mut counted);
        let Counted { sheets, pages, read, filed } = *counted;
        let plural = |count: u32, what| telling::plural(count as usize, what);
        self.bar.set_message(format!(
            "{} · {} kept · {read} read · {} filed",
            plural(sheets, "sheet"),
            plural(pages, "page"),
            plural(filed, "document")
        ));
    }

    fn line(&self, text: &str) {
        if self.plain {
            telling::note(text);
        } else {
            self.bar.println(text);
        }
    }

    /// Warnings are told even beside JSON: on standard error.
    fn warn(&self, text: &str) {
        self.bar.suspend(|| telling::note(format_args!("outguide: {text}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use indicatif::TermLike;

    use super::*;

    static DRAWN: AtomicUsize = AtomicUsize::new(0);

    /// A terminal that only counts what is written on it.
    #[derive(Debug)]
    struct Counting;

    impl TermLike for Counting {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, _: &str) -> std::io::Result<()> {
            DRAWN.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn write_str(&self, _: &str) -> std::io::Result<()> {
            DRAWN.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn clear_line(&self) -> std::io::Result<()> {
            DRAWN.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_is_drawn_over_a_question() {
        let progress =
            Progress::drawn_on(|| ProgressDrawTarget::term_like(Box::new(Counting)), false);
        progress.bar.tick();
        let before = DRAWN.load(Ordering::SeqCst);
        assert!(before > 0, "it draws while nobody is asked");
        progress.while_asking("", || {
            progress.bar.tick();
            progress.count(|counted| counted.read += 1);
        });
        assert_eq!(DRAWN.load(Ordering::SeqCst), before);
    }
}
