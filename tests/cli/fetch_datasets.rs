//! `datasets fetch`: from a server or a folder into place, and never says more than is true.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use md5::{Digest, Md5};
use serde_json::Value;
use sha2::Sha256;
use tempfile::TempDir;

use crate::{
    hub_server::{Reply, Seen, Server, ranged},
    program::{Ended, copy, end, expect_ok, program, temporary, text},
};

const ARCHIVE: &str = "dtd-r1.0.1.tar.gz";
pub const SPLIT: &str = "split_zhou_DescribableTextures.json";

/// Published files by name.
pub type Files = Arc<BTreeMap<&'static str, Vec<u8>>>;

/// Packs a DTD as its authors and CoOp publish it.
pub fn pack(dtd: &Path) -> Files {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    builder.append_dir_all("dtd/images", dtd.join("images")).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_cksum();
    builder.append_data(&mut header, "dtd/labels/x.txt", &b"other"[..]).unwrap();
    let archive = builder.into_inner().unwrap().finish().unwrap();
    Arc::new(BTreeMap::from([(ARCHIVE, archive), (SPLIT, fs::read(dtd.join(SPLIT)).unwrap())]))
}

/// A lock that has the archive's checksum and nothing else.
pub fn unverified_lock(files: &Files) -> String {
    format!(
        "version = 1\n[dtd]\ncounts = {{ train = \"unverified\", val = \"unverified\", test = \"unverified\" }}\n\
         classes = \"unverified\"\nsplit = \"unverified\"\nimages = \"unverified\"\nannotations = []\n\
         archives = [\n    {{ name = \"{ARCHIVE}\", url = \"https://example.org/{ARCHIVE}\", md5 = \"{}\" }},\n]\n",
        hex(&Md5::digest(&files[ARCHIVE]))
    )
}

/// A mirror of these files; `trouble` may answer otherwise.
pub fn mirror(
    files: &Files,
    trouble: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static,
) -> Server {
    let files = Arc::clone(files);
    Server::start(move |seen| {
        let name = seen.path.strip_prefix("/dtd/").unwrap_or("");
        let reply = match files.get(name) {
            Some(content) => ranged(content, seen, &format!("\"{name}\"")),
            None => Reply::new(404, ""),
        };
        trouble(seen, reply)
    })
}

/// The drawn DTD in CoOp's layout.
pub fn drawn_dtd() -> PathBuf {
    expect_ok(&["datasets", "list"]);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache/clsrl-bench/drawn-v1-seed1/dtd")
}

/// A published DTD of drawn images, and a lock that knows it.
struct Published {
    dir: TempDir,
    files: Files,
}

impl Published {
    fn new() -> Self {
        let dir = temporary();
        let truth = dir.path().join("truth/dtd");
        fs::create_dir_all(truth.parent().unwrap()).unwrap();
        copy(&drawn_dtd(), &truth);
        let published = Published { dir, files: pack(&truth) };
        fs::write(published.lock(), unverified_lock(&published.files)).unwrap();
        let truth = published.path("truth");
        let locked = published.program(&["datasets", "lock", "--data", text(&truth)]);
        assert_eq!(locked.code, Some(0), "{}{}", locked.stdout, locked.stderr);
        published
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn lock(&self) -> PathBuf {
        self.path("datasets.lock")
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn program(&self, args: &[&str]) -> Ended {
        let (lock, sidecars) = (self.lock(), self.path("sidecars"));
        let more = ["--lock", text(&lock), "--sidecars", text(&sidecars)];
        let mut command = program(&[args, &more].concat());
        for name in ["HTTPS_PROXY", "ALL_PROXY", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        end(command.stdin(Stdio::null()))
    }

    fn fetch(&self, more: &[&str]) -> Ended {
        let data = self.data();
        self.program(&[&["datasets", "fetch", "--data", text(&data)], more].concat())
    }

    fn serve(&self, trouble: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static) -> Server {
        mirror(&self.files, trouble)
    }

    /// Everything in the data folder, without what belongs to fetching.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.data().join("dtd"))
            .map(|entries| {
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
            })
            .unwrap_or_default();
        names.sort();
        names
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn good(_: &Seen, reply: Reply) -> Reply {
    reply
}

#[track_caller]
fn expect(ended: &Ended, code: i32, word: &str) {
    let message = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{message}");
    assert!(message.contains(word), "expected {word:?} in {message}");
}

#[test]
fn what_is_published_comes_into_place_and_is_what_the_lock_says() {
    let published = Published::new();
    let server = published.serve(good);
    let url = server.url();
    let fetched = published.fetch(&["dtd", "--mirror", &url]);
    expect(&fetched, 0, "dtd: as locked");
    assert_eq!(published.files(), ["images", SPLIT]);
    assert!(!published.data().join(".fetch/dtd").join(ARCHIVE).exists());
    let n_asked = server.seen().len();
    expect(&published.fetch(&["DTD", "--mirror", &url]), 0, "dtd: as locked");
    assert_eq!(server.seen().len(), n_asked, "nothing is asked for again");
    // What is gone comes again, and nothing else.
    fs::remove_file(published.data().join("dtd").join(SPLIT)).unwrap();
    expect(&published.fetch(&["dtd", "--mirror", &url]), 0, "dtd: as locked");
    assert!(server.seen()[n_asked..].iter().all(|seen| seen.path.ends_with(SPLIT)));
}

#[test]
fn a_connection_that_is_cut_goes_on_where_it_was() {
    let published = Published::new();
    let size = published.files[ARCHIVE].len();
    let server = published.serve(move |seen, reply| match seen.path.ends_with(ARCHIVE) {
        // The first answer that has the body from its start is cut; what announces the length is not read.
        true if seen.header("range").is_none() && seen.nth == 1 => reply.cut_after(size / 2),
        _ => reply,
    });
    let fetched = published.fetch(&["dtd", "--mirror", &server.url(), "--keep-archives"]);
    expect(&fetched, 0, "dtd: as locked");
    assert_eq!(
        fs::read(published.data().join(".fetch/dtd").join(ARCHIVE)).unwrap(),
        published.files[ARCHIVE]
    );
}

#[test]
fn a_page_instead_of_a_file_is_never_stored_and_left_by_hand() {
    let published = Published::new();
    let page = "<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>";
    let server = published.serve(move |seen, reply| match seen.path.ends_with(SPLIT) {
        true => Reply::new(200, page).with("Content-Type", "text/html; charset=utf-8"),
        false => reply,
    });
    let fetched = published.fetch(&["dtd", "--mirror", &server.url()]);
    expect(&fetched, 5, "answers with a page of the web instead of");
    assert_eq!(published.files(), ["images"], "{}{}", fetched.stdout, fetched.stderr);
    assert!(!fetched.stdout.contains("as locked"), "{}", fetched.stdout);
    // The user has it from elsewhere.
    let from = published.path("mine");
    fs::create_dir(&from).unwrap();
    fs::write(from.join(SPLIT), &published.files[SPLIT]).unwrap();
    let fetched = published.fetch(&["dtd", "--from", text(&from)]);
    expect(&fetched, 0, "dtd: as locked");
    assert!(from.join(SPLIT).exists(), "what is the user's stays");
}

#[test]
fn other_bytes_than_were_published_are_told_and_never_placed() {
    let published = Published::new();
    let server = published.serve(|seen, mut reply| {
        if seen.path.ends_with(ARCHIVE) && reply.status == 200 {
            reply.body[100] ^= 1;
        }
        reply
    });
    let fetched = published.fetch(&["dtd", "--mirror", &server.url()]);
    expect(&fetched, 7, "expected ");
    assert_eq!(published.files(), [SPLIT]);
    let from = published.path("mine");
    fs::create_dir(&from).unwrap();
    fs::write(from.join(ARCHIVE), b"something else").unwrap();
    let fetched = published.fetch(&["dtd", "--from", text(&from)]);
    expect(&fetched, 7, "has other bytes than were published");
    assert_eq!(published.files(), [SPLIT]);
}

#[test]
fn images_that_are_not_the_locks_end_with_7() {
    let published = Published::new();
    let server = published.serve(good);
    expect(&published.fetch(&["dtd", "--mirror", &server.url()]), 0, "as locked");
    let class = fs::read_dir(published.data().join("dtd/images")).unwrap().next().unwrap().unwrap();
    let image = fs::read_dir(class.path()).unwrap().next().unwrap().unwrap().path();
    fs::OpenOptions::new().append(true).open(image).unwrap().write_all(b"x").unwrap();
    expect(&published.fetch(&["dtd"]), 7, "dtd is not what the lock says");
}

#[test]
fn what_has_no_checksum_is_fetched_only_if_it_is_trusted() {
    let published = Published::new();
    let lock = fs::read_to_string(published.lock()).unwrap();
    let md5 = format!(", md5 = \"{}\"", hex(&Md5::digest(&published.files[ARCHIVE])));
    assert!(lock.contains(&md5), "{lock}");
    fs::write(published.lock(), lock.replace(&md5, "")).unwrap();
    let server = published.serve(good);
    let url = server.url();
    let fetched = published.fetch(&["dtd", "--mirror", &url]);
    expect(&fetched, 5, "--trust-first-use fetches it all the same");
    assert!(server.seen_of(ARCHIVE).is_empty());
    let fetched = published.fetch(&["dtd", "--mirror", &url, "--trust-first-use"]);
    expect(&fetched, 0, "dtd: as locked");
}

#[test]
fn a_page_that_is_called_something_else_is_never_stored_either() {
    let published = Published::new();
    // Nobody knows a digest of anything.
    fs::write(published.lock(), "version = 1\n").unwrap();
    let server = published.serve(|_, _| {
        Reply::new(200, "\n<!doctype HTML><html>").with("Content-Type", "application/octet-stream")
    });
    let fetched = published.fetch(&["dtd", "--mirror", &server.url(), "--trust-first-use"]);
    expect(&fetched, 5, "2 files are left to you");
    assert_eq!(published.files(), Vec::<String>::new());
}

#[test]
fn a_dry_run_asks_for_nothing_and_writes_nothing() {
    let published = Published::new();
    let server = published.serve(good);
    let message = published.fetch(&["dtd", "--mirror", &server.url(), "--dry-run"]);
    expect(&message, 0, "2 files: 0 here, 0 of yours, 2 to fetch");
    assert!(server.seen().is_empty());
    assert!(!published.data().exists());
    assert!(message.stdout.lines().all(|line| line.chars().count() <= 80), "{}", message.stdout);
}

#[test]
fn what_cannot_be_had_is_left_with_what_to_do() {
    let published = Published::new();
    let data = published.data();
    // With the project's own lock: no address of it is asked.
    let call = |names: &[&str]| {
        let mut command = program(&[&["datasets", "fetch", "--data", text(&data)], names].concat());
        end(command.env("HF_HUB_OFFLINE", "1"))
    };
    let cars = call(&["stanford_cars"]);
    expect(&cars, 5, "stanford_cars/cars_train.tgz: gone from its address since 2023");
    expect(&cars, 5, "https://github.com/pytorch/vision/issues/7545");
    expect(&cars, 5, "the network is not to be used");
    expect(&call(&["imagenet"]), 5, "register at https://image-net.org");
}

#[test]
fn validation_images_wait_for_their_labels() {
    let published = Published::new();
    let (data, from) = (published.data(), published.path("mine"));
    fs::create_dir(&from).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_cksum();
    builder.append_data(&mut header, "ILSVRC2012_val_00000001.JPEG", &b"x"[..]).unwrap();
    fs::write(from.join("ILSVRC2012_img_val.tar"), builder.into_inner().unwrap()).unwrap();
    let lock = "version = 1\n";
    fs::write(published.lock(), lock).unwrap();
    let ended = published.program(&[
        "datasets",
        "fetch",
        "imagenet",
        "--data",
        text(&data),
        "--from",
        text(&from),
    ]);
    expect(&ended, 5, "its labels are in `ILSVRC2012_devkit_t12.tar.gz`, which is missing");
    assert!(!data.join("imagenet/images/val").exists());
}

#[test]
fn sources_are_listed_with_licences_and_what_is_known_of_them() {
    let message = expect_ok(&["datasets", "list", "--sources", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&message).unwrap();
    let datasets: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row["dataset"].as_str().unwrap()).collect();
    assert_eq!(datasets.len(), 11);
    for row in &rows {
        assert!(!row["licence"].as_str().unwrap().is_empty(), "{row}");
        let is_open = ["fetch", "drive"].contains(&row["access"].as_str().unwrap());
        assert_eq!(is_open, row["steps"].as_array().unwrap().is_empty(), "{row}");
        // What may be fetched has an address in the lock or the table.
        assert!(
            !is_open || row["url"].as_str().is_some_and(|url| url.starts_with("http")),
            "{row}"
        );
    }
    let text = expect_ok(&["datasets", "list", "--sources", "--datasets", "dtd"]);
    assert!(text.contains("dtd-r1.0.1.tar.gz"), "{text}");
    assert!(!text.contains("EuroSAT"), "{text}");
}

#[test]
fn a_split_file_of_the_lock_has_the_locks_digest() {
    let published = Published::new();
    let digest = hex(&Sha256::digest(&published.files[SPLIT]));
    assert!(fs::read_to_string(published.lock()).unwrap().contains(&digest));
    let from = published.path("mine");
    fs::create_dir(&from).unwrap();
    let mut other = published.files[SPLIT].clone();
    other.push(b'\n');
    fs::write(from.join(SPLIT), other).unwrap();
    let ended = published.fetch(&["dtd", "--from", text(Path::new(&from))]);
    expect(&ended, 7, &digest);
    assert_eq!(published.files(), Vec::<String>::new());
}
