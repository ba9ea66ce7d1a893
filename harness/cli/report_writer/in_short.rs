//! How `run`, `report` and `rescore` end: the averages in short, in 80 columns.

use clsrl_report::InShort;

use crate::words::{Side, WIDTH, columns, wrap};

/// The columns that are left out where all do not fit, the first one first.
const DROPPED: [&str; 3] = ["Below zero", "Seconds", "Prompt"];

/// The columns of texts; the others are numbers.
const TEXTS: [&str; 2] = ["Method", "Prompt"];

/// Warnings, the table, and how to read it.
pub fn render(in_short: &InShort) -> String {
    let warnings: Vec<String> =
        in_short.warnings.iter().map(|warning| wrap(warning, WIDTH) + "\n").collect();
    let mut kept: Vec<usize> = (0..in_short.heads.len())
        .filter(|&column| in_short.rows.iter().any(|row| !row[column].is_empty()))
        .collect();
    let mut table = table(in_short, &kept);
    for dropped in DROPPED {
        if table.lines().all(|line| line.chars().count() <= WIDTH) {
            break;
        }
        kept.retain(|&column| in_short.heads[column] != dropped);
        table = self::table(in_short, &kept);
    }
    let heads: Vec<&str> = kept.iter().map(|&column| in_short.heads[column].as_str()).collect();
    let legend = wrap(&legend(in_short.score, &heads, table.contains('±')), WIDTH);
    format!("{}{table}\n{legend}", warnings.concat())
}

fn table(in_short: &InShort, kept: &[usize]) -> String {
    let pick = |row: &Vec<String>| kept.iter().map(|&column| row[column].clone()).collect();
    let rows: Vec<Vec<String>> =
        [&in_short.heads].into_iter().chain(&in_short.rows).map(pick).collect();
    let is_text = |column: &usize| TEXTS.contains(&in_short.heads[*column].as_str());
    let side = |column| if is_text(column) { Side::Left } else { Side::Right };
    columns(&rows, &kept.iter().map(side).collect::<Vec<_>>())
}

/// What the numbers are, of the columns that are shown.
fn legend(score: &str, heads: &[&str], has_half_widths: bool) -> String {
    let mut parts =
        vec![format!("Accuracy in percent by the {score} score, averaged over datasets")];
    if has_half_widths {
        parts.push("± half of the 95 % interval".to_owned());
    }
    if heads.contains(&"Change") {
        parts.push("Change in points against zero-shot, * where p < 0.05".to_owned());
    }
    if heads.contains(&"Others") {
        parts.push("Others: mean change on datasets that were not trained on".to_owned());
    }
    if heads.contains(&"Seconds") {
        parts.push("Seconds: of a trial with its evaluation".to_owned());
    }
    parts.join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_short(rows: &[[&str; 8]]) -> InShort {
        let heads = [
            "Method",
            "Prompt",
            "Zero-shot",
            "In-domain",
            "Change",
            "Others",
            "Below zero",
            "Seconds",
        ];
        InShort {
            warnings: vec!["Synthetic. ".to_owned() + &"Drawn images say nothing. ".repeat(5)],
            heads: heads.map(str::to_owned).to_vec(),
            rows: rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect(),
            score: "strict",
        }
    }

    fn check(rows: &[[&str; 8]], heads: &str) {
        let text = render(&in_short(rows));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let table = text.lines().find(|line| line.starts_with("Method")).unwrap();
        assert_eq!(
            table
                .split("  ")
                .filter(|head| !head.is_empty())
                .map(str::trim)
                .collect::<Vec<_>>()
                .join("|"),
            heads
        );
        for row in rows {
            assert!(text.contains(row[3]), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_in_order_and_no_line_is_too_long() {
        let short = ["SFT", "direct", "64.0", "86.2 ± 2.2", "+22.2*", "+7.3", "12 %", "3.1"];
        check(&[short], "Method|Prompt|Zero-shot|In-domain|Change|Others|Below zero|Seconds");
        let long = [
            "No-Thinking-CLS-RL",
            "direct",
            "64.0",
            "86.2 ± 12.2",
            "+22.2*",
            "+7.3",
            "12 %",
            "3.1",
        ];
        check(&[short, long], "Method|Prompt|Zero-shot|In-domain|Change|Others|Seconds");
        let seeds = [
            "No-Thinking-CLS-RL",
            "open-set, thinking",
            "64.0",
            "100.0 ± 12.2",
            "+22.2*",
            "−17.3 ± 11.1",
            "100 %",
            "12345.6",
        ];
        check(&[short, seeds], "Method|Zero-shot|In-domain|Change|Others");
    }

    #[test]
    fn what_nothing_is_said_in_is_no_column() {
        check(
            &[["Zero-shot", "direct", "64.0", "", "", "", "", "3.1"]],
            "Method|Prompt|Zero-shot|Seconds",
        );
        let text = render(&in_short(&[["Zero-shot", "direct", "64.0", "", "", "", "", "3.1"]]));
        assert!(!text.contains("Change") && !text.contains('±'), "{text}");
    }
}
