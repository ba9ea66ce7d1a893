//! Images that cannot become model input, found before the first trial.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use clsrl_data::{
    BoundDataset,
    datasets::{Dataset, Example},
    image::Processor,
    lock::{Decoded, Difference, Hashed, ImageDigests, decode_images, find_misplaced, image_path},
    prompts::UsedImages,
};
use clsrl_spec::{DatasetId, Protocol, lock::Tree};

use crate::{exit::Exit, meter::Meter, progress::Detail};

/// How many are named of one dataset.
const MAX_NAMED: usize = 20;

/// Decodes images with a meter on the terminal; those that were decoded before are not read again.
pub fn decode<'e>(
    dataset: &Dataset,
    examples: impl IntoIterator<Item = &'e Example>,
    digests: &ImageDigests,
    (sidecars, detail): (&Path, Detail),
) -> anyhow::Result<Decoded> {
    let meter = Meter::new(detail, &format!("{}, decoding", dataset.id));
    let progress = |hashed: Hashed| meter.add(hashed);
    let decoded = decode_images(dataset, examples, digests, (sidecars, &progress));
    meter.close();
    Ok(decoded?)
}

/// The images of a dataset's lists that cannot be decoded, of the tree that was just read.
pub fn broken_images(
    dataset: &Dataset,
    tree: &Tree,
    (sidecars, detail): (&Path, Detail),
) -> anyhow::Result<Vec<Difference>> {
    let listed = || dataset.train.iter().chain(&dataset.val).chain(&dataset.test);
    let digests = ImageDigests::as_checked(dataset, sidecars, tree, listed())?;
    // One that is not there is reported by whoever compared the tree.
    let there = listed().filter(|example| digests.get(dataset, example).is_some());
    Ok(decode(dataset, there, &digests, (sidecars, detail))?.broken)
}

/// Fails if an image that is used cannot be decoded, or has a shape that the model cannot take.
pub fn check_images(
    datasets: &BTreeMap<DatasetId, Dataset>,
    used: &BTreeMap<DatasetId, UsedImages>,
    bound: &BTreeMap<DatasetId, BoundDataset>,
    (processor, protocol): (&Processor, &Protocol),
    (sidecars, detail): (&Path, Detail),
) -> anyhow::Result<()> {
    let mut messages = Vec::new();
    for (id, used) in used {
        let (dataset, digests) = (&datasets[id], bound[id].images());
        let decoded = decode(dataset, used.all(), digests, (sidecars, detail))?;
        let mut faults: Vec<String> = decoded.broken.iter().map(Difference::to_string).collect();
        let image = &protocol.image;
        for (examples, order) in [(&used.trained, image.train), (&used.evaluated, image.eval)] {
            let fault = |example: &&Example| {
                let size = decoded.sizes.get(&image_path(dataset, example))?;
                let error = processor.check_size(*size, order).err()?;
                Some(format!("{}: {error}", image_path(dataset, example)))
            };
            faults.extend(examples.iter().filter_map(fault));
        }
        faults.sort();
        faults.dedup();
        messages.extend(section(*id, &faults));
        if !faults.is_empty() {
            messages.extend(find_misplaced(dataset).map(|found| format!("  {found}")));
        }
    }
    if messages.is_empty() {
        return Ok(());
    }
    Err(Exit::Differs.because(anyhow!(
        "images that this run needs cannot be decoded, or have no shape for the model\n{}\n\
         hint: put whole files in their place; `clsrl-bench datasets verify --deep` looks through all lists",
        messages.join("\n")
    )))
}

fn section(id: DatasetId, faults: &[String]) -> Option<String> {
    let mut text = format!("{id}:");
    for fault in faults.iter().take(MAX_NAMED) {
        text += &format!("\n  {fault}");
    }
    if MAX_NAMED < faults.len() {
        text += &format!("\n  ({} more)", faults.len() - MAX_NAMED);
    }
    (!faults.is_empty()).then_some(text)
}
