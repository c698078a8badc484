//! Page images to one searchable PDF/A, without batch or index: what
//! `outguide convert` does.
//!
//! Pages are read on as many threads as there are readers and written in
//! order. Pixels of no more than two pages a thread are in memory at once,
//! however long the document is.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, mpsc};

use super::page::read_page;
use super::render::{self, ReadyPage};
use super::source::{self, SourceFault, SourcePage};
use crate::disk::page_file::PageFileFault;
use crate::ocr::Readers;
use crate::pdf::PdfFault;
use crate::pdf::writer::{DocumentDescription, PdfWriter};
use crate::profile::Profile;
use crate::records::page::{PageOutcome, TextOutcome};

#[derive(Debug, thiserror::Error)]
pub enum ConvertFault {
    #[error("cannot read {file}")]
    ReadFile { file: String, source: PageFileFault },
    #[error("{file} cannot be converted")]
    Source { file: String, source: SourceFault },
    #[error(transparent)]
    Pdf(#[from] PdfFault),
    #[error("the file cannot be written; check the folder and the room on its disk")]
    WriteFile(#[from] std::io::Error),
}

/// A file of pages, by the name a person knows it by.
pub struct SourceFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A file, or its name and why it cannot be read.
pub type NamedFile = Result<SourceFile, (String, PageFileFault)>;

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Converted {
    pub pages: u32,
    /// Pages filed as images, and why they could not be read.
    pub without_text: Vec<(u32, String)>,
    /// Pages whose size is a guess, and why.
    pub of_doubtful_size: Vec<(u32, String)>,
}

pub struct Conversion<'a> {
    pub profile: &'a Profile,
    pub readers: Option<&'a Readers>,
    /// Pages read at once.
    pub at_once: NonZeroUsize,
    /// Told after each page is written, with the number written.
    pub tell: &'a mut dyn FnMut(u32),
}

impl Conversion<'_> {
    /// Writes every page of `files`, opened one after another, to `sink`.
    ///
    /// # Errors
    /// The first file that cannot be read whole, by name; nothing of `sink` is
    /// of use then.
    pub fn write<W: Write>(
        &mut self,
        files: impl Iterator<Item = NamedFile> + Send,
        description: DocumentDescription,
        sink: W,
    ) -> Result<(W, Converted), ConvertFault> {
        let mut pdf = PdfWriter::begin(sink, description)?;
        let mut converted = Converted::default();
        let (profile, readers, threads) = (self.profile, self.readers, self.at_once.get());
        std::thread::scope(|scope| {
            let (to_read, waiting) = mpsc::sync_channel::<(u32, SourcePage)>(1);
            // Gone with the last reader, so that whoever opens files stops too.
            let waiting = Arc::new(Mutex::new(waiting));
            let (read, ready) = mpsc::sync_channel(threads);
            let opening = scope.spawn(move || open_pages(files, &to_read));
            for _ in 0..threads {
                let (waiting, read) = (waiting.clone(), read.clone());
                scope.spawn(move || {
                    while let Some((no, source)) = take(&waiting) {
                        let page = read_page(&source, profile, readers);
                        let doubt = source.doubt();
                        drop(source);
                        if read.send((no, (page, doubt))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop((read, waiting));
            let mut early = BTreeMap::new();
            for (no, page) in ready {
                early.insert(no, page);
                while let Some((page, doubt)) = early.remove(&(converted.pages + 1)) {
                    let no = converted.pages + 1;
                    let label = no.to_string();
                    converted.of_doubtful_size.extend(doubt.map(|doubt| (no, doubt)));
                    note_missing_text(no, &page.outcome, &mut converted);
                    let page = ReadyPage { image: page.image, outcome: page.outcome, label };
                    render::add_page(&mut pdf, &page, profile)?;
                    converted.pages = no;
                    (self.tell)(no);
                }
            }
            opening.join().expect("the opening thread does not panic")
        })?;
        Ok((pdf.finish()?, converted))
    }
}

fn take(waiting: &Mutex<mpsc::Receiver<(u32, SourcePage)>>) -> Option<(u32, SourcePage)> {
    waiting.lock().expect("no thread panics while it waits").recv().ok()
}

fn open_pages(
    files: impl Iterator<Item = NamedFile>,
    to_read: &mpsc::SyncSender<(u32, SourcePage)>,
) -> Result<(), ConvertFault> {
    let mut no = 0;
    for file in files {
        let file = file.map_err(|(file, source)| ConvertFault::ReadFile { file, source })?;
        let named = |source| ConvertFault::Source { file: file.name.clone(), source };
        for page in source::open(&file.bytes).map_err(named)? {
            no += 1;
            // Nobody listens any more once writing has failed.
            if to_read.send((no, page.map_err(named)?)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn note_missing_text(no: u32, outcome: &PageOutcome, converted: &mut Converted) {
    if let PageOutcome::Read { text: TextOutcome::Failed { cause }, .. } = outcome {
        converted.without_text.push((no, cause.clone()));
    }
}
