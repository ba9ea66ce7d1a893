//! One drawn image: a shape with a hue and a texture, in a style.
//!
//! Numbers are f64 and only `+`, `-`, `*`, `/`, `sqrt` and `floor` touch them, so the same stream
//! draws the same bytes on every machine.

use clsrl_spec::Stream;
use image::{Rgb, RgbImage};

use super::{
    colour::{Hue, rgb_of},
    shape::Shape,
    sine::{cos_turns, sin_turns},
    style::{Range, Style},
    texture::Texture,
};

/// Width and height of a drawn image in pixels.
pub const SIDE: u32 = 56;

/// Waves of a texture over one half of the image, before the style's factor.
const WAVES: f64 = 1.7;

/// What is drawn: the same for every image of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Look {
    /// The shape.
    pub shape: Shape,
    /// The shape's hue.
    pub hue: Hue,
    /// The shape's texture.
    pub texture: Texture,
}

impl Look {
    /// The look in words: `red striped disk`.
    pub fn words(self) -> String {
        format!("{} {} {}", self.hue.word(), self.texture.word(), self.shape.word())
    }
}

/// Draws one image. Everything that the look leaves open comes from the stream.
pub fn draw(look: Look, style: &Style, stream: &mut Stream) -> RgbImage {
    let scene = Scene::draw(look, style, stream);
    let brightness = uniform(stream, [0.9, 1.1]);
    let noise = uniform(stream, style.noise);
    RgbImage::from_fn(SIDE, SIDE, |column, row| {
        let colour = scene.colour_at(axis(column), axis(row));
        Rgb(colour.map(|channel| to_byte(channel * brightness + noise * normal(stream))))
    })
}

/// The centre of a pixel, from -1 to 1.
fn axis(pixel: u32) -> f64 {
    f64::from(2 * pixel + 1) / f64::from(SIDE) - 1.0
}

fn to_byte(channel: f64) -> u8 {
    (channel.clamp(0.0, 1.0) * 255.0 + 0.5) as u8 // rounds half up
}

/// An image without brightness and noise.
struct Scene {
    look: Look,
    sin: f64,
    cos: f64,
    centre: [f64; 2],
    scale: f64,
    frequency: f64,
    phase: f64,
    dark: f64,
    foreground: [f64; 3],
    background: [f64; 3],
    clutter: Vec<Clutter>,
}

/// A disk on top of a scene.
struct Clutter {
    centre: [f64; 2],
    radius: f64,
    colour: [f64; 3],
}

impl Scene {
    fn draw(look: Look, style: &Style, stream: &mut Stream) -> Scene {
        let turns = signed(stream) * style.rotation / 360.0;
        let centre = [signed(stream) * style.position, signed(stream) * style.position];
        let scale = uniform(stream, style.scale);
        let frequency = WAVES * uniform(stream, style.frequency);
        let phase = stream.unit();
        let dark = uniform(stream, style.dark);
        let hue = look.hue.degrees() + style.hue_shift + signed(stream) * style.hue_jitter;
        let foreground =
            rgb_of(hue, uniform(stream, style.saturation), uniform(stream, style.value));
        let background = rgb_of(
            uniform(stream, [0.0, 360.0]),
            uniform(stream, [0.0, style.background_saturation]),
            uniform(stream, [0.25, 0.95]),
        );
        let [fewest, most] = style.clutter;
        let n_clutter = fewest + stream.below(most - fewest + 1);
        let clutter = (0..n_clutter).map(|_| Clutter::draw(stream)).collect();
        let (sin, cos) = (sin_turns(turns), cos_turns(turns));
        #[rustfmt::skip]
        let scene = Scene { look, sin, cos, centre, scale, frequency, phase, dark, foreground, background, clutter };
        scene
    }

    fn colour_at(&self, x: f64, y: f64) -> [f64; 3] {
        if let Some(disk) = self.clutter.iter().rfind(|disk| disk.covers(x, y)) {
            return disk.colour;
        }
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        let across = self.cos * x + self.sin * y;
        let down = self.cos * y - self.sin * x;
        if !self.look.shape.contains(across / self.scale, down / self.scale) {
            return self.background;
        }
        let wave = |along: f64| sin_turns(self.frequency * along + self.phase);
        if self.look.texture.darkens(wave(across), wave(down)) {
            self.foreground.map(|channel| channel * self.dark)
        } else {
            self.foreground
        }
    }
}

impl Clutter {
    fn draw(stream: &mut Stream) -> Clutter {
        let centre = [signed(stream), signed(stream)];
        let radius = uniform(stream, [0.08, 0.2]);
        let hue = uniform(stream, [0.0, 360.0]);
        let colour = rgb_of(hue, uniform(stream, [0.3, 1.0]), uniform(stream, [0.3, 1.0]));
        Clutter { centre, radius, colour }
    }

    fn covers(&self, x: f64, y: f64) -> bool {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        x * x + y * y < self.radius * self.radius
    }
}

fn uniform(stream: &mut Stream, [low, high]: Range) -> f64 {
    low + (high - low) * stream.unit()
}

fn signed(stream: &mut Stream) -> f64 {
    2.0 * stream.unit() - 1.0
}

/// A nearly normal number with mean 0 and variance 1: the sum of four even ones of 16 bits each.
fn normal(stream: &mut Stream) -> f64 {
    let bits = stream.next_u64();
    let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xFFFF).sum();
    const DEVIATION: f64 = 0.577_350_269_189_625_8; // of the sum, where each part is below 1
    ((sum + 2) as f64 / 65536.0 - 2.0) / DEVIATION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::PRETRAINING;

    const LOOK: Look = Look { shape: Shape::Disk, hue: Hue::Red, texture: Texture::Striped };

    #[test]
    fn the_same_stream_draws_the_same_image() {
        let image = |name| draw(LOOK, &PRETRAINING, &mut Stream::new(1, &[name]));
        assert_eq!(image("a"), image("a"));
        assert_ne!(image("a"), image("b"));
    }

    #[test]
    fn noise_has_mean_0_and_variance_1() {
        let mut stream = Stream::new(1, &["noise"]);
        let draws: Vec<f64> = (0..100_000).map(|_| normal(&mut stream)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn a_look_is_told_in_words() {
        assert_eq!(LOOK.words(), "red striped disk");
    }
}
