//! What a viewer shows as each page's number (ISO 32000-1, 12.4.2).

use pdf_writer::types::NumberingStyle;
use pdf_writer::writers::{Catalog, PageLabel};
use pdf_writer::{Finish, TextStr, Writer};

use super::plain_text::plain_text;

/// In characters; a viewer shows fewer.
const LONGEST_LABEL: usize = 100;

/// Labels so far, whole numbers that follow each other as one run.
#[derive(Debug, Default)]
pub struct PageLabels {
    runs: Vec<(i32, Run)>,
    pages: i32,
}

#[derive(Debug, PartialEq)]
enum Run {
    /// Whole numbers from `first` on.
    Numbers { first: i32 },
    /// One page, called this.
    Text(String),
}

impl PageLabels {
    pub fn push(&mut self, label: &str) {
        let run = match whole_number(label) {
            Some(first) => Run::Numbers { first },
            None => Run::Text(plain_text(label).chars().take(LONGEST_LABEL).collect()),
        };
        if !self.continues(&run) {
            self.runs.push((self.pages, run));
        }
        self.pages += 1;
    }

    fn continues(&self, run: &Run) -> bool {
        match (self.runs.last(), run) {
            (Some((start, Run::Numbers { first: before })), Run::Numbers { first }) => {
                before.checked_add(self.pages - start) == Some(*first)
            }
            _ => false,
        }
    }

    pub fn write(&self, catalog: &mut Catalog<'_>) {
        let mut tree = catalog.insert(pdf_writer::Name(b"PageLabels")).dict();
        let mut entries = tree.insert(pdf_writer::Name(b"Nums")).array();
        for (page, run) in &self.runs {
            entries.item(*page);
            let mut label = PageLabel::start(entries.push());
            match run {
                Run::Numbers { first } => label.style(NumberingStyle::Arabic).offset(*first),
                Run::Text(text) => label.prefix(TextStr(text)),
            };
            label.finish();
        }
    }
}

/// A number a viewer would write in the same way: no sign, no leading zero.
fn whole_number(label: &str) -> Option<i32> {
    let number: i32 = label.parse().ok()?;
    (number > 0 && number.to_string() == label).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_one_run_and_a_gap_begins_another() {
        let mut labels = PageLabels::default();
        for label in ["3", "4", "6", "7", "7 back", "08", "8"] {
            labels.push(label);
        }
        assert_eq!(
            labels.runs,
            [
                (0, Run::Numbers { first: 3 }),
                (2, Run::Numbers { first: 6 }),
                (4, Run::Text("7 back".into())),
                (5, Run::Text("08".into())),
                (6, Run::Numbers { first: 8 }),
            ]
        );
    }
}
