//! Small copies against their originals.

use clsrl_data::image::{decode_rgb, lanczos, thumbnails};

use crate::goldens;

#[test]
fn a_thumbnail_is_the_image_made_small_and_a_broken_file_spoils_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.jpg");
    std::fs::write(&broken, b"\xff\xd8\xff no image").unwrap();
    let missing = dir.path().join("missing.jpg");
    let mut paths = vec![broken, missing];
    for goldens in goldens() {
        let listed = std::fs::read_dir(goldens.join("images")).into_iter().flatten();
        let mut images: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
        images.sort();
        paths.extend(images.into_iter().filter(|path| decode_rgb(path).is_ok()));
    }
    let made = thumbnails(&paths, 64);
    assert_eq!(made.len(), paths.len());
    assert!(made[..2].iter().all(Result::is_err));
    for (path, jpeg) in paths.iter().zip(made).skip(2) {
        let small = dir.path().join("small.jpg");
        std::fs::write(&small, jpeg.unwrap()).unwrap();
        let (original, small) = (decode_rgb(path).unwrap(), decode_rgb(&small).unwrap());
        assert!(small.width.max(small.height) <= 64, "{}", path.display());
        if small.width.min(small.height) < 8 {
            continue; // Less than a block of JPEG, which mixes the colours of neighbours.
        }
        let expected = lanczos(&original, small.width, small.height).pixels;
        let distance = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
        let total: f64 = expected.iter().zip(&small.pixels).map(distance).sum();
        // JPEG at this quality moves a sample by a few of 255 on average.
        assert!(total / expected.len() as f64 <= 14.0, "{}", path.display());
    }
}
