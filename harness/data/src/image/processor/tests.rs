//! The cache of resized images, and the version that stands for their pixels.

use std::{fs, path::PathBuf};

use super::*;
use crate::{
    image::{
        CacheSpace,
        raster::{Raster, Samples},
    },
    sha256::TextHasher,
};

const ORDERS: [ImagePath; 4] =
    [ImagePath::Rgb(56), ImagePath::Native(56), ImagePath::Eval(56), ImagePath::Direct];

fn processor() -> Processor {
    let model_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
    Processor::from_dir(&model_dir).unwrap().with_pixels(3136, 28 * 28 * 9)
}

/// JPEGs of every sampling, and one image whose colours are mixed with what shines through.
fn images() -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image/pillow");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    paths.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut images: Vec<(String, Vec<u8>)> =
        paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect();
    let mut png = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut png, 40, 30);
    encoder.set_color(::png::ColorType::Rgba);
    let samples: Vec<u8> = (0..40 * 30 * 4).map(|at| (at * at / 7 % 256) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&samples).unwrap();
    images.push(("rgba.png".to_owned(), png));
    images
}

#[test]
fn pixels_that_change_need_another_version() {
    let mut hasher = TextHasher::default();
    let images = images();
    assert!(10 < images.len(), "the images are there");
    for (name, bytes) in &images {
        for order in ORDERS {
            let rgb = processor().rgb_of(bytes, Path::new(name), order.into()).unwrap();
            hasher.number(rgb.width as usize);
            hasher.number(rgb.height as usize);
            rgb.pixels.iter().for_each(|&value| hasher.number(value.into()));
        }
    }
    // Where this fails with pixels that are right, raise the version with the digest: caches outlive programs.
    assert_eq!((PIXELS_VERSION, hasher.digest().short(16).as_str()), (2, "e4443371d897cd01"));
}

#[test]
fn a_kept_image_is_taken_for_its_own_file_and_transform_alone() {
    let dir = tempfile::tempdir().unwrap();
    let space = CacheSpace { dir: dir.path().join("cache"), n_bytes: 1 << 30 };
    let (cache, processor) = (ImageCache::new(&space), processor());
    let path = dir.path().join("a.jpg");
    let (_, bytes) = &images()[0];
    fs::write(&path, bytes).unwrap();
    let other = RgbImage { width: 28, height: 28, pixels: vec![9; 28 * 28 * 3] };
    let order = ImagePath::Rgb(56);
    let file = ImageFile::read(&path).unwrap();
    let key = Key::new(file.sha256(), &processor.transform(order.into()));
    cache.keep(key, &other);
    let through = |processor: &Processor, path: &Path, order| {
        processor.load_through(&cache, &ImageFile::read(path).unwrap(), order).unwrap()
    };
    assert_eq!(
        through(&processor, &path, order),
        processor.to_patches(&other, ProcessorKind::Pil).unwrap()
    );
    // The same bytes under another name are the same image.
    let copy = dir.path().join("b.jpg");
    fs::copy(&path, &copy).unwrap();
    assert_eq!(
        through(&processor, &copy, order),
        processor.to_patches(&other, ProcessorKind::Pil).unwrap()
    );
    // Another order, other limits, other blocks, other bytes: other entries.
    for order in [ImagePath::Rgb(84), ImagePath::Native(56), ImagePath::Eval(56), ImagePath::Direct]
    {
        assert_eq!(through(&processor, &path, order), processor.load(&path, order).unwrap());
    }
    let others = [
        processor.clone().with_pixels(3136, 28 * 28 * 8),
        processor.clone().with_pixels(3137, 28 * 28 * 9),
        Processor { merge_size: 1, ..processor.clone() },
    ];
    for processor in others {
        assert_eq!(through(&processor, &path, order), processor.load(&path, order).unwrap());
    }
    fs::write(&path, [&**bytes, b"\0"].concat()).unwrap();
    assert_eq!(through(&processor, &path, order), processor.load(&path, order).unwrap());
}

/// The CRC-32 of the values of Qwen2VLImageProcessorFast in transformers 4.49.0, printed by
/// `tests/image/torchvision/make.py`.
#[test]
fn the_fast_processors_patches_have_its_bits() {
    for ((width, height), expected) in [((384, 384), 0xf0db_377a), ((61, 84), 0xea13_8431)] {
        let value =
            |x: u32, y: u32, c: u32| ((x * x * 31 + y * y * 17 + x * y * 7 + c * 101) % 256) as u8;
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [0, 1, 2].map(|c| value(x, y, c))));
        let rgb = RgbImage { width, height, pixels: pixels.collect() };
        let processor = processor().with_pixels(3136, 401_408);
        let kind = ProcessorKind::Torchvision;
        let patches =
            processor.to_patches(&processor.resize_with(kind, &rgb).unwrap(), kind).unwrap();
        let bytes: Vec<u8> = patches.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(crc32fast::hash(&bytes), expected, "{width} × {height}");
    }
}

#[test]
fn alpha_is_dropped_or_pasted_onto_white_as_by_either_qwen_vl_utils() {
    let (_, png) = images().pop().unwrap();
    let fetched = |alpha| {
        let steps = ImageSteps { alpha, ..ImagePath::Eval(56).into() };
        processor().rgb_of(&png, Path::new("rgba.png"), steps).unwrap()
    };
    let [dropped, white] = [AlphaRule::Dropped, AlphaRule::White].map(fetched);
    assert_ne!(dropped, white);
    let pixel = |samples: [u8; 4]| {
        let samples = Samples::Rgba(samples.to_vec());
        Raster { width: 1, height: 1, samples }.into_rgb_on_white().pixels
    };
    // Pillow 13: Image.new("RGB", (1, 1), "white") with `paste(image, mask=image.split()[3])`.
    assert_eq!(pixel([10, 200, 0, 0]), [255, 255, 255]);
    assert_eq!(pixel([10, 200, 0, 255]), [10, 200, 0]);
    assert_eq!(pixel([10, 200, 0, 128]), [132, 227, 127]);
    assert_eq!(pixel([77, 3, 251, 200]), [115, 57, 252]);
}
