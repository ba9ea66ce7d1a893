//! How many wrong class names the number step pays for, against the tables counted with the authors'
//! function over the real names.

use std::{fs, path::PathBuf};

use clsrl_spec::{
    Completion, DatasetId, Reading, RewardId, Solution, extract_published, is_correct_published,
};

fn names(dataset: DatasetId) -> Option<Vec<String>> {
    let shared = std::env::var_os("CLSRL_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    let file = shared.join(format!("data/classnames/{dataset}.txt"));
    match fs::read_to_string(&file) {
        Ok(text) => Some(text.lines().map(str::to_owned).collect()),
        Err(_) => {
            eprintln!("skipped: no class names at {}", file.display());
            None
        }
    }
}

/// Names without their year, which comes first, and with it at the end.
fn without_year(names: &[String]) -> (Vec<String>, Vec<String>) {
    let parts = names.iter().map(|name| name.split_once(' ').unwrap());
    parts.map(|(year, rest)| (rest.to_owned(), format!("{rest} {year}"))).unzip()
}

#[derive(Debug, PartialEq)]
struct Counted {
    pairs: usize,
    paid: usize,
    golds: usize,
}

type Write = fn(&str) -> String;

const PLAIN: Write = |name| format!("<answer>{name}</answer>");
const BLANKS: Write = |name| format!("<answer> {name} </answer>");
const LINES: Write = |name| format!("<answer>\n{name}\n</answer>");
const BARE: Write = str::to_owned;
const THOUGHT: Write =
    |name| format!("<think> The object in this photo is {name}. </think>\n<answer>{name}</answer>");

/// Goes through all ordered pairs of different names.
fn count(names: &[String], completion: Write, solution: Write) -> Counted {
    let completions: Vec<String> = names.iter().map(|name| completion(name)).collect();
    let completions: Vec<_> = completions.iter().map(|text| Completion::new(text)).collect();
    let mut counted = Counted { pairs: 0, paid: 0, golds: 0 };
    for gold in names {
        let text = solution(gold);
        let solution = Solution::new(&text);
        let wrong = names.iter().zip(&completions).filter(|(name, _)| *name != gold);
        let paid: Vec<bool> =
            wrong.map(|(_, wrong)| wrong.earns(RewardId::Accuracy, &solution)).collect();
        let n_paid = paid.iter().filter(|&&paid| paid).count();
        counted.pairs += paid.len();
        counted.paid += n_paid;
        counted.golds += usize::from(0 < n_paid);
    }
    counted
}

fn n_visible(names: &[String], solution: Write) -> usize {
    names.iter().filter(|name| !Reading::of(&solution(name)).is_empty()).count()
}

#[test]
fn tags_pay_for_as_many_wrong_cars_as_the_authors_function() {
    let Some(year_first) = names(DatasetId::StanfordCars) else { return };
    let (no_year, year_last) = without_year(&year_first);
    let counted = |pairs, paid, golds| Counted { pairs, paid, golds };
    assert_eq!(count(&year_first, PLAIN, PLAIN), counted(38_220, 32, 24));
    assert_eq!(count(&year_last, PLAIN, PLAIN), counted(38_220, 11_074, 183));
    assert_eq!(count(&no_year, PLAIN, PLAIN), counted(38_206, 32, 24));
    assert_eq!([&year_first, &year_last, &no_year].map(|n| n_visible(n, PLAIN)), [28, 196, 28]);

    assert_eq!(count(&year_first, BLANKS, BLANKS), counted(38_220, 14_532, 190));
    assert_eq!(count(&year_last, BLANKS, BLANKS), counted(38_220, 11_074, 183));
    assert_eq!([&year_first, &year_last].map(|n| n_visible(n, BLANKS)), [196, 196]);
}

#[test]
fn other_forms_pay_for_as_many_wrong_cars_as_the_authors_function() {
    let Some(year_first) = names(DatasetId::StanfordCars) else { return };
    let (_, year_last) = without_year(&year_first);
    let paid = |completion| [&year_first, &year_last].map(|n| count(n, completion, PLAIN).paid);
    assert_eq!(paid(BLANKS), [0, 11_074]);
    assert_eq!(paid(LINES), [0, 12_675]);
    assert_eq!(paid(THOUGHT), [32, 11_074]);
    let bare = [&year_first, &year_last].map(|n| count(n, BARE, BARE).paid);
    assert_eq!(bare, [11_074, 14_532]);
}

#[test]
fn as_many_wrong_aircraft_are_paid_as_by_the_authors_function() {
    let Some(aircraft) = names(DatasetId::FgvcAircraft) else { return };
    let counted = |paid, golds| Counted { pairs: 9_900, paid, golds };
    assert_eq!(count(&aircraft, PLAIN, PLAIN), counted(6, 6));
    assert_eq!(count(&aircraft, BLANKS, BLANKS), counted(4, 4));
    assert_eq!([PLAIN, BLANKS].map(|write| n_visible(&aircraft, write)), [20, 41]);
    assert_eq!([BLANKS, LINES, THOUGHT].map(|c| count(&aircraft, c, PLAIN).paid), [4, 4, 6]);
    assert_eq!(count(&aircraft, BARE, BARE).paid, 4);
}

#[test]
fn no_wrong_name_of_the_other_nine_datasets_is_paid() {
    let has_numbers = [DatasetId::StanfordCars, DatasetId::FgvcAircraft];
    for dataset in DatasetId::ALL.into_iter().filter(|dataset| !has_numbers.contains(dataset)) {
        let Some(names) = names(dataset) else { return };
        assert_eq!(count(&names, PLAIN, PLAIN).paid, 0, "{dataset}");
        assert_eq!([PLAIN, BLANKS].map(|write| n_visible(&names, write)), [0, 0], "{dataset}");
        if dataset != DatasetId::ImageNet {
            assert_eq!(count(&names, BLANKS, BLANKS).paid, 0, "{dataset}");
        }
    }
}

#[test]
fn a_thought_that_names_the_gold_is_paid_as_by_the_authors_function() {
    let leaks = |dataset| {
        let names = names(dataset)?;
        let (mut pairs, mut paid) = (0, 0);
        for gold in names.iter().filter(|gold| !Reading::of(&PLAIN(gold)).is_empty()) {
            let text = PLAIN(gold);
            let solution = Solution::new(&text);
            for wrong in names.iter().filter(|wrong| *wrong != gold) {
                let text =
                    format!("<think> It could be a {gold}. </think> <answer>{wrong}</answer>");
                pairs += 1;
                paid += usize::from(Completion::new(&text).earns(RewardId::Accuracy, &solution));
            }
        }
        Some((paid, pairs))
    };
    let Some(cars) = leaks(DatasetId::StanfordCars) else { return };
    assert_eq!(cars, (4_736, 5_460));
    assert_eq!(leaks(DatasetId::FgvcAircraft), Some((1_446, 1_980)));
}

#[test]
fn the_published_score_takes_as_many_wrong_names_for_right_as_counted() {
    let expected = |dataset| match dataset {
        DatasetId::ImageNet => 138,
        DatasetId::Sun397 => 54,
        DatasetId::OxfordFlowers | DatasetId::Caltech101 => 6,
        DatasetId::Ucf101 => 7,
        DatasetId::Dtd => 1,
        _ => 0,
    };
    for dataset in DatasetId::ALL {
        let Some(names) = names(dataset) else { return };
        let is_taken = |wrong: &str, gold: &str| {
            wrong != gold && is_correct_published(extract_published(&PLAIN(wrong)), gold)
        };
        let taken =
            names.iter().flat_map(|gold| names.iter().filter(move |wrong| is_taken(wrong, gold)));
        assert_eq!(taken.count(), expected(dataset), "{dataset}");
    }
}
