//! Damaged files: whatever the bytes, decoding returns.

use std::fs;
use std::path::PathBuf;

use clsrl_data::image::decode_rgb;

use crate::{goldens, shared};

/// Larger files only repeat what the small ones exercise.
const MAX_BYTES: u64 = 9000;
const N_TRUNCATIONS: usize = 24;
const N_FLIPS: usize = 48;

fn small_files() -> Vec<PathBuf> {
    let odd = shared("data/oddimages");
    let dirs = odd.iter().flat_map(|dir| [dir.clone(), dir.join("derived")]);
    let mut files: Vec<PathBuf> = dirs
        .chain(goldens().into_iter().map(|dir| dir.join("images")))
        .flat_map(|dir| fs::read_dir(dir).unwrap())
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.metadata().unwrap().is_file())
        .filter(|entry| entry.metadata().unwrap().len() <= MAX_BYTES)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "json"))
        .collect();
    files.sort();
    files
}

/// Decodes the bytes; a panic fails the test, an error must name the file.
fn decode(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged");
    fs::write(&path, bytes).unwrap();
    match decode_rgb(&path) {
        Ok(rgb) => assert_eq!(rgb.pixels.len(), (rgb.width * rgb.height * 3) as usize),
        Err(error) => assert!(error.to_string().contains("damaged")),
    }
}

#[test]
fn cut_files_never_panic() {
    for path in small_files() {
        let bytes = fs::read(&path).unwrap();
        for cut in 0..N_TRUNCATIONS {
            decode(&bytes[..bytes.len() * cut / N_TRUNCATIONS]);
        }
        decode(&bytes[..bytes.len().saturating_sub(1)]);
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for path in small_files() {
        let bytes = fs::read(&path).unwrap();
        if bytes.is_empty() {
            continue;
        }
        for round in 0..N_FLIPS {
            let mut damaged = bytes.clone();
            // Half of the damage goes to the header, where it hurts most.
            let reach = if round % 2 == 0 { damaged.len().min(700) } else { damaged.len() };
            for _ in 0..=round % 4 {
                damaged[random(reach)] = random(256) as u8;
            }
            decode(&damaged);
        }
    }
}
