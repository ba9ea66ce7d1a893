//! The eight shapes, as sets of points.

/// A shape. Its points lie within about 1 of the origin; it stands upright where y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A filled circle.
    Disk,
    /// A filled square.
    Square,
    /// A filled triangle, its tip up.
    Triangle,
    /// A circle with a hole.
    Ring,
    /// A plus sign.
    Cross,
    /// A star with five round tips.
    Star,
    /// Two upright bars.
    Bars,
    /// The whole image.
    Full,
}

impl Shape {
    /// The shape's name in a description.
    pub fn word(self) -> &'static str {
        match self {
            Shape::Disk => "disk",
            Shape::Square => "square",
            Shape::Triangle => "triangle",
            Shape::Ring => "ring",
            Shape::Cross => "cross",
            Shape::Star => "star",
            Shape::Bars => "bars",
            Shape::Full => "full",
        }
    }

    /// Whether the point (u, v) belongs to the shape.
    pub fn contains(self, u: f64, v: f64) -> bool {
        let (across, down) = (u.abs(), v.abs());
        let radius = (u * u + v * v).sqrt();
        match self {
            Shape::Disk => radius < 0.95,
            Shape::Square => across.max(down) < 0.82,
            Shape::Triangle => v < 0.7 && 2.1 * across - 1.05 < v,
            Shape::Ring => 0.5 < radius && radius < 1.0,
            Shape::Cross => (across < 0.3 || down < 0.3) && across.max(down) < 1.0,
            Shape::Star => radius < 0.62 + 0.36 * cos_of_five_angles(u, radius),
            Shape::Bars => 0.22 < across && across < 0.75 && down < 0.95,
            Shape::Full => true,
        }
    }
}

/// The cosine of five times the angle of a point, by Chebyshev's polynomial of the angle's cosine.
fn cos_of_five_angles(u: f64, radius: f64) -> f64 {
    if radius == 0.0 {
        return 1.0; // the centre has no angle and lies within the star at any
    }
    let cos = u / radius;
    let square = cos * cos;
    cos * (5.0 - square * (20.0 - 16.0 * square))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: Shape, inside: &[(f64, f64)], outside: &[(f64, f64)]) {
        for &(u, v) in inside {
            assert!(shape.contains(u, v), "({u}, {v}) is outside of {shape:?}");
        }
        for &(u, v) in outside {
            assert!(!shape.contains(u, v), "({u}, {v}) is inside of {shape:?}");
        }
    }

    #[test]
    fn shapes_hold_their_points() {
        check(Shape::Disk, &[(0.0, 0.9)], &[(0.7, 0.7)]);
        check(Shape::Square, &[(0.8, 0.8)], &[(0.0, 0.9)]);
        check(Shape::Triangle, &[(0.0, -1.0), (0.8, 0.65)], &[(0.3, -0.9), (0.0, 0.75)]);
        check(Shape::Ring, &[(0.0, 0.9)], &[(0.0, 0.0)]);
        check(Shape::Cross, &[(0.0, 0.9), (0.9, 0.0)], &[(0.5, 0.5)]);
        check(Shape::Star, &[(0.0, 0.0), (0.9, 0.0)], &[(-0.9, 0.0)]);
        check(Shape::Bars, &[(0.5, 0.9), (-0.5, 0.9)], &[(0.0, 0.0)]);
        check(Shape::Full, &[(5.0, -5.0)], &[]);
    }

    #[test]
    fn five_angles_equal_the_library() {
        for step in 0..100 {
            let angle = f64::from(step) / 16.0;
            let (u, v) = (0.4 * angle.cos(), 0.4 * angle.sin());
            let radius = (u * u + v * v).sqrt();
            assert!((cos_of_five_angles(u, radius) - (5.0 * angle).cos()).abs() < 1e-12);
        }
    }
}
