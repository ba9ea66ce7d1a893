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
    let [a, b] = [a, b].map(|text| text.to_lowercase().replace('_', "-"));
    strsim::osa_distance(&a, &b)
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
