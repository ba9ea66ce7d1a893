//! What the models were asked.

use clsrl_spec::{
    ChoiceRule, MethodId, PromptStyle, Prompts, Protocol, SftPrompt, Training, Trial,
};

use super::names;
use crate::{
    ReportContext, ReportError,
    number::{MISSING, fixed, thousands},
    summary::{Questions, Survey},
    table::{Align, Cell, Table},
};

/// Which prompt each method was trained and evaluated under.
pub(super) fn prompts(survey: &Survey, context: &ReportContext<'_>) -> Table {
    let caption = "The prompts that each method was trained and evaluated under.".to_owned();
    let mut table = Table::of_texts(caption, &["Method", "In training", "In evaluation"]);
    for method in MethodId::ALL {
        let evaluated = survey.prompts(method);
        if evaluated.is_empty() {
            continue;
        }
        let evaluated: Vec<&str> = evaluated.into_iter().map(PromptStyle::as_str).collect();
        table.push_plain([
            method.title().to_owned(),
            training_prompt(method, context),
            evaluated.join(", "),
        ]);
    }
    table
}

fn training_prompt(method: MethodId, context: &ReportContext<'_>) -> String {
    let is_of_method = |trial: &&Trial| trial.method == method;
    let trial = context.planned.iter().find(is_of_method);
    match trial.map(|trial| &trial.training) {
        Some(Training::Grpo(settings)) => settings.prompt.as_str(),
        Some(Training::Sft(_)) => match context.protocol.sft.prompt {
            SftPrompt::QuestionOnly => "question only",
            SftPrompt::Direct => PromptStyle::Direct.as_str(),
            SftPrompt::Thinking => PromptStyle::Thinking.as_str(),
        },
        Some(Training::None) | None => MISSING,
    }
    .to_owned()
}

/// The texts of the protocol's prompts.
pub(super) fn texts(protocol: &Protocol) -> Table {
    let Prompts { system, thinking_train, thinking_eval, direct_train, direct_eval } =
        &protocol.prompts;
    let rule = match protocol.choices.rule {
        ChoiceRule::Notebook => "a share of the class names, by the rule of the released notebook",
        ChoiceRule::Published => "a share of the class names, by the rule of the published lists",
        ChoiceRule::All => "all class names",
    };
    let caption = format!(
        "The texts around a question of protocol {}. A question lists {rule} (seed {}).",
        protocol.name, protocol.choices.seed
    );
    let mut table = Table::of_texts(caption, &["Text", "In training", "In evaluation"]);
    let mut row = |name: &str, train: &str, eval: &str| {
        let shown = |text: &str| match text.trim() {
            "" => Cell::italic("empty"),
            text => Cell::plain(text),
        };
        table.push(vec![Cell::plain(name), shown(train), shown(eval)]);
    };
    row("System message", system, system);
    row("System message of SFT", &protocol.sft.system, system);
    row("After a direct question", direct_train, direct_eval);
    row("After a thinking question", thinking_train, thinking_eval);
    table
}

/// How many pictures and names each target has, and what the other tables call it.
pub(super) fn targets(survey: &Survey) -> Result<Table, ReportError> {
    let caption = "The datasets and their short names: pictures evaluated, pictures of the whole \
        split, class names in a question's list, and the score of guessing among them.";
    let heads = ["Dataset", "Short", "Evaluated", "In the split", "Names listed", "Chance (%)"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads);
    table.columns[1].align = Align::Left;
    for (target, questions) in survey.questions()? {
        let numbers = match questions {
            None => [MISSING; 4].map(str::to_owned),
            Some(Questions { n, n_split, mean_choices, chance_pct }) => {
                [span(n), span(n_split), fixed(mean_choices, 1), fixed(chance_pct, 1)]
            }
        };
        let names = [target.title(), names::head(target)].map(str::to_owned);
        table.push_plain(names.into_iter().chain(numbers));
    }
    Ok(table)
}

/// A count, or its range if the cells differ.
pub(super) fn span((least, most): (usize, usize)) -> String {
    match least == most {
        true => thousands(least),
        false => format!("{}–{}", thousands(least), thousands(most)),
    }
}
