//! Reading a protocol file.

use super::{
    errors::SuiteError,
    read::{Section, Source, Value},
};
use crate::{Choices, ImageRule, Prompts, Protocol, RlRule, SftRule};

/// Reads the protocol that a suite names; its mistakes are told under its own file's name.
pub(super) fn protocol_named(
    name: &Value,
    protocols: &dyn Fn(&str) -> Result<String, String>,
    errors: &mut Vec<SuiteError>,
) -> Option<Protocol> {
    let stem = name.file_name()?;
    let text = match protocols(&stem) {
        Ok(text) => text,
        Err(reason) => {
            name.refuse(format!("cannot read protocol `{stem}`: {reason}"));
            return None;
        }
    };
    let source = Source::new(&format!("suites/protocols/{stem}.toml"), &text);
    let read = source.root().and_then(|root| {
        let section = Section::root(&source, root.get_ref());
        let protocol = protocol(&section, &stem);
        section.finish();
        protocol
    });
    errors.extend(source.into_errors());
    read
}

fn protocol(section: &Section, stem: &str) -> Option<Protocol> {
    let name = section.take("name").and_then(|value| {
        let name = value.text()?;
        if name != stem {
            value.refuse(format!("`name` must be the file's, `{stem}`, found `{name}`"));
        }
        Some(name)
    });
    let prompts = section.section("prompts").and_then(|section| prompts(&section));
    let choices = section.section("choices").and_then(|section| choices(&section));
    let image = section.section("image").and_then(|section| image(&section));
    let shots = section.name("shots", "shot rule");
    let sft = section.section("sft").and_then(|section| sft(&section));
    let rl = section.section("rl").and_then(|section| rl(&section));
    let zero_shot_prompts =
        section.take("zero_shot_prompts").and_then(|value| value.names("prompt style"));
    let sft_eval_prompt = section.name("sft_eval_prompt", "prompt style");
    Some(Protocol {
        name: name?,
        prompts: prompts?,
        choices: choices?,
        image: image?,
        shots: shots?,
        sft: sft?,
        rl: rl?,
        zero_shot_prompts: zero_shot_prompts?,
        sft_eval_prompt: sft_eval_prompt?,
    })
}

fn prompts(section: &Section) -> Option<Prompts> {
    let system = section.text("system");
    let thinking_train = section.text("thinking_train");
    let thinking_eval = section.text("thinking_eval");
    let direct_train = section.text("direct_train");
    let direct_eval = section.text("direct_eval");
    section.finish();
    Some(Prompts {
        system: system?,
        thinking_train: thinking_train?,
        thinking_eval: thinking_eval?,
        direct_train: direct_train?,
        direct_eval: direct_eval?,
    })
}

fn choices(section: &Section) -> Option<Choices> {
    let rule = section.name("rule", "choice rule");
    let seed = section.take("seed").and_then(|value| value.seed());
    section.finish();
    Some(Choices { rule: rule?, seed: seed? })
}

fn image(section: &Section) -> Option<ImageRule> {
    let train = section.name("train", "image path");
    let eval = section.name("eval", "image path");
    let min_pixels = section.count("min_pixels", 1);
    let max_pixels = section.take("max_pixels").and_then(|value| {
        let (max, min) = (value.count(1)?, min_pixels?);
        if max < min {
            value.refuse(format!("`max_pixels` must be `min_pixels` ({min}) or more, found {max}"));
        }
        Some(max)
    });
    section.finish();
    Some(ImageRule { train: train?, eval: eval?, min_pixels: min_pixels?, max_pixels: max_pixels? })
}

fn sft(section: &Section) -> Option<SftRule> {
    let system = section.text("system");
    let prompt = section.name("prompt", "SFT prompt");
    let order = section.name("order", "message order");
    let target = section.name("target", "SFT target");
    let label_mask = section.name("label_mask", "label mask");
    let trailing = section.take("trailing_generation_prompt").and_then(|value| value.flag());
    section.finish();
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
    let cls_rl_rewards = section.take("cls_rl_rewards").and_then(|value| value.names("reward"));
    let no_thinking = section.take("no_thinking_rewards").and_then(|value| value.names("reward"));
    let end_mask = section.name("end_mask", "end mask");
    section.finish();
    Some(RlRule {
        cls_rl_rewards: cls_rl_rewards?,
        no_thinking_rewards: no_thinking?,
        end_mask: end_mask?,
    })
}
