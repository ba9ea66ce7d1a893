//! The known name that a misspelt one probably stands for.

/// The nearest of the known names, if it is near enough to be meant.
pub fn closest<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|name| (distance(found, name), name))
        .filter(|&(edits, name)| edits <= (name.len().max(found.len()) / 3).max(1))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one name into the other; `-`
/// and `_` are one.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().replace('_', "-").chars().collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut edits = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = edits[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut fewest = replaced.min(edits[i - 1][j] + 1).min(row[j - 1] + 1);
            if 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                fewest = fewest.min(edits[i - 2][j - 2] + 1);
            }
            row.push(fewest);
        }
        edits.push(row);
    }
    edits[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &str, expected: Option<&str>) {
        let known = ["sft", "shots", "seeds", "cls-rl", "max_new_tokens"];
        assert_eq!(closest(found, known), expected, "{found}");
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        check("shot", Some("shots"));
        check("stf", Some("sft"));
        check("cls_rl", Some("cls-rl"));
        check("max_tokens", Some("max_new_tokens"));
    }

    #[test]
    fn another_word_is_not_guessed_at() {
        check("epochs", None);
        check("x", None);
        check("", None);
    }
}
