//! `inspect`: what the model will see.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clsrl_data::{
    datasets::{Example, pick_few_shot},
    image::{Processor, RgbImage},
    prompts,
    text::{TextTokenizer, expand_image_tokens},
};
use clsrl_files::NewFile;
use clsrl_spec::{CellKey, DatasetId, ImagePath, Seed, ShotRule};
use serde::Serialize;

use crate::{
    exit::Exit,
    inputs::{data_dir, model_dir, open_dataset},
    model::system_of,
    output::print,
    progress::Detail,
    project::Project,
    suites::{read_protocol, read_suite},
};

/// The suite that stands in where none is named: its model and data come with the project.
const DEFAULT_SUITE: &str = "smoke";

/// Which prompt to show.
#[derive(Debug)]
pub struct PromptOptions {
    /// The suite whose protocol is used.
    pub suite: String,
    /// Another protocol than the suite's.
    pub protocol: Option<String>,
    /// Dataset, form and prompt style.
    pub cell: CellKey,
    /// The position in the test split.
    pub index: usize,
    /// The model directory, instead of the suite's.
    pub model: Option<PathBuf>,
    /// The data folder, instead of the suite's.
    pub data: Option<PathBuf>,
    /// Whether to print JSON.
    pub json: bool,
}

/// Which image to write.
#[derive(Debug)]
pub struct ImageOptions {
    pub dataset: DatasetId,
    /// The position in the test split.
    pub index: usize,
    /// The image path.
    pub order: ImagePath,
    /// The PNG file.
    pub to: PathBuf,
    /// The model directory whose preprocessor is used, instead of the tiny model's.
    pub model: Option<PathBuf>,
    /// The data folder, instead of the synthetic one.
    pub data: Option<PathBuf>,
}

/// Which few-shot samples to list.
#[derive(Debug)]
pub struct SampleOptions {
    pub dataset: DatasetId,
    /// The data folder, instead of the synthetic one.
    pub data: Option<PathBuf>,
    /// Training images per class.
    pub shots: usize,
    /// The trial's seed.
    pub seed: Seed,
    /// The protocol whose rule samples, instead of CoOp's rule.
    pub protocol: Option<String>,
    /// Whether to print JSON.
    pub json: bool,
}

#[derive(Serialize)]
struct ShownPrompt<'a> {
    dataset: &'a str,
    split: &'static str,
    index: usize,
    path: &'a str,
    classname: &'a str,
    prompt: String,
    tokens: usize,
}

#[derive(Serialize)]
struct Pick<'a> {
    index: usize,
    path: &'a str,
    label: usize,
    classname: &'a str,
}

#[derive(Serialize)]
struct Picks<'a> {
    train: Vec<Pick<'a>>,
    val: Vec<Pick<'a>>,
}

/// Prints the rendered prompt of an evaluation image.
pub fn prompt(options: &PromptOptions, detail: Detail) -> anyhow::Result<Exit> {
    let project = Project::find()?;
    let suite = read_suite(&project, &options.suite, options.protocol.as_deref())?;
    let model_dir = model_dir(&project, &suite, options.model.as_deref())?;
    let data_dir = data_dir(&suite, options.data.as_deref(), detail)?;
    let dataset = open_dataset(options.cell.target, &data_dir, None)?;
    let split = *suite.evaluation.split.of(options.cell.target);
    let questions = prompts::questions(&suite.protocol, &dataset, options.cell.form);
    let example = example(&questions.view().evaluated(split, None), options.index)?;
    let question = questions.ask(split.as_str(), example);
    let protocol = suite.protocol.with_template_system(system_of(&model_dir));
    let asked = prompts::evaluation_prompt(&protocol, options.cell, &question);
    let image = &suite.protocol.image;
    let processor =
        Processor::from_dir(&model_dir)?.with_pixels(image.min_pixels, image.max_pixels);
    let patches = processor.load(&dataset.image_path(example)?, image.evaluation())?;
    let tokenizer = TextTokenizer::from_dir(&model_dir)?;
    let ids = expand_image_tokens(
        &tokenizer.encode(&asked.conversation),
        tokenizer.token_id("<|image_pad|>")?,
        &[processor.n_features(&patches)],
    )?;
    let shown = ShownPrompt {
        dataset: options.cell.target.as_str(),
        split: split.as_str(),
        index: options.index,
        path: &example.path,
        classname: &question.gold,
        prompt: asked.conversation,
        tokens: ids.len(),
    };
    if options.json {
        print(&(serde_json::to_string(&shown)? + "\n"))?;
    } else {
        let ShownPrompt { dataset, split, index, path, classname, prompt, tokens } = shown;
        print(&format!(
            "{prompt}\n\n{dataset} {split} {index}: {path}, `{classname}`\n{tokens} tokens, the \
             image's included\n"
        ))?;
    }
    Ok(Exit::Ok)
}

/// Writes the preprocessed image as PNG, and prints its path and size.
pub fn image(options: &ImageOptions, detail: Detail) -> anyhow::Result<Exit> {
    let project = Project::find()?;
    let suite = read_suite(&project, DEFAULT_SUITE, None)?;
    let data_dir = data_dir(&suite, options.data.as_deref(), detail)?;
    let dataset = open_dataset(options.dataset, &data_dir, None)?;
    let example = example(&dataset.test.iter().collect::<Vec<_>>(), options.index)?;
    let model_dir = model_dir(&project, &suite, options.model.as_deref())?;
    let path = dataset.image_path(example)?;
    let rgb = Processor::from_dir(&model_dir)?.load_rgb(&path, options.order)?;
    write_png(&rgb, &options.to)
        .with_context(|| format!("cannot write `{}`", options.to.display()))?;
    detail.say(&format!("{}: {} x {} pixels", example.path, rgb.width, rgb.height));
    print(&format!("{}\n", options.to.display()))?;
    Ok(Exit::Ok)
}

/// Prints the few-shot picks of a seed.
pub fn sample(options: &SampleOptions, detail: Detail) -> anyhow::Result<Exit> {
    let data_dir = match &options.data {
        Some(dir) => dir.clone(),
        None => default_data_dir(detail)?,
    };
    let dataset = open_dataset(options.dataset, &data_dir, None)?;
    let rule = match &options.protocol {
        Some(named) => read_protocol(named)?.protocol.shots,
        None => ShotRule::Coop,
    };
    let picks = pick_few_shot(&dataset, rule, options.shots, options.seed);
    let picks = Picks {
        train: picks.train.iter().map(|&idx| pick(&dataset.train[idx])).collect(),
        val: picks.val.iter().map(|&idx| pick(&dataset.val[idx])).collect(),
    };
    print(&if options.json { serde_json::to_string(&picks)? + "\n" } else { table(&picks) })?;
    Ok(Exit::Ok)
}

fn default_data_dir(detail: Detail) -> anyhow::Result<PathBuf> {
    data_dir(&read_suite(&Project::find()?, DEFAULT_SUITE, None)?, None, detail)
}

fn example<'d>(examples: &[&'d Example], index: usize) -> anyhow::Result<&'d Example> {
    examples.get(index).copied().ok_or_else(|| {
        let n = examples.len();
        Exit::Usage.because(anyhow!("there is no image {index}, the split has {n}"))
    })
}

fn pick(example: &Example) -> Pick<'_> {
    Pick {
        index: example.index,
        path: &example.path,
        label: example.label,
        classname: &example.class_name,
    }
}

fn table(picks: &Picks) -> String {
    let rows = |split: &str, picks: &[Pick]| -> String {
        let row = |Pick { index, path, label, classname }: &Pick| {
            format!("{split:<5}  {index:>6}  {label:>5}  {classname:<30}  {path}\n")
        };
        picks.iter().map(row).collect()
    };
    let header = format!("{:<5}  {:>6}  {:>5}  {:<30}  path\n", "split", "index", "label", "class");
    header + &rows("train", &picks.train) + &rows("val", &picks.val)
}

fn write_png(rgb: &RgbImage, path: &Path) -> anyhow::Result<()> {
    let mut file = NewFile::create(path)?;
    let mut encoder = png::Encoder::new(&mut file, rgb.width, rgb.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb.pixels)?;
    writer.finish()?;
    Ok(file.finish()?)
}
