//! Odd, broken and misnamed files: each gives what Pillow gives, or an error that names it.

use std::error::Error;

use clsrl_data::image::decode_rgb;
use serde_json::Value;

use crate::{read_json, sha256, shared};

#[test]
fn every_odd_file_gives_what_pillow_gives() {
    let Some(dir) = shared("data/oddimages") else { return };
    let json = read_json(dir.join("expected.json"));
    let mut wrong = Vec::new();
    for (name, facts) in json["files"].as_object().unwrap() {
        let expected = &facts["pillow_open_convert_rgb"];
        match (decode_rgb(&dir.join(name)), expected["ok"] == true) {
            (Ok(rgb), true) => {
                let size = Value::from(vec![rgb.width, rgb.height]);
                if facts["size"] != size || expected["sha256_rgb"] != sha256(&rgb.pixels) {
                    wrong.push(format!("{name}: other pixels, {} in Pillow", facts["mode"]));
                }
            }
            (Ok(_), false) => wrong.push(format!("{name}: decoded, expected {expected}")),
            (Err(error), true) => wrong.push(format!("{name}: {error}: {:?}", error.source())),
            (Err(error), false) => {
                if !error.to_string().contains(name) || error.source().is_none() {
                    wrong.push(format!("{name}: `{error}` names no file or no cause"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_named() {
    let error = decode_rgb("nowhere/none.jpg".as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "image `nowhere/none.jpg` cannot be read");
    assert!(error.source().is_some());
}

#[test]
fn a_pipe_or_a_folder_is_refused_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.jpg");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), dir.path()] {
        let cause = decode_rgb(path).unwrap_err().source().unwrap().to_string();
        assert!(cause.starts_with("it is no regular file but a "), "{cause}");
    }
}
