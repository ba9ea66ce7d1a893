//! Answers and what they show.

use super::{
    Diagnosis, ParseStatus,
    ParseStatus::{Empty, NoTag, OffList, Ok, Truncated},
    ThoughtNames,
    ThoughtNames::{Another, Answer, Nothing},
    listed_names,
};

const THINKING: &str = "What is it?\n Please choose one from list [ rose, pink primrose, \
apple_pie, apple].\n Think in <think> </think>, then answer in <answer> </answer> tags.";
const DIRECT: &str = "What is it?\n Please choose one from list [ rose, tulip].\n Answer.";
const OPEN: &str = "What is it?\n Answer in <answer> </answer> tags.";

fn check_parse(question: &str, raw: &str, is_truncated: bool, expected: ParseStatus) {
    assert_eq!(Diagnosis::of(question, raw, is_truncated).parse, expected, "{raw:?}");
}

fn check_ambiguous(question: &str, raw: &str, expected: Option<bool>) {
    assert_eq!(Diagnosis::of(question, raw, false).is_ambiguous, expected, "{raw:?}");
}

fn check_meant(question: &str, raw: &str, expected: Option<usize>) {
    assert_eq!(Diagnosis::of(question, raw, false).meant, expected, "{raw:?}");
}

fn check_thought(raw: &str, expected: Option<ThoughtNames>) {
    assert_eq!(Diagnosis::of(THINKING, raw, false).thought, expected, "{raw:?}");
}

#[test]
fn a_list_is_read_from_its_question() {
    assert_eq!(listed_names(DIRECT).unwrap(), ["rose", "tulip"]);
    assert_eq!(listed_names(OPEN), None);
    let odd = "?\n Please choose one from list [ a|b, <script>, St. John [x], missile, missile].";
    let names = ["a|b", "<script>", "St. John [x]", "missile", "missile"];
    assert_eq!(listed_names(odd).unwrap(), names);
    assert_eq!(Diagnosis::of(odd, "missile", false).n_choices, 5);
}

#[test]
fn a_listed_name_parses_under_every_prompt() {
    check_parse(THINKING, "<think>x</think> <answer> Apple pie </answer>", false, Ok);
    check_parse(DIRECT, "Rose", false, Ok);
    check_parse(DIRECT, "<answer>rose</answer>", false, Ok);
    check_parse(OPEN, "<answer>anything</answer>", false, Ok);
}

#[test]
fn a_missing_tag_is_missing_only_where_one_is_asked_for() {
    check_parse(THINKING, "rose", false, NoTag);
    check_parse(THINKING, "<answer>rose", false, NoTag);
    check_parse(OPEN, "rose", false, NoTag);
}

#[test]
fn saying_nothing_is_empty_with_and_without_a_tag() {
    check_parse(THINKING, "", false, Empty);
    check_parse(DIRECT, " \n", false, Empty);
    check_parse(THINKING, "<think> rose </think> <answer> </answer>", false, Empty);
    check_parse(THINKING, "", true, Empty);
}

#[test]
fn a_cut_answer_is_truncated_unless_its_tag_was_closed() {
    check_parse(THINKING, "<think> a rose, a rose", true, Truncated);
    check_parse(DIRECT, "rose rose rose", true, Truncated);
    check_parse(THINKING, "<answer>rose</answer> and then", true, Ok);
}

#[test]
fn what_is_no_listed_name_is_off_the_list() {
    check_parse(DIRECT, "daisy", false, OffList);
    check_parse(DIRECT, "It is a rose.", false, OffList);
    check_parse(THINKING, "<answer>rose, apple</answer>", false, OffList);
}

#[test]
fn an_answer_that_would_count_for_two_names_is_ambiguous() {
    check_ambiguous(THINKING, "<answer>pink primrose</answer>", Some(true));
    check_ambiguous(THINKING, "<answer>apple pie</answer>", Some(true));
    check_ambiguous(THINKING, "<answer>apple</answer>", Some(false));
    check_ambiguous(THINKING, "<answer>daisy</answer>", Some(false));
    check_ambiguous(OPEN, "<answer>rose</answer>", None);
}

#[test]
fn a_name_listed_twice_is_one_name() {
    let twice = "?\n Please choose one from list [ missile, missile, rose].";
    check_ambiguous(twice, "missile", Some(false));
    check_meant(twice, "a missile", Some(0));
}

#[test]
fn an_answer_means_the_name_that_it_says_or_the_only_one_that_would_count() {
    check_meant(DIRECT, "Rose", Some(0));
    check_meant(DIRECT, "It is a tulip.", Some(1));
    check_meant(THINKING, "<think> a rose </think> <answer> Apple pie </answer>", Some(2));
    check_meant(THINKING, "<answer>an apple pie</answer>", None);
    check_meant(DIRECT, "a rose or a tulip", None);
    check_meant(DIRECT, "daisy", None);
    check_meant(DIRECT, "", None);
    check_meant(OPEN, "<answer>rose</answer>", None);
}

#[test]
fn a_thought_agrees_if_it_names_the_answer() {
    check_thought("<think> A rose? No, an apple. </think> <answer>Apple</answer>", Some(Answer));
    check_thought("<answer>apple_pie</answer> <reason>An apple-pie.</reason>", Some(Answer));
    check_thought("<think> a daisy </think> <answer>daisy</answer>", Some(Answer));
}

#[test]
fn a_thought_that_names_others_disagrees() {
    check_thought("<think> a rose </think> <answer>apple</answer>", Some(Another));
    check_thought("<think> an apple pie </think> <answer>apple</answer>", Some(Another));
    check_thought("<think> rose <answer>apple</answer>", Some(Another));
}

#[test]
fn a_thought_without_a_name_names_nothing() {
    check_thought("<think> a flower </think> <answer>rose</answer>", Some(Nothing));
    check_thought("<think> a primrose </think> <answer>rose</answer>", Some(Nothing));
    check_thought("<think></think> <answer>rose</answer>", Some(Nothing));
}

#[test]
fn no_thought_or_no_answer_or_no_list_is_no_agreement() {
    check_thought("<answer>rose</answer>", None);
    check_thought("<think> rose </think> rose", None);
    check_thought("<think> rose </think> <answer> </answer>", None);
    let open = "<think> rose </think> <answer>rose</answer>";
    assert_eq!(Diagnosis::of(OPEN, open, false).thought, None);
}

#[test]
fn text_beyond_ascii_is_no_danger() {
    check_parse(DIRECT, "röse \u{2028} \u{0} 😀", false, OffList);
    check_thought("<think> Ünïcode 😀 rose", None);
    check_thought("<think> İ ROSE </think> <answer>rose</answer>", Some(Answer));
}
