//! Made-up results for this crate's tests: plausible numbers from small formulas.

use clsrl_spec::{
    AlphaRule, BaseRule, CellKey, CellOutcome, CellRecord, CellRun, Choices, DatasetId, Duration,
    EndMask, EvalSplit, Evaluation, Form, GrpoSettings, ImagePath, ImageRule, LabelMask, ListRule,
    MessageOrder, MethodId, OptimizerSettings, Place, Prediction, ProcessorKind, PromptStyle,
    Prompts, Protocol, RepeatedNames, RewardId, RlRule, RolloutRecord, Scorer, Seed, SftPrompt,
    SftRule, SftSettings, SftTarget, ShotRule, SolutionTag, StepRecord, StepSeconds, Suffixes,
    Times, Training, TrainingOutcome, TrainingRecord, TrainingRun, TrainingSeconds, Trial,
    ZeroVariance,
};

use crate::{
    Beside, CellProvenance, CellRow, Classes, DatasetOrder, Provenance, Report, ReportContext,
    ReportError, ReportRows, StepRow, SuiteVerdicts, TrialResults, TrialRow,
    rows::{CellOf, SampleRow},
    verdicts::Answered,
};

/// A plan: zero-shot under both prompts and every combination of the other axes.
pub(crate) struct Grid<'a> {
    pub(crate) methods: &'a [MethodId],
    pub(crate) datasets: &'a [DatasetId],
    pub(crate) shots: &'a [usize],
    pub(crate) seeds: &'a [Seed],
}

impl Grid<'_> {
    pub(crate) fn plan(&self) -> Vec<Trial> {
        let mut plan = Vec::new();
        for &method in self.methods {
            if method == MethodId::ZeroShot {
                plan.push(trial(method, None, 0, 1, self.datasets));
                continue;
            }
            for &train_on in self.datasets {
                for &shots in self.shots {
                    let seeds = self.seeds.iter();
                    plan.extend(
                        seeds
                            .map(|&seed| trial(method, Some(train_on), shots, seed, self.datasets)),
                    );
                }
            }
        }
        plan
    }
}

/// The Markdown report of results as the program would write it.
pub(crate) fn report(plan: &[Trial], results: &[TrialResults]) -> Result<String, ReportError> {
    Ok(whole_report(plan, results, DatasetOrder::Coop)?.markdown(&Beside::default()))
}

/// The same in no format yet.
pub(crate) fn made_report(plan: &[Trial], results: &[TrialResults]) -> Result<Report, ReportError> {
    whole_report(plan, results, DatasetOrder::Coop)
}

/// The report of results in an order of datasets, before any format.
pub(crate) fn whole_report(
    plan: &[Trial],
    results: &[TrialResults],
    order: DatasetOrder,
) -> Result<Report, ReportError> {
    let read = &mut |trial: &Trial, cell| read(results, trial, cell);
    let (verdicts, _) = SuiteVerdicts::read(results, read);
    report_with(plan, results, &verdicts, order)
}

/// The same with other verdicts than those of the results.
pub(crate) fn report_with(
    plan: &[Trial],
    results: &[TrialResults],
    verdicts: &SuiteVerdicts,
    order: DatasetOrder,
) -> Result<Report, ReportError> {
    report_from(plan, results, (verdicts, &Classes::default()), order)
}

/// The same with answers by class.
pub(crate) fn report_of_classes(
    plan: &[Trial],
    results: &[TrialResults],
    classes: &Classes,
    order: DatasetOrder,
) -> Result<Report, ReportError> {
    let read = &mut |trial: &Trial, cell| read(results, trial, cell);
    let (verdicts, _) = SuiteVerdicts::read(results, read);
    report_from(plan, results, (&verdicts, classes), order)
}

fn report_from(
    plan: &[Trial],
    results: &[TrialResults],
    (verdicts, classes): (&SuiteVerdicts, &Classes),
    order: DatasetOrder,
) -> Result<Report, ReportError> {
    let protocol = protocol();
    let context = ReportContext {
        suite_name: "made-up".into(),
        suite_description: "Made-up numbers, to look at the report's form.".into(),
        synthetic: false,
        frames: "made-up".into(),
        command: "clsrl-bench run --suite made-up".into(),
        base_model: "tiny_model".into(),
        base_weights: "0123456789abcdef".into(),
        data: "drawn, seed 7".into(),
        protocol: &protocol,
        standard_lists: [(DatasetId::Eurosat, "Get it at x.".to_owned())].into(),
        order,
        shared_names: [(
            (DatasetId::ImageNet, DatasetId::Eurosat),
            vec!["river".to_owned(), "a_b|c".to_owned()],
        )]
        .into(),
        planned: plan,
    };
    let (cells, steps) = (CellRow::all(results)?, StepRow::all(results));
    let trials = TrialRow::all(results);
    let rows = ReportRows { cells: &cells, trials: &trials, steps: &steps, verdicts, classes };
    Report::new(rows, &context)
}

pub(crate) fn all_results(plan: &[Trial]) -> Vec<TrialResults> {
    plan.iter().map(results).collect()
}

pub(crate) fn results(trial: &Trial) -> TrialResults {
    let cells = trial.cells().into_iter();
    TrialResults {
        trial: trial.clone(),
        training_id: format!("train-{}", trial.key()),
        training: training(trial),
        cells: cells.map(|key| (format!("{}-{key}", trial.key()), cell(trial, key))).collect(),
        provenance: provenance(trial),
    }
}

fn provenance(trial: &Trial) -> Provenance {
    let cell = |key: CellKey| {
        let data = Some(format!("data-of-{}", key.target));
        let prompts = Some(format!("prompts-{key}"));
        (key, CellProvenance { data, prompts, scorer_version: 1, is_sealed: true })
    };
    Provenance {
        suite: "made-up".into(),
        model: "tiny_model".into(),
        base_weights: "0123456789abcdef".into(),
        device_kind: "cpu".into(),
        precision: "f32".into(),
        train_data: trial.train_on.map(|id| format!("data-of-{id}")),
        picks: trial.picks_key(),
        train_prompts: trial.train_on.map(|_| format!("prompts-{}", trial.key())),
        cells: trial.cells().into_iter().map(cell).collect(),
        rescored: false,
    }
}

/// Hands over the predictions that a finished cell's record counts.
pub(crate) fn read(
    results: &[TrialResults],
    trial: &Trial,
    cell: CellKey,
) -> Result<Vec<Prediction>, String> {
    let own = results.iter().find(|results| results.trial == *trial).unwrap();
    let (_, record) = own.cells.iter().find(|(_, record)| record.outcome.cell == cell).unwrap();
    Ok(predictions(record))
}

/// Predictions that a cell's record counts: wrong answers stand last, off the list.
pub(crate) fn predictions(record: &CellRecord) -> Vec<Prediction> {
    let CellOutcome { n, n_correct_published, n_correct_strict, n_truncated, .. } = record.outcome;
    let answer = |index: usize| {
        let correct_strict = index < n_correct_strict;
        let correct_published = index < n_correct_published;
        let said = if correct_strict {
            "rose"
        } else if correct_published {
            "rose or apple"
        } else {
            "daisy"
        };
        Prediction {
            index,
            image: format!("flowers/{index:04}.jpg"),
            question: "What is it?\n Please choose one from list [ rose, apple, pear].\n Think in \
                       <think> </think>, then answer in <answer> </answer> tags."
                .into(),
            gold: "rose".into(),
            raw: format!("<think> Maybe a {said}. </think> <answer>{said}</answer>"),
            extracted: said.into(),
            correct_published,
            correct_strict,
            n_tokens: 9,
            truncated: index < n_truncated,
        }
    };
    (0..n).map(answer).collect()
}

fn cell(trial: &Trial, key: CellKey) -> CellRecord {
    let gain = match trial.method {
        MethodId::ZeroShot => 0,
        MethodId::Sft => 16,
        MethodId::ClsRl => 8,
        MethodId::NoThinkingClsRl => 11,
        MethodId::ThinkAfterAnswer => 9,
        MethodId::AdaptiveThinking => 10,
    };
    let base =
        12 + 2 * (key.target as usize) + 4 * usize::from(key.prompt == PromptStyle::Thinking);
    let home = trial.train_on == Some(key.target);
    let away = (key.target as usize + 2 * trial.train_on.map_or(0, |id| id as usize)) % 7;
    let luck = trial.seed as usize % 3;
    let n_correct = match (trial.train_on, home) {
        (None, _) => base,
        (Some(_), true) => (base + gain + luck).min(46),
        (Some(_), false) => base + away + luck - 4,
    };
    let seconds = 1.5;
    CellRecord {
        outcome: CellOutcome {
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            cell: key,
            synthetic: false,
            locked: true,
            standard_lists: true,
            n: 48,
            n_split: 60,
            mean_choices: 8.0,
            n_correct_published: n_correct,
            n_correct_strict: n_correct - 3,
            n_truncated: 1,
            n_untagged: 2,
            mean_tokens: 9.5,
            weights_digest: Some(format!("digest-{}", trial.key())),
        },
        run: CellRun {
            times: Some(Times {
                started_at: "2026-12-01T02:21:54Z".into(),
                ended_at: "2026-12-01T02:23:05Z".into(),
            }),
            evaluate_seconds: seconds,
            images_per_second: 48.0 / seconds,
            tokens_per_second: 48.0 * 9.5 / seconds,
            peak_memory_bytes: 300 << 20,
            place: place(),
            fitted: None,
            resumed_at: Vec::new(),
        },
    }
}

fn training(trial: &Trial) -> TrainingRecord {
    let rollout = |step: usize| RolloutRecord {
        reward_mean: 0.5 + 0.05 * step as f64,
        rewards: vec![0.5],
        kl: 0.002 * (step - 1) as f64,
        entropy: Some(0.5 / step as f64),
        mean_tokens: 12.0 - step as f64,
        truncated: 0.25 / step as f64,
        zero_variance_groups: 0.125,
    };
    let is_grpo = matches!(trial.training, Training::Grpo(_));
    let step = |step: usize| StepRecord {
        step,
        loss: 2.0 / step as f64,
        grad_norm: 1.0,
        learning_rate: 3e-4,
        rollout: is_grpo.then(|| rollout(step)),
    };
    let grpo = if is_grpo { 1.0 } else { 0.0 };
    let step_seconds = |step: usize| StepSeconds {
        load: 0.0,
        rollout: grpo * (0.25 + 0.3 * step as f64),
        reward: grpo * 0.125,
        update: 0.5,
    };
    let n_steps = if trial.train_on.is_some() { 4 } else { 0 };
    let trained = trial.train_on.map_or(0.0, |_| 1.0);
    TrainingRecord {
        outcome: TrainingOutcome {
            train_paths: Vec::new(),
            steps: (1..=n_steps).map(step).collect(),
            weights_digest: format!("digest-{}", trial.key()),
            adapter_digest: None,
        },
        run: TrainingRun {
            times: Some(Times {
                started_at: "2026-12-01T02:21:54Z".into(),
                ended_at: "2026-12-01T02:23:05Z".into(),
            }),
            seconds: TrainingSeconds { load: 0.25, rollout: 4.0 * grpo, update: 2.0 * trained },
            steps: (1..=n_steps).map(step_seconds).collect(),
            images_per_second: 32.0 * trained,
            tokens_per_second: 640.0 * trained,
            peak_memory_bytes: 400 << 20,
            place: place(),
            repeated_step: None,
            fitted: None,
            resumed_at: Vec::new(),
        },
    }
}

fn place() -> Place {
    Place {
        commit: "abc1234".into(),
        version: "0.1.0".into(),
        libtorch: "2.11.0".into(),
        device: "cpu".into(),
        threads: 1,
        processor: "A processor".into(),
        float32_products: None,
        bfloat16_sums: None,
        gpu: None,
    }
}

/// A trial with the settings of its method.
pub(crate) fn trial(
    method: MethodId,
    train_on: Option<DatasetId>,
    shots: usize,
    seed: Seed,
    targets: &[DatasetId],
) -> Trial {
    let duration = Duration { epochs: 4.0, prompts_per_step: 16, accumulation: 2 };
    let optimizer = OptimizerSettings {
        learning_rate: 3e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    };
    let grpo = |prompt| GrpoSettings {
        prompt,
        duration: duration.clone(),
        optimizer: optimizer.clone(),
        generations: 4,
        beta: 0.04,
        beta_start: None,
        advantage_epsilon: 1e-4,
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        max_prompt_tokens: 1024,
        max_new_tokens: 44,
        micro_batch: 16,
        rewards: vec![RewardId::AccuracyString],
        zero_variance_groups: ZeroVariance::Keep,
    };
    let (prompts, training) = match method {
        MethodId::ZeroShot => (vec![PromptStyle::Direct, PromptStyle::Thinking], Training::None),
        MethodId::Sft => {
            let settings = SftSettings { duration, optimizer, micro_batch: 16 };
            (vec![PromptStyle::Direct], Training::Sft(settings))
        }
        method => {
            let (_, prompt) = MethodId::RL.into_iter().find(|(of, _)| *of == method).unwrap();
            (vec![prompt], Training::Grpo(grpo(prompt)))
        }
    };
    let evaluation = Evaluation {
        prompts,
        forms: vec![Form::FewShot],
        targets: targets.to_vec(),
        splits: targets.iter().map(|&id| (id, EvalSplit::Test)).collect(),
        limit: Some(48),
        batch: 48,
        max_new_tokens: 44,
    };
    Trial {
        method,
        train_on,
        form: Form::FewShot,
        shots,
        seed,
        training,
        evaluation,
        protocol: protocol(),
    }
}

/// A protocol whose texts try to break out of their table.
pub(crate) fn protocol() -> Protocol {
    Protocol {
        name: "paper".into(),
        prompts: Prompts {
            system: Some("You are a helpful assistant.".into()),
            order: MessageOrder::ImageFirst,
            train: suffixes("answer"),
            few_shot: suffixes("`answer`"),
            base: suffixes("`answer`"),
            new: suffixes("`answer`"),
            open_set: suffixes("`answer`"),
        },
        choices: Choices {
            few_shot: ListRule::Published { percent: 40 },
            base_to_new: ListRule::Published { percent: 80 },
            repeated_names: RepeatedNames::Kept,
            seed: 7,
        },
        image: ImageRule {
            train: ImagePath::Native(384),
            eval: ImagePath::Eval(384),
            eval_alpha: AlphaRule::Dropped,
            train_processor: ProcessorKind::Pil,
            eval_processor: ProcessorKind::Pil,
            min_pixels: 3136,
            max_pixels: 401408,
        },
        shots: ShotRule::Coop,
        sft: SftRule {
            system: Some(String::new()),
            prompt: SftPrompt::QuestionOnly,
            order: MessageOrder::ImageFirst,
            target: SftTarget::AnswerTag,
            label_mask: LabelMask::All,
            trailing_generation_prompt: true,
        },
        rl: RlRule {
            solution: SolutionTag::Plain,
            open_set_blanks: Vec::new(),
            end_mask: EndMask::ImEnd,
        },
        base_classes: BaseRule::Ceil,
        lora: None,
        scorer: Scorer::Published,
        zero_shot_prompts: vec![PromptStyle::Direct, PromptStyle::Thinking],
        sft_eval_prompts: vec![PromptStyle::Direct],
    }
}

fn suffixes(answer: &str) -> Suffixes {
    Suffixes {
        thinking: "\nAnswer as <think> a | b </think> <answer> *c* </answer>.".into(),
        direct: format!("\nPlease directly output the {answer}."),
        think_after_answer: "\nAnswer, then say why.".into(),
        adaptive_thinking: "\nThink if you must.".into(),
    }
}

/// Compares with a committed document. `UPDATE_SNAPSHOTS=1` writes what was made instead.
pub(crate) fn check_snapshot(name: &str, made: &str) {
    let path = format!("{}/tests/snapshots/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(made == committed, "{path} differs; UPDATE_SNAPSHOTS=1 accepts the new document");
}

/// A page without its style sheets and scripts, which are files of their own, and without their hashes.
pub(crate) fn bare_page(html: &str) -> String {
    let without = |html: String, element: &str| {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        let mut parts = html.split(&open);
        let mut kept = parts.next().unwrap().to_owned();
        for part in parts {
            kept += part.split_once(&close).unwrap().1;
        }
        kept
    };
    let kept = without(without(html.to_owned(), "style"), "script");
    let lines = kept.lines().filter(|line| !line.contains("Content-Security-Policy"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Answers about images of DTD's rose, tulip and daisy, by method: each the right class and what is said.
pub(crate) fn classes_of(methods: &[(MethodId, &[(&str, &str)])]) -> Classes {
    let mut classes = Classes::default();
    let (methods_of, datasets) = ([MethodId::ZeroShot, MethodId::Sft], [DatasetId::Dtd]);
    let grid = Grid { methods: &methods_of, datasets: &datasets, shots: &[4], seeds: &[1] };
    for results in all_results(&grid.plan()) {
        let Some((_, answers)) = methods.iter().find(|(method, _)| *method == results.trial.method)
        else {
            continue;
        };
        let (cell_id, record) = &results.cells[0];
        let mut predictions = predictions(record);
        predictions.truncate(answers.len());
        for (prediction, (gold, said)) in predictions.iter_mut().zip(*answers) {
            prediction.question =
                "?\n Please choose one from list [ rose, tulip, daisy].".to_owned();
            prediction.gold = (*gold).to_owned();
            prediction.raw = (*said).to_owned();
            prediction.correct_published = said.contains(gold);
            prediction.correct_strict = said == gold;
        }
        let rows: Vec<Answered<'_>> = predictions.iter().map(Answered::of).collect();
        let trial = results.trial.key();
        let of = CellOf { results: &results, trial: &trial, cell: record.outcome.cell, cell_id };
        classes.add(&SampleRow::all(of, &rows));
    }
    classes
}
