//! Small line plots side by side, with one legend: means with bands over steps, or over shots.

use super::{
    colour::{BLACK, GREY, PALE, Rgb, WHITE},
    face,
    look::{Look, Sizes},
    svg::{Anchor, Area, Drawing, Ink, Lettered, Pen},
    ticks::Ticks,
};
use crate::statistics::Interval;

/// Line plots that share their lines' names and their level axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panels {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// The lines' names, in order; a line's place is its colour and its marker.
    pub(crate) names: Vec<String>,
    /// Those that are dashed levels.
    pub(crate) n_levels: usize,
    pub(crate) panels: Vec<Panel>,
    pub(crate) axis: Axis,
    pub(crate) marker: Marker,
    /// Where they are looked at.
    pub(crate) look: Look,
}

/// What the level axis counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) label: String,
    /// The places that have a label; ticks of the numbers' own if there are none.
    pub(crate) places: Vec<(f64, String)>,
}

/// Whether points are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// A disk, square, triangle and so on at every point.
    Shapes,
    /// The line alone.
    None,
}

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Beyond which no number can lie.
    pub(crate) bounds: (f64, f64),
    pub(crate) series: Vec<Series>,
    /// Which name it has, and its height.
    pub(crate) levels: Vec<(usize, f64)>,
    /// Whether it is set apart.
    pub(crate) is_average: bool,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Which name it has.
    pub(crate) name: usize,
    /// From left to right.
    pub(crate) points: Vec<Point>,
}

/// A mean and its band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) band: Option<Interval>,
}

/// Around a plot: left for its labels, above for its title, below for its labels.
const ROOM: (f64, f64, f64) = (40.0, 22.0, 22.0);
const BETWEEN: f64 = 10.0;
const AXIS: f64 = 20.0;
const NAME: f64 = 20.0;

impl Panels {
    fn n_across(&self) -> usize {
        self.look.sizes().across.min(self.panels.len()).max(1)
    }

    fn plot(&self, index: usize) -> Area {
        let (column, row) = (index % self.n_across(), index / self.n_across());
        let (left, above, below) = ROOM;
        let Sizes { margin, title, plot: (width, height), .. } = self.look.sizes();
        let title = title.map_or(0.0, |height| height + 2.0);
        Area {
            left: margin + left + column as f64 * (left + width + BETWEEN),
            top: margin + title + above + row as f64 * (above + height + below + BETWEEN),
            width,
            height,
        }
    }

    fn bottom(&self) -> f64 {
        self.plot(self.panels.len().saturating_sub(1)).bottom() + ROOM.2
    }

    fn width(&self) -> f64 {
        let right = self.plot(self.n_across() - 1).right();
        let Sizes { margin, title, .. } = self.look.sizes();
        let title = title.map_or(0.0, |_| face::width_of_head(&self.title, &self.subtitle));
        (right.max(margin + title) + margin).ceil()
    }

    /// Where the names stand in the legend.
    fn names(&self) -> Vec<(f64, f64)> {
        let (mut x, mut y) = (0.0, 0.0);
        let mut placed = Vec::new();
        let margin = self.look.sizes().margin;
        for name in &self.names {
            let width = 34.0 + face::widest(name, self.letters(), false) + 18.0;
            if 0.0 < x && self.width() - 2.0 * margin < x + width {
                (x, y) = (0.0, y + NAME);
            }
            placed.push((margin + x, self.bottom() + AXIS + 14.0 + y));
            x += width;
        }
        placed
    }

    /// The size of names and of the axis' label.
    fn letters(&self) -> f64 {
        self.look.sizes().small.max(11.0)
    }

    fn is_level(&self, name: usize) -> bool {
        self.names.len() <= name + self.n_levels
    }

    /// Levels are told apart by their dashes: long, then short, then longer.
    fn dash(&self, name: usize) -> f64 {
        const DASHES: [f64; 4] = [4.5, 1.4, 9.0, 14.0];
        DASHES[(name + self.n_levels).saturating_sub(self.names.len()) % DASHES.len()]
    }
}

impl Drawing for Panels {
    fn size(&self) -> (f64, f64) {
        let names = self.names().last().map_or(self.bottom() + AXIS, |(_, y)| *y);
        (self.width(), (names + NAME / 2.0 + self.look.sizes().margin).ceil())
    }

    fn scale(&self) -> f64 {
        self.look.sizes().scale
    }

    fn description(&self) -> (String, String) {
        let panels: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();
        let names = self.names.join(", ");
        let caption = format!("{} Panels: {}. Lines: {names}.", self.subtitle, panels.join(", "));
        (self.title.clone(), caption)
    }

    fn draw(&self, pen: &mut Pen) {
        let Sizes { margin, title, .. } = self.look.sizes();
        if title.is_some() {
            pen.title(&self.title, &self.subtitle, margin);
        }
        for (index, panel) in self.panels.iter().enumerate() {
            self.draw_panel(pen, panel, self.plot(index));
        }
        let middle = (self.plot(0).left + self.plot(self.n_across() - 1).right()) / 2.0;
        let label = Lettered::new(self.letters(), BLACK, Anchor::Middle);
        pen.text(&self.axis.label, (middle, self.bottom() + 6.0), label);
        for (name, (text, (x, y))) in self.names.iter().zip(self.names()).enumerate() {
            match self.is_level(name) {
                true => pen.dashes((x, x + 26.0), y, self.dash(name)),
                false => {
                    pen.line(&[(x, y), (x + 26.0, y)], Rgb::of_line(name), 1.8);
                    self.mark(pen, name, (x + 13.0, y));
                }
            }
            pen.text(text, (x + 34.0, y), Lettered::new(self.letters(), BLACK, Anchor::Start));
        }
    }
}

impl Panels {
    fn draw_panel(&self, pen: &mut Pen, panel: &Panel, area: Area) {
        let points = || panel.series.iter().flat_map(|series| &series.points);
        let ends = |point: &Point| {
            let band = point.band.map_or([point.y; 2], |band| [band.lower, band.upper]);
            [point.y, band[0], band[1]]
        };
        let heights = points().flat_map(ends).chain(panel.levels.iter().map(|level| level.1));
        let heights = Ticks::holding(heights, panel.bounds, 5);
        let all = self.panels.iter().flat_map(|panel| &panel.series);
        let all = all.flat_map(|series| &series.points).map(|point| point.x);
        let placed = self.axis.places.iter().map(|(x, _)| *x);
        let across = Ticks::holding(all.chain(placed), (f64::MIN, f64::MAX), 6);
        let x = |value: f64| across.at(value, (area.left, area.right()));
        let y = |value: f64| heights.at(value, (area.bottom(), area.top));
        let letters = if self.look == Look::Screen { 9.5 } else { self.letters() };
        let small = |side| Lettered::new(letters, GREY, side);
        for (tick, label) in heights.labelled() {
            pen.line(&[(area.left, y(tick)), (area.right(), y(tick))], PALE, 0.6);
            pen.text(&label, (area.left - 5.0, y(tick)), small(Anchor::End));
        }
        let places = match self.axis.places.is_empty() {
            true => across.labelled(),
            false => self.axis.places.clone(),
        };
        for (place, label) in places {
            pen.line(&[(x(place), area.bottom()), (x(place), area.bottom() + 3.0)], GREY, 0.6);
            pen.text(&label, (x(place), area.bottom() + 10.0), small(Anchor::Middle));
        }
        for &(name, height) in &panel.levels {
            pen.dashes((area.left, area.right()), y(height), self.dash(name));
        }
        for series in &panel.series {
            // An interval may reach beyond what a number can be.
            let within = |value: f64| y(value).clamp(area.top, area.bottom());
            draw_band(pen, series, &x, &within);
        }
        for series in &panel.series {
            let line: Vec<(f64, f64)> =
                series.points.iter().map(|point| (x(point.x), y(point.y))).collect();
            pen.line(&line, Rgb::of_line(series.name), 1.8);
            line.iter().for_each(|&at| self.mark(pen, series.name, at));
        }
        let (frame, width) = if panel.is_average { (BLACK, 1.2) } else { (GREY, 0.6) };
        pen.outline(area, frame, width);
        let title = Lettered::new(self.letters().max(11.5), BLACK, Anchor::Start);
        let title = if panel.is_average { title.bold() } else { title };
        pen.text(&panel.title, (area.left, area.top - 10.0), title);
        if panel.series.iter().all(|series| series.points.is_empty()) {
            pen.text(
                "not there",
                area.centre(),
                Lettered::new(self.look.sizes().small, GREY, Anchor::Middle),
            );
        }
    }

    /// Lines are told apart without their colours.
    fn mark(&self, pen: &mut Pen, name: usize, (x, y): (f64, f64)) {
        if self.marker == Marker::None {
            return;
        }
        let ink = Rgb::of_line(name);
        let shape = |corners: &[(f64, f64)], by: f64| -> Vec<(f64, f64)> {
            corners.iter().map(|(dx, dy)| (x + by * dx, y + by * dy)).collect()
        };
        const SQUARE: [(f64, f64); 4] = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        const UP: [(f64, f64); 3] = [(0.0, -1.3), (1.25, 0.9), (-1.25, 0.9)];
        const DOWN: [(f64, f64); 3] = [(0.0, 1.3), (1.25, -0.9), (-1.25, -0.9)];
        const DIAMOND: [(f64, f64); 4] = [(0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)];
        let corners: &[(f64, f64)] = match name % 5 {
            0 => {
                pen.disk((x, y), 4.2, WHITE);
                return pen.disk((x, y), 3.2, ink);
            }
            1 => &SQUARE,
            2 => &UP,
            3 => &DIAMOND,
            _ => &DOWN,
        };
        pen.polygon(&shape(corners, 3.7), WHITE);
        pen.polygon(&shape(corners, 2.8), ink);
    }
}

fn draw_band(pen: &mut Pen, series: &Series, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
    let band = |point: &Point| point.band.map(|band| (x(point.x), y(band.lower), y(band.upper)));
    // A gap ends a band; the next one begins after it.
    for piece in series.points.split(|point| point.band.is_none()) {
        let ends: Vec<_> = piece.iter().filter_map(band).collect();
        let above = ends.iter().map(|&(x, _, upper)| (x, upper));
        let below = ends.iter().rev().map(|&(x, lower, _)| (x, lower));
        let corners: Vec<(f64, f64)> = above.chain(below).collect();
        if 1 < ends.len() {
            pen.polygon(&corners, Ink(Rgb::of_line(series.name), 0.18));
        }
        if let [(x, lower, upper)] = ends[..] {
            pen.line(&[(x, lower), (x, upper)], Ink(Rgb::of_line(series.name), 0.5), 1.0);
        }
    }
}
