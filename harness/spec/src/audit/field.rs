//! What each field of a protocol changes, in one sentence.

/// Every field by its path, in the order in which differences are listed; a `*` stands for a method.
pub(super) const ALL: &[(&str, &str)] = &[
    ("name", "Nothing but the name under which it is found."),
    ("scorer", "Which verdict tables show first; both are recorded."),
    ("shots", "Which training images are picked, and whether a trial's seed picks others."),
    (
        "base_classes",
        "How many classes are base classes, so which questions are about which classes.",
    ),
    ("zero_shot_prompts", "Under which prompts the untrained model is evaluated, each a cell."),
    ("sft_eval_prompts", "Under which prompts a model trained with SFT is evaluated, each a cell."),
    ("prompts.system", "The system message of every conversation but SFT's training."),
    ("prompts.order", "Whether the model reads the image or the question first."),
    ("prompts.train.thinking", "What the thinking prompt asks for in training."),
    ("prompts.train.direct", "What the direct prompt asks for in training."),
    ("prompts.train.think-after-answer", "What Think-After-Answer's prompt asks for in training."),
    ("prompts.train.adaptive-thinking", "What Adaptive-Thinking's prompt asks for in training."),
    ("prompts.few-shot.thinking", "What the thinking prompt asks for in few-shot evaluation."),
    ("prompts.few-shot.direct", "What the direct prompt asks for in few-shot evaluation."),
    (
        "prompts.few-shot.think-after-answer",
        "What Think-After-Answer's prompt asks for in few-shot evaluation.",
    ),
    (
        "prompts.few-shot.adaptive-thinking",
        "What Adaptive-Thinking's prompt asks for in few-shot evaluation.",
    ),
    (
        "prompts.base.thinking",
        "What the thinking prompt asks for in the evaluation of base classes.",
    ),
    ("prompts.base.direct", "What the direct prompt asks for in the evaluation of base classes."),
    (
        "prompts.base.think-after-answer",
        "What Think-After-Answer's prompt asks for in the evaluation of base classes.",
    ),
    (
        "prompts.base.adaptive-thinking",
        "What Adaptive-Thinking's prompt asks for in the evaluation of base classes.",
    ),
    ("prompts.new.thinking", "What the thinking prompt asks for in the evaluation of new classes."),
    ("prompts.new.direct", "What the direct prompt asks for in the evaluation of new classes."),
    (
        "prompts.new.think-after-answer",
        "What Think-After-Answer's prompt asks for in the evaluation of new classes.",
    ),
    (
        "prompts.new.adaptive-thinking",
        "What Adaptive-Thinking's prompt asks for in the evaluation of new classes.",
    ),
    ("prompts.open-set.thinking", "What the thinking prompt asks for in open-set evaluation."),
    ("prompts.open-set.direct", "What the direct prompt asks for in open-set evaluation."),
    (
        "prompts.open-set.think-after-answer",
        "What Think-After-Answer's prompt asks for in open-set evaluation.",
    ),
    (
        "prompts.open-set.adaptive-thinking",
        "What Adaptive-Thinking's prompt asks for in open-set evaluation.",
    ),
    ("choices.few_shot", "How many names a question lists, so how hard it is."),
    (
        "choices.base_to_new",
        "How many of a half's names a question of base-to-new lists, so how hard it is.",
    ),
    (
        "choices.repeated_names",
        "Whether a name that two classes share may be listed twice and gets the images of both (ImageNet).",
    ),
    ("choices.seed", "Which wrong names are listed, and in which order."),
    ("image.train", "What images look like in training, and how many tokens each takes."),
    ("image.eval", "What images look like in evaluation, and how many tokens each takes."),
    (
        "image.eval_alpha",
        "What images with alpha look like in evaluation, where its path is `eval` and a side.",
    ),
    (
        "image.train_processor",
        "Which bicubic filter resizes in training: the two differ by some levels.",
    ),
    (
        "image.eval_processor",
        "Which bicubic filter resizes in evaluation: the two differ by some levels.",
    ),
    ("image.min_pixels", "Below which size an image is enlarged."),
    ("image.max_pixels", "Above which size an image is reduced."),
    (
        "sft.system",
        "The system message of SFT's training, which evaluation does not have where it differs from `prompts.system`.",
    ),
    (
        "sft.prompt",
        "What SFT's training asks for; another prompt in evaluation is new to the model.",
    ),
    ("sft.order", "Whether SFT's training puts the image or the question first."),
    ("sft.target", "What SFT learns to answer: the name, or the name in an answer tag."),
    (
        "sft.label_mask",
        "Whether SFT learns the answer alone, or the question and its list as well.",
    ),
    (
        "sft.trailing_generation_prompt",
        "Whether SFT learns to begin another turn after its answer.",
    ),
    (
        "rl.solution",
        "Whether the number step sees a number that a label begins with: with blanks it pays for the right model year.",
    ),
    (
        "rl.open_set_blanks",
        "For which datasets a label with blanks for underscores is also right in open-set training.",
    ),
    ("rl.end_mask", "Which tokens of a completion the loss counts."),
    (
        "lora.rank",
        "How many directions a layer's weights can be trained in; without `lora`, in all of them.",
    ),
    ("lora.alpha", "How much a trained adapter counts beside the weights that it stands at."),
    ("*.rewards", "What a completion is paid for, so what is learned."),
    (
        "*.zero_variance_groups",
        "Whether a group whose rewards are all equal still pulls towards the start model.",
    ),
    ("*.epochs", "How often each training image is seen, so the number of steps."),
    (
        "*.prompts_per_step",
        "How many training images an optimizer step has, so the number of steps.",
    ),
    (
        "*.accumulation",
        "How many steps an epoch counts for where its images do not fill the last one.",
    ),
    ("*.learning_rate", "The size of the first step; it falls to 0 from there."),
    ("optimizer.beta1", "How long AdamW remembers gradients."),
    ("optimizer.beta2", "How long AdamW remembers squared gradients."),
    ("optimizer.epsilon", "How much AdamW damps steps along small gradients."),
    ("optimizer.weight_decay", "How strongly weights are pulled to 0."),
    ("optimizer.max_grad_norm", "From which norm on gradients are clipped."),
    ("*.generations", "How many completions a reward is compared with, and the cost of a rollout."),
    ("*.beta", "How strongly the model is held to the start model."),
    ("*.beta_start", "How strongly it is held in the first step, if not as in all others."),
    ("*.advantage_epsilon", "How much groups of nearly equal rewards are damped."),
    ("*.temperature", "How much completions of a group differ."),
    ("*.top_k", "Which tokens a completion can have; what is left out is not explored."),
    ("*.top_p", "Which tokens a completion can have; what is left out is not explored."),
    ("*.max_prompt_tokens", "Which prompts are too long, and an error."),
    ("*.max_new_tokens", "Where a completion is cut, so that it can earn nothing any more."),
    ("*.micro_batch", "Memory and speed, and the order in which gradients are added up."),
];

/// What the field at a path changes; nothing where the path is that of no field.
pub(super) fn changes(path: &str) -> Option<&'static str> {
    ALL.get(rank(path)?).map(|(_, sentence)| *sentence)
}

/// The field's place in [`ALL`].
pub(super) fn rank(path: &str) -> Option<usize> {
    let exact = ALL.iter().position(|(field, _)| *field == path);
    exact.or_else(|| {
        let (_, setting) = path.split_once('.')?;
        ALL.iter().position(|(field, _)| field.strip_prefix("*.") == Some(setting))
    })
}
