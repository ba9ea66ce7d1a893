//! The number step against math-verify itself, pair by pair: `numbers/make.py` made the pairs and had them judged by
//! 0.5.2 and 0.9.0.

use std::{env, fs, path::PathBuf};

use clsrl_spec::Reading;
use serde::Deserialize;

/// Completion, solution, whether math-verify takes them for equal, whether it reads anything in the completion, and
/// `deviates` where it is known that we do otherwise.
#[derive(Deserialize)]
struct Case(String, String, u8, u8, #[serde(default)] Option<String>);

/// The project's own pairs; `CLSRL_NUMBER_CASES` names a file with others.
fn cases() -> Vec<Case> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/numbers/cases.jsonl");
    let path = env::var_os("CLSRL_NUMBER_CASES").map_or_else(|| own.into(), PathBuf::from);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn numbers_are_paid_as_by_math_verify_but_for_the_listed_deviations() {
    let cases = cases();
    assert!(600 < cases.len(), "the pairs are there");
    let mut wrong = Vec::new();
    for Case(completion, solution, paid, seen, deviates) in &cases {
        let read = [completion, solution].map(|text| Reading::of(text));
        let found = !read[1].is_empty() && read[0].agrees_with(&read[1]);
        let is_same = found == (*paid == 1) && read[0].is_empty() == (*seen == 0);
        match (is_same, deviates) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => {
                wrong.push(format!("{completion:?} for {solution:?} deviates no more"))
            }
            (false, None) if found == (*paid == 1) => {
                wrong.push(format!("{completion:?}: read {:?}", read[0]));
            }
            (false, None) => wrong.push(format!("{completion:?} for {solution:?}: {found}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
