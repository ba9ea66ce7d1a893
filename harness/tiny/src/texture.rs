//! The four textures: which points of a shape are darkened.

/// A texture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Texture {
    /// Nothing is darkened.
    Plain,
    /// Stripes.
    Striped,
    /// A chessboard.
    Checked,
    /// Dots.
    Dotted,
}

impl Texture {
    /// The texture's name in a description.
    pub fn word(self) -> &'static str {
        match self {
            Texture::Plain => "plain",
            Texture::Striped => "striped",
            Texture::Checked => "checked",
            Texture::Dotted => "dotted",
        }
    }

    /// Whether a point is darkened, from one wave along each of the image's two turned axes.
    pub fn darkens(self, across: f64, down: f64) -> bool {
        match self {
            Texture::Plain => false,
            Texture::Striped => 0.0 < across,
            Texture::Checked => 0.0 < across * down,
            Texture::Dotted => 0.8 < across + down,
        }
    }
}
