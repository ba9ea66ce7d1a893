//! Thousands of changed files: a reader may refuse them and must neither panic, hang nor look outside.

use std::{fs, path::Path};

use clsrl_spec::{DatasetId, Stream};

use crate::{
    lists::files_of,
    mat::Writer,
    place::{Place, rows},
    small::{ALL, small, small_with},
};

/// What is put into a file now and then.
const SCRAPS: [&[u8]; 12] = [
    b"../",
    b"/etc/hostname",
    b"\0",
    b"\n",
    b"\r\n",
    b" ",
    b"\"",
    b"[[[[",
    b"99999999999999999999",
    b"-1",
    b"\xff\xfe",
    b"\xff\xff\xff\x7f",
];

fn mutate(bytes: &mut Vec<u8>, stream: &mut Stream) {
    for _ in 0..=stream.below(3) {
        let at = stream.below(bytes.len() + 1);
        match stream.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = stream.below(256) as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << stream.below(8),
            3 => {
                let scrap = SCRAPS[stream.below(SCRAPS.len())];
                bytes.splice(at..at, scrap.iter().copied());
            }
            4 => {
                let end = (at + 1 + stream.below(40)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let end = (at + 1 + stream.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
}

/// Opens, and checks that whatever is listed lies inside.
fn open(place: &Place) {
    let Ok(dataset) = place.open() else { return };
    let inside = fs::canonicalize(place.dir()).unwrap();
    for example in dataset.train.iter().chain(&dataset.val).chain(&dataset.test) {
        assert!(example.label < dataset.class_names.len());
        assert_eq!(dataset.class_names[example.label], example.class_name);
        if let Ok(path) = dataset.image_path(example) {
            assert!(fs::canonicalize(path).unwrap().starts_with(&inside), "{}", example.path);
        }
    }
}

/// Changes one file at a time, `n` times, and puts it back.
fn check(place: &Place, of_interest: impl Fn(&Path) -> bool, n: usize) {
    let files: Vec<_> = files_of(place).into_iter().filter(|path| of_interest(path)).collect();
    let mut stream = Stream::new(7, &["mutated files", place.id.as_str()]);
    for _ in 0..n {
        let path = &files[stream.below(files.len())];
        let before = fs::read(path).unwrap();
        let mut bytes = before.clone();
        mutate(&mut bytes, &mut stream);
        replace(path, &bytes);
        open(place);
        replace(path, &before);
    }
    assert!(place.open().is_ok(), "{} is as it was", place.id);
}

/// Writes a new file: some systems wait for the disk when one is written over.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn no_split_file_makes_its_reader_panic() {
    let place = small(DatasetId::Eurosat);
    let dataset = place.open().unwrap();
    let [train, val, test] = [&dataset.train, &dataset.val, &dataset.test].map(|list| rows(list));
    let split = serde_json::json!({"train": train, "val": val, "test": test});
    let split = serde_json::to_string_pretty(&split).unwrap();
    place.write("split_zhou_EuroSAT.json", split);
    check(&place, |path| path.extension().is_some_and(|of| of == "json"), 3000);
}

#[test]
fn no_text_list_makes_its_reader_panic() {
    for id in ALL.into_iter().chain([DatasetId::ImageNet]) {
        let place = small(id);
        let is_text = |path: &Path| path.extension().is_some_and(|of| of == "txt" || of == "json");
        if files_of(&place).iter().any(|path| is_text(path)) {
            check(&place, is_text, 600);
        }
    }
}

#[test]
fn no_mat_file_makes_its_reader_panic() {
    for id in [DatasetId::StanfordCars, DatasetId::OxfordFlowers] {
        for is_compressed in [false, true] {
            let place = small_with(id, Writer { is_compressed, ..Writer::default() });
            check(&place, |path| path.extension().is_some_and(|of| of == "mat"), 1500);
        }
    }
}
