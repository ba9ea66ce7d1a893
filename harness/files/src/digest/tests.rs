//! Files of a checked folder: as they were, changed, gone, new, and read while they are hashed.

use std::{fs, os::unix::fs::symlink};

use super::*;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A folder with `a.json`, which holds `abc` and was checked.
fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.json"), "abc").unwrap();
    let digests = BTreeMap::from([("a.json".to_owned(), ABC.to_owned())]);
    let folder = Folder::checked(dir.path(), digests);
    (dir, folder)
}

/// What differs, as an error of a reader's reader has it.
fn difference(read: io::Result<Vec<u8>>) -> Option<(String, String)> {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the settings")]
    struct Outer(#[source] io::Error);
    let error = Outer(read.expect_err("it differs"));
    difference_in(&error).map(|differs| (differs.expected.clone(), differs.found.clone()))
}

#[test]
fn a_file_is_read_if_it_is_what_it_was() {
    let (_dir, folder) = folder();
    assert_eq!(folder.read("a.json", 3).unwrap(), b"abc");
    assert_eq!(sha256(&folder.path("a.json")).unwrap(), ABC);
    assert!(folder.has("a.json") && !folder.has("b.json"));
}

#[test]
fn other_bytes_are_told_whatever_their_number() {
    for bytes in ["abd", "ab", "", "abcd", "abc and more than may be read"] {
        let (_dir, folder) = folder();
        fs::write(folder.path("a.json"), bytes).unwrap();
        let (expected, found) = difference(folder.read("a.json", 4)).unwrap();
        assert_eq!(expected, format!("SHA-256 {ABC}"));
        assert_ne!(expected, found);
    }
}

#[test]
fn what_is_gone_or_was_not_there_differs() {
    let (_dir, folder) = folder();
    fs::remove_file(folder.path("a.json")).unwrap();
    assert_eq!(difference(folder.read("a.json", 9)), Some(("a file".into(), "none".into())));
    fs::write(folder.path("b.json"), "").unwrap();
    let expected = Some(("no such file".into(), "one".into()));
    assert_eq!(difference(folder.read("b.json", 9)), expected);
    // What is absent now as then is as in any folder.
    assert_eq!(folder.read("c.json", 9).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_link_to_the_same_bytes_is_the_same_and_a_folder_is_no_file() {
    let (dir, folder) = folder();
    fs::rename(folder.path("a.json"), dir.path().join("moved")).unwrap();
    symlink("moved", folder.path("a.json")).unwrap();
    assert_eq!(folder.read("a.json", 3).unwrap(), b"abc");
    fs::remove_file(folder.path("a.json")).unwrap();
    fs::create_dir(folder.path("a.json")).unwrap();
    assert_eq!(folder.read("a.json", 3).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_file_of_any_size_is_hashed_as_it_is_read() {
    for n_bytes in [0, 1, WORTH_A_THREAD - 1, WORTH_A_THREAD, WORTH_A_THREAD + CHUNK + 5] {
        let bytes: Vec<u8> = (0..n_bytes).map(|at| (at % 251) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("weights"), &bytes).unwrap();
        let digest = sha256(&dir.path().join("weights")).unwrap();
        assert_eq!(digest, hex(Sha256::new_with_prefix(&bytes)));
        let read = |digest: String| {
            let digests = BTreeMap::from([("weights".to_owned(), digest)]);
            let mut file = Folder::checked(dir.path(), digests).open("weights").unwrap();
            // The last byte is left to `finish`.
            let mut buffer = vec![0; n_bytes.saturating_sub(1)];
            file.read_exact(&mut buffer).unwrap();
            assert!(bytes.starts_with(&buffer));
            file.finish()
        };
        read(digest).unwrap();
        assert!(difference_in(&read(ABC.to_owned()).unwrap_err()).is_some());
    }
}

#[test]
fn a_folder_of_which_nothing_is_known_is_read_as_it_is() {
    let (dir, _) = folder();
    let folder = Folder::unchecked(dir.path());
    assert_eq!(folder.read("a.json", 3).unwrap(), b"abc");
    assert_eq!(folder.read("a.json", 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(folder.has("a.json") && !folder.has("b.json"));
    assert!(difference_in(&folder.read("b.json", 2).unwrap_err()).is_none());
}
