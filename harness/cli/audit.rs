//! `audit`: what a protocol pays for, and where two protocols differ.

mod class_names;
mod findings;
mod table;

use std::{path::PathBuf, thread};

use clsrl_spec::{Case, CaseTally, DatasetId, Difference, RewardAudit, differences_of_protocols};

use self::{
    class_names::read_class_names,
    findings::{Findings, OfDataset, OfPrompt},
};
use crate::{
    exit::Exit,
    output::{blanks, print, print_lines},
    progress::Detail,
    suites::read_protocol,
};

/// What to audit.
#[derive(Debug)]
pub struct RewardsOptions {
    /// A protocol's name, or the path of its file.
    pub protocol: String,
    /// The folder that holds the datasets' folders.
    pub data: Option<PathBuf>,
    /// A folder with a file of class names for each dataset.
    pub class_names: Option<PathBuf>,
    /// Only these datasets; all that the folder has if none is named.
    pub datasets: Vec<DatasetId>,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print Markdown.
    pub markdown: bool,
}

/// Two protocols to compare.
#[derive(Debug)]
pub struct CompareOptions {
    /// A protocol's name, or the path of its file.
    pub a: String,
    /// The other one's.
    pub b: String,
    /// Whether to print JSON.
    pub json: bool,
}

/// Prints how often the protocol's rewards and scorers pay for a wrong answer.
pub fn rewards(options: &RewardsOptions, detail: Detail) -> anyhow::Result<Exit> {
    let file = read_protocol(&options.protocol)?;
    let datasets = read_class_names(
        options.data.as_deref(),
        options.class_names.as_deref(),
        &options.datasets,
    )?;
    let audits = RewardAudit::of(&file, DatasetId::ImageNet);
    let bar = detail.count("auditing", audits.len() * datasets.len());
    let mut prompts = Vec::new();
    for audit in audits {
        let of_dataset = |(dataset, names): &(DatasetId, Vec<String>)| {
            let (n_visible, cases) = (audit.n_visible(names), tally(&audit, names));
            bar.inc(1);
            OfDataset { dataset: *dataset, n_classes: names.len(), n_visible, cases }
        };
        let datasets = datasets.iter().map(of_dataset).collect();
        prompts.push(OfPrompt { audit, datasets });
    }
    bar.finish_and_clear();
    let findings = Findings { protocol: file.protocol, prompts };
    print(&match (options.json, options.markdown) {
        (true, _) => serde_json::to_string(&findings.json())? + "\n",
        (false, true) => findings.markdown(),
        (false, false) => findings.text(),
    })?;
    Ok(Exit::Ok)
}

/// Prints the fields in which two protocols differ.
pub fn compare_protocols(options: &CompareOptions) -> anyhow::Result<Exit> {
    let (a, b) = (read_protocol(&options.a)?, read_protocol(&options.b)?);
    let differences = differences_of_protocols(&a, &b);
    match options.json {
        true => print(&(serde_json::to_string(&differences)? + "\n"))?,
        false => {
            let names = [a.protocol.name.as_str(), b.protocol.name.as_str()];
            print_lines(&render_differences(&differences, names))?;
        }
    }
    Ok(Exit::Ok)
}

fn render_differences(differences: &[Difference], [a, b]: [&str; 2]) -> String {
    let plural = if differences.len() == 1 { "" } else { "s" };
    let mut text = format!("`{a}` and `{b}` differ in {} field{plural}\n", differences.len());
    let width = a.chars().count().max(b.chars().count());
    let (fill_a, fill_b) = (blanks(a, width), blanks(b, width));
    for Difference { path, a: in_a, b: in_b, changes } in differences {
        text += &format!("\n{path}: {changes}\n  {a}{fill_a}  {in_a}\n  {b}{fill_b}  {in_b}\n");
    }
    text
}

/// Judges all answers on all cores.
fn tally(audit: &RewardAudit, names: &[String]) -> Vec<(Case, CaseTally)> {
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(names.len());
    let part = |n: usize| names.len() * n / n_threads..names.len() * (n + 1) / n_threads;
    thread::scope(|scope| {
        let spawned: Vec<_> =
            (0..n_threads).map(|n| scope.spawn(move || audit.tally(names, part(n)))).collect();
        let mut whole: Vec<(Case, CaseTally)> = Vec::new();
        for part in spawned {
            for (case, tally) in part.join().expect("an audit panics only through a bug") {
                match whole.iter_mut().find(|(of, _)| *of == case) {
                    Some((_, sum)) => sum.add(tally),
                    None => whole.push((case, tally)),
                }
            }
        }
        whole
    })
}
