//! PDFs as other programs make them, written by hand.

use hayro::kurbo::Affine;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};

const CATALOG: Ref = Ref::new(1);
const TREE: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const IMAGE: Ref = Ref::new(5);
const FONT: Ref = Ref::new(6);

/// One page of `size` points with this content; `/Im` and `/F` are its
/// image and Helvetica.
fn page(size: (f32, f32), content: Content, image: impl FnOnce(&mut Pdf)) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(TREE);
    pdf.pages(TREE).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.parent(TREE).media_box(Rect::new(0.0, 0.0, size.0, size.1)).contents(CONTENT);
    let mut resources = page.resources();
    resources.x_objects().pair(Name(b"Im"), IMAGE);
    resources.fonts().pair(Name(b"F"), FONT);
    resources.finish();
    page.finish();
    pdf.type1_font(FONT).base_font(Name(b"Helvetica"));
    pdf.stream(CONTENT, content.finish().as_slice());
    image(&mut pdf);
    pdf.finish()
}

fn placed_image(matrix: [f32; 6]) -> Content {
    let mut content = Content::new();
    content.save_state().transform(matrix).x_object(Name(b"Im")).restore_state();
    content
}

/// Typed text, no image.
pub fn typed(size: (f32, f32), words: &str) -> Vec<u8> {
    typed_words(size, 14.0, [(words, Affine::translate((50.0, 50.0)))].into_iter())
}

/// Each text under its own matrix, from where its baseline begins.
pub fn typed_words<'a>(
    size: (f32, f32),
    font_size: f32,
    words: impl Iterator<Item = (&'a str, Affine)>,
) -> Vec<u8> {
    let mut content = Content::new();
    content.begin_text().set_font(Name(b"F"), font_size);
    for (text, matrix) in words {
        content.set_text_matrix(matrix.as_coeffs().map(|value| value as f32));
        content.show(Str(text.as_bytes()));
    }
    content.end_text();
    page(size, content, |pdf| {
        pdf.image_xobject(IMAGE, &[0]).width(1).height(1).bits_per_component(8);
    })
}

/// A fax page painted black through a stencil, as many scanners write it.
pub fn stencil(g4: &[u8], width: i32, height: i32, dpi: f32) -> Vec<u8> {
    let size = (width as f32 * 72.0 / dpi, height as f32 * 72.0 / dpi);
    page(size, placed_image([size.0, 0.0, 0.0, size.1, 0.0, 0.0]), |pdf| {
        let mut image = pdf.image_xobject(IMAGE, g4);
        image.width(width).height(height).bits_per_component(1).image_mask(true);
        image.filter(Filter::CcittFaxDecode);
        image.decode_parms().k(-1).columns(width).rows(height);
    })
}

/// Raw gray samples under this matrix on a page of `size` points.
pub fn gray(
    samples: &[u8],
    width: i32,
    height: i32,
    size: (f32, f32),
    matrix: [f32; 6],
) -> Vec<u8> {
    page(size, placed_image(matrix), |pdf| {
        let mut image = pdf.image_xobject(IMAGE, samples);
        image.width(width).height(height).bits_per_component(8);
        image.color_space_name(Name(b"DeviceGray"));
    })
}

/// A page whose only image is so coded.
pub fn coded(bytes: &[u8], filter: Filter, width: i32, height: i32) -> Vec<u8> {
    let size = (200.0, 200.0);
    page(size, placed_image([size.0, 0.0, 0.0, size.1, 0.0, 0.0]), |pdf| {
        let mut image = pdf.image_xobject(IMAGE, bytes);
        image.width(width).height(height).bits_per_component(8);
        image.color_space_name(Name(b"DeviceGray"));
        image.filter(filter);
    })
}

/// A catalog and an empty list of pages.
pub fn without_pages() -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(TREE);
    pdf.pages(TREE).kids([]).count(0);
    pdf.finish()
}
