//! What is written, parsed again from the bytes of the files.

use std::{collections::BTreeMap, fs};

use clsrl_spec::{DatasetId, MethodId, RolloutRecord, StepRecord, StepSeconds};
use prost::Message;

use super::{event::masked_crc32c, *};
use crate::made;

/// The events of the only file in a folder; panics unless every frame is whole and has its checksums.
fn events(dir: &Path) -> Vec<Event> {
    let paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [path] = &paths[..] else { panic!("{paths:?}") };
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut take = |n: usize| {
        let (taken, left) = rest.split_at(n);
        rest = left;
        (taken.to_vec(), left.is_empty())
    };
    let checksum = |bytes: Vec<u8>| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut events = Vec::new();
    loop {
        let (length, _) = take(8);
        assert_eq!(checksum(take(4).0), masked_crc32c(&length));
        let (event, _) = take(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let (sum, is_last) = take(4);
        assert_eq!(checksum(sum), masked_crc32c(&event));
        events.push(Event::decode(&event[..]).unwrap());
        if is_last {
            return events;
        }
    }
}

fn scalars(event: &Event) -> BTreeMap<String, f32> {
    let values = &event.summary.as_ref().unwrap().value;
    values.iter().map(|value| (value.tag.clone(), value.simple_value.unwrap())).collect()
}

fn row(step: usize) -> StepRow {
    let rollout = RolloutRecord {
        reward_mean: 1.5,
        rewards: vec![1.0],
        kl: 0.25,
        entropy: Some(2.0),
        mean_tokens: 12.0,
        truncated: 0.0,
        zero_variance_groups: 0.5,
    };
    let step = StepRecord {
        step,
        loss: 0.125,
        grad_norm: 3.0,
        learning_rate: 1e-6,
        rollout: Some(rollout),
    };
    let seconds = StepSeconds { load: 1.0, rollout: 4.0, reward: 0.5, update: 2.0 };
    let trial = made::trial(MethodId::ClsRl, Some(DatasetId::Eurosat), 4, 1, &[DatasetId::Eurosat]);
    StepRow::of((&trial, "0123456789ab"), &step, Some(&seconds))
}

#[test]
fn checksums_are_those_of_castagnoli_masked_as_tensorboard_has_them() {
    // RFC 3720, B.4: 32 bytes of zeros have 0x8a9136aa.
    let unmasked = 0x8a91_36aa_u32;
    assert_eq!(masked_crc32c(&[0; 32]), unmasked.rotate_right(15).wrapping_add(0xa282_ead8));
}

#[test]
fn a_step_has_every_number_of_its_row_under_the_name_of_its_column() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = EventFile::begin(dir.path()).unwrap();
    file.add_step(&row(1)).unwrap();
    file.add_step(&row(2)).unwrap();
    let events = events(dir.path());
    assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
    assert_eq!(events[1..].iter().map(|event| event.step).collect::<Vec<_>>(), [1, 2]);
    let found = scalars(&events[2]);
    for (tag, value) in [
        ("train/loss", 0.125),
        ("train/grad_norm", 3.0),
        ("train/lr", 1e-6),
        ("train/kl", 0.25),
        ("train/entropy", 2.0),
        ("train/mean_tokens", 12.0),
        ("train/truncated", 0.0),
        ("train/zero_variance_groups", 0.5),
        ("reward/mean", 1.5),
        ("reward/accuracy_string", 1.0),
        ("seconds/load", 1.0),
        ("seconds/rollout", 4.0),
        ("seconds/reward", 0.5),
        ("seconds/update", 2.0),
    ] {
        assert_eq!(found.get(tag), Some(&value), "{tag}: {found:?}");
    }
    assert_eq!(found.len(), 14, "{found:?}");
}

#[test]
fn a_fine_tune_that_begins_anew_leaves_nothing_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    EventFile::begin(dir.path()).unwrap().add_step(&row(7)).unwrap();
    let mut file = EventFile::begin(dir.path()).unwrap();
    file.add_step(&row(1)).unwrap();
    let steps: Vec<i64> = events(dir.path()).iter().map(|event| event.step).collect();
    assert_eq!(steps, [0, 1]);
    // What goes on with its evaluation writes beside it.
    EventFile::go_on(dir.path(), 1).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_fine_tune_that_goes_on_takes_the_place_of_the_steps_that_were_lost() {
    let dir = tempfile::tempdir().unwrap();
    EventFile::go_on(dir.path(), 4).unwrap().add_step(&row(5)).unwrap();
    let events = events(dir.path());
    assert_eq!(events[1], Event::restart(events[1].wall_time, 5));
    assert_eq!((events[2].step, events.len()), (5, 3));
}
