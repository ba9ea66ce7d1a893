//! How what was fetched lies on the disk.

use std::{fs, os::unix::fs::PermissionsExt};

use clsrl_hub::{Destination, FetchError, commit_of};

use super::{
    Fetching, USED, assert_is_model, good, repo,
    server::{COMMIT, Model, Reply},
    tree,
};

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_model_is_laid_out_as_in_hugging_faces_cache() {
    let (cache, model) = (dir(), Model::new(300_000));
    let server = model.clone().serve(good);
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    let snapshot = repo(&cache).join("snapshots").join(COMMIT);
    assert_eq!(fetched.dir, snapshot);
    assert_is_model(&snapshot, &model, &USED);
    let mut expected = vec!["refs/main".to_owned()];
    for name in USED {
        let blob = model.blob(name);
        assert_eq!(
            fs::read_link(snapshot.join(name)).unwrap().to_str().unwrap(),
            format!("../../blobs/{blob}")
        );
        expected.extend([format!("blobs/{blob}"), format!("snapshots/{COMMIT}/{name}")]);
    }
    expected.sort();
    assert_eq!(tree(&repo(&cache)), expected, "no part is left");
    assert_eq!(fs::read_to_string(repo(&cache).join("refs/main")).unwrap(), COMMIT);
    let plain = cache.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(repo(&cache).join("blobs").join(model.blob("model.safetensors"))), mode(plain));
    assert_eq!(commit_of(&snapshot).unwrap().as_str(), COMMIT);
}

#[test]
fn nothing_but_what_is_used_is_asked_for() {
    let cache = dir();
    let server = Model::new(1000).serve(good);
    Fetching::new(&server, cache.path()).run().unwrap();
    for name in [".bin", ".py", "README.md", ".onnx"] {
        assert!(server.seen_of(name).is_empty(), "{name}");
    }
}

#[test]
fn what_is_there_is_checked_and_not_fetched_again() {
    let cache = dir();
    let server = Model::new(300_000).serve(good);
    Fetching::new(&server, cache.path()).run().unwrap();
    let n_before = server.seen().len();
    let mut again = Fetching::new(&server, cache.path());
    again.run().unwrap();
    let more: Vec<String> =
        server.seen()[n_before..].iter().map(|seen| seen.path.clone()).collect();
    assert_eq!(more.len(), 2, "{more:?}");
    assert!(more.iter().all(|path| path.starts_with("/api/")), "{more:?}");
    assert!(again.events.contains(&"checking model.safetensors".to_owned()), "{:?}", again.events);
}

#[test]
fn damaged_bytes_in_the_cache_are_replaced() {
    let (cache, model) = (dir(), Model::new(300_000));
    let server = model.clone().serve(good);
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    let blob = repo(&cache).join("blobs").join(model.blob("model.safetensors"));
    let mut wrong = model.content("model.safetensors").to_vec();
    wrong[7] ^= 1;
    for content in [wrong, b"short".to_vec(), Vec::new()] {
        fs::write(&blob, content).unwrap();
        Fetching::new(&server, cache.path()).run().unwrap();
        assert_is_model(&fetched.dir, &model, &USED);
    }
}

#[test]
fn an_empty_file_is_there_only_if_it_is_empty() {
    let (cache, mut model) = (dir(), Model::new(10));
    model.add("vocab.json", Vec::new(), false);
    let server = model.clone().serve(good);
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    assert_eq!(fs::read(fetched.dir.join("vocab.json")).unwrap(), b"");
    assert!(server.seen_of("vocab.json").is_empty(), "there is nothing to ask for");
    fs::write(repo(&cache).join("blobs").join(model.blob("vocab.json")), "not empty").unwrap();
    Fetching::new(&server, cache.path()).run().unwrap();
    assert_eq!(fs::read(fetched.dir.join("vocab.json")).unwrap(), b"");
}

#[test]
fn a_cache_without_links_is_used_as_it_is() {
    let (cache, model) = (dir(), Model::new(300_000));
    let snapshot = repo(&cache).join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("model.safetensors"), model.content("model.safetensors")).unwrap();
    let server = model.clone().serve(good);
    Fetching::new(&server, cache.path()).run().unwrap();
    assert_is_model(&snapshot, &model, &USED);
    assert!(server.seen_of("model.safetensors").is_empty());
}

#[test]
fn weights_in_several_files_are_those_of_the_index() {
    let cache = dir();
    let mut model = Model::new(0);
    model.files.remove("model.safetensors");
    for name in ["model-1.safetensors", "model-2.safetensors", "consolidated.safetensors"] {
        model.add(name, name.as_bytes().to_vec(), true);
    }
    let index = r#"{"metadata": {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    model.add("model.safetensors.index.json", index.into(), false);
    let server = model.clone().serve(good);
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    let names = [
        "chat_template.json",
        "config.json",
        "model-1.safetensors",
        "model-2.safetensors",
        "model.safetensors.index.json",
        "preprocessor_config.json",
        "tokenizer.json",
    ];
    assert_is_model(&fetched.dir, &model, &names);
    assert_eq!(server.seen_of("index.json").len(), 1, "read for the plan and kept");
}

#[test]
fn a_list_of_files_in_pages_is_read_to_its_end() {
    let (cache, model) = (dir(), Model::new(1000));
    let pages = [
        format!("[{},{}]", model.entry("config.json"), model.entry("preprocessor_config.json")),
        format!("[{},{}]", model.entry("tokenizer.json"), model.entry("model.safetensors")),
    ];
    let server = model.clone().serve(move |seen, reply| match seen.path.split_once("/tree/") {
        Some((_, rest)) if rest.contains("cursor=2") => Reply::new(200, pages[1].clone()),
        Some(_) => Reply::new(200, pages[0].clone())
            .with("Link", &format!("</api/models/org/tiny/tree/{COMMIT}?cursor=2>; rel=\"next\"")),
        None => reply,
    });
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    assert_is_model(
        &fetched.dir,
        &model,
        &["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"],
    );
}

#[test]
fn a_revision_is_written_down_and_a_commit_is_not() {
    let cache = dir();
    let server = Model::new(10).serve(good);
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.model = format!("org/tiny@{COMMIT}");
    fetching.run().unwrap();
    assert!(!repo(&cache).join("refs").exists());
    fetching.model = "org/tiny@v1".to_owned();
    fetching.run().unwrap();
    assert_eq!(fs::read_to_string(repo(&cache).join("refs/v1")).unwrap(), COMMIT);
    fetching.model = "org/tiny@other".to_owned();
    assert!(matches!(fetching.expect_error("revision `other`"), FetchError::NotFound { .. }));
}

#[test]
fn a_folder_has_the_files_themselves_and_says_where_they_are_from() {
    let (folder, model) = (dir(), Model::new(300_000));
    let server = model.clone().serve(good);
    let mut fetching = Fetching::new(&server, folder.path()).into_folder(folder.path());
    fetching.run().unwrap();
    assert_is_model(folder.path(), &model, &USED);
    assert_eq!(commit_of(folder.path()).unwrap().as_str(), COMMIT);
    let metadata = folder.path().join(".cache/huggingface/download");
    assert_eq!(tree(&metadata), USED.map(|name| format!("{name}.metadata")));
    let text = fs::read_to_string(metadata.join("model.safetensors.metadata")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], [COMMIT, &model.blob("model.safetensors")]);
    assert!(lines[2].parse::<f64>().is_ok());
    let n_before = server.seen().len();
    fetching.run().unwrap();
    assert_eq!(server.seen().len(), n_before + 2, "nothing is fetched again");
}

#[test]
fn a_folders_own_files_are_never_replaced() {
    let (folder, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(good);
    let mut fetching = Fetching::new(&server, folder.path()).into_folder(folder.path());
    for content in [vec![1; 1000], b"of another size".to_vec(), Vec::new()] {
        fs::write(folder.path().join("model.safetensors"), &content).unwrap();
        assert!(matches!(fetching.expect_error("other contents"), FetchError::Foreign { .. }));
        assert_eq!(fs::read(folder.path().join("model.safetensors")).unwrap(), content);
        assert_eq!(tree(folder.path()), ["model.safetensors"]);
    }
}

#[test]
fn what_was_fetched_into_a_folder_is_replaced_unless_it_was_changed() {
    let (folder, model) = (dir(), Model::new(1000));
    let server = model.clone().serve(good);
    Fetching::new(&server, folder.path()).into_folder(folder.path()).run().unwrap();
    let mut newer = model.clone();
    newer.commit = "1".repeat(40);
    newer.add("config.json", b"{\"newer\": 1}".to_vec(), false);
    let server = newer.clone().serve(good);
    let mut fetching = Fetching::new(&server, folder.path()).into_folder(folder.path());
    fetching.run().unwrap();
    assert_is_model(folder.path(), &newer, &USED);
    assert_eq!(commit_of(folder.path()).unwrap().as_str(), "1".repeat(40));
    fs::write(folder.path().join("config.json"), "changed by hand").unwrap();
    assert!(matches!(fetching.expect_error("config.json"), FetchError::Foreign { .. }));
}

#[test]
fn what_is_whole_is_found_without_a_hub() {
    let (cache, folder, model) = (dir(), dir(), Model::new(300_000));
    let server = model.clone().serve(good);
    for destination in [
        Destination::Cache(clsrl_hub::HubCache::new(cache.path())),
        Destination::Folder(folder.path().to_owned()),
    ] {
        let mut fetching = Fetching::new(&server, cache.path());
        fetching.destination = destination;
        fetching.is_offline = true;
        assert!(matches!(fetching.run(), Err(FetchError::NotHere { .. })));
        fetching.is_offline = false;
        let fetched = fetching.run().unwrap();
        let n_before = server.seen().len();
        fetching.is_offline = true;
        assert_eq!(fetching.run().unwrap().files, fetched.files);
        let weights = fetched.dir.join("model.safetensors");
        let mut wrong = model.content("model.safetensors").to_vec();
        wrong[7] ^= 1;
        fs::write(&weights, &wrong).unwrap();
        assert!(fetching.run().is_err());
        fs::remove_file(&weights).unwrap();
        assert!(matches!(fetching.run(), Err(FetchError::NotHere { .. })));
        assert_eq!(server.seen().len(), n_before, "nobody was asked");
    }
}
