//! Where CoOp's layout puts things: split files, image folders, and where each can be had.
//!
//! Facts only, from CoOp's `DATASETS.md` and `datasets/*.py`.

use clsrl_spec::DatasetId;

/// How a dataset's lists are written down.
pub(crate) enum Lists {
    /// One `split_zhou_*.json`.
    SplitFile {
        /// The file's name inside the dataset's folder.
        name: &'static str,
        /// Its identity on Google Drive, as CoOp publishes it.
        drive_id: &'static str,
    },
    /// Folders named by WordNet id, and `classnames.txt`.
    WordNetFolders,
    /// `variants.txt` and `images_variant_*.txt`.
    VariantFiles,
}

/// How the lists of `id` are written down.
pub(crate) fn lists(id: DatasetId) -> Lists {
    let (name, drive_id) = match id {
        DatasetId::ImageNet => return Lists::WordNetFolders,
        DatasetId::FgvcAircraft => return Lists::VariantFiles,
        DatasetId::Caltech101 => {
            ("split_zhou_Caltech101.json", "1hyarUivQE36mY6jSomru6Fjd-JzwcCzN")
        }
        DatasetId::OxfordPets => {
            ("split_zhou_OxfordPets.json", "1501r8Ber4nNKvmlFVQZ8SeUHTcdTTEqs")
        }
        DatasetId::StanfordCars => {
            ("split_zhou_StanfordCars.json", "1ObCFbaAgVu0I-k_Au-gIUcefirdAuizT")
        }
        DatasetId::OxfordFlowers => {
            ("split_zhou_OxfordFlowers.json", "1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT")
        }
        DatasetId::Food101 => ("split_zhou_Food101.json", "1QK0tGi096I0Ba6kggatX1ee6dJFIcEJl"),
        DatasetId::Sun397 => ("split_zhou_SUN397.json", "1y2RD81BYuiyvebdN-JymPfyWYcd8_MUq"),
        DatasetId::Dtd => {
            ("split_zhou_DescribableTextures.json", "1u3_QfB467jqHgNXC00UIzbLZRQCg2S7x")
        }
        DatasetId::Eurosat => ("split_zhou_EuroSAT.json", "1Ip7yaCWFi0eaOFUGga0lUdVi_DDQth1o"),
        DatasetId::Ucf101 => ("split_zhou_UCF101.json", "1I0S0q91hJfsV9Gf4xDIjgDq4AqBNJb1y"),
    };
    Lists::SplitFile { name, drive_id }
}

/// The folder, inside the dataset's, that the paths of `id`'s lists start from.
pub(crate) fn image_prefix(id: DatasetId) -> &'static str {
    match id {
        DatasetId::Caltech101 => "101_ObjectCategories",
        DatasetId::StanfordCars => "",
        DatasetId::OxfordFlowers => "jpg",
        DatasetId::Sun397 => "SUN397",
        DatasetId::Eurosat => "2750",
        DatasetId::Ucf101 => "UCF-101-midframes",
        DatasetId::ImageNet
        | DatasetId::OxfordPets
        | DatasetId::Food101
        | DatasetId::FgvcAircraft
        | DatasetId::Dtd => "images",
    }
}

/// What to tell whoever lacks a file that Google Drive has under `drive_id`.
pub(crate) fn drive_hint(drive_id: &str) -> String {
    format!(
        "CoOp's DATASETS.md describes the layout; this file is \
         https://drive.google.com/file/d/{drive_id}/view"
    )
}
