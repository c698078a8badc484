//! Writes one searchable PDF/A-2b, page by page.
//!
//! ```text
//! begin ── header, metadata, colour profile
//! add_page ── image, content, page ──▶ sink, at once
//! finish ── invisible font, page tree, labels, catalog, cross-reference table
//! ```
//!
//! A page's bytes are in the sink when [`PdfWriter::add_page`] returns. What is
//! kept from page to page is one offset an object, the labels, and the set of
//! characters used: some dozen bytes a page. No clock and no random number is
//! read, so the same input gives the same bytes.

mod color_profile;
mod image;
mod invisible_font;
mod objects;
mod page_labels;
mod placement;
mod plain_text;
mod text_layer;
mod xmp;

use std::fmt;
use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pdf_writer::types::OutputIntentSubtype;
use pdf_writer::writers::{Catalog, DocumentInfo};
use pdf_writer::{Chunk, Content, Date, Filter, Finish, Name, Rect, Ref, TextStr};

use self::image::CheckedImage;
use self::invisible_font::{CharacterCodes, FontNo};
use self::objects::{ObjectFile, compress};
use self::page_labels::PageLabels;
use self::placement::PageFrame;
use self::plain_text::plain_text;
use super::PdfFault;
use crate::records::page::{PagePicture, QuarterTurn};
use crate::records::raster::{EncodedImage, PixelBox};
use crate::records::text::PageText;

/// What wrote the file, for the metadata.
const PRODUCER: &str = concat!("Outguide ", env!("CARGO_PKG_VERSION"));

/// In characters. A window's title has room for less; a string may hold 32,767
/// bytes (ISO 19005-2, 6.1.13).
const LONGEST_TITLE: usize = 1_000;

/// What the document's metadata say. Free text is stripped of control
/// characters when it is written.
#[derive(Clone)]
pub struct DocumentDescription {
    /// As the window's title shows it. Empty: the document id stands in.
    pub title: String,
    /// Names the document for life (`dc:identifier`).
    pub document_id: String,
    /// When the first page was scanned, never the time of writing.
    pub created: Timestamp,
    /// The station that scanned it.
    pub station: Option<String>,
    /// What it was made from: a batch, a file's name (`dc:source`).
    pub source: Option<String>,
    /// The language of the words, where it is known.
    pub language: Option<Language>,
}

/// A title may hold a patient's name: it stays out of logs.
impl fmt::Debug for DocumentDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentDescription({}, {})", self.document_id, self.created)
    }
}

/// A language tag (BCP 47): `en`, `de-AT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(String);

impl Language {
    pub fn new(tag: &str) -> Result<Self, PdfFault> {
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let well_formed = (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_alphabetic())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if well_formed {
            Ok(Language(tag.to_owned()))
        } else {
            Err(PdfFault::NotALanguage { language: tag.to_owned() })
        }
    }

    /// The language a Tesseract model reads (`eng`, `chi_sim`); `None` for
    /// models that are no language (`osd`, `equ`) and for names of the site's
    /// own. Three-letter codes without a shorter form are BCP 47 tags already.
    pub fn of_tesseract_model(model: &str) -> Option<Self> {
        let tag = match model {
            "osd" | "equ" | "snum" => return None,
            "eng" => "en",
            "fra" => "fr",
            "deu" | "frk" => "de",
            "spa" => "es",
            "ita" => "it",
            "por" => "pt",
            "nld" => "nl",
            "pol" => "pl",
            "rus" => "ru",
            "ukr" => "uk",
            "tur" => "tr",
            "vie" => "vi",
            "ara" => "ar",
            "heb" => "he",
            "hin" => "hi",
            "kor" => "ko",
            "jpn" => "ja",
            "chi_sim" => "zh-Hans",
            "chi_tra" => "zh-Hant",
            other => other,
        };
        (tag.len() >= 2).then(|| Language::new(tag).ok()).flatten()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How the filed pixels lie to the upright page in whose pixels the words' boxes
/// are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Filed {
    /// The filed pixels are the upright page. They may be coarser or finer
    /// than the ones that were read.
    #[default]
    Upright,
    /// The scanner's pixels are filed. The upright page was made from them: they
    /// were turned, cut to `crop` (pixels of the turned original) and
    /// straightened about the centre, in this order; the resolution stayed, the
    /// size may have grown. The page is shown turned upright, its skew stays.
    AsScanned {
        /// Clockwise.
        turn: QuarterTurn,
        crop: Option<PixelBox>,
        /// Clockwise degrees taken out.
        skew_applied_degrees: f32,
    },
}

impl Filed {
    /// The scanner's pixels, with what cleaning did to the copy that was read.
    pub fn as_scanned(picture: &PagePicture) -> Self {
        Filed::AsScanned {
            turn: picture.turn,
            crop: picture.crop,
            skew_applied_degrees: picture.skew_applied_degrees,
        }
    }
}

/// One page, as it is to stand in the document.
#[derive(Debug, Clone, Copy)]
pub struct PdfPage<'a> {
    pub image: &'a EncodedImage,
    /// What was read on it; `None` leaves the page an image only.
    pub text: Option<&'a PageText>,
    pub filed: Filed,
    /// What a viewer shows as the page's number. Runs of whole numbers are
    /// written as such, anything else word for word.
    pub label: &'a str,
}

/// Writes a PDF/A-2b document into `W`. After a fault the sink holds half a
/// document and is good for nothing; dropped without `finish` likewise.
pub struct PdfWriter<W: Write> {
    objects: ObjectFile<W>,
    description: DocumentDescription,
    fixed: FixedObjects,
    pages: Vec<Ref>,
    labels: PageLabels,
    codes: CharacterCodes,
}

/// Objects whose numbers are known before the first page.
#[derive(Clone, Copy)]
struct FixedObjects {
    catalog: Ref,
    page_tree: Ref,
    description: Ref,
    metadata: Ref,
    color_profile: Ref,
}

impl<W: Write> PdfWriter<W> {
    /// Writes the head of the file.
    pub fn begin(sink: W, description: DocumentDescription) -> Result<Self, PdfFault> {
        let mut objects = ObjectFile::begin(sink)?;
        let fixed = FixedObjects {
            catalog: objects.reserve(),
            page_tree: objects.reserve(),
            description: objects.reserve(),
            metadata: objects.reserve(),
            color_profile: objects.reserve(),
        };
        let mut writer = PdfWriter {
            objects,
            description,
            fixed,
            pages: Vec::new(),
            labels: PageLabels::default(),
            codes: CharacterCodes::default(),
        };
        writer.write_metadata()?;
        writer.write_description()?;
        writer.write_color_profile()?;
        Ok(writer)
    }

    /// Writes a page behind those already there.
    ///
    /// # Errors
    /// `UnusableImage` before a byte of the page is written; `Write` when the
    /// sink fails.
    pub fn add_page(&mut self, page: PdfPage<'_>) -> Result<(), PdfFault> {
        let image = CheckedImage::new(page.image)
            .map_err(|reason| PdfFault::UnusableImage { page: self.pages.len() + 1, reason })?;
        let frame = PageFrame::of(page.image, page.filed);

        let image = self.write_image(&image, page.image.bytes.len())?;
        let (content, fonts) = self.write_content(&frame, page.text)?;
        let page_ref = self.write_page(&frame, image, content, &fonts)?;
        self.pages.push(page_ref);
        self.labels.push(page.label);
        Ok(())
    }

    /// Writes what ties the pages together, flushes, and gives the sink back.
    pub fn finish(mut self) -> Result<W, PdfFault> {
        if self.pages.is_empty() {
            return Err(PdfFault::NothingToWrite);
        }
        self.codes.write_fonts(&mut self.objects)?;
        self.write_page_tree()?;
        self.write_catalog()?;
        self.objects.finish(self.fixed.catalog, self.fixed.description)
    }

    fn write_image(&mut self, image: &CheckedImage<'_>, bytes: usize) -> Result<Ref, PdfFault> {
        let id = self.objects.reserve();
        let room = bytes + objects::DICTIONARY_BYTES;
        let mut chunk = Chunk::with_settings_and_capacity(objects::COMPACT, room);
        image.write(&mut chunk, id);
        self.objects.write(&chunk)?;
        Ok(id)
    }

    /// The image over the whole page and the words over the image.
    fn write_content(
        &mut self,
        frame: &PageFrame,
        text: Option<&PageText>,
    ) -> Result<(Ref, Vec<FontNo>), PdfFault> {
        let mut content = Content::with_settings(objects::COMPACT);
        content.save_state().transform(frame.image_matrix()).x_object(IMAGE).restore_state();
        let fonts = match text {
            Some(text) => {
                text_layer::show(&mut content, text, &frame.text_frame(text), &mut self.codes)
            }
            None => Vec::new(),
        };
        let content = compress(content.finish().as_slice());
        let id = self.objects.reserve();
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        chunk.stream(id, &content).filter(Filter::FlateDecode);
        self.objects.write(&chunk)?;
        Ok((id, fonts))
    }

    fn write_page(
        &mut self,
        frame: &PageFrame,
        image: Ref,
        content: Ref,
        fonts: &[FontNo],
    ) -> Result<Ref, PdfFault> {
        let id = self.objects.reserve();
        let (width, height) = frame.size_points();
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        let mut page = chunk.page(id);
        page.parent(self.fixed.page_tree).media_box(Rect::new(0.0, 0.0, width, height));
        if frame.rotation_degrees() != 0 {
            page.rotate(frame.rotation_degrees());
        }
        let mut resources = page.resources();
        resources.x_objects().pair(IMAGE, image);
        if !fonts.is_empty() {
            let mut names = resources.fonts();
            for font in fonts {
                let font_ref = self.codes.font_ref(*font, || self.objects.reserve());
                names.pair(Name(font.name().as_bytes()), font_ref);
            }
        }
        resources.finish();
        page.contents(content);
        page.finish();
        self.objects.write(&chunk)?;
        Ok(id)
    }

    fn title(&self) -> String {
        let title = plain_text(&self.description.title);
        if title.is_empty() {
            self.description.document_id.clone()
        } else {
            title.chars().take(LONGEST_TITLE).collect()
        }
    }

    /// Uncompressed, so that it can be read without a PDF reader (ISO 19005-2, 6.6.2.1).
    fn write_metadata(&mut self) -> Result<(), PdfFault> {
        let packet = xmp::packet(&self.description, &self.title(), PRODUCER);
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        chunk.metadata(self.fixed.metadata, &packet);
        self.objects.write(&chunk)
    }

    /// The document information dictionary; says nothing the XMP does not say.
    fn write_description(&mut self) -> Result<(), PdfFault> {
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        let title = self.title();
        let mut info: DocumentInfo<'_> = chunk.indirect(self.fixed.description).start();
        let date = pdf_date(self.description.created);
        info.title(TextStr(&plain_text(&title)))
            .creator(TextStr(xmp::CREATOR_TOOL))
            .producer(TextStr(PRODUCER))
            .creation_date(date)
            .modified_date(date);
        info.finish();
        self.objects.write(&chunk)
    }

    fn write_color_profile(&mut self) -> Result<(), PdfFault> {
        let profile = compress(&color_profile::srgb());
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        chunk.icc_profile(self.fixed.color_profile, &profile).n(3).filter(Filter::FlateDecode);
        self.objects.write(&chunk)
    }

    fn write_page_tree(&mut self) -> Result<(), PdfFault> {
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        let count = i32::try_from(self.pages.len()).expect("objects are numbered by i32");
        chunk.pages(self.fixed.page_tree).kids(self.pages.iter().copied()).count(count);
        self.objects.write(&chunk)
    }

    fn write_catalog(&mut self) -> Result<(), PdfFault> {
        let mut chunk = Chunk::with_settings(objects::COMPACT);
        let mut catalog: Catalog<'_> = chunk.indirect(self.fixed.catalog).start();
        catalog.pages(self.fixed.page_tree).metadata(self.fixed.metadata);
        catalog.viewer_preferences().display_doc_title(true);
        if let Some(language) = &self.description.language {
            catalog.lang(TextStr(language.as_str()));
        }
        self.labels.write(&mut catalog);
        catalog
            .output_intents()
            .push()
            .subtype(OutputIntentSubtype::PDFA)
            .output_condition_identifier(TextStr(color_profile::CONDITION))
            .info(TextStr(color_profile::CONDITION))
            .dest_output_profile(self.fixed.color_profile);
        catalog.finish();
        self.objects.write(&chunk)
    }
}

/// The page's image, in its resources.
const IMAGE: Name<'static> = Name(b"Im");

/// To the second, UTC, as the XMP says it.
fn pdf_date(at: Timestamp) -> Date {
    let at = TimeZone::UTC.to_datetime(at);
    let in_calendar = |value: i8| u8::try_from(value).expect("calendar fields are positive");
    Date::new(u16::try_from(at.year()).unwrap_or(0))
        .month(in_calendar(at.month()))
        .day(in_calendar(at.day()))
        .hour(in_calendar(at.hour()))
        .minute(in_calendar(at.minute()))
        .second(in_calendar(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
