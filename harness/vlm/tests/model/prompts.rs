//! Prompts that do not fit the model are refused by row.

use clsrl_vlm::{Batch, Grid, PadSide, Prompt};
use tch::{Device, Kind, Tensor};

use crate::tiny;

/// Asserts what is said of a good prompt followed by a changed one.
fn check(change: impl Fn(&mut Prompt), expected: &str) {
    let (good, mut bad) = (tiny::prompt(3, 9, 4, 6), tiny::prompt(5, 4, 2, 2));
    change(&mut bad);
    let batch = Batch::new(&[&good, &bad], PadSide::Left, 0, &tiny::config(), Device::Cpu);
    assert_eq!(batch.unwrap_err().to_string(), format!("prompt 1 of the batch: {expected}"));
}

#[test]
fn ids_outside_the_vocabulary_are_refused() {
    check(|prompt| prompt.ids[0] = 64, "expected ids below 64, found 64");
    check(|prompt| prompt.ids[0] = -1, "expected ids below 64, found -1");
    check(|prompt| prompt.ids[0] = 61, "expected text and images, found a video placeholder");
    check(|prompt| prompt.ids.clear(), "expected tokens, found none");
}

#[test]
fn images_that_disagree_with_pixels_or_placeholders_are_refused() {
    check(
        |prompt| prompt.ids.retain(|&id| id != tiny::IMAGE_ID),
        "expected placeholders for 1 more images, found none",
    );
    check(
        |prompt| prompt.grids.clear(),
        "expected pixels [0, 24] of kind Float, found [4, 24] of Float",
    );
    check(
        |prompt| prompt.grids[0].w = 3,
        "expected rows and columns in multiples of 2, found Grid { t: 1, h: 2, w: 3 }",
    );
    check(
        |prompt| prompt.grids[0] = Grid { t: 0, h: 2, w: 2 },
        "expected rows and columns in multiples of 2, found Grid { t: 0, h: 2, w: 2 }",
    );
    check(
        |prompt| prompt.pixels = Tensor::zeros([4, 23], (Kind::Float, Device::Cpu)),
        "expected pixels [4, 24] of kind Float, found [4, 23] of Float",
    );
    check(
        |prompt| prompt.pixels = prompt.pixels.to_kind(Kind::Double),
        "expected pixels [4, 24] of kind Float, found [4, 24] of Double",
    );
}

#[test]
fn rows_are_filled_on_the_side_that_was_asked_for() {
    let prompts = [tiny::prompt(3, 2, 0, 0), tiny::prompt(5, 4, 2, 2)];
    for (side, expected) in
        [(PadSide::Left, [0, 0, 0, 0, 1, 1, 1]), (PadSide::Right, [1, 1, 1, 0, 0, 0, 0])]
    {
        let batch = tiny::batch(&prompts, side);
        assert_eq!(Vec::<i64>::try_from(batch.mask.get(0)).unwrap(), expected);
        assert_eq!(Vec::<i64>::try_from(batch.next_positions).unwrap(), [3, 7]);
        let padded = Vec::<i64>::try_from(batch.ids.get(0) * (1 - batch.mask.get(0))).unwrap();
        assert_eq!(padded, [0; 7]);
    }
}
