//! The images that are measured: photographs if they are there, else a drawn JPEG, and large ones.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use tempfile::TempDir;

/// Folders of photographs below `$CLSRL_SHARED/data/coop`.
const FOLDERS: [(&str, &str); 2] =
    [("dtd", "dtd/images"), ("stanford_cars", "stanford_cars/cars_train")];

/// Where one of ImageNet's larger photographs lies, below the same folder.
const LARGE: &str = "imagenet/images/val/n01629819";

const DRAWN_SIZE: (u32, u32) = (640, 480);

/// What a camera takes: six million pixels.
const DRAWN_LARGE: (u32, u32) = (3000, 2000);

/// An image on disk.
pub struct Photograph {
    /// How it is called in results.
    pub name: String,
    pub path: PathBuf,
}

/// The first photograph of each folder that is there, in order of names; else an image drawn into `dir`.
pub fn photographs(shared_dir: &Path, dir: &TempDir) -> Vec<Photograph> {
    let coop_dir = shared_dir.join("data/coop");
    let mut found = Vec::new();
    for (name, folder) in FOLDERS {
        match first_jpeg(&coop_dir.join(folder)) {
            Some(path) => found.push(Photograph { name: name.to_owned(), path }),
            None => eprintln!("skipped: no photograph in {}", coop_dir.join(folder).display()),
        }
    }
    if found.is_empty() {
        found.push(Photograph { name: "drawn".to_owned(), path: draw(dir.path(), DRAWN_SIZE) });
    }
    found
}

/// A photograph of ImageNet if it is there, and a drawn one of a camera's size.
pub fn large(shared_dir: &Path, dir: &TempDir) -> Vec<Photograph> {
    let named = |name: &str, path| Photograph { name: name.to_owned(), path };
    let imagenet = first_jpeg(&shared_dir.join("data/coop").join(LARGE));
    let mut found: Vec<Photograph> =
        imagenet.into_iter().map(|path| named("imagenet", path)).collect();
    found.push(named("drawn", draw(dir.path(), DRAWN_LARGE)));
    found
}

fn first_jpeg(dir: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return first_jpeg(&path);
        }
        path.extension()
            .is_some_and(|extension| ["jpg", "JPEG"].iter().any(|jpeg| extension == *jpeg))
            .then_some(path)
    })
}

/// Waves of a few lengths, so that every block of the JPEG has something in it.
fn draw(dir: &Path, (width, height): (u32, u32)) -> PathBuf {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (f64::from(x), f64::from(y));
            let fine = (x * 0.9).sin() * (y * 0.7).cos();
            let coarse = (x * 0.02 + y * 0.03).sin();
            let level = |fine_share: f64| 127.0 + 60.0 * coarse + 60.0 * fine_share * fine;
            pixels.extend([1.0, 0.6, 0.3].map(|share| level(share) as u8));
        }
    }
    let path = dir.join(format!("drawn_{width}x{height}.jpg"));
    let file = fs::File::create(&path).expect("a temporary folder takes files");
    JpegEncoder::new_with_quality(file, 90)
        .encode(&pixels, width, height, ExtendedColorType::Rgb8)
        .expect("the pixels fill the image");
    path
}
