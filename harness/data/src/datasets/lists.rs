//! What a dataset's own files say: its class names and its three ordered lists of examples.

/// One image of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The position in the split's list.
    pub index: usize,
    /// The path as the list has it, relative to the dataset's image folder.
    pub path: String,
    /// The class, counted from 0.
    pub label: usize,
    /// The class's name, as stored: underscores are kept.
    pub class_name: String,
}

/// What a reader finds in a dataset's own files.
pub(super) struct ClassesAndLists {
    pub(super) class_names: Vec<String>,
    pub(super) train: Vec<Example>,
    pub(super) val: Vec<Example>,
    pub(super) test: Vec<Example>,
}
