//! The font of the text layer: every glyph is empty, and half an em wide unless
//! it is a mark on the letter before.
//!
//! Codes are given out as characters are first used, so that every character of
//! Unicode, beyond the first 65,536 too, is one code whose `ToUnicode` entry
//! spells it. A mark on a letter has a code without width: it stays at its
//! letter, and readers that count widths find no gap. A document of one script
//! needs a font of about 1 KB. When 65,000 codes are used up a second font begins.
//!
//! The font program is a TrueType font built here, with only the tables
//! ISO 32000-1, 9.9 asks for. Code, CID and glyph number are the same number;
//! glyph 0, `.notdef`, is never shown (ISO 19005-2, 6.2.11.8).

use std::collections::HashMap;
use std::io::Write;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Chunk, Filter, Finish, Name, Rect, Ref, Str};

use super::PdfFault;
use super::objects::{COMPACT, ObjectFile, compress};

/// In thousandths of the font size: the glyphs' width, how far letters reach
/// above the baseline (those with ascenders), and below it. A smaller ascent
/// makes the size larger; readers measure gaps and slants by it. Of 0.75, 0.85
/// and 1 the first kept most words in order in poppler on skewed pages.
pub const GLYPH_WIDTH: i16 = 500;
pub const ASCENT: i16 = 750;
pub const DESCENT: i16 = -250;

const UNITS_PER_EM: u16 = 1000;
const FONT_NAME: Name<'static> = Name(b"OutguideInvisible");

/// Codes in one font; below 65,535, the greatest CID (ISO 19005-2, 6.1.13).
const CODES_PER_FONT: u32 = 65_000;

/// One of the document's fonts, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FontNo(u32);

impl FontNo {
    /// Its name in a page's resources.
    pub fn name(self) -> String {
        format!("F{}", self.0)
    }
}

/// Whether a glyph takes room on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GlyphKind {
    /// [`GLYPH_WIDTH`] wide.
    Letter,
    /// Stands on its letter and has no width.
    Mark,
}

impl GlyphKind {
    fn width(self) -> i16 {
        match self {
            GlyphKind::Letter => GLYPH_WIDTH,
            GlyphKind::Mark => 0,
        }
    }
}

/// A character as it is shown: which font, and its two-byte code there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlyphCode {
    pub font: FontNo,
    pub code: u16,
    pub kind: GlyphKind,
}

/// The characters used so far.
#[derive(Debug, Default)]
pub struct CharacterCodes {
    numbers: HashMap<(char, GlyphKind), u32>,
    fonts: Vec<Ref>,
}

impl CharacterCodes {
    /// The code of `character`, given out now if it was not used before.
    pub fn code(&mut self, character: char, kind: GlyphKind) -> GlyphCode {
        let next = u32::try_from(self.numbers.len()).expect("Unicode has 1,114,112 code points");
        let number = *self.numbers.entry((character, kind)).or_insert(next);
        let code = u16::try_from(1 + number % CODES_PER_FONT).expect("65,000 codes a font");
        GlyphCode { font: FontNo(number / CODES_PER_FONT), code, kind }
    }

    /// The object of a font, reserved on first use.
    pub fn font_ref(&mut self, font: FontNo, mut reserve: impl FnMut() -> Ref) -> Ref {
        let index = font.0 as usize;
        while self.fonts.len() <= index {
            self.fonts.push(reserve());
        }
        self.fonts[index]
    }

    /// Writes the fonts that pages referred to.
    pub fn write_fonts<W: Write>(&self, objects: &mut ObjectFile<W>) -> Result<(), PdfFault> {
        let mut used: Vec<(u32, (char, GlyphKind))> =
            self.numbers.iter().map(|(glyph, number)| (*number, *glyph)).collect();
        used.sort_unstable();
        let glyphs: Vec<(char, GlyphKind)> = used.into_iter().map(|(_, glyph)| glyph).collect();
        for (font, glyphs) in self.fonts.iter().zip(glyphs.chunks(CODES_PER_FONT as usize)) {
            FontObjects::reserve(*font, objects).write(objects, glyphs)?;
        }
        Ok(())
    }
}

/// The objects one font is made of.
struct FontObjects {
    font: Ref,
    cid_font: Ref,
    descriptor: Ref,
    program: Ref,
    to_unicode: Ref,
}

impl FontObjects {
    const SYSTEM: SystemInfo<'static> =
        SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

    fn reserve<W: Write>(font: Ref, objects: &mut ObjectFile<W>) -> Self {
        FontObjects {
            font,
            cid_font: objects.reserve(),
            descriptor: objects.reserve(),
            program: objects.reserve(),
            to_unicode: objects.reserve(),
        }
    }

    /// `glyphs` are those of codes 1, 2, ….
    fn write<W: Write>(
        &self,
        objects: &mut ObjectFile<W>,
        glyphs: &[(char, GlyphKind)],
    ) -> Result<(), PdfFault> {
        let mut chunk = Chunk::with_settings(COMPACT);
        chunk
            .type0_font(self.font)
            .base_font(FONT_NAME)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(self.cid_font)
            .to_unicode(self.to_unicode);
        objects.write(&chunk)?;
        objects.write(&self.cid_font(glyphs))?;
        objects.write(&self.descriptor())?;
        objects.write(&self.program(glyphs))?;
        objects.write(&self.to_unicode(glyphs))
    }

    fn cid_font(&self, glyphs: &[(char, GlyphKind)]) -> Chunk {
        let mut chunk = Chunk::with_settings(COMPACT);
        let mut font = chunk.cid_font(self.cid_font);
        font.subtype(CidFontType::Type2)
            .base_font(FONT_NAME)
            .system_info(Self::SYSTEM)
            .font_descriptor(self.descriptor)
            .default_width(f32::from(GlyphKind::Letter.width()))
            .cid_to_gid_map_predefined(Name(b"Identity"));
        if glyphs.iter().any(|(_, kind)| *kind == GlyphKind::Mark) {
            let mut widths = font.widths();
            for (code, (_, kind)) in (1..).zip(glyphs) {
                match kind {
                    GlyphKind::Letter => {}
                    GlyphKind::Mark => drop(widths.same(code, code, f32::from(kind.width()))),
                }
            }
        }
        font.finish();
        chunk
    }

    fn descriptor(&self) -> Chunk {
        let (width, ascent, descent) =
            (f32::from(GLYPH_WIDTH), f32::from(ASCENT), f32::from(DESCENT));
        let mut chunk = Chunk::with_settings(COMPACT);
        chunk
            .font_descriptor(self.descriptor)
            .name(FONT_NAME)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(0.0, descent, width, ascent))
            .italic_angle(0.0)
            .ascent(ascent)
            .descent(descent)
            .cap_height(ascent)
            .stem_v(0.0)
            .font_file2(self.program);
        chunk
    }

    fn program(&self, glyphs: &[(char, GlyphKind)]) -> Chunk {
        // Glyph 0, .notdef, first.
        let kinds: Vec<GlyphKind> =
            [GlyphKind::Letter].into_iter().chain(glyphs.iter().map(|(_, kind)| *kind)).collect();
        let program = font_program(&kinds);
        let length = i32::try_from(program.len()).expect("at most 400 KB");
        let compressed = compress(&program);
        let mut chunk = Chunk::with_settings(COMPACT);
        let mut stream = chunk.stream(self.program, &compressed);
        stream.filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
        stream.finish();
        chunk
    }

    fn to_unicode(&self, glyphs: &[(char, GlyphKind)]) -> Chunk {
        let mut cmap = UnicodeCmap::<u16>::new(Name(b"OutguideToUnicode"), Self::SYSTEM);
        for (code, (character, _)) in (1..).zip(glyphs) {
            cmap.pair(code, *character);
        }
        let compressed = compress(cmap.finish().as_slice());
        let mut chunk = Chunk::with_settings(COMPACT);
        chunk.stream(self.to_unicode, &compressed).filter(Filter::FlateDecode);
        chunk
    }
}

/// A TrueType font of these empty glyphs, `.notdef` first.
fn font_program(glyphs: &[GlyphKind]) -> Vec<u8> {
    let count = u16::try_from(glyphs.len()).expect("65,000 codes a font");
    let tables: [(&[u8; 4], Vec<u8>); 7] = [
        (b"glyf", vec![0; 4]),
        (b"head", head()),
        (b"hhea", hhea(count)),
        (b"hmtx", hmtx(glyphs)),
        // Every glyph begins and ends at 0: nothing is drawn.
        (b"loca", vec![0; 2 * (glyphs.len() + 1)]),
        (b"maxp", maxp(count)),
        (b"post", post()),
    ];
    let count = tables.len() as u16;
    let power = count.ilog2() as u16;
    let mut directory = be32(&[0x0001_0000]);
    directory.extend(be16(&[count, 16 << power, power, 16 * (count - (1 << power))]));
    let mut data = Vec::new();
    let data_begins = 12 + 16 * tables.len();
    let mut head_begins = 0;
    for (name, table) in &tables {
        if *name == b"head" {
            head_begins = data_begins + data.len();
        }
        directory.extend_from_slice(*name);
        directory.extend(be32(&[
            checksum(table),
            (data_begins + data.len()) as u32,
            table.len() as u32,
        ]));
        data.extend_from_slice(table);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut font = [directory, data].concat();
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(checksum(&font));
    font[head_begins + 8..head_begins + 12].copy_from_slice(&adjustment.to_be_bytes());
    font
}

fn head() -> Vec<u8> {
    let mut table = be32(&[0x0001_0000, 0x0001_0000, 0, 0x5F0F_3CF5]);
    table.extend(be16(&[0, UNITS_PER_EM]));
    // Created and modified: never.
    table.extend([0; 16]);
    table.extend([0, DESCENT, GLYPH_WIDTH, ASCENT].iter().flat_map(|value| value.to_be_bytes()));
    // Style, smallest readable size, direction hint, short loca, glyph format.
    table.extend(be16(&[0, 8, 2, 0, 0]));
    table
}

fn hhea(glyphs: u16) -> Vec<u8> {
    let mut table = be32(&[0x0001_0000]);
    table.extend(
        [ASCENT, DESCENT, 0, GLYPH_WIDTH, 0, 0, GLYPH_WIDTH, 1, 0, 0, 0, 0, 0, 0, 0]
            .iter()
            .flat_map(|value: &i16| value.to_be_bytes()),
    );
    table.extend(glyphs.to_be_bytes());
    table
}

/// Each glyph's width and its left side bearing, 0.
fn hmtx(glyphs: &[GlyphKind]) -> Vec<u8> {
    glyphs.iter().flat_map(|kind| [kind.width().to_be_bytes(), [0, 0]].concat()).collect()
}

fn maxp(glyphs: u16) -> Vec<u8> {
    let mut table = be32(&[0x0001_0000]);
    table.extend(be16(&[glyphs, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    table
}

/// Version 3: no glyph names.
fn post() -> Vec<u8> {
    be32(&[0x0003_0000, 0, 0, 1, 0, 0, 0, 0])
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.chunks(4).fold(0, |sum: u32, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

fn be16(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn be32(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_program_sums_up_to_the_magic_number_and_its_tables_have_their_lengths() {
        let font = font_program(&[GlyphKind::Letter, GlyphKind::Mark, GlyphKind::Letter]);
        assert_eq!(checksum(&font), 0xB1B0_AFBA);
        let lengths = [4, 54, 36, 12, 8, 32, 32];
        for (entry, length) in font[12..].chunks(16).zip(lengths) {
            assert_eq!(entry[12..16], u32::to_be_bytes(length), "{:?}", &entry[..4]);
        }
    }

    #[test]
    fn a_second_font_begins_where_the_codes_of_the_first_are_used_up() {
        let mut codes = CharacterCodes::default();
        let shown: Vec<GlyphCode> = (0x1_0000..0x2_0000)
            .filter_map(char::from_u32)
            .map(|character| codes.code(character, GlyphKind::Letter))
            .collect();
        assert_eq!(codes.code('\u{10000}', GlyphKind::Letter), shown[0]);
        assert_eq!((shown[0].font, shown[0].code), (FontNo(0), 1));
        assert_eq!((shown[64_999].font, shown[64_999].code), (FontNo(0), 65_000));
        assert_eq!((shown[65_000].font, shown[65_000].code), (FontNo(1), 1));
    }
}
