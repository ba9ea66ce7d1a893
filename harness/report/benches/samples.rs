//! A million samples, written as a run of the few-shot suite writes them, and counted as its tables ask.
//!
//! `cargo bench -p clsrl-report`. After the timings it tells the largest memory that counting took, on top of
//! what the process had before.

use std::{fs, hint::black_box, path::Path};

use clsrl_report::{
    FrameFormat, Provenance, SamplePaths, TrialResults, tally_samples, write_samples,
};
use clsrl_spec::{
    CellKey, CellOutcome, CellRecord, CellRun, Place, Prediction, Selection, Stream, Suite,
    TrainingOutcome, TrainingRecord, TrainingRun, TrainingSeconds, Trial, plan,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const N_SAMPLES: usize = 1_000_000;
const N_PER_CELL: usize = 2000;

/// What tables ask for: every cell by itself, and every method by prompt and target.
const GROUPS: [&[&str]; 2] = [&["cell_id"], &["method", "prompt", "target"]];

fn count(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("made.samples");
    write(&path);
    let path = FrameFormat::Parquet.at(&path);
    let mut group = criterion.benchmark_group("a million samples");
    group.sample_size(10);
    for by in GROUPS {
        group.bench_function(by.join(" and "), |bencher| {
            let count = |by: &[&str]| tally_samples(&path, by).expect("the file was just written");
            bencher.iter_batched(|| by, |by| black_box(count(by)), BatchSize::PerIteration);
        });
    }
    group.finish();

    let before = memory("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process forget its peak");
    for by in GROUPS {
        let rows = tally_samples(&path, by).expect("the file was just written").len();
        let (peak, size) = (memory("VmHWM"), fs::metadata(&path).map_or(0, |file| file.len()));
        println!(
            "by {}: {rows} rows; peak {} MiB, {} MiB above the start; the file has {} MiB",
            by.join(" and "),
            peak >> 10,
            (peak - before.min(peak)) >> 10,
            size >> 20
        );
    }
}

/// A line of the process's status, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells a process's memory");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("the line has a number of KiB")
}

fn write(path: &Path) {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let read =
        |name: &str| fs::read_to_string(suites.join(name)).map_err(|error| error.to_string());
    let text = read("few-shot.toml").expect("the suite is there");
    let suite = Suite::parse(&text, "few-shot", &|name| read(&format!("protocols/{name}.toml")))
        .expect("the suite is valid");
    let trials = plan(&suite, &Selection::default()).expect("the suite has trials");
    let mut n_left = N_SAMPLES / N_PER_CELL;
    let mut results = Vec::new();
    for trial in trials {
        let cells: Vec<CellKey> = trial.cells().into_iter().take(n_left).collect();
        n_left -= cells.len();
        results.push(made(trial, &cells));
    }
    assert_eq!(n_left, 0, "the suite has fewer cells");
    let mut read = |trial: &Trial, cell: CellKey| Ok(answers(trial, cell));
    let classes = path.with_extension("classes");
    let paths = SamplePaths { samples: path, classes: &classes };
    let written = write_samples(&results, paths, &[FrameFormat::Parquet], &mut read);
    let written = written.expect("the file can be written");
    assert!(written.left_out.is_empty(), "every cell has its answers");
}

fn answers(trial: &Trial, cell: CellKey) -> Vec<Prediction> {
    let mut stream = Stream::new(trial.seed, &["samples", &trial.key(), &cell.to_string()]);
    let names: Vec<String> = (0..40).map(|at| format!("a class of some name {at}")).collect();
    let question = format!(
        "{}\n Please choose one from list [ {}]. Think first.",
        cell.target.question(),
        names.join(", ")
    );
    let answer = |index: usize| {
        let (gold, said) = (&names[stream.below(40)], &names[stream.below(40)]);
        Prediction {
            index,
            image: format!("images/{index:05}.jpg"),
            question: question.clone(),
            gold: gold.clone(),
            raw: format!("<think> This is a photo of {said}. </think> <answer> {said} </answer>"),
            extracted: said.clone(),
            correct_published: index < N_PER_CELL / 2,
            correct_strict: index < N_PER_CELL / 2,
            n_tokens: 24,
            truncated: false,
        }
    };
    (0..N_PER_CELL).map(answer).collect()
}

fn made(trial: Trial, cells: &[CellKey]) -> TrialResults {
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
    let cell = |&key: &CellKey| {
        let outcome = CellOutcome {
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            cell: key,
            synthetic: false,
            locked: true,
            standard_lists: true,
            n: N_PER_CELL,
            n_split: N_PER_CELL,
            mean_choices: 40.0,
            n_correct_published: N_PER_CELL / 2,
            n_correct_strict: N_PER_CELL / 2,
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
    let training = TrainingRecord {
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
    };
    TrialResults {
        training_id: format!("train-{}", trial.key()),
        training,
        cells: cells.iter().map(cell).collect(),
        provenance: Provenance::default(),
        trial,
    }
}

criterion_group!(samples, count);
criterion_main!(samples);
