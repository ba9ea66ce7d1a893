//! Where a drawn dataset's files lie: names and lists as in the real dataset.
//!
//! Which folders and list files a dataset has is in [`clsrl_data::datasets::Layout`]; what an image is
//! called and what a list says is here.

use clsrl_data::datasets::{Lists, layout_of};
use clsrl_spec::{DatasetId, Stream};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use super::classes::{Class, classes_of};

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is trained on: enough for 16 shots.
    Train,
    /// What settings are chosen on.
    Val,
    /// What is reported.
    Test,
}

impl Part {
    /// All parts, in the order of a split file.
    pub const ALL: [Part; 3] = [Part::Train, Part::Val, Part::Test];

    /// The part's name in a split file.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Val => "val",
            Part::Test => "test",
        }
    }

    /// Images of one class.
    pub fn per_class(self) -> usize {
        match self {
            Part::Train => 16,
            Part::Val => 4,
            Part::Test => 6,
        }
    }

    /// Images of one class in the parts before this one.
    fn before(self) -> usize {
        Part::ALL.into_iter().take_while(|part| *part != self).map(Part::per_class).sum()
    }
}

/// One image of a drawn dataset.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its part.
    pub part: Part,
    /// Its class's label.
    pub label: usize,
    /// Its class.
    pub class: &'static Class,
    /// Its number among its class's images of the part, from 0.
    pub idx: usize,
    /// Its path as a list of the dataset has it, below `image_folder`.
    pub path: String,
}

/// The folder of a dataset's images, below the data root; listed paths start there.
pub fn image_folder(dataset: DatasetId) -> String {
    format!("{}/{}", dataset.folder(), layout_of(dataset).image_prefix)
}

/// A dataset's images, part by part in the order of its lists.
pub fn entries_of(dataset: DatasetId, seed: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    for part in parts_of(dataset) {
        let first = entries.len();
        for (label, class) in classes_of(dataset).iter().enumerate() {
            entries.extend((0..part.per_class()).map(|idx| {
                let path = path_of(dataset, class, label, *part, idx);
                Entry { part: *part, label, class, idx, path }
            }));
        }
        // The real lists of these two are not sorted by label.
        if matches!(dataset, DatasetId::StanfordCars | DatasetId::OxfordFlowers) {
            let mut order = Stream::new(seed, &["drawn", dataset.as_str(), part.name(), "order"]);
            order.shuffle(&mut entries[first..]);
        }
    }
    entries
}

/// ImageNet has no validation part: its `val` folder is the test set.
fn parts_of(dataset: DatasetId) -> &'static [Part] {
    match dataset {
        DatasetId::ImageNet => &[Part::Train, Part::Test],
        _ => &Part::ALL,
    }
}

fn path_of(dataset: DatasetId, class: &Class, label: usize, part: Part, idx: usize) -> String {
    let folder = class.folder;
    let in_class = part.before() + idx + 1; // from 1, over all parts
    let in_dataset = label * Part::ALL.map(Part::per_class).iter().sum::<usize>() + in_class;
    match dataset {
        DatasetId::ImageNet if part == Part::Train => {
            format!("train/{folder}/{folder}_{in_class}.JPEG")
        }
        DatasetId::ImageNet => format!("val/{folder}/ILSVRC2012_val_{in_dataset:08}.JPEG"),
        DatasetId::Caltech101 => format!("{folder}/image_{in_class:04}.jpg"),
        DatasetId::OxfordPets => format!("{folder}_{in_class}.jpg"),
        DatasetId::StanfordCars if part == Part::Test => {
            format!("cars_test/{:05}.jpg", label * Part::Test.per_class() + idx + 1)
        }
        DatasetId::StanfordCars => {
            format!("cars_train/{:05}.jpg", label * Part::Test.before() + in_class)
        }
        DatasetId::OxfordFlowers => format!("image_{in_dataset:05}.jpg"),
        DatasetId::Food101 => format!("{folder}/{}.jpg", 1_000_000 + 4_099 * in_dataset),
        DatasetId::FgvcAircraft => format!("{in_dataset:07}.jpg"),
        DatasetId::Sun397 => format!("{folder}/sun_a{}.jpg", letters(class.name, in_class)),
        DatasetId::Dtd => format!("{folder}/{folder}_{in_class:04}.jpg"),
        DatasetId::Eurosat => format!("{folder}/{folder}_{in_class}.jpg"),
        DatasetId::Ucf101 => {
            format!("{folder}/v_{}_g{in_class:02}_c01.jpg", folder.replace('_', ""))
        }
    }
}

/// Fifteen letters that name an image of SUN397, where a name is 16 letters that say nothing.
fn letters(class: &str, number: usize) -> String {
    let mut stream = Stream::new(number as u64, &["drawn", "sun397 file name", class]);
    (0..15).map(|_| char::from(b'a' + stream.below(26) as u8)).collect()
}

/// A dataset's lists: path below the data root, and content.
pub fn lists_of(dataset: DatasetId, entries: &[Entry]) -> Vec<(String, String)> {
    let folder = dataset.folder();
    match &layout_of(dataset).lists {
        Lists::WordNetFolders { class_names } => {
            let lines = lines_of(classes_of(dataset), |c| format!("{} {}", c.folder, c.name));
            vec![(format!("{folder}/{class_names}"), lines)]
        }
        Lists::VariantFiles { files: [variants_file, lists @ ..] } => {
            let variants = lines_of(classes_of(dataset), |class| class.name.to_owned());
            let mut files = vec![(format!("{folder}/{variants_file}"), variants)];
            files.extend(lists.iter().zip(Part::ALL).map(|(list, part)| {
                let of_part: Vec<&Entry> = entries.iter().filter(|e| e.part == part).collect();
                let lines = lines_of(&of_part, |entry| {
                    format!("{} {}", entry.path.trim_end_matches(".jpg"), entry.class.name)
                });
                (format!("{folder}/{list}"), lines)
            }));
            files
        }
        Lists::SplitFile(file) => {
            vec![(format!("{folder}/{}", file.name), split_json(entries))]
        }
    }
}

fn lines_of<T>(items: &[T], line: impl Fn(&T) -> String) -> String {
    items.iter().map(|item| line(item) + "\n").collect()
}

/// The split file as CoOp's `json.dump(…, indent=4, separators=(",", ": "))` writes it.
fn split_json(entries: &[Entry]) -> String {
    let rows = |part| {
        let of_part = entries.iter().filter(move |entry| entry.part == part);
        of_part.map(|entry| (entry.path.as_str(), entry.label, entry.class.name)).collect()
    };
    let split =
        SplitFile { train: rows(Part::Train), val: rows(Part::Val), test: rows(Part::Test) };
    json_text(&split)
}

/// The keys of a split file, in its order.
#[derive(Serialize)]
struct SplitFile<'a> {
    train: Vec<(&'a str, usize, &'a str)>,
    val: Vec<(&'a str, usize, &'a str)>,
    test: Vec<(&'a str, usize, &'a str)>,
}

/// JSON with an indent of four, as Python writes it.
pub fn json_text(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    value.serialize(&mut serializer).expect("plain values are written to memory");
    String::from_utf8(text).expect("JSON is UTF-8")
}
