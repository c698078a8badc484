//! Looks through what a page draws before anything is drawn: whether all it
//! names is there, and how much there is to work through.
//!
//! Forms may stand in forms, so that a file of 4 KB asks for more steps than a
//! station lives to see. Each form is looked at once and counted as often as it
//! is drawn; nothing is interpreted. The time limit of [`super`] stays behind
//! this for what is costly in other ways.

use std::collections::HashMap;

use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction;
use hayro::hayro_syntax::object::dict::keys::{BBOX, CONTENTS, RESOURCES, SUBTYPE};
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use hayro::hayro_syntax::page::{Page, Resources};

use super::super::PdfFault;
use super::color_space;
use super::filters::is_whole;

/// Of lines, 60 MB take the library 4.2 s to draw at 300 dpi. No page known to
/// us has a tenth of it.
const MOST_CONTENT_BYTES: u64 = 64 << 20;

/// As deep as the PDF library follows forms; it leaves out what stands deeper.
const DEEPEST_FORM: usize = 50;

/// Put behind content, to see that it is read so far.
const END: &[u8] = b"OutguideEndOfContent";

/// # Errors
/// `TakesTooLong`; `PageDamaged` where content is cut off or not understood, or content, a form, an
/// image or an image's colours that the page names are not there. The library would leave them out
/// or guess, and say nothing.
pub fn check(page: &Page<'_>, no: usize) -> Result<(), PdfFault> {
    let checked = page_content(page).and_then(|content| {
        let mut walk = Walk { lengths: HashMap::new(), open: Vec::new() };
        walk.length(content, page.resources(), None)
    });
    match checked {
        Ok(_) => Ok(()),
        Err(Wrong::Endless) => Err(PdfFault::TakesTooLong { page: no }),
        Err(Wrong::Missing) => Err(PdfFault::PageDamaged { page: no }),
    }
}

enum Wrong {
    Endless,
    Missing,
}

/// A page without content is blank; a page whose content is not found is not.
fn page_content<'p>(page: &'p Page<'_>) -> Result<&'p [u8], Wrong> {
    let dict = page.raw();
    let whole = |stream: Stream<'_>| is_whole(&stream);
    let all_there = match dict.get::<Object<'_>>(CONTENTS) {
        None => !dict.contains_key(CONTENTS),
        Some(Object::Null(_)) => true,
        Some(Object::Stream(stream)) => whole(stream),
        Some(Object::Array(array)) => {
            let parts = array.raw_iter().count();
            dict.get::<Array<'_>>(CONTENTS).is_some()
                && array.iter::<Stream<'_>>().filter(|part| whole(part.clone())).count() == parts
        }
        Some(_) => false,
    };
    if all_there { Ok(page.page_stream().unwrap_or_default()) } else { Err(Wrong::Missing) }
}

/// A form, and the form whose resources it uses where it has none of its own.
type FormKey = (ObjectIdentifier, Option<ObjectIdentifier>);

struct Walk {
    /// Bytes of content in a form, those of forms within it each time included.
    lengths: HashMap<FormKey, u64>,
    /// Forms being looked through, the outermost first.
    open: Vec<ObjectIdentifier>,
}

impl Walk {
    /// Bytes of content that drawing `content` goes through. `owner` is the
    /// form that `resources` belong to; `None` is the page.
    fn length(
        &mut self,
        content: &[u8],
        resources: &Resources<'_>,
        owner: Option<ObjectIdentifier>,
    ) -> Result<u64, Wrong> {
        let mut length = content.len() as u64;
        if length > MOST_CONTENT_BYTES {
            return Err(Wrong::Endless);
        }
        let marked = [content, b"\n/", END, b" MP\n"].concat();
        let mut instructions = TypedIter::new(&marked);
        let mut came_to_its_end = false;
        while let Some(instruction) = instructions.next() {
            match instruction {
                TypedInstruction::XObject(named) => {
                    let drawn = resources.get_x_object(named.0).ok_or(Wrong::Missing)?;
                    length += self.drawn_length(&drawn, resources, owner)?;
                }
                TypedInstruction::InlineImage(image)
                    if !color_space::is_known(image.0, resources) =>
                {
                    return Err(Wrong::Missing);
                }
                TypedInstruction::MarkedContentPoint(point) => {
                    came_to_its_end |= point.0.as_ref() == END;
                }
                _ => {}
            }
            if length > MOST_CONTENT_BYTES {
                return Err(Wrong::Endless);
            }
        }
        // Where the library makes no sense of it, it stops, and leaves out what
        // stands behind.
        if came_to_its_end { Ok(length) } else { Err(Wrong::Missing) }
    }

    fn drawn_length(
        &mut self,
        drawn: &Stream<'_>,
        resources: &Resources<'_>,
        owner: Option<ObjectIdentifier>,
    ) -> Result<u64, Wrong> {
        let kind = drawn.dict().get::<Name<'_>>(SUBTYPE).ok_or(Wrong::Missing)?;
        match &*kind {
            b"Form" => self.form_length(drawn, resources, owner),
            // PostScript for a printer (ISO 32000-1, 8.8.1) shows nowhere else.
            b"PS" => Ok(0),
            b"Image" if color_space::is_known(drawn, resources) => Ok(0),
            _ => Err(Wrong::Missing),
        }
    }

    fn form_length(
        &mut self,
        form: &Stream<'_>,
        resources: &Resources<'_>,
        owner: Option<ObjectIdentifier>,
    ) -> Result<u64, Wrong> {
        let id = form.obj_id();
        let own = form.dict().get::<Dict<'_>>(RESOURCES).map(Resources::new);
        let key = (id, if own.is_some() { None } else { owner });
        if let Some(length) = self.lengths.get(&key) {
            return Ok(*length);
        }
        if self.open.contains(&id) || self.open.len() == DEEPEST_FORM {
            return Err(Wrong::Endless);
        }
        if form.dict().get::<[f32; 4]>(BBOX).is_none() {
            return Err(Wrong::Missing);
        }
        if !is_whole(form) {
            return Err(Wrong::Missing);
        }
        let content = form.decoded_data().map_err(|_| Wrong::Missing)?;
        self.open.push(id);
        let length = match &own {
            Some(own) => self.length(&content, own, Some(id)),
            None => self.length(&content, resources, owner),
        }?;
        self.open.pop();
        self.lengths.insert(key, length);
        Ok(length)
    }
}
