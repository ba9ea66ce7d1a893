//! The reward audit: every case of every label, before every judge.

use std::ops::Range;

use super::{
    case::{About, Case, Depends},
    judge::{Answer, Judge, Label},
    tally::CaseTally,
};
use crate::{DatasetId, MethodId, PromptStyle, ProtocolFile, Scorer, SolutionTag, Training};

/// What a protocol pays under one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardAudit {
    /// The prompt, which decides how answers are written.
    pub style: PromptStyle,
    /// How a label stands in the solution that rewards read.
    pub solution: SolutionTag,
    /// Who judges.
    pub judges: Vec<Judge>,
}

impl RewardAudit {
    /// The audits of a protocol: one for each prompt that a method is rewarded under, with that method's
    /// rewards on a dataset, their sum, and both scorers.
    pub fn of(file: &ProtocolFile, dataset: DatasetId) -> Vec<Self> {
        let mut audits = Vec::new();
        for (method, style) in MethodId::RL {
            let Some(Training::Grpo(settings)) = file.training(method, dataset) else { continue };
            let mut judges: Vec<Judge> =
                settings.rewards.iter().copied().map(Judge::Reward).collect();
            if 1 < judges.len() {
                judges.push(Judge::Sum(method, settings.rewards.clone()));
            }
            judges.extend([Scorer::Published, Scorer::Strict].map(Judge::Scorer));
            audits.push(RewardAudit { style, solution: file.protocol.rl.solution, judges });
        }
        audits
    }

    /// How a right answer is written.
    pub fn right_answer(&self, name: &str) -> String {
        let about = About { gold: name, wrong: "", list: "" };
        Case::RightName.write(self.style, &about).expect("every prompt has a right answer")
    }

    /// How many labels have a number that the number step sees.
    pub fn n_visible(&self, names: &[String]) -> usize {
        let has_number = |name: &&String| {
            let solution = self.solution.solution(name);
            !crate::Reading::of(&solution).is_empty()
        };
        names.iter().filter(has_number).count()
    }

    /// Judges the answers to the labels at `golds`, case by case. Names that are equal are no pair.
    pub fn tally(&self, names: &[String], golds: Range<usize>) -> Vec<(Case, CaseTally)> {
        let list = names.join(", ");
        let cases = Case::ALL
            .into_iter()
            .map(|case| (case, self.tally_case(case, names, &list, golds.clone())));
        cases.filter(|(_, tally)| 0 < tally.asked).collect()
    }

    fn tally_case(
        &self,
        case: Case,
        names: &[String],
        list: &str,
        golds: Range<usize>,
    ) -> CaseTally {
        let write = |gold, wrong| case.write(self.style, &About { gold, wrong, list });
        let written: Vec<Option<String>> = match case.depends() {
            Depends::Nothing => vec![write("", "")],
            Depends::Wrong => names.iter().map(|wrong| write("", wrong)).collect(),
            Depends::Gold | Depends::Both => Vec::new(),
        };
        let shared: Vec<Answer> = written.iter().flatten().map(|text| Answer::new(text)).collect();
        let mut tally = CaseTally::new(self.judges.len());
        for gold in &names[golds] {
            let solution = self.solution.solution(gold);
            let mut of_label = LabelTally::new(self, gold, &solution);
            let wrongs = || names.iter().enumerate().filter(|&(_, wrong)| wrong != gold);
            match case.depends() {
                Depends::Nothing => shared.iter().for_each(|answer| of_label.judge(answer)),
                Depends::Wrong => wrongs().for_each(|(n, _)| of_label.judge(&shared[n])),
                Depends::Gold => of_label.judge_text(write(gold, "")),
                Depends::Both => {
                    wrongs().for_each(|(_, wrong)| of_label.judge_text(write(gold, wrong)));
                }
            }
            of_label.count_into(&mut tally);
        }
        tally
    }
}

/// What was paid for one label.
struct LabelTally<'a> {
    judges: &'a [Judge],
    gold: &'a str,
    label: Label<'a>,
    asked: usize,
    /// By judge: answers, and the first of them.
    paid: Vec<(usize, Option<String>)>,
}

impl<'a> LabelTally<'a> {
    fn new(audit: &'a RewardAudit, gold: &'a str, solution: &'a str) -> Self {
        let judges = &audit.judges;
        let (label, paid) = (Label::new(gold, solution), vec![(0, None); judges.len()]);
        LabelTally { judges, gold, label, asked: 0, paid }
    }

    fn judge_text(&mut self, text: Option<String>) {
        if let Some(text) = text {
            self.judge(&Answer::new(&text));
        }
    }

    fn judge(&mut self, answer: &Answer) {
        self.asked += 1;
        for (judge, (n_paid, example)) in self.judges.iter().zip(&mut self.paid) {
            if judge.pays(answer, &self.label) {
                *n_paid += 1;
                example.get_or_insert_with(|| answer.text().to_owned());
            }
        }
    }

    fn count_into(self, tally: &mut CaseTally) {
        tally.asked += self.asked;
        for (judge, (n_paid, example)) in tally.judges.iter_mut().zip(self.paid) {
            judge.count(self.gold, n_paid, example);
        }
    }
}
