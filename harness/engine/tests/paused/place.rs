//! A trial of the smoke suite with everything that it needs, and ways to run it in parts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use clsrl_data::{
    BoundDataset,
    datasets::{Dataset, picks_digest},
    lock::ImageDigests,
    prompts,
};
use clsrl_engine::{Saving, TrialJob, run_trial};
use clsrl_spec::{
    CellOutcome, DatasetId, LoraRule, MethodId, Prediction, Selection, Suite, Training,
    TrainingRecord, Trial, TrialEvent, plan,
};
use clsrl_vlm::Precision;
use tempfile::TempDir;

/// What a whole trial left behind, but for how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    pub weights_digest: String,
    pub outcome: clsrl_spec::TrainingOutcome,
    pub cells: Vec<(CellOutcome, Vec<Prediction>)>,
}

/// A trial, and where it keeps its middle.
pub struct Place {
    dir: TempDir,
    pub job: TrialJob,
}

/// The fine-tune's record and the cells' numbers of answers at which they were gone on with, and all events.
#[derive(Debug, Default)]
pub struct Seen {
    pub record: Option<TrainingRecord>,
    pub cells: Vec<(CellOutcome, Vec<Prediction>)>,
    pub cells_resumed_at: Vec<Vec<usize>>,
    pub events: Vec<TrialEvent>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The drawn datasets, drawn once.
fn data_dir() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("paused-drawn");
        clsrl_tiny::write_drawn(&dir, 1, &mut |_| ()).unwrap();
        dir
    })
}

fn trial(method: MethodId, lora: bool) -> Trial {
    let suites = root().join("suites");
    let read = |name: &str| fs::read_to_string(suites.join(name)).map_err(|e| e.to_string());
    let protocols = |name: &str| read(&format!("protocols/{name}.toml"));
    let suite = Suite::parse(&read("smoke.toml").unwrap(), "smoke.toml", &protocols).unwrap();
    let selection = Selection {
        methods: Some(vec![method]),
        datasets: Some(vec![DatasetId::Dtd]),
        limit: Some(20),
        ..Selection::default()
    };
    let mut trial = plan(&suite, &selection).unwrap().remove(0);
    // Eight steps.
    match &mut trial.training {
        Training::None => {}
        Training::Sft(settings) => settings.duration.epochs = 4.0,
        Training::Grpo(settings) => settings.duration.epochs = 4.0,
    }
    // Windows of 8 images: three of them.
    trial.evaluation.batch = 4;
    trial.protocol.lora = lora.then_some(LoraRule { rank: 4, alpha: 8.0 });
    trial
}

impl Place {
    pub fn new(method: MethodId, lora: bool) -> Self {
        let trial = trial(method, lora);
        let dir = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(DatasetId::Dtd, data_dir()).unwrap();
        let all = dataset.train.iter().chain(&dataset.val).chain(&dataset.test);
        let images = ImageDigests::as_locked(&dataset, dir.path(), None, all);
        let bound = BoundDataset::new(&dataset, images);
        let train = prompts::training_images(&trial, &dataset, None).unwrap();
        let model_dir = root().join("harness/tiny/model");
        let names = fs::read_dir(&model_dir).unwrap().map(|entry| entry.unwrap().file_name());
        let digest = |name: std::ffi::OsString| {
            let digest = clsrl_files::sha256(&model_dir.join(&name)).unwrap();
            (name.into_string().unwrap(), digest)
        };
        let cells = trial.cells();
        let job = TrialJob {
            model_files: names.map(digest).collect(),
            model_dir,
            data_dir: data_dir().to_owned(),
            few_shot_dir: None,
            data: BTreeMap::from([(DatasetId::Dtd, bound)]),
            picks: (trial.train_on.is_some()).then(|| picks_digest(train)),
            unlocked: BTreeSet::new(),
            device: "cpu".parse().unwrap(),
            precision: Precision::Float32,
            threads: 1,
            deterministic: false,
            recompute: false,
            image_cache: None,
            checkpoint_dir: dir.path().join("checkpoint"),
            saving: Saving {
                dir: dir.path().join("state"),
                training_id: "0123456789ab".to_owned(),
                cell_ids: cells.iter().map(|cell| format!("of {cell}")).collect(),
                every_s: None,
            },
            cells,
            trained: None,
            commit: "unknown".to_owned(),
            trial,
        };
        Place { dir, job }
    }

    /// The folder of the trial's middle.
    pub fn state(&self) -> &Path {
        &self.job.saving.dir
    }

    /// The names of the files in it.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.state()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs what is left of the trial, until `pauses` finds an event to ask at; gives what was seen, and whether it is
    /// done. What is done is not left any more.
    pub fn run(&mut self, pauses: impl Fn(&TrialEvent) -> bool) -> (Seen, bool) {
        let (pause, mut seen) = (AtomicBool::new(false), Seen::default());
        run_trial(&self.job, &pause, &mut |event| {
            if pauses(&event) {
                pause.store(true, Ordering::Relaxed);
            }
            match &event {
                TrialEvent::TrainingDone(record) => seen.record = Some((**record).clone()),
                TrialEvent::CellDone(record, predictions) => {
                    seen.cells.push((record.outcome.clone(), predictions.clone()));
                    seen.cells_resumed_at.push(record.run.resumed_at.clone());
                }
                _ => {}
            }
            seen.events.push(event);
            Ok(())
        })
        .unwrap();
        self.take_away(&seen);
        let is_paused = seen.events.last() == Some(&TrialEvent::Paused);
        (seen, !is_paused)
    }

    /// Runs the trial until the sink fails: as if it were killed then.
    pub fn run_until_killed(&mut self, dies: impl Fn(&TrialEvent) -> bool) {
        let error =
            run_trial(&self.job, &AtomicBool::new(false), &mut |event| match dies(&event) {
                true => Err(io::Error::other("killed")),
                false => Ok(()),
            });
        error.unwrap_err();
    }

    fn take_away(&mut self, seen: &Seen) {
        if let Some(record) = &seen.record {
            self.job.trained = Some(record.clone());
        }
        let is_left = |cell: &clsrl_spec::CellKey| seen.cells.iter().all(|(o, _)| o.cell != *cell);
        let (cells, cell_ids) = (&self.job.cells, &self.job.saving.cell_ids);
        let left = cells.iter().zip(cell_ids).filter(|(cell, _)| is_left(cell));
        let left: Vec<_> = left.map(|(&cell, id)| (cell, id.clone())).collect();
        (self.job.cells, self.job.saving.cell_ids) = left.into_iter().unzip();
    }

    /// Runs all of it.
    pub fn run_whole(mut self) -> Results {
        let (seen, is_done) = self.run(|_| false);
        assert!(is_done);
        assert!(!self.state().exists(), "nobody asked for it, and something is kept");
        results([seen])
    }

    /// The folder that all of it lies in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// Puts together what the parts of a trial left behind.
pub fn results(parts: impl IntoIterator<Item = Seen>) -> Results {
    let (mut record, mut cells) = (None, Vec::new());
    for part in parts {
        record = part.record.or(record);
        cells.extend(part.cells);
    }
    let outcome = record.unwrap().outcome;
    Results { weights_digest: outcome.weights_digest.clone(), outcome, cells }
}

/// A whole trial of each kind, run once.
pub fn whole(method: MethodId, lora: bool) -> &'static Results {
    type Known = [OnceLock<Results>; 8];
    static WHOLE: Known = [const { OnceLock::new() }; 8];
    let at = MethodId::ALL.iter().position(|&known| known == method).unwrap() % 4;
    WHOLE[2 * at + usize::from(lora)].get_or_init(|| Place::new(method, lora).run_whole())
}

/// Whether an event is of this step.
pub fn is_step(event: &TrialEvent, n: usize) -> bool {
    matches!(event, TrialEvent::Trained { step, .. } if step.step == n)
}
