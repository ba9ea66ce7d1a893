//! The 88 classes of the drawn datasets: eight real class names of each of the eleven, in label order.
//!
//! A class looks the same in pre-training and in its dataset (only the style differs), and no two
//! classes look alike. Names and folders are those of the real datasets.

use clsrl_spec::DatasetId;

use super::{
    colour::Hue::{self, Blue, Cyan, Green, Lime, Orange, Pink, Red, Violet},
    image::Look,
    shape::Shape::{self, Bars, Cross, Disk, Full, Ring, Square, Star, Triangle},
    texture::Texture::{self, Checked, Dotted, Plain, Striped},
};

/// One class of a drawn dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The name as the dataset stores it.
    pub name: &'static str,
    /// The folder, or for OxfordPets the beginning of the file name, that the real dataset gives the
    /// class; empty where its files say no class.
    pub folder: &'static str,
    /// What its images show.
    pub look: Look,
    /// How often pre-training shows it, relative to other classes: some are rare, as in a real
    /// pre-training set, so that fine-tuning has something to teach.
    pub frequency: usize,
}

/// The classes of a dataset, in label order.
pub fn classes_of(dataset: DatasetId) -> &'static [Class; 8] {
    match dataset {
        DatasetId::ImageNet => &IMAGENET,
        DatasetId::Caltech101 => &CALTECH101,
        DatasetId::OxfordPets => &OXFORD_PETS,
        DatasetId::StanfordCars => &STANFORD_CARS,
        DatasetId::OxfordFlowers => &OXFORD_FLOWERS,
        DatasetId::Food101 => &FOOD101,
        DatasetId::FgvcAircraft => &FGVC_AIRCRAFT,
        DatasetId::Sun397 => &SUN397,
        DatasetId::Dtd => &DTD,
        DatasetId::Eurosat => &EUROSAT,
        DatasetId::Ucf101 => &UCF101,
    }
}

const fn class(
    name: &'static str,
    folder: &'static str,
    (shape, hue, texture): (Shape, Hue, Texture),
    frequency: usize,
) -> Class {
    Class { name, folder, look: Look { shape, hue, texture }, frequency }
}

const IMAGENET: [Class; 8] = [
    class("tench", "n01440764", (Disk, Red, Plain), 20),
    class("goldfish", "n01443537", (Square, Green, Striped), 20),
    class("great white shark", "n01484850", (Triangle, Violet, Checked), 10),
    class("hen", "n01514859", (Ring, Orange, Dotted), 3),
    class("ostrich", "n01518878", (Cross, Cyan, Striped), 20),
    class("American robin", "n01558993", (Star, Pink, Checked), 20),
    class("bald eagle", "n01614925", (Bars, Lime, Dotted), 10),
    class("tree frog", "n01644373", (Full, Blue, Plain), 3),
];

const CALTECH101: [Class; 8] = [
    class("face", "Faces", (Ring, Orange, Striped), 20),
    class("leopard", "Leopards", (Star, Violet, Checked), 20),
    class("motorbike", "Motorbikes", (Disk, Green, Dotted), 10),
    class("accordion", "accordion", (Bars, Red, Plain), 3),
    class("airplane", "airplanes", (Square, Blue, Checked), 20),
    class("anchor", "anchor", (Full, Lime, Dotted), 20),
    class("barrel", "barrel", (Triangle, Pink, Plain), 10),
    class("butterfly", "butterfly", (Cross, Cyan, Checked), 3),
];

const OXFORD_PETS: [Class; 8] = [
    class("abyssinian", "Abyssinian", (Disk, Red, Checked), 20),
    class("beagle", "beagle", (Star, Orange, Dotted), 20),
    class("bengal", "Bengal", (Disk, Lime, Plain), 10),
    class("boxer", "boxer", (Star, Green, Striped), 3),
    class("pug", "pug", (Disk, Cyan, Dotted), 20),
    class("samoyed", "samoyed", (Star, Blue, Plain), 20),
    class("siamese", "Siamese", (Disk, Violet, Striped), 10),
    class("sphynx", "Sphynx", (Star, Pink, Dotted), 3),
];

const STANFORD_CARS: [Class; 8] = [
    class("2012 Audi S4 Sedan", "", (Bars, Blue, Plain), 20),
    class("2007 BMW X5 SUV", "", (Bars, Green, Checked), 3),
    class("2010 BMW M6 Convertible", "", (Bars, Pink, Dotted), 3),
    class("2012 BMW X3 SUV", "", (Square, Lime, Dotted), 20),
    class("2012 FIAT 500 Abarth", "", (Square, Red, Striped), 10),
    class("2009 Ford Expedition EL SUV", "", (Square, Cyan, Checked), 10),
    class("2012 Hyundai Genesis Sedan", "", (Bars, Orange, Striped), 20),
    class("2012 Volvo C30 Hatchback", "", (Square, Violet, Plain), 20),
];

const OXFORD_FLOWERS: [Class; 8] = [
    class("pink primrose", "", (Star, Green, Plain), 20),
    class("sweet pea", "", (Ring, Cyan, Striped), 20),
    class("tiger lily", "", (Star, Blue, Checked), 10),
    class("snapdragon", "", (Ring, Violet, Dotted), 3),
    class("corn poppy", "", (Star, Orange, Plain), 10),
    class("daffodil", "", (Star, Pink, Striped), 20),
    class("petunia", "", (Ring, Lime, Plain), 3),
    class("sunflower", "", (Ring, Red, Checked), 20),
];

const FOOD101: [Class; 8] = [
    class("apple_pie", "apple_pie", (Disk, Red, Striped), 20),
    class("baklava", "baklava", (Triangle, Blue, Checked), 20),
    class("bibimbap", "bibimbap", (Disk, Lime, Dotted), 10),
    class("carrot_cake", "carrot_cake", (Triangle, Pink, Striped), 3),
    class("churros", "churros", (Disk, Cyan, Checked), 20),
    class("donuts", "donuts", (Triangle, Orange, Dotted), 20),
    class("guacamole", "guacamole", (Disk, Violet, Plain), 10),
    class("hamburger", "hamburger", (Triangle, Green, Striped), 3),
];

const FGVC_AIRCRAFT: [Class; 8] = [
    class("707-320", "", (Cross, Cyan, Dotted), 20),
    class("737-200", "", (Triangle, Pink, Dotted), 20),
    class("747-400", "", (Cross, Lime, Plain), 10),
    class("777-300", "", (Triangle, Blue, Striped), 3),
    class("A320", "", (Cross, Red, Dotted), 20),
    class("A380", "", (Triangle, Green, Plain), 20),
    class("DC-10", "", (Cross, Violet, Striped), 10),
    class("Spitfire", "", (Triangle, Orange, Checked), 3),
];

const SUN397: [Class; 8] = [
    class("abbey", "a/abbey", (Full, Blue, Dotted), 20),
    class("alley", "a/alley", (Bars, Violet, Plain), 20),
    class("aquarium", "a/aquarium", (Full, Pink, Striped), 10),
    class("attic", "a/attic", (Bars, Red, Checked), 3),
    class("badlands", "b/badlands", (Full, Orange, Plain), 20),
    class("bathroom", "b/bathroom", (Bars, Lime, Striped), 20),
    class("beach", "b/beach", (Full, Green, Checked), 10),
    class("bridge", "b/bridge", (Bars, Cyan, Dotted), 3),
];

const DTD: [Class; 8] = [
    class("banded", "banded", (Full, Lime, Plain), 20),
    class("blotchy", "blotchy", (Full, Pink, Checked), 20),
    class("braided", "braided", (Full, Cyan, Checked), 10),
    class("bubbly", "bubbly", (Full, Orange, Dotted), 3),
    class("cracked", "cracked", (Full, Violet, Striped), 20),
    class("dotted", "dotted", (Full, Green, Dotted), 20),
    class("grid", "grid", (Full, Red, Dotted), 10),
    class("striped", "striped", (Full, Blue, Striped), 3),
];

const EUROSAT: [Class; 8] = [
    class("Annual Crop Land", "AnnualCrop", (Full, Violet, Checked), 20),
    class("Forest", "Forest", (Square, Orange, Checked), 20),
    class("Highway or Road", "Highway", (Full, Cyan, Dotted), 10),
    class("Industrial Buildings", "Industrial", (Square, Pink, Plain), 3),
    class("Pasture Land", "Pasture", (Full, Lime, Checked), 20),
    class("Residential Buildings", "Residential", (Square, Blue, Dotted), 20),
    class("River", "River", (Full, Red, Plain), 10),
    class("Sea or Lake", "SeaLake", (Square, Green, Checked), 3),
];

const UCF101: [Class; 8] = [
    class("Archery", "Archery", (Cross, Pink, Checked), 20),
    class("Baby_Crawling", "Baby_Crawling", (Ring, Cyan, Dotted), 20),
    class("Basketball", "Basketball", (Bars, Orange, Plain), 10),
    class("Biking", "Biking", (Square, Violet, Striped), 3),
    class("Bowling", "Bowling", (Cross, Green, Dotted), 20),
    class("Diving", "Diving", (Ring, Red, Plain), 20),
    class("Fencing", "Fencing", (Bars, Blue, Striped), 10),
    class("Golf_Swing", "Golf_Swing", (Square, Lime, Checked), 3),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_classes_share_a_name_or_a_look() {
        let classes: Vec<Class> =
            DatasetId::ALL.into_iter().flat_map(|dataset| *classes_of(dataset)).collect();
        let names: BTreeSet<&str> = classes.iter().map(|class| class.name).collect();
        let looks: BTreeSet<Look> = classes.iter().map(|class| class.look).collect();
        assert_eq!((classes.len(), names.len(), looks.len()), (88, 88, 88));
    }
}
