//! What a reward audit found, as text, Markdown and JSON.

use clsrl_spec::{Case, CaseTally, DatasetId, Judge, Protocol, RewardAudit, RewardId, Tally};
use serde_json::{Value, json};

use super::table::Table;
use crate::words::thousands;

/// Characters of an example that are shown.
const N_SHOWN: usize = 150;

/// Examples of wrong answers that are shown for each judge.
const N_EXAMPLES: usize = 3;

/// What a protocol pays for.
pub struct Findings {
    pub protocol: Protocol,
    /// By prompt that a method is rewarded under.
    pub prompts: Vec<OfPrompt>,
}

/// What is paid for under one prompt.
pub struct OfPrompt {
    pub audit: RewardAudit,
    /// By dataset, in table order.
    pub datasets: Vec<OfDataset>,
}

/// What is paid for on one dataset.
pub struct OfDataset {
    pub dataset: DatasetId,
    pub n_classes: usize,
    /// Labels with a number that the number step sees.
    pub n_visible: usize,
    /// By case.
    pub cases: Vec<(Case, CaseTally)>,
}

impl Findings {
    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let prompts: Vec<Value> = self.prompts.iter().map(OfPrompt::json).collect();
        json!({
            "protocol": self.protocol.name,
            "solution": self.protocol.rl.solution,
            "prompts": prompts,
        })
    }

    /// Aligned tables.
    pub fn text(&self) -> String {
        self.render("", Table::text)
    }

    /// Tables of Markdown.
    pub fn markdown(&self) -> String {
        self.render("#", Table::markdown)
    }

    fn render(&self, mark: &str, table: fn(&Table) -> String) -> String {
        let heading = |level: usize, title: &str| match (mark, ["=", "-"].get(level - 1)) {
            ("", Some(line)) => format!("{title}\n{}\n\n", line.repeat(title.chars().count())),
            ("", None) => format!("{title}\n\n"),
            (mark, _) => format!("{} {title}\n\n", mark.repeat(level)),
        };
        let mut text = heading(1, &format!("What protocol `{}` pays for", self.protocol.name));
        text += &format!(
            "Labels stand as `{}`. A cell tells how many answers are paid, and their share; a sum pays \
             where every\nreward of the method does.\n",
            self.protocol.rl.solution.solution("NAME")
        );
        for prompt in &self.prompts {
            let right = one_line(&prompt.audit.right_answer("NAME"));
            text += "\n";
            text +=
                &heading(2, &format!("Prompt `{}`: answers such as `{right}`", prompt.audit.style));
            text +=
                &heading(3, "Wrong names that are paid, of all ordered pairs of different names");
            text += &table(&prompt.wrong_names());
            text += "\n";
            text += &heading(3, "Other answers that are paid, all datasets together");
            text += &table(&prompt.other_answers());
            text += "\n";
            text += &heading(3, "Right answers that are refused");
            text += &table(&prompt.right_answers());
            text += &prompt.examples(&heading(3, "The worst of the wrong names"));
        }
        text
    }
}

impl OfPrompt {
    fn json(&self) -> Value {
        let case = |(case, tally): &(Case, CaseTally)| {
            let judges = self.audit.judges.iter().zip(&tally.judges);
            let judges: Vec<Value> = judges
                .map(|(judge, Tally { paid, labels, worst })| {
                    json!({"judge": judge.title(), "paid": paid, "labels": labels, "worst": worst})
                })
                .collect();
            json!({
                "case": case.title(),
                "is_right": case.is_right(),
                "asked": tally.asked,
                "judges": judges,
            })
        };
        let dataset = |found: &OfDataset| {
            json!({
                "dataset": found.dataset,
                "classes": found.n_classes,
                "labels_with_number": found.n_visible,
                "cases": found.cases.iter().map(case).collect::<Vec<_>>(),
            })
        };
        let datasets: Vec<Value> = self.datasets.iter().map(dataset).collect();
        json!({"prompt": self.audit.style, "datasets": datasets})
    }

    fn wrong_names(&self) -> Table {
        let reads_numbers = [RewardId::Accuracy, RewardId::AccuracyTwoWay]
            .map(Judge::Reward)
            .iter()
            .any(|judge| self.audit.judges.contains(judge));
        let row = |title: &str, n_visible: usize, tally: &CaseTally| {
            let first = [title.to_owned(), thousands(tally.asked)].into_iter();
            let visible = reads_numbers.then(|| thousands(n_visible));
            first.chain(visible).chain(cells(tally, |paid| paid)).collect()
        };
        let mut rows: Vec<Vec<String>> = Vec::new();
        for found in &self.datasets {
            let Some((_, tally)) = found.cases.iter().find(|(case, _)| *case == Case::WrongName)
            else {
                continue;
            };
            rows.push(row(found.dataset.title(), found.n_visible, tally));
        }
        if let Some(all) = self.together(Case::WrongName).filter(|_| 1 < self.datasets.len()) {
            let n_visible = self.datasets.iter().map(|found| found.n_visible).sum();
            rows.push(row("all", n_visible, &all));
        }
        let header = match reads_numbers {
            true => self.header(&["dataset", "pairs", "labels with number"]),
            false => self.header(&["dataset", "pairs"]),
        };
        Table { header, rows }
    }

    fn other_answers(&self) -> Table {
        let is_other = |case: &Case| !case.is_right() && *case != Case::WrongName;
        self.cases(Case::ALL.into_iter().filter(is_other), |paid, _| paid)
    }

    fn right_answers(&self) -> Table {
        self.cases(Case::ALL.into_iter().filter(|case| case.is_right()), |paid, asked| asked - paid)
    }

    fn cases(&self, cases: impl Iterator<Item = Case>, count: fn(usize, usize) -> usize) -> Table {
        let row = |case: Case| {
            let tally = self.together(case)?;
            let first = [case.title().to_owned(), thousands(tally.asked)];
            let counted = cells(&tally, |paid| count(paid, tally.asked));
            Some(first.into_iter().chain(counted).collect())
        };
        Table { header: self.header(&["answer", "answers"]), rows: cases.filter_map(row).collect() }
    }

    fn header(&self, first: &[&str]) -> Vec<String> {
        let first = first.iter().map(|&title| title.to_owned());
        first.chain(self.audit.judges.iter().map(|judge| judge.title())).collect()
    }

    /// A case on all datasets together.
    fn together(&self, case: Case) -> Option<CaseTally> {
        let all = self.datasets.iter().flat_map(|found| &found.cases);
        let mut tallies = all.filter(|(of, _)| *of == case).map(|(_, tally)| tally.clone());
        let mut sum = tallies.next()?;
        tallies.for_each(|tally| sum.add(tally));
        Some(sum)
    }

    /// The labels for which a judge pays most wrong names, but for judges that pay for all of them.
    fn examples(&self, heading: &str) -> String {
        let Some(all) = self.together(Case::WrongName) else { return String::new() };
        let mut text = String::new();
        let judges = self.audit.judges.iter().zip(&all.judges);
        // A sum pays for no more than its rewards.
        for (judge, tally) in judges.filter(|(judge, _)| !matches!(judge, Judge::Sum(..))) {
            for paid in tally.worst.iter().take(N_EXAMPLES).filter(|_| tally.paid < all.asked) {
                let plural = if paid.answers == 1 { "" } else { "s" };
                text += &format!(
                    "- {}, label `{}`: {} wrong name{plural}, such as `{}`\n",
                    judge.title(),
                    paid.label,
                    paid.answers,
                    one_line(&paid.example)
                );
            }
        }
        if text.is_empty() { text } else { format!("\n{heading}{text}") }
    }
}

/// A count and its share for each judge.
fn cells(tally: &CaseTally, count: impl Fn(usize) -> usize) -> impl Iterator<Item = String> {
    tally.judges.iter().map(move |judge| match count(judge.paid) {
        0 => "0".to_owned(),
        n => format!("{} ({})", thousands(n), percent(n, tally.asked)),
    })
}

/// Two places, but never 0 for something nor 100 for less than all.
fn percent(n: usize, of: usize) -> String {
    let percent = 100.0 * n as f64 / of as f64;
    match format!("{percent:.2}").as_str() {
        _ if n == of => "100 %".to_owned(),
        "0.00" => "< 0.01 %".to_owned(),
        "100.00" => "> 99.99 %".to_owned(),
        text => format!("{text} %"),
    }
}

/// On one line, and not too long.
fn one_line(text: &str) -> String {
    let line = text.replace('\n', "\\n");
    match line.char_indices().nth(N_SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_to_none_or_all() {
        let check = |n, of, expected| assert_eq!(percent(n, of), expected);
        check(32, 38_220, "0.08 %");
        check(1, 998_996, "< 0.01 %");
        check(998_995, 998_996, "> 99.99 %");
        check(4, 4, "100 %");
    }
}
