//! Decoding completions and scoring them.

use clsrl_data::text::TextTokenizer;
use clsrl_spec::{RewardId, SolutionTag, reward};

/// Decodes completions and scores them.
pub trait Rewarder {
    /// The text of a completion's tokens, special tokens left out.
    fn decode(&self, ids: &[i64]) -> String;

    /// The reward of a completion's text where the right class name is `gold`.
    fn score(&self, id: RewardId, text: &str, gold: &str) -> f64;
}

/// Scores by the rewards of a protocol.
pub struct LabelRewarder<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a TextTokenizer,
    /// How a label stands in the solution that rewards read.
    pub solution: SolutionTag,
    /// Whether a label also counts with blanks for underscores.
    pub also_blanks: bool,
}

impl Rewarder for LabelRewarder<'_> {
    fn decode(&self, ids: &[i64]) -> String {
        self.tokenizer.decode(ids, true)
    }

    fn score(&self, id: RewardId, text: &str, gold: &str) -> f64 {
        let of = |label: &str| reward(id, text, &self.solution.solution(label));
        let as_written = of(gold);
        if !self.also_blanks || 0.0 < as_written {
            return as_written;
        }
        of(&gold.replace('_', " "))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn score(
        solution: SolutionTag,
        also_blanks: bool,
        id: RewardId,
        text: &str,
        gold: &str,
    ) -> f64 {
        let model_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
        let tokenizer = TextTokenizer::from_dir(&model_dir).unwrap();
        LabelRewarder { tokenizer: &tokenizer, solution, also_blanks }.score(id, text, gold)
    }

    #[test]
    fn a_label_counts_with_blanks_only_where_the_protocol_says_so() {
        let (id, text) = (RewardId::AccuracyString, "<answer>great pyrenees</answer>");
        let earned =
            |also_blanks| score(SolutionTag::Plain, also_blanks, id, text, "great_pyrenees");
        assert_eq!((earned(false), earned(true)), (0.0, 1.0));
    }

    #[test]
    fn blanks_in_the_solution_s_tag_let_the_year_of_a_car_pay() {
        let (id, wrong) = (RewardId::Accuracy, "<answer> 2012 Audi A5 Coupe </answer>");
        let earned = |solution| score(solution, false, id, wrong, "2012 BMW M3 Coupe");
        assert_eq!((earned(SolutionTag::Plain), earned(SolutionTag::Blanks)), (0.0, 1.0));
    }
}
