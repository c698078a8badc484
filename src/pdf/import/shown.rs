//! How large a page is shown, and where what it draws lies on it.

use hayro::hayro_interpret::util::TransformExt;
use hayro::hayro_syntax::object::dict::keys::USER_UNIT;
use hayro::hayro_syntax::page::{Page, Rotation};
use hayro::kurbo::{Affine, Rect};

/// Points as they are on paper: the page's own unit, which the library takes for
/// a point, may be larger (ISO 32000-1, 14.11.2), as on plans beyond 5 m.
pub struct ShownPage {
    pub width: f64,
    pub height: f64,
    /// From the page's own units, y upward, to points from its top left.
    pub transform: Affine,
}

/// The library takes a side up to 1/4096 for none, and shows A4 instead.
const LEAST_SIDE: f64 = 0.001;

/// Which of its boxes a page is shown by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// What the crop box leaves of the media box.
    Crop,
    /// The crop box is empty, and so says nothing.
    Media,
    /// Neither, or they share nothing.
    Nothing,
}

impl ShownBy {
    pub fn of(page: &Page<'_>) -> Self {
        let shows = |width: f64, height: f64| width > LEAST_SIDE && height > LEAST_SIDE;
        let (crop, media) = (page.crop_box(), page.media_box());
        let both = page.intersected_crop_box();
        if shows(both.width(), both.height()) {
            ShownBy::Crop
        } else if !shows(crop.width(), crop.height()) && shows(media.width(), media.height()) {
            ShownBy::Media
        } else {
            ShownBy::Nothing
        }
    }
}

impl ShownPage {
    pub fn of(page: &Page<'_>) -> Self {
        let ((width, height), transform) = match ShownBy::of(page) {
            ShownBy::Crop | ShownBy::Nothing => {
                let (width, height) = page.render_dimensions();
                let transform = page.initial_transform(true).to_kurbo();
                ((f64::from(width), f64::from(height)), transform)
            }
            ShownBy::Media => by_media_box(page),
        };
        let unit = page.raw().get::<f64>(USER_UNIT);
        let unit = unit.filter(|unit| unit.is_finite() && *unit > 0.0).unwrap_or(1.0);
        ShownPage {
            width: width * unit,
            height: height * unit,
            transform: Affine::scale(unit) * transform,
        }
    }

    pub fn bounds(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width, self.height)
    }
}

/// Width and height as shown, and the transform without the page's own unit: what
/// the library would give, were there no crop box.
fn by_media_box(page: &Page<'_>) -> ((f64, f64), Affine) {
    let media = page.media_box();
    let (width, height) = (media.width(), media.height());
    let y_downward = Affine::new([1.0, 0.0, 0.0, -1.0, -media.x0, height + media.y0]);
    let (size, turn) = match page.rotation() {
        Rotation::None => ((width, height), Affine::IDENTITY),
        Rotation::Horizontal => ((height, width), Affine::new([0.0, 1.0, -1.0, 0.0, height, 0.0])),
        Rotation::Flipped => ((width, height), Affine::new([-1.0, 0.0, 0.0, -1.0, width, height])),
        Rotation::FlippedHorizontal => {
            ((height, width), Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, width]))
        }
    };
    (size, turn * y_downward)
}
