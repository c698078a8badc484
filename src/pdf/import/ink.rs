//! How much a page paints, added up before it is painted. The rasterizer keeps
//! every step for every patch of the page until all are known: a page painted
//! over a million times would fill the memory long before its time is up.

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::pattern::Pattern;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, SoftMask,
};
use hayro::kurbo::{BezPath, PathSeg, Point, Rect, Shape};

/// Patterns in glyphs in masks; deeper nesting is nobody's page.
const DEEPEST: u32 = 3;

/// Clips in force at once. Each takes some 60 KB of the rasterizer.
const MOST_CLIPS: u32 = 1000;

/// Adds up areas in square points of the page as shown. What lies off the page
/// costs nothing. An upper bound: boxes count, not the shapes in them.
pub struct InkMeter {
    page: Rect,
    area: f64,
    depth: u32,
    clips: u32,
}

impl InkMeter {
    pub fn new(page: Rect) -> Self {
        InkMeter { page, area: 0.0, depth: 0, clips: 0 }
    }

    pub fn square_points(&self) -> f64 {
        self.area
    }

    /// A stroke covers no more than its length times its width.
    fn add(&mut self, bounds: Rect, at_most: f64) {
        self.area += bounds.intersect(self.page).area().max(0.0).min(at_most);
    }

    /// What is drawn to draw this once more.
    fn within(&mut self, draw: impl FnOnce(&mut Self)) {
        if self.depth < DEEPEST {
            self.depth += 1;
            draw(self);
            self.depth -= 1;
        }
    }

    fn add_paint<'a>(&mut self, paint: &Paint<'a>, mode: &DrawMode) {
        if let Paint::Pattern(pattern) = paint
            && let Pattern::Tiling(tile) = &**pattern
        {
            let is_stroke = matches!(mode, DrawMode::Stroke(_));
            self.within(|meter| {
                tile.interpret(meter, tile.matrix, is_stroke).unwrap_or_default();
            });
        }
    }

    fn add_mask<'a>(&mut self, mask: Option<&SoftMask<'a>>) {
        if let Some(mask) = mask {
            self.within(|meter| mask.interpret(meter));
        }
    }
}

/// As long as the path's control points joined by lines, or shorter.
fn length(path: &BezPath) -> f64 {
    let joined = |points: &[Point]| -> f64 {
        points.windows(2).map(|pair| (pair[1] - pair[0]).hypot()).sum()
    };
    path.segments()
        .map(|segment| match segment {
            PathSeg::Line(line) => joined(&[line.p0, line.p1]),
            PathSeg::Quad(curve) => joined(&[curve.p0, curve.p1, curve.p2]),
            PathSeg::Cubic(curve) => joined(&[curve.p0, curve.p1, curve.p2, curve.p3]),
        })
        .sum()
}

impl<'a> Device<'a> for InkMeter {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        let bounds = props.transform.transform_rect_bbox(path.bounding_box());
        let scale = props.transform.determinant().abs().sqrt();
        match mode {
            DrawMode::Invisible => return,
            DrawMode::Fill(_) => self.add(bounds, f64::INFINITY),
            DrawMode::Stroke(stroke) => {
                let width = f64::from(stroke.line_width) * scale;
                let most = (length(path) * scale + width) * width.max(1.0);
                self.add(bounds.inflate(width, width), most);
            }
            DrawMode::FillAndStroke(_, stroke) => {
                let width = f64::from(stroke.line_width) * scale;
                self.add(bounds.inflate(width, width), f64::INFINITY);
            }
        }
        self.add_mask(props.soft_mask.as_ref());
        self.add_paint(&props.paint, mode);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if matches!(mode, DrawMode::Invisible) {
            return;
        }
        for glyph in run.glyphs() {
            match &**glyph {
                // An em square, as nearly every letter keeps to.
                Glyph::Outline(_) => {
                    let em = Rect::new(0.0, -250.0, 1000.0, 1000.0);
                    let place = props.transform * glyph.transform();
                    self.add(place.transform_rect_bbox(em), f64::INFINITY);
                }
                Glyph::Type3(drawn) => self.within(|meter| {
                    drawn.interpret(meter, props.transform, glyph.transform(), &props.paint);
                }),
            }
        }
        self.add_mask(props.soft_mask.as_ref());
        self.add_paint(&props.paint, mode);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        self.add(props.transform.transform_rect_bbox(pixels), f64::INFINITY);
        self.add_mask(props.soft_mask.as_ref());
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.clips += 1;
        if self.clips > MOST_CLIPS {
            self.area = f64::INFINITY;
        }
    }

    fn pop_clip(&mut self) {
        self.clips = self.clips.saturating_sub(1);
    }

    /// A group lies over the whole page.
    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        self.add(self.page, f64::INFINITY);
        self.add_mask(mask.as_ref());
    }

    fn pop_transparency_group(&mut self) {}
}
