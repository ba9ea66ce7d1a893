//! What is read after a check is held to what the check found.

use std::fs;

use clsrl_data::{
    BoundDataset,
    datasets::{Dataset, DatasetError},
    image::ImageError,
    lock::{ImageDigests, Mode, check},
};
use clsrl_files::Differs;
use clsrl_spec::DatasetId::Dtd;

use super::place::{Place, SPLIT, checking};

/// Binds a dataset with all of its images.
fn bound(place: &Place) -> (Dataset, BoundDataset) {
    let (dataset, sidecars) = (place.dataset(), place.sidecars());
    let checked = check(&dataset, None, &checking(&sidecars, Mode::Fast)).unwrap();
    let all = dataset.train.iter().chain(&dataset.val).chain(&dataset.test);
    let digests = ImageDigests::as_checked(&dataset, &sidecars, &checked.images, all).unwrap();
    let bound = BoundDataset::new(&dataset, digests);
    // Workers get it as text.
    let text = serde_json::to_string(&bound).unwrap();
    assert_eq!(serde_json::from_str::<BoundDataset>(&text).unwrap(), bound);
    (dataset, bound)
}

#[derive(Debug)]
enum Fault {
    Dataset,
    Image,
    Differs(Differs),
}

impl From<DatasetError> for Fault {
    fn from(_: DatasetError) -> Self {
        Fault::Dataset
    }
}

impl From<ImageError> for Fault {
    fn from(_: ImageError) -> Self {
        Fault::Image
    }
}

impl From<Differs> for Fault {
    fn from(differs: Differs) -> Self {
        Fault::Differs(differs)
    }
}

#[test]
fn an_image_that_was_replaced_is_named() {
    let place = Place::new();
    let (dataset, bound) = bound(&place);
    let example = &dataset.test[0];
    assert!(bound.read_image::<Fault>(&dataset, example).is_ok());
    let path = place.image(&example.path);
    let before = fs::read(&path).unwrap();
    fs::write(&path, "another image").unwrap();
    let Err(Fault::Differs(differs)) = bound.read_image::<Fault>(&dataset, example) else {
        panic!("another image was taken for the one that was checked");
    };
    assert_eq!(differs.path, path);
    fs::write(&path, before).unwrap();
    assert!(bound.read_image::<Fault>(&dataset, example).is_ok());
}

#[test]
fn an_image_that_nobody_checked_is_refused() {
    let place = Place::new();
    let (dataset, bound) = bound(&place);
    let none = bound.with_images_of(&dataset, &dataset.train);
    assert!(none.read_image::<Fault>(&dataset, &dataset.train[0]).is_ok());
    let refused = none.read_image::<Fault>(&dataset, &dataset.test[0]);
    assert!(matches!(refused, Err(Fault::Differs(_))));
    assert!(BoundDataset::default().open(Dtd, &place.data()).is_err());
}

/// The dataset is opened again after a change, and this file is named.
fn check_lists(change: impl Fn(&Place), path: &str) {
    let place = Place::new();
    let (_, bound) = bound(&place);
    assert!(bound.open(Dtd, &place.data()).is_ok());
    change(&place);
    let message = bound.open(Dtd, &place.data()).unwrap_err().to_string();
    let named = match path.strip_prefix("../") {
        Some(path) => place.data().join(path),
        None => place.dir().join(path),
    };
    assert!(
        message
            .starts_with(&format!("`{}` is not what it was when it was checked", named.display())),
        "{message}"
    );
}

#[test]
fn lists_that_were_replaced_are_named() {
    let rewrite = |place: &Place, from: &str, to: &str| {
        let split = place.dir().join(SPLIT);
        let text = fs::read_to_string(&split).unwrap();
        assert!(text.contains(from));
        fs::write(split, text.replace(from, to)).unwrap();
    };
    check_lists(|place| rewrite(place, "banded_2.jpg", "banded_9.jpg"), SPLIT);
    check_lists(|place| rewrite(place, "\"banded\"", "\"striped\""), SPLIT);
    check_lists(|place| rewrite(place, ",\"test\"", ", \"test\""), SPLIT);
    // The mark decides whether rows count as those of drawn images.
    check_lists(
        |place| fs::write(place.data().join("drawn.json"), "{\"seed\":1}").unwrap(),
        "../drawn.json",
    );
}

#[test]
fn a_list_of_files_that_is_not_the_checked_one_binds_nothing() {
    let place = Place::new();
    let (dataset, sidecars) = (place.dataset(), place.sidecars());
    let checked = check(&dataset, None, &checking(&sidecars, Mode::Fast)).unwrap();
    place.write("banded/banded_0.jpg", b"another");
    check(&dataset, None, &checking(&sidecars, Mode::Fast)).unwrap();
    let digests = ImageDigests::as_checked(&dataset, &sidecars, &checked.images, &dataset.train);
    assert!(digests.is_err(), "the list on disk is another tree's");
}
