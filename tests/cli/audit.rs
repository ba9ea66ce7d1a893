//! `audit`: what a protocol pays for, and where two protocols differ.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{call, expect_ok, temporary, text};

/// A folder of class names: two cars that a number confuses, and two textures of which one's name is
/// in the other's.
fn class_names() -> TempDir {
    let dir = temporary();
    let write = |file: &str, names: &str| fs::write(dir.path().join(file), names).unwrap();
    write("stanford_cars.txt", "2012 BMW 3 Sedan\n2012 BMW 3 Wagon\n");
    write("dtd.txt", "dotted\r\npolka-dotted\r\n");
    dir
}

fn audit<'a>(protocol: &'a str, names: &'a TempDir, more: &[&'a str]) -> Vec<&'a str> {
    let names = text(names.path());
    [&["audit", "rewards", "--protocol", protocol, "--class-names", names], more].concat()
}

/// How many answers of a case a judge paid, under the first prompt.
fn paid(found: &Value, dataset: usize, case: &str, judge: &str) -> u64 {
    let named = |list: &Value, key: &str, name: &str| -> Value {
        list.as_array().unwrap().iter().find(|one| one[key] == name).unwrap().clone()
    };
    let case = named(&found["prompts"][0]["datasets"][dataset]["cases"], "case", case);
    named(&case["judges"], "judge", judge)["paid"].as_u64().unwrap()
}

#[test]
fn the_published_rewards_pay_for_wrong_names_and_the_sound_ones_do_not() {
    let names = class_names();
    let paper = expect_ok(&audit("paper", &names, &["--json"]));
    let paper: Value = serde_json::from_str(&paper).unwrap();
    assert_eq!(paid(&paper, 0, "a wrong name", "accuracy"), 2);
    assert_eq!(paid(&paper, 0, "a wrong name", "cls-rl, all rewards"), 2);
    assert_eq!(paid(&paper, 1, "a wrong name", "published score"), 1);
    assert_eq!(paid(&paper, 1, "all names as the answer", "published score"), 2);

    let matched = expect_ok(&audit("matched", &names, &["--json"]));
    let matched: Value = serde_json::from_str(&matched).unwrap();
    assert_eq!(paid(&matched, 0, "a wrong name", "accuracy-strict"), 0);
    assert_eq!(paid(&matched, 1, "a wrong name", "strict score"), 0);
    assert_eq!(paid(&matched, 1, "the right name", "cls-rl, all rewards"), 2);
}

#[test]
fn tables_tell_what_is_paid_with_its_share_and_an_example() {
    let names = class_names();
    let message = expect_ok(&audit("paper", &names, &["--datasets", "stanford_cars"]));
    for expected in ["What protocol `paper` pays for", "2 (100 %)"] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(!message.contains("DTD"), "{message}");
    let markdown = expect_ok(&audit("paper", &names, &["--markdown"]));
    assert!(markdown.contains("\n| DTD | 2 | 0 |"), "{markdown}");
    assert!(
        markdown.contains("published score, label `dotted`: 1 wrong name, such as"),
        "{markdown}"
    );
}

#[test]
fn an_audit_without_names_says_how_to_give_some() {
    let message = call(&["audit", "rewards", "--protocol", "paper"]);
    assert_eq!(message.code, Some(2));
    assert!(
        message.stderr.contains("hint: give the datasets' folder with --data DIR"),
        "{message:?}"
    );

    let empty = temporary();
    let message = call(&audit("paper", &empty, &[]));
    assert_eq!(message.code, Some(2));
    assert!(message.stderr.contains("has none of the eleven datasets"), "{message:?}");

    let names = class_names();
    let message = call(&audit("no-such", &names, &[]));
    assert_eq!(message.code, Some(2));
    assert!(
        message.stderr.contains(
            "the project's protocols are matched, mm-eureka, othink-mr1, paper, tiny, visual-rft"
        ),
        "{message:?}"
    );

    let message = call(&["audit", "rewards", "--protocol", "paper", "--class-names", "no-such"]);
    assert_eq!(message.code, Some(2));
    assert!(message.stderr.contains("there is no folder `no-such`"), "{message:?}");

    fs::write(names.path().join("dtd.txt"), "\u{feff}dotted\nbanded\n").unwrap();
    let message = call(&audit("paper", &names, &[]));
    assert_eq!(message.code, Some(2));
    assert!(message.stderr.contains("dtd.txt` begins with a byte order mark"), "{message:?}");

    fs::write(names.path().join("dtd.txt"), "dotted\n\n").unwrap();
    let message = call(&audit("paper", &names, &[]));
    assert_eq!(message.code, Some(2));
    assert!(message.stderr.contains("dtd.txt` has no class name on line 2"), "{message:?}");
}

#[test]
fn two_protocols_differ_in_named_fields() {
    let message = expect_ok(&["audit", "protocol", "paper", "matched"]);
    assert!(message.contains("\nscorer: Which verdict"), "{message}");
    assert!(message.contains("\n  paper    published\n  matched  strict\n"), "{message}");
    let same = expect_ok(&["audit", "protocol", "paper", "paper", "--json"]);
    assert_eq!(same, "[]\n");
}
