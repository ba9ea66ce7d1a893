//! A heatmap of changes around zero: a tile per pair of datasets, its number in it.

use super::{
    colour::{BLACK, Diverging, GREY, Rgb, WHITE},
    face,
    look::{Look, Sizes},
    svg::{Anchor, Area, Drawing, Lettered, Pen},
};
use crate::{
    number::{MISSING, fixed, signed},
    statistics::Interval,
};

/// A matrix of changes as an image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heatmap {
    /// What it shows, in a line.
    pub(crate) title: String,
    /// Against what, and how, in a line.
    pub(crate) subtitle: String,
    /// What the rows are, and what the columns are.
    pub(crate) sides: (String, String),
    /// The columns' heads; the last one stands apart.
    pub(crate) heads: Vec<String>,
    /// The rows.
    pub(crate) rows: Vec<Block>,
    /// The row that stands apart.
    pub(crate) last: Block,
    /// Colours; matrices that are compared have the same.
    pub(crate) scale: Diverging,
    /// What the scale counts.
    pub(crate) unit: String,
    /// Where it is looked at.
    pub(crate) look: Look,
}

/// A row: its label, and a tile for every head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) tiles: Vec<Tile>,
}

/// A change and what is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tile {
    pub(crate) value: Option<f64>,
    pub(crate) interval: Option<Interval>,
    pub(crate) is_significant: bool,
    /// Whether it was trained on what it was asked about; outlined, and outside the scale's bounds.
    pub(crate) is_home: bool,
    /// Whether both datasets have some class name.
    pub(crate) shares_names: bool,
    /// Whether seeds are missing.
    pub(crate) is_incomplete: bool,
}

/// Between the tiles and what stands apart.
const GAP: f64 = 9.0;
const KEY: f64 = 20.0;

impl Heatmap {
    /// The scale that holds all changes but those at home, which may be far larger.
    pub(crate) fn scale_of<'a>(tiles: impl IntoIterator<Item = &'a Tile>) -> Diverging {
        let away = tiles.into_iter().filter(|tile| !tile.is_home);
        Diverging::holding(away.filter_map(|tile| tile.value))
    }

    fn tiles(&self) -> impl Iterator<Item = &Tile> {
        self.rows.iter().chain([&self.last]).flat_map(|row| &row.tiles)
    }

    /// Where the tiles begin.
    fn left(&self) -> f64 {
        let Sizes { margin, label, .. } = self.look.sizes();
        let labels =
            self.rows.iter().chain([&self.last]).map(|row| face::width(&row.label, label, false));
        margin + 20.0 + labels.fold(0.0, f64::max) + 8.0
    }

    fn top(&self) -> f64 {
        let Sizes { margin, title, .. } = self.look.sizes();
        margin + title.unwrap_or(0.0) + 26.0 + self.height_of_heads()
    }

    /// Of a line, or of what stands upright because tiles are narrow.
    fn height_of_heads(&self) -> f64 {
        let label = self.look.sizes().label;
        match self.look {
            Look::Screen | Look::Text => 14.0,
            Look::Column => {
                let heads = self.heads.iter().map(|head| face::width(head, label, true));
                heads.fold(0.0, f64::max) + 2.0
            }
        }
    }

    fn legend(&self) -> f64 {
        match self.look {
            Look::Screen => 52.0,
            Look::Text | Look::Column => 56.0,
        }
    }

    /// The tile of a column in a row.
    fn tile(&self, row: usize, column: usize) -> Area {
        let gap = |is_last| if is_last { GAP } else { 0.0 };
        let (width, height) = self.look.sizes().tile;
        Area {
            left: self.left() + column as f64 * width + gap(column + 1 == self.heads.len()),
            top: self.top() + row as f64 * height + gap(row == self.rows.len()),
            width,
            height,
        }
    }

    fn bottom(&self) -> f64 {
        self.tile(self.rows.len(), 0).bottom()
    }

    /// The legend's keys that this matrix needs, with where they stand below the bar.
    fn keys(&self) -> Vec<(Key, f64, f64)> {
        let sizes = self.look.sizes();
        let any = |is: fn(&Tile) -> bool| self.tiles().any(is);
        let mut keys = Vec::new();
        if any(|tile| tile.is_home) {
            keys.push(Key::Home);
        }
        if any(|tile| tile.is_significant) {
            keys.push(Key::Significant);
        }
        if sizes.has_intervals && any(|tile| tile.interval.is_some()) {
            keys.push(Key::Interval);
        }
        if any(|tile| tile.shares_names) {
            keys.push(Key::SharedNames);
        }
        if any(|tile| tile.is_incomplete) {
            keys.push(Key::Incomplete);
        }
        if any(|tile| tile.value.is_none()) {
            keys.push(Key::Missing);
        }
        let (mut x, mut y) = (0.0, 0.0);
        let widest = self.width() - 2.0 * sizes.margin;
        let mut placed = Vec::new();
        for key in keys {
            let width = 26.0 + face::widest(key.label(), sizes.small, false) + 14.0;
            if 0.0 < x && widest < x + width {
                (x, y) = (0.0, y + KEY);
            }
            placed.push((key, x, y));
            x += width;
        }
        placed
    }

    fn width(&self) -> f64 {
        let right = self.tile(0, self.heads.len().saturating_sub(1)).right();
        let Sizes { margin, title, narrowest, .. } = self.look.sizes();
        let title = title.map_or(0.0, |_| face::width_of_head(&self.title, &self.subtitle));
        (right.max(margin + title).max(narrowest) + margin).ceil()
    }

    fn height_of_keys(&self) -> f64 {
        self.keys().last().map_or(0.0, |(_, _, y)| y + KEY)
    }
}

impl Drawing for Heatmap {
    fn size(&self) -> (f64, f64) {
        let margin = self.look.sizes().margin;
        (self.width(), (self.bottom() + self.legend() + self.height_of_keys() + margin).ceil())
    }

    fn scale(&self) -> f64 {
        self.look.sizes().scale
    }

    fn description(&self) -> (String, String) {
        (self.title.clone(), format!("{} The numbers are in the report's tables.", self.subtitle))
    }

    fn draw(&self, pen: &mut Pen) {
        let Sizes { margin, title, label, .. } = self.look.sizes();
        if title.is_some() {
            pen.title(&self.title, &self.subtitle, margin);
        }
        self.draw_sides(pen);
        for (row, block) in self.rows.iter().chain([&self.last]).enumerate() {
            let (_, middle) = self.tile(row, 0).centre();
            let lettered = Lettered::new(label, BLACK, Anchor::End);
            pen.text(&block.label, (self.left() - 8.0, middle), lettered);
            for (column, tile) in block.tiles.iter().enumerate() {
                tile.draw(pen, self.tile(row, column), self.scale, &self.look.sizes());
            }
        }
        // On top of their neighbours.
        for (row, block) in self.rows.iter().enumerate() {
            for (column, _) in block.tiles.iter().enumerate().filter(|(_, tile)| tile.is_home) {
                pen.outline(self.tile(row, column).inset(1.0), BLACK, 2.0);
            }
        }
        self.draw_legend(pen);
    }
}

impl Heatmap {
    fn draw_sides(&self, pen: &mut Pen) {
        let (of_rows, of_columns) = &self.sides;
        let last_of_rows = self.tile(self.rows.len().saturating_sub(1), 0);
        let middle = (self.top() + last_of_rows.bottom()) / 2.0;
        let Sizes { margin, label, .. } = self.look.sizes();
        let side = Lettered::new(label - 1.0, GREY, Anchor::Middle);
        pen.upright_text(of_rows, (margin + 7.0, middle), side);
        let columns = self.heads.len().saturating_sub(1);
        let right = self.tile(0, columns.saturating_sub(1)).right();
        pen.text(
            of_columns,
            ((self.left() + right) / 2.0, self.top() - self.height_of_heads() - 18.0),
            side,
        );
        for (column, head) in self.heads.iter().enumerate() {
            let (middle, _) = self.tile(0, column).centre();
            let lettered = Lettered::new(label, BLACK, Anchor::Middle);
            let lettered = if column == columns { lettered.bold() } else { lettered };
            match self.look {
                Look::Screen | Look::Text => pen.text(head, (middle, self.top() - 12.0), lettered),
                Look::Column => {
                    let upright = Lettered { anchor: Anchor::Start, ..lettered };
                    pen.upright_text(head, (middle, self.top() - 6.0), upright);
                }
            }
        }
    }

    fn draw_legend(&self, pen: &mut Pen) {
        const STEPS: usize = 80;
        let top = self.bottom() + 18.0;
        let Sizes { margin, bar: width, small, .. } = self.look.sizes();
        let height = 12.0;
        let step = width / STEPS as f64;
        let limit = self.scale.limit;
        for n in 0..STEPS {
            let value = ((n as f64 + 0.5) / STEPS as f64 * 2.0 - 1.0) * limit;
            let left = margin + n as f64 * step;
            // To the bar's end, so that no seam shows.
            let rest = margin + width - left;
            pen.fill(Area { left, top, width: rest, height }, self.scale.colour(value));
        }
        pen.outline(Area { left: margin, top, width, height }, GREY, 0.6);
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let x = margin + part * width;
            let value = (2.0 * part - 1.0) * limit;
            let digits = if (limit / 2.0).fract() == 0.0 { 0 } else { 1 };
            pen.line(&[(x, top + height), (x, top + height + 3.0)], GREY, 0.6);
            let side = match part {
                0.0 => Anchor::Start,
                1.0 => Anchor::End,
                _ => Anchor::Middle,
            };
            let text = signed(Some(value), digits).text;
            pen.text(&text, (x, top + height + 10.0), Lettered::new(small, BLACK, side));
        }
        let unit = Lettered::new(small, BLACK, Anchor::Start);
        pen.text(&self.unit, (margin + width + 12.0, top + height / 2.0), unit);
        let bottom_of_legend = self.bottom() + self.legend() + 2.0;
        for (key, x, y) in self.keys() {
            let area =
                Area { left: margin + x, top: bottom_of_legend + y, width: 18.0, height: 12.0 };
            key.draw(pen, area);
            let style = Lettered::new(small, BLACK, Anchor::Start);
            pen.text(key.label(), (area.right() + 8.0, area.centre().1), style);
        }
    }
}

impl Tile {
    fn draw(&self, pen: &mut Pen, area: Area, scale: Diverging, sizes: &Sizes) {
        let Some(value) = self.value.filter(|value| value.is_finite()) else {
            return draw_missing(pen, area, 12.0);
        };
        let paper = scale.colour(value);
        pen.fill(area, paper);
        pen.outline(area, WHITE, 1.0);
        let ink = paper.ink();
        let (x, middle) = area.centre();
        let mark = if self.is_significant { "*" } else { "" };
        let incomplete = if self.is_incomplete { "†" } else { "" };
        let text = format!("{}{mark}{incomplete}", signed(Some(value), sizes.decimals));
        let interval = self.interval.filter(|_| sizes.has_intervals);
        let y = if interval.is_some() { middle - 6.0 } else { middle };
        pen.text(&text, (x, y), Lettered::new(sizes.number, ink, Anchor::Middle));
        if let Some(Interval { lower, upper }) = interval {
            let text = format!("{} to {}", fixed(Some(lower), 1), fixed(Some(upper), 1));
            pen.text(&text, (x, middle + 9.5), Lettered::new(8.5, ink, Anchor::Middle));
        }
        if self.shares_names {
            draw_corner(pen, area, ink, 7.0);
        }
    }
}

/// A folded corner.
fn draw_corner(pen: &mut Pen, area: Area, ink: Rgb, size: f64) {
    let (right, top) = (area.right() - 1.0, area.top + 1.0);
    pen.polygon(&[(right - size, top), (right, top), (right, top + size)], ink);
}

/// Hatched, with a dash.
fn draw_missing(pen: &mut Pen, area: Area, size: f64) {
    let inside = area.inset(0.5);
    pen.fill(inside, WHITE);
    let Area { left, top, width, height } = inside;
    let mut start = 6.0;
    while start < width + height {
        // From the lower left to the upper right, within the area.
        let from = (left + (start - height).max(0.0), top + start.min(height));
        let to = (left + start.min(width), top + (start - width).max(0.0));
        pen.line(&[from, to], Rgb(200, 200, 200), 0.7);
        start += 6.0;
    }
    pen.outline(inside, Rgb(200, 200, 200), 0.7);
    if 11.0 < size {
        let (x, y) = area.centre();
        pen.fill(Area { left: x - 9.0, top: y - 8.0, width: 18.0, height: 16.0 }, WHITE);
        pen.text(MISSING, (x, y), Lettered::new(size, GREY, Anchor::Middle));
    }
}

/// What a mark in a tile means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Home,
    Significant,
    Interval,
    SharedNames,
    Incomplete,
    Missing,
}

impl Key {
    fn label(self) -> &'static str {
        match self {
            Key::Home => "in-domain; its colour may end with the scale",
            Key::Significant => "differs from zero at 5 %, Holm over the row",
            Key::Interval => "95 % interval",
            Key::SharedNames => "class names in both datasets",
            Key::Incomplete => "fewer seeds than planned",
            Key::Missing => "not there",
        }
    }

    fn draw(self, pen: &mut Pen, area: Area) {
        let mut sign = |text: &str, size: f64| {
            pen.text(text, area.centre(), Lettered::new(size, BLACK, Anchor::Middle));
        };
        match self {
            Key::Home => pen.outline(area.inset(1.0), BLACK, 2.0),
            Key::Significant => sign("*", 15.0),
            Key::Interval => sign("a to b", 7.5),
            Key::Incomplete => sign("†", 12.0),
            Key::SharedNames => {
                pen.outline(area, GREY, 0.6);
                draw_corner(pen, area, BLACK, 7.0);
            }
            Key::Missing => draw_missing(pen, area, 0.0),
        }
    }
}
