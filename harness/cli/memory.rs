//! What a fine-tune takes of a GPU's memory before any activation, by what holds it: the arithmetic that `plan` and
//! `doctor --suite` show.
//!
//! A parameter has a float32 master, two float32 moments of AdamW and a float32 gradient; beside them stand the copy
//! that a step computes with and, where there is a KL term, the copy that it is held to. With adapters the weights are
//! cast once and are what the KL term is held to.

use clsrl_spec::{Training, Trial};
use serde::Serialize;

use crate::words::{Side, columns};

/// Cards by what a program can use of them, in GiB: those of 24, 48 and 80 GB, and the 141 GB of an H200.
const CARDS_GIB: [u64; 4] = [24, 48, 80, 139];

const GIB: f64 = (1_u64 << 30) as f64;

/// Below this no card is too small.
const WORTH_TELLING: u64 = 1 << 30;

/// What a fine-tune takes before any activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    parameters: u64,
    /// What holds how many bytes at the moment that needs most.
    parts: Vec<Part>,
    bytes: u64,
    /// What adapters would take instead, where all weights are trained.
    with_adapters: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Part {
    what: &'static str,
    bytes: u64,
}

/// The parts for a parameter, in bytes.
type PerParameter = &'static [(&'static str, u64)];

const ALL_IN_BF16: PerParameter = &[
    ("float32 weights", 4),
    ("float32 moments of AdamW", 8),
    ("float32 gradients", 4),
    ("bf16 copy that a step computes with", 2),
];
const ALL_IN_F32: PerParameter =
    &[("float32 weights", 4), ("float32 moments of AdamW", 8), ("float32 gradients", 4)];
const ADAPTERS_IN_BF16: PerParameter =
    &[("float32 weights, while they are loaded", 4), ("bf16 weights, frozen", 2)];
const ADAPTERS_IN_F32: PerParameter = &[("float32 weights, frozen", 4)];

impl Memory {
    /// Of the fine-tune that takes most among these; none if none of them trains, or the model fits anything.
    pub fn of(trials: &[Trial], n_parameters: u64, precision: &str) -> Option<Memory> {
        let is_trained = |trial: &&Trial| !matches!(trial.training, Training::None);
        let trained: Vec<&Trial> = trials.iter().filter(is_trained).collect();
        let first = trained.first()?;
        let has_adapters = first.protocol.lora.is_some();
        let has_reference = trained.iter().any(|trial| match &trial.training {
            Training::Grpo(settings) => settings.has_kl_term(),
            Training::None | Training::Sft(_) => false,
        });
        let memory = Memory::for_training(n_parameters, precision, has_adapters, has_reference);
        (WORTH_TELLING <= memory.bytes).then_some(memory)
    }

    fn for_training(
        n_parameters: u64,
        precision: &str,
        has_adapters: bool,
        has_reference: bool,
    ) -> Memory {
        let is_bf16 = precision == "bf16";
        let with_adapters = if is_bf16 { ADAPTERS_IN_BF16 } else { ADAPTERS_IN_F32 };
        let mut parts = match (has_adapters, is_bf16) {
            (true, _) => with_adapters.to_vec(),
            (false, true) => ALL_IN_BF16.to_vec(),
            (false, false) => ALL_IN_F32.to_vec(),
        };
        if has_reference && !has_adapters {
            parts.push(match is_bf16 {
                true => ("bf16 copy for the KL term", 2),
                false => ("float32 copy for the KL term", 4),
            });
        }
        let sum = |parts: &[(&str, u64)]| {
            n_parameters.saturating_mul(parts.iter().map(|(_, bytes)| bytes).sum())
        };
        Memory {
            parameters: n_parameters,
            bytes: sum(&parts),
            with_adapters: (!has_adapters).then(|| sum(with_adapters)),
            parts: parts
                .into_iter()
                .map(|(what, bytes)| Part { what, bytes: n_parameters.saturating_mul(bytes) })
                .collect(),
        }
    }

    /// As a table with its sum, and the cards that hold it.
    pub fn render(&self) -> String {
        let mut rows = vec![vec!["Memory of a fine-tune".to_owned(), "GiB".to_owned()]];
        rows.extend(self.parts.iter().map(|part| vec![part.what.to_owned(), gib(part.bytes)]));
        rows.push(vec!["all, before activations and caches".to_owned(), gib(self.bytes)]);
        format!("{}{}\n", columns(&rows, &[Side::Left, Side::Right]), self.verdict())
    }

    /// The sum, which cards hold it, and what to do where few do.
    pub fn verdict(&self) -> String {
        let billions = self.parameters as f64 / 1e9;
        let verdict = format!("{billions:.2} billion parameters; {}", cards(self.bytes));
        match self.with_adapters {
            Some(bytes) if !fits(self.bytes, CARDS_GIB[2]) => format!(
                "{verdict}\nwith --lora RANK: {} GiB and the adapters; {}",
                gib(bytes),
                cards(bytes)
            ),
            _ => verdict,
        }
    }

    /// The sum in words, for a line.
    pub fn sum(&self) -> String {
        let parts: Vec<String> =
            self.parts.iter().map(|part| format!("{} {}", part.what, gib(part.bytes))).collect();
        format!("{} = {} GiB before activations", parts.join(" + "), gib(self.bytes))
    }
}

/// Whether that much leaves a tenth of a card to activations.
fn fits(bytes: u64, card_gib: u64) -> bool {
    bytes as f64 <= 0.9 * GIB * card_gib as f64
}

fn cards(bytes: u64) -> String {
    match CARDS_GIB.into_iter().find(|&card| fits(bytes, card)) {
        Some(card) => format!("a card of {card} GiB holds it and leaves a tenth or more"),
        None => format!("no card of up to {} GiB holds it and leaves a tenth", CARDS_GIB[3]),
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / GIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of every published size: GRPO, SFT, and adapters.
    #[test]
    fn published_sizes_take_what_the_readme_says() {
        let readme = include_str!("../../README.md");
        for (name, n_parameters) in [
            ("Qwen2-VL-2B", 2_208_985_600),
            ("Qwen3-VL-2B", 2_127_532_032),
            ("Qwen2.5-VL-3B", 3_754_622_976),
            ("Qwen3-VL-4B", 4_437_815_808),
            ("Qwen2-VL-7B", 8_291_375_616),
            ("Qwen2.5-VL-7B", 8_292_166_656),
            ("Qwen3-VL-8B", 8_767_123_696),
        ] {
            let of = |has_adapters, has_reference| {
                Memory::for_training(n_parameters, "bf16", has_adapters, has_reference)
            };
            let (grpo, sft, lora) = (of(false, true), of(false, false), of(true, true));
            let card = CARDS_GIB.into_iter().find(|&card| fits(grpo.bytes, card));
            let card = card.map_or("none".to_owned(), |card| card.to_string());
            let lora_card = CARDS_GIB.into_iter().find(|&card| fits(lora.bytes, card)).unwrap();
            let sums = [&grpo, &sft, &lora].map(|memory| gib(memory.bytes)).join(" | ");
            let row = format!("| {name} | {sums} | {card} | {lora_card} |");
            assert!(readme.contains(&row), "README lacks: {row}");
        }
    }

    #[test]
    fn the_parts_are_told_with_their_sum_and_the_cards_that_hold_it() {
        let memory = Memory::for_training(8_767_123_696, "bf16", false, true);
        assert_eq!(
            memory.render(),
            "\
Memory of a fine-tune                  GiB
float32 weights                       32.7
float32 moments of AdamW              65.3
float32 gradients                     32.7
bf16 copy that a step computes with   16.3
bf16 copy for the KL term             16.3
all, before activations and caches   163.3
8.77 billion parameters; no card of up to 139 GiB holds it and leaves a tenth
with --lora RANK: 49.0 GiB and the adapters; a card of 80 GiB holds it and leaves a tenth or more
"
        );
    }
}
