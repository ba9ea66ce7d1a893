//! Datasets and few-shot sampling against real split files and CoOp's published picks.
//!
//! The published index files come from another project's run of CoOp's sampler, so they check the reader's
//! order and CPython's generator at once. Nothing of the real files is copied into the project.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::datasets::{Dataset, Example, FewShot, PythonRandom, sample_few_shot};
use clsrl_spec::DatasetId;
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize)]
struct RandomVectors {
    seeds: BTreeMap<u64, SeedVectors>,
}

#[derive(Deserialize)]
struct SeedVectors {
    getrandbits32_first10: Vec<u32>,
    random_first5: Vec<String>,
    sample: Vec<SampleVector>,
    shuffle30: Vec<usize>,
    choices_n5_k8: Vec<usize>,
}

#[derive(Deserialize)]
struct SampleVector {
    n: usize,
    k: usize,
    out: Vec<usize>,
}

#[test]
fn random_numbers_are_those_of_cpython() {
    let Some(shared) = shared() else { return };
    let vectors: RandomVectors = read_json(&shared.join("data/fewshot/python_random_vectors.json"));
    for (&seed, expected) in &vectors.seeds {
        let mut random = PythonRandom::new(seed);
        let words: Vec<u32> = (0..10).map(|_| random.getrandbits(32)).collect();
        assert_eq!(words, expected.getrandbits32_first10, "seed {seed}");

        let mut random = PythonRandom::new(seed);
        let units: Vec<f64> = (0..5).map(|_| random.random()).collect();
        let expected_units: Vec<f64> =
            expected.random_first5.iter().map(|text| hex_float(text)).collect();
        assert_eq!(units, expected_units, "seed {seed}");

        let mut random = PythonRandom::new(seed);
        for case in &expected.sample {
            assert_eq!(random.sample(case.n, case.k), case.out, "seed {seed}");
        }

        let mut items: Vec<usize> = (0..30).collect();
        PythonRandom::new(seed).shuffle(&mut items);
        assert_eq!(items, expected.shuffle30, "seed {seed}");

        let mut random = PythonRandom::new(seed);
        let choices: Vec<usize> = (0..8).map(|_| (random.random() * 5.0) as usize).collect();
        assert_eq!(choices, expected.choices_n5_k8, "seed {seed}");
    }
    assert!(!vectors.seeds.is_empty());
}

/// Reads Python's `float.hex()` of a number in (0, 1).
fn hex_float(text: &str) -> f64 {
    let (digits, exponent) = text.strip_prefix("0x1.").unwrap().split_once('p').unwrap();
    let fraction =
        u64::from_str_radix(digits, 16).unwrap() as f64 / 16f64.powi(digits.len() as i32);
    (1.0 + fraction) * 2f64.powi(exponent.parse().unwrap())
}

/// The published picks of one setting: positions in the split file's lists.
#[derive(Deserialize)]
struct Picks {
    train: Vec<usize>,
    val: Vec<usize>,
}

/// Compares all settings of a dataset's index file; they are named `shot_4-seed_1`.
fn check_picks(shared: &Path, dataset: &Dataset) {
    let published = published_picks(shared, dataset.id);
    assert_eq!(published.len(), 15, "5 shots and 3 seeds");
    for (&(shots, seed), expected) in &published {
        let FewShot { train, val } = sample_few_shot(dataset, shots, seed);
        assert_eq!(train, expected.train, "{} train, {shots} shots, seed {seed}", dataset.id);
        assert_eq!(val, expected.val, "{} val, {shots} shots, seed {seed}", dataset.id);
    }
}

fn published_picks(shared: &Path, id: DatasetId) -> BTreeMap<(usize, u64), Picks> {
    let path = shared.join(format!("data/fewshot/indices_{id}.json"));
    let by_name: BTreeMap<String, Picks> = read_json(&path);
    by_name.into_iter().map(|(name, picks)| (parse_setting(&name), picks)).collect()
}

fn parse_setting(name: &str) -> (usize, u64) {
    let (shots, seed) = name.strip_prefix("shot_").unwrap().split_once("-seed_").unwrap();
    (shots.parse().unwrap(), seed.parse().unwrap())
}

fn check_split_file(id: DatasetId, file: &str, n_images: [usize; 3]) {
    let Some(shared) = shared() else { return };
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(id.folder());
    fs::create_dir(&dir).unwrap();
    fs::copy(shared.join("data/splits").join(file), dir.join(file)).unwrap();

    let dataset = Dataset::open(id, root.path()).unwrap();
    assert_eq!([dataset.train.len(), dataset.val.len(), dataset.test.len()], n_images);
    let names = fs::read_to_string(shared.join(format!("data/classnames/{id}.txt"))).unwrap();
    assert_eq!(dataset.class_names, names.lines().collect::<Vec<_>>());
    check_picks(&shared, &dataset);
}

#[test]
fn caltech101_gives_the_published_picks() {
    check_split_file(DatasetId::Caltech101, "split_zhou_Caltech101.json", [4128, 1649, 2465]);
}

#[test]
fn dtd_gives_the_published_picks() {
    check_split_file(DatasetId::Dtd, "split_zhou_DescribableTextures.json", [2820, 1128, 1692]);
}

#[test]
fn eurosat_gives_the_published_picks() {
    check_split_file(DatasetId::Eurosat, "split_zhou_EuroSAT.json", [13500, 5400, 8100]);
}

#[test]
fn oxford_pets_gives_the_published_picks() {
    check_split_file(DatasetId::OxfordPets, "split_zhou_OxfordPets.json", [2944, 736, 3669]);
}

#[test]
fn stanford_cars_gives_the_published_picks() {
    check_split_file(DatasetId::StanfordCars, "split_zhou_StanfordCars.json", [6509, 1635, 8041]);
}

/// Food101 and SUN397: the split file is not at hand, but its classes stand in blocks of equal size.
fn check_equal_blocks(id: DatasetId, file: &str, n_classes: usize, sizes: [usize; 2]) {
    let Some(shared) = shared() else { return };
    let list = |split: &str, size: usize| -> Vec<(String, usize, String)> {
        let row =
            |idx: usize| (format!("{split}{idx}.jpg"), idx / size, format!("class {}", idx / size));
        (0..n_classes * size).map(row).collect()
    };
    let (train, val) = (list("train", sizes[0]), list("val", sizes[1]));
    let split = serde_json::json!({ "train": train, "val": val, "test": [] });
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(id.folder());
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join(file), split.to_string()).unwrap();
    check_picks(&shared, &Dataset::open(id, root.path()).unwrap());
}

#[test]
fn food101_gives_the_published_picks() {
    check_equal_blocks(DatasetId::Food101, "split_zhou_Food101.json", 101, [500, 200]);
}

#[test]
fn sun397_gives_the_published_picks() {
    check_equal_blocks(DatasetId::Sun397, "split_zhou_SUN397.json", 397, [40, 10]);
}

/// The lists are known in part: where unknown rows stand between two classes, the one border under which
/// all published picks come out is found first, and must exist.
#[test]
fn fgvc_aircraft_gives_the_published_picks() {
    let Some(shared) = shared() else { return };
    let partial: BTreeMap<String, BTreeMap<usize, (String, usize, String)>> =
        read_json(&shared.join("data/splits/partial_fgvc_aircraft.json"));
    let published = published_picks(&shared, DatasetId::FgvcAircraft);
    let mut generators: Vec<PythonRandom> =
        published.keys().map(|(_, seed)| PythonRandom::new(*seed)).collect();
    let names = fs::read_to_string(shared.join("data/classnames/fgvc_variants.txt")).unwrap();

    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("fgvc_aircraft");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("variants.txt"), &names).unwrap();
    fs::write(dir.join("images_variant_test.txt"), "").unwrap();
    for (split, n_rows) in [("train", 3334), ("val", 3333)] {
        let picks: Vec<(usize, &[usize])> = published
            .iter()
            .map(|((shots, _), picks)| match split {
                "train" => (*shots, picks.train.as_slice()),
                _ => ((*shots).min(4), picks.val.as_slice()),
            })
            .collect();
        let known = &partial[split];
        let sizes = find_class_sizes(known, n_rows, &picks, &mut generators);
        let mut text = String::new();
        let labels = sizes.iter().enumerate().flat_map(|(label, size)| vec![label; *size]);
        for (idx, label) in labels.enumerate() {
            let name = names.lines().nth(label).unwrap();
            assert!(known.get(&idx).is_none_or(|row| row.1 == label && row.2 == name));
            writeln!(text, "{}{idx:06} {name}", split.len()).unwrap();
        }
        fs::write(dir.join(format!("images_variant_{split}.txt")), text).unwrap();
    }
    let dataset = Dataset::open(DatasetId::FgvcAircraft, root.path()).unwrap();
    assert_eq!(dataset.train[33].path, "5000033.jpg");
    check_picks(&shared, &dataset);
}

/// Walks the classes with one generator per setting; a border that spoils a pick is dropped.
fn find_class_sizes(
    known: &BTreeMap<usize, (String, usize, String)>,
    n_rows: usize,
    picks: &[(usize, &[usize])],
    generators: &mut Vec<PythonRandom>,
) -> Vec<usize> {
    let rows_of =
        |class: usize| known.iter().filter(move |(_, row)| row.1 == class).map(|(idx, _)| *idx);
    let mut states = vec![(Vec::new(), 0, std::mem::take(generators))];
    for class in 0..100 {
        let last = rows_of(class).max().unwrap();
        let next = rows_of(class + 1).min().unwrap_or(n_rows);
        let mut kept = Vec::new();
        for (sizes, start, generators) in states {
            for end in last + 1..=next {
                let mut generators: Vec<PythonRandom> = generators.clone();
                let fits = picks.iter().zip(&mut generators).all(|((shots, picks), generator)| {
                    let drawn = generator.sample(end - start, *shots);
                    let published = &picks[class * shots..][..*shots];
                    drawn.iter().zip(published).all(|(drawn, pick)| start + drawn == *pick)
                });
                if fits {
                    let sizes: Vec<usize> = [sizes.as_slice(), &[end - start]].concat();
                    kept.push((sizes, end, generators));
                }
            }
        }
        states = kept.into_iter().filter(|(_, end, _)| class < 99 || *end == n_rows).collect();
    }
    let [(sizes, _, states)] = <[_; 1]>::try_from(states).expect("one way fits");
    *generators = states;
    sizes
}

#[derive(Deserialize)]
struct PickedPaths {
    train: Vec<String>,
    val: Vec<String>,
}

#[test]
fn the_small_real_sets_give_the_expected_images_and_all_of_them_exist() {
    let Some(shared) = shared() else { return };
    let data_dir = shared.join("data/coop");
    let expected: BTreeMap<String, BTreeMap<String, PickedPaths>> =
        read_json(&shared.join("data/fewshot/mini_expected.json"));
    for (key, id) in [("dtd", DatasetId::Dtd), ("stanford_cars_bboxcrops", DatasetId::StanfordCars)]
    {
        let dataset = Dataset::open(id, &data_dir).unwrap();
        assert!(!dataset.is_synthetic());
        for (setting, expected) in &expected[key] {
            let (shots, seed) = parse_setting(setting);
            let picks = sample_few_shot(&dataset, shots, seed);
            assert_eq!(paths(&dataset.train, &picks.train), expected.train, "{key} {setting}");
            assert_eq!(paths(&dataset.val, &picks.val), expected.val, "{key} {setting}");
        }
        for example in dataset.train.iter().chain(&dataset.val).chain(&dataset.test) {
            assert!(dataset.image_path(example).unwrap().is_file());
        }
    }
}

fn paths<'a>(examples: &'a [Example], picks: &[usize]) -> Vec<&'a str> {
    picks.iter().map(|pick| examples[*pick].path.as_str()).collect()
}

#[test]
fn imagenet_opens_without_its_training_images() {
    let Some(shared) = shared() else { return };
    let dataset = Dataset::open(DatasetId::ImageNet, &shared.join("data/coop")).unwrap();
    assert!(dataset.train.is_empty());
    assert_eq!(dataset.test, dataset.val);
    assert_eq!(dataset.class_names[0], "tench");
    assert_eq!(dataset.test[0].path, "val/n01440764/n01440764_tench.JPEG");
    for example in &dataset.test {
        assert!(dataset.image_path(example).unwrap().is_file());
    }
    assert_eq!(dataset.test.len(), dataset.class_names.len(), "one image per class");
}

fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let dir = std::env::var_os("CLSRL_SHARED").map_or(default.into(), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: `{}` is not there", dir.display());
    None
}
