//! Identities: everything that can change a number, as canonical JSON and its hash.
//!
//! Two machines agree on an identity without talking. A fine-tune's identity leaves out whatever only
//! the evaluation reads, so that a new target or another list never trains again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    AlphaRule, CellKey, ClassHalf, DatasetId, Form, ImageRule, ImageSteps, ProcessorKind, Protocol,
    RewardId, SCORER_VERSION, Training, Trial, lock::Digest,
};

/// The version of the trainers; raised by every change of code that changes trained weights.
const TRAINER_VERSION: u32 = 3;

/// The same where a KL term holds to a reference, whose prompts are prefilled one by one since version 4.
const KL_TRAINER_VERSION: u32 = 4;

/// The version of the reward `accuracy`'s number step; raised by every change of what it pays for.
const NUMBER_STEP_VERSION: u32 = 2;

/// What a trial runs with: the part of an identity that no suite can know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Digest of the start model's directory.
    pub base_weights: String,
    /// Digest of each dataset: its lists, and its images as the lock has them. A dataset that is not
    /// here has no known identity; the same goes for the digests below.
    pub data: BTreeMap<DatasetId, String>,
    /// Digest of what training reads of each dataset's lists: class names and training list.
    pub training_lists: BTreeMap<DatasetId, String>,
    /// Digest of the training images' bytes, in the order of the draw, by [`Trial::picks_key`].
    pub training_data: BTreeMap<String, String>,
    /// The datasets that are not as locked, whatever their images are: what was trained on one of them is marked.
    pub unlocked: BTreeSet<DatasetId>,
    /// The trials, by [`Trial::key`], whose fine-tunes keep the identity of earlier programs, which named the data
    /// by the digest of the whole dataset.
    pub earlier: BTreeSet<String>,
    /// Digest of the training images by [`Trial::picks_key`]: which they are, not what is in them.
    pub picks: BTreeMap<String, String>,
    /// Digest of the rendered prompts: of training by [`Trial::key`], of evaluation by [`CellKey`].
    pub prompts: BTreeMap<String, String>,
    /// What the model's `generation_config.json` takes from the logits of tokens that were there before, where that
    /// changes a greedy answer: as its JSON.
    pub repetition_penalty: Option<String>,
    /// `cpu` or `cuda`.
    pub device_kind: String,
    /// `f32` or `bf16`.
    pub precision: String,
    /// Threads of libtorch within one operation; they decide the order of sums.
    pub threads: usize,
    /// Whether algorithms are taken that give the same bits every time.
    pub deterministic: bool,
    /// Whether layers are run again in the backward pass; it decides the order of sums.
    pub recompute: bool,
}

impl Binding {
    /// A binding of which nothing is known, for when it does not matter: both sides of a comparison have it, or
    /// there is nothing to compare.
    pub fn unknown() -> Self {
        Binding {
            base_weights: String::new(),
            data: BTreeMap::new(),
            training_lists: BTreeMap::new(),
            training_data: BTreeMap::new(),
            unlocked: BTreeSet::new(),
            earlier: BTreeSet::new(),
            picks: BTreeMap::new(),
            prompts: BTreeMap::new(),
            repetition_penalty: None,
            device_kind: String::new(),
            precision: String::new(),
            threads: 1,
            deterministic: false,
            recompute: false,
        }
    }
}

/// Everything that can change a number of a fine-tune or of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(Value);

impl Identity {
    /// The identity as JSON, to be kept beside a result and compared by [`differences`].
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The JSON with sorted keys and no spaces.
    pub fn canonical(&self) -> String {
        canonical_json(&self.0)
    }

    /// The first 12 hexadecimal digits of the canonical JSON's SHA-256.
    pub fn id(&self) -> String {
        Digest::of(self.canonical()).short(12)
    }
}

/// The identity of a trial's fine-tune. Of the data it has what training reads: the bytes of the training
/// images, the training list and the class names. A test image that is replaced never trains again.
pub fn training_identity(trial: &Trial, binding: &Binding) -> Identity {
    let train_on = trial.train_on.map(|dataset| {
        let picks_key = trial.picks_key();
        let of_picks = |digests: &BTreeMap<String, String>| {
            picks_key.as_ref().and_then(|key| digests.get(key)).cloned()
        };
        let mut train_on = json!({
            "dataset": dataset,
            "form": trial.form,
            "data": of_picks(&binding.training_data),
            "question": question(dataset, trial.form),
            "shots": trial.shots,
            "seed": trial.seed,
            "picks": of_picks(&binding.picks),
            "prompts": binding.prompts.get(&trial.key()),
        });
        if binding.earlier.contains(&trial.key()) {
            train_on["data"] = json!(binding.data.get(&dataset));
        } else {
            train_on["lists"] = json!(binding.training_lists.get(&dataset));
        }
        train_on
    });
    Identity(json!({
        "method": trial.method,
        "base_weights": binding.base_weights,
        "device_kind": binding.device_kind,
        "precision": binding.precision,
        "threads": binding.threads,
        "deterministic": binding.deterministic,
        "recompute": binding.recompute,
        "train_on": train_on,
        "training": trial.training,
        "protocol": training_rules(trial),
        "trainer": trainer_version(&trial.training),
    }))
}

fn trainer_version(training: &Training) -> u32 {
    match training {
        Training::Grpo(settings) if settings.has_kl_term() => KL_TRAINER_VERSION,
        Training::None | Training::Sft(_) | Training::Grpo(_) => TRAINER_VERSION,
    }
}

/// The identity of one cell of a trial.
pub fn cell_identity(trial: &Trial, cell: CellKey, binding: &Binding) -> Identity {
    let Protocol { prompts, image, .. } = &trial.protocol;
    let CellKey { target, form, prompt } = cell;
    let mut identity = json!({
        "training": training_identity(trial, binding).id(),
        "target": target,
        "form": form,
        "data": binding.data.get(&target),
        "prompt": {
            "style": prompt,
            "system": prompts.system,
            "order": prompts.order,
            "question": question(target, form),
            "suffix": prompts.eval_suffix(form, prompt),
        },
        "prompts": binding.prompts.get(&cell.to_string()),
        "choices": list_rule(&trial.protocol, form),
        "image": image_rule(image, image.evaluation()),
        "split": trial.evaluation.split_of(target),
        "limit": trial.evaluation.limit,
        "batch": trial.evaluation.batch,
        "max_new_tokens": trial.evaluation.max_new_tokens,
        "scorer": SCORER_VERSION,
    });
    // The fine-tune's identity has its images, not whether they are locked; the row has that as well.
    if trial.train_on.is_some_and(|source| binding.unlocked.contains(&source)) {
        identity["unlocked_source"] = json!(true);
    }
    // Earlier programs had no such key and took no notice of the penalty, so their answers are another model's.
    if let Some(penalty) = &binding.repetition_penalty {
        identity["repetition_penalty"] = json!(penalty);
    }
    Identity(identity)
}

/// The reason of a cell whose fine-tune has another id now; what changed is in the fine-tune's own.
pub const FINE_TUNE_CHANGED: &str = "the fine-tune that it evaluates changed";

/// How the reason of a cell begins that another version of the scorers judged: its answers are still good.
pub const SCORER_CHANGED: &str = "the scorer changed";

/// Why a stored identity is not the current one, reason by reason; nothing if they are equal.
pub fn differences(stored: &Value, current: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    compare("", stored, current, &mut |path, stored, current| {
        reasons.push(reason(path, stored, current));
    });
    reasons
}

/// The fields in which two identities differ, as paths with dots, sorted.
pub fn differing_fields(one: &Value, other: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    compare("", one, other, &mut |path, _, _| fields.push(path.to_owned()));
    fields
}

/// The fields in which two identities differ, as paths with dots, sorted, with both values in a line each.
pub fn differing_values(one: &Value, other: &Value) -> Vec<(String, String, String)> {
    let mut fields = Vec::new();
    compare("", one, other, &mut |path, one, other| {
        fields.push((path.to_owned(), plain(one), plain(other)));
    });
    fields
}

/// The part of a protocol that a trial's training reads; the protocol's name changes nothing.
fn training_rules(trial: &Trial) -> Value {
    let mut rules = method_rules(trial);
    // Without adapters there is no such key, so that identities of whole fine-tunes stay what they were.
    if let (Value::Object(rules), Some(lora)) = (&mut rules, &trial.protocol.lora) {
        rules.insert("lora".to_owned(), json!(lora));
    }
    // Only what is paid by the number step depends on how it reads.
    let reads_numbers = match &trial.training {
        Training::Grpo(settings) => [RewardId::Accuracy, RewardId::AccuracyTwoWay]
            .iter()
            .any(|reward| settings.rewards.contains(reward)),
        Training::None | Training::Sft(_) => false,
    };
    if let (Value::Object(rules), true) = (&mut rules, reads_numbers) {
        rules.insert("number_step".to_owned(), json!(NUMBER_STEP_VERSION));
    }
    rules
}

fn method_rules(trial: &Trial) -> Value {
    let Protocol { prompts, image, shots, sft, rl, .. } = &trial.protocol;
    let choices = list_rule(&trial.protocol, trial.form);
    let image = image_rule(image, image.training());
    match &trial.training {
        Training::None => Value::Null,
        Training::Sft(_) => json!({
            "sft": sft, "suffix": trial.protocol.sft_suffix(),
            "choices": choices, "image": image, "shots": shots,
        }),
        Training::Grpo(settings) => {
            let suffix = prompts.train_suffix(settings.prompt);
            let blanks = trial.form == Form::OpenSet
                && trial.train_on.is_some_and(|source| rl.open_set_blanks.contains(&source));
            json!({
                "prompt": { "system": prompts.system, "order": prompts.order, "suffix": suffix },
                "choices": choices, "image": image, "shots": shots,
                "solution": rl.solution, "blanks": blanks, "end_mask": rl.end_mask,
            })
        }
    }
}

/// How images become patches. What is as it was before it could be chosen has no key, so that identities stay what
/// they were.
fn image_rule(limits: &ImageRule, steps: ImageSteps) -> Value {
    let ImageSteps { path, alpha, processor } = steps;
    let mut rule = json!({
        "path": path, "min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels,
    });
    if alpha != AlphaRule::Dropped {
        rule["alpha"] = json!(alpha);
    }
    if processor != ProcessorKind::Pil {
        rule["processor"] = json!(processor);
    }
    rule
}

/// Which names a question of this form lists; null for one without a list.
fn list_rule(protocol: &Protocol, form: Form) -> Value {
    let choices = &protocol.choices;
    let Some(rule) = choices.rule(form) else { return Value::Null };
    let base_classes = (form.half() != ClassHalf::All).then_some(protocol.base_classes);
    json!({
        "rule": rule, "base_classes": base_classes,
        "repeated_names": choices.repeated_names, "seed": choices.seed,
    })
}

fn question(dataset: DatasetId, form: Form) -> &'static str {
    if form.is_listed() { dataset.question() } else { dataset.open_question() }
}

/// JSON with sorted keys and no spaces: equal values have equal texts.
pub(crate) fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// Writes with sorted keys whatever order serde_json's maps have: that is a feature which another
/// crate of the same build can switch on.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            text.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, value) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_canonical(value, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// Tells of every field that differs: its path and both values.
fn compare(
    path: &str,
    stored: &Value,
    current: &Value,
    report: &mut dyn FnMut(&str, &Value, &Value),
) {
    if stored == current {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (stored, current) else {
        return report(path, stored, current);
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        compare(&path, &side(old), &side(new), report);
    }
}

fn reason(path: &str, stored: &Value, current: &Value) -> String {
    match path {
        "base_weights" => "the base weights changed".to_owned(),
        // Earlier programs named the whole dataset here, and no lists.
        "train_on.lists" if stored.is_null() => {
            "its identity has all data of the dataset that it is trained on, and that changed"
                .to_owned()
        }
        "train_on.data" => "the data that is trained on changed".to_owned(),
        "train_on.lists" => "the lists that are trained on changed".to_owned(),
        "data" => "the target's data changed".to_owned(),
        "train_on.picks" => "the training images changed".to_owned(),
        "train_on.prompts" => "the rendered training prompts changed".to_owned(),
        "prompts" => "the rendered prompts changed".to_owned(),
        "unlocked_source" if stored.is_null() => {
            "the dataset that is trained on is not as locked any more".to_owned()
        }
        "unlocked_source" => "the dataset that is trained on is as locked now".to_owned(),
        "training" if stored.is_string() && current.is_string() => FINE_TUNE_CHANGED.to_owned(),
        "trainer" => format!("the trainer changed from version {stored} to {current}"),
        "scorer" => format!("{SCORER_CHANGED} from version {stored} to {current}"),
        _ => format!("`{path}` changed from {} to {}", plain(stored), plain(current)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() || text.contains(' ') => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => {
            let mut text = String::new();
            write_canonical(other, &mut text);
            text
        }
    }
}
