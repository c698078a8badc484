//! Looks through a page without decoding a pixel: which images are on it, how
//! they lie, and whether anything else is.

use std::collections::HashMap;

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::Filter;
use hayro::hayro_syntax::object::{ObjectIdentifier, Stream};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, PathEl, Rect, Shape, Vec2};

use super::super::PdfFault;
use super::IsWholeJpeg;
use super::filters::before_the_last;
use super::ink::InkMeter;
use super::shown::ShownPage;

/// The unit of a survey, a PDF's own.
pub const POINTS_PER_INCH: f64 = 72.0;

/// What one image's samples may take when decoded: A3 in colour at 600 dpi is
/// 209 MB. More would put the station's memory at a stranger's disposal.
pub const MOST_DECODED_BYTES: u64 = 256 << 20;

/// As many as an image file may have: A0 at 300 dpi. Black and white grows to a
/// byte a pixel when it is read.
const MOST_PIXELS: u64 = 140_000_000;

/// How far an image's edges may be from the page's, of its shorter side, for
/// the image to be the page: scanners round sizes to whole points.
const EDGE_TOLERANCE: f64 = 0.01;

/// How much an axis may lean, or resolutions differ between axes, and still
/// count as straight, or the same.
const STRAIGHT_TOLERANCE: f64 = 0.01;

/// An image as it lies on the page.
#[derive(Debug, Clone, Copy)]
pub struct PlacedImage {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// From its pixels, y downward, to points of the page as shown, y downward.
    pub transform: Affine,
    /// Nothing cuts it, and it is painted opaque.
    plain: bool,
}

impl PlacedImage {
    /// Dots per inch along its width and its height.
    pub fn dpi(&self) -> (f64, f64) {
        let [a, b, c, d, _, _] = self.transform.as_coeffs();
        let along = |x, y| POINTS_PER_INCH / Vec2::new(x, y).hypot().max(f64::MIN_POSITIVE);
        (along(a, b), along(c, d))
    }

    fn bounds(&self) -> Rect {
        let pixels = Rect::new(0.0, 0.0, f64::from(self.width), f64::from(self.height));
        self.transform.transform_rect_bbox(pixels)
    }

    /// Its edges are the page's edges, and its pixels are square.
    fn is_the_page(&self, page: Rect) -> bool {
        let bounds = self.bounds();
        let near = EDGE_TOLERANCE * page.width().min(page.height());
        let edges =
            [bounds.x0 - page.x0, bounds.y0 - page.y0, bounds.x1 - page.x1, bounds.y1 - page.y1];
        let [a, b, c, d, _, _] = self.transform.as_coeffs();
        let scale = a.abs().max(b.abs());
        let small = |value: f64| value.abs() <= STRAIGHT_TOLERANCE * scale;
        let straight = (small(b) && small(c)) || (small(a) && small(d));
        let (across, down) = self.dpi();
        let square = (across / down - 1.0).abs() <= STRAIGHT_TOLERANCE;
        straight && square && edges.iter().all(|edge| edge.abs() <= near)
    }
}

/// What is on a page.
pub struct Survey {
    /// The page as shown, in points from its top left.
    page: Rect,
    pub images: Vec<PlacedImage>,
    /// Text or lines that show.
    marks: Marks,
    /// What drawing the page paints, layer over layer.
    ink: InkMeter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    None,
    /// Drawn before the last image: an image that is the page hides them.
    BeforeLastImage,
    AfterLastImage,
}

impl Survey {
    /// # Errors
    /// `PageTooLarge` where an image, decoded, would take more than
    /// [`MOST_DECODED_BYTES`]; `PageDamaged` where one is a JPEG cut short.
    pub fn of(page: &Page<'_>, no: usize, is_whole_jpeg: IsWholeJpeg) -> Result<Self, PdfFault> {
        let shown = ShownPage::of(page);
        let bounds = shown.bounds();
        let settings = InterpreterSettings::default();
        let cache = InterpreterCache::new();
        let mut context = Context::new(shown.transform, bounds, &cache, page.xref(), settings);
        let mut surveyor = Surveyor {
            survey: Survey {
                page: bounds,
                images: Vec::new(),
                marks: Marks::None,
                ink: InkMeter::new(bounds),
            },
            obstacles: Vec::new(),
            too_large: None,
            is_whole_jpeg,
            coded: HashMap::new(),
        };
        interpret_page(page, &mut context, &mut surveyor);
        if surveyor.coded.values().any(|whole| !whole) {
            return Err(PdfFault::PageDamaged { page: no });
        }
        match surveyor.too_large {
            Some(image) => Err(PdfFault::PageTooLarge {
                page: no,
                width: u64::from(image.width),
                height: u64::from(image.height),
                dpi: image.dpi().0.round() as u32,
            }),
            None => Ok(surveyor.survey),
        }
    }

    /// The image that is the whole page.
    pub fn single_image(&self) -> Option<PlacedImage> {
        match (self.images.as_slice(), self.marks) {
            ([image], Marks::None | Marks::BeforeLastImage)
                if image.plain && image.is_the_page(self.page) =>
            {
                Some(*image)
            }
            _ => None,
        }
    }

    /// Painted in all, in square points.
    pub fn painted(&self) -> f64 {
        self.ink.square_points()
    }

    pub fn shows_images_only(&self) -> bool {
        self.marks == Marks::None
    }

    /// The image that covers most of the page.
    pub fn largest_image(&self) -> Option<&PlacedImage> {
        let area = |image: &PlacedImage| image.bounds().intersect(self.page).area();
        self.images.iter().max_by(|one, other| area(one).total_cmp(&area(other)))
    }
}

/// Behind the start of its data, the end mark of JPEG 2000 stands nowhere else
/// (ISO 15444-1, A.2).
fn has_end_of_codestream(jpeg: &[u8]) -> bool {
    let mark = |bytes: &[u8], code: [u8; 2]| bytes.windows(2).position(|pair| pair == code);
    mark(jpeg, [0xff, 0x93]).is_some_and(|data| mark(&jpeg[data..], [0xff, 0xd9]).is_some())
}

/// Collects a [`Survey`]; draws nothing.
struct Surveyor {
    survey: Survey,
    /// Clips and groups in force; `true` where one may cut or thin an image.
    obstacles: Vec<bool>,
    too_large: Option<PlacedImage>,
    is_whole_jpeg: IsWholeJpeg,
    /// The JPEGs on the page, each looked at once, and whether they are whole.
    /// Those that stand in the content have one number, and mostly differ in
    /// length.
    coded: HashMap<(ObjectIdentifier, usize), bool>,
}

impl Surveyor {
    /// What the decoders in the library fill up without a word.
    fn look_at_coding(&mut self, stream: &Stream<'_>) {
        let is_whole: fn(&[u8]) -> bool = match stream.filters().last() {
            Some(Filter::DctDecode) => self.is_whole_jpeg,
            Some(Filter::JpxDecode) => has_end_of_codestream,
            Some(_) | None => return,
        };
        let key = (stream.obj_id(), stream.raw_data().len());
        self.coded.entry(key).or_insert_with(|| match before_the_last(stream) {
            Some(coded) => coded.is_ok_and(|coded| is_whole(&coded)),
            // Filters that are not looked into.
            None => true,
        });
    }

    fn mark(&mut self) {
        self.survey.marks = Marks::AfterLastImage;
    }

    /// A rectangle that leaves the whole page.
    fn is_harmless(&self, path: &BezPath) -> bool {
        let page = self.survey.page;
        let near = EDGE_TOLERANCE * page.width().min(page.height());
        let lines_only = path.iter().all(|element| {
            matches!(element, PathEl::MoveTo(_) | PathEl::LineTo(_) | PathEl::ClosePath)
        });
        lines_only
            && path.elements().len() <= 6
            && path.bounding_box().inflate(near, near).contains_rect(page)
    }
}

impl<'a> Device<'a> for Surveyor {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.survey.ink.draw_path(path, props, mode);
        if !matches!(mode, DrawMode::Invisible) {
            self.mark();
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.survey.ink.draw_glyph_run(run, props, mode);
        if !matches!(mode, DrawMode::Invisible) {
            self.mark();
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let placed = PlacedImage {
            width: image.width(),
            height: image.height(),
            transform: props.transform,
            plain: !self.obstacles.contains(&true)
                && props.soft_mask.is_none()
                && props.blend_mode == BlendMode::Normal,
        };
        let one_byte_a_pixel = match &image {
            Image::Stencil(_) => true,
            Image::Raster(raster) => {
                self.look_at_coding(raster.stream());
                raster.stream().dict().get::<u8>("BitsPerComponent") == Some(1)
            }
        };
        let bytes_a_pixel = if one_byte_a_pixel { 1 } else { 3 };
        let pixels = u64::from(placed.width) * u64::from(placed.height);
        if pixels > MOST_PIXELS || pixels * bytes_a_pixel > MOST_DECODED_BYTES {
            self.too_large = Some(placed);
        }
        self.survey.images.push(placed);
        self.survey.ink.draw_image(image, props);
        if self.survey.marks == Marks::AfterLastImage {
            self.survey.marks = Marks::BeforeLastImage;
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.obstacles.push(!self.is_harmless(&clip.path));
        self.survey.ink.push_clip_path(clip);
    }

    fn pop_clip(&mut self) {
        self.obstacles.pop();
        self.survey.ink.pop_clip();
    }

    fn push_transparency_group(
        &mut self,
        opacity: f32,
        mask: Option<SoftMask<'a>>,
        blend_mode: BlendMode,
    ) {
        let plain = opacity >= 1.0 && mask.is_none() && blend_mode == BlendMode::Normal;
        self.obstacles.push(!plain);
        self.survey.ink.push_transparency_group(opacity, mask, blend_mode);
    }

    fn pop_transparency_group(&mut self) {
        self.obstacles.pop();
    }
}
