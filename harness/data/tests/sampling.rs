//! Few-shot sets by both rules, the halves of base-to-new, and what an evaluation goes through.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::datasets::{
    Dataset, Example, FewShot, FormView, pick_few_shot, picks_digest, sample_few_shot,
    spread_positions,
};
use clsrl_spec::{BaseRule, DatasetId, EvalSplit, Form, ShotRule};
use serde::{Deserialize, de::DeserializeOwned};
use tempfile::TempDir;

/// The datasets whose whole split file is at hand.
const SPLIT_FILES: [(DatasetId, &str); 5] = [
    (DatasetId::Caltech101, "split_zhou_Caltech101.json"),
    (DatasetId::OxfordPets, "split_zhou_OxfordPets.json"),
    (DatasetId::StanfordCars, "split_zhou_StanfordCars.json"),
    (DatasetId::Dtd, "split_zhou_DescribableTextures.json"),
    (DatasetId::Eurosat, "split_zhou_EuroSAT.json"),
];

fn open_split_file(shared: &Path, id: DatasetId, file: &str) -> Dataset {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(id.folder());
    fs::create_dir(&dir).unwrap();
    fs::copy(shared.join("data/splits").join(file), dir.join(file)).unwrap();
    Dataset::open(id, root.path()).unwrap()
}

/// What CoOp's `subsample_classes` gives for one dataset.
#[derive(Deserialize)]
struct Halves {
    base: HalfCounts,
    new: HalfCounts,
}

#[derive(Deserialize)]
struct HalfCounts {
    classes: usize,
    first_label: usize,
    last_label: usize,
    train_val_test: [usize; 3],
    first_class: String,
}

/// Compares one half with its counts, and its lists with each other.
fn check_half(view: &FormView, expected: &HalfCounts) {
    let names = view.class_names();
    assert_eq!(names.len(), expected.classes, "{}", view.dataset().id);
    assert_eq!(names[0], expected.first_class);
    let dataset = view.dataset();
    let lists = [&dataset.train, &dataset.val, &dataset.test];
    for (list, n_expected) in lists.into_iter().zip(expected.train_val_test) {
        let kept: Vec<&Example> = list.iter().filter(|example| view.has(example)).collect();
        assert_eq!(kept.len(), n_expected, "{}", dataset.id);
        for example in &kept {
            let label = view.label_in_half(example).unwrap();
            assert_eq!(label, example.label - expected.first_label, "counted from 0 in the half");
            assert_eq!(names[label], example.class_name, "names stay");
        }
        let labels: BTreeSet<usize> = kept.iter().map(|example| example.label).collect();
        assert_eq!(labels.first(), Some(&expected.first_label));
        assert_eq!(labels.last(), Some(&expected.last_label));
    }
    let evaluated = |split| view.evaluated(split, None).len();
    assert_eq!(evaluated(EvalSplit::Val), expected.train_val_test[1]);
    assert_eq!(evaluated(EvalSplit::Test), expected.train_val_test[2]);
}

#[test]
fn the_halves_are_coops_in_every_count() {
    let Some(shared) = shared() else { return };
    let expected: BTreeMap<String, Halves> =
        read_json(&shared.join("data/fewshot/base_new_counts.json"));
    for (id, file) in SPLIT_FILES {
        let dataset = open_split_file(&shared, id, file);
        let halves = &expected[id.as_str()];
        check_half(&FormView::new(&dataset, Form::Base, BaseRule::Ceil), &halves.base);
        check_half(&FormView::new(&dataset, Form::New, BaseRule::Ceil), &halves.new);
    }
    for (name, halves) in &expected {
        let id: DatasetId = name.parse().unwrap();
        let names = fs::read_to_string(shared.join(format!("data/classnames/{id}.txt"))).unwrap();
        let dataset = one_image_per_class(id, names.lines());
        let check = |form, half: &HalfCounts| {
            let names = FormView::new(&dataset, form, BaseRule::Ceil).class_names();
            assert_eq!(names.len(), half.classes, "{id} {form}");
            assert_eq!(names[0], half.first_class, "{id} {form}");
            assert_eq!(half.classes, half.last_label + 1 - half.first_label);
        };
        check(Form::Base, &halves.base);
        check(Form::New, &halves.new);
    }
}

/// A dataset of which only the class names are at hand.
fn one_image_per_class<'n>(id: DatasetId, names: impl Iterator<Item = &'n str>) -> Dataset {
    let (_root, mut dataset) = imagenet();
    dataset.id = id;
    dataset.class_names = names.map(str::to_owned).collect();
    let row = |(label, name): (usize, &String)| {
        let (path, class_name) = (format!("{label}.jpg"), name.clone());
        Example { index: label, path, label, class_name }
    };
    dataset.train = dataset.class_names.iter().enumerate().map(row).collect();
    dataset
}

#[test]
fn the_papers_halves_have_the_smaller_number_of_base_classes() {
    let n_base = |id: DatasetId| BaseRule::Floor.n_base(id.n_classes());
    assert_eq!(n_base(DatasetId::OxfordPets), 18);
    assert_eq!(n_base(DatasetId::Food101), 50);
    assert_eq!(n_base(DatasetId::Ucf101), 50);
    assert_eq!(n_base(DatasetId::Sun397), 198);

    let Some(shared) = shared() else { return };
    let dtd = open_split_file(&shared, DatasetId::Dtd, SPLIT_FILES[3].1);
    let check = |form, n_classes, n_test| {
        let view = FormView::new(&dtd, form, BaseRule::Floor);
        assert_eq!(view.class_names().len(), n_classes);
        assert_eq!(view.evaluated(EvalSplit::Test, None).len(), n_test);
    };
    check(Form::Base, 23, 828);
    check(Form::New, 24, 864);
    check(Form::FewShot, 47, 1692);
    check(Form::OpenSet, 47, 1692);
}

#[test]
fn a_base_few_shot_set_is_the_base_part_of_the_set_of_all_classes() {
    let Some(shared) = shared() else { return };
    for (id, file) in SPLIT_FILES {
        let dataset = open_split_file(&shared, id, file);
        for rule in [ShotRule::Coop, ShotRule::Notebook { seed: 5 }] {
            let all = pick_few_shot(&dataset, rule, 4, 2);
            let [base, new] = [Form::Base, Form::New]
                .map(|form| FormView::new(&dataset, form, BaseRule::Ceil).few_shot(rule, 4, 2));
            let n_base = BaseRule::Ceil.n_base(id.n_classes());
            let part = |examples: &[Example], picks: &[usize], is_base: bool| -> Vec<usize> {
                let kept = |pick: &&usize| (examples[**pick].label < n_base) == is_base;
                picks.iter().filter(kept).copied().collect()
            };
            assert_eq!(base.train, part(&dataset.train, &all.train, true), "{id}");
            assert_eq!(new.train, part(&dataset.train, &all.train, false), "{id}");
            assert_eq!(base.val, part(&dataset.val, &all.val, true), "{id}");
            assert_eq!(new.val, part(&dataset.val, &all.val, false), "{id}");
        }
    }
}

#[test]
fn no_test_image_is_in_a_few_shot_set() {
    let Some(shared) = shared() else { return };
    for (id, file) in SPLIT_FILES {
        let dataset = open_split_file(&shared, id, file);
        let test: BTreeSet<&str> = dataset.test.iter().map(|row| row.path.as_str()).collect();
        for rule in [ShotRule::Coop, ShotRule::Notebook { seed: 0 }] {
            for (shots, seed) in [(1, 1), (16, 2), (1000, 3)] {
                let FewShot { train, val } = pick_few_shot(&dataset, rule, shots, seed);
                let train = train.iter().map(|pick| &dataset.train[*pick]);
                let val = val.iter().map(|pick| &dataset.val[*pick]);
                let paths: Vec<&str> = train.chain(val).map(|row| row.path.as_str()).collect();
                assert!(paths.iter().all(|path| !test.contains(path)), "{id}");
                let distinct: BTreeSet<&str> = paths.iter().copied().collect();
                assert_eq!(distinct.len(), paths.len(), "{id}: no image twice, none in both");
            }
        }
    }
}

/// Six folders of two training images; the third and the fourth class are both a missile.
fn imagenet() -> (TempDir, Dataset) {
    let root = tempfile::tempdir().unwrap();
    let names = ["tench", "goldfish", "missile", "missile", "ray", "cock"];
    let mut class_names = String::new();
    for (number, name) in names.iter().enumerate() {
        class_names += &format!("n{number} {name}\n");
        for file in ["train/n?/a.JPEG", "train/n?/b.JPEG", "val/n?/v.JPEG"] {
            let file = file.replace('?', &number.to_string());
            write(root.path(), &format!("imagenet/images/{file}"), "");
        }
    }
    write(root.path(), "imagenet/classnames.txt", &class_names);
    let dataset = Dataset::open(DatasetId::ImageNet, root.path()).unwrap();
    (root, dataset)
}

/// CPython: `o = list(range(12)); random.seed(7); random.shuffle(o)` gives
/// 7, 11, 3, 10, 8, 4, 9, 1, 0, 6, 2, 5; image i is of class i / 2.
#[test]
fn the_notebook_takes_the_first_images_of_every_name_from_one_shuffled_list() {
    let (_root, dataset) = imagenet();
    let picks = |shots, trial_seed| {
        pick_few_shot(&dataset, ShotRule::Notebook { seed: 7 }, shots, trial_seed)
    };
    let one_shot = picks(1, 1);
    assert_eq!(one_shot.train, [7, 11, 3, 8, 4, 1], "both missiles may be of one class: 7, 4");
    assert_eq!(one_shot.val, [0; 0]);
    assert_eq!(one_shot, picks(1, 2), "the trial's seed does not matter");
    assert_eq!(picks(2, 1).train, [7, 11, 3, 10, 8, 4, 9, 1, 0, 6, 2, 5]);
    assert_eq!(picks(9, 1), picks(2, 1), "a class with fewer images gives all of them");
    assert_eq!(picks(0, 1).train, [0; 0]);

    let other = pick_few_shot(&dataset, ShotRule::Notebook { seed: 1 }, 1, 1);
    assert_eq!(other.train, [7, 11, 0, 8, 5, 3], "7, 11, 0, 8, 5, 6, 3, …: two from 7, 5");
}

#[test]
fn a_shared_name_may_spend_its_shots_on_one_class() {
    let (_root, dataset) = imagenet();
    let of_missiles = |seed| -> BTreeSet<usize> {
        let picks = pick_few_shot(&dataset, ShotRule::Notebook { seed }, 1, 1).train;
        let missiles =
            picks.into_iter().filter(|pick| dataset.train[*pick].class_name == "missile");
        let labels: Vec<usize> = missiles.map(|pick| dataset.train[pick].label).collect();
        assert_eq!(labels.len(), 2, "one shot for each of the two classes");
        labels.into_iter().collect()
    };
    let sets: BTreeSet<BTreeSet<usize>> = (0..50).map(of_missiles).collect();
    assert_eq!(sets.len(), 3, "{{2}}, {{3}} and {{2, 3}} all occur");
}

#[test]
fn coops_rule_is_coops_sampler() {
    let (_root, dataset) = imagenet();
    for seed in 1..=3 {
        let picks = pick_few_shot(&dataset, ShotRule::Coop, 1, seed);
        assert_eq!(picks, sample_few_shot(&dataset, 1, seed));
    }
}

#[test]
fn halves_without_training_images_are_cut_from_the_list_of_classes() {
    let (root, _) = imagenet();
    fs::remove_dir_all(root.path().join("imagenet/images/train")).unwrap();
    let dataset = Dataset::open(DatasetId::ImageNet, root.path()).unwrap();
    let view = FormView::new(&dataset, Form::New, BaseRule::Ceil);
    assert_eq!(view.class_names(), ["missile", "ray", "cock"]);
    assert_eq!(view.evaluated(EvalSplit::Test, None).len(), 3);
}

#[test]
fn a_limit_spreads_over_the_whole_list() {
    let spread = |n_items, n_wanted| spread_positions(n_items, n_wanted).collect::<Vec<_>>();
    assert_eq!(spread(10, 4), [0, 2, 5, 7]);
    assert_eq!(spread(8100, 10)[9], 7290);
    assert_eq!(spread(3, 3), [0, 1, 2]);
    assert_eq!(spread(3, 9), [0, 1, 2]);
    assert_eq!(spread(3, 0), [0; 0]);
    assert_eq!(spread(0, 3), [0; 0]);

    let (_root, dataset) = imagenet();
    let view = FormView::new(&dataset, Form::New, BaseRule::Floor);
    let labels = |limit| -> Vec<usize> {
        let examples = view.evaluated(EvalSplit::Test, limit);
        examples.iter().map(|example| example.label).collect()
    };
    assert_eq!(labels(Some(2)), [3, 4]);
    assert_eq!(labels(None), [3, 4, 5]);
}

#[test]
fn the_digest_of_picks_depends_on_their_order_and_on_all_that_an_example_says() {
    let (_root, dataset) = imagenet();
    let reference = picks_digest(&dataset.train);
    assert_eq!(reference.len(), 64);
    assert_eq!(reference, picks_digest(&dataset.train.clone()));
    assert_ne!(reference, picks_digest(dataset.train.iter().rev()));
    assert_ne!(reference, picks_digest(&dataset.train[1..]));
    let check = |change: fn(&mut Example)| {
        let mut examples = dataset.train.clone();
        change(&mut examples[3]);
        assert_ne!(reference, picks_digest(&examples));
    };
    check(|example| example.path.push('x'));
    check(|example| example.label += 1);
    check(|example| example.class_name.push('x'));
}

/// Computed by `hashlib` over the scheme that `datasets/digest.rs` describes.
#[test]
fn the_digest_of_picks_never_changes_between_versions() {
    let (_root, dataset) = imagenet();
    let expected = "27fda1370a6c96fc10bcafb8df429e24f4f2ba23111d2aa3a4a36491fb727a45";
    assert_eq!(picks_digest(&dataset.train[..1]), expected);
}

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
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
