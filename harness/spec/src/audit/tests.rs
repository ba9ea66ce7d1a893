//! The audits on small names, and the table of fields against the project's protocols.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{difference::fields, *};
use crate::{DatasetId, LoraRule, ProtocolFile, RewardId, Scorer, SolutionTag, reward};

fn protocol(name: &str) -> ProtocolFile {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suites/protocols");
    let path = PathBuf::from(root).join(format!("{name}.toml"));
    ProtocolFile::parse(&fs::read_to_string(path).unwrap(), name, name).unwrap()
}

/// How often a judge pays of how many, in a case of two names under the thinking prompt.
fn check(judge: Judge, case: Case, expected: (usize, usize)) {
    let names = ["BMW 3 Sedan", "BMW 3 Wagon"].map(str::to_owned);
    let audit = RewardAudit {
        style: crate::PromptStyle::Thinking,
        solution: SolutionTag::Plain,
        judges: vec![judge.clone()],
    };
    let tallies = audit.tally(&names, 0..2);
    let (_, tally) = tallies.iter().find(|(of, _)| *of == case).unwrap();
    assert_eq!((tally.judges[0].paid, tally.asked), expected, "{judge:?}, {case:?}");
}

#[test]
fn a_number_pays_for_a_wrong_name_and_names_do_not() {
    check(Judge::Reward(RewardId::Accuracy), Case::WrongName, (2, 2));
    check(Judge::Reward(RewardId::AccuracyString), Case::WrongName, (0, 2));
    check(Judge::Reward(RewardId::Format), Case::WrongName, (2, 2));
}

#[test]
fn strict_accuracy_pays_for_nothing_wrong_and_the_strict_score_for_a_first_answer() {
    for case in Case::ALL.into_iter().filter(|case| !case.is_right()) {
        // The names have no underscores, and two names give as many answers of every case.
        let is_hedge = case == Case::RightThenWrong;
        check(Judge::Reward(RewardId::AccuracyStrict), case, (0, 2));
        check(Judge::Scorer(Scorer::Strict), case, (if is_hedge { 2 } else { 0 }, 2));
    }
    check(Judge::Reward(RewardId::AccuracyStrict), Case::RightOnOwnLine, (2, 2));
}

#[test]
fn the_two_way_reward_pays_for_part_of_a_name_the_whole_list_and_nothing() {
    let paid = |completion: &str, label: &str| {
        reward(RewardId::AccuracyTwoWay, completion, &SolutionTag::Plain.solution(label))
    };
    for completion in ["<answer>BMW</answer>", "<answer>bmw3_sedan</answer>", "<answer></answer>"] {
        assert_eq!(paid(completion, "BMW 3 Sedan"), 1.0, "{completion}");
    }
    assert_eq!(paid("<answer>an Abyssinian or a Birman</answer>", "birman"), 1.0);
    assert_eq!(paid("<answer>Siamese</answer>", "birman"), 0.0);
    check(Judge::Reward(RewardId::AccuracyTwoWay), Case::WholeList, (2, 2));
}

/// A preset is the matched protocol but for what its paper is about.
#[test]
fn presets_of_related_work_differ_from_matched_in_their_own_settings_alone() {
    let differing = |name: &str| -> Vec<(String, String)> {
        let differences = differences_of_protocols(&protocol("matched"), &protocol(name));
        differences.into_iter().map(|field| (field.path, field.b)).collect()
    };
    let of_methods = |setting: &str, value: &str| -> Vec<(String, String)> {
        let methods = ["cls-rl", "no-thinking-cls-rl", "think-after-answer", "adaptive-thinking"];
        let mut fields = methods.map(|method| (format!("{method}.{setting}"), value.to_owned()));
        fields.sort();
        fields.to_vec()
    };
    let rewards = ("cls-rl.rewards".to_owned(), "format, accuracy-two-way".to_owned());
    let generations = of_methods("generations", "8");
    let scorer = ("scorer".to_owned(), "published".to_owned());
    let of_visual_rft = [vec![scorer, rewards], generations.clone()].concat();
    assert_eq!(differing("visual-rft"), of_visual_rft);
    assert_eq!(differing("othink-mr1"), of_methods("beta_start", "0.0"));
    let filtered = of_methods("zero_variance_groups", "drop-all-right-or-wrong");
    assert_eq!(differing("mm-eureka"), [filtered, generations].concat());
}

#[test]
fn the_published_score_pays_for_the_whole_list() {
    check(Judge::Scorer(Scorer::Published), Case::WholeList, (2, 2));
    check(Judge::Scorer(Scorer::Published), Case::EmptyTagRightThought, (2, 2));
    check(Judge::Scorer(Scorer::Published), Case::RightInThought, (0, 2));
}

#[test]
fn every_field_of_every_protocol_says_what_it_changes() {
    let mut used = BTreeSet::new();
    let mut with_adapters = protocol("tiny"); // no file of the project has any
    with_adapters.protocol.lora = Some(LoraRule { rank: 8, alpha: 16.0 });
    let protocols = ["paper", "matched", "tiny", "visual-rft", "othink-mr1", "mm-eureka"];
    let protocols = protocols.map(protocol);
    for protocol in protocols.iter().chain([&with_adapters]) {
        for path in fields(protocol).keys() {
            assert!(field::changes(path).is_some(), "`{path}` has no sentence");
            used.extend(field::rank(path));
        }
    }
    let unused: Vec<_> = (0..field::ALL.len())
        .filter(|rank| !used.contains(rank))
        .map(|n| field::ALL[n].0)
        .collect();
    assert!(unused.is_empty(), "sentences without a field: {unused:?}");
}

#[test]
fn a_protocol_differs_from_itself_in_nothing_and_from_another_in_what_was_changed() {
    let paper = protocol("paper");
    assert_eq!(differences_of_protocols(&paper, &paper), []);
    let mut changed = paper.clone();
    changed.protocol.rl.solution = SolutionTag::Blanks;
    let differences = differences_of_protocols(&paper, &changed);
    let messages: Vec<_> = differences.iter().map(|d| (&*d.path, &*d.a, &*d.b)).collect();
    assert_eq!(messages, [("rl.solution", "plain", "blanks")]);
}

#[test]
fn an_exception_by_dataset_is_told_beside_the_usual_value() {
    let epochs = &fields(&protocol("paper"))["cls-rl.epochs"];
    assert_eq!(epochs, "50.0, imagenet 10.0, sun397 25.0, eurosat 100.0");
}

#[test]
fn a_protocol_is_audited_under_the_prompts_that_it_trains() {
    let audits = RewardAudit::of(&protocol("paper"), DatasetId::Dtd);
    let titles: Vec<Vec<String>> =
        audits.iter().map(|audit| audit.judges.iter().map(Judge::title).collect()).collect();
    let both = ["published score", "strict score"];
    assert_eq!(titles[0], ["accuracy", "format", "cls-rl, all rewards", both[0], both[1]]);
    assert_eq!(titles[1], ["equality", both[0], both[1]]);
}
