//! What was found before a run, on one page with a verdict.

use std::time::Duration;

use serde_json::json;

use super::speed::Speeds;
use crate::{
    exit::{Exit, code, describe},
    request::Request,
    words::{Side, WIDTH, columns, count, duration, fit, thousands},
};

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    what: &'static str,
    /// The code that the program ends with because of it.
    exit: Exit,
    text: String,
}

/// Everything that was found.
#[derive(Debug)]
pub struct Page {
    head: String,
    findings: Vec<Finding>,
    /// How fast the suite's methods are; none where they could not be timed.
    pub speeds: Option<Speeds>,
}

impl Finding {
    /// Something that is as it must be.
    pub fn ok(what: &'static str, text: String) -> Self {
        Finding { what, exit: Exit::Ok, text }
    }

    /// Something that keeps the suite from running.
    pub fn failed(what: &'static str, exit: Exit, text: String) -> Self {
        Finding { what, exit, text }
    }

    /// An error; what is not there is missing, and no wrong usage.
    pub fn of_error(what: &'static str, error: &anyhow::Error) -> Self {
        let exit = match code(error) {
            Exit::Differs => Exit::Differs,
            _ => Exit::Incomplete,
        };
        let text = describe(error);
        Finding { what, exit, text: text.trim_start_matches("error: ").trim_end().to_owned() }
    }

    /// Renders the verdict, what it is of, and the text beside them.
    fn render(&self) -> String {
        let verdict = if self.exit == Exit::Ok { "ok" } else { "FAILED" };
        let head = format!("{verdict:<8}{:<9}", self.what);
        let text = fit(&format!("{}\n", self.text), WIDTH - head.len());
        let blanks = " ".repeat(head.len());
        let begin = |n: usize| if n == 0 { &head } else { &blanks };
        let lines = text.lines().enumerate();
        lines.map(|(n, line)| format!("{}{line}\n", begin(n))).collect()
    }
}

impl Page {
    /// An empty page under a head.
    pub fn new(head: String) -> Self {
        Page { head, findings: Vec::new(), speeds: None }
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The code of the first finding that failed; incomplete where something could not be looked at.
    pub fn exit(&self) -> Exit {
        let failed =
            self.findings.iter().map(|finding| finding.exit).find(|&exit| exit != Exit::Ok);
        failed.unwrap_or(if self.speeds.is_some() { Exit::Ok } else { Exit::Incomplete })
    }

    /// Renders the page in 80 columns.
    pub fn render(&self, request: &Request) -> String {
        let findings: String = self.findings.iter().map(Finding::render).collect();
        let speeds = self.speeds.as_ref().map_or(String::new(), |speeds| expected(speeds, request));
        let failed: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.exit != Exit::Ok)
            .map(|finding| finding.what)
            .collect();
        let verdict = match failed.is_empty() {
            true => "ready: this suite can be run".to_owned(),
            false => format!("not ready: {}", failed.join(", ")),
        };
        fit(&format!("{}\n{findings}{speeds}\n{verdict}\n", self.head), WIDTH)
    }

    /// The same for programs.
    pub fn json(&self) -> String {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "check": finding.what,
                "passed": finding.exit == Exit::Ok,
                "text": finding.text,
            })
        });
        let page = json!({
            "ready": self.exit() == Exit::Ok,
            "checks": findings.collect::<Vec<_>>(),
            "speeds": self.speeds.as_ref().map(Speeds::json),
        });
        format!("{page:#}\n")
    }
}

/// A row for each method, and how long all of it takes at most.
fn expected(speeds: &Speeds, request: &Request) -> String {
    let heads = ["What", "Seconds each", "How many", "Time"].map(str::to_owned).to_vec();
    let time =
        |seconds: f64| duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    let rows = speeds.rows.iter().map(|row| {
        let all = row.seconds * row.n as f64;
        vec![row.what.clone(), format!("{:.3}", row.seconds), thousands(row.n), time(all)]
    });
    let rows: Vec<Vec<String>> = [heads].into_iter().chain(rows).collect();
    let table = columns(&rows, &[Side::Left, Side::Right, Side::Right, Side::Right]);
    let left_out = match speeds.left_out.is_empty() {
        true => String::new(),
        false => format!("not timed: {}\n", speeds.left_out.join(", ")),
    };
    format!(
        "\n{table}{left_out}at most {} for {} one after another, every answer as long as it may be\n",
        time(speeds.seconds()),
        count(request.trials.len(), "trial"),
    )
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_first_failure_gives_the_code_and_what_was_not_looked_at_is_incomplete() {
        let mut page = Page::new(String::new());
        page.add(Finding::ok("weights", "there".to_owned()));
        assert_eq!(page.exit(), Exit::Incomplete);
        page.speeds = Some(Speeds::default());
        assert_eq!(page.exit(), Exit::Ok);
        page.add(Finding::of_error("data", &Exit::Usage.because(anyhow!("there is no data"))));
        assert_eq!(page.exit(), Exit::Incomplete);
        let mut page = Page::new(String::new());
        page.add(Finding::of_error("data", &Exit::Differs.because(anyhow!("it differs"))));
        page.add(Finding::failed("numbers", Exit::SelfTest, String::new()));
        assert_eq!(page.exit(), Exit::Differs);
    }
}
