//! A protocol: everything on which the paper, its released code and good practice disagree.
//!
//! A protocol is data (`suites/protocols/*.toml`). Each field selects one of several plainly named
//! behaviours; nothing in the code asks which protocol it is running.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{MethodId, PromptStyle, Seed};

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
    /// How a picture becomes patches.
    pub image: ImageRule,
    /// How the few-shot training pictures are picked.
    pub shots: ShotRule,
    /// How a supervised example is built and what its loss covers.
    pub sft: SftRule,
    /// How completions are rewarded and masked.
    pub rl: RlRule,
    /// The prompts under which the untrained model is evaluated.
    pub zero_shot_prompts: Vec<PromptStyle>,
    /// The prompt under which a model trained with SFT is evaluated (unknown in the paper).
    pub sft_eval_prompt: PromptStyle,
}

impl Protocol {
    /// What is appended to the question of a supervised example.
    pub fn sft_suffix(&self) -> &str {
        match self.sft.prompt {
            SftPrompt::QuestionOnly => "",
            SftPrompt::Direct => self.prompts.train_suffix(PromptStyle::Direct),
            SftPrompt::Thinking => self.prompts.train_suffix(PromptStyle::Thinking),
        }
    }
}

/// The texts around a question. A suffix is appended to the question as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// The system message of every conversation but SFT's training.
    pub system: String,
    /// Appended for the thinking prompt, in training.
    pub thinking_train: String,
    /// Appended for the thinking prompt, in evaluation.
    pub thinking_eval: String,
    /// Appended for the direct prompt, in training.
    pub direct_train: String,
    /// Appended for the direct prompt, in evaluation.
    pub direct_eval: String,
}

impl Prompts {
    /// What a prompt style appends to the question in training.
    pub fn train_suffix(&self, style: PromptStyle) -> &str {
        match style {
            PromptStyle::Thinking => &self.thinking_train,
            PromptStyle::Direct => &self.direct_train,
        }
    }

    /// What a prompt style appends to the question in evaluation.
    pub fn eval_suffix(&self, style: PromptStyle) -> &str {
        match style {
            PromptStyle::Thinking => &self.thinking_eval,
            PromptStyle::Direct => &self.direct_eval,
        }
    }
}

/// The choice lists of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// How many of all names are listed.
    pub few_shot: ListRule,
    /// How many of a half's names are listed, in base-to-new.
    pub base_to_new: ListRule,
    /// What becomes of a name that two classes share.
    pub repeated_names: RepeatedNames,
    /// The seed of the lists; the published code has none.
    pub seed: Seed,
}

/// How many of n class names a question lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListRule {
    /// The released notebook: `int(percent / 100 · n)`, all n where that is under 30, at most 100.
    Notebook {
        /// The share of the names.
        percent: usize,
    },
    /// The published lists: the same, but `min(n, 30)` where the share is under 30.
    Published {
        /// The share of the names.
        percent: usize,
    },
    /// All n names.
    All,
}

/// What becomes of a class name that two classes share (ImageNet's "missile" and "sunglasses").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatedNames {
    /// It counts once per class and may be listed twice, as in the released notebook.
    Kept,
    /// It is one name.
    Merged,
}

/// How a picture becomes patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRule {
    /// The order of decoding and resizing in training.
    pub train: ImagePath,
    /// The order of decoding and resizing in evaluation.
    pub eval: ImagePath,
    /// Smallest number of pixels after smart-resize.
    pub min_pixels: usize,
    /// Largest number of pixels after smart-resize.
    pub max_pixels: usize,
}

/// An order of conversion and resizing, written `rgb384`, `native384`, `eval384` or `direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImagePath {
    /// Convert to RGB, Lanczos to a square of that side, processor.
    Rgb(u32),
    /// Lanczos to a square in the picture's own mode, convert to RGB, processor (published training).
    Native(u32),
    /// Convert to RGB, smart-resize and bicubic, Lanczos to a square, processor (published evaluation).
    Eval(u32),
    /// Convert to RGB, processor.
    Direct,
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImagePath::Rgb(side) => write!(f, "rgb{side}"),
            ImagePath::Native(side) => write!(f, "native{side}"),
            ImagePath::Eval(side) => write!(f, "eval{side}"),
            ImagePath::Direct => f.write_str("direct"),
        }
    }
}

impl FromStr for ImagePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |digits: &str| digits.parse().ok().filter(|side| (28..=4096).contains(side));
        let parsed = if text == "direct" {
            Some(ImagePath::Direct)
        } else if let Some(rest) = text.strip_prefix("rgb") {
            side(rest).map(ImagePath::Rgb)
        } else if let Some(rest) = text.strip_prefix("native") {
            side(rest).map(ImagePath::Native)
        } else if let Some(rest) = text.strip_prefix("eval") {
            side(rest).map(ImagePath::Eval)
        } else {
            None
        };
        parsed.ok_or_else(|| {
            format!(
                "unknown image path `{text}`, expected `direct` or `rgb`, `native` or `eval` \
                 followed by a side of 28 to 4096 pixels, as in `rgb384`"
            )
        })
    }
}

impl TryFrom<String> for ImagePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ImagePath> for String {
    fn from(path: ImagePath) -> String {
        path.to_string()
    }
}

/// How the few-shot training pictures are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShotRule {
    /// CoOp's sampler with the trial's seed: CPython's `random.sample` per class, in order of first
    /// appearance.
    Coop,
    /// The released notebook: the training list is shuffled once, and the first k pictures of every class
    /// name are taken. The notebook has no seed; with one of its own, all trials see the same pictures.
    Notebook {
        /// The seed of the shuffle.
        seed: Seed,
    },
}

/// Supervised fine-tuning's examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftRule {
    /// The system message of a training example.
    pub system: String,
    /// Which suffix a training example's question has.
    pub prompt: SftPrompt,
    /// Whether the picture or the text comes first.
    pub order: MessageOrder,
    /// What the model is to answer.
    pub target: SftTarget,
    /// What the loss covers.
    pub label_mask: LabelMask,
    /// Whether `<|im_start|>assistant\n` is rendered again after the answer, as the released code does.
    pub trailing_generation_prompt: bool,
}

/// The suffix of a supervised example's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SftPrompt {
    /// No suffix, as in the released code.
    QuestionOnly,
    /// The direct prompt's training suffix.
    Direct,
    /// The thinking prompt's training suffix.
    Thinking,
}

/// The order of picture and text in a user message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageOrder {
    /// Picture, then text.
    ImageFirst,
    /// Text, then picture.
    TextFirst,
}

/// What a supervised example answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SftTarget {
    /// The class name alone.
    Name,
    /// `<answer>name</answer>`, as in the released code.
    AnswerTag,
}

/// Which tokens a supervised loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelMask {
    /// The answer and its `<|im_end|>`.
    Completion,
    /// Everything but padding and image placeholders, as in the released code.
    All,
}

/// Rewards and masks of the RL methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RlRule {
    /// The rewards of CLS-RL, summed.
    pub cls_rl_rewards: Vec<RewardId>,
    /// The rewards of No-Thinking-CLS-RL, summed.
    pub no_thinking_rewards: Vec<RewardId>,
    /// Where a completion's loss mask ends.
    pub end_mask: EndMask,
}

impl RlRule {
    /// The rewards of a method, summed; none for a method without RL.
    pub fn rewards(&self, method: MethodId) -> &[RewardId] {
        match method {
            MethodId::ZeroShot | MethodId::Sft => &[],
            MethodId::ClsRl => &self.cls_rl_rewards,
            MethodId::NoThinkingClsRl => &self.no_thinking_rewards,
        }
    }
}

/// A reward of a completion, 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RewardId {
    /// The whole completion has the form `<think>…</think> <answer>…</answer>`.
    Format,
    /// The whole completion has the form `<answer>…</answer> <reason>…</reason>`.
    FormatAnswerFirst,
    /// The whole completion is `<answer>…</answer>`, or has the form of `format`.
    FormatAdaptive,
    /// The numbers of completion and solution agree, whatever their names, or `accuracy-string`
    /// (released code).
    Accuracy,
    /// The first answer tag's text, or the whole text, equals the label, case-blind.
    AccuracyString,
    /// There is one answer tag outside thoughts, and its text is the label, by the strict scorer.
    AccuracyStrict,
    /// The whole completion equals the class name.
    Equality,
}

/// The last token of a completion that the loss counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndMask {
    /// The first `<|im_end|>`; another stop token does not end the mask (released code).
    ImEnd,
    /// The first stop token of any kind.
    AnyStop,
}
