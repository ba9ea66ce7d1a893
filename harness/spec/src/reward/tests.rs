//! The rewards on small completions, and the number step's rules one by one.

use std::time::Instant;

use super::*;

fn check(id: RewardId, completion: &str, expected: f64) {
    assert_eq!(reward(id, completion, "<answer>rose</answer>"), expected, "{completion:?}");
}

/// Whether a completion is rewarded by its number alone.
fn check_number(completion: &str, solution: &str, expected: bool) {
    let read = [completion, solution].map(Reading::of);
    assert_eq!(read[0].agrees_with(&read[1]), expected, "{completion:?} for {solution:?}");
}

#[test]
fn the_format_wants_both_tags_and_nothing_around_them() {
    check(RewardId::Format, "<think>a</think> <answer>b</answer>", 1.0);
    check(RewardId::Format, "<think>a</think><answer>b</answer>\n", 0.0);
    check(RewardId::Format, "So: <think>a</think><answer>b</answer>", 0.0);
    check(RewardId::Format, "<think>a</think> so <answer>b</answer>", 0.0);
    check(RewardId::Format, "<think>a</think>b</think>\n<answer>c</answer>", 1.0);
}

#[test]
fn the_answer_first_format_wants_a_reason_last() {
    check(RewardId::FormatAnswerFirst, "<answer>a</answer>\n<reason>b</reason>", 1.0);
    check(RewardId::FormatAnswerFirst, "<reason>b</reason><answer>a</answer>", 0.0);
    check(RewardId::FormatAnswerFirst, "<answer>a</answer><reason>b</reason>.", 0.0);
}

#[test]
fn the_adaptive_format_takes_both_cases() {
    check(RewardId::FormatAdaptive, "<answer>a\nb</answer>", 1.0);
    check(RewardId::FormatAdaptive, "<think>a</think>\n<answer>b</answer>", 1.0);
    check(RewardId::FormatAdaptive, "<think>a</think>", 0.0);
    check(RewardId::FormatAdaptive, "a rose <answer>b</answer>", 0.0);
}

#[test]
fn accuracy_is_blind_to_case_but_not_to_line_breaks_in_the_tag() {
    check(RewardId::AccuracyString, "<answer> ROSE </answer>", 1.0);
    check(RewardId::AccuracyString, "<answer>\nrose\n</answer>", 0.0);
    check(RewardId::AccuracyString, "rose", 1.0);
}

#[test]
fn strict_accuracy_wants_one_tag_outside_thoughts() {
    check(RewardId::AccuracyStrict, "<think>a lily</think>\n<answer>\nRose\n</answer>", 1.0);
    check(
        RewardId::AccuracyStrict,
        "<think><answer>lily</answer></think><answer>rose</answer>",
        1.0,
    );
    check(
        RewardId::AccuracyStrict,
        "<think><answer>rose</answer></think><answer>lily</answer>",
        0.0,
    );
    check(RewardId::AccuracyStrict, "<think><answer>rose</answer>", 0.0);
    check(RewardId::AccuracyStrict, "<answer>rose</answer><answer>rose</answer>", 0.0);
    check(RewardId::AccuracyStrict, "<answer><answer>rose</answer>", 0.0);
    check(RewardId::AccuracyStrict, "<answ<think></think>er>rose</answer>", 0.0);
    check(RewardId::AccuracyStrict, "rose", 0.0);
}

#[test]
fn equality_forgives_nothing() {
    check(RewardId::Equality, "rose", 1.0);
    check(RewardId::Equality, "Rose", 0.0);
    check(RewardId::Equality, "rose.", 0.0);
    check(RewardId::Equality, "rose\n", 0.0);
}

#[test]
fn a_number_is_seen_after_white_space_or_an_equals_sign_only() {
    let solution = "<answer>2012 BMW 3 Series Sedan</answer>";
    check_number("<answer>2012 BMW 3 Series Wagon</answer>", solution, true);
    check_number("<answer>2012 BMW</answer>", "<answer>2012 Audi</answer>", false);
    check_number("x=3", solution, true);
    check_number("x3", solution, false);
    check_number("3Runner", solution, true);
}

#[test]
fn the_last_number_wins_but_one_after_answer_wins_over_all() {
    check_number("first 3, then 4", "4", true);
    check_number("the answer is 3 (one of 4)", "3", true);
    check_number("my answer: 3\nit is not 4", "3", true);
    check_number("the final answer is 5. answer: 6", "5", true);
}

#[test]
fn numbers_are_compared_as_numbers() {
    check_number("50%", "0.5", true);
    check_number("1,000", "1000", true);
    check_number("012", "12", true);
    check_number("1/3", "0.333333", true);
    check_number("2^3", "8", true);
    check_number("(1 + 2) * 3", "9", true);
    check_number("737-300", "437", true);
    check_number("0.1234564", "0.1234561", true);
}

#[test]
fn a_negative_number_with_leading_zeros_spoils_the_text() {
    check_number("3 or -007", "3", false);
    check_number("-007", "-7", false);
    check_number("-0", "0", true);
}

#[test]
fn what_python_cannot_read_counts_by_its_text() {
    check_number("007-1", "6", false);
    check_number("1/0", "1/0", true);
    check_number("1/0", "2/0", false);
    check_number("2(3)", "6", false);
}

#[test]
fn latex_counts_where_it_is_a_number_or_a_letter() {
    check_number(r"\boxed{7}", "7", true);
    check_number("so $x$", "$x$", true);
    check_number(r"it is $\frac{1}{2}$", "0.5", true);
    check_number(r"$\sin 3$ is 3", r"$\sin 3$", false);
    check_number("it costs $5", "5", true);
}

#[test]
fn numbers_beyond_all_bounds_are_read_without_harm() {
    let nines = "9".repeat(5_000);
    check_number(&nines, &nines, true);
    check_number(&nines, "1", false);
    check_number("2^(64)^(64)", "1", false);
    check_number("9^64*9^64", "1", false);
    check_number(&format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)), "1", false);
    check_number(&format!("{}1", "-".repeat(3_000)), "1", false);
}

#[test]
fn hostile_completions_are_read_in_bounded_time() {
    let hostile = [
        "1 ".repeat(4_000),
        "1 1 1+".repeat(1_000) + "x",
        "answer ".repeat(1_000) + "=",
        "answer".repeat(1_000) + " 1 =",
        "final answer".repeat(500) + " is",
        "((1".repeat(2_000),
        "$".repeat(5_000),
        r"\(".repeat(3_000),
        r"\boxed{".repeat(1_000) + "}",
        " [ a, b".repeat(1_000),
        "1".repeat(8_000) + "x",
        "1+".repeat(4_000) + "x",
        " 1,111".repeat(1_500),
    ];
    for text in hostile {
        let start = Instant::now();
        Reading::of(&text);
        let elapsed = start.elapsed();
        eprintln!("{:?} {:.3} s", &text[..20], elapsed.as_secs_f64());
        assert!(elapsed.as_secs() < 5, "{} took {elapsed:?}", &text[..20]);
    }
}
