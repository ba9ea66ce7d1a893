//! Damaged JPEGs: whatever Pillow makes of one we make of it, pixel by pixel. `pillow/damaged.py` made the table.

use std::{env, fs, path::Path, path::PathBuf};

use clsrl_data::image::decode_rgb;

/// The damage's random numbers.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

fn find(data: &[u8], marker: [u8; 2]) -> usize {
    data.windows(2).position(|pair| pair == marker).unwrap()
}

/// Damages a file as the script does.
fn damaged(mut data: Vec<u8>, seed: u64) -> Vec<u8> {
    let mut random = Lcg(seed);
    let (entropy, kind) = (find(&data, [0xff, 0xda]) + 14, seed % 4);
    if kind <= 1 {
        let table = find(&data, [0xff, 0xdb]) + 5;
        for _ in 0..1 + random.below(64) {
            let value = (255 - random.below(40)) as u8;
            data[table + random.below(64)] = value;
        }
    }
    if kind == 1 || kind == 2 {
        for _ in 0..1 + random.below(8) {
            let value = random.below(255) as u8;
            let at = entropy + random.below(data.len() - 2 - entropy);
            data[at] = value;
        }
    }
    if kind == 3 {
        for _ in 0..1 + random.below(3) {
            let value = random.below(256) as u8;
            let at = 2 + random.below(data.len() - 4);
            data[at] = value;
        }
    }
    data
}

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image/pillow");
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "jpg")).collect();
    files.sort();
    files
}

/// Where `CLSRL_DAMAGED` names a table, that one.
fn table() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/image/pillow/damaged.txt");
    fs::read_to_string(env::var_os("CLSRL_DAMAGED").unwrap_or_else(|| own.into())).unwrap()
}

#[test]
fn damaged_jpegs_have_pillows_bits() {
    let dir = tempfile::tempdir().unwrap();
    let files: Vec<(PathBuf, Vec<u8>)> =
        files().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let (mut n, mut wrong) = (0, Vec::new());
    for line in table().lines() {
        let (seed, expected) = line.split_once(' ').unwrap();
        for ((path, data), expected) in files.iter().zip(expected.split(' ')) {
            let damaged = damaged(data.clone(), seed.parse().unwrap());
            let copy = dir.path().join("damaged.jpg");
            fs::write(&copy, damaged).unwrap();
            let found = match decode_rgb(&copy) {
                Ok(rgb) => format!("{:08x}", crc32fast::hash(&rgb.pixels)),
                Err(_) => "-".to_owned(),
            };
            n += 1;
            if found != expected {
                let name = path.file_stem().unwrap().to_string_lossy();
                wrong.push(format!("{name} {seed}: {found}, in Pillow {expected}"));
            }
        }
    }
    assert!(300 < n, "too few files: {n}");
    assert!(wrong.is_empty(), "{} of {n} differ:\n{}", wrong.len(), wrong.join("\n"));
}
