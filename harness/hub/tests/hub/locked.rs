//! What is locked is what is fetched, or nothing is.

use std::collections::BTreeMap;

use clsrl_hub::FetchError;
use clsrl_spec::{LockedModel, lock::FileDigest};
use tempfile::TempDir;

use super::{
    Fetching, USED, assert_is_model, good, repo,
    server::{COMMIT, Model, Reply, sha256},
    tree,
};

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The lock of what is used of a model.
fn lock(model: &Model) -> LockedModel {
    let file = |name: &str| {
        let content = model.content(name);
        let sha256 = sha256(content).parse().unwrap();
        (name.to_owned(), FileDigest { size: content.len() as u64, sha256 })
    };
    let files: BTreeMap<String, FileDigest> = USED.into_iter().map(file).collect();
    LockedModel { commit: model.commit.parse().unwrap(), files }
}

fn is_locked(error: &FetchError) -> bool {
    matches!(error, FetchError::Locked { .. })
}

#[test]
fn what_was_fetched_is_what_can_be_locked() {
    let (cache, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(good);
    let mut fetching = Fetching::new(&server, cache.path());
    let fetched = fetching.run().unwrap();
    assert_eq!(LockedModel { commit: fetched.commit, files: fetched.files }, lock(&model));
    fetching.locked = Some(lock(&model));
    fetching.run().unwrap();
}

#[test]
fn the_locked_commit_is_fetched_although_main_has_moved_on() {
    let (cache, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(|seen, reply| match seen.path.ends_with("/revision/main") {
        true => Reply::new(200, format!(r#"{{"sha":"{}"}}"#, "1".repeat(40))),
        false => reply,
    });
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.locked = Some(lock(&model));
    let fetched = fetching.run().unwrap();
    assert_eq!(fetched.commit.as_str(), COMMIT);
    assert_is_model(&fetched.dir, &model, &USED);
    assert!(!repo(&cache).join("refs").exists(), "main is another commit");
}

#[test]
fn another_revision_than_the_locked_one_is_refused() {
    let (cache, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(good);
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.locked = Some(LockedModel { commit: "1".repeat(40).parse().unwrap(), ..lock(&model) });
    fetching.model = "org/tiny@v1".to_owned();
    assert!(is_locked(
        &fetching.expect_error(&format!("expected {}, found {COMMIT}", "1".repeat(40)))
    ));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn weights_that_differ_are_refused_before_they_are_asked_for() {
    let model = Model::new(1000);
    let mut other = model.clone();
    other.add("model.safetensors", vec![1; 1000], true);
    let mut fewer = model.clone();
    fewer.files.remove("chat_template.json");
    let mut more = model.clone();
    more.add("vocab.json", b"{}".to_vec(), false);
    let mut longer = model.clone();
    longer.add("config.json", b"longer than it was before by some bytes".to_vec(), false);
    for (served, word) in [
        (other, "model.safetensors: expected 1000 bytes, sha256"),
        (fewer, "chat_template.json: expected 31 bytes"),
        (more, "vocab.json: expected no such file"),
        (longer, "config.json: expected 24 bytes"),
    ] {
        let cache = dir();
        let server = served.serve(good);
        let mut fetching = Fetching::new(&server, cache.path());
        fetching.locked = Some(lock(&model));
        assert!(is_locked(&fetching.expect_error(word)));
        assert!(server.seen_of("model.safetensors").is_empty());
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_small_file_that_differs_gets_no_name() {
    let (cache, model) = (dir(), Model::new(1000));
    let mut other = model.clone();
    // Of the same length, so that only the bytes can tell.
    other.add("config.json", model.content("config.json").to_ascii_uppercase(), false);
    let server = other.serve(good);
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.locked = Some(lock(&model));
    assert!(is_locked(&fetching.expect_error("config.json: expected sha256")));
    let found = tree(&repo(&cache));
    assert!(
        !found.iter().any(|name| name.ends_with("/config.json") || name.ends_with(".incomplete")),
        "{found:?}"
    );
}

#[test]
fn a_model_without_room_is_not_begun() {
    let cache = dir();
    let server = Model::new(1000).serve(|seen, reply| match seen.path.contains("/tree/") {
        true => Reply::new(
            200,
            Model::new(1000).tree().replace("\"size\":1000", "\"size\":1099511627776"),
        ),
        false => reply,
    });
    let error = Fetching::new(&server, cache.path()).expect_error("bytes free, and");
    assert!(matches!(error, FetchError::NoSpace { needed, .. } if 1 << 40 < needed));
    assert!(server.seen_of("model.safetensors").is_empty());
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_another_process_fetches_is_waited_for() {
    let (cache, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(good);
    let locks = cache.path().join(".locks/models--org--tiny");
    std::fs::create_dir_all(&locks).unwrap();
    let path = locks.join(format!("{}.lock", model.blob("model.safetensors")));
    let held = clsrl_files::FileLock::try_take(&path).unwrap().unwrap();
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.stop_at = Some("held");
    assert!(matches!(fetching.run(), Err(FetchError::Stopped)));
    assert!(server.seen_of("model.safetensors").is_empty());
    drop(held);
    fetching.stop_at = None;
    fetching.run().unwrap();
}
