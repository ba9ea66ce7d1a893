//! The report of a whole smoke suite, with 48 answers a cell as it has them and with ten times as many: from answers
//! to frames, tables, figures and the page for a browser. What the program does before, reading records and holding
//! them to their seals, and reading images, is not in it.
//!
//! `cargo bench -p clsrl-bench -p clsrl-report --profile dev --bench report`. It tells the processor's seconds, those of
//! all threads together, and, from both, the microseconds of each further answer.

use std::{collections::BTreeMap, path::Path};

use clsrl_report::{
    Beside, CellProvenance, CellRow, DatasetOrder, FrameFormat, Provenance, Report, ReportContext,
    ReportRows, SamplePaths, StepRow, Thumbnails, TrialResults, TrialRow, write_frame,
    write_samples,
};
use clsrl_spec::{
    CellKey, CellOutcome, CellRecord, CellRun, Place, Prediction, Selection, Stream, Suite,
    TrainingOutcome, TrainingRecord, TrainingRun, TrainingSeconds, Trial, plan,
};

/// Answers of a cell: those of the smoke suite, and ten times as many.
const SIZES: [usize; 2] = [48, 480];

/// The best of so many.
const N_ROUNDS: usize = 3;

/// More than a suite's file has.
const MAX_BYTES: u64 = 1 << 20;

type Answers = BTreeMap<(String, CellKey), Vec<Prediction>>;

fn main() {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let read = |name: &str| {
        clsrl_files::read_to_string(&suites.join(name), MAX_BYTES)
            .map_err(|error| error.to_string())
    };
    let text = read("smoke.toml").expect("the suite is there");
    let suite = Suite::parse(&text, "smoke", &|name| read(&format!("protocols/{name}.toml")))
        .expect("the suite is valid");
    let trials = plan(&suite, &Selection::default()).expect("the suite has trials");
    let mut measured = Vec::new();
    for n in SIZES {
        let answers: Answers = trials.iter().flat_map(|trial| of_trial(trial, n)).collect();
        let results: Vec<TrialResults> = trials.iter().map(|trial| made(trial, &answers)).collect();
        let rounds = (0..N_ROUNDS).map(|_| seconds(&suite, &trials, &results, &answers));
        let best = rounds.fold(f64::INFINITY, f64::min);
        let n_answers: usize = answers.values().map(Vec::len).sum();
        println!("{n_answers} answers in {} cells: {best:.2} s", answers.len());
        measured.push((n_answers as f64, best));
    }
    let [(few, short), (many, long)] = measured[..] else { return };
    println!("a further answer: {:.1} µs", 1e6 * (long - short) / (many - few));
}

/// Seconds of everything that is written.
fn seconds(suite: &Suite, trials: &[Trial], results: &[TrialResults], answers: &Answers) -> f64 {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let mut answers = answers.clone();
    let start = processor_seconds();
    let mut read = |trial: &Trial, cell: CellKey| {
        Ok(answers.remove(&(trial.key(), cell)).expect("each cell is read once"))
    };
    let at = |name: &str| FrameFormat::Parquet.at(&dir.path().join(name));
    let [samples, classes] = ["samples", "classes"].map(|name| dir.path().join(name));
    let paths = SamplePaths { samples: &samples, classes: &classes };
    let samples = write_samples(results, paths, &[FrameFormat::Parquet], &mut read);
    let samples = samples.expect("samples can be written");
    let cells = CellRow::all(results).expect("the records fit their trials");
    let (fine_tunes, steps) = (TrialRow::all(results), StepRow::all(results));
    let rows = ReportRows {
        cells: &cells,
        trials: &fine_tunes,
        steps: &steps,
        verdicts: &samples.verdicts,
        classes: &samples.classes,
    };
    let report = Report::new(rows, &context(suite, trials)).expect("it can be made");
    write_frame(&cells, &at("cells"), FrameFormat::Parquet).expect("cells can be written");
    write_frame(report.transfer(), &at("transfer"), FrameFormat::Parquet).expect("so can these");
    let n_bytes = report.markdown(&Beside::default()).len()
        + report.html(&samples.shown, &Thumbnails::default()).len()
        + report.latex().len()
        + report.csv().len()
        + report.figures().expect("figures can be drawn").len();
    assert!(0 < n_bytes);
    processor_seconds() - start
}

/// Of this process so far, in user and kernel mode, as Linux counts them: a hundred a second.
fn processor_seconds() -> f64 {
    let stat = clsrl_files::read_to_string(Path::new("/proc/self/stat"), MAX_BYTES);
    let stat = stat.expect("Linux tells a process's times");
    // The name of the program, in brackets, may have blanks.
    let (_, after) = stat.rsplit_once(')').expect("the name ends");
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    ticks.sum::<Result<f64, _>>().expect("ticks are numbers") / 100.0
}

fn context<'a>(suite: &'a Suite, trials: &'a [Trial]) -> ReportContext<'a> {
    ReportContext {
        suite_name: suite.name.clone(),
        suite_description: suite.description.clone(),
        synthetic: true,
        frames: suite.name.clone(),
        command: String::new(),
        base_model: "made up".into(),
        base_weights: "0123456789abcdef".into(),
        data: "made up".into(),
        protocol: &suite.protocol,
        standard_lists: BTreeMap::new(),
        order: DatasetOrder::Coop,
        shared_names: BTreeMap::new(),
        planned: trials,
    }
}

fn of_trial(trial: &Trial, n: usize) -> Vec<((String, CellKey), Vec<Prediction>)> {
    let of_cell = |cell: CellKey| {
        let mut stream = Stream::new(trial.seed, &["report", &trial.key(), &cell.to_string()]);
        let names: Vec<String> = (0..8).map(|at| format!("a class of some name {at}")).collect();
        let question = format!(
            "{}\n Please choose one from list [ {}]. Think first.",
            cell.target.question(),
            names.join(", ")
        );
        let answer = |index: usize| {
            let gold = &names[stream.below(8)];
            let is_right = stream.below(100) < 40 + 10 * (trial.method as usize % 4);
            let said = if is_right { gold } else { &names[stream.below(8)] };
            Prediction {
                index,
                image: format!("images/{index:05}.jpg"),
                question: question.clone(),
                gold: gold.clone(),
                raw: format!("<think> This is {said}. </think> <answer> {said} </answer>"),
                extracted: said.clone(),
                correct_published: said == gold,
                correct_strict: said == gold,
                n_tokens: 24,
                truncated: false,
            }
        };
        ((trial.key(), cell), (0..n).map(answer).collect())
    };
    trial.cells().into_iter().map(of_cell).collect()
}

fn made(trial: &Trial, answers: &Answers) -> TrialResults {
    let place = Place {
        commit: "unknown".into(),
        version: "0".into(),
        libtorch: "none".into(),
        device: "cpu".into(),
        threads: 1,
        processor: "made up".into(),
        float32_products: None,
        bfloat16_sums: None,
        gpu: None,
    };
    let cell = |key: CellKey| {
        let of_cell = &answers[&(trial.key(), key)];
        let n_right = of_cell.iter().filter(|answer| answer.correct_strict).count();
        let outcome = CellOutcome {
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            cell: key,
            synthetic: true,
            locked: true,
            standard_lists: true,
            n: of_cell.len(),
            n_split: of_cell.len(),
            mean_choices: 8.0,
            n_correct_published: n_right,
            n_correct_strict: n_right,
            n_truncated: 0,
            n_untagged: 0,
            mean_tokens: 24.0,
            weights_digest: None,
        };
        let run = CellRun {
            times: None,
            evaluate_seconds: 1.0,
            images_per_second: 1.0,
            tokens_per_second: 1.0,
            peak_memory_bytes: 1,
            place: place.clone(),
            fitted: None,
            resumed_at: Vec::new(),
        };
        (format!("{}-{key}", trial.key()), CellRecord { outcome, run })
    };
    let cells = trial.cells();
    let provenance = |key: &CellKey| (*key, CellProvenance::default());
    TrialResults {
        trial: trial.clone(),
        training_id: format!("train-{}", trial.key()),
        training: TrainingRecord {
            outcome: TrainingOutcome {
                train_paths: Vec::new(),
                steps: Vec::new(),
                weights_digest: String::new(),
                adapter_digest: None,
            },
            run: TrainingRun {
                times: None,
                seconds: TrainingSeconds::default(),
                steps: Vec::new(),
                images_per_second: 1.0,
                tokens_per_second: 1.0,
                peak_memory_bytes: 1,
                repeated_step: None,
                fitted: None,
                resumed_at: Vec::new(),
                place: place.clone(),
            },
        },
        provenance: Provenance {
            cells: cells.iter().map(provenance).collect(),
            ..Provenance::default()
        },
        cells: cells.into_iter().map(cell).collect(),
    }
}
