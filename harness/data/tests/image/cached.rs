//! Images through the cache against images without it.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use clsrl_data::image::{CacheSpace, ImageCache, ImageError, ImageFile, Processor};
use clsrl_spec::ImagePath;
use rayon::prelude::*;

use crate::{goldens, shared};

const ORDERS: [ImagePath; 4] =
    [ImagePath::Rgb(384), ImagePath::Native(384), ImagePath::Eval(384), ImagePath::Direct];

/// Of a folder of photographs only each so-many-th is taken: they are much alike.
const STEP: usize = 9;

fn processor() -> Processor {
    let model_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
    Processor::from_dir(&model_dir).unwrap().with_pixels(3136, 401_408)
}

/// The project's own images, and of those that may be there the golden set, the odd ones and some photographs.
fn images() -> Vec<PathBuf> {
    let mut paths = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image/pillow"));
    paths.extend(goldens().iter().flat_map(|dir| files_below(&dir.join("images"))));
    paths.extend(shared("data/oddimages").iter().flat_map(|dir| files_below(dir)));
    let photographs = shared("data/coop").map(|dir| files_below(&dir)).unwrap_or_default();
    paths.extend(photographs.into_iter().step_by(STEP));
    paths
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    paths.into_iter().flat_map(below).collect()
}

/// An error with all its reasons.
fn describe(error: &ImageError) -> String {
    let reasons = std::iter::successors(error.source(), |&error| error.source());
    reasons.fold(error.to_string(), |text, reason| format!("{text}: {reason}"))
}

/// The entries with what tells that one was written again.
fn entries(dir: &Path) -> BTreeMap<PathBuf, u64> {
    let inode = |path: PathBuf| (path.clone(), fs::metadata(path).unwrap().ino());
    files_below(dir).into_iter().map(inode).collect()
}

#[test]
fn patches_and_errors_are_the_same_without_a_cache_and_with_a_cold_and_a_warm_one() {
    let dir = tempfile::tempdir().unwrap();
    let space = CacheSpace { dir: dir.path().join("cache"), n_bytes: 8 << 30 };
    let (cache, processor) = (ImageCache::new(&space), processor());
    space.prepare().unwrap();
    let mut paths = images();
    paths.extend([dir.path().join("missing.jpg"), dir.path().to_owned()]);
    let check = |(path, order): (&PathBuf, ImagePath)| {
        let expected = processor.load(path, order).map_err(|error| describe(&error));
        let found = ImageFile::read(path)
            .and_then(|file| processor.load_through(&cache, &file, order))
            .map_err(|error| describe(&error));
        assert!(found == expected, "{} {order}", path.display());
        // Files of the same bytes share entries.
        let bytes = fs::read(path).ok();
        expected.is_ok().then_some((bytes, order.to_string()))
    };
    let pass = || -> Vec<_> {
        let all = paths.par_iter().flat_map_iter(|path| ORDERS.map(|order| (path, order)));
        let mut whole: Vec<_> = all.filter_map(check).collect();
        whole.sort();
        whole.dedup();
        whole
    };
    let whole = pass();
    assert!(40 < whole.len(), "too few images: {}", whole.len());
    let cold = entries(&space.dir);
    assert_eq!(
        cold.len(),
        whole.len(),
        "an entry for each image and order, and none that is broken"
    );
    assert_eq!(pass().len(), whole.len());
    assert_eq!(entries(&space.dir), cold, "a warm cache is only read");
}
