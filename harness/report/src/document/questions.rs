//! What the models were asked.

use clsrl_spec::{DatasetId, Form, ListRule, MethodId, PromptStyle, SftPrompt, Training, Trial};

use super::names;
use crate::{
    ReportContext,
    datum::Datum,
    number::{MISSING, Printed, fixed, thousands},
    page::Page,
    summary::{Questions, Survey},
    table::{Align, Cell, Table},
};

/// Writes the prompts, their texts, and the lists.
pub(super) fn write(page: &mut Page, survey: &Survey, context: &ReportContext<'_>) {
    page.table(&prompts(survey, context));
    page.table(&texts(survey, context));
    page.paragraph(&lists(context));
    page.table(&targets(survey));
}

/// Which prompt each method was trained and evaluated under.
fn prompts(survey: &Survey, context: &ReportContext<'_>) -> Table {
    let caption = "The prompts that each method was trained and evaluated under.".to_owned();
    let heads = ["Method", "In training", "In evaluation"];
    let mut table = Table::of_texts(caption, &heads).named("prompts");
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

/// The texts of the protocol's prompts, in the forms and styles that these results have.
fn texts(survey: &Survey, context: &ReportContext<'_>) -> Table {
    let protocol = context.protocol;
    let prompts = &protocol.prompts;
    let caption = format!("The texts around a question of protocol {}.", protocol.name);
    let heads = ["Text", "In training", "In evaluation"];
    let mut table = Table::of_texts(caption, &heads).named("prompt-texts");
    let mut row = |name: &str, train: &str, eval: &str| {
        let shown = |text: &str| match text.trim() {
            "" => Cell::italic("empty"),
            text => Cell::plain(text),
        };
        table.push(vec![Cell::plain(name), shown(train), shown(eval)]);
    };
    let of_template = "that of the model's chat template".to_owned();
    let system = prompts.system.as_ref().unwrap_or(&of_template);
    row("System message", system, system);
    if context.planned.iter().any(|trial| trial.method == MethodId::Sft) {
        row("System message of SFT", protocol.sft.system.as_ref().unwrap_or(&of_template), system);
    }
    let styles: Vec<PromptStyle> = PromptStyle::ALL
        .into_iter()
        .filter(|style| MethodId::ALL.iter().any(|&m| survey.prompts(m).contains(style)))
        .collect();
    for form in forms(context) {
        for &style in &styles {
            let name = match form {
                Form::FewShot => format!("After a {style} question"),
                form => format!("After a {style} question ({form})"),
            };
            row(&name, prompts.train_suffix(style), prompts.eval_suffix(form, style));
        }
    }
    table
}

/// The forms of evaluation of the planned trials.
fn forms(context: &ReportContext<'_>) -> Vec<Form> {
    let is_asked = |form: &Form| context.planned.iter().any(|t| t.evaluation.forms.contains(form));
    Form::ALL.into_iter().filter(is_asked).collect()
}

/// Which class names a question lists, as a sentence for each form.
fn lists(context: &ReportContext<'_>) -> String {
    let choices = &context.protocol.choices;
    let describe = |form: Form| {
        let names = match form {
            Form::FewShot | Form::OpenSet => "the class names",
            Form::Base => "the base classes' names",
            Form::New => "the new classes' names",
        };
        match choices.rule(form) {
            None => "A question lists no names.".to_owned(),
            Some(ListRule::All) => format!("A question lists all {}.", &names["the ".len()..]),
            Some(ListRule::Notebook { percent }) => format!(
                "A question lists {percent} % of {names}, by the rule of the released notebook."
            ),
            Some(ListRule::Published { percent }) => format!(
                "A question lists {percent} % of {names}, by the rule of the published lists."
            ),
        }
    };
    let sentences: Vec<String> = forms(context).into_iter().map(describe).collect();
    format!("{} The lists' seed is {}.", sentences.join(" "), choices.seed)
}

/// How many images and names each target has, and what the other tables call it.
fn targets(survey: &Survey) -> Table {
    let caption = "The datasets and their short names: images evaluated, images of the whole \
        split, class names in a question's list, and the score of guessing among them.";
    let heads = ["Dataset", "Short", "Evaluated", "In the split", "Names listed", "Chance (%)"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("questions");
    table.columns[1].align = Align::Left;
    for ((form, target), questions) in survey.questions() {
        let numbers = match questions {
            None => [MISSING; 4].map(Printed::from),
            Some(Questions { n, n_split, mean_choices, chance_pct }) => {
                [span(n), span(n_split), fixed(mean_choices, 1), fixed(chance_pct, 1)]
            }
        };
        table.data.extend(data(form, target, questions.as_ref()));
        let title = match survey.forms.len() {
            0 | 1 => target.title().to_owned(),
            _ => format!("{}, {form}", target.title()),
        };
        let names = [title.into(), names::head(target).into()];
        table.push_plain(names.into_iter().chain(numbers));
    }
    table
}

/// Of counts that differ from cell to cell, the smallest.
fn data(form: Form, target: DatasetId, questions: Option<&Questions>) -> Vec<Datum> {
    let numbers = [
        ("n_evaluated", questions.map(|found| found.n.0 as f64)),
        ("n_split", questions.map(|found| found.n_split.0 as f64)),
        ("names_listed", questions.and_then(|found| found.mean_choices)),
        ("chance_pct", questions.and_then(|found| found.chance_pct)),
    ];
    let datum = |(quantity, value)| {
        let number = Datum::of_number(None, target.to_string(), quantity, value);
        Datum { form: Some(form), ..number }
    };
    numbers.map(datum).to_vec()
}

/// A count, or its range if the cells differ.
pub(super) fn span((least, most): (usize, usize)) -> Printed {
    match least == most {
        true => thousands(least),
        false => thousands(least).and(&format!("–{}", thousands(most))),
    }
}
