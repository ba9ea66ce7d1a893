//! Trees of which parts lie elsewhere, and links that lead there.

use std::{fs, os::unix::fs::symlink, path::Path};

use clsrl_data::{
    datasets::{Dataset, Links},
    lock::{Checked, DifferenceKind, Measured, Mode, check, measure, recorded_links},
};
use clsrl_spec::{DatasetId::Dtd, lock::LockEntry};
use tempfile::TempDir;

use super::place::{Place, checking};

/// A place of which something lies in another folder, with what its entry was before.
struct Linked {
    place: Place,
    store: TempDir,
    entry: LockEntry,
}

impl Linked {
    /// Moves a part of the dataset's folder into a store and leaves a link.
    fn new(part: &str) -> Self {
        let place = Place::new();
        let (entry, store) = (place.locked(), tempfile::tempdir().unwrap());
        let (from, to) = (place.dir().join(part), store.path().join("moved"));
        fs::rename(&from, &to).unwrap();
        symlink(&to, &from).unwrap();
        Linked { place, store, entry }
    }

    fn open(&self, links: Links) -> Dataset {
        Dataset::open_with_links(Dtd, &self.place.data(), links).unwrap()
    }

    fn check(&self) -> Checked {
        let sidecars = self.place.sidecars();
        let dataset = self.open(recorded_links(&sidecars, Dtd, &self.place.data()));
        check(&dataset, Some(&self.entry), &checking(&sidecars, Mode::Fast)).unwrap()
    }

    /// As `datasets lock` does.
    fn measure(&self) -> Measured {
        let sidecars = self.place.sidecars();
        measure(&self.open(Links::Everywhere), &checking(&sidecars, Mode::Deep)).unwrap()
    }
}

/// What lies elsewhere is refused until somebody locks it, and is then locked as what lies here.
fn check_link(part: &str) {
    let linked = Linked::new(part);
    let refused = linked.check().differences;
    let fault = refused.iter().find(|found| found.kind == DifferenceKind::Unreadable).unwrap();
    assert_eq!(fault.subject, part);
    let store = linked.store.path().canonicalize().unwrap();
    assert!(fault.found.contains(&format!("a link to `{}", store.display())), "{fault}");

    let measured = linked.measure();
    assert_eq!(measured.faults, []);
    assert_eq!(measured.entry.images, linked.entry.images, "as if it lay here");
    assert!(measured.links.iter().all(|folder| folder.starts_with(&store)));
    assert!(linked.check().is_locked(), "{:?}", linked.check().differences);
    let dataset = linked.open(recorded_links(&linked.place.sidecars(), Dtd, &linked.place.data()));
    assert!(dataset.train.iter().all(|example| dataset.image_path(example).is_ok()));

    // Another place is another matter.
    let other = tempfile::tempdir().unwrap();
    let link = linked.place.dir().join(part);
    let to = other.path().join("moved");
    fs::rename(fs::read_link(&link).unwrap(), &to).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&to, &link).unwrap();
    assert!(!linked.check().is_locked());
}

#[test]
fn folders_and_images_may_lie_where_the_lock_was_made_to_find_them() {
    check_link("images");
    check_link("images/banded");
    check_link("images/banded/banded_0.jpg");
}

#[test]
fn data_that_is_not_locked_opens_no_place_to_later_runs() {
    let linked = Linked::new("images/banded/banded_0.jpg");
    let root = linked.place.image("root");
    symlink("/", &root).unwrap();
    let measured = linked.measure();
    assert!(!measured.faults.is_empty());
    assert!(measured.links.is_empty(), "{:?}", measured.links);
    fs::remove_file(&root).unwrap();
    assert!(!linked.check().is_locked(), "nobody has locked what the link leads to");
    assert_eq!(linked.measure().faults, []);
    assert!(linked.check().is_locked(), "{:?}", linked.check().differences);
}

#[test]
fn a_link_into_the_data_folder_needs_no_record() {
    let place = Place::new();
    let entry = place.locked();
    let to = place.data().join("store");
    fs::rename(place.image("banded"), &to).unwrap();
    symlink(&to, place.image("banded")).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
}

#[test]
fn a_link_that_is_turned_to_another_image_is_found() {
    let place = Place::new();
    let entry = place.locked();
    let path = place.image("banded/banded_0.jpg");
    let [here, there] = ["kept.jpg", "other.jpg"].map(|name| place.dir().join(name));
    fs::rename(&path, &here).unwrap();
    fs::write(&there, "image bonded 0").unwrap();
    symlink(&here, &path).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
    fs::remove_file(&path).unwrap();
    symlink(&there, &path).unwrap();
    let messages = place.differences(&entry, Mode::Fast);
    assert!(
        messages
            .iter()
            .any(|message| message.starts_with("images/banded/banded_0.jpg: expected sha256"))
    );
}

#[test]
fn a_maze_of_links_ends() {
    let place = Place::new();
    let maze = place.elsewhere("data/maze");
    fs::create_dir(&maze).unwrap();
    for level in 0..20 {
        let dir = maze.join(level.to_string());
        fs::create_dir(&dir).unwrap();
        for name in ["left", "right"] {
            symlink(Path::new("..").join((level + 1).to_string()), dir.join(name)).unwrap();
        }
    }
    fs::create_dir(maze.join("20")).unwrap();
    symlink(maze.join("0"), place.image("maze")).unwrap();
    let faults = place.measured().faults;
    assert!(faults.iter().any(|fault| fault.found.contains("th link to `")), "{faults:?}");
}

#[test]
fn an_image_that_git_annex_did_not_fetch_is_told_as_such() {
    let place = Place::new();
    let path = place.image("banded/banded_0.jpg");
    fs::remove_file(&path).unwrap();
    symlink("../../.git/annex/objects/aB/cD/KEY/KEY", &path).unwrap();
    let faults = place.measured().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].found.contains("`git annex get` gets it"), "{}", faults[0]);
}
