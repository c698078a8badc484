//! Where pixels and words come to lie on the PDF page.
//!
//! ```text
//! upright pixels ──skew⁻¹, crop⁻¹──▶ pixels of the turned original ──turn⁻¹──▶ filed pixels ──▶ points
//! ```
//! Pixels have their origin at the top left and y downward, points at the
//! bottom left and y upward.

use hayro::kurbo::Affine;

use super::Filed;
use crate::records::page::QuarterTurn;
use crate::records::raster::{EncodedImage, PixelBox};
use crate::records::text::PageText;

/// ISO 32000-1: a point is a 72nd of an inch.
const POINTS_PER_INCH: f64 = 72.0;

/// The sides a page may have, in points (ISO 19005-2, 6.1.13). A longer strip
/// is shown smaller, not cut; all its pixels stay. One that is then too narrow
/// stands in the middle of a page wide enough.
const SHORTEST_SIDE_POINTS: f64 = 3.0;
const LONGEST_SIDE_POINTS: f64 = 14_400.0;

/// A page's size and how its pixels are laid out on it.
pub struct PageFrame {
    /// Filed pixels.
    width: f64,
    /// Filed pixels.
    height: f64,
    points_per_pixel: f64,
    filed: Filed,
}

impl PageFrame {
    /// `image` has passed the writer's check: no side and no resolution is 0.
    pub fn of(image: &EncodedImage, filed: Filed) -> Self {
        let (width, height) = (f64::from(image.width), f64::from(image.height));
        let as_scanned = POINTS_PER_INCH / f64::from(image.dpi.0);
        let points_per_pixel = as_scanned
            .max(SHORTEST_SIDE_POINTS / width.min(height))
            .min(LONGEST_SIDE_POINTS / width.max(height));
        PageFrame { width, height, points_per_pixel, filed }
    }

    /// Width and height of the page before a viewer turns it.
    pub fn size_points(&self) -> (f32, f32) {
        let (width, height) = self.page_points();
        (width as f32, height as f32)
    }

    fn page_points(&self) -> (f64, f64) {
        let side = |pixels: f64| {
            (pixels * self.points_per_pixel).clamp(SHORTEST_SIDE_POINTS, LONGEST_SIDE_POINTS)
        };
        (side(self.width), side(self.height))
    }

    /// Of the image's bottom left corner, in points.
    fn image_corner(&self) -> (f64, f64) {
        let (width, height) = self.page_points();
        let margin = |side: f64, pixels: f64| (side - pixels * self.points_per_pixel) / 2.0;
        (margin(width, self.width), margin(height, self.height))
    }

    /// Clockwise, for the page's `/Rotate`.
    pub fn rotation_degrees(&self) -> i32 {
        match self.filed {
            Filed::Upright => 0,
            Filed::AsScanned { turn, .. } => i32::from(turn.degrees()),
        }
    }

    /// The unit square onto the image's place: the whole page, but for margins
    /// beside a narrow strip.
    pub fn image_matrix(&self) -> [f32; 6] {
        let (left, bottom) = self.image_corner();
        let (width, height) =
            (self.width * self.points_per_pixel, self.height * self.points_per_pixel);
        [width, 0.0, 0.0, height, left, bottom].map(|value| value as f32)
    }

    /// How the words of `text` come to lie on the page.
    pub fn text_frame(&self, text: &PageText) -> TextFrame {
        let upright = (f64::from(text.width), f64::from(text.height));
        let (onto_page, height, to_filed) = match self.filed {
            Filed::Upright => {
                let (across, down) =
                    (self.width / upright.0.max(1.0), self.height / upright.1.max(1.0));
                (Affine::IDENTITY, upright.1, Affine::scale_non_uniform(across, down))
            }
            Filed::AsScanned { turn, crop, skew_applied_degrees } => {
                let turned = turned_size(turn, self.width, self.height);
                let onto_page = skew_again(crop, turned, skew_applied_degrees, upright);
                (onto_page, turned.1, turn_back(turn, self.width, self.height))
            }
        };
        let upward = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]);
        let to_points = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, self.height])
            .then_scale(self.points_per_pixel)
            .then_translate(self.image_corner().into());
        let matrix = (to_points * to_filed * upward).as_coeffs().map(|value| value as f32);
        TextFrame { onto_page, height, matrix }
    }
}

/// In two steps, since words may be laid level on a page whose skew stays:
/// with plain pixel numbers on the upright page, and from there to points.
pub struct TextFrame {
    /// From pixels of the upright page to those of the page as it is filed and
    /// turned upright, skew included. The same scale in both.
    pub onto_page: Affine,
    /// Of the upright page, in its pixels.
    pub height: f64,
    /// From pixels of the upright page, y *upward* from its bottom edge, to points.
    pub matrix: [f32; 6],
}

fn turned_size(turn: QuarterTurn, width: f64, height: f64) -> (f64, f64) {
    match turn {
        QuarterTurn::None | QuarterTurn::Half => (width, height),
        QuarterTurn::Right | QuarterTurn::Left => (height, width),
    }
}

/// From pixels of the turned page to those of the original, whose size is given.
fn turn_back(turn: QuarterTurn, width: f64, height: f64) -> Affine {
    match turn {
        QuarterTurn::None => Affine::IDENTITY,
        QuarterTurn::Right => Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, height]),
        QuarterTurn::Half => Affine::new([-1.0, 0.0, 0.0, -1.0, width, height]),
        QuarterTurn::Left => Affine::new([0.0, 1.0, -1.0, 0.0, width, 0.0]),
    }
}

/// From pixels of the straightened copy to those of the turned page: the
/// centre of one is the centre of the other's cropped part.
fn skew_again(
    crop: Option<PixelBox>,
    turned: (f64, f64),
    skew_degrees: f32,
    upright: (f64, f64),
) -> Affine {
    let centre = match crop {
        Some(paper) => (
            (f64::from(paper.left) + f64::from(paper.right)) / 2.0,
            (f64::from(paper.top) + f64::from(paper.bottom)) / 2.0,
        ),
        None => (turned.0 / 2.0, turned.1 / 2.0),
    };
    // With y downward a positive angle turns clockwise as one looks at it.
    Affine::translate(centre)
        * Affine::rotate(f64::from(skew_degrees).to_radians())
        * Affine::translate((-upright.0 / 2.0, -upright.1 / 2.0))
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::Point;

    use super::*;
    use crate::records::raster::{Dpi, ImageCoding, PixelFormat};

    fn image(width: u32, height: u32) -> EncodedImage {
        EncodedImage {
            coding: ImageCoding::CcittG4,
            width,
            height,
            dpi: Dpi(72),
            format: PixelFormat::Bitonal,
            bytes: vec![0],
        }
    }

    /// Where a point of the upright page (y downward) comes to lie on a page of
    /// 400×200 points.
    fn lands(turn: QuarterTurn, skew: f32, (x, y): (f64, f64)) -> (i64, i64) {
        let frame = PageFrame::of(
            &image(400, 200),
            Filed::AsScanned { turn, crop: None, skew_applied_degrees: skew },
        );
        let (width, height) = turned_size(turn, 400.0, 200.0);
        let text = PageText { width: width as u32, height: height as u32, ..PageText::default() };
        let lie = frame.text_frame(&text);
        let on_page = lie.onto_page * Point::new(x, y);
        let point =
            Affine::new(lie.matrix.map(f64::from)) * Point::new(on_page.x, lie.height - on_page.y);
        (point.x.round() as i64, point.y.round() as i64)
    }

    #[test]
    fn the_top_left_of_the_upright_page_is_found_again_on_the_original() {
        assert_eq!(lands(QuarterTurn::None, 0.0, (0.0, 0.0)), (0, 200));
        // Turned right to be upright: what is now at the top left was at the bottom left.
        assert_eq!(lands(QuarterTurn::Right, 0.0, (0.0, 0.0)), (0, 0));
        assert_eq!(lands(QuarterTurn::Half, 0.0, (0.0, 0.0)), (400, 0));
        assert_eq!(lands(QuarterTurn::Left, 0.0, (0.0, 0.0)), (400, 200));
    }

    #[test]
    fn skew_that_was_taken_out_is_put_back_clockwise() {
        // Right of the centre, a clockwise skew lies lower.
        assert_eq!(lands(QuarterTurn::None, 90.0, (300.0, 100.0)), (200, 0));
        assert_eq!(lands(QuarterTurn::None, 10.0, (200.0, 100.0)), (200, 100));
    }

    #[test]
    fn a_strip_longer_than_a_pdf_page_may_be_is_shown_smaller() {
        let frame = PageFrame::of(&image(100, 28_800), Filed::Upright);
        assert_eq!(frame.size_points(), (50.0, 14_400.0));
        assert_eq!(frame.image_matrix(), [50.0, 0.0, 0.0, 14_400.0, 0.0, 0.0]);
    }

    #[test]
    fn a_strip_too_narrow_for_a_pdf_page_keeps_its_proportions_in_the_middle_of_one() {
        let text = PageText { width: 5_000, height: 1, ..PageText::default() };
        let frame = PageFrame::of(&image(5_000, 1), Filed::Upright);
        assert_eq!(frame.size_points(), (14_400.0, 3.0));
        assert_eq!(frame.image_matrix(), [14_400.0, 0.0, 0.0, 2.88, 0.0, 0.06]);
        // The words' origin is the image's bottom left corner.
        assert_eq!(frame.text_frame(&text).matrix, [2.88, 0.0, 0.0, 2.88, 0.0, 0.06]);
        let frame = PageFrame::of(&image(1, 100_000), Filed::Upright);
        assert_eq!(frame.size_points(), (3.0, 14_400.0));
    }
}
