//! A suite: the axes and settings of one benchmark, read from strict TOML.
//!
//! Owns what a suite file may say and how its mistakes are reported: all of them at once, each with its
//! line. Knows no paths: the caller hands over the texts of the suite and of its protocol.

mod settings;
mod rules;
pub(crate) mod read;
mod setting;
mod errors;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::read::{Section, Source};
pub use self::{
    errors::{SuiteError, SuiteErrors},
    rules::ProtocolFile,
    setting::{BadSetting, Setting},
};
use crate::{DatasetId, EvalSplit, MethodId, Protocol, Seed, Task, Training, ranges::MAX_IMAGES};

/// The version of the suite format that this program reads.
pub const SUITE_VERSION: usize = 2;

/// Gives the text of a protocol file by its name, or why there is none.
pub type Protocols<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// One suite, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// The name under which results and reports are kept.
    pub name: String,
    /// What the suite is for, in a sentence.
    pub description: String,
    /// The start model's directory, relative to the project root; `None` where the user must give it.
    pub model: Option<String>,
    /// Where images come from; `None` where the user must give a folder.
    pub data: Option<DataSource>,
    /// The protocol, whole.
    pub protocol: Protocol,
    /// What is asked.
    pub task: Task,
    /// The methods, in the suite's order.
    pub methods: Vec<MethodId>,
    /// The datasets that are trained on, in the suite's order.
    pub datasets: Vec<DatasetId>,
    /// The datasets that each trial is evaluated on.
    pub targets: Targets,
    /// Training images per class, in the suite's order.
    pub shots: Vec<usize>,
    /// Seeds of shots, order and sampling, in the suite's order.
    pub seeds: Vec<Seed>,
    /// How every trial is evaluated.
    pub evaluation: EvaluationPlan,
    /// How each method that trains is trained on each dataset; from the protocol's file.
    pub training: BTreeMap<MethodId, PerDataset<Training>>,
    /// How the suite is run.
    pub execution: Execution,
    /// The fields that have another value than the files say, as they were set.
    pub set: Vec<Setting>,
}

impl Suite {
    /// Reads a suite. `file` is its name in messages; `protocols` gives the text of a protocol file
    /// by its name, or why there is none.
    pub fn parse(text: &str, file: &str, protocols: &Protocols) -> Result<Suite, SuiteErrors> {
        Suite::parse_under(text, file, protocols, None)
    }

    /// Reads a suite under another protocol than its own; its results go by a name of their own,
    /// `few-shot.matched`.
    pub fn parse_under(
        text: &str,
        file: &str,
        protocols: &Protocols,
        protocol: Option<&str>,
    ) -> Result<Suite, SuiteErrors> {
        Suite::parse_set(text, file, protocols, protocol, &[])
    }

    /// The same with other values of some fields than those of the files. They are read and checked as if they stood
    /// there, and results go by a name of their own: `few-shot.set-cls-rl-generations-8`.
    pub fn parse_set(
        text: &str,
        file: &str,
        protocols: &Protocols,
        protocol: Option<&str>,
        set: &[Setting],
    ) -> Result<Suite, SuiteErrors> {
        let put_into = |text: &str, of_suite: bool| {
            let own = set.iter().filter(|setting| setting.is_of_suite() == of_suite);
            own.fold(text.to_owned(), |text, setting| setting.put_into(&text))
        };
        let protocols = &|name: &str| Ok(put_into(&protocols(name)?, false));
        let read = Suite::parse_changed(&put_into(text, true), file, protocols, protocol);
        let mut suite = read?;
        let of_protocol: Vec<String> =
            set.iter().filter(|setting| !setting.is_of_suite()).map(Setting::to_string).collect();
        if !of_protocol.is_empty() {
            suite.protocol.name.push_str(&format!(" with {}", of_protocol.join(", ")));
        }
        for setting in set {
            suite.name.push_str(&format!(".{}", setting.part_of_name()));
        }
        suite.set = set.to_vec();
        Ok(suite)
    }

    fn parse_changed(
        text: &str,
        file: &str,
        protocols: &Protocols,
        protocol: Option<&str>,
    ) -> Result<Suite, SuiteErrors> {
        let source = Source::new(file, text);
        let mut of_protocol = Vec::new();
        let suite = source.root().and_then(|root| {
            let table = root.get_ref();
            let section = Section::root(&source, table);
            let suite = read_suite(&section, protocols, protocol, &mut of_protocol);
            section.finish();
            suite
        });
        let mut errors = source.into_errors();
        errors.extend(of_protocol);
        match suite {
            Some(suite) if errors.is_empty() => Ok(suite),
            _ => Err(SuiteErrors(errors)),
        }
    }

    /// How a method is trained on a dataset; `None` for a method that the suite gives no settings.
    pub fn training(&self, method: MethodId, dataset: DatasetId) -> Option<&Training> {
        match method {
            MethodId::ZeroShot => Some(&Training::None),
            _ => self.training.get(&method).map(|settings| settings.of(dataset)),
        }
    }
}

/// Where the images of a suite come from, if not from a folder that the user gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSource {
    /// The program draws them.
    Drawn {
        /// The seed of the images.
        seed: Seed,
    },
}

/// The datasets that each trial is evaluated on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// Every dataset of the suite: a transfer matrix.
    All,
    /// The dataset that was trained on; for zero-shot every dataset of the suite.
    Source,
    /// These.
    List(Vec<DatasetId>),
}

/// A value for each of the eleven datasets.
#[derive(Debug, Clone, PartialEq)]
pub struct PerDataset<T>(BTreeMap<DatasetId, T>);

impl<T> PerDataset<T> {
    /// Asks for every dataset's value.
    pub fn from_fn(value: impl Fn(DatasetId) -> T) -> Self {
        PerDataset(DatasetId::ALL.into_iter().map(|dataset| (dataset, value(dataset))).collect())
    }

    /// The value of a dataset.
    pub fn of(&self, dataset: DatasetId) -> &T {
        self.0.get(&dataset).expect("every dataset was given a value when this was made")
    }
}

/// How the trials of a suite are evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationPlan {
    /// The split.
    pub split: PerDataset<EvalSplit>,
    /// Only n images of each target, spread evenly over its list, if given.
    pub limit: Option<usize>,
    /// Prompts decoded together.
    pub batch: usize,
    /// Longest answer in tokens.
    pub max_new_tokens: usize,
}

/// How a suite is run. Nothing here is a setting of the experiment, but threads and precision move
/// numbers in their last digits and are therefore part of a result's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The number format of the model.
    pub precision: Precision,
    /// Threads of one trial.
    pub threads: usize,
    /// Trials at a time.
    pub jobs: usize,
}

/// The number format of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// What suits the device: `f32` on a CPU, `bf16` on CUDA.
    Auto,
    /// 32-bit floats.
    F32,
    /// Brain floats for computing; master weights stay in 32 bits.
    Bf16,
}

impl Precision {
    /// The format on a kind of device (`cpu`, `cuda`), as it stands in identities.
    pub fn on(self, device_kind: &str) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Auto if device_kind == "cpu" => "f32",
            Precision::Auto => "bf16",
        }
    }
}

fn read_suite(
    section: &Section,
    protocols: &Protocols,
    other_protocol: Option<&str>,
    of_protocol: &mut Vec<SuiteError>,
) -> Option<Suite> {
    check_version(section);
    let name = section.take("name").and_then(|value| value.file_name());
    let description = section.take("description").and_then(|value| value.text());
    let model = section.find("model").and_then(|value| value.text());
    let data = section.find("data").and_then(|value| read_data(&value.section()?));
    let protocol = section.take("protocol").and_then(|value| {
        let own = value.file_name()?;
        let named = other_protocol.unwrap_or(&own);
        let read = rules::find_protocol(&value, named, protocols, of_protocol)?;
        Some((read, (named != own).then(|| named.to_owned())))
    });
    let task = section.name("task", "task");
    let methods = section.take("methods").and_then(|value| {
        let methods = value.names::<MethodId>("method")?;
        if let Some(((protocol, training), _)) = &protocol
            && of_protocol.is_empty()
        {
            for &method in methods.iter().filter(|&&method| method != MethodId::ZeroShot) {
                if !training.contains_key(&method) {
                    let protocol = &protocol.name;
                    value.refuse(format!("protocol `{protocol}` has no section `{method}`"));
                }
            }
        }
        Some(methods)
    });
    let datasets = section.take("datasets").and_then(|value| value.datasets());
    let targets = section.take("targets").and_then(|value| settings::targets(&value));
    let shots = section.take("shots").and_then(|value| value.counts(MAX_IMAGES));
    let seeds = section.take("seeds").and_then(|value| value.seeds());
    let evaluation =
        section.section("evaluation").and_then(|section| settings::evaluation(&section));
    let execution = section.section("execution").and_then(|section| settings::execution(&section));
    let ((protocol, training), is_other) = protocol?;
    Some(Suite {
        name: match is_other {
            Some(other) => format!("{}.{other}", name?),
            None => name?,
        },
        description: description?,
        model,
        data,
        protocol,
        task: task?,
        methods: methods?,
        datasets: datasets?,
        targets: targets?,
        shots: shots?,
        seeds: seeds?,
        evaluation: evaluation?,
        training,
        execution: execution?,
        set: Vec::new(),
    })
}

fn check_version(section: &Section) {
    let Some(value) = section.take("version") else { return };
    if let Some(version) = value.count(1)
        && version != SUITE_VERSION
    {
        value.refuse(format!("suite format {version} is unknown, expected {SUITE_VERSION}"));
    }
}

fn read_data(section: &Section) -> Option<DataSource> {
    let seed = section.take("drawn_seed").and_then(|value| value.seed());
    section.finish();
    Some(DataSource::Drawn { seed: seed? })
}
