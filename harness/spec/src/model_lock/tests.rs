//! What a lock of models says, and what it may not say.

use super::*;
use crate::lock::Digest;

const COMMIT: &str = "895c3a49bc3fa70a340399125c650a463535e71c";

fn model(names: &[&str]) -> LockedModel {
    let file = |name: &&str| (name.to_string(), FileDigest { size: 5, sha256: Digest([7; 32]) });
    LockedModel { commit: COMMIT.parse().unwrap(), files: names.iter().map(file).collect() }
}

fn id(text: &str) -> ModelId {
    text.parse().unwrap()
}

#[test]
fn what_is_written_is_read_back_and_the_rest_stays() {
    let one = with_model("", &id("a/b"), &model(&["config.json"])).unwrap();
    let commented = format!("# a word\n{one}");
    let two = with_model(&commented, &id("c"), &model(&["model.safetensors"])).unwrap();
    let again = with_model(&two, &id("c"), &model(&["model.safetensors", "x.json"])).unwrap();
    assert!(again.starts_with(&commented), "{again}");
    let lock = ModelLock::parse(&again, "models.lock").unwrap();
    assert_eq!(lock.model(&id("a/b")), Some(&model(&["config.json"])));
    assert_eq!(lock.model(&id("c")), Some(&model(&["model.safetensors", "x.json"])));
    assert_eq!(lock.model(&id("d")), None);
    assert_eq!(lock.id_of_name("b"), Some(&id("a/b")));
    assert_eq!((lock.id_of_name("a"), lock.id_of_name("a/b")), (None, None));
    assert_eq!(lock.of_commit(&COMMIT.parse().unwrap()).unwrap().0, &id("a/b"));
}

#[test]
fn every_mistake_is_reported_with_its_line() {
    let text = format!(
        "version = 1\n\
         [\"../x\"]\ncommit = \"{COMMIT}\"\nfiles = []\n\
         [a]\ncommit = \"main\"\nmore = 1\nfiles = [\n\
         {{ path = \"../config.json\", size = 1, sha256 = \"00\" }},\n\
         {{ path = \"a\", size = -1, sha256 = \"{digest}\" }},\n\
         {{ path = \"b\", size = 1, sha256 = \"{digest}\" }},\n\
         {{ path = \"b\", size = 1, sha256 = \"{digest}\" }},\n]\n",
        digest = Digest([0; 32])
    );
    let errors = ModelLock::parse(&text, "models.lock").unwrap_err().to_string();
    for (line, word) in [
        (2, "no model id"),
        (4, "`files` is empty"),
        (6, "no commit"),
        (7, "unknown key `more`"),
        (9, "no name of a file"),
        (9, "no SHA-256"),
        (10, "size"),
        (12, "names `b` twice"),
    ] {
        let is_reported =
            |message: &str| message.contains(&format!("line {line}: ")) && message.contains(word);
        assert!(errors.lines().any(is_reported), "line {line}, {word}: {errors}");
    }
    assert!(
        ModelLock::parse("version = 2\n[x]\n", "models.lock")
            .unwrap_err()
            .to_string()
            .contains("newer")
    );
    assert!(ModelLock::parse("", "models.lock").is_err());
}

#[test]
fn a_file_that_differs_or_stands_on_one_side_alone_is_reported() {
    let locked = model(&["a", "b"]);
    assert_eq!(locked.differences(&model(&["a", "b"]).files), [""; 0]);
    let messages = locked.differences(&model(&["b", "c"]).files);
    assert!(
        messages[0].starts_with("a: expected 5 bytes, sha256 0707")
            && messages[0].ends_with("found no file")
    );
    assert_eq!(messages[1], "c: expected no such file, found one");
    let mut other = model(&["a", "b"]).files;
    other.insert("a".to_owned(), FileDigest { size: 5, sha256: Digest([8; 32]) });
    assert!(locked.differences(&other)[0].contains("found 5 bytes, sha256 0808"));
}
