//! `predict`: a kept checkpoint names pictures that are of no dataset.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::prompts::PromptRecipe;
use clsrl_engine::{Answer, EngineError, Picture, PredictJob, Predictor, prompt_recipes};
use clsrl_runner::{Verified, fine_tune_of};
use clsrl_spec::{CellKey, Diagnosis, TrainingRecord, is_correct_strict};
use clsrl_vlm::Precision;
use serde::Serialize;

use super::{
    environment,
    machine::{all_threads, precision_of},
    trial::open_backend,
};
use crate::{
    device::Dtype,
    exit::{Exit, describe},
    options::PredictOptions,
    output::{note, print, print_lines},
    words::count,
};

/// What a picture's answer says, as one object of JSON.
#[derive(Serialize)]
struct Named<'a> {
    path: Cow<'a, str>,
    /// The class that it names; none if it is no class or several.
    prediction: Option<&'a str>,
    /// By which scorer it is that class: `strict` if it says the name and nothing else, `published` if the name is in it.
    #[serde(rename = "match")]
    matched: Option<&'static str>,
    /// How it parses, as the column `parse` of a frame has it.
    parse: &'static str,
    answer: &'a str,
    n_tokens: usize,
    truncated: bool,
    seconds: f64,
    #[serde(flatten)]
    asked: &'a AskedAs<'a>,
}

/// What all pictures of a call have in common.
#[derive(Serialize)]
struct AskedAs<'a> {
    weights_digest: &'a str,
    protocol: &'a str,
    dataset: &'a str,
    form: String,
    prompt: String,
}

/// A picture that could not be read.
#[derive(Serialize)]
struct NotNamed<'a> {
    path: Cow<'a, str>,
    error: String,
}

/// Answers about every picture; ends as incomplete if some could not be read.
pub fn predict(options: &PredictOptions) -> anyhow::Result<Exit> {
    environment::become_as_a_trial()?;
    let device = options.device.to_string();
    open_backend(&device).map_err(|error| Exit::Usage.because(error))?;
    let checkpoint = find_checkpoint(&options.checkpoint)?;
    let fine_tune = read_record(&checkpoint)?;
    let recipe = choose_recipe(options, &checkpoint, &fine_tune)?;
    let job = PredictJob {
        weights_digest: fine_tune.record.outcome.weights_digest.clone(),
        device: device.parse().map_err(|error: clsrl_vlm::VlmError| Exit::Usage.because(error))?,
        precision: precision(options, &fine_tune),
        threads: options.threads.unwrap_or_else(all_threads),
        checkpoint,
    };
    let mut predictor = Predictor::load(&job, recipe.clone()).map_err(coded)?;
    let CellKey { target, form, prompt } = recipe.cell;
    let asked = AskedAs {
        weights_digest: &job.weights_digest,
        protocol: &recipe.protocol,
        dataset: target.as_str(),
        form: form.to_string(),
        prompt: prompt.to_string(),
    };
    let pictures = pictures(options)?;
    let mut n_unread = 0;
    for batch in pictures.chunks(predictor.batch()) {
        for (picture, answer) in batch.iter().zip(predictor.answer(batch).map_err(coded)?) {
            match answer {
                Ok(answer) => show(options, picture, &answer, (&recipe, &asked))?,
                Err(error) => {
                    n_unread += 1;
                    show_error(options, picture, error)?;
                }
            }
        }
    }
    if n_unread == 0 {
        return Ok(Exit::Ok);
    }
    note(&format!("{n_unread} of {} not answered", count(pictures.len(), "picture")));
    Ok(Exit::Incomplete)
}

fn find_checkpoint(given: &Path) -> anyhow::Result<PathBuf> {
    if !given.is_dir() {
        return Err(Exit::Usage.because(anyhow!("there is no checkpoint `{}`", given.display())));
    }
    let dir = given.canonicalize().with_context(|| format!("cannot read `{}`", given.display()))?;
    if !dir.join("config.json").exists() {
        let within = dir.join("checkpoint");
        let hint = match within.is_dir() {
            true => format!("name `{}`", given.join("checkpoint").display()),
            false => "`run --keep-checkpoints` keeps the weights of every trial".to_owned(),
        };
        return Err(Exit::Usage.because(anyhow!(
            "`{}` is no checkpoint: it has no `config.json`\nhint: {hint}",
            given.display()
        )));
    }
    Ok(dir)
}

fn read_record(checkpoint: &Path) -> anyhow::Result<Verified<TrainingRecord>> {
    fine_tune_of(checkpoint)?.map_err(|reason| {
        Exit::Differs.because(anyhow!(
            "`{}` is not a fine-tune that is known: {reason}\n\
             hint: a checkpoint is used beside its record, as `run --keep-checkpoints` leaves both",
            checkpoint.display()
        ))
    })
}

/// The only way of asking that fits what was asked for.
fn choose_recipe(
    options: &PredictOptions,
    checkpoint: &Path,
    fine_tune: &Verified<TrainingRecord>,
) -> anyhow::Result<PromptRecipe> {
    let all = prompt_recipes(checkpoint, &fine_tune.identity.id()).map_err(coded)?;
    if all.is_empty() {
        return Err(Exit::Differs.because(anyhow!(
            "nothing in `{}` says how its model is asked\n\
             hint: an earlier program kept it; run the trial again with --replace --keep-checkpoints",
            checkpoint.display()
        )));
    }
    let source = fine_tune.identity.json()["train_on"]["dataset"].as_str();
    let is_of_source = |recipe: &&PromptRecipe| Some(recipe.cell.target.as_str()) == source;
    let some_are_of_source = all.iter().any(|recipe| is_of_source(&recipe));
    let fits = |recipe: &&PromptRecipe| {
        let CellKey { target, form, prompt } = recipe.cell;
        let of_dataset = match options.dataset {
            Some(wanted) => target == wanted,
            None => !some_are_of_source || is_of_source(recipe),
        };
        of_dataset
            && options.form.is_none_or(|wanted| form == wanted)
            && options.prompt.is_none_or(|wanted| prompt == wanted)
    };
    let fitting: Vec<&PromptRecipe> = all.iter().filter(fits).collect();
    let listed = |recipes: &[&PromptRecipe]| {
        let cells: Vec<String> = recipes.iter().map(|recipe| recipe.cell.to_string()).collect();
        cells.join(", ")
    };
    match fitting[..] {
        [recipe] => Ok(recipe.clone()),
        [] => Err(Exit::Usage.because(anyhow!(
            "the checkpoint was never asked so, only as {}",
            listed(&all.iter().collect::<Vec<_>>())
        ))),
        _ => Err(Exit::Usage.because(anyhow!(
            "the checkpoint was asked in several ways: {}\n\
             hint: --dataset, --form and --prompt say which is meant",
            listed(&fitting)
        ))),
    }
}

/// The precision that was asked for; without a word that of the training, if it was on such a device.
fn precision(options: &PredictOptions, fine_tune: &Verified<TrainingRecord>) -> Precision {
    let of_training = |key: &str| fine_tune.identity.json()[key].as_str();
    match (options.dtype, of_training("precision").and_then(Precision::named)) {
        (Dtype::Auto, Some(precision))
            if of_training("device_kind") == Some(options.device.kind()) =>
        {
            precision
        }
        (dtype, _) => precision_of(dtype, &options.device),
    }
}

/// The pictures, each with what a list calls it: its path below the root, or the name of its file.
fn pictures(options: &PredictOptions) -> anyhow::Result<Vec<Picture>> {
    let root =
        match &options.root {
            None => None,
            Some(dir) => Some(dir.canonicalize().map_err(|_| {
                Exit::Usage.because(anyhow!("there is no folder `{}`", dir.display()))
            })?),
        };
    let listed_as = |path: &Path| {
        // One that is not there is reported where it is read.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let below = root.as_ref().and_then(|root| real.strip_prefix(root).ok());
        let name = below.or(path.file_name().map(Path::new)).unwrap_or(path);
        name.to_string_lossy().into_owned()
    };
    let picture = |path: &PathBuf| Picture { path: path.clone(), listed_as: listed_as(path) };
    Ok(options.pictures.iter().map(picture).collect())
}

fn show(
    options: &PredictOptions,
    picture: &Picture,
    answer: &Answer,
    (recipe, asked): (&PromptRecipe, &AskedAs),
) -> anyhow::Result<()> {
    let names: Vec<&str> = recipe.questions.names().iter().map(String::as_str).collect();
    let Answer { question, raw, truncated, n_tokens, seconds } = answer;
    let diagnosis = Diagnosis::among(Some(names.clone()), question, raw, *truncated);
    let prediction = diagnosis.meant.map(|at| names[at]);
    if options.json {
        let matched = prediction
            .map(|name| if is_correct_strict(raw, name) { "strict" } else { "published" });
        let named = Named {
            path: picture.path.to_string_lossy(),
            prediction,
            matched,
            parse: diagnosis.parse.as_str(),
            answer: raw,
            n_tokens: *n_tokens,
            truncated: *truncated,
            seconds: *seconds,
            asked,
        };
        return print(&(serde_json::to_string(&named)? + "\n"));
    }
    let said: String = raw.lines().map(|line| format!("    {line}\n")).collect();
    let prediction = prediction.unwrap_or("none of the classes, or several");
    print_lines(&format!("{}: {prediction}\n{said}", picture.path.display()))
}

fn show_error(
    options: &PredictOptions,
    picture: &Picture,
    error: EngineError,
) -> anyhow::Result<()> {
    let error = anyhow::Error::new(error);
    if options.json {
        let error = format!("{error:#}");
        let path = picture.path.to_string_lossy();
        print(&(serde_json::to_string(&NotNamed { path, error })? + "\n"))?;
    }
    note(describe(&error).trim_end());
    Ok(())
}

fn coded(error: EngineError) -> anyhow::Error {
    if error.is_difference() { Exit::Differs.because(error) } else { error.into() }
}
