//! `audit`: what a protocol pays for, and where two protocols differ.

mod class_names;
mod findings;
mod table;

use std::thread;

use clsrl_spec::{Case, CaseTally, DatasetId, Difference, RewardAudit, differences_of_protocols};

use self::{
    class_names::read_class_names,
    findings::{Findings, OfDataset, OfPrompt},
};
use crate::{
    args::{DifferenceArgs, RewardsArgs},
    exit::Exit,
    output::{blanks, print},
    progress::Detail,
    suites::read_protocol,
};

/// Prints how often the protocol's rewards and scorers pay for a wrong answer.
pub fn rewards(args: &RewardsArgs, detail: Detail) -> anyhow::Result<Exit> {
    let file = read_protocol(&args.protocol)?;
    let datasets = read_class_names(args)?;
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
    print(&match (args.json, args.markdown) {
        (true, _) => serde_json::to_string(&findings.json())? + "\n",
        (false, true) => findings.markdown(),
        (false, false) => findings.text(),
    })?;
    Ok(Exit::Ok)
}

/// Prints the fields in which two protocols differ.
pub fn protocol(args: &DifferenceArgs) -> anyhow::Result<Exit> {
    let (a, b) = (read_protocol(&args.a)?, read_protocol(&args.b)?);
    let differences = differences_of_protocols(&a, &b);
    print(&match args.json {
        true => serde_json::to_string(&differences)? + "\n",
        false => told(&differences, [&a.protocol.name, &b.protocol.name]),
    })?;
    Ok(Exit::Ok)
}

fn told(differences: &[Difference], [a, b]: [&str; 2]) -> String {
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
