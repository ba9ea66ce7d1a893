//! The names that weights go by in files, each brought to the published one.
//!
//! Published files say `visual.*` and `model.*`. The modules of transformers are called `model.visual.*` and
//! `model.language_model.*` since 4.52; 4.52 to 4.57 and late releases of 5 save the published names all the same,
//! 5.0 to 5.5 save `model.visual.*` beside `model.*`, and other trainers save what the modules are called.

use std::{collections::BTreeSet, fmt};

/// Which prefix of a file stands for which published one; the first that fits counts.
const PREFIXES: [(&str, &str); 2] =
    [("model.visual.", "visual."), ("model.language_model.", "model.")];

/// The published name of a tensor.
pub(crate) fn published_name(stored: &str) -> String {
    let renamed = |(prefix, published): &(&str, &str)| {
        stored.strip_prefix(prefix).map(|rest| format!("{published}{rest}"))
    };
    PREFIXES.iter().find_map(renamed).unwrap_or_else(|| stored.to_owned())
}

/// Which prefixes the tensors of a model directory have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeightNames {
    prefixes: BTreeSet<String>,
}

impl WeightNames {
    /// Takes note of a tensor's name as it is stored.
    pub(crate) fn add(&mut self, stored: &str) {
        let prefixes = ["model.visual.", "model.language_model.", "visual.", "model."];
        let prefix = prefixes.iter().find(|prefix| stored.starts_with(**prefix));
        let name = prefix.map_or_else(|| stored.to_owned(), |prefix| format!("{prefix}*"));
        self.prefixes.insert(name);
    }

    /// Takes note of all names of another file.
    pub(crate) fn extend(&mut self, other: &WeightNames) {
        self.prefixes.extend(other.prefixes.iter().cloned());
    }
}

impl fmt::Display for WeightNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<&str> = self.prefixes.iter().map(String::as_str).collect();
        f.write_str(&prefixes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_the_published_one() {
        for (stored, expected) in [
            ("visual.merger.ln_q.weight", "visual.merger.ln_q.weight"),
            ("model.visual.merger.ln_q.weight", "visual.merger.ln_q.weight"),
            ("model.language_model.norm.weight", "model.norm.weight"),
            ("model.norm.weight", "model.norm.weight"),
            ("lm_head.weight", "lm_head.weight"),
            ("language_model.norm.weight", "language_model.norm.weight"),
            ("model.visual_extra", "model.visual_extra"),
        ] {
            assert_eq!(published_name(stored), expected);
        }
    }

    #[test]
    fn prefixes_are_told_in_one_order() {
        let mut names = WeightNames::default();
        for name in ["visual.a", "model.language_model.b", "model.c", "lm_head.weight", "model.d"] {
            names.add(name);
        }
        assert_eq!(names.to_string(), "lm_head.weight, model.*, model.language_model.*, visual.*");
    }
}
