//! Identities change with what can change a number, and with nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::given::suite;
use clsrl_spec::{
    AlphaRule, BaseRule, Binding, CellKey, DatasetId, EndMask, EvalSplit, Form, ImagePath,
    ListRule, LoraRule, MessageOrder, ProcessorKind, PromptStyle, RewardId, Scorer, Selection,
    SftPrompt, SolutionTag, Training, Trial, cell_identity, differences, plan, training_identity,
};

const SFT: &str = "sft.dtd.4shot.seed1";
const CLS_RL: &str = "cls-rl.dtd.4shot.seed1";
const NO_THINKING: &str = "no-thinking-cls-rl.dtd.4shot.seed1";

fn trial(key: &str) -> Trial {
    let trials = plan(&suite("smoke"), &Selection::default()).unwrap();
    trials.into_iter().find(|trial| trial.key() == key).unwrap()
}

fn binding() -> Binding {
    let data = DatasetId::ALL.map(|dataset| (dataset, format!("digest of {dataset}")));
    Binding {
        base_weights: "weights".to_owned(),
        data: BTreeMap::from(data),
        training_lists: BTreeMap::from([(DatasetId::Dtd, "training lists".to_owned())]),
        training_data: BTreeMap::from([("dtd.4shot.seed1".to_owned(), "bytes".to_owned())]),
        unlocked: BTreeSet::new(),
        earlier: BTreeSet::new(),
        picks: BTreeMap::from([("dtd.4shot.seed1".to_owned(), "picks".to_owned())]),
        prompts: [CLS_RL, SFT, "eurosat.thinking"]
            .map(|key| (key.to_owned(), format!("prompts of {key}")))
            .into(),
        repetition_penalty: None,
        device_kind: "cpu".to_owned(),
        precision: "f32".to_owned(),
        threads: 1,
        deterministic: false,
        recompute: false,
    }
}

fn cell(trial: &Trial) -> CellKey {
    CellKey { target: DatasetId::Eurosat, form: Form::FewShot, prompt: trial.evaluation.prompts[0] }
}

/// Which of the two ids a change of trial or binding changes.
#[derive(Debug, PartialEq)]
enum Changes {
    Neither,
    CellOnly,
    Both,
}

fn check(key: &str, expected: Changes, change: impl Fn(&mut Trial, &mut Binding)) {
    let (old, old_binding) = (trial(key), binding());
    let (mut new, mut new_binding) = (trial(key), binding());
    change(&mut new, &mut new_binding);
    let at = cell(&old);
    let training =
        training_identity(&old, &old_binding).id() != training_identity(&new, &new_binding).id();
    let cell =
        cell_identity(&old, at, &old_binding).id() != cell_identity(&new, at, &new_binding).id();
    let found = match (training, cell) {
        (false, false) => Changes::Neither,
        (false, true) => Changes::CellOnly,
        (true, true) => Changes::Both,
        (true, false) => panic!("a cell outlived its fine-tune"),
    };
    assert_eq!(found, expected);
}

#[test]
fn an_id_is_twelve_hexadecimal_digits_and_stays() {
    let identity = training_identity(&trial(CLS_RL), &binding());
    assert_eq!(identity.id().len(), 12);
    assert!(identity.id().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(identity, training_identity(&trial(CLS_RL), &binding()));
}

#[test]
fn all_cells_of_a_suite_differ() {
    let trials = plan(&suite("smoke"), &Selection::default()).unwrap();
    let mut ids: Vec<String> = trials
        .iter()
        .flat_map(|trial| trial.cells().into_iter().map(move |cell| (trial, cell)))
        .map(|(trial, cell)| cell_identity(trial, cell, &binding()).id())
        .collect();
    let n = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), n);
}

#[test]
fn what_training_reads_changes_both() {
    check(CLS_RL, Changes::Both, |_, binding| binding.base_weights.push('x'));
    check(CLS_RL, Changes::Both, |_, binding| binding.precision = "bf16".to_owned());
    check(CLS_RL, Changes::Both, |_, binding| binding.device_kind = "cuda".to_owned());
    check(CLS_RL, Changes::Both, |_, binding| binding.threads = 2);
    check(CLS_RL, Changes::Both, |_, binding| {
        binding.training_lists.insert(DatasetId::Dtd, "other".to_owned());
    });
    check(CLS_RL, Changes::Both, |_, binding| {
        binding.training_data.insert("dtd.4shot.seed1".to_owned(), "other".to_owned());
    });
    check(CLS_RL, Changes::Both, |trial, _| trial.seed = 2);
    check(CLS_RL, Changes::Both, |trial, _| trial.shots = 2);
    check(CLS_RL, Changes::Both, |trial, _| trial.train_on = Some(DatasetId::Ucf101));
    check(CLS_RL, Changes::Both, |trial, _| {
        let Training::Grpo(settings) = &mut trial.training else { panic!() };
        settings.optimizer.learning_rate = 2e-6;
    });
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.prompts.train.thinking.push('x'));
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.prompts.system = Some("x".to_owned()));
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.choices.seed = 2);
    check(CLS_RL, Changes::Both, |trial, _| {
        trial.protocol.choices.few_shot = ListRule::Published { percent: 40 };
    });
    check(CLS_RL, Changes::Both, |_, binding| binding.picks.clear());
    check(CLS_RL, Changes::Both, |_, binding| drop(binding.prompts.remove(CLS_RL)));
    check(CLS_RL, Changes::Both, |trial, _| trial.form = Form::Base);
    check(CLS_RL, Changes::Both, |trial, _| trial.form = Form::OpenSet);
    check(CLS_RL, Changes::Both, |trial, _| {
        trial.protocol.prompts.order = MessageOrder::TextFirst;
    });
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.rl.solution = SolutionTag::Blanks);
    check(CLS_RL, Changes::Both, |trial, _| {
        trial.form = Form::OpenSet;
        trial.protocol.rl.open_set_blanks = vec![DatasetId::Dtd];
    });
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.image.train = ImagePath::Direct);
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.image.max_pixels += 1);
    check(CLS_RL, Changes::Both, |trial, _| {
        trial.protocol.image.train_processor = ProcessorKind::Torchvision;
    });
    check(CLS_RL, Changes::Both, |trial, _| trial.protocol.rl.end_mask = EndMask::ImEnd);
    check(CLS_RL, Changes::Both, |trial, _| {
        let Training::Grpo(settings) = &mut trial.training else { panic!() };
        settings.rewards = vec![RewardId::Accuracy];
    });
    check(CLS_RL, Changes::Both, |trial, _| {
        trial.protocol.lora = Some(LoraRule { rank: 8, alpha: 16.0 });
    });
    check(SFT, Changes::Both, |trial, _| trial.protocol.sft.prompt = SftPrompt::Thinking);
    check(SFT, Changes::Both, |trial, _| trial.protocol.prompts.train.direct.push('x'));
}

#[test]
fn what_only_evaluation_reads_changes_the_cell_alone() {
    check(SFT, Changes::CellOnly, |_, binding| {
        binding.repetition_penalty = Some("1.05".to_owned());
    });
    check(CLS_RL, Changes::CellOnly, |trial, _| trial.protocol.prompts.few_shot.thinking.push('x'));
    check(CLS_RL, Changes::CellOnly, |trial, _| trial.protocol.image.eval = ImagePath::Direct);
    check(CLS_RL, Changes::CellOnly, |trial, _| {
        trial.protocol.image.eval_processor = ProcessorKind::Torchvision;
    });
    check(CLS_RL, Changes::CellOnly, |trial, _| {
        let image = &mut trial.protocol.image;
        (image.eval, image.eval_alpha) = (ImagePath::Eval(56), AlphaRule::White);
    });
    check(CLS_RL, Changes::CellOnly, |_, binding| {
        binding.prompts.remove("eurosat.thinking");
    });
    check(CLS_RL, Changes::CellOnly, |trial, _| trial.evaluation.limit = Some(5));
    check(CLS_RL, Changes::CellOnly, |trial, _| trial.evaluation.batch = 1);
    check(CLS_RL, Changes::CellOnly, |trial, _| trial.evaluation.max_new_tokens = 9);
    check(CLS_RL, Changes::CellOnly, |trial, _| {
        trial.evaluation.splits.insert(DatasetId::Eurosat, EvalSplit::Val);
    });
    check(CLS_RL, Changes::CellOnly, |_, binding| {
        binding.data.insert(DatasetId::Eurosat, "other".to_owned());
    });
    check(CLS_RL, Changes::CellOnly, |_, binding| {
        binding.unlocked.insert(DatasetId::Dtd);
    });
    check(SFT, Changes::CellOnly, |trial, _| trial.protocol.prompts.system = Some("x".to_owned()));
}

#[test]
fn what_this_trial_does_not_read_changes_nothing() {
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.name.push('x'));
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.prompts.train.direct.push('x'));
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.prompts.few_shot.direct.push('x'));
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.prompts.base.thinking.push('x'));
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.base_classes = BaseRule::Floor);
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.choices.base_to_new = ListRule::All);
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.scorer = Scorer::Strict);
    check(CLS_RL, Changes::Neither, |trial, _| {
        trial.protocol.rl.open_set_blanks = vec![DatasetId::Dtd];
    });
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.sft.system = Some("x".to_owned()));
    check(NO_THINKING, Changes::Neither, |_, binding| drop(binding.prompts.remove(CLS_RL)));
    check(SFT, Changes::Neither, |trial, _| trial.protocol.rl.end_mask = EndMask::ImEnd);
    check(CLS_RL, Changes::Neither, |trial, _| trial.evaluation.targets.truncate(1));
    check(CLS_RL, Changes::Neither, |trial, _| trial.protocol.zero_shot_prompts.clear());
    check(CLS_RL, Changes::Neither, |trial, _| {
        trial.evaluation.splits.insert(DatasetId::Dtd, EvalSplit::Val);
    });
    check(CLS_RL, Changes::Neither, |_, binding| {
        binding.data.insert(DatasetId::Ucf101, "other".to_owned());
    });
    // A test image of the dataset that is trained on.
    check(CLS_RL, Changes::Neither, |_, binding| {
        binding.data.insert(DatasetId::Dtd, "other".to_owned());
    });
    check("zero-shot", Changes::Neither, |trial, _| {
        trial.protocol.prompts.train.thinking.push('x');
        trial.protocol.lora = Some(LoraRule { rank: 8, alpha: 16.0 });
    });
}

#[test]
fn prompt_styles_of_zero_shot_are_cells_of_their_own() {
    let trial = trial("zero-shot");
    let id = |prompt| {
        cell_identity(
            &trial,
            CellKey { target: DatasetId::Dtd, form: Form::FewShot, prompt },
            &binding(),
        )
        .id()
    };
    assert_ne!(id(PromptStyle::Thinking), id(PromptStyle::Direct));
}

fn reasons(change: impl Fn(&mut Trial, &mut Binding)) -> (Vec<String>, Vec<String>) {
    let (old, old_binding) = (trial(CLS_RL), binding());
    let (mut new, mut new_binding) = (trial(CLS_RL), binding());
    change(&mut new, &mut new_binding);
    let (was, is) = (training_identity(&old, &old_binding), training_identity(&new, &new_binding));
    let training = differences(was.json(), is.json());
    let at = cell(&old);
    let (was, is) = (cell_identity(&old, at, &old_binding), cell_identity(&new, at, &new_binding));
    (training, differences(was.json(), is.json()))
}

#[test]
fn differences_read_as_reasons() {
    let (training, cell) = reasons(|trial, binding| {
        let Training::Grpo(settings) = &mut trial.training else { panic!() };
        settings.optimizer.learning_rate = 2e-6;
        settings.generations = 8;
        binding.base_weights.push('x');
        trial.evaluation.limit = Some(5);
        binding.training_data.insert("dtd.4shot.seed1".to_owned(), "other".to_owned());
        binding.training_lists.clear();
        binding.data.insert(DatasetId::Eurosat, "other".to_owned());
        trial.protocol.image.eval = ImagePath::Rgb(384);
    });
    assert_eq!(
        training,
        [
            "the base weights changed",
            "the data that is trained on changed",
            "the lists that are trained on changed",
            "`training.grpo.generations` changed from 4 to 8",
            "`training.grpo.optimizer.learning_rate` changed from 0.0003 to 2e-6",
        ]
    );
    assert_eq!(
        cell,
        [
            "the target's data changed",
            "`image.path` changed from rgb56 to rgb384",
            "`limit` changed from none to 5",
            "the fine-tune that it evaluates changed",
        ]
    );
}

#[test]
fn a_fine_tune_of_earlier_programs_has_the_identity_that_they_gave_it() {
    let mut earlier = binding();
    earlier.earlier.insert(CLS_RL.to_owned());
    let identity = training_identity(&trial(CLS_RL), &earlier);
    let train_on = &identity.json()["train_on"];
    assert_eq!(train_on["data"], "digest of dtd");
    assert_eq!(train_on.get("lists"), None);
    let now = training_identity(&trial(CLS_RL), &binding());
    assert_eq!(
        differences(identity.json(), now.json()),
        [
            "the data that is trained on changed",
            "its identity has all data of the dataset that it is trained on, and that changed",
        ]
    );
}

#[test]
fn a_stored_identity_survives_json_text() {
    let identity = training_identity(&trial(CLS_RL), &binding());
    let stored: serde_json::Value =
        serde_json::from_str(&serde_json::to_string_pretty(&identity).unwrap()).unwrap();
    assert_eq!(differences(&stored, identity.json()), Vec::<String>::new());
    let canonical: serde_json::Value = serde_json::from_str(&identity.canonical()).unwrap();
    assert_eq!(&canonical, identity.json());
}
