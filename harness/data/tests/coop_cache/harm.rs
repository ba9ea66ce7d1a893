//! Caches that are cut, mutated, huge or no files: refused without a panic and without waiting.

use std::{fs, os::unix::fs::symlink};

use clsrl_data::datasets::{DatasetError, Example, FewShot, read_few_shot_cache};
use clsrl_spec::Stream;

use super::{EXPORTED, JSON, PKL, PROTOCOL_2, PROTOCOL_4, SPLIT, eurosat, pickle};

#[test]
fn every_truncated_pickle_is_refused() {
    let (root, dataset) = eurosat(SPLIT);
    let dir = root.path().join("eurosat/split_fewshot");
    fs::create_dir(&dir).unwrap();
    for hex in [PROTOCOL_2, PROTOCOL_4] {
        let whole = pickle(hex, 4);
        for n_bytes in 0..whole.len() {
            fs::write(dir.join(PKL), &whole[..n_bytes]).unwrap();
            let read = read_few_shot_cache(&dataset, root.path(), 1, 3);
            fs::remove_file(dir.join(PKL)).unwrap(); // faster than to overwrite it
            assert!(read.is_err(), "{n_bytes} bytes");
        }
    }
}

#[test]
fn a_cache_that_is_no_file_or_too_large_is_not_read() {
    let (root, dataset) = eurosat(SPLIT);
    let dir = root.path().join("eurosat/split_fewshot");
    let read = || {
        let error = read_few_shot_cache(&dataset, root.path(), 1, 3).unwrap_err();
        let DatasetError::Read { source, .. } = error else { panic!("{error}") };
        source.to_string()
    };
    fs::create_dir_all(dir.join(PKL)).unwrap();
    assert_eq!(read(), "it is no regular file but a folder");
    fs::remove_dir(dir.join(PKL)).unwrap();
    symlink("/dev/zero", dir.join(PKL)).unwrap();
    assert_eq!(read(), "it is no regular file but a device");
    fs::remove_file(dir.join(PKL)).unwrap();
    fs::File::create(dir.join(PKL)).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read(), "it is larger than 16777216 bytes, the most that is read of such a file");
}

/// Cuts, repeats, overwrites and inserts at random places.
fn mutate(content: &[u8], random: &mut Stream) -> Vec<u8> {
    let mut mutated = content.to_vec();
    for _ in 0..=random.below(4) {
        if mutated.is_empty() {
            break;
        }
        let start = random.below(mutated.len());
        let end = start + random.below((mutated.len() - start).min(40) + 1);
        match random.below(5) {
            0 => mutated[start] = random.next_u64() as u8,
            1 => mutated[start] ^= 1 << random.below(8),
            2 => drop(mutated.drain(start..end)),
            3 => {
                let part = mutated[start..end].to_vec();
                let at = random.below(mutated.len() + 1);
                mutated.splice(at..at, part);
            }
            _ => mutated.insert(start, random.next_u64() as u8),
        }
    }
    mutated
}

#[test]
fn mutated_caches_are_read_right_or_refused_and_never_panic() {
    let (root, dataset) = eurosat(SPLIT);
    let sources =
        [(PKL, pickle(PROTOCOL_2, 2)), (PKL, pickle(PROTOCOL_4, 5)), (EXPORTED, JSON.into())];
    let dir = root.path().join("eurosat/split_fewshot");
    fs::create_dir(&dir).unwrap();
    let mut n_refused = 0;
    for (kind, (name, content)) in sources.iter().enumerate() {
        let mut random = Stream::new(kind as u64, &["mutated caches"]);
        let path = dir.join(name);
        for _ in 0..3000 {
            fs::write(&path, mutate(content, &mut random)).unwrap();
            let read = read_few_shot_cache(&dataset, root.path(), 1, 3);
            fs::remove_file(&path).unwrap(); // faster than to overwrite it
            match read {
                Err(_) => n_refused += 1,
                Ok(FewShot { train, val }) => {
                    let labels = |picks: &[usize], list: &[Example]| {
                        let mut labels: Vec<usize> =
                            picks.iter().map(|pick| list[*pick].label).collect();
                        labels.sort_unstable();
                        labels
                    };
                    assert_eq!(labels(&train, &dataset.train), [0, 1]);
                    assert_eq!(labels(&val, &dataset.val), [0, 1]);
                }
            }
        }
    }
    assert!(6000 < n_refused, "{n_refused} of 9000: most mutations spoil a cache");
}
