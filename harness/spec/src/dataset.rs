//! The eleven datasets: their ids, folders and the question that the paper asks about each.
//!
//! Facts only. How a dataset is read from disk is the business of `clsrl-data`.

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::{EvalSplit, UnknownName};

/// One of the eleven datasets of the CoOp benchmark, in CoOp's table order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumCount,
    VariantArray,
    strum::Display,
    EnumString,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum DatasetId {
    /// ImageNet-1k.
    #[serde(rename = "imagenet")]
    #[strum(serialize = "imagenet")]
    ImageNet,
    /// Caltech-101 without `BACKGROUND_Google` and `Faces_easy`.
    Caltech101,
    /// Oxford-IIIT Pets.
    OxfordPets,
    /// Stanford Cars.
    StanfordCars,
    /// Oxford Flowers 102.
    OxfordFlowers,
    /// Food-101.
    Food101,
    /// FGVC Aircraft, variant level.
    FgvcAircraft,
    /// SUN397.
    Sun397,
    /// Describable Textures.
    Dtd,
    /// EuroSAT, RGB.
    Eurosat,
    /// UCF101, middle frames.
    Ucf101,
}

impl DatasetId {
    /// All eleven, in the order of CoOp's tables.
    pub const ALL: [DatasetId; DatasetId::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The name as it stands in tables.
    pub fn title(self) -> &'static str {
        match self {
            DatasetId::ImageNet => "ImageNet",
            DatasetId::Caltech101 => "Caltech101",
            DatasetId::OxfordPets => "OxfordPets",
            DatasetId::StanfordCars => "StanfordCars",
            DatasetId::OxfordFlowers => "Flowers102",
            DatasetId::Food101 => "Food101",
            DatasetId::FgvcAircraft => "FGVCAircraft",
            DatasetId::Sun397 => "SUN397",
            DatasetId::Dtd => "DTD",
            DatasetId::Eurosat => "EuroSAT",
            DatasetId::Ucf101 => "UCF101",
        }
    }

    /// The dataset's folder below the data root, as CoOp lays it out (CoOp DATASETS.md).
    pub fn folder(self) -> &'static str {
        match self {
            DatasetId::Caltech101 => "caltech-101",
            DatasetId::Food101 => "food-101",
            other => other.as_str(),
        }
    }

    /// Classes of the real dataset, for a plan that is made without data.
    pub fn n_classes(self) -> usize {
        match self {
            DatasetId::ImageNet => 1000,
            DatasetId::Caltech101 | DatasetId::FgvcAircraft => 100,
            DatasetId::OxfordPets => 37,
            DatasetId::StanfordCars => 196,
            DatasetId::OxfordFlowers => 102,
            DatasetId::Food101 | DatasetId::Ucf101 => 101,
            DatasetId::Sun397 => 397,
            DatasetId::Dtd => 47,
            DatasetId::Eurosat => 10,
        }
    }

    /// Images of the real dataset's list, for a plan that is made without data (CoOp's splits;
    /// ImageNet's validation list is its test list).
    pub fn n_images(self, split: EvalSplit) -> usize {
        let (val, test) = match self {
            DatasetId::ImageNet => (50_000, 50_000),
            DatasetId::Caltech101 => (1_649, 2_465),
            DatasetId::OxfordPets => (736, 3_669),
            DatasetId::StanfordCars => (1_635, 8_041),
            DatasetId::OxfordFlowers => (1_633, 2_463),
            DatasetId::Food101 => (20_200, 30_300),
            DatasetId::FgvcAircraft => (3_333, 3_333),
            DatasetId::Sun397 => (3_970, 19_850),
            DatasetId::Dtd => (1_128, 1_692),
            DatasetId::Eurosat => (5_400, 8_100),
            DatasetId::Ucf101 => (1_898, 3_783),
        };
        match split {
            EvalSplit::Val => val,
            EvalSplit::Test => test,
        }
    }

    /// The question that the paper asks about every image (v6 Table 8; the released notebook).
    pub fn question(self) -> &'static str {
        match self {
            DatasetId::Eurosat => "What type of object is in the centered satellite photo?",
            DatasetId::Ucf101 => "What actions is the person performing in the photo?",
            DatasetId::Dtd => "What type of texture is in the photo?",
            DatasetId::FgvcAircraft => "What type of aircraft is in the photo?",
            _ => "What type of object is in the photo?",
        }
    }

    /// The question without a list, where the released open-set scripts ask another one.
    pub fn open_question(self) -> &'static str {
        match self {
            DatasetId::OxfordFlowers => "What type of flower is in the photo?",
            DatasetId::Food101 => "What type of food is in the photo?",
            DatasetId::OxfordPets => "What type of animal is in the photo?",
            other => other.question(),
        }
    }
}

fn unknown(found: &str) -> UnknownName {
    UnknownName::among::<DatasetId>("dataset", found)
}
