//! Rows of made-up results.

use clsrl_spec::{DatasetId, MethodId, Training};

use super::*;
use crate::{
    ReportError, TrialResults,
    made::{Grid, all_results},
};

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::ClsRl],
    datasets: &[DatasetId::Dtd, DatasetId::Ucf101],
    shots: &[4],
    seeds: &[1, 2],
};

fn made() -> Vec<TrialResults> {
    all_results(&GRID.plan())
}

#[test]
fn two_records_of_one_cell_are_an_error() {
    let mut results = made();
    let cell = results[0].cells[0].clone();
    results[0].cells.push(cell);
    let error = CellRow::all(&results).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cell `dtd.direct` of trial `zero-shot` has more than one record"
    );
}

#[test]
fn a_record_of_another_trial_is_an_error() {
    let mut results = made();
    results[1].cells[0].1.outcome.seed = 5;
    let error = CellRow::all(&results).unwrap_err();
    assert!(matches!(error, ReportError::WrongTrial { .. }), "{error}");
}

#[test]
fn more_correct_answers_than_images_are_an_error() {
    let mut results = made();
    results[1].cells[0].1.outcome.n_correct_strict = 49;
    let error = CellRow::all(&results).unwrap_err();
    assert!(error.to_string().ends_with("n_correct_strict is 49, expected at most 48"), "{error}");
}

#[test]
fn rows_say_what_they_were_made_from() {
    let cells = CellRow::all(&made()).unwrap();
    let (first, last) = (&cells[0].made_from, &cells[cells.len() - 1].made_from);
    assert_eq!(last.data_digest.as_deref(), Some("data-of-ucf101"));
    assert_eq!(last.train_data_digest.as_deref(), Some("data-of-ucf101"));
    assert_eq!(first.base_weights_digest, "0123456789abcdef");
    assert_eq!((&first.train_data_digest, &first.picks_digest), (&None, &None));
}

#[test]
fn gpu_seconds_are_none_on_a_cpu_and_all_seconds_on_a_gpu() {
    let mut results = made();
    results[1].cells[0].1.run.place.device = "cuda:0 A device".into();
    results[1].training.run.place.device = "cuda:0 A device".into();
    let cells = CellRow::all(&results).unwrap();
    let seconds = |row: usize| (cells[row].training.train_gpu_s, cells[row].evaluate_gpu_s);
    assert_eq!((seconds(0), seconds(4)), ((None, None), (Some(6.25), Some(1.5))));
}

#[test]
fn tokens_are_counted_back_from_their_rates() {
    let cells = CellRow::all(&made()).unwrap();
    assert_eq!((cells[4].training.train_tokens, cells[4].training.train_images), (3840, 192));
    assert_eq!((cells[0].training.train_tokens, cells[0].evaluate_tokens), (0, 456));
}

#[test]
fn a_trial_has_its_training_once_and_its_cells_together() {
    let mut results = made();
    let on_gpu = |results: &mut TrialResults| {
        results.training.run.place.device = "cuda:0 A device".into();
        results.cells[0].1.run.place.device = "cuda:0 A device".into();
    };
    on_gpu(&mut results[1]);
    results[2].cells[1].1.run.evaluate_seconds = f64::NAN;
    results[3].training.run.seconds.update = f64::NAN;
    let trials = TrialRow::all(&results);
    assert_eq!(trials.len(), 5);
    let of = |row: usize| {
        let TrialRow { evaluated: Evaluated { evaluate_s, gpu_s, .. }, .. } = trials[row];
        (evaluate_s, trials[row].total_s(), gpu_s)
    };
    // Zero-shot under two prompts on two targets; then 6.25 s of training and 1.5 s for each of two targets.
    assert_eq!(of(0), (6.0, Some(6.25), None));
    assert_eq!(of(1), (3.0, Some(9.25), Some(7.75)));
    assert_eq!(of(2), (1.5, Some(7.75), None));
    assert_eq!((of(3), trials[3].optimize_s()), ((3.0, None, None), None));
    let Evaluated { n_cells, evaluate_images, evaluate_tokens, peak_memory_bytes, .. } =
        trials[1].evaluated;
    assert_eq!((n_cells, evaluate_images, evaluate_tokens), (2, 96, 912));
    assert_eq!((trials[1].training.train_images, peak_memory_bytes), (192, 400 << 20));
    let cells = CellRow::all(&results).unwrap();
    let same = |row: &TrialRow| cells.iter().any(|cell| cell.training_id == row.training_id);
    assert!(trials.iter().all(same));
}

#[test]
fn a_trial_tells_its_settings_and_zero_shot_has_none() {
    let trials = TrialRow::all(&made());
    let of = |method| trials.iter().find(|trial| trial.method == method).unwrap();
    assert_eq!(of(MethodId::ZeroShot).settings, Hyperparameters::default());
    assert_eq!(of(MethodId::ZeroShot).train_form, None);
    let found = &of(MethodId::ClsRl).settings;
    let Training::Grpo(expected) = made().remove(1).trial.training else { panic!("not GRPO") };
    assert_eq!(found.learning_rate, Some(expected.optimizer.learning_rate));
    assert_eq!(
        (found.kl_beta, found.generations),
        (Some(expected.beta), Some(expected.generations))
    );
    let rewards: Vec<&str> = expected.rewards.iter().map(|id| id.as_str()).collect();
    assert_eq!(found.rewards.as_deref(), Some(rewards.join(",").as_str()));
    assert_eq!(found.lora_rank, None);
}

#[test]
fn a_cell_says_whether_it_is_in_domain_and_of_which_suite_and_model() {
    let cells = CellRow::all(&made()).unwrap();
    for cell in &cells {
        assert_eq!(cell.in_domain, cell.train_on.map(|source| source == cell.target));
        assert_eq!((cell.suite.as_str(), cell.model.as_str()), ("made-up", "tiny_model"));
    }
    assert!(cells.iter().any(|cell| cell.in_domain == Some(true)));
    assert!(cells.iter().any(|cell| cell.in_domain == Some(false)));
}
