//! A protocol: everything on which the paper, its released code and good practice disagree.
//!
//! A protocol is data (`suites/protocols/*.toml`). Each field selects one of several plainly named
//! behaviours; nothing in the code asks which protocol it is running. The file also has the settings of
//! each method; they are resolved for every dataset and travel with a trial as its [`crate::Training`].

mod prompts;
mod choices;
mod image;
mod sft;
mod rl;
mod lora;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

pub use self::{
    choices::{Choices, ListRule, RepeatedNames},
    image::{AlphaRule, ImagePath, ImageRule, ImageSteps, ProcessorKind},
    lora::LoraRule,
    prompts::{MessageOrder, Prompts, Suffixes},
    rl::{EndMask, RewardId, RlRule, SolutionTag},
    sft::{LabelMask, SftPrompt, SftRule, SftTarget},
};
use crate::{BaseRule, PromptStyle, Seed};

/// One protocol, resolved. Every field can change a number, so none has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// The protocol's name, equal to its file's stem.
    pub name: String,
    /// What the model is asked.
    pub prompts: Prompts,
    /// Which class names a question lists.
    pub choices: Choices,
    /// How an image becomes patches.
    pub image: ImageRule,
    /// How the few-shot training images are picked.
    pub shots: ShotRule,
    /// How many classes are base classes, in base-to-new.
    pub base_classes: BaseRule,
    /// How a supervised example is built and what its loss covers.
    pub sft: SftRule,
    /// What completions are compared with, and how they are masked.
    pub rl: RlRule,
    /// Which weights are trained: low-rank adapters, or all where there is no such rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraRule>,
    /// The verdict that counts; both are always recorded.
    pub scorer: Scorer,
    /// The prompts under which the untrained model is evaluated.
    pub zero_shot_prompts: Vec<PromptStyle>,
    /// The prompts under which a model trained with SFT is evaluated (unknown in the paper).
    pub sft_eval_prompts: Vec<PromptStyle>,
}

/// What the chat template of Qwen2-VL, the paper's model, puts in where a conversation has no system message.
pub const QWEN2_VL_SYSTEM: &str = "You are a helpful assistant.";

impl Protocol {
    /// The protocol for a model whose chat template puts in this system message where there is none; empty for a
    /// template that puts in nothing.
    pub fn with_template_system(&self, system: &str) -> Protocol {
        let mut protocol = self.clone();
        for message in [&mut protocol.prompts.system, &mut protocol.sft.system] {
            message.get_or_insert_with(|| system.to_owned());
        }
        protocol
    }

    /// What is appended to the question of a supervised example.
    pub fn sft_suffix(&self) -> &str {
        match self.sft.prompt {
            SftPrompt::QuestionOnly => "",
            SftPrompt::Direct => self.prompts.train_suffix(PromptStyle::Direct),
            SftPrompt::Thinking => self.prompts.train_suffix(PromptStyle::Thinking),
        }
    }
}

/// How the few-shot training images are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShotRule {
    /// CoOp's sampler with the trial's seed: CPython's `random.sample` per class, in order of first
    /// appearance.
    Coop,
    /// The released notebook: the training list is shuffled once, and the first k images of every class
    /// name are taken. The notebook has no seed; with one of its own, all trials see the same images.
    Notebook {
        /// The seed of the shuffle.
        seed: Seed,
    },
}

/// The verdict on an answer that tables show first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Scorer {
    /// The label is somewhere in the extracted answer.
    Published,
    /// The answer equals the label after normalisation.
    Strict,
}

impl Scorer {
    /// Its name in protocols and file names.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
