//! Reading a protocol file.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    PerDataset, Protocols,
    errors::{SuiteError, SuiteErrors},
    read::{Bound, Section, Source, Value},
    settings,
};
use crate::{
    Choices, DatasetId, ImageRule, ListRule, LoraRule, MethodId, Prompts, Protocol, RlRule,
    SftRule, ShotRule, Suffixes, Training,
    ranges::{MAX_LORA_RANK, MAX_PIXELS},
};

/// The newest format of protocol files. In format 1, which says no version, every setting stood in every
/// section that has it.
const PROTOCOL_VERSION: usize = 2;

/// How each method that trains is trained on each dataset.
type TrainingPlan = BTreeMap<MethodId, PerDataset<Training>>;

/// A protocol file: the protocol, and the settings of each method that it trains.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolFile {
    /// The protocol.
    pub protocol: Protocol,
    training: TrainingPlan,
}

impl ProtocolFile {
    /// Reads a protocol file by itself. `stem` is the file's name without `.toml`.
    pub fn parse(text: &str, file: &str, stem: &str) -> Result<Self, SuiteErrors> {
        let (read, errors) = read_protocol(text, file, stem);
        match read {
            Some((protocol, training)) if errors.is_empty() => {
                Ok(ProtocolFile { protocol, training })
            }
            _ => Err(SuiteErrors(errors)),
        }
    }

    /// The methods that have settings, in table order.
    pub fn methods(&self) -> impl Iterator<Item = MethodId> {
        self.training.keys().copied()
    }

    /// How a method is trained on a dataset; `None` for a method without settings.
    pub fn training(&self, method: MethodId, dataset: DatasetId) -> Option<&Training> {
        self.training.get(&method).map(|settings| settings.of(dataset))
    }
}

/// Reads the protocol that a suite names at `value`; its mistakes are reported under its own file's name.
pub(super) fn find_protocol(
    value: &Value,
    stem: &str,
    protocols: &Protocols,
    errors: &mut Vec<SuiteError>,
) -> Option<(Protocol, TrainingPlan)> {
    let text = match protocols(stem) {
        Ok(text) => text,
        Err(reason) => {
            value.refuse(format!("cannot read protocol `{stem}`: {reason}"));
            return None;
        }
    };
    let (read, found) = read_protocol(&text, &format!("suites/protocols/{stem}.toml"), stem);
    errors.extend(found);
    read
}

fn read_protocol(
    text: &str,
    file: &str,
    stem: &str,
) -> (Option<(Protocol, TrainingPlan)>, Vec<SuiteError>) {
    let source = Source::new(file, text);
    let read = source.root().and_then(|root| {
        let section = Section::root(&source, root.get_ref());
        let protocol = protocol(&section, stem);
        section.finish();
        protocol
    });
    (read, source.into_errors())
}

fn protocol(section: &Section, stem: &str) -> Option<(Protocol, TrainingPlan)> {
    let version = version(section);
    let name = section.take("name").and_then(|value| {
        let name = value.text()?;
        if name != stem {
            value.refuse(format!("`name` must be the file's, `{stem}`, found `{name}`"));
        }
        Some(name)
    });
    let scorer = section.name("scorer", "scorer");
    let base_classes = section.name("base_classes", "base rule");
    let zero_shot_prompts =
        section.take("zero_shot_prompts").and_then(|value| value.names("prompt style"));
    let sft_eval_prompts =
        section.take("sft_eval_prompts").and_then(|value| value.names("prompt style"));
    let shots = section.section("shots").and_then(|section| shots(&section));
    let prompts = section.section("prompts").and_then(|section| prompts(section, version));
    let choices = section.section("choices").and_then(|section| choices(&section));
    let image = section.section("image").and_then(|section| image(&section));
    let rl = section.section("rl").and_then(|section| rl(&section));
    let optimizer =
        section.section("optimizer").and_then(|section| settings::common_optimizer(&section));
    let lora = match section.find("lora") {
        None => Some(None), // all weights are trained
        Some(value) => value.section().and_then(|section| lora(&section)).map(Some),
    };
    let mut training = TrainingPlan::new();
    let sft = section.section("sft").and_then(|section| {
        let rule = sft(&section);
        let settings = settings::sft(&section, optimizer.as_ref());
        section.finish();
        training.insert(MethodId::Sft, settings?);
        rule
    });
    rl_methods(section, version, optimizer.as_ref(), &mut training);
    let protocol = Protocol {
        name: name?,
        prompts: prompts?,
        choices: choices?,
        image: image?,
        shots: shots?,
        base_classes: base_classes?,
        sft: sft?,
        rl: rl?,
        lora: lora?,
        scorer: scorer?,
        zero_shot_prompts: zero_shot_prompts?,
        sft_eval_prompts: sft_eval_prompts?,
    };
    Some((protocol, training))
}

fn version(section: &Section) -> usize {
    let Some(value) = section.find("version") else { return 1 };
    let version = value.count(1).unwrap_or(PROTOCOL_VERSION);
    if PROTOCOL_VERSION < version {
        value.refuse(format!(
            "protocol format {version} is unknown, expected 1 to {PROTOCOL_VERSION}"
        ));
    }
    version
}

/// Reads the sections of the RL methods, with `[grpo]` for what they do not say themselves.
fn rl_methods(
    section: &Section,
    version: usize,
    optimizer: Option<&settings::CommonOptimizer>,
    training: &mut TrainingPlan,
) {
    let shared = section.find("grpo");
    let defaults = shared.as_ref().and_then(|value| value.section()).map(Rc::new);
    let mut n_methods = 0;
    for (method, prompt) in MethodId::RL {
        let Some(value) = section.find(method.as_str()) else { continue };
        n_methods += 1;
        let Some(own) = value.section() else { continue };
        let own = match &defaults {
            Some(defaults) => own.with_defaults(defaults),
            None => own,
        };
        let settings = settings::grpo(&own, optimizer, prompt);
        training.extend(settings.map(|settings| (method, settings)));
    }
    match &shared {
        Some(value) if version < 2 => {
            value
                .refuse("`grpo` needs `version = 2` at the top of the file, found none".to_owned());
        }
        Some(value) if n_methods == 0 => value
            .refuse("`grpo` is what RL methods share, and none of them has a section".to_owned()),
        _ => defaults.iter().for_each(|defaults| defaults.finish()),
    }
}

fn shots(section: &Section) -> Option<ShotRule> {
    let value = section.take("rule");
    let rule = value.and_then(|value| match value.text()?.as_str() {
        "coop" => Some(ShotRule::Coop),
        "notebook" => {
            let seed = section.take("seed")?.seed()?;
            Some(ShotRule::Notebook { seed })
        }
        _ => {
            value.refuse_name("shot rule", &["coop", "notebook"]);
            None
        }
    });
    section.finish();
    rule
}

/// The texts; from format 2 on those of `[prompts]` stand wherever a table of its own does not say otherwise.
fn prompts(section: Section, version: usize) -> Option<Prompts> {
    let section = Rc::new(section);
    let system = section.take("system").and_then(|value| system_message(&value));
    let order = section.name("order", "message order");
    let suffixes_of = |key| {
        if version < 2 {
            let own = section.section(key)?;
            let read = suffixes(&own);
            own.finish();
            return read;
        }
        let Some(value) = section.find(key) else { return suffixes(&section) };
        let own = value.section()?.with_defaults(&section);
        let read = suffixes(&own);
        own.finish();
        read
    };
    let (train, few_shot) = (suffixes_of("train"), suffixes_of("few-shot"));
    let (base, new, open_set) = (suffixes_of("base"), suffixes_of("new"), suffixes_of("open-set"));
    section.finish();
    Some(Prompts {
        system: system?,
        order: order?,
        train: train?,
        few_shot: few_shot?,
        base: base?,
        new: new?,
        open_set: open_set?,
    })
}

/// A text, or `{ rule = "template" }` for what the model's chat template puts in.
fn system_message(value: &Value) -> Option<Option<String>> {
    if !value.is_table() {
        return value.text().map(Some);
    }
    let section = value.section()?;
    let rule = section.take("rule").and_then(|value| {
        if value.text()? == "template" {
            return Some(None);
        }
        value.refuse_name("system message rule", &["template"]);
        None
    });
    section.finish();
    rule
}

fn suffixes(section: &Section) -> Option<Suffixes> {
    let thinking = section.text("thinking");
    let direct = section.text("direct");
    let think_after_answer = section.text("think-after-answer");
    let adaptive_thinking = section.text("adaptive-thinking");
    Some(Suffixes {
        thinking: thinking?,
        direct: direct?,
        think_after_answer: think_after_answer?,
        adaptive_thinking: adaptive_thinking?,
    })
}

fn choices(section: &Section) -> Option<Choices> {
    let few_shot = section.section("few_shot").and_then(|section| list_rule(&section));
    let base_to_new = section.section("base_to_new").and_then(|section| list_rule(&section));
    let repeated_names = section.name("repeated_names", "rule for repeated names");
    let seed = section.take("seed").and_then(|value| value.seed());
    section.finish();
    Some(Choices {
        few_shot: few_shot?,
        base_to_new: base_to_new?,
        repeated_names: repeated_names?,
        seed: seed?,
    })
}

fn list_rule(section: &Section) -> Option<ListRule> {
    let percent = || section.take("percent")?.count_up_to(1, 100);
    let rule = section.take("rule").and_then(|value| match value.text()?.as_str() {
        "notebook" => Some(ListRule::Notebook { percent: percent()? }),
        "published" => Some(ListRule::Published { percent: percent()? }),
        "all" => Some(ListRule::All),
        _ => {
            value.refuse_name("list rule", &["notebook", "published", "all"]);
            None
        }
    });
    section.finish();
    rule
}

fn image(section: &Section) -> Option<ImageRule> {
    let train = section.name("train", "image path");
    let eval = section.name("eval", "image path");
    let eval_alpha = section.name("eval_alpha", "alpha rule");
    let train_processor = section.name("train_processor", "processor");
    let eval_processor = section.name("eval_processor", "processor");
    let min_pixels = section.count("min_pixels", 1, MAX_PIXELS);
    let max_pixels = section.take("max_pixels").and_then(|value| {
        let (max, min) = (value.count_up_to(1, MAX_PIXELS)?, min_pixels?);
        if max < min {
            value.refuse(format!("`max_pixels` must be `min_pixels` ({min}) or more, found {max}"));
        }
        Some(max)
    });
    section.finish();
    Some(ImageRule {
        train: train?,
        eval: eval?,
        eval_alpha: eval_alpha?,
        train_processor: train_processor?,
        eval_processor: eval_processor?,
        min_pixels: min_pixels?,
        max_pixels: max_pixels?,
    })
}

/// The part of `[sft]` that says what an example is; [`settings::sft`] reads the rest.
fn sft(section: &Section) -> Option<SftRule> {
    let system = section.take("system").and_then(|value| system_message(&value));
    let prompt = section.name("prompt", "SFT prompt");
    let order = section.name("order", "message order");
    let target = section.name("target", "SFT target");
    let label_mask = section.name("label_mask", "label mask");
    let trailing = section.take("trailing_generation_prompt").and_then(|value| value.flag());
    Some(SftRule {
        system: system?,
        prompt: prompt?,
        order: order?,
        target: target?,
        label_mask: label_mask?,
        trailing_generation_prompt: trailing?,
    })
}

fn rl(section: &Section) -> Option<RlRule> {
    let solution = section.name("solution", "solution tag");
    let open_set_blanks =
        section.take("open_set_blanks").and_then(|value| value.names_or_none("dataset"));
    let end_mask = section.name("end_mask", "end mask");
    section.finish();
    Some(RlRule { solution: solution?, open_set_blanks: open_set_blanks?, end_mask: end_mask? })
}

fn lora(section: &Section) -> Option<LoraRule> {
    let rank = section.count("rank", 1, MAX_LORA_RANK);
    let alpha = section.number("alpha", Bound::Positive);
    section.finish();
    Some(LoraRule { rank: rank?, alpha: alpha? })
}
