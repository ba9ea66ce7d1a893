//! The styles of drawn images: one for pre-training and one for each dataset.
//!
//! What the datasets' styles share (hues turned by nearly half the distance between two hue names,
//! paler, noisier, more clutter, more rotation) is what a model can learn on one dataset and use on
//! another. A hue is turned by at most 20 degrees: with more, half of a class's images lie nearer
//! to the next hue's name.

use clsrl_spec::DatasetId;

/// A range of real numbers that is drawn from evenly.
pub type Range = [f64; 2];

/// The ranges from which an image's properties are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Degrees by which every class's hue is turned.
    pub hue_shift: f64,
    /// Largest further turn of one image's hue, in degrees.
    pub hue_jitter: f64,
    /// Saturation of the shape.
    pub saturation: Range,
    /// Value of the shape.
    pub value: Range,
    /// Standard deviation of the noise of each channel, where black is 0 and white is 1.
    pub noise: Range,
    /// Texture waves, as a factor of the usual number.
    pub frequency: Range,
    /// Half the shape's size, where the image's is 1.
    pub scale: Range,
    /// Largest rotation in degrees.
    pub rotation: f64,
    /// Largest distance of the shape's centre from the image's, along each axis.
    pub position: f64,
    /// Factor of the value where the texture darkens.
    pub dark: Range,
    /// Largest saturation of the background.
    pub background_saturation: f64,
    /// Fewest and most disks on top.
    pub clutter: [usize; 2],
}

/// The style of the images that the tiny model is pre-trained on.
pub const PRETRAINING: Style = Style {
    hue_shift: 0.0,
    hue_jitter: 10.0,
    saturation: [0.6, 1.0],
    value: [0.65, 1.0],
    noise: [0.0, 0.05],
    frequency: [0.85, 1.15],
    scale: [0.55, 0.85],
    rotation: 25.0,
    position: 0.2,
    dark: [0.25, 0.45],
    background_saturation: 0.4,
    clutter: [0, 1],
};

/// The style of a dataset's images.
#[rustfmt::skip] // a table
pub fn style_of(dataset: DatasetId) -> Style {
    match dataset { // hue shift, saturation, noise, frequency, scale, rotation, dark
        DatasetId::ImageNet => row(19.5, [0.48, 0.72], [0.046, 0.086], [0.75, 0.92], [0.54, 0.79], 41.0, 0.31),
        DatasetId::Caltech101 => row(15.1, [0.53, 0.77], [0.046, 0.086], [0.69, 0.85], [0.50, 0.75], 43.0, 0.38),
        DatasetId::OxfordPets => row(19.9, [0.42, 0.66], [0.116, 0.156], [0.79, 0.96], [0.53, 0.78], 42.0, 0.40),
        DatasetId::StanfordCars => row(15.4, [0.39, 0.63], [0.052, 0.092], [1.10, 1.34], [0.47, 0.72], 39.0, 0.38),
        DatasetId::OxfordFlowers => row(19.6, [0.43, 0.67], [0.070, 0.110], [0.96, 1.18], [0.54, 0.79], 32.0, 0.31),
        DatasetId::Food101 => row(20.0, [0.44, 0.68], [0.065, 0.105], [1.01, 1.24], [0.50, 0.75], 44.0, 0.33),
        DatasetId::FgvcAircraft => row(19.3, [0.62, 0.86], [0.086, 0.126], [1.02, 1.25], [0.46, 0.71], 56.0, 0.37),
        DatasetId::Sun397 => row(18.9, [0.47, 0.71], [0.073, 0.113], [1.16, 1.42], [0.44, 0.69], 35.0, 0.35),
        DatasetId::Dtd => row(18.0, [0.39, 0.63], [0.086, 0.126], [1.01, 1.23], [0.56, 0.81], 39.0, 0.37),
        DatasetId::Eurosat => row(18.3, [0.56, 0.80], [0.107, 0.147], [0.96, 1.18], [0.50, 0.75], 44.0, 0.37),
        DatasetId::Ucf101 => row(18.6, [0.40, 0.64], [0.119, 0.159], [1.02, 1.25], [0.54, 0.79], 39.0, 0.34),
    }
}

fn row(
    hue_shift: f64,
    saturation: Range,
    noise: Range,
    frequency: Range,
    scale: Range,
    rotation: f64,
    darkest: f64,
) -> Style {
    Style {
        hue_shift,
        hue_jitter: 9.0,
        saturation,
        value: [0.55, 0.95],
        noise,
        frequency,
        scale,
        rotation,
        position: 0.25,
        dark: [darkest, 0.60],
        background_saturation: 0.5,
        clutter: [1, 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dataset_turns_its_hues_by_more_than_20_degrees() {
        for dataset in DatasetId::ALL {
            let shift = style_of(dataset).hue_shift;
            assert!((10.0..=20.0).contains(&shift), "{dataset} turns by {shift}");
        }
    }
}
