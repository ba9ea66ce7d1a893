//! The names that weights go by in files, each brought to the published one.
//!
//! Published files of Qwen2-VL and Qwen2.5-VL say `visual.*` and `model.*`. The modules of transformers are called
//! `model.visual.*` and `model.language_model.*` since 4.52, which is what those of Qwen3-VL say; 4.52 to 4.57 and late
//! releases of 5 save the published names all the same, 5.0 to 5.5 save `model.visual.*` beside `model.*`, and other
//! trainers save what the modules are called.

use std::{collections::BTreeSet, fmt};

use crate::config::Family;

/// What the published names of a family's two parts begin with, without the last dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) visual: &'static str,
    pub(crate) decoder: &'static str,
}

/// As the checkpoints of Qwen2-VL and Qwen2.5-VL have them.
const SHORT: Names = Names { visual: "visual", decoder: "model" };

/// As the modules of transformers are called since 4.52.
const OF_MODULES: Names = Names { visual: "model.visual", decoder: "model.language_model" };

/// Those of a file that is no model, whose names stay as they are.
pub(crate) const AS_STORED: Option<Names> = None;

impl Names {
    /// Those of a family.
    pub(crate) fn of(family: Family) -> Names {
        match family {
            Family::Qwen2Vl | Family::Qwen2_5Vl => SHORT,
            Family::Qwen3Vl => OF_MODULES,
        }
    }

    /// The published name of a tensor; the first prefix that fits counts.
    pub(crate) fn published(self, stored: &str) -> String {
        let prefixes = [
            (OF_MODULES.visual, self.visual),
            (OF_MODULES.decoder, self.decoder),
            (SHORT.visual, self.visual),
            (SHORT.decoder, self.decoder),
        ];
        let renamed = |(prefix, published): (&str, &str)| {
            let rest = stored.strip_prefix(prefix)?.strip_prefix('.')?;
            Some(format!("{published}.{rest}"))
        };
        prefixes.into_iter().find_map(renamed).unwrap_or_else(|| stored.to_owned())
    }

    /// What transformers calls a published name's module, by the releases that know the family.
    pub(crate) fn of_modules(self, published: &str) -> Vec<String> {
        let since_4_52 = OF_MODULES.published(published);
        if self == OF_MODULES { vec![since_4_52] } else { vec![published.to_owned(), since_4_52] }
    }
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
        for (stored, short, of_modules) in [
            ("visual.merger.ln_q", "visual.merger.ln_q", "model.visual.merger.ln_q"),
            ("model.visual.merger.ln_q", "visual.merger.ln_q", "model.visual.merger.ln_q"),
            ("model.language_model.norm", "model.norm", "model.language_model.norm"),
            ("model.norm", "model.norm", "model.language_model.norm"),
            ("lm_head.weight", "lm_head.weight", "lm_head.weight"),
            ("language_model.norm", "language_model.norm", "language_model.norm"),
            ("model.visual_extra", "model.visual_extra", "model.language_model.visual_extra"),
            ("visual_extra", "visual_extra", "visual_extra"),
        ] {
            assert_eq!(Names::of(Family::Qwen2Vl).published(stored), short);
            assert_eq!(Names::of(Family::Qwen3Vl).published(stored), of_modules);
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
