//! What a comparison found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::statistics::{Interval, Level};

/// The version of the JSON.
const VERSION: u32 = 1;

/// Two runs, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The runs, A before B.
    pub sides: [Side; 2],
    /// The score that counts on both sides: `published` or `strict`.
    pub score: &'static str,
    /// The share of errors that each interval allows.
    pub level: Level,
    /// Averages over datasets.
    pub averages: Vec<Row>,
    /// Cells, the seeds of one together.
    pub cells: Vec<Row>,
    /// What only one run has, or what cannot be read: the cell's name, and why.
    pub unpaired: Vec<(String, String)>,
    /// What differs in what the runs were made from.
    pub settings: Vec<Setting>,
    /// Answers whose verdict is another, in the order of cells, seeds and images.
    pub flips: Vec<Flip>,
}

/// A run, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// What it was named by.
    pub name: String,
    /// Its suite, with the protocol's name where that is not the suite's own.
    pub suite: String,
    /// Its protocol.
    pub protocol: String,
    /// The start model's name.
    pub model: String,
    /// Device kind and precision.
    pub device: String,
    /// The program's commit.
    pub commit: String,
}

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// A cell without its seed, or what is averaged.
    pub name: String,
    /// The numbers, or why there are none.
    pub found: Result<Measured, String>,
    /// What else differs between the sides.
    pub remarks: BTreeSet<Remark>,
}

/// Two accuracies on the same images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// In percent: of A and of B.
    pub accuracy_pct: [f64; 2],
    /// B less A, in points.
    pub change_points: f64,
    /// Its interval, in points.
    pub interval: Interval,
    /// Whether the interval leaves out zero where all of the family share the level.
    pub is_significant: bool,
    /// Different images.
    pub n_images: usize,
    /// The fewest seeds of a cell.
    pub n_seeds: usize,
    /// Answers wrong in A and right in B, and the other way round; over all seeds.
    pub n_flips: [usize; 2],
    /// Answers that are another text, whatever their verdicts; likewise.
    pub n_other_answers: usize,
}

/// What differs between the sides of a number beside what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// The start weights.
    Weights,
    /// The bytes of the data, trained on or evaluated.
    Data,
    /// What the model was asked.
    Prompts,
    /// One side answered images that the other did not; the number is of those of both.
    Images,
    /// One side has seeds that the other has not; likewise.
    Seeds,
    /// A side's data is not as locked.
    Unlocked,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Its path in the identity, with dots: `training.settings.beta`.
    pub field: String,
    /// Its values, of A and of B, as JSON in one line.
    pub values: [String; 2],
    /// In how many pairs of cells.
    pub n_cells: usize,
}

/// An answer whose verdict is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// The cell without its seed.
    pub cell: String,
    /// The seed.
    pub seed: u64,
    /// Position in the split's list, and the path there.
    pub index: usize,
    /// The image's path as its dataset lists it.
    pub image: String,
    /// The right class.
    pub gold: String,
    /// What was answered, of A and of B.
    pub answers: [String; 2],
    /// Whether B is right, and A wrong.
    pub became_right: bool,
}

impl Remark {
    /// All of them.
    pub const ALL: [Remark; 6] = [
        Remark::Weights,
        Remark::Data,
        Remark::Prompts,
        Remark::Images,
        Remark::Seeds,
        Remark::Unlocked,
    ];

    /// The letter that stands beside a number.
    pub fn letter(self) -> char {
        match self {
            Remark::Weights => 'w',
            Remark::Data => 'd',
            Remark::Prompts => 'p',
            Remark::Images => 'i',
            Remark::Seeds => 's',
            Remark::Unlocked => 'u',
        }
    }

    /// What it says.
    pub fn meaning(self) -> &'static str {
        match self {
            Remark::Weights => "other start weights",
            Remark::Data => "other data",
            Remark::Prompts => "other prompts",
            Remark::Images => "on the images that both answered, not on all",
            Remark::Seeds => "on the seeds that both have, not on all",
            Remark::Unlocked => "a side's data is not as locked",
        }
    }
}

impl Row {
    /// The letters of its remarks.
    pub(super) fn letters(&self) -> String {
        self.remarks.iter().map(|remark| remark.letter()).collect()
    }
}

impl Comparison {
    /// Whether no cell has a number.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|row| row.found.is_err())
    }

    /// Whether each cell of either run has a number.
    pub fn is_complete(&self) -> bool {
        self.unpaired.is_empty() && self.cells.iter().all(|row| row.found.is_ok())
    }

    /// Whether weights or data differ where numbers are given.
    pub fn is_of_other_data(&self) -> bool {
        let is_other =
            |remark: &Remark| matches!(remark, Remark::Weights | Remark::Data | Remark::Unlocked);
        self.cells.iter().any(|row| row.found.is_ok() && row.remarks.iter().any(is_other))
    }

    /// The remarks that any number has.
    pub(super) fn remarks(&self) -> BTreeSet<Remark> {
        self.averages
            .iter()
            .chain(&self.cells)
            .flat_map(|row| row.remarks.iter().copied())
            .collect()
    }

    /// Everything for programs.
    pub fn json(&self) -> String {
        let row = |row: &Row| {
            let remarks: Vec<&str> = row.remarks.iter().map(|remark| remark.meaning()).collect();
            match &row.found {
                Err(reason) => json!({ "name": row.name, "absent": reason, "remarks": remarks }),
                Ok(measured) => json!({
                    "name": row.name,
                    "a_pct": measured.accuracy_pct[0],
                    "b_pct": measured.accuracy_pct[1],
                    "change_points": measured.change_points,
                    "lower_points": measured.interval.lower,
                    "upper_points": measured.interval.upper,
                    "is_significant": measured.is_significant,
                    "n_images": measured.n_images,
                    "n_seeds": measured.n_seeds,
                    "n_became_right": measured.n_flips[0],
                    "n_became_wrong": measured.n_flips[1],
                    "n_other_answers": measured.n_other_answers,
                    "remarks": remarks,
                }),
            }
        };
        let side = |side: &Side| {
            json!({
                "name": side.name, "suite": side.suite, "protocol": side.protocol, "model": side.model,
                "device": side.device, "commit": side.commit,
            })
        };
        let rows = |rows: &[Row]| rows.iter().map(row).collect::<Vec<Value>>();
        let setting = |Setting { field, values: [a, b], n_cells }: &Setting| json!({ "field": field, "a": a, "b": b, "n_cells": n_cells });
        let unpaired =
            |(name, reason): &(String, String)| json!({ "name": name, "absent": reason });
        let flip = |flip: &Flip| {
            json!({
                "cell": flip.cell, "seed": flip.seed, "index": flip.index, "image": flip.image,
                "gold": flip.gold, "a": flip.answers[0], "b": flip.answers[1],
                "became": if flip.became_right { "right" } else { "wrong" },
            })
        };
        let whole = json!({
            "version": VERSION,
            "a": side(&self.sides[0]),
            "b": side(&self.sides[1]),
            "score": self.score,
            "level": self.level.get(),
            "averages": rows(&self.averages),
            "cells": rows(&self.cells),
            "unpaired": self.unpaired.iter().map(unpaired).collect::<Vec<Value>>(),
            "settings": self.settings.iter().map(setting).collect::<Vec<Value>>(),
            "flips": self.flips.iter().map(flip).collect::<Vec<Value>>(),
        });
        format!("{whole:#}\n")
    }
}
