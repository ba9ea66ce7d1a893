//! For whatever reads JUnit's XML: a suite for each family and one for the wall-clock.
//!
//! A regression is a failure. What is missing, stale, unlike or differently locked is an error. What is
//! inconclusive is skipped: nothing was found either way. No time is given, so the same outcome has the same
//! bytes.

use super::text::line;
use crate::{
    baseline::{GateOutcome, Row, WallClockVerdict},
    gate::Verdict,
    xml::entity,
};

/// A test case.
struct Case {
    name: String,
    class: String,
    end: End,
    message: String,
}

enum End {
    Pass,
    Failure,
    Error(&'static str),
    Skipped,
}

impl GateOutcome {
    /// The outcome as JUnit XML.
    pub fn junit(&self) -> String {
        let mut suites: Vec<(String, Vec<Case>)> = self
            .families
            .iter()
            .map(|family| {
                let class = format!("{}.{}", self.suite, family.name);
                let cases = family.rows.iter().map(|row| case(row, &class)).collect();
                (class, cases)
            })
            .collect();
        if let Some(wall_clock) = &self.wall_clock {
            let end = match wall_clock.verdict {
                WallClockVerdict::Pass => End::Pass,
                WallClockVerdict::Fail => End::Failure,
                WallClockVerdict::Inconclusive => End::Skipped,
            };
            let class = format!("{}.wall-clock", self.suite);
            let (name, message) = ("total".to_owned(), wall_clock.reason());
            suites.push((class.clone(), vec![Case { name, class, end, message }]));
        }
        let all: Vec<&Case> = suites.iter().flat_map(|(_, cases)| cases).collect();
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gate\" {}>\n",
            counted(&all)
        );
        for (name, cases) in &suites {
            let own: Vec<&Case> = cases.iter().collect();
            let name = escape_xml(name);
            // Some readers demand the number of skipped tests here, and some forbid it above.
            let n_skipped = own.iter().filter(|case| matches!(case.end, End::Skipped)).count();
            let counted = counted(&own);
            text += &format!("  <testsuite name=\"{name}\" {counted} skipped=\"{n_skipped}\">\n");
            text.extend(cases.iter().map(Case::xml));
            text += "  </testsuite>\n";
        }
        text + "</testsuites>\n"
    }
}

fn counted(cases: &[&Case]) -> String {
    let count = |is: fn(&End) -> bool| cases.iter().filter(|case| is(&case.end)).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        cases.len(),
        count(|end| matches!(end, End::Failure)),
        count(|end| matches!(end, End::Error(_))),
    )
}

fn case(row: &Row, class: &str) -> Case {
    let end = match &row.judged.verdict {
        Verdict::Pass => End::Pass,
        Verdict::Fail => End::Failure,
        Verdict::Inconclusive(_) => End::Skipped,
        Verdict::Absent(_) => End::Error(row.word()),
    };
    Case { name: row.judged.name.clone(), class: class.to_owned(), end, message: line(row) }
}

impl Case {
    fn xml(&self) -> String {
        let (name, class) = (escape_xml(&self.name), escape_xml(&self.class));
        let message = escape_xml(&self.message);
        let end = match self.end {
            End::Pass => {
                return format!("    <testcase classname=\"{class}\" name=\"{name}\"/>\n");
            }
            End::Failure => format!("<failure type=\"regression\" message=\"{message}\"/>"),
            End::Error(word) => format!("<error type=\"{word}\" message=\"{message}\"/>"),
            End::Skipped => format!("<skipped message=\"{message}\"/>"),
        };
        format!("    <testcase classname=\"{class}\" name=\"{name}\">{end}</testcase>\n")
    }
}

/// Escapes a text for an attribute or an element; what XML 1.0 cannot say is replaced.
pub(in crate::baseline) fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // A parser would make a space of them in an attribute.
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => match entity(other) {
                Some(entity) => escaped.push_str(entity),
                None => escaped.push(other),
            },
        }
    }
    escaped
}
