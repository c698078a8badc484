//! Where a point of the original lies on the cleaned page, and back: for codes
//! read on one and words read on the other.

use crate::records::page::{PagePicture, QuarterTurn};
use crate::records::raster::PixelBox;

/// original ─ turn ─▶ ─ crop ─▶ ─ straighten about the middle ─▶ upright
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    original: (f64, f64),
    turn: QuarterTurn,
    crop_corner: (f64, f64),
    /// Middle of the cropped page, about which it was straightened.
    middle: (f64, f64),
    /// Middle of the upright page, which may be larger.
    upright_middle: (f64, f64),
    skew_radians: f64,
}

impl Geometry {
    /// `upright_width`×`upright_height` is the cleaned raster's size in pixels.
    pub fn new(picture: &PagePicture, upright_width: u32, upright_height: u32) -> Geometry {
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        let (turned_width, turned_height) = match picture.turn {
            QuarterTurn::None | QuarterTurn::Half => (width, height),
            QuarterTurn::Right | QuarterTurn::Left => (height, width),
        };
        let (crop_corner, crop_size) = match picture.crop {
            None => ((0.0, 0.0), (turned_width, turned_height)),
            Some(part) => (
                (f64::from(part.left), f64::from(part.top)),
                (f64::from(part.right - part.left), f64::from(part.bottom - part.top)),
            ),
        };
        Geometry {
            original: (width, height),
            turn: picture.turn,
            crop_corner,
            middle: (crop_size.0 / 2.0, crop_size.1 / 2.0),
            upright_middle: (f64::from(upright_width) / 2.0, f64::from(upright_height) / 2.0),
            skew_radians: f64::from(picture.skew_applied_degrees).to_radians(),
        }
    }

    /// Where a point of the original stands on the upright page. Points are
    /// between pixels: (0, 0) is the top left corner of the first.
    pub fn to_upright(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = self.to_turned(x, y);
        let x = x - self.crop_corner.0 - self.middle.0;
        let y = y - self.crop_corner.1 - self.middle.1;
        let (sin, cos) = (-self.skew_radians).sin_cos();
        (x * cos - y * sin + self.upright_middle.0, x * sin + y * cos + self.upright_middle.1)
    }

    /// … on the turned original, where the paper was looked for.
    pub(super) fn to_turned(self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = self.original;
        match self.turn {
            QuarterTurn::None => (x, y),
            QuarterTurn::Right => (height - y, x),
            QuarterTurn::Half => (width - x, height - y),
            QuarterTurn::Left => (y, width - x),
        }
    }

    /// Where a point of the upright page stands on the original.
    pub fn to_original(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = (x - self.upright_middle.0, y - self.upright_middle.1);
        let (sin, cos) = self.skew_radians.sin_cos();
        let turned_x = x * cos - y * sin + self.middle.0 + self.crop_corner.0;
        let turned_y = x * sin + y * cos + self.middle.1 + self.crop_corner.1;
        let (width, height) = self.original;
        match self.turn {
            QuarterTurn::None => (turned_x, turned_y),
            QuarterTurn::Right => (turned_y, height - turned_x),
            QuarterTurn::Half => (width - turned_x, height - turned_y),
            QuarterTurn::Left => (width - turned_y, turned_x),
        }
    }
}

/// The same part of a page of `width`×`height` after the page was turned.
pub(super) fn turned_box(part: PixelBox, width: u32, height: u32, turn: QuarterTurn) -> PixelBox {
    let PixelBox { left, top, right, bottom } = part;
    match turn {
        QuarterTurn::None => part,
        QuarterTurn::Right => {
            PixelBox { left: height - bottom, top: left, right: height - top, bottom: right }
        }
        QuarterTurn::Half => PixelBox {
            left: width - right,
            top: height - bottom,
            right: width - left,
            bottom: height - top,
        },
        QuarterTurn::Left => {
            PixelBox { left: top, top: width - right, right: bottom, bottom: width - left }
        }
    }
}
