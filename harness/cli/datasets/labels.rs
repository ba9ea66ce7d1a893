//! Into which folder each of ImageNet's validation images goes, from its development kit.

use std::path::Path;

use anyhow::{Context, anyhow};
use clsrl_data::datasets::imagenet_validation_folders;
use clsrl_sources::{Limits, Packing, Piece, Unpacking, read_unpacked};

/// The two files of the kit, and the most bytes of each.
const META: &str = "meta.mat";
const GROUND_TRUTH: &str = "ILSVRC2012_validation_ground_truth.txt";
const KIT: &str = "ILSVRC2012_devkit_t12/data";
const MAX_BYTES: u64 = 16 << 20;

/// Reads the labels from the kit's archive, by way of a temporary folder below `dir`.
pub fn validation_folders(kit: &Path, dir: &Path) -> anyhow::Result<Vec<String>> {
    let pieces = [META, GROUND_TRUTH]
        .map(|name| Piece { from: format!("{KIT}/{name}"), to: name.to_owned() });
    let unpacking = Unpacking {
        archive: kit,
        packing: &Packing::Archive,
        pieces: &pieces,
        folders: &[],
        limits: &Limits::DATASETS,
    };
    read_unpacked(&unpacking, dir, |dir| {
        let meta = clsrl_files::read(&dir.join(META), MAX_BYTES).context(META)?;
        let labels = clsrl_files::read_to_string(&dir.join(GROUND_TRUTH), MAX_BYTES)
            .context(GROUND_TRUTH)?;
        imagenet_validation_folders(&meta, &labels)
            .map_err(|fault| anyhow!("`{}`: {fault}", kit.display()))
    })
}
