//! A plotters backend that fills pixels: every shape with exact coverage, texts by their outlines.

use std::fmt;

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform,
    text_anchor::{HPos, VPos},
};

use super::face::{self, Outline};

/// An opaque white page.
pub(super) struct Pixels {
    /// In units, as backends are asked.
    size: (u32, u32),
    /// Pixels per unit.
    scale: f32,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Red, green, blue of every pixel, row by row.
    pub(super) rgb: Vec<u8>,
}

/// Nothing can go wrong.
#[derive(Debug)]
pub(super) enum Never {}

type Drawn = Result<(), DrawingErrorKind<Never>>;

impl Pixels {
    pub(super) fn new(size: (u32, u32), scale: f32) -> Self {
        let pixels = |units: u32| (units as f32 * scale).round() as usize;
        let (width, height) = (pixels(size.0), pixels(size.1));
        Pixels { size, scale, width, height, rgb: vec![255; width * height * 3] }
    }

    fn at(&self, (x, y): BackendCoord) -> Point {
        point(x as f32 * self.scale, y as f32 * self.scale)
    }

    /// Fills what closed lines enclose; where several overlap, they must turn the same way.
    fn fill(&mut self, contours: &[Vec<Point>], color: BackendColor) {
        let points = contours.iter().flatten();
        let mut corners = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for Point { x, y } in points {
            corners =
                [corners[0].min(*x), corners[1].min(*y), corners[2].max(*x), corners[3].max(*y)];
        }
        let Some(mut cover) = Cover::new(corners) else { return };
        for contour in contours {
            let next = contour.iter().cycle().skip(1);
            contour.iter().zip(next).for_each(|(from, to)| cover.line(*from, *to));
        }
        self.blend(&cover, color);
    }

    /// Fills whole pixels, so that boxes which touch leave no seam.
    fn fill_box(&mut self, from: BackendCoord, to: BackendCoord, color: BackendColor) {
        let (from, to) = (self.at(from), self.at(to));
        let within = |place: f32, most: usize| (place.round().max(0.0) as usize).min(most);
        let (left, right) = (within(from.x, self.width), within(to.x, self.width));
        let (top, bottom) = (within(from.y, self.height), within(to.y, self.height));
        let (red, green, blue) = color.rgb;
        let row = [red, green, blue].repeat(right.saturating_sub(left));
        for y in top..bottom {
            let first = (y * self.width + left) * 3;
            for (channel, ink) in self.rgb[first..first + row.len()].iter_mut().zip(&row) {
                *channel = mixed(*channel, *ink, color.alpha as f32);
            }
        }
    }

    fn blend(
        &mut self,
        cover: &Cover,
        BackendColor { alpha, rgb: (red, green, blue) }: BackendColor,
    ) {
        let (width, height) = (self.width as i64, self.height as i64);
        let rgb = &mut self.rgb;
        cover.rasterizer.for_each_pixel_2d(|x, y, coverage| {
            let (x, y) = (i64::from(x) + cover.left, i64::from(y) + cover.top);
            let share = coverage.min(1.0) * alpha as f32;
            if share <= 0.0 || !(0..width).contains(&x) || !(0..height).contains(&y) {
                return;
            }
            let first = (y * width + x) as usize * 3;
            for (channel, ink) in rgb[first..first + 3].iter_mut().zip([red, green, blue]) {
                *channel = mixed(*channel, ink, share);
            }
        });
    }

    /// The pieces of a stroke: a box along every part, a disk at every bend.
    fn stroke(&mut self, points: &[Point], width: f32, color: BackendColor) {
        let radius = width / 2.0;
        let mut contours = Vec::new();
        for pair in points.windows(2) {
            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
            let length = (dx * dx + dy * dy).sqrt();
            if length <= 0.0 {
                continue;
            }
            let (x, y) = (-dy / length * radius, dx / length * radius);
            contours.push(vec![
                point(pair[0].x + x, pair[0].y + y),
                point(pair[1].x + x, pair[1].y + y),
                point(pair[1].x - x, pair[1].y - y),
                point(pair[0].x - x, pair[0].y - y),
            ]);
        }
        let bends = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
        contours.extend(bends.iter().map(|&bend| disk(bend, radius)));
        self.fill(&contours, color);
    }
}

fn mixed(paper: u8, ink: u8, share: f32) -> u8 {
    let paper = f32::from(paper);
    (paper + share * (f32::from(ink) - paper)).round() as u8
}

/// What a shape covers, on its own piece of the page.
struct Cover {
    left: i64,
    top: i64,
    rasterizer: Rasterizer,
}

impl Cover {
    fn new([left, top, right, bottom]: [f32; 4]) -> Option<Self> {
        if !(left <= right && top <= bottom) {
            return None;
        }
        let (left, top) = (left.floor() as i64, top.floor() as i64);
        let (width, height) = (right.ceil() as i64 - left + 1, bottom.ceil() as i64 - top + 1);
        let rasterizer =
            Rasterizer::new(usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        Some(Cover { left, top, rasterizer })
    }

    fn inside(&self, at: Point) -> Point {
        point(at.x - self.left as f32, at.y - self.top as f32)
    }

    fn line(&mut self, from: Point, to: Point) {
        self.rasterizer.draw_line(self.inside(from), self.inside(to));
    }
}

/// A polygon of 32 corners, which turns as the boxes of a stroke do.
fn disk(centre: Point, radius: f32) -> Vec<Point> {
    // Turned by constants, not by a sine, whose last bit may be the machine's own.
    const COSINE: f32 = 0.980_785_25;
    const SINE: f32 = 0.195_090_33;
    let (mut x, mut y) = (radius, 0.0);
    let mut corners = Vec::with_capacity(32);
    for _ in 0..32 {
        corners.push(point(centre.x + x, centre.y + y));
        (x, y) = (x * COSINE + y * SINE, y * COSINE - x * SINE);
    }
    corners
}

/// Lays a text's outlines on the page.
struct Lettering<'a> {
    cover: &'a mut Cover,
    place: &'a dyn Fn((f64, f64)) -> Point,
}

impl Outline for Lettering<'_> {
    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.cover.line((self.place)(from), (self.place)(to));
    }

    fn curve(&mut self, from: (f64, f64), control: (f64, f64), to: (f64, f64)) {
        let [from, control, to] = [from, control, to].map(|at| self.cover.inside((self.place)(at)));
        self.cover.rasterizer.draw_quad(from, control, to);
    }
}

impl DrawingBackend for Pixels {
    type ErrorType = Never;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.fill_box((x, y), (x + 1, y + 1), color);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        is_filled: bool,
    ) -> Drawn {
        if is_filled {
            self.fill_box((left, top), (right, bottom), style.color());
            return Ok(());
        }
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        self.draw_path(corners, style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<Point> = path.into_iter().map(|at| self.at(at)).collect();
        self.stroke(&points, style.stroke_width() as f32 * self.scale, style.color());
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        is_filled: bool,
    ) -> Drawn {
        let mut corners = disk(self.at(centre), radius as f32 * self.scale);
        match is_filled {
            true => self.fill(&[corners], style.color()),
            false => {
                corners.push(corners[0]);
                let width = style.stroke_width() as f32 * self.scale;
                self.stroke(&corners, width, style.color());
            }
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let corners: Vec<Point> = path.into_iter().map(|at| self.at(at)).collect();
        self.fill(&[corners], style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        // As the SVG backend has it: its sizes are heights of lines, and it shifts the baseline so.
        let size = style.size() / 1.24;
        let is_bold = matches!(style.style(), FontStyle::Bold);
        let width = face::width(text, 1.0, is_bold);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.268,
            VPos::Bottom => -0.268,
        };
        let is_upright = !matches!(style.transform(), FontTransform::Rotate270);
        let (origin, scale) = (self.at(at), f64::from(self.scale) * size);
        let place = |(x, y): (f64, f64)| {
            let (x, y) = ((left + x) * scale, (down - y) * scale);
            let (x, y) = if is_upright { (x, y) } else { (y, -x) };
            point(origin.x + x as f32, origin.y + y as f32)
        };
        let reach = (width + 2.0, 2.0);
        let ends = [(-1.0, -1.0), (reach.0, reach.1)].map(place);
        let corners = [
            ends[0].x.min(ends[1].x),
            ends[0].y.min(ends[1].y),
            ends[0].x.max(ends[1].x),
            ends[0].y.max(ends[1].y),
        ];
        let Some(mut cover) = Cover::new(corners) else { return Ok(()) };
        face::trace(text, is_bold, &mut Lettering { cover: &mut cover, place: &place });
        self.blend(&cover, style.color());
        Ok(())
    }
}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}
