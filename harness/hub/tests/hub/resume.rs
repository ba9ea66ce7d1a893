//! What came before a cut is kept, and nothing that is not the file's is.

use std::{fs, path::PathBuf};

use clsrl_hub::FetchError;
use tempfile::TempDir;

use super::{
    Fetching, USED, assert_is_model, good, repo,
    server::{Length, Model, Reply, Seen},
    tree,
};

/// More than the mebibyte that counts as progress.
const SIZE: usize = 1_600_000;
const WEIGHTS: &str = "model.safetensors";

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn is_weights(seen: &Seen) -> bool {
    seen.path.starts_with("/cdn/")
}

/// The parts that are left in a cache.
fn parts(cache: &TempDir) -> Vec<PathBuf> {
    let blobs = repo(cache).join("blobs");
    let names = tree(&blobs)
        .into_iter()
        .filter(|name| name.ends_with(".incomplete") && !name.contains(".etag."));
    names.map(|name| blobs.join(name)).collect()
}

/// Leaves a part of so many bytes behind, as a run does that is stopped.
fn leave(cache: &TempDir, n_bytes: usize) {
    let server = Model::new(SIZE).serve(move |seen, reply| match is_weights(seen) {
        true if seen.nth == 0 => reply.cut_after(n_bytes),
        true => reply.of_length(Length::Silence),
        false => reply,
    });
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.stop_at = Some("waiting");
    assert!(matches!(fetching.run(), Err(FetchError::Stopped)));
    assert_eq!(fs::metadata(&parts(cache)[0]).unwrap().len() as usize, n_bytes);
}

/// Fetches from this server, and expects the model to be there with no part left.
fn expect_model(
    cache: &TempDir,
    trouble: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static,
) -> (Vec<Seen>, Vec<String>) {
    let model = Model::new(SIZE);
    let server = model.clone().serve(trouble);
    let mut fetching = Fetching::new(&server, cache.path());
    let fetched = fetching.run().unwrap();
    assert_is_model(&fetched.dir, &model, &USED);
    assert!(
        tree(cache.path()).iter().all(|name| !name.ends_with(".incomplete")),
        "{:?}",
        tree(cache.path())
    );
    (server.seen().into_iter().filter(is_weights).collect(), fetching.events)
}

#[test]
fn a_cut_connection_is_gone_on_with_where_it_was_cut() {
    let (seen, events) = expect_model(&dir(), |seen, reply| match (is_weights(seen), seen.nth) {
        (true, 0) => reply.cut_after(1_000_000),
        (true, 1) => reply.cut_after(500_000),
        _ => reply,
    });
    let ranges: Vec<Option<&str>> = seen.iter().map(|seen| seen.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=1000000-"), Some("bytes=1500000-")]);
    assert_eq!(seen[0].header("if-range"), None);
    assert!(seen[1..].iter().all(|seen| seen.header("if-range") == Some("\"cdn-tag\"")));
    assert_eq!(events.iter().filter(|event| event.starts_with("waiting")).count(), 2);
}

#[test]
fn the_next_run_goes_on_where_the_last_was_stopped() {
    let cache = dir();
    leave(&cache, 1_234_567);
    let (seen, events) = expect_model(&cache, good);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("range"), Some("bytes=1234567-"));
    assert_eq!(seen[0].header("if-range"), Some("\"cdn-tag\""));
    assert!(events.contains(&"fetching model.safetensors from 1234567".to_owned()), "{events:?}");
}

#[test]
fn a_part_that_is_whole_already_is_only_checked() {
    let cache = dir();
    leave(&cache, SIZE - 1);
    let part = parts(&cache).remove(0);
    fs::write(&part, Model::new(SIZE).content(WEIGHTS)).unwrap();
    let (seen, _) = expect_model(&cache, good);
    assert!(seen.is_empty());
}

#[test]
fn a_damaged_part_is_found_out_and_fetched_anew() {
    for damage in [
        |bytes: &mut Vec<u8>| bytes[9] ^= 1,
        |bytes: &mut Vec<u8>| bytes.resize(SIZE + 5, 7),
        |bytes: &mut Vec<u8>| bytes.resize(SIZE, 7),
    ] {
        let cache = dir();
        leave(&cache, 1_000_000);
        let part = parts(&cache).remove(0);
        let mut bytes = fs::read(&part).unwrap();
        damage(&mut bytes);
        fs::write(&part, bytes).unwrap();
        let (seen, events) = expect_model(&cache, good);
        assert_eq!(seen.last().unwrap().header("range"), None);
        assert!(events.contains(&"again model.safetensors".to_owned()), "{events:?}");
    }
}

#[test]
fn a_server_that_sends_everything_is_taken_at_its_word() {
    let cache = dir();
    leave(&cache, 1_000_000);
    let (seen, _) = expect_model(&cache, |seen, reply| match is_weights(seen) {
        true => Reply::new(200, Model::new(SIZE).content(WEIGHTS)),
        false => reply,
    });
    assert_eq!(seen[0].header("range"), Some("bytes=1000000-"));
    assert_eq!(seen[1].header("range"), None);
}

#[test]
fn a_file_that_changed_at_the_server_begins_anew() {
    let cache = dir();
    leave(&cache, 1_000_000);
    // Only the tag is another: the bytes are those of the digest, or nothing would come of it.
    let (seen, _) = expect_model(&cache, |seen, reply| match is_weights(seen) {
        true => super::server::ranged(Model::new(SIZE).content(WEIGHTS), seen, "\"other-tag\""),
        false => reply,
    });
    assert_eq!(seen[0].header("if-range"), Some("\"cdn-tag\""));
    assert_eq!(seen.last().unwrap().header("range"), None);
}

#[test]
fn a_rest_that_is_not_the_one_asked_for_is_not_taken() {
    let wrong = |range: &'static str, etag: &'static str| {
        move |seen: &Seen, reply: Reply| match (is_weights(seen), seen.header("range")) {
            (true, Some(_)) => reply
                .without("Content-Range")
                .without("ETag")
                .with("Content-Range", range)
                .with("ETag", etag),
            _ => reply,
        }
    };
    let last = SIZE - 1;
    let ranges = [
        format!("bytes 0-{last}/{SIZE}"),
        format!("bytes 1000001-{last}/{SIZE}"),
        format!("bytes 1000000-{}/{SIZE}", last - 1),
        format!("bytes 1000000-{last}/{}", SIZE + 1),
        "nonsense".to_owned(),
    ];
    for range in ranges {
        let cache = dir();
        leave(&cache, 1_000_000);
        let (seen, _) = expect_model(&cache, wrong(range.clone().leak(), "\"cdn-tag\""));
        assert_eq!(seen.last().unwrap().header("range"), None, "{range}");
    }
    let cache = dir();
    leave(&cache, 1_000_000);
    let range = format!("bytes 1000000-{last}/{SIZE}");
    let (seen, _) = expect_model(&cache, wrong(range.leak(), "\"other-tag\""));
    assert_eq!(seen.last().unwrap().header("range"), None);
}

#[test]
fn a_rest_that_the_server_does_not_have_begins_anew() {
    let cache = dir();
    leave(&cache, 1_000_000);
    let (seen, _) =
        expect_model(&cache, |seen, reply| match (is_weights(seen), seen.header("range")) {
            (true, Some(_)) => Reply::new(416, ""),
            _ => reply,
        });
    assert_eq!(
        seen.iter().map(|seen| seen.header("range").is_some()).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_weak_tag_does_not_vouch_for_a_rest() {
    let (seen, _) = expect_model(&dir(), |seen, reply| {
        let reply = match is_weights(seen) {
            true => reply.without("ETag").with("ETag", "W/\"weak\""),
            false => reply,
        };
        if is_weights(seen) && seen.nth == 0 { reply.cut_after(1_000_000) } else { reply }
    });
    assert_eq!(seen[1].header("range"), Some("bytes=1000000-"));
    assert_eq!(seen[1].header("if-range"), None);
}

#[test]
fn a_server_that_never_gets_further_is_given_up() {
    // It forgets what it sent, after enough of it to look like progress.
    let server =
        Model::new(SIZE).serve(|seen, reply| match (is_weights(seen), seen.header("range")) {
            (true, Some(_)) => Reply::new(416, ""),
            (true, None) => reply.cut_after(1_200_000),
            _ => reply,
        });
    let cache = dir();
    let mut fetching = Fetching::new(&server, cache.path());
    assert!(matches!(fetching.expect_error("could not be had"), FetchError::GaveUp { .. }));
    assert!(server.seen().len() < 30, "{}", server.seen().len());
}

#[test]
fn a_server_that_always_cuts_at_once_is_given_up_and_what_came_is_kept() {
    let server = Model::new(SIZE).serve(|seen, reply| match is_weights(seen) {
        true => reply.cut_after(10),
        false => reply,
    });
    let cache = dir();
    let mut fetching = Fetching::new(&server, cache.path());
    assert!(matches!(fetching.expect_error("6 attempts"), FetchError::GaveUp { .. }));
    assert_eq!(fetching.waits, [1, 2, 4, 8, 16]);
    assert_eq!(fs::metadata(&parts(&cache)[0]).unwrap().len(), 60);
    assert!(!repo(&cache).join("refs").exists(), "what is not whole has no name");
    let (seen, _) = expect_model(&cache, good);
    assert_eq!(seen[0].header("range"), Some("bytes=60-"));
}

#[test]
fn an_interrupt_stops_within_a_piece_and_keeps_what_came() {
    let server = Model::new(SIZE).serve(good);
    let cache = dir();
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.stop_at = Some("bytes");
    assert!(matches!(fetching.run(), Err(FetchError::Stopped)));
    let (_, events) = expect_model(&cache, good);
    assert!(events.iter().any(|event| event.starts_with("fetching")), "{events:?}");
}

#[test]
fn two_at_once_fetch_each_file_once_and_both_have_it() {
    let (cache, model) = (dir(), Model::new(SIZE));
    let server = model.clone().serve(good);
    let dirs: Vec<PathBuf> = std::thread::scope(|scope| {
        let fetch = || Fetching::new(&server, cache.path()).run().unwrap().dir;
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(fetch)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for dir in dirs {
        assert_is_model(&dir, &model, &USED);
    }
    assert_eq!(server.seen().into_iter().filter(is_weights).count(), 1);
}
