//! hOCR into lines and words, in the order Tesseract read them.
//!
//! hOCR 1.2 as Tesseract 4 and 5 write it: `ocr_page` holds blocks
//! (`ocr_carea`), these paragraphs, these lines (`ocr_line`, `ocr_header`,
//! `ocr_caption`, `ocr_textfloat`), these words (`ocrx_word`), each an element
//! whose `title` lists its properties: `bbox 10 20 30 40; x_wconf 96`. A line
//! or word without a usable box is left out and nothing else is lost; broken
//! XML is an error.

use quick_xml::Reader as XmlReader;
use quick_xml::events::{BytesStart, Event};

use crate::records::raster::PixelBox;
use crate::records::text::{Baseline, PageText, TextLine, Word};

#[derive(Debug, thiserror::Error)]
#[error("the hOCR cannot be parsed at byte {at}")]
pub(super) struct BrokenHocr {
    at: u64,
    source: quick_xml::Error,
}

/// What an element is in hOCR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Line,
    Word,
    Other,
}

/// Size is in pixels of the page that was read; boxes are cut to it.
pub(super) fn page_text(hocr: &str, width: u32, height: u32) -> Result<PageText, BrokenHocr> {
    let mut xml = XmlReader::from_str(hocr);
    let mut text = Gathered::new(width, height);
    loop {
        let event =
            xml.read_event().map_err(|source| BrokenHocr { at: xml.error_position(), source })?;
        match event {
            Event::Start(element) => text.open(&element),
            Event::End(_) => text.close(),
            Event::Text(part) => text.add(&part),
            Event::CData(part) => text.add(&part),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    Ok(None) | Err(_) => named_character(&reference),
                };
                text.add(character.map(String::from).as_deref().unwrap_or(""));
            }
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
            Event::Eof => return Ok(text.page),
        }
    }
}

fn named_character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// The page so far, and the elements that are open.
struct Gathered {
    page: PageText,
    open: Vec<Kind>,
    /// A block was opened and has no line yet.
    block_is_new: bool,
    line: Option<TextLine>,
    word: Option<Word>,
}

impl Gathered {
    fn new(width: u32, height: u32) -> Self {
        Gathered {
            page: PageText { width, height, lines: Vec::new() },
            open: Vec::new(),
            block_is_new: true,
            line: None,
            word: None,
        }
    }

    fn open(&mut self, element: &BytesStart) {
        let kind = kind(element);
        self.open.push(kind);
        match kind {
            Kind::Block => self.block_is_new = true,
            Kind::Line => {
                let title = title(element);
                self.line = self.bounds(&title).map(|bounds| TextLine {
                    bounds,
                    baseline: baseline(&title),
                    starts_block: self.block_is_new,
                    words: Vec::new(),
                });
            }
            Kind::Word => {
                let title = title(element);
                self.word = self.bounds(&title).map(|bounds| Word {
                    text: String::new(),
                    bounds,
                    confidence: confidence(&title),
                });
            }
            Kind::Other => {}
        }
    }

    fn add(&mut self, text: &str) {
        if let Some(word) = &mut self.word {
            word.text.extend(text.chars().filter(|c| !c.is_control() && !c.is_whitespace()));
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Kind::Word) => {
                let word = self.word.take().filter(|word| !word.text.is_empty());
                if let (Some(word), Some(line)) = (word, &mut self.line) {
                    line.words.push(word);
                }
            }
            Some(Kind::Line) => {
                if let Some(line) = self.line.take().filter(|line| !line.words.is_empty()) {
                    self.block_is_new = false;
                    self.page.lines.push(line);
                }
            }
            Some(Kind::Block | Kind::Other) | None => {}
        }
    }

    /// The element's box within the page; `None` where it has none or is empty.
    fn bounds(&self, title: &str) -> Option<PixelBox> {
        let mut numbers = property(title, "bbox")?.split_whitespace().map(str::parse::<i64>);
        let mut next = |limit: u32| Some(numbers.next()?.ok()?.clamp(0, i64::from(limit)) as u32);
        let (width, height) = (self.page.width, self.page.height);
        let bounds = PixelBox {
            left: next(width)?,
            top: next(height)?,
            right: next(width)?,
            bottom: next(height)?,
        };
        (bounds.left < bounds.right && bounds.top < bounds.bottom).then_some(bounds)
    }
}

fn kind(element: &BytesStart) -> Kind {
    match attribute(element, "class").as_deref() {
        Some("ocr_carea") => Kind::Block,
        Some("ocr_line" | "ocr_header" | "ocr_caption" | "ocr_textfloat") => Kind::Line,
        Some("ocrx_word") => Kind::Word,
        Some(_) | None => Kind::Other,
    }
}

fn title(element: &BytesStart) -> String {
    attribute(element, "title").unwrap_or_default()
}

fn attribute(element: &BytesStart, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
}

/// What follows `name` among the properties of a title.
fn property<'a>(title: &'a str, name: &str) -> Option<&'a str> {
    title
        .split(';')
        .filter_map(|property| property.trim().split_once(char::is_whitespace))
        .find_map(|(found, value)| (found == name).then_some(value))
}

fn baseline(title: &str) -> Baseline {
    let numbers = property(title, "baseline").and_then(|value| value.split_once(' '));
    let parsed = numbers.and_then(|(slope, offset)| {
        let (slope, offset) = (slope.parse::<f32>().ok()?, offset.trim().parse::<f32>().ok()?);
        (slope.is_finite() && offset.is_finite()).then_some(Baseline { slope, offset })
    });
    parsed.unwrap_or_default()
}

fn confidence(title: &str) -> f32 {
    let confidence = property(title, "x_wconf").and_then(|value| value.parse::<f32>().ok());
    confidence.filter(|value| value.is_finite()).unwrap_or(0.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_BLOCKS: &str = r#"
  <div class='ocr_page' id='page_1' title='image ""; bbox 0 0 640 480; ppageno 0; scan_res 300 300'>
   <div class='ocr_carea' id='block_1_1' title="bbox 36 92 618 361">
    <p class='ocr_par' id='par_1_1' lang='eng' title="bbox 36 92 618 184">
     <span class='ocr_line' id='line_1_1' title="bbox 36 92 580 122; baseline 0.005 -6; x_size 30; x_descenders 6; x_ascenders 6">
      <span class='ocrx_word' id='word_1_1' title='bbox 36 92 96 116; x_wconf 96'>Chart</span>
      <span class='ocrx_word' id='word_1_2' title='bbox 109 92 129 116; x_wconf 41'><strong>R&amp;B</strong></span>
     </span>
     <span class='ocr_textfloat' id='line_1_2' title="bbox 36 130 580 160; baseline -0.01 0">
      <span class='ocrx_word' id='word_1_3' title='bbox 36 130 700 160; x_wconf 88'>O&#39;Neil</span>
     </span>
    </p>
   </div>
   <div class='ocr_carea' id='block_1_2' title="bbox 0 400 640 480">
    <p class='ocr_par' id='par_1_2' lang='eng' title="bbox 0 400 640 480">
     <span class='ocr_caption' id='line_1_3' title="bbox 0 400 640 480; baseline 0 -1">
      <span class='ocrx_word' id='word_1_4' title='bbox 0 400 640 480; x_wconf 95'> </span>
     </span>
     <span class='ocr_line' id='line_1_4' title="bbox 10 440 640 480; baseline 0 -1">
      <span class='ocrx_word' id='word_1_5' title='bbox 10 440 40 470; x_wconf 12'>7</span>
     </span>
    </p>
   </div>
   <div class='ocr_photo' id='block_1_3' title="bbox 0 0 10 10"></div>
  </div>"#;

    #[test]
    fn words_keep_their_order_boxes_and_confidence() {
        let page = page_text(TWO_BLOCKS, 640, 480).unwrap();
        let words: Vec<_> = page.words().map(|w| (w.text.as_str(), w.confidence)).collect();
        assert_eq!(words, [("Chart", 96.0), ("R&B", 41.0), ("O'Neil", 88.0), ("7", 12.0)]);
        let bounds = page.words().next().unwrap().bounds;
        assert_eq!(bounds, PixelBox { left: 36, top: 92, right: 96, bottom: 116 });
    }

    #[test]
    fn a_box_over_the_edge_is_cut_to_the_page() {
        let page = page_text(TWO_BLOCKS, 640, 480).unwrap();
        assert_eq!(page.lines[1].words[0].bounds.right, 640);
    }

    #[test]
    fn lines_know_their_baseline_and_the_first_of_each_block() {
        let page = page_text(TWO_BLOCKS, 640, 480).unwrap();
        assert_eq!(page.lines[0].baseline, Baseline { slope: 0.005, offset: -6.0 });
        let starts: Vec<_> = page.lines.iter().map(|line| line.starts_block).collect();
        // The line before the last held only a space and is no line.
        assert_eq!(starts, [true, false, true]);
    }

    #[test]
    fn an_element_without_a_box_is_left_out_and_nothing_else() {
        let hocr = "<div class='ocr_carea'><span class='ocr_line' title='bbox 0 0 9 9'>\
             <span class='ocrx_word' title='x_wconf 90'>lost</span>\
             <span class='ocrx_word' title='bbox 1 1 5 5; x_wconf 1e99'>kept</span></span></div>";
        let page = page_text(hocr, 10, 10).unwrap();
        let words: Vec<_> = page.words().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["kept"]);
    }

    #[test]
    fn broken_xml_is_an_error() {
        assert!(page_text("<div class='ocr_page'><span></div>", 10, 10).is_err());
    }

    #[test]
    fn a_page_without_text_has_no_lines() {
        let page = page_text("<div class='ocr_page' title='bbox 0 0 5 5'></div>", 5, 5).unwrap();
        assert_eq!(page, PageText { width: 5, height: 5, lines: Vec::new() });
    }
}
