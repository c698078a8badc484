//! How large a page is shown, and where what it draws lies on it.

use hayro::hayro_interpret::util::TransformExt;
use hayro::hayro_syntax::object::dict::keys::USER_UNIT;
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, Rect};

/// Points as they are on paper: the page's own unit, which the library takes for
/// a point, may be larger (ISO 32000-1, 14.11.2), as on plans beyond 5 m.
pub struct ShownPage {
    pub width: f64,
    pub height: f64,
    /// From the page's own units, y upward, to points from its top left.
    pub transform: Affine,
}

impl ShownPage {
    pub fn of(page: &Page<'_>) -> Self {
        let (width, height) = page.render_dimensions();
        let unit = page.raw().get::<f64>(USER_UNIT);
        let unit = unit.filter(|unit| unit.is_finite() && *unit > 0.0).unwrap_or(1.0);
        ShownPage {
            width: f64::from(width) * unit,
            height: f64::from(height) * unit,
            transform: Affine::scale(unit) * page.initial_transform(true).to_kurbo(),
        }
    }

    pub fn bounds(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width, self.height)
    }
}
