//! What a question is made of: its form, its list, and the digests of many.

use std::{collections::BTreeSet, fs, panic::catch_unwind};

use clsrl_data::{
    datasets::{
        Dataset, Example, FormView, Question, Questions, UnlabelledQuestions, list_length,
        prompts_digest, questions_digest,
    },
    text::render_prompt,
};
use clsrl_spec::{BaseRule, Choices, DatasetId, Form, ListRule, MessageOrder, RepeatedNames, Seed};

const NOTEBOOK: ListRule = ListRule::Notebook { percent: 40 };
const PUBLISHED: ListRule = ListRule::Published { percent: 40 };

/// The lists of the paper's table: few-shot as published and by the notebook, base-to-new.
#[test]
fn list_lengths_are_those_of_the_papers_table() {
    let check = |id: DatasetId, published, notebook, n_base, base_to_new| {
        let n_classes = id.n_classes();
        assert_eq!(list_length(PUBLISHED, n_classes), published, "{id}");
        assert_eq!(list_length(NOTEBOOK, n_classes), notebook, "{id}");
        assert_eq!(list_length(ListRule::All, n_classes), n_classes, "{id}");
        assert_eq!(BaseRule::Floor.n_base(n_classes), n_base, "{id}");
        let rules = [ListRule::Notebook { percent: 80 }, ListRule::Published { percent: 80 }];
        assert_eq!(rules.map(|rule| list_length(rule, n_base)), [base_to_new; 2], "{id}");
    };
    check(DatasetId::ImageNet, 100, 100, 500, 100);
    check(DatasetId::Caltech101, 40, 40, 50, 40);
    check(DatasetId::Dtd, 30, 47, 23, 23);
    check(DatasetId::Eurosat, 10, 10, 5, 5);
    check(DatasetId::Food101, 40, 40, 50, 40);
    check(DatasetId::OxfordFlowers, 40, 40, 51, 40);
    check(DatasetId::OxfordPets, 30, 37, 18, 18);
    check(DatasetId::StanfordCars, 78, 78, 98, 78);
    check(DatasetId::Sun397, 100, 100, 198, 100);
    check(DatasetId::Ucf101, 40, 40, 50, 40);
    check(DatasetId::FgvcAircraft, 40, 40, 50, 40);
}

#[test]
fn a_share_below_thirty_asks_for_more() {
    assert_eq!(list_length(NOTEBOOK, 75), 30);
    assert_eq!(list_length(NOTEBOOK, 74), 74);
    assert_eq!(list_length(PUBLISHED, 74), 30);
    assert_eq!(list_length(PUBLISHED, 29), 29);
}

/// CPython: `[int(0.4 * n) for n in range(1, 1001)]` are the whole numbers; `int(0.35 * 180)` is 62 and
/// `int(0.58 * 100)` is 57.
#[test]
fn a_share_is_what_pythons_float_product_gives() {
    for percent in [40, 80] {
        for n in 75..=250 {
            let expected = (n * percent / 100).min(100);
            assert_eq!(list_length(ListRule::Notebook { percent }, n), expected, "{percent} {n}");
        }
    }
    assert_eq!(list_length(ListRule::Notebook { percent: 35 }, 180), 62);
    assert_eq!(list_length(ListRule::Notebook { percent: 58 }, 100), 57);
}

/// A dataset of `n_classes` classes with one training image each.
fn textures(n_classes: usize) -> Dataset {
    dataset_of(DatasetId::Dtd, "split_zhou_DescribableTextures.json", n_classes)
}

fn dataset_of(id: DatasetId, file: &str, n_classes: usize) -> Dataset {
    let root = tempfile::tempdir().unwrap();
    let row = |label: usize| format!(r#"["{label}.jpg", {label}, "texture_{label}"]"#);
    let rows: Vec<String> = (0..n_classes).map(row).collect();
    let split = format!(r#"{{"train": [{}], "val": [], "test": []}}"#, rows.join(","));
    let dir = root.path().join(id.folder());
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join(file), split).unwrap();
    Dataset::open(id, root.path()).unwrap()
}

fn choices(few_shot: ListRule, seed: Seed) -> Choices {
    let base_to_new = ListRule::Notebook { percent: 80 };
    Choices { few_shot, base_to_new, repeated_names: RepeatedNames::Kept, seed }
}

fn questions<'d>(dataset: &'d Dataset, form: Form, choices: &Choices) -> Questions<'d> {
    Questions::new(FormView::new(dataset, form, BaseRule::Floor), choices)
}

#[test]
fn a_question_lists_the_truth_once_among_names_of_its_own() {
    let dataset = textures(47);
    let questions = questions(&dataset, Form::FewShot, &choices(PUBLISHED, 1));
    for example in &dataset.train {
        let question = questions.ask("train", example);
        assert_eq!(question.choices.len(), 30);
        assert_eq!(question.gold, example.class_name);
        assert_eq!(question.choices.iter().filter(|name| **name == question.gold).count(), 1);
        let distinct: BTreeSet<&String> = question.choices.iter().collect();
        assert_eq!(distinct.len(), 30);
        assert_eq!(
            question.text,
            format!(
                "What type of texture is in the photo?\n Please choose one from list [ {}].",
                question.choices.join(", ")
            )
        );
    }
}

#[test]
fn a_choice_list_depends_on_seed_split_and_image_only() {
    let dataset = textures(47);
    let listed = |split: &str, position: usize, seed| {
        let questions = questions(&dataset, Form::FewShot, &choices(PUBLISHED, seed));
        questions.ask(split, &dataset.train[position]).choices
    };
    let reference = listed("train", 0, 1);
    assert_ne!(reference, listed("train", 1, 1));
    assert_ne!(reference, listed("train", 0, 2));
    assert_ne!(reference, listed("test", 0, 1));
    assert_eq!(reference, listed("train", 0, 1));
}

#[test]
fn an_image_of_an_unknown_class_gets_the_same_question_with_all_names() {
    let dataset = textures(47);
    let ask = |form: Form, rule: ListRule| {
        let questions = questions(&dataset, form, &choices(rule, 1));
        let unlabelled = questions.unlabelled();
        let kept = serde_json::to_string(&unlabelled).unwrap();
        assert_eq!(serde_json::from_str::<UnlabelledQuestions>(&kept).unwrap(), unlabelled);
        let examples = dataset.train.iter().filter(|example| questions.view().has(example));
        let asked = examples.map(|example| {
            let question = questions.ask("test", example);
            (question.text, unlabelled.ask("test", &example.path), question.gold)
        });
        (asked.collect::<Vec<_>>(), unlabelled.names().len())
    };
    for (form, n_names) in [(Form::FewShot, 47), (Form::New, 24), (Form::OpenSet, 47)] {
        let (asked, n_found) = ask(form, ListRule::All);
        assert_eq!((asked.len(), n_found), (n_names, n_names));
        for (labelled, unlabelled, _) in asked {
            assert_eq!(labelled, unlabelled, "{form}");
        }
    }
    // A shorter list has the truth, which nobody knows.
    for (labelled, unlabelled, gold) in ask(Form::FewShot, PUBLISHED).0 {
        assert_ne!(labelled, unlabelled);
        let listed = clsrl_spec::listed_names(&unlabelled).unwrap();
        assert!(listed.len() == 47 && listed.contains(&gold.as_str()));
    }
}

/// Results that exist were made with these lists.
#[test]
fn few_shot_lists_never_change_between_versions() {
    let dataset = textures(47);
    let questions = questions(&dataset, Form::FewShot, &choices(PUBLISHED, 1));
    let check = |position: usize, first: [usize; 4], last: usize| {
        let listed = questions.ask("train", &dataset.train[position]).choices;
        assert_eq!(listed[..4], first.map(|label| format!("texture_{label}")));
        assert_eq!(listed[29], format!("texture_{last}"));
    };
    check(0, [12, 8, 1, 26], 11);
    check(46, [35, 40, 18, 36], 24);
}

/// A truth that fell off the list replaces the last name, so only the second shuffle hides its place.
#[test]
fn the_truth_stands_at_every_place_of_the_list() {
    let dataset = textures(100);
    let mut n_at_place = [0; 40];
    for seed in 0..4000 {
        let view = FormView::new(&dataset, Form::FewShot, BaseRule::Floor);
        let question =
            Questions::new(view, &choices(NOTEBOOK, seed)).ask("train", &dataset.train[3]);
        let place = question.choices.iter().position(|name| *name == question.gold).unwrap();
        n_at_place[place] += 1;
    }
    // 100 are expected at each; six standard deviations are 59.
    assert!(n_at_place.iter().all(|n| (41..=159).contains(n)), "{n_at_place:?}");
}

#[test]
fn a_question_of_a_half_lists_that_halfs_names_only() {
    let dataset = textures(101);
    let check = |form: Form, labels: std::ops::Range<usize>, n_listed: usize| {
        let names: BTreeSet<String> =
            labels.clone().map(|label| format!("texture_{label}")).collect();
        let questions = questions(&dataset, form, &choices(PUBLISHED, 1));
        let mut listed_at_all = BTreeSet::new();
        for example in &dataset.train[labels] {
            let question = questions.ask("train", example);
            assert_eq!(question.choices.len(), n_listed);
            assert!(question.choices.contains(&question.gold));
            listed_at_all.extend(question.choices);
        }
        assert_eq!(listed_at_all, names, "{form}");
    };
    check(Form::Base, 0..50, 40);
    check(Form::New, 50..101, 40);
    check(Form::FewShot, 0..101, 40);
}

#[test]
fn an_image_of_the_other_half_is_never_asked_about() {
    let dataset = textures(10);
    let base = questions(&dataset, Form::Base, &choices(NOTEBOOK, 1));
    assert_eq!(base.ask("test", &dataset.train[4]).choices.len(), 5);
    assert!(catch_unwind(|| base.ask("test", &dataset.train[5])).is_err());
}

#[test]
fn an_open_question_has_no_list_and_may_have_another_text() {
    let check = |id, file, expected: &str| {
        let dataset = dataset_of(id, file, 3);
        let question = questions(&dataset, Form::OpenSet, &choices(NOTEBOOK, 1))
            .ask("test", &dataset.train[1]);
        let expected = Question {
            text: expected.to_owned(),
            choices: Vec::new(),
            gold: "texture_1".to_owned(),
        };
        assert_eq!(question, expected);
    };
    check(
        DatasetId::OxfordFlowers,
        "split_zhou_OxfordFlowers.json",
        "What type of flower is in the photo?",
    );
    check(DatasetId::Food101, "split_zhou_Food101.json", "What type of food is in the photo?");
    check(
        DatasetId::OxfordPets,
        "split_zhou_OxfordPets.json",
        "What type of animal is in the photo?",
    );
    check(
        DatasetId::Caltech101,
        "split_zhou_Caltech101.json",
        "What type of object is in the photo?",
    );
}

#[test]
fn a_name_of_two_classes_is_listed_twice_unless_names_are_merged() {
    let mut dataset = textures(5);
    for label in [1, 3] {
        dataset.class_names[label] = "missile".to_owned();
        dataset.train[label].class_name = "missile".to_owned();
    }
    let listed = |repeated_names| {
        let choices = Choices { repeated_names, ..choices(ListRule::All, 1) };
        let mut listed =
            questions(&dataset, Form::FewShot, &choices).ask("train", &dataset.train[3]).choices;
        listed.sort_unstable();
        listed
    };
    let kept = ["missile", "missile", "texture_0", "texture_2", "texture_4"];
    assert_eq!(listed(RepeatedNames::Kept), kept);
    assert_eq!(listed(RepeatedNames::Merged), kept[1..]);
}

#[test]
fn digests_depend_on_every_question_and_on_how_it_is_rendered() {
    let dataset = textures(600);
    let examples: Vec<&Example> = dataset.train.iter().collect();
    let digest = |form, choices: &Choices, split: &str, examples: &[&Example]| {
        questions_digest(&questions(&dataset, form, choices), split, examples)
    };
    let rules = choices(NOTEBOOK, 1);
    let reference = digest(Form::FewShot, &rules, "test", &examples);
    assert_eq!(reference.len(), 64);
    assert_eq!(reference, digest(Form::FewShot, &rules, "test", &examples));
    assert_ne!(reference, digest(Form::OpenSet, &rules, "test", &examples));
    assert_ne!(reference, digest(Form::FewShot, &choices(NOTEBOOK, 2), "test", &examples));
    assert_ne!(reference, digest(Form::FewShot, &rules, "val", &examples));
    assert_ne!(reference, digest(Form::FewShot, &rules, "test", &examples[1..]));
    let reversed: Vec<&Example> = examples.iter().rev().copied().collect();
    assert_ne!(reference, digest(Form::FewShot, &rules, "test", &reversed));

    let few_shot = questions(&dataset, Form::FewShot, &rules);
    let prompts = |system: &str, suffix: &str| {
        prompts_digest(&few_shot, "test", &examples, |question| {
            render_prompt(system, MessageOrder::ImageFirst, &format!("{}{suffix}", question.text))
        })
    };
    let reference = prompts("You are a helpful assistant.", "");
    assert_eq!(reference, prompts("You are a helpful assistant.", ""));
    assert_ne!(reference, prompts("You are a helpful assistant.", " Answer."));
    assert_ne!(reference, prompts("", ""));
}

/// Computed by `hashlib` over the scheme that `datasets/digest.rs` describes.
#[test]
fn digests_never_change_between_versions() {
    let dataset = textures(10);
    let examples: Vec<&Example> = dataset.train.iter().collect();
    let few_shot = questions(&dataset, Form::FewShot, &choices(NOTEBOOK, 1));
    assert_eq!(
        questions_digest(&few_shot, "test", &examples),
        "b86d47cb607917c1a5c283dbb1b3bef2f77e295ac156e74786fe8d9501d0c144"
    );
    assert_eq!(
        prompts_digest(&few_shot, "test", &examples, |question| question.text.clone()),
        "b550ae04effca3a3519334bca0dc83f4ab6522657cdcee0a6950b239e54c11a5"
    );
}
