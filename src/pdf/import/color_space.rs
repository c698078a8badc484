//! Whether the colours of an image are named in a way that can be followed. The
//! library guesses where they are not, and says nothing.

use hayro::hayro_syntax::object::dict::keys::{COLORSPACE, CS, IM, IMAGE_MASK, N};
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use hayro::hayro_syntax::page::Resources;

/// Spaces may stand on others; none known to us on more than two.
const DEEPEST: usize = 8;

/// An image that names no space has none to follow: JPEG 2000 brings its own.
pub fn is_known(image: &Stream<'_>, resources: &Resources<'_>) -> bool {
    let dict = image.dict();
    let is_stencil = dict.get::<bool>(IM).or_else(|| dict.get::<bool>(IMAGE_MASK));
    if is_stencil == Some(true) {
        return true;
    }
    match dict.get::<Object<'_>>(CS).or_else(|| dict.get::<Object<'_>>(COLORSPACE)) {
        None => !dict.contains_key(CS) && !dict.contains_key(COLORSPACE),
        Some(Object::Null(_)) => true,
        Some(Object::Name(name)) => {
            is_own_name(&name)
                || resources.get_color_space(&name).is_some_and(|space| leads_on(space, DEEPEST))
        }
        Some(space) => leads_on(space, DEEPEST),
    }
}

fn leads_on(space: Object<'_>, deepest: usize) -> bool {
    match space {
        Object::Name(name) => is_own_name(&name),
        Object::Array(array) => deepest > 0 && family_leads_on(&array, deepest - 1),
        _ => false,
    }
}

/// ISO 32000-1, 8.6.
fn family_leads_on(array: &Array<'_>, deepest: usize) -> bool {
    let mut parts = array.flex_iter();
    let Some(family) = parts.next::<Name<'_>>() else { return false };
    let mut base = |before: usize| {
        (0..before).all(|_| parts.next::<Object<'_>>().is_some())
            && parts.next::<Object<'_>>().is_some_and(|base| leads_on(base, deepest))
    };
    match &*family {
        b"Indexed" | b"I" => base(0),
        b"Separation" | b"DeviceN" => base(1),
        b"ICCBased" => {
            parts.next::<Stream<'_>>().is_some_and(|icc| icc.dict().get::<usize>(N).is_some())
        }
        b"CalGray" | b"CalRGB" | b"Lab" => parts.next::<Dict<'_>>().is_some(),
        _ => is_own_name(&family),
    }
}

fn is_own_name(name: &Name<'_>) -> bool {
    matches!(
        &**name,
        b"DeviceGray"
            | b"G"
            | b"DeviceRGB"
            | b"RGB"
            | b"DeviceCMYK"
            | b"CMYK"
            | b"CalCMYK"
            | b"Pattern"
    )
}
