//! What may go wrong in a folder that others write to, and does not.

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, SystemTime},
};

use clsrl_files::NewFile;
use tempfile::TempDir;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a small entry takes on disk.
const BLOCK: u64 = 4096;

/// A cache in a folder of its own, with room for `n_small` small entries in each of its folders.
fn cache_of(n_small: u64) -> (TempDir, ImageCache) {
    let dir = tempfile::tempdir().unwrap();
    let cache = ImageCache::new(&space(dir.path(), n_small));
    (dir, cache)
}

fn space(dir: &Path, n_small: u64) -> CacheSpace {
    CacheSpace { dir: dir.to_owned(), n_bytes: n_small * BLOCK * N_FOLDERS as u64 }
}

fn file(bytes: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};

    Digest(Sha256::digest(bytes).into())
}

fn key(number: usize) -> Key {
    Key::new(file(&number.to_le_bytes()), "a transform")
}

/// The first keys of one folder.
fn keys_of_one_folder<const N: usize>() -> [Key; N] {
    let mut keys = (0..).map(key).filter(|key| key.first_byte() == 7);
    std::array::from_fn(|_| keys.next().unwrap())
}

/// An image whose pixels say which it is.
fn image(number: usize) -> RgbImage {
    let pixels = (0..5 * 3 * 3).map(|at| (at * 31 + number * 7) as u8).collect();
    RgbImage { width: 5, height: 3, pixels }
}

fn file_of(cache: &ImageCache, key: Key) -> PathBuf {
    key.file_in(&cache.folder(key.first_byte()).dir)
}

fn set_age(path: &Path, age: Duration) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(dir).unwrap().map(|folder| folder.unwrap().path());
    folders.flat_map(|dir| fs::read_dir(dir).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[test]
fn what_was_kept_is_what_is_read() {
    let (_dir, cache) = cache_of(9);
    assert_eq!(cache.get(key(1)), None);
    cache.keep(key(1), &image(1));
    cache.keep(key(2), &image(2));
    assert_eq!(cache.get(key(1)), Some(image(1)));
    assert_eq!(cache.get(key(2)), Some(image(2)));
    assert_eq!(cache.get(key(3)), None);
}

#[test]
fn another_file_and_another_transform_have_other_keys() {
    let keys = [Key::new(file(b"ab"), "c"), Key::new(file(b"a"), "bc"), Key::new(file(b"ab"), "d")];
    assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    assert_eq!(keys[0], Key::new(file(b"ab"), "c"));
}

#[test]
fn an_entry_with_any_damage_is_none_and_is_replaced() {
    let (_dir, cache) = cache_of(9);
    let path = {
        cache.keep(key(1), &image(1));
        file_of(&cache, key(1))
    };
    let whole = fs::read(&path).unwrap();
    let check = |damaged: &[u8], what: &str| {
        fs::write(&path, damaged).unwrap();
        assert_eq!(cache.get(key(1)), None, "{what}");
    };
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            check(&damaged, &format!("bit {bit} of byte {at}"));
        }
        check(&whole[..at], &format!("cut to {at} bytes"));
        let mut zeroed = whole.clone();
        zeroed[at..].fill(0);
        if zeroed != whole {
            check(&zeroed, &format!("zeros from byte {at} on"));
        }
    }
    check(&[&*whole, b"x"].concat(), "a byte too many");
    cache.keep(key(1), &image(1));
    assert_eq!(cache.get(key(1)), Some(image(1)));
}

#[test]
fn an_entry_under_anothers_name_is_none() {
    let (_dir, cache) = cache_of(9);
    let [a, b] = keys_of_one_folder();
    cache.keep(a, &image(1));
    fs::copy(file_of(&cache, a), file_of(&cache, b)).unwrap();
    assert_eq!(cache.get(b), None);
    assert_eq!(cache.get(a), Some(image(1)));
}

#[test]
fn a_header_that_promises_too_much_takes_no_memory() {
    let (_dir, cache) = cache_of(9);
    cache.keep(key(1), &image(1));
    let path = file_of(&cache, key(1));
    let mut bytes = fs::read(&path).unwrap();
    bytes[40..48].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(cache.get(key(1)), None);
    // A file with holes that is as long as its header says, and longer than any entry that has room.
    let side = 1 << 18;
    bytes[40..44].copy_from_slice(&u32::to_le_bytes(side));
    bytes[44..48].copy_from_slice(&u32::to_le_bytes(side));
    fs::write(&path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(52 + 3 * u64::from(side).pow(2)).unwrap();
    assert_eq!(cache.get(key(1)), None);
    cache.keep(key(1), &image(1));
    assert_eq!(cache.get(key(1)), Some(image(1)));
}

#[test]
fn what_is_no_file_is_none_and_stays() {
    let (_dir, cache) = cache_of(9);
    let [folder, link] = keys_of_one_folder();
    fs::create_dir_all(file_of(&cache, folder)).unwrap();
    std::os::unix::fs::symlink("nowhere", file_of(&cache, link)).unwrap();
    assert_eq!((cache.get(folder), cache.get(link)), (None, None));
    cache.keep(folder, &image(1));
    assert_eq!(cache.get(folder), None);
    cache.keep(link, &image(2));
    assert_eq!(cache.get(link), Some(image(2)));
    assert_eq!(files_below(&cache.dir).len(), 2, "no temporary file is left");
}

#[test]
fn no_folder_takes_more_than_its_share() {
    let (dir, cache) = cache_of(3);
    let n = 2000;
    for number in 0..n {
        cache.keep(key(number), &image(number));
    }
    for folder in fs::read_dir(dir.path()).unwrap() {
        assert!(fs::read_dir(folder.unwrap().path()).unwrap().count() <= 3);
    }
    let kept: Vec<usize> = (0..n).filter(|&number| cache.get(key(number)).is_some()).collect();
    assert!(2 * N_FOLDERS < kept.len(), "nearly all folders are full: {}", kept.len());
    assert!(kept.iter().all(|&number| cache.get(key(number)) == Some(image(number))));
}

#[test]
fn what_was_kept_stays_when_the_same_images_are_read_in_order_again() {
    let (_dir, cache) = cache_of(1);
    let numbers = 0..1500;
    let pass = || {
        let hit = |&number: &usize| match cache.get(key(number)) {
            Some(_) => true,
            None => {
                cache.keep(key(number), &image(number));
                false
            }
        };
        numbers.clone().filter(hit).count()
    };
    // So many keys fall into every folder; each keeps its first.
    assert_eq!((pass(), pass(), pass()), (0, N_FOLDERS, N_FOLDERS));
}

#[test]
fn old_entries_make_room_the_oldest_first_and_young_ones_stay() {
    let (_dir, cache) = cache_of(3);
    let [a, b, c, d, e, f] = keys_of_one_folder();
    for key in [a, b, c] {
        cache.keep(key, &image(1));
    }
    set_age(&file_of(&cache, a), DAY + HOUR);
    set_age(&file_of(&cache, b), 2 * DAY);
    set_age(&file_of(&cache, c), DAY - HOUR);
    let there = || [a, b, c, d, e, f].map(|key| file_of(&cache, key).exists());
    cache.keep(d, &image(2));
    assert_eq!(there(), [true, false, true, true, false, false], "the oldest went");
    cache.keep(e, &image(2));
    assert_eq!(there(), [false, false, true, true, true, false], "the other old one went");
    cache.keep(f, &image(2));
    assert_eq!(there(), [false, false, true, true, true, false], "nothing is old");
}

#[test]
fn a_read_entry_is_young_again_and_its_time_changes_once_an_hour() {
    let (_dir, cache) = cache_of(3);
    cache.keep(key(1), &image(1));
    let path = file_of(&cache, key(1));
    let modified = || fs::metadata(&path).unwrap().modified().unwrap();
    set_age(&path, HOUR / 2);
    let before = modified();
    assert!(cache.get(key(1)).is_some());
    assert_eq!(modified(), before);
    set_age(&path, 2 * DAY);
    assert!(cache.get(key(1)).is_some());
    assert!(before < modified());
    // A clock that was set back leaves entries of the future.
    let tomorrow = SystemTime::now() + DAY;
    fs::File::options().append(true).open(&path).unwrap().set_modified(tomorrow).unwrap();
    assert!(cache.get(key(1)).is_some());
    assert!(modified() < tomorrow - HOUR);
}

#[test]
fn an_image_that_is_too_large_removes_nothing() {
    let (_dir, cache) = cache_of(2);
    let [a, large] = keys_of_one_folder();
    cache.keep(a, &image(1));
    set_age(&file_of(&cache, a), 2 * DAY);
    let side = 60; // 10,852 bytes: three blocks
    cache.keep(large, &RgbImage { width: side, height: side, pixels: vec![1; 60 * 60 * 3] });
    assert_eq!((cache.get(large), cache.get(a)), (None, Some(image(1))));
}

#[test]
fn a_lower_bound_holds_before_a_run_begins() {
    let (dir, cache) = cache_of(4);
    let keys: [Key; 4] = keys_of_one_folder();
    for (hours, &key) in [3, 9, 1, 5].into_iter().zip(&keys) {
        cache.keep(key, &image(1));
        set_age(&file_of(&cache, key), hours * HOUR);
    }
    space(dir.path(), 2).prepare().unwrap();
    let there = keys.map(|key| file_of(&cache, key).exists());
    assert_eq!(there, [true, false, true, false], "the last read stay");
}

#[test]
fn what_a_dead_process_left_goes_and_foreign_files_stay_and_count() {
    let (dir, cache) = cache_of(3);
    let [a, b] = keys_of_one_folder();
    cache.keep(a, &image(1));
    set_age(&file_of(&cache, a), DAY - HOUR);
    let folder = cache.folder(a.first_byte()).dir;
    let names = [".dead.tmp", "notes.txt"].map(|name| folder.join(name));
    for path in &names {
        fs::write(path, "some bytes").unwrap();
        set_age(path, 2 * DAY);
    }
    let mut being_written = NewFile::create(&folder.join("c")).unwrap();
    being_written.write_all(b"some bytes").unwrap();
    being_written.flush().unwrap();
    space(dir.path(), 3).prepare().unwrap();
    assert_eq!(names.each_ref().map(|path| path.exists()), [false, true]);
    assert!(being_written.temporary_path().exists());
    cache.keep(b, &image(2));
    assert_eq!(cache.get(b), None, "an entry and two files are as much as there may be");
}

#[test]
fn many_writers_of_the_same_entries_spoil_none() {
    const N: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    // A cache of its own for each thread: they share what processes share, the folder and nothing else.
    let work = || {
        let cache = ImageCache::new(&space(dir.path(), 9));
        for round in 0..20 {
            for number in 0..N {
                let found = cache.get(key(number));
                assert!(found.is_none_or(|found| found == image(number)));
                cache.keep(key(number), &image(number));
                if round % 5 == 4 {
                    // What another process does that makes room, or a user who empties the cache.
                    let _ = fs::remove_file(file_of(&cache, key(number)));
                }
            }
        }
        for number in 0..N {
            cache.keep(key(number), &image(number));
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let cache = ImageCache::new(&space(dir.path(), 9));
    assert!((0..N).all(|number| cache.get(key(number)) == Some(image(number))));
    assert_eq!(files_below(dir.path()).len(), N, "no temporary file is left");
}

#[test]
fn threads_of_one_process_never_overshoot() {
    let (dir, cache) = cache_of(1);
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            let own = (0..800).map(move |number| 800 * thread + number);
            scope.spawn(move || own.for_each(|number| cache.keep(key(number), &image(number))));
        }
    });
    assert_eq!(files_below(dir.path()).len(), N_FOLDERS);
}

#[test]
fn a_cache_that_cannot_be_used_has_no_images_and_no_errors() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "no folder").unwrap();
    for place in [file.clone(), file.join("below"), PathBuf::from("/proc/self/fdinfo/cache")] {
        let space = space(&place, 9);
        assert!(space.prepare().is_err(), "{}", place.display());
        let cache = ImageCache::new(&space);
        cache.keep(key(1), &image(1));
        assert_eq!(cache.get(key(1)), None, "{}", place.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "no folder");
}

#[test]
fn a_read_only_cache_is_read() {
    let (dir, cache) = cache_of(9);
    let [a, b] = keys_of_one_folder();
    cache.keep(a, &image(1));
    let folder = cache.folder(a.first_byte()).dir;
    let allow = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    allow(&folder, 0o555).unwrap();
    cache.keep(b, &image(2));
    assert_eq!(cache.get(a), Some(image(1)));
    // Permissions do not bind a privileged user, for whom the folder was writable all the time.
    assert!(cache.get(b).is_none_or(|found| found == image(2)));
    allow(&folder, 0o755).unwrap();
    assert!(space(dir.path(), 9).prepare().is_ok());
}
