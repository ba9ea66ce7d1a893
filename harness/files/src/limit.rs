//! The most that is read of a file, by what it is: far above what honest ones have, and no more than a
//! machine that runs a model can hold.

/// Settings of people and programs: suites, protocols, locks, configurations, markers.
pub const SETTINGS: u64 = 16 << 20;

/// Lists: splits, annotations, class names, vocabularies, indices of shards.
pub const LIST: u64 = 256 << 20;

/// A line for each file of a dataset's tree: ImageNet's 1.3 million have 260 MB.
pub const TREE: u64 = 4 << 30;

/// What this program wrote of its results: records, baselines, golden sets.
pub const RECORD: u64 = 1 << 30;

/// Images: 179 million pixels, the most that are decoded, have less even as plain RGB.
pub const IMAGE: u64 = 1 << 30;

/// Tensors of a golden set: logits of every token take the most.
pub const TENSORS: u64 = 4 << 30;

/// What is read piece by piece, so that memory is no matter: weights, the files of a dataset's tree.
pub const STREAMED: u64 = 256 << 30;

/// A line of predictions; a cell has as many as it has images.
pub const PREDICTION: u64 = 16 << 20;

/// A trial's job, which may hold the record of its training.
pub const JOB: u64 = LIST;
