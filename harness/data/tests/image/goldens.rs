//! The golden set: decoded images, the four orders of resizing, pixel values, smart-resize.
//!
//! Everything here is compared bit for bit, JPEGs included: the decoder has libjpeg-turbo's roundings.

use std::path::Path;

use clsrl_data::image::{Patches, Processor, RgbImage, decode_rgb, lanczos, smart_resize};
use clsrl_spec::ImagePath;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{goldens, read_json, sha256};

const SIDE: u32 = 384;

fn processor(dir: &Path, json: &Value) -> Processor {
    let limit = |key: &str| json[key].as_u64().unwrap() as usize;
    Processor::from_dir(&dir.join("model"))
        .unwrap()
        .with_pixels(limit("min_pixels"), limit("max_pixels"))
}

fn for_each_image(check: impl Fn(&Path, &Processor, &str, &Value)) {
    for dir in goldens() {
        let json = read_json(dir.join("preprocess.json"));
        let processor = processor(&dir, &json);
        for (name, facts) in json["images"].as_object().unwrap() {
            check(&dir, &processor, name, facts);
        }
    }
}

fn value_bytes(patches: &Patches) -> Vec<u8> {
    patches.values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn decoded_images_have_pillows_bits() {
    for_each_image(|dir, _, name, facts| {
        let rgb = decode_rgb(&dir.join("images").join(name)).unwrap();
        let size: Vec<u64> = vec![rgb.width.into(), rgb.height.into()];
        assert_eq!(facts["size_wh"], Value::from(size), "{name}");
        assert_eq!(facts["rgb_sha256"], sha256(&rgb.pixels), "{name}");
    });
}

#[test]
fn decoded_jpegs_equal_the_stored_arrays() {
    for dir in goldens() {
        let bytes = std::fs::read(dir.join("preprocess.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        for key in tensors.names() {
            let Some(name) = key.strip_suffix(".rgb") else { continue };
            let rgb = decode_rgb(&dir.join("images").join(name)).unwrap();
            let stored = tensors.tensor(key).unwrap();
            assert_eq!(stored.shape(), [rgb.height as usize, rgb.width as usize, 3], "{name}");
            let differences = || rgb.pixels.iter().zip(stored.data()).map(|(a, b)| a.abs_diff(*b));
            let sum: u64 = differences().map(u64::from).sum();
            let largest = differences().max().unwrap();
            assert_eq!((largest, sum), (0, 0), "{name}: largest difference and sum, in levels");
        }
    }
}

#[test]
fn lanczos_has_pillows_bits() {
    for_each_image(|dir, _, name, facts| {
        let Some(expected) = facts.get("lanczos384_sha256") else { return };
        let small = lanczos(&decode_rgb(&dir.join("images").join(name)).unwrap(), SIDE, SIDE);
        assert_eq!(*expected, sha256(&small.pixels), "{name}");
        let stored = dir.join("images/lanczos384").join(name).with_extension("png");
        let stored = [stored.clone(), stored.with_file_name(format!("{name}.png"))]
            .into_iter()
            .find(|path| path.exists())
            .unwrap();
        assert!(decode_rgb(&stored).unwrap() == small, "{name}");
    });
}

#[test]
fn every_order_of_resizing_has_the_processors_bits() {
    for_each_image(|dir, processor, name, facts| {
        let path = dir.join("images").join(name);
        for (order, expected) in facts["paths"].as_object().unwrap() {
            let place = format!("{name} {order}");
            // A path that equals another one is stored once.
            let same = expected["same_as_rgb384"] == true;
            let expected = if same { &facts["paths"]["rgb384"] } else { expected };
            let order: ImagePath = order.parse().unwrap();
            let loaded = processor.load_rgb(&path, order);
            if let Some(message) = expected.get("error") {
                let error = loaded.unwrap_err();
                assert!(error.to_string().contains(name), "{place}: {error}");
                let source = std::error::Error::source(&error).unwrap().to_string();
                assert_eq!(*message, source, "{place}");
                continue;
            }
            let rgb = loaded.unwrap();
            check_size(&rgb, &expected["resized_hw"], &place);
            assert_eq!(expected["resized_sha256"], sha256(&rgb.pixels), "{place}");
            let patches = processor.load(&path, order).unwrap();
            assert_eq!(expected["grid_thw"], Value::from(patches.grid_thw.to_vec()), "{place}");
            assert_eq!(expected["pixel_values_sha256"], sha256(&value_bytes(&patches)), "{place}");
        }
    });
}

fn check_size(rgb: &RgbImage, expected_hw: &Value, place: &str) {
    assert_eq!(*expected_hw, Value::from(vec![rgb.height, rgb.width]), "{place}");
}

#[test]
fn chosen_rows_of_patches_equal_the_stored_ones() {
    for dir in goldens() {
        let json = read_json(dir.join("preprocess.json"));
        let processor = processor(&dir, &json);
        let bytes = std::fs::read(dir.join("preprocess.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        for key in tensors.names() {
            let Some((name, order)) =
                key.strip_suffix(".rows").and_then(|key| key.rsplit_once('.'))
            else {
                continue;
            };
            let path = dir.join("images").join(name);
            let patches = processor.load(&path, order.parse::<ImagePath>().unwrap()).unwrap();
            let stored = tensors.tensor(key).unwrap();
            let row_len = stored.shape()[1];
            let chosen = json["images"][name]["paths"][order]["rows"].as_array().unwrap();
            let rows = chosen.iter().flat_map(|row| {
                let start = row.as_u64().unwrap() as usize * row_len;
                &patches.values[start..start + row_len]
            });
            let rows: Vec<u8> = rows.flat_map(|value| value.to_le_bytes()).collect();
            assert!(rows == stored.data(), "{key}");
        }
    }
}

#[test]
fn smart_resize_gives_the_tables_sizes_and_errors() {
    for dir in goldens() {
        let json = read_json(dir.join("preprocess.json"));
        let factor = processor(&dir, &json).patch_size * processor(&dir, &json).merge_size;
        for row in json["smart_resize"].as_array().unwrap() {
            let number = |key: &str| row[key].as_u64().unwrap() as usize;
            let found =
                smart_resize(number("h"), number("w"), factor, number("min"), number("max"));
            match found {
                Ok((height, width)) => {
                    assert_eq!(row["out"], Value::from(vec![height, width]), "{row}")
                }
                Err(error) => assert_eq!(row["error"], error.to_string(), "{row}"),
            }
        }
    }
}
