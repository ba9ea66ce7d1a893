//! Images that cannot be decoded are found once for every content.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use clsrl_data::lock::{Decoded, Hashed, ImageDigests, Mode, check, decode_images};

use super::place::{Place, checking};

/// An image of one pixel.
const BMP: &[u8] = &[
    b'B', b'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0,
    24, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0,
];

/// A place whose images are all sound, each with a content of its own.
fn sound() -> Place {
    let place = Place::new();
    let (mut number, dataset) = (0, place.dataset());
    for example in dataset.train.iter().chain(&dataset.val).chain(&dataset.test) {
        let mut bytes = BMP.to_vec();
        number += 1;
        bytes[54] = number;
        place.write(&example.path, &bytes);
    }
    place
}

/// What decoding found, and how many images were read for it.
fn decoded(place: &Place) -> (Decoded, usize) {
    let (dataset, sidecars) = (place.dataset(), place.sidecars());
    let checked = check(&dataset, None, &checking(&sidecars, Mode::Fast)).unwrap();
    let all = || dataset.train.iter().chain(&dataset.val).chain(&dataset.test);
    let digests = ImageDigests::as_checked(&dataset, &sidecars, &checked.images, all()).unwrap();
    let n_read = AtomicUsize::new(0);
    let progress = |hashed: Hashed| {
        n_read.fetch_add(usize::from(0 < hashed.n_bytes), Ordering::Relaxed);
    };
    let found = decode_images(&dataset, all(), &digests, (&sidecars, &progress)).unwrap();
    (found, n_read.into_inner())
}

#[test]
fn every_content_is_decoded_once() {
    let place = sound();
    let (first, n_read) = decoded(&place);
    assert_eq!((first.broken, n_read), (vec![], 6));
    assert_eq!(first.sizes["images/banded/banded_0.jpg"], (1, 1));
    assert_eq!(decoded(&place).1, 0);
    let mut other = BMP.to_vec();
    other[54] = 99;
    place.write("banded/banded_0.jpg", &other);
    assert_eq!(decoded(&place).1, 1, "a new content is read");
}

/// One image is replaced by these bytes, and reported with these words.
fn check_broken(bytes: &[u8], message: &str) {
    let place = sound();
    decoded(&place);
    place.write("dotted/dotted_2.jpg", bytes);
    for _ in 0..2 {
        let broken = decoded(&place).0.broken;
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].subject, "images/dotted/dotted_2.jpg");
        assert!(broken[0].found.contains(message), "{}", broken[0]);
    }
}

#[test]
fn a_broken_image_is_named_every_time() {
    check_broken(&BMP[..56], "");
    check_broken(b"", "an empty file");
    check_broken(b"II*\0\x08\0\0\0", "a TIFF image");
    check_broken(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "a Git LFS pointer",
    );
}

#[test]
fn an_image_that_is_not_there_is_broken() {
    let place = sound();
    fs::remove_file(place.image("dotted/dotted_2.jpg")).unwrap();
    let broken = decoded(&place).0.broken;
    assert_eq!(broken.len(), 1);
    assert_eq!(
        broken[0].to_string(),
        "images/dotted/dotted_2.jpg: expected an image, found nothing"
    );
}
