//! Folders with made-up results, merged.

use std::fs;

use clsrl_spec::{Binding, Identity, cell_identity, training_identity};

use super::*;
use crate::{
    Shard,
    made::{binding, cell_record, predictions, trained_trial, training_record, trials},
};

struct Folders {
    dir: tempfile::TempDir,
    plan: Vec<Trial>,
}

fn folders() -> Folders {
    let of_seed = |seed| Trial { seed, ..trained_trial() };
    let plan = trials().into_iter().take(1).chain((1..=6).map(of_seed)).collect();
    Folders { dir: tempfile::tempdir().unwrap(), plan }
}

impl Folders {
    fn store(&self, name: &str) -> Store {
        Store::new(&self.dir.path().join(name), "smoke")
    }

    /// A folder with finished trials.
    fn filled(&self, name: &str, trials: &[Trial], weights: &str, binding: &Binding) -> Store {
        let store = self.store(name);
        for trial in trials {
            store.prepare(trial, None).unwrap();
            let identity = training_identity(trial, binding);
            store.write_training(trial, &identity, &training_record(weights)).unwrap();
            for cell in trial.cells() {
                let identity = cell_identity(trial, cell, binding);
                write_cell(&store, trial, (cell, &identity), weights);
            }
            store.leave_attempt(trial).unwrap();
        }
        store
    }

    fn merge(&self, from: &[Store], into: &Store, prefer_first: bool) -> Merged {
        merge(from, into, &self.plan, prefer_first).unwrap()
    }
}

fn write_cell(store: &Store, trial: &Trial, (cell, identity): (CellKey, &Identity), weights: &str) {
    let mut record = cell_record(trial, cell);
    record.outcome.weights_digest = Some(weights.to_owned());
    store.write_cell(trial, identity, &record, &predictions()).unwrap();
}

/// All files of a folder that are no one's own, with their bytes.
fn files(store: &Store, plan: &[Trial]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for trial in plan {
        let Ok(entries) = fs::read_dir(store.trial_dir(trial)) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = format!("{}/{}", trial.key(), path.file_name().unwrap().display());
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn eight_shards_merged_are_one_run_byte_for_byte() {
    let all = folders();
    let whole = all.filled("whole", &all.plan, "w", &binding());
    let shard = |number: usize| format!("{number}/8").parse::<Shard>().unwrap().select(&all.plan);
    let stores: Vec<Store> = (1..=8)
        .map(|number| all.filled(&format!("shard {number}"), &shard(number), "w", &binding()))
        .collect();
    let into = all.store("into");
    let merged = all.merge(&stores, &into, false);
    let n_cells = all.plan.iter().map(|trial| trial.cells().len()).sum();
    let expected = Merged {
        n_fine_tunes: all.plan.len(),
        n_cells,
        n_cells_wanted: n_cells,
        n_cells_there: n_cells,
        ..Merged::default()
    };
    assert_eq!(merged, expected);
    assert_eq!(files(&into, &all.plan), files(&whole, &all.plan));
    // Once more, and from the whole run, there is nothing new.
    let again = all.merge(&[stores, vec![whole]].concat(), &into, false);
    assert_eq!((again.n_fine_tunes, again.n_cells, again.conflicts), (0, 0, Vec::new()));
    assert_eq!(again.n_known, 2 * (all.plan.len() + n_cells));
}

#[test]
fn folders_that_do_not_agree_are_never_mixed_within_a_trial() {
    let all = folders();
    let (one, two) = (&all.plan[1..2], &all.plan[1..3]);
    let first = all.filled("first", one, "w", &binding());
    let second = all.filled("second", two, "other", &binding());
    fs::remove_file(first.cell_path(&one[0], one[0].cells()[0])).unwrap();
    let into = all.store("into");
    let merged = all.merge(&[first.clone(), second.clone()], &into, false);
    let [conflict] = &merged.conflicts[..] else { panic!("{merged:?}") };
    assert!(conflict.reason.ends_with("other fine-tunes: weights w and other"), "{conflict:?}");
    assert!(!conflict.is_of_inputs && !conflict.is_settled);
    assert!(!into.training_path(&one[0]).exists() && into.training_path(&two[1]).exists());
    // The first one that has it wins, with what it has: the cell that it lacks is not the other's.
    let merged = all.merge(&[first, second], &into, true);
    assert!(merged.conflicts[0].is_settled);
    assert!(into.training_path(&one[0]).exists());
    assert!(!into.cell_path(&one[0], one[0].cells()[0]).exists());
}

#[test]
fn other_inputs_are_told_by_their_fields_and_other_answers_by_their_cell() {
    let all = folders();
    let one = &all.plan[1..2];
    let first = all.filled("first", one, "w", &binding());
    let others = Binding { base_weights: "other".to_owned(), ..binding() };
    let second = all.filled("second", one, "w", &others);
    let message = all.merge(&[first.clone(), second], &all.store("a"), false).conflicts.remove(0);
    assert!(message.is_of_inputs && message.reason.contains("base_weights"), "{message:?}");
    let third = all.filled("third", one, "w", &binding());
    let (trial, cell) = (&one[0], one[0].cells()[0]);
    let mut record = cell_record(trial, cell);
    record.outcome.mean_choices = 9.0;
    let identity = cell_identity(trial, cell, &binding());
    fs::remove_file(third.cell_path(trial, cell)).unwrap();
    third.write_cell(trial, &identity, &record, &predictions()).unwrap();
    let message = all.merge(&[first, third], &all.store("b"), false).conflicts.remove(0);
    assert!(
        !message.is_of_inputs && message.reason.ends_with("other answers of `dtd.direct`"),
        "{message:?}"
    );
}

#[test]
fn what_is_damaged_is_left_out_and_what_is_sound_takes_its_place() {
    let all = folders();
    let one = &all.plan[1..2];
    let (trial, cell) = (&one[0], one[0].cells()[0]);
    let first = all.filled("first", one, "w", &binding());
    let into = all.filled("into", one, "w", &binding());
    for store in [&first, &into] {
        let path = store.predictions_path(trial, cell);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("banded", "bandit", 1)).unwrap();
    }
    let damaged = all.merge(&[first], &into, false);
    assert_eq!((damaged.n_cells, damaged.left_out.len()), (0, 2), "{damaged:?}");
    assert!(damaged.n_cells_there < damaged.n_cells_wanted);
    let sound = all.filled("sound", one, "w", &binding());
    let mended = all.merge(&[sound], &into, false);
    assert_eq!((mended.n_cells, mended.n_fine_tunes), (1, 0), "{mended:?}");
    assert!(into.read_cell(trial, cell).is_ok_and(|found| matches!(found, Stored::Present(_))));
    // Cells without the record of their fine-tune count for nothing.
    let lone = all.filled("lone", one, "w", &binding());
    fs::remove_file(lone.training_path(trial)).unwrap();
    let messages = all.merge(&[lone], &all.store("empty"), false).left_out;
    assert_eq!(messages.len(), trial.cells().len(), "{messages:?}");
}
