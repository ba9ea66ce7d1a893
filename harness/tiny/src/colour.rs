//! Colours: eight named hues, and hue, saturation and value to red, green and blue.

/// One of eight hues, 45 degrees apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hue {
    /// 0 degrees.
    Red,
    /// 45 degrees.
    Orange,
    /// 90 degrees.
    Lime,
    /// 135 degrees.
    Green,
    /// 180 degrees.
    Cyan,
    /// 225 degrees.
    Blue,
    /// 270 degrees.
    Violet,
    /// 315 degrees.
    Pink,
}

impl Hue {
    /// The hue's name in a description.
    pub fn word(self) -> &'static str {
        match self {
            Hue::Red => "red",
            Hue::Orange => "orange",
            Hue::Lime => "lime",
            Hue::Green => "green",
            Hue::Cyan => "cyan",
            Hue::Blue => "blue",
            Hue::Violet => "violet",
            Hue::Pink => "pink",
        }
    }

    /// The hue's angle in degrees.
    pub fn degrees(self) -> f64 {
        f64::from(self as u8) * 45.0
    }
}

/// Red, green and blue, each from 0 to 1, of a hue in degrees (any), a saturation and a value.
pub fn rgb_of(hue_degrees: f64, saturation: f64, value: f64) -> [f64; 3] {
    let sixths = hue_degrees / 60.0;
    let sixths = sixths - 6.0 * (sixths / 6.0).floor(); // in [0, 6]
    let sector = sixths.floor();
    let within = sixths - sector;
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * within);
    let rising = value * (1.0 - saturation * (1.0 - within));
    match sector as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_of_the_hue_circle_are_the_primary_colours() {
        assert_eq!(rgb_of(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(rgb_of(60.0, 1.0, 1.0), [1.0, 1.0, 0.0]);
        assert_eq!(rgb_of(120.0, 1.0, 0.5), [0.0, 0.5, 0.0]);
        assert_eq!(rgb_of(240.0, 1.0, 1.0), [0.0, 0.0, 1.0]);
        assert_eq!(rgb_of(77.0, 0.0, 0.25), [0.25; 3]);
    }

    #[test]
    fn a_hue_repeats_after_a_full_turn() {
        assert_eq!(rgb_of(-60.0, 0.5, 1.0), rgb_of(300.0, 0.5, 1.0));
        assert_eq!(rgb_of(Hue::Pink.degrees() + 60.0, 1.0, 1.0), rgb_of(15.0, 1.0, 1.0));
    }
}
