//! Servers that say or send what is not so.

use std::fs;

use clsrl_hub::FetchError;
use tempfile::TempDir;

use super::{
    Fetching, USED, assert_is_model, repo,
    server::{COMMIT, Length, Model, Reply, Seen, Server},
    tree,
};

const SIZE: usize = 300_000;

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn is_weights(seen: &Seen) -> bool {
    seen.path.starts_with("/cdn/")
}

/// Serves a model whose weights are answered otherwise.
fn serve(trouble: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static) -> Server {
    Model::new(SIZE)
        .serve(move |seen, reply| if is_weights(seen) { trouble(seen, reply) } else { reply })
}

/// Serves a model whose list of files is this.
fn serve_tree(tree: String) -> Server {
    Model::new(SIZE).serve(move |seen, reply| match seen.path.contains("/tree/") {
        true => Reply::new(200, tree.clone()),
        false => reply,
    })
}

/// Fetches, and expects an error and a cache in which the weights have no name.
fn expect_nothing(server: &Server, word: &str) -> FetchError {
    let cache = dir();
    let error = Fetching::new(server, cache.path()).expect_error(word);
    let found = if repo(&cache).exists() { tree(&repo(&cache)) } else { Vec::new() };
    let has_name = |name: &String| name.ends_with("model.safetensors") || name.starts_with("refs/");
    assert!(!found.iter().any(has_name), "{found:?}");
    let blob = Model::new(SIZE).blob("model.safetensors");
    assert!(!found.contains(&format!("blobs/{blob}")), "{found:?}");
    error
}

fn wrong_bytes() -> Vec<u8> {
    let mut bytes = Model::new(SIZE).content("model.safetensors").to_vec();
    bytes[SIZE / 2] ^= 1;
    bytes
}

#[test]
fn wrong_bytes_never_get_a_name() {
    let server = serve(|_, _| Reply::new(200, wrong_bytes()));
    let error = expect_nothing(&server, &Model::new(SIZE).blob("model.safetensors"));
    assert!(matches!(error, FetchError::WrongBytes { .. }));
    assert_eq!(
        server.seen().iter().filter(|seen| is_weights(seen)).count(),
        2,
        "once more, for a bad moment"
    );
}

#[test]
fn wrong_bytes_once_are_a_bad_moment() {
    let (cache, model) = (dir(), Model::new(SIZE));
    let server =
        serve(|seen, reply| if seen.nth == 0 { Reply::new(200, wrong_bytes()) } else { reply });
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    assert_is_model(&fetched.dir, &model, &USED);
}

#[test]
fn a_small_file_with_wrong_bytes_gets_no_name_either() {
    let server = Model::new(SIZE).serve(|seen, reply| match seen.path.ends_with("/config.json") {
        true => Reply::new(200, "{\"name\": \"config.jsoX\"}\n"),
        false => reply,
    });
    let cache = dir();
    let error = Fetching::new(&server, cache.path()).expect_error("config.json");
    assert!(matches!(error, FetchError::WrongBytes { .. }));
    assert!(!repo(&cache).join("snapshots").join(COMMIT).join("config.json").exists());
}

#[test]
fn a_length_that_is_not_the_files_is_not_waited_for() {
    for n_bytes in [0, 5, SIZE - 1, SIZE + 1, 1 << 40] {
        let server = serve(move |_, reply| reply.of_length(Length::Of(n_bytes)));
        expect_nothing(&server, &format!("announces {n_bytes} bytes where {SIZE} are missing"));
    }
}

#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let server = serve(|_, reply| reply.of_length(Length::Endless));
    expect_nothing(&server, "sends more than the file has");
    let server = serve(|_, _| Reply::new(200, vec![0; SIZE + 1]).of_length(Length::Chunked));
    expect_nothing(&server, "sends more than the file has");
}

#[test]
fn a_body_in_chunks_is_taken_if_it_is_the_file() {
    let (cache, model) = (dir(), Model::new(SIZE));
    let server = serve(|_, reply| reply.of_length(Length::Chunked));
    let fetched = Fetching::new(&server, cache.path()).run().unwrap();
    assert_is_model(&fetched.dir, &model, &USED);
    let server = serve(|_, reply| reply.of_length(Length::Chunked).cut_after(SIZE - 1));
    expect_nothing(&server, "could not be had");
}

#[test]
fn a_page_that_says_sorry_is_no_file() {
    let server = serve(|_, _| {
        Reply::new(200, "<html>too many downloads</html>").with("Content-Type", "text/html")
    });
    expect_nothing(&server, "announces 31 bytes");
}

#[test]
fn packed_bytes_are_not_taken() {
    let server = serve(|_, reply| reply.with("Content-Encoding", "gzip"));
    expect_nothing(&server, "packed");
}

#[test]
fn a_rest_that_nobody_asked_for_is_not_taken() {
    let server = serve(|_, reply| Reply { status: 206, ..reply });
    expect_nothing(&server, "206 to a request without a range");
}

#[test]
fn a_name_that_leaves_the_folder_is_refused_with_the_whole_list() {
    let model = Model::new(SIZE);
    for name in [
        "../../evil",
        "/etc/evil",
        "a/../../evil",
        "..\\\\evil",
        "C:evil",
        "a\\u0000",
        "a\\u001b[2J",
        "",
    ] {
        let entry = model.entry("config.json").replace("config.json", name);
        let server = serve_tree(format!("[{entry},{}]", &model.tree()[1..model.tree().len() - 1]));
        let error = expect_nothing(&server, "a file named");
        assert!(matches!(error, FetchError::Hostile { .. }));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn a_list_that_no_hub_has_is_refused() {
    let model = Model::new(SIZE);
    let (entry, tree) = (model.entry("config.json"), model.tree());
    let upper = entry.replace("config.json", "Config.JSON");
    let long_digest = tree.replace(
        &model.blob("model.safetensors"),
        "../../../../../../../../../../../../../../etc/passwd-0123456789",
    );
    let huge = tree.replace(&format!("\"size\":{SIZE}"), "\"size\":1099511627777");
    for (tree, word) in [
        (format!("[{entry},{entry}]"), "twice"),
        (format!("[{entry},{upper}]"), "twice"),
        (long_digest, "no digest of `model.safetensors`"),
        (tree.replace(&model.blob("config.json"), ""), "no digest of `config.json`"),
        (tree.replace(&model.blob("config.json"), &"A".repeat(40)), "no digest of `config.json`"),
        (huge, "1099511627777 bytes"),
        (tree.replace(&format!("\"size\":{SIZE}"), "\"size\":-1"), "no hub says"),
        ("{}".to_owned(), "no hub says"),
        ("<html>".to_owned(), "no hub says"),
        ("[]".to_owned(), "no `model.safetensors`"),
        (String::new(), "no hub says"),
    ] {
        expect_nothing(&serve_tree(tree), word);
    }
}

#[test]
fn an_answer_about_a_model_has_an_end() {
    for part in ["/tree/", "/revision/"] {
        let server = Model::new(10).serve(move |seen, reply| match seen.path.contains(part) {
            true => reply.of_length(Length::Endless),
            false => reply,
        });
        expect_nothing(&server, "more than 16777216 bytes");
    }
}

#[test]
fn a_list_in_pages_has_an_end_and_stays_on_its_host() {
    let next = |address: String| {
        Model::new(10).serve(move |seen, reply| match seen.path.contains("/tree/") {
            true => Reply::new(200, "[]").with("Link", &format!("<{address}>; rel=\"next\"")),
            false => reply,
        })
    };
    expect_nothing(&next(format!("/api/models/org/tiny/tree/{COMMIT}")), "more than 20 pages");
    let other = Server::start(|_| Reply::new(200, "[]"));
    expect_nothing(&next(other.other_url()), "another host");
    assert!(other.seen().is_empty());
}

#[test]
fn a_commit_is_the_one_that_was_asked_for() {
    for sha in ["../../..", "", "main", &"f".repeat(39), &"f".repeat(40)] {
        let answer = format!(r#"{{"sha":"{sha}"}}"#);
        let server = Model::new(10).serve(move |_, _| Reply::new(200, answer.clone()));
        let cache = dir();
        let mut fetching = Fetching::new(&server, cache.path());
        fetching.model = format!("org/tiny@{COMMIT}");
        assert!(matches!(fetching.expect_error("commit"), FetchError::Hostile { .. }));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }
}

#[test]
fn an_index_that_lies_fetches_nothing() {
    let mut model = Model::new(10);
    model.files.remove("model.safetensors");
    model.add(
        "model.safetensors.index.json",
        br#"{"weight_map": {"a": "../../x.safetensors"}}"#.to_vec(),
        false,
    );
    let server = model.clone().serve(|_, reply| reply);
    expect_nothing(&server, "that can be read");
    let server = model.serve(|seen, reply| match seen.path.ends_with("index.json") {
        true => Reply::new(200, r#"{"weight_map": {"a": "tokenizer.json"}}"#),
        false => reply,
    });
    let error = expect_nothing(&server, "index.json");
    assert!(matches!(error, FetchError::WrongBytes { .. }));
}
