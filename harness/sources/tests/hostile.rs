//! What archives may do, and what none of them may.

use std::{
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use clsrl_sources::{Limits, Packing, Piece, UnpackError, Unpacking, place, unpack};
use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};
use tempfile::TempDir;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// An archive in a folder of its own, and an empty folder beside it.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(archive: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("archive"), archive).unwrap();
        fs::create_dir(dir.path().join("into")).unwrap();
        Place { dir }
    }

    fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("into")
    }

    fn unpack(&self, packing: &Packing, limits: &Limits) -> Result<(), UnpackError> {
        self.unpack_of(packing, limits, &[piece("images", "images")])
    }

    fn unpack_of(
        &self,
        packing: &Packing,
        limits: &Limits,
        pieces: &[Piece],
    ) -> Result<(), UnpackError> {
        let archive = self.archive();
        let unpacking = Unpacking { archive: &archive, packing, pieces, folders: &[], limits };
        unpack(&unpacking, &self.target(), &mut |_| true)
    }

    /// Everything that lies beside the archive, sorted; folders end with `/`.
    fn files(&self) -> Vec<String> {
        files_below(&self.target())
    }

    /// Expects that the archive is refused with these words and that nothing is written outside.
    #[track_caller]
    fn expect_refused(&self, word: &str) {
        let error = self.unpack(&Packing::Archive, &Limits::DATASETS).unwrap_err();
        assert!(
            matches!(error, UnpackError::Hostile { .. } | UnpackError::Broken { .. }),
            "{error:?}"
        );
        let message = error.to_string();
        assert!(message.contains(word), "expected {word:?} in {message}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
        let names: Vec<_> = fs::read_dir(self.dir.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}

fn piece(from: &str, to: &str) -> Piece {
    Piece { from: from.to_owned(), to: to.to_owned() }
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            match path.symlink_metadata().unwrap().is_dir() {
                true => {
                    found.push(format!("{name}/"));
                    open.push(path);
                }
                false => found.push(name),
            }
        }
    }
    found.sort();
    found
}

/// An entry of a tar: its kind, its name as it stands in the header, its bytes.
type TarEntry<'e> = (EntryType, &'e [u8], &'e [u8]);

fn tar_of(entries: &[TarEntry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, bytes) in entries {
        let mut header = Header::new_ustar();
        // Not by the crate, which refuses what is tested here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_mode(0o6777);
        header.set_size(bytes.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.as_mut_bytes()[157..157 + 4].copy_from_slice(b"/etc");
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn regular<'e>(name: &'e str, bytes: &'e [u8]) -> TarEntry<'e> {
    (EntryType::Regular, name.as_bytes(), bytes)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        match name.strip_suffix('/') {
            Some(folder) => writer.add_directory(folder, options).unwrap(),
            None => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(bytes).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

const GOOD: [(&str, &[u8]); 4] = [
    ("images/", b""),
    ("images/b/2.jpg", b"two"),
    ("images/a/1.jpg", b"one"),
    ("labels/x.txt", b"not wanted"),
];

fn good_tar() -> Vec<u8> {
    let entries = GOOD.map(|(name, bytes)| match name.ends_with('/') {
        true => (EntryType::Directory, name.as_bytes(), bytes),
        false => regular(name, bytes),
    });
    tar_of(&entries)
}

#[test]
fn an_archive_is_known_by_its_bytes_and_its_pieces_get_their_names() {
    for archive in [good_tar(), packed(&good_tar()), zip_of(&GOOD)] {
        let place = Place::new(&archive);
        let pieces = [piece("images/a", "first"), piece("images/b/2.jpg", "second.jpg")];
        place.unpack_of(&Packing::Archive, &Limits::DATASETS, &pieces).unwrap();
        assert_eq!(place.files(), ["first/", "first/1.jpg", "second.jpg"]);
        assert_eq!(fs::read(place.target().join("first/1.jpg")).unwrap(), b"one");
    }
}

#[test]
fn files_are_nobodys_programs() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(&tar_of(&[regular("images/a", b"#!/bin/sh")]));
    place.unpack(&Packing::Archive, &Limits::DATASETS).unwrap();
    let mode = fs::metadata(place.target().join("images/a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7111, 0, "{mode:o}");
}

#[test]
fn a_name_that_leads_out_refuses_the_archive() {
    for name in
        ["../evil", "images/../../evil", "/tmp/evil", "images/..", "images\\..\\evil", "C:evil"]
    {
        Place::new(&tar_of(&[regular(name, b"x")])).expect_refused("the entry `");
        Place::new(&packed(&tar_of(&[regular(name, b"x")]))).expect_refused("the entry `");
        Place::new(&zip_of(&[(name, b"x")])).expect_refused("the entry `");
    }
    Place::new(&tar_of(&[(EntryType::Regular, b"images/\xff", b"")])).expect_refused("no UTF-8");
    Place::new(&tar_of(&[regular("images/\x1b[2J", b"")])).expect_refused("control characters");
}

#[test]
fn a_long_name_is_held_to_the_same_rules() {
    let long = |name: &[u8]| {
        tar_of(&[(EntryType::GNULongName, b"././@LongLink", name), regular("images/short", b"x")])
    };
    let name = format!("images/{}/a", "d".repeat(200));
    let place = Place::new(&long(name.as_bytes()));
    place.unpack(&Packing::Archive, &Limits::DATASETS).unwrap();
    assert!(place.target().join(&name).is_file());
    Place::new(&long(b"images/../../evil")).expect_refused("leads out");
    Place::new(&long(&[b'a'; 100_000])).expect_refused("65,536");
    let pax = |text: &str| {
        tar_of(&[(EntryType::XHeader, b"pax", text.as_bytes()), regular("images/short", b"x")])
    };
    Place::new(&pax("20 path=../evil/xyz\n")).expect_refused("leads out");
    Place::new(&pax("20 size=12345678901\n")).expect_refused("its size elsewhere");
    Place::new(&pax("22 GNU.sparse.major=1\n")).expect_refused("sparse");
}

#[test]
fn links_and_devices_refuse_the_archive() {
    for (kind, word) in [
        (EntryType::Symlink, "symbolic link"),
        (EntryType::Link, "hard link"),
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "pipe"),
        (EntryType::GNUSparse, "sparse"),
    ] {
        let entries = [(kind, &b"images/a"[..], &b""[..]), regular("images/a/passwd", b"x")];
        Place::new(&tar_of(&entries)).expect_refused(word);
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("images/a", "/etc", SimpleFileOptions::default()).unwrap();
    Place::new(&writer.finish().unwrap().into_inner()).expect_refused("a link");
}

#[test]
fn a_link_outside_of_the_pieces_is_never_made() {
    let entries = [
        (EntryType::Symlink, &b"other"[..], &b""[..]),
        regular("other/x", b"x"),
        regular("images/a", b"x"),
    ];
    let place = Place::new(&tar_of(&entries));
    place.unpack(&Packing::Archive, &Limits::DATASETS).unwrap();
    assert_eq!(place.files(), ["images/", "images/a"]);
}

#[test]
fn names_that_differ_in_case_alone_refuse_the_archive() {
    for names in [
        ["images/a.jpg", "images/A.jpg"],
        ["images/a/1.jpg", "images/A/2.jpg"],
        ["images/a.jpg", "images/a.jpg"],
        ["images/a", "images/a/b"],
        ["images/a/b", "images/a"],
        ["images/A", "images/a/b"],
    ] {
        let entries = names.map(|name| regular(name, b"x"));
        let place = Place::new(&tar_of(&entries));
        let error = place.unpack(&Packing::Archive, &Limits::DATASETS).unwrap_err();
        assert!(matches!(error, UnpackError::Hostile { .. }), "{names:?}: {error:?}");
    }
}

#[test]
fn a_bomb_ends_at_a_bound() {
    let zeros = vec![0; 80 << 20];
    let bomb = tar_of(&[regular("images/a", &zeros)]);
    Place::new(&packed(&bomb)).expect_refused("no archive of its size");
    Place::new(&zip_of(&[("images/a", &zeros)])).expect_refused("no archive of its size");
    let limits = Limits { max_file_bytes: 2, ..Limits::DATASETS };
    let place = Place::new(&good_tar());
    let error = place.unpack(&Packing::Archive, &limits).unwrap_err().to_string();
    assert!(error.contains("at most 2 are expected"), "{error}");
}

#[test]
fn too_many_entries_end_at_a_bound_whether_wanted_or_not() {
    let limits = Limits { max_entries: 3, ..Limits::DATASETS };
    for archive in [good_tar(), zip_of(&GOOD)] {
        let place = Place::new(&archive);
        let error = place.unpack(&Packing::Archive, &limits).unwrap_err().to_string();
        assert!(error.contains("more than 3 entries"), "{error}");
    }
}

#[test]
fn a_million_entries_are_counted_before_they_are_written() {
    // A thousand members of a thousand headers each: empty files outside of every piece.
    let header = tar_of(&[regular("other/a", b"")])[..512].to_vec();
    let archive = packed(&header.repeat(1000)).repeat(1000);
    let limits = Limits { max_entries: 50_000, ..Limits::DATASETS };
    let place = Place::new(&archive);
    let error = place.unpack(&Packing::Archive, &limits).unwrap_err().to_string();
    assert!(error.contains("more than 50000 entries"), "{error}");
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn a_zip_whose_headers_disagree_is_refused() {
    let mut archive = zip_of(&[("images/a", b"x"), ("images/b", b"y")]);
    let at = find(&archive, b"images/a");
    archive[at..at + 8].copy_from_slice(b"images/c");
    Place::new(&archive).expect_refused("called `images/c` by its own header");
}

#[test]
fn entries_of_a_zip_that_share_bytes_are_refused() {
    let mut archive = zip_of(&[("images/a", b"x"), ("images/b", b"x")]);
    // The second entry of the directory says that it begins where the first does.
    let directory = archive.len() - 22 - 2 * (46 + 8);
    let second = directory + 46 + 8;
    assert_eq!(&archive[second..second + 4], b"PK\x01\x02");
    archive[second + 42..second + 46].copy_from_slice(&0u32.to_le_bytes());
    Place::new(&archive).expect_refused("");
}

#[test]
fn an_archive_that_ends_too_soon_is_broken() {
    for archive in [packed(&good_tar()), good_tar(), zip_of(&GOOD)] {
        let half = Place::new(&archive[..archive.len() * 2 / 3]);
        let error = half.unpack(&Packing::Archive, &Limits::DATASETS).unwrap_err();
        assert!(matches!(error, UnpackError::Broken { .. }), "{error:?}");
    }
    Place::new(b"").expect_refused("it is empty");
    Place::new(b"<!DOCTYPE html><html>quota</html>").expect_refused("a page of the web");
    let error = Place::new(&good_tar())
        .unpack_of(&Packing::Archive, &Limits::DATASETS, &[piece("pictures", "images")])
        .unwrap_err();
    assert!(error.to_string().contains("has nothing below `pictures`"), "{error}");
}

#[test]
fn the_archive_inside_a_zip_is_unpacked() {
    let inner = packed(&good_tar());
    let place = Place::new(&zip_of(&[("top/inner.tar.gz", &inner), ("top/x", b"x")]));
    let packing = Packing::Nested { inner: "top/inner.tar.gz".to_owned() };
    place.unpack(&packing, &Limits::DATASETS).unwrap();
    assert_eq!(
        place.files(),
        ["images/", "images/a/", "images/a/1.jpg", "images/b/", "images/b/2.jpg"]
    );
}

#[test]
fn a_tar_of_tars_becomes_folders_by_their_names() {
    let class = tar_of(&[regular("n01_1.JPEG", b"one"), regular("n01_2.JPEG", b"two")]);
    let place = Place::new(&tar_of(&[regular("n01.tar", &class), regular("n02.tar", &class)]));
    let pieces = [piece("", "images/train")];
    place.unpack_of(&Packing::ClassTars, &Limits::DATASETS, &pieces).unwrap();
    let files = place.files();
    assert!(files.contains(&"images/train/n02/n01_2.JPEG".to_owned()), "{files:?}");
    let evil = tar_of(&[regular("../../evil", b"x")]);
    let place = Place::new(&tar_of(&[regular("n01.tar", &evil)]));
    assert!(place.unpack_of(&Packing::ClassTars, &Limits::DATASETS, &pieces).is_err());
}

#[test]
fn validation_pictures_go_into_the_folders_of_their_labels() {
    let names = ["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"];
    let place = Place::new(&tar_of(&names.map(|name| regular(name, b"x"))));
    let archive = place.archive();
    let folders = ["n02".to_owned(), "n01".to_owned()];
    let unpacking = Unpacking {
        archive: &archive,
        packing: &Packing::Validation { labels: "kit".to_owned() },
        pieces: &[piece("", "images/val")],
        folders: &folders,
        limits: &Limits::DATASETS,
    };
    unpack(&unpacking, &place.target(), &mut |_| true).unwrap();
    let files = place.files();
    assert!(files.contains(&"images/val/n01/ILSVRC2012_val_00000002.JPEG".to_owned()), "{files:?}");
}

#[test]
fn told_to_stop_it_leaves_no_name_behind() {
    let place_dir = Place::new(&packed(&good_tar()));
    let (archive, dataset) = (place_dir.archive(), place_dir.dir.path().join("dtd"));
    let unpacking = Unpacking {
        archive: &archive,
        packing: &Packing::Archive,
        pieces: &[piece("images", "images")],
        folders: &[],
        limits: &Limits::DATASETS,
    };
    let nothing = |_: &Piece, _: &Path| Ok::<(), UnpackError>(());
    let stopped = place(&unpacking, &dataset, &mut |_| false, nothing);
    assert!(matches!(stopped, Err(UnpackError::Stopped)), "{stopped:?}");
    assert_eq!(files_below(&dataset), Vec::<String>::new());
    // What a killed process left is removed by the next.
    fs::create_dir_all(dataset.join(".unpack.dead/images")).unwrap();
    place(&unpacking, &dataset, &mut |_| true, nothing).unwrap();
    assert_eq!(files_below(&dataset).len(), 5);
    let again = place(&unpacking, &dataset, &mut |_| true, nothing);
    assert!(matches!(again, Err(UnpackError::Occupied { .. })), "{again:?}");
    let refused =
        place(&unpacking, &place_dir.dir.path().join("other"), &mut |_| true, |_, path| {
            assert!(path.join("a/1.jpg").is_file());
            Err(UnpackError::Stopped)
        });
    assert!(refused.is_err());
    assert_eq!(files_below(&place_dir.dir.path().join("other")), Vec::<String>::new());
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}
